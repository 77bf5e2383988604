"""Where requests to a base URL go."""

from dataclasses import dataclass
from functools import lru_cache

from yarl import URL

from .addresses import is_loopback, parse_url, plex_direct_address
from .errors import PlexAddressError


@dataclass(frozen=True, slots=True)
class Origin:
    """Where requests go: what to dial, and the host name to present."""

    base: str
    host: str
    server_hostname: str | None
    confidential: bool


@lru_cache(maxsize=1024)
def find_origin(server_url: str, address: str | None) -> Origin:
    """Return where requests to a base URL go; `address` replaces the DNS lookup.

    Raises PlexAddressError if the URL isn't a valid base URL.
    """
    url = parse_url(server_url)
    if url is None or not (name := url.raw_host):
        raise PlexAddressError("Not a valid address")
    if url.raw_query_string or url.raw_fragment or url.user or url.password:
        raise PlexAddressError("Not a base address")
    if address is None and (carried := plex_direct_address(name)):
        address = str(carried)
    secure = url.scheme == "https"
    dialed: URL = url.with_host(address) if address else url
    return Origin(
        base=str(dialed).rstrip("/"),
        host=url.host_port_subcomponent or name,
        server_hostname=name if address and secure else None,
        confidential=secure or is_loopback(address or name),
    )
