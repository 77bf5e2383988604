"""The operations of a server: /identity, /, /security/token, /security/resources."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from custom_components.plex_account.api import (
    ConnectionKind,
    PlexAuthenticationError,
    PlexError,
    PlexMaintenance,
    PlexResponseError,
    PlexServerClient,
)
from tests.simulator import Server

from .common import IDENTITY_HEADERS, Bench, fails, fails_once, json_and_xml, sent_with

PROVIDER = "provider://tv.plex.provider.metadata"


@pytest.fixture
def shared_token(bench: Bench, server: Server) -> str:
    """Return the token of somebody with whom the server is shared."""
    grace = bench.simulator.add_account(username="grace", email="grace@example.com")
    server.shared_with = [grace]
    return server.access_token(grace, "")


@pytest.fixture
def source(server: Server) -> str:
    """Return the server as a source."""
    return f"server://{server.machine_identifier}"


# Identity and front page


@json_and_xml
@pytest.mark.parametrize("claimed", [True, False])
async def test_identity(
    attic: PlexServerClient, server: Server, claimed: bool, headers: dict[str, str]
) -> None:
    """A server says who it is, claimed or not."""
    server.claimed = claimed

    identity = await attic.get_identity(headers=headers)

    assert identity.machine_identifier == server.machine_identifier
    assert identity.version == server.version
    assert identity.claimed is claimed


async def test_identity_needs_no_token(bench: Bench, attic: PlexServerClient) -> None:
    """The client introduces itself, and keeps its token."""
    await attic.get_identity()

    [request] = bench.requests
    assert (request.method, request.path, request.query) == ("GET", "/identity", {})
    assert request.token is None
    assert request.secure
    assert sent_with(request.headers, IDENTITY_HEADERS) == IDENTITY_HEADERS


@json_and_xml
async def test_token_is_taken(
    bench: Bench, attic: PlexServerClient, headers: dict[str, str]
) -> None:
    """The owner's token opens the server."""
    await attic.check_token(headers=headers)

    [request] = bench.requests
    assert (request.method, request.path) == ("GET", "/")
    assert request.token == bench.token


async def test_token_is_refused(attic: PlexServerClient, server: Server) -> None:
    """A token that the server doesn't know is refused, with a page instead of a code."""
    server.claimed = False

    await fails(
        PlexAuthenticationError,
        attic.check_token,
        status=401,
        code=None,
        content_type="text/html",
    )

    server.claimed = True
    await attic.check_token()


# Transient tokens


@json_and_xml
async def test_transient_token(
    bench: Bench, attic: PlexServerClient, server: Server, headers: dict[str, str]
) -> None:
    """A server mints a token for at most 48 hours."""
    before = datetime.now(UTC)
    transient = await attic.get_transient_token(headers=headers)
    after = datetime.now(UTC)

    assert [*server.transient_tokens] == [transient.token]
    lifetime = timedelta(hours=48)
    assert before + lifetime <= transient.expires_at <= after + lifetime
    [request] = bench.requests
    assert (request.method, request.path) == ("POST", "/security/token")
    assert request.query == {"type": "delegation", "scope": "all"}
    assert request.form == {}
    assert request.token == bench.token


async def test_transient_token_works(
    bench: Bench, attic: PlexServerClient, server: Server
) -> None:
    """What was minted opens the server until it restarts."""
    transient = await attic.get_transient_token()
    guest = bench.of_server(server, token=transient.token)
    await guest.check_token()

    await server.restart()

    await fails(PlexAuthenticationError, guest.check_token)
    again = await attic.get_transient_token()
    await bench.of_server(server, token=again.token).check_token()


async def test_transient_token_of_a_shared_server(
    bench: Bench, server: Server, shared_token: str
) -> None:
    """Who has the server shared with them can ask as well."""
    client = bench.of_server(server, token=shared_token)

    transient = await client.get_transient_token()

    assert [*server.transient_tokens] == [transient.token]


@pytest.mark.parametrize("status", [404, 405])
async def test_transient_token_from_an_old_server(
    bench: Bench, attic: PlexServerClient, server: Server, status: int
) -> None:
    """A server that knows no POST is asked with GET."""
    server.post_token_status = status

    transient = await attic.get_transient_token()

    assert transient.token in server.transient_tokens
    assert [(one.method, one.query) for one in bench.requests] == [
        ("POST", {"type": "delegation", "scope": "all"}),
        ("GET", {"type": "delegation", "scope": "all"}),
    ]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, PlexResponseError),
        (400, PlexResponseError),
        (401, PlexAuthenticationError),
        (403, PlexAuthenticationError),
        (410, PlexResponseError),
        (500, PlexResponseError),
        (501, PlexResponseError),
    ],
)
async def test_other_refusals_are_not_asked_again(
    bench: Bench,
    attic: PlexServerClient,
    server: Server,
    status: int,
    error: type[PlexError],
) -> None:
    """Only 404 and 405 mean that another verb could help."""
    server.post_token_status = status

    await fails(error, attic.get_transient_token, status=status)

    assert [one.method for one in bench.requests] == ["POST"]
    server.post_token_status = None
    assert await attic.get_transient_token()


async def test_both_verbs_are_refused(
    bench: Bench, attic: PlexServerClient, server: Server
) -> None:
    """The error is the one of the last try."""
    server.post_token_status = 405
    bench.fault(method="GET", status=503, times=1)

    await fails_once(PlexResponseError, attic.get_transient_token, status=503)


