"""The conditions: what coordinators know, whatever the entities."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from homeassistant.core import HomeAssistant
from homeassistant.helpers import condition, entity_registry as er
from tests.simulator import Account, Server, Simulator

from .common import (
    ACCOUNT_REFRESH,
    DOMAIN,
    LOCAL_REFRESH,
    device_of,
    pass_time,
    set_up,
    settle,
)


async def holds(
    hass: HomeAssistant, name: str, device_id: str | list[str], **options: Any
) -> bool | None:
    """Return whether a condition of devices holds."""
    config = await condition.async_validate_condition_config(
        hass,
        {
            "condition": f"{DOMAIN}.{name}",
            "target": {"device_id": device_id},
            "options": options,
        },
    )
    checker = await condition.async_from_config(hass, config)
    result = checker.async_check()
    checker.async_unload()
    return result


async def server_states(
    hass: HomeAssistant, device_id: str | list[str], **options: Any
) -> tuple[bool | None, bool | None]:
    """Return whether servers are online, and whether they are offline."""
    return (
        await holds(hass, "server_is_online", device_id, **options),
        await holds(hass, "server_is_offline", device_id, **options),
    )


async def test_server(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server is online or offline, and neither while its account isn't loaded."""
    cellar = await simulator.add_server(name="Cellar", owner=account, tls=True)
    await set_up(hass, entry)
    attic, other = (
        device_of(hass, entry, f"{account.uuid}_{one.machine_identifier}")
        for one in (server, cellar)
    )
    owner = device_of(hass, entry, account.uuid)
    registry = er.async_get(hass)
    for entity in er.async_entries_for_device(registry, attic):
        if entity.domain == "binary_sensor":
            registry.async_update_entity(
                entity.entity_id, disabled_by=er.RegistryEntryDisabler.USER
            )
    assert await server_states(hass, attic) == (True, False)

    await server.stop()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert await server_states(hass, attic) == (False, True)
    for both in ([attic, other], owner, [attic, other, owner, "strange"]):
        assert await server_states(hass, both) == (True, True)
        assert await server_states(hass, both, behavior="all") == (False, False)

    await hass.config_entries.async_unload(entry.entry_id)
    assert await server_states(hass, attic) == (False, False)
    assert await server_states(hass, attic, behavior="all") == (False, False)
    await server.start()
    await set_up(hass, entry)
    assert await server_states(hass, [attic, other], behavior="all") == (True, False)
    assert await server_states(hass, "strange", behavior="all") == (False, False)


async def test_unknown_server(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """Before the first choice of a connection has ended, a server is neither."""
    hang = simulator.fault(
        host=server.machine_identifier, path="/identity", action="hang"
    )
    await hass.config_entries.async_setup(entry.entry_id)
    attic = device_of(hass, entry, f"{account.uuid}_{server.machine_identifier}")
    assert await server_states(hass, attic) == (False, False)

    hang.remove()
    await settle(hass)
    assert await server_states(hass, attic) == (True, False)


async def test_plex_pass(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A Plex Pass is active while plex.tv says so."""
    account.subscription["active"] = True
    await set_up(hass, entry)
    owner = device_of(hass, entry, account.uuid)
    attic = device_of(hass, entry, f"{account.uuid}_{server.machine_identifier}")
    name = "plex_pass_is_active"
    assert await holds(hass, name, owner)
    assert await holds(hass, name, [owner, attic], behavior="all")
    assert not await holds(hass, name, attic)

    account.subscription["active"] = False
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert not await holds(hass, name, owner)

    account.subscription["active"] = True
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert await holds(hass, name, owner)
    await hass.config_entries.async_unload(entry.entry_id)
    assert not await holds(hass, name, owner)


@pytest.mark.parametrize(
    "config",
    [
        {"target": {}},
        {"target": {"device_id": "x"}, "options": {"behavior": "each"}},
    ],
)
async def test_invalid(hass: HomeAssistant, config: dict[str, Any]) -> None:
    """A condition without a target, or with a behavior of triggers, is refused."""
    with pytest.raises(vol.Invalid):
        await condition.async_validate_condition_config(
            hass, {"condition": f"{DOMAIN}.server_is_online", **config}
        )
