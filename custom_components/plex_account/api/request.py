"""Requests and their options, as plain values."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from .retry import RetryConfig

type Token = str | Callable[[], Awaitable[str | None]] | None
type Params = Mapping[str, str] | Sequence[tuple[str, str]]

MAX_BODY_BYTES = 1024 * 1024


class RequestOptions(TypedDict, total=False):
    """What every operation accepts for a single call, to override the client's own.

    `timeout` is in seconds and includes connecting; `headers` are sent in addition.
    None is the same as leaving an option out.
    """

    retry: RetryConfig | None
    timeout: float | None
    headers: Mapping[str, str] | None
    server_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Request:
    """What an operation sends; its repr shows nothing, since it may contain secrets.

    `answers_secret`: the answer may contain a token even if the request doesn't.
    `repeatable`: it does no harm if it arrives twice.
    `total_seconds`: how long the whole answer may take; the client's timeout then
    applies to each part of it instead.
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
