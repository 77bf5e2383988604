"""The button of an account."""

import asyncio
from time import monotonic
from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_call_later

from .const import DOMAIN
from .coordinator import PlexAccountConfigEntry
from .entity import PlexAccountEntity
from .exceptions import plex_tv_translation, translated_error

PARALLEL_UPDATES = 0

# Anyone who can see the button can press it, so presses are rate-limited.
_COOLDOWN_SECONDS = 10

REFRESH = ButtonEntityDescription(
    key="refresh",
    translation_key="refresh",
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PlexAccountConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the button of an account."""
    async_add_entities([PlexRefreshButton(entry.runtime_data, REFRESH)])


class PlexRefreshButton(PlexAccountEntity, ButtonEntity):
    """Refreshes the account and its polled servers, regardless of the schedule."""

    _refresh: asyncio.Task[None] | None = None
    _refreshed_at: float | None = None
    _cancel_later: CALLBACK_TYPE | None = None

    @property
    @override
    def available(self) -> bool:
        """Return True, because users press the button to retry after an outage."""
        return True

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Cancel a pending refresh."""
        if self._cancel_later:
            self._cancel_later()

    @override
    async def async_press(self) -> None:
        """Refresh, or join the refresh that is running.

        Within ten seconds of the last refresh, the next one is delayed until they are
        over; it is only awaited if the last one failed. Raises HomeAssistantError if
        plex.tv gives no usable answer.
        """
        coordinator = self.coordinator
        if not self._refresh or self._refresh.done():
            wait = self._cooldown
            if wait and not coordinator.plex_error:
                self._refresh_later(wait)
                return
            self._start_refresh(wait)
        assert self._refresh
        # Unlike awaiting the task, this doesn't cancel it, as others may have joined it,
        # and doesn't fail when the entry is unloaded.
        await asyncio.wait([self._refresh])
        if error := coordinator.plex_error:
            raise translated_error(plex_tv_translation(error))

    @property
    def _cooldown(self) -> float:
        """Return the seconds to wait until the next refresh."""
        if self._refreshed_at is None:
            return 0
        return max(0, self._refreshed_at + _COOLDOWN_SECONDS - monotonic())

    @callback
    def _refresh_later(self, seconds: float) -> None:
        """Refresh when the cooldown is over, once for all presses until then."""
        if self._cancel_later:
            return

        @callback
        def refresh(_: object) -> None:
            self._cancel_later = None
            self._start_refresh(0)

        self._cancel_later = async_call_later(
            self.hass, seconds, HassJob(refresh, cancel_on_shutdown=True)
        )

    @callback
    def _start_refresh(self, wait: float) -> None:
        """Refresh in a task of the entry, so that it ends when the entry is unloaded."""
        self._refresh = self.coordinator.config_entry.async_create_background_task(
            self.hass, self._async_refresh(wait), f"{DOMAIN} refresh"
        )

    async def _async_refresh(self, wait: float) -> None:
        await asyncio.sleep(wait)
        await self.coordinator.async_refresh()
        await asyncio.gather(
            *(
                server.async_refresh()
                for server in self.coordinator.servers.values()
                if server.started
            )
        )
        self._refreshed_at = monotonic()
