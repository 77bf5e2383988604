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
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .api import ConnectionKind, PlexAccount, Subscription
from .coordinator import PlexAccountConfigEntry
from .entity import PlexAccountEntity, PlexServerEntity, async_add_server_entities
from .server_coordinator import PlexServerCoordinator

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
    """Describes a sensor of an account; a value of None means unknown."""

    value_fn: Callable[[PlexAccount], Value]


@dataclass(frozen=True, kw_only=True)
class PlexServerSensorDescription(SensorEntityDescription):
    """Describes a sensor of a server; a value of None means unknown.

    `from_list`: the value comes from plex.tv, so it is kept while the server is offline.
    """

    value_fn: Callable[[PlexServerCoordinator], Value]
    from_list: bool = False


def _subscription_value(
    value_fn: Callable[[Subscription], Value],
) -> Callable[[PlexAccount], Value]:
    """Return a function that reads the subscription of an account, if there is one."""
    return lambda account: (
        value_fn(account.subscription) if account.subscription else None
    )


def _status(subscription: Subscription) -> str | None:
    """Return the status, or None if Plex has introduced it since."""
    status = subscription.status_key
    return status if status in SUBSCRIPTION_STATUSES else None


def _owner(coordinator: PlexServerCoordinator) -> str | None:
    """Return the name of a server's owner, unless it is an email address."""
    server = coordinator.server
    name = coordinator.config_entry.title if server.owned else server.source_title
    return None if name is None or "@" in name else name


def _timestamp(
    key: str, value_fn: Callable[[PlexAccount], Value]
) -> PlexAccountSensorDescription:
    return PlexAccountSensorDescription(
        key=key,
        translation_key=key,
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=value_fn,
    )


ACCOUNT_SENSORS = (
    PlexAccountSensorDescription(
        key="subscription_status",
        translation_key="subscription_status",
        device_class=SensorDeviceClass.ENUM,
        options=SUBSCRIPTION_STATUSES,
        value_fn=_subscription_value(_status),
    ),
    PlexAccountSensorDescription(
        key="subscription_plan",
        translation_key="subscription_plan",
        value_fn=_subscription_value(lambda subscription: subscription.plan),
    ),
    _timestamp(
        "subscribed_since",
        _subscription_value(
            lambda subscription: (
                subscription.subscribed_at if subscription.active else None
            )
        ),
    ),
    _timestamp("subscription_renews", lambda account: account.subscription_renews),
    _timestamp("subscription_ends", lambda account: account.subscription_ends),
    PlexAccountSensorDescription(
        key="home_size",
        translation_key="home_size",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda account: account.home_size,
    ),
    PlexAccountSensorDescription(
        key="joined",
        translation_key="joined",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda account: account.joined_at,
    ),
)

SERVERS = SensorEntityDescription(
    key="servers",
    translation_key="servers",
    entity_category=EntityCategory.DIAGNOSTIC,
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
        entity_registry_enabled_default=False,
        value_fn=lambda coordinator: coordinator.data.token_expires_at,
    ),
    PlexServerSensorDescription(
        key="last_seen",
        translation_key="last_seen",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda coordinator: coordinator.server.last_seen_at,
        from_list=True,
    ),
    PlexServerSensorDescription(
        key="owner",
        translation_key="owner",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=_owner,
        from_list=True,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PlexAccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of an account and of its servers."""
    account = entry.runtime_data
    async_add_entities(
        [
            *(PlexAccountSensor(account, sensor) for sensor in ACCOUNT_SENSORS),
            PlexServersSensor(account, SERVERS),
        ]
    )
    async_add_server_entities(
        entry,
        async_add_entities,
        lambda server: [
            PlexServerSensor(server, description) for description in SERVER_SENSORS
        ],
    )


class PlexAccountSensor(PlexAccountEntity, SensorEntity):
    """A sensor of an account."""

    entity_description: PlexAccountSensorDescription

    @property
    @override
    def native_value(self) -> Value:
        """Return the last value from plex.tv."""
        account = self.coordinator.data.account
        return self.entity_description.value_fn(account) if account else None


class PlexServersSensor(PlexAccountEntity, SensorEntity):
    """The number of servers that the account can access."""

    @property
    @override
    def native_value(self) -> int:
        """Return the number of servers."""
        return len(self.coordinator.data.servers)


class PlexServerSensor(PlexServerEntity, SensorEntity):
    """A sensor of a server."""

    entity_description: PlexServerSensorDescription

    @property
    @override
    def available(self) -> bool:
        """Return whether the server is reachable or the value comes from the list."""
        return self.entity_description.from_list or super().available

    @property
    @override
    def native_value(self) -> Value:
        """Return the last known value."""
        return self.entity_description.value_fn(self.coordinator)
