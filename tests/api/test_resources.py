"""The servers of an account: GET /resources."""

from datetime import UTC, datetime
import json
import re
import time
from typing import Any

import pytest

from custom_components.plex_account.api import (
    ConnectionKind,
    PlexAuthenticationError,
    PlexConnection,
    PlexResponseError,
    PlexResponseTooLarge,
    PlexServer,
    PlexServerClient,
    PlexTvClient,
)
from tests.simulator import ABSENT, Account, Server, Simulator

from .common import AS_XML, Network, error_body, plex_tv, strict_loads

RESOURCE: dict[str, Any] = {
    "name": "Attic",
    "product": "Plex Media Server",
    "productVersion": "1.43.2",
    "platform": "Linux",
    "platformVersion": "6.12",
    "device": "PC",
    "clientIdentifier": "attic",
    "createdAt": "2014-02-28T00:00:00Z",
    "lastSeenAt": "2014-02-28T00:00:01Z",
    "provides": "server",
    "ownerId": 42,
    "sourceTitle": "grace",
    "publicAddress": "203.0.113.7",
    "accessToken": "server-token",
    "owned": True,
    "home": True,
    "synced": True,
    "relay": True,
    "presence": True,
    "httpsRequired": True,
    "publicAddressMatches": True,
    "dnsRebindingProtection": True,
    "natLoopbackSupported": True,
    "connections": [
        {
            "protocol": "https",
            "address": "192.0.2.1",
            "port": 32400,
            "uri": "https://192-0-2-1.0123456789abcdef0123456789abcdef.plex.direct:32400",
            "local": True,
            "relay": False,
            "IPv6": False,
        }
    ],
}
MOMENT = datetime(2014, 2, 28, tzinfo=UTC)


async def test_asks_for_every_kind_of_connection(
    client: PlexTvClient, simulator: Simulator, token: str
) -> None:
    """Secure connections, relays and IPv6 are listed only if asked for."""
    await client.get_resources()

    [request] = simulator.requests
    assert (request.method, request.path) == ("GET", "/resources")
    assert request.query == {
        "includeHttps": "1",
        "includeRelay": "1",
        "includeIPv6": "1",
    }
    assert request.headers["X-Plex-Token"] == token


async def test_every_field(client: PlexTvClient, simulator: Simulator) -> None:
    """Every field of the schema arrives."""
    simulator.fault(path="/resources", body=[RESOURCE])

    [server] = await client.get_resources()

    assert server == PlexServer(
        machine_identifier="attic",
        name="Attic",
        product="Plex Media Server",
        version="1.43.2",
        platform="Linux",
        platform_version="6.12",
        device="PC",
        created_at=MOMENT,
        last_seen_at=MOMENT.replace(second=1),
        owner_id=42,
        source_title="grace",
        public_address="203.0.113.7",
        access_token=None,
        owned=True,
        home=True,
        synced=True,
        relay=True,
        presence=True,
        https_required=True,
        public_address_matches=True,
        dns_rebinding_protection=True,
        nat_loopback_supported=True,
        connections=(
            PlexConnection(
                uri="https://192-0-2-1.0123456789abcdef0123456789abcdef.plex.direct:32400",
                protocol="https",
                address="192.0.2.1",
                port=32400,
                local=True,
                relay=False,
                ipv6=False,
            ),
        ),
    )
    assert server.access_token == "server-token"


async def test_owned_and_shared(
    client: PlexTvClient,
    simulator: Simulator,
    account: Account,
    server: Server,
    token: str,
) -> None:
    """A shared server has a token of its own, and says whose it is."""
    grace = simulator.add_account(username="grace", email="grace@example.com")
    await simulator.add_server(name="Cellar", owner=grace, shared_with=[account])

    attic, cellar = await client.get_resources()

    assert (attic.name, attic.owned, attic.owner_id) == ("Attic", True, None)
    assert attic.machine_identifier == server.machine_identifier
    assert attic.access_token == token
    assert (cellar.name, cellar.owned, cellar.owner_id) == ("Cellar", False, grace.id)
    assert cellar.source_title == "grace"
    assert cellar.access_token
    assert cellar.access_token != token


