"""Requests to one server over its connection, at most four at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Protocol

from .candidates import Candidate, Failure
from .connections import PROBE_SECONDS, PlexUnreachable, failure_of
from .errors import (
    PlexAuthenticationError,
    PlexConnectionError,
    PlexError,
    PlexRateLimitError,
)
from .media_server import PlexServerClient
from .models import TransientToken
from .server_connection import ServerConnection

MAX_REQUESTS = 4

# The durable token is only sent if the server identified itself this recently.
_IDENTITY_SECONDS = 30

type Operation[T] = Callable[[PlexServerClient], Awaitable[T]]


class ConnectWithToken(Protocol):
    """Returns a client for the server over a connection."""

    def __call__(
        self, connection: Candidate, token: str | None = None
    ) -> PlexServerClient:
        """Return a client that sends the token with everything but probes."""


class ServerChannel:
    """Sends requests to one server; its durable token is only used in `mint`."""

    def __init__(self, connection: ServerConnection, connect: ConnectWithToken) -> None:
        """Initialize the channel for a server's connection."""
        self._connection = connection
        self._connect = connect
        self._limit = asyncio.Semaphore(MAX_REQUESTS)
        self._paused_until = 0.0

    @property
    def paused(self) -> bool:
        """Return whether the server has asked not to be polled for some time."""
        return monotonic() < self._paused_until

    def pause(self, seconds: float) -> None:
        """Stop polling the server for some time."""
        self._paused_until = monotonic() + seconds

    async def send[T](self, operation: Operation[T], token: TransientToken | None) -> T:
        """Run an operation over the connection in use and return its result."""
        async with self._limit:
            connection = self._connection.require()
            return await operation(
                self._connect(connection, token.token if token else None)
            )

    async def check(self, token: TransientToken) -> bool:
        """Return whether the front page accepts a token; False if that is unknown.

        Only 401, 403, and an invalid token (422) are refusals, which raise
        PlexAuthenticationError. For anything else, the identity decides whether the
        server is off: front pages redirect, hang, or are broken by a proxy. A rate
        limit pauses further polls.
        """
        try:
            await self.send(PlexServerClient.check_token, token)
        except PlexAuthenticationError:
            raise
        except PlexRateLimitError as error:
            self.pause(error.retry_after or 0)
            raise
        except PlexError:
            await self.identify()
            return False
        return True

    async def identify(self) -> None:
        """Check that the server itself answers; raise PlexUnreachable if not.

        A rate limit pauses further polls, and counts as an answer.
        """
        try:
            identity = await self.send(
                lambda client: client.get_identity(timeout=PROBE_SECONDS), None
            )
        except PlexRateLimitError as error:
            self.pause(error.retry_after or 0)
            return
        except PlexError as error:
            raise PlexUnreachable(failure_of(error)) from None
        if identity.machine_identifier != self._connection.server.machine_identifier:
            raise PlexUnreachable(Failure.OTHER_SERVER)
        self._connection.identified_at = monotonic()

    async def mint(self) -> TransientToken:
        """Return a transient token, minted with the durable one.

        The durable token is only sent over a connection from its own list entry, and
        only right after the server has identified itself there.
        """
        connection = self._connection
        connection.require()
        if not connection.is_listed:
            await connection.choose()
        elif monotonic() - connection.identified_at > _IDENTITY_SECONDS:
            await self.identify()
        async with self._limit:
            current = connection.require()
            if not connection.is_listed:
                raise PlexConnectionError("No longer listed", request_sent=False)
            token = connection.server.access_token
            if token is None:
                raise PlexAuthenticationError("The list has no token for the server")
            return await self._connect(current, token).get_transient_token()
