"""Sensors of accounts and servers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
)
from homeassistant.const import MAX_LENGTH_STATE_STATE, EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .api import ConnectionKind, Subscription
from .coordinator import PlexAccountConfigEntry, PlexAccountData, PlexServerCoordinator
from .entity import PlexAccountEntity, PlexServerEntity, async_add_server_entities

PARALLEL_UPDATES = 0

SUBSCRIPTION_STATUSES = [
    "active",
    "inactive",
    "canceled",
    "pending_cancellation",
    "ended",
    "lapsed",
]

type Value = str | int | datetime | None


@dataclass(frozen=True, kw_only=True)
class PlexAccountSensorDescription(SensorEntityDescription):
    """A value of an account; None is unknown."""

    value_fn: Callable[[PlexAccountData], Value]


@dataclass(frozen=True, kw_only=True)
class PlexServerSensorDescription(SensorEntityDescription):
    """A value of a server; None is unknown."""

    value_fn: Callable[[PlexServerCoordinator], Value]


def _of_subscription(
    value_fn: Callable[[Subscription], Value],
) -> Callable[[PlexAccountData], Value]:
    """Return a function that takes a value from the subscription, if there is one."""
    return lambda data: (
        value_fn(data.account.subscription) if data.account.subscription else None
    )


def _status(subscription: Subscription) -> str | None:
    """Return the status, None for one that Plex has invented since."""
    status = subscription.status_key
    return status if status in SUBSCRIPTION_STATUSES else None


def _owner(coordinator: PlexServerCoordinator) -> str | None:
    """Return the name of a server's owner, unless it is an e-mail address."""
    server = coordinator.server
    name = coordinator.config_entry.title if server.owned else server.source_title
    return None if name is None or "@" in name else name[:MAX_LENGTH_STATE_STATE]


ACCOUNT_SENSORS = (
    PlexAccountSensorDescription(
        key="subscription_status",
        translation_key="subscription_status",
        device_class=SensorDeviceClass.ENUM,
        options=SUBSCRIPTION_STATUSES,
        value_fn=_of_subscription(_status),
    ),
    PlexAccountSensorDescription(
        key="subscription_plan",
        translation_key="subscription_plan",
        value_fn=_of_subscription(
            lambda subscription: (
                subscription.plan and subscription.plan[:MAX_LENGTH_STATE_STATE]
            )
        ),
    ),
    PlexAccountSensorDescription(
        key="subscribed_since",
        translation_key="subscribed_since",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=_of_subscription(lambda subscription: subscription.subscribed_at),
    ),
    PlexAccountSensorDescription(
        key="servers",
        translation_key="servers",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda data: len(data.servers),
    ),
    PlexAccountSensorDescription(
        key="home_size",
        translation_key="home_size",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda data: data.account.home_size,
    ),
    PlexAccountSensorDescription(
        key="joined",
        translation_key="joined",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda data: data.account.joined_at,
    ),
)

SERVER_SENSORS = (
    PlexServerSensorDescription(
        key="connection",
        translation_key="connection",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=list(ConnectionKind),
        value_fn=lambda coordinator: coordinator.data.connection,
    ),
    PlexServerSensorDescription(
        key="transient_token_expires",
        translation_key="transient_token_expires",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda coordinator: coordinator.data.token_expires_at,
    ),
    PlexServerSensorDescription(
        key="last_seen",
        translation_key="last_seen",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda coordinator: coordinator.server.last_seen_at,
    ),
    PlexServerSensorDescription(
        key="owner",
        translation_key="owner",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=_owner,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PlexAccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of an account and of its servers."""
    async_add_entities(
        PlexAccountSensor(entry.runtime_data, description)
        for description in ACCOUNT_SENSORS
    )
    async_add_server_entities(
        entry,
        async_add_entities,
        lambda server: [
            PlexServerSensor(server, description) for description in SERVER_SENSORS
        ],
    )


class PlexAccountSensor(PlexAccountEntity, SensorEntity):
    """A value of an account."""

    entity_description: PlexAccountSensorDescription

    @property
    @override
    def native_value(self) -> Value:
        """Return what plex.tv said last."""
        return self.entity_description.value_fn(self.coordinator.data)


class PlexServerSensor(PlexServerEntity, SensorEntity):
    """A value of a server."""

    entity_description: PlexServerSensorDescription

    @property
    @override
    def native_value(self) -> Value:
        """Return what was found out last."""
        return self.entity_description.value_fn(self.coordinator)
