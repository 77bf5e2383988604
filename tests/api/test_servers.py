"""The operations of a server: /identity, /, /security/token, /security/resources."""

from datetime import UTC, datetime, timedelta
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
from tests.simulator import Account, Server, Simulator

from .common import AS_XML, IDENTITY_HEADERS, Network, of_server, sent_with

PROVIDER = "provider://tv.plex.provider.metadata"
CONNECTION: dict[str, Any] = {
    "protocol": "https",
    "address": "192.0.2.1",
    "port": 443,
    "uri": "https://metadata.provider.plex.tv",
    "local": False,
}


@pytest.fixture
def shared_token(simulator: Simulator, account: Account, server: Server) -> str:
    """Return the token of somebody with whom the server is shared."""
    grace = simulator.add_account(username="grace", email="grace@example.com")
    server.shared_with = [grace]
    return server.access_token(grace, "")


@pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
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


async def test_identity_needs_no_token(
    attic: PlexServerClient, simulator: Simulator
) -> None:
    """The client introduces itself, and keeps its token."""
    await attic.get_identity()

    [request] = simulator.requests
    assert (request.method, request.path, request.query) == ("GET", "/identity", {})
    assert request.token is None
    assert request.secure
    assert sent_with(request.headers, IDENTITY_HEADERS) == IDENTITY_HEADERS


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"MediaContainer": {}},
        {"MediaContainer": {"machineIdentifier": ""}},
        {"MediaContainer": []},
        "<MediaContainer/>",
        "<html><body>Hello</body></html>",
        "Hello",
        "",
    ],
    ids=repr,
)
async def test_what_is_no_identity(
    attic: PlexServerClient, simulator: Simulator, server: Server, body: Any
) -> None:
    """Whoever doesn't say who it is, isn't a server."""
    simulator.fault(host=server.machine_identifier, status=200, body=body, times=1)

    with pytest.raises(PlexResponseError):
        await attic.get_identity()

    assert await attic.get_identity()


@pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
async def test_token_is_taken(
    attic: PlexServerClient,
    simulator: Simulator,
    token: str,
    headers: dict[str, str],
) -> None:
    """The owner's token opens the server."""
    await attic.check_token(headers=headers)

    [request] = simulator.requests
    assert (request.method, request.path) == ("GET", "/")
    assert request.token == token


async def test_token_is_refused(
    attic: PlexServerClient, simulator: Simulator, server: Server
) -> None:
    """A token that the server doesn't know is refused, with a page instead of a code."""
    server.claimed = False

    with pytest.raises(PlexAuthenticationError) as refused:
        await attic.check_token()

    assert (refused.value.status, refused.value.code) == (401, None)
    assert refused.value.content_type == "text/html"
    server.claimed = True
    await attic.check_token()


@pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
async def test_transient_token(
    attic: PlexServerClient,
    simulator: Simulator,
    server: Server,
    token: str,
    headers: dict[str, str],
) -> None:
    """A server mints a token for at most 48 hours."""
    before = datetime.now(UTC)
    transient = await attic.get_transient_token(headers=headers)
    after = datetime.now(UTC)

    assert [*server.transient_tokens] == [transient.token]
    lifetime = timedelta(hours=48)
    assert before + lifetime <= transient.expires_at <= after + lifetime
    [request] = simulator.requests
    assert (request.method, request.path) == ("POST", "/security/token")
    assert request.query == {"type": "delegation", "scope": "all"}
    assert request.form == {}
    assert request.token == token


async def test_transient_token_works(
    attic: PlexServerClient, network: Network, server: Server
) -> None:
    """What was minted opens the server until it restarts."""
    transient = await attic.get_transient_token()
    guest = of_server(network, server, token=transient.token)
    await guest.check_token()

    await server.restart()

    with pytest.raises(PlexAuthenticationError):
        await guest.check_token()
    again = await attic.get_transient_token()
    await of_server(network, server, token=again.token).check_token()


async def test_transient_token_of_a_shared_server(
    network: Network, server: Server, shared_token: str
) -> None:
    """Who has the server shared with them can ask as well."""
    transient = await of_server(
        network, server, token=shared_token
    ).get_transient_token()

    assert [*server.transient_tokens] == [transient.token]


@pytest.mark.parametrize("status", [404, 405])
async def test_transient_token_from_an_old_server(
    attic: PlexServerClient, simulator: Simulator, server: Server, status: int
) -> None:
    """A server that knows no POST is asked with GET."""
    server.post_token_status = status

    transient = await attic.get_transient_token()

    assert transient.token in server.transient_tokens
    assert [(one.method, one.query) for one in simulator.requests] == [
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
    attic: PlexServerClient,
    simulator: Simulator,
    server: Server,
    status: int,
    error: type[PlexError],
) -> None:
    """Only 404 and 405 mean that another verb could help."""
    server.post_token_status = status

    with pytest.raises(PlexError) as refused:
        await attic.get_transient_token()

    assert type(refused.value) is error
    assert refused.value.status == status
    assert [one.method for one in simulator.requests] == ["POST"]
    server.post_token_status = None
    assert await attic.get_transient_token()


