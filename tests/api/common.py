"""What the tests of the client share."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict, fields as dataclass_fields
from datetime import datetime
from functools import cached_property
import json
from pathlib import Path
import socket
import ssl
import traceback
from typing import Any, NoReturn, override

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
import pytest

from custom_components.plex_account.api import (
    ClientIdentity,
    PlexConnection,
    PlexError,
    PlexServer,
    PlexServerClient,
    PlexTvClient,
    RetryConfig,
)
from tests.simulator import Account, Connection, Fault, Server, Simulator

CLIENT_IDENTIFIER = "0b0f6c1e-6a0c-4a8e-9d5e-2f3f5d9b6a10"
PASSWORD = "correct horse"
CODE = "123456"
SECRET = "secret-"  # how secrets in tests/fixtures begin
IDENTITY = ClientIdentity(
    product="Plex Account tests",
    version="1.2.3",
    platform="Python",
    platform_version="3.14",
    device="Test bench",
    device_name="Bench 7",
    device_vendor="Nobody",
    model="M1",
    marketplace="none",
)
IDENTITY_HEADERS = {
    "X-Plex-Client-Identifier": CLIENT_IDENTIFIER,
    "X-Plex-Product": "Plex Account tests",
    "X-Plex-Version": "1.2.3",
    "X-Plex-Platform": "Python",
    "X-Plex-Platform-Version": "3.14",
    "X-Plex-Device": "Test bench",
    "X-Plex-Device-Name": "Bench 7",
    "X-Plex-Device-Vendor": "Nobody",
    "X-Plex-Model": "M1",
    "X-Plex-Marketplace": "none",
}
AS_XML = {"Accept": "application/xml"}
QUICK_RETRY = RetryConfig(initial_interval=0, max_interval=1)

json_and_xml = pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
"""Runs a test with an answer in JSON and with one in XML."""

PLEX_DIRECT_HASH = "0123456789abcdef" * 2


def short_id(value: object) -> str:
    """Return the ID of a parameter, which may be a long text or body."""
    text = ascii(value)
    return text if len(text) < 60 else f"{text[:40]}...{len(text)}"


class NoResolver(AbstractResolver):
    """DNS that never works."""

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Fail."""
        raise OSError(f"{host} was looked up")

    @override
    async def close(self) -> None:
        """Hold nothing."""


class Network:
    """A session, and a note of every address that it dialled, and over which socket.

    `no_route`: the errors of addresses to which the network has no way.
    """

    def __init__(self, ca_pem: bytes) -> None:
        """Trust one certificate authority."""
        self.dialled: list[str] = []
        self.no_route: dict[str, int] = {}
        self.sockets: list[socket.socket] = []
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                resolver=NoResolver(),
                ssl=ssl.create_default_context(cadata=ca_pem.decode()),
                socket_factory=self._open,
            )
        )

    def _open(self, found: tuple[Any, ...]) -> socket.socket:
        """Note an address before it is dialled."""
        family, kind, protocol, _, address = found
        if error := self.no_route.get(address[0]):
            raise OSError(error, "No route")
        self.dialled.append(address[0])
        self.sockets.append(socket.socket(family, kind, protocol))
        return self.sockets[-1]


def plex_tv(network: Network, simulator: Simulator, **options: Any) -> PlexTvClient:
    """Return a client of the simulated plex.tv."""
    return PlexTvClient(
        network.session,
        **{
            "client_identifier": CLIENT_IDENTIFIER,
            "server_url": simulator.url,
            "identity": IDENTITY,
            **options,
        },
    )


def of_server(
    network: Network, server: Server, url: str | None = None, **options: Any
) -> PlexServerClient:
    """Return a client of a simulated server, over its first connection."""
    return PlexServerClient(
        network.session,
        url or server.connections[0].uri,
        **{
            "client_identifier": CLIENT_IDENTIFIER,
            "identity": IDENTITY,
            **options,
        },
    )


def listed_server(*connections: PlexConnection, **fields: Any) -> PlexServer:
    """Return a server as a list names it; `fields` are those that matter."""
    unimportant: dict[str, Any] = {
        field.name: False if field.type is bool else None
        for field in dataclass_fields(PlexServer)
    }
    return PlexServer(
        **unimportant
        | {"machine_identifier": "attic", "name": "Attic", "connections": connections}
        | fields
    )


def way(
    uri: str, *, local: bool = True, relay: bool = False, ipv6: bool = False
) -> PlexConnection:
    """Return a connection as a list names it."""
    return PlexConnection(
        uri=uri,
        protocol=None,
        address=None,
        port=None,
        local=local,
        relay=relay,
        ipv6=ipv6,
    )


