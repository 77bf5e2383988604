"""Everything that the answers of plex.tv are made from."""

from dataclasses import dataclass, field

from .accounts import Accounts, SignOutScope
from .clock import Clock
from .pins import Pins
from .resources import Player
from .server import Server
from .traffic import Traffic


@dataclass(eq=False, kw_only=True)
class State(Traffic):
    """The world behind the answers, and the knobs that turn it.

    `sign_out_scope` and `revoke_ends_transient` choose between behaviours of which nobody
    knows the true one.
    """

    clock: Clock = field(default_factory=Clock)
    accounts: Accounts = field(default_factory=Accounts)
    servers: list[Server] = field(default_factory=list)
    players: list[Player] = field(default_factory=list)
    pins: Pins = field(init=False)
    lock_after: int = 5
    lock_seconds: float = 3600
    sign_out_scope: SignOutScope = "token"
    revoke_ends_transient: bool = False

    def __post_init__(self) -> None:
        """Let PINs go by the same clock as everything else."""
        self.pins = Pins(self.clock)