async def test_both_verbs_are_refused(
    attic: PlexServerClient, simulator: Simulator, server: Server
) -> None:
    """The error is the one of the last try."""
    server.post_token_status = 405
    simulator.fault(host=server.machine_identifier, method="GET", status=503, times=1)

    with pytest.raises(PlexResponseError) as refused:
        await attic.get_transient_token()

    assert refused.value.status == 503
    assert await attic.get_transient_token()


@pytest.mark.parametrize(
    "query", [{"type": "other"}, {"scope": "some"}, {"type": ""}], ids=repr
)
async def test_unsupported_type_and_scope(
    attic: PlexServerClient, server: Server, query: dict[str, Any]
) -> None:
    """A server refuses what it doesn't support, with 400."""
    with pytest.raises(PlexResponseError) as refused:
        await attic.get_transient_token(**query)

    assert refused.value.status == 400
    assert await attic.get_transient_token("delegation", "all")


async def test_transient_tokens_mint_nothing(
    attic: PlexServerClient, network: Network, server: Server
) -> None:
    """A transient token is refused where it asks for another."""
    transient = await attic.get_transient_token()

    with pytest.raises(PlexAuthenticationError) as refused:
        await of_server(network, server, token=transient.token).get_transient_token()

    assert refused.value.status == 403


@pytest.mark.parametrize(
    "body",
    [
        {"MediaContainer": {"size": 0}},
        {"MediaContainer": {"token": None}},
        {"MediaContainer": {"token": ""}},
        {"MediaContainer": {"token": 7}},
        {"MediaContainer": {"token": "a\nb"}},
        "<MediaContainer size='0'/>",
        "<html/>",
        "",
    ],
    ids=repr,
)
async def test_answers_without_a_token(
    attic: PlexServerClient, simulator: Simulator, server: Server, body: Any
) -> None:
    """A server that asks for no token has none to give."""
    simulator.fault(host=server.machine_identifier, status=200, body=body, times=1)

    with pytest.raises(PlexResponseError):
        await attic.get_transient_token()

    assert await attic.get_transient_token()


async def test_server_that_delegates_nothing(network: Network, server: Server) -> None:
    """Without a token, a server that asks for none has nobody to delegate."""
    server.allow_tokenless = True

    with pytest.raises(PlexResponseError):
        await of_server(network, server).get_transient_token()


@pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("flags", ["bool", "int", "str"])
async def test_source(
    attic: PlexServerClient,
    simulator: Simulator,
    server: Server,
    token: str,
    headers: dict[str, str],
    as_list: bool,
    flags: Any,
) -> None:
    """A source comes as object or list, its flags as booleans, numbers or text."""
    server.device_as_list, server.flags_as = as_list, flags
    server.connections += [
        server.connection(local=False),
        server.connection(relay=True),
    ]
    source = f"server://{server.machine_identifier}"

    found = await attic.get_source_connection_information(source, headers=headers)

    assert (found.name, found.client_identifier) == ("Attic", server.machine_identifier)
    assert found.access_token in server.transient_tokens
    assert [way.kind for way in found.connections] == [*ConnectionKind]
    assert [
        (way.uri, way.protocol, way.address, way.port) for way in found.connections
    ] == [(way.uri, way.protocol, way.address, way.port) for way in server.connections]
    [request] = simulator.requests
    assert (request.method, request.path) == ("GET", "/security/resources")
    assert request.query == {"source": source}
    assert request.token == token


async def test_source_is_read_anew(
    attic: PlexServerClient, simulator: Simulator, server: Server
) -> None:
    """Refreshing is asked for with a parameter."""
    source = f"server://{server.machine_identifier}"

    await attic.get_source_connection_information(source, refresh=True)
    await attic.get_source_connection_information(source, True)

    assert [one.query for one in simulator.requests] == [
        {"source": source, "refresh": "1"}
    ] * 2


@pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
async def test_provider(
    attic: PlexServerClient, server: Server, headers: dict[str, str]
) -> None:
    """A source may be a provider in the cloud; without a relay flag it is no relay."""
    server.sources[PROVIDER] = {
        "name": "Plex Metadata",
        "clientIdentifier": "tv.plex.provider.metadata",
        "accessToken": "transient-provider",
        "Connection": [CONNECTION],
    }

    found = await attic.get_source_connection_information(PROVIDER, headers=headers)

    assert (found.name, found.access_token) == ("Plex Metadata", "transient-provider")
    [way] = found.connections
    assert (way.uri, way.port) == ("https://metadata.provider.plex.tv", 443)
    assert way.kind is ConnectionKind.REMOTE


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
    attic: PlexServerClient, simulator: Simulator, server: Server, device: Any
) -> None:
    """Token and connections may be missing."""
    simulator.fault(
        host=server.machine_identifier, body={"MediaContainer": {"Device": device}}
    )

    found = await attic.get_source_connection_information(PROVIDER)

    assert (found.name, found.client_identifier) == ("Attic", None)
    assert found.access_token is None
    assert found.connections == ()


