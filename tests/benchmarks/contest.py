"""Lets contenders take turns, so that the mood of the machine is the same for all."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from statistics import median, quantiles
from typing import Any

from .figures import Figure, Figures
from .process import Process
from .world import ACCOUNT, SOURCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is done: starts, and rounds with the calls, or the time, of each."""

    starts: int
    rounds: int
    calls: int
    seconds_at_once: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """What to run for long, and what to run to see how it starts."""

    name: str
    command: Sequence[str]
    start_command: Sequence[str]


def compete(
    contenders: Sequence[Contender], world: Mapping[str, Any], effort: Effort
) -> dict[str, Figures]:
    """Return the figures of every contender."""
    with ExitStack() as stack:
        contest = _Contest(
            {
                contender.name: stack.enter_context(Process(contender.command))
                for contender in contenders
            },
            world,
        )
        contest.measure_starts(contenders, effort)
        contest.measure_calls(ACCOUNT, effort)
        contest.measure_memory()
        contest.measure_calls(SOURCE, effort)
        for operation in (ACCOUNT, SOURCE):
            contest.measure_rate(operation, effort)
    return contest.figures


class _Contest:
    """Contenders at work, and what was measured of each."""

    def __init__(
        self, workers: Mapping[str, Process], world: Mapping[str, Any]
    ) -> None:
        """Let everybody make a first call."""
        self.figures: dict[str, Figures] = {name: {} for name in workers}
        self._workers = workers
        self._world = world
        self._operations = {
            name: worker.ask(**world)["operations"] for name, worker in workers.items()
        }

    def measure_starts(self, contenders: Sequence[Contender], effort: Effort) -> None:
        """Measure the import and the first call in fresh processes."""
        starts: dict[str, list[Any]] = {one.name: [] for one in contenders}
        for _ in range(effort.starts):
            for contender in contenders:
                with Process(contender.start_command) as process:
                    starts[contender.name].append(process.ask(**self._world))
        for name, answers in starts.items():
            for measure in ("import", "first_call"):
                self.figures[name][measure] = Figure.of_rounds(
                    [answer[f"{measure}_seconds"] for answer in answers]
                )

    def measure_calls(self, operation: str, effort: Effort) -> None:
        """Measure one call after another."""
        task = {"repeat": operation, "calls": effort.calls}
        for name, rounds in self._ask_in_rounds(operation, task, effort).items():
            seconds = [answer["seconds"] for answer in rounds]
            every = [*chain.from_iterable(seconds)]
            self.figures[name] |= {
                f"{operation}.median": Figure(
                    median(every), [median(one) for one in seconds]
                ),
                f"{operation}.p99": Figure.of_rounds([quantiles(every, n=100)[-1]]),
                f"{operation}.cpu": Figure.of_rounds(
                    [answer["cpu_seconds"] / effort.calls for answer in rounds]
                ),
            }

    def measure_memory(self) -> None:
        """Measure what everybody holds now."""
        for name, worker in self._workers.items():
            self.figures[name]["memory"] = Figure.of_rounds([worker.memory])

    def measure_rate(self, operation: str, effort: Effort) -> None:
        """Measure many calls at once."""
        task = {"crowd": operation, "seconds": effort.seconds_at_once}
        for name, rounds in self._ask_in_rounds(operation, task, effort).items():
            self.figures[name] |= {
                f"{operation}.rate": Figure.of_rounds(
                    [answer["calls"] / answer["seconds"] for answer in rounds]
                ),
                f"{operation}.rate_cpu": Figure.of_rounds(
                    [answer["cpu_seconds"] / answer["calls"] for answer in rounds]
                ),
            }

    def _ask_in_rounds(
        self, operation: str, task: Mapping[str, Any], effort: Effort
    ) -> dict[str, list[Any]]:
        """Let everybody who offers an operation take a turn in each round.

        The first round is for warming up.
        """
        answers: dict[str, list[Any]] = {
            name: []
            for name, operations in self._operations.items()
            if operation in operations
        }
        for number in range(effort.rounds + 1):
            for name in answers if number % 2 else reversed(answers):
                answers[name].append(self._workers[name].ask(**task))
        return {name: rounds[1:] for name, rounds in answers.items()}
