"""Hosts that aren't part of Plex: hostile servers, silent ports, and dead ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_hex
import socket

from .bare import BarePort, Silent, bind_without_listening
from .certificates import Authority, ServerCertificate
from .hostile import Answer, Hostile
from .traffic import Traffic

_HOST = "127.0.0.1"


@dataclass(eq=False, kw_only=True)
class Strangers(Traffic):
    """Opens the hosts that a stranger's list may point to, and closes them at the end."""

    authority: Authority = field(default_factory=Authority, repr=False)
    hostile: list[Hostile] = field(default_factory=list)
    _silent: list[Silent] = field(default_factory=list, init=False, repr=False)
    _bound: list[socket.socket] = field(default_factory=list, init=False, repr=False)

    async def add_hostile(
        self,
        mode: Answer | None = None,
        *,
        answers: Mapping[str, Answer | list[Answer]] | None = None,
        tls: bool = True,
        host: str = _HOST,
        port: int = 0,
        machine_identifier: str | None = None,
    ) -> Hostile:
        """Add a hostile server, which is not listed by default."""
        certificate = ServerCertificate(self.authority) if tls else None
        hostile = Hostile(self, certificate, machine_identifier or token_hex(20))
        hostile.mode, hostile.answers = mode, dict(answers or {})
        await hostile.open(host, port)
        self.hostile.append(hostile)
        return hostile

    async def add_silent(self, host: str = _HOST) -> int:
        """Return a port that accepts connections but never answers."""
        silent = Silent()
        await silent.listen(host, 0)
        self._silent.append(silent)
        return silent.port

    def closed_port(self, host: str = _HOST) -> int:
        """Return a port that refuses connections, and stays reserved until the end."""
        self._bound.append(bind_without_listening(host))
        port: int = self._bound[-1].getsockname()[1]
        return port

    async def close_strangers(self) -> None:
        """Close all hosts."""
        strangers: list[BarePort] = [*self.hostile, *self._silent]
        for stranger in strangers:
            await stranger.close()
        for bound in self._bound:
            bound.close()
        self._bound.clear()
