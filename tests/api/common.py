"""What the tests of the client share."""

from collections.abc import Mapping
import json
import socket
import ssl
from typing import Any, NoReturn, override

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from custom_components.plex_account.api import (
    ClientIdentity,
    PlexConnection,
    PlexServer,
    PlexServerClient,
    PlexTvClient,
    RetryConfig,
)
from tests.simulator import Connection, Server, Simulator

CLIENT_IDENTIFIER = "0b0f6c1e-6a0c-4a8e-9d5e-2f3f5d9b6a10"
PASSWORD = "correct horse"
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

PLEX_DIRECT_HASH = "0123456789abcdef" * 2


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
    """A session, and a note of every address that it dialled.

    `no_route`: the errors of addresses to which the network has no way.
    """

    def __init__(self, ca_pem: bytes) -> None:
        """Trust one certificate authority."""
        self.dialled: list[str] = []
        self.no_route: dict[str, int] = {}
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
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
        return socket.socket(family, kind, protocol)


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
    unimportant: dict[str, Any] = dict.fromkeys(
        (
            "product",
            "version",
            "platform",
            "platform_version",
            "device",
            "created_at",
            "last_seen_at",
            "owner_id",
            "source_title",
            "public_address",
            "access_token",
        )
    ) | dict.fromkeys(
        (
            "owned",
            "home",
            "synced",
            "relay",
            "presence",
            "https_required",
            "public_address_matches",
            "dns_rebinding_protection",
            "nat_loopback_supported",
        ),
        False,
    )
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
