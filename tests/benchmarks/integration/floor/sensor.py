"""Sensors."""

from typing import Any, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
)
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import AccountCoordinator
from .entity import FloorEntity

ACCOUNT_SENSORS = (
    SensorEntityDescription(
        key="subscription_status",
        name="Subscription status",
        device_class=SensorDeviceClass.ENUM,
        options=[
            "active",
            "inactive",
            "canceled",
            "pending_cancellation",
            "ended",
            "lapsed",
        ],
    ),
    SensorEntityDescription(key="subscription_plan", name="Subscription plan"),
    SensorEntityDescription(
        key="subscribed_since",
        name="Subscribed since",
        device_class=SensorDeviceClass.TIMESTAMP,
    ),
    SensorEntityDescription(
        key="servers", name="Servers", entity_category=EntityCategory.DIAGNOSTIC
    ),
    SensorEntityDescription(
        key="home_size",
        name="Home size",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    SensorEntityDescription(
        key="joined",
        name="Joined",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
)
SERVER_SENSORS = (
    SensorEntityDescription(
        key="connection",
        name="Connection",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=["local", "remote", "relay"],
    ),
    SensorEntityDescription(
        key="transient_token_expires",
        name="Transient token expires",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    SensorEntityDescription(
        key="last_seen",
        name="Last seen",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    SensorEntityDescription(
        key="owner",
        name="Owner",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ConfigEntry[AccountCoordinator],
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors."""
    account = entry.runtime_data
    async_add_entities(
        [
            *(FloorSensor(account, one) for one in ACCOUNT_SENSORS),
            *(
                FloorSensor(server, one)
                for server in account.servers.values()
                for one in SERVER_SENSORS
            ),
        ]
    )


class FloorSensor(FloorEntity, SensorEntity):
    """A value."""

    @property
    @override
    def native_value(self) -> Any:
        """Return the value."""
        return self.coordinator.data[self.entity_description.key]
