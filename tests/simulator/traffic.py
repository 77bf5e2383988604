"""The log of requests, and their disturbances."""

from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from .faults import Fault, Faults, Trouble
from .log import LoggedRequest


@dataclass(eq=False, kw_only=True)
class Traffic:
    """The log, faults, and delays shared by plex.tv and all servers."""

    requests: list[LoggedRequest] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    latency: float = 0.0

    def clear_requests(self) -> None:
        """Clear the log."""
        self.requests.clear()

    def fault(self, **fields: Any) -> Fault:
        """Add a fault for the requests that match; the fields are those of Fault."""
        return self.faults.add(Fault(**fields))

    def alternate(self, *, path: str, **fields: Any) -> Fault:
        """Make every other answer bad, starting with the next one: by default an empty 404."""
        bad = {} if {"status", "code", "body", "action"} & fields.keys() else _EMPTY_404
        return self.fault(path=path, every=2, **bad | fields)

    def trouble(self, **fields: Any) -> Trouble:
        """Mix true answers with bad ones: empty 404, 401, 503, HTML, and silence.

        The fields are those of Fault, and `kinds`, the faults to choose from.
        """
        trouble = Trouble(**fields)
        self.faults.add(trouble)
        return trouble

    def rate_limit(
        self,
        *,
        host: str = "plex.tv",
        path: str = "*",
        retry_after: float | datetime | None = None,
        times: int | None = None,
    ) -> Fault:
        """Answer with 429, and optionally with Retry-After in seconds or as an HTTP date."""
        headers: dict[str, str] = {}
        if isinstance(retry_after, datetime):
            headers["Retry-After"] = format_datetime(retry_after, usegmt=True)
        elif retry_after is not None:
            headers["Retry-After"] = f"{retry_after:.15g}"
        return self.fault(
            host=host, path=path, status=429, headers=headers, times=times
        )

    def clear_faults(self) -> None:
        """Remove all faults; hanging requests are answered."""
        self.faults.clear()


_EMPTY_404 = {"status": 404, "empty": True}
