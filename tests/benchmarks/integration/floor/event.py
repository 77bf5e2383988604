"""The event entity."""

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import AccountCoordinator
from .entity import FloorEntity

ACTIVITY = EventEntityDescription(
    key="activity",
    name="Activity",
    event_types=[
        "server_online",
        "server_offline",
        "server_added",
        "server_removed",
        "subscription_changed",
        "token_rejected",
    ],
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ConfigEntry[AccountCoordinator],
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the event entity."""
    async_add_entities([FloorEvent(entry.runtime_data, ACTIVITY)])


class FloorEvent(FloorEntity, EventEntity):
    """Nothing ever happens here."""
