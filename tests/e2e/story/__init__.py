"""The story that the demo tells: a simulated Plex, a real Home Assistant, and its owner."""

from collections.abc import Awaitable, Callable
from typing import Final

from . import link, outage, removal, renewal, servers, sign_in, start
from .state import Story

type Step = Callable[[Story], Awaitable[None]]

STEPS: Final[tuple[Step, ...]] = (
    *start.STEPS,
    *sign_in.STEPS,
    *servers.STEPS,
    *link.STEPS,
    *renewal.STEPS,
    *outage.STEPS,
    *removal.STEPS,
)