async def test_kinds_of_connection(
    client: PlexTvClient, simulator: Simulator, account: Account
) -> None:
    """A connection is local, remote or a relay; a relay is never local."""
    server = await simulator.add_server(owner=account, hosts=("127.0.0.1", "::1"))
    server.connections += [
        server.connection(local=False),
        server.connection(relay=True),
    ]

    [listed] = await client.get_resources()

    assert [(way.kind, way.ipv6) for way in listed.connections] == [
        (ConnectionKind.LOCAL, False),
        (ConnectionKind.LOCAL, True),
        (ConnectionKind.REMOTE, False),
        (ConnectionKind.RELAY, False),
    ]


async def test_xml_says_the_same(
    client: PlexTvClient, simulator: Simulator, account: Account, server: Server
) -> None:
    """A list in XML equals the same list in JSON."""
    server.connections.append(server.connection(relay=True))
    grace = simulator.add_account(username="grace", email="grace@example.com")
    await simulator.add_server(name="Cellar", owner=grace, shared_with=[account])
    simulator.add_player(account)

    in_json = await client.get_resources()
    in_xml = await client.get_resources(headers=AS_XML)

    assert len(in_json) == 2
    assert [one.access_token for one in in_xml] == [one.access_token for one in in_json]
    assert [one.connections for one in in_xml] == [one.connections for one in in_json]
    assert in_xml == in_json


@pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
async def test_players_are_no_servers(
    client: PlexTvClient,
    simulator: Simulator,
    account: Account,
    server: Server,
    headers: dict[str, str],
) -> None:
    """Players are left out; they have no token, and fewer fields."""
    simulator.add_player(account)

    servers = await client.get_resources(headers=headers)

    assert [one.name for one in servers] == ["Attic"]


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
    client: PlexTvClient, server: Server, provides: Any, count: int
) -> None:
    """What provides "server", among other things, is a server."""
    server.extra["provides"] = provides

    assert len(await client.get_resources()) == count


FRIENDS = RESOURCE | {
    "owned": False,
    "name": "Trap",
    "accessToken": "friend-token",
    "connections": [{"uri": "https://192.0.2.66:32400"}],
}


@pytest.mark.parametrize("order", [1, -1])
async def test_one_identifier_twice(
    client: PlexTvClient, simulator: Simulator, order: int
) -> None:
    """Of two entries with one identifier the owned one counts, and it alone."""
    simulator.fault(path="/resources", body=[FRIENDS, RESOURCE, FRIENDS][::order])

    [server] = await client.get_resources()

    assert (server.owned, server.name) == (True, "Attic")
    assert server.access_token == "server-token"
    assert [one.uri for one in server.connections] == [
        RESOURCE["connections"][0]["uri"]
    ]


async def test_two_friends_with_one_identifier(
    client: PlexTvClient, simulator: Simulator
) -> None:
    """Of two that are shared the first counts."""
    simulator.fault(
        path="/resources", body=[FRIENDS, FRIENDS | {"name": "Second", "home": False}]
    )

    [server] = await client.get_resources()

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
    client: PlexTvClient,
    attic: PlexServerClient,
    server: Server,
    simulator: Simulator,
    identifier: str,
) -> None:
    """An identifier that cleaning would change is none: neither in a list nor at a server."""
    trap = json.dumps(FRIENDS).replace('"attic"', f'"{identifier}"')
    simulator.fault(path="/resources", body=f"[{trap}, {json.dumps(RESOURCE)}]")
    simulator.fault(
        host=server.machine_identifier,
        body=f'{{"MediaContainer": {{"machineIdentifier": "{identifier}"}}}}',
        times=1,
    )

    [listed] = await client.get_resources()
    assert (listed.machine_identifier, listed.name) == ("attic", "Attic")
    with pytest.raises(PlexResponseError):
        await attic.get_identity()
    assert await attic.get_identity()


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
async def test_one_bad_name(
    network: Network,
    simulator: Simulator,
    token: str,
    name: bytes,
    form: str,
    decoder: Any,
) -> None:
    """One bad character in the name of a phone doesn't hide the servers."""
    client = plex_tv(network, simulator, token=token, json_loads=decoder)
    good = {"json": json.dumps(RESOURCE).encode(), "xml": AS_XML_RESOURCE}[form]
    phone = {
        "json": b'{"name": "%s", "provides": "player", "clientIdentifier": "phone"}',
        "xml": b'<resource name="%s" provides="player" clientIdentifier="phone"/>',
    }[form] % name
    shared = phone.replace(b"player", b"server")
    body = {"json": b"[%s]", "xml": b"<resources>%s</resources>"}[form] % (
        (b"," if form == "json" else b"").join([phone, good, shared])
    )
    simulator.fault(path="/resources", body=body)

    attic, other = await client.get_resources()

    assert (attic.name, attic.machine_identifier) == ("Attic", "attic")
    assert other.name.isprintable()
    assert not re.search("[\ud800-\udfff]", repr(other))


