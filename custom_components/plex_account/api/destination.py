"""Where a request goes."""

from dataclasses import dataclass
from functools import lru_cache

from yarl import URL

from .addresses import is_loopback, parse_url, plex_direct_address
from .errors import PlexAddressError


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a request goes: what is dialled, and what name it goes by instead."""

    url: URL
    host: str | None
    server_hostname: str | None
    confidential: bool


@lru_cache(maxsize=1024)
def find_destination(server_url: str, address: str | None, path: str) -> Destination:
    """Return where a path below a base URL is, with an address in place of DNS or none.

    Raises PlexAddressError if there is no such place.
    """
    base = parse_url(server_url)
    if base is None or not (name := base.raw_host):
        raise PlexAddressError("Not a valid address")
    if base.raw_query_string or base.raw_fragment or base.user or base.password:
        raise PlexAddressError("Not a base address")
    if address is None and (carried := plex_direct_address(name)):
        address = str(carried)
    dialled = base.with_host(address) if address else base
    url = parse_url(str(dialled).rstrip("/") + path)
    if url is None:
        raise PlexAddressError("Not a valid address")
    secure = url.scheme == "https"
    return Destination(
        url=url,
        host=base.host_port_subcomponent if address else None,
        server_hostname=name if address and secure else None,
        confidential=secure or is_loopback(address or name),
    )
