"""An answer whose body is passed on as it arrives."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self, override

import aiohttp

from .failures import content_type, failure, too_large
from .operation import operation
from .paths import checked_params, checked_path
from .request import Request, RequestOptions
from .transport import Transport

MAX_STREAM_BYTES = 16 * 1024 * 1024

_TOTAL_SECONDS = 60.0
_MAX_HEADER = 200
_MAX_LENGTH_DIGITS = 18


class StreamedAnswer:
    """The head of a successful answer; iterating over it yields the body in chunks."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        """Initialize the answer from its headers, each of bounded length.

        Raises PlexResponseTooLarge if the announced length is too large.
        """
        self._response = response
        self._size = 0
        self.status = response.status
        self.content_type = content_type(response.headers)
        self.etag = self._header("ETag")
        self.last_modified = self._header("Last-Modified")
        self.content_length: int | None = None
        length = self._header("Content-Length") or ""
        if length.isascii() and length.isdigit() and len(length) <= _MAX_LENGTH_DIGITS:
            self.content_length = int(length)
            if self.content_length > MAX_STREAM_BYTES:
                raise too_large(response)

    def _header(self, name: str) -> str | None:
        """Return a header, or None if it is absent or absurdly long."""
        value = self._response.headers.get(name)
        return value if value and len(value) <= _MAX_HEADER else None

    def __aiter__(self) -> Self:
        """Iterate over the rest of the body."""
        return self

    @operation
    async def __anext__(self) -> bytes:
        """Return the next chunk, decompressed if the server compressed it."""
        content = self._response.content
        chunk = b""
        try:
            while not chunk and not content.at_eof():
                chunk = await content.readany()
        except Exception as error:  # noqa: BLE001, a body may break aiohttp in any way
            raise failure(error) from None
        self._size += len(chunk)
        if self._size > MAX_STREAM_BYTES:
            raise too_large(self._response)
        if not chunk:
            raise StopAsyncIteration
        return chunk


class Streaming(AbstractAsyncContextManager[StreamedAnswer]):
    """Keeps the connection open while an answer is being read."""

    def __init__(
        self,
        transport: Transport,
        path: str,
        params: Mapping[str, Any] | None,
        options: RequestOptions,
    ) -> None:
        """Initialize the stream; nothing is sent yet."""
        self._transport = transport
        self._path = path
        self._params = params
        self._options = options
        self._response: aiohttp.ClientResponse | None = None

    @override
    @operation
    async def __aenter__(self) -> StreamedAnswer:
        """Send the request and return the head of its answer."""
        checked_path(self._path)
        self._response = await self._transport.open(
            Request(
                path=self._path,
                params=checked_params(self._params),
                headers={"Accept": "*/*", "Accept-Encoding": "identity"},
                total_seconds=_TOTAL_SECONDS,
            ),
            self._options,
        )
        try:
            return StreamedAnswer(self._response)
        except BaseException:
            self._response.close()
            raise

    @override
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection if the body wasn't read to the end."""
        if self._response and not self._response.content.at_eof():
            self._response.close()
