"""Helpers shared by the tests of the client."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict, fields as dataclass_fields
from datetime import datetime
from functools import cached_property
from ipaddress import ip_address
import json
from pathlib import Path
import socket
import ssl
import traceback
from typing import Any, NoReturn, override

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
import pytest

from custom_components.plex_account import api
from tests.simulator import Account, Connection, Fault, Server, Simulator

CLIENT_IDENTIFIER = "0b0f6c1e-6a0c-4a8e-9d5e-2f3f5d9b6a10"
PASSWORD = "correct horse"
CODE = "123456"
SECRET = "secret-"  # prefix of secrets in tests/fixtures
FIELDS = {
    "product": "Plex Account tests",
    "version": "1.2.3",
    "platform": "Python",
    "platform_version": "3.14",
    "device": "Test bench",
    "device_name": "Bench 7",
    "device_vendor": "Nobody",
    "model": "M1",
    "marketplace": "none",
}
IDENTITY = api.ClientIdentity(**FIELDS)
IDENTITY_HEADERS = {"X-Plex-Client-Identifier": CLIENT_IDENTIFIER} | {
    f"X-Plex-{name.title().replace('_', '-')}": text for name, text in FIELDS.items()
}
CLIENT: dict[str, Any] = {"client_identifier": CLIENT_IDENTIFIER, "identity": IDENTITY}
SCAN = "/library/sections/all/refresh"  # an operation of House
AS_XML = {"Accept": "application/xml"}
type Headers = dict[str, str]
QUICK_RETRY = api.RetryConfig(initial_interval=0, max_interval=1)

json_and_xml = pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
"""Runs a test with a JSON answer and with an XML answer."""

PLEX_DIRECT_HASH = "0123456789abcdef" * 2
LIES: dict[str, Any] = {"protocol": "https", "address": "8.8.8.8", "port": 443}


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
        """Do nothing."""


class Network:
    """A session that records every address it dials and every socket it opens.

    `no_route` maps addresses that the network has no route to to their errors.
    """

    def __init__(self, ca_pem: bytes) -> None:
        """Trust a single certificate authority."""
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
        """Record an address before it is dialed."""
        family, kind, protocol, _, address = found
        if error := self.no_route.get(address[0]):
            raise OSError(error, "No route")
        self.dialled.append(address[0])
        self.sockets.append(socket.socket(family, kind, protocol))
        return self.sockets[-1]


def listed_server(*connections: api.PlexConnection, **fields: Any) -> api.PlexServer:
    """Return a server as plex.tv lists it; `fields` are those that matter to the test."""
    unknown: dict[str, Any] = {
        field.name: False if field.type is bool else None
        for field in dataclass_fields(api.PlexServer)
    }
    usual = {"machine_identifier": "attic", "name": "Attic", "connections": connections}
    return api.PlexServer(**unknown | usual | fields)


def way(
    uri: str, *, local: bool = True, relay: bool = False, ipv6: bool = False
) -> api.PlexConnection:
    """Return a connection as plex.tv lists it; fields other than its URI and flags are wrong."""
    return api.PlexConnection(uri=uri, local=local, relay=relay, ipv6=ipv6, **LIES)


def advertised(one: Connection) -> api.PlexConnection:
    """Return a connection of the simulator as plex.tv lists it."""
    return way(one.uri, local=one.local, relay=one.relay, ipv6=one.ipv6)


def error_body(
    code: int | None, message: str | None = None, status: int | None = None
) -> dict[str, Any]:
    """Return an error as plex.tv writes it in JSON."""
    fields = {"code": code, "message": message, "status": status}
    said = {name: value for name, value in fields.items() if value is not None}
    return {"errors": [said]}


def refuse_constants(constant: str) -> NoReturn:
    """Reject constants that are not valid JSON."""
    raise ValueError(constant)


def strict_loads(body: bytes) -> Any:
    """Decode JSON like a strict decoder: UTF-8 only, and no NaN."""
    return json.loads(body.decode(), parse_constant=refuse_constants)


def sent_with(headers: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a request that have one of the names."""
    return {name: headers[name] for name in names if name in headers}