AS_XML_RESOURCE = (
    b'<resource name="Attic" provides="server" clientIdentifier="attic" owned="1"/>'
)


@pytest.mark.parametrize("decoder", [None, strict_loads])
async def test_two_thousand_devices(
    network: Network, simulator: Simulator, token: str, decoder: Any
) -> None:
    """A long list is read, without holding up everything else meanwhile."""
    client = plex_tv(network, simulator, token=token, json_loads=decoder)
    phones = [
        RESOURCE | {"clientIdentifier": str(number), "provides": "player"}
        for number in range(2000)
    ]
    body = json.dumps([*phones, RESOURCE])
    assert len(body) > 1_200_000
    simulator.fault(path="/resources", body=body)

    assert [one.name for one in await client.get_resources()] == ["Attic"]


async def test_a_list_without_measure(
    client: PlexTvClient, simulator: Simulator, server: Server
) -> None:
    """More than 8 MiB is an error of its own."""
    body = "[" + " " * 8 * 1024 * 1024 + "]"
    simulator.fault(path="/resources", body=body, times=1)

    with pytest.raises(PlexResponseTooLarge) as refused:
        await client.get_resources()

    assert refused.value.status == 200
    assert len(await client.get_resources()) == 1


async def test_text_of_a_friend(client: PlexTvClient, simulator: Simulator) -> None:
    """What a friend may write is one line of bounded length."""
    nasty = "x\u202e\n" + "y" * 300_000
    keys = ("name", "product", "productVersion", "platform", "platformVersion")
    texts = dict.fromkeys((*keys, "device", "sourceTitle", "publicAddress"), nasty)
    simulator.fault(path="/resources", body=[FRIENDS | texts])

    [server] = await client.get_resources()

    shown = (server.name, server.product, server.version, server.platform)
    assert {*shown, server.device, server.source_title, server.public_address} == {
        "x" + "y" * 99
    }


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
async def test_time_to_read_what_is_provided(
    client: PlexTvClient, simulator: Simulator, provides: str
) -> None:
    """Reading takes time in proportion to the length, whatever is in the text."""
    simulator.fault(
        path="/resources", body=[RESOURCE] + [FRIENDS | {"provides": provides}] * 5
    )
    started = time.process_time()

    assert [one.name for one in await client.get_resources()] == ["Attic"]

    assert time.process_time() - started < 1


@pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
async def test_account_without_servers(
    client: PlexTvClient, headers: dict[str, str]
) -> None:
    """An empty list is a list."""
    assert await client.get_resources(headers=headers) == ()


@pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
async def test_token_is_null(
    client: PlexTvClient, server: Server, headers: dict[str, str]
) -> None:
    """A server may have no token."""
    server.access_token_null = True

    [listed] = await client.get_resources(headers=headers)

    assert listed.access_token is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"error": "Try again"},
        {"resources": {}},
        {"MediaContainer": {"Device": []}},
        "null",
        '""',
        "7",
        "",
        "<html><body>Busy</body></html>",
        "<MediaContainer size='0'/>",
        "<!DOCTYPE html><html/>",
    ],
    ids=repr,
)
async def test_what_is_no_list(
    client: PlexTvClient, simulator: Simulator, server: Server, body: Any
) -> None:
    """A body that isn't a list doesn't mean that there are no servers."""
    simulator.fault(path="/resources", status=200, body=body, times=1)

    with pytest.raises(PlexResponseError):
        await client.get_resources()

    assert len(await client.get_resources()) == 1


