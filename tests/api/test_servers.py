"""The list of servers on plex.tv, and the operations of a single server."""

from datetime import UTC, datetime, timedelta
import json
from operator import attrgetter
import re
import time
from typing import Any
from unittest.mock import AsyncMock

import pytest

from custom_components.plex_account import api
from custom_components.plex_account.api import PlexServerClient
from tests.samples import FIXTURES, sample
from tests.simulator import Server

from .common import (
    AS_XML,
    Bench,
    Headers,
    fails,
    fails_once,
    json_and_xml,
    listed_server,
    plain,
    short_id,
    strict_loads,
)

RESOURCE, PHONE = sample("resources")
[CONNECTION] = RESOURCE["connections"]
URI = "https://192.0.2.1:32400"
FRIENDS = RESOURCE | {"owned": False, "name": "Trap", "accessToken": "friend-token"}
FRIENDS |= {"connections": [{"uri": "https://192.0.2.66:32400"}]}
TEXTS = ["name", "product", "version", "platform", "platform_version", "device"]
TEXTS += ["source_title", "public_address"]
REQUIRED = {"provides": "server", "clientIdentifier": "attic"}


async def read(bench: Bench, body: Any, **options: Any) -> tuple[api.PlexServer, ...]:
    """Return the servers read from a body."""
    bench.fault(path="/resources", body=body, times=1)
    return await bench.plex_tv(token="any", **options).get_resources()


async def test_every_field(bench: Bench) -> None:
    """Every field of the schema is read, even in odd forms; anything but a server is skipped.

    Odd forms are numbers and text for booleans, text for numbers, epoch seconds for ISO
    dates, and new fields.
    """
    servers = await read(bench, [RESOURCE, PHONE])
    assert [plain(server) for server in servers] == sample("expected/resources")
    [server] = await read(bench, [sample("odd/resource")])
    assert plain(server) == sample("expected/resource-odd")
    assert server.connections[0].kind == api.ConnectionKind.LOCAL


async def test_owned_and_shared(bench: Bench, server: Server) -> None:
    """A shared server has a token of its own or none, and names its owner.

    A connection is local, remote, or a relay; a relay is never local. A list in XML
    equals the same list in JSON. Players are left out.
    """
    call = bench.client.get_resources
    bench.simulator.add_player(bench.account)
    server.listed = False
    assert await call() == await call(headers=AS_XML) == ()
    server.listed = True
    ways: list[Any] = [{}, {"host": "::1"}, {"local": False}, {"relay": True}]
    server.connections = [server.connection(**way) for way in ways]
    friends = await bench.friend()
    attic, cellar = await call()
    assert (attic.name, attic.owned, attic.owner_id) == ("Attic", True, None)
    assert attic.machine_identifier == server.machine_identifier
    assert attic.access_token == bench.token
    kinds = [(one.kind.value, one.ipv6) for one in attic.connections]
    assert kinds[:2] == [("local", False), ("local", True)]
    assert kinds[2:] == [("remote", False), ("relay", False)]
    assert (cellar.name, cellar.owned) == ("Cellar", False)
    assert (cellar.source_title, cellar.owner_id) == ("grace", friends.owner.id)
    assert cellar.access_token not in (None, "", bench.token)
    friends.access_token_null = True
    in_json, in_xml = await call(), await call(headers=AS_XML)
    assert [one.access_token for one in in_json] == [bench.token, None]
    assert [plain(one) for one in in_xml] == [plain(one) for one in in_json]


async def test_provides(bench: Bench) -> None:
    """Anything that provides "server", among other things, is a server."""
    servers = ("server", "client,server,player", "player,server", "player, server")
    others: Any = ("pubsub-server,player", "servers", "", None, ["server"])
    listed = [
        RESOURCE | {"provides": provides, "clientIdentifier": f"number {number}"}
        for number, provides in enumerate(servers + others)
    ]
    found = await read(bench, [*listed, {"clientIdentifier": "it says nothing"}])
    assert [one.machine_identifier for one in found] == [
        f"number {number}" for number in range(len(servers))
    ]


