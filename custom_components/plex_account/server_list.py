"""The servers of one account, polled according to the lists from plex.tv."""

from collections.abc import Awaitable, Callable, Iterable
from time import monotonic

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util

from .activity import Activity, async_fire_activity
from .api import PlexServer, ServerSession
from .clients import Credentials
from .const import CONF_SHARED_SERVERS
from .devices import AccountDevices
from .issues import Issue, async_set_issue
from .kept_list import KeptList
from .server_coordinator import PlexServerCoordinator
from .stale_devices import ListReview, review_list


class AccountServers:
    """Adds, updates and removes the servers of an account.

    `lost` maps owned servers that may not be listed to when they were lost, if they are.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        credentials: Credentials,
        kept: KeptList | None,
        refresh_server_list: Callable[[], Awaitable[None]],
    ) -> None:
        """Initialize with what was kept from an earlier run."""
        self.devices = AccountDevices(hass, entry)
        self.coordinators: dict[str, PlexServerCoordinator] = {}
        self.lost = dict(kept.lost) if kept else {}
        self._hass = hass
        self._entry = entry
        self._credentials = credentials
        self._refresh_server_list = refresh_server_list
        self._shared = entry.options.get(CONF_SHARED_SERVERS, True)
        self._kept = (kept and kept.servers) or ()
        # If nothing readable was kept, a server that isn't listed may be an owned one.
        self._maybe_owned = frozenset(() if kept else self.devices.servers())
        self._review = ListReview(
            lost=frozenset(server for server, since in self.lost.items() if since)
        )
        self._listed: frozenset[str] = frozenset()
        self._has_list = False
        entry.async_on_unload(self._async_shutdown)
        entry.async_on_unload(
            hass.bus.async_listen(
                dr.EVENT_DEVICE_REGISTRY_UPDATED, self._async_handle_device_update
            )
        )

    @property
    def servers(self) -> dict[str, PlexServer]:
        """Return the servers by machine identifier."""
        return {
            identifier: coordinator.server
            for identifier, coordinator in self.coordinators.items()
        }

    @property
    def listed(self) -> frozenset[str]:
        """Return the machine identifiers in the newest list, or in the kept one."""
        return self._listed

    @callback
    def async_restore(self) -> None:
        """Use the kept list because plex.tv is unavailable.

        Servers that need a token from a new list wait for it.
        """
        kept = frozenset(server.machine_identifier for server in self._kept)
        self._listed = kept - self._review.lost
        self._remove_unwanted(self._kept)
        self._add_kept()
        self._show_lost()

    @callback
    def async_update(self, servers: tuple[PlexServer, ...]) -> None:
        """Use a list from plex.tv; servers added by the first one are not reported."""
        known, first = self.devices.servers(), not self._has_list
        self._has_list = True
        # The owner of a shared server writes its entry, so it never replaces an owned one.
        servers = tuple(
            server
            for server in servers
            if server.owned or not self._is_owned(server.machine_identifier)
        )
        self._remove_unwanted((*self._kept, *servers))
        for server in filter(self._is_wanted, servers):
            identifier = server.machine_identifier
            if coordinator := self.coordinators.get(identifier):
                self.devices.update_server(coordinator.server, server)
                if not coordinator.session.serves(server):
                    coordinator.async_use_session(self._session(server))
                coordinator.async_update_server(server)
            else:
                device = self._add(server)
                if not first and identifier not in known:
                    self._fire_activity(Activity.SERVER_ADDED, device)
        self._add_kept()
        self._start_enabled()
        self._listed = frozenset(server.machine_identifier for server in servers)
        self._review_list()

    @callback
    def async_forget(self, device: dr.DeviceEntry, identifier: str) -> None:
        """Stop polling a server whose device is removed, and report the removal."""
        self.lost.pop(identifier, None)
        if coordinator := self.coordinators.pop(identifier, None):
            coordinator.async_end()
        for issue in Issue:
            async_set_issue(self._hass, self._entry, issue, identifier, server=None)
        self._fire_activity(Activity.SERVER_REMOVED, device)

    def _fire_activity(self, activity: Activity, device: dr.DeviceEntry) -> None:
        async_fire_activity(
            self._hass, self._entry, activity, name=device.name, device_id=device.id
        )

    def _is_wanted(self, server: PlexServer) -> bool:
        return server.owned or self._shared

    def _is_owned(self, identifier: str) -> bool:
        """Return whether a server is known to be owned by the account."""
        if coordinator := self.coordinators.get(identifier):
            return coordinator.server.owned
        return identifier in self.lost or any(
            server.owned and server.machine_identifier == identifier
            for server in self._kept
        )

    def _session(self, server: PlexServer) -> ServerSession:
        return self._credentials.server_session(
            self._hass, server, self._refresh_server_list
        )

    def _add_kept(self) -> None:
        """Poll kept servers that were never listed since the start, as they may answer."""
        for server in filter(self._is_wanted, self._kept):
            if server.machine_identifier not in self.coordinators:
                self._add(server)
        self._kept = ()

    def _add(self, server: PlexServer) -> dr.DeviceEntry:
        """Register the device of a server, and start polling it."""
        device = self.devices.register_server(server)
        coordinator = PlexServerCoordinator(
            self._hass,
            self._entry,
            self._session(server),
            device_id=device.id,
            on_connection=self._link_web_page,
        )
        self.coordinators[server.machine_identifier] = coordinator
        self._start(coordinator, device)
        return device

    def _start(
        self, coordinator: PlexServerCoordinator, device: dr.DeviceEntry
    ) -> None:
        """Poll a server, unless its device is disabled or it needs a token from a list."""
        if not device.disabled and (self._has_list or coordinator.server.access_token):
            coordinator.async_start()

    def _start_enabled(self) -> None:
        """Poll the servers that were waiting for a list."""
        if all(coordinator.started for coordinator in self.coordinators.values()):
            return
        for identifier, device in self.devices.servers().items():
            if coordinator := self.coordinators.get(identifier):
                self._start(coordinator, device)

    def _link_web_page(self, coordinator: PlexServerCoordinator) -> None:
        """Link an owned server to its web page; shared servers aren't ours to recommend."""
        connection = coordinator.session.connection
        if connection and coordinator.server.owned:
            self.devices.link_web_page(coordinator.device_id, connection.url)

    def _remove_unwanted(self, servers: Iterable[PlexServer]) -> None:
        """Remove the devices of shared servers if the user doesn't want them."""
        if self._shared:
            return
        newest = {server.machine_identifier: server for server in servers}
        for identifier, device in self.devices.servers().items():
            server = newest.get(identifier)
            if server and not self._is_wanted(server):
                self.devices.remove_server(device)

    def _review_list(self) -> None:
        """Remove shared servers that are gone, and report owned ones that are lost."""
        devices = self.devices.servers()
        known = {
            identifier: self._is_owned(identifier)
            or (identifier in self._maybe_owned - self.coordinators.keys())
            for identifier in devices
        }
        self._review = review_list(self._review, known, self._listed, monotonic())
        for identifier in self._review.gone:
            self.async_forget(devices[identifier], identifier)
            self.devices.remove_server(devices[identifier])
        self._show_lost()

    def _show_lost(self) -> None:
        """Treat lost servers as unreachable, and create or delete their issues."""
        for identifier, device in self.devices.servers().items():
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
        """Start or stop polling a server when the user enables or disables its device."""
        data = event.data
        if data["action"] != "update" or "disabled_by" not in data["changes"]:
            return
        for identifier, device in self.devices.servers().items():
            if device.id != data["device_id"]:
                continue
            self._report_lost(identifier, device)
            if not (coordinator := self.coordinators.get(identifier)):
                continue
            if device.disabled:
                coordinator.async_stop()
            else:
                self._start(coordinator, device)

    @callback
    def _async_shutdown(self) -> None:
        """Stop polling when the entry is unloaded."""
        for coordinator in self.coordinators.values():
            coordinator.async_end()
