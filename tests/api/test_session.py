"""One server kept reachable, without Home Assistant: connection, token, and operations."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from custom_components.plex_account.api import (
    ChoiceLimit,
    Failure,
    PlexAuthenticationError,
    PlexConnectionError,
    PlexError,
    PlexRateLimitError,
    PlexResponseError,
    PlexUnreachable,
    TokenState,
    connections as connections_module,
)
from tests.common import until
from tests.simulator import Hostile, Server

from .common import CLIENT_IDENTIFIER, SCAN, Bench, House, advertised, way

MINT = "/security/token"
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
FRIEND = {"owned": False, "owner_id": 666}


@pytest.fixture
def house(bench: Bench, server: Server) -> House:
    """Return a session with the account's server, and what is around it."""
    return House(bench, server)


async def turns(count: int = 300) -> None:
    """Let whatever can run do so."""
    for _ in range(count):
        await asyncio.sleep(0)


# The token, and what is sent with it


async def test_token(house: House) -> None:
    """A connection, a mint, a proof; then one request a poll, until a restart."""
    session, server = house.session, house.server
    assert session.connection is None
    assert session.token_state is TokenState.MISSING
    await session.check()
    assert house.asked() == ["/identity", MINT, "/"]
    assert session.connection is not None
    assert session.uses_best_connection
    assert session.token_state is TokenState.ACCEPTED
    await session.check()
    assert house.asked() == ["/"]
    assert await house.run() == 200
    assert house.asked() == [SCAN]

    await server.restart()
    await session.check()
    assert Counter(house.asked()) == {"/": 2, "/identity": 1, MINT: 1}
    await server.restart()
    assert await house.run() == 200
    counted = Counter(house.asked())
    assert (counted[MINT], counted[SCAN]) == (1, 2)
    await server.restart()
    tokens = await asyncio.gather(*(session.get_validated_token() for _ in range(8)))
    assert {one.token for one in tokens} == {*server.transient_tokens}
    assert house.asked().count(MINT) == 1


async def test_durable_token_is_for_minting(house: House) -> None:
    """Nothing else has the durable token, and nothing at all the client identifier."""
    await house.session.check()
    await house.run()
    await house.server.restart()
    await house.run("POST")
    requests = house.server.requests
    sent = [f"{one.headers} {one.query} {one.form}" for one in requests]
    with_token = [
        (one.method, one.path)
        for one, text in zip(requests, sent, strict=True)
        if house.token in text
    ]
    assert with_token == [("POST", MINT)] * 2
    assert CLIENT_IDENTIFIER not in "".join(sent)


async def test_refused_server_token(house: House) -> None:
    """The list is asked once for another one, which is used where it is one."""
    session = house.open(access_token="of-yesterday")
    await session.check()
    await session.check()
    assert (house.lists_asked, session.token_state) == (1, TokenState.REFUSED)
    assert house.asked().count(MINT) == 1
    house.newest = house.entry()
    session.resume_minting()
    await session.check()
    assert (house.lists_asked, session.token_state) == (2, TokenState.ACCEPTED)
    assert house.asked().count(MINT) == 2


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
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_what_has_arrived_is_not_sent_again(
    house: House,
    fault: dict[str, Any],
    error: type[PlexError],
    method: str,
) -> None:
    """Neither over another connection nor with another token; aiohttp may repeat GET."""
    await house.session.check()
    house.fault(path=SCAN, **fault)
    house.asked()
    with pytest.raises(error):
        await house.run(method, timeout=0.3)
    sent = house.asked()
    assert sent.count(SCAN) == 1 + (method == "GET" and fault == {"action": "drop"})
    assert MINT not in sent
    house.simulator.clear_faults()
    await house.session.check()


async def test_what_never_arrived_is_sent_over_another_connection(house: House) -> None:
    """A server that has moved is found without waiting for the next poll."""
    # The first GET meets a token that ended with the move.
    for method, times in ("GET", 2), ("POST", 1):
        await house.session.check()
        await house.server.stop()
        house.server.port = 0
        await house.server.start()
        house.server.connections = [house.server.connection()]
        house.session.update(house.entry())
        house.asked()
        await house.run(method)
        assert house.asked().count(SCAN) == times


