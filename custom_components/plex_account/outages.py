"""Outages of plex.tv: when to retry, and what to log."""

from datetime import timedelta
from time import monotonic

_RETRY_MINUTES = (1, 2, 4, 8, 16, 30)
_LOG_SECONDS = 6 * 3600


class Outages:
    """Counts failed refreshes; outages within six hours of each other are logged once."""

    def __init__(self) -> None:
        """Initialize without an outage."""
        self._failures = 0
        self._logged_at: float | None = None
        self.logged = False

    def next_interval(self) -> timedelta:
        """Count a failed refresh; return the time until the next one."""
        step = min(self._failures, len(_RETRY_MINUTES) - 1)
        self._failures += 1
        return timedelta(minutes=_RETRY_MINUTES[step])

    def should_log(self) -> bool:
        """Return whether to log the outage now; if so, mark it as logged."""
        now = monotonic()
        if self.logged or (
            self._logged_at is not None and now - self._logged_at < _LOG_SECONDS
        ):
            return False
        self.logged, self._logged_at = True, now
        return True

    def end(self) -> None:
        """End the outage after plex.tv has answered."""
        self._failures = 0
        self.logged = False
