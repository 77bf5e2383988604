"""The button."""

from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import AccountCoordinator
from .entity import FloorEntity

REFRESH = ButtonEntityDescription(
    key="refresh", name="Refresh", entity_category=EntityCategory.DIAGNOSTIC
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ConfigEntry[AccountCoordinator],
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the button."""
    async_add_entities([FloorButton(entry.runtime_data, REFRESH)])


class FloorButton(FloorEntity, ButtonEntity):
    """Refreshes the account and its servers."""

    coordinator: AccountCoordinator

    @override
    async def async_press(self) -> None:
        """Refresh."""
        await self.coordinator.async_refresh_all()
