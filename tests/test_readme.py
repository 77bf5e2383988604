"""The README's examples are valid as written, work, and don't reveal tokens."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
import json
import re
from typing import Any

from aiohttp.test_utils import TestClient
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service
from pytest_homeassistant_custom_component.typing import WebSocketGenerator
import voluptuous as vol

from homeassistant.components.automation import config as automation
from homeassistant.components.recorder import CONFIG_SCHEMA as RECORDER_SCHEMA
from homeassistant.components.script import config as script
from homeassistant.components.template.config import async_validate_config
from homeassistant.components.trace import TRACE_CONFIG_SCHEMA
from homeassistant.const import EVENT_HOMEASSISTANT_START, EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant, State
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util, slugify
from homeassistant.util.yaml import parse_yaml
from tests.simulator.pictures import png_size

from .common import DOMAIN, ENGLISH, ROOT, Home, settle

type MakeViewer = Callable[[], Awaitable[TestClient[Any, Any]]]


def blocks(name: str) -> list[Any]:
    """Return the YAML blocks in a document."""
    text = (ROOT / name).read_text()
    found = re.findall(r"^( *)```yaml\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return [parse_yaml(block) for _, block in found]


README = blocks("README.md")
EXAMPLES = {block["alias"]: block for block in README if "alias" in block}
SCRIPTS = {slugify(name): one for name, one in EXAMPLES.items() if "sequence" in one}
[TEMPLATE] = [block for block in README if "template" in block]
pytestmark = pytest.mark.parametrize("expected_lingering_timers", [True])


def calls(block: Any) -> list[dict[str, Any]]:
    """Return all action calls in an example."""
    if isinstance(block, list):
        return [call for part in block for call in calls(part)]
    if not isinstance(block, dict):
        return []
    own = [block] if isinstance(block.get("action"), str) else []
    return own + [call for part in block.values() for call in calls(part)]


@pytest.mark.parametrize("name", EXAMPLES)
async def test_editors(hass: HomeAssistant, name: str) -> None:
    """The automation or script editor accepts the example as written."""
    kind = script if slugify(name) in SCRIPTS else automation
    for domain in (DOMAIN, kind.DOMAIN):
        assert await async_setup_component(hass, domain, {})
    assert await kind.async_validate_config_item(hass, "pasted", EXAMPLES[name])


async def test_configuration(hass: HomeAssistant) -> None:
    """The examples for configuration.yaml are valid there."""
    assert await async_setup_component(hass, "template", {})
    valid = await async_validate_config(hass, TEMPLATE)
    assert len(valid["template"]) == len(TEMPLATE["template"])
    trace, recorder = blocks("SECURITY.md")
    assert vol.Schema(TRACE_CONFIG_SCHEMA)(trace["trace"]) == {"stored_traces": 0}
    assert RECORDER_SCHEMA(recorder)


def test_calls() -> None:
    """Examples only use existing fields, and keep tokens out of traces."""
    assert len(EXAMPLES) >= 9
    for block in [*EXAMPLES.values(), TEMPLATE]:
        names = set()
        for call in calls(block):
            domain, _, action = call["action"].partition(".")
            if domain == DOMAIN:
                names.add(action)
                fields = ENGLISH["services"][action]["fields"]
                assert call["data"].keys() <= fields.keys()
        if names & {"get_transient_token", "get_source_connection_information"}:
            assert block["trace"] == {"stored_traces": 0}


@pytest.fixture
async def quiet(home: Home, hass_ws_client: WebSocketGenerator) -> AsyncIterator[Home]:
    """Fail if a recipe leaks a token to an event, a state, the log, or its trace."""
    told: list[str] = []
    home.hass.bus.async_listen("*", lambda event: told.append(repr(event.as_dict())))
    await home.set_up()
    assert await async_setup_component(home.hass, "websocket_api", {})
    started = dt_util.utcnow()
    yield home
    home.freezer.move_to(started)  # the frontend's token is valid at that time
    websocket = await hass_ws_client()
    for domain in ("automation", "script"):
        await websocket.send_json_auto_id({"type": "trace/list", "domain": domain})
        for trace in (await websocket.receive_json()).get("result") or []:
            wanted = {key: trace[key] for key in ("domain", "item_id", "run_id")}
            await websocket.send_json_auto_id({"type": "trace/get"} | wanted)
            told.append(json.dumps(await websocket.receive_json()))
            assert trace["script_execution"] in ("finished", "failed_conditions")
    states = home.hass.states.async_all()
    told += [home.caplog.text, *(repr(state.as_dict()) for state in states)]
    assert [one for one in home.secrets if any(one in text for text in told)] == []


async def automate(home: Home, name: str) -> None:
    """Add an automation from the README."""
    config = {"automation": EXAMPLES[name] | {"id": "pasted"}}
    assert await async_setup_component(home.hass, "automation", config)
    await settle(home.hass)


async def run_script(home: Home, name: str, **fields: str) -> Any:
    """Run a script from the README as written, and return its response."""
    assert await async_setup_component(home.hass, "script", {"script": SCRIPTS})
    return await home.hass.services.async_call(
        "script", slugify(name), fields, blocking=True, return_response=True
    )


async def test_tokens(home: Home) -> None:
    """A player, or another program, gets an address and a token that the server accepts."""
    play = async_mock_service(home.hass, "media_player", "play_media")
    await home.set_up()
    await run_script(home, "Play a Plex file in the living room")
    address, _, token = play[0].data["media_content_id"].partition("?X-Plex-Token=")
    assert address.startswith(f"{home.server.connections[0].uri}/library/")
    source = f"server://{home.server.machine_identifier}"
    answer = await run_script(home, "Find a Plex source", source=source)
    assert answer["uri"] == home.server.connections[0].uri
    assert {token, answer["token"]} <= home.server.transient_tokens.keys()


async def test_scripts(quiet: Home) -> None:
    """A library is scanned, an item marked as watched, and a setting changed, once each."""
    library = quiet.server.library
    library.preferences["FSEventLibraryUpdatesEnabled"] = True
    await run_script(quiet, "Scan the movies")
    await run_script(quiet, "Mark as watched in Plex", rating_key="102")
    await run_script(quiet, "Stop automatic library updates")
    assert library.scans == [(1, None)]
    assert (library.items[102].view_count, library.items[102].view_offset) == (1, 0)
    assert library.preferences["FSEventLibraryUpdatesEnabled"] == "0"
    sent = [one.method for one in quiet.server.requests if one.path == "/:/prefs"]
    assert sent == ["PUT"]


async def test_scan_folder(quiet: Home, hass_client_no_auth: MakeViewer) -> None:
    """A folder is scanned when a download has finished, and at no other time."""
    assert await async_setup_component(quiet.hass, "webhook", {})
    await automate(quiet, "Scan a new movie")
    radarr = await hass_client_no_auth()
    folder = "/media/Movies/Nosferatu & co (1922)"
    for event in ("Test", "Download"):
        told = {"eventType": event, "movie": {"folderPath": folder}}
        await radarr.post("/api/webhook/radarr_import", json=told)
        await settle(quiet.hass)
    assert quiet.server.library.scans == [(1, folder)]


async def test_poster(quiet: Home, hass_client_no_auth: MakeViewer) -> None:
    """A notification shows the latest poster, even to viewers who aren't signed in."""
    notify = async_mock_service(quiet.hass, "notify", "mobile_app_phone")
    quiet.server.library.add("Nosferatu")
    await run_script(quiet, "Show what is new in Plex")
    assert notify[0].data["message"] == "Nosferatu"
    phone = await hass_client_no_auth()
    shown = await phone.get(notify[0].data["data"]["image"])
    assert shown.status == 200
    assert png_size(await shown.read()) == (200, 300)


