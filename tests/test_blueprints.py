"""The blueprints, and the examples of the README: imported, run, and quiet at the start."""

from datetime import timedelta
import json
from pathlib import Path
import re
import shutil
import socket
from typing import Any
from urllib.parse import quote

import aiohttp
from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_mock_service,
)
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.core import CoreState, Event, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import extract_inputs, load_yaml_dict, parse_yaml
from tests.simulator import Account, Server, Simulator

from .common import (
    ACCOUNT_REFRESH,
    DISTANT_REFRESH,
    DOMAIN,
    LOCAL_REFRESH,
    device_of,
    pass_time,
    set_up,
)

ROOT = Path(__file__).parents[1]
REPOSITORY = "https://github.com/seed-24212b27/plex-account"
README = (ROOT / "README.md").read_text()
FOLDER = ROOT / "blueprints" / "automation" / DOMAIN
FILES = sorted(FOLDER.iterdir())
HOSTILE = "![x](http://a.b) <b>1</b>"
ESCAPED = r"\!\[x\]\(http\:\/\/a\.b\) \<b\>1\<\/b\>"


def tell(event_type: str, *variables: str) -> list[dict[str, Any]]:
    """Return actions that tell what they know."""
    data = {name: f"{{{{ {name} }}}}" for name in variables}
    return [{"event": event_type, "event_data": data}]


