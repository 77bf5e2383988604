"""Who competes, each in its own environment, and on which cores."""

from collections.abc import Iterator
import os
from pathlib import Path
import shutil

from .contest import Contender
from .figures import FLOOR, OURS

_PYTHON = {
    FLOOR: ".venv-bench",
    OURS: ".venv-bench",
    "plexapi": ".venv-foreign",
    "plex_api_client": ".venv-foreign",
}
_PLEXJS = Path(".tools/node").absolute()

NAMES = (*_PYTHON, "plexjs")


def cores() -> tuple[int, int] | None:
    """Return one for the server and one for the contenders, None if that can't be."""
    if not shutil.which("taskset"):
        return None
    available = sorted(os.sched_getaffinity(0))
    return (available[0], available[-1]) if len(available) > 1 else None


def server(core: int | None) -> tuple[str, ...]:
    """Return the command that serves."""
    return _on(core, ".venv-bench/bin/python", "-m", f"{__package__}.server")


def contenders(core: int | None) -> Iterator[Contender]:
    """Yield the contenders; plexjs only where there is Node."""
    for name, environment in _PYTHON.items():
        python = f"{environment}/bin/python"
        command = _on(core, python, "-m", f"{__package__}.worker", name)
        yield Contender(name=name, command=command, start_command=(*command, "aiohttp"))
    if shutil.which("node") and (_PLEXJS / "stamp").exists():
        command = _on(core, "node", "tests/benchmarks/plexjs.cjs", str(_PLEXJS))
        yield Contender(name="plexjs", command=command, start_command=command)


def _on(core: int | None, *command: str) -> tuple[str, ...]:
    return command if core is None else ("taskset", "--cpu-list", str(core), *command)
