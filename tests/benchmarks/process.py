"""A process that takes requests and answers them, as lines of JSON."""

from collections.abc import Sequence
from contextlib import suppress
import json
from pathlib import Path
import subprocess
from typing import Any, Self


class Process:
    """A process that ends when its input does."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start the process."""
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        """Enter the context."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the input, and wait for the process to end."""
        self._process.communicate()

    def hear(self) -> Any:
        """Return the next line of output."""
        assert self._process.stdout
        if not (line := self._process.stdout.readline()):
            raise SystemExit(f"{self._process.args!r} has failed")
        return json.loads(line)

    def ask(self, **task: Any) -> Any:
        """Send a request, and return the answer."""
        assert self._process.stdin
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(task) + "\n")
            self._process.stdin.flush()
        return self.hear()

    @property
    def memory(self) -> int:
        """The resident memory in bytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024
