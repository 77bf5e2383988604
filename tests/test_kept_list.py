"""Starting without plex.tv, and what is stored for it, by this version and an older one."""

from collections.abc import AsyncIterator
from datetime import timedelta
import json
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
)

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from tests.simulator import Simulator

from .common import (
    ACCOUNT_REFRESH,
    CLIENT_IDENTIFIER,
    DOMAIN,
    Home,
    call,
    connectivity,
    own_log,
    pass_time,
    settle,
    state_of,
)

FIXTURES = Path(__file__).parent / "fixtures"
MINUTE = timedelta(minutes=1)

type Storage = dict[str, Any]


@pytest.fixture(autouse=True)
def storage(hass_storage: Storage) -> Storage:
    """Return what is stored."""
    return hass_storage


def key(entry: MockConfigEntry) -> str:
    """Return where the list of an entry is kept."""
    return f"{DOMAIN}.{entry.entry_id}"


async def start_without_plex_tv(home: Home) -> None:
    """Set up once, then again while plex.tv is out."""
    await home.set_up()
    await home.unload()
    await home.simulator.stop_plex_tv()
    home.simulator.clear_requests()
    await home.set_up()


async def test_start_without_plex_tv(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """Own servers are on and hand out tokens; others, and the account, wait."""
    cellar = await home.friend()
    other_token = await home.simulator.add_server(
        name="Hut", owner=home.account, tls=True, token="of-its-own"
    )
    await start_without_plex_tv(home)
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.connectivity() == "on"
    token = await call(
        home.hass, "get_transient_token", device_id=home.device(home.server).id
    )
    assert token["token"] in home.server.transient_tokens
    for waiting in (cellar, other_token):
        assert home.connectivity(waiting) == "unknown"
        assert waiting.requests == []
    assert home.plex_pass == home.state("sensor", "servers") == "unavailable"
    assert home.state("button", "refresh") != "unavailable"
    assert home.dialogs() == []
    assert own_log(caplog) == ["INFO"]

    await home.wait(MINUTE)
    assert home.plex_pass == "unavailable"
    await home.simulator.start_plex_tv()
    await home.wait(2 * MINUTE)
    assert home.plex_pass == "off"
    assert home.state("sensor", "servers") == "3"
    assert home.connectivity(cellar) == home.connectivity(other_token) == "on"
    activity = state_of(home.hass, "event", home.unique_id("activity"))
    assert activity.state == "unknown"
    assert own_log(caplog) == ["INFO", "INFO"]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 404, "empty": True},
        {"status": 503},
        {"body": "<html></html>"},
        {"status": 429, "headers": {"Retry-After": "120"}},
    ],
    ids=str,
)
async def test_start_with_a_bad_answer(home: Home, fault: dict[str, Any]) -> None:
    """A start at a bad moment needs nobody: the account is there a little later."""
    await home.set_up()
    await home.unload()
    home.simulator.fault(path="/user", times=1, **fault)
    await home.set_up()
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.connectivity() == "on"
    if "headers" in fault:
        await home.wait(MINUTE)
        assert home.plex_pass == "unavailable"
    await home.wait(MINUTE)
    assert home.plex_pass == "off"


async def test_no_kept_list(home: Home) -> None:
    """A first start without plex.tv is tried again by Home Assistant."""
    await home.simulator.stop_plex_tv()
    await home.set_up()
    assert home.entry.state is ConfigEntryState.SETUP_RETRY
    assert home.dialogs() == []
    await home.simulator.start_plex_tv()
    await home.wait(MINUTE)
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.connectivity() == "on"


