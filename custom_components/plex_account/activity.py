"""Activities of an account and its servers, sent once to each listener."""

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Any

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.dispatcher import (
    async_dispatcher_connect,
    async_dispatcher_send,
)
from homeassistant.util.signal_type import SignalType

from .const import DOMAIN


class Activity(StrEnum):
    """Event types of an account; their data is documented in README.md."""

    SERVER_ONLINE = "server_online"
    SERVER_OFFLINE = "server_offline"
    SERVER_ADDED = "server_added"
    SERVER_REMOVED = "server_removed"
    SUBSCRIPTION_CHANGED = "subscription_changed"
    TOKEN_REJECTED = "token_rejected"


type ActivityListener = Callable[[Activity, dict[str, Any]], None]


def _signal(entry: ConfigEntry) -> SignalType[Activity, dict[str, Any]]:
    return SignalType(f"{DOMAIN}_{entry.entry_id}_activity")


@callback
def async_fire_activity(
    hass: HomeAssistant, entry: ConfigEntry, activity: Activity, **event_data: Any
) -> None:
    """Notify the listeners of an entry.

    This is deferred so that the ongoing refresh updates the affected states first.
    """
    hass.loop.call_soon(
        async_dispatcher_send, hass, _signal(entry), activity, event_data
    )


@callback
def async_subscribe_activity(
    hass: HomeAssistant, entry: ConfigEntry, listener: ActivityListener
) -> CALLBACK_TYPE:
    """Call a listener for each activity of an entry; return the unsubscribe callback."""
    return async_dispatcher_connect(hass, _signal(entry), listener)


@callback
def async_subscribe_all_activity(
    hass: HomeAssistant,
    listener: Callable[[ConfigEntry, Activity, dict[str, Any]], None],
) -> CALLBACK_TYPE:
    """Call a listener for each activity of all entries, including ones added later."""
    unsubscribe: dict[str, CALLBACK_TYPE] = {}

    @callback
    def follow(change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain != DOMAIN:
            return
        if change is ConfigEntryChange.REMOVED:
            unsubscribe.pop(entry.entry_id)()
        elif entry.entry_id not in unsubscribe:
            unsubscribe[entry.entry_id] = async_subscribe_activity(
                hass, entry, partial(listener, entry)
            )

    for entry in hass.config_entries.async_entries(DOMAIN):
        follow(ConfigEntryChange.ADDED, entry)
    unfollow = async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, follow)

    @callback
    def stop() -> None:
        unfollow()
        for one in unsubscribe.values():
            one()

    return stop
