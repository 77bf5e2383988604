"""Plex accounts and their servers in Home Assistant."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import (
    ConfigEntryAuthFailed,
    ConfigEntryNotReady,
    HomeAssistantError,
)
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.typing import ConfigType

from .clients import Credentials
from .const import DOMAIN, LOGGER
from .coordinator import PlexAccountConfigEntry, PlexAccountCoordinator
from .images import PictureView
from .issues import async_end_issues
from .kept_list import KeptListStore
from .migration import async_migrate_entry
from .second_opinion import TokenRefusals
from .services import async_setup_services
from .sign_in import async_sign_out

__all__ = ["async_migrate_entry"]

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.SENSOR,
]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions and the view that serves signed pictures."""
    async_setup_services(hass)
    hass.http.register_view(PictureView())
    return True


async def async_setup_entry(hass: HomeAssistant, entry: PlexAccountConfigEntry) -> bool:
    """Set up an account; its servers are contacted in the background.

    If plex.tv is unavailable, the account starts with the list from an earlier run.
    """
    if not (credentials := Credentials.from_entry(entry)):
        raise ConfigEntryAuthFailed(
            translation_domain=DOMAIN, translation_key="entry_damaged"
        )
    store = KeptListStore(hass, entry, credentials.token)
    await store.async_load()
    coordinator = PlexAccountCoordinator(hass, entry, credentials, store)
    try:
        await coordinator.async_config_entry_first_refresh()
    except ConfigEntryNotReady:
        if not coordinator.async_start_from_kept_list():
            raise
    entry.runtime_data = coordinator
    # Keep polling Plex even if no entity is enabled.
    entry.async_on_unload(coordinator.async_add_listener(lambda: None))
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def async_unload_entry(
    hass: HomeAssistant, entry: PlexAccountConfigEntry
) -> bool:
    """Unload an account, and end the issues of a disabled one, as nothing else would."""
    unloaded = await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
    if unloaded and entry.disabled_by:
        async_end_issues(hass, entry)
    return unloaded


async def async_remove_entry(
    hass: HomeAssistant, entry: PlexAccountConfigEntry
) -> None:
    """Sign out the token; if that fails, the account is removed anyway."""
    async_end_issues(hass, entry)
    TokenRefusals.forget(hass, entry)
    await KeptListStore(hass, entry).async_remove()
    credentials = Credentials.from_entry(entry)
    if not credentials or not await async_sign_out(credentials.client(hass)):
        LOGGER.warning(
            "Failed to sign out the token of a removed account. Remove the Home"
            " Assistant device under Authorized devices in your Plex account"
        )


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: PlexAccountConfigEntry, device: dr.DeviceEntry
) -> bool:
    """Allow removing the device of a server that Plex no longer lists.

    The list is only known while the entry is loaded.
    """
    if entry.state is not ConfigEntryState.LOADED:
        raise HomeAssistantError(
            translation_domain="homeassistant",
            translation_key="service_config_entry_not_loaded",
            translation_placeholders={"domain": DOMAIN, "entry_title": entry.title},
        )
    coordinator = entry.runtime_data
    if coordinator.async_release_device(device):
        return True
    is_server = coordinator.devices.machine_identifier(device)
    raise HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="device_still_listed" if is_server else "account_device",
        translation_placeholders={"server": device.name_by_user or device.name or ""},
    )
