"""What an entry stores to act for an account; storage may be damaged, so it is checked."""

from dataclasses import dataclass, field
from typing import Self

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant

from .api import PLEX_TV_URL, PlexTvClient, secure_base_url
from .clients import plex_tv_client
from .const import CONF_CLIENT_IDENTIFIER


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The token of an account, the client that it was made for, and where it counts."""

    token: str = field(repr=False)
    client_identifier: str
    url: str

    @classmethod
    def of_entry(cls, entry: ConfigEntry) -> Self | None:
        """Return what an entry stores, None if it is of no use."""
        token = entry.data.get(CONF_TOKEN)
        client_identifier = stored_client_identifier(entry)
        url = stored_url(entry)
        if not token or not isinstance(token, str) or not client_identifier or not url:
            return None
        return cls(token=token, client_identifier=client_identifier, url=url)

    def client(self, hass: HomeAssistant) -> PlexTvClient:
        """Return a client that acts for the account."""
        return plex_tv_client(hass, self.url, self.client_identifier, self.token)


def stored_client_identifier(entry: ConfigEntry) -> str | None:
    """Return the client identifier of an entry, None if there is no usable one."""
    identifier = entry.data.get(CONF_CLIENT_IDENTIFIER)
    return identifier if identifier and isinstance(identifier, str) else None


def stored_url(entry: ConfigEntry) -> str | None:
    """Return the address of an entry, None if secrets must not be sent there."""
    url = entry.data.get(CONF_URL, PLEX_TV_URL)
    return secure_base_url(url) if isinstance(url, str) else None
