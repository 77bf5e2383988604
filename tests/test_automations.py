"""Triggers fire once per change; conditions use the state of the coordinators.

Neither depends on entities, and nothing fires at startup.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from homeassistant.components.websocket_api import automation as editor
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    condition,
    device_registry as dr,
    label_registry as lr,
    trigger,
)
from homeassistant.setup import async_setup_component
from tests.simulator import Server

from .common import DISTANT_REFRESH, DOMAIN, Home, entity_id_of, entry_of

pytestmark = pytest.mark.usefixtures("loaded")

OF_SERVER = {"server_went_offline", "server_came_online", "server_removed"}
OF_ACCOUNT = {"server_added", "server_removed", "plex_pass_ended", "sign_in_required"}
ANY = {"target": {"device_id": "x"}}
FACTS = ("id", "name", "device_id", "account", "description")

type Target = dict[str, str]
type Told = list[Event[dict[str, Any]]]


async def automation(hass: HomeAssistant, **config: Any) -> str:
    """Return the state of an automation."""
    config = {"alias": "Under test", "mode": "parallel", "actions": []} | config
    assert await async_setup_component(hass, "automation", {"automation": config})
    return hass.states.get("automation.under_test").state


async def automate(
    home: Home, targets: dict[str, Target], time: Any = None, **config: Any
) -> Told:
    """Return the events fired by an automation with these triggers and targets."""
    told = async_capture_events(home.hass, "told")
    options = {"options": {"for": time} if time else {}}
    triggers = [
        {"trigger": f"{DOMAIN}.{name}", "id": name, "target": target} | options
        for name, target in targets.items()
    ]
    data = {fact: f"{{{{ trigger.{fact} | default }}}}" for fact in FACTS}
    action = {"event": "told", "event_data": data}
    config |= {"triggers": triggers, "actions": action}
    assert await automation(home.hass, **config) == "on"
    return told


def target(home: Home, server: Server | None = None) -> Target:
    """Return the device of the account, or of a server, as a target."""
    return {"device_id": home.device(server).id}


async def holds(home: Home, name: str, *devices: str, **options: Any) -> bool | None:
    """Return whether a condition is met for devices."""
    target = {"device_id": list(devices)}
    config = {"condition": f"{DOMAIN}.{name}", "target": target, "options": options}
    config = await condition.async_validate_condition_config(home.hass, config)
    checker = await condition.async_from_config(home.hass, config)
    result = checker.async_check()
    checker.async_unload()
    return result


async def online(home: Home, *devices: str, **options: Any) -> tuple[Any, Any]:
    """Return the results of the online and the offline condition."""
    return (
        await holds(home, "server_is_online", *devices, **options),
        await holds(home, "server_is_offline", *devices, **options),
    )


async def test_editor(home: Home) -> None:
    """The editor offers triggers and conditions for the devices they apply to."""
    assert await async_setup_component(home.hass, "automation", {})
    for server, triggers, conditions in (
        (home.server, OF_SERVER, {"server_is_online", "server_is_offline"}),
        (None, OF_ACCOUNT, {"plex_pass_is_active"}),
    ):
        device_id = home.device(server).id
        for ask, described, names in (
            (editor.async_get_triggers_for_target, trigger, triggers),
            (editor.async_get_conditions_for_target, condition, conditions),
        ):
            offered = await ask(home.hass, {"device_id": [device_id]}, False)
            ours = {name for name in offered if name.startswith(f"{DOMAIN}.")}
            assert ours == {f"{DOMAIN}.{name}" for name in names}
            descriptions = await described.async_get_all_descriptions(home.hass)
            assert all(descriptions[name] for name in ours)


@pytest.mark.parametrize("enabled", [True, False])
async def test_server_went_and_came(home: Home, enabled: bool) -> None:
    """A server that goes offline and comes back fires once each, with or without entities."""
    told = await automate(home, dict.fromkeys(OF_SERVER, target(home, home.server)))
    if not enabled:
        home.disable_entities()
    for _ in range(2):
        await home.reload()
    await home.refresh()
    assert told == []

    facts = {"name": "Attic", "account": "ada", **target(home, home.server)}
    await home.server.stop()
    await home.wait()
    await home.wait(DISTANT_REFRESH)
    await home.reload()
    await home.wait(DISTANT_REFRESH)
    gone = {"id": "server_went_offline", "description": "Attic went offline"}
    assert [event.data for event in told] == [facts | gone]

    await home.server.start()
    await home.wait(DISTANT_REFRESH)
    await home.wait()
    back = {"id": "server_came_online", "description": "Attic came online"}
    assert [event.data for event in told[1:]] == [facts | back]


async def test_went_offline_for(home: Home) -> None:
    """A server that stays offline fires after the duration, even across a reload."""
    attic = {"server_went_offline": target(home, home.server)}
    told = await automate(home, attic, {"minutes": 10})
    await home.server.stop()
    await home.wait()
    await home.server.start()
    await home.wait(DISTANT_REFRESH, 2)
    await home.server.stop()
    await home.wait()
    await home.server.start()
    await home.reload()
    await home.wait(DISTANT_REFRESH, 3)
    assert told == []

    await home.server.stop()
    await home.wait()
    await home.wait(DISTANT_REFRESH)
    await home.reload()
    assert told == []
    for _ in range(2):
        await home.wait(DISTANT_REFRESH)
        assert [event.data["id"] for event in told] == ["server_went_offline"]


@pytest.mark.parametrize("ended_by", ["disabled", "device_disabled", "detached"])
async def test_went_offline_for_ended(home: Home, ended_by: str) -> None:
    """Nothing fires for a server that is no longer watched."""
    attic = {"server_went_offline": target(home, home.server)}
    told = await automate(home, attic, "00:10:00")
    await home.server.stop()
    await home.wait()
    match ended_by:
        case "disabled":
            disable = home.hass.config_entries.async_set_disabled_by
            await disable(home.entry.entry_id, ConfigEntryDisabler.USER)
        case "device_disabled":
            await home.set_disabled(True)
        case "detached":
            await home.hass.services.async_call(
                "automation", "turn_off", {"entity_id": "all"}, blocking=True
            )
    await home.settle()
    await home.wait(DISTANT_REFRESH, 3)
    assert told == []


@pytest.mark.parametrize("named_by", ["entity", "area", "label", "account"])
async def test_targets(home: Home, named_by: str) -> None:
    """A server can also be targeted by its entity, area, label, or account."""
    cellar = await home.friend()
    area = ar.async_get(home.hass).async_create("Upstairs").id
    label = lr.async_get(home.hass).async_create("Mine").label_id
    key = home.unique_id("connectivity", home.server)
    named = {
        "entity": {"entity_id": entity_id_of(home.hass, "binary_sensor", key)},
        "area": {"area_id": area},
        "label": {"label_id": label},
        "account": target(home),
    }[named_by]
    offline = {"condition": f"{DOMAIN}.server_is_offline", "target": named}
    targets = dict.fromkeys(OF_SERVER, named)
    told = await automate(home, targets, conditions=[offline])
    update = dr.async_get(home.hass).async_update_device
    attic = home.device(home.server).id
    update(attic, area_id=area, labels={label}, name_by_user="My server")
    await home.press()

    await home.server.stop()
    await cellar.stop()
    await home.wait()
    names = {event.data["name"] for event in told}
    assert names == {"My server"} | ({"Cellar"} if named_by == "account" else set())


@pytest.mark.parametrize("in_area", [True, False])
async def test_server_added_and_removed(home: Home, in_area: bool) -> None:
    """Adding and removing a server fires once each, even without entities or its device."""
    area = ar.async_get(home.hass).async_create("Downstairs").id
    targets = dict.fromkeys(OF_ACCOUNT, target(home))
    if in_area:
        targets["server_removed"] = {"area_id": area}
        home.disable_entities()
        await home.reload()
    told = await automate(home, targets)
    cellar = await home.friend()
    await home.refresh()
    device_id = home.device(cellar).id
    facts = {"name": "Cellar", "account": "ada", "device_id": device_id}
    added = {"id": "server_added", "description": "Cellar was added"}
    assert [event.data for event in told] == [facts | added]

    dr.async_get(home.hass).async_update_device(device_id, area_id=area)
    cellar.shared_with = []
    await home.refresh(3)
    removed = {"id": "server_removed", "description": "Cellar was removed"}
    assert [event.data for event in told[1:]] == [facts | removed]


async def test_plex_pass_ended(home: Home) -> None:
    """A Plex Pass that ends fires once; a canceled one is active until its end."""
    home.account.subscribe()
    await home.press()
    name = "plex_pass_is_active"
    owner, attic = home.device().id, home.device(home.server).id
    active = {"condition": f"{DOMAIN}.{name}", "target": target(home)}
    inactive = {"condition": "not", "conditions": [active]}
    targets = dict.fromkeys(OF_ACCOUNT, target(home))
    told = await automate(home, targets, conditions=[inactive])
    for runs, status, times in (
        (True, "PendingCancellation", 0),
        (False, "Ended", 1),
        (False, "Lapsed", 1),
        (True, "Active", 1),
        (False, "Inactive", 2),
        (True, "Active", 2),
    ):
        home.account.subscription = {"active": runs, "status": status}
        await home.refresh()
        assert [event.data["id"] for event in told] == ["plex_pass_ended"] * times
        assert await holds(home, name, owner) is runs
    assert told[0].data["device_id"] == owner
    assert told[0].data["description"] == "Plex Pass of ada ended"
    assert await holds(home, name, owner, attic, behavior="all")
    assert not await holds(home, name, attic)
    await home.unload()
    assert not await holds(home, name, owner)


async def test_two_accounts(home: Home) -> None:
    """Each account fires separately, including one added later."""
    label = lr.async_get(home.hass).async_create("Mine").label_id
    told = await automate(home, {"sign_in_required": {"label_id": label}})
    grace = home.simulator.add_account(username="grace")
    other = entry_of(home.simulator, grace)
    await home.hass.config_entries.async_add(other)
    await home.settle()
    device_id = replace(home, entry=other, account=grace).device().id
    dr.async_get(home.hass).async_update_device(device_id, labels={label})

    home.simulator.revoke(home.account)
    home.simulator.revoke(grace)
    await home.refresh()
    await home.wait(timedelta(minutes=2))
    await home.refresh()
    await home.hass.config_entries.async_remove(other.entry_id)
    await home.settle()
    (event,) = told
    assert event.data["name"] == "grace"
    assert event.data["device_id"] == device_id


async def test_server_is_online_or_offline(home: Home) -> None:
    """A server is online or offline, and neither while its state is unknown."""
    await home.unload()
    cellar = await home.own()
    hang = home.fault(path="/identity", action="hang")
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    attic, other, owner = (home.device(one).id for one in (home.server, cellar, None))
    assert await online(home, attic) == (False, False)
    hang.remove()
    await home.settle()
    home.disable_entities()
    assert await online(home, attic) == (True, False)

    await home.server.stop()
    await home.wait()
    assert await online(home, attic) == (False, True)
    for both in ([attic, other], [owner], [attic, other, owner, "strange"]):
        assert await online(home, *both) == (True, True)
        assert await online(home, *both, behavior="all") == (False, False)

    await home.unload()
    assert await online(home, attic) == (False, False)
    assert await online(home, attic, behavior="all") == (False, False)
    await home.server.start()
    await home.set_up()
    assert await online(home, attic, other, behavior="all") == (True, False)
    assert await online(home, "strange", behavior="all") == (False, False)


@pytest.mark.parametrize(
    ("kind", "name", "config"),
    [
        ("trigger", "server_went_offline", {}),
        ("trigger", "server_went_offline", {"target": {}}),
        ("trigger", "server_came_online", ANY | {"options": {"for": "00:10:00"}}),
        ("trigger", "server_exploded", ANY),
        ("condition", "server_is_online", {"target": {}}),
        ("condition", "server_is_online", ANY | {"options": {"behavior": "each"}}),
    ],
)
async def test_invalid(
    hass: HomeAssistant, kind: str, name: str, config: dict[str, Any]
) -> None:
    """A missing target or an unsupported option is rejected."""
    invalid = {f"{kind}s": {kind: f"{DOMAIN}.{name}", **config}}
    assert await automation(hass, **{"triggers": []} | invalid) == "unavailable"
