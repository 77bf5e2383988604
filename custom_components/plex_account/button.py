"""The button of an account."""

from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import DOMAIN
from .coordinator import PlexAccountConfigEntry
from .entity import PlexAccountEntity

PARALLEL_UPDATES = 1

REFRESH = ButtonEntityDescription(
    key="refresh",
    translation_key="refresh",
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PlexAccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the button of an account."""
    async_add_entities([PlexRefreshButton(entry.runtime_data, REFRESH)])


class PlexRefreshButton(PlexAccountEntity, ButtonEntity):
    """Asks plex.tv and all servers at once, whatever the schedule says."""

    @override
    async def async_press(self) -> None:
        """Refresh the account, then all of its servers."""
        await self.hass.async_create_background_task(
            self.coordinator.async_refresh_all(), f"{DOMAIN} refresh"
        )
