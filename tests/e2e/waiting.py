"""Waiting for things that take a moment."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

WAIT_SECONDS: Final = 30


async def eventually[T](
    what: str, ask: Callable[[], Awaitable[T]], enough: Callable[[T], object]
) -> T:
    """Poll until an answer is good enough, and return it.

    Raises TimeoutError, with the last answer, if that takes too long.
    """
    seen: object = None
    with suppress(TimeoutError):
        async with asyncio.timeout(WAIT_SECONDS):
            while not enough(answer := await ask()):
                seen = answer
                await asyncio.sleep(0.1)
            return answer
    raise TimeoutError(f"After {WAIT_SECONDS} s {what} is still {seen}")
