"""One server kept reachable, without Home Assistant: connection, token, and operations."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.plex_account.api import (
    ChoiceLimit,
    Failure,
    IPAddress,
    PlexAuthenticationError,
    PlexConnectionError,
    PlexError,
    PlexRateLimitError,
    PlexResponseError,
    PlexServer,
    PlexServerClient,
    PlexUnreachable,
    ServerSession,
    TokenState,
    connections as connections_module,
)
from tests.simulator import Account, Connection, Hostile, Server, Simulator

from .common import CLIENT_IDENTIFIER, Network, advertised, listed_server, way

MINT = "/security/token"
SCAN = "/library/sections/all/refresh"


class House:
    """What a session needs around it: entries of the list, and a list that is asked."""

    def __init__(self, network: Network, account_token: str) -> None:
        """Begin without a session; `newest` is what the list says when it is asked."""
        self._network = network
        self.account_token = account_token
        self.limit = ChoiceLimit()
        self.session: ServerSession
        self.newest: PlexServer | None = None
        self.lists_asked = 0

    def entry(
        self, server: Server | Hostile, *ways: Connection, **fields: Any
    ) -> PlexServer:
        """Return what the list says of a server of one's own."""
        listed = ways or tuple(getattr(server, "connections", ()))
        return listed_server(
            *map(advertised, listed),
            **{
                "machine_identifier": server.machine_identifier,
                "access_token": self.account_token,
                "owned": True,
            }
            | fields,
        )

    def open(self, entry: PlexServer) -> ServerSession:
        """Return a session with a server."""

        async def refresh_server_list() -> None:
            self.lists_asked += 1
            if self.newest:
                opened.update(self.newest)

        async def resolve(host: str) -> list[IPAddress]:
            raise OSError("No DNS here")

        opened = ServerSession(
            entry,
            self._network.session,
            client_identifier=CLIENT_IDENTIFIER,
            resolve=resolve,
            list_from_loopback=True,
            choice_limit=self.limit,
            refresh_server_list=refresh_server_list,
        )
        return opened


@pytest.fixture
def house(network: Network, token: str) -> House:
    """Return the surroundings of a session."""
    return House(network, token)


@pytest.fixture
def session(house: House, server: Server) -> ServerSession:
    """Return a session with the account's server."""
    return house.open(house.entry(server))


def asked(server: Server) -> list[str]:
    """Return what a server was asked, and forget it."""
    paths = [one.path for one in server.requests]
    server.traffic.clear_requests()
    return paths


async def turns(count: int = 300) -> None:
    """Let whatever can run do so."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object]) -> None:
    """Let others run until a condition holds."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


type Send = Callable[[PlexServerClient], Coroutine[Any, Any, Any]]


def sending(method: Any) -> Send:
    """Return an operation that does something."""

    async def send(client: PlexServerClient) -> Any:
        return await client.request(SCAN, method=method)

    return send


get, post = sending("GET"), sending("POST")
METHODS = pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])


# Reachability and the token


async def test_from_nothing_to_a_token(session: ServerSession, server: Server) -> None:
    """A connection, a mint, a proof; then one request a poll."""
    assert session.connection is None
    assert session.token_state is TokenState.MISSING

    await session.check()

    assert asked(server) == ["/identity", MINT, "/"]
    assert session.connection is not None
    assert session.uses_best_connection
    assert session.token_state is TokenState.ACCEPTED
    await session.check()
    assert asked(server) == ["/"]
    assert (await session.run(get, repeatable=True)).status == 200
    assert asked(server) == [SCAN]


async def test_durable_token_is_for_minting(
    session: ServerSession, house: House, server: Server
) -> None:
    """Nothing else has the durable token, and nothing at all the client identifier."""
    await session.check()
    await session.run(get, repeatable=True)
    await server.restart()
    await session.run(post, repeatable=False)

    with_token = [
        (one.method, one.path)
        for one in server.requests
        if house.account_token in f"{one.headers} {one.query} {one.form}"
    ]
    assert with_token == [("POST", MINT)] * 2
    assert CLIENT_IDENTIFIER not in "".join(str(one.headers) for one in server.requests)