def advertised(connection: Connection) -> PlexConnection:
    """Return a connection of the simulator as a list names it."""
    return way(
        connection.uri,
        local=connection.local,
        relay=connection.relay,
        ipv6=connection.ipv6,
    )


def error_body(
    code: int | None, message: str | None = None, status: int | None = None
) -> dict[str, Any]:
    """Return an error as plex.tv writes it in JSON."""
    fields = {"code": code, "message": message, "status": status}
    return {
        "errors": [{name: value for name, value in fields.items() if value is not None}]
    }


def refuse_constants(constant: str) -> NoReturn:
    """Refuse what JSON does not know."""
    raise ValueError(constant)


def strict_loads(body: bytes) -> Any:
    """Decode JSON as a stricter decoder does: UTF-8 only, and no NaN."""
    return json.loads(body.decode(), parse_constant=refuse_constants)


def sent_with(headers: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Return those headers of a request that have one of the names."""
    return {name: headers[name] for name in names if name in headers}


class Bench:
    """The simulated Plex, an account, and clients with its token and without."""

    def __init__(
        self, network: Network, simulator: Simulator, account: Account
    ) -> None:
        """Initialize without signing in."""
        self.network = network
        self.simulator = simulator
        self.account = account
        self.requests = simulator.requests
        self.dialled = network.dialled

    @cached_property
    def token(self) -> str:
        """Return the token of the account that the clients use."""
        return self.simulator.sign_in(self.account, CLIENT_IDENTIFIER)

    @cached_property
    def client(self) -> PlexTvClient:
        """Return a client of plex.tv with the account's token."""
        return self.plex_tv(token=self.token)

    @cached_property
    def stranger(self) -> PlexTvClient:
        """Return a client of plex.tv without a token."""
        return self.plex_tv()

    def plex_tv(self, **options: Any) -> PlexTvClient:
        """Return a client of plex.tv."""
        return plex_tv(self.network, self.simulator, **options)

    def of_server(
        self, server: Server, url: str | None = None, **options: Any
    ) -> PlexServerClient:
        """Return a client of a server."""
        return of_server(self.network, server, url, **options)

    def fault(self, **options: Any) -> Fault:
        """Let answers of plex.tv and of servers go wrong."""
        return self.simulator.fault(**{"host": "*", **options})


# Errors

TESTS = str(Path(__file__).parents[1])
TO_BE_KEPT = "to-be-kept"  # how secrets end that tests make up
SECRETS = (
    SECRET,
    TO_BE_KEPT,
    PASSWORD,
    CODE,
    CLIENT_IDENTIFIER,
    "127.0.0.",
    "127-0-0-1",
    "plex.direct",
    "://",
    "/users/signin",
    "/security",
    "includeSubscriptions",
)


async def fails[E: PlexError](
    error: type[E], call: Callable[..., Awaitable[Any]], *arguments: Any, **facts: Any
) -> E:
    """Return the error of a call, which has exactly this type and these attributes.

    It is safe to log, with the local variables of each frame it passed through.
    """
    with pytest.raises(error) as failed:
        await call(*arguments)
    assert type(failed.value) is error
    assert {fact: getattr(failed.value, fact) for fact in facts} == facts
    assert_safe(failed.value)
    return failed.value


async def fails_once[E: PlexError](
    error: type[E], call: Callable[..., Awaitable[Any]], *arguments: Any, **facts: Any
) -> E:
    """Return the error of a call that succeeds when it is made again."""
    failed = await fails(error, call, *arguments, **facts)
    await call(*arguments)
    return failed


def assert_safe(error: BaseException) -> None:
    """Make sure that neither the text of an error nor its frames hold a secret."""
    recorded = "".join(texts_of(error)) + "".join(frames_of(error))
    assert [secret for secret in SECRETS if secret in recorded] == []


def texts_of(error: BaseException) -> Iterator[str]:
    """Return what is logged of an error and of those that hang on it."""
    for one in chained(error):
        yield from (str(one), repr(one), repr(one.args))
        yield from traceback.format_exception_only(one)


def frames_of(error: BaseException) -> Iterator[str]:
    """Return the local variables that a recorder of tracebacks sees outside of tests."""
    for one in chained(error):
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if not frame.f_code.co_filename.startswith(TESTS):
                yield repr(frame.f_locals)


def chained(error: BaseException) -> list[BaseException]:
    """Return an error and all that it came from."""
    found = [error]
    for one in found:
        found += [
            other
            for other in (one.__cause__, one.__context__)
            if other is not None and other not in found
        ]
    return found


# Models


def plain(model: Any) -> Any:
    """Return a model, secrets included, as JSON holds it; times are ISO 8601."""
    return json.loads(json.dumps(asdict(model), default=datetime.isoformat))
