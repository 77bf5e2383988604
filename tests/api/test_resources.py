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

from .common import AS_XML, Bench, fails_once, json_and_xml, plain, strict_loads

RESOURCE, PHONE = sample("resources")
[CONNECTION] = RESOURCE["connections"]
FRIENDS = RESOURCE | {
    "owned": False,
    "name": "Trap",
    "accessToken": "friend-token",
    "connections": [{"uri": "https://192.0.2.66:32400"}],
}
TEXTS = (
    "name",
    "product",
    "version",
    "platform",
    "platform_version",
    "device",
    "source_title",
    "public_address",
)
REQUIRED = {"provides": "server", "clientIdentifier": "attic"}


async def read(bench: Bench, body: Any, **options: Any) -> tuple[PlexServer, ...]:
    """Return the servers that are read of a body."""
    bench.fault(path="/resources", body=body, times=1)
    return await bench.plex_tv(token="any", **options).get_resources()


async def test_asks_for_every_kind_of_connection(bench: Bench) -> None:
    """Secure connections, relays, and IPv6 are listed only if asked for."""
    await bench.client.get_resources()

    [request] = bench.requests
    assert (request.method, request.path) == ("GET", "/resources")
    assert request.query == {
        "includeHttps": "1",
        "includeRelay": "1",
        "includeIPv6": "1",
    }
    assert request.headers["X-Plex-Token"] == bench.token


async def test_every_field(bench: Bench) -> None:
    """Every field of the schema arrives; what is no server is left out."""
    servers = await read(bench, [RESOURCE, PHONE])

    assert [plain(server) for server in servers] == sample("expected/resources")


async def test_owned_and_shared(bench: Bench, server: Server) -> None:
    """A shared server has a token of its own, and says whose it is."""
    grace = bench.simulator.add_account(username="grace", email="grace@example.com")
    await bench.simulator.add_server(
        name="Cellar", owner=grace, shared_with=[bench.account]
    )

    attic, cellar = await bench.client.get_resources()

    assert (attic.name, attic.owned, attic.owner_id) == ("Attic", True, None)
    assert attic.machine_identifier == server.machine_identifier
    assert attic.access_token == bench.token
    assert (cellar.name, cellar.owned, cellar.owner_id) == ("Cellar", False, grace.id)
    assert cellar.source_title == "grace"
    assert cellar.access_token
    assert cellar.access_token != bench.token


async def test_kinds_of_connection(bench: Bench) -> None:
    """A connection is local, remote, or a relay; a relay is never local."""
    server = await bench.simulator.add_server(
        owner=bench.account, hosts=("127.0.0.1", "::1")
    )
    server.connections += [
        server.connection(local=False),
        server.connection(relay=True),
    ]

    [listed] = await bench.client.get_resources()

    assert [(one.kind, one.ipv6) for one in listed.connections] == [
        (ConnectionKind.LOCAL, False),
        (ConnectionKind.LOCAL, True),
        (ConnectionKind.REMOTE, False),
        (ConnectionKind.RELAY, False),
    ]


async def test_xml_says_the_same(bench: Bench, server: Server) -> None:
    """A list in XML equals the same list in JSON, without players; tokens may be null."""
    server.connections.append(server.connection(relay=True))
    grace = bench.simulator.add_account(username="grace", email="grace@example.com")
    await bench.simulator.add_server(
        name="Cellar", owner=grace, shared_with=[bench.account], access_token_null=True
    )
    bench.simulator.add_player(bench.account)

    in_json = await bench.client.get_resources()
    in_xml = await bench.client.get_resources(headers=AS_XML)

    assert [one.name for one in in_json] == ["Attic", "Cellar"]
    assert [one.access_token for one in in_json] == [bench.token, None]
    assert [plain(one) for one in in_xml] == [plain(one) for one in in_json]


