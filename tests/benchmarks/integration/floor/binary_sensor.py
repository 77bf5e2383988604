"""Binary sensors."""

from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import AccountCoordinator
from .entity import FloorEntity

ACCOUNT_SENSORS = (
    BinarySensorEntityDescription(key="plex_pass", name="Plex Pass"),
    BinarySensorEntityDescription(
        key="two_factor",
        name="Two-factor authentication",
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    *(
        BinarySensorEntityDescription(
            key=key,
            name=name,
            entity_category=EntityCategory.DIAGNOSTIC,
            entity_registry_enabled_default=False,
        )
        for key, name in (
            ("email_confirmed", "E-mail confirmed"),
            ("has_password", "Password"),
            ("backup_codes_created", "Backup codes"),
            ("home_admin", "Home administrator"),
            ("guest", "Guest"),
            ("restricted", "Restricted"),
            ("pin_protected", "PIN"),
        )
    ),
)
CONNECTIVITY = BinarySensorEntityDescription(
    key="connectivity", device_class=BinarySensorDeviceClass.CONNECTIVITY
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ConfigEntry[AccountCoordinator],
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the binary sensors."""
    account = entry.runtime_data
    async_add_entities(
        [
            *(FloorBinarySensor(account, one) for one in ACCOUNT_SENSORS),
            *(
                FloorBinarySensor(server, CONNECTIVITY)
                for server in account.servers.values()
            ),
        ]
    )


class FloorBinarySensor(FloorEntity, BinarySensorEntity):
    """A yes or no."""

    @property
    @override
    def is_on(self) -> bool:
        """Return the value."""
        value: bool = self.coordinator.data[self.entity_description.key]
        return value
