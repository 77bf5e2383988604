"""The servers of an account, from GET /resources."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..documents import unwrap
from ..errors import PlexResponseError
from ..fields import flag, identifier, label, mappings, number, text, timestamp, token
from .connection import PlexConnection, parse_connections
from .privacy import private, secret

_MAX_PROVIDES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlexServer:
    """A Plex Media Server that the account may use, from GET /resources."""

    machine_identifier: str
    name: str
    product: str | None
    version: str | None
    platform: str | None
    platform_version: str | None
    device: str | None
    created_at: datetime | None
    last_seen_at: datetime | None
    owner_id: int | None
    source_title: str | None = private()
    public_address: str | None
    access_token: str | None = secret()
    owned: bool
    home: bool
    synced: bool
    relay: bool
    presence: bool
    https_required: bool
    public_address_matches: bool
    dns_rebinding_protection: bool
    nat_loopback_supported: bool
    connections: tuple[PlexConnection, ...]


def parse_servers(document: Any) -> tuple[PlexServer, ...]:
    """Return the servers from GET /resources: those that provide "server".

    Other users write the entries of their shared servers, so an identifier may occur
    twice. The entry of an owned server then wins regardless of order, or else the
    first entry. It is used as a whole: nothing is taken from the other entry.

    Raises PlexResponseError if the document isn't a list: plex.tv sends other
    bodies when it is in trouble, and they don't mean "no servers".
    """
    resources = unwrap(document, "resources")
    if not isinstance(resources, list):
        raise PlexResponseError("The answer is not a list of resources")
    servers: dict[str, PlexServer] = {}
    for resource in mappings(resources):
        if not _provides_server(resource.get("provides")):
            continue
        name = identifier(resource.get("clientIdentifier"))
        if name is None:
            continue
        server = _parse_server(name, resource)
        if name not in servers or (server.owned and not servers[name].owned):
            servers[name] = server
    return tuple(servers.values())


def _provides_server(value: Any) -> bool:
    """Return whether a comma-separated list of what a device provides has "server"."""
    provided = text(value)
    return provided is not None and any(
        one.strip() == "server" for one in provided[:_MAX_PROVIDES].split(",")
    )


def _parse_server(machine_identifier: str, resource: dict[str, Any]) -> PlexServer:
    """Return a resource as a server."""
    return PlexServer(
        machine_identifier=machine_identifier,
        name=label(resource.get("name")) or machine_identifier,
        product=label(resource.get("product")),
        version=label(resource.get("productVersion")),
        platform=label(resource.get("platform")) or None,
        platform_version=label(resource.get("platformVersion")) or None,
        device=label(resource.get("device")) or None,
        created_at=timestamp(resource.get("createdAt")),
        last_seen_at=timestamp(resource.get("lastSeenAt")),
        owner_id=number(resource.get("ownerId")),
        source_title=label(resource.get("sourceTitle")) or None,
        public_address=label(resource.get("publicAddress")),
        access_token=token(resource.get("accessToken")),
        owned=flag(resource.get("owned")),
        home=flag(resource.get("home")),
        synced=flag(resource.get("synced")),
        relay=flag(resource.get("relay")),
        presence=flag(resource.get("presence")),
        https_required=flag(resource.get("httpsRequired")),
        public_address_matches=flag(resource.get("publicAddressMatches")),
        dns_rebinding_protection=flag(resource.get("dnsRebindingProtection")),
        nat_loopback_supported=flag(resource.get("natLoopbackSupported")),
        connections=parse_connections(resource.get("connections")),
    )
