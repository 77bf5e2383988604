"""What all entities have in common."""

from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .coordinator import PlexCoordinator


class FloorEntity(CoordinatorEntity[PlexCoordinator]):
    """Something about an account or a server."""

    _attr_has_entity_name = True

    def __init__(
        self, coordinator: PlexCoordinator, description: EntityDescription
    ) -> None:
        """Belong to the device of the account or the server."""
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_unique_id = f"{coordinator.identifier}_{description.key}"
        self._attr_device_info = DeviceInfo(
            identifiers=coordinator.device_info["identifiers"]
        )
