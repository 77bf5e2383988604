"""The least that does the same work: what the integration is measured against.

It sends the same requests and has the same devices and entities, on the bare parts
of Home Assistant. It checks nothing, chooses nothing and handles no error, so it
may become faster, and nothing else.
"""

import asyncio

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from .coordinator import AccountCoordinator

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.SENSOR,
]


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry[AccountCoordinator]
) -> bool:
    """Set up an account with its servers."""
    account = AccountCoordinator(hass, entry)
    await account.async_config_entry_first_refresh()
    registry = dr.async_get(hass)
    device = registry.async_get_or_create(
        config_entry_id=entry.entry_id, **account.device_info
    )
    for server in account.servers.values():
        registry.async_get_or_create(
            config_entry_id=entry.entry_id,
            **{**server.device_info, "via_device_id": device.id},  # type: ignore[arg-type]
        )
    await asyncio.gather(
        *(
            server.async_config_entry_first_refresh()
            for server in account.servers.values()
        )
    )
    entry.runtime_data = account
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True
