"""When a request is retried."""

from dataclasses import dataclass
import random
from typing import Literal

from .errors import PlexAddressError, PlexConnectionError, PlexError

_RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """When to retry; times are in milliseconds.

    The wait before retry n + 1 is initial_interval * exponent**n plus up to a second.
    Retry-After takes precedence, but is at least the smaller of initial_interval and
    a second. The wait is never longer than max_interval, and no retry begins later
    than max_elapsed_time after the first try.
    """

    strategy: Literal["none", "backoff"] = "backoff"
    initial_interval: float = 500
    max_interval: float = 60_000
    exponent: float = 1.5
    max_elapsed_time: float = 3_600_000
    retry_connection_errors: bool = True

    def wait(self, tries: int, error: PlexError) -> float:
        """Return the seconds to wait after a number of retries."""
        if error.retry_after is not None:
            least = min(1, self.initial_interval / 1000)
            return min(max(least, error.retry_after), self.max_interval / 1000)
        try:
            interval = self.initial_interval * float(self.exponent) ** tries
        except OverflowError:
            interval = self.max_interval
        return min(interval / 1000 + random.random(), self.max_interval / 1000)

    def applies(self, error: PlexError, *, repeatable: bool) -> bool:
        """Return whether a request that failed with this error may be sent again."""
        if self.strategy == "none" or isinstance(error, PlexAddressError):
            return False
        if isinstance(error, PlexConnectionError):
            return self.retry_connection_errors and (
                repeatable or not error.request_sent
            )
        return repeatable and error.status in _RETRIED_STATUSES


NO_RETRY = RetryConfig(strategy="none")
