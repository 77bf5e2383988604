"""Migrates data that was stored by an older version."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from .devices import AccountDevices
from .kept_list import KeptList, KeptListStore

VERSION = 1
MINOR_VERSION = 2


async def async_migrate_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Migrate an entry; return whether its version is supported.

    Version 1.1 stored in the model id of a device whether a server is owned. This is now
    stored in the kept list.
    """
    if entry.version > VERSION:
        return False
    if entry.minor_version < 2:
        registry = dr.async_get(hass)
        devices = AccountDevices(hass, entry).servers()
        owned = [one for one, device in devices.items() if device.model_id == "owned"]
        kept = KeptList(lost=dict.fromkeys(owned))
        await KeptListStore(hass, entry).async_save(kept)
        for device in devices.values():
            registry.async_update_device(device.id, model_id=None)
        hass.config_entries.async_update_entry(entry, minor_version=MINOR_VERSION)
    return True
