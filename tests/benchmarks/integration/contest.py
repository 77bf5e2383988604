"""Lets both contenders work in turn, so that the mood of the machine is the same for both."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
import json
from typing import Any

from tests.benchmarks.figures import Figure
from tests.benchmarks.process import Process

from .scenarios import FLOOR, OURS, Scenario

_SETTLED_AFTER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What is measured: time in scenarios, and memory by the difference of two.

    Each contender is started, and then refreshed, a number of times. Calls are
    measured in each scenario, too.
    """

    scenarios: Sequence[Scenario]
    memory: tuple[Scenario, Scenario]
    starts: int
    refreshes: int
    calls: int

    @property
    def all_scenarios(self) -> Sequence[Scenario]:
        """What a Plex is needed for."""
        return [*dict.fromkeys((*self.scenarios, *self.memory))]


@dataclass(slots=True)
class Outcome:
    """What one contender needed: by task, seconds in each round, and requests.

    `happened` is what could be watched in a refresh.
    """

    rounds: defaultdict[str, list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    requests: dict[str, int] = field(default_factory=dict)
    happened: Counter[str] = field(default_factory=Counter)

    def figure(self, task: str) -> Figure:
        """Return the seconds that a task took."""
        return Figure.of_rounds(self.rounds[task])


type Outcomes = Mapping[Scenario, Mapping[str, Outcome]]


class Arena:
    """A Plex, and contenders that work with it."""

    def __init__(
        self, plex: Process, command: Sequence[str], scenarios: Sequence[Scenario]
    ) -> None:
        """Hear whom there are accounts for; the command starts a contender."""
        self._plex = plex
        self._command = command
        self._sign_ins = {scenario: plex.hear() for scenario in scenarios}

    def compete(self, scenario: Scenario, effort: Effort) -> Mapping[str, Outcome]:
        """Return how both did in a scenario."""
        outcomes = {OURS: Outcome(), FLOOR: Outcome()}
        for _ in range(effort.starts):
            with ExitStack() as stack:
                workers = {
                    domain: stack.enter_context(self._contender(domain, scenario))
                    for domain in outcomes
                }
                for task, times in (
                    ("import", 1),
                    ("load", 1),
                    ("settle", _SETTLED_AFTER),
                    ("refresh", effort.refreshes),
                    ("hold", effort.refreshes),
                    ("call", effort.calls),
                    ("hold_in_call", effort.calls),
                    ("watch", 1),
                ):
                    for _ in range(times):
                        for domain, worker in workers.items():
                            self._turn(worker, task, outcomes[domain])
        return outcomes

    def memory(self, few: Scenario, many: Scenario) -> Mapping[str, float]:
        """Return the bytes that each allocates for a server."""
        return {
            domain: (self._allocated(domain, many) - self._allocated(domain, few))
            / (many.servers - few.servers)
            for domain in (OURS, FLOOR)
        }

    def _allocated(self, domain: str, scenario: Scenario) -> int:
        with self._contender(domain, scenario) as worker:
            allocated: int = worker.ask(task="memory")
        return allocated

    @contextmanager
    def _contender(self, domain: str, scenario: Scenario) -> Iterator[Process]:
        who = {
            "domain": domain,
            "servers": scenario.servers,
            "sign_ins": self._sign_ins[scenario],
        }
        with Process((*self._command, json.dumps(who))) as process:
            yield process

    def _turn(self, worker: Process, task: str, outcome: Outcome) -> None:
        self._plex.ask()
        measured: Any = worker.ask(task=task)
        outcome.requests[task] = self._plex.ask()
        if task == "watch":
            outcome.happened |= Counter(measured)
        else:
            outcome.rounds[task].append(measured)
