"""The simulator: one plex.tv and any number of servers."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from .account import Account
from .certificates import ServerCertificate
from .clock import Clock
from .connection import Connection
from .plex_tv import API, PlexTv
from .resources import Player
from .server import Server
from .state import State

_HOST = "127.0.0.1"


class Simulator(State):
    """Plex on loopback, in the event loop of the caller."""

    def __init__(self, *, port: int = 0, ticking: bool = False) -> None:
        """Initialize without accounts; with `ticking`, the clock moves."""
        super().__init__(clock=Clock(ticking=ticking))
        self._port = port
        self._plex_tv = PlexTv(self)

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        await self.stop()

    async def start(self) -> None:
        """Start plex.tv; each server starts when it is added."""
        await self.start_plex_tv()

    async def stop(self) -> None:
        """Stop everything, without leaving any task, socket, or timer."""
        for server in self.servers:
            await server.stop()
        await self.close_strangers()
        await self.stop_plex_tv()

    async def start_plex_tv(self) -> None:
        """Start plex.tv, on the same port as before if there was one."""
        self._port = await self._plex_tv.open((_HOST,), self._port)

    async def stop_plex_tv(self) -> None:
        """Make plex.tv refuse connections; servers keep running."""
        await self._plex_tv.close()

    @property
    def url(self) -> str:
        """The URL of plex.tv's API."""
        return f"http://{_HOST}:{self._port}{API}"

    @property
    def ca_pem(self) -> bytes:
        """The certificate authority of all plex.direct certificates."""
        return self.authority.pem

    def add_account(self, **fields: Any) -> Account:
        """Add an account; the fields are those of Account."""
        return self.accounts.add(**fields)

    def sign_in(self, account: Account, client_identifier: str) -> str:
        """Give an account a token without a request."""
        return self.accounts.sign_in(account, client_identifier)

    def revoke_token(self, token: str) -> None:
        """Revoke one account token."""
        self.accounts.sign_out(token, "token")

    def revoke(self, account: Account) -> None:
        """Revoke all tokens of an account, at plex.tv and at every server."""
        account.tokens.clear()
        for server in self.servers:
            server.forget_tokens(account, transient=self.revoke_ends_transient)

    def reset_password(
        self, account: Account, new_password: str, *, claimed: bool = False
    ) -> None:
        """Change the password and sign out every device; servers become unclaimed."""
        account.password, account.has_password = new_password, True
        self.revoke(account)
        for server in self.servers:
            if server.owner is account:
                server.claimed = claimed

    async def add_server(
        self,
        *,
        owner: Account,
        name: str = "Attic",
        shared_with: Sequence[Account] = (),
        home: bool = False,
        host: str = _HOST,
        hosts: Sequence[str] | None = None,
        port: int = 0,
        tls: bool = False,
        connections: Sequence[Connection] | None = None,
        **fields: Any,
    ) -> Server:
        """Add a server and start it; further fields are those of ServerModel.

        By default it advertises one local connection per listening host.
        """
        server = Server(
            clock=self.clock,
            certificate=ServerCertificate(self.authority),
            traffic=self,
            peers=self.servers,
            owner=owner,
            name=name,
            shared_with=list(shared_with),
            home=home,
            hosts=tuple(hosts or (host,)),
            port=port,
            tls=tls,
            **fields,
        )
        await server.start()
        server.connections = (
            [server.connection(host=one) for one in server.hosts]
            if connections is None
            else list(connections)
        )
        self.servers.append(server)
        return server

    def leave_out(self, server: Server, times: int = 1) -> None:
        """Leave a server out of the next lists."""
        server.left_out = times

    def add_player(self, owner: Account, **fields: Any) -> Player:
        """Add a resource that isn't a server; the fields are those of Player."""
        player = Player(owner=owner, **fields)
        self.players.append(player)
        return player

    def approve_pin(self, code: str, account: Account) -> str:
        """Approve a PIN like a user at plex.tv/link, or at the sign-in page for a strong one.

        Returns the token granted.
        """
        pin = self.pins.by_code(code)
        if pin is None:
            raise LookupError(f"no PIN waits under {code!r}")
        pin.auth_token = self.sign_in(account, pin.client_identifier)
        return pin.auth_token
