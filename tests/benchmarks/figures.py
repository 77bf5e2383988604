"""Measured figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

FLOOR = "floor"
OURS = "plex_account"


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, and the values of the individual rounds."""

    value: float
    rounds: Sequence[float]

    @classmethod
    def of_rounds(cls, rounds: Sequence[float]) -> Self:
        """Return the median of the rounds as a figure."""
        return cls(median(rounds), rounds)

    def over(self, other: Figure) -> float:
        """Return the ratio to another figure: the ratio per round, and the median of these."""
        return median(
            mine / its for mine, its in zip(self.rounds, other.rounds, strict=True)
        )


type Figures = dict[str, Figure]
"""By measure: `import`, `first_call`, `memory`, and `<operation>.<what>` with `median`,
`p99`, and `cpu` for consecutive calls, and `rate` and `rate_cpu` for concurrent ones.
"""
