"""How a server is reached and kept reached, and what tokens are minted for it."""

from datetime import timedelta
import logging
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from homeassistant.config_entries import ConfigEntryState
from homeassistant.util import dt as dt_util
from tests.simulator import Connection, Server

from .common import (
    ACCOUNT_REFRESH,
    DISTANT_REFRESH,
    LOCAL_REFRESH,
    Home,
    call,
    settle,
    until,
)

pytestmark = pytest.mark.usefixtures("all_enabled")

MINT = "/security/token"
DEAD = Connection("https://127.0.0.9:1", "https", "127.0.0.9", 1)


def mints(home: Home) -> int:
    """Return how many transient tokens the server was asked for."""
    return home.asked(home.server).count(MINT)


def expires(home: Home) -> str:
    """Return when the transient token of the server expires."""
    return home.state("sensor", "transient_token_expires", home.server)


def kind(home: Home) -> str:
    """Return the kind of the connection in use."""
    return home.state("sensor", "connection", home.server)


def break_server(home: Home, path: str = "*", **fault: Any) -> None:
    """Let a path of the server answer badly until faults are cleared."""
    home.simulator.fault(host=home.server.machine_identifier, path=path, **fault)


async def goes_and_comes_back(home: Home) -> None:
    """See that the server is off when it stops, and on when it starts."""
    await home.server.stop()
    await home.wait()
    assert home.connectivity() == "off"
    await home.server.start()
    await home.wait(DISTANT_REFRESH)
    assert home.connectivity() == "on"


# Polls


@pytest.mark.parametrize(
    ("local", "relay", "minutes"),
    [(True, False, 1), (False, False, 5), (False, True, 5)],
)
async def test_poll_is_one_request(
    home: Home, local: bool, relay: bool, minutes: int
) -> None:
    """A server is asked once a minute over a local connection, else every five."""
    home.server.connections = [home.server.connection(local=local, relay=relay)]
    await home.set_up()
    assert kind(home) == ("local" if local else "relay" if relay else "remote")
    home.simulator.clear_requests()
    for number in range(1, 4):
        await home.wait(timedelta(minutes=minutes, seconds=-2))
        assert len(home.asked(home.server)) == number - 1
        await home.wait(timedelta(seconds=3))
        assert home.asked(home.server) == ["/"] * number


async def test_off_and_on(home: Home) -> None:
    """A server that stops is off, one that starts again is on; the account goes on."""
    await home.set_up()
    await home.server.stop()
    await home.wait()
    assert home.connectivity() == "off"
    assert kind(home) == "unavailable"
    assert home.plex_pass == "off"
    await home.server.start()
    await home.wait(DISTANT_REFRESH)
    assert home.connectivity() == "on"
    assert kind(home) == "local"


async def test_log(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """The log says once why a server went, once that it is back, and the rest at debug."""
    caplog.set_level(logging.DEBUG, "custom_components.plex_account")

    def lines(level: str, start: str = "Attic is") -> list[str]:
        return [
            one.message
            for one in caplog.records
            if one.levelname == level and one.message.startswith(start)
        ]

    await home.set_up()
    assert lines("INFO") == []
    await home.server.stop()
    await home.wait()
    gone = "Attic is unreachable (local connection: not_connected)"
    assert lines("INFO") == [gone]
    for _ in range(3):
        await home.wait(DISTANT_REFRESH)
    assert lines("INFO") == [gone]
    assert len(lines("DEBUG", "Failed to reach Attic")) == 4

    await home.server.start()
    for _ in range(2):
        await home.wait(DISTANT_REFRESH)
    assert lines("INFO") == [gone, "Attic is reachable again"]


async def test_dead_server_waits_alone(home: Home) -> None:
    """The entry loads, and others refresh, while a dead server holds its probe."""
    dead = await home.simulator.add_server(name="Dead", owner=home.account, tls=True)
    hang = home.simulator.fault(host=dead.machine_identifier, action="hang")
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await home.hass.async_block_till_done()
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.connectivity(dead) == "unknown"

    hang.remove()
    await settle(home.hass)
    assert home.connectivity() == home.connectivity(dead) == "on"


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 302, "headers": {"Location": "/web"}},
        {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
        {"status": 301, "headers": {"Location": "/web/index.html"}},
        {"status": 404},
        {"status": 429},
        {"status": 500},
        {"status": 502, "body": "<html></html>"},
        {"body": "not to be read"},
        {"action": "truncate"},
        {"action": "drop"},
    ],
    ids=str,
)
async def test_odd_front_page(home: Home, fault: dict[str, Any]) -> None:
    """A server that says who it is is on, and hands out a token just minted."""
    await home.set_up()
    break_server(home, "/", **fault)
    await home.server.restart()
    for _ in range(3):
        await home.wait()
        assert home.connectivity() == "on"
    if fault != {"status": 429}:
        answer = await call(
            home.hass, "get_transient_token", device_id=home.device(home.server).id
        )
        assert answer["token"]
    home.simulator.clear_faults()
    await home.wait()
    assert home.connectivity() == "on"


