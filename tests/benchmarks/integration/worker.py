"""A contender at work, in a process of its own.

It is told in JSON who it is and what it is to set up. Then tasks come in, a line each,
and what was measured goes out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
import gc
import json
from statistics import median
import sys
from time import perf_counter, process_time
import tracemalloc
from typing import Any

from homeassistant.runner import create_event_loop

from .home import Entries, home_assistant
from .scenarios import MANY_FILMS, SOME_FILMS, SignIn

_REFRESHES = 3
_CALLS = 50


async def _import(entries: Entries) -> float:
    """Return the seconds of CPU time that the import takes."""
    gc.collect()
    started = process_time()
    await entries.import_code()
    return process_time() - started


async def _load(entries: Entries) -> float:
    """Return the seconds of CPU time until all is set up."""
    gc.collect()
    started = process_time()
    await entries.load()
    seconds = process_time() - started
    entries.check()
    return seconds


async def _refresh(entries: Entries) -> float:
    """Return the seconds of CPU time of a refresh."""
    started = process_time()
    await entries.refresh()
    return process_time() - started


async def _hold(entries: Entries) -> float:
    """Return for how many seconds a refresh lets others wait, at most."""
    return await _longest_hold(entries.refresh())


async def _call(entries: Entries) -> float:
    """Return the seconds that a call takes."""
    await entries.call(SOME_FILMS)
    gc.collect()
    seconds = []
    for _ in range(_CALLS):
        started = perf_counter()
        await entries.call(SOME_FILMS)
        seconds.append(perf_counter() - started)
    return median(seconds)


async def _hold_in_call(entries: Entries) -> float:
    """Return for how many seconds a call of a long answer lets others wait, at most."""
    gc.collect()
    return await _longest_hold(entries.call(MANY_FILMS))


async def _longest_hold(work: Coroutine[Any, Any, Any]) -> float:
    longest = 0.0
    task = asyncio.create_task(work)
    last = perf_counter()
    while not task.done():
        await asyncio.sleep(0)
        now = perf_counter()
        longest = max(longest, now - last)
        last = now
    await task
    return longest


async def _watch(entries: Entries) -> Mapping[str, int]:
    """Return how often things happen in a refresh."""
    with entries.watch() as happened:
        await entries.refresh()
    entries.check()
    return happened


async def _memory(entries: Entries) -> int:
    """Return the bytes that are allocated for what is set up, after a few refreshes."""
    gc.collect()
    tracemalloc.start()
    await _load(entries)
    for _ in range(_REFRESHES):
        await entries.refresh()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


_TASKS: Mapping[str, Callable[[Entries], Awaitable[Any]]] = {
    "import": _import,
    "load": _load,
    "settle": _refresh,
    "refresh": _refresh,
    "hold": _hold,
    "call": _call,
    "hold_in_call": _hold_in_call,
    "watch": _watch,
    "memory": _memory,
}


async def main() -> None:
    """Work until the input ends."""
    who = json.loads(sys.argv[1])
    sign_ins = [SignIn(**sign_in) for sign_in in who["sign_ins"]]
    async with home_assistant() as hass:
        entries = Entries(hass, who["domain"], sign_ins, who["servers"])
        while line := await hass.async_add_executor_job(sys.stdin.readline):
            measured = await _TASKS[json.loads(line)["task"]](entries)
            sys.stdout.write(json.dumps(measured) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(), loop_factory=create_event_loop)