def facts(events: list[Event[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return what was told."""
    return [event.data for event in events]


# What the actions of a person may use.
ACTIONS: dict[str, dict[str, Any]] = {
    "plex_pass_ended": {"actions": tell("told", "account", "days")},
    "server_offline": {
        "offline_actions": tell("told", "server", "device_id"),
        "online_actions": tell("told_back", "server", "device_id"),
    },
    "servers_changed": {
        "actions": tell("told", "event_type", "server", "device_id", "account")
    },
    "token_rejected": {"actions": tell("told", "account")},
}


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Return a configuration into which the blueprints were imported."""
    target = Path(hass_tmp_config_dir) / "blueprints" / "automation" / DOMAIN
    shutil.copytree(FOLDER, target)
    return hass_tmp_config_dir


@pytest.fixture
def expected_lingering_timers() -> bool:
    """Allow automations to wait for the time of the day when a test ends."""
    return True


@pytest.fixture
async def devices(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> dict[str, list[str]]:
    """Return the inputs that a person must choose, before a restart."""
    await set_up(hass, entry)
    identifier = f"{account.uuid}_{server.machine_identifier}"
    chosen = {
        "servers": [device_of(hass, entry, identifier)],
        "accounts": [device_of(hass, entry, account.uuid)],
    }
    await hass.config_entries.async_unload(entry.entry_id)
    return chosen


async def start(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    name: str,
    devices: dict[str, list[str]],
    **inputs: Any,
) -> None:
    """Start Home Assistant with an automation made of a blueprint."""
    hass.set_state(CoreState.not_running)
    key = "servers" if name == "server_offline" else "accounts"
    use = {"path": f"{DOMAIN}/{name}.yaml", "input": {key: devices[key], **inputs}}
    automation = {"alias": "Under test", "use_blueprint": use}
    assert await async_setup_component(hass, "automation", {"automation": automation})
    state = hass.states.get("automation.under_test")
    assert state
    assert state.state == "on"
    await set_up(hass, entry)
    await hass.async_start()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_blueprint(path: Path) -> None:
    """Home Assistant accepts a blueprint, and offers devices of this integration."""
    data = load_yaml_dict(str(path))
    blueprint = Blueprint(
        data,
        path=path.name,
        expected_domain="automation",
        schema=AUTOMATION_BLUEPRINT_SCHEMA,
    )
    assert blueprint.validate() is None
    needed = json.loads((ROOT / "hacs.json").read_text())
    metadata = blueprint.metadata
    assert metadata["name"]
    assert metadata["description"]
    assert metadata["source_url"] == (
        f"{REPOSITORY}/blob/main/{path.relative_to(ROOT).as_posix()}"
    )
    assert metadata["homeassistant"]["min_version"] == needed["homeassistant"]
    assert extract_inputs(data) == blueprint.inputs.keys()
    chosen = [
        one["selector"] for one in blueprint.inputs.values() if "default" not in one
    ]
    [device] = [selector["device"] for selector in chosen]
    [wanted] = device.get("filter") or device["entity"]
    assert wanted["integration"] == DOMAIN


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_import(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    aioclient_mock: AiohttpClientMocker,
    path: Path,
) -> None:
    """A blueprint can be imported from its address."""
    source_url = load_yaml_dict(str(path))["blueprint"]["source_url"]
    raw_url = source_url.replace("github.com", "raw.githubusercontent.com")
    aioclient_mock.get(raw_url.replace("/blob/", "/"), text=path.read_text())
    assert await async_setup_component(hass, "automation", {})
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "blueprint/import", "url": source_url})
    response = await client.receive_json()

    assert response["success"]
    assert response["result"]["suggested_filename"] == f"seed-24212b27/{path.stem}"
    assert response["result"]["validation_errors"] is None


@pytest.mark.parametrize("name", [path.stem for path in FILES])
async def test_nothing_at_the_start(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    devices: dict[str, list[str]],
    name: str,
) -> None:
    """Nothing is told when Home Assistant starts, or the account is reloaded."""
    notify = async_mock_service(hass, "persistent_notification", "create")
    await start(hass, entry, name, devices)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await hass.config_entries.async_reload(entry.entry_id)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert notify == []


@pytest.mark.parametrize("offline_for", [{"minutes": 10}, "00:10:00", 600])
async def test_server_offline(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    server: Server,
    devices: dict[str, list[str]],
    offline_for: dict[str, int] | str | int,
) -> None:
    """Of a server that stays away it is told once, and once when it is back."""
    told = async_capture_events(hass, "told")
    told_back = async_capture_events(hass, "told_back")
    inputs = ACTIONS["server_offline"] | {"offline_for": offline_for}
    await start(hass, entry, "server_offline", devices, **inputs)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    attic = {"server": "Attic", "device_id": devices["servers"][0]}

    await server.stop()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    await server.start()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert facts(told) == facts(told_back) == []

    await server.stop()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    for times in (0, 1, 1):
        await pass_time(hass, freezer, DISTANT_REFRESH)
        assert facts(told) == [attic] * times
    assert facts(told_back) == []

    await server.start()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert facts(told) == facts(told_back) == [attic]


@pytest.mark.parametrize(
    "event_types", [["server_added", "server_removed"], ["server_removed"]]
)
async def test_servers_changed(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    account: Account,
    entry: MockConfigEntry,
    devices: dict[str, list[str]],
    event_types: list[str],
) -> None:
    """Of a server that joins or leaves it is told once each, or of one of them."""
    told = async_capture_events(hass, "told")
    inputs = ACTIONS["servers_changed"] | {"event_types": event_types}
    await start(hass, entry, "servers_changed", devices, **inputs)
    grace = simulator.add_account(username="grace")
    cellar = await simulator.add_server(
        name="Cellar", owner=grace, shared_with=[account], tls=True
    )
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    known = {
        "server": "Cellar",
        "device_id": device_of(
            hass, entry, f"{account.uuid}_{cellar.machine_identifier}"
        ),
        "account": "ada",
    }
    cellar.shared_with = []
    for _ in range(3):
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert facts(told) == [{"event_type": one, **known} for one in event_types]


async def test_plex_pass_ended(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    account: Account,
    entry: MockConfigEntry,
    devices: dict[str, list[str]],
) -> None:
    """Of a Plex Pass it is told some days before it ends, and when it has."""
    told = async_capture_events(hass, "told")
    account.subscription["status"] = "Active"
    ends = er.async_get(hass).async_get_or_create(
        "sensor", DOMAIN, "ends", config_entry=entry, suggested_object_id="ends"
    )
    inputs = ACTIONS["plex_pass_ended"] | {"subscriptions": [ends.entity_id]}
    hass.states.async_set(ends.entity_id, "unknown")
    await start(hass, entry, "plex_pass_ended", devices, **inputs)
    await pass_time(hass, freezer, timedelta(days=1))
    assert facts(told) == []

    end = dt_util.utcnow() + timedelta(days=9)
    hass.states.async_set(ends.entity_id, end.isoformat())
    for _ in range(5):
        await pass_time(hass, freezer, timedelta(days=1))
    assert facts(told) == [{"account": "ada", "days": 7}]

    for status in ("PendingCancellation", "Ended", "Lapsed", "Active"):
        account.subscription["status"] = status
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert facts(told)[1:] == [{"account": "ada", "days": 0}]


async def test_token_rejected(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    account: Account,
    entry: MockConfigEntry,
    devices: dict[str, list[str]],
) -> None:
    """Of a revoked token it is told once."""
    told = async_capture_events(hass, "told")
    await start(hass, entry, "token_rejected", devices, **ACTIONS["token_rejected"])
    simulator.revoke(account)
    for _ in range(3):
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert facts(told) == [{"account": "ada"}]


@pytest.mark.parametrize("name", [path.stem for path in FILES])
async def test_default_actions(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    account: Account,
    entry: MockConfigEntry,
    server: Server,
    devices: dict[str, list[str]],
    name: str,
) -> None:
    """Without a word of the person a notification shows names as plain text."""
    notify = async_mock_service(hass, "persistent_notification", "create")
    account.subscription["status"] = "Active"
    server.name = HOSTILE
    await start(hass, entry, name, devices)
    hass.config_entries.async_update_entry(entry, title=HOSTILE)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    match name:
        case "plex_pass_ended":
            account.subscription["status"] = "Ended"
        case "server_offline":
            await server.stop()
        case "servers_changed":
            await simulator.add_server(name=HOSTILE, owner=account, tls=True)
        case "token_rejected":
            simulator.revoke(account)
    for _ in range(3):
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
    [call] = notify
    assert ESCAPED in call.data["message"]
    assert HOSTILE not in str(call.data)


BLOCKS = [
    parse_yaml(block)
    for block in re.findall(
        r"^```yaml\n(.*?)^```",
        README.partition("\n## Examples\n")[2].partition("\n## ")[0],
        re.DOTALL | re.MULTILINE,
    )
]
AUTOMATIONS = [block for block in BLOCKS if "triggers" in block]
SCRIPTS = {
    name: script
    for block in BLOCKS
    for name, script in block.items()
    if isinstance(script, dict) and "sequence" in script
}


async def set_up_script(
    hass: HomeAssistant,
    account: Account,
    entry: MockConfigEntry,
    server: Server,
    name: str,
) -> dict[str, Any]:
    """Set up a script of the README, with the server in place of its device."""
    device_id = device_of(hass, entry, f"{account.uuid}_{server.machine_identifier}")
    sequence = [
        {**step, "data": {**step["data"], "device_id": device_id}}
        if step.get("action", "").startswith(f"{DOMAIN}.")
        else step
        for step in SCRIPTS[name]["sequence"]
    ]
    script = {**SCRIPTS[name], "sequence": sequence}
    assert await async_setup_component(hass, "script", {"script": {name: script}})
    return script


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name != "plex_where_is"])
async def test_example_scripts(
    hass: HomeAssistant,
    account: Account,
    entry: MockConfigEntry,
    server: Server,
    name: str,
) -> None:
    """Scripts of the README hand an address and a living token on, and keep no trace."""
    await set_up(hass, entry)
    script = await set_up_script(hass, account, entry, server, name)
    _, *others = (step["action"].split(".") for step in script["sequence"])
    calls, *_ = [async_mock_service(hass, *action) for action in others]
    await hass.services.async_call("script", name, blocking=True)

    [call] = calls
    handed = str(call.data)
    assert server.connections[0].uri in handed
    assert [token for token in server.transient_tokens if token in handed]
    assert script["trace"] == {"stored_traces": 0}


