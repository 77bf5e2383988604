"""What is kept of every request, and what disturbs it."""

from dataclasses import dataclass, field

from .faults import Faults
from .log import LoggedRequest


@dataclass(eq=False, kw_only=True)
class Traffic:
    """The log, the faults and the slowness that plex.tv and all servers share."""

    requests: list[LoggedRequest] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    latency: float = 0.0
