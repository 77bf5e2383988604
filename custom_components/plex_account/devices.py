"""The account and its servers as devices."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.translation import async_get_cached_translations

from .api import PlexServer
from .const import DOMAIN

DEFAULT_TITLE = "Plex account"

ACCOUNT_PAGE = "https://app.plex.tv/desktop/#!/settings/account"


def account_identifier(uuid: str) -> tuple[str, str]:
    """Return the identifier of an account's device."""
    return (DOMAIN, uuid)


def server_identifier(uuid: str, machine_identifier: str) -> tuple[str, str]:
    """Return the identifier of a server's device, which is specific to one account."""
    return (DOMAIN, f"{uuid}_{machine_identifier}")


class AccountDevices:
    """The devices of one entry, kept in sync with Plex."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Initialize for the devices of an entry."""
        assert entry.unique_id
        self._hass = hass
        self._registry = dr.async_get(hass)
        self._entry = entry
        self._uuid = entry.unique_id
        self._prefix = f"{entry.unique_id}_"

    def machine_identifier(self, device: dr.DeviceEntry) -> str | None:
        """Return the server of a device, or None for the device of the account."""
        for domain, identifier in device.identifiers:
            if domain == DOMAIN and identifier.startswith(self._prefix):
                return identifier.removeprefix(self._prefix)
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
        """Create or update the device of the account."""
        title = self._entry.title
        self._registry.async_get_or_create(
            config_entry_id=self._entry.entry_id,
            identifiers={account_identifier(self._uuid)},
            entry_type=dr.DeviceEntryType.SERVICE,
            name=title if title == DEFAULT_TITLE else f"Plex {title}",
            manufacturer="Plex",
            model=self._account_model,
            configuration_url=ACCOUNT_PAGE,
        )

    def register_server(self, server: PlexServer) -> dr.DeviceEntry:
        """Create or update the device of a server."""
        account = self._registry.async_get_device_by_identifier(
            account_identifier(self._uuid), self._entry.entry_id
        )
        return self._registry.async_get_or_create(
            config_entry_id=self._entry.entry_id,
            identifiers={server_identifier(self._uuid, server.machine_identifier)},
            name=server.name,
            manufacturer="Plex",
            model=server.product,
            model_id=None,
            sw_version=server.version,
            via_device_id=account.id if account else None,
        )

    def update_server(self, before: PlexServer, server: PlexServer) -> None:
        """Update the device of a server if a newer list describes it differently."""
        if (before.name, before.product, before.version) != (
            server.name,
            server.product,
            server.version,
        ):
            self.register_server(server)

    def link_web_page(self, device_id: str, server_url: str) -> None:
        """Link the device of a server to the web page of the server."""
        self._registry.async_update_device(
            device_id, configuration_url=f"{server_url}/web"
        )

    @property
    def _account_model(self) -> str:
        """Return the word for an account in the language of Home Assistant."""
        words = async_get_cached_translations(
            self._hass, self._hass.config.language, "device", DOMAIN
        )
        return words.get(f"component.{DOMAIN}.device.account.name", "Account")

    def remove_server(self, device: dr.DeviceEntry) -> None:
        """Remove the device of a server, with its entities."""
        self._registry.async_remove_device(device.id)
