"""The event entity of an account."""

from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .activity import Activity, signal
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
    """What happens to the account and its servers."""

    @property
    @override
    def available(self) -> bool:
        """Return true: an event of an unavailable entity would be lost."""
        return True

    @override
    async def async_added_to_hass(self) -> None:
        """Listen."""
        await super().async_added_to_hass()
        self.async_on_remove(
            async_dispatcher_connect(
                self.hass,
                signal(self.coordinator.config_entry),
                self._async_happened,
            )
        )

    @callback
    def _async_happened(self, activity: Activity, facts: dict[str, Any]) -> None:
        self._trigger_event(activity, facts)
        self.async_write_ha_state()