# What a list changes


@pytest.fixture
async def thief(house: House) -> Hostile:
    """Return somebody at an address of one's own, over which a token was minted."""
    thief = await house.simulator.add_hostile(
        machine_identifier=house.server.machine_identifier
    )
    await house.open(advertised(thief.connection())).check()
    assert heard(thief, house.token) == [MINT]
    thief.heard.clear()
    return thief


def heard(thief: Hostile, *tokens: str) -> list[str]:
    """Return what an address was sent with one of some tokens."""
    secrets = [token.encode() for token in tokens]
    return [
        one.path for one in thief.heard if any(secret in one.raw for secret in secrets)
    ]


@pytest.mark.parametrize("alive", [True, False], ids=["moved", "off"])
@pytest.mark.parametrize(
    "lists",
    [["both"], ["token", "both"], ["connections", "both"]],
    ids=["together", "token first", "connections first"],
)
async def test_address_that_left_the_list(
    house: House, thief: Hostile, alive: bool, lists: list[str]
) -> None:
    """It gets no durable token any more, old or new, whatever it answers."""
    session, server = house.session, house.server
    thief.answers["/"] = REFUSED
    stolen, elsewhere = advertised(thief.connection()), house.at("127.0.0.1")
    new_token = house.simulator.sign_in(server.owner, CLIENT_IDENTIFIER)
    if not alive:
        await server.stop()
    for changed in lists:
        connection = stolen if changed == "token" else elsewhere
        token = house.token if changed == "connections" else new_token
        session.update(house.entry(connection, access_token=token))

    for _ in range(3):
        if alive:
            await session.check()
            assert await session.get_validated_token()
        else:
            with pytest.raises(PlexError):
                await session.get_validated_token()
    assert heard(thief, house.token, new_token) == []
    if alive:
        assert house.url == elsewhere.uri
        assert session.token_state is TokenState.ACCEPTED


@pytest.mark.parametrize("during", ["/identity", "/"])
async def test_list_that_changes_meanwhile(
    house: House, thief: Hostile, during: str
) -> None:
    """While a connection is chosen, or before a mint, the same holds."""
    session = house.session
    thief.answers["/"] = REFUSED
    working = session.choose() if during == "/identity" else session.check()
    task = asyncio.create_task(working)
    await until(lambda: [one for one in thief.heard if one.path == during])
    session.update(house.entry())
    await task
    await session.check()
    assert heard(thief, house.token) == []
    assert house.url == house.server.connections[0].uri


