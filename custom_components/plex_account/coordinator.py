"""Keeps the data from plex.tv about an account and its servers up to date."""

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
from .devices import AccountDevices
from .exceptions import PlexOtherAccount, plex_tv_translation
from .kept_list import KeptList, KeptListStore
from .outages import Outages
from .second_opinion import CONFIRMATION_SECONDS, TokenRefusals, ask
from .server_coordinator import PlexServerCoordinator
from .server_list import AccountServers

ACCOUNT_INTERVAL = timedelta(minutes=30)

_CONFIRMATION_INTERVAL = timedelta(seconds=CONFIRMATION_SECONDS + 1)
_MIN_RETRY_SECONDS = 60
_REFETCH_SECONDS = 600

type PlexAccountConfigEntry = ConfigEntry[PlexAccountCoordinator]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlexAccountData:
    """The account and its servers by machine identifier.

    `account` is None while only the kept list of servers is known.
    """

    account: PlexAccount | None
    servers: dict[str, PlexServer]


class PlexAccountCoordinator(DataUpdateCoordinator[PlexAccountData]):
    """Fetches the account and the list of its servers from plex.tv."""

    config_entry: PlexAccountConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: PlexAccountConfigEntry,
        credentials: Credentials,
        store: KeptListStore,
    ) -> None:
        """Initialize the coordinator with the kept list from an earlier run, if any."""
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name="Plex account",
            update_interval=ACCOUNT_INTERVAL,
            always_update=False,
        )
        self.client = credentials.client(hass)
        self.plex_error: PlexError | None = None
        self.server_list = AccountServers(
            hass, entry, credentials, store.kept, self._async_refetch
        )
        self._store = store
        self._name = store.kept.name if store.kept else None
        self._refusals = TokenRefusals.from_entry(hass, entry, credentials)
        self._outages = Outages()
        self._lists_asked = 0
        self._newest_list = 0
        self._refetching = asyncio.Lock()
        self._refetched_at: float | None = None

    @property
    def servers(self) -> dict[str, PlexServerCoordinator]:
        """Return the coordinators of the servers by machine identifier."""
        return self.server_list.coordinators

    @property
    def devices(self) -> AccountDevices:
        """Return the devices of the account."""
        return self.server_list.devices

    @callback
    def async_start_from_kept_list(self) -> bool:
        """Start without plex.tv; return whether there is a list to start from.

        The list isn't used if the token was refused, as it may no longer be valid.
        """
        if (
            self._store.kept is None
            or self._store.kept.servers is None
            or isinstance(self.plex_error, PlexAuthenticationError)
            or self._refusals.confirmed
        ):
            return False
        self.devices.register_account()
        self.server_list.async_restore()
        self.data = PlexAccountData(account=None, servers=self.server_list.servers)
        wait = self.plex_error.retry_after if self.plex_error else None
        self.update_interval = max(
            self._outages.next_interval(), timedelta(seconds=wait or 0)
        )
        if self._outages.should_log():
            LOGGER.info(
                "Error fetching %s data, starting with the servers of the last run: %s",
                self.name,
                self.last_exception,
            )
        return True

    @callback
    def async_reject_token(self) -> None:
        """Handle a token that was refused outside a refresh: check it again soon."""
        if self._shutdown_requested:
            return
        self._refusals.refuse()
        if self._refusals.confirmed:
            self._refusals.async_ask_for_sign_in(news=True)
        else:
            self.update_interval = _CONFIRMATION_INTERVAL
            self._schedule_refresh()

    @callback
    def async_release_device(self, device: dr.DeviceEntry) -> bool:
        """Release the device of an unlisted server; return whether it may be removed."""
        identifier = self.devices.machine_identifier(device)
        if identifier is None or identifier in self.server_list.listed:
            return False
        self.server_list.async_forget(device, identifier)
        self._async_keep_list()
        self._async_show_servers()
        return True

    @override
    async def _async_update_data(self) -> PlexAccountData:
        """Fetch the account and the list of servers concurrently."""
        number = self._next_list_number()
        running = self.data is not None
        account, listed = await asyncio.gather(
            ask(self.client.get_token_details, patient=running),
            ask(self.client.get_resources, patient=running),
        )
        if self._shutdown_requested:
            return self.data
        if isinstance(account, PlexError) or isinstance(listed, PlexError):
            return self._handle_errors(
                [one for one in (account, listed) if isinstance(one, PlexError)]
            )
        if account.uuid != self.config_entry.unique_id:
            return self._handle_errors([PlexOtherAccount("Another account")])
        self._handle_success()
        self._async_follow_name(account)
        self.devices.register_account()
        self._async_use_list(number, listed)
        self._async_compare_subscription(account)
        return PlexAccountData(account=account, servers=self.server_list.servers)

    def _handle_success(self) -> None:
        """Forget earlier failures, and resume minting at servers that refused a token."""
        if not self._outages.logged:
            # Keeps the base class from logging the end of an outage that wasn't logged.
            self.last_update_success = True
        self._outages.end()
        self.plex_error = None
        self.update_interval = ACCOUNT_INTERVAL
        self._refusals.async_clear()
        for coordinator in self.servers.values():
            coordinator.session.resume_minting()

    def _handle_errors(self, errors: list[PlexError]) -> PlexAccountData:
        """Handle a failed refresh; a single refusal of the token is not trusted."""
        refusal = next(
            (one for one in errors if isinstance(one, PlexAuthenticationError)), None
        )
        self.plex_error = refusal or errors[0]
        if refusal:
            return self._handle_refusal(refusal)
        waits = [one.retry_after for one in errors if one.retry_after is not None]
        raise self._failed_update(
            errors[0], max(_MIN_RETRY_SECONDS, *waits) if waits else None
        )

    def _handle_refusal(self, refusal: PlexAuthenticationError) -> PlexAccountData:
        """Ask for a sign-in once a refusal is confirmed; until then nothing changes."""
        self._refusals.refuse()
        if self._refusals.confirmed:
            self._refusals.async_ask_for_sign_in(news=self.data is not None)
        elif self.data is not None and self.last_update_success:
            self.update_interval = _CONFIRMATION_INTERVAL
            return self.data
        raise self._failed_update(refusal, None)

    def _failed_update(
        self, error: PlexError, retry_after: float | None
    ) -> UpdateFailed:
        """Return the error to raise, and schedule a retry.

        During setup, Home Assistant schedules the retry and logs the error instead.
        """
        if self.data is not None:
            self.update_interval = self._outages.next_interval()
            # The base class only logs the error if the last update was successful.
            self.last_update_success = self._outages.should_log()
        key, placeholders = plex_tv_translation(error)
        return UpdateFailed(
            translation_domain=DOMAIN,
            translation_key=key,
            translation_placeholders=placeholders,
            retry_after=retry_after,
        )

    @callback
    def _async_follow_name(self, account: PlexAccount) -> None:
        """Rename the entry when the account is renamed, unless the user has named it."""
        if not (name := account.public_name):
            return
        entry = self.config_entry
        if self._name not in (None, name) and entry.title == self._name:
            self.hass.config_entries.async_update_entry(entry, title=name)
        self._name = name

    @callback
    def _async_compare_subscription(self, account: PlexAccount) -> None:
        """Report a change in the status of the subscription."""
        if self.data is None or self.data.account is None:
            return
        old, new = (
            one.subscription and one.subscription.status_key
            for one in (self.data.account, account)
        )
        if old != new:
            async_fire_activity(
                self.hass,
                self.config_entry,
                Activity.SUBSCRIPTION_CHANGED,
                old=old,
                new=new,
            )

    async def _async_refetch(self) -> None:
        """Fetch the list of servers outside the schedule, at most every ten minutes."""
        async with self._refetching:
            now = monotonic()
            if (
                self._refetched_at is not None
                and now - self._refetched_at < _REFETCH_SECONDS
            ):
                return
            self._refetched_at = now
            number = self._next_list_number()
            try:
                listed = await self.client.get_resources()
            except PlexError:
                return
            if not self._shutdown_requested:
                self._async_use_list(number, listed)
                self._async_show_servers()

    def _next_list_number(self) -> int:
        """Return a number that is higher for lists that were requested later."""
        self._lists_asked += 1
        return self._lists_asked

    @callback
    def _async_use_list(self, number: int, listed: tuple[PlexServer, ...]) -> None:
        """Use a list unless a newer one has already arrived."""
        if number >= self._newest_list:
            self._newest_list = number
            self.server_list.async_update(listed)
            self._async_keep_list()

    @callback
    def _async_keep_list(self) -> None:
        """Save what a later start needs."""
        self._store.async_keep(
            KeptList(
                servers=tuple(self.server_list.servers.values()),
                lost=dict(self.server_list.lost),
                name=self._name,
            )
        )

    @callback
    def _async_show_servers(self) -> None:
        """Update the entities after servers were added or removed between refreshes."""
        if self.data is not None:
            self.data = replace(self.data, servers=self.server_list.servers)
            self.async_update_listeners()