class Bench:
    """The simulated Plex, an account, and clients with and without its token."""

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
    def client(self) -> api.PlexTvClient:
        """Return a client of plex.tv with the account's token."""
        return self.plex_tv(token=self.token)

    @cached_property
    def stranger(self) -> api.PlexTvClient:
        """Return a client of plex.tv without a token."""
        return self.plex_tv()

    def plex_tv(self, **options: Any) -> api.PlexTvClient:
        """Return a client of plex.tv."""
        usual = {"server_url": self.simulator.url, **CLIENT}
        return api.PlexTvClient(self.network.session, **usual | options)

    def of_server(
        self, server: Server, url: str | None = None, **options: Any
    ) -> api.PlexServerClient:
        """Return a client of a server, using its first connection unless given another."""
        url = url or server.connections[0].uri
        return api.PlexServerClient(self.network.session, url, **CLIENT | options)

    def fault(self, **options: Any) -> Fault:
        """Make requests to plex.tv or to a server fail."""
        return self.simulator.fault(**{"host": "*", **options})

    async def friend(self, **fields: Any) -> Server:
        """Return a server that another user shares with the account."""
        grace = self.simulator.add_account(username="grace", email="grace@example.com")
        return await self.simulator.add_server(
            name="Cellar", owner=grace, shared_with=[self.account], **fields
        )

    @property
    def asked(self) -> list[str]:
        """Return the method and path of every request received."""
        return [f"{one.method} {one.path}" for one in self.requests]


class House:
    """A server that the account owns, a session with it, and the simulator around both.

    `names` holds the name server's answers; `newest` is the entry in all later lists.
    """

    def __init__(self, bench: Bench, server: Server) -> None:
        """Initialize without a connection."""
        self.network = bench.network
        self.simulator = bench.simulator
        self.token = bench.token
        self.server = server
        self.names: dict[str, list[str] | Exception] = {}
        self.looked_up: list[str] = []
        self.newest: api.PlexServer | None = None
        self.lists_asked = 0
        self.session = self.open()

    @property
    def url(self) -> str | None:
        """Return the URL of the connection in use."""
        connection = self.session.connection
        return connection.url if connection else None

    @property
    def host(self) -> str | None:
        """Return the address of the connection in use."""
        connection = self.session.connection
        return str(connection.address) if connection else None

    @property
    def failures(self) -> list[api.Failure]:
        """Return why the last choice rejected the other connections."""
        choice = self.session.last_choice
        return [one.failure for one in choice.failures] if choice else []

    def at(self, host: str, **fields: Any) -> api.PlexConnection:
        """Return a connection to one of the server's addresses."""
        return advertised(self.server.connection(host=host, **fields))

    def entry(self, *ways: api.PlexConnection, **fields: Any) -> api.PlexServer:
        """Return the server's entry in the list."""
        usual: dict[str, Any] = {
            "machine_identifier": self.server.machine_identifier,
            "access_token": self.token,
            "owned": True,
        }
        listed = ways or map(advertised, self.server.connections)
        return listed_server(*listed, **usual | fields)

    def open(
        self, *ways: api.PlexConnection, from_afar: bool = False, **fields: Any
    ) -> api.ServerSession:
        """Return a session that starts with this entry, and make it the current one."""

        async def refresh_server_list() -> None:
            self.lists_asked += 1
            if self.newest:
                opened.update(self.newest)

        self.session = opened = api.ServerSession(
            self.entry(*ways, **fields),
            self.network.session,
            resolve=self.resolve,
            list_from_loopback=not from_afar,
            refresh_server_list=refresh_server_list,
            **CLIENT,
        )
        return opened

    async def resolve(self, host: str) -> list[api.IPAddress]:
        """Return the name server's answer."""
        self.looked_up.append(host)
        found = self.names.get(host, [])
        if isinstance(found, Exception):
            raise found
        return [ip_address(one) for one in found]

    async def choose(
        self, *ways: api.PlexConnection, **fields: Any
    ) -> api.ConnectionResult:
        """Return the session's choice among connections, by default the server's."""
        session = self.open(*ways, **fields)
        await session.choose()
        assert session.last_choice
        return session.last_choice

    async def run(self, method: Any = "GET", **options: Any) -> int:
        """Return the status of an operation, which is repeatable if it only reads."""

        async def scan(client: api.PlexServerClient) -> Any:
            return await client.request(SCAN, method=method, **options)

        return (await self.session.run(scan, repeatable=method == "GET")).status

    def asked(self) -> list[str]:
        """Return the paths requested from the server, and clear them."""
        paths = [one.path for one in self.server.requests]
        self.simulator.clear_requests()
        return paths

    def fault(self, **fault: Any) -> Fault:
        """Make the server's answers fail."""
        return self.simulator.fault(host=self.server.machine_identifier, **fault)