async def test_one_list_without_the_connection(house: House, thief: Hostile) -> None:
    """It serves on if nothing else answers, but without a mint; a second list ends it."""
    session = house.session
    await house.server.stop()
    session.update(house.entry())
    await session.choose()
    await session.check()
    assert session.connection is not None
    assert not session.uses_best_connection

    thief.answers["/"] = REFUSED
    await session.check()
    assert heard(thief, house.token) == []
    with pytest.raises(PlexConnectionError):
        await session.get_validated_token()
    session.update(house.entry())
    with pytest.raises(PlexUnreachable):
        await session.check()
    await house.server.start()
    await session.check()
    assert session.token_state is TokenState.ACCEPTED


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, FRIEND),
        (FRIEND, {}),
        (FRIEND, FRIEND | {"owner_id": 667}),
        ({}, {"machine_identifier": "another"}),
    ],
    ids=["to a friend", "from a friend", "between friends", "another"],
)
async def test_entry_of_another_owner(
    house: House, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """An identifier is not all that makes a server: nothing is taken over."""
    session = house.open(**before)
    await session.check()
    other = house.entry(**after | {"access_token": "other"})
    assert not session.serves(other)
    with pytest.raises(ValueError, match="another"):
        session.update(other)
    assert session.server.access_token == house.token
    assert session.serves(house.entry(**before | {"name": "New name"}))


async def test_renewed_certificate_beside_a_connection(house: House) -> None:
    """A friend can't make out by it whether another address speaks TLS."""
    server = house.server
    old = house.at("127.0.0.1")
    other = await house.simulator.add_server(
        owner=server.owner, tls=True, answers_as=server.machine_identifier
    )
    server.renew_certificate()
    ways = old, advertised(other.connection(local=False))
    for owned, lists in (False, 0), (True, 1):
        await house.open(*ways, owned=owned).choose()
        assert house.url == ways[1].uri
        assert house.lists_asked == lists


async def test_unlisted(house: House) -> None:
    """A server that counts as unlisted is not asked until a list has it again."""
    await house.session.check()
    house.session.mark_unlisted()
    house.asked()
    with pytest.raises(PlexUnreachable) as unreachable:
        await house.session.check()
    assert unreachable.value.failure is Failure.NOT_LISTED
    assert house.asked() == []
    house.session.update(house.entry())
    await house.session.check()
    assert house.asked() == ["/"]


async def test_why_a_server_is_unreachable(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the most telling reason."""
    monkeypatch.setattr(connections_module, "PROBE_SECONDS", 0.4)
    simulator, server = house.simulator, house.server
    other = (await simulator.add_server(owner=server.owner, tls=True)).connection()
    old = server.connection()
    server.renew_certificate()
    house.fault(body={"MediaContainer": {}})
    closed = f"https://127.0.0.1:{simulator.closed_port()}"
    silent = f"https://127.0.0.1:{await simulator.add_silent()}"
    reasons = {
        Failure.CERTIFICATE: [closed, old.uri, silent],
        Failure.OTHER_SERVER: [closed, other.uri, silent],
        Failure.WRONG_ANSWER: [closed, server.connection().uri],
        Failure.TIMEOUT: [closed, silent, "https://10.0.0.1"],
        Failure.NOT_CONNECTED: [closed, "https://10.0.0.1"],
        Failure.NAME_NOT_FOUND: ["https://music.example.com", "http://8.8.8.8"],
        Failure.PRIVATE: ["https://10.0.0.1", "http://8.8.8.8", "https://0.0.0.0"],
        Failure.PLAIN_HTTP: ["http://8.8.8.8", "https://169.254.0.1"],
        Failure.NO_CONNECTIONS: [],
    }
    for failure, uris in reasons.items():
        session = house.open(owned=False, connections=[*map(way, uris)])
        with pytest.raises(PlexUnreachable) as unreachable:
            await session.check()
        assert unreachable.value.failure is failure
        assert "127.0.0.1" not in f"{unreachable.value!r} {unreachable.value}"


# Fairness


async def test_four_requests_at_once(house: House) -> None:
    """More than four wait for each other, and for nobody else."""
    await house.session.check()
    hanging = house.fault(path=SCAN, action="hang")
    working = [asyncio.create_task(house.run()) for _ in range(10)]
    await until(lambda: hanging.hits == 4)
    await turns()
    assert hanging.hits == 4
    hanging.remove()
    assert await asyncio.gather(*working) == [200] * 10


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

    def start(kind: str) -> dict[str, asyncio.Task[None]]:
        names = [f"{kind} {number}" for number in range(20)]
        return {name: asyncio.create_task(choose(name)) for name in names}

    friends = start("friend")
    await turns(50)
    assert len(order) == 12
    own = start("own")
    await turns(50)
    assert order[12:] == [*own][:4]
    friends[order[0]].cancel()
    for name in order[:16]:
        gates[name].set()
        await turns(50)
    assert order[16:32] == [*own][4:]
    friends["friend 19"].cancel()
    for gate in gates.values():
        gate.set()
    await asyncio.gather(*friends.values(), *own.values(), return_exceptions=True)
    assert sorted([*order, "friend 19"]) == sorted(gates)