async def test_refused_and_out(home: Home) -> None:
    """A token that was refused twice isn't used with a kept list."""
    await home.set_up()
    await home.unload()
    refused = home.simulator.fault(path="/user", status=401)
    await home.set_up()
    assert home.entry.state is ConfigEntryState.SETUP_RETRY
    assert home.dialogs() == []
    await home.wait(timedelta(seconds=61))
    assert home.dialogs() == ["reauth"]
    refused.remove()
    await home.simulator.stop_plex_tv()
    await home.reload()
    assert home.entry.state is ConfigEntryState.SETUP_RETRY
    assert home.connectivity() == "unavailable"

    await home.simulator.start_plex_tv()
    await home.wait(10 * MINUTE)
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.dialogs() == []
    assert home.connectivity() == "on"


async def test_lost_server_without_plex_tv(home: Home) -> None:
    """A server that was lost before a start without plex.tv is still lost."""
    loft = await home.simulator.add_server(name="Loft", owner=home.account, tls=True)
    await home.set_up()
    loft.listed = False
    for _ in range(2):
        await home.wait(ACCOUNT_REFRESH)
    await home.unload()
    await home.simulator.stop_plex_tv()
    ir.async_get(home.hass).issues.clear()
    home.simulator.clear_requests()
    await home.set_up()
    assert home.connectivity(loft) == "off"
    assert loft.requests == []
    assert [issue.translation_key for issue in ir.async_get(home.hass).issues.values()]

    loft.listed = True
    await home.simulator.start_plex_tv()
    await home.wait(2 * MINUTE)
    assert home.connectivity(loft) == "on"
    assert not ir.async_get(home.hass).issues


async def test_left_out_by_the_first_list(home: Home) -> None:
    """A kept server that the first list after a start leaves out is watched on."""
    cellar = await home.friend()
    await home.set_up()
    await home.unload()
    home.simulator.leave_out(cellar)
    home.simulator.clear_requests()
    await home.set_up()
    assert home.connectivity(cellar) == "on"
    assert home.state("sensor", "servers") == "2"


async def test_what_is_kept(home: Home, storage: Storage) -> None:
    """The file holds no secret, is written when there is news, and goes with the entry."""
    cellar = await home.friend()
    home.account.friendly_name = "Ada L."
    await home.set_up()
    text = json.dumps(storage[key(home.entry)])
    assert home.server.machine_identifier in text
    assert cellar.machine_identifier in text
    for secret in (
        *home.account.tokens,
        *home.server.transient_tokens,
        *cellar.shared_tokens.values(),
        home.account.email,
        "grace@example.com",
        CLIENT_IDENTIFIER,
    ):
        assert secret not in text

    before = storage.pop(key(home.entry))
    await home.wait(ACCOUNT_REFRESH)
    assert key(home.entry) not in storage
    home.server.name = "Loft"
    await home.wait(ACCOUNT_REFRESH)
    assert storage[key(home.entry)] != before

    await home.remove()
    assert key(home.entry) not in storage


async def test_removal_right_after_a_list(home: Home, storage: Storage) -> None:
    """What is being written when the entry is removed doesn't stay."""
    await home.set_up()
    home.server.name = "Loft"
    refresh = home.hass.async_create_task(home.entry.runtime_data.async_refresh())
    await home.hass.config_entries.async_remove(home.entry.entry_id)
    await refresh
    await settle(home.hass)
    assert key(home.entry) not in storage


UNUSABLE: list[Any] = [
    None,
    [],
    {},
    {"servers": 5, "lost": 5, "name": 5},
    {"servers": [None, {}, {"clientIdentifier": []}], "lost": {"x": 5}},
    {"servers": [{"clientIdentifier": "x", "provides": "server", "name": 5}]},
]
DAMAGED: list[dict[str, Any]] = [
    {"version": 99, "data": {}},
    *({"version": 1, "data": data} for data in UNUSABLE),
]