async def test_slow_front_page(home: Home) -> None:
    """A front page that isn't there in time is settled by the identity."""
    await home.set_up()
    hang = home.simulator.fault(
        host=home.server.machine_identifier, path="/", action="hang"
    )
    home.freezer.tick(LOCAL_REFRESH)
    async_fire_time_changed(home.hass)
    await until(lambda: hang.hits)
    async_fire_time_changed(home.hass, dt_util.utcnow() + timedelta(seconds=11))
    await settle(home.hass)
    assert home.asked(home.server)[-1] == "/identity"
    assert home.connectivity() == "on"
    hang.remove()
    await home.wait()
    assert home.connectivity() == "on"


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 500}, {"body": "{"}])
async def test_broken_server(home: Home, fault: dict[str, Any]) -> None:
    """A server that answers everything with an error is off."""
    await home.set_up()
    break_server(home, **fault)
    await home.wait()
    assert home.connectivity() == "off"
    home.simulator.clear_faults()
    await home.wait(DISTANT_REFRESH)
    assert home.connectivity() == "on"


async def test_maintenance(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """A server that migrates its database is off, and says why."""
    await home.set_up()
    home.server.maintenance = True
    await home.wait()
    assert home.connectivity() == "off"
    assert "maintenance" in caplog.text
    home.server.maintenance = False
    await home.wait(DISTANT_REFRESH)
    assert home.connectivity() == "on"


# Tokens


async def test_restart(home: Home) -> None:
    """A restarted server gets a working token with the next refresh, by one mint."""
    await home.set_up()
    await home.server.restart()
    home.simulator.clear_requests()
    for _ in range(2):
        await home.wait()
        assert home.connectivity() == "on"
        assert mints(home) == 1
    assert home.server.requests[-1].token in home.server.transient_tokens


async def test_one_mint_a_day(home: Home) -> None:
    """A healthy server is asked for a token once a day, ahead of time."""
    await home.set_up()
    for hours, expected in ((23.5, 1), (1, 2), (23, 2), (1, 3)):
        await home.wait(timedelta(hours=hours))
        assert mints(home) == expected
    assert {request.status for request in home.server.requests} == {200}


@pytest.mark.parametrize("status", [401, 403])
async def test_front_page_that_refuses_every_token(home: Home, status: int) -> None:
    """A server behind a proxy that refuses every token is on, without a storm."""
    break_server(home, "/", status=status)
    await home.set_up()
    for _ in range(25):
        await home.wait()
        assert home.connectivity() == "on"
    assert mints(home) == 1
    await home.wait(ACCOUNT_REFRESH)
    await home.wait()
    assert mints(home) == 2

    home.simulator.clear_faults()
    await home.wait(ACCOUNT_REFRESH)
    await home.wait()
    assert home.server.requests[-1].path == "/"
    assert home.server.requests[-1].status == 200
    assert mints(home) == 3


@pytest.mark.parametrize("status", [401, 403])
async def test_mint_refused(home: Home, status: int) -> None:
    """Without a token a server is on all the same; it is asked again in half an hour."""
    break_server(home, MINT, status=status)
    await home.set_up()
    assert home.connectivity() == "on"
    assert expires(home) == "unknown"
    asked = mints(home)
    for _ in range(10):
        await home.wait()
    assert home.connectivity() == "on"
    assert mints(home) == asked

    home.simulator.clear_faults()
    await home.wait(ACCOUNT_REFRESH)
    await home.wait()
    assert expires(home) != "unknown"
    assert home.dialogs() == []


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_mint_that_fails(home: Home, status: int) -> None:
    """Mints that fail are repeated soon, then seldom: once an hour in the end."""
    break_server(home, MINT, status=status)
    await home.set_up()
    assert home.connectivity() == "on"
    first = mints(home)
    await home.wait()
    assert mints(home) > first
    for _ in range(4 * 12):
        await home.wait(DISTANT_REFRESH)
    home.simulator.clear_requests()
    for _ in range(2 * 12):
        await home.wait(DISTANT_REFRESH)
    assert mints(home) <= 2 * first
    assert home.connectivity() == "on"

    home.simulator.clear_faults()
    await home.wait(timedelta(hours=1))
    await home.wait()
    assert expires(home) != "unknown"


async def test_retry_after(home: Home) -> None:
    """A server that asks to wait for an hour isn't asked for a token until then."""
    break_server(home, MINT, status=429, headers={"Retry-After": "3600"})
    await home.set_up()
    first = mints(home)
    for _ in range(58):
        await home.wait()
    assert mints(home) == first
    assert home.connectivity() == "on"
    home.simulator.clear_faults()
    for _ in range(3):
        await home.wait()
    assert expires(home) != "unknown"


async def test_polls_that_shall_wait(home: Home) -> None:
    """A server that asks to wait isn't polled until then, and stays what it was."""
    await home.set_up()
    home.simulator.rate_limit(host=home.server.machine_identifier, retry_after=600)
    await home.wait()
    home.simulator.clear_requests()
    for _ in range(8):
        await home.wait()
    assert home.server.requests == []
    assert home.connectivity() == "on"
    home.simulator.clear_faults()
    for _ in range(3):
        await home.wait()
    assert home.asked(home.server)
    assert home.connectivity() == "on"


async def test_server_token_replaced(home: Home) -> None:
    """A refused server token is looked up once at plex.tv, and the new one serves."""
    home.server.token = "first"
    await home.set_up()
    home.server.token = "second"
    await home.server.restart()
    home.simulator.clear_requests()
    await home.wait()
    assert home.connectivity() == "on"
    minted_with = [one.token for one in home.server.requests if one.path == MINT]
    assert minted_with == ["first", "second"]
    assert home.server.requests[-1].token in home.server.transient_tokens
    assert home.asked() == ["/resources"]


async def test_no_server_token(home: Home) -> None:
    """A server that the account has no token for is watched by its identity."""
    home.server.access_token_null = True
    await home.set_up()
    await goes_and_comes_back(home)
    assert set(home.asked(home.server)) == {"/identity"}
    home.server.access_token_null = False
    await home.wait(ACCOUNT_REFRESH)
    await home.wait()
    assert home.server.requests[-1].token in home.server.transient_tokens


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403},
        {"status": 503},
        {"status": 200, "body": {"MediaContainer": {"size": 0}}},
    ],
    ids=str,
)
async def test_without_token_out_of_reach(home: Home, fault: dict[str, Any]) -> None:
    """A server that gives no token is off when it is gone, and found again."""
    break_server(home, MINT, **fault)
    await home.set_up()
    await goes_and_comes_back(home)