TESTS = str(Path(__file__).parents[1])
TO_BE_KEPT = "to-be-kept"  # suffix of secrets that tests generate
WHERE_TO = ("127.0.0.", "127-0-0-1", "plex.direct", "://")
WHAT_FOR = ("/users/signin", "/security", "includeSubscriptions")
SECRETS = (SECRET, TO_BE_KEPT, PASSWORD, CODE, CLIENT_IDENTIFIER, *WHERE_TO, *WHAT_FOR)


async def fails[E: api.PlexError](
    error: type[E], call: Callable[..., Awaitable[Any]], *arguments: Any, **facts: Any
) -> E:
    """Return the error of a call after checking its exact type and attributes.

    The error, and the local variables of each frame it passed through, are safe to log.
    """
    with pytest.raises(error) as failed:
        await call(*arguments)
    assert type(failed.value) is error
    assert {fact: getattr(failed.value, fact) for fact in facts} == facts
    assert_safe(failed.value)
    return failed.value


async def fails_once[E: api.PlexError](
    error: type[E], call: Callable[..., Awaitable[Any]], *arguments: Any, **facts: Any
) -> E:
    """Return the error of a call that succeeds the second time."""
    failed = await fails(error, call, *arguments, **facts)
    await call(*arguments)
    return failed


def assert_safe(error: BaseException) -> None:
    """Assert that neither the text of an error nor its frames contain a secret."""
    recorded = "".join([*texts_of(error), *frames_of(error)])
    assert [secret for secret in SECRETS if secret in recorded] == []


def assert_frames_are_safe(error: BaseException) -> None:
    """Assert that recorded local variables contain the operation, but no secret."""
    assert "<function" in "".join(frames_of(error))
    assert_safe(error)


def texts_of(error: BaseException) -> Iterator[str]:
    """Return what is logged for an error and the errors chained to it."""
    for one in chained(error):
        yield from (str(one), repr(one), repr(one.args))
        yield from traceback.format_exception_only(one)


def frames_of(error: BaseException) -> Iterator[str]:
    """Return the local variables that a traceback recorder sees, excluding those of tests."""
    for one in chained(error):
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if not frame.f_code.co_filename.startswith(TESTS):
                yield repr(frame.f_locals)


def chained(error: BaseException) -> list[BaseException]:
    """Return an error and all errors that led to it."""
    found = [error]
    for one in found:
        causes = (one.__cause__, one.__context__)
        found += [cause for cause in causes if cause and cause not in found]
    return found


def plain(model: Any) -> Any:
    """Return a model, including its secrets, as plain JSON; times are ISO 8601."""
    return json.loads(json.dumps(asdict(model), default=datetime.isoformat))
