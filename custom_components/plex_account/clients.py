"""Plex clients that use Home Assistant's connector, JSON decoder, and name."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self, cast

from aiohttp import ClientSession, DummyCookieJar
from yarl import URL

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import (
    CONF_TOKEN,
    CONF_URL,
    EVENT_HOMEASSISTANT_CLOSE,
    __version__ as HA_VERSION,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import (
    HomeAssistantTCPConnector,
    async_create_clientsession,
)
from homeassistant.loader import async_get_loaded_integration
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.json import json_loads

from .api import (
    PLEX_TV_URL,
    ChoiceLimit,
    ClientIdentity,
    IPAddress,
    PlexServer,
    PlexTvClient,
    ServerSession,
    is_loopback,
    literal_address,
    secure_base_url,
)
from .const import CONF_CLIENT_IDENTIFIER, DOMAIN

_HTTP_SESSION: HassKey[ClientSession] = HassKey(f"{DOMAIN}_http_session")
_CHOICE_LIMIT: HassKey[ChoiceLimit] = HassKey(f"{DOMAIN}_choice_limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The token of an account, the client it was issued to, and the URL it is for."""

    token: str = field(repr=False)
    client_identifier: str = field(repr=False)
    url: str

    @classmethod
    def from_entry(cls, entry: ConfigEntry) -> Self | None:
        """Return the credentials stored in an entry, or None if they are damaged."""
        token = entry.data.get(CONF_TOKEN)
        client_identifier = stored_client_identifier(entry)
        url = stored_url(entry)
        if not token or not isinstance(token, str) or not client_identifier or not url:
            return None
        return cls(token=token, client_identifier=client_identifier, url=url)

    @property
    def on_loopback(self) -> bool:
        """Return whether plex.tv is on this machine, as in tests and the demo."""
        return is_loopback(URL(self.url).host or "")

    def client(self, hass: HomeAssistant) -> PlexTvClient:
        """Return a client that acts for the account."""
        return plex_tv_client(hass, self.url, self.client_identifier, self.token)

    def server_session(
        self,
        hass: HomeAssistant,
        server: PlexServer,
        refresh_server_list: Callable[[], Awaitable[None]],
    ) -> ServerSession:
        """Return a session with a server of the account."""
        http = _http_session(hass)
        connector = cast(HomeAssistantTCPConnector, http.connector)

        async def resolve(host: str) -> list[IPAddress]:
            found = await connector.async_resolve_host(host)
            addresses = (literal_address(result["host"]) for result in found)
            return [address for address in addresses if address]

        return ServerSession(
            server,
            http,
            client_identifier=self.client_identifier,
            identity=_identity(hass),
            json_loads=json_loads,
            resolve=resolve,
            list_from_loopback=self.on_loopback,
            choice_limit=hass.data.setdefault(_CHOICE_LIMIT, ChoiceLimit()),
            refresh_server_list=refresh_server_list,
        )


def plex_tv_client(
    hass: HomeAssistant, url: str, client_identifier: str, token: str | None = None
) -> PlexTvClient:
    """Return a client for plex.tv."""
    return PlexTvClient(
        _http_session(hass),
        server_url=url,
        client_identifier=client_identifier,
        token=token,
        identity=_identity(hass),
        json_loads=json_loads,
    )


def stored_client_identifier(entry: ConfigEntry) -> str | None:
    """Return the client identifier of an entry, or None if there is no usable one."""
    identifier = entry.data.get(CONF_CLIENT_IDENTIFIER)
    return identifier if identifier and isinstance(identifier, str) else None


def stored_url(entry: ConfigEntry) -> str | None:
    """Return the URL of an entry, or None if secrets must not be sent there."""
    url = entry.data.get(CONF_URL, PLEX_TV_URL)
    return secure_base_url(url) if isinstance(url, str) else None


@callback
def _http_session(hass: HomeAssistant) -> ClientSession:
    """Return the HTTP session of all accounts; it neither keeps nor sends cookies.

    Automatic cleanup is off because it would close the session together with the
    entry that created it.
    """
    if (session := hass.data.get(_HTTP_SESSION)) is None:
        session = hass.data[_HTTP_SESSION] = async_create_clientsession(
            hass, auto_cleanup=False, cookie_jar=DummyCookieJar()
        )

        @callback
        def detach(_: Event) -> None:
            session.detach()

        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, detach)
    return session


def _identity(hass: HomeAssistant) -> ClientIdentity:
    """Return how this client appears in Plex's list of devices."""
    integration = async_get_loaded_integration(hass, DOMAIN)
    return ClientIdentity(
        product=integration.name,
        version=str(integration.version),
        platform="Home Assistant",
        platform_version=HA_VERSION,
        device="Home Assistant",
        device_name="Home Assistant",
    )
