"""Which handler answers which path."""

from collections.abc import Callable
import re

from aiohttp import web

from .account import Account
from .accounts import Accounts
from .errors import NOT_AUTHENTICATED
from .log import LoggedRequest

type Handler = Callable[..., web.Response]
"""Takes the request, then what stands in the path's braces, by name."""

type AccountHandler = Callable[..., web.Response]
"""Takes the request and the account of its token, then what stands in the braces."""


class Routes:
    """A table of methods and paths."""

    def __init__(self) -> None:
        """Start empty."""
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, path: str, handler: Handler) -> None:
        """Let a handler answer a path; `{name}` in it stands for one segment."""
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))
        self._routes.append((method, re.compile(pattern), handler))

    def has(self, method: str, path: str) -> bool:
        """Whether somebody would answer."""
        return any(
            method == known and pattern.fullmatch(path)
            for known, pattern, _ in self._routes
        )

    def answer(self, request: LoggedRequest, path: str) -> web.Response | None:
        """Answer a request, or return None where nobody does."""
        for method, pattern, handler in self._routes:
            if method == request.method and (match := pattern.fullmatch(path)):
                return handler(request, **match.groupdict())
        return None


def signed_in(accounts: Accounts, handler: AccountHandler) -> Handler:
    """Let a handler answer only where a live account token is presented."""

    def answer(request: LoggedRequest, **segments: str) -> web.Response:
        account: Account | None = accounts.by_token(request.token)
        if account is None:
            return NOT_AUTHENTICATED.answer(request)
        return handler(request, account, **segments)

    return answer
