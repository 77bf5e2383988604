"""Keeps what plex.tv says of an account and its servers up to date."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .activity import Activity, async_fire_activity
from .api import PlexAccount, PlexAuthenticationError, PlexError, PlexServer
from .clients import Credentials
from .const import DOMAIN, LOGGER
from .devices import DEFAULT_TITLE, AccountDevices
from .exceptions import plex_tv_translation
from .kept_list import KeptList, KeptListStore
from .second_opinion import CONFIRMATION_SECONDS, TokenRefusals, ask
from .server_coordinator import PlexServerCoordinator
from .server_list import AccountServers

ACCOUNT_INTERVAL = timedelta(minutes=30)

# After failures it is asked again sooner, after so many minutes.
_RETRY_MINUTES = (1, 2, 4, 8, 16, 30)
_MIN_RETRY_SECONDS = 60
_REFETCH_SECONDS = 600

# Short outages in a row are logged once.
_LOG_SECONDS = 6 * 3600

type _NumberedList = tuple[int, tuple[PlexServer, ...]]
type PlexAccountConfigEntry = ConfigEntry[PlexAccountCoordinator]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlexAccountData:
    """The account and its servers by machine identifier.

    `account` is None while only the kept list of servers is known.
    """

    account: PlexAccount | None
    servers: dict[str, PlexServer]


class PlexAccountCoordinator(DataUpdateCoordinator[PlexAccountData]):
    """Asks plex.tv for the account and the list of its servers."""

    config_entry: PlexAccountConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: PlexAccountConfigEntry,
        credentials: Credentials,
        store: KeptListStore,
        kept: KeptList,
    ) -> None:
        """Initialize the coordinator with the kept list of an earlier run."""
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name="Plex account",
            update_interval=ACCOUNT_INTERVAL,
            always_update=False,
        )
        self.client = credentials.client(hass)
        self.server_list = AccountServers(
            hass, entry, credentials, kept, self._async_refetch
        )
        self._credentials = credentials
        self._store = store
        self._kept = kept
        self._refusals = TokenRefusals.from_entry(hass, entry)
        self._lists_asked = 0
        self._newest_list = 0
        self._refetching = asyncio.Lock()
        self._refetched_at: float | None = None
        self._had_list = False
        self._name = kept.name
        self._failures = 0
        self._logged_at: float | None = None
        self._announced: PlexAccount | None = None
        self.plex_error: PlexError | None = None

    @property
    def servers(self) -> dict[str, PlexServerCoordinator]:
        """Return the coordinators of the servers by machine identifier."""
        return self.server_list.coordinators

    @property
    def devices(self) -> AccountDevices:
        """Return the devices of the account."""
        return self.server_list.devices

    @callback
    def async_keep_polling(self) -> None:
        """Poll plex.tv while the entry is loaded, whatever entities are enabled."""
        self.config_entry.async_on_unload(self.async_add_listener(lambda: None))

    @callback
    def async_start_from_kept_list(self) -> bool:
        """Start without plex.tv; return whether there is a list to start from."""
        if (
            self._kept.servers is None
            or isinstance(self.plex_error, PlexAuthenticationError)
            or self._refusals.confirmed
        ):
            return False
        self.devices.register_account()
        self.server_list.async_restore()
        self.data = PlexAccountData(account=None, servers=self._known_servers())
        self.update_interval = timedelta(minutes=_RETRY_MINUTES[0])
        return True

    @callback
    def async_reject_token(self) -> None:
        """Handle a token that was refused outside a refresh: ask about it again soon."""
        if self._shutdown_requested:
            return
        self._refusals.refuse()
        if self._refusals.confirmed:
            self._refusals.async_ask_for_sign_in(news=self.data is not None)
        else:
            self.update_interval = timedelta(seconds=CONFIRMATION_SECONDS + 1)
            self._schedule_refresh()

    @callback
    def async_release_device(self, device: dr.DeviceEntry) -> bool:
        """Return whether a device may be removed: that of a server no longer listed."""
        identifier = self.devices.machine_identifier(device)
        if identifier is None or identifier in self.server_list.listed:
            return False
        self.server_list.async_forget(device, identifier)
        self._async_show_servers()
        return True

    @callback
    @override
    def async_update_listeners(self) -> None:
        """Update the entities, then fire the activity that they show."""
        super().async_update_listeners()
        self.server_list.async_fire_activity()
        if self.data is None or not (account := self.data.account):
            return
        before, self._announced = self._announced or account, account
        old, new = (
            one.subscription and one.subscription.status_key
            for one in (before, account)
        )
        if old != new:
            async_fire_activity(
                self.hass,
                self.config_entry,
                Activity.SUBSCRIPTION_CHANGED,
                old=old,
                new=new,
            )

    @override
    async def _async_update_data(self) -> PlexAccountData:
        """Ask for the account and the list of servers at the same time."""
        running = self.data is not None
        account, listed = await asyncio.gather(
            ask(self.client.get_token_details, patient=running),
            ask(self._async_get_list, patient=running),
        )
        if self._shutdown_requested:
            return self.data
        if isinstance(account, PlexError) or isinstance(listed, PlexError):
            return self._handle_errors(
                [one for one in (account, listed) if isinstance(one, PlexError)]
            )
        if account.uuid != self.config_entry.unique_id:
            self.plex_error = PlexAuthenticationError("Another account")
            return self._handle_refusal("other_account")
        self.plex_error = None
        self._failures = 0
        self.update_interval = ACCOUNT_INTERVAL
        self._refusals.async_clear()
        self._follow_name(account.public_name or DEFAULT_TITLE)
        self.devices.register_account()
        for coordinator in self.servers.values():
            coordinator.session.resume_minting()
        await self._async_use_list(listed)
        return PlexAccountData(account=account, servers=self._known_servers())

    def _handle_errors(self, errors: list[PlexError]) -> PlexAccountData:
        """Handle a failed refresh: nothing is believed of one refusal."""
        refusal = next(
            (one for one in errors if isinstance(one, PlexAuthenticationError)), None
        )
        self.plex_error = refusal or errors[0]
        if refusal:
            return self._handle_refusal("token_revoked")
        waits = [one.retry_after for one in errors if one.retry_after is not None]
        key, placeholders = plex_tv_translation(errors[0])
        raise self._failed_update(
            key, placeholders, max(_MIN_RETRY_SECONDS, *waits) if waits else None
        )

    def _handle_refusal(self, translation_key: str) -> PlexAccountData:
        """Ask for a sign-in when a refusal is confirmed; until then nothing changes."""
        self._refusals.refuse()
        if self._refusals.confirmed:
            self._refusals.async_ask_for_sign_in(news=self.data is not None)
        elif self.data is not None and self.last_update_success:
            self.update_interval = timedelta(seconds=CONFIRMATION_SECONDS + 1)
            return self.data
        raise self._failed_update(translation_key, {}, None)

    def _failed_update(
        self, key: str, placeholders: dict[str, str], retry_after: float | None
    ) -> UpdateFailed:
        """Return the error to raise, and ask again soon.

        While the entry is set up, Home Assistant decides when.
        """
        if self.data is not None:
            step = min(self._failures, len(_RETRY_MINUTES) - 1)
            self.update_interval = timedelta(minutes=_RETRY_MINUTES[step])
            self._failures += 1
            self._limit_log()
        return UpdateFailed(
            translation_domain=DOMAIN,
            translation_key=key,
            translation_placeholders=placeholders,
            retry_after=retry_after,
        )

    def _limit_log(self) -> None:
        """Let the coordinator log an outage only if none was logged for some hours."""
        now = monotonic()
        if not self.last_update_success:
            return
        if self._logged_at is not None and now - self._logged_at < _LOG_SECONDS:
            self.last_update_success = False
        else:
            self._logged_at = now

    def _follow_name(self, name: str) -> None:
        """Rename the entry when plex.tv does, unless the user has named it."""
        entry = self.config_entry
        if self._kept.name not in (None, name) and entry.title == self._kept.name:
            self.hass.config_entries.async_update_entry(entry, title=name)
        self._name = name

    async def _async_refetch(self) -> None:
        """Ask for the list of servers outside the schedule, but not often."""
        async with self._refetching:
            now = monotonic()
            if self._refetched_at and now - self._refetched_at < _REFETCH_SECONDS:
                return
            self._refetched_at = now
            try:
                listed = await self._async_get_list()
            except PlexError:
                return
            if not self._shutdown_requested:
                await self._async_use_list(listed)
                self._async_show_servers()

    async def _async_get_list(self) -> _NumberedList:
        """Return the list of servers, numbered by when it was asked for."""
        self._lists_asked += 1
        number = self._lists_asked
        return number, await self.client.get_resources()

    async def _async_use_list(self, listed: _NumberedList) -> None:
        """Use a list unless a newer one came before it, and keep what is worth it."""
        number, servers = listed
        if number < self._newest_list:
            return
        self._newest_list = number
        self.server_list.async_update(servers, first=not self._had_list)
        self._had_list = True
        kept = KeptList(
            servers=tuple(self._known_servers().values()),
            lost=dict(self.server_list.lost),
            name=self._name,
        )
        if kept.without_news() != self._kept.without_news():
            await self._store.async_save(kept, self._credentials.token)
        self._kept = kept

    @callback
    def _async_show_servers(self) -> None:
        """Update the entities after servers came or went between two refreshes."""
        self.data = replace(self.data, servers=self._known_servers())
        self.async_update_listeners()

    def _known_servers(self) -> dict[str, PlexServer]:
        return {
            identifier: coordinator.server
            for identifier, coordinator in self.servers.items()
        }
