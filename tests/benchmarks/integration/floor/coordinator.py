"""Asks plex.tv for an account, and each of its servers whether it is there."""

import asyncio
from datetime import UTC, datetime, timedelta
import logging
from typing import Any, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import __version__ as HA_VERSION
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util.json import json_loads

DOMAIN = "plex_floor"
HEADERS = {
    "Accept": "application/json",
    "X-Plex-Product": "Plex floor",
    "X-Plex-Version": "0.1.0",
    "X-Plex-Platform": "Home Assistant",
    "X-Plex-Platform-Version": HA_VERSION,
    "X-Plex-Device": "Home Assistant",
    "X-Plex-Device-Name": "Home Assistant",
}
TOKEN_LIFE = timedelta(hours=48)

_LOGGER = logging.getLogger(__name__)


class PlexCoordinator(DataUpdateCoordinator[dict[str, Any]]):
    """The values of one device, by the keys of its entities."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[AccountCoordinator],
        *,
        url: str,
        token: str,
        interval: timedelta,
        device_info: DeviceInfo,
    ) -> None:
        """Prepare to ask."""
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name="Plex",
            update_interval=interval,
            always_update=False,
        )
        self.device_info = device_info
        ((_, self.identifier),) = device_info["identifiers"]
        self._entry = entry
        self._session = async_get_clientsession(hass)
        self._url = url
        self._headers = HEADERS | {
            "X-Plex-Client-Identifier": entry.data["client_identifier"],
            "X-Plex-Token": token,
        }

    async def request(self, path: str, method: str = "GET") -> Any:
        """Return the document that a path answers."""
        async with self._session.request(
            method, self._url + path, headers=self._headers
        ) as response:
            return json_loads(await response.read())


class AccountCoordinator(PlexCoordinator):
    """The account."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry[AccountCoordinator]
    ) -> None:
        """Prepare to ask plex.tv."""
        super().__init__(
            hass,
            entry,
            url=entry.data["url"],
            token=entry.data["token"],
            interval=timedelta(minutes=30),
            device_info=DeviceInfo(
                identifiers={(DOMAIN, str(entry.unique_id))},
                entry_type=DeviceEntryType.SERVICE,
                name=entry.title,
                manufacturer="Plex",
                model="Account",
            ),
        )
        self.servers: dict[str, ServerCoordinator] = {}

    async def async_refresh_all(self) -> None:
        """Refresh the account, then its servers."""
        await self.async_refresh()
        await asyncio.gather(
            *(server.async_refresh() for server in self.servers.values())
        )

    @override
    async def _async_update_data(self) -> dict[str, Any]:
        user, resources = await asyncio.gather(
            self.request("/user?includeSubscriptions=1"),
            self.request("/resources?includeHttps=1&includeRelay=1&includeIPv6=1"),
        )
        for resource in resources:
            identifier = resource["clientIdentifier"]
            if server := self.servers.get(identifier):
                server.resource = resource
            else:
                self.servers[identifier] = ServerCoordinator(
                    self.hass, self._entry, resource
                )
        subscription = user["subscription"]
        return {
            "plex_pass": subscription["active"],
            "two_factor": user["twoFactorEnabled"],
            "email_confirmed": user["confirmed"],
            "has_password": user["hasPassword"],
            "backup_codes_created": user["backupCodesCreated"],
            "home_admin": user["homeAdmin"],
            "guest": user["guest"],
            "restricted": user["restricted"],
            "pin_protected": user["protected"],
            "subscription_status": subscription["status"].lower(),
            "subscription_plan": subscription["plan"],
            "subscribed_since": datetime.fromisoformat(subscription["subscribedAt"]),
            "servers": len(self.servers),
            "home_size": user["homeSize"],
            "joined": datetime.fromtimestamp(user["joinedAt"], UTC),
        }


class ServerCoordinator(PlexCoordinator):
    """One server."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[AccountCoordinator],
        resource: dict[str, Any],
    ) -> None:
        """Prepare to ask the server."""
        super().__init__(
            hass,
            entry,
            url=resource["connections"][0]["uri"],
            token=resource["accessToken"],
            interval=timedelta(minutes=1),
            device_info=DeviceInfo(
                identifiers={
                    (DOMAIN, f"{entry.unique_id}_{resource['clientIdentifier']}")
                },
                name=resource["name"],
                manufacturer="Plex",
                model=resource["product"],
                sw_version=resource["productVersion"],
            ),
        )
        self.resource = resource

    @override
    async def _async_setup(self) -> None:
        await self.request("/identity")
        answer = await self.request("/security/token?type=delegation&scope=all", "POST")
        self._headers["X-Plex-Token"] = answer["MediaContainer"]["token"]
        self._token_expires = datetime.now(UTC) + TOKEN_LIFE

    @override
    async def _async_update_data(self) -> dict[str, Any]:
        await self.request("/")
        return {
            "connectivity": True,
            "connection": "local",
            "transient_token_expires": self._token_expires,
            "last_seen": datetime.fromisoformat(self.resource["lastSeenAt"]),
            "owner": self._entry.title,
        }
