"""The way to one server: the connection that reaches it and a transient token.

The durable token of the server travels when a transient one is minted with it,
and for nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from .api import (
    Candidate,
    Choice,
    PlexAuthenticationError,
    PlexConnectionError,
    PlexError,
    PlexRateLimitError,
    PlexServer,
    PlexServerClient,
    TransientToken,
    Trust,
    choose_connection,
)

type Connect = Callable[[Candidate, str | None], PlexServerClient]
type Operation[T] = Callable[[PlexServerClient], Awaitable[T]]

_RENEWAL_AGE = timedelta(hours=24)


class ServerAccess:
    """Reaches one server, and renews connection and token when they fail.

    `refetch` asks plex.tv for the list of servers anew and hands it to `update`. While
    it is not `listed`, it counts as unreachable.
    """

    def __init__(
        self,
        server: PlexServer,
        *,
        connect: Connect,
        loopback: bool,
        limit: asyncio.Semaphore,
        refetch: Callable[[], Awaitable[None]],
    ) -> None:
        """Know a server, and ask nothing of it yet."""
        self.server = server
        self.listed = True
        self.choice: Choice | None = None
        self.token: TransientToken | None = None
        self.blocked = False
        self._connect = lru_cache(maxsize=4)(connect)
        self._loopback = loopback
        self._limit = limit
        self._refetch = refetch
        self._untried: TransientToken | None = None
        self._choosing = asyncio.Lock()
        self._minting = asyncio.Lock()

    @property
    def connection(self) -> Candidate | None:
        """Return the chosen connection."""
        return self.choice.connection if self.choice else None

    def update(self, server: PlexServer) -> None:
        """Take what a new list says of the server."""
        if server.access_token != self.server.access_token:
            self.blocked = False
        self.server = server

    def allow_mint(self) -> None:
        """End the pause that a refused token began."""
        self.blocked = False
        self._untried = None

    @property
    def is_best(self) -> bool:
        """Return whether no listed connection would be preferred to the chosen one."""
        choice = self.choice
        return (
            choice is not None
            and choice.is_best
            and choice.offered == self.server.connections
            and choice.trust == self._trust
        )

    async def choose(self, *, keep: bool = False) -> None:
        """Choose a connection; while that goes on, the old one serves.

        With `keep` it goes on to serve where no connection answers.
        """
        replaced = self.choice
        async with self._choosing:
            if self.choice is not replaced:
                return
            choice = await self._choose()
            if choice.certificate_refused:
                await self._refetch()
            if choice.offered != self.server.connections:
                choice = await self._choose()
            if choice.connection or not (
                keep
                and replaced
                and replaced.connection
                and replaced.trust == choice.trust
                and not choice.insecure_only
            ):
                self.choice = choice

    async def check(self) -> None:
        """Return if the server can be reached, and try the token where there is one.

        Raises PlexError if the server can't be reached.
        """
        try:
            await self.run(PlexServerClient.check_token)
        except PlexError as error:
            if self.connection and self.token is None:
                await self._reach(self._verify_identity)
            elif _is_unreachable(error):
                raise

    async def proved_token(self) -> TransientToken:
        """Return a transient token that the server has just taken."""
        await self.run(PlexServerClient.check_token)
        assert self.token
        return self.token

    async def run[T](self, operation: Operation[T]) -> T:
        """Return what an operation with a transient token returns.

        Raises PlexAuthenticationError if the server takes no token, and another
        PlexError if it can't be reached or answers with an error.
        """
        return await self._reach(lambda: self._run(operation))

    async def _reach[T](self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return what an attempt returns, over a new connection if the old one fails."""
        if not self.listed:
            raise PlexConnectionError("Plex no longer lists it", request_sent=False)
        if self.connection:
            try:
                return await attempt()
            except PlexError as error:
                if not _is_unreachable(error):
                    raise
        await self.choose()
        self._require_connection()
        return await attempt()

    async def _run[T](self, operation: Operation[T]) -> T:
        """Run an operation over the chosen connection, with one renewed token at most."""
        token = await self._current_token()
        try:
            result = await self._send(token.token, operation)
        except PlexAuthenticationError:
            if self.blocked or token is self._untried:
                self.blocked = True
                raise
            await self._verify_identity()
            if self.token is token:
                self.token = None
            token = await self._mint(token)
            try:
                result = await self._send(token.token, operation)
            except PlexAuthenticationError:
                self.blocked = True
                raise
        if token is self._untried:
            self._untried = None
        return result

    async def _current_token(self) -> TransientToken:
        """Return the transient token, minted ahead of time where it is a day old."""
        token = self.token
        now = datetime.now(UTC)
        if token and (self.blocked or token.expires_at - now > _RENEWAL_AGE):
            return token
        try:
            return await self._mint(token)
        except PlexError:
            if token is None or token.expires_at <= now:
                raise
            return token

    async def _mint(self, replaced: TransientToken | None) -> TransientToken:
        """Return a new transient token, or the one that somebody else just minted."""
        async with self._minting:
            if self.token and self.token is not replaced:
                return self.token
            if self.blocked or self.server.access_token is None:
                raise PlexAuthenticationError("There is no token to mint with")
            try:
                token = await self._mint_once()
            except PlexError as error:
                self.blocked = not _may_pass(error)
                raise
            self.token = self._untried = token
            return token

    async def _mint_once(self) -> TransientToken:
        """Mint with the server token; if it is refused, with one from a new list."""
        refused = self.server.access_token
        try:
            return await self._send(refused, PlexServerClient.get_transient_token)
        except PlexAuthenticationError:
            await self._refetch()
            if self.server.access_token in (None, refused):
                raise
        return await self._send(
            self.server.access_token, PlexServerClient.get_transient_token
        )

    async def _verify_identity(self) -> None:
        """Make sure that it is still the server that answers."""
        identity = await self._send(None, PlexServerClient.get_identity)
        if identity.machine_identifier != self.server.machine_identifier:
            raise PlexConnectionError("Another server answers", request_sent=True)

    async def _choose(self) -> Choice:
        return await choose_connection(
            self.server,
            self._trust,
            connect=lambda candidate: self._connect(candidate, None),
            limit=self._limit,
        )

    def _require_connection(self) -> Candidate:
        """Return the chosen connection; raise PlexConnectionError if there is none."""
        if not self.connection:
            raise PlexConnectionError("No connection answers", request_sent=False)
        return self.connection

    async def _send[T](self, token: str | None, operation: Operation[T]) -> T:
        """Run an operation with a token over the chosen connection."""
        connection = self._require_connection()
        async with self._limit:
            return await operation(self._connect(connection, token))

    @property
    def _trust(self) -> Trust:
        """Return what the list may make us dial."""
        server = self.server
        return Trust(
            loopback=self._loopback,
            private=server.owned or server.public_address_matches,
        )


def _may_pass(error: PlexError) -> bool:
    """Return whether an error says nothing about what was asked."""
    return isinstance(error, PlexRateLimitError) or _is_unreachable(error)


def _is_unreachable(error: PlexError) -> bool:
    """Return whether an error means that the server itself did not answer."""
    return isinstance(error, PlexConnectionError) or (
        error.status is not None and not 300 <= error.status < 500
    )
