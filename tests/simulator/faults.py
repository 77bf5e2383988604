"""Things that go wrong on purpose."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import count
import json
from typing import Literal

from .answers import Json

type Action = Literal["drop", "hang", "truncate", "trickle", "gzip_bomb", "endless"]

ACTIONS: tuple[str, ...] = Action.__value__.__args__

_ids = count(1)


@dataclass(eq=False, kw_only=True, slots=True)
class Fault:
    """One disturbance: which requests it meets, and what becomes of their answers.

    Without `status` and `body` the true answer is made and then treated as `headers`,
    `delay` and `action` say. With `status` alone the body is the usual one of that host.
    """

    host: str = "plex.tv"
    method: str = "*"
    path: str = "*"
    status: int | None = None
    body: str | bytes | Json = None
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    action: Action | None = None
    pace: float = 0.05
    times: int | None = None
    hits: int = field(default=0, init=False)
    id: int = field(default_factory=lambda: next(_ids), init=False)
    released: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    removed: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Refuse an action that does not exist."""
        if self.action is not None and self.action not in ACTIONS:
            raise ValueError(f"unknown action {self.action!r}")

    def meets(self, host: str, method: str, path: str) -> bool:
        """Whether a request is one of those that this fault is for."""
        return (
            not self.removed
            and (self.times is None or self.hits < self.times)
            and self.host in ("*", host)
            and self.method.upper() in ("*", method)
            and (self.path == path or fnmatchcase(path, self.path))
        )

    def remove(self) -> None:
        """Let later requests pass, and answer those that hang."""
        self.removed = True
        self.release()

    def release(self) -> None:
        """Answer the requests that hang."""
        self.released.set()

    def payload(self) -> tuple[bytes, str] | None:
        """Return the body to send and its natural type, or None for the usual body."""
        match self.body:
            case None:
                return None
            case bytes():
                return self.body, "application/octet-stream"
            case str():
                return self.body.encode(), "text/plain"
            case _:
                return json.dumps(self.body).encode(), "application/json"


class Faults:
    """The faults in force. The oldest that still has hits left wins."""

    def __init__(self) -> None:
        """Start without any."""
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force."""
        self._faults.append(fault)
        return fault

    def take(self, host: str, method: str, path: str) -> Fault | None:
        """Return the fault that a request meets, and count it."""
        fault = next(
            (fault for fault in self._faults if fault.meets(host, method, path)), None
        )
        if fault is not None:
            fault.hits += 1
        return fault

    def remove(self, fault_id: int) -> bool:
        """Remove one fault; False where there is none of that id."""
        found = [fault for fault in self._faults if fault.id == fault_id]
        for fault in found:
            fault.remove()
            self._faults.remove(fault)
        return bool(found)

    def clear(self) -> None:
        """Remove all faults."""
        for fault in self._faults:
            fault.remove()
        self._faults.clear()
