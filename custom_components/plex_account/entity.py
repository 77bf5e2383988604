"""Base classes for the entities of accounts and servers."""

from collections.abc import Callable, Iterable
from typing import override

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .coordinator import PlexAccountConfigEntry, PlexAccountCoordinator
from .devices import account_identifier, server_identifier
from .server_coordinator import PlexServerCoordinator


class PlexAccountEntity(CoordinatorEntity[PlexAccountCoordinator]):
    """Base entity of an account, with data from plex.tv."""

    _attr_has_entity_name = True

    def __init__(
        self, coordinator: PlexAccountCoordinator, description: EntityDescription
    ) -> None:
        """Initialize the entity on the device of the account."""
        super().__init__(coordinator)
        uuid = coordinator.config_entry.unique_id
        assert uuid
        self.entity_description = description
        self._attr_unique_id = f"{uuid}_{description.key}"
        self._attr_device_info = DeviceInfo(identifiers={account_identifier(uuid)})

    @property
    @override
    def available(self) -> bool:
        """Return whether plex.tv answered the last refresh."""
        return super().available and self.coordinator.data.account is not None


class PlexServerEntity(CoordinatorEntity[PlexServerCoordinator]):
    """Base entity of a server, unavailable while the server is."""

    _attr_has_entity_name = True

    def __init__(
        self, coordinator: PlexServerCoordinator, description: EntityDescription
    ) -> None:
        """Initialize the entity on the device of the server."""
        super().__init__(coordinator)
        uuid = coordinator.config_entry.unique_id
        assert uuid
        identifier = coordinator.server.machine_identifier
        self.entity_description = description
        self._attr_unique_id = f"{uuid}_{identifier}_{description.key}"
        self._attr_device_info = DeviceInfo(
            identifiers={server_identifier(uuid, identifier)}
        )

    @property
    @override
    def available(self) -> bool:
        """Return whether the server is known to be reachable."""
        return super().available and self.coordinator.reachable


@callback
def async_add_server_entities(
    entry: PlexAccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    create: Callable[[PlexServerCoordinator], Iterable[Entity]],
) -> None:
    """Add the entities of each server, now and whenever one is added."""
    account = entry.runtime_data
    known: set[PlexServerCoordinator] = set()

    @callback
    def add_new() -> None:
        servers = set(account.servers.values())
        async_add_entities(
            entity for server in servers - known for entity in create(server)
        )
        known.clear()
        known.update(servers)

    entry.async_on_unload(account.async_add_listener(add_new))
    add_new()
