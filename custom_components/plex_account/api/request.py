"""What is sent, as plain values."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Request:
    """What an operation asks for; its repr shows nothing, since it may be secret.

    `answers_secret`: the answer may hold a token though the request holds none.
    `repeatable`: it does no harm if it arrives twice.
    `total_seconds`: how long a whole answer may take, where each part of it is
    given the client's time-out instead.
    """

    path: str
    method: str = "GET"
    params: Params | None = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    authenticate: bool = True
    answers_secret: bool = False
    repeatable: bool = True
    max_bytes: int = MAX_BODY_BYTES
    total_seconds: float | None = None
