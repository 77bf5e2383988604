"""Finishes a flow that no frontend fetches."""

from datetime import datetime, timedelta

from homeassistant.config_entries import ConfigFlow
from homeassistant.core import CALLBACK_TYPE, HassJob, callback
from homeassistant.helpers.event import async_call_later, async_track_time_interval

_ANNOUNCE_INTERVAL = timedelta(seconds=5)
_FINISH_SECONDS = 30


class UnattendedFinish:
    """Finishes a flow whose progress is done, even if nobody is watching.

    A frontend that has lost its connection, as on a phone whose user enters the code
    in another app, misses that the flow has progressed. It is notified again for a
    while so that a dialog that is still open shows the result. After that, the flow
    finishes without a dialog.
    """

    def __init__(self, flow: ConfigFlow) -> None:
        """Start announcing a flow."""
        self._flow = flow
        self._cancel: list[CALLBACK_TYPE] = [
            async_track_time_interval(
                flow.hass,
                self._async_announce,
                _ANNOUNCE_INTERVAL,
                cancel_on_shutdown=True,
            ),
            async_call_later(
                flow.hass,
                _FINISH_SECONDS,
                HassJob(self._async_finish, cancel_on_shutdown=True),
            ),
        ]

    @callback
    def cancel(self) -> None:
        """Stop announcing the flow, and don't finish it."""
        while self._cancel:
            self._cancel.pop()()

    @callback
    def _async_announce(self, _now: datetime) -> None:
        """Notify frontends so that one that shows the flow fetches it."""
        self._flow.async_notify_flow_changed()

    async def _async_finish(self, _now: datetime) -> None:
        """Finish the flow by fetching it as a frontend would."""
        self.cancel()
        await self._flow.hass.config_entries.flow.async_configure(self._flow.flow_id)
