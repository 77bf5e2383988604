"""The operations of a server: /identity, /, /security/token, /security/resources."""

from datetime import UTC, datetime, timedelta
from functools import cached_property
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
from tests.samples import sample
from tests.simulator import Account, Server, Simulator

from .common import (
    IDENTITY_HEADERS,
    Bench,
    Headers,
    Network,
    fails,
    fails_once,
    json_and_xml,
    sent_with,
)

PROVIDER = "provider://tv.plex.provider.metadata"
MINT = {"type": "delegation", "scope": "all"}


class ServerBench(Bench):
    """The bench with a server of the account, and those who may enter it."""

    server: Server

    @property
    def source(self) -> str:
        """Return the server as a source."""
        return f"server://{self.server.machine_identifier}"

    @cached_property
    def owner(self) -> PlexServerClient:
        """Return the client of the owner."""
        return self.of_server(self.server, token=self.token)

    @cached_property
    def guest(self) -> PlexServerClient:
        """Return a client of somebody with whom the server is shared."""
        grace = self.simulator.add_account(username="grace", email="grace@example.com")
        self.server.shared_with = [grace]
        token = self.server.access_token(grace, "")
        return self.of_server(self.server, token=token)

    async def minted(self) -> PlexServerClient:
        """Return a client with a transient token of the owner."""
        transient = await self.owner.get_transient_token()
        return self.of_server(self.server, token=transient.token)


@pytest.fixture
def bench(
    network: Network, simulator: Simulator, account: Account, server: Server
) -> ServerBench:
    """Return the bench with its server."""
    bench = ServerBench(network, simulator, account)
    bench.server = server
    return bench


# Identity and front page


@json_and_xml
@pytest.mark.parametrize("claimed", [True, False])
async def test_identity(bench: ServerBench, claimed: bool, headers: Headers) -> None:
    """A server says who it is, claimed or not."""
    bench.server.claimed = claimed
    identity = await bench.owner.get_identity(headers=headers)
    assert identity.machine_identifier == bench.server.machine_identifier
    assert (identity.version, identity.claimed) == (bench.server.version, claimed)


async def test_identity_needs_no_token(bench: ServerBench) -> None:
    """The client introduces itself, and keeps its token."""
    await bench.owner.get_identity()
    [request] = bench.requests
    assert (bench.asked, request.query) == (["GET /identity"], {})
    assert (request.token, request.secure) == (None, True)
    assert sent_with(request.headers, IDENTITY_HEADERS) == IDENTITY_HEADERS


@json_and_xml
async def test_token(bench: ServerBench, headers: Headers) -> None:
    """The owner's token opens the server; others are refused with a page, not a code."""
    await bench.owner.check_token(headers=headers)
    assert (bench.asked, bench.requests[0].token) == (["GET /"], bench.token)

    bench.server.claimed = False
    facts = {"status": 401, "code": None, "content_type": "text/html"}
    await fails(PlexAuthenticationError, bench.owner.check_token, **facts)
    bench.server.claimed = True
    await bench.owner.check_token()


# Transient tokens


@json_and_xml
async def test_transient_token(bench: ServerBench, headers: Headers) -> None:
    """A server mints a token for at most 48 hours."""
    before = datetime.now(UTC)
    transient = await bench.owner.get_transient_token(headers=headers)

    lifetime = timedelta(hours=48)
    assert before + lifetime <= transient.expires_at <= datetime.now(UTC) + lifetime
    assert [*bench.server.transient_tokens] == [transient.token]
    [request] = bench.requests
    assert (bench.asked, request.query) == (["POST /security/token"], MINT)
    assert (request.form, request.token) == ({}, bench.token)


async def test_transient_token_works(bench: ServerBench) -> None:
    """What was minted opens the server until it restarts, and mints nothing."""
    first = await bench.minted()
    await first.check_token()
    await fails(PlexAuthenticationError, first.get_transient_token, status=403)

    await bench.server.restart()
    await fails(PlexAuthenticationError, first.check_token)
    await (await bench.minted()).check_token()


async def test_transient_token_of_a_shared_server(bench: ServerBench) -> None:
    """Who has the server shared with them can ask as well."""
    transient = await bench.guest.get_transient_token()
    assert [*bench.server.transient_tokens] == [transient.token]


@pytest.mark.parametrize("status", [404, 405])
async def test_transient_token_from_an_old_server(
    bench: ServerBench, status: int
) -> None:
    """A server that knows no POST is asked with GET; the last error counts."""
    bench.server.post_token_status = status
    transient = await bench.owner.get_transient_token()
    assert transient.token in bench.server.transient_tokens
    assert bench.asked == ["POST /security/token", "GET /security/token"]
    assert [one.query for one in bench.requests] == [MINT, MINT]

    bench.fault(method="GET", status=503, times=1)
    await fails_once(PlexResponseError, bench.owner.get_transient_token, status=503)


