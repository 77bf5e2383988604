"""A contender in a process of its own, which takes the contender's module as argument.

Input and output are lines of JSON. The first input is the world; the first output has
the seconds taken by the import and the first call. Then each input is a task, and each
output its measurement.
"""

import asyncio
from importlib import import_module
import json
from pathlib import Path
import sys
from time import perf_counter, process_time
from types import ModuleType
from typing import Any

from .operations import Operation
from .world import ACCOUNT, CALLERS, Facts, World

_INTEGRATION = Path(__file__).parents[2] / "custom_components" / "plex_account"


def stand_in_for_the_integration() -> None:
    """Make the client importable without the integration, which needs Home Assistant."""
    integration = ModuleType("custom_components.plex_account")
    integration.__path__ = [str(_INTEGRATION)]
    sys.modules[integration.__name__] = integration


async def repeat(operation: Operation, facts: Facts, calls: int) -> dict[str, Any]:
    """Make calls one after another, and measure each."""
    seconds = []
    cpu = process_time()
    for _ in range(calls):
        started = perf_counter()
        read = await operation()
        seconds.append(perf_counter() - started)
        if read != facts:
            raise ValueError(f"{read} instead of {facts}")
    return {"seconds": seconds, "cpu_seconds": process_time() - cpu}


async def crowd(operation: Operation, facts: Facts, seconds: float) -> dict[str, Any]:
    """Run concurrent callers until time is up, and count their calls."""
    calls = 0
    cpu, started = process_time(), perf_counter()
    end = started + seconds

    async def call() -> None:
        nonlocal calls
        while perf_counter() < end:
            if (read := await operation()) != facts:
                raise ValueError(f"{read} instead of {facts}")
            calls += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(call())
    return {
        "calls": calls,
        "seconds": perf_counter() - started,
        "cpu_seconds": process_time() - cpu,
    }


async def work(contender: ModuleType, import_seconds: float) -> None:
    """Make the first call, then perform the requested tasks."""
    world = World(**json.loads(sys.stdin.readline()))
    facts = {name: (who, count) for name, (who, count) in world.facts.items()}
    started = perf_counter()
    async with contender.connect(world) as operations:
        await operations.in_turn[ACCOUNT]()
        report(
            import_seconds=import_seconds,
            first_call_seconds=perf_counter() - started,
            operations=[*operations.in_turn],
        )
        for line in sys.stdin:
            match json.loads(line):
                case {"repeat": name, "calls": calls}:
                    report(**await repeat(operations.in_turn[name], facts[name], calls))
                case {"crowd": name, "seconds": seconds}:
                    report(
                        **await crowd(operations.at_once[name], facts[name], seconds)
                    )


def report(**measured: Any) -> None:
    """Write a line."""
    sys.stdout.write(json.dumps(measured) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Import the modules shared by all contenders, then the contender."""
    stand_in_for_the_integration()
    name, *already_there = sys.argv[1:]
    for module in already_there:
        import_module(module)
    started = perf_counter()
    contender = import_module(f"{__package__}.contenders.{name}")
    asyncio.run(work(contender, perf_counter() - started))


if __name__ == "__main__":
    main()
