"""Triggers for accounts and servers; they listen to activities, not to entities."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, override

import voluptuous as vol

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_DEVICE_ID, CONF_FOR, CONF_OPTIONS, CONF_TARGET
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import (
    area_registry as ar,
    config_validation as cv,
    device_registry as dr,
    entity_registry as er,
)
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.trigger import (
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util

from .activity import Activity, async_subscribe_all_activity
from .targets import (
    TARGET_SCHEMA,
    async_account_device,
    async_server_online,
    async_target_devices,
)

_ACTIVE_STATUSES = {"active", "pending_cancellation"}


class ActivityTrigger(Trigger):
    """Trigger on an activity of a targeted account or server."""

    _schema = vol.Schema(
        {
            vol.Required(CONF_TARGET): TARGET_SCHEMA,
            vol.Required(CONF_OPTIONS, default={}): {},
        }
    )
    _activity: ClassVar[Activity]
    _description: ClassVar[str]
    _of_account: ClassVar[bool] = True
    """Whether a target that includes the account also covers this activity."""

    _run_action: TriggerActionRunner

    @classmethod
    @override
    async def async_validate_config(
        cls, hass: HomeAssistant, config: ConfigType
    ) -> ConfigType:
        """Validate config."""
        validated: ConfigType = cls._schema(config)
        return validated

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Initialize the trigger."""
        super().__init__(hass, config)
        assert config.target is not None
        self._target = config.target
        self._devices: set[str] = set()

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        """Attach the trigger to an action runner."""
        self._run_action = run_action
        self._async_update_devices()
        unsubscribe = [
            self._hass.bus.async_listen(event_type, self._async_update_devices)
            for event_type in (
                ar.EVENT_AREA_REGISTRY_UPDATED,
                dr.EVENT_DEVICE_REGISTRY_UPDATED,
                er.EVENT_ENTITY_REGISTRY_UPDATED,
            )
        ]
        unsubscribe.append(
            async_subscribe_all_activity(self._hass, self._async_handle_activity)
        )

        @callback
        def detach() -> None:
            for one in unsubscribe:
                one()
            self._async_cancel_all()

        return detach

    @callback
    def _async_update_devices(self, _event: Event[Any] | None = None) -> None:
        """Determine which devices the target includes.

        Removed devices are kept because their removal is reported afterwards.
        """
        registry = dr.async_get(self._hass)
        removed = {one for one in self._devices if registry.async_get(one) is None}
        self._devices = async_target_devices(self._hass, self._target) | removed

    @callback
    def _async_handle_activity(
        self, entry: ConfigEntry, activity: Activity, event_data: dict[str, Any]
    ) -> None:
        """Fire if the activity and its account or server match."""
        if activity is self._activity and self._is_about(entry, event_data):
            self._async_fire(entry, event_data)

    def _is_about(self, entry: ConfigEntry, event_data: dict[str, Any]) -> bool:
        """Return whether the target includes the account or server of an activity."""
        if event_data.get(ATTR_DEVICE_ID) in self._devices:
            return True
        account = async_account_device(self._hass, entry) if self._of_account else None
        return account is not None and account.id in self._devices

    @callback
    def _async_fire(self, entry: ConfigEntry, event_data: dict[str, Any]) -> None:
        """Run the action with the data of the activity as trigger variables."""
        device = (
            dr.async_get(self._hass).async_get(event_data[ATTR_DEVICE_ID])
            if ATTR_DEVICE_ID in event_data
            else async_account_device(self._hass, entry)
        )
        facts = {
            "name": entry.title,
            ATTR_DEVICE_ID: device.id if device else None,
            **event_data,
            "account": entry.title,
            "config_entry_id": entry.entry_id,
        }
        if device and device.name_by_user:
            facts["name"] = device.name_by_user
        self._run_action(facts, self._description.format(name=facts["name"]))

    @callback
    def _async_cancel_all(self) -> None:
        """Cancel pending timers when the trigger is detached."""


