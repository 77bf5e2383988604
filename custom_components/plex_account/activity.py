"""What happens to an account and its servers, told once to whoever listens."""

from enum import StrEnum
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send

from .const import DOMAIN


class Activity(StrEnum):
    """Kinds of what happens."""

    SERVER_ONLINE = "server_online"
    SERVER_OFFLINE = "server_offline"
    SERVER_ADDED = "server_added"
    SERVER_REMOVED = "server_removed"
    SUBSCRIPTION_CHANGED = "subscription_changed"
    TOKEN_REJECTED = "token_rejected"


def signal(entry: ConfigEntry) -> str:
    """Return the signal to listen to for an entry."""
    return f"{DOMAIN}_{entry.entry_id}_activity"


@callback
def async_tell(
    hass: HomeAssistant, entry: ConfigEntry, activity: Activity, **facts: Any
) -> None:
    """Tell that something has happened."""
    async_dispatcher_send(hass, signal(entry), activity, facts)
