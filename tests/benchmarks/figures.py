"""What is measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

FLOOR = "floor"
OURS = "plex_account"


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, and what it was in each round."""

    value: float
    rounds: Sequence[float]

    @classmethod
    def of_rounds(cls, rounds: Sequence[float]) -> Self:
        """Return the median of the rounds."""
        return cls(median(rounds), rounds)

    def over(self, other: Figure) -> float:
        """Return the ratio to another one: of each round, and of these the median."""
        return median(
            mine / its for mine, its in zip(self.rounds, other.rounds, strict=True)
        )


type Figures = dict[str, Figure]
"""By measure: `import`, `first_call`, `memory`, and `<operation>.<what>` with `median`,
`p99` and `cpu` of one call after another, `rate` and `rate_cpu` of many at once.
"""
