"""The contenders, each in its own environment, and the CPU cores they run on."""

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
    """Return one core for the server and one for the contenders, or None if unsupported."""
    if not shutil.which("taskset"):
        return None
    available = sorted(os.sched_getaffinity(0))
    return (available[0], available[-1]) if len(available) > 1 else None


def server(core: int | None) -> tuple[str, ...]:
    """Return the command that runs the server."""
    return _on(core, ".venv-bench/bin/python", "-m", f"{__package__}.server")


def contenders(core: int | None) -> Iterator[Contender]:
    """Yield the contenders; plexjs only if Node is available."""
    for name, environment in _PYTHON.items():
        python = f"{environment}/bin/python"
        command = _on(core, python, "-m", f"{__package__}.worker", name)
        yield Contender(name=name, command=command, start_command=(*command, "aiohttp"))
    if shutil.which("node") and (_PLEXJS / "stamp").exists():
        command = _on(core, "node", "tests/benchmarks/plexjs.cjs", str(_PLEXJS))
        yield Contender(name="plexjs", command=command, start_command=command)


def _on(core: int | None, *command: str) -> tuple[str, ...]:
    return command if core is None else ("taskset", "--cpu-list", str(core), *command)