@pytest.mark.parametrize("status", [401, 403, 503])
async def test_renewal_fails(home: Home, status: int) -> None:
    """A token that can't be renewed ahead of time serves until its end."""
    await home.set_up()
    before = expires(home)
    break_server(home, MINT, status=status)
    await home.wait(timedelta(hours=25))
    assert home.connectivity() == "on"
    assert expires(home) == before
    assert home.server.requests[-1].path == "/"
    assert home.server.requests[-1].status == 200

    home.simulator.clear_faults()
    await home.wait(ACCOUNT_REFRESH)
    await home.wait(timedelta(hours=1))
    assert expires(home) > before


async def test_token_that_one_path_refuses(home: Home) -> None:
    """A 403 of one operation leaves a token that the front page takes."""
    await home.set_up()
    before = expires(home)
    break_server(home, "/security/resources", status=403)
    device_id = home.device(home.server).id
    with pytest.raises(Exception, match="Attic"):
        await call(home.hass, "get_source_connection_information", device_id=device_id)
    assert mints(home) == 1
    await home.wait()
    assert home.connectivity() == "on"
    assert expires(home) == before


# Connections


async def test_other_certificate_at_the_address(home: Home) -> None:
    """A server with a certificate of its own at the remembered address gets no token."""
    await home.set_up()
    await home.server.stop()
    grace = home.simulator.add_account(username="grace")
    stranger = await home.simulator.add_server(
        owner=grace, tls=True, port=home.server.port
    )
    await home.wait()
    assert home.connectivity() == "off"
    assert stranger.requests == []

    await stranger.stop()
    await home.server.start()
    await home.wait(DISTANT_REFRESH)
    assert home.connectivity() == "on"


async def test_other_server_on_plain_loopback(home: Home) -> None:
    """Where no certificate tells servers apart, the durable token waits for identity."""
    hut: Server = await home.simulator.add_server(owner=home.account, token="durable")
    await home.set_up()
    assert home.connectivity(hut) == "on"
    home.simulator.clear_requests()
    hut.answers_as = "somebody-else"
    hut.transient_tokens.clear()
    await home.wait()
    assert home.connectivity(hut) == "off"
    assert "durable" not in {request.token for request in hut.requests}

    hut.answers_as = None
    await home.wait(DISTANT_REFRESH)
    assert home.connectivity(hut) == "on"


async def test_new_certificate(home: Home) -> None:
    """A new plex.direct name is looked up at plex.tv at once."""
    await home.set_up()
    home.server.renew_certificate()
    await home.server.restart()
    home.simulator.clear_requests()
    await home.wait()
    assert home.connectivity() == "on"
    assert home.asked() == ["/resources"]


