"""Keeps what is known of an account and of each of its servers current."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, override

from yarl import URL

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util

from .activity import Activity, async_fire_activity
from .api import (
    Candidate,
    ConnectionKind,
    PlexAccount,
    PlexAuthenticationError,
    PlexError,
    PlexServer,
    PlexServerClient,
    is_loopback,
)
from .clients import server_client
from .const import DOMAIN, LOGGER
from .credentials import Credentials
from .devices import AccountDevices, is_owned
from .issues import Issue, async_set_issue
from .server_access import ServerAccess

ACCOUNT_INTERVAL = timedelta(minutes=30)
LOCAL_SERVER_INTERVAL = timedelta(seconds=60)
SERVER_INTERVAL = timedelta(minutes=5)

_REFETCH_INTERVAL = timedelta(minutes=10)
_UNLISTED_DELAY = timedelta(minutes=10)
_MAX_SERVER_REQUESTS = 16
_MIN_RETRY_SECONDS = 60

type PlexAccountConfigEntry = ConfigEntry[PlexAccountCoordinator]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlexAccountData:
    """What plex.tv says of the account and its servers, by machine identifier."""

    account: PlexAccount
    servers: dict[str, PlexServer]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlexServerData:
    """What was found out about a server."""

    reachable: bool
    connection: ConnectionKind | None
    token_expires_at: datetime | None


async def _outcome[T](request: Awaitable[T]) -> T | PlexError:
    """Return what a request returns, or the error that it raises."""
    try:
        return await request
    except PlexError as error:
        return error


class PlexAccountCoordinator(DataUpdateCoordinator[PlexAccountData]):
    """Asks plex.tv for the account and its servers, and looks after the latter."""

    config_entry: PlexAccountConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: PlexAccountConfigEntry,
        credentials: Credentials,
    ) -> None:
        """Prepare to ask for the account of an entry."""
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name="Plex account",
            update_interval=ACCOUNT_INTERVAL,
            always_update=False,
        )
        self.client = credentials.client(hass)
        self.devices = AccountDevices(hass, entry)
        self.servers: dict[str, PlexServerCoordinator] = {}
        self._credentials = credentials
        self._server_requests = asyncio.Semaphore(_MAX_SERVER_REQUESTS)
        self._listed: set[str] = set()
        self._unlisted_since: dict[str, datetime] = {}
        self._none_listed_since: datetime | None = None
        self._refetching = asyncio.Lock()
        self._refetched_at: datetime | None = None
        self._token_rejected = False

    async def async_refresh_all(self) -> None:
        """Refresh the account, then all of its servers at once."""
        await self.async_refresh()
        await asyncio.gather(
            *(coordinator.async_refresh() for coordinator in self.servers.values())
        )

    @callback
    def async_reject_token(self) -> None:
        """Ask the user to sign in: plex.tv has refused the token outside a refresh.

        A token that was replaced in the meantime is nobody's business any more.
        """
        if self._shutdown_requested:
            return
        self._tell_token_rejected()
        self.config_entry.async_start_reauth(self.hass)

    @callback
    def async_release_device(self, device: dr.DeviceEntry) -> bool:
        """Return whether a device may be removed: that of a server no longer listed."""
        identifier = self.devices.machine_identifier(device)
        if identifier is None or identifier in self._listed:
            return False
        self._forget(identifier)
        self._show_servers()
        self._tell_of_server(Activity.SERVER_REMOVED, device)
        return True

    @override
    async def _async_update_data(self) -> PlexAccountData:
        """Ask for both at the same time; 401 alone means that the token is no good."""
        account, listed = await asyncio.gather(
            _outcome(self.client.get_token_details()),
            _outcome(self.client.get_resources()),
        )
        if self._shutdown_requested:
            return self.data
        if isinstance(account, PlexError) or isinstance(listed, PlexError):
            raise self._update_error(account, listed)
        if account.uuid != self.config_entry.unique_id:
            raise ConfigEntryAuthFailed(
                translation_domain=DOMAIN, translation_key="other_account"
            )

        self._token_rejected = False
        self._tell_subscription_change(account)
        self.devices.register_account()
        for coordinator in self.servers.values():
            coordinator.access.allow_mint()
        self._adopt(listed)
        self._review_unlisted()
        return PlexAccountData(account=account, servers=self._known_servers())

    def _update_error(self, *outcomes: object) -> HomeAssistantError:
        """Return what to raise for outcomes of which one at least is an error."""
        errors = [outcome for outcome in outcomes if isinstance(outcome, PlexError)]
        if any(isinstance(error, PlexAuthenticationError) for error in errors):
            self._tell_token_rejected()
            return ConfigEntryAuthFailed(
                translation_domain=DOMAIN, translation_key="token_revoked"
            )
        waits = [error.retry_after for error in errors if error.retry_after is not None]
        failed = UpdateFailed(
            translation_domain=DOMAIN,
            translation_key="plex_tv_unavailable",
            translation_placeholders={"error": str(errors[0])},
            retry_after=max(_MIN_RETRY_SECONDS, *waits) if waits else None,
        )
        failed.__cause__ = errors[0]
        return failed

    async def _async_refetch(self) -> None:
        """Ask for the list of servers outside the schedule, but not often."""
        async with self._refetching:
            now = dt_util.utcnow()
            if self._refetched_at and now - self._refetched_at < _REFETCH_INTERVAL:
                return
            self._refetched_at = now
            try:
                listed = await self.client.get_resources()
            except PlexError:
                return
            if self._shutdown_requested:
                return
            self._adopt(listed)
            self._show_servers()

    def _show_servers(self) -> None:
        """Let the entities know of servers that came or went between two refreshes."""
        self.data = replace(self.data, servers=self._known_servers())
        self.async_update_listeners()

    def _known_servers(self) -> dict[str, PlexServer]:
        """Return the servers as they were last listed."""
        return {
            identifier: coordinator.server
            for identifier, coordinator in self.servers.items()
        }

    def _adopt(self, listed: tuple[PlexServer, ...]) -> None:
        """Hand a list to the servers, and welcome new ones.

        A list without servers changes none: it may be a fault of plex.tv.
        """
        self._listed = {server.machine_identifier for server in listed}
        with_device = self.devices.servers()
        for server in listed:
            identifier = server.machine_identifier
            if self._unlisted_since.pop(identifier, None):
                self._set_lost(identifier, None)
            if coordinator := self.servers.get(identifier):
                if coordinator.async_adopt(server):
                    self.devices.register_server(server)
                continue
            device = self.devices.register_server(server)
            self.servers[identifier] = PlexServerCoordinator(
                self.hass,
                self.config_entry,
                server,
                device_id=device.id,
                credentials=self._credentials,
                limit=self._server_requests,
                refetch=self._async_refetch,
            )
            if self.data is not None and identifier not in with_device:
                self._tell_of_server(Activity.SERVER_ADDED, device)
        if listed:
            for identifier in self.servers.keys() - self._listed:
                self.servers[identifier].async_mark_unlisted()

    def _review_unlisted(self) -> None:
        """Remove a server when two lists in a row name others but not it.

        Reviewed is whatever has a device: a server may have left while Home
        Assistant was down. Owners are told at once, but when no server at all is
        listed only if that lasts.
        """
        now = dt_util.utcnow()
        devices = self.devices.servers()
        unlisted = devices.keys() - self._listed
        if self._listed:
            self._none_listed_since = None
            self._unlisted_since = {
                identifier: self._unlisted_since.get(identifier, now)
                for identifier in unlisted
            }
        else:
            self._none_listed_since = self._none_listed_since or now
            self._unlisted_since = {}
            if now - self._none_listed_since < _UNLISTED_DELAY:
                return

        for identifier, device in devices.items():
            lost = identifier in unlisted and is_owned(device)
            self._set_lost(identifier, device.name if lost else None)
        for identifier, since in self._unlisted_since.items():
            if now - since >= _UNLISTED_DELAY:
                device = devices[identifier]
                self._forget(identifier)
                self.devices.remove_server(device)
                self._tell_of_server(Activity.SERVER_REMOVED, device)

    def _set_lost(self, identifier: str, server: str | None) -> None:
        """Tell the owner that a server is no longer listed, by name, or that it is."""
        async_set_issue(
            self.hass,
            self.config_entry,
            Issue.SERVER_LOST,
            identifier,
            server=server,
        )

    def _forget(self, identifier: str) -> None:
        """Stop to look after a server."""
        if coordinator := self.servers.pop(identifier, None):
            self.hass.async_create_task(coordinator.async_shutdown())
        for issue in Issue:
            async_set_issue(
                self.hass, self.config_entry, issue, identifier, server=None
            )

    def _tell_of_server(self, activity: Activity, device: dr.DeviceEntry) -> None:
        async_fire_activity(
            self.hass,
            self.config_entry,
            activity,
            name=device.name,
            device_id=device.id,
        )

    def _tell_token_rejected(self) -> None:
        """Tell once; at start-up it is no news."""
        if self.data is not None and not self._token_rejected:
            async_fire_activity(self.hass, self.config_entry, Activity.TOKEN_REJECTED)
        self._token_rejected = True

    def _tell_subscription_change(self, account: PlexAccount) -> None:
        """Tell if Plex Pass began, ended or is about to."""
        old_account = self.data.account if self.data is not None else account
        old, new = (
            subscription and subscription.status_key
            for subscription in (old_account.subscription, account.subscription)
        )
        if old != new:
            async_fire_activity(
                self.hass,
                self.config_entry,
                Activity.SUBSCRIPTION_CHANGED,
                old=old,
                new=new,
            )


class PlexServerCoordinator(DataUpdateCoordinator[PlexServerData]):
    """Finds out whether a server can be reached, and keeps a token for it.

    An unreachable server is data, not a failed update.
    """

    config_entry: PlexAccountConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: PlexAccountConfigEntry,
        server: PlexServer,
        *,
        device_id: str,
        credentials: Credentials,
        limit: asyncio.Semaphore,
        refetch: Callable[[], Awaitable[None]],
    ) -> None:
        """Start to look for the server in the background."""
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name="Plex server",
            update_interval=SERVER_INTERVAL,
            always_update=False,
        )
        self.access = ServerAccess(
            server,
            connect=self._connect,
            loopback=is_loopback(URL(credentials.url).host or ""),
            limit=limit,
            refetch=refetch,
        )
        self._client_identifier = credentials.client_identifier
        self._device_id = device_id
        self._in_background(self.async_refresh())

    @property
    def server(self) -> PlexServer:
        """Return the server as it was last listed."""
        return self.access.server

    @property
    def reachable(self) -> bool:
        """Return whether the server is known to answer."""
        return self.data is not None and self.data.reachable

    @callback
    def async_adopt(self, server: PlexServer) -> bool:
        """Take what a new list says; look for a better connection if there may be one.

        Returns whether the server has changed.
        """
        changed = server != self.server
        access = self.access
        access.update(server)
        if not access.listed:
            access.listed = True
            self._in_background(self.async_refresh())
        if access.choice and not access.is_best:
            self._in_background(self._async_choose_anew())
        if changed:
            self.async_update_listeners()
        return changed

    @callback
    def async_mark_unlisted(self) -> None:
        """Count the server as unreachable: plex.tv no longer lists it."""
        if self.access.listed:
            self.access.listed = False
            self._in_background(self.async_refresh())

    @override
    async def _async_update_data(self) -> PlexServerData:
        """Ask the server for its front page, with the transient token."""
        access = self.access
        reachable = False
        with suppress(PlexError):
            await access.check()
            reachable = True
        if self._shutdown_requested:
            return self.data
        kind = access.connection.kind if reachable and access.connection else None
        self.update_interval = (
            LOCAL_SERVER_INTERVAL if kind is ConnectionKind.LOCAL else SERVER_INTERVAL
        )
        self._tell_change(reachable)
        insecure = access.choice is not None and access.choice.insecure_only
        if insecure or reachable:
            async_set_issue(
                self.hass,
                self.config_entry,
                Issue.INSECURE_ONLY,
                self.server.machine_identifier,
                server=self.server.name if insecure else None,
            )
        return PlexServerData(
            reachable=reachable,
            connection=kind,
            token_expires_at=access.token.expires_at if access.token else None,
        )

    async def _async_choose_anew(self) -> None:
        """Choose a connection while the old one serves, then say what has changed."""
        before = self.access.connection
        await self.access.choose(keep=True)
        if self.access.connection != before:
            await self.async_refresh()

    def _tell_change(self, reachable: bool) -> None:
        """Tell that the server went or came back; its first state is no news."""
        if self.data is not None and self.data.reachable != reachable:
            async_fire_activity(
                self.hass,
                self.config_entry,
                Activity.SERVER_ONLINE if reachable else Activity.SERVER_OFFLINE,
                name=self.server.name,
                device_id=self._device_id,
            )

    def _connect(self, connection: Candidate, token: str | None) -> PlexServerClient:
        return server_client(
            self.hass,
            connection,
            self._client_identifier,
            token,
        )

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that set-up and refreshes of the account don't wait for."""
        self.config_entry.async_create_background_task(
            self.hass, work, f"{DOMAIN} server", eager_start=False
        )
