"""One advertised way to reach a server."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from .answers import Json


@dataclass(frozen=True, slots=True)
class Connection:
    """An entry of `connections` in /resources, and of `Connection` at a server."""

    uri: str
    protocol: str
    address: str
    port: int
    local: bool = True
    relay: bool = False
    ipv6: bool = False

    def plex_tv_body(self, *, https: bool) -> dict[str, Json]:
        """Build the entry for GET /resources; without includeHttps it uses plain http."""
        plain = not https and self.protocol == "https"
        return {
            "protocol": "http" if plain else self.protocol,
            "address": self.address,
            "port": self.port,
            "uri": f"http://{url_host(self.address)}:{self.port}"
            if plain
            else self.uri,
            "local": self.local,
            "relay": self.relay,
            "IPv6": self.ipv6,
        }


def url_host(address: str) -> str:
    """Format an address as the host of a URL."""
    return f"[{address}]" if ":" in address else address


def plex_direct_host(address: str, certificate_hash: str) -> str:
    """Return the plex.direct name that contains an address, with IPv6 written in full."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        label = ip.exploded.replace(":", "-")
    else:
        label = address.replace(".", "-")
    return f"{label}.{certificate_hash}.plex.direct"