async def test_certificate_that_stays_wrong(home: Home) -> None:
    """The list is fetched outside the schedule every ten minutes at the most."""
    await home.set_up()
    listed = home.server.connections
    home.server.renew_certificate()
    await home.server.restart()
    home.server.connections = listed
    home.simulator.clear_requests()
    for _ in range(4):
        await home.wait(DISTANT_REFRESH)
    assert home.asked() == ["/resources"] * 2
    assert home.connectivity() == "off"
    assert home.server.requests == []

    home.server.connections = [home.server.connection()]
    await home.press()
    assert home.connectivity() == "on"


async def test_better_connection(home: Home) -> None:
    """With an account refresh a better connection takes over."""
    local = home.server.connection()
    home.server.connections = [home.server.connection(relay=True)]
    await home.set_up()
    assert kind(home) == "relay"
    home.server.connections = [local, *home.server.connections]
    await home.press()
    assert kind(home) == "local"


async def test_better_connection_was_silent(home: Home) -> None:
    """A better connection that was silent is tried again with the next poll, once."""
    local = home.server.connection(host="127.0.0.7")
    home.server.connections = [local, home.server.connection(relay=True)]
    await home.set_up()
    assert kind(home) == "relay"
    await home.server.stop()
    home.server.hosts = ("127.0.0.1", "127.0.0.7")
    await home.server.start()
    await home.wait(DISTANT_REFRESH)
    assert kind(home) == "local"


async def test_better_connection_stays_silent(home: Home) -> None:
    """One that goes on being silent is tried with the refreshes of the account only."""
    home.server.connections = [DEAD, home.server.connection(relay=True)]
    await home.set_up()
    await home.wait(DISTANT_REFRESH)
    home.simulator.clear_requests()
    for _ in range(3):
        await home.wait(DISTANT_REFRESH)
    assert set(home.asked(home.server)) == {"/"}
    await home.press()
    assert home.asked(home.server).count("/identity") == 1
    assert kind(home) == "relay"


async def test_better_connection_during_a_choice(home: Home) -> None:
    """A list that comes while a connection is chosen counts as well."""
    local = home.server.connection()
    home.server.connections = [home.server.connection(relay=True)]
    hang = home.simulator.fault(
        host=home.server.machine_identifier, path="/identity", action="hang"
    )
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await until(lambda: hang.hits)
    home.server.connections = [local, *home.server.connections]
    await home.entry.runtime_data.async_refresh()
    hang.remove()
    await settle(home.hass)
    assert kind(home) == "local"


async def test_old_connection_serves(home: Home) -> None:
    """One list of connections that lead nowhere doesn't end the one that works."""
    await home.set_up()
    good = home.server.connections
    home.server.connections = [DEAD]
    await home.wait(ACCOUNT_REFRESH)
    assert home.connectivity() == "on"
    assert kind(home) == "local"
    home.server.connections = good
    await home.wait(ACCOUNT_REFRESH)
    assert home.connectivity() == "on"


async def test_moved_while_off(home: Home) -> None:
    """A server that is off is looked for at once where a new list says it is."""
    connections = home.server.connections
    home.server.connections = [DEAD]
    await home.set_up()
    assert home.connectivity() == "off"
    home.server.connections = connections
    await home.entry.runtime_data.async_refresh()
    await settle(home.hass)
    assert home.connectivity() == "on"
    assert home.device(home.server).configuration_url == f"{connections[0].uri}/web"


async def test_moved(home: Home) -> None:
    """A server with a new address is found there with the next list."""
    await home.set_up()
    await home.server.stop()
    home.server.hosts = ("127.0.0.6",)
    await home.server.start()
    home.server.connections = [home.server.connection()]
    await home.press()
    assert home.connectivity() == "on"
    assert "127-0-0-6" in (home.device(home.server).configuration_url or "")


@pytest.mark.parametrize("host", ["127.0.0.5", "::1"])
async def test_addresses(home: Home, host: str) -> None:
    """A plex.direct name is reached at its address, IPv4 or IPv6, without DNS."""
    server = await home.simulator.add_server(owner=home.account, tls=True, host=host)
    await home.set_up()
    assert home.connectivity(server) == "on"
    assert {request.secure for request in server.requests} == {True}
    assert {request.headers["Host"] for request in server.requests} == {
        server.connections[0].uri.removeprefix("https://")
    }


async def test_absent_server_is_tried(home: Home) -> None:
    """A server that plex.tv takes for absent is tried all the same."""
    home.server.presence = False
    await home.server.stop()
    await home.set_up()
    assert home.connectivity() == "off"
    await home.server.start()
    await home.wait(DISTANT_REFRESH)
    assert home.connectivity() == "on"
