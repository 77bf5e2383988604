"""The blueprints: imported, run, and quiet at the start."""

from datetime import timedelta
import json
from pathlib import Path
import re
import shutil
from typing import Any
from urllib.parse import quote

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
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import extract_inputs, load_yaml_dict
from tests.simulator import Account, Server, Simulator

from .common import (
    ACCOUNT_REFRESH,
    DISTANT_REFRESH,
    DOMAIN,
    LOCAL_REFRESH,
    device_of,
    entity_id_of,
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
    end = dt_util.utcnow() + timedelta(days=9)
    account.subscribe("yearly", ends_at=int(end.timestamp()))
    ends = entity_id_of(hass, "sensor", f"{account.uuid}_subscription_ends")
    inputs = ACTIONS["plex_pass_ended"] | {"subscriptions": [ends]}
    await start(hass, entry, "plex_pass_ended", devices, **inputs)
    for _ in range(5):
        await pass_time(hass, freezer, timedelta(days=1))
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
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


def test_buttons() -> None:
    """The README has a button for each blueprint, and no other."""
    links = re.findall(r"blueprint_import/\?blueprint_url=([^)]+)\)", README)
    urls = [load_yaml_dict(str(path))["blueprint"]["source_url"] for path in FILES]
    assert sorted(links) == [quote(url, safe="") for url in urls]
