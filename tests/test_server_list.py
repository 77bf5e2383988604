"""Servers that come, go and come back, as the lists of plex.tv say."""

from datetime import timedelta
from typing import Any

import pytest

from custom_components.plex_account import async_remove_config_entry_device
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from tests.simulator import Server

from .common import ACCOUNT_REFRESH, DISTANT_REFRESH, DOMAIN, Home, call, settle, until

NINE_MINUTES = timedelta(minutes=9)


def names(home: Home) -> set[str | None]:
    """Return the names of the devices of servers."""
    devices = dr.async_entries_for_config_entry(
        dr.async_get(home.hass), home.entry.entry_id
    )
    return {device.name for device in devices if device.entry_type is None}


def issues(home: Home) -> list[tuple[str | None, str]]:
    """Return the kind of each issue and the server it is about."""
    return [
        (issue.translation_key, (issue.translation_placeholders or {})["name"])
        for issue in ir.async_get(home.hass).issues.values()
        if issue.domain == DOMAIN
    ]


async def own(home: Home, name: str = "Loft", **fields: Any) -> Server:
    """Return another server of the account."""
    return await home.simulator.add_server(
        name=name, owner=home.account, tls=True, **fields
    )


async def test_server_added(home: Home) -> None:
    """A server that comes later gets its device and entities without a reload."""
    await home.set_up()
    assert home.state("sensor", "servers") == "1"
    loft = await own(home)
    await home.wait(ACCOUNT_REFRESH)
    assert home.state("sensor", "servers") == "2"
    assert home.connectivity(loft) == "on"


@pytest.mark.parametrize("shared", [True, False])
async def test_left_out_once(home: Home, shared: bool) -> None:
    """A server that single lists leave out is watched as before."""
    other = await (home.friend() if shared else own(home))
    await home.set_up()
    for _ in range(3):
        home.simulator.leave_out(other)
        await home.wait(ACCOUNT_REFRESH)
        assert home.connectivity(other) == "on"
        assert home.state("sensor", "servers") == "2"
        await home.wait(ACCOUNT_REFRESH)
        assert home.connectivity(other) == "on"
    assert issues(home) == []


async def test_shared_server_removed(home: Home) -> None:
    """A friend's server goes when two lists leave it out, and comes back like a new one."""
    cellar = await home.friend()
    await home.set_up()
    cellar.shared_with = []
    for _ in range(2):
        await home.wait(ACCOUNT_REFRESH)
    assert names(home) == {"Attic"}
    assert home.state("sensor", "servers") == "1"
    home.simulator.clear_requests()
    await home.wait(DISTANT_REFRESH)
    assert cellar.requests == []

    cellar.shared_with = [home.account]
    await home.wait(ACCOUNT_REFRESH)
    assert home.connectivity(cellar) == "on"


async def test_own_server_lost(home: Home) -> None:
    """An own server that two lists leave out is off and says so, until it is back."""
    loft = await own(home)
    await home.set_up()
    loft.listed = False
    for _ in range(6):
        await home.wait(ACCOUNT_REFRESH)
    assert names(home) == {"Attic", "Loft"}
    assert home.connectivity(loft) == "off"
    assert issues(home) == [("server_lost", "Loft")]
    home.simulator.clear_requests()
    await home.wait(DISTANT_REFRESH)
    assert loft.requests == []

    loft.listed = True
    await home.press()
    assert home.connectivity(loft) == "on"
    assert issues(home) == []


async def test_lists_close_together(home: Home) -> None:
    """Lists within ten minutes count as one sample."""
    cellar, loft = await home.friend(), await own(home)
    await home.set_up()
    cellar.listed = loft.listed = False
    for _ in range(3):
        await home.press()
    await home.wait(NINE_MINUTES)
    await home.press()
    assert names(home) == {"Attic", "Cellar", "Loft"}
    assert home.connectivity(loft) == home.connectivity(cellar) == "on"

    await home.wait(timedelta(minutes=1))
    await home.press()
    assert names(home) == {"Attic", "Loft"}
    assert home.connectivity(loft) == "off"


