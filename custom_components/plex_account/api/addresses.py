"""Host names and addresses: loopback, and the addresses in plex.direct names."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
import re

from yarl import URL

type IPAddress = IPv4Address | IPv6Address

_PLEX_DIRECT = re.compile(
    r"(?P<address>[0-9a-f-]{2,45})\.[0-9a-f]{32}\.plex\.direct", re.IGNORECASE
)


def literal_address(host: str) -> IPAddress | None:
    """Return a host as an address, or None if it is a name.

    An IPv4-mapped IPv6 address is dialed as IPv4, so the IPv4 address is returned.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def plex_direct_address(host: str) -> IPAddress | None:
    """Return the address in `<address with dashes>.<32 hex>.plex.direct`."""
    if not (match := _PLEX_DIRECT.fullmatch(host)):
        return None
    dashed = match["address"]
    return literal_address(dashed.replace("-", ".")) or literal_address(
        dashed.replace("-", ":")
    )


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, by address or as `localhost`."""
    if host.lower() == "localhost":
        return True
    address = plex_direct_address(host) or literal_address(host)
    return address is not None and address.is_loopback


@lru_cache(maxsize=1024)
def parse_url(text: str) -> URL | None:
    """Return an http or https URL with a host and a valid port, or None."""
    try:
        url = URL(text)
        good = url.scheme in ("http", "https") and url.raw_host and url.port is not None
    except ValueError, IndexError:  # the latter for URLs like http://[::1]@
        return None
    return url if good else None


def secure_base_url(text: str) -> str | None:
    """Return a base URL without a trailing slash, or None if it isn't safe for secrets.

    Accepts https, and http to loopback, without user, query, or fragment.
    """
    if not (url := parse_url(text)):
        return None
    host = url.host or ""
    if (
        not url.port
        or (
            url.scheme == "http"
            and (not is_loopback(host) or plex_direct_address(host))
        )
        or not text.isascii()
        or not text.isprintable()
        or any(character in text for character in "@?#\\ ")
    ):
        return None
    return str(url).rstrip("/")
