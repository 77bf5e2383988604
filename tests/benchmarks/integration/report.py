"""Puts the figures beside each other."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .contest import Outcome, Outcomes
from .scenarios import FLOOR, OURS


def _time(task: str) -> Callable[[Outcome, Outcome], str]:
    def cell(ours: Outcome, floor: Outcome) -> str:
        mine, its = ours.figure(task), floor.figure(task)
        return f"{mine.value * 1000:.3g} ms ({mine.over(its):.2f}×)"

    return cell


def _requests(task: str) -> Callable[[Outcome, Outcome], str]:
    return lambda ours, _: str(ours.requests[task])


def _happened(ours: Outcome, _: Outcome) -> str:
    return (
        ", ".join(f"{times} {what}" for what, times in ours.happened.items()) or "none"
    )


_ROWS: tuple[tuple[str, Callable[[Outcome, Outcome], str]], ...] = (
    ("CPU time of the import, once per start", _time("import")),
    ("requests until loaded", _requests("load")),
    ("CPU time until loaded", _time("load")),
    ("requests of a refresh", _requests("refresh")),
    ("CPU time of a refresh", _time("refresh")),
    ("longest hold of the event loop", _time("hold")),
    ("events and writes in a refresh", _happened),
    ("time of `call_api`, 100 KB", _time("call")),
    ("longest hold of the event loop by `call_api`, 4 MiB", _time("hold_in_call")),
)


def table(outcomes: Outcomes, memory: Mapping[str, float]) -> Iterator[str]:
    """Yield the lines of a table: our figures, and their ratios to the floor's."""
    yield _line("", *map(str, outcomes))
    yield _line("---", *("---:" for _ in outcomes))
    for heading, cell in _ROWS:
        yield _line(
            heading, *(cell(both[OURS], both[FLOOR]) for both in outcomes.values())
        )
    yield ""
    yield (
        f"Memory of a server: {memory[OURS] / 1024:.1f} KiB "
        f"({memory[OURS] / memory[FLOOR]:.2f}×)"
    )


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def as_json(outcomes: Outcomes, memory: Mapping[str, float]) -> dict[str, Any]:
    """Return seconds, numbers and bytes, for both contenders."""
    return {
        "scenarios": {
            str(scenario): {
                domain: {
                    "cpu_seconds_of_the_import": outcome.figure("import").value,
                    "cpu_seconds_until_loaded": outcome.figure("load").value,
                    "cpu_seconds_of_a_refresh": outcome.figure("refresh").value,
                    "seconds_of_the_longest_hold": outcome.figure("hold").value,
                    "seconds_of_a_call": outcome.figure("call").value,
                    "seconds_of_the_longest_hold_in_a_call": outcome.figure(
                        "hold_in_call"
                    ).value,
                    "requests_until_loaded": outcome.requests["load"],
                    "requests_of_a_refresh": outcome.requests["refresh"],
                    "events_and_writes": outcome.happened,
                }
                for domain, outcome in both.items()
            }
            for scenario, both in outcomes.items()
        },
        "bytes_for_a_server": memory,
    }