@pytest.mark.parametrize(
    ("provides", "count"),
    [
        ("server", 1),
        ("client,server,player", 1),
        ("player,server", 1),
        ("player, server", 1),
        ("pubsub-server,player", 0),
        ("servers", 0),
        ("", 0),
        (None, 0),
        (["server"], 0),
        (ABSENT, 0),
    ],
    ids=repr,
)
async def test_provides(
    bench: Bench, server: Server, provides: Any, count: int
) -> None:
    """What provides "server", among other things, is a server."""
    server.extra["provides"] = provides

    assert len(await bench.client.get_resources()) == count


@pytest.mark.parametrize("order", [1, -1])
async def test_one_identifier_twice(bench: Bench, order: int) -> None:
    """Of two entries with one identifier the owned one counts, and it alone."""
    [server] = await read(bench, [FRIENDS, RESOURCE, FRIENDS][::order])

    assert (server.owned, server.name) == (True, "Attic")
    assert server.access_token == RESOURCE["accessToken"]
    assert [one.uri for one in server.connections] == [CONNECTION["uri"]]


async def test_two_friends_with_one_identifier(bench: Bench) -> None:
    """Of two that are shared the first counts."""
    second = FRIENDS | {"name": "Second", "home": False}

    [server] = await read(bench, [FRIENDS, second])

    assert (server.name, server.access_token) == ("Trap", "friend-token")


@pytest.mark.parametrize(
    "identifier",
    [
        r"attic\u200b",
        r"\u00adattic",
        r"at\ntic",
        r"attic\ud800",
        r"attic\u0000",
        "attic\x00",
        " attic",
        r"attic\u00a0",
        "attic\ufffd",
        "x" * 101,
    ],
    ids=ascii,
)
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


