"""Servers are added, removed, and come back according to the lists of plex.tv."""

from datetime import timedelta

import pytest

from homeassistant.helpers import issue_registry as ir

from .common import Home, until

LOST = ("server_lost", "Loft")


def names(home: Home) -> set[str | None]:
    """Return the names of the servers' devices."""
    return {device.name for device in home.devices() if device.entry_type is None}


async def test_added_and_renamed(home: Home) -> None:
    """A new server needs no reload; its name and version are kept up to date."""
    await home.set_up()
    assert home.state("sensor", "servers") == "1"
    loft = await home.own()
    await home.refresh()
    assert home.state("sensor", "servers") == "2"
    assert home.connectivity(loft) == "on"
    loft.name, loft.version = "Hut", "1.44.0.1-abcdef"
    await home.refresh()
    device = home.device(loft)
    assert (device.name, device.sw_version) == ("Hut", "1.44.0.1-abcdef")


@pytest.mark.parametrize("shared", [True, False])
async def test_left_out_once(home: Home, shared: bool) -> None:
    """A server missing from single lists is monitored as before, even across a start."""
    other = await (home.friend() if shared else home.own())
    await home.set_up()
    for _ in range(3):
        home.simulator.leave_out(other)
        await home.refresh()
        assert home.connectivity(other) == "on"
        assert home.state("sensor", "servers") == "2"
        await home.refresh()
        assert home.connectivity(other) == "on"
    other.listed = False
    await home.reload()
    assert home.connectivity(other) == "on"
    assert home.state("sensor", "servers") == "2"
    assert home.issues() == []
    await home.refresh()
    assert (home.find_device(other) is None) is shared
    assert home.issues() == ([] if shared else [LOST])


async def test_lost_and_removed(home: Home) -> None:
    """Missing from two lists ten minutes apart, owned servers are off, shared ones removed."""
    cellar, loft = await home.friend(), await home.own()
    await home.set_up()
    cellar.shared_with, loft.listed = [], False
    for _ in range(3):
        await home.press()
    await home.wait(timedelta(minutes=9))
    await home.press()
    assert names(home) == {"Attic", "Cellar", "Loft"}
    assert home.connectivity(loft) == home.connectivity(cellar) == "on"
    assert home.issues() == []
    await home.wait(timedelta(minutes=1))
    await home.press()
    for _ in range(4):
        assert names(home) == {"Attic", "Loft"}
        assert home.connectivity(loft) == "off"
        assert home.issues() == [LOST]
        assert home.state("sensor", "servers") == "2"
        home.simulator.clear_requests()
        await home.refresh()
        assert cellar.requests == loft.requests == []

    cellar.shared_with, loft.listed = [home.account], True
    await home.press()
    assert home.connectivity(loft) == home.connectivity(cellar) == "on"
    assert home.issues() == []


async def test_start_with_a_lost_server(home: Home) -> None:
    """An owned server that is lost stays lost after starts with and without plex.tv."""
    loft = await home.own()
    await home.set_up()
    loft.listed = False
    await home.refresh(2)
    for plex_tv_is_out in (False, True):
        if plex_tv_is_out:
            await home.simulator.stop_plex_tv()
        await home.unload()
        ir.async_get(home.hass).issues.clear()
        home.simulator.clear_requests()
        await home.set_up()
        assert home.connectivity(loft) == "off"
        assert home.issues() == [LOST]
        assert loft.requests == []
    loft.listed = True
    await home.simulator.start_plex_tv()
    await home.wait(timedelta(minutes=2))
    assert home.connectivity(loft) == "on"
    assert home.issues() == []


async def test_empty_list(home: Home) -> None:
    """An account may have no servers, but an empty list doesn't remove any."""
    home.server.listed = False
    await home.set_up()
    assert home.state("sensor", "servers") == "0"
    home.server.listed = True
    cellar = await home.friend()
    await home.press()
    home.simulator.leave_out(cellar)
    await home.refresh()
    home.server.listed = cellar.listed = False
    for _ in range(3):
        await home.refresh()
        assert home.connectivity() == home.connectivity(cellar) == "on"
        assert home.state("sensor", "servers") == "2"
    assert home.issues() == []


async def test_older_list(home: Home) -> None:
    """A late list doesn't overwrite a newer one, however slow it is."""
    await home.set_up()
    ghost = {"name": "Ghost", "clientIdentifier": "0a", "provides": "server"}
    body = [ghost | {"owned": True}]
    late = home.simulator.fault(path="/resources", action="hang", times=1, body=body)
    refresh = home.hass.async_create_task(home.entry.runtime_data.async_refresh())
    await until(lambda: late.hits)
    home.server.name = "Loft"
    home.server.renew_certificate()
    await home.server.restart()
    assert await home.call("get_transient_token")
    assert names(home) == {"Loft"}
    late.release()
    await refresh
    await home.settle()
    assert names(home) == {"Loft"}
    assert home.connectivity() == "on"


# The user's choices


async def test_shared_servers_off_and_on(home: Home) -> None:
    """With the option off, shared servers have no device and are never contacted."""
    cellar, loft = await home.friend(), await home.own()
    await home.set_up()
    assert names(home) == {"Attic", "Cellar", "Loft"}
    update = home.hass.config_entries.async_update_entry
    update(home.entry, options={"shared_servers": False})
    home.simulator.clear_requests()
    await home.reload()
    await home.refresh()
    assert names(home) == {"Attic", "Loft"}
    assert cellar.requests == []
    assert home.connectivity(loft) == "on"
    assert home.state("sensor", "servers") == "2"
    update(home.entry, options={})
    await home.reload()
    assert home.connectivity(cellar) == "on"


async def test_disabled_device(home: Home) -> None:
    """A server whose device is disabled is never contacted."""
    await home.set_up()
    await home.set_disabled(True)
    home.simulator.clear_requests()
    home.server.connections = [home.server.connection(relay=True)]
    await home.press()
    await home.refresh()
    await home.wait()
    await home.reload()
    assert home.server.requests == []
    await home.set_disabled(False)
    assert home.server.requests
    await home.reload()
    assert home.connectivity() == "on"


async def test_disabled_and_lost(home: Home) -> None:
    """A server whose device is disabled causes no issues."""
    loft = await home.own()
    await home.set_up()
    await home.set_disabled(True, loft)
    loft.listed = False
    await home.refresh(2)
    assert home.issues() == []
    await home.set_disabled(False, loft)
    assert home.issues() == [LOST]
    await home.set_disabled(True, loft)
    await home.refresh()
    assert home.issues() == []
    await home.set_disabled(False, loft)
    assert home.issues() == [LOST]


async def test_comes_and_goes(home: Home) -> None:
    """A server that comes and goes repeatedly leaves nothing behind."""
    cellar = await home.friend()
    await home.set_up()
    kept: list[int] = []
    for number in range(20):
        cellar.listed = number % 2 == 0
        await home.refresh(2)
        if cellar.listed:
            assert home.find_device(cellar)
            listeners = sum(home.hass.bus.async_listeners().values())
            kept.append(listeners + len(home.entry._on_unload or ()))  # noqa: SLF001
    assert home.find_device(cellar) is None
    assert set(kept) == {kept[0]}
