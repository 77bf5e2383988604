"""Which connection of a server is chosen: probes over real TLS, on loopback."""

import asyncio
from collections.abc import Callable, Iterable
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
from tests.simulator import Account, Server, Simulator

from .common import (
    IDENTITY_HEADERS,
    PLEX_DIRECT_HASH,
    Network,
    advertised,
    listed_server,
    of_server,
    sent_with,
    way,
)

OWNED = DialPolicy(owned=True, private=False, loopback=True)
SHARED = DialPolicy(owned=False, private=False, loopback=True)
FROM_AFAR = DialPolicy(owned=False, private=False, loopback=False)


class Chooser:
    """Chooses a connection of one server; `names` is what its name server says."""

    def __init__(self, network: Network, server: Server) -> None:
        """Choose for one server; its owner's token is at hand."""
        self._network = network
        self._server = server
        self.names: dict[str, list[str] | Exception] = {}
        self.looked_up: list[str] = []

    def connect(self, candidate: Candidate) -> PlexServerClient:
        """Return a client that would send a token if it were asked to."""
        return of_server(
            self._network,
            self._server,
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
        listed = ways or tuple(map(advertised, self._server.connections))
        return await choose_connection(
            listed_server(*listed, machine_identifier=self._server.machine_identifier),
            policy,
            connect=self.connect,
            resolve=self.resolve,
        )


@pytest.fixture
async def everywhere(simulator: Simulator, account: Account) -> Server:
    """Return a server that listens on several addresses."""
    return await simulator.add_server(
        owner=account, hosts=("127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"), tls=True
    )


@pytest.fixture
def chooser(network: Network, everywhere: Server) -> Chooser:
    """Return a chooser for that server."""
    return Chooser(network, everywhere)


def host_of(choice: ConnectionResult) -> str | None:
    """Return the address that was chosen."""
    return str(choice.connection.address) if choice.connection else None


def failures_of(choice: ConnectionResult) -> list[Failure]:
    """Return why others were not chosen."""
    return [one.failure for one in choice.failures]


async def until(condition: Callable[[], bool]) -> None:
    """Let the others run until something has come true."""
    while not condition():
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("dead", "winner"),
    [(0, "127.0.0.1"), (1, "::1"), (2, "127.0.0.2"), (3, "127.0.0.3"), (4, None)],
)
@pytest.mark.parametrize("policy", [OWNED, SHARED], ids=["owned", "shared"])
async def test_first_in_order_that_answers(
    chooser: Chooser,
    everywhere: Server,
    dead: int,
    winner: str | None,
    policy: DialPolicy,
) -> None:
    """Local before remote before relay, IPv4 before IPv6, as far as they answer."""
    ways = [
        everywhere.connection(host="127.0.0.1"),
        everywhere.connection(host="::1"),
        everywhere.connection(host="127.0.0.2", local=False),
        everywhere.connection(host="127.0.0.3", relay=True),
    ]
    closed = [
        replace(one, uri=f"https://127-66-66-{number}.{PLEX_DIRECT_HASH}.plex.direct:1")
        for number, one in enumerate(ways)
    ]
    everywhere.connections = [*reversed(closed[:dead] + ways[dead:])]

    choice = await chooser.choose(policy=policy)

    assert host_of(choice) == winner
    assert failures_of(choice) == [Failure.NOT_CONNECTED] * dead
    assert choice.is_best == (dead == 0)
    assert not choice.insecure_only
    assert not choice.certificate_refused


async def test_probes_carry_an_identity_and_no_token(
    chooser: Chooser, everywhere: Server
) -> None:
    """Every probe says who is asking, has no token, and no name is looked up."""
    everywhere.answers_as = "somebody-else"

    choice = await chooser.choose()

    assert failures_of(choice) == [Failure.OTHER_SERVER] * 4
    assert len(everywhere.requests) == 4
    assert {(one.method, one.path) for one in everywhere.requests} == {
        ("GET", "/identity")
    }
    assert [one.token for one in everywhere.requests] == [None] * 4
    assert [
        sent_with(one.headers, IDENTITY_HEADERS) for one in everywhere.requests
    ] == [IDENTITY_HEADERS] * 4
    assert chooser.looked_up == []


async def test_another_server_answers(
    chooser: Chooser, simulator: Simulator, account: Account, everywhere: Server
) -> None:
    """A server with another identifier is not the one that was looked for."""
    stranger = await simulator.add_server(owner=account, host="127.0.0.4", tls=True)

    choice = await chooser.choose(
        advertised(stranger.connections[0]),
        advertised(everywhere.connection(host="127.0.0.2", local=False)),
    )

    assert host_of(choice) == "127.0.0.2"
    assert failures_of(choice) == [Failure.OTHER_SERVER]


