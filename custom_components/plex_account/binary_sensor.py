"""Binary sensors of accounts and servers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .api import PlexAccount
from .coordinator import PlexAccountConfigEntry
from .entity import PlexAccountEntity, PlexServerEntity, async_add_server_entities

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class PlexAccountBinarySensorDescription(BinarySensorEntityDescription):
    """Describes a binary sensor of an account; a value of None means unknown."""

    value_fn: Callable[[PlexAccount], bool | None]


def _diagnostic(
    key: str, value_fn: Callable[[PlexAccount], bool | None], *, enabled: bool = False
) -> PlexAccountBinarySensorDescription:
    """Describe a diagnostic binary sensor, which few automations use."""
    return PlexAccountBinarySensorDescription(
        key=key,
        translation_key=key,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=enabled,
        value_fn=value_fn,
    )


ACCOUNT_SENSORS = (
    PlexAccountBinarySensorDescription(
        key="plex_pass",
        translation_key="plex_pass",
        value_fn=lambda account: (
            account.subscription.active if account.subscription else None
        ),
    ),
    _diagnostic("two_factor", lambda account: account.two_factor_enabled, enabled=True),
    _diagnostic("email_confirmed", lambda account: account.confirmed),
    _diagnostic("has_password", lambda account: account.has_password),
    _diagnostic("backup_codes_created", lambda account: account.backup_codes_created),
    _diagnostic("home_admin", lambda account: account.home_admin),
    _diagnostic("guest", lambda account: account.guest),
    _diagnostic("restricted", lambda account: account.restricted),
    _diagnostic("pin_protected", lambda account: account.protected),
)

CONNECTIVITY = BinarySensorEntityDescription(
    key="connectivity",
    translation_key="connectivity",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PlexAccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the binary sensors of an account and of its servers."""
    async_add_entities(
        PlexAccountBinarySensor(entry.runtime_data, description)
        for description in ACCOUNT_SENSORS
    )
    async_add_server_entities(
        entry,
        async_add_entities,
        lambda server: [PlexServerConnectivity(server, CONNECTIVITY)],
    )


class PlexAccountBinarySensor(PlexAccountEntity, BinarySensorEntity):
    """A binary sensor of an account."""

    entity_description: PlexAccountBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        """Return the last value from plex.tv."""
        account = self.coordinator.data.account
        return self.entity_description.value_fn(account) if account else None


class PlexServerConnectivity(PlexServerEntity, BinarySensorEntity):
    """Whether a server can be reached; unknown until it has been checked."""

    @property
    @override
    def available(self) -> bool:
        """Return True, because the state itself shows that a server is offline."""
        return True

    @property
    @override
    def is_on(self) -> bool | None:
        """Return whether the server answered."""
        data = self.coordinator.data
        return None if data is None else data.reachable
