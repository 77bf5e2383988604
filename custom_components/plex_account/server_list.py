"""The servers of one account: which are polled, as the lists of plex.tv say."""

from collections.abc import Awaitable, Callable
from time import monotonic

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util

from .activity import Activity, async_fire_activity
from .api import PlexServer
from .clients import Credentials
from .const import CONF_SHARED_SERVERS
from .devices import AccountDevices
from .issues import Issue, async_set_issue
from .kept_list import KeptList
from .server_coordinator import PlexServerCoordinator
from .stale_devices import ListReview, review_list


class AccountServers:
    """Adds, updates and removes the servers of an account."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        credentials: Credentials,
        kept: KeptList,
        refresh_server_list: Callable[[], Awaitable[None]],
    ) -> None:
        """Initialize with what was kept of an earlier run."""
        self.devices = AccountDevices(hass, entry)
        self.coordinators: dict[str, PlexServerCoordinator] = {}
        self.lost = dict(kept.lost)
        self._hass = hass
        self._entry = entry
        self._credentials = credentials
        self._refresh_server_list = refresh_server_list
        self._shared = entry.options.get(CONF_SHARED_SERVERS, True)
        self._kept = tuple(filter(self._wanted, kept.servers or ()))
        self._review = ListReview(
            lost=frozenset(server for server, since in kept.lost.items() if since)
        )
        self._listed: frozenset[str] = frozenset()
        self._activity: list[tuple[Activity, dr.DeviceEntry]] = []
        entry.async_on_unload(
            hass.bus.async_listen(
                dr.EVENT_DEVICE_REGISTRY_UPDATED, self._async_handle_device_update
            )
        )

    @property
    def listed(self) -> frozenset[str]:
        """Return the machine identifiers in the newest list, or in the kept one."""
        return self._listed

    @callback
    def async_restore(self) -> None:
        """Poll the servers of the kept list: plex.tv is out."""
        self._listed = frozenset(server.machine_identifier for server in self._kept)
        self._add_kept()

    @callback
    def async_update(self, servers: tuple[PlexServer, ...], *, first: bool) -> None:
        """Use a list of plex.tv; nothing is reported of the first one."""
        listed = {
            server.machine_identifier: server
            for server in filter(self._wanted, servers)
        }
        self._remove_unwanted(servers)
        with_device = self.devices.servers()
        for identifier, server in listed.items():
            if coordinator := self.coordinators.get(identifier):
                self.devices.register_server(server)
                coordinator.async_update_server(server)
            else:
                device = self._add(server)
                if not first and identifier not in with_device:
                    self._activity.append((Activity.SERVER_ADDED, device))
        self._add_kept()
        self._listed = frozenset(server.machine_identifier for server in servers)
        self._review_list()

    @callback
    def async_forget(self, device: dr.DeviceEntry, identifier: str) -> None:
        """Stop to poll a server whose device is removed."""
        self.lost.pop(identifier, None)
        if coordinator := self.coordinators.pop(identifier, None):
            self._hass.async_create_task(coordinator.async_shutdown())
        for issue in Issue:
            async_set_issue(self._hass, self._entry, issue, identifier, server=None)
        self._activity.append((Activity.SERVER_REMOVED, device))

    @callback
    def async_fire_activity(self) -> None:
        """Fire what has happened to the list since the last call."""
        activity, self._activity = self._activity, []
        for kind, device in activity:
            async_fire_activity(
                self._hass,
                self._entry,
                kind,
                name=device.name,
                device_id=device.id,
            )

    def _wanted(self, server: PlexServer) -> bool:
        return server.owned or self._shared

    def _add_kept(self) -> None:
        """Poll kept servers that no list has named since the start: they may answer."""
        for server in self._kept:
            if server.machine_identifier not in self.coordinators:
                self._add(server)
        self._kept = ()

    def _add(self, server: PlexServer) -> dr.DeviceEntry:
        """Register the device of a server and poll it unless the device is disabled."""
        device = self.devices.register_server(server)
        coordinator = PlexServerCoordinator(
            self._hass,
            self._entry,
            self._credentials.server_session(
                self._hass, server, self._refresh_server_list
            ),
            device_id=device.id,
            on_connection=self._link_web_page,
        )
        self.coordinators[server.machine_identifier] = coordinator
        if not device.disabled:
            coordinator.async_start()
        return device

    def _link_web_page(self, coordinator: PlexServerCoordinator) -> None:
        """Link an own server to its web page. Those of others aren't ours to recommend."""
        connection = coordinator.session.connection
        if connection and coordinator.server.owned:
            self.devices.link_web_page(coordinator.device_id, connection.url)

    def _remove_unwanted(self, servers: tuple[PlexServer, ...]) -> None:
        """Remove the devices of others' servers if the user wants none."""
        if self._shared:
            return
        owned = {server.machine_identifier for server in servers if server.owned}
        devices = self.devices.servers()
        for server in servers:
            identifier = server.machine_identifier
            if identifier not in owned and (device := devices.get(identifier)):
                self.devices.remove_server(device)

    def _review_list(self) -> None:
        """Remove others' servers that are gone, and report own ones that are lost."""
        devices = self.devices.servers()
        known = {
            identifier: coordinator.server.owned
            if (coordinator := self.coordinators.get(identifier))
            else identifier in self.lost
            for identifier in devices
        }
        self._review = review_list(self._review, known, self._listed, monotonic())
        for identifier, device in devices.items():
            if identifier in self._review.gone:
                self.async_forget(device, identifier)
                self.devices.remove_server(device)
                continue
            if identifier in self._review.lost:
                if not self.lost.get(identifier):
                    self.lost[identifier] = dt_util.utcnow().isoformat()
                if coordinator := self.coordinators.get(identifier):
                    coordinator.async_mark_unlisted()
            elif identifier in self._listed:
                self.lost.pop(identifier, None)
            self._report_lost(identifier, device)

    def _report_lost(self, identifier: str, device: dr.DeviceEntry) -> None:
        lost = identifier in self._review.lost and not device.disabled
        async_set_issue(
            self._hass,
            self._entry,
            Issue.SERVER_LOST,
            identifier,
            server=device.name if lost else None,
        )

    @callback
    def _async_handle_device_update(
        self, event: Event[dr.EventDeviceRegistryUpdatedData]
    ) -> None:
        """Start or stop to poll a server whose device the user enables or disables."""
        data = event.data
        if data["action"] != "update" or "disabled_by" not in data["changes"]:
            return
        for identifier, device in self.devices.servers().items():
            if device.id != data["device_id"]:
                continue
            self._report_lost(identifier, device)
            if coordinator := self.coordinators.get(identifier):
                if device.disabled:
                    coordinator.async_stop()
                else:
                    coordinator.async_start()
