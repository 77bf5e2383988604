"""Lets contenders take turns, so that the state of the machine is the same for all."""

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
    """The amount of work: number of starts, of rounds, and calls or seconds per round."""

    starts: int
    rounds: int
    calls: int
    seconds_at_once: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """The commands for long runs and for measuring the start."""

    name: str
    command: Sequence[str]
    start_command: Sequence[str]


def compete(
    contenders: Sequence[Contender], world: Mapping[str, Any], effort: Effort
) -> dict[str, Figures]:
    """Return the figures of all contenders."""
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
    """Running contenders and their figures."""

    def __init__(
        self, workers: Mapping[str, Process], world: Mapping[str, Any]
    ) -> None:
        """Make each contender's first call."""
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
        """Measure consecutive calls."""
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
        """Measure the current memory of all contenders."""
        for name, worker in self._workers.items():
            self.figures[name]["memory"] = Figure.of_rounds([worker.memory])

    def measure_rate(self, operation: str, effort: Effort) -> None:
        """Measure many concurrent calls."""
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
        """Let each contender that offers an operation take a turn in each round.

        The first round is a warm-up.
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
