"""Which connections of a server may be dialled, and which one is chosen."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
import socket
from time import monotonic
from typing import Any

import pytest

from custom_components.plex_account.api import (
    Candidate,
    Choice,
    ConnectionKind,
    Failure,
    PlexConnection,
    PlexServerClient,
    Trust,
    candidates,
    choose_connection,
    connections as connections_module,
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

STRANGER = Trust(loopback=False, private=False)
NEIGHBOUR = Trust(loopback=False, private=True)
HERE = Trust(loopback=True, private=True)
HERE_BUT_STRANGER = Trust(loopback=True, private=False)
EVERY_TRUST = (STRANGER, NEIGHBOUR, HERE, HERE_BUT_STRANGER)


# The rules for addresses, without dialling


def uri_of(address: str) -> str:
    """Return the URI of a bare address."""
    host = f"[{address}]" if ":" in address else address
    return f"https://{host}:32400"


def plex_direct_of(address: str) -> str:
    """Return the URI of the plex.direct name of an address."""
    parsed = ip_address(address)
    label = {4: address.replace(".", "-"), 6: parsed.packed.hex("-", 2)}[parsed.version]
    return f"https://{label}.{PLEX_DIRECT_HASH}.plex.direct:32400"


WRITTEN = pytest.mark.parametrize(
    "written", [uri_of, plex_direct_of], ids=["bare", "plex.direct"]
)

PUBLIC = (
    "203.0.113.7",
    "8.8.8.8",
    "100.64.0.1",
    "100.127.255.255",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.255.255",
    "2001:db8::7",
    "2606:4700::1",
    "::ffff:8.8.8.8",
    "2002:808:808::1",
)
PRIVATE = (
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.255.255",
    "fc00::1",
    "fd12:3456:789a::1",
    "::ffff:192.168.0.1",
    "::ffff:c0a8:1",
    "2002:a00:1::1",
    "2002:c0a8:1::1",
)
LOOPBACK = (
    "127.0.0.1",
    "127.0.0.2",
    "127.255.255.255",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
)
NEVER = {
    "0.0.0.0": Failure.UNSPECIFIED,
    "0.1.2.3": Failure.UNSPECIFIED,
    "::": Failure.UNSPECIFIED,
    "::ffff:0.0.0.0": Failure.UNSPECIFIED,
    "224.0.0.1": Failure.MULTICAST,
    "239.255.255.250": Failure.MULTICAST,
    "ff02::1": Failure.MULTICAST,
    "::ffff:224.0.0.1": Failure.MULTICAST,
    "169.254.169.254": Failure.LINK_LOCAL,
    "fe80::1": Failure.LINK_LOCAL,
    "::ffff:169.254.169.254": Failure.LINK_LOCAL,
    "240.0.0.1": Failure.RESERVED,
    "255.255.255.255": Failure.RESERVED,
    "64:ff9b::7f00:1": Failure.RESERVED,
    "64:ff9b::808:808": Failure.RESERVED,
    "::127.0.0.1": Failure.RESERVED,
    "::2": Failure.RESERVED,
    "4000::1": Failure.RESERVED,
    "2002:7f00:1::1": Failure.LOOPBACK,
    "2002:a9fe:a9fe::1": Failure.LINK_LOCAL,
    "2002:e000:1::1": Failure.MULTICAST,
    "2001:0:808:808:0:0:80ff:fffe": Failure.LOOPBACK,
}
"""With the failure that is told for each, whatever the list is trusted with."""


def refusals(uri: str, trust: Trust) -> list[Failure]:
    """Return why a connection may not be dialled; nothing if it may."""
    allowed, refused = candidates(listed_server(way(uri)), trust)
    assert len(allowed) + len(refused) == 1
    return [attempt.failure for attempt in refused]


@WRITTEN
@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str, written: Callable[[str], str]) -> None:
    """A public address may be dialled, whoever wrote it."""
    assert [refusals(written(address), trust) for trust in EVERY_TRUST] == [[]] * 4


@WRITTEN
@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses(address: str, written: Callable[[str], str]) -> None:
    """A private address leads into our own network: that needs trust."""
    uri = written(address)

    assert refusals(uri, STRANGER) == [Failure.PRIVATE]
    assert refusals(uri, HERE_BUT_STRANGER) == [Failure.PRIVATE]
    assert refusals(uri, NEIGHBOUR) == []
    assert refusals(uri, HERE) == []


@WRITTEN
@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback(address: str, written: Callable[[str], str]) -> None:
    """This machine is dialled only for a list that comes from it."""
    uri = written(address)

    assert refusals(uri, STRANGER) == [Failure.LOOPBACK]
    assert refusals(uri, NEIGHBOUR) == [Failure.LOOPBACK]
    assert refusals(uri, HERE) == []
    assert refusals(uri, HERE_BUT_STRANGER) == []


@WRITTEN
@pytest.mark.parametrize(("address", "failure"), NEVER.items())
def test_addresses_that_are_never_dialled(
    address: str, failure: Failure, written: Callable[[str], str]
) -> None:
    """These are refused, whoever wrote them."""
    uri = written(address)

    assert [refusals(uri, trust) for trust in EVERY_TRUST] == [[failure]] * 4


@pytest.mark.parametrize(
    "uri",
    [
        "https://203.0.113.7:32400",
        "https://203.0.113.7:32400/",
        "https://203.0.113.7",
        "https://203.0.113.7:1",
        "https://203.0.113.7:65535",
        "HTTPS://[2001:DB8::7]:32400",
        "https://music.example.com:32400",
        "https://music.example.com",
        "https://my_server.local",
        f"https://203-0-113-7.{PLEX_DIRECT_HASH}.plex.direct:32400",
        f"https://203-0-113-7.{PLEX_DIRECT_HASH.upper()}.Plex.Direct:32400",
        f"https://127-0-0-1.{PLEX_DIRECT_HASH}.evilplex.direct:32400",
        f"https://0177-0-0-1.{PLEX_DIRECT_HASH}.plex.direct:32400",
    ],
)
def test_connections_of_good_form(uri: str) -> None:
    """Either scheme of the web, a host and perhaps a port."""
    assert refusals(uri, STRANGER) == []


@pytest.mark.parametrize(
    "uri",
    [
        "https://203.0.113.7:32400/library",
        "https://203.0.113.7:32400//",
        "https://203.0.113.7:32400?x=1",
        "https://203.0.113.7:32400/?x=1",
        "https://203.0.113.7:32400#x",
        "https://user@203.0.113.7:32400",
        "https://user:password@203.0.113.7:32400",
        "https://203.0.113.7:32400@127.0.0.1",
        "https://203.0.113.7\\@127.0.0.1",
        "https://203.0.113.7:32400\n",
        "https://203.0.113.7:32400 ",
        " https://203.0.113.7:32400",
        "https://203.0.113.7:",
        "https://203.0.113.7:0",
        "https://203.0.113.7:65536",
        "https://203.0.113.7:99999",
        "https://203.0.113.7:324000",
        "https://203.0.113.7:port",
        "https://203.0.113.7:-1",
        "https://203.0.113.7:٣٢٤",
        "https://",
        "https:///",
        "https://:32400",
        "https://[::1",
        "https://[2001:db8::7%25eth0]:32400",
        "https://[fe80::1%eth0]:32400",
        "https://[1:2:3]:32400",
        "https://[v1.a]:32400",
        "https://2001:db8::7:32400",
        "ftp://203.0.113.7:32400",
        "file:///etc/passwd",
        "//203.0.113.7:32400",
        "203.0.113.7:32400",
        "https:203.0.113.7",
        "https://mus%69c.example.com",
        "https://müsic.example.com",
        "https://ⓔxample.com",
        "https://127.0.0.1:32400",
        "https://2130706433:32400",
        "https://0x7f000001:32400",
        "https://0x7F.0.0.1:32400",
        "https://127.0.0.0x1:32400",
        "https://0x:32400",
        "https://0177.0.0.1:32400",
        "https://017700000001:32400",
        "https://127.1:32400",
        "https://127.0.1:32400",
        "https://10.1:32400",
        "https://127.0.0.1.:32400",
        "https://0x7f.1.:32400",
        "https://1.2.3.4.5:32400",
        "https://256.0.0.1:32400",
        "https://00000010.0.0.1:32400",
        "https://example.1:32400",
    ],
)
def test_connections_of_bad_form(uri: str) -> None:
    """Anything more, and other ways to write an address, are refused as a whole."""
    assert refusals(uri, Trust(loopback=False, private=True)) in (
        [Failure.MALFORMED],
        [Failure.LOOPBACK],
    )


@pytest.mark.parametrize(
    "uri",
    [
        "http://203.0.113.7:32400",
        "http://10.0.0.1:32400",
        "http://[2001:db8::7]:32400",
        "http://music.example.com:32400",
        "http://localhost.example.com:32400",
        f"http://10-0-0-1.{PLEX_DIRECT_HASH}.plex.direct:32400",
    ],
)
@pytest.mark.parametrize("trust", [NEIGHBOUR, HERE])
def test_plain_http(uri: str, trust: Trust) -> None:
    """Plain http is no way to a server."""
    assert refusals(uri, trust) == [Failure.PLAIN_HTTP]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        f"127-0-0-1.{PLEX_DIRECT_HASH}.plex.direct",
    ],
)
def test_plain_http_on_loopback(host: str) -> None:
    """On this machine it is, where the list comes from this machine as well."""
    assert refusals(f"http://{host}:32400", HERE) == []
    assert refusals(f"http://{host}:32400", NEIGHBOUR) == [Failure.LOOPBACK]


def test_what_a_candidate_says() -> None:
    """URL, host, port and address are taken from the URI, and from nothing else."""
    uris = [
        f"https://203-0-113-7.{PLEX_DIRECT_HASH}.plex.direct:32400/",
        "https://[2001:db8::7]",
        "https://music.example.com:8443",
        "http://127.0.0.1",
    ]
    server = listed_server(*map(way, uris))

    allowed, refused = candidates(server, HERE)

    assert refused == []
    assert [
        (one.url, one.host, one.port, str(one.address), one.ipv6) for one in allowed
    ] == [
        (
            f"https://203-0-113-7.{PLEX_DIRECT_HASH}.plex.direct:32400",
            f"203-0-113-7.{PLEX_DIRECT_HASH}.plex.direct",
            32400,
            "203.0.113.7",
            False,
        ),
        ("https://music.example.com:8443", "music.example.com", 8443, "None", False),
        ("http://127.0.0.1:80", "127.0.0.1", 80, "127.0.0.1", False),
        ("https://[2001:db8::7]:443", "2001:db8::7", 443, "2001:db8::7", True),
    ]


def test_what_a_list_says_beside_the_uri_is_not_believed() -> None:
    """Protocol, address and port of an entry are ignored; none is made up from them."""
    liar = PlexConnection(
        uri="https://10.0.0.1:32400",
        protocol="https",
        address="203.0.113.7",
        port=443,
        local=False,
        relay=False,
        ipv6=False,
    )

    allowed, refused = candidates(listed_server(liar), STRANGER)

    assert allowed == []
    assert [attempt.failure for attempt in refused] == [Failure.PRIVATE]


def test_order() -> None:
    """Local, remote, relay; in each IPv4 before IPv6, as its address says."""
    ways = [
        way("https://[2001:db8::3]", local=False, relay=True),
        way("https://203.0.113.3", local=True, relay=True),
        way("https://[2001:db8::2]", local=False),
        way("https://remote6.example.com", local=False, ipv6=True),
        way("https://203.0.113.2", local=False, ipv6=True),
        way("https://[2001:db8::1]"),
        way("https://203.0.113.1"),
        way("https://203.0.113.11"),
    ]

    allowed, _ = candidates(listed_server(*ways), STRANGER)

    assert [(one.kind, one.host) for one in allowed] == [
        (ConnectionKind.LOCAL, "203.0.113.1"),
        (ConnectionKind.LOCAL, "203.0.113.11"),
        (ConnectionKind.LOCAL, "2001:db8::1"),
        (ConnectionKind.REMOTE, "203.0.113.2"),
        (ConnectionKind.REMOTE, "2001:db8::2"),
        (ConnectionKind.REMOTE, "remote6.example.com"),
        (ConnectionKind.RELAY, "203.0.113.3"),
        (ConnectionKind.RELAY, "2001:db8::3"),
    ]


def test_the_same_connection_twice() -> None:
    """A connection that is listed twice is dialled once."""
    twice = way("https://203.0.113.7:443")

    allowed, refused = candidates(
        listed_server(twice, way("https://203.0.113.7/", local=False), twice), STRANGER
    )

    assert [one.kind for one in allowed] == [ConnectionKind.LOCAL]
    assert refused == []


def test_at_most_24_are_considered() -> None:
    """A list of ten thousand doesn't make us dial, or remember, ten thousand."""
    ways = [way(f"https://203.0.113.7:{port}") for port in range(1, 10_001)]
    bad = [way("nonsense")] * 10_000

    allowed, refused = candidates(listed_server(*ways), STRANGER)
    assert (len(allowed), len(refused)) == (24, 0)

    allowed, refused = candidates(listed_server(*bad), STRANGER)
    assert (len(allowed), len(refused)) == (0, 24)


