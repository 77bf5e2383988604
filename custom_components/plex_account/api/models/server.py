"""The servers of an account, from GET /resources."""

from dataclasses import dataclass
from datetime import datetime
import re
from typing import Any

from ..documents import unwrap
from ..errors import PlexResponseError
from ..fields import flag, label, mappings, number, required, text, timestamp, token
from .connection import PlexConnection, parse_connections
from .privacy import private, secret


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
    """Return the servers of GET /resources: what provides "server".

    Raises PlexResponseError if the document isn't a list: plex.tv sends other
    bodies when it is in trouble, and they don't mean "no servers".
    """
    resources = unwrap(document, "resources")
    if not isinstance(resources, list):
        raise PlexResponseError("The answer is not a list of resources")
    return tuple(
        _parse_server(resource)
        for resource in mappings(resources)
        if "server" in re.split(r"\s*,\s*", text(resource.get("provides")) or "")
        and label(resource.get("clientIdentifier"))
    )


def _parse_server(resource: dict[str, Any]) -> PlexServer:
    identifier = required(label(resource.get("clientIdentifier")), "clientIdentifier")
    return PlexServer(
        machine_identifier=identifier,
        name=label(resource.get("name")) or identifier,
        product=label(resource.get("product")),
        version=label(resource.get("productVersion")),
        platform=label(resource.get("platform")) or None,
        platform_version=label(resource.get("platformVersion")) or None,
        device=label(resource.get("device")) or None,
        created_at=timestamp(resource.get("createdAt")),
        last_seen_at=timestamp(resource.get("lastSeenAt")),
        owner_id=number(resource.get("ownerId")),
        source_title=label(resource.get("sourceTitle")) or None,
        public_address=text(resource.get("publicAddress")),
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
