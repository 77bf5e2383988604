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
    async_fire_time_changed,
    mock_restore_cache_with_extra_data,
)
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.core import CoreState, Event, HomeAssistant, State
from homeassistant.setup import async_setup_component
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
    settle,
    until,
)

ROOT = Path(__file__).parents[1]
REPOSITORY = "https://github.com/seed-24212b27/plex-account"
README = (ROOT / "README.md").read_text()
FOLDER = ROOT / "blueprints" / "automation" / DOMAIN
FILES = sorted(FOLDER.iterdir())
ACTIVITY = "event.ada_activity"
CONNECTIVITY = "binary_sensor.attic_connectivity"


def tell(event_type: str, *variables: str) -> list[dict[str, Any]]:
    """Return actions that tell what they know."""
    data = {name: f"{{{{ {name} }}}}" for name in variables}
    return [{"event": event_type, "event_data": data}]


def facts(events: list[Event[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return what was told."""
    return [event.data for event in events]


# What a person would choose, and the last thing that happened before a restart.
USES: dict[str, tuple[dict[str, Any], str]] = {
    "plex_pass_ended": (
        {"activity": [ACTIVITY], "actions": tell("told", "old", "new", "account")},
        "subscription_changed",
    ),
    "server_offline": (
        {
            "servers": [CONNECTIVITY],
            "offline_actions": tell("told", "server", "device_id"),
            "online_actions": tell("told_back", "server", "device_id"),
        },
        "server_offline",
    ),
    "servers_changed": (
        {
            "activity": [ACTIVITY],
            "actions": tell("told", "event_type", "server", "device_id", "account"),
        },
        "server_added",
    ),
    "token_rejected": (
        {"activity": [ACTIVITY], "actions": tell("told", "account")},
        "token_rejected",
    ),
}


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Return a configuration into which the blueprints were imported."""
    target = Path(hass_tmp_config_dir) / "blueprints" / "automation" / DOMAIN
    shutil.copytree(FOLDER, target)
    return hass_tmp_config_dir


async def use(hass: HomeAssistant, name: str, **inputs: Any) -> None:
    """Make an automation of a blueprint."""
    path = f"{DOMAIN}/{name}.yaml"
    automation = {"use_blueprint": {"path": path, "input": USES[name][0] | inputs}}
    assert await async_setup_component(
        hass, "automation", {"automation": {"alias": "Under test", **automation}}
    )
    state = hass.states.get("automation.under_test")
    assert state
    assert state.state == "on"


async def boot(
    hass: HomeAssistant, entry: MockConfigEntry, name: str, **inputs: Any
) -> None:
    """Start Home Assistant with an automation, and wait for no run of it."""
    hass.set_state(CoreState.not_running)
    await use(hass, name, **inputs)
    await set_up(hass, entry)
    await hass.async_start()


async def start(
    hass: HomeAssistant, entry: MockConfigEntry, name: str, **inputs: Any
) -> None:
    """Start Home Assistant with an automation that has run before the restart."""
    happened = {
        "last_event_type": USES[name][1],
        "last_event_attributes": {"name": "Attic", "old": "active", "new": "ended"},
    }
    state = State(ACTIVITY, "2026-10-11T12:13:14.000+00:00")
    mock_restore_cache_with_extra_data(hass, [(state, happened)])
    await boot(hass, entry, name, **inputs)
    await settle(hass)
    restored = hass.states.get(ACTIVITY)
    assert restored
    assert restored.attributes["event_type"] == USES[name][1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_blueprint(path: Path) -> None:
    """Home Assistant accepts a blueprint, and offers entities of this integration."""
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
    selectors = [value["selector"] for value in blueprint.inputs.values()]
    assert [selector for selector in selectors if "action" in selector]
    entities = [selector["entity"] for selector in selectors if "entity" in selector]
    assert entities
    for entity in entities:
        assert [wanted["integration"] for wanted in entity["filter"]] == [DOMAIN]


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
    account: Account,
    entry: MockConfigEntry,
    server: Server,
    name: str,
) -> None:
    """No automation runs when Home Assistant starts, or the account is reloaded."""
    runs = async_capture_events(hass, "automation_triggered")
    await start(hass, entry, name)
    assert entity_id_of(hass, "event", f"{account.uuid}_activity") == ACTIVITY
    assert (
        entity_id_of(
            hass,
            "binary_sensor",
            f"{account.uuid}_{server.machine_identifier}_connectivity",
        )
        == CONNECTIVITY
    )
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert runs == []


@pytest.mark.parametrize("offline_for", [{"minutes": 10}, "00:10:00", 600])
async def test_server_offline(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    account: Account,
    entry: MockConfigEntry,
    server: Server,
    offline_for: dict[str, int] | str | int,
) -> None:
    """Of a server that stays away it is told once, and once when it is back."""
    await simulator.add_server(name="Cellar", owner=account, tls=True)
    told = async_capture_events(hass, "told")
    told_back = async_capture_events(hass, "told_back")
    servers = [CONNECTIVITY, "binary_sensor.cellar_connectivity"]
    await start(hass, entry, "server_offline", servers=servers, offline_for=offline_for)
    attic = {
        "server": "Attic",
        "device_id": device_of(
            hass, entry, f"{account.uuid}_{server.machine_identifier}"
        ),
    }
    await server.stop()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert facts(told) == []
    await pass_time(hass, freezer, DISTANT_REFRESH)
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert facts(told) == [attic]
    assert facts(told_back) == []

    await server.start()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert facts(told) == [attic]
    assert facts(told_back) == [attic]


async def test_server_offline_at_the_start(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    server: Server,
) -> None:
    """Of a server that is off when Home Assistant starts it is told as of any other."""
    cellar = await simulator.add_server(name="Cellar", owner=server.owner, tls=True)
    told = async_capture_events(hass, "told")
    told_back = async_capture_events(hass, "told_back")
    both = [CONNECTIVITY, "binary_sensor.cellar_connectivity"]
    await server.stop()
    await cellar.stop()
    await boot(hass, entry, "server_offline", servers=both, offline_for="00:10:00")
    await cellar.start()
    freezer.tick(timedelta(minutes=9, seconds=59))
    async_fire_time_changed(hass)
    await until(lambda: hass.states.is_state(both[1], "on"))
    assert facts(told) == []

    await pass_time(hass, freezer, timedelta(seconds=1))
    assert [fact["server"] for fact in facts(told)] == ["Attic"]
    await server.start()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert [fact["server"] for fact in facts(told)] == ["Attic"]
    assert [fact["server"] for fact in facts(told_back)] == ["Attic"]


async def test_server_offline_at_a_reload(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    server: Server,
) -> None:
    """A reload begins anew."""
    told = async_capture_events(hass, "told")
    told_back = async_capture_events(hass, "told_back")
    await start(hass, entry, "server_offline")
    await server.stop()
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    for _ in range(3):
        await pass_time(hass, freezer, DISTANT_REFRESH)
    assert [fact["server"] for fact in facts(told)] == ["Attic"]

    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    await server.start()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert [fact["server"] for fact in facts(told)] == ["Attic"]
    assert facts(told_back) == []


async def test_server_back_soon(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    server: Server,
) -> None:
    """A server that comes back soon is not worth a word."""
    runs = async_capture_events(hass, "automation_triggered")
    await start(hass, entry, "server_offline")
    await server.stop()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    off = hass.states.get(CONNECTIVITY)
    await server.start()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    back = hass.states.get(CONNECTIVITY)
    await pass_time(hass, freezer, DISTANT_REFRESH)

    assert off
    assert back
    assert [off.state, back.state] == ["off", "on"]
    assert runs == []


async def test_servers_changed(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    account: Account,
    entry: MockConfigEntry,
    server: Server,
) -> None:
    """Of a server that joins the account it is told once, and once when it leaves."""
    told = async_capture_events(hass, "told")
    await start(hass, entry, "servers_changed")
    cellar = await simulator.add_server(name="Cellar", owner=account, tls=True)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    known = {
        "server": "Cellar",
        "device_id": device_of(
            hass, entry, f"{account.uuid}_{cellar.machine_identifier}"
        ),
        "account": "ada",
    }
    assert facts(told) == [{"event_type": "server_added", **known}]

    cellar.listed = False
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert facts(told)[1:] == [{"event_type": "server_removed", **known}]


async def test_only_servers_that_leave(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    account: Account,
    entry: MockConfigEntry,
    server: Server,
) -> None:
    """A person may choose to hear of servers that leave only."""
    told = async_capture_events(hass, "told")
    await start(hass, entry, "servers_changed", event_types=["server_removed"])
    cellar = await simulator.add_server(name="Cellar", owner=account, tls=True)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert facts(told) == []

    cellar.listed = False
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert [event["event_type"] for event in facts(told)] == ["server_removed"]


@pytest.mark.parametrize(
    ("warn", "changes"),
    [
        (
            True,
            [("active", "pending_cancellation"), ("pending_cancellation", "ended")],
        ),
        (False, [("pending_cancellation", "ended")]),
    ],
)
async def test_plex_pass_ended(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    account: Account,
    entry: MockConfigEntry,
    server: Server,
    warn: bool,
    changes: list[tuple[str, str]],
) -> None:
    """Of a Plex Pass it is told when it is about to end and when it has, once each."""
    told = async_capture_events(hass, "told")
    account.subscription["status"] = "Active"
    await start(hass, entry, "plex_pass_ended", warn=warn)
    for status in ("PendingCancellation", "Ended", "Lapsed", "Active"):
        account.subscription["status"] = status
        await pass_time(hass, freezer, ACCOUNT_REFRESH)

    assert facts(told) == [
        {"old": old, "new": new, "account": "ada"} for old, new in changes
    ]


async def test_token_rejected(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    account: Account,
    entry: MockConfigEntry,
    server: Server,
) -> None:
    """Of a revoked token it is told once."""
    told = async_capture_events(hass, "told")
    await start(hass, entry, "token_rejected")
    simulator.revoke(account)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert facts(told) == [{"account": "ada"}]


def test_buttons() -> None:
    """The README has a button for each blueprint, and no other."""
    links = re.findall(r"blueprint_import/\?blueprint_url=([^)]+)\)", README)
    urls = [load_yaml_dict(str(path))["blueprint"]["source_url"] for path in FILES]
    assert sorted(links) == [quote(url, safe="") for url in urls]