async def test_nobody_waits_for_those_behind(
    chooser: Chooser,
    simulator: Simulator,
    everywhere: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once the first in order has answered, the slower ones don't matter."""
    monkeypatch.setattr(connections_module, "BETTER_SECONDS", 60)
    silent = await simulator.add_silent()

    choice = await chooser.choose(
        advertised(everywhere.connections[0]),
        way(f"https://127.0.0.1:{silent}", local=False),
        way(f"https://127.0.0.1:{silent}", relay=True),
    )

    assert host_of(choice) == "127.0.0.1"
    assert choice.is_best
    assert choice.failures == ()


async def test_a_quick_relay_does_not_win_over_a_slow_local_one(
    chooser: Chooser, simulator: Simulator, account: Account, everywhere: Server
) -> None:
    """Who is earlier in order wins, even if others were somewhat quicker."""
    quick = await simulator.add_server(
        owner=account,
        host="127.0.0.4",
        tls=True,
        answers_as=everywhere.machine_identifier,
    )
    simulator.fault(host=everywhere.machine_identifier, delay=0.1)

    choice = await chooser.choose(
        advertised(quick.connection(relay=True)),
        advertised(everywhere.connection(host="127.0.0.2")),
    )

    assert host_of(choice) == "127.0.0.2"
    assert len(quick.requests) == 1


async def silent_ways(simulator: Simulator, count: int) -> list[PlexConnection]:
    """Return connections that accept and say nothing."""
    return [
        way(f"https://127.0.0.1:{await simulator.add_silent()}") for _ in range(count)
    ]


@pytest.mark.parametrize("dead", [1, 3, 23])
async def test_silent_ones_cost_little(
    chooser: Chooser, simulator: Simulator, everywhere: Server, dead: int
) -> None:
    """Connections that are silent and preferred are waited for 0.3 s, not 5 s."""
    silent = await silent_ways(simulator, dead)
    loop = asyncio.get_running_loop()
    started = loop.time()

    choice = await chooser.choose(
        *silent, advertised(everywhere.connection(host="127.0.0.2", local=False))
    )

    assert host_of(choice) == "127.0.0.2"
    assert failures_of(choice) == [Failure.TIMEOUT] * dead
    assert not choice.is_best
    assert loop.time() - started < connections_module.PROBE_SECONDS / 2


@pytest.mark.parametrize(
    "other", ["refused", "silent", "certificate", "another server", "unknown name"]
)
async def test_the_pause_tells_nothing(
    chooser: Chooser,
    simulator: Simulator,
    account: Account,
    everywhere: Server,
    other: str,
) -> None:
    """Whoever shares a server can't tell from a pause what another address does."""
    stranger = await simulator.add_server(owner=account, host="127.0.0.4", tls=True)
    uris = {
        "refused": f"https://127.0.0.1:{simulator.closed_port()}",
        "silent": f"https://127.0.0.1:{await simulator.add_silent()}",
        "certificate": f"https://127.0.0.4:{stranger.port}",
        "another server": stranger.connections[0].uri,
        "unknown name": "https://music.example.com",
    }
    loop = asyncio.get_running_loop()
    started = loop.time()

    choice = await chooser.choose(
        way(uris[other]),
        advertised(everywhere.connection(host="127.0.0.2", local=False)),
        policy=SHARED,
    )

    assert host_of(choice) == "127.0.0.2"
    assert loop.time() - started >= connections_module.BETTER_SECONDS


async def test_silence_everywhere(
    chooser: Chooser,
    simulator: Simulator,
    everywhere: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A probe that gets no answer in time counts as dead, and 24 of them end together."""
    monkeypatch.setattr(connections_module, "PROBE_SECONDS", 0.5)
    hanging = simulator.fault(host=everywhere.machine_identifier, action="hang")

    choice = await chooser.choose(
        *await silent_ways(simulator, 23), advertised(everywhere.connections[0])
    )

    assert failures_of(choice) == [Failure.TIMEOUT] * 24
    monkeypatch.undo()
    hanging.remove()
    assert host_of(await chooser.choose()) == "127.0.0.1"


async def test_cancelled_choice(
    chooser: Chooser, simulator: Simulator, everywhere: Server
) -> None:
    """A choice that is no longer wanted leaves nothing running."""
    hanging = simulator.fault(host=everywhere.machine_identifier, action="hang")
    choosing = asyncio.create_task(chooser.choose())
    await until(lambda: hanging.hits == 4)

    choosing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await choosing

    hanging.remove()
    assert host_of(await chooser.choose()) == "127.0.0.1"


async def test_certificate_of_another_name(
    chooser: Chooser, everywhere: Server
) -> None:
    """A certificate of another hash is told apart from silence."""
    old = [advertised(one) for one in everywhere.connections]
    everywhere.renew_certificate()

    choice = await chooser.choose(*old)

    assert choice.connection is None
    assert failures_of(choice) == [Failure.CERTIFICATE] * 4
    assert choice.certificate_refused
    assert everywhere.requests == []
    assert host_of(await chooser.choose()) == "127.0.0.1"


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ({"status": 401}, Failure.WRONG_ANSWER),
        ({"status": 404}, Failure.WRONG_ANSWER),
        ({"status": 500}, Failure.WRONG_ANSWER),
        ({"status": 302, "headers": {"Location": "/web"}}, Failure.WRONG_ANSWER),
        ({"body": "<html><body>Router</body></html>"}, Failure.WRONG_ANSWER),
        ({"body": {"MediaContainer": {}}}, Failure.WRONG_ANSWER),
        ({"body": "nonsense"}, Failure.WRONG_ANSWER),
        ({"action": "endless"}, Failure.WRONG_ANSWER),
        ({"action": "truncate"}, Failure.NOT_CONNECTED),
        ({"status": 429, "headers": {"Retry-After": "60"}}, Failure.RATE_LIMITED),
    ],
    ids=str,
)
async def test_answers_of_somebody_else(
    chooser: Chooser,
    simulator: Simulator,
    everywhere: Server,
    fault: dict[str, Any],
    failure: Failure,
) -> None:
    """An answer that no server gives to a probe is not the server's."""
    answering = simulator.fault(host=everywhere.machine_identifier, **fault)

    choice = await chooser.choose(advertised(everywhere.connections[0]))

    assert choice.connection is None
    assert failures_of(choice) == [failure]
    assert choice.retry_after == (60 if failure is Failure.RATE_LIMITED else 0)
    answering.remove()
    assert host_of(await chooser.choose()) == "127.0.0.1"


async def test_maintenance(chooser: Chooser, everywhere: Server) -> None:
    """A server that migrates its database says so."""
    everywhere.maintenance = True
    assert {*failures_of(await chooser.choose())} == {Failure.MAINTENANCE}
    everywhere.maintenance = False
    assert host_of(await chooser.choose()) == "127.0.0.1"


async def test_nothing_to_choose_from(chooser: Chooser, network: Network) -> None:
    """What may not be dialed isn't; the reasons are told with their kind."""
    choice = await chooser.choose(
        way("https://169.254.169.254"), way("nonsense", relay=True), policy=SHARED
    )

    assert choice.connection is None
    assert [(one.kind, one.failure) for one in choice.failures] == [
        (ConnectionKind.LOCAL, Failure.LINK_LOCAL),
        (ConnectionKind.RELAY, Failure.MALFORMED),
    ]
    assert network.dialled == []
    assert host_of(await chooser.choose()) == "127.0.0.1"


async def test_list_from_afar(chooser: Chooser, network: Network) -> None:
    """A list that doesn't come from this machine can't make us dial it."""
    choice = await chooser.choose(policy=FROM_AFAR)

    assert failures_of(choice) == [Failure.LOOPBACK] * 4
    assert network.dialled == []
    assert host_of(await chooser.choose()) == "127.0.0.1"


async def test_plain_http(
    chooser: Chooser, network: Network, simulator: Simulator, account: Account
) -> None:
    """It is not dialed but on this machine; a server without anything else is told of."""
    plain_http = way("http://10.0.0.1:32400")
    choice = await chooser.choose(plain_http)
    assert choice.connection is None
    assert choice.insecure_only
    assert network.dialled == []

    choice = await chooser.choose(
        plain_http, way(f"https://127.0.0.1:{simulator.closed_port()}")
    )
    assert choice.connection is None
    assert not choice.insecure_only

    plain = await simulator.add_server(owner=account)
    choice = await Chooser(network, plain).choose()
    assert choice.connection is not None
    assert choice.connection.url == plain.url
    assert not choice.insecure_only


async def test_plain_http_whose_port_speaks_tls(
    network: Network, simulator: Simulator, account: Account, everywhere: Server
) -> None:
    """With a plex.direct name such a port is reached over TLS, and preferred so."""
    for server in everywhere, await simulator.add_server(owner=account, tls=True):
        uri = server.connection(scheme="http").uri
        choice = await Chooser(network, server).choose(way(uri))
        assert choice.connection is not None
        assert choice.connection.url == uri.replace("http:", "https:")
        assert {one.secure for one in server.requests} == {True, False}


async def test_many_connections(
    chooser: Chooser, network: Network, everywhere: Server
) -> None:
    """The 25th connection isn't tried, even if it is the only one that works."""
    dead = [
        way(f"https://127-66-66-{number}.{PLEX_DIRECT_HASH}.plex.direct:1")
        for number in range(1, 25)
    ]
    alive = advertised(everywhere.connections[0])

    beyond = await chooser.choose(*dead, alive)
    assert beyond.connection is None
    assert len(beyond.failures) == 24
    assert len({*network.dialled}) == 24

    assert host_of(await chooser.choose(*dead[1:], alive)) == "127.0.0.1"


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


async def test_name_of_ones_own(chooser: Chooser, everywhere: Server) -> None:
    """Another name is looked up, and then dialed at the address that was found."""
    name = f"music.{everywhere.certificate_hash}.plex.direct"
    chooser.names[name] = ["127.0.0.2"]

    choice = await chooser.choose(way(f"https://{name}:{everywhere.port}"))

    assert host_of(choice) == "127.0.0.2"
    assert choice.connection is not None
    assert choice.connection.url == f"https://{name}:{everywhere.port}"
    assert everywhere.requests[0].headers["Host"] == f"{name}:{everywhere.port}"


@pytest.mark.parametrize(
    ("addresses", "outcomes"),
    [
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
    chooser: Chooser,
    network: Network,
    everywhere: Server,
    addresses: list[str] | Exception,
    outcomes: set[str | Failure],
) -> None:
    """Of several addresses one that may be dialed and answers is used, of the first four."""
    name = f"music.{everywhere.certificate_hash}.plex.direct"
    chooser.names[name] = addresses

    choice = await chooser.choose(way(f"https://{name}:{everywhere.port}"))

    found = {host_of(choice)} if choice.connection else {*failures_of(choice)}
    assert found <= outcomes
    allowed = addresses if isinstance(addresses, list) else []
    assert {*network.dialled} <= {*allowed}
    assert len({*network.dialled}) <= 4
    assert host_of(await chooser.choose()) == "127.0.0.1"


@pytest.mark.parametrize(
    ("address", "failure"),
    [
        ("127.0.0.1", Failure.LOOPBACK),
        ("::ffff:127.0.0.1", Failure.LOOPBACK),
        ("10.0.0.1", Failure.PRIVATE),
        ("fd00::1", Failure.PRIVATE),
        ("64:ff9b::a00:1", Failure.PRIVATE),
        ("100.64.0.1", Failure.NOT_PUBLIC),
        ("169.254.169.254", Failure.LINK_LOCAL),
    ],
)
async def test_name_with_an_address_that_is_not_dialed(
    chooser: Chooser, network: Network, address: str, failure: Failure
) -> None:
    """Whoever wrote the name may have written any address into it."""
    chooser.names["music.example.com"] = [address]

    choice = await chooser.choose(way("https://music.example.com"), policy=FROM_AFAR)

    assert failures_of(choice) == [failure]
    assert network.dialled == []
    assert host_of(await chooser.choose()) == "127.0.0.1"


async def test_localhost(
    network: Network, simulator: Simulator, account: Account
) -> None:
    """The name localhost is believed only where its address is loopback."""
    plain = await simulator.add_server(owner=account)
    chooser = Chooser(network, plain)
    localhost = way(f"http://localhost:{plain.port}")
    chooser.names["localhost"] = ["8.8.8.8"]

    assert failures_of(await chooser.choose(localhost)) == [Failure.PLAIN_HTTP]
    assert network.dialled == []

    chooser.names["localhost"] = ["127.0.0.1"]
    assert host_of(await chooser.choose(localhost)) == "127.0.0.1"
    assert host_of(await chooser.choose(localhost, policy=FROM_AFAR)) is None


@pytest.mark.parametrize(
    "error", [errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL]
)
async def test_no_route_to_the_address_in_a_name(
    chooser: Chooser, network: Network, everywhere: Server, error: int
) -> None:
    """Where the network has no way to it, the name is resolved: NAT64 leads there."""
    network.no_route["127.0.0.1"] = error
    carried = everywhere.connection(host="127.0.0.1")
    name = carried.uri.removeprefix("https://").partition(":")[0]

    assert failures_of(await chooser.choose(advertised(carried))) == [
        Failure.NAME_NOT_FOUND
    ]
    chooser.names[name] = ["::1"]
    choice = await chooser.choose(advertised(carried))
    assert host_of(choice) == "::1"
    assert choice.connection is not None
    assert choice.connection.url == carried.uri
    assert chooser.looked_up == [name] * 2

    bare = way(f"https://127.0.0.1:{everywhere.port}")
    assert failures_of(await chooser.choose(bare)) == [Failure.NOT_CONNECTED]
