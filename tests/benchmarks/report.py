"""The comparison of all figures."""

from collections.abc import Callable, Iterator, Mapping

from .figures import FLOOR, Figures
from .world import ACCOUNT, SOURCE

_NOTHING = "–"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"


def _per_second(rate: float) -> str:
    return f"{rate:.0f} /s"


def _mebibytes(size: float) -> str:
    return f"{size / 1024**2:.1f} MiB"


_ROWS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("import", "import", _milliseconds),
    ("first_call", "first call", _milliseconds),
    *(
        (f"{operation}.{measure}", f"{operation}: {text}", unit)
        for operation in (ACCOUNT, SOURCE)
        for measure, text, unit in (
            ("median", "median", _milliseconds),
            ("p99", "p99", _milliseconds),
            ("cpu", "CPU", _milliseconds),
            ("rate", "64 at once", _per_second),
            ("rate_cpu", "64 at once, CPU", _milliseconds),
        )
    ),
    ("memory", "memory", _mebibytes),
)

_NOTES = {
    "plexapi": "plexapi blocks: 64 at once have as many threads.",
    "plex_api_client": "plex_api_client: blocking and in threads, which is its fastest way.",
    "plexjs": f"plexjs: {_NOTHING} where it throws the body of the answer away.",
}


def table(figures: Mapping[str, Figures]) -> Iterator[str]:
    """Yield the lines of a table: each figure, and its ratio to the floor's figure."""
    width = max(len(heading) for _, heading, _ in _ROWS)
    yield " " * width + "".join(f"{name:>22}" for name in figures)
    for measure, heading, unit in _ROWS:
        cells = (_cell(one, figures[FLOOR], measure, unit) for one in figures.values())
        yield f"{heading:{width}}" + "".join(f"{cell:>22}" for cell in cells)


def _cell(
    figures: Figures, floor: Figures, measure: str, unit: Callable[[float], str]
) -> str:
    if measure not in figures:
        return _NOTHING
    return (
        f"{unit(figures[measure].value)} {figures[measure].over(floor[measure]):>6.2f}×"
    )


def notes(
    figures: Mapping[str, Figures], cores: tuple[int, int] | None
) -> Iterator[str]:
    """Yield the notes that explain the table."""
    if cores:
        server, contenders = cores
        yield f"The server has core {server}, the contenders take turns on {contenders}."
    else:
        yield "The server and the contenders share their cores, which slows all of them."
    floor = figures[FLOOR]
    share = floor[f"{ACCOUNT}.rate"].value * floor[f"{ACCOUNT}.rate_cpu"].value
    yield f"64 at once, the {FLOOR} had {share:.0%} of its core. If others had much of the rest,"
    yield "CPU, which is what a call takes of the core, says more than the clock."
    yield f"×: to the {FLOOR}, in each round, and of these ratios the median."
    yield f"import: in a fresh process, beyond aiohttp's; the {FLOOR} uses our dataclasses."
    yield "memory: of the whole process, after the calls one after another."
    yield from (text for name, text in _NOTES.items() if name in figures)


def as_json(figures: Mapping[str, Figures]) -> dict[str, dict[str, dict[str, float]]]:
    """Return values in seconds, bytes, and calls per second, and their ratios to the floor."""
    floor = figures[FLOOR]
    return {
        name: {
            measure: {"value": figure.value, "ratio": figure.over(floor[measure])}
            for measure, figure in its.items()
        }
        for name, its in figures.items()
    }
