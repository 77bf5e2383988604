"""Shared fixtures: a simulated Plex, and a Home Assistant that trusts its certificates."""

import asyncio
from collections.abc import AsyncIterator, Iterator
import json
import re
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import pytest_socket
import trustme

from custom_components.plex_account import const, link, second_opinion
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.entity import Entity
from homeassistant.util.ssl import SSL_ALPN_HTTP11, SSLCipherList, client_context
from tests.simulator import Account, Server, Simulator

from .common import DOMAIN, ENGLISH, Home, entry_of
from .dialogs import Dialogs

assert const.DOMAIN == DOMAIN

# The library behind trustme keeps a reference to the first datetime class it sees,
# which must not be one frozen by a test.
trustme.CA()


@pytest.fixture(autouse=True)
def enable_custom_integrations(enable_custom_integrations: None) -> None:
    """Let Home Assistant load the integration under test."""


@pytest.fixture(autouse=True)
def translated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail if an error or issue has no translation, or lacks a placeholder of it."""
    missing: list[tuple[str, ...]] = []
    create_error = HomeAssistantError.__init__
    create_issue = ir.async_create_issue

    def check(section: str, domain: str | None, options: dict[str, Any]) -> None:
        if domain == DOMAIN:
            key = options.get("translation_key", "")
            text = ENGLISH[section].get(key)
            wanted = set(re.findall(r"\{(\w+)\}", json.dumps(text)))
            wanted -= (options.get("translation_placeholders") or {}).keys()
            if text is None or wanted:
                missing.append((section, key, *sorted(wanted)))

    def checked_error(self: HomeAssistantError, *args: Any, **options: Any) -> None:
        create_error(self, *args, **options)
        check("exceptions", options.get("translation_domain"), options)

    def checked_issue(hass: HomeAssistant, domain: str, *ids: str, **rest: Any) -> None:
        create_issue(hass, domain, *ids, **rest)
        check("issues", domain, rest)

    monkeypatch.setattr(HomeAssistantError, "__init__", checked_error)
    monkeypatch.setattr(ir, "async_create_issue", checked_issue)
    yield
    assert missing == []


@pytest.fixture(autouse=True)
def ask_again_at_once() -> Iterator[None]:
    """Skip the pauses between retries within a refresh."""
    with patch.object(second_opinion, "RETRY_SECONDS", (0, 0)):
        yield


@pytest.fixture
async def simulator(socket_enabled: None) -> AsyncIterator[Simulator]:
    """Return a running Plex whose certificates are trusted."""
    pytest_socket.socket_allow_hosts(["127.0.0.0/8", "::1"])
    async with Simulator() as simulator:
        context = client_context(SSLCipherList.PYTHON_DEFAULT, SSL_ALPN_HTTP11)
        context.load_verify_locations(cadata=simulator.ca_pem.decode())
        yield simulator


@pytest.fixture
def account(simulator: Simulator) -> Account:
    """Return an account with two-factor authentication and a Plex Pass."""
    return simulator.add_account(
        username="ada", password="correct horse", code="123456"
    )


@pytest.fixture
async def server(simulator: Simulator, account: Account) -> Server:
    """Return a server that the account owns, reached over TLS."""
    return await simulator.add_server(name="Attic", owner=account, tls=True)


@pytest.fixture
def entry(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> MockConfigEntry:
    """Return the account's entry, signed in but not set up yet."""
    entry = entry_of(simulator, account)
    entry.add_to_hass(hass)
    return entry


@pytest.fixture
def all_enabled() -> Iterator[None]:
    """Enable every entity."""
    with patch.object(Entity, "entity_registry_enabled_default", True):
        yield


@pytest.fixture
async def home(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    caplog: pytest.LogCaptureFixture,
) -> Home:
    """Return Home Assistant, the account, and its server, before setup.

    The debug mode of the event loop is off because it would take a third of the time.
    """
    asyncio.get_running_loop().set_debug(False)
    return Home(hass, freezer, simulator, entry, account, server, caplog)


@pytest.fixture
async def loaded(home: Home) -> None:
    """Set the account up before the test."""
    await home.set_up()


@pytest.fixture
async def running(home: Home) -> None:
    """Set the account up."""
    await home.set_up()


@pytest.fixture
def dialogs(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> Dialogs:
    """Return dialogs that sign in at the simulator, and poll for link approvals without delay."""
    monkeypatch.setenv("PLEX_ACCOUNT_URL", simulator.url)
    monkeypatch.setattr(link, "POLL_SECONDS", 0)
    monkeypatch.setattr(link, "RATE_LIMITED_POLL_SECONDS", 0)
    return Dialogs(hass, simulator, account)
