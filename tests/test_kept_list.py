"""Starting without plex.tv, and the data stored for that, including by older versions."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_test_home_assistant

from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers import entity_registry as er
from homeassistant.loader import DATA_CUSTOM_COMPONENTS

from .common import CLIENT_IDENTIFIER, DOMAIN, Home
from .samples import sample

type Storage = dict[str, Any]

MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.usefixtures("hass_storage")


def key(home: Home) -> str:
    """Return the storage key of the entry's list."""
    return f"{DOMAIN}.{home.entry.entry_id}"


async def test_start_without_plex_tv(home: Home) -> None:
    """Owned servers are on and provide tokens; shared ones and the account have to wait."""
    cellar = await home.friend()
    other_token = await home.own("Hut", token="of-its-own")
    await home.set_up()
    await home.simulator.stop_plex_tv()
    home.simulator.clear_requests()
    await home.reload()
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.connectivity() == "on"
    answer = await home.call("get_transient_token")
    assert answer["token"] in home.server.transient_tokens
    for waiting in (cellar, other_token):
        assert home.connectivity(waiting) == "unknown"
        assert waiting.requests == []
    assert home.plex_pass == home.state("sensor", "servers") == "unavailable"
    assert home.state("button", "refresh") != "unavailable"
    assert home.dialogs() == []
    assert home.log == ["INFO"]

    await home.wait(MINUTE)
    assert home.plex_pass == "unavailable"
    await home.simulator.start_plex_tv()
    await home.wait(2 * MINUTE)
    assert home.plex_pass == "off"
    assert home.state("sensor", "servers") == "3"
    assert home.connectivity(cellar) == home.connectivity(other_token) == "on"
    assert home.state("event", "activity") == "unknown"
    assert home.log == ["INFO", "INFO"]


@pytest.mark.parametrize("kept", [True, False])
async def test_refused_and_out(home: Home, kept: bool) -> None:
    """A second rejection starts a reauth, and keeps the stored list from being used."""
    if kept:
        await home.set_up()
        await home.unload()
    refused = home.simulator.fault(path="/resources", status=401)
    await home.set_up()
    await home.wait(timedelta(seconds=30))
    assert home.entry.state is ConfigEntryState.SETUP_RETRY
    assert home.dialogs() == []
    await home.wait(MINUTE)
    assert home.entry.state is ConfigEntryState.SETUP_RETRY
    assert home.dialogs() == ["reauth"]
    refused.remove()
    if kept:
        await home.simulator.stop_plex_tv()
        await home.reload()
        assert home.entry.state is ConfigEntryState.SETUP_RETRY
        assert home.connectivity() == "unavailable"
        await home.simulator.start_plex_tv()
    await home.wait(10 * MINUTE)
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.dialogs() == []
    assert home.connectivity() == "on"


async def test_what_is_kept(home: Home, hass_storage: Storage) -> None:
    """The file contains no secret, is written only on changes, and is removed with the entry."""
    cellar = await home.friend()
    home.account.friendly_name = "Ada L."
    await home.set_up()
    text = json.dumps(hass_storage[key(home)])
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

    before = hass_storage.pop(key(home))
    await home.refresh()
    assert key(home) not in hass_storage
    home.server.name = "Loft"
    await home.refresh()
    assert hass_storage[key(home)] != before

    home.server.name = "Hut"
    refresh = home.hass.async_create_task(home.entry.runtime_data.async_refresh())
    await home.hass.config_entries.async_remove(home.entry.entry_id)
    await refresh
    await home.settle()
    assert key(home) not in hass_storage


@pytest.mark.parametrize(
    ("version", "data"),
    [
        (99, {}),
        (1, None),
        (1, {}),
        (1, {"servers": 5, "lost": 5, "name": 5}),
        (1, {"servers": [None, {}, {"clientIdentifier": []}], "lost": {"x": 5}}),
        (1, {"servers": [{"clientIdentifier": "x", "provides": "server", "name": 5}]}),
    ],
    ids=str,
)
async def test_damaged_file(
    home: Home, hass_storage: Storage, version: int, data: object
) -> None:
    """A damaged file doesn't prevent a start, with or without plex.tv."""
    damaged = {"version": version, "minor_version": 1, "key": "x", "data": data}
    await home.set_up()
    for plex_tv_is_out in (False, True):
        await home.unload()
        hass_storage[key(home)] = dict(damaged)
        if plex_tv_is_out:
            await home.simulator.stop_plex_tv()
        await home.set_up()
        assert (home.connectivity() == "on") is not plex_tv_is_out
    await home.simulator.start_plex_tv()
    await home.wait(2 * MINUTE)
    assert home.connectivity() == "on"


async def test_lost_file(home: Home, hass_storage: Storage) -> None:
    """Without the file, no device that might belong to an owned server is ever removed."""
    loft, cellar = await home.own(), await home.friend()
    await home.set_up()
    await home.unload()
    del hass_storage[key(home)]
    loft.listed = False
    await home.set_up()
    await home.refresh(3)
    assert home.device(loft)
    assert home.connectivity(cellar) == "on"
    loft.listed = True
    await home.press()
    assert home.connectivity(loft) == "on"


@pytest.fixture
async def old_home(home: Home, hass_storage: Storage) -> AsyncIterator[Home]:
    """Return a Home Assistant that starts with data stored by 0.1.0."""
    home.account.uuid, home.server.machine_identifier = "ada0000000000001", "a" * 40
    home.account.tokens["stored-token"] = CLIENT_IDENTIFIER
    hass_storage |= sample("stored_by_0_1_0")
    [stored] = hass_storage["core.config_entries"]["data"]["entries"]
    stored["data"]["url"] = home.simulator.url
    async with async_test_home_assistant() as hass:
        hass.data.pop(DATA_CUSTOM_COMPONENTS)
        await er.async_get(hass).async_load()
        await hass.config_entries.async_initialize()
        entry: Any = hass.config_entries.async_entries(DOMAIN)[0]
        yield replace(home, hass=hass, entry=entry)
        await hass.async_stop(force=True)


async def test_migration(old_home: Home) -> None:
    """The entry, devices, and entities of 0.1.0 are kept, and owned servers are still known."""
    home = old_home
    loft = await home.own("Loft", machine_identifier="b" * 40, listed=False)
    cellar = await home.friend("Cellar", machine_identifier="c" * 40, listed=False)
    entities = er.async_get(home.hass).entities
    stored = set(entities)
    assert home.entry.minor_version == 1
    assert {one.model_id for one in home.devices()} == {None, "owned", "shared"}

    await home.set_up()
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.entry.minor_version == 2
    assert {one.model_id for one in home.devices()} == {None}
    names = {device.name for device in home.devices()}
    assert names == {"Plex ada", "Attic", "Loft", "Cellar"}
    assert home.connectivity() == "on"

    await home.refresh(2)
    assert {device.name for device in home.devices()} == names - {"Cellar"}
    assert home.issues() == [("server_lost", "Loft")]

    loft.listed = cellar.listed = True
    await home.refresh()
    assert home.connectivity(loft) == home.connectivity(cellar) == "on"
    assert home.issues() == []
    enabled = {name for name in stored if not entities[name].disabled}
    assert len(enabled) > 10
    assert enabled <= set(home.hass.states.async_entity_ids())
