"""Conditions for accounts and servers; they check coordinators, not entities."""

from abc import abstractmethod
from typing import ClassVar, Unpack, override

import voluptuous as vol

from homeassistant.const import CONF_OPTIONS, CONF_TARGET
from homeassistant.core import HomeAssistant
from homeassistant.helpers.condition import (
    ATTR_BEHAVIOR,
    BEHAVIOR_ALL,
    BEHAVIOR_ANY,
    Condition,
    ConditionCheckParams,
    ConditionConfig,
)
from homeassistant.helpers.typing import ConfigType

from .targets import (
    TARGET_SCHEMA,
    async_is_account,
    async_plex_pass_active,
    async_server_online,
    async_target_devices,
)

_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_TARGET): TARGET_SCHEMA,
        vol.Required(CONF_OPTIONS, default={}): {
            vol.Required(ATTR_BEHAVIOR, default=BEHAVIOR_ANY): vol.In(
                [BEHAVIOR_ANY, BEHAVIOR_ALL]
            ),
        },
    }
)


class DeviceCondition(Condition):
    """Test the targeted accounts or servers."""

    _of_account: ClassVar[bool] = False

    @classmethod
    @override
    async def async_validate_config(
        cls, hass: HomeAssistant, config: ConfigType
    ) -> ConfigType:
        """Validate config."""
        validated: ConfigType = _SCHEMA(config)
        return validated

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Initialize the condition."""
        super().__init__(hass, config)
        assert config.target is not None
        assert config.options is not None
        self._target = config.target
        self._combine = all if config.options[ATTR_BEHAVIOR] == BEHAVIOR_ALL else any

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        """Return whether any or all of the targeted accounts or servers match."""
        devices = [
            device_id
            for device_id in async_target_devices(self._hass, self._target)
            if async_is_account(self._hass, device_id) is self._of_account
        ]
        return bool(devices) and self._combine(map(self._matches, devices))

    @abstractmethod
    def _matches(self, device_id: str) -> bool:
        """Return whether an account or server is known to match."""


class ServerIsOnlineCondition(DeviceCondition):
    """Test if servers can be reached."""

    @override
    def _matches(self, device_id: str) -> bool:
        return async_server_online(self._hass, device_id) is True


class ServerIsOfflineCondition(DeviceCondition):
    """Test if servers can't be reached."""

    @override
    def _matches(self, device_id: str) -> bool:
        return async_server_online(self._hass, device_id) is False


class PlexPassIsActiveCondition(DeviceCondition):
    """Test if accounts have a Plex Pass."""

    _of_account = True

    @override
    def _matches(self, device_id: str) -> bool:
        return async_plex_pass_active(self._hass, device_id)


CONDITIONS: dict[str, type[Condition]] = {
    "server_is_online": ServerIsOnlineCondition,
    "server_is_offline": ServerIsOfflineCondition,
    "plex_pass_is_active": PlexPassIsActiveCondition,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions for accounts and servers."""
    return CONDITIONS
