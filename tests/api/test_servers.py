"""The operations of a server: /identity, /, /security/token, /security/resources."""

from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any

import pytest

from custom_components.plex_account.api import (
    ConnectionKind,
    PlexAuthenticationError,
    PlexMaintenance,
    PlexResponseError,
    PlexServerClient,
)
from tests.simulator import Server

from .common import IDENTITY_HEADERS, Bench, fails, fails_once, json_and_xml, sent_with

PROVIDER = "provider://tv.plex.provider.metadata"
MINT = {"type": "delegation", "scope": "all"}


@pytest.fixture
def source(server: Server) -> str:
    """Return the server as a source."""
    return f"server://{server.machine_identifier}"


@pytest.fixture
def guest(bench: Bench, server: Server) -> PlexServerClient:
    """Return a client of somebody with whom the server is shared."""
    grace = bench.simulator.add_account(username="grace", email="grace@example.com")
    server.shared_with = [grace]
    return bench.of_server(server, token=server.access_token(grace, ""))


@pytest.fixture
async def minted(
    bench: Bench, attic: PlexServerClient, server: Server
) -> PlexServerClient:
    """Return a client with a transient token of the owner."""
    transient = await attic.get_transient_token()
    return bench.of_server(server, token=transient.token)


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
    assert (identity.version, identity.claimed) == (server.version, claimed)


async def test_identity_needs_no_token(bench: Bench, attic: PlexServerClient) -> None:
    """The client introduces itself, and keeps its token."""
    await attic.get_identity()

    [request] = bench.requests
    assert (bench.asked, request.query) == (["GET /identity"], {})
    assert (request.token, request.secure) == (None, True)
    assert sent_with(request.headers, IDENTITY_HEADERS) == IDENTITY_HEADERS


@json_and_xml
async def test_token(
    bench: Bench, attic: PlexServerClient, server: Server, headers: dict[str, str]
) -> None:
    """The owner's token opens the server; others are refused with a page, not a code."""
    await attic.check_token(headers=headers)
    assert (bench.asked, bench.requests[0].token) == (["GET /"], bench.token)

    server.claimed = False
    facts = {"status": 401, "code": None, "content_type": "text/html"}
    await fails(PlexAuthenticationError, attic.check_token, **facts)
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

    lifetime = timedelta(hours=48)
    assert before + lifetime <= transient.expires_at <= datetime.now(UTC) + lifetime
    assert [*server.transient_tokens] == [transient.token]
    [request] = bench.requests
    assert (bench.asked, request.query) == (["POST /security/token"], MINT)
    assert (request.form, request.token) == ({}, bench.token)


async def test_transient_token_works(
    bench: Bench, attic: PlexServerClient, server: Server, minted: PlexServerClient
) -> None:
    """What was minted opens the server until it restarts, and mints nothing."""
    await minted.check_token()
    await fails(PlexAuthenticationError, minted.get_transient_token, status=403)

    await server.restart()
    await fails(PlexAuthenticationError, minted.check_token)
    again = await attic.get_transient_token()
    await bench.of_server(server, token=again.token).check_token()


async def test_transient_token_of_a_shared_server(
    server: Server, guest: PlexServerClient
) -> None:
    """Who has the server shared with them can ask as well."""
    transient = await guest.get_transient_token()
    assert [*server.transient_tokens] == [transient.token]


@pytest.mark.parametrize("status", [404, 405])
async def test_transient_token_from_an_old_server(
    bench: Bench, attic: PlexServerClient, server: Server, status: int
) -> None:
    """A server that knows no POST is asked with GET; the last error counts."""
    server.post_token_status = status
    transient = await attic.get_transient_token()
    assert transient.token in server.transient_tokens
    assert bench.asked == ["POST /security/token", "GET /security/token"]
    assert [one.query for one in bench.requests] == [MINT, MINT]

    bench.fault(method="GET", status=503, times=1)
    await fails_once(PlexResponseError, attic.get_transient_token, status=503)


@pytest.mark.parametrize("status", [302, 400, 401, 403, 410, 500, 501])
async def test_other_refusals_are_not_asked_again(
    bench: Bench, attic: PlexServerClient, server: Server, status: int
) -> None:
    """Only 404 and 405 mean that another verb could help."""
    server.post_token_status = status
    refused = status in (401, 403)
    error = PlexAuthenticationError if refused else PlexResponseError
    await fails(error, attic.get_transient_token, status=status)
    assert bench.asked == ["POST /security/token"]

    server.post_token_status = None
    assert await attic.get_transient_token()


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
    server.connections.append(server.connection(local=False))
    server.connections.append(server.connection(relay=True))

    found = await attic.get_source_connection_information(source, headers=headers)

    assert (found.name, found.client_identifier) == ("Attic", server.machine_identifier)
    assert found.access_token in server.transient_tokens
    assert [one.kind for one in found.connections] == [*ConnectionKind]
    way = attrgetter("uri", "protocol", "address", "port")
    assert [*map(way, found.connections)] == [*map(way, server.connections)]
    assert bench.asked == ["GET /security/resources"]
    assert bench.requests[0].query == {"source": source}
    assert bench.requests[0].token == bench.token


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
    uri = "https://metadata.provider.plex.tv"
    connection = {"uri": uri, "protocol": "https", "port": 443, "local": False}
    server.sources[PROVIDER] = {
        "name": "Plex Metadata",
        "clientIdentifier": "tv.plex.provider.metadata",
        "accessToken": "transient-provider",
        "Connection": [connection | {"address": "192.0.2.1"}],
    }

    found = await attic.get_source_connection_information(PROVIDER, headers=headers)

    assert (found.name, found.access_token) == ("Plex Metadata", "transient-provider")
    [way] = found.connections
    assert (way.uri, way.port, way.kind) == (uri, 443, ConnectionKind.REMOTE)


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
    assert (found.access_token, found.connections) == (None, ())


@pytest.mark.parametrize("source", ["", "server://nobody", "provider://none", "?&#"])
async def test_unknown_source(
    bench: Bench, attic: PlexServerClient, source: str
) -> None:
    """A source that the server doesn't know is refused with 400."""
    call = attic.get_source_connection_information
    await fails(PlexResponseError, call, source, status=400)
    assert bench.requests[0].query == {"source": source}


async def test_source_is_for_the_owner(
    guest: PlexServerClient, minted: PlexServerClient, source: str
) -> None:
    """A guest is refused with 403; a transient token has the rights of its owner."""
    call = guest.get_source_connection_information
    await fails(PlexAuthenticationError, call, source, status=403)
    assert (await minted.get_source_connection_information(source)).name == "Attic"


# Refusals


MAINTENANCE = {"code": 503, "title": "Maintenance", "status": "Migrating"}
IN_XML = '<Response code="503" title="Maintenance" status="Migrating"/>'


@pytest.mark.parametrize(
    "body", [IN_XML, {"Response": MAINTENANCE}, MAINTENANCE], ids=repr
)
async def test_maintenance(bench: Bench, attic: PlexServerClient, body: Any) -> None:
    """A server that migrates its database says so, and is back when it is done."""
    for call in attic.get_identity, attic.check_token:
        bench.fault(status=503, body=body, times=1)
        await fails_once(PlexMaintenance, call)

    bench.fault(status=503, times=1)
    await fails_once(PlexResponseError, attic.get_identity)
