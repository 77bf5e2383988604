"""The servers of an account: GET /resources."""

import json
import re
import time
from typing import Any

import pytest

from custom_components.plex_account.api import (
    ConnectionKind,
    PlexAuthenticationError,
    PlexResponseError,
    PlexResponseTooLarge,
    PlexServer,
    PlexServerClient,
)
from tests.samples import sample
from tests.simulator import ABSENT, Server

from .common import AS_XML, Bench, fails, fails_once, listed_server, plain, strict_loads

RESOURCE, PHONE = sample("resources")
[CONNECTION] = RESOURCE["connections"]
URI = "https://192.0.2.1:32400"
FRIENDS = RESOURCE | {"owned": False, "name": "Trap", "accessToken": "friend-token"}
FRIENDS |= {"connections": [{"uri": "https://192.0.2.66:32400"}]}
TEXTS = ("name", "product", "version", "platform", "platform_version", "device")
TEXTS += ("source_title", "public_address")
REQUIRED = {"provides": "server", "clientIdentifier": "attic"}


async def read(bench: Bench, body: Any, **options: Any) -> tuple[PlexServer, ...]:
    """Return the servers that are read of a body."""
    bench.fault(path="/resources", body=body, times=1)
    return await bench.plex_tv(token="any", **options).get_resources()


async def test_asks_for_every_kind_of_connection(bench: Bench) -> None:
    """Secure connections, relays, and IPv6 are listed only if asked for."""
    await bench.client.get_resources()
    assert bench.asked == ["GET /resources"]
    kinds = ("includeHttps", "includeRelay", "includeIPv6")
    assert bench.requests[0].query == dict.fromkeys(kinds, "1")
    assert bench.requests[0].headers["X-Plex-Token"] == bench.token


async def test_every_field(bench: Bench) -> None:
    """Every field of the schema arrives; what is no server is left out."""
    servers = await read(bench, [RESOURCE, PHONE])
    assert [plain(server) for server in servers] == sample("expected/resources")


async def test_owned_and_shared(bench: Bench, server: Server) -> None:
    """A shared server has a token of its own, and says whose it is."""
    grace = (await bench.friend()).owner

    attic, cellar = await bench.client.get_resources()

    assert (attic.name, attic.owned, attic.owner_id) == ("Attic", True, None)
    assert attic.machine_identifier == server.machine_identifier
    assert attic.access_token == bench.token
    assert (cellar.name, cellar.owned, cellar.owner_id) == ("Cellar", False, grace.id)
    assert cellar.source_title == "grace"
    assert cellar.access_token not in (None, "", bench.token)


async def test_kinds_of_connection(bench: Bench) -> None:
    """A connection is local, remote, or a relay; a relay is never local."""
    hosts = ("127.0.0.1", "::1")
    server = await bench.simulator.add_server(owner=bench.account, hosts=hosts)
    server.connections.append(server.connection(local=False))
    server.connections.append(server.connection(relay=True))

    [listed] = await bench.client.get_resources()

    assert [(one.kind, one.ipv6) for one in listed.connections] == [
        (ConnectionKind.LOCAL, False),
        (ConnectionKind.LOCAL, True),
        (ConnectionKind.REMOTE, False),
        (ConnectionKind.RELAY, False),
    ]


async def test_xml_says_the_same(bench: Bench) -> None:
    """A list in XML equals the same list in JSON, without players; tokens may be null."""
    client = bench.client
    assert (
        await client.get_resources(headers=AS_XML) == () == await client.get_resources()
    )

    server = await bench.simulator.add_server(owner=bench.account)
    server.connections.append(server.connection(relay=True))
    await bench.friend(access_token_null=True)
    bench.simulator.add_player(bench.account)

    in_json = await client.get_resources()
    in_xml = await client.get_resources(headers=AS_XML)

    assert [one.name for one in in_json] == ["Attic", "Cellar"]
    assert [one.access_token for one in in_json] == [bench.token, None]
    assert [plain(one) for one in in_xml] == [plain(one) for one in in_json]


SERVERS = ("server", "client,server,player", "player,server", "player, server")
OTHERS = ("pubsub-server,player", "servers", "", None, ["server"], ABSENT)


@pytest.mark.parametrize(
    ("provides", "count"), [(one, 1) for one in SERVERS] + [(one, 0) for one in OTHERS]
)
async def test_provides(
    bench: Bench, server: Server, provides: Any, count: int
) -> None:
    """What provides "server", among other things, is a server."""
    server.extra["provides"] = provides
    assert len(await bench.client.get_resources()) == count


@pytest.mark.parametrize("order", [1, -1])
async def test_one_identifier_twice(bench: Bench, order: int) -> None:
    """Of two entries with one identifier the owned one counts; of two shared the first."""
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
    """An identifier that cleaning would change is none: neither in a list nor at a server."""
    trap = json.dumps(FRIENDS).replace('"attic"', f'"{identifier}"')
    [listed] = await read(bench, f"[{trap}, {json.dumps(RESOURCE)}]")
    assert (listed.machine_identifier, listed.name) == ("attic", "Attic")
    identity = f'{{"MediaContainer": {{"machineIdentifier": "{identifier}"}}}}'
    bench.fault(path="/identity", body=identity, times=1)
    await fails_once(PlexResponseError, attic.get_identity)


