"""A process that is told things, and answers, in lines of JSON."""

from collections.abc import Sequence
from contextlib import suppress
import json
from pathlib import Path
import subprocess
from typing import Any, Self


class Process:
    """One process. It ends when its input does."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        """Be there until the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait until it has ended."""
        self._process.communicate()

    def hear(self) -> Any:
        """Return what it says next."""
        assert self._process.stdout
        if not (line := self._process.stdout.readline()):
            raise SystemExit(f"{self._process.args!r} has failed")
        return json.loads(line)

    def ask(self, **task: Any) -> Any:
        """Tell it something, and return its answer."""
        assert self._process.stdin
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(task) + "\n")
            self._process.stdin.flush()
        return self.hear()

    @property
    def memory(self) -> int:
        """The bytes of memory that are in use."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024
