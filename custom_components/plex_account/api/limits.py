"""Limits how many servers choose a connection at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

MAX_CHOICES = 16
MAX_SHARED_CHOICES = 12


class ChoiceLimit:
    """Lets at most 16 servers choose a connection at once, owned servers first.

    Shared servers never take all places, since hanging ones would delay owned ones.
    """

    def __init__(self) -> None:
        """Initialize the limit with every place free."""
        self._all = asyncio.Semaphore(MAX_CHOICES)
        self._shared = asyncio.Semaphore(MAX_SHARED_CHOICES)
        self._owned_waiting = 0

    @asynccontextmanager
    async def place(self, *, owned: bool) -> AsyncIterator[None]:
        """Hold one of the places."""
        async with AsyncExitStack() as held:
            if not owned:
                await held.enter_async_context(self._shared)
            self._owned_waiting += owned
            try:
                await self._all.acquire()
            finally:
                self._owned_waiting -= owned
            while not owned and self._owned_waiting:
                self._all.release()  # let the longest waiting server go first
                await self._all.acquire()
            held.callback(self._all.release)
            yield
