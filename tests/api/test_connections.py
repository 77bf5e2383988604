"""Which connection of a server is chosen: probes over real TLS, on loopback."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
import errno
from ipaddress import ip_address
from time import process_time
from typing import Any

import pytest

from custom_components.plex_account.api import (
    Candidate,
    ConnectionKind,
    ConnectionResult,
    DialPolicy,
    Failure,
    IPAddress,
    PlexConnection,
    PlexServerClient,
    choose_connection,
    connections as connections_module,
    select_candidates,
)
from tests.common import until
from tests.simulator import Fault, Server

from .common import (
    IDENTITY_HEADERS,
    PLEX_DIRECT_HASH,
    Bench,
    advertised,
    listed_server,
    sent_with,
    way,
)

OWNED = DialPolicy(owned=True, private=False, loopback=True)
SHARED = DialPolicy(owned=False, private=False, loopback=True)
FROM_AFAR = DialPolicy(owned=False, private=False, loopback=False)
DEAD = [
    way(f"https://127-66-66-{number}.{PLEX_DIRECT_HASH}.plex.direct:1")
    for number in range(4)
]


class Chooser:
    """Chooses a connection of one server; `names` is what its name server says."""

    def __init__(self, bench: Bench, server: Server) -> None:
        """Choose for one server; its owner's token is at hand."""
        self.bench = bench
        self.simulator = bench.simulator
        self.dialled = bench.dialled
        self.server = server
        self.names: dict[str, list[str] | Exception] = {}
        self.looked_up: list[str] = []

    def connect(self, candidate: Candidate) -> PlexServerClient:
        """Return a client that would send a token if it were asked to."""
        return self.bench.of_server(
            self.server,
            candidate.url,
            address=candidate.address,
            token="server-token-to-be-kept",
        )

    async def resolve(self, host: str) -> Iterable[IPAddress]:
        """Return what the name server says."""
        self.looked_up.append(host)
        found = self.names.get(host, [])
        if isinstance(found, Exception):
            raise found
        return [ip_address(one) for one in found]

    async def choose(
        self, *ways: PlexConnection, policy: DialPolicy = OWNED
    ) -> ConnectionResult:
        """Choose among some connections, those of the server if none are given."""
        listed = ways or map(advertised, self.server.connections)
        return await choose_connection(
            listed_server(*listed, machine_identifier=self.server.machine_identifier),
            policy,
            connect=self.connect,
            resolve=self.resolve,
        )

    async def add_server(self, **fields: Any) -> Server:
        """Return another server, on its own address."""
        owner = self.bench.account
        return await self.simulator.add_server(
            owner=owner, host="127.0.0.4", tls=True, **fields
        )

    def at(self, host: str, **fields: Any) -> PlexConnection:
        """Return a connection of the server that is over one of its addresses."""
        return advertised(self.server.connection(host=host, **fields))

    async def silent(self, count: int) -> list[PlexConnection]:
        """Return connections that accept and say nothing."""
        ports = [await self.simulator.add_silent() for _ in range(count)]
        return [way(f"https://127.0.0.1:{port}") for port in ports]

    def fault(self, **fault: Any) -> Fault:
        """Let what the server answers go wrong."""
        return self.simulator.fault(host=self.server.machine_identifier, **fault)

    async def works(self) -> bool:
        """Return whether the server is reached over its best connection."""
        return host_of(await self.choose()) == "127.0.0.1"


@pytest.fixture
async def chooser(bench: Bench) -> Chooser:
    """Return a chooser for a server that listens on several addresses."""
    hosts = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "::1")
    server = await bench.simulator.add_server(
        owner=bench.account, hosts=hosts, tls=True
    )
    return Chooser(bench, server)


def host_of(choice: ConnectionResult) -> str | None:
    """Return the address that was chosen."""
    return str(choice.connection.address) if choice.connection else None


def url_of(choice: ConnectionResult) -> str | None:
    """Return the URL that was chosen."""
    return choice.connection and choice.connection.url


def failures_of(choice: ConnectionResult) -> list[Failure]:
    """Return why others were not chosen."""
    return [one.failure for one in choice.failures]


