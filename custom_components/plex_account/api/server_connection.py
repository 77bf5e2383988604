"""The connection in use for one server, and the list entry it was chosen from."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from .candidates import Candidate, DialPolicy, Failure, is_allowed
from .connections import (
    Connect,
    ConnectionResult,
    PlexUnreachable,
    Resolve,
    choose_connection,
)
from .limits import ChoiceLimit
from .models import PlexServer


class ServerConnection:
    """Keeps the best connection to a server that the newest list offers."""

    def __init__(
        self,
        server: PlexServer,
        *,
        connect: Connect,
        resolve: Resolve,
        list_from_loopback: bool,
        choice_limit: ChoiceLimit,
        refresh_server_list: Callable[[], Awaitable[None]] | None,
    ) -> None:
        """Initialize without a connection; `connect` returns a client without a token."""
        self.server = server
        self.last_choice: ConnectionResult | None = None
        self.identified_at = 0.0
        self._connect = connect
        self._resolve = resolve
        self._list_from_loopback = list_from_loopback
        self._choice_limit = choice_limit
        self._refresh_server_list = refresh_server_list
        self._choosing = asyncio.Lock()
        self._current: Candidate | None = None
        self._lists_without_current = 0

    @property
    def current(self) -> Candidate | None:
        """Return the connection in use, or None if there is none."""
        return self._current

    def require(self) -> Candidate:
        """Return the connection in use; raise PlexUnreachable if there is none."""
        if not self._current:
            failure = self.last_choice and self.last_choice.most_telling_failure
            raise PlexUnreachable(
                failure.failure if failure else Failure.NO_CONNECTIONS
            )
        return self._current

    @property
    def is_listed(self) -> bool:
        """Return whether the newest list offers the connection in use."""
        return self._is_from_newest_list or (
            self._current is not None
            and is_allowed(self._current, self.server.connections, self._policy)
        )

    @property
    def is_best(self) -> bool:
        """Return whether the newest list offers nothing better than the one in use."""
        return self._is_from_newest_list and bool(
            self.last_choice and self.last_choice.is_best
        )

    @property
    def _is_from_newest_list(self) -> bool:
        choice = self.last_choice
        return (
            choice is not None
            and choice.connection is not None
            and choice.connection is self._current
            and self._is_current(choice)
        )

    def update(self, server: PlexServer) -> None:
        """Use the entry of a newer list; the connection stays until the next choice."""
        self.server = server
        if self._current:
            self._lists_without_current = (
                0 if self.is_listed else self._lists_without_current + 1
            )

    async def choose(self) -> None:
        """Choose a connection; the old one stays in use in the meantime.

        If none answers, the old one is kept if only a single list has left it out, as
        that may be an error in the list. A refused certificate may mean that the list
        is outdated, so it is refreshed. The delay could reveal to the owner of a
        shared server that some address has such a certificate, so for shared servers
        this is only done if nothing answers.
        """
        before = self.last_choice
        async with self._choosing:
            if self.last_choice is not before:
                return
            choice = await self._choose()
            if (
                self._refresh_server_list
                and choice.certificate_refused
                and (self.server.owned or not choice.connection)
            ):
                await self._refresh_server_list()
            if not self._is_current(choice):
                await self._choose()

    async def _choose(self) -> ConnectionResult:
        async with self._choice_limit.place(owned=self.server.owned):
            choice = await choose_connection(
                self.server, self._policy, connect=self._connect, resolve=self._resolve
            )
        self.last_choice = choice
        if choice.connection:
            self._lists_without_current = 0
            self.identified_at = monotonic()
        if (
            choice.connection
            or choice.insecure_only
            or self._lists_without_current != 1
        ):
            self._current = choice.connection
        return choice

    def _is_current(self, choice: ConnectionResult) -> bool:
        """Return whether a choice was made from what the newest list offers."""
        return (
            choice.server.connections == self.server.connections
            and choice.policy == self._policy
        )

    @property
    def _policy(self) -> DialPolicy:
        return DialPolicy(
            owned=self.server.owned,
            private=self.server.public_address_matches,
            loopback=self._list_from_loopback,
        )
