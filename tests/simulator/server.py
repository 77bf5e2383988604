"""A Plex Media Server that can be started and stopped."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .log import LoggedRequest
from .media_server import MediaServer
from .server_model import ServerModel
from .traffic import Traffic


@dataclass(eq=False, kw_only=True)
class Server(ServerModel):
    """One server on loopback."""

    traffic: Traffic = field(repr=False)
    peers: Sequence[ServerModel] = field(repr=False)
    running: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Create the HTTP side."""
        super().__post_init__()
        self._site = MediaServer(self.traffic, self, self.peers)

    @property
    def requests(self) -> list[LoggedRequest]:
        """The requests received by this server, in order."""
        return [
            one for one in self.traffic.requests if one.host == self.machine_identifier
        ]

    async def start(self) -> None:
        """Listen, on the same port as before if there was one.

        Tokens that others delegated while it was off are unknown here.
        """
        if self.running:
            return
        self.forget_transient_tokens()
        self.port = await self._site.open(
            self.hosts,
            self.port,
            context=self.certificate.context if self.tls else None,
        )
        self.running = True

    async def stop(self) -> None:
        """Stop as if the process ended: connections break, and transient tokens are lost."""
        if not self.running:
            return
        await self._site.close()
        self.forget_transient_tokens()
        self.running = False

    async def restart(self) -> None:
        """Stop, and start again on the same port."""
        await self.stop()
        await self.start()