@pytest.mark.parametrize(
    ("dead", "winner"),
    [(0, "127.0.0.1"), (1, "::1"), (2, "127.0.0.2"), (3, "127.0.0.3"), (4, None)],
)
@pytest.mark.parametrize("policy", [OWNED, SHARED], ids=["owned", "shared"])
async def test_first_in_order_that_answers(
    chooser: Chooser, dead: int, winner: str | None, policy: DialPolicy
) -> None:
    """Local before remote before relay, IPv4 before IPv6, as far as they answer."""
    ways = [
        chooser.at("127.0.0.1"),
        chooser.at("::1"),
        chooser.at("127.0.0.2", local=False),
        chooser.at("127.0.0.3", relay=True),
    ]
    for number in range(dead):
        ways[number] = replace(ways[number], uri=DEAD[number].uri)
    choice = await chooser.choose(*reversed(ways), policy=policy)
    assert host_of(choice) == winner
    assert failures_of(choice) == [Failure.NOT_CONNECTED] * dead
    assert choice.is_best == (dead == 0)
    assert not choice.insecure_only
    assert not choice.certificate_refused


async def test_probes_carry_an_identity_and_no_token(chooser: Chooser) -> None:
    """Every probe says who is asking, has no token, and no name is looked up."""
    chooser.server.answers_as = "somebody-else"
    choice = await chooser.choose()
    assert failures_of(choice) == [Failure.OTHER_SERVER] * 4
    requests = chooser.server.requests
    assert [(one.method, one.path, one.token) for one in requests] == [
        ("GET", "/identity", None)
    ] * 4
    for request in requests:
        assert sent_with(request.headers, IDENTITY_HEADERS) == IDENTITY_HEADERS
    assert chooser.looked_up == []


# Who is waited for


