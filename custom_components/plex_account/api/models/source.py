"""How to reach a source, from GET /security/resources of a server."""

from dataclasses import dataclass
from typing import Any

from ..documents import unwrap
from ..errors import PlexUnknownSource
from ..fields import identifier, label, mapping, token
from .connection import PlexConnection, parse_connections
from .privacy import secret


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConnectionInformation:
    """How to reach a source, from GET /security/resources of a server.

    `access_token` is a transient token for the source.
    """

    name: str | None
    client_identifier: str | None
    access_token: str | None = secret()
    connections: tuple[PlexConnection, ...]


def parse_source(document: Any) -> SourceConnectionInformation:
    """Return the source from GET /security/resources.

    Raises PlexUnknownSource if the answer names none.
    """
    container = mapping(unwrap(document, "MediaContainer"))
    device = mapping(container.get("Device"))
    if not device:
        raise PlexUnknownSource("The answer names no source")
    return SourceConnectionInformation(
        name=label(device.get("name")),
        client_identifier=identifier(device.get("clientIdentifier")),
        access_token=token(device.get("accessToken")),
        connections=parse_connections(device.get("Connection")),
    )
