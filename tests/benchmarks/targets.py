"""The performance targets, relative to the other contenders."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .figures import FLOOR, OURS, Figures
from .world import ACCOUNT, SOURCE

_TIMES_THE_FLOOR = {ACCOUNT: 1.1, SOURCE: 1.05}
_TIMES_AS_FAST = {"plexapi": 2, "plexjs": 2, "plex_api_client": 10}


@dataclass(frozen=True, slots=True)
class Target:
    """A ratio and its allowed range."""

    text: str
    ratio: float
    limit: float
    at_least: bool

    @property
    def met(self) -> bool:
        """Whether the ratio is within its range."""
        return self.ratio >= self.limit if self.at_least else self.ratio <= self.limit

    def __str__(self) -> str:
        """Return the target and its result in one line."""
        return (
            f"{'met   ' if self.met else 'MISSED'} {self.text}: {self.ratio:.2f}×, "
            f"{'at least' if self.at_least else 'at most'} {self.limit}×"
        )


def targets(figures: Mapping[str, Figures]) -> Iterator[Target]:
    """Yield the targets for contenders and operations with figures."""
    ours, floor = figures[OURS], figures[FLOOR]
    for operation, times_the_floor in _TIMES_THE_FLOOR.items():
        latency, rate = f"{operation}.median", f"{operation}.rate"
        yield Target(
            f"{operation}, median, to the floor's",
            ours[latency].over(floor[latency]),
            times_the_floor,
            at_least=False,
        )
        yield Target(
            f"{operation}, 64 at once, to the floor's",
            ours[rate].over(floor[rate]),
            0.85,
            at_least=True,
        )
        for name, times in _TIMES_AS_FAST.items():
            rival = figures.get(name, {})
            if latency in rival:
                yield Target(
                    f"{operation}, median, faster than {name}",
                    rival[latency].over(ours[latency]),
                    times,
                    at_least=True,
                )
                yield Target(
                    f"{operation}, 64 at once, faster than {name}",
                    ours[rate].over(rival[rate]),
                    times,
                    at_least=True,
                )
