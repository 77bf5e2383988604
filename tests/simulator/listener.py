"""Loopback sockets that accept TLS and plain HTTP on one port, like those of a server."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from ipaddress import ip_address
import socket
import ssl

from aiohttp import web

_TLS_HANDSHAKE = b"\x16"
_PORT_TRIES = 20


def _listen(host: str, port: int) -> socket.socket:
    """Open a listening socket, on loopback only."""
    address = ip_address(host)
    if not address.is_loopback:
        raise ValueError(f"{host} is not a loopback address")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def _listen_on_all(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Open one socket per host, all on the same port."""
    opened: list[socket.socket] = []
    try:
        for host in hosts:
            opened.append(
                _listen(host, port or (opened[0].getsockname()[1] if opened else 0))
            )
    except OSError:
        for listening in opened:
            listening.close()
        raise
    return opened


async def _first_byte(connection: socket.socket) -> bytes:
    """Peek at the first byte that a client sends."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)


class Listener:
    """Accepts connections, and passes them to one HTTP server."""

    def __init__(self, server: web.Server, context: ssl.SSLContext | None) -> None:
        """Initialize with an HTTP server; `open` creates the sockets."""
        self._server = server
        self._context = context
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, hosts: Sequence[str], port: int) -> int:
        """Listen on every host, and return the common port."""
        for tries_left in reversed(range(_PORT_TRIES)):
            try:
                self._sockets = _listen_on_all(hosts, port)
                break
            except OSError:
                if port or not tries_left:
                    raise
        for listening in self._sockets:
            self._spawn(self._accept(listening))
        bound: int = self._sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening; connections that have been passed on are not closed."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for listening in self._sockets:
            listening.close()
        self._sockets.clear()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listening)
            self._spawn(self._hand_over(connection))

    async def _hand_over(self, connection: socket.socket) -> None:
        """Detect whether the client uses TLS, and pass the connection to the HTTP server."""
        encrypted = False
        if self._context is not None:
            try:
                first = await _first_byte(connection)
            except BaseException as error:
                connection.close()
                if isinstance(error, OSError):
                    return
                raise
            if not first:
                connection.close()
                return
            encrypted = first == _TLS_HANDSHAKE
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            if encrypted:
                await loop.connect_accepted_socket(
                    self._server,
                    connection,
                    ssl=self._context,
                    ssl_handshake_timeout=5,
                    ssl_shutdown_timeout=1,
                )
            else:
                await loop.connect_accepted_socket(self._server, connection)
