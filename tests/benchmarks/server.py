"""A server that is never the bottleneck of a benchmark: it answers from memory.

It prints one line of JSON with its address, and ends when its input does.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
import json
import sys
from typing import override

from .recording import API, Answers, record
from .world import World

_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class _Replay(asyncio.Protocol):
    """One connection, on which a client sends each GET after the previous answer."""

    def __init__(self, answers: Answers) -> None:
        """Initialize with the answers."""
        self._answers = answers
        self._received = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        received = self._received + data
        if not received.endswith(b"\r\n\r\n"):
            self._received = received
            return
        self._received = b""
        path = received.split(b" ", 2)[1].partition(b"?")[0]
        wants_json = b"application/json" in received
        self._transport.write(self._answers.get((path, wants_json), _NOT_FOUND))


@asynccontextmanager
async def serve() -> AsyncIterator[World]:
    """Answer as the simulator does."""
    world, answers = await record()
    loop = asyncio.get_running_loop()
    async with await loop.create_server(
        lambda: _Replay(answers), "127.0.0.1", 0
    ) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield replace(world, url=url + API, server_url=url)
        server.close_clients()


async def main() -> None:
    """Serve until the input ends."""
    async with serve() as world:
        sys.stdout.write(json.dumps(asdict(world)) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
