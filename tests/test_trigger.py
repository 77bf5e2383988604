"""The triggers: once per change, whatever the entities, and never at the start."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from homeassistant.components.websocket_api.automation import (
    async_get_conditions_for_target,
    async_get_triggers_for_target,
)
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    condition,
    device_registry as dr,
    entity_registry as er,
    label_registry as lr,
    trigger,
)
from homeassistant.helpers.icon import async_get_icons
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
from tests.simulator import Account, Server, Simulator

from .common import (
    ACCOUNT_REFRESH,
    CLIENT_IDENTIFIER,
    DISTANT_REFRESH,
    DOMAIN,
    LOCAL_REFRESH,
    device_of,
    entity_id_of,
    pass_time,
    press_refresh,
    set_up,
    settle,
)

SERVER_TRIGGERS = {"server_went_offline", "server_came_online", "server_removed"}
ACCOUNT_TRIGGERS = {
    "server_added",
    "server_removed",
    "plex_pass_ended",
    "sign_in_required",
}
SERVER_CONDITIONS = {"server_is_online", "server_is_offline"}
ACCOUNT_CONDITIONS = {"plex_pass_is_active"}

type Told = list[Event[dict[str, Any]]]


async def automate(
    hass: HomeAssistant,
    names: set[str],
    target: dict[str, Any],
    options: dict[str, Any] | None = None,
    conditions: Sequence[dict[str, Any]] = (),
    other_targets: dict[str, dict[str, Any]] | None = None,
) -> Told:
    """Return what an automation with these triggers tells, some with other targets."""
    told = async_capture_events(hass, "told")
    automation = {
        "alias": "Under test",
        "mode": "parallel",
        "triggers": [
            {
                "trigger": f"{DOMAIN}.{name}",
                "id": name,
                "target": (other_targets or {}).get(name, target),
                "options": options or {},
            }
            for name in names
        ],
        "conditions": list(conditions),
        "actions": {
            "event": "told",
            "event_data": {
                key: f"{{{{ trigger.{key} | default }}}}"
                for key in ("id", "name", "device_id", "account", "description")
            },
        },
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    state = hass.states.get("automation.under_test")
    assert state
    assert state.state == "on"
    return told


def ids(told: Told) -> list[str]:
    """Return which triggers have fired."""
    return [event.data["id"] for event in told]


def server_device(
    hass: HomeAssistant, entry: MockConfigEntry, account: Account, server: Server
) -> str:
    """Return the id of the device of a server."""
    return device_of(hass, entry, f"{account.uuid}_{server.machine_identifier}")


@pytest.fixture
async def device(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> str:
    """Return the device of a server of an account that was set up."""
    await set_up(hass, entry)
    return server_device(hass, entry, account, server)


async def test_editor(
    hass: HomeAssistant, entry: MockConfigEntry, account: Account, device: str
) -> None:
    """The editor offers each below the devices that it is for, with icon and words."""
    assert await async_setup_component(hass, "automation", {})
    owner = device_of(hass, entry, account.uuid)
    for ask, of_server, of_account in (
        (async_get_triggers_for_target, SERVER_TRIGGERS, ACCOUNT_TRIGGERS),
        (async_get_conditions_for_target, SERVER_CONDITIONS, ACCOUNT_CONDITIONS),
    ):
        for target, names in ((device, of_server), (owner, of_account)):
            offered = await ask(hass, {"device_id": [target]}, False)
            ours = {name for name in offered if name.startswith(f"{DOMAIN}.")}
            assert ours == {f"{DOMAIN}.{name}" for name in names}

    for kind, names, descriptions in (
        (
            "triggers",
            SERVER_TRIGGERS | ACCOUNT_TRIGGERS,
            await trigger.async_get_all_descriptions(hass),
        ),
        (
            "conditions",
            SERVER_CONDITIONS | ACCOUNT_CONDITIONS,
            await condition.async_get_all_descriptions(hass),
        ),
    ):
        icons = (await async_get_icons(hass, kind, [DOMAIN]))[DOMAIN]
        assert icons.keys() == names
        words = await async_get_translations(hass, "en", kind, [DOMAIN])
        for name in names:
            assert icons[name][kind.removesuffix("s")].startswith("mdi:")
            prefix = f"component.{DOMAIN}.{kind}.{name}"
            assert words[f"{prefix}.name"]
            assert words[f"{prefix}.description"]
            description = descriptions[f"{DOMAIN}.{name}"]
            assert description
            for field in description["fields"]:
                assert words[f"{prefix}.fields.{field}.name"]


@pytest.mark.parametrize("enabled", [True, False])
async def test_server_went_and_came(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    server: Server,
    device: str,
    enabled: bool,
) -> None:
    """A server that goes and comes back fires once each, entities or not."""
    told = await automate(hass, SERVER_TRIGGERS, {"device_id": device})
    if not enabled:
        registry = er.async_get(hass)
        for entity in er.async_entries_for_config_entry(registry, entry.entry_id):
            registry.async_update_entity(
                entity.entity_id, disabled_by=er.RegistryEntryDisabler.USER
            )
    for _ in range(2):
        await hass.config_entries.async_reload(entry.entry_id)
        await settle(hass)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert told == []

    await server.stop()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    await pass_time(hass, freezer, DISTANT_REFRESH)
    await hass.config_entries.async_reload(entry.entry_id)
    await pass_time(hass, freezer, DISTANT_REFRESH)
    facts = {"name": "Attic", "device_id": device, "account": "ada"}
    description = "Attic went offline"
    assert [event.data for event in told] == [
        {"id": "server_went_offline", "description": description, **facts}
    ]

    await server.start()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    await pass_time(hass, freezer, LOCAL_REFRESH)
    description = "Attic came online"
    assert [event.data for event in told[1:]] == [
        {"id": "server_came_online", "description": description, **facts}
    ]


async def test_went_offline_for(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    server: Server,
    device: str,
) -> None:
    """A server that stays offline fires when the time is over, a reload or not."""
    target = {"device_id": device}
    told = await automate(
        hass, {"server_went_offline"}, target, {"for": {"minutes": 10}}
    )
    await server.stop()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    await server.start()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert told == []

    await server.stop()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    await pass_time(hass, freezer, DISTANT_REFRESH)
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert told == []
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert ids(told) == ["server_went_offline"]
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert len(told) == 1


@pytest.mark.parametrize(
    "ended_by", ["online_at_reload", "disabled", "device_disabled", "detached"]
)
async def test_went_offline_for_ended(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    server: Server,
    device: str,
    ended_by: str,
) -> None:
    """Nothing fires for a server that is back, or that nobody watches any more."""
    target = {"device_id": device}
    told = await automate(hass, {"server_went_offline"}, target, {"for": "00:10:00"})
    await server.stop()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    match ended_by:
        case "online_at_reload":
            await server.start()
            await hass.config_entries.async_reload(entry.entry_id)
        case "disabled":
            await hass.config_entries.async_set_disabled_by(
                entry.entry_id, ConfigEntryDisabler.USER
            )
        case "device_disabled":
            dr.async_get(hass).async_update_device(
                device, disabled_by=dr.DeviceEntryDisabler.USER
            )
        case "detached":
            await hass.services.async_call(
                "automation", "turn_off", {"entity_id": "all"}, blocking=True
            )
    await settle(hass)
    for _ in range(3):
        await pass_time(hass, freezer, DISTANT_REFRESH)
    assert told == []

    if ended_by == "online_at_reload":
        await server.stop()
        for _ in range(4):
            await pass_time(hass, freezer, DISTANT_REFRESH)
        assert ids(told) == ["server_went_offline"]


@pytest.mark.parametrize("named_by", ["entity", "area", "label", "account"])
async def test_targets(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    device: str,
    named_by: str,
) -> None:
    """A server is named by its entity, area or label too, and by its account."""
    cellar = await simulator.add_server(name="Cellar", owner=account, tls=True)
    devices = dr.async_get(hass)
    area = ar.async_get(hass).async_create("Upstairs").id
    label = lr.async_get(hass).async_create("Mine").label_id
    connectivity = entity_id_of(
        hass,
        "binary_sensor",
        f"{account.uuid}_{server.machine_identifier}_connectivity",
    )
    target = {
        "entity": {"entity_id": connectivity},
        "area": {"area_id": area},
        "label": {"label_id": label},
        "account": {"device_id": device_of(hass, entry, account.uuid)},
    }[named_by]
    offline = {"condition": f"{DOMAIN}.server_is_offline", "target": target}
    told = await automate(hass, SERVER_TRIGGERS, target, conditions=[offline])
    devices.async_update_device(
        device, area_id=area, labels={label}, name_by_user="My server"
    )
    await press_refresh(hass, account)

    await server.stop()
    await cellar.stop()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    names = {event.data["name"] for event in told}
    assert names == {"My server"} | ({"Cellar"} if named_by == "account" else set())


@pytest.mark.parametrize("in_area", [True, False])
async def test_server_added_and_removed(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    device: str,
    in_area: bool,
) -> None:
    """A server that joins and leaves fires once each, though its device is gone."""
    area = ar.async_get(hass).async_create("Downstairs").id
    told = await automate(
        hass,
        ACCOUNT_TRIGGERS,
        {"device_id": device_of(hass, entry, account.uuid)},
        other_targets={"server_removed": {"area_id": area}} if in_area else None,
    )
    grace = simulator.add_account(username="grace")
    cellar = await simulator.add_server(
        name="Cellar", owner=grace, shared_with=[account], tls=True
    )
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    added = server_device(hass, entry, account, cellar)
    facts = {"name": "Cellar", "device_id": added, "account": "ada"}
    assert [event.data for event in told] == [
        {"id": "server_added", "description": "Cellar was added", **facts}
    ]

    dr.async_get(hass).async_update_device(added, area_id=area)
    cellar.shared_with = []
    for _ in range(3):
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert [event.data for event in told[1:]] == [
        {"id": "server_removed", "description": "Cellar was removed", **facts}
    ]


async def test_plex_pass_ended(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
    device: str,
) -> None:
    """A Plex Pass that ends fires once, one that is canceled and runs on does not."""
    account.subscribe()
    await press_refresh(hass, account)
    owner = device_of(hass, entry, account.uuid)
    active = {
        "condition": f"{DOMAIN}.plex_pass_is_active",
        "target": {"device_id": owner},
    }
    told = await automate(
        hass,
        ACCOUNT_TRIGGERS,
        {"device_id": owner},
        conditions=[{"condition": "not", "conditions": [active]}],
    )
    for status, times in (
        ("PendingCancellation", 0),
        ("Ended", 1),
        ("Lapsed", 1),
        ("Active", 1),
        ("Inactive", 2),
    ):
        running = status in ("Active", "PendingCancellation")
        account.subscription = {"active": running, "status": status}
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
        assert ids(told) == ["plex_pass_ended"] * times
    assert told[0].data["device_id"] == owner
    assert told[0].data["description"] == "Plex Pass of ada ended"


async def test_two_accounts(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    device: str,
) -> None:
    """Each account fires for itself, one that was added later included."""
    grace = simulator.add_account(username="grace")
    label = lr.async_get(hass).async_create("Mine").label_id
    told = await automate(hass, {"sign_in_required"}, {"label_id": label})
    other = MockConfigEntry(
        domain=DOMAIN,
        title="grace",
        unique_id=grace.uuid,
        data={
            "token": simulator.sign_in(grace, CLIENT_IDENTIFIER),
            "client_identifier": CLIENT_IDENTIFIER,
            "url": simulator.url,
        },
    )
    await hass.config_entries.async_add(other)
    await settle(hass)
    owner = device_of(hass, other, grace.uuid)
    dr.async_get(hass).async_update_device(owner, labels={label})

    simulator.revoke(account)
    simulator.revoke(grace)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await pass_time(hass, freezer, timedelta(minutes=2))
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert [(event.data["name"], event.data["device_id"]) for event in told] == [
        ("grace", owner)
    ]
    await hass.config_entries.async_remove(other.entry_id)
    await settle(hass)
    assert len(told) == 1


@pytest.mark.parametrize(
    "config",
    [
        {"trigger": f"{DOMAIN}.server_went_offline"},
        {"trigger": f"{DOMAIN}.server_went_offline", "target": {}},
        {
            "trigger": f"{DOMAIN}.server_came_online",
            "target": {"device_id": "x"},
            "options": {"for": "00:10:00"},
        },
        {"trigger": f"{DOMAIN}.server_exploded", "target": {"device_id": "x"}},
    ],
)
async def test_invalid(hass: HomeAssistant, config: dict[str, Any]) -> None:
    """A trigger without target or with options that it doesn't have is refused."""
    automation = {"alias": "Under test", "triggers": config, "actions": []}
    assert await async_setup_component(hass, "automation", {"automation": automation})
    state = hass.states.get("automation.under_test")
    assert state
    assert state.state == "unavailable"