async def test_empty_list(home: Home) -> None:
    """A list without servers changes nothing, not even after one that left some out."""
    cellar = await home.friend()
    await home.set_up()
    home.simulator.leave_out(cellar)
    await home.wait(ACCOUNT_REFRESH)
    home.server.listed = cellar.listed = False
    for _ in range(3):
        await home.wait(ACCOUNT_REFRESH)
        assert home.connectivity() == home.connectivity(cellar) == "on"
        assert home.state("sensor", "servers") == "2"
    assert issues(home) == []


async def test_no_servers(home: Home) -> None:
    """An account without servers is a normal account."""
    home.server.listed = False
    await home.set_up()
    assert home.state("sensor", "servers") == "0"
    home.server.listed = True
    await home.press()
    assert home.connectivity() == "on"


async def test_older_list(home: Home) -> None:
    """A list that comes late doesn't overwrite a newer one, however slowly it comes."""
    await home.set_up()
    ghost = {"name": "Ghost", "clientIdentifier": "0a", "provides": "server"}
    late = home.simulator.fault(
        path="/resources", action="hang", times=1, body=[ghost | {"owned": True}]
    )
    refresh = home.hass.async_create_task(home.entry.runtime_data.async_refresh())
    await until(lambda: late.hits)
    home.server.name = "Loft"
    home.server.renew_certificate()
    await home.server.restart()
    device_id = home.device(home.server).id
    assert await call(home.hass, "get_transient_token", device_id=device_id)
    assert names(home) == {"Loft"}

    late.release()
    await refresh
    await settle(home.hass)
    assert names(home) == {"Loft"}
    assert home.connectivity() == "on"


async def test_gone_while_unloaded(home: Home) -> None:
    """A friend's server that left while the entry wasn't loaded goes as well."""
    cellar = await home.friend()
    await home.set_up()
    await home.unload()
    cellar.listed = False
    await home.set_up()
    assert names(home) == {"Attic", "Cellar"}
    assert home.connectivity(cellar) == "on"
    await home.wait(ACCOUNT_REFRESH)
    assert names(home) == {"Attic"}


async def test_lost_while_unloaded(home: Home) -> None:
    """An own server that is lost stays so over a restart, and isn't asked."""
    loft = await own(home)
    await home.set_up()
    loft.listed = False
    for _ in range(2):
        await home.wait(ACCOUNT_REFRESH)
    await home.unload()
    ir.async_get(home.hass).issues.clear()
    home.simulator.clear_requests()
    await home.set_up()
    assert home.connectivity(loft) == "off"
    assert issues(home) == [("server_lost", "Loft")]
    assert loft.requests == []


async def test_renamed_and_updated(home: Home) -> None:
    """Name and version of a device follow the server's."""
    await home.set_up()
    home.server.name = "Loft"
    home.server.version = "1.44.0.1-abcdef"
    await home.wait(ACCOUNT_REFRESH)
    device = home.device(home.server)
    assert (device.name, device.sw_version) == ("Loft", "1.44.0.1-abcdef")


@pytest.mark.parametrize("left_out", [True, False])
async def test_impostor(home: Home, left_out: bool) -> None:
    """A friend's entry with the identifier of an own server never takes its place."""
    grace = home.simulator.add_account(username="grace")
    impostor = await home.simulator.add_server(
        name="Impostor",
        owner=grace,
        shared_with=[home.account],
        tls=True,
        machine_identifier=home.server.machine_identifier,
    )
    impostor.listed = False
    await own(home)
    await home.set_up()
    home.simulator.clear_requests()
    impostor.listed, home.server.listed = True, not left_out
    for _ in range(2):
        await home.wait(ACCOUNT_REFRESH)
        await home.wait()
        assert home.device(home.server).name == "Attic"
    hosts = {one.headers["Host"] for one in home.simulator.requests}
    assert not [host for host in hosts if host.endswith(f":{impostor.port}")]
    assert home.connectivity() == ("off" if left_out else "on")

    home.server.listed = True
    await home.wait(ACCOUNT_REFRESH)
    assert home.connectivity() == "on"


# What the user chooses


