"""What the tests of the client share."""

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
SECRET = "secret-"  # how secrets in tests/fixtures begin
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
SCAN = "/library/sections/all/refresh"  # an operation of the house
AS_XML = {"Accept": "application/xml"}
type Headers = dict[str, str]
QUICK_RETRY = api.RetryConfig(initial_interval=0, max_interval=1)

json_and_xml = pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
"""Runs a test with an answer in JSON and with one in XML."""

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


def listed_server(*connections: api.PlexConnection, **fields: Any) -> api.PlexServer:
    """Return a server as a list names it; `fields` are those that matter."""
    unknown: dict[str, Any] = {
        field.name: False if field.type is bool else None
        for field in dataclass_fields(api.PlexServer)
    }
    usual = {"machine_identifier": "attic", "name": "Attic", "connections": connections}
    return api.PlexServer(**unknown | usual | fields)


def way(
    uri: str, *, local: bool = True, relay: bool = False, ipv6: bool = False
) -> api.PlexConnection:
    """Return a connection as a list names it; what is said beside that is a lie."""
    return api.PlexConnection(uri=uri, local=local, relay=relay, ipv6=ipv6, **LIES)


def advertised(one: Connection) -> api.PlexConnection:
    """Return a connection of the simulator as a list names it."""
    return way(one.uri, local=one.local, relay=one.relay, ipv6=one.ipv6)


def error_body(
    code: int | None, message: str | None = None, status: int | None = None
) -> dict[str, Any]:
    """Return an error as plex.tv writes it in JSON."""
    fields = {"code": code, "message": message, "status": status}
    said = {name: value for name, value in fields.items() if value is not None}
    return {"errors": [said]}


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
        """Return a client of a server, over its first connection or another one."""
        url = url or server.connections[0].uri
        return api.PlexServerClient(self.network.session, url, **CLIENT | options)

    def fault(self, **options: Any) -> Fault:
        """Let answers of plex.tv and of servers go wrong."""
        return self.simulator.fault(**{"host": "*", **options})

    async def friend(self, **fields: Any) -> Server:
        """Return a server that somebody else shares with the account."""
        grace = self.simulator.add_account(username="grace", email="grace@example.com")
        return await self.simulator.add_server(
            name="Cellar", owner=grace, shared_with=[self.account], **fields
        )

    @property
    def asked(self) -> list[str]:
        """Return the method and path of every request."""
        return [f"{one.method} {one.path}" for one in self.requests]


class House:
    """A server that the account owns, a session with it, and whom that asks.

    `names` is what the name server says, `newest` what the list says from now on.
    """

    def __init__(self, bench: Bench, server: Server) -> None:
        """Begin without a connection."""
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
        """Return why the last choice was of no other connection."""
        choice = self.session.last_choice
        return [one.failure for one in choice.failures] if choice else []

    def at(self, host: str, **fields: Any) -> api.PlexConnection:
        """Return a connection over one of the addresses of the server."""
        return advertised(self.server.connection(host=host, **fields))

    def entry(self, *ways: api.PlexConnection, **fields: Any) -> api.PlexServer:
        """Return what the list says of the server."""
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
        """Return a session that begins with such an entry: the one in use from now on."""

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
        """Return what the name server says."""
        self.looked_up.append(host)
        found = self.names.get(host, [])
        if isinstance(found, Exception):
            raise found
        return [ip_address(one) for one in found]

    async def choose(
        self, *ways: api.PlexConnection, **fields: Any
    ) -> api.ConnectionResult:
        """Return how a session chooses among connections, by default the server's."""
        session = self.open(*ways, **fields)
        await session.choose()
        assert session.last_choice
        return session.last_choice

    async def run(self, method: Any = "GET", **options: Any) -> int:
        """Return the status of an operation, which is repeatable if it reads."""

        async def scan(client: api.PlexServerClient) -> Any:
            return await client.request(SCAN, method=method, **options)

        return (await self.session.run(scan, repeatable=method == "GET")).status

    def asked(self) -> list[str]:
        """Return what the server was asked, and forget it."""
        paths = [one.path for one in self.server.requests]
        self.simulator.clear_requests()
        return paths

    def fault(self, **fault: Any) -> Fault:
        """Let what the server answers go wrong."""
        return self.simulator.fault(host=self.server.machine_identifier, **fault)


TESTS = str(Path(__file__).parents[1])
TO_BE_KEPT = "to-be-kept"  # how secrets end that tests make up
WHERE_TO = ("127.0.0.", "127-0-0-1", "plex.direct", "://")
WHAT_FOR = ("/users/signin", "/security", "includeSubscriptions")
SECRETS = (SECRET, TO_BE_KEPT, PASSWORD, CODE, CLIENT_IDENTIFIER, *WHERE_TO, *WHAT_FOR)


async def fails[E: api.PlexError](
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


async def fails_once[E: api.PlexError](
    error: type[E], call: Callable[..., Awaitable[Any]], *arguments: Any, **facts: Any
) -> E:
    """Return the error of a call that succeeds when it is made again."""
    failed = await fails(error, call, *arguments, **facts)
    await call(*arguments)
    return failed


def assert_safe(error: BaseException) -> None:
    """Make sure that neither the text of an error nor its frames hold a secret."""
    recorded = "".join([*texts_of(error), *frames_of(error)])
    assert [secret for secret in SECRETS if secret in recorded] == []


def assert_frames_are_safe(error: BaseException) -> None:
    """Make sure that whoever records local variables finds the operation, and no secret."""
    assert "<function" in "".join(frames_of(error))
    assert_safe(error)


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
        causes = (one.__cause__, one.__context__)
        found += [cause for cause in causes if cause and cause not in found]
    return found


def plain(model: Any) -> Any:
    """Return a model, secrets included, as JSON holds it; times are ISO 8601."""
    return json.loads(json.dumps(asdict(model), default=datetime.isoformat))