async def test_on_deck(quiet: Home) -> None:
    """A template sensor shows what is on deck, even if that is nothing."""
    hass = quiet.hass

    def shown() -> tuple[str, list[str]]:
        state: State | None = hass.states.get("sensor.plex_on_deck")
        assert state
        return state.state, state.attributes["titles"]

    hass.set_state(CoreState.starting)
    assert await async_setup_component(hass, "template", TEMPLATE)
    await settle(hass)
    for started in (EVENT_HOMEASSISTANT_START, EVENT_HOMEASSISTANT_STARTED):
        hass.bus.async_fire(started)
        await settle(hass)
    hass.set_state(CoreState.running)
    assert shown() == ("2", ["The General", "The Severed Head"])

    for item in quiet.server.library.items.values():
        item.view_offset = 0
    minutes = 15 - dt_util.utcnow().minute % 15
    await quiet.wait(timedelta(minutes=minutes, seconds=1))
    assert shown() == ("0", [])


async def test_bedtime(quiet: Home) -> None:
    """The streams of one player are ended, and no others."""
    library = quiet.server.library
    playroom = library.play(library.items[101], player="Playroom TV")
    library.play(library.items[102], player="Living room")
    await automate(quiet, "Bedtime in the playroom")
    bedtime = dt_util.now().replace(hour=20, minute=30, second=1)
    await quiet.wait((bedtime - dt_util.now()) % timedelta(days=1))
    assert library.ended_sessions == [(playroom.key, "Time for bed")]