@pytest.mark.parametrize("order", [1, -1])
async def test_one_identifier_twice(bench: Bench, order: int) -> None:
    """Of two entries with the same identifier, the owned one wins, otherwise the first."""
    [server] = await read(bench, [FRIENDS, RESOURCE, FRIENDS][::order])
    assert (server.owned, server.name) == (True, "Attic")
    assert server.access_token == RESOURCE["accessToken"]
    assert [one.uri for one in server.connections] == [CONNECTION["uri"]]
    [server] = await read(bench, [FRIENDS, FRIENDS | {"name": "Second", "home": False}])
    assert (server.name, server.access_token) == ("Trap", "friend-token")


ESCAPED = (r"attic\u200b", r"\u00adattic", r"at\ntic", r"attic\ud800", r"attic\u0000")
ODD = ("attic\x00", " attic", r"attic\u00a0", "attic\ufffd", "x" * 101)


@pytest.mark.parametrize("identifier", ESCAPED + ODD, ids=ascii)
async def test_identifiers_that_look_like_another(
    bench: Bench, attic: PlexServerClient, identifier: str
) -> None:
    """An identifier that sanitizing would change is rejected, in a list and at a server."""
    trap = json.dumps(FRIENDS).replace('"attic"', f'"{identifier}"')
    [listed] = await read(bench, f"[{trap}, {json.dumps(RESOURCE)}]")
    assert (listed.machine_identifier, listed.name) == ("attic", "Attic")
    identity = f'{{"MediaContainer": {{"machineIdentifier": "{identifier}"}}}}'
    bench.fault(path="/identity", body=identity, times=1)
    await fails_once(api.PlexResponseError, attic.get_identity)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        (rb"\ud83d", "json"),
        (b"a\x01\x00b", "json"),
        (b"\xff\xfe\xed\xa0\x80", "json"),
        (b'", "x": NaN, "y": "', "json"),
        (b"&#x1F; &#0; &#xD800;", "xml"),
        (b"a\x01\x00b", "xml"),
        (b"\xff\xed\xa0\x80", "xml"),
        (b"&nbsp; Tom & Jerry &", "xml"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("decoder", [None, strict_loads, json.loads])
async def test_one_bad_name(bench: Bench, name: bytes, form: str, decoder: Any) -> None:
    """One bad character in a phone's name doesn't hide the servers."""
    body = (FIXTURES / f"odd/named.{form}").read_bytes().replace(b"NAME", name)
    attic, other = await read(bench, body, json_loads=decoder)
    assert (attic.name, attic.machine_identifier) == ("Attic", "attic")
    assert other.name.isprintable()
    assert not re.search("[\ud800-\udfff]", repr(other))


@pytest.mark.parametrize("decoder", [None, strict_loads])
async def test_long_lists(bench: Bench, decoder: Any) -> None:
    """Two thousand devices can be read; more than 8 MiB is a distinct error."""
    phone = RESOURCE | {"provides": "player"}
    phones = [phone | {"clientIdentifier": str(number)} for number in range(2000)]
    body = json.dumps([*phones, RESOURCE])
    assert len(body) > 1_200_000
    [server] = await read(bench, body, json_loads=decoder)
    assert server.name == "Attic"
    bench.fault(body="[" + " " * 8 * 1024 * 1024 + "]", times=1)
    await fails_once(api.PlexResponseTooLarge, bench.client.get_resources, status=200)


async def test_text_of_a_friend(bench: Bench) -> None:
    """Text from a friend is reduced to one line of bounded length."""
    nasty = "x\u202e\n" + "y" * 300_000
    texts = {key: nasty for key, value in RESOURCE.items() if isinstance(value, str)}
    [server] = await read(bench, [FRIENDS | texts | REQUIRED])
    assert plain(server).items() >= dict.fromkeys(TEXTS, "x" + "y" * 99).items()


N = 20_000
LONG = ("  " * N, ", " * N, " ," * N + "server", "player" + "  " * N + "x")


@pytest.mark.parametrize("provides", LONG, ids=short_id)
async def test_time_to_read_what_is_provided(bench: Bench, provides: str) -> None:
    """Parsing `provides` takes time proportional to its length, whatever it contains."""
    started = time.process_time()
    [server] = await read(bench, [RESOURCE] + [FRIENDS | {"provides": provides}] * 5)
    assert server.name == "Attic"
    assert time.process_time() - started < 1


async def test_lists_with_strangers(bench: Bench) -> None:
    """Malformed entries, those without an identifier, and connections without a URI are skipped."""
    nameless = RESOURCE | {"clientIdentifier": None}
    odd: list[Any] = [None, URI, {}, {"uri": None}, {"uri": ""}, {"uri": [URI]}, []]
    attic = RESOURCE | {"connections": [*odd, CONNECTION]}
    [server] = await read(bench, [None, "x", [], 1, {}, nameless, attic])
    assert server.name == "Attic"
    assert [one.uri for one in server.connections] == [CONNECTION["uri"]]


@pytest.mark.parametrize("value", [None, [], {}, [None]], ids=repr)
async def test_fields_without_a_usable_value(bench: Bench, value: Any) -> None:
    """All fields except the identifier and `provides` may be missing."""
    [server] = await read(bench, [dict.fromkeys(RESOURCE, value) | REQUIRED])
    assert server == listed_server(name="attic")
    assert server.access_token is None


async def test_tokens_in_a_list(bench: Bench) -> None:
    """A token that can't be sent is ignored; lists that differ only in a token are equal."""
    [before] = await read(bench, [RESOURCE])
    [after] = await read(bench, [RESOURCE | {"accessToken": "new"}])
    [unsendable] = await read(bench, [RESOURCE | {"accessToken": "a\r\nb: c"}])
    assert before == after
    tokens = [one.access_token for one in (before, after, unsendable)]
    assert tokens == ["secret-server-token", "new", None]


async def test_a_servers_token_is_no_good_at_plex_tv(bench: Bench) -> None:
    """plex.tv only accepts account tokens."""
    tokens = [(await bench.friend()).access_token(bench.account, ""), bench.token]
    call = bench.plex_tv(token=AsyncMock(side_effect=tokens)).get_resources
    await fails_once(api.PlexAuthenticationError, call, status=401, code=1001)


PROVIDER = "provider://odd?&#"
MINT = {"type": "delegation", "scope": "all"}


@json_and_xml
@pytest.mark.parametrize("claimed", [True, False])
async def test_identity(
    server: Server, attic: PlexServerClient, claimed: bool, headers: Headers
) -> None:
    """A server identifies itself, claimed or not."""
    server.claimed = claimed
    identity = await attic.get_identity(headers=headers)
    assert identity.machine_identifier == server.machine_identifier
    assert (identity.version, identity.claimed) == (server.version, claimed)


@json_and_xml
async def test_transient_token(
    bench: Bench, server: Server, attic: PlexServerClient, headers: Headers
) -> None:
    """A server mints a token that lasts at most 48 hours.

    It is accepted until the server restarts, and can't mint another one.
    """
    before, lifetime = datetime.now(UTC), timedelta(hours=48)
    transient = await attic.get_transient_token(headers=headers)
    assert before + lifetime <= transient.expires_at <= datetime.now(UTC) + lifetime
    assert [*server.transient_tokens] == [transient.token]

    client = bench.of_server(server, token=transient.token)
    await client.check_token()
    await fails(api.PlexAuthenticationError, client.get_transient_token, status=403)
    await server.restart()
    await fails(api.PlexAuthenticationError, client.check_token)
    transient = await attic.get_transient_token(headers=headers)
    await bench.of_server(server, token=transient.token).check_token()


@pytest.mark.parametrize("status", [404, 405])
async def test_transient_token_from_an_old_server(
    bench: Bench, server: Server, attic: PlexServerClient, status: int
) -> None:
    """A server that doesn't support POST is asked with GET; the last error is raised."""
    server.post_token_status = status
    transient = await attic.get_transient_token()
    assert transient.token in server.transient_tokens
    assert bench.asked == ["POST /security/token", "GET /security/token"]
    assert [one.query for one in bench.requests] == [MINT, MINT]
    bench.fault(method="GET", status=503, times=1)
    await fails_once(api.PlexResponseError, attic.get_transient_token, status=503)


@pytest.mark.parametrize("status", [302, 400, 401, 403, 410, 500, 501])
async def test_other_refusals_are_not_asked_again(
    bench: Bench, server: Server, attic: PlexServerClient, status: int
) -> None:
    """Another verb is only tried after 404 and 405."""
    server.post_token_status = status
    refused = {401: api.PlexAuthenticationError, 403: api.PlexAuthenticationError}
    error = refused.get(status, api.PlexResponseError)
    await fails(error, attic.get_transient_token, status=status)
    assert bench.asked == ["POST /security/token"]
    server.post_token_status = None
    assert await attic.get_transient_token()


@json_and_xml
@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("flags", ["bool", "int", "str"])
async def test_source(
    server: Server, attic: PlexServerClient, headers: Headers, as_list: bool, flags: str
) -> None:
    """A source may come as an object or list, with flags as booleans, numbers, or text."""
    call = attic.get_source_connection_information
    server.device_as_list, server.flags_as = as_list, flags
    server.connections.append(server.connection(local=False))
    server.connections.append(server.connection(relay=True))
    found = await call(f"server://{server.machine_identifier}", headers=headers)
    assert (found.name, found.client_identifier) == ("Attic", server.machine_identifier)
    assert found.access_token in server.transient_tokens
    assert [one.kind for one in found.connections] == [*api.ConnectionKind]
    way = attrgetter("uri", "protocol", "address", "port")
    assert [*map(way, found.connections)] == [*map(way, server.connections)]


@json_and_xml
async def test_provider(
    server: Server, attic: PlexServerClient, headers: Headers
) -> None:
    """A source may be a cloud provider; without a relay flag it isn't a relay."""
    server.sources[PROVIDER] = sample("source-provider")
    call = attic.get_source_connection_information
    found = await call(PROVIDER, headers=headers)
    assert (found.name, found.access_token) == ("Plex Metadata", "transient-provider")
    [way] = found.connections
    assert way.uri == "https://metadata.provider.plex.tv"
    assert (way.port, way.kind) == (443, api.ConnectionKind.REMOTE)


@pytest.mark.parametrize("device", sample("odd/devices"), ids=repr)
async def test_source_with_little_to_say(
    bench: Bench, attic: PlexServerClient, device: Any
) -> None:
    """Token and connections may be missing."""
    bench.fault(body={"MediaContainer": {"Device": device}})
    found = await attic.get_source_connection_information(PROVIDER)
    assert (found.name, found.client_identifier) == ("Attic", None)
    assert (found.access_token, found.connections) == (None, ())


async def test_source_is_for_the_owner(
    bench: Bench, server: Server, attic: PlexServerClient
) -> None:
    """A guest may only mint; a transient token has its owner's permissions."""
    grace = bench.simulator.add_account(username="grace", email="grace@example.com")
    server.shared_with = [grace]
    guest = bench.of_server(server, token=server.access_token(grace, ""))
    assert await guest.get_transient_token()
    call = guest.get_source_connection_information
    source = f"server://{server.machine_identifier}"
    await fails(api.PlexAuthenticationError, call, source, status=403)
    transient = await attic.get_transient_token()
    owner = bench.of_server(server, token=transient.token)
    assert (await owner.get_source_connection_information(source)).name == "Attic"


@pytest.mark.parametrize("body", sample("odd/maintenance"), ids=repr)
async def test_maintenance(bench: Bench, attic: PlexServerClient, body: Any) -> None:
    """A server that is migrating its database is reported as such until it is done."""
    for call in attic.get_identity, attic.check_token:
        bench.fault(status=503, body=body, times=1)
        await fails_once(api.PlexMaintenance, call)
    bench.fault(status=503, times=1)
    await fails_once(api.PlexResponseError, attic.get_identity)
