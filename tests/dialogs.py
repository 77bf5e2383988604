"""What tests do in the dialogs of a sign-in, as somebody at a frontend does it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plex_account import link
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from tests.simulator import Account, Simulator

from .common import DOMAIN, settle

type SignIn = Callable[
    [HomeAssistant, Simulator, Account, ConfigFlowResult], Awaitable[ConfigFlowResult]
]

RENEWALS = {
    "reauth": MockConfigEntry.start_reauth_flow,
    "reconfigure": MockConfigEntry.start_reconfigure_flow,
}


def prepare(monkeypatch: pytest.MonkeyPatch, simulator: Simulator) -> None:
    """Let new entries sign in at the simulator, and links be asked about at once."""
    monkeypatch.setenv("PLEX_ACCOUNT_URL", simulator.url)
    monkeypatch.setattr(link, "POLL_SECONDS", 0)
    monkeypatch.setattr(link, "RATE_LIMITED_POLL_SECONDS", 0)


async def open_menu(hass: HomeAssistant) -> ConfigFlowResult:
    """Open a dialog for a new entry."""
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": "user"})


async def submit(
    hass: HomeAssistant, step: ConfigFlowResult, typed: dict[str, Any] | None = None
) -> ConfigFlowResult:
    """Submit what was typed, or fetch what a dialog shows."""
    return await hass.config_entries.flow.async_configure(step["flow_id"], typed)


async def choose(
    hass: HomeAssistant, menu: ConfigFlowResult, method: str
) -> ConfigFlowResult:
    """Choose how to sign in."""
    return await submit(hass, menu, {"next_step_id": method})


async def type_login(
    hass: HomeAssistant, account: Account, form: ConfigFlowResult, **typed: str
) -> ConfigFlowResult:
    """Submit the form for a password."""
    login = {"username": account.username, "password": account.password}
    return await submit(hass, form, login | typed)


async def approve(
    hass: HomeAssistant, simulator: Simulator, account: Account, wait: ConfigFlowResult
) -> ConfigFlowResult:
    """Enter the code that is shown, and return what the dialog shows then."""
    assert wait["type"] is FlowResultType.SHOW_PROGRESS
    simulator.approve_pin(wait["description_placeholders"]["code"], account)
    await settle(hass)
    return await submit(hass, wait)


async def by_password(
    hass: HomeAssistant, simulator: Simulator, account: Account, menu: ConfigFlowResult
) -> ConfigFlowResult:
    """Sign in with a password."""
    account.code = None
    return await type_login(hass, account, await choose(hass, menu, "password"))


async def by_code(
    hass: HomeAssistant, simulator: Simulator, account: Account, menu: ConfigFlowResult
) -> ConfigFlowResult:
    """Sign in with a password and a two-factor code."""
    account.code = "654321"
    form = await type_login(hass, account, await choose(hass, menu, "password"))
    return await submit(hass, form, {"code": "654321"})


async def by_link(
    hass: HomeAssistant, simulator: Simulator, account: Account, menu: ConfigFlowResult
) -> ConfigFlowResult:
    """Sign in with a code at plex.tv/link."""
    return await approve(hass, simulator, account, await choose(hass, menu, "link"))


SIGN_INS = [by_password, by_code, by_link]


def count(simulator: Simulator, method: str, path: str) -> int:
    """Return how many such requests there were."""
    return sum(
        request.method == method and request.path.startswith(path)
        for request in simulator.requests
    )
