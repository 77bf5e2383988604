"""How a server's connection is chosen: probes over real TLS, on loopback."""

import asyncio
from dataclasses import replace
import errno
from time import monotonic
from typing import Any

import pytest

from custom_components.plex_account import api
from custom_components.plex_account.api import Failure, connections
from tests.common import until
from tests.simulator import Server

from .common import (
    CLIENT_IDENTIFIER,
    IDENTITY_HEADERS,
    PLEX_DIRECT_HASH,
    Bench,
    House,
    advertised,
    sent_with,
    way,
)

HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "::1")
CLOSED = f"https://127-66-66-66.{PLEX_DIRECT_HASH}.plex.direct"


@pytest.fixture
async def house(bench: Bench) -> House:
    """Return a house whose server listens on several addresses."""
    simulator, owner = bench.simulator, bench.account
    return House(bench, await simulator.add_server(owner=owner, hosts=HOSTS, tls=True))


async def neighbor(house: House, **fields: Any) -> Server:
    """Return another server of the same owner, on its own address."""
    owner = house.server.owner
    return await house.simulator.add_server(
        owner=owner, host="127.0.0.4", tls=True, **fields
    )


async def silent(house: House, count: int) -> list[api.PlexConnection]:
    """Return connections that accept but never answer."""
    ports = [await house.simulator.add_silent() for _ in range(count)]
    return [way(f"https://127.0.0.1:{port}") for port in ports]


@pytest.mark.parametrize("dead", range(5))
@pytest.mark.parametrize("owned", [True, False], ids=["owned", "shared"])
async def test_first_in_order_that_answers(
    house: House, dead: int, owned: bool
) -> None:
    """The first working connection wins: local, remote, relay, with IPv4 before IPv6."""
    ways = [
        house.at("127.0.0.1"),
        house.at("::1"),
        house.at("127.0.0.2", local=False),
        house.at("127.0.0.3", relay=True),
    ]
    for number in range(dead):
        ways[number] = replace(ways[number], uri=f"{CLOSED}:{number + 1}")
    choice = await house.choose(*reversed(ways), owned=owned)
    assert house.host == ["127.0.0.1", "::1", "127.0.0.2", "127.0.0.3", None][dead]
    assert house.failures == [Failure.NOT_CONNECTED] * dead
    assert choice.is_best == (dead == 0)
    assert not choice.insecure_only
    assert not choice.certificate_refused


async def test_probes_carry_an_identity_and_no_token(house: House) -> None:
    """Every probe identifies the client and carries no token, and no name is resolved."""
    house.server.answers_as = "somebody-else"
    await house.choose()
    assert house.failures == [Failure.OTHER_SERVER] * 4
    assert len(house.server.requests) == 4
    for one in house.server.requests:
        assert (one.method, one.path, one.token) == ("GET", "/identity", None)
        sent = sent_with(one.headers, IDENTITY_HEADERS)
        identifier = sent["X-Plex-Client-Identifier"]
        assert identifier != CLIENT_IDENTIFIER
        assert sent == IDENTITY_HEADERS | {"X-Plex-Client-Identifier": identifier}
    assert house.looked_up == []


async def test_a_quick_relay_does_not_win_over_a_slow_local_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier connections win even if later ones are slightly faster.

    Once the first one in order has answered, slower ones aren't waited for.
    """
    quick = await neighbor(house, answers_as=house.server.machine_identifier)
    slow = house.fault(delay=0.1)
    await house.choose(advertised(quick.connection(relay=True)), house.at("127.0.0.2"))
    assert house.host == "127.0.0.2"
    assert len(quick.requests) == 1

    slow.remove()
    monkeypatch.setattr(connections, "BETTER_SECONDS", 60)
    remote, relay = await silent(house, 2)
    others = replace(remote, local=False), replace(relay, relay=True)
    async with asyncio.timeout(connections.PROBE_SECONDS / 2):
        choice = await house.choose(house.at("127.0.0.1"), *others)
    assert house.host == "127.0.0.1"
    assert choice.is_best
    assert choice.failures == ()


@pytest.mark.parametrize("dead", [1, 3, 23])
async def test_silent_ones_cost_little(house: House, dead: int) -> None:
    """Preferred connections that stay silent cost 0.3 s, not 5 s."""
    ways = await silent(house, dead)
    started = monotonic()
    choice = await house.choose(*ways, house.at("127.0.0.2", local=False))
    assert monotonic() - started < connections.PROBE_SECONDS / 2
    assert house.host == "127.0.0.2"
    assert house.failures == [Failure.TIMEOUT] * dead
    assert not choice.is_best


async def test_the_pause_tells_nothing(house: House) -> None:
    """Someone who shares a server can't infer from the delay how another address behaves."""
    stranger = await neighbor(house)
    remote = house.at("127.0.0.2", local=False)
    others = {
        Failure.NOT_CONNECTED: way(CLOSED),
        Failure.TIMEOUT: (await silent(house, 1))[0],
        Failure.CERTIFICATE: way(f"https://127.0.0.4:{stranger.port}"),
        Failure.OTHER_SERVER: advertised(stranger.connections[0]),
        Failure.NAME_NOT_FOUND: way("https://music.example.com"),
    }
    for failure, other in others.items():
        started = monotonic()
        await house.choose(other, remote, owned=False)
        assert monotonic() - started >= connections.BETTER_SECONDS
        assert house.host == "127.0.0.2"
        assert house.failures == [failure]


