"""Bare sockets on loopback: ports that never answer, and dead ones."""

from abc import ABC, abstractmethod
import asyncio
from contextlib import suppress
from ipaddress import ip_address
import socket
import ssl
from typing import override

_LIMIT = 2**20


class BarePort(ABC):
    """A listening port, and the handling of its connections."""

    def __init__(self) -> None:
        """Initialize without listening."""
        self.host = ""
        self.port = 0
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Handle a connection, which is closed afterward."""

    async def listen(
        self, host: str, port: int, context: ssl.SSLContext | None = None
    ) -> None:
        """Listen on a loopback address."""
        check_loopback(host)
        self._server = await asyncio.start_server(
            self._serve, host, port, ssl=context, limit=_LIMIT
        )
        self.host, self.port = host, self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, and close all connections."""
        if self._server is None:
            return
        self._server.close()
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        self._server.abort_clients()
        await self._server.wait_closed()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            with suppress(ConnectionError):
                await self.converse(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._serving.discard(task)
            writer.close()


class Silent(BarePort):
    """A port that accepts connections but never answers."""

    @override
    async def converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while await reader.read(2**16):
            pass


def bind_without_listening(host: str) -> socket.socket:
    """Bind a port without listening on it, so that connections are refused immediately."""
    check_loopback(host)
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.bind((host, 0))
    return bound


def check_loopback(host: str) -> None:
    """Raise ValueError if an address is not a loopback address."""
    if not ip_address(host).is_loopback:
        raise ValueError(f"{host} is not a loopback address")