class ServerWentOfflineTrigger(ActivityTrigger):
    """Trigger when a server goes offline, optionally only after some time.

    The time keeps running while the account is reloaded. When it is over, the server
    must be known to be offline.
    """

    _schema = vol.Schema(
        {
            vol.Required(CONF_TARGET): TARGET_SCHEMA,
            vol.Required(CONF_OPTIONS, default={}): {
                vol.Optional(CONF_FOR): cv.positive_time_period
            },
        }
    )
    _activity = Activity.SERVER_OFFLINE
    _description = "{name} went offline"
    _of_account = False

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Initialize the trigger."""
        super().__init__(hass, config)
        self._duration: timedelta | None = (config.options or {}).get(CONF_FOR)
        self._pending: dict[str, CALLBACK_TYPE] = {}

    @callback
    @override
    def _async_handle_activity(
        self, entry: ConfigEntry, activity: Activity, event_data: dict[str, Any]
    ) -> None:
        """Cancel the timer of a server that is back or gone."""
        cancel = self._pending.pop(event_data.get(ATTR_DEVICE_ID, ""), None)
        if cancel:
            cancel()
        super()._async_handle_activity(entry, activity, event_data)

    @callback
    @override
    def _async_fire(self, entry: ConfigEntry, event_data: dict[str, Any]) -> None:
        """Fire immediately, or when the time is over."""
        told = {**event_data, CONF_FOR: self._duration}
        fire = partial(super()._async_fire, entry, told)
        if not self._duration:
            fire()
            return
        device_id = event_data[ATTR_DEVICE_ID]

        @callback
        def elapsed(_now: datetime) -> None:
            del self._pending[device_id]
            still_offline = async_server_online(self._hass, device_id) is False
            if still_offline and self._is_about(entry, told):
                fire()

        self._pending[device_id] = async_call_later(self._hass, self._duration, elapsed)

    @callback
    @override
    def _async_cancel_all(self) -> None:
        for cancel in self._pending.values():
            cancel()
        self._pending.clear()


class ServerCameOnlineTrigger(ActivityTrigger):
    """Trigger when a server is back online, and report since when it was offline."""

    _activity = Activity.SERVER_ONLINE
    _description = "{name} came online"
    _of_account = False

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Initialize the trigger."""
        super().__init__(hass, config)
        self._offline_since: dict[str, datetime] = {}

    @callback
    @override
    def _async_handle_activity(
        self, entry: ConfigEntry, activity: Activity, event_data: dict[str, Any]
    ) -> None:
        """Remember when a server went offline."""
        device_id = event_data.get(ATTR_DEVICE_ID, "")
        if activity is Activity.SERVER_OFFLINE:
            self._offline_since[device_id] = dt_util.utcnow()
        elif activity in (Activity.SERVER_ONLINE, Activity.SERVER_REMOVED):
            since = self._offline_since.pop(device_id, None)
            event_data = {**event_data, "offline_since": since}
        super()._async_handle_activity(entry, activity, event_data)


class ServerAddedTrigger(ActivityTrigger):
    """Trigger when a server is added to an account."""

    _activity = Activity.SERVER_ADDED
    _description = "{name} was added"


class ServerRemovedTrigger(ActivityTrigger):
    """Trigger when a server is removed from an account."""

    _activity = Activity.SERVER_REMOVED
    _description = "{name} was removed"


class PlexPassEndedTrigger(ActivityTrigger):
    """Trigger when an account no longer has a Plex Pass."""

    _activity = Activity.SUBSCRIPTION_CHANGED
    _description = "Plex Pass of {name} ended"

    @override
    def _is_about(self, entry: ConfigEntry, event_data: dict[str, Any]) -> bool:
        """Return whether a targeted subscription was active and no longer is."""
        return (
            event_data["old"] in _ACTIVE_STATUSES
            and event_data["new"] not in _ACTIVE_STATUSES
            and super()._is_about(entry, event_data)
        )


class SignInRequiredTrigger(ActivityTrigger):
    """Trigger when Plex no longer accepts the token of an account."""

    _activity = Activity.TOKEN_REJECTED
    _description = "{name} has to sign in again"


TRIGGERS: dict[str, type[Trigger]] = {
    "server_went_offline": ServerWentOfflineTrigger,
    "server_came_online": ServerCameOnlineTrigger,
    "server_added": ServerAddedTrigger,
    "server_removed": ServerRemovedTrigger,
    "plex_pass_ended": PlexPassEndedTrigger,
    "sign_in_required": SignInRequiredTrigger,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers for accounts and servers."""
    return TRIGGERS