async def test_restart_of_the_server(session: ServerSession, server: Server) -> None:
    """Its transient tokens are gone: one mint, and what can be repeated is."""
    await session.check()
    await server.restart()
    asked(server)
    await session.check()
    assert Counter(asked(server)) == {"/": 2, "/identity": 1, MINT: 1}

    await server.restart()
    assert (await session.run(get, repeatable=True)).status == 200
    counted = Counter(asked(server))
    assert (counted[MINT], counted[SCAN]) == (1, 2)


async def test_many_at_once_after_a_restart(
    session: ServerSession, server: Server
) -> None:
    """All get the same token, from one mint, and their server takes it."""
    await session.check()
    await server.restart()
    asked(server)

    tokens = await asyncio.gather(*(session.get_validated_token() for _ in range(8)))

    assert {one.token for one in tokens} == {*server.transient_tokens}
    assert asked(server).count(MINT) == 1


FRONT_PAGES: tuple[dict[str, Any], ...] = (
    {"status": 301, "headers": {"Location": "/web/index.html"}},
    {"status": 302, "headers": {"Location": "http://127.0.0.1:9/"}},
    {"status": 302, "headers": {"Location": "http://169.254.169.254/"}},
    {"status": 307},
    {"status": 404},
    {"status": 500},
    {"status": 502, "body": "<html>Bad Gateway</html>", "content_type": "text/html"},
    {"status": 503},
    {"body": "nonsense"},
    {"body": "<html><body>Router</body></html>"},
    {"action": "endless"},
    {"action": "truncate"},
    {"action": "drop"},
    {"action": "gzip_bomb"},
    {"action": "hang"},
    {"status": 429},
)


