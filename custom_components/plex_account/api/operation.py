"""The boundary of the client: what leaves an operation when it fails."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any


def operation[**P, R](
    method: Callable[P, Awaitable[R]],
) -> Callable[P, Coroutine[Any, Any, R]]:
    """Return an operation whose errors expose no token, password, code, or header.

    A logger may record the local variables of every frame that an error passed
    through, and those of the errors that caused it. So the traceback begins here, in
    a frame that holds nothing, and nothing is chained: aiohttp errors hold URLs and
    headers. A cancellation ends up as the cause of a timeout, so it is treated the
    same way.
    """

    @wraps(method)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await method(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001, raised again below
            failure = error
        del args, kwargs
        failure.__cause__ = failure.__context__ = None
        try:
            raise failure.with_traceback(None)
        finally:
            del failure  # otherwise, frame and error keep each other alive

    return call