async def test_shared_servers_off_and_on(home: Home) -> None:
    """With the option off, servers of others have no device and are never asked."""
    cellar, loft = await home.friend(), await own(home)
    await home.set_up()
    assert names(home) == {"Attic", "Cellar", "Loft"}

    home.hass.config_entries.async_update_entry(
        home.entry, options={"shared_servers": False}
    )
    await home.unload()
    home.simulator.clear_requests()
    await home.set_up()
    await home.wait(ACCOUNT_REFRESH)
    assert names(home) == {"Attic", "Loft"}
    assert cellar.requests == []
    assert home.connectivity(loft) == "on"
    assert home.state("sensor", "servers") == "2"

    home.hass.config_entries.async_update_entry(home.entry, options={})
    await home.reload()
    assert home.connectivity(cellar) == "on"


async def test_disabled_device(home: Home) -> None:
    """A server whose device is disabled is sent nothing, by whomever."""
    await home.set_up()
    registry = dr.async_get(home.hass)
    device_id = home.device(home.server).id
    user = dr.DeviceEntryDisabler.USER
    registry.async_update_device(device_id, disabled_by=user)
    home.simulator.clear_requests()
    home.server.connections = [home.server.connection(relay=True)]
    await home.press()
    await home.wait(ACCOUNT_REFRESH)
    await home.wait()
    assert home.server.requests == []
    await home.reload()
    assert home.server.requests == []

    registry.async_update_device(device_id, disabled_by=None)
    await settle(home.hass)
    assert home.server.requests
    await home.reload()
    assert home.connectivity() == "on"


async def test_disabled_and_lost(home: Home) -> None:
    """No issue is raised about a server whose device is disabled."""
    loft = await own(home)
    await home.set_up()
    registry = dr.async_get(home.hass)
    device_id = home.device(loft).id
    registry.async_update_device(device_id, disabled_by=dr.DeviceEntryDisabler.USER)
    loft.listed = False
    for _ in range(2):
        await home.wait(ACCOUNT_REFRESH)
    assert issues(home) == []
    registry.async_update_device(device_id, disabled_by=None)
    assert issues(home) == [("server_lost", "Loft")]


async def test_deleted_device(home: Home) -> None:
    """A device that Plex no longer lists can be deleted, and stays away."""
    loft = await own(home)
    await home.set_up()
    loft.listed = False
    for _ in range(2):
        await home.wait(ACCOUNT_REFRESH)
    device = home.device(loft)
    assert await async_remove_config_entry_device(home.hass, home.entry, device)
    dr.async_get(home.hass).async_remove_device(device.id)
    await settle(home.hass)
    assert issues(home) == []
    assert home.state("sensor", "servers") == "1"
    await home.simulator.stop_plex_tv()
    await home.reload()
    assert names(home) == {"Attic"}

    await home.simulator.start_plex_tv()
    loft.listed = True
    await home.wait(ACCOUNT_REFRESH)
    assert home.connectivity(loft) == "on"


@pytest.mark.parametrize(
    ("which", "key"), [("server", "device_still_listed"), ("account", "account_device")]
)
async def test_deletion_refused(home: Home, which: str, key: str) -> None:
    """Devices that are still needed are kept, for a reason in words."""
    await home.set_up()
    device = home.device(home.server if which == "server" else None)
    with pytest.raises(HomeAssistantError) as refused:
        await async_remove_config_entry_device(home.hass, home.entry, device)
    assert refused.value.translation_key == key
    assert home.device(home.server)

    await home.unload()
    with pytest.raises(HomeAssistantError) as refused:
        await async_remove_config_entry_device(home.hass, home.entry, device)
    assert refused.value.translation_key == "service_config_entry_not_loaded"


async def test_comes_and_goes(home: Home) -> None:
    """A server that comes and goes again and again leaves nothing behind."""
    cellar = await home.friend()
    await home.set_up()
    kept: list[int] = []
    for number in range(20):
        cellar.listed = number % 2 == 0
        await home.wait(ACCOUNT_REFRESH)
        await home.wait(ACCOUNT_REFRESH)
        if cellar.listed:
            assert home.find_device(cellar)
            kept.append(
                len(home.entry._on_unload or ())  # noqa: SLF001
                + sum(home.hass.bus.async_listeners().values())
            )
    assert home.find_device(cellar) is None
    assert set(kept) == {kept[0]}
