"""One server kept reachable: its connection, its transient token, and what needs both.

The durable token of the server travels when a transient one is minted with it, and
for nothing else: over a connection that the very list entry offers in which the token
stands.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import aiohttp

from .candidates import Candidate, Failure
from .connections import (
    ConnectionResult,
    PlexUnreachable,
    Resolve,
    failure_of,
    resolve_host,
)
from .documents import JsonLoads
from .errors import (
    PlexAddressError,
    PlexAuthenticationError,
    PlexConnectionError,
    PlexError,
    PlexRateLimitError,
)
from .identity import ANONYMOUS, ClientIdentity, derive_client_identifier
from .limits import ChoiceLimit
from .media_server import PlexServerClient
from .models import PlexServer, TransientToken
from .server_connection import ServerConnection
from .transient_tokens import TokenState, TransientTokenManager

MAX_REQUESTS = 4

# The durable token is sent if the server has identified itself this recently.
_IDENTITY_SECONDS = 30

type Operation[T] = Callable[[PlexServerClient], Awaitable[T]]


class ServerSession:
    """Reaches one server, and renews connection and token when they fail.

    Every method raises a PlexError where it can't return what it says:
    PlexUnreachable if no connection answers, PlexAuthenticationError if the server
    takes no token.
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
        """Initialize for an entry of the list of servers; nothing is asked yet.

        `client_identifier` is the one that plex.tv knows: the server gets one derived
        from it. `refresh_server_list` reads the list again and hands it to `update`.
        """
        self._http = http
        self._client_identifier = derive_client_identifier(
            client_identifier, server.machine_identifier
        )
        self._identity = identity
        self._json_loads = json_loads
        self._refresh_server_list = refresh_server_list
        self._connection = ServerConnection(
            server,
            connect=self._client,
            resolve=resolve,
            list_from_loopback=list_from_loopback,
            choice_limit=choice_limit or ChoiceLimit(),
            refresh_server_list=refresh_server_list,
        )
        self._tokens = TransientTokenManager(self._mint)
        self._requests = asyncio.Semaphore(MAX_REQUESTS)
        self._listed = True
        self._paused_until = 0.0

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
        """Return whether the newest list offers nothing better than what is in use."""
        return self._connection.is_best

    @property
    def last_choice(self) -> ConnectionResult | None:
        """Return how the last choice of a connection ended, None before the first."""
        return self._connection.last_choice

    @property
    def token(self) -> TransientToken | None:
        """Return the transient token that is kept ready."""
        return self._tokens.token

    @property
    def token_state(self) -> TokenState:
        """Return what is known of the transient token."""
        return self._tokens.state

    def update(self, server: PlexServer) -> None:
        """Use what a newer list says of the server."""
        self._listed = True
        if server.access_token != self.server.access_token:
            self._tokens.resume()
        self._connection.update(server)

    def mark_unlisted(self) -> None:
        """Count the server as unreachable until a newer list has it again."""
        self._listed = False

    def resume_minting(self) -> None:
        """Allow minting again after the server refused a token."""
        self._tokens.resume()

    async def choose(self) -> None:
        """Choose a connection; the old one serves until that has ended."""
        await self._connection.choose()

    async def check(self) -> None:
        """Return if the server can be reached; the transient token is tried as well.

        While the server asks to wait (429), the last result stands.
        """
        if self.connection and monotonic() < self._paused_until:
            return
        await self._reach(self._check)

    async def get_validated_token(self) -> TransientToken:
        """Return a transient token that the server's front page does not refuse."""
        return await self._reach(self._prove)

    async def run[T](self, operation: Operation[T], *, repeatable: bool) -> T:
        """Return what an operation with a transient token returns.

        One that isn't repeatable is sent a second time only if the first can't have
        arrived, so its token is tried at the front page before.
        """

        async def attempt() -> T:
            if not repeatable:
                return await self._send(operation, await self._prove())
            token = await self._tokens.get(patient=False)
            try:
                return await self._send(operation, token)
            except PlexAuthenticationError:
                renewed = await self._prove()
                if renewed is token:
                    raise
            return await self._send(operation, renewed)

        return await self._reach(attempt)

    async def _reach[T](self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return what an attempt returns, over a new connection if the old one fails."""
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
        """Try the token at the front page; without a token ask for the identity."""
        try:
            await self._prove(await self._tokens.get())
        except PlexUnreachable:
            raise
        except PlexError:
            if monotonic() >= self._paused_until:
                await self._identify()

    async def _prove(self, token: TransientToken | None = None) -> TransientToken:
        """Return a token that the front page takes; a refused one is renewed once."""
        token = token or await self._tokens.get(patient=False)
        try:
            await self._ask_front_page(token)
        except PlexAuthenticationError:
            await self._identify()
            token = await self._tokens.renew(token)
            try:
                await self._ask_front_page(token)
            except PlexAuthenticationError:
                return await self._tokens.renew(token)
        return token

    async def _ask_front_page(self, token: TransientToken) -> None:
        """Return unless GET / refuses the token.

        Only 401 and 403 do. Whether anything else means that the server is off is
        settled by its identity: front pages redirect, hang, or are broken by a proxy.
        """
        try:
            await self._poll(PlexServerClient.check_token, token)
        except PlexAuthenticationError, PlexRateLimitError:
            raise
        except PlexError:
            await self._identify()
        else:
            self._tokens.accept(token)

    async def _identify(self) -> None:
        """Return if the server itself answers; raise PlexUnreachable if not."""
        try:
            identity = await self._poll(PlexServerClient.get_identity, None)
        except PlexRateLimitError:
            return
        except PlexError as error:
            raise PlexUnreachable(failure_of(error)) from None
        if identity.machine_identifier != self.server.machine_identifier:
            raise PlexUnreachable(Failure.OTHER_SERVER)
        self._connection.identified_at = monotonic()

    async def _poll[T](
        self, operation: Operation[T], token: TransientToken | None
    ) -> T:
        """Run one of the requests that `check` makes; a rate limit pauses them."""
        try:
            return await self._send(operation, token)
        except PlexRateLimitError as error:
            self._paused_until = monotonic() + (error.retry_after or 0)
            raise

    async def _mint(self) -> TransientToken:
        """Mint with the server token; if it is refused, with that of a new list."""
        refused = self.server.access_token
        try:
            return await self._mint_once()
        except PlexAuthenticationError:
            if refused and self._refresh_server_list:
                await self._refresh_server_list()
            if self.server.access_token in (None, refused):
                raise
        return await self._mint_once()

    async def _mint_once(self) -> TransientToken:
        """Send the durable token if the list entry that has it offers the connection."""
        if not self._connection.is_listed:
            await self.choose()
        elif monotonic() - self._connection.identified_at > _IDENTITY_SECONDS:
            await self._identify()
        async with self._requests:
            connection = self._connection.require(listed=True)
            if self.server.access_token is None:
                raise PlexAuthenticationError("The list has no token for the server")
            client = self._client(connection, self.server.access_token)
            return await client.get_transient_token()

    async def _send[T](
        self, operation: Operation[T], token: TransientToken | None
    ) -> T:
        """Run an operation over the connection in use."""
        async with self._requests:
            connection = self._connection.require()
            return await operation(
                self._client(connection, token.token if token else None)
            )

    def _client(
        self, connection: Candidate, token: str | None = None
    ) -> PlexServerClient:
        return PlexServerClient(
            self._http,
            connection.url,
            address=connection.address,
            client_identifier=self._client_identifier,
            token=token,
            identity=self._identity,
            json_loads=self._json_loads,
        )