async def test_silence(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unanswered probes time out together; the 25th connection isn't tried."""
    monkeypatch.setattr(connections, "PROBE_SECONDS", 0.5)
    hanging = house.fault(action="hang")
    ways = await silent(house, 23)
    await house.choose(*ways, *map(house.at, HOSTS))
    assert house.host is None
    assert house.failures == [Failure.TIMEOUT] * 24
    assert hanging.hits == 1


async def test_cancelled_choice(house: House) -> None:
    """A canceled choice leaves nothing running."""
    hanging = house.fault(action="hang")
    choosing = asyncio.create_task(house.choose())
    await until(lambda: hanging.hits == 4)
    choosing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await choosing
    hanging.remove()
    await house.session.choose()
    assert house.host == "127.0.0.1"


async def test_what_may_not_be_dialed(house: House) -> None:
    """Forbidden addresses are never dialed; failures are reported by kind.

    A name may resolve to any address its author likes.
    """
    found = {
        "127.0.0.1": Failure.LOOPBACK,
        "::ffff:127.0.0.1": Failure.LOOPBACK,
        "10.0.0.1": Failure.PRIVATE,
        "fd00::1": Failure.PRIVATE,
        "64:ff9b::a00:1": Failure.PRIVATE,
        "100.64.0.1": Failure.NOT_PUBLIC,
        "169.254.169.254": Failure.LINK_LOCAL,
    }
    house.names = {f"name{number}.example": [one] for number, one in enumerate(found)}
    named = [way(f"https://{name}") for name in house.names]
    ways = [way("nonsense", relay=True), way("https://169.254.1.1"), *named]
    here = house.at("127.0.0.1", local=False)
    choice = await house.choose(*ways, here, from_afar=True, owned=False)
    assert [(one.kind, one.failure) for one in choice.failures] == [
        (api.ConnectionKind.RELAY, Failure.MALFORMED),
        (api.ConnectionKind.LOCAL, Failure.LINK_LOCAL),
        (api.ConnectionKind.REMOTE, Failure.LOOPBACK),
        *((api.ConnectionKind.LOCAL, failure) for failure in found.values()),
    ]
    assert choice.connection is None
    house.names["localhost"] = ["8.8.8.8"]
    await house.choose(way("http://localhost"))
    assert house.failures == [Failure.PLAIN_HTTP]
    assert house.network.dialled == []


async def test_plain_http(bench: Bench, house: House) -> None:
    """Plain http is dialed on this machine only; a server without anything else is flagged.

    With a plex.direct name such a port may speak TLS, which is then preferred.
    """
    assert (await house.choose(way("http://10.0.0.1:32400"))).insecure_only
    assert house.host is None
    assert house.network.dialled == []
    plain = House(bench, await house.simulator.add_server(owner=bench.account))
    assert not (await plain.choose()).insecure_only
    assert plain.url == plain.server.url
    plain.names["localhost"] = ["127.0.0.1"]
    await plain.choose(way(f"http://localhost:{plain.server.port}"))
    assert plain.host == "127.0.0.1"

    for one in house, House(bench, await neighbor(house)):
        uri = one.server.connection(scheme="http").uri
        assert not (await one.choose(way(uri))).insecure_only
        assert one.url == uri.replace("http:", "https:")
        assert {request.secure for request in one.server.requests} == {True, False}


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
    house: House, addresses: list[str] | Exception, outcomes: set[str]
) -> None:
    """Any working address among the first four that may be dialed is used."""
    name = f"music.{house.server.certificate_hash}.plex.direct"
    uri = f"https://{name}:{house.server.port}"
    house.names[name] = addresses
    await house.choose(way(uri))
    assert house.url in (uri, None)
    assert ({house.host} if house.host else {*house.failures}) <= outcomes
    hosts = {one.headers["Host"] for one in house.server.requests}
    assert hosts <= {uri.removeprefix("https://")}
    dialled = {*house.network.dialled}
    assert dialled <= {*(addresses if isinstance(addresses, list) else [])}
    assert len(dialled) <= 4


@pytest.mark.parametrize(
    "error", [errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL]
)
async def test_no_route_to_the_address_in_a_name(house: House, error: int) -> None:
    """If there is no route to the address, the name is resolved, for the sake of NAT64."""
    house.network.no_route["127.0.0.1"] = error
    carried = house.at("127.0.0.1")
    name = carried.uri.removeprefix("https://").partition(":")[0]
    await house.choose(carried)
    assert house.failures == [Failure.NAME_NOT_FOUND]
    house.names[name] = ["::1"]
    await house.choose(carried)
    assert (house.host, house.url) == ("::1", carried.uri)
    assert house.looked_up == [name] * 2
    await house.choose(way(f"https://127.0.0.1:{house.server.port}"))
    assert house.failures == [Failure.NOT_CONNECTED]
