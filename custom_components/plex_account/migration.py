"""Brings what an older version has stored to the form of this one."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from .const import DOMAIN
from .kept_list import KeptList, KeptListStore

VERSION = 1
MINOR_VERSION = 2


async def async_migrate_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Migrate an entry; return whether its version is supported.

    Version 1.1 remembered in the model id of a device that a server is owned. Now the
    kept list remembers it.
    """
    if entry.version > VERSION:
        return False
    if entry.minor_version < 2:
        registry = dr.async_get(hass)
        owned: dict[str, str | None] = {}
        for device in dr.async_entries_for_config_entry(registry, entry.entry_id):
            for domain, identifier in device.identifiers:
                server = identifier.removeprefix(f"{entry.unique_id}_")
                if domain == DOMAIN and server != identifier and device.model_id:
                    if device.model_id == "owned":
                        owned[server] = None
                    registry.async_update_device(device.id, model_id=None)
        await KeptListStore(hass, entry.entry_id).async_save(KeptList(lost=owned), "")
        hass.config_entries.async_update_entry(entry, minor_version=MINOR_VERSION)
    return True