def test_no_connections() -> None:
    """A server may have none."""
    assert candidates(listed_server(), STRANGER) == ([], [])


# The choice, over real TLS


class Chooser:
    """Chooses a connection as the integration does, and keeps the clients it made."""

    def __init__(self, network: Network, server: Server) -> None:
        """Choose for one server; its owner's token is at hand."""
        self._network = network
        self._server = server
        self.limit = asyncio.Semaphore(16)

    def connect(self, candidate: Candidate) -> PlexServerClient:
        """Return a client that would send a token if it were asked to."""
        return of_server(
            self._network,
            self._server,
            candidate.url,
            address=candidate.address,
            token="server-token-to-be-kept",
        )

    async def choose(self, *ways: PlexConnection, trust: Trust = HERE) -> Choice:
        """Choose among some connections, those of the server if none are given."""
        listed = ways or tuple(map(advertised, self._server.connections))
        return await choose_connection(
            listed_server(*listed, machine_identifier=self._server.machine_identifier),
            trust,
            connect=self.connect,
            limit=self.limit,
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


def host_of(choice: Choice) -> str | None:
    """Return the address that was chosen."""
    return choice.connection and str(choice.connection.address)


def failures_of(choice: Choice) -> list[Failure]:
    """Return why others were not chosen."""
    return [attempt.failure for attempt in choice.attempts]


async def until(condition: Callable[[], bool]) -> None:
    """Let the others run until something has come true."""
    while not condition():
        await asyncio.sleep(0)


async def others_had_their_chance() -> None:
    """Let whatever could run do so."""
    for _ in range(200):
        await asyncio.sleep(0)


async def test_first_in_order_wins(chooser: Chooser, everywhere: Server) -> None:
    """Where all answer, it is the local one with IPv4."""
    everywhere.connections = [
        everywhere.connection(host="127.0.0.3", relay=True),
        everywhere.connection(host="127.0.0.2", local=False),
        everywhere.connection(host="::1"),
        everywhere.connection(host="127.0.0.1"),
    ]

    choice = await chooser.choose()

    assert choice.connection is not None
    assert choice.connection.kind is ConnectionKind.LOCAL
    assert choice.connection.url == everywhere.connections[3].uri
    assert host_of(choice) == "127.0.0.1"
    assert choice.attempts == ()
    assert not choice.insecure_only
    assert not choice.certificate_refused


@pytest.mark.parametrize(
    ("dead", "winner"),
    [
        (0, "127.0.0.1"),
        (1, "::1"),
        (2, "127.0.0.2"),
        (3, "127.0.0.3"),
        (4, None),
    ],
)
async def test_next_in_order_if_the_first_are_dead(
    chooser: Chooser, everywhere: Server, dead: int, winner: str | None
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
    everywhere.connections = closed[:dead] + ways[dead:]

    choice = await chooser.choose()

    assert host_of(choice) == winner
    assert failures_of(choice) == [Failure.NOT_CONNECTED] * dead


async def test_probes_carry_an_identity_and_no_token(
    chooser: Chooser, everywhere: Server
) -> None:
    """Every probe says who is asking, and has no token."""
    everywhere.answers_as = "somebody-else"

    await chooser.choose()

    assert len(everywhere.requests) == 4
    assert {one.path for one in everywhere.requests} == {"/identity"}
    assert {one.method for one in everywhere.requests} == {"GET"}
    assert [one.token for one in everywhere.requests] == [None] * 4
    assert [
        sent_with(one.headers, IDENTITY_HEADERS) for one in everywhere.requests
    ] == [IDENTITY_HEADERS] * 4


async def test_names_are_not_looked_up(
    chooser: Chooser, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """plex.direct names are dialled without DNS."""

    def look_up(host: str, *args: Any, **kwargs: Any) -> None:
        pytest.fail(f"{host} was looked up")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)
        choice = await chooser.choose()

    assert host_of(choice) == "127.0.0.1"
    assert {*network.dialled} <= {"127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"}


async def test_another_server_answers(
    chooser: Chooser, simulator: Simulator, account: Account, everywhere: Server
) -> None:
    """A server with another identifier is not the one that was looked for."""
    stranger = await simulator.add_server(owner=account, host="127.0.0.4", tls=True)
    ways = [
        advertised(stranger.connections[0]),
        advertised(everywhere.connection(host="127.0.0.2", local=False)),
    ]

    choice = await chooser.choose(*ways)

    assert host_of(choice) == "127.0.0.2"
    assert failures_of(choice) == [Failure.OTHER_SERVER]


async def test_nobody_waits_for_those_behind(
    chooser: Chooser, simulator: Simulator, account: Account, everywhere: Server
) -> None:
    """Once the first in order has answered, the slower ones don't matter."""
    slow = await simulator.add_server(owner=account, host="127.0.0.4", tls=True)
    simulator.fault(host=slow.machine_identifier, action="hang")
    started = monotonic()

    choice = await chooser.choose(
        advertised(everywhere.connections[0]),
        advertised(slow.connection(local=False)),
        advertised(slow.connection(relay=True)),
    )

    assert host_of(choice) == "127.0.0.1"
    assert choice.attempts == ()
    assert monotonic() - started < connections_module.PROBE_SECONDS


async def test_a_quick_relay_does_not_win_over_a_slow_local_one(
    chooser: Chooser, simulator: Simulator, account: Account, everywhere: Server
) -> None:
    """Who is earlier in order wins, even if others were quicker."""
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


async def test_hung_probe(
    chooser: Chooser,
    simulator: Simulator,
    account: Account,
    everywhere: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A probe that gets no answer in time counts as dead."""
    monkeypatch.setattr(connections_module, "PROBE_SECONDS", 0.4)
    hung = await simulator.add_server(owner=account, host="127.0.0.4", tls=True)
    simulator.fault(host=hung.machine_identifier, action="hang")

    choice = await chooser.choose(
        advertised(hung.connections[0]),
        advertised(everywhere.connection(host="127.0.0.2", local=False)),
    )

    assert host_of(choice) == "127.0.0.2"
    assert failures_of(choice) == [Failure.TIMEOUT]


async def test_the_choice_takes_no_longer_than_it_may(
    chooser: Chooser,
    simulator: Simulator,
    everywhere: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many probes hang behind each other, there is an end."""
    monkeypatch.setattr(connections_module, "CHOICE_SECONDS", 0.3)
    chooser.limit = asyncio.Semaphore(1)
    hanging = simulator.fault(host=everywhere.machine_identifier, action="hang")
    started = monotonic()

    choice = await chooser.choose()

    assert choice.connection is None
    assert {*failures_of(choice)} == {Failure.TIMEOUT}
    assert monotonic() - started < connections_module.PROBE_SECONDS
    hanging.remove()
    assert host_of(await chooser.choose()) == "127.0.0.1"


async def test_who_has_answered_when_time_is_up(
    chooser: Chooser,
    simulator: Simulator,
    account: Account,
    everywhere: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the end the first in order that has answered wins over those that hang."""
    monkeypatch.setattr(connections_module, "PROBE_SECONDS", 0.4)
    monkeypatch.setattr(connections_module, "CHOICE_SECONDS", 0.8)
    chooser.limit = asyncio.Semaphore(2)
    hung = await simulator.add_server(
        owner=account, hosts=("127.0.0.4", "127.0.0.5", "127.0.0.6"), tls=True
    )
    simulator.fault(host=hung.machine_identifier, action="hang")

    choice = await chooser.choose(
        *map(advertised, hung.connections),
        advertised(everywhere.connection(host="127.0.0.2", local=False)),
    )

    assert host_of(choice) == "127.0.0.2"


async def test_waiting_for_others_costs_no_time(
    chooser: Chooser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of a choice begins with its first probe, not while it waits its turn."""
    monkeypatch.setattr(connections_module, "CHOICE_SECONDS", 0.5)
    monkeypatch.setattr(connections_module, "PROBE_SECONDS", 0.5)
    chooser.limit = asyncio.Semaphore(0)
    asyncio.get_running_loop().call_later(0.6, chooser.limit.release)

    assert host_of(await chooser.choose()) == "127.0.0.1"


async def test_no_more_requests_than_allowed(
    chooser: Chooser, simulator: Simulator, everywhere: Server
) -> None:
    """No more probes run at once than the limit says."""
    chooser.limit = asyncio.Semaphore(2)
    everywhere.answers_as = "somebody-else"
    hanging = simulator.fault(host=everywhere.machine_identifier, action="hang")

    choosing = asyncio.create_task(chooser.choose())
    await until(lambda: hanging.hits == 2)
    await others_had_their_chance()
    assert hanging.hits == 2

    hanging.remove()
    assert failures_of(await choosing) == [Failure.OTHER_SERVER] * 4
    assert len(everywhere.requests) == 4
    assert not chooser.limit.locked()


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
    "fault",
    [
        {"status": 401},
        {"status": 404},
        {"status": 500},
        {"status": 302, "headers": {"Location": "/web"}},
        {"body": "<html><body>Router</body></html>"},
        {"body": {"MediaContainer": {}}},
        {"body": "nonsense"},
        {"action": "endless"},
    ],
    ids=str,
)
async def test_somebody_else_answers(
    chooser: Chooser, simulator: Simulator, everywhere: Server, fault: dict[str, Any]
) -> None:
    """An answer that no server gives is not the server's."""
    answering = simulator.fault(host=everywhere.machine_identifier, **fault)

    choice = await chooser.choose(advertised(everywhere.connections[0]))

    assert choice.connection is None
    assert failures_of(choice) == [Failure.WRONG_ANSWER]
    answering.remove()
    assert host_of(await chooser.choose()) == "127.0.0.1"


async def test_broken_answer(
    chooser: Chooser, simulator: Simulator, everywhere: Server
) -> None:
    """A connection that breaks off leads nowhere."""
    breaking = simulator.fault(host=everywhere.machine_identifier, action="truncate")

    choice = await chooser.choose()

    assert failures_of(choice) == [Failure.NOT_CONNECTED] * 4
    breaking.remove()
    assert host_of(await chooser.choose()) == "127.0.0.1"


async def test_nothing_to_choose_from(chooser: Chooser, network: Network) -> None:
    """What may not be dialled isn't; the reasons are told with their kind."""
    choice = await chooser.choose(
        way("https://169.254.169.254"), way("nonsense", relay=True)
    )

    assert choice.connection is None
    assert [(one.kind, one.failure) for one in choice.attempts] == [
        (ConnectionKind.LOCAL, Failure.LINK_LOCAL),
        (ConnectionKind.RELAY, Failure.MALFORMED),
    ]
    assert not choice.insecure_only
    assert network.dialled == []
    assert host_of(await chooser.choose()) == "127.0.0.1"


async def test_plain_http_only(chooser: Chooser, network: Network) -> None:
    """A server that offers nothing but plain http is told apart, and not dialled."""
    choice = await chooser.choose(
        way("http://192.0.2.1:32400"), way("https://169.254.169.254")
    )

    assert choice.connection is None
    assert choice.insecure_only
    assert network.dialled == []


async def test_plain_http_for_guests_only(chooser: Chooser, network: Network) -> None:
    """A server that is secure in its own network has secure connections switched on."""
    choice = await chooser.choose(
        way("http://music.example.com:32400"),
        way("https://10.0.0.1:32400"),
        trust=STRANGER,
    )

    assert failures_of(choice) == [Failure.PLAIN_HTTP, Failure.PRIVATE]
    assert not choice.insecure_only
    assert network.dialled == []

    choice = await chooser.choose(way("http://10.0.0.1:32400"), trust=STRANGER)
    assert choice.insecure_only


async def test_plain_http_among_others(chooser: Chooser, everywhere: Server) -> None:
    """Beside a secure connection, plain http is merely not used."""
    choice = await chooser.choose(
        way("http://192.0.2.1:32400"), advertised(everywhere.connections[1])
    )

    assert host_of(choice) == "127.0.0.2"
    assert failures_of(choice) == [Failure.PLAIN_HTTP]
    assert not choice.insecure_only


async def test_plain_http_on_this_machine(
    network: Network, simulator: Simulator, account: Account
) -> None:
    """A server on this machine may speak plain http."""
    plain = await simulator.add_server(owner=account)

    choice = await Chooser(network, plain).choose()

    assert choice.connection is not None
    assert choice.connection.url == plain.url
    assert not choice.insecure_only


async def test_loopback_is_not_dialled_for_a_foreign_list(
    chooser: Chooser, network: Network, everywhere: Server
) -> None:
    """A list that doesn't come from this machine can't make us dial it."""
    choice = await chooser.choose(trust=NEIGHBOUR)

    assert failures_of(choice) == [Failure.LOOPBACK] * 4
    assert network.dialled == []
    assert everywhere.requests == []
    assert host_of(await chooser.choose()) == "127.0.0.1"


async def test_many_connections(
    chooser: Chooser, network: Network, everywhere: Server
) -> None:
    """The 25th connection isn't tried, even if it is the only one that works."""
    dead = [
        way(
            f"https://127-66-66-{number}.{PLEX_DIRECT_HASH}.plex.direct:{everywhere.port}"
        )
        for number in range(1, 25)
    ]
    alive = advertised(everywhere.connections[0])

    beyond = await chooser.choose(*dead, alive)
    assert beyond.connection is None
    assert len(beyond.attempts) == 24
    assert len({*network.dialled}) == 24

    within = await chooser.choose(*dead[1:], alive)
    assert host_of(within) == "127.0.0.1"


# Names that DNS knows


type LookUp = Callable[..., list[tuple[Any, ...]]]


def answering(*addresses: str) -> LookUp:
    """Return a look-up that finds some addresses, and refuses what no name can be."""

    def look_up(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        host.encode("idna")
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]

    return look_up


async def test_name_of_ones_own(
    chooser: Chooser, everywhere: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another name is looked up, and then dialled at the address that was found."""
    monkeypatch.setattr(socket, "getaddrinfo", answering("127.0.0.2"))
    name = f"music.{everywhere.certificate_hash}.plex.direct"

    choice = await chooser.choose(way(f"https://{name}:{everywhere.port}"))

    assert host_of(choice) == "127.0.0.2"
    assert choice.connection is not None
    assert choice.connection.url == f"https://{name}:{everywhere.port}"
    assert everywhere.requests[0].headers["Host"] == f"{name}:{everywhere.port}"


async def test_name_with_several_addresses(
    chooser: Chooser, everywhere: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several addresses one that may be dialled is, an IPv4 address first."""
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        answering("169.254.169.254", "fe80::1%eth0", "::1", "127.0.0.2"),
    )
    name = f"music.{everywhere.certificate_hash}.plex.direct"

    choice = await chooser.choose(way(f"https://{name}:{everywhere.port}"))

    assert choice.connection is not None
    assert host_of(choice) == "127.0.0.2"
    assert not choice.connection.ipv6


async def test_name_with_an_address_where_nobody_is(
    chooser: Chooser, everywhere: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If nobody listens at one address of a name, the next one is tried."""
    name = f"music.{everywhere.certificate_hash}.plex.direct"
    by_name = way(f"https://{name}:{everywhere.port}")
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", answering("127.0.0.9", "::1"))
        choice = await chooser.choose(by_name)
    assert choice.connection is not None
    assert host_of(choice) == "::1"
    assert choice.connection.ipv6

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", answering("127.0.0.9", "127.0.0.8"))
        choice = await chooser.choose(by_name)
    assert failures_of(choice) == [Failure.NOT_CONNECTED]


@pytest.mark.parametrize(
    ("address", "failure"),
    [
        ("127.0.0.1", Failure.LOOPBACK),
        ("::1", Failure.LOOPBACK),
        ("::ffff:127.0.0.1", Failure.LOOPBACK),
        ("10.0.0.1", Failure.PRIVATE),
        ("fd00::1", Failure.PRIVATE),
        ("169.254.169.254", Failure.LINK_LOCAL),
        ("fe80::1%eth0", Failure.LINK_LOCAL),
        ("0.0.0.0", Failure.UNSPECIFIED),
        ("64:ff9b::7f00:1", Failure.RESERVED),
        ("not an address", Failure.NAME_NOT_FOUND),
    ],
)
async def test_name_with_an_address_that_is_not_dialled(
    chooser: Chooser,
    network: Network,
    everywhere: Server,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    failure: Failure,
) -> None:
    """Whoever wrote the name may have written any address into it."""
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", answering(address))
        choice = await chooser.choose(
            way(f"https://music.example.com:{everywhere.port}"), trust=STRANGER
        )

    assert choice.connection is None
    assert failures_of(choice) == [failure]
    assert network.dialled == []
    assert host_of(await chooser.choose()) == "127.0.0.1"


async def test_name_without_an_address(
    chooser: Chooser, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look-up may find nothing."""
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", answering())
        choice = await chooser.choose(way("https://music.example.com"))

    assert failures_of(choice) == [Failure.NAME_NOT_FOUND]
    assert network.dialled == []
    assert host_of(await chooser.choose()) == "127.0.0.1"


async def test_name_that_is_not_found(
    chooser: Chooser, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or fail."""

    def fail(*args: Any, **kwargs: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", fail)
        choice = await chooser.choose(way("https://music.example.com"))

    assert failures_of(choice) == [Failure.NAME_NOT_FOUND]
    assert network.dialled == []
    assert host_of(await chooser.choose()) == "127.0.0.1"


@pytest.mark.parametrize(
    "name", ["a..b", ".", "...", f"{'a' * 64}.example.com", ".example.com"]
)
async def test_name_that_cannot_be_looked_up(
    chooser: Chooser,
    everywhere: Server,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """A name that no name can be does no harm to the others."""
    monkeypatch.setattr(socket, "getaddrinfo", answering("203.0.113.7"))

    choice = await chooser.choose(
        way(f"https://{name}:1"),
        advertised(everywhere.connection(host="127.0.0.2", local=False)),
    )

    assert host_of(choice) == "127.0.0.2"
    assert failures_of(choice) == [Failure.NAME_NOT_FOUND]


async def test_localhost(
    network: Network,
    simulator: Simulator,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name localhost is believed only where its address is loopback."""
    plain = await simulator.add_server(owner=account)
    chooser = Chooser(network, plain)
    localhost = way(f"http://localhost:{plain.port}")

    monkeypatch.setattr(socket, "getaddrinfo", answering("127.0.0.1"))
    assert host_of(await chooser.choose(localhost)) == "127.0.0.1"
    assert host_of(await chooser.choose(localhost, trust=STRANGER)) is None

    monkeypatch.setattr(socket, "getaddrinfo", answering("203.0.113.7"))
    before = [*network.dialled]
    choice = await chooser.choose(localhost)
    assert choice.connection is None
    assert network.dialled == before
