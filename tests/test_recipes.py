"""The recipes of the README: pasted as they stand, run, and silent about tokens."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
import json
from typing import Any

from aiohttp.test_utils import TestClient
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from homeassistant.const import EVENT_HOMEASSISTANT_START, EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, State
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.simulator import pictures

from .common import Home, settle
from .test_readme import EXAMPLES, TEMPLATES, run_script

type MakeViewer = Callable[[], Awaitable[TestClient[Any, Any]]]

TIMERS = pytest.mark.parametrize("expected_lingering_timers", [True])


@pytest.fixture
async def home(
    home: Home, caplog: pytest.LogCaptureFixture, hass_ws_client: WebSocketGenerator
) -> AsyncIterator[Home]:
    """Fail if a recipe tells an event, a state, the log or its trace a token."""
    told: list[str] = []
    home.hass.bus.async_listen("*", lambda event: told.append(repr(event.as_dict())))
    await home.set_up()
    assert await async_setup_component(home.hass, "websocket_api", {})
    started = dt_util.utcnow()
    yield home
    home.freezer.move_to(started)  # the token of the frontend is good then
    websocket = await hass_ws_client()
    for domain in ("automation", "script"):
        request = {"type": "trace/list", "domain": domain, "item_id": "pasted"}
        await websocket.send_json_auto_id(request)
        for trace in (await websocket.receive_json()).get("result") or []:
            wanted = {"type": "trace/get", "run_id": trace["run_id"]}
            await websocket.send_json_auto_id(request | wanted)
            told.append(json.dumps(await websocket.receive_json()))
            assert trace["script_execution"] in ("finished", "failed_conditions")
    states = home.hass.states.async_all()
    told += [caplog.text, *(repr(state.as_dict()) for state in states)]
    assert [one for one in home.secrets if any(one in text for text in told)] == []


async def automate(home: Home, name: str) -> None:
    """Add an automation of the README."""
    config = {"automation": EXAMPLES[name] | {"id": "pasted"}}
    assert await async_setup_component(home.hass, "automation", config)
    await settle(home.hass)


async def test_scan(home: Home) -> None:
    """A library is scanned."""
    await run_script(home, "Scan the movies")
    assert home.server.library.scans == [(1, None)]


async def test_scan_folder(home: Home, hass_client_no_auth: MakeViewer) -> None:
    """A folder is scanned when a download has finished, and on nothing else."""
    assert await async_setup_component(home.hass, "webhook", {})
    await automate(home, "Scan a new movie")
    radarr = await hass_client_no_auth()
    folder = "/media/Movies/Nosferatu & co (1922)"
    for event in ("Test", "Download"):
        told = {"eventType": event, "movie": {"folderPath": folder}}
        await radarr.post("/api/webhook/radarr_import", json=told)
        await settle(home.hass)
    assert home.server.library.scans == [(1, folder)]


async def test_poster(home: Home, hass_client_no_auth: MakeViewer) -> None:
    """A notification shows the poster of what was added last, to who isn't signed in."""
    notify = async_mock_service(home.hass, "notify", "mobile_app_phone")
    home.server.library.add("Nosferatu")
    await run_script(home, "Show what is new in Plex")
    assert notify[0].data["message"] == "Nosferatu"
    phone = await hass_client_no_auth()
    shown = await phone.get(notify[0].data["data"]["image"])
    assert shown.status == 200
    assert pictures.png_size(await shown.read()) == (200, 300)


@TIMERS
async def test_on_deck(home: Home) -> None:
    """A template sensor shows what is on deck, also when nothing is."""

    def shown() -> tuple[str, list[str]]:
        state: State | None = home.hass.states.get("sensor.plex_on_deck")
        assert state
        return state.state, state.attributes["titles"]

    [template] = TEMPLATES
    home.hass.set_state(CoreState.starting)
    assert await async_setup_component(home.hass, "template", template)
    await settle(home.hass)
    for started in (EVENT_HOMEASSISTANT_START, EVENT_HOMEASSISTANT_STARTED):
        home.hass.bus.async_fire(started)
        await settle(home.hass)
    home.hass.set_state(CoreState.running)
    assert shown() == ("2", ["The General", "The Severed Head"])

    for item in home.server.library.items.values():
        item.view_offset = 0
    minutes = 15 - dt_util.utcnow().minute % 15
    await home.wait(timedelta(minutes=minutes, seconds=1))
    assert shown() == ("0", [])


async def test_watched(home: Home) -> None:
    """An item is marked as watched."""
    await run_script(home, "Mark as watched in Plex", rating_key="102")
    item = home.server.library.items[102]
    assert (item.view_count, item.view_offset) == (1, 0)


@TIMERS
async def test_bedtime(home: Home) -> None:
    """The streams of one player end, and no others."""
    library = home.server.library
    playroom = library.play(library.items[101], player="Playroom TV")
    library.play(library.items[102], player="Living room")
    await automate(home, "Bedtime in the playroom")
    bedtime = dt_util.now().replace(hour=20, minute=30, second=1)
    await home.wait((bedtime - dt_util.now()) % timedelta(days=1))
    assert library.ended_sessions == [(playroom.key, "Time for bed")]


async def test_setting(home: Home) -> None:
    """A setting of the server is changed, once."""
    preferences = home.server.library.preferences
    preferences["FSEventLibraryUpdatesEnabled"] = True
    home.simulator.clear_requests()
    await run_script(home, "Stop automatic library updates")
    assert preferences["FSEventLibraryUpdatesEnabled"] == "0"
    sent = [one for one in home.server.requests if one.path == "/:/prefs"]
    assert [one.method for one in sent] == ["PUT"]
