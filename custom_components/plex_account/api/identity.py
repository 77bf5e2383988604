"""How a client identifies itself."""

from dataclasses import dataclass
from functools import cached_property
import hashlib
import hmac
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class ClientIdentity:
    """How a client introduces itself; users see it in Plex's list of devices."""

    product: str = "Plex Account"
    version: str | None = None
    platform: str | None = None
    platform_version: str | None = None
    device: str | None = None
    device_name: str | None = None
    device_vendor: str | None = None
    model: str | None = None
    marketplace: str | None = None

    @cached_property
    def headers(self) -> dict[str, str]:
        """Return the X-Plex headers for all known values."""
        headers = {
            "X-Plex-Product": self.product,
            "X-Plex-Version": self.version,
            "X-Plex-Platform": self.platform,
            "X-Plex-Platform-Version": self.platform_version,
            "X-Plex-Device": self.device,
            "X-Plex-Device-Name": self.device_name,
            "X-Plex-Device-Vendor": self.device_vendor,
            "X-Plex-Model": self.model,
            "X-Plex-Marketplace": self.marketplace,
        }
        return {name: value for name, value in headers.items() if value}


ANONYMOUS = ClientIdentity()


def derive_client_identifier(client_identifier: str, machine_identifier: str) -> str:
    """Return the client identifier that one server gets to see.

    The client identifier is all that protects PINs at plex.tv, so no server gets
    it. The derived identifier is stable, differs from server to server, and can't be
    traced back to the original.
    """
    digest = hmac.digest(
        client_identifier.encode(), machine_identifier.encode(), hashlib.sha256
    )
    return str(UUID(bytes=digest[:16], version=4))
