"""How a server is reached and kept reached, and what tokens are minted for it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from tests.simulator import Account, Server, Simulator

from .common import (
    ACCOUNT_REFRESH,
    DISTANT_REFRESH,
    LOCAL_REFRESH,
    connectivity,
    pass_time,
    press_refresh,
    set_up,
    settle,
    state_of,
    until,
)


def sensor(hass: HomeAssistant, account: Account, server: Server, key: str) -> str:
    """Return the state of a server's sensor."""
    unique_id = f"{account.uuid}_{server.machine_identifier}_{key}"
    return state_of(hass, "sensor", unique_id).state


def paths(server: Server) -> list[str]:
    """Return what a server was asked, in order."""
    return [request.path for request in server.requests]


def mints(server: Server) -> int:
    """Return how many transient tokens a server was asked for."""
    return paths(server).count("/security/token")


async def test_refresh_is_one_request(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """Over a local connection a server is asked once a minute, and once only."""
    await set_up(hass, entry)
    assert connectivity(hass, account, server) == "on"
    assert sensor(hass, account, server, "connection") == "local"
    simulator.clear_requests()

    for _ in range(3):
        await pass_time(hass, freezer, LOCAL_REFRESH)
    assert paths(server) == ["/", "/", "/"]


@pytest.mark.parametrize(("kind", "relay"), [("remote", False), ("relay", True)])
async def test_refresh_from_afar(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    kind: str,
    relay: bool,
) -> None:
    """Over other connections a server is asked every five minutes."""
    server.connections = [server.connection(local=False, relay=relay)]
    await set_up(hass, entry)
    assert sensor(hass, account, server, "connection") == kind
    simulator.clear_requests()

    await pass_time(hass, freezer, timedelta(minutes=4))
    assert paths(server) == []
    await pass_time(hass, freezer, timedelta(minutes=1, seconds=1))
    assert paths(server) == ["/"]


async def test_off_and_on(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server that stops is off, one that starts again is on, with a new token."""
    await set_up(hass, entry)

    await server.stop()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert connectivity(hass, account, server) == "off"
    assert sensor(hass, account, server, "connection") == "unavailable"
    assert state_of(hass, "binary_sensor", f"{account.uuid}_plex_pass").state == "off"

    await server.start()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert connectivity(hass, account, server) == "on"
    assert sensor(hass, account, server, "connection") == "local"


async def test_restart(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A restarted server gets a working token with the next refresh, by one mint."""
    await set_up(hass, entry)
    await server.restart()
    simulator.clear_requests()

    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert connectivity(hass, account, server) == "on"
    assert mints(server) == 1
    assert server.requests[-1].token in server.transient_tokens

    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert mints(server) == 1


async def test_one_mint_a_day(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A healthy server is asked for a token once a day, ahead of time."""
    await set_up(hass, entry)
    assert mints(server) == 1

    for _ in range(47):
        simulator.clock.advance(1800)
        await pass_time(hass, freezer, timedelta(minutes=30))
    assert mints(server) == 1
    for _ in range(2):
        simulator.clock.advance(1800)
        await pass_time(hass, freezer, timedelta(minutes=30))
    assert mints(server) == 2
    assert {request.status for request in server.requests} == {200}


async def test_proxy_that_refuses_the_front_page(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server behind a proxy that refuses every token is on, without a storm."""
    simulator.fault(host=server.machine_identifier, path="/", status=401)
    await set_up(hass, entry)
    assert connectivity(hass, account, server) == "on"

    for _ in range(25):
        await pass_time(hass, freezer, LOCAL_REFRESH)
    assert mints(server) == 1

    simulator.clear_faults()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert connectivity(hass, account, server) == "on"
    assert mints(server) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_mint_refused(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    status: int,
) -> None:
    """Without a token a server is on all the same; it is asked again in half an hour."""
    simulator.fault(
        host=server.machine_identifier, path="/security/token", status=status
    )
    await set_up(hass, entry)
    assert connectivity(hass, account, server) == "on"
    assert sensor(hass, account, server, "transient_token_expires") == "unknown"
    asked = mints(server)

    for _ in range(10):
        await pass_time(hass, freezer, LOCAL_REFRESH)
    assert connectivity(hass, account, server) == "on"
    assert mints(server) == asked

    simulator.clear_faults()
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert sensor(hass, account, server, "transient_token_expires") != "unknown"
    assert hass.config_entries.flow.async_progress() == []


async def test_server_token_replaced(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
) -> None:
    """A refused server token is looked up once at plex.tv, and the new one serves."""
    server = await simulator.add_server(owner=account, tls=True, token="first")
    await set_up(hass, entry)

    server.token = "second"
    await server.restart()
    simulator.clear_requests()
    await pass_time(hass, freezer, LOCAL_REFRESH)

    assert connectivity(hass, account, server) == "on"
    assert [
        request.token
        for request in server.requests
        if request.path == "/security/token"
    ] == ["first", "second"]
    assert server.requests[-1].token in server.transient_tokens
    assert [
        request.path for request in simulator.requests if request.host == "plex.tv"
    ] == ["/resources"]


async def test_no_server_token(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server that the account has no token for is watched by its identity."""
    server.access_token_null = True
    await set_up(hass, entry)
    assert connectivity(hass, account, server) == "on"
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert set(paths(server)) == {"/identity"}

    server.access_token_null = False
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert server.requests[-1].token in server.transient_tokens


async def test_stranger_at_the_address(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server with a certificate of its own at the remembered address gets no token."""
    await set_up(hass, entry)
    await server.stop()
    grace = simulator.add_account(username="grace")
    stranger = await simulator.add_server(owner=grace, tls=True, port=server.port)

    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert connectivity(hass, account, server) == "off"
    assert stranger.requests == []

    await stranger.stop()
    await server.start()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert connectivity(hass, account, server) == "on"


async def test_other_server_on_plain_loopback(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
) -> None:
    """Where no certificate tells servers apart, the durable token waits for identity."""
    server = await simulator.add_server(owner=account, token="durable")
    await set_up(hass, entry)
    assert connectivity(hass, account, server) == "on"
    simulator.clear_requests()

    server.answers_as = "somebody-else"
    server.transient_tokens.clear()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert connectivity(hass, account, server) == "off"
    assert "durable" not in {request.token for request in server.requests}

    server.answers_as = None
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert connectivity(hass, account, server) == "on"


async def test_new_certificate(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A new plex.direct name is looked up at plex.tv at once, but not again and again."""
    await set_up(hass, entry)
    await server.stop()
    server.renew_certificate()
    await server.start()
    simulator.clear_requests()

    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert connectivity(hass, account, server) == "on"
    assert [
        request.path for request in simulator.requests if request.host == "plex.tv"
    ] == ["/resources"]


async def test_certificate_that_stays_wrong(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """The list is fetched outside the schedule every ten minutes at the most."""
    await set_up(hass, entry)
    listed = server.connections
    server.renew_certificate()
    await server.stop()
    await server.start()
    server.connections = listed
    simulator.clear_requests()

    for _ in range(4):
        await pass_time(hass, freezer, DISTANT_REFRESH)
    fetched = [request for request in simulator.requests if request.host == "plex.tv"]
    assert len(fetched) == 2
    assert connectivity(hass, account, server) == "off"
    assert server.requests == []


async def test_better_connection(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """With an account refresh a better connection takes over."""
    local = server.connection()
    server.connections = [server.connection(relay=True)]
    await set_up(hass, entry)
    assert sensor(hass, account, server, "connection") == "relay"

    server.connections = [local, *server.connections]
    await press_refresh(hass, account)
    assert sensor(hass, account, server, "connection") == "local"


async def test_better_connection_after_absence(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server that is listed again may be listed with better connections."""
    await simulator.add_server(name="Cellar", owner=account, tls=True)
    local = server.connection()
    server.connections = [server.connection(relay=True)]
    await set_up(hass, entry)
    server.listed = False
    await press_refresh(hass, account)
    assert connectivity(hass, account, server) == "off"

    server.listed = True
    server.connections = [local, *server.connections]
    await press_refresh(hass, account)
    assert sensor(hass, account, server, "connection") == "local"


async def test_better_connection_during_a_choice(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A list that comes while a connection is chosen counts as well."""
    local = server.connection()
    server.connections = [server.connection(relay=True)]
    host = server.machine_identifier
    hang = simulator.fault(host=host, path="/identity", action="hang")
    await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: hang.hits)
    server.connections = [local, *server.connections]
    await entry.runtime_data.async_refresh()
    hang.remove()
    hang.release()
    await settle(hass)
    assert sensor(hass, account, server, "connection") == "local"


async def test_old_connection_serves(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """New connections that lead nowhere don't end the one that works."""
    await set_up(hass, entry)
    closed = replace(server.connection(), port=1, uri="https://127.0.0.9:1")
    server.connections = [closed]
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert connectivity(hass, account, server) == "on"
    assert sensor(hass, account, server, "connection") == "local"


async def test_dead_server_waits_alone(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """The entry loads, and others refresh, while a dead server holds its probe."""
    dead = await simulator.add_server(name="Dead", owner=account, tls=True)
    hang = simulator.fault(host=dead.machine_identifier, action="hang")
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()

    assert entry.state is ConfigEntryState.LOADED
    assert connectivity(hass, account, dead) == "unknown"

    hang.remove()
    hang.release()
    await settle(hass)
    assert connectivity(hass, account, server) == "on"
    assert connectivity(hass, account, dead) == "on"


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 302, "headers": {"Location": "/web"}},
        {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
        {"status": 404},
        {"status": 429},
    ],
)
async def test_odd_front_page(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    fault: dict[str, Any],
) -> None:
    """A server that answers is on, whatever it answers."""
    simulator.fault(host=server.machine_identifier, path="/", **fault)
    await set_up(hass, entry)
    assert connectivity(hass, account, server) == "on"
    simulator.clear_faults()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert connectivity(hass, account, server) == "on"


@pytest.mark.parametrize("fault", [{"status": 500}, {"action": "drop"}])
async def test_front_page_out_of_order(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    fault: dict[str, Any],
) -> None:
    """A server that can say who it is, and nothing else, is off."""
    await set_up(hass, entry)
    simulator.fault(host=server.machine_identifier, path="/", **fault)
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert connectivity(hass, account, server) == "off"

    simulator.clear_faults()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert connectivity(hass, account, server) == "on"


async def check_it_is_watched(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """Set up, and see the server go off when it stops and on when it starts."""
    await set_up(hass, entry)
    assert connectivity(hass, account, server) == "on"

    await server.stop()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert connectivity(hass, account, server) == "off"

    await server.start()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert connectivity(hass, account, server) == "on"


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403},
        {"status": 503},
        {"status": 200, "body": {"MediaContainer": {"size": 0}}},
    ],
)
async def test_without_token_out_of_reach(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    fault: dict[str, Any],
) -> None:
    """A server that gives no token is off when it is gone, and found where it has moved."""
    simulator.fault(host=server.machine_identifier, path="/security/token", **fault)
    await check_it_is_watched(hass, freezer, entry, account, server)


async def test_null_token_out_of_reach(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server without a token in the list is watched like any other."""
    server.access_token_null = True
    await check_it_is_watched(hass, freezer, entry, account, server)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_mint_that_fails_in_passing(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    status: int,
) -> None:
    """A server that is busy for a moment is asked for a token again soon."""
    busy = simulator.fault(
        host=server.machine_identifier, path="/security/token", status=status
    )
    await set_up(hass, entry)
    assert connectivity(hass, account, server) == "on"
    assert sensor(hass, account, server, "transient_token_expires") == "unknown"

    busy.remove()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert sensor(hass, account, server, "transient_token_expires") != "unknown"


@pytest.mark.parametrize("status", [403, 503])
async def test_renewal_ahead_of_time_fails(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    status: int,
) -> None:
    """A token that is a day old serves on where the server gives no new one."""
    await set_up(hass, entry)
    expires = sensor(hass, account, server, "transient_token_expires")
    simulator.fault(
        host=server.machine_identifier, path="/security/token", status=status
    )
    simulator.clock.advance(25 * 3600)
    await pass_time(hass, freezer, timedelta(hours=25))
    assert connectivity(hass, account, server) == "on"
    assert sensor(hass, account, server, "transient_token_expires") == expires

    simulator.clear_faults()
    await press_refresh(hass, account)
    assert sensor(hass, account, server, "transient_token_expires") > expires


async def test_moved_while_off(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server that is off is looked for at once where a new list says it is."""
    connections = server.connections
    server.connections = [
        replace(connections[0], uri="https://127.0.0.9:1", address="127.0.0.9", port=1)
    ]
    await set_up(hass, entry)
    assert connectivity(hass, account, server) == "off"

    server.connections = connections
    await entry.runtime_data.async_refresh()
    await settle(hass)
    assert connectivity(hass, account, server) == "on"


async def test_broken_server(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server that answers everything with an error is off."""
    await set_up(hass, entry)
    simulator.fault(host=server.machine_identifier, status=503)
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert connectivity(hass, account, server) == "off"
    simulator.clear_faults()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert connectivity(hass, account, server) == "on"


async def test_renewal_refused(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A token that can't be renewed ahead of time serves until its end."""
    await set_up(hass, entry)
    expires = sensor(hass, account, server, "transient_token_expires")
    simulator.fault(host=server.machine_identifier, path="/security/token", status=401)
    await pass_time(hass, freezer, timedelta(hours=25))
    assert server.requests[-1].path == "/"
    assert server.requests[-1].status == 200
    assert sensor(hass, account, server, "transient_token_expires") == expires

    simulator.clear_faults()
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert sensor(hass, account, server, "transient_token_expires") > expires
