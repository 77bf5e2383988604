"""Makes clients the way Home Assistant wants them: its session, its decoder, its name."""

from homeassistant.const import __version__ as HA_VERSION
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.loader import async_get_loaded_integration
from homeassistant.util.json import json_loads

from .api import Candidate, ClientIdentity, PlexServerClient, PlexTvClient
from .const import DOMAIN


def plex_tv_client(
    hass: HomeAssistant, url: str, client_identifier: str, token: str | None = None
) -> PlexTvClient:
    """Return a client for plex.tv."""
    return PlexTvClient(
        async_get_clientsession(hass),
        server_url=url,
        client_identifier=client_identifier,
        token=token,
        identity=_identity(hass),
        json_loads=json_loads,
    )


def server_client(
    hass: HomeAssistant,
    connection: Candidate,
    client_identifier: str,
    token: str | None = None,
) -> PlexServerClient:
    """Return a client for a server over one of its connections."""
    return PlexServerClient(
        async_get_clientsession(hass),
        connection.url,
        address=connection.address,
        client_identifier=client_identifier,
        token=token,
        identity=_identity(hass),
        json_loads=json_loads,
    )


def _identity(hass: HomeAssistant) -> ClientIdentity:
    """Return what users see of this client in Plex's list of devices."""
    integration = async_get_loaded_integration(hass, DOMAIN)
    return ClientIdentity(
        product=integration.name,
        version=str(integration.version),
        platform="Home Assistant",
        platform_version=HA_VERSION,
        device="Home Assistant",
        device_name="Home Assistant",
    )