async def test_lists_with_strangers(
    client: PlexTvClient, simulator: Simulator, server: Server
) -> None:
    """What is no resource, or can't be told apart, is left out."""
    nameless = RESOURCE | {"clientIdentifier": None}
    simulator.fault(path="/resources", body=[None, "x", [], 1, {}, nameless, RESOURCE])

    assert [one.name for one in await client.get_resources()] == ["Attic"]


@pytest.mark.parametrize("value", [None, [], {}, [None]], ids=repr)
async def test_fields_without_a_usable_value(
    client: PlexTvClient, simulator: Simulator, value: Any
) -> None:
    """Everything but the identifier and what it provides may be missing."""
    body = dict.fromkeys(RESOURCE, value) | {
        "provides": "server",
        "clientIdentifier": "attic",
    }
    simulator.fault(path="/resources", body=[body])

    [server] = await client.get_resources()

    assert server.name == "attic"
    assert (server.version, server.owner_id, server.created_at) == (None, None, None)
    assert not server.owned
    assert not server.public_address_matches
    assert server.connections == ()
    assert server.access_token is None


async def test_harmless_variations(client: PlexTvClient, simulator: Simulator) -> None:
    """Numbers and texts for booleans, texts for numbers, epoch for ISO, new fields."""
    varied = {
        "clientIdentifier": "attic",
        "provides": "server",
        "name": 7,
        "owned": 1,
        "home": "1",
        "synced": "0",
        "relay": 0,
        "ownerId": "42",
        "createdAt": 1_393_545_600,
        "lastSeenAt": "1393545600",
        "connections": {
            "uri": "https://192.0.2.1:32400",
            "port": "32400",
            "local": "1",
            "speed": {"up": 7},
        },
        "colour": "red",
    }
    simulator.fault(path="/resources", body=[varied])

    [server] = await client.get_resources()

    assert server.name == "7"
    assert server.owned
    assert server.home
    assert not server.synced
    assert not server.relay
    assert server.owner_id == 42
    assert (server.created_at, server.last_seen_at) == (MOMENT, MOMENT)
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
async def test_odd_connections(
    client: PlexTvClient, simulator: Simulator, connection: Any
) -> None:
    """A connection that leads nowhere is left out; the others stay."""
    good = RESOURCE["connections"][0]
    simulator.fault(
        path="/resources", body=[RESOURCE | {"connections": [connection, good]}]
    )

    [server] = await client.get_resources()

    assert [way.uri for way in server.connections] == [good["uri"]]


async def test_token_that_cannot_be_sent(
    client: PlexTvClient, simulator: Simulator
) -> None:
    """A token with which no header can be written is none."""
    simulator.fault(path="/resources", body=[RESOURCE | {"accessToken": "a\r\nb: c"}])

    [server] = await client.get_resources()

    assert server.access_token is None


async def test_a_new_token_changes_nothing_else(
    client: PlexTvClient, simulator: Simulator
) -> None:
    """Two lists that differ in a token alone are equal."""
    simulator.fault(path="/resources", body=[RESOURCE], times=1)
    simulator.fault(path="/resources", body=[RESOURCE | {"accessToken": "new"}])

    [before], [after] = await client.get_resources(), await client.get_resources()

    assert before == after
    assert (before.access_token, after.access_token) == ("server-token", "new")


async def test_a_servers_token_is_no_good_at_plex_tv(
    network: Network, simulator: Simulator, account: Account, token: str
) -> None:
    """plex.tv knows account tokens only."""
    grace = simulator.add_account(username="grace", email="grace@example.com")
    cellar = await simulator.add_server(owner=grace, shared_with=[account])
    tokens = [cellar.access_token(account, token), token]

    async def next_token() -> str:
        return tokens.pop(0)

    client = plex_tv(network, simulator, token=next_token)

    with pytest.raises(PlexAuthenticationError) as refused:
        await client.get_resources()

    assert (refused.value.status, refused.value.code) == (401, 1001)
    assert len(await client.get_resources()) == 1


async def test_bad_request(
    client: PlexTvClient, simulator: Simulator, server: Server
) -> None:
    """A refusal with a code keeps it."""
    simulator.fault(path="/resources", status=400, body=error_body(1000), times=1)

    with pytest.raises(PlexResponseError) as refused:
        await client.get_resources()

    assert (refused.value.status, refused.value.code) == (400, 1000)
    assert len(await client.get_resources()) == 1