async def test_nobody_waits_for_those_behind(
    chooser: Chooser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the first in order has answered, the slower ones don't matter."""
    monkeypatch.setattr(connections_module, "BETTER_SECONDS", 60)
    (silent,) = await chooser.silent(1)
    choice = await chooser.choose(
        chooser.at("127.0.0.1"),
        replace(silent, local=False),
        replace(silent, relay=True),
    )
    assert host_of(choice) == "127.0.0.1"
    assert choice.is_best
    assert choice.failures == ()


async def test_a_quick_relay_does_not_win_over_a_slow_local_one(
    chooser: Chooser,
) -> None:
    """Who is earlier in order wins, even if others were somewhat quicker."""
    identifier = chooser.server.machine_identifier
    quick = await chooser.add_server(answers_as=identifier)
    chooser.fault(delay=0.1)
    relay = advertised(quick.connection(relay=True))
    choice = await chooser.choose(relay, chooser.at("127.0.0.2"))
    assert host_of(choice) == "127.0.0.2"
    assert len(quick.requests) == 1


@pytest.mark.parametrize("dead", [1, 3, 23])
async def test_silent_ones_cost_little(chooser: Chooser, dead: int) -> None:
    """Connections that are silent and preferred are waited for 0.3 s, not 5 s."""
    silent = await chooser.silent(dead)
    loop = asyncio.get_running_loop()
    started = loop.time()
    choice = await chooser.choose(*silent, chooser.at("127.0.0.2", local=False))
    assert host_of(choice) == "127.0.0.2"
    assert failures_of(choice) == [Failure.TIMEOUT] * dead
    assert not choice.is_best
    assert loop.time() - started < connections_module.PROBE_SECONDS / 2


@pytest.mark.parametrize(
    "failure",
    [
        Failure.NOT_CONNECTED,
        Failure.TIMEOUT,
        Failure.CERTIFICATE,
        Failure.OTHER_SERVER,
        Failure.NAME_NOT_FOUND,
    ],
)
async def test_the_pause_tells_nothing(chooser: Chooser, failure: Failure) -> None:
    """Whoever shares a server can't tell from a pause what another address does."""
    stranger = await chooser.add_server()
    ways = {
        Failure.NOT_CONNECTED: DEAD[0],
        Failure.TIMEOUT: (await chooser.silent(1))[0],
        Failure.CERTIFICATE: way(f"https://127.0.0.4:{stranger.port}"),
        Failure.OTHER_SERVER: advertised(stranger.connections[0]),
        Failure.NAME_NOT_FOUND: way("https://music.example.com"),
    }
    remote = chooser.at("127.0.0.2", local=False)
    loop = asyncio.get_running_loop()
    started = loop.time()
    choice = await chooser.choose(ways[failure], remote, policy=SHARED)
    assert host_of(choice) == "127.0.0.2"
    assert failures_of(choice) == [failure]
    assert loop.time() - started >= connections_module.BETTER_SECONDS


async def test_silence_everywhere(
    chooser: Chooser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Probes without an answer in time end together; the 25th connection isn't tried."""
    monkeypatch.setattr(connections_module, "PROBE_SECONDS", 0.5)
    silent = await chooser.silent(24)
    choice = await chooser.choose(*silent, chooser.at("127.0.0.1"))
    assert choice.connection is None
    assert failures_of(choice) == [Failure.TIMEOUT] * 24
    assert chooser.server.requests == []


async def test_cancelled_choice(chooser: Chooser) -> None:
    """A choice that is no longer wanted leaves nothing running."""
    hanging = chooser.fault(action="hang")
    choosing = asyncio.create_task(chooser.choose())
    await until(lambda: hanging.hits == 4)
    choosing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await choosing
    hanging.remove()
    assert await chooser.works()


# What is no answer


async def test_certificate_of_another_name(chooser: Chooser) -> None:
    """A certificate of another hash is told apart from silence."""
    old = [advertised(one) for one in chooser.server.connections]
    chooser.server.renew_certificate()
    choice = await chooser.choose(*old)
    assert choice.connection is None
    assert failures_of(choice) == [Failure.CERTIFICATE] * 4
    assert choice.certificate_refused
    assert chooser.server.requests == []
    assert await chooser.works()


@pytest.mark.parametrize(
    ("fault", "failure", "retry_after"),
    [
        ({"status": 401}, Failure.WRONG_ANSWER, 0),
        ({"status": 404}, Failure.WRONG_ANSWER, 0),
        ({"status": 500}, Failure.WRONG_ANSWER, 0),
        ({"status": 302, "headers": {"Location": "/web"}}, Failure.WRONG_ANSWER, 0),
        ({"body": "<html><body>Router</body></html>"}, Failure.WRONG_ANSWER, 0),
        ({"body": {"MediaContainer": {}}}, Failure.WRONG_ANSWER, 0),
        ({"body": "nonsense"}, Failure.WRONG_ANSWER, 0),
        ({"action": "endless"}, Failure.WRONG_ANSWER, 0),
        ({"action": "truncate"}, Failure.NOT_CONNECTED, 0),
        ({"status": 429, "headers": {"Retry-After": "60"}}, Failure.RATE_LIMITED, 60),
    ],
    ids=str,
)
async def test_answers_of_somebody_else(
    chooser: Chooser, fault: dict[str, Any], failure: Failure, retry_after: int
) -> None:
    """An answer that no server gives to a probe is not the server's."""
    answering = chooser.fault(**fault)
    choice = await chooser.choose(chooser.at("127.0.0.1"))
    assert choice.connection is None
    assert failures_of(choice) == [failure]
    assert choice.retry_after == retry_after
    answering.remove()
    assert await chooser.works()


# What is not dialed


async def test_what_may_not_be_dialed(chooser: Chooser) -> None:
    """It isn't, be it that the list comes from afar; the reasons are told by kind."""
    choice = await chooser.choose(
        way("https://169.254.169.254"), way("nonsense", relay=True), policy=SHARED
    )
    assert choice.connection is None
    assert [(one.kind, one.failure) for one in choice.failures] == [
        (ConnectionKind.LOCAL, Failure.LINK_LOCAL),
        (ConnectionKind.RELAY, Failure.MALFORMED),
    ]
    choice = await chooser.choose(policy=FROM_AFAR)
    assert failures_of(choice) == [Failure.LOOPBACK] * 4
    assert chooser.dialled == []
    assert await chooser.works()


async def test_plain_http(chooser: Chooser) -> None:
    """It is not dialed but on this machine; a server without anything else is told of."""
    choice = await chooser.choose(way("http://10.0.0.1:32400"))
    assert choice.connection is None
    assert choice.insecure_only
    assert chooser.dialled == []

    plain = await chooser.simulator.add_server(owner=chooser.bench.account)
    chooser = Chooser(chooser.bench, plain)
    choice = await chooser.choose()
    assert url_of(choice) == plain.url
    assert not choice.insecure_only
    chooser.names["localhost"] = ["127.0.0.1"]
    choice = await chooser.choose(way(f"http://localhost:{plain.port}"))
    assert host_of(choice) == "127.0.0.1"


async def test_plain_http_whose_port_speaks_tls(chooser: Chooser) -> None:
    """With a plex.direct name such a port is reached over TLS, and preferred so."""
    for server in chooser.server, await chooser.add_server():
        uri = server.connection(scheme="http").uri
        choice = await Chooser(chooser.bench, server).choose(way(uri))
        assert url_of(choice) == uri.replace("http:", "https:")
        assert not choice.insecure_only
        assert {one.secure for one in server.requests} == {True, False}


def test_reading_a_list_costs_little() -> None:
    """Names that take long to encode are refused unencoded, and few are looked at."""
    names = [
        way(f"https://{letters}{number}.example")
        for number in range(1000)
        for letters in ("\ufdfa" * 240, "\u0628" * 240, "\xfc\u3002" * 100)
    ]
    started = process_time()
    assert select_candidates(names, SHARED).allowed == ()
    assert process_time() - started < 1


# Names that DNS knows


@pytest.mark.parametrize(
    ("addresses", "outcomes"),
    [
        (["127.0.0.2"], {"127.0.0.2"}),
        (["169.254.169.254", "fe80::1", "::1", "127.0.0.2"], {"127.0.0.2", "::1"}),
        (["127.0.0.9", "::1"], {"::1"}),
        (["127.0.0.9", "127.0.0.8", "127.0.0.7", "127.0.0.3"], {"127.0.0.3"}),
        (["127.0.0.9", "127.0.0.8"], {Failure.NOT_CONNECTED}),
        ([f"127.0.0.{number}" for number in range(9, 99)], {Failure.NOT_CONNECTED}),
        (["0.0.0.0"], {Failure.UNSPECIFIED}),
        (["169.254.169.254", "fe80::1"], {Failure.LINK_LOCAL}),
        ([], {Failure.NAME_NOT_FOUND}),
        (OSError("Name or service not known"), {Failure.NAME_NOT_FOUND}),
        (UnicodeError("label too long"), {Failure.NAME_NOT_FOUND}),
        (RuntimeError("Resolver is closed"), {Failure.NAME_NOT_FOUND}),
    ],
)
async def test_what_a_name_server_says(
    chooser: Chooser, addresses: list[str] | Exception, outcomes: set[str | Failure]
) -> None:
    """Of several addresses one that may be dialed and answers is used, of the first four."""
    name = f"music.{chooser.server.certificate_hash}.plex.direct"
    host = f"{name}:{chooser.server.port}"
    chooser.names[name] = addresses
    choice = await chooser.choose(way(f"https://{host}"))
    found = {host_of(choice)} if choice.connection else {*failures_of(choice)}
    assert found <= outcomes
    assert url_of(choice) in (None, f"https://{host}")
    assert {one.headers["Host"] for one in chooser.server.requests} <= {host}
    dialled = {*chooser.dialled}
    assert dialled <= {*(addresses if isinstance(addresses, list) else [])}
    assert len(dialled) <= 4
    assert await chooser.works()


@pytest.mark.parametrize(
    ("uri", "policy", "address", "failure"),
    [
        ("http://localhost", OWNED, "8.8.8.8", Failure.PLAIN_HTTP),
        ("https://a.example", FROM_AFAR, "127.0.0.1", Failure.LOOPBACK),
        ("https://a.example", FROM_AFAR, "::ffff:127.0.0.1", Failure.LOOPBACK),
        ("https://a.example", FROM_AFAR, "10.0.0.1", Failure.PRIVATE),
        ("https://a.example", FROM_AFAR, "fd00::1", Failure.PRIVATE),
        ("https://a.example", FROM_AFAR, "64:ff9b::a00:1", Failure.PRIVATE),
        ("https://a.example", FROM_AFAR, "100.64.0.1", Failure.NOT_PUBLIC),
        ("https://a.example", FROM_AFAR, "169.254.169.254", Failure.LINK_LOCAL),
    ],
)
async def test_name_with_an_address_that_is_not_dialed(
    chooser: Chooser, uri: str, policy: DialPolicy, address: str, failure: Failure
) -> None:
    """Whoever wrote the name may have written any address into it."""
    chooser.names[uri.partition("//")[2]] = [address]
    choice = await chooser.choose(way(uri), policy=policy)
    assert failures_of(choice) == [failure]
    assert chooser.dialled == []
    assert await chooser.works()


@pytest.mark.parametrize(
    "error", [errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL]
)
async def test_no_route_to_the_address_in_a_name(chooser: Chooser, error: int) -> None:
    """Where the network has no way to it, the name is resolved: NAT64 leads there."""
    chooser.bench.network.no_route["127.0.0.1"] = error
    carried = chooser.at("127.0.0.1")
    name = carried.uri.removeprefix("https://").partition(":")[0]
    unresolved = await chooser.choose(carried)
    assert failures_of(unresolved) == [Failure.NAME_NOT_FOUND]
    chooser.names[name] = ["::1"]
    choice = await chooser.choose(carried)
    assert (host_of(choice), url_of(choice)) == ("::1", carried.uri)
    assert chooser.looked_up == [name] * 2

    bare = await chooser.choose(way(f"https://127.0.0.1:{chooser.server.port}"))
    assert failures_of(bare) == [Failure.NOT_CONNECTED]
