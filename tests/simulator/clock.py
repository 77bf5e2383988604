"""The time that the whole simulator uses."""

from datetime import UTC, datetime, timedelta
from time import monotonic


class Clock:
    """A clock that stands still until it is advanced, unless it is told to tick."""

    def __init__(self, *, ticking: bool = False) -> None:
        """Initialize with the current second."""
        self._base = datetime.now(UTC).replace(microsecond=0)
        self._started = monotonic() if ticking else None

    def now(self) -> datetime:
        """Return the simulated time."""
        if self._started is None:
            return self._base
        return self._base + timedelta(seconds=monotonic() - self._started)

    def advance(self, seconds: float) -> None:
        """Advance the simulated time."""
        self._base += timedelta(seconds=seconds)


def iso(moment: datetime) -> str:
    """Format a time like plex.tv: UTC, whole seconds, and a trailing Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
