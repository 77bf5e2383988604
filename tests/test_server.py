"""How a server is reached and stays reachable, and which tokens are minted for it."""

from datetime import timedelta
import logging

import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.plex_account.diagnostics import (
    async_get_config_entry_diagnostics,
)
from homeassistant.util import dt as dt_util
from tests.simulator import Connection

from .common import ACCOUNT_REFRESH, DISTANT_REFRESH, LOCAL_REFRESH, Home, until
from .dialogs import HTML, Fault

pytestmark = pytest.mark.usefixtures("all_enabled")

HOUR = timedelta(hours=1)
MINT = "/security/token"
SCAN = "/library/sections/all/refresh"
MAINTENANCE = '<Response code="503" title="Maintenance" status="Migrating"/>'
DEAD = Connection("https://127.0.0.9:1", "https", "127.0.0.9", 1)
NO_TOKEN = {"MediaContainer": {"size": 0}}
WRONG_ANSWERS: list[Fault] = [
    {"status": 301, "headers": {"Location": "/web/index.html"}},
    {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
    {"status": 302, "headers": {"Location": "http://169.254.1.1/"}},
    {"status": 502, "body": HTML, "content_type": "text/html"},
    *({"status": status} for status in (307, 404, 500, 503)),
    *({"body": body} for body in ("not to be read", HTML, "{")),
    *({"action": action} for action in ("endless", "gzip_bomb")),
]
REFUSALS = pytest.mark.parametrize("status", [401, 403])


def mints(home: Home) -> int:
    """Return how many transient tokens were requested from the server."""
    return home.asked(home.server).count(MINT)


def expires(home: Home) -> str:
    """Return when the transient token of the server expires."""
    return home.state("sensor", "transient_token_expires", home.server)


def kind(home: Home) -> str:
    """Return the kind of the connection in use."""
    return home.state("sensor", "connection", home.server)


async def stays_on(home: Home, polls: int, time: timedelta = LOCAL_REFRESH) -> None:
    """Check that the server is on after each of several polls."""
    for _ in range(polls):
        await home.wait(time)
        assert home.connectivity() == "on"


async def recovers(home: Home, *times: timedelta) -> None:
    """Check that the server is on, with a valid token, once faults are cleared."""
    home.simulator.clear_faults()
    for time in times or (DISTANT_REFRESH,):
        await home.wait(time)
    assert home.connectivity() == "on"
    last = home.server.requests[-1]
    assert (last.path, last.status) == ("/", 200)
    assert last.token in home.server.transient_tokens


async def goes_and_comes_back(home: Home) -> None:
    """Check that the server is off when it stops, and on when it starts."""
    await home.server.stop()
    await home.wait()
    assert home.connectivity() == "off"
    await home.server.start()
    await stays_on(home, 1, DISTANT_REFRESH)


@pytest.mark.parametrize(
    ("local", "relay", "used", "minutes"),
    [(True, False, "local", 1), (False, False, "remote", 5), (False, True, "relay", 5)],
)
async def test_poll_is_one_request(
    home: Home, local: bool, relay: bool, used: str, minutes: int
) -> None:
    """A server is polled every minute over a local connection, otherwise every five minutes."""
    home.server.connections = [home.server.connection(local=local, relay=relay)]
    await home.set_up()
    assert kind(home) == used
    home.simulator.clear_requests()
    for number in range(1, 4):
        await home.wait(timedelta(minutes=minutes, seconds=-2))
        assert len(home.asked(home.server)) == number - 1
        await home.wait(timedelta(seconds=3))
        assert home.asked(home.server) == ["/"] * number


async def test_off_and_on(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """A stopped server is off; the reason and its return are logged once each."""
    caplog.set_level(logging.DEBUG, "custom_components.plex_account")

    def logged(level: str, start: str = "Attic is") -> list[str]:
        lines = [one.message for one in caplog.records if one.levelname == level]
        return [line for line in lines if line.startswith(start)]

    home.server.presence = False  # the presence flag of plex.tv is ignored
    await home.set_up()
    assert logged("INFO") == []
    await home.server.stop()
    await home.wait()
    assert home.connectivity() == home.plex_pass == "off"
    assert kind(home) == "unavailable"
    gone = "Attic is unreachable (local connection: not_connected)"
    assert logged("INFO") == [gone]
    await home.wait(DISTANT_REFRESH, 3)
    assert logged("INFO") == [gone]
    assert len(logged("DEBUG", "Failed to reach Attic")) == 4

    await home.server.start()
    await stays_on(home, 2, DISTANT_REFRESH)
    assert kind(home) == "local"
    assert logged("INFO") == [gone, "Attic is reachable again"]


async def test_slow_front_page(home: Home) -> None:
    """If the front page times out, the identity decides."""
    await home.set_up()
    hang = home.fault(path="/", action="hang")
    home.freezer.tick(LOCAL_REFRESH)
    async_fire_time_changed(home.hass)
    await until(lambda: hang.hits)
    async_fire_time_changed(home.hass, dt_util.utcnow() + timedelta(seconds=11))
    await home.settle()
    assert home.asked(home.server)[-1] == "/identity"
    assert home.connectivity() == "on"
    await recovers(home, LOCAL_REFRESH)
    assert mints(home) == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        *((fault, "wrong_answer") for fault in WRONG_ANSWERS),
        ({"status": 503, "body": MAINTENANCE}, "maintenance"),
        ({"action": "truncate"}, "not_connected"),
        ({"action": "drop"}, "not_connected"),
    ],
    ids=str,
)
async def test_odd_answers(home: Home, fault: Fault, reason: str) -> None:
    """An odd front page changes nothing; a server with only odd answers is off."""
    await home.set_up()
    before = expires(home)
    home.fault(path="/", **fault)
    home.simulator.clear_requests()
    await stays_on(home, 1)
    answer = await home.call("get_transient_token")
    assert answer["token"] in home.server.transient_tokens
    assert {*home.asked(home.server)} <= {"/", "/identity"}
    assert expires(home) == before
    await home.server.restart()
    await stays_on(home, 2)
    await recovers(home, LOCAL_REFRESH)
    assert mints(home) == 1

    home.fault(**fault)
    await home.wait()
    assert home.connectivity() == "off"
    assert f"Attic is unreachable (local connection: {reason})" in home.caplog.text
    await recovers(home)