RESOURCES = {
    "json": b'{"name": "%s", "provides": "%s", "clientIdentifier": "%s"}',
    "xml": b'<resource name="%s" provides="%s" clientIdentifier="%s"/>',
}


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
    """One bad character in the name of a phone doesn't hide the servers."""
    resources = [
        RESOURCES[form] % (name, b"player", b"phone"),
        RESOURCES[form] % (b"Attic", b"server", b"attic"),
        RESOURCES[form] % (name, b"server", b"shared"),
    ]
    body = b"[%s]" % b",".join(resources)
    if form == "xml":
        body = b"<resources>%s</resources>" % b"".join(resources)

    attic, other = await read(bench, body, json_loads=decoder)

    assert (attic.name, attic.machine_identifier) == ("Attic", "attic")
    assert other.name.isprintable()
    assert not re.search("[\ud800-\udfff]", repr(other))


@pytest.mark.parametrize("decoder", [None, strict_loads])
async def test_two_thousand_devices(bench: Bench, decoder: Any) -> None:
    """A long list is read, without holding up everything else meanwhile."""
    phone = RESOURCE | {"provides": "player"}
    phones = [phone | {"clientIdentifier": str(number)} for number in range(2000)]
    body = json.dumps([*phones, RESOURCE])
    assert len(body) > 1_200_000

    [server] = await read(bench, body, json_loads=decoder)
    assert server.name == "Attic"


async def test_a_list_without_measure(bench: Bench) -> None:
    """More than 8 MiB is an error of its own."""
    bench.fault(body="[" + " " * 8 * 1024 * 1024 + "]", times=1)
    await fails_once(PlexResponseTooLarge, bench.client.get_resources, status=200)


async def test_text_of_a_friend(bench: Bench) -> None:
    """What a friend may write is one line of bounded length."""
    nasty = "x\u202e\n" + "y" * 300_000
    texts = {key: nasty for key, value in RESOURCE.items() if isinstance(value, str)}
    [server] = await read(bench, [FRIENDS | texts | REQUIRED])
    assert plain(server).items() >= dict.fromkeys(TEXTS, "x" + "y" * 99).items()


@pytest.mark.parametrize(
    "provides",
    [
        " " * 400_000,
        ", " * 200_000,
        " ," * 200_000 + "server",
        "server" + " " * 400_000,
    ],
    ids=["spaces", "commas", "server at the end", "server at the start"],
)
async def test_time_to_read_what_is_provided(bench: Bench, provides: str) -> None:
    """Reading takes time in proportion to the length, whatever is in the text."""
    started = time.process_time()
    [server] = await read(bench, [RESOURCE] + [FRIENDS | {"provides": provides}] * 5)
    assert server.name == "Attic"
    assert time.process_time() - started < 1


async def test_lists_with_strangers(bench: Bench) -> None:
    """What is no resource, can't be told apart, or leads nowhere, is left out."""
    nameless = RESOURCE | {"clientIdentifier": None}
    odd = [None, URI, {}, {"uri": None}, {"uri": ""}, {"uri": [URI]}, []]
    attic = RESOURCE | {"connections": [*odd, CONNECTION]}

    [server] = await read(bench, [None, "x", [], 1, {}, nameless, attic])

    assert server.name == "Attic"
    assert [one.uri for one in server.connections] == [CONNECTION["uri"]]


@pytest.mark.parametrize("value", [None, [], {}, [None]], ids=repr)
async def test_fields_without_a_usable_value(bench: Bench, value: Any) -> None:
    """Everything but the identifier and what it provides may be missing."""
    [server] = await read(bench, [dict.fromkeys(RESOURCE, value) | REQUIRED])
    assert server == listed_server(name="attic")
    assert server.access_token is None


async def test_harmless_variations(bench: Bench) -> None:
    """Numbers and texts for booleans, texts for numbers, epoch for ISO, new fields."""
    varied = REQUIRED | {"name": 7, "owned": 1, "home": "1", "synced": "0", "relay": 0}
    varied |= {"createdAt": 1_393_545_600, "lastSeenAt": "1393545601", "ownerId": "42"}
    connection = {"uri": URI, "port": "32400", "local": "1", "speed": {"up": 7}}
    varied |= {"connections": connection, "color": "red"}

    [server] = await read(bench, [varied])
    [plainly] = await read(bench, [RESOURCE])

    assert (server.name, server.owner_id) == ("7", 42)
    assert (server.owned, server.home) == (True, True)
    assert (server.synced, server.relay) == (False, False)
    assert server.created_at == plainly.created_at
    assert server.last_seen_at == plainly.last_seen_at
    [listed] = server.connections
    assert (listed.port, listed.kind) == (32400, ConnectionKind.LOCAL)


async def test_tokens_in_a_list(bench: Bench) -> None:
    """One that no header can hold is none; lists that differ in a token alone are equal."""
    [before] = await read(bench, [RESOURCE])
    [after] = await read(bench, [RESOURCE | {"accessToken": "new"}])
    [unsendable] = await read(bench, [RESOURCE | {"accessToken": "a\r\nb: c"}])

    assert before == after
    tokens = [one.access_token for one in (before, after, unsendable)]
    assert tokens == ["secret-server-token", "new", None]


async def test_a_servers_token_is_no_good_at_plex_tv(bench: Bench) -> None:
    """plex.tv knows account tokens only."""
    cellar = await bench.friend()
    client = bench.plex_tv(token=cellar.access_token(bench.account, ""))
    call = client.get_resources
    await fails(PlexAuthenticationError, call, status=401, code=1001)
    assert await bench.client.get_resources()
