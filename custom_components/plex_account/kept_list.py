"""The last good list of an account's servers, kept for a start without plex.tv.

It holds no tokens, only whether the token of each server was that of the account.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store

from .api import PlexError, PlexServer, parse_servers
from .const import DOMAIN, LOGGER

_VERSION = 1
_HAS_ACCOUNT_TOKEN = "hasAccountToken"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptList:
    """What is kept for an account.

    `servers` is None if no list has arrived yet. `lost` maps owned servers that may be
    missing from it to the time when they were lost, or to None if they aren't known to
    be. `name` is the name of the account at plex.tv.
    """

    servers: tuple[PlexServer, ...] | None = None
    lost: dict[str, str | None] = field(default_factory=dict)
    name: str | None = None

    def without_news(self) -> KeptList:
        """Return the list without frequently changing values that aren't worth writing."""
        servers = self.servers and tuple(
            replace(server, last_seen_at=None, presence=False)
            for server in self.servers
        )
        return replace(self, servers=servers)


class KeptListStore:
    """Reads and writes the kept list of one entry."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, account_token: str = ""
    ) -> None:
        """Initialize the store; the token shows which servers use that of the account."""
        self._hass = hass
        self._entry = entry
        self._account_token = account_token
        self._store: Store[dict[str, Any]] = Store(
            hass, _VERSION, f"{DOMAIN}.{entry.entry_id}", private=True
        )
        self.kept: KeptList | None = None
        self._written: KeptList | None = None

    async def async_load(self) -> None:
        """Read the kept list, which stays None if there is nothing readable."""
        try:
            stored = await self._store.async_load()
        except HomeAssistantError, NotImplementedError, LookupError, TypeError:
            LOGGER.warning("Ignoring the damaged list of servers from the last run")
            return
        if isinstance(stored, dict):
            self.kept = _parse(stored, self._account_token)
            self._written = self.kept.without_news()

    @callback
    def async_keep(self, kept: KeptList) -> None:
        """Write a list if it has changed, in a task of the entry.

        Unloading the entry waits for the task, so nothing is written after the file
        has been removed.
        """
        self.kept = kept
        if (news := kept.without_news()) != self._written:
            self._written = news
            self._entry.async_create_task(
                self._hass, self.async_save(kept), f"{DOMAIN} kept list"
            )

    async def async_save(self, kept: KeptList) -> None:
        """Write a list."""
        servers = kept.servers
        await self._store.async_save(
            {
                "name": kept.name,
                "servers": servers
                and [_document(server, self._account_token) for server in servers],
                "lost": kept.lost,
            }
        )

    async def async_remove(self) -> None:
        """Delete the file."""
        await self._store.async_remove()


def _parse(stored: dict[str, Any], account_token: str) -> KeptList:
    """Return the contents of a file, without anything that is damaged."""
    lost, name = stored.get("lost"), stored.get("name")
    return KeptList(
        servers=_servers(stored.get("servers"), account_token),
        lost={
            server: since if isinstance(since, str) else None
            for server, since in (lost if isinstance(lost, dict) else {}).items()
        },
        name=name if isinstance(name, str) else None,
    )


def _servers(documents: Any, account_token: str) -> tuple[PlexServer, ...] | None:
    """Return the servers from documents in the format of plex.tv."""
    if not isinstance(documents, list):
        return None
    try:
        servers = parse_servers(documents)
    except PlexError:
        return None
    with_token = [
        document.get("clientIdentifier")
        for document in documents
        if isinstance(document, dict) and document.get(_HAS_ACCOUNT_TOKEN) is True
    ]
    return tuple(
        replace(server, access_token=account_token)
        if server.owned and server.machine_identifier in with_token
        else replace(server, access_token=None)
        for server in servers
    )


def _document(server: PlexServer, account_token: str) -> dict[str, Any]:
    """Return a server in the format of plex.tv.

    Its token, its public address, and an email address of its owner are left out.
    """
    owner = server.source_title
    return {
        "clientIdentifier": server.machine_identifier,
        "provides": "server",
        _HAS_ACCOUNT_TOKEN: server.access_token == account_token,
        "name": server.name,
        "product": server.product,
        "productVersion": server.version,
        "platform": server.platform,
        "platformVersion": server.platform_version,
        "device": server.device,
        "createdAt": _isoformat(server.created_at),
        "lastSeenAt": _isoformat(server.last_seen_at),
        "ownerId": server.owner_id,
        "sourceTitle": owner if owner and "@" not in owner else None,
        "owned": server.owned,
        "home": server.home,
        "httpsRequired": server.https_required,
        "publicAddressMatches": server.public_address_matches,
        "dnsRebindingProtection": server.dns_rebinding_protection,
        "natLoopbackSupported": server.nat_loopback_supported,
        "connections": [
            {
                "uri": connection.uri,
                "protocol": connection.protocol,
                "address": connection.address,
                "port": connection.port,
                "local": connection.local,
                "relay": connection.relay,
                "IPv6": connection.ipv6,
            }
            for connection in server.connections
        ],
    }


def _isoformat(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
