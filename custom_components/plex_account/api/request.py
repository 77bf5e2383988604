"""What is sent and what comes back, as plain values."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from .retry import RetryConfig

type Token = str | Callable[[], Awaitable[str | None]] | None
type Params = Mapping[str, str] | Sequence[tuple[str, str]]

MAX_BODY_BYTES = 1024 * 1024


class RequestOptions(TypedDict, total=False):
    """What every operation takes for a single call, in place of the client's own.

    `timeout` is in seconds and covers connecting; `headers` are sent on top. None
    is the same as nothing.
    """

    retry: RetryConfig | None
    timeout: float | None
    headers: Mapping[str, str] | None
    server_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an operation asks for.

    `answers_secret`: the answer may hold a token though the request holds none.
    `repeatable`: it does no harm if it arrives twice.
    `total_seconds`: how long a whole answer may take, where each part of it is
    given the client's time-out instead.
    """

    method: str = "GET"
    path: str = field(repr=False)
    params: Params | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    authenticate: bool = True
    answers_secret: bool = False
    repeatable: bool = True
    max_bytes: int = MAX_BODY_BYTES
    total_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer of success."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
