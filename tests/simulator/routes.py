"""Routing of paths to handlers."""

from collections.abc import Callable
import re

from aiohttp import web

from .account import Account
from .accounts import Accounts
from .errors import NOT_AUTHENTICATED
from .log import LoggedRequest

type Handler = Callable[..., web.Response]
"""Takes the request, and the path's parameters by name."""

type AccountHandler = Callable[..., web.Response]
"""Takes the request, the account of its token, and the path's parameters."""


class Routes:
    """A table of methods and paths."""

    def __init__(self) -> None:
        """Initialize without routes."""
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, path: str, handler: Handler) -> None:
        """Route a path to a handler; `{name}` in the path matches one segment."""
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))
        self._routes.append((method, re.compile(pattern), handler))

    def has(self, method: str, path: str) -> bool:
        """Return whether there is a handler."""
        return any(
            method == known and pattern.fullmatch(path)
            for known, pattern, _ in self._routes
        )

    def answer(self, request: LoggedRequest, path: str) -> web.Response | None:
        """Answer a request, or return None if there is no handler."""
        for method, pattern, handler in self._routes:
            if method == request.method and (match := pattern.fullmatch(path)):
                return handler(request, **match.groupdict())
        return None


def signed_in(accounts: Accounts, handler: AccountHandler) -> Handler:
    """Restrict a handler to requests with a valid account token."""

    def answer(request: LoggedRequest, **segments: str) -> web.Response:
        account: Account | None = accounts.by_token(request.token)
        if account is None:
            return NOT_AUTHENTICATED.answer(request)
        return handler(request, account, **segments)

    return answer