async def resolve(
    _: aiohttp.AsyncResolver, host: str, port: int = 0, family: int = socket.AF_INET
) -> list[dict[str, Any]]:
    """Answer as the name servers of plex.direct do for the simulator."""
    return [
        {
            "hostname": host,
            "host": "127.0.0.1",
            "port": port,
            "family": socket.AF_INET,
            "proto": 0,
            "flags": 0,
        }
    ]


async def test_example_request(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    simulator: Simulator,
    account: Account,
    entry: MockConfigEntry,
    server: Server,
) -> None:
    """The command of the README asks the server over TLS, with the token in a header."""
    [commands] = [block["rest_command"] for block in BLOCKS if "rest_command" in block]
    assert await async_setup_component(hass, "rest_command", {"rest_command": commands})
    await set_up(hass, entry)
    await set_up_script(hass, account, entry, server, "plex_scan_movies")
    monkeypatch.setattr(aiohttp.AsyncResolver, "resolve", resolve)
    simulator.clear_requests()
    await hass.services.async_call("script", "plex_scan_movies", blocking=True)

    request = simulator.requests[-1]
    assert request.path == "/library/sections/1/refresh"
    assert request.token in server.transient_tokens
    assert request.query == {}


@pytest.mark.parametrize("automation", AUTOMATIONS, ids=lambda automation: "automation")
async def test_example_automations(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    server: Server,
    automation: dict[str, Any],
) -> None:
    """The automation of the README says once that the server has gone."""
    notify = async_mock_service(hass, "persistent_notification", "create")
    await set_up(hass, entry)
    assert await async_setup_component(
        hass, "automation", {"automation": {"alias": "Under test", **automation}}
    )
    await server.stop()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert notify == []
    await pass_time(hass, freezer, DISTANT_REFRESH)
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert [call.data["message"] for call in notify] == [
        "The Plex server Attic can't be reached."
    ]


async def test_example_answer(
    hass: HomeAssistant, account: Account, entry: MockConfigEntry, server: Server
) -> None:
    """The script of the README answers how to reach a source, and keeps no trace."""
    await set_up(hass, entry)
    script = await set_up_script(hass, account, entry, server, "plex_where_is")
    answer = await hass.services.async_call(
        "script",
        "plex_where_is",
        {"source": f"server://{server.machine_identifier}"},
        blocking=True,
        return_response=True,
    )

    assert isinstance(answer, dict)
    assert answer["uri"] == server.connections[0].uri
    assert answer["token"] in server.transient_tokens
    assert script["trace"] == {"stored_traces": 0}


def test_buttons() -> None:
    """The README has a button for each blueprint, and no other."""
    links = re.findall(r"blueprint_import/\?blueprint_url=([^)]+)\)", README)
    urls = [load_yaml_dict(str(path))["blueprint"]["source_url"] for path in FILES]
    assert sorted(links) == [quote(url, safe="") for url in urls]
