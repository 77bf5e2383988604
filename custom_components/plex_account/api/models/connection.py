"""One way to reach a server, as listed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..fields import flag, label, mappings, number, text

_MAX_CONNECTIONS = 1000
_MAX_URI = 1000


class ConnectionKind(StrEnum):
    """Where a connection leads, in order of preference."""

    LOCAL = "local"
    REMOTE = "remote"
    RELAY = "relay"


@dataclass(frozen=True, slots=True)
class PlexConnection:
    """One way to reach a server, as listed; see `connections` before dialing."""

    uri: str
    protocol: str | None
    address: str | None
    port: int | None
    local: bool
    relay: bool
    ipv6: bool

    @property
    def kind(self) -> ConnectionKind:
        """Return where the connection leads."""
        if self.relay:
            return ConnectionKind.RELAY
        return ConnectionKind.LOCAL if self.local else ConnectionKind.REMOTE


def parse_connections(value: Any) -> tuple[PlexConnection, ...]:
    """Return the connections in an untrusted list."""
    return tuple(
        [
            PlexConnection(  # positional for speed, as there may be many
                uri,
                label(connection.get("protocol")),
                label(connection.get("address")),
                number(connection.get("port")),
                flag(connection.get("local")),
                flag(connection.get("relay")),
                flag(connection.get("IPv6")),
            )
            for connection in mappings(value)[:_MAX_CONNECTIONS]
            if (uri := text(connection.get("uri"))) and len(uri) <= _MAX_URI
        ]
    )