@pytest.mark.parametrize(
    "body",
    [
        {"MediaContainer": {"size": 0}},
        {"MediaContainer": {"Device": []}},
        {"MediaContainer": {"Device": {}}},
        {"MediaContainer": {"Device": "Attic"}},
        "<MediaContainer size='0'/>",
        "<MediaContainer size='1'><Device/></MediaContainer>",
        [],
        "",
    ],
    ids=repr,
)
async def test_answers_without_a_source(
    attic: PlexServerClient, simulator: Simulator, server: Server, body: Any
) -> None:
    """An empty container names no source."""
    simulator.fault(host=server.machine_identifier, status=200, body=body, times=1)

    with pytest.raises(PlexResponseError):
        await attic.get_source_connection_information(PROVIDER)

    server.sources[PROVIDER] = {"name": "Plex Metadata"}
    assert await attic.get_source_connection_information(PROVIDER)


@pytest.mark.parametrize("source", ["", "server://nobody", "provider://none", "?&#"])
async def test_unknown_source(
    attic: PlexServerClient, simulator: Simulator, server: Server, source: str
) -> None:
    """A source that the server doesn't know is refused with 400."""
    with pytest.raises(PlexResponseError) as refused:
        await attic.get_source_connection_information(source)

    assert refused.value.status == 400
    assert simulator.requests[0].query == {"source": source}


async def test_source_is_for_the_owner(
    network: Network, server: Server, shared_token: str, token: str
) -> None:
    """Who only has the server shared with them is refused with 403."""
    source = f"server://{server.machine_identifier}"
    tokens = [shared_token, token]

    async def next_token() -> str:
        return tokens.pop(0)

    client = of_server(network, server, token=next_token)
    with pytest.raises(PlexAuthenticationError) as refused:
        await client.get_source_connection_information(source)

    assert refused.value.status == 403
    assert await client.get_source_connection_information(source)


async def test_source_with_a_transient_token_of_the_owner(
    attic: PlexServerClient, network: Network, server: Server
) -> None:
    """A transient token has the rights of the token that asked for it."""
    transient = await attic.get_transient_token()
    guest = of_server(network, server, token=transient.token)

    found = await guest.get_source_connection_information(
        f"server://{server.machine_identifier}"
    )

    assert found.name == "Attic"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, PlexResponseError),
        (401, PlexAuthenticationError),
        (403, PlexAuthenticationError),
        (404, PlexResponseError),
        (500, PlexResponseError),
    ],
)
async def test_pages_of_refusal(
    attic: PlexServerClient,
    simulator: Simulator,
    server: Server,
    status: int,
    error: type[PlexError],
) -> None:
    """A server refuses with a page; only the status counts."""
    simulator.fault(host=server.machine_identifier, status=status, times=1)

    with pytest.raises(PlexError) as refused:
        await attic.get_source_connection_information(PROVIDER)

    assert type(refused.value) is error
    assert (refused.value.status, refused.value.code) == (status, None)
    assert refused.value.content_type == "text/html"
    server.sources[PROVIDER] = {"name": "Plex Metadata"}
    assert await attic.get_source_connection_information(PROVIDER)


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
async def test_maintenance(
    attic: PlexServerClient, simulator: Simulator, server: Server, body: Any
) -> None:
    """A server that migrates its database says so, and is back when it is done."""
    simulator.fault(host=server.machine_identifier, status=503, body=body)
    for operation in attic.get_identity, attic.check_token:
        with pytest.raises(PlexMaintenance):
            await operation()

    simulator.clear_faults()
    simulator.fault(host=server.machine_identifier, status=503, times=1)
    with pytest.raises(PlexResponseError) as busy:
        await attic.get_identity()

    assert type(busy.value) is PlexResponseError
    assert await attic.get_identity()


@pytest.mark.parametrize("page", ["<html></html>", "<HTML><body>Log in</body></HTML>"])
async def test_a_page_is_no_success(
    attic: PlexServerClient, simulator: Simulator, server: Server, page: str
) -> None:
    """A page for people proves nothing, even where no document is needed."""
    simulator.fault(
        host=server.machine_identifier, path="/", body=page, content_type="text/html"
    )
    with pytest.raises(PlexResponseError):
        await attic.check_token()

    simulator.clear_faults()
    await attic.check_token()
