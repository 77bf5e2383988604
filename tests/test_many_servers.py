"""Many servers, dead ones among them, and servers that change hands."""

import asyncio
from collections import Counter
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from tests.simulator import Account, Server, Simulator

from .common import (
    ACCOUNT_REFRESH,
    DISTANT_REFRESH,
    LOCAL_REFRESH,
    connectivity,
    pass_time,
    set_up,
    settle,
    until,
)

MOST_AT_ONCE = 16


async def add_servers(
    simulator: Simulator, account: Account, count: int
) -> list[Server]:
    """Return a number of servers, named by their number."""
    return [
        await simulator.add_server(name=f"Server {number}", owner=account)
        for number in range(count)
    ]


async def test_requests_of_a_hundred(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
) -> None:
    """A hundred servers cost two requests to plex.tv and three each, 16 at once."""
    servers = await add_servers(simulator, account, 100)
    hang = simulator.fault(host="*", path="/identity", action="hang")
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    await until(lambda: hang.hits == MOST_AT_ONCE)
    for _ in range(1000):
        await asyncio.sleep(0)
    assert hang.hits == MOST_AT_ONCE

    hang.remove()
    hang.release()
    await settle(hass)
    assert Counter(
        (request.host == "plex.tv", request.path) for request in simulator.requests
    ) == {
        (True, "/user"): 1,
        (True, "/resources"): 1,
        (False, "/identity"): 100,
        (False, "/security/token"): 100,
        (False, "/"): 100,
    }
    assert {connectivity(hass, account, server) for server in servers} == {"on"}

    simulator.clear_requests()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert Counter(request.path for request in simulator.requests) == {"/": 100}


async def test_idle_day(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
) -> None:
    """A day on which nothing happens makes the refreshes and one mint each."""
    await add_servers(simulator, account, 100)
    await set_up(hass, entry)
    simulator.clear_requests()

    for _ in range(5):
        simulator.clock.advance(5 * 3600)
        await pass_time(hass, freezer, timedelta(hours=5))
    assert Counter(request.path for request in simulator.requests) == {
        "/user": 5,
        "/resources": 5,
        "/": 100 * 5,
        "/security/token": 100,
    }


async def test_one_dead_among_twenty(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
) -> None:
    """While a dead server holds its probe, the other nineteen refresh on time."""
    dead, *others = await add_servers(simulator, account, 20)
    hang = simulator.fault(host=dead.machine_identifier, action="hang")
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED

    await until(
        lambda: {connectivity(hass, account, server) for server in others} == {"on"}
    )
    assert connectivity(hass, account, dead) == "unknown"
    simulator.clear_requests()
    freezer.tick(LOCAL_REFRESH)
    async_fire_time_changed(hass)
    await until(lambda: len(simulator.requests) == len(others))
    assert {request.path for request in simulator.requests} == {"/"}

    hang.remove()
    hang.release()
    await settle(hass)
    await pass_time(hass, freezer, timedelta(minutes=5))
    assert connectivity(hass, account, dead) == "on"


@pytest.mark.parametrize("host", ["127.0.0.5", "::1"])
async def test_addresses(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    host: str,
) -> None:
    """A plex.direct name is reached at its address, IPv4 or IPv6, without DNS."""
    server = await simulator.add_server(owner=account, tls=True, host=host)
    await set_up(hass, entry)
    assert connectivity(hass, account, server) == "on"
    assert {request.secure for request in server.requests} == {True}
    assert {request.headers["Host"] for request in server.requests} == {
        server.connections[0].uri.removeprefix("https://")
    }


async def test_unshared_and_shared_again(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server that is taken away counts as off, one that comes back is on."""
    grace = simulator.add_account(username="grace")
    cellar = await simulator.add_server(owner=grace, shared_with=[account], tls=True)
    await set_up(hass, entry)
    assert connectivity(hass, account, cellar) == "on"

    cellar.shared_with = []
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert connectivity(hass, account, cellar) == "off"

    cellar.shared_with = [account]
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert connectivity(hass, account, cellar) == "on"


async def test_absent_server_is_kept(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
) -> None:
    """A server that plex.tv takes for absent is tried all the same."""
    off = await simulator.add_server(owner=account, tls=True)
    off.presence = False
    await off.stop()
    await set_up(hass, entry)
    assert connectivity(hass, account, off) == "off"

    await off.start()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert connectivity(hass, account, off) == "on"


async def test_moved_server(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server with a new address is found there with the next list."""
    await set_up(hass, entry)
    await server.stop()
    server.hosts = ("127.0.0.6",)
    await server.start()
    server.connections = [server.connection()]

    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert connectivity(hass, account, server) == "on"
