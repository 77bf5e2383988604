"""Asks plex.tv again before a failure or the refusal of a token is trusted."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .activity import Activity, async_fire_activity
from .api import PlexAuthenticationError, PlexError, PlexRateLimitError
from .clients import Credentials
from .const import DOMAIN

# A refused token is checked again after this time at the earliest.
CONFIRMATION_SECONDS = 60

# A refresh repeats a request that failed temporarily after these pauses.
RETRY_SECONDS = (2, 4)

_REFUSALS: HassKey[dict[str, TokenRefusals]] = HassKey(f"{DOMAIN}_refusals")


class TokenRefusals:
    """Refusals of the token of an entry since plex.tv last accepted it."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, credentials: Credentials
    ) -> None:
        """Initialize without a refusal."""
        self._hass = hass
        self._entry = entry
        self._credentials = credentials
        self._first: float | None = None
        self._announced = False
        self.confirmed = False

    @classmethod
    def from_entry(
        cls, hass: HomeAssistant, entry: ConfigEntry, credentials: Credentials
    ) -> TokenRefusals:
        """Return the refusals of an entry's token; they are kept across setup attempts."""
        all_refusals = hass.data.setdefault(_REFUSALS, {})
        refusals = all_refusals.get(entry.entry_id)
        if refusals is None or refusals._credentials != credentials:  # noqa: SLF001
            refusals = all_refusals[entry.entry_id] = cls(hass, entry, credentials)
        return refusals

    @staticmethod
    def forget(hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Forget a removed entry."""
        hass.data.get(_REFUSALS, {}).pop(entry.entry_id, None)

    def refuse(self) -> None:
        """Record a refusal; another one at least a minute after the first confirms it."""
        now = monotonic()
        if self._first is None:
            self._first = now
        elif now - self._first >= CONFIRMATION_SECONDS:
            self.confirmed = True

    @callback
    def async_ask_for_sign_in(self, *, news: bool) -> None:
        """Start reauthentication; if this is news, also fire the activity.

        This is repeated at every refusal because an open reconfigure dialog blocks it.
        """
        if news and not self._announced:
            async_fire_activity(self._hass, self._entry, Activity.TOKEN_REJECTED)
        self._announced = True
        self._entry.async_start_reauth(self._hass)

    @callback
    def async_clear(self) -> None:
        """Forget the refusals because the token was accepted.

        A sign-in that nobody has started is no longer needed and is aborted.
        """
        self._first = None
        self._announced = False
        self.confirmed = False
        for flow in self._entry.async_get_active_flows(self._hass, {SOURCE_REAUTH}):
            if flow.get("step_id") == "reauth_confirm":
                self._hass.config_entries.flow.async_abort(flow["flow_id"])


async def ask[T](
    request: Callable[[], Awaitable[T]], *, patient: bool
) -> T | PlexError:
    """Return the result or error of a request; if `patient`, try up to three times.

    Only temporary failures are retried, not a refused token or a rate limit.
    """
    pauses = RETRY_SECONDS if patient else ()
    for pause in (*pauses, None):
        try:
            return await request()
        except (PlexAuthenticationError, PlexRateLimitError) as error:
            return error
        except PlexError as error:
            if pause is None:
                return error
        await asyncio.sleep(pause)
    raise AssertionError("unreachable")
