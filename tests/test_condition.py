"""The conditions: what coordinators know, whatever the entities."""

from typing import Any

import pytest
import voluptuous as vol

from homeassistant.core import HomeAssistant
from homeassistant.helpers import condition

from .common import DOMAIN, Home


async def validated(hass: HomeAssistant, name: str, **config: Any) -> Any:
    """Return the configuration of a condition."""
    return await condition.async_validate_condition_config(
        hass, {"condition": f"{DOMAIN}.{name}", **config}
    )


async def holds(home: Home, name: str, *devices: str, **options: Any) -> bool | None:
    """Return whether a condition of devices holds."""
    target = {"device_id": list(devices)}
    config = await validated(home.hass, name, target=target, options=options)
    checker = await condition.async_from_config(home.hass, config)
    result = checker.async_check()
    checker.async_unload()
    return result


async def online(home: Home, *devices: str, **options: Any) -> tuple[Any, Any]:
    """Return whether servers are online, and whether they are offline."""
    return (
        await holds(home, "server_is_online", *devices, **options),
        await holds(home, "server_is_offline", *devices, **options),
    )


async def test_server(home: Home) -> None:
    """A server is online or offline, and neither while nobody knows."""
    cellar = await home.simulator.add_server(owner=home.account, tls=True)
    host = home.server.machine_identifier
    hang = home.simulator.fault(host=host, path="/identity", action="hang")
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


async def test_plex_pass(home: Home) -> None:
    """A Plex Pass is active while plex.tv says so."""
    name = "plex_pass_is_active"
    home.account.subscription["active"] = True
    await home.set_up()
    owner, attic = home.device().id, home.device(home.server).id
    assert await holds(home, name, owner)
    assert await holds(home, name, owner, attic, behavior="all")
    assert not await holds(home, name, attic)
    for active in (False, True):
        home.account.subscription["active"] = active
        await home.refresh()
        assert await holds(home, name, owner) is active
    await home.unload()
    assert not await holds(home, name, owner)


@pytest.mark.parametrize(
    "config",
    [{"target": {}}, {"target": {"device_id": "x"}, "options": {"behavior": "each"}}],
)
async def test_invalid(hass: HomeAssistant, config: dict[str, Any]) -> None:
    """A condition without a target, or with a behavior of triggers, is refused."""
    with pytest.raises(vol.Invalid):
        await validated(hass, "server_is_online", **config)