@pytest.mark.parametrize("status", [302, 400, 401, 403, 410, 500, 501])
async def test_other_refusals_are_not_asked_again(
    bench: ServerBench, status: int
) -> None:
    """Only 404 and 405 mean that another verb could help."""
    bench.server.post_token_status = status
    error = PlexAuthenticationError if status in (401, 403) else PlexResponseError
    await fails(error, bench.owner.get_transient_token, status=status)
    assert bench.asked == ["POST /security/token"]

    bench.server.post_token_status = None
    assert await bench.owner.get_transient_token()


@pytest.mark.parametrize("query", [("other",), ("",), ("delegation", "some")])
async def test_unsupported_type_and_scope(bench: ServerBench, query: Any) -> None:
    """A server refuses what it doesn't support, with 400."""
    call = bench.owner.get_transient_token
    await fails(PlexResponseError, call, *query, status=400)
    assert await call("delegation", "all")


# Sources


@json_and_xml
@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("flags", ["bool", "int", "str"])
async def test_source(
    bench: ServerBench, headers: Headers, as_list: bool, flags: Any
) -> None:
    """A source comes as object or list, its flags as booleans, numbers, or text."""
    server, call = bench.server, bench.owner.get_source_connection_information
    server.device_as_list, server.flags_as = as_list, flags
    server.connections.append(server.connection(local=False))
    server.connections.append(server.connection(relay=True))

    found = await call(bench.source, headers=headers)

    assert (found.name, found.client_identifier) == ("Attic", server.machine_identifier)
    assert found.access_token in server.transient_tokens
    assert [one.kind for one in found.connections] == [*ConnectionKind]
    way = attrgetter("uri", "protocol", "address", "port")
    assert [*map(way, found.connections)] == [*map(way, server.connections)]
    [request] = bench.requests
    assert (bench.asked, request.token) == (["GET /security/resources"], bench.token)
    assert request.query == {"source": bench.source}


async def test_source_is_refreshed(bench: ServerBench) -> None:
    """Refreshing is asked for with a parameter."""
    await bench.owner.get_source_connection_information(bench.source, refresh=True)
    await bench.owner.get_source_connection_information(bench.source, True)
    expected = {"source": bench.source, "refresh": "1"}
    assert [one.query for one in bench.requests] == [expected] * 2


@json_and_xml
async def test_provider(bench: ServerBench, headers: Headers) -> None:
    """A source may be a provider in the cloud; without a relay flag it is no relay."""
    bench.server.sources[PROVIDER] = sample("source-provider")
    call = bench.owner.get_source_connection_information

    found = await call(PROVIDER, headers=headers)

    assert (found.name, found.access_token) == ("Plex Metadata", "transient-provider")
    [way] = found.connections
    assert way.uri == "https://metadata.provider.plex.tv"
    assert (way.port, way.kind) == (443, ConnectionKind.REMOTE)


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
async def test_source_with_little_to_say(bench: ServerBench, device: Any) -> None:
    """Token and connections may be missing."""
    bench.fault(body={"MediaContainer": {"Device": device}})
    found = await bench.owner.get_source_connection_information(PROVIDER)
    assert (found.name, found.client_identifier) == ("Attic", None)
    assert (found.access_token, found.connections) == (None, ())


@pytest.mark.parametrize("source", ["", "server://nobody", "provider://none", "?&#"])
async def test_unknown_source(bench: ServerBench, source: str) -> None:
    """A source that the server doesn't know is refused with 400."""
    call = bench.owner.get_source_connection_information
    await fails(PlexResponseError, call, source, status=400)
    assert bench.requests[0].query == {"source": source}


async def test_source_is_for_the_owner(bench: ServerBench) -> None:
    """A guest is refused with 403; a transient token has the rights of its owner."""
    call = bench.guest.get_source_connection_information
    await fails(PlexAuthenticationError, call, bench.source, status=403)
    minted = await bench.minted()
    found = await minted.get_source_connection_information(bench.source)
    assert found.name == "Attic"


# Refusals


MAINTENANCE = {"code": 503, "title": "Maintenance", "status": "Migrating"}
IN_XML = '<Response code="503" title="Maintenance" status="Migrating"/>'


@pytest.mark.parametrize(
    "body", [IN_XML, {"Response": MAINTENANCE}, MAINTENANCE], ids=repr
)
async def test_maintenance(bench: ServerBench, body: Any) -> None:
    """A server that migrates its database says so, and is back when it is done."""
    for call in bench.owner.get_identity, bench.owner.check_token:
        bench.fault(status=503, body=body, times=1)
        await fails_once(PlexMaintenance, call)

    bench.fault(status=503, times=1)
    await fails_once(PlexResponseError, bench.owner.get_identity)
