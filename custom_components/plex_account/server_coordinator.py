"""Keeps the data about one server up to date."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from .activity import Activity, async_fire_activity
from .api import (
    Candidate,
    ConnectionKind,
    Failure,
    PlexError,
    PlexServer,
    ServerSession,
    failure_of,
)
from .const import DOMAIN, LOGGER
from .issues import Issue, async_set_issue

LOCAL_INTERVAL = timedelta(seconds=60)
DISTANT_INTERVAL = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlexServerData:
    """The state of a server; `failure` is the reason why it is unreachable, if it is."""

    failure: Failure | None
    connection: ConnectionKind | None
    token_expires_at: datetime | None

    @property
    def reachable(self) -> bool:
        """Return whether the server answers."""
        return self.failure is None


class PlexServerCoordinator(DataUpdateCoordinator[PlexServerData]):
    """Polls one server; an unreachable server is data, not a failed update."""

    config_entry: ConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        session: ServerSession,
        *,
        device_id: str,
        on_connection: Callable[[PlexServerCoordinator], None],
    ) -> None:
        """Initialize the coordinator; `async_start` starts polling.

        `on_connection` is called after the connection has changed.
        """
        # Without the entry, because the base class would leave a callback on it for each
        # server that comes and goes.
        super().__init__(
            hass,
            LOGGER,
            config_entry=None,
            name="Plex server",
            update_interval=DISTANT_INTERVAL,
            always_update=False,
        )
        self.config_entry = entry
        self.session = session
        self.device_id = device_id
        self._on_connection = on_connection
        self._connection: Candidate | None = None
        self._try_better = False
        self._stop: CALLBACK_TYPE | None = None

    @property
    def server(self) -> PlexServer:
        """Return the server as it was last listed."""
        return self.session.server

    @property
    def reachable(self) -> bool:
        """Return whether the server is known to be reachable."""
        return self.data is not None and self.data.reachable

    @property
    def started(self) -> bool:
        """Return whether the server is polled."""
        return self._stop is not None

    @callback
    def async_start(self) -> None:
        """Start polling, whether or not an entity is enabled."""
        if not self._stop:
            self._stop = self.async_add_listener(lambda: None)
            self._refresh_in_background()

    @callback
    def async_stop(self) -> None:
        """Stop polling because the user has disabled the device."""
        if self._stop:
            self._stop()
            self._stop = None
            self.data = None  # type: ignore[assignment]
            self.async_update_listeners()
            self._set_insecure_only(insecure=False)

    @callback
    def async_end(self) -> None:
        """Stop polling for good because the server or the entry is gone.

        Without a listener, a refresh in progress doesn't schedule another one.
        """
        if self._stop:
            self._stop()
            self._stop = None
        self.config_entry.async_create_task(self.hass, self.async_shutdown())

    @callback
    def async_update_server(self, server: PlexServer) -> None:
        """Use a newer list, and look for a better connection if there may be one."""
        changed = server != self.server
        self.session.update(server)
        if self.started and self.data:
            if self.data.failure is Failure.NOT_LISTED:
                self._refresh_in_background()
            elif not self.session.uses_best_connection:
                self._choose_in_background()
        if changed:
            self.async_update_listeners()

    @callback
    def async_use_session(self, session: ServerSession) -> None:
        """Start over because the identifier now belongs to a server of another owner."""
        self.session = session
        self.data = None  # type: ignore[assignment]
        if self.started:
            self._refresh_in_background()

    @callback
    def async_mark_unlisted(self) -> None:
        """Treat the server as unreachable because plex.tv no longer lists it."""
        self.session.mark_unlisted()
        if self.started:
            self._refresh_in_background()

    @override
    async def _async_update_data(self) -> PlexServerData:
        """Check the server; a better connection that didn't answer is tried once more."""
        if not self.started:
            return self.data
        session = self.session
        failure: Failure | None = None
        if self._try_better:
            self._choose_in_background()
        choice = session.last_choice
        try:
            await session.check()
        except PlexError as error:
            failure = failure_of(error)
        if self._shutdown_requested or not self.started:
            return self.data
        self._try_better = (
            failure is None
            and session.last_choice is not choice
            and not session.uses_best_connection
        )
        kind = session.connection.kind if session.connection and not failure else None
        self.update_interval = (
            LOCAL_INTERVAL if kind is ConnectionKind.LOCAL else DISTANT_INTERVAL
        )
        data = PlexServerData(
            failure=failure,
            connection=kind,
            token_expires_at=session.token.expires_at if session.token else None,
        )
        self._report(data)
        return data

    def _report(self, data: PlexServerData) -> None:
        """Log and report changes before the entities show them."""
        self._log(data.failure)
        choice = self.session.last_choice
        insecure = choice is not None and choice.insecure_only
        if insecure or data.reachable:
            self._set_insecure_only(insecure=insecure)
        if self._connection != self.session.connection:
            self._connection = self.session.connection
            self._on_connection(self)
        if self.data is not None and self.data.reachable is not data.reachable:
            async_fire_activity(
                self.hass,
                self.config_entry,
                Activity.SERVER_ONLINE if data.reachable else Activity.SERVER_OFFLINE,
                name=self.server.name,
                device_id=self.device_id,
            )

    async def _async_choose(self) -> None:
        """Choose a connection while the old one is used, then refresh if it has changed."""
        before = self.session.connection
        await self.session.choose()
        if self.session.connection != before:
            await self.async_refresh()

    def _log(self, failure: Failure | None) -> None:
        """Log once if the server goes or comes back, and each failed poll at debug level."""
        name = self.server.name
        known = self.data is not None
        if failure is None:
            if known and not self.reachable:
                LOGGER.info("%s is reachable again", name)
            return
        choice = self.session.last_choice
        telling = choice and choice.most_telling_failure
        if telling and telling.failure is failure:
            reason = f"{telling.kind} connection: {failure}"
        else:
            reason = failure
        LOGGER.debug("Failed to reach %s (%s)", name, reason)
        if self.reachable or not known:
            LOGGER.info("%s is unreachable (%s)", name, reason)

    def _set_insecure_only(self, *, insecure: bool) -> None:
        server = self.server
        async_set_issue(
            self.hass,
            self.config_entry,
            Issue.INSECURE_ONLY,
            server.machine_identifier,
            server=server.name if insecure and server.owned else None,
        )

    def _refresh_in_background(self) -> None:
        """Refresh without delaying setup or a refresh of the account."""
        self.config_entry.async_create_background_task(
            self.hass, self.async_refresh(), f"{DOMAIN} server", eager_start=False
        )

    def _choose_in_background(self) -> None:
        self.config_entry.async_create_background_task(
            self.hass, self._async_choose(), f"{DOMAIN} connection", eager_start=False
        )