@pytest.mark.parametrize(
    "query", [{"type": "other"}, {"scope": "some"}, {"type": ""}], ids=repr
)
async def test_unsupported_type_and_scope(
    attic: PlexServerClient, query: dict[str, Any]
) -> None:
    """A server refuses what it doesn't support, with 400."""
    call = partial(attic.get_transient_token, **query)

    await fails(PlexResponseError, call, status=400)

    assert await attic.get_transient_token("delegation", "all")


async def test_transient_tokens_mint_nothing(
    bench: Bench, attic: PlexServerClient, server: Server
) -> None:
    """A transient token is refused where it asks for another."""
    transient = await attic.get_transient_token()
    guest = bench.of_server(server, token=transient.token)

    await fails(PlexAuthenticationError, guest.get_transient_token, status=403)


# Sources


@json_and_xml
@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("flags", ["bool", "int", "str"])
async def test_source(
    bench: Bench,
    attic: PlexServerClient,
    server: Server,
    source: str,
    headers: dict[str, str],
    as_list: bool,
    flags: Any,
) -> None:
    """A source comes as object or list, its flags as booleans, numbers, or text."""
    server.device_as_list, server.flags_as = as_list, flags
    server.connections += [
        server.connection(local=False),
        server.connection(relay=True),
    ]

    found = await attic.get_source_connection_information(source, headers=headers)

    assert (found.name, found.client_identifier) == ("Attic", server.machine_identifier)
    assert found.access_token in server.transient_tokens
    assert [one.kind for one in found.connections] == [*ConnectionKind]
    assert [
        (one.uri, one.protocol, one.address, one.port) for one in found.connections
    ] == [(one.uri, one.protocol, one.address, one.port) for one in server.connections]
    [request] = bench.requests
    assert (request.method, request.path) == ("GET", "/security/resources")
    assert request.query == {"source": source}
    assert request.token == bench.token


async def test_source_is_refreshed(
    bench: Bench, attic: PlexServerClient, source: str
) -> None:
    """Refreshing is asked for with a parameter."""
    await attic.get_source_connection_information(source, refresh=True)
    await attic.get_source_connection_information(source, True)

    expected = {"source": source, "refresh": "1"}
    assert [one.query for one in bench.requests] == [expected] * 2


@json_and_xml
async def test_provider(
    attic: PlexServerClient, server: Server, headers: dict[str, str]
) -> None:
    """A source may be a provider in the cloud; without a relay flag it is no relay."""
    server.sources[PROVIDER] = {
        "name": "Plex Metadata",
        "clientIdentifier": "tv.plex.provider.metadata",
        "accessToken": "transient-provider",
        "Connection": [
            {
                "protocol": "https",
                "address": "192.0.2.1",
                "port": 443,
                "uri": "https://metadata.provider.plex.tv",
                "local": False,
            }
        ],
    }

    found = await attic.get_source_connection_information(PROVIDER, headers=headers)

    assert (found.name, found.access_token) == ("Plex Metadata", "transient-provider")
    [connection] = found.connections
    assert connection.uri == "https://metadata.provider.plex.tv"
    assert (connection.port, connection.kind) == (443, ConnectionKind.REMOTE)


@pytest.mark.parametrize(
    "device",
    [
        {"name": "Attic"},
        {"name": "Attic", "accessToken": None, "Connection": None},
        {"name": "Attic", "accessToken": 7, "Connection": [None, {"uri": None}]},
        [{"name": "Attic", "Connection": {}}],
    ],
    ids=repr,
)
async def test_source_with_little_to_say(
    bench: Bench, attic: PlexServerClient, device: Any
) -> None:
    """Token and connections may be missing."""
    bench.fault(body={"MediaContainer": {"Device": device}})

    found = await attic.get_source_connection_information(PROVIDER)

    assert (found.name, found.client_identifier) == ("Attic", None)
    assert found.access_token is None
    assert found.connections == ()


@pytest.mark.parametrize("source", ["", "server://nobody", "provider://none", "?&#"])
async def test_unknown_source(
    bench: Bench, attic: PlexServerClient, source: str
) -> None:
    """A source that the server doesn't know is refused with 400."""
    call = partial(attic.get_source_connection_information, source)

    await fails(PlexResponseError, call, status=400)

    assert bench.requests[0].query == {"source": source}


async def test_source_is_for_the_owner(
    bench: Bench, server: Server, shared_token: str, source: str
) -> None:
    """Who only has the server shared with them is refused with 403."""
    tokens = [shared_token, bench.token]

    async def next_token() -> str:
        return tokens.pop(0)

    client = bench.of_server(server, token=next_token)
    call = partial(client.get_source_connection_information, source)

    await fails_once(PlexAuthenticationError, call, status=403)


async def test_source_with_a_transient_token_of_the_owner(
    bench: Bench, attic: PlexServerClient, server: Server, source: str
) -> None:
    """A transient token has the rights of the token that asked for it."""
    transient = await attic.get_transient_token()
    guest = bench.of_server(server, token=transient.token)

    found = await guest.get_source_connection_information(source)

    assert found.name == "Attic"


# Refusals


MAINTENANCE = {"code": 503, "title": "Maintenance", "status": "Migrating"}


@pytest.mark.parametrize(
    "body",
    [
        '<Response code="503" title="Maintenance" status="Migrating"/>',
        {"Response": MAINTENANCE},
        MAINTENANCE,
    ],
    ids=repr,
)
async def test_maintenance(bench: Bench, attic: PlexServerClient, body: Any) -> None:
    """A server that migrates its database says so, and is back when it is done."""
    for call in attic.get_identity, attic.check_token:
        bench.fault(status=503, body=body, times=1)
        await fails_once(PlexMaintenance, call)

    bench.fault(status=503, times=1)
    await fails_once(PlexResponseError, attic.get_identity)
