"""Answers that break off, are slow, or never end."""

from abc import abstractmethod
import asyncio
from collections.abc import Callable, Iterator
import struct
from typing import override
import zlib

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter

BOMB_BYTES = 256 * 2**20
_BLOCK = b" " * 2**20
_GZIP_HEAD = bytes.fromhex("1f8b08000000000000ff")


class Dropped(web.StreamResponse):
    """No answer: the connection is closed."""

    @override
    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Close the connection instead of writing headers."""
        raise ConnectionResetError


class _Disturbed(web.StreamResponse):
    """A true answer that is sent in another way."""

    def __init__(self, answer: web.Response) -> None:
        """Initialize with the headers of the true answer, and save its body for later."""
        super().__init__(status=answer.status, headers=answer.headers)
        self.headers.popall(hdrs.CONTENT_LENGTH, None)
        self._whole = answer.body if isinstance(answer.body, bytes) else b""

    @override
    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write the headers, then the body."""
        writer = await super().prepare(request)
        await self._send()
        return writer

    @abstractmethod
    async def _send(self) -> None:
        """Send the body."""


class Truncated(_Disturbed):
    """Half of the announced body, then the connection is closed."""

    @override
    async def _send(self) -> None:
        await self.write(self._whole[: len(self._whole) // 2])
        raise ConnectionResetError

    @override
    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Announce the whole body."""
        self.content_length = max(1, len(self._whole))
        return await super().prepare(request)


class Trickling(_Disturbed):
    """The whole body, one byte at a time."""

    def __init__(self, answer: web.Response, pace: float) -> None:
        """Initialize with a pause of `pace` seconds after each byte."""
        super().__init__(answer)
        self._pace = pace
        self.content_length = len(self._whole)

    @override
    async def _send(self) -> None:
        for byte in self._whole:
            await self.write(bytes((byte,)))
            await asyncio.sleep(self._pace)


def _bomb() -> Iterator[bytes]:
    """Build a valid gzip stream of spaces, with each megabyte compressed to a kilobyte.

    After a full flush, a compressed block doesn't depend on earlier ones, so the same
    block can be repeated.
    """
    squeeze = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = squeeze.compress(_BLOCK) + squeeze.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    yield _GZIP_HEAD
    for _ in range(BOMB_BYTES // len(_BLOCK)):
        checksum = zlib.crc32(_BLOCK, checksum)
        yield block
    yield squeeze.flush() + struct.pack("<LL", checksum, BOMB_BYTES)


class GzipBomb(_Disturbed):
    """A small body that decompresses to a huge one."""

    @override
    async def _send(self) -> None:
        for piece in _bomb():
            await self.write(piece)

    @override
    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Announce that the body is compressed."""
        self.headers[hdrs.CONTENT_ENCODING] = "gzip"
        return await super().prepare(request)


class Endless(_Disturbed):
    """The true body, followed by spaces until the client goes away."""

    @override
    async def _send(self) -> None:
        await self.write(self._whole)
        while True:
            await self.write(_BLOCK[: 2**16])
            await asyncio.sleep(0)


DISTURBED: dict[str, Callable[[web.Response], web.StreamResponse]] = {
    "truncate": Truncated,
    "gzip_bomb": GzipBomb,
    "endless": Endless,
}
