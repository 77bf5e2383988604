"""Deliberate faults."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import count
import json
from random import Random
from typing import Literal, override

from .answers import Json

type Action = Literal["drop", "hang", "truncate", "trickle", "gzip_bomb", "endless"]

ACTIONS: tuple[str, ...] = Action.__value__.__args__

_ids = count(1)


@dataclass(eq=False, kw_only=True, slots=True)
class Fault:
    """A fault: the requests it affects, and what happens to their answers.

    Without `status`, `code`, and `body`, the true answer is modified by `headers`,
    `delay`, and `action`. With `status` alone, the body is the host's usual one; with
    `code`, it is plex.tv's error with that number. An `empty` answer is that of a load
    balancer: no body, no content type, and no request ID.

    The first `after` matching requests are not affected; then every `every`th one is,
    with `probability`. The same `seed` affects the same requests.
    """

    host: str = "plex.tv"
    method: str = "*"
    path: str = "*"
    status: int | None = None
    code: int | None = None
    message: str | None = None
    empty: bool = False
    body: str | bytes | Json = None
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    action: Action | None = None
    pace: float = 0.05
    times: int | None = None
    after: int = 0
    every: int = 1
    probability: float = 1.0
    seed: int = 0
    seen: int = field(default=0, init=False)
    hits: int = field(default=0, init=False)
    id: int = field(default_factory=lambda: next(_ids), init=False)
    released: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    removed: bool = field(default=False, init=False)
    _random: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Reject an unknown action."""
        if self.action is not None and self.action not in ACTIONS:
            raise ValueError(f"unknown action {self.action!r}")
        self._random = Random(self.seed)

    def meets(self, host: str, method: str, path: str) -> bool:
        """Return whether a request is affected, and count it if it matches."""
        if not self._matches(host, method, path):
            return False
        self.seen += 1
        return (
            self.seen > self.after
            and (self.seen - self.after - 1) % self.every == 0
            and (self.probability >= 1 or self._random.random() < self.probability)
        )

    def chosen(self) -> Fault:
        """Return the fault to apply this time."""
        return self

    def _matches(self, host: str, method: str, path: str) -> bool:
        return (
            not self.removed
            and (self.times is None or self.hits < self.times)
            and self.host in ("*", host)
            and self.method.upper() in ("*", method)
            and (self.path == path or fnmatchcase(path, self.path))
        )

    def remove(self) -> None:
        """Stop affecting requests, and answer those that hang."""
        self.removed = True
        self.release()

    def release(self) -> None:
        """Answer hanging requests."""
        self.released.set()

    def payload(self) -> tuple[bytes, str] | None:
        """Return the body and its natural content type, or None for the usual body."""
        match self.body:
            case None:
                return None
            case bytes():
                return self.body, "application/octet-stream"
            case str():
                return self.body.encode(), "text/plain"
            case _:
                return json.dumps(self.body).encode(), "application/json"


def _one_of_everything() -> list[Fault]:
    """Return the bad answers of a service in trouble."""
    page = "<html><body><h1>502 Bad Gateway</h1></body></html>"
    return [
        Fault(status=404, empty=True),
        Fault(status=401),
        Fault(status=503),
        Fault(status=502, body=page, content_type="text/html"),
        Fault(action="hang"),
    ]


@dataclass(eq=False, kw_only=True, slots=True)
class Trouble(Fault):
    """A day of trouble: each affected request gets one of several faults at random."""

    probability: float = 0.5
    kinds: list[Fault] = field(default_factory=_one_of_everything)

    @override
    def chosen(self) -> Fault:
        return self._random.choice(self.kinds)

    @override
    def release(self) -> None:
        for kind in self.kinds:
            kind.release()


class Faults:
    """The active faults. The oldest one with remaining hits takes precedence."""

    def __init__(self) -> None:
        """Initialize without faults."""
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Activate a fault."""
        self._faults.append(fault)
        return fault

    def take(self, host: str, method: str, path: str) -> Fault | None:
        """Return the fault that affects a request, and count the hit."""
        fault = next(
            (fault for fault in self._faults if fault.meets(host, method, path)), None
        )
        if fault is None:
            return None
        fault.hits += 1
        return fault.chosen()

    def remove(self, fault_id: int) -> bool:
        """Remove one fault, or return False if there is none with that ID."""
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
