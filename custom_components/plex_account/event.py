"""The event entity of an account."""

from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .activity import Activity, async_subscribe_activity
from .coordinator import PlexAccountConfigEntry
from .entity import PlexAccountEntity

PARALLEL_UPDATES = 0

ACTIVITY = EventEntityDescription(
    key="activity", translation_key="activity", event_types=list(Activity)
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PlexAccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the event entity of an account."""
    async_add_entities([PlexActivity(entry.runtime_data, ACTIVITY)])


class PlexActivity(PlexAccountEntity, EventEntity):
    """The activity of the account and its servers."""

    @property
    @override
    def available(self) -> bool:
        """Return True, because events of an unavailable entity would be lost."""
        return True

    @override
    async def async_added_to_hass(self) -> None:
        """Subscribe to the activity of the account."""
        await super().async_added_to_hass()
        self.async_on_remove(
            async_subscribe_activity(
                self.hass, self.coordinator.config_entry, self._async_handle_activity
            )
        )

    @callback
    def _async_handle_activity(
        self, activity: Activity, event_data: dict[str, Any]
    ) -> None:
        self._trigger_event(activity, event_data)
        self.async_write_ha_state()
