"""The account and its servers as devices."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from .api import PlexServer
from .const import DOMAIN

_OWNED = "owned"
_SHARED = "shared"
_ACCOUNT_PAGE = "https://app.plex.tv/desktop/#!/settings/account"


def account_identifier(uuid: str) -> tuple[str, str]:
    """Return what identifies the device of an account."""
    return (DOMAIN, uuid)


def server_identifier(uuid: str, machine_identifier: str) -> tuple[str, str]:
    """Return what identifies the device of a server, as one account knows it."""
    return (DOMAIN, f"{uuid}_{machine_identifier}")


def is_owned(device: dr.DeviceEntry) -> bool:
    """Return whether a server was the account's own when it was last listed."""
    return device.model_id == _OWNED


class AccountDevices:
    """The devices of one entry, kept as Plex says they are."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Look at the devices of an entry."""
        assert entry.unique_id
        self._registry = dr.async_get(hass)
        self._entry = entry
        self._uuid = entry.unique_id

    def machine_identifier(self, device: dr.DeviceEntry) -> str | None:
        """Return the server that a device stands for, None for that of the account."""
        prefix = f"{self._uuid}_"
        for domain, identifier in device.identifiers:
            if domain == DOMAIN and identifier.startswith(prefix):
                return identifier.removeprefix(prefix)
        return None

    def servers(self) -> dict[str, dr.DeviceEntry]:
        """Return the devices of servers by machine identifier."""
        devices = dr.async_entries_for_config_entry(
            self._registry, self._entry.entry_id
        )
        return {
            identifier: device
            for device in devices
            if (identifier := self.machine_identifier(device))
        }

    def register_account(self) -> None:
        """Make the device of the account."""
        self._registry.async_get_or_create(
            config_entry_id=self._entry.entry_id,
            identifiers={account_identifier(self._uuid)},
            entry_type=dr.DeviceEntryType.SERVICE,
            name=self._entry.title,
            manufacturer="Plex",
            model="Account",
            configuration_url=_ACCOUNT_PAGE,
        )

    def register_server(self, server: PlexServer) -> dr.DeviceEntry:
        """Make the device of a server, or keep it current.

        That a server is the account's own is remembered with its device, to tell
        the owner when Plex no longer lists it.
        """
        account = self._registry.async_get_device_by_identifier(
            account_identifier(self._uuid), self._entry.entry_id
        )
        return self._registry.async_get_or_create(
            config_entry_id=self._entry.entry_id,
            identifiers={server_identifier(self._uuid, server.machine_identifier)},
            name=server.name,
            manufacturer="Plex",
            model=server.product,
            model_id=_OWNED if server.owned else _SHARED,
            sw_version=server.version,
            via_device_id=account.id if account else None,
        )

    def remove_server(self, device: dr.DeviceEntry) -> None:
        """Remove the device of a server, with its entities."""
        self._registry.async_remove_device(device.id)