LISTS = {
    "json": (
        b"[%s]",
        b",",
        b'{"name": "%s", "provides": "%s", "clientIdentifier": "%s"}',
    ),
    "xml": (
        b"<resources>%s</resources>",
        b"",
        b'<resource name="%s" provides="%s" clientIdentifier="%s"/>',
    ),
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
    whole, separator, resource = LISTS[form]
    resources = [
        resource % (name, b"player", b"phone"),
        resource % (b"Attic", b"server", b"attic"),
        resource % (name, b"server", b"shared"),
    ]

    attic, other = await read(
        bench, whole % separator.join(resources), json_loads=decoder
    )

    assert (attic.name, attic.machine_identifier) == ("Attic", "attic")
    assert other.name.isprintable()
    assert not re.search("[\ud800-\udfff]", repr(other))


@pytest.mark.parametrize("decoder", [None, strict_loads])
async def test_two_thousand_devices(bench: Bench, decoder: Any) -> None:
    """A long list is read, without holding up everything else meanwhile."""
    phones = [
        RESOURCE | {"clientIdentifier": str(number), "provides": "player"}
        for number in range(2000)
    ]
    body = json.dumps([*phones, RESOURCE])
    assert len(body) > 1_200_000

    servers = await read(bench, body, json_loads=decoder)

    assert [one.name for one in servers] == ["Attic"]


async def test_a_list_without_measure(bench: Bench) -> None:
    """More than 8 MiB is an error of its own."""
    bench.fault(body="[" + " " * 8 * 1024 * 1024 + "]", times=1)

    await fails_once(PlexResponseTooLarge, bench.client.get_resources, status=200)


async def test_text_of_a_friend(bench: Bench) -> None:
    """What a friend may write is one line of bounded length."""
    nasty = "x\u202e\n" + "y" * 300_000
    texts = {key: nasty for key, value in RESOURCE.items() if isinstance(value, str)}

    [server] = await read(bench, [FRIENDS | texts | REQUIRED])

    shown = plain(server)
    assert {key: shown[key] for key in TEXTS} == dict.fromkeys(TEXTS, "x" + "y" * 99)


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

    servers = await read(bench, [RESOURCE] + [FRIENDS | {"provides": provides}] * 5)

    assert [one.name for one in servers] == ["Attic"]
    assert time.process_time() - started < 1


@json_and_xml
async def test_account_without_servers(bench: Bench, headers: dict[str, str]) -> None:
    """An empty list is a list."""
    assert await bench.client.get_resources(headers=headers) == ()


async def test_lists_with_strangers(bench: Bench) -> None:
    """What is no resource, or can't be told apart, is left out."""
    nameless = RESOURCE | {"clientIdentifier": None}

    [server] = await read(bench, [None, "x", [], 1, {}, nameless, RESOURCE])

    assert server.name == "Attic"


@pytest.mark.parametrize("value", [None, [], {}, [None]], ids=repr)
async def test_fields_without_a_usable_value(bench: Bench, value: Any) -> None:
    """Everything but the identifier and what it provides may be missing."""
    [server] = await read(bench, [dict.fromkeys(RESOURCE, value) | REQUIRED])

    assert server.name == "attic"
    assert (server.version, server.owner_id, server.created_at) == (None, None, None)
    assert not server.owned
    assert not server.public_address_matches
    assert server.connections == ()
    assert server.access_token is None


async def test_harmless_variations(bench: Bench) -> None:
    """Numbers and texts for booleans, texts for numbers, epoch for ISO, new fields."""
    varied = REQUIRED | {
        "name": 7,
        "owned": 1,
        "home": "1",
        "synced": "0",
        "relay": 0,
        "ownerId": "42",
        "createdAt": 1_393_545_600,
        "lastSeenAt": "1393545601",
        "connections": {
            "uri": "https://192.0.2.1:32400",
            "port": "32400",
            "local": "1",
            "speed": {"up": 7},
        },
        "color": "red",
    }

    [server] = await read(bench, [varied])
    [plainly] = await read(bench, [RESOURCE])

    assert server.name == "7"
    assert (server.owned, server.home) == (True, True)
    assert (server.synced, server.relay) == (False, False)
    assert server.owner_id == 42
    assert server.created_at == plainly.created_at
    assert server.last_seen_at == plainly.last_seen_at
    [connection] = server.connections
    assert (connection.port, connection.kind) == (32400, ConnectionKind.LOCAL)


@pytest.mark.parametrize(
    "connection",
    [
        None,
        "https://192.0.2.1:32400",
        {},
        {"uri": None},
        {"uri": ""},
        {"uri": ["https://192.0.2.1:32400"]},
        [],
    ],
    ids=repr,
)
async def test_odd_connections(bench: Bench, connection: Any) -> None:
    """A connection that leads nowhere is left out; the others stay."""
    connections = {"connections": [connection, CONNECTION]}

    [server] = await read(bench, [RESOURCE | connections])

    assert [one.uri for one in server.connections] == [CONNECTION["uri"]]


async def test_token_that_cannot_be_sent(bench: Bench) -> None:
    """A token with which no header can be written is none."""
    [server] = await read(bench, [RESOURCE | {"accessToken": "a\r\nb: c"}])

    assert server.access_token is None


async def test_a_new_token_changes_nothing_else(bench: Bench) -> None:
    """Two lists that differ in a token alone are equal."""
    [before] = await read(bench, [RESOURCE])
    [after] = await read(bench, [RESOURCE | {"accessToken": "new"}])

    assert before == after
    assert (before.access_token, after.access_token) == ("secret-server-token", "new")


async def test_a_servers_token_is_no_good_at_plex_tv(bench: Bench) -> None:
    """plex.tv knows account tokens only."""
    grace = bench.simulator.add_account(username="grace", email="grace@example.com")
    cellar = await bench.simulator.add_server(owner=grace, shared_with=[bench.account])
    tokens = [cellar.access_token(bench.account, bench.token), bench.token]

    async def next_token() -> str:
        return tokens.pop(0)

    client = bench.plex_tv(token=next_token)

    await fails_once(
        PlexAuthenticationError, client.get_resources, status=401, code=1001
    )
