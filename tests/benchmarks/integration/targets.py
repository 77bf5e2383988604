"""What the integration may need, beside the floor, and what must not happen.

The import is measured and not judged: it comes once, whatever is set up after it, and is
as long as the code.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .contest import Outcomes
from .scenarios import FLOOR, HUNDRED, OURS, TEN

_TASKS = {
    "CPU time until loaded": "load",
    "CPU time of a refresh": "refresh",
}
_MOST = 1.5
_MOST_FOR_TEN_TIMES_AS_MANY = 12
_MOST_FOR_A_CALL = 1.3
_LONGEST_HOLD_SECONDS = 0.01
_QUIET = (
    "state_changed",
    "device_registry_updated",
    "entity_registry_updated",
    "stored",
)


@dataclass(frozen=True, slots=True)
class Target:
    """What was aimed at."""

    text: str
    met: bool

    def __str__(self) -> str:
        """Tell all in one line."""
        return f"{'met   ' if self.met else 'MISSED'} {self.text}"


def targets(outcomes: Outcomes, memory: Mapping[str, float]) -> Iterator[Target]:
    """Yield the targets for which there are figures."""
    for scenario, both in outcomes.items():
        ours, floor = both[OURS], both[FLOOR]
        for text, task in _TASKS.items():
            ratio = ours.figure(task).over(floor.figure(task))
            yield _at_most(f"{scenario}: {text} to the floor's", ratio, _MOST)
        yield _at_most(
            f"{scenario}: time of call_api to that of a bare request",
            ours.figure("call").over(floor.figure("call")),
            _MOST_FOR_A_CALL,
        )
        hold = ours.figure("hold_in_call").value
        yield Target(
            f"{scenario}: call_api holds the event loop for {hold * 1000:.1f} ms,"
            f" at most {_LONGEST_HOLD_SECONDS * 1000:.0f} ms",
            hold <= _LONGEST_HOLD_SECONDS,
        )
        yield Target(
            f"{scenario}: as many requests as the floor",
            ours.requests == floor.requests,
        )
        yield Target(
            f"{scenario}: no change of a state and no write in a refresh",
            not any(ours.happened[what] for what in _QUIET),
        )
    if TEN in outcomes and HUNDRED in outcomes:
        for text, task in _TASKS.items():
            many, few = (outcomes[one][OURS].figure(task) for one in (HUNDRED, TEN))
            yield _at_most(
                f"{text}, a hundred servers to ten",
                many.value / few.value,
                _MOST_FOR_TEN_TIMES_AS_MANY,
            )
    yield _at_most(
        "memory of a server to the floor's", memory[OURS] / memory[FLOOR], _MOST
    )


def _at_most(text: str, ratio: float, limit: float) -> Target:
    return Target(f"{text}: {ratio:.2f}×, at most {limit}×", ratio <= limit)
