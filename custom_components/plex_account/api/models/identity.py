"""The server that answers at an address, from GET /identity."""

from dataclasses import dataclass
from typing import Any

from ..documents import unwrap
from ..fields import flag, identifier, label, mapping, required


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerIdentity:
    """The server that answers at an address, from GET /identity."""

    machine_identifier: str
    version: str | None
    api_version: str | None = None
    claimed: bool


def parse_identity(document: Any) -> ServerIdentity:
    """Return the identity from GET /identity."""
    container = mapping(unwrap(document, "MediaContainer"))
    return ServerIdentity(
        machine_identifier=required(
            identifier(container.get("machineIdentifier")), "machineIdentifier"
        ),
        version=label(container.get("version")),
        api_version=label(container.get("apiVersion")),
        claimed=flag(container.get("claimed")),
    )