@pytest.mark.parametrize("damaged", DAMAGED, ids=str)
async def test_damaged_file(
    home: Home, storage: Storage, damaged: dict[str, Any]
) -> None:
    """A damaged file is no obstacle to a start, with plex.tv or without."""
    await home.set_up()
    for plex_tv_is_out in (False, True):
        await home.unload()
        storage[key(home.entry)] = damaged | {"minor_version": 1, "key": "x"}
        if plex_tv_is_out:
            await home.simulator.stop_plex_tv()
        await home.set_up()
        assert (home.connectivity() == "on") is not plex_tv_is_out
    await home.simulator.start_plex_tv()
    await home.wait(2 * MINUTE)
    assert home.connectivity() == "on"


async def test_lost_file(home: Home, storage: Storage) -> None:
    """Without its file, no device that may be of an own server is ever removed."""
    loft = await home.simulator.add_server(name="Loft", owner=home.account, tls=True)
    cellar = await home.friend()
    await home.set_up()
    await home.unload()
    del storage[key(home.entry)]
    loft.listed = False
    await home.set_up()
    for _ in range(3):
        await home.wait(ACCOUNT_REFRESH)
    assert home.device(loft)
    assert home.connectivity(cellar) == "on"

    loft.listed = True
    await home.press()
    assert home.connectivity(loft) == "on"


# What 0.1.0 has stored


@pytest.fixture
async def restarted(
    storage: Storage, simulator: Simulator
) -> AsyncIterator[HomeAssistant]:
    """Return a Home Assistant that starts with what 0.1.0 has stored."""
    stored = json.loads((FIXTURES / "stored_by_0_1_0.json").read_text())
    stored["core.config_entries"]["data"]["entries"][0]["data"]["url"] = simulator.url
    storage.update(stored)
    async with async_test_home_assistant() as hass:
        hass.data.pop(DATA_CUSTOM_COMPONENTS)
        await hass.config_entries.async_initialize()
        yield hass
        await hass.async_stop(force=True)


async def test_migration(
    restarted: HomeAssistant, freezer: FrozenDateTimeFactory, simulator: Simulator
) -> None:
    """Entry, devices and entities of 0.1.0 go on, and own servers are still known."""
    hass = restarted
    ada = simulator.add_account(username="ada", uuid="ada0000000000001")
    grace = simulator.add_account(username="grace", email="grace@example.com")
    ada.tokens["stored-token"] = CLIENT_IDENTIFIER
    attic = await simulator.add_server(
        owner=ada, tls=True, machine_identifier="a" * 40, name="Attic"
    )
    loft, cellar = [
        await simulator.add_server(
            owner=owner,
            tls=True,
            machine_identifier=letter * 40,
            shared_with=[ada],
            listed=False,
        )
        for owner, letter in ((ada, "b"), (grace, "c"))
    ]
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    assert entry.minor_version == 1
    registry, entities = dr.async_get(hass), er.async_get(hass)
    devices = dr.async_entries_for_config_entry(registry, entry.entry_id)
    assert {device.model_id for device in devices} == {None, "owned", "shared"}
    before = {
        entity.unique_id
        for entity in er.async_entries_for_config_entry(entities, entry.entry_id)
    }

    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.minor_version == 2
    devices = dr.async_entries_for_config_entry(registry, entry.entry_id)
    assert {device.model_id for device in devices} == {None}
    assert {device.name for device in devices} == {
        "Plex ada",
        "Attic",
        "Loft",
        "Cellar",
    }
    assert before <= {
        entity.unique_id
        for entity in er.async_entries_for_config_entry(entities, entry.entry_id)
    }
    assert connectivity(hass, ada, attic) == "on"

    for _ in range(2):
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
    devices = dr.async_entries_for_config_entry(registry, entry.entry_id)
    assert {device.name for device in devices} == {"Plex ada", "Attic", "Loft"}
    (issue,) = ir.async_get(hass).issues.values()
    assert issue.translation_key == "server_lost"

    loft.listed = cellar.listed = True
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert connectivity(hass, ada, loft) == connectivity(hass, ada, cellar) == "on"
    assert not ir.async_get(hass).issues
