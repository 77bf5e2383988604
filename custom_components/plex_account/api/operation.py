"""The edge of the client: what leaves an operation when it fails."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any


def operation[**P, R](
    method: Callable[P, Awaitable[R]],
) -> Callable[P, Coroutine[Any, Any, R]]:
    """Return an operation whose errors lead to no token, password, code or header.

    Whoever logs an error may record the local variables of every frame that it
    passed through, and those of the errors that it came from. So the traceback
    begins here, in a frame that holds nothing, and nothing is chained: errors of
    aiohttp hold URLs and headers. A cancellation ends up as the cause of a
    time-out, so it is treated the same.
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
            del failure  # the frame and the error would keep each other alive

    return call
