"""How many servers may choose a connection at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

MAX_CHOICES = 16
MAX_SHARED_CHOICES = 12


class ChoiceLimit:
    """Lets at most 16 servers choose a connection at once, own servers first.

    Servers of others never take all places: those that hang would delay own ones.
    """

    def __init__(self) -> None:
        """Start with every place free."""
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
                self._all.release()  # to whoever has waited longest
                await self._all.acquire()
            held.callback(self._all.release)
            yield
