"""The blueprints can be imported, run, and stay quiet at startup."""

from collections.abc import Mapping
from datetime import timedelta
import json
from pathlib import Path
import shutil
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_mock_service
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from homeassistant.core import CoreState, HomeAssistant, callback
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import extract_inputs, load_yaml_dict

from .common import DISTANT_REFRESH, DOMAIN, ROOT, Home, entity_id_of

REPOSITORY = "https://github.com/seed-24212b27/plex-account"
FOLDER = ROOT / "blueprints" / "automation" / DOMAIN
FILES = sorted(FOLDER.iterdir())
HOSTILE = "![x](http://a.b) <b>1</b>"
ESCAPED = r"\!\[x\]\(http\:\/\/a\.b\) \<b\>1\<\/b\>"

# Automations may still be waiting for a time of day when a test ends.
pytestmark = pytest.mark.parametrize("expected_lingering_timers", [True])


def tell(*variables: str, **words: str) -> list[dict[str, Any]]:
    """Return actions that fire an event with these variables."""
    data = words | {name: f"{{{{ {name} }}}}" for name in variables}
    return [{"event": "told", "event_data": data}]


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Return a configuration folder that contains the blueprints."""
    target = Path(hass_tmp_config_dir) / "blueprints" / "automation" / DOMAIN
    shutil.copytree(FOLDER, target)
    return hass_tmp_config_dir


async def start(home: Home, name: str, **inputs: Any) -> list[Mapping[str, Any]]:
    """Restart Home Assistant with a blueprint automation, and return the data of its events."""
    await home.set_up()
    await home.unload()
    told: list[Mapping[str, Any]] = []
    home.hass.bus.async_listen("told", callback(lambda event: told.append(event.data)))
    home.hass.set_state(CoreState.not_running)
    server = home.server if name == "server_offline" else None
    inputs["servers" if server else "accounts"] = [home.device(server).id]
    use = {"path": f"{DOMAIN}/{name}.yaml", "input": inputs}
    config = {"automation": {"alias": "Under test", "use_blueprint": use}}
    assert await async_setup_component(home.hass, "automation", config)
    assert home.hass.states.is_state("automation.under_test", "on")
    await home.set_up()
    await home.hass.async_start()
    return told


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_import(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    aioclient_mock: AiohttpClientMocker,
    path: Path,
) -> None:
    """A blueprint can be imported from its URL, and offers devices of this integration."""
    address = f"main/{path.relative_to(ROOT).as_posix()}"
    raw = REPOSITORY.replace("github.com", "raw.githubusercontent.com")
    aioclient_mock.get(f"{raw}/{address}", text=path.read_text())
    assert await async_setup_component(hass, "automation", {})
    client = await hass_ws_client(hass)
    url = f"{REPOSITORY}/blob/{address}"
    await client.send_json_auto_id({"type": "blueprint/import", "url": url})
    response = await client.receive_json()
    assert response["success"]
    assert response["result"]["suggested_filename"] == f"seed-24212b27/{path.stem}"
    assert response["result"]["validation_errors"] is None

    metadata = response["result"]["blueprint"]["metadata"]
    assert metadata["name"]
    assert metadata["description"]
    needed = json.loads((ROOT / "hacs.json").read_text())
    assert metadata["homeassistant"]["min_version"] == needed["homeassistant"]
    data, inputs = load_yaml_dict(str(path)), metadata["input"]
    assert data["blueprint"]["source_url"] == url
    assert extract_inputs(data) == inputs.keys()
    [chosen] = [one["selector"] for one in inputs.values() if "default" not in one]
    [wanted] = chosen["device"].get("filter") or chosen["device"]["entity"]
    assert wanted["integration"] == DOMAIN


@pytest.mark.parametrize("name", [path.stem for path in FILES])
async def test_default_actions(home: Home, name: str) -> None:
    """There is no notification at a start or reload; later ones show names as plain text."""
    notify = async_mock_service(home.hass, "persistent_notification", "create")
    home.server.name = HOSTILE
    await start(home, name)
    await home.refresh()
    home.hass.config_entries.async_update_entry(home.entry, title=HOSTILE)
    await home.reload()
    await home.refresh()
    assert notify == []

    home.account.subscription["status"] = "Active"
    await home.refresh()
    match name:
        case "plex_pass_ended":
            home.account.subscription["status"] = "Ended"
        case "server_offline":
            await home.server.stop()
        case "servers_changed":
            add = home.simulator.add_server
            await add(name=HOSTILE, owner=home.account, tls=True)
        case "token_rejected":
            home.simulator.revoke(home.account)
    await home.refresh(3)
    [call] = notify
    assert ESCAPED in call.data["message"]
    assert HOSTILE not in str(call.data)


@pytest.mark.parametrize("offline_for", [{"minutes": 10}, "00:10:00", 600])
async def test_server_offline(home: Home, offline_for: object) -> None:
    """A server that stays offline is reported once, and once more when it is back."""
    inputs = {
        f"{now}_actions": tell("server", "device_id", now=now)
        for now in ("offline", "online")
    }
    told = await start(home, "server_offline", offline_for=offline_for, **inputs)
    await home.refresh()
    attic = {"server": "Attic", "device_id": home.device(home.server).id}
    offline, online = attic | {"now": "offline"}, attic | {"now": "online"}
    await home.server.stop()
    await home.wait()
    await home.server.start()
    await home.wait(DISTANT_REFRESH)
    await home.wait(DISTANT_REFRESH)
    assert told == []

    await home.server.stop()
    await home.wait()
    for times in (0, 1, 1):
        await home.wait(DISTANT_REFRESH)
        assert told == [offline] * times
    await home.server.start()
    await home.wait(DISTANT_REFRESH)
    await home.wait()
    assert told == [offline, online]


@pytest.mark.parametrize(
    "event_types", [["server_added", "server_removed"], ["server_removed"]]
)
async def test_servers_changed(home: Home, event_types: list[str]) -> None:
    """An added or removed server is reported once each, or only one of the two as configured."""
    actions = tell("event_type", "server", "device_id", "account")
    inputs = {"actions": actions, "event_types": event_types}
    told = await start(home, "servers_changed", **inputs)
    cellar = await home.friend()
    await home.refresh()
    device_id = home.device(cellar).id
    cellar.shared_with = []
    await home.refresh(3)
    known = {"server": "Cellar", "device_id": device_id, "account": "ada"}
    assert told == [{"event_type": one, **known} for one in event_types]


async def test_plex_pass_ended(home: Home) -> None:
    """A Plex Pass is reported some days before it ends, and when it has ended."""
    end = dt_util.utcnow() + timedelta(days=9)
    home.account.subscribe("yearly", ends_at=int(end.timestamp()))
    await home.set_up()
    ends = entity_id_of(home.hass, "sensor", home.unique_id("subscription_ends"))
    await home.unload()
    inputs = {"actions": tell("account", "days"), "subscriptions": [ends]}
    told = await start(home, "plex_pass_ended", **inputs)
    for _ in range(5):
        await home.wait(timedelta(days=1))
        await home.refresh()
    assert told == [{"account": "ada", "days": 7}]
    for status in ("PendingCancellation", "Ended", "Lapsed", "Active"):
        home.account.subscription["status"] = status
        await home.refresh()
    assert told[1:] == [{"account": "ada", "days": 0}]


async def test_token_rejected(home: Home) -> None:
    """A revoked token is reported once."""
    told = await start(home, "token_rejected", actions=tell("account"))
    home.simulator.revoke(home.account)
    await home.refresh(3)
    assert told == [{"account": "ada"}]
