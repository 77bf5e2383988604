"""The recipes of the README: pasted as they stand, run, and silent about tokens."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
import json
from typing import Any

from aiohttp.test_utils import TestClient
from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from homeassistant.const import EVENT_HOMEASSISTANT_START, EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.simulator import Server, Simulator, pictures

from .common import pass_time, set_up, settle
from .test_readme import EXAMPLES, TEMPLATES

type Viewer = TestClient[Any, Any]


def secrets(entry: MockConfigEntry, server: Server) -> Iterator[str]:
    """Yield what nobody may see."""
    yield from (entry.data["token"], entry.data["client_identifier"])
    yield from server.transient_tokens


@pytest.fixture(autouse=True)
async def silence(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    entry: MockConfigEntry,
    server: Server,
    hass_ws_client: WebSocketGenerator,
) -> Any:
    """Fail if a recipe tells an event, a state, the log or its trace a token."""
    told: list[str] = []
    hass.bus.async_listen("*", lambda event: told.append(repr(event.as_dict())))
    await set_up(hass, entry)
    assert await async_setup_component(hass, "websocket_api", {})
    yield
    websocket = await hass_ws_client()
    for domain in ("automation", "script"):
        request = {"type": "trace/list", "domain": domain, "item_id": "pasted"}
        await websocket.send_json_auto_id(request)
        for trace in (await websocket.receive_json()).get("result") or []:
            wanted = {"type": "trace/get", "run_id": trace["run_id"]}
            await websocket.send_json_auto_id(request | wanted)
            told.append(json.dumps(await websocket.receive_json()))
            assert trace["script_execution"] in ("finished", "failed_conditions")
    told += [caplog.text, *(repr(state.as_dict()) for state in hass.states.async_all())]
    found = [one for one in secrets(entry, server) if any(one in text for text in told)]
    assert found == []


async def run(hass: HomeAssistant, name: str, **fields: str) -> None:
    """Run a script of the README."""
    scripts = {"pasted": EXAMPLES[name]}
    assert await async_setup_component(hass, "script", {"script": scripts})
    await hass.services.async_call("script", "pasted", fields, blocking=True)


async def automate(hass: HomeAssistant, name: str) -> None:
    """Add an automation of the README."""
    automation = EXAMPLES[name] | {"id": "pasted"}
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await settle(hass)


async def test_scan(hass: HomeAssistant, server: Server) -> None:
    """A library is scanned."""
    await run(hass, "Scan the movies")
    assert server.library.scans == [(1, None)]


async def test_scan_folder(
    hass: HomeAssistant,
    server: Server,
    hass_client_no_auth: Callable[[], Awaitable[Viewer]],
) -> None:
    """A folder is scanned when a download has finished, and on nothing else."""
    assert await async_setup_component(hass, "webhook", {})
    await automate(hass, "Scan a new movie")
    radarr = await hass_client_no_auth()
    folder = "/media/Movies/Nosferatu & co (1922)"
    for event in ("Test", "Download"):
        await radarr.post(
            "/api/webhook/radarr_import",
            json={"eventType": event, "movie": {"folderPath": folder}},
        )
        await settle(hass)
    assert server.library.scans == [(1, folder)]


async def test_poster(
    hass: HomeAssistant,
    server: Server,
    hass_client_no_auth: Callable[[], Awaitable[Viewer]],
) -> None:
    """A notification shows the poster of what was added last, to who isn't signed in."""
    notify = async_mock_service(hass, "notify", "mobile_app_phone")
    server.library.add("Nosferatu")
    await run(hass, "Show what is new in Plex")
    assert notify[0].data["message"] == "Nosferatu"
    phone = await hass_client_no_auth()
    shown = await phone.get(notify[0].data["data"]["image"])
    assert shown.status == 200
    assert pictures.png_size(await shown.read()) == (200, 300)


@pytest.mark.parametrize("expected_lingering_timers", [True])
async def test_on_deck(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, server: Server
) -> None:
    """A template sensor shows what is on deck, also when nothing is."""
    [template] = TEMPLATES
    hass.set_state(CoreState.starting)
    assert await async_setup_component(hass, "template", template)
    await settle(hass)
    for started in (EVENT_HOMEASSISTANT_START, EVENT_HOMEASSISTANT_STARTED):
        hass.bus.async_fire(started)
        await settle(hass)
    hass.set_state(CoreState.running)
    state = hass.states.get("sensor.plex_on_deck")
    assert state
    assert state.state == "2"
    assert state.attributes["titles"] == ["The General", "The Severed Head"]

    for item in server.library.items.values():
        item.view_offset = 0
    now = dt_util.utcnow()
    await pass_time(hass, freezer, timedelta(minutes=15 - now.minute % 15, seconds=1))
    state = hass.states.get("sensor.plex_on_deck")
    assert state
    assert (state.state, state.attributes["titles"]) == ("0", [])


async def test_watched(hass: HomeAssistant, server: Server) -> None:
    """An item is marked as watched."""
    await run(hass, "Mark as watched in Plex", rating_key="102")
    item = server.library.items[102]
    assert (item.view_count, item.view_offset) == (1, 0)


@pytest.mark.parametrize("expected_lingering_timers", [True])
async def test_bedtime(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, server: Server
) -> None:
    """The streams of one player end, and no others."""
    library = server.library
    playroom = library.play(library.items[101], player="Playroom TV")
    library.play(library.items[102], player="Living room")
    await automate(hass, "Bedtime in the playroom")
    bedtime = dt_util.now().replace(hour=20, minute=30, second=1)
    wait = (bedtime - dt_util.now()) % timedelta(days=1)
    await pass_time(hass, freezer, wait)
    assert library.ended_sessions == [(playroom.key, "Time for bed")]


async def test_setting(
    hass: HomeAssistant, simulator: Simulator, server: Server
) -> None:
    """A setting of the server is changed, once."""
    server.library.preferences["FSEventLibraryUpdatesEnabled"] = True
    simulator.clear_requests()
    await run(hass, "Stop automatic library updates")
    assert server.library.preferences["FSEventLibraryUpdatesEnabled"] == "0"
    sent = [one for one in server.requests if one.path == "/:/prefs"]
    assert [one.method for one in sent] == ["PUT"]
