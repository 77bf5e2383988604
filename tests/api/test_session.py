"""Keeping one server reachable without Home Assistant: connection, token, operations."""

import asyncio
from collections import Counter
from functools import partial
from typing import Any

import pytest

from custom_components.plex_account import api
from custom_components.plex_account.api import Failure, TokenState
from tests.common import until
from tests.simulator import Hostile, Server

from .common import CLIENT_IDENTIFIER, SCAN, Bench, House, advertised, fails, way

MINT = "/security/token"
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
FRIEND = {"owned": False, "owner_id": 666}
OTHER_FRIEND = {"owned": False, "owner_id": 667}
OTHER_SERVER = {"machine_identifier": "another"}


@pytest.fixture
def house(bench: Bench, server: Server) -> House:
    """Return a session with the account's server, and what surrounds it."""
    return House(bench, server)


async def turns(count: int = 300) -> None:
    """Let everything run that can."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_token(house: House) -> None:
    """One connection, one mint, one proof; then one request per poll until a restart."""
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
    """The durable token is only used for minting, and the client identifier never."""
    await house.session.check()
    await house.run()
    await house.server.restart()
    await house.run("POST")
    said = [
        (one.method, one.path, f"{one.headers} {one.query} {one.form}")
        for one in house.server.requests
    ]
    with_token = [(method, path) for method, path, text in said if house.token in text]
    assert with_token == [("POST", MINT)] * 2
    assert CLIENT_IDENTIFIER not in str(said)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 500}, api.PlexResponseError),
        ({"status": 503}, api.PlexResponseError),
        ({"status": 302, "headers": {"Location": "/"}}, api.PlexResponseError),
        ({"status": 401}, api.PlexAuthenticationError),
        ({"status": 429}, api.PlexRateLimitError),
        ({"action": "drop"}, api.PlexConnectionError),
        ({"action": "truncate"}, api.PlexConnectionError),
        ({"action": "hang"}, api.PlexTimeoutError),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_what_has_arrived_is_not_sent_again(
    house: House, fault: dict[str, Any], error: type[api.PlexError], method: str
) -> None:
    """A request that arrived isn't sent again, except that aiohttp may repeat a GET."""
    await house.session.check()
    house.fault(path=SCAN, **fault)
    house.asked()
    await fails(error, partial(house.run, method, timeout=0.3))
    sent = house.asked()
    assert sent.count(SCAN) == 1 + (method == "GET" and fault == {"action": "drop"})
    assert MINT not in sent
    house.simulator.clear_faults()
    await house.session.check()


async def test_what_never_arrived_is_sent_over_another_connection(house: House) -> None:
    """A server that has moved is found without waiting for the next poll."""
    # The first GET fails because the old token ended with the move.
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


@pytest.fixture
async def thief(house: House) -> Hostile:
    """Return an intruder at one of the server's addresses, where a token was minted before."""
    identifier = house.server.machine_identifier
    thief = await house.simulator.add_hostile(machine_identifier=identifier)
    await house.open(advertised(thief.connection())).check()
    assert heard(thief, house.token) == [MINT]
    thief.heard.clear()
    return thief


def heard(thief: Hostile, *tokens: str) -> list[str]:
    """Return the paths of the intruder's requests that carried one of the tokens."""
    secrets = [token.encode() for token in tokens]
    return [
        one.path for one in thief.heard if any(secret in one.raw for secret in secrets)
    ]


@pytest.mark.parametrize("alive", [True, False], ids=["moved", "off"])
@pytest.mark.parametrize(
    "lists", [["both"], ["token", "both"], ["connections", "both"]], ids=str
)
async def test_address_that_left_the_list(
    house: House, thief: Hostile, alive: bool, lists: list[str]
) -> None:
    """An address that was removed gets neither the old nor the new durable token."""
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
            with pytest.raises(api.PlexError):
                await session.get_validated_token()
    assert heard(thief, house.token, new_token) == []
    if alive:
        assert house.url == elsewhere.uri
        assert session.token_state is TokenState.ACCEPTED


@pytest.mark.parametrize("during", ["/identity", "/"])
async def test_list_that_changes(house: House, thief: Hostile, during: str) -> None:
    """The same applies if the list changes during a choice or before a mint."""
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
    """A connection missing from one list is kept if nothing else answers.

    No token is minted over it, and a second list without it ends its use.
    """
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
    await fails(api.PlexConnectionError, session.get_validated_token)
    session.update(house.entry())
    await fails(api.PlexUnreachable, session.check)
    await house.server.start()
    await session.check()
    assert session.token_state is TokenState.ACCEPTED


@pytest.mark.parametrize(
    ("before", "after"),
    [({}, FRIEND), (FRIEND, {}), (FRIEND, OTHER_FRIEND), ({}, OTHER_SERVER)],
    ids=str,
)
async def test_entry_of_another_owner(
    house: House, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Entries of another owner or server are not accepted, even with the same identifier."""
    session = house.open(**before)
    await session.check()
    other = house.entry(**after | {"access_token": "other"})
    assert not session.serves(other)
    with pytest.raises(ValueError, match="another"):
        session.update(other)
    assert session.server.access_token == house.token
    assert session.serves(house.entry(**before | {"name": "New name"}))


async def test_renewed_certificate_beside_a_connection(house: House) -> None:
    """A friend can't use it to find out whether another address speaks TLS."""
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


async def test_why_unreachable(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error gives the most informative reason."""
    monkeypatch.setattr(api.connections, "PROBE_SECONDS", 0.4)
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
        house.open(owned=False, connections=[*map(way, uris)])
        await fails(api.PlexUnreachable, house.session.check, failure=failure)


async def test_unlisted(house: House) -> None:
    """An unlisted server isn't contacted until it is listed again."""
    await house.session.check()
    house.session.mark_unlisted()
    house.asked()
    await fails(api.PlexUnreachable, house.session.check, failure=Failure.NOT_LISTED)
    assert house.asked() == []
    house.session.update(house.entry())
    await house.session.check()
    assert house.asked() == ["/"]


async def test_four_requests_at_once(house: House) -> None:
    """At most four requests run at once; more have to wait."""
    await house.session.check()
    hanging = house.fault(path=SCAN, action="hang")
    working = [asyncio.create_task(house.run()) for _ in range(10)]
    await until(lambda: hanging.hits == 4)
    await turns()
    assert hanging.hits == 4
    hanging.remove()
    assert await asyncio.gather(*working) == [200] * 10


async def test_own_servers_choose_first() -> None:
    """At most 16 choose at once, 12 of them shared; owned servers don't wait for shared ones."""
    limit = api.ChoiceLimit()
    order: list[tuple[bool, int]] = []
    done = asyncio.Semaphore(0)

    async def choose(owned: bool, number: int) -> None:
        async with limit.place(owned=owned):
            order.append((owned, number))
            await done.acquire()

    friends = [asyncio.create_task(choose(False, number)) for number in range(20)]
    await turns(50)
    assert order == [(False, number) for number in range(12)]
    own = [asyncio.create_task(choose(True, number)) for number in range(20)]
    await turns(50)
    assert order[12:] == [(True, number) for number in range(4)]
    friends[0].cancel()
    for _ in range(15):
        await turns(50)
        done.release()
    await turns(50)
    assert order[16:] == [(True, number) for number in range(4, 20)]
    friends[19].cancel()
    for _ in friends + own:
        done.release()
    await asyncio.gather(*friends, *own, return_exceptions=True)
    assert len(order) == len({*order}) == 39
