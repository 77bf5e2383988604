"""Keeps one server reachable: its connection, its transient token, and what needs both.

The durable token of the server is only sent to mint a transient one, and only over a
connection from the same list entry as the token.
"""

from collections.abc import Awaitable, Callable

import aiohttp

from .candidates import Candidate, Failure
from .connections import ConnectionResult, PlexUnreachable, Resolve, resolve_host
from .documents import JsonLoads
from .errors import (
    PlexAddressError,
    PlexAuthenticationError,
    PlexConnectionError,
    PlexError,
)
from .identity import ANONYMOUS, ClientIdentity, derive_client_identifier
from .limits import ChoiceLimit
from .media_server import PlexServerClient
from .models import PlexServer, TransientToken
from .operation import operation
from .server_channel import Operation, ServerChannel
from .server_connection import ServerConnection
from .transient_tokens import TokenState, TransientTokenManager


class ServerSession:
    """Reaches one server, and renews connection and token when they fail.

    Every method raises a PlexError if it fails: PlexUnreachable if no connection
    answers, PlexAuthenticationError if the server accepts no token.
    """

    def __init__(
        self,
        server: PlexServer,
        http: aiohttp.ClientSession,
        *,
        client_identifier: str,
        identity: ClientIdentity = ANONYMOUS,
        json_loads: JsonLoads | None = None,
        resolve: Resolve = resolve_host,
        list_from_loopback: bool = False,
        choice_limit: ChoiceLimit | None = None,
        refresh_server_list: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Initialize the session for an entry of the server list; nothing is sent yet.

        `client_identifier` is the one that plex.tv knows: the server gets one derived
        from it. `refresh_server_list` reads the list again and passes it to `update`.
        """
        derived = derive_client_identifier(client_identifier, server.machine_identifier)

        def connect(
            connection: Candidate, token: str | None = None
        ) -> PlexServerClient:
            return PlexServerClient(
                http,
                connection.url,
                address=connection.address,
                client_identifier=derived,
                token=token,
                identity=identity,
                json_loads=json_loads,
            )

        self._connection = ServerConnection(
            server,
            connect=connect,
            resolve=resolve,
            list_from_loopback=list_from_loopback,
            choice_limit=choice_limit or ChoiceLimit(),
            refresh_server_list=refresh_server_list,
        )
        self._channel = ServerChannel(self._connection, connect)
        self._tokens = TransientTokenManager(self._mint)
        self._refresh_server_list = refresh_server_list
        self._listed = True

    @property
    def server(self) -> PlexServer:
        """Return the server as the newest list describes it."""
        return self._connection.server

    @property
    def connection(self) -> Candidate | None:
        """Return the connection in use."""
        return self._connection.current

    @property
    def uses_best_connection(self) -> bool:
        """Return whether the newest list offers nothing better than the one in use."""
        return self._connection.is_best

    @property
    def last_choice(self) -> ConnectionResult | None:
        """Return the result of the last connection choice, or None before the first."""
        return self._connection.last_choice

    @property
    def token(self) -> TransientToken | None:
        """Return the transient token that is kept ready."""
        return self._tokens.token

    @property
    def token_state(self) -> TokenState:
        """Return what is known about the transient token."""
        return self._tokens.state

    def serves(self, server: PlexServer) -> bool:
        """Return whether a list entry is for this server and the same owner.

        Nothing learned from one owner's entry is used with another's, even if both
        name the same machine identifier.
        """
        mine = self.server
        return server.machine_identifier == mine.machine_identifier and (
            server.owned == mine.owned
            and (server.owned or server.owner_id == mine.owner_id)
        )

    def update(self, server: PlexServer) -> None:
        """Use the entry of a newer list, which must be one that this session serves."""
        if not self.serves(server):
            raise ValueError("The entry of another server")
        self._listed = True
        if server.access_token != self.server.access_token:
            self._tokens.resume()
        self._connection.update(server)

    def mark_unlisted(self) -> None:
        """Treat the server as unreachable until a newer list has it again."""
        self._listed = False

    def resume_minting(self) -> None:
        """Allow minting again after the server refused a token."""
        self._tokens.resume()

    @operation
    async def choose(self) -> None:
        """Choose a connection; the old one stays in use in the meantime."""
        await self._connection.choose()
        if self.last_choice and not self.connection:
            self._channel.pause(self.last_choice.retry_after)

    @operation
    async def check(self) -> None:
        """Check that the server can be reached; the transient token is tried as well.

        While the server asks to wait (429), the last result stands.
        """
        if self._channel.paused:
            self._connection.require()
        else:
            await self._reach(self._check)

    @operation
    async def get_validated_token(self) -> TransientToken:
        """Return a transient token that the server's front page does not refuse."""
        return await self._reach(self._prove)

    @operation
    async def run[T](self, operation: Operation[T], *, repeatable: bool) -> T:
        """Run an operation with a transient token and return its result.

        One that isn't repeatable is sent a second time only if the first can't have
        arrived, so its token is tried on the front page beforehand.
        """

        async def attempt() -> T:
            if not repeatable:
                return await self._channel.send(operation, await self._prove())
            token = await self._tokens.get(patient=False)
            try:
                return await self._channel.send(operation, token)
            except PlexAuthenticationError:
                renewed = await self._prove()
                if renewed is token:
                    raise
            return await self._channel.send(operation, renewed)

        return await self._reach(attempt)

    async def _reach[T](self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return the result of an attempt, over a new connection if the old one fails."""
        if not self._listed:
            raise PlexUnreachable(Failure.NOT_LISTED)
        if self.connection:
            try:
                return await attempt()
            except PlexConnectionError as error:
                if error.request_sent or isinstance(error, PlexAddressError):
                    raise
        await self.choose()
        return await attempt()

    async def _check(self) -> None:
        """Try the token on the front page; if that fails, check the identity."""
        try:
            await self._prove(await self._tokens.get())
        except PlexUnreachable:
            raise
        except PlexError:
            if not self._channel.paused:
                await self._channel.identify()

    async def _prove(self, token: TransientToken | None = None) -> TransientToken:
        """Return a token that the front page accepts; a refused one is renewed once."""
        token = token or await self._tokens.get(patient=False)
        try:
            await self._try(token)
        except PlexAuthenticationError:
            await self._channel.identify()
            token = await self._tokens.renew(token)
            try:
                await self._try(token)
            except PlexAuthenticationError:
                return await self._tokens.renew(token)
        return token

    async def _try(self, token: TransientToken) -> None:
        """Try a token on the front page; raise an error if it is refused."""
        if await self._channel.check(token):
            self._tokens.accept(token)

    async def _mint(self) -> TransientToken:
        """Mint with the server token, or with one from a new list if it is refused."""
        refused = self.server.access_token
        try:
            return await self._channel.mint()
        except PlexAuthenticationError:
            if refused and self._refresh_server_list:
                await self._refresh_server_list()
            if self.server.access_token in (None, refused):
                raise
        return await self._channel.mint()
