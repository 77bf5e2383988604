"""The devices targeted by a trigger or condition, and their states."""

from typing import Any

import voluptuous as vol

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import (
    ATTR_AREA_ID,
    ATTR_DEVICE_ID,
    ATTR_ENTITY_ID,
    ATTR_FLOOR_ID,
    ATTR_LABEL_ID,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import (
    config_validation as cv,
    device_registry as dr,
    entity_registry as er,
)
from homeassistant.helpers.target import (
    TargetSelection,
    async_extract_referenced_entity_ids,
)

from .const import DOMAIN
from .coordinator import PlexAccountConfigEntry
from .devices import account_identifier

type Target = dict[str, Any]

TARGET_SCHEMA = vol.All(
    cv.TARGET_FIELDS,
    cv.has_at_least_one_key(
        ATTR_AREA_ID, ATTR_DEVICE_ID, ATTR_ENTITY_ID, ATTR_FLOOR_ID, ATTR_LABEL_ID
    ),
)


@callback
def async_target_devices(hass: HomeAssistant, target: Target) -> set[str]:
    """Return the ids of the devices that a target includes.

    An entity includes its device, whether or not it is enabled. An account that is
    targeted by its own device also includes its servers.
    """
    # As of Home Assistant 2026.11, a target may exclude some of what it includes.
    return _devices(hass, target) - _devices(hass, target.get("exclude", {}))


@callback
def _devices(hass: HomeAssistant, target: Target) -> set[str]:
    selection = TargetSelection(target)
    selected = async_extract_referenced_entity_ids(hass, selection)
    entities = er.async_get(hass)
    devices = selected.referenced_devices | {
        entity.device_id
        for entity_id in selected.referenced | selected.indirectly_referenced
        if (entity := entities.async_get(entity_id)) and entity.device_id
    }
    for entry in hass.config_entries.async_entries(DOMAIN):
        account = async_account_device(hass, entry)
        if account and account.id in selection.device_ids:
            devices |= {
                device.id
                for device in dr.async_entries_for_config_entry(
                    dr.async_get(hass), entry.entry_id
                )
                if not device.disabled
            }
    return devices


@callback
def async_account_device(
    hass: HomeAssistant, entry: ConfigEntry
) -> dr.DeviceEntry | None:
    """Return the device of an account, or None before its first setup."""
    if entry.unique_id is None:
        return None
    return dr.async_get(hass).async_get_device_by_identifier(
        account_identifier(entry.unique_id), entry.entry_id
    )


@callback
def async_is_account(hass: HomeAssistant, device_id: str) -> bool | None:
    """Return True for the device of an account, False for a server, or None."""
    device, entry = _find(hass, device_id)
    if device is None or entry is None or entry.unique_id is None:
        return None
    return account_identifier(entry.unique_id) in device.identifiers


@callback
def async_server_online(hass: HomeAssistant, device_id: str) -> bool | None:
    """Return whether a server can be reached.

    None means unknown: its device is disabled, its account isn't loaded, or it hasn't
    been checked yet.
    """
    device, entry = _find(hass, device_id)
    if device is None or entry is None or device.disabled:
        return None
    if entry.state is not ConfigEntryState.LOADED:
        return None
    account = entry.runtime_data
    server = account.servers.get(account.devices.machine_identifier(device) or "")
    if server is None or server.data is None:
        return None
    return server.reachable


@callback
def async_plex_pass_active(hass: HomeAssistant, device_id: str) -> bool:
    """Return whether an account is known to have a Plex Pass."""
    _, entry = _find(hass, device_id)
    if entry is None or entry.state is not ConfigEntryState.LOADED:
        return False
    coordinator = entry.runtime_data
    account = coordinator.data.account if coordinator.last_update_success else None
    return bool(account and account.subscription and account.subscription.active)


@callback
def _find(
    hass: HomeAssistant, device_id: str
) -> tuple[dr.DeviceEntry | None, PlexAccountConfigEntry | None]:
    """Return a device and the entry of its account, if it belongs to this integration."""
    return dr.async_get_device_and_config_entry_for_domain(
        hass, device_id, domain=DOMAIN, include_child_devices=False
    )
