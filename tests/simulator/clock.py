"""The time that everything in the simulator goes by."""

from datetime import UTC, datetime, timedelta
from time import monotonic


class Clock:
    """A clock that stands still until it is advanced, or ticks by itself when asked to."""

    def __init__(self, *, ticking: bool = False) -> None:
        """Start at the present second."""
        self._base = datetime.now(UTC).replace(microsecond=0)
        self._started = monotonic() if ticking else None

    def now(self) -> datetime:
        """Return the simulated time."""
        if self._started is None:
            return self._base
        return self._base + timedelta(seconds=monotonic() - self._started)

    def advance(self, seconds: float) -> None:
        """Move the simulated time on."""
        self._base += timedelta(seconds=seconds)


def iso(moment: datetime) -> str:
    """Write a moment the way plex.tv does: UTC, whole seconds, closing Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
