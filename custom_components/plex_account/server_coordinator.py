"""Keeps what is known of one server up to date."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from .activity import Activity, async_fire_activity
from .api import (
    ConnectionKind,
    ConnectionResult,
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
    """What was found out about a server; `failure` says why it is unreachable."""

    failure: Failure | None
    connection: ConnectionKind | None
    token_expires_at: datetime | None

    @property
    def reachable(self) -> bool:
        """Return whether the server answers."""
        return self.failure is None


class PlexServerCoordinator(DataUpdateCoordinator[PlexServerData]):
    """Polls one server; that it is unreachable is data, not a failed update."""

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
        """Initialize the coordinator; `start` begins to poll.

        `on_connection` is called after the connection may have changed.
        """
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name="Plex server",
            update_interval=DISTANT_INTERVAL,
            always_update=False,
        )
        self.session = session
        self.device_id = device_id
        self._on_connection = on_connection
        self._announced: bool | None = None
        self._tried_better: ConnectionResult | None = None
        self._stop: CALLBACK_TYPE | None = None

    @property
    def server(self) -> PlexServer:
        """Return the server as it was last listed."""
        return self.session.server

    @property
    def reachable(self) -> bool:
        """Return whether the server is known to answer."""
        return self.data is not None and self.data.reachable

    @property
    def started(self) -> bool:
        """Return whether the server is polled."""
        return self._stop is not None

    @callback
    def async_start(self) -> None:
        """Start to poll, whether or not an entity is enabled."""
        if not self._stop:
            self._stop = self.async_add_listener(lambda: None)
            self._refresh_in_background()

    @callback
    def async_stop(self) -> None:
        """Stop to poll: the user has disabled the device."""
        if self._stop:
            self._stop()
            self._stop = None
            self._announced = None
            self.data = None  # type: ignore[assignment]
            self.async_update_listeners()
            self._set_insecure_only(insecure=False)

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
        """Begin again: the identifier now belongs to a server of another owner."""
        self.session = session
        self.data = None  # type: ignore[assignment]
        self._announced = None
        if self.started:
            self._refresh_in_background()

    @callback
    def async_mark_unlisted(self) -> None:
        """Count the server as unreachable: plex.tv no longer lists it."""
        self.session.mark_unlisted()
        if self.started:
            self._refresh_in_background()

    @callback
    @override
    def async_update_listeners(self) -> None:
        """Update the entities, then fire the activity that they show."""
        super().async_update_listeners()
        if self.data is None or self.data.reachable is self._announced:
            return
        known, self._announced = self._announced is not None, self.data.reachable
        if known:
            async_fire_activity(
                self.hass,
                self.config_entry,
                Activity.SERVER_ONLINE
                if self.data.reachable
                else Activity.SERVER_OFFLINE,
                name=self.server.name,
                device_id=self.device_id,
            )

    @override
    async def _async_update_data(self) -> PlexServerData:
        """Check the server; a better connection that was silent is tried once more."""
        session = self.session
        failure: Failure | None = None
        choice = session.last_choice
        if (
            choice
            and choice.connection
            and choice is not self._tried_better
            and not session.uses_best_connection
        ):
            self._choose_in_background()
        try:
            await session.check()
        except PlexError as error:
            failure = failure_of(error)
        if self._shutdown_requested or not self.started:
            return self.data
        kind = session.connection.kind if session.connection and not failure else None
        self.update_interval = (
            LOCAL_INTERVAL if kind is ConnectionKind.LOCAL else DISTANT_INTERVAL
        )
        self._log(failure)
        choice = session.last_choice
        insecure = choice is not None and choice.insecure_only
        if insecure or not failure:
            self._set_insecure_only(insecure=insecure)
        self._on_connection(self)
        return PlexServerData(
            failure=failure,
            connection=kind,
            token_expires_at=session.token.expires_at if session.token else None,
        )

    async def _async_choose(self) -> None:
        """Choose a connection while the old one serves, then show what has changed.

        A better one that is silent again is left alone until the next list.
        """
        before = self.session.connection
        await self.session.choose()
        self._tried_better = self.session.last_choice
        if self.session.connection != before:
            await self.async_refresh()

    def _log(self, failure: Failure | None) -> None:
        """Log once that the server went or came back, and at debug each failed poll."""
        if failure:
            choice = self.session.last_choice
            telling = choice and choice.most_telling_failure
            reason = f"{telling.kind} connection: {failure}" if telling else failure
            if self.reachable:
                LOGGER.info("%s is unreachable (%s)", self.server.name, reason)
            else:
                LOGGER.debug("%s is still unreachable (%s)", self.server.name, reason)
        elif self.data is not None and not self.data.reachable:
            LOGGER.info("%s is reachable again", self.server.name)

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
        """Refresh without making set-up or a refresh of the account wait."""
        self.config_entry.async_create_background_task(
            self.hass, self.async_refresh(), f"{DOMAIN} server", eager_start=False
        )

    def _choose_in_background(self) -> None:
        self.config_entry.async_create_background_task(
            self.hass, self._async_choose(), f"{DOMAIN} connection", eager_start=False
        )
