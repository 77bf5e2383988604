"""Many servers, some of them unreachable."""

import asyncio
from collections import Counter
from datetime import timedelta

from pytest_homeassistant_custom_component.common import (
    async_capture_events,
    async_fire_time_changed,
)

from homeassistant.config_entries import ConfigEntryState
from tests.simulator import Server

from .common import DISTANT_REFRESH, LOCAL_REFRESH, Home, until

MOST_AT_ONCE = 16


async def add_servers(home: Home, count: int) -> list[Server]:
    """Return the given number of owned servers, including the first one."""
    add, owner = home.simulator.add_server, home.account
    more = [await add(name=f"Server {one}", owner=owner) for one in range(2, count + 1)]
    return [home.server, *more]


def paths(home: Home) -> Counter[str]:
    """Return how often each path was requested."""
    return Counter(request.path for request in home.simulator.requests)


async def test_hundred_servers(home: Home) -> None:
    """A hundred servers cost two requests to plex.tv and three each, at most 16 at once."""
    servers = await add_servers(home, 100)
    hang = home.simulator.fault(host="*", path="/identity", action="hang")
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    assert home.entry.state is ConfigEntryState.LOADED
    await until(lambda: hang.hits == MOST_AT_ONCE)
    for _ in range(1000):
        await asyncio.sleep(0)
    assert hang.hits == MOST_AT_ONCE

    hang.remove()
    await home.settle()
    assert sorted(home.asked()) == ["/resources", "/user"]
    each = {"/identity": 100, "/security/token": 100, "/": 100}
    assert paths(home) == {"/user": 1, "/resources": 1, **each}
    assert {home.connectivity(server) for server in servers} == {"on"}
    home.simulator.clear_requests()
    await home.wait()
    assert paths(home) == {"/": 100}


async def test_idle_days(home: Home) -> None:
    """Idle days consist of refreshes, plus one probe and one mint per server, without events."""
    await add_servers(home, 20)
    await home.set_up()
    changes = async_capture_events(home.hass, "state_changed")
    for asked, (hours, days) in enumerate(((23.5, 1), (1, 2), (23, 2), (1, 3)), 2):
        await home.wait(timedelta(hours=hours))
        refreshes = {"/user": asked, "/resources": asked, "/": 20 * asked}
        each = dict.fromkeys(("/identity", "/security/token"), 20 * days)
        assert paths(home) == refreshes | each
    assert {request.status for request in home.simulator.requests} == {200}
    assert changes == []


async def test_one_dead_among_twenty(home: Home) -> None:
    """While a dead server delays its probe, the other nineteen refresh on time."""
    dead, *others = await add_servers(home, 20)
    hang = home.simulator.fault(host=dead.machine_identifier, action="hang")
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    assert home.entry.state is ConfigEntryState.LOADED
    await until(lambda: {home.connectivity(server) for server in others} == {"on"})
    assert home.connectivity(dead) == "unknown"
    home.simulator.clear_requests()
    home.freezer.tick(LOCAL_REFRESH)
    async_fire_time_changed(home.hass)
    await until(lambda: len(home.simulator.requests) == len(others))
    assert paths(home).keys() == {"/"}

    hang.remove()
    await home.settle()
    await home.wait(DISTANT_REFRESH)
    assert home.connectivity(dead) == "on"