@pytest.mark.parametrize("fault", FRONT_PAGES, ids=str)
async def test_front_page_out_of_order(
    session: ServerSession,
    simulator: Simulator,
    server: Server,
    fault: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server is on, nothing is chosen or minted anew, and its token is handed out."""
    kept = await session.get_validated_token()
    assert PlexServerClient.__init__.__kwdefaults__
    monkeypatch.setitem(PlexServerClient.__init__.__kwdefaults__, "timeout", 0.3)
    broken = simulator.fault(host=server.machine_identifier, path="/", **fault)
    asked(server)

    await session.check()

    assert {*asked(server)} <= {"/", "/identity"}
    assert session.token is kept
    assert session.token_state is TokenState.ACCEPTED
    if fault.get("status") != 429:
        assert await session.get_validated_token() is kept
    broken.remove()
    monkeypatch.undo()
    await session.check()
    assert session.token_state is TokenState.ACCEPTED


@pytest.mark.parametrize("status", [401, 403])
async def test_front_page_that_refuses(
    session: ServerSession, simulator: Simulator, server: Server, status: int
) -> None:
    """A fresh token refused: on, without a token, and no mint until the account's turn."""
    refusing = simulator.fault(host=server.machine_identifier, path="/", status=status)

    for _ in range(5):
        await session.check()

    assert asked(server).count(MINT) == 1
    assert session.token_state is TokenState.REFUSED
    with pytest.raises(PlexAuthenticationError):
        await session.get_validated_token()
    assert asked(server).count(MINT) == 0
    refusing.remove()
    session.resume_minting()
    await session.check()
    assert session.token_state is TokenState.ACCEPTED


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("repeatable", [True, False])
async def test_refusal_of_one_operation(
    session: ServerSession,
    simulator: Simulator,
    server: Server,
    status: int,
    repeatable: bool,
) -> None:
    """It says nothing of a token that the front page takes."""
    kept = await session.get_validated_token()
    refusing = simulator.fault(host=server.machine_identifier, path=SCAN, status=status)
    asked(server)

    with pytest.raises(PlexAuthenticationError):
        await session.run(get, repeatable=repeatable)

    assert sorted(asked(server)) == ["/", SCAN]
    assert session.token is kept
    refusing.remove()
    assert (await session.run(get, repeatable=True)).status == 200


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 500}, PlexResponseError),
        ({"status": 503}, PlexResponseError),
        ({"status": 302, "headers": {"Location": "/"}}, PlexResponseError),
        ({"status": 401}, PlexAuthenticationError),
        ({"status": 429}, PlexRateLimitError),
        ({"action": "drop"}, PlexConnectionError),
        ({"action": "truncate"}, PlexConnectionError),
        ({"action": "hang"}, PlexConnectionError),
    ],
    ids=str,
)
@METHODS
async def test_what_has_arrived_is_not_sent_again(
    session: ServerSession,
    simulator: Simulator,
    server: Server,
    fault: dict[str, Any],
    error: type[PlexError],
    method: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither over another connection nor with another token; aiohttp may repeat GET."""
    await session.check()
    assert PlexServerClient.__init__.__kwdefaults__
    monkeypatch.setitem(PlexServerClient.__init__.__kwdefaults__, "timeout", 0.3)
    simulator.fault(host=server.machine_identifier, path=SCAN, **fault)
    asked(server)

    with pytest.raises(error):
        await session.run(sending(method), repeatable=method == "GET")

    sent = asked(server)
    assert sent.count(SCAN) == 1 + (method == "GET" and fault == {"action": "drop"})
    assert MINT not in sent
    simulator.clear_faults()
    await session.check()


async def test_what_never_arrived_is_sent_over_another_connection(
    house: House, simulator: Simulator, server: Server
) -> None:
    """A server that has moved is found without waiting for the next poll."""
    session = house.open(house.entry(server))
    for operation in get, post:
        await session.check()
        await server.stop()
        server.port = 0
        await server.start()
        server.connections = [server.connection()]
        session.update(house.entry(server))
        asked(server)

        await session.run(operation, repeatable=operation is get)

        # The first GET met a token that ended with the move.
        assert asked(server).count(SCAN) == (2 if operation is get else 1)


# Rate limits and back-off


async def test_rate_limit_on_the_front_page(
    session: ServerSession,
    simulator: Simulator,
    server: Server,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Retry-After is kept; until then the last result stands."""
    await session.check()
    limit = simulator.rate_limit(
        host=server.machine_identifier, path="/", retry_after=3600
    )
    asked(server)

    for _ in range(30):
        freezer.tick(60)
        await session.check()

    assert asked(server) == ["/"]
    limit.remove()
    freezer.tick(1900)
    await session.check()
    assert asked(server) == ["/"]


async def test_rate_limit_from_the_start(
    session: ServerSession,
    simulator: Simulator,
    server: Server,
    freezer: FrozenDateTimeFactory,
) -> None:
    """So it is when nothing else was ever heard of the server."""
    limit = simulator.rate_limit(host=server.machine_identifier, retry_after=3600)

    for _ in range(30):
        with pytest.raises(PlexUnreachable) as unreachable:
            await session.check()
        assert unreachable.value.failure is Failure.RATE_LIMITED
        freezer.tick(60)

    assert asked(server) == ["/identity"]
    limit.remove()
    freezer.tick(1801)
    await session.check()
    assert session.token_state is TokenState.ACCEPTED


@pytest.mark.parametrize(
    ("fault", "most"),
    [
        ({"status": 429, "headers": {"Retry-After": "3600"}}, 8),
        ({"status": 429}, 15),
        ({"status": 500}, 15),
        ({"body": {"MediaContainer": {"size": 0}}}, 15),
        ({"action": "drop"}, 15),
    ],
    ids=str,
)
async def test_mints_that_fail(
    session: ServerSession,
    simulator: Simulator,
    server: Server,
    freezer: FrozenDateTimeFactory,
    fault: dict[str, Any],
    most: int,
) -> None:
    """They back off to once an hour; the server is on meanwhile."""
    failing = simulator.fault(host=server.machine_identifier, path=MINT, **fault)

    for _ in range(8 * 12):
        await session.check()
        freezer.tick(300)

    assert most / 2 < asked(server).count(MINT) <= most
    assert session.connection is not None
    failing.remove()
    freezer.tick(3600)
    await session.check()
    assert session.token_state is TokenState.ACCEPTED


async def test_renewal_ahead_of_time(
    session: ServerSession,
    simulator: Simulator,
    server: Server,
    freezer: FrozenDateTimeFactory,
) -> None:
    """With a day left the token is renewed; if that fails, the old one still serves."""
    await session.check()
    first = session.token
    failing = simulator.fault(host=server.machine_identifier, path=MINT, status=500)
    for _ in range(25):
        freezer.tick(3600)
        simulator.clock.advance(3600)
        await session.check()
    assert session.token is first
    assert await session.get_validated_token() is first

    failing.remove()
    freezer.tick(3600)
    await session.check()
    assert session.token is not first
    assert session.token_state is TokenState.ACCEPTED


# What a list changes


class Takeover:
    """One's own server, and somebody who has taken over one of its addresses."""

    def __init__(self, house: House, server: Server, hostile: Hostile) -> None:
        """Begin with a list in which the address is still one's own."""
        self.house = house
        self.server = server
        self.hostile = hostile
        self.session = house.open(self.entry(hostile.connection()))

    def entry(self, *ways: Connection, token: str | None = None) -> PlexServer:
        """Return what the list says of one's own server."""
        return self.house.entry(
            self.server, *ways, access_token=token or self.house.account_token
        )

    def heard(self, *tokens: str) -> list[str]:
        """Return what the address was sent with one of some tokens."""
        return [
            one.path
            for one in self.hostile.heard
            if any(token.encode() in one.raw for token in tokens)
        ]


@pytest.fixture
async def takeover(house: House, simulator: Simulator, server: Server) -> Takeover:
    """Return a session that uses the address, over which a token was minted."""
    hostile = await simulator.add_hostile(machine_identifier=server.machine_identifier)
    takeover = Takeover(house, server, hostile)
    await takeover.session.check()
    assert takeover.heard(house.account_token) == [MINT]
    hostile.heard.clear()
    return takeover


REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("alive", [True, False], ids=["moved", "off"])
@pytest.mark.parametrize("order", ["together", "token first", "connections first"])
async def test_address_that_left_the_list(
    takeover: Takeover, simulator: Simulator, alive: bool, order: str
) -> None:
    """It gets no durable token any more, old or new, whatever it answers."""
    hostile, session, server = takeover.hostile, takeover.session, takeover.server
    hostile.answers["/"] = REFUSED
    elsewhere = server.connection()
    new = simulator.sign_in(server.owner, CLIENT_IDENTIFIER)
    if not alive:
        await server.stop()
    entries = {
        "together": [takeover.entry(elsewhere, token=new)],
        "token first": [
            takeover.entry(hostile.connection(), token=new),
            takeover.entry(elsewhere, token=new),
        ],
        "connections first": [
            takeover.entry(elsewhere),
            takeover.entry(elsewhere, token=new),
        ],
    }
    for entry in entries[order]:
        session.update(entry)

    for _ in range(3):
        if alive:
            await session.check()
            assert await session.get_validated_token()
        else:
            with pytest.raises(PlexError):
                await session.get_validated_token()

    assert takeover.heard(takeover.house.account_token, new) == []
    if alive:
        assert session.connection is not None
        assert session.connection.url == elsewhere.uri
        assert session.token_state is TokenState.ACCEPTED


@pytest.mark.parametrize("during", ["/identity", "/"])
async def test_list_that_changes_meanwhile(takeover: Takeover, during: str) -> None:
    """While a connection is chosen, or before a mint, the same holds."""
    hostile, session, server = takeover.hostile, takeover.session, takeover.server
    hostile.answers["/"] = REFUSED
    hostile.heard.clear()
    elsewhere = takeover.entry(server.connection())
    working = asyncio.create_task(
        session.choose() if during == "/identity" else session.check()
    )
    await until(lambda: [one for one in hostile.heard if one.path == during])

    session.update(elsewhere)
    await working
    await session.check()

    assert takeover.heard(takeover.house.account_token) == []
    assert session.connection is not None
    assert session.connection.url == server.connections[0].uri


async def test_one_list_without_the_connection(takeover: Takeover) -> None:
    """It serves on if nothing else answers, but without a mint; a second list ends it."""
    hostile, session, server = takeover.hostile, takeover.session, takeover.server
    await server.stop()
    dead = takeover.entry(server.connection())
    session.update(dead)
    await session.choose()
    await session.check()
    assert session.connection is not None
    assert not session.uses_best_connection

    hostile.answers["/"] = REFUSED
    await session.check()
    assert takeover.heard(takeover.house.account_token) == []
    with pytest.raises(PlexConnectionError):
        await session.get_validated_token()

    session.update(dead)
    with pytest.raises(PlexUnreachable):
        await session.check()
    await server.start()
    await session.check()
    assert session.token_state is TokenState.ACCEPTED


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"owned": False, "owner_id": 666}),
        ({"owned": False, "owner_id": 666}, {}),
        ({"owned": False, "owner_id": 666}, {"owned": False, "owner_id": 667}),
        ({}, {"machine_identifier": "another"}),
    ],
    ids=["to a friend", "from a friend", "between friends", "another"],
)
async def test_entry_of_another_owner(
    house: House, server: Server, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """An identifier is not all that makes a server: nothing is taken over."""
    session = house.open(house.entry(server, **before))
    await session.check()
    other = house.entry(server, **after | {"access_token": "other"})

    assert not session.serves(other)
    with pytest.raises(ValueError, match="another"):
        session.update(other)

    assert session.server.access_token == house.account_token
    assert session.serves(house.entry(server, **before | {"name": "New name"}))


async def test_refused_server_token(
    house: House, simulator: Simulator, account: Account, server: Server
) -> None:
    """The list is asked once for another one, which is used where it is one."""
    session = house.open(house.entry(server, access_token="of-yesterday"))
    await session.check()
    await session.check()
    assert (house.lists_asked, session.token_state) == (1, TokenState.REFUSED)
    assert asked(server).count(MINT) == 1

    house.newest = house.entry(server)
    session.resume_minting()
    await session.check()
    assert (house.lists_asked, session.token_state) == (2, TokenState.ACCEPTED)
    assert asked(server).count(MINT) == 2


async def test_no_server_token(house: House, server: Server) -> None:
    """Without one, the server is watched and can't be asked for anything."""
    session = house.open(house.entry(server, access_token=None))
    await session.check()
    with pytest.raises(PlexAuthenticationError):
        await session.run(get, repeatable=True)
    assert {*asked(server)} == {"/identity"}

    session.update(house.entry(server))
    assert (await session.run(get, repeatable=True)).status == 200


@pytest.mark.parametrize("owned", [True, False])
async def test_renewed_certificate(house: House, server: Server, owned: bool) -> None:
    """The list is asked for the new name, once, and the new name is used."""
    session = house.open(house.entry(server, owned=owned))
    server.renew_certificate()
    house.newest = house.entry(server, owned=owned)

    await session.check()

    assert house.lists_asked == 1
    assert session.connection is not None
    assert session.connection.url == server.connections[0].uri


async def test_renewed_certificate_beside_a_connection(
    house: House, simulator: Simulator, account: Account, server: Server
) -> None:
    """A friend can't make out by it whether another address speaks TLS."""
    old = server.connection()
    other = await simulator.add_server(
        owner=account, tls=True, answers_as=server.machine_identifier
    )
    server.renew_certificate()
    ways = [old, other.connection(local=False)]

    for owned, lists in (True, 1), (False, 0):
        house.lists_asked = 0
        session = house.open(house.entry(server, *ways, owned=owned))
        await session.choose()
        assert session.connection is not None
        assert house.lists_asked == lists


async def test_unlisted(session: ServerSession, house: House, server: Server) -> None:
    """A server that counts as unlisted is not asked until a list has it again."""
    await session.check()
    session.mark_unlisted()
    asked(server)

    with pytest.raises(PlexUnreachable) as unreachable:
        await session.check()

    assert unreachable.value.failure is Failure.NOT_LISTED
    assert asked(server) == []
    session.update(house.entry(server))
    await session.check()
    assert asked(server) == ["/"]


async def test_why_a_server_is_unreachable(
    house: House,
    simulator: Simulator,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error names the most telling reason."""
    monkeypatch.setattr(connections_module, "PROBE_SECONDS", 0.4)
    other = (await simulator.add_server(owner=server.owner, tls=True)).connection()
    old = server.connection()
    server.renew_certificate()
    closed = f"https://127.0.0.1:{simulator.closed_port()}"
    silent = f"https://127.0.0.1:{await simulator.add_silent()}"
    reasons = {
        Failure.CERTIFICATE: [closed, old.uri, silent],
        Failure.OTHER_SERVER: [closed, other.uri, silent],
        Failure.TIMEOUT: [closed, silent, "https://10.0.0.1"],
        Failure.NOT_CONNECTED: [closed, "https://10.0.0.1"],
        Failure.NAME_NOT_FOUND: ["https://music.example.com", "http://8.8.8.8"],
        Failure.PRIVATE: ["https://10.0.0.1", "http://8.8.8.8", "https://0.0.0.0"],
        Failure.PLAIN_HTTP: ["http://8.8.8.8", "https://169.254.0.1"],
        Failure.NO_CONNECTIONS: [],
    }
    for failure, uris in reasons.items():
        entry = listed_server(
            *map(way, uris), machine_identifier=server.machine_identifier
        )
        with pytest.raises(PlexUnreachable) as unreachable:
            await house.open(entry).check()
        assert unreachable.value.failure is failure
        assert "127.0.0.1" not in f"{unreachable.value!r} {unreachable.value}"


# Fairness


async def test_four_requests_at_once(
    session: ServerSession, simulator: Simulator, server: Server
) -> None:
    """More than four wait for each other, and for nobody else."""
    await session.check()
    hanging = simulator.fault(host=server.machine_identifier, path=SCAN, action="hang")
    working = [
        asyncio.create_task(session.run(get, repeatable=True)) for _ in range(10)
    ]
    await until(lambda: hanging.hits == 4)
    await turns()
    assert hanging.hits == 4

    hanging.remove()
    hanging.release()
    assert [one.status for one in await asyncio.gather(*working)] == [200] * 10


async def test_friends_that_hang_delay_nobody(
    house: House, simulator: Simulator, server: Server
) -> None:
    """With 20 servers of others that are silent on 24 connections, one's own is quick."""
    silent = [await simulator.add_silent() for _ in range(24)]
    ways = [way(f"https://127.0.0.1:{port}") for port in silent]
    friends = [
        asyncio.create_task(
            house.open(
                listed_server(*ways, machine_identifier=f"friend-{number}")
            ).check()
        )
        for number in range(20)
    ]
    await turns()
    session = house.open(house.entry(server))

    assert (await session.run(get, repeatable=True)).status == 200
    assert (await session.run(post, repeatable=False)).status == 200

    assert not any(one.done() for one in friends)
    for friend in friends:
        friend.cancel()
    await asyncio.gather(*friends, return_exceptions=True)
    async with house.limit.place(owned=False), house.limit.place(owned=True):
        pass


async def test_own_servers_choose_first() -> None:
    """At most 16 choose at once, of others at most 12; whoever waits, own ones go first."""
    limit = ChoiceLimit()
    order: list[str] = []
    gates: dict[str, asyncio.Event] = {}

    async def choose(name: str) -> None:
        gates[name] = asyncio.Event()
        async with limit.place(owned=name.startswith("own")):
            order.append(name)
            await gates[name].wait()

    def start(kind: str, count: int) -> list[asyncio.Task[None]]:
        return [
            asyncio.create_task(choose(f"{kind} {number}")) for number in range(count)
        ]

    tasks = start("friend", 20)
    await turns(50)
    assert len(order) == 12
    tasks += start("own", 20)
    await turns(50)
    assert order[12:] == [f"own {number}" for number in range(4)]

    for name in [*order]:
        gates[name].set()
        await turns(50)
    assert order[16:32] == [f"own {number}" for number in range(4, 20)]
    tasks[-1].cancel()
    for gate in gates.values():
        gate.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert sorted(order) == sorted(gates)