async def test_polls_that_wait(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """A server that asks to wait isn't polled until then, and keeps its state."""
    home.fault(status=429, headers={"Retry-After": "1200"})
    await home.set_up()
    for _ in range(3):
        await home.wait(DISTANT_REFRESH)
        assert home.connectivity() == "off"
    assert home.asked(home.server) == ["/identity"]
    assert "rate_limited" in caplog.text
    await recovers(home)

    home.fault(path="/", status=429, headers={"Retry-After": "600"})
    home.simulator.clear_requests()
    await stays_on(home, 9)
    assert home.asked(home.server) == ["/"]
    home.simulator.clear_requests()
    await recovers(home, *[LOCAL_REFRESH] * 3)
    home.fault(status=429)
    await stays_on(home, 3)
    await recovers(home, LOCAL_REFRESH)
    assert mints(home) == 0


@REFUSALS
@pytest.mark.parametrize(("path", "lists"), [("/", 1), (MINT, 2)])
async def test_no_token_taken(home: Home, status: int, path: str, lists: int) -> None:
    """A server that refuses a token is on; plex.tv is asked once for a new durable one."""
    home.fault(path=path, status=status)
    await home.set_up()
    await stays_on(home, 20)
    await goes_and_comes_back(home)
    await home.refused("get_transient_token", "token_refused")
    assert expires(home) == "unknown"
    told = await async_get_config_entry_diagnostics(home.hass, home.entry)
    assert told["servers"][0]["token"] == "refused"
    assert mints(home) == 1
    assert home.asked().count("/resources") == lists
    await home.wait(ACCOUNT_REFRESH)
    await home.wait()
    assert mints(home) == 2
    await recovers(home, ACCOUNT_REFRESH, LOCAL_REFRESH)
    assert mints(home) == 3
    assert home.dialogs() == []


@pytest.mark.parametrize(
    ("fault", "soon", "most"),
    [
        *(({"status": status}, 2, 15) for status in (400, 429, 500, 503)),
        ({"status": 404}, 4, 30),  # each attempt includes one with the old method
        ({"status": 429, "headers": {"Retry-After": "3600"}}, 1, 8),
        ({"body": NO_TOKEN}, 2, 15),
        ({"action": "drop"}, 2, 15),
    ],
    ids=str,
)
async def test_mint_that_fails(home: Home, fault: Fault, soon: int, most: int) -> None:
    """Failed mints are retried soon, then once an hour, or when the server allows it."""
    home.fault(path=MINT, **fault)
    await home.set_up()
    await stays_on(home, 1)
    assert mints(home) == soon
    await stays_on(home, 8 * 12 - 1, timedelta(minutes=5))
    assert most / 2 < mints(home) <= most
    await goes_and_comes_back(home)
    await recovers(home, HOUR, LOCAL_REFRESH)
    assert expires(home) != "unknown"


async def test_server_token_replaced(home: Home) -> None:
    """A refused server token is looked up once at plex.tv, and the new one is used."""
    home.server.token = "first"
    await home.set_up()
    home.server.token = "second"
    await home.server.restart()
    home.simulator.clear_requests()
    await recovers(home, LOCAL_REFRESH)
    minted_with = [one.token for one in home.server.requests if one.path == MINT]
    assert minted_with == ["first", "second"]
    assert home.asked() == ["/resources"]


async def test_no_server_token(home: Home) -> None:
    """A server for which the account has no token is monitored by its identity."""
    home.server.access_token_null = True
    await home.set_up()
    await goes_and_comes_back(home)
    await home.refused("call_api", "token_refused", path=SCAN)
    assert {*home.asked(home.server)} == {"/identity"}
    home.server.access_token_null = False
    await recovers(home, ACCOUNT_REFRESH, LOCAL_REFRESH)


@pytest.mark.parametrize("status", [401, 403, 500, 503])
async def test_renewal_fails(home: Home, status: int) -> None:
    """A token that can't be renewed ahead of time is used until it expires."""
    await home.set_up()
    before = expires(home)
    home.fault(path=MINT, status=status)
    await stays_on(home, 1, 25 * HOUR)
    assert expires(home) == before
    assert [(one.path, one.status) for one in home.server.requests][-1] == ("/", 200)
    answer = await home.call("get_transient_token")
    assert answer["token"] in home.server.transient_tokens
    await recovers(home, ACCOUNT_REFRESH, HOUR)
    assert expires(home) > before


@REFUSALS
@pytest.mark.parametrize("method", ["get", "post"])
async def test_path_that_refuses(home: Home, status: int, method: str) -> None:
    """A path that refuses says nothing about the token; a server that refuses it all is off."""
    await home.set_up()
    before = expires(home)
    home.fault(path="/*/*", status=status)
    home.simulator.clear_requests()
    scan = {"path": SCAN, "method": method}
    assert str(status) in await home.refused("call_api", "http_status", **scan)
    assert sorted(home.asked(home.server)) == ["/", SCAN]
    source = "get_source_connection_information"
    assert "Attic" in await home.refused(source, "token_refused")
    assert mints(home) == 0
    home.simulator.clear_faults()
    assert (await home.call("call_api", path=SCAN))["status"] == 200
    await stays_on(home, 1)
    assert expires(home) == before
    home.fault(status=status)
    await home.wait()
    assert home.connectivity() == "off"
    await recovers(home)


async def test_other_certificate_at_the_address(home: Home) -> None:
    """A server with another certificate at the remembered address gets no token."""
    await home.set_up()
    await home.server.stop()
    stranger = await home.friend(port=home.server.port)
    stranger.listed = False
    await home.wait()
    assert home.connectivity() == "off"
    assert stranger.requests == []
    await stranger.stop()
    await home.server.start()
    await recovers(home)


async def test_other_server_on_plain_loopback(home: Home) -> None:
    """If no certificate tells servers apart, the identity is checked before the token is sent."""
    hut = await home.simulator.add_server(owner=home.account, token="durable")
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


@pytest.mark.parametrize("owned", [True, False])
async def test_new_certificate(home: Home, owned: bool) -> None:
    """A new plex.direct name is looked up at once, then every ten minutes at most."""
    server = home.server if owned else await home.friend()
    await home.set_up()
    server.renew_certificate()
    await server.restart()
    home.simulator.clear_requests()
    await home.wait()
    assert home.connectivity(server) == "on"
    assert home.asked() == ["/resources"]

    await home.wait(timedelta(minutes=10))
    listed = server.connections
    server.renew_certificate()
    await server.restart()
    server.connections = listed
    home.simulator.clear_requests()
    await home.wait(DISTANT_REFRESH, 3)
    assert home.asked() == ["/resources"] * 2
    assert home.connectivity(server) == "off"
    assert server.requests == []
    server.connections = [server.connection()]
    await home.press()
    assert home.connectivity(server) == "on"


async def test_better_connection_that_is_silent(home: Home) -> None:
    """A better connection is retried once with the next poll, then with account refreshes."""
    server = home.server
    silent, relay = server.connection(host="127.0.0.7"), server.connection(relay=True)
    server.connections = [silent, relay]
    await home.set_up()
    await home.wait(DISTANT_REFRESH)
    home.simulator.clear_requests()
    await stays_on(home, 3, DISTANT_REFRESH)
    assert {*home.asked(server)} == {"/"}
    await home.press()
    assert home.asked(server).count("/identity") == 1
    await home.reload()
    assert kind(home) == "relay"
    await server.stop()
    server.hosts = ("127.0.0.1", "127.0.0.7")
    await server.start()
    await home.wait(DISTANT_REFRESH)
    assert kind(home) == "local"


async def test_newer_lists(home: Home) -> None:
    """A better connection takes over, a server is found again, and a working one is kept."""
    server = home.server
    local, relay = server.connection(), server.connection(relay=True)

    async def used_with(*connections: Connection) -> str:
        server.connections = [*connections]
        await home.press()
        return kind(home)

    server.connections = [DEAD]
    await home.set_up()
    assert home.connectivity() == "off"
    assert await used_with(relay) == "relay"
    assert home.device(server).configuration_url == f"{relay.uri}/web"
    assert await used_with(local, relay) == "local"
    assert await used_with(DEAD) == "local"
    assert await used_with(local) == "local"
    await server.stop()
    server.hosts = ("::1",)
    await server.start()
    moved = server.connection()
    assert await used_with(moved) == "local"
    assert home.device(server).configuration_url == f"{moved.uri}/web"
    assert server.requests[-1].secure
    assert server.requests[-1].headers["Host"] == moved.uri.removeprefix("https://")
