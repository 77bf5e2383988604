"""All data that the answers of plex.tv are made from."""

from dataclasses import dataclass, field
from secrets import token_hex

from .accounts import Accounts, SignOutScope
from .answers import Json
from .clock import Clock
from .pins import Pins
from .resources import Player
from .server import Server
from .strangers import Strangers


@dataclass(eq=False, kw_only=True)
class State(Strangers):
    """The data behind the answers, and the settings that control it.

    `sign_out_scope`, `revoke_ends_transient`, `expired_pin_code`, and `lock_worded`
    select between behaviors if the real one is unknown. `first_resources` and
    `extra_resources` are placed before and after the true entries of every list, as
    objects, or as raw text for lists in JSON, or in XML if the text starts with "<".
    With `cookies`, plex.tv sets `session_cookie` on answers of its API.
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
    lock_worded: bool = False
    expired_pin_code: int = 1020
    cookies: bool = True
    session_cookie: str = field(default_factory=lambda: token_hex(16))
    first_resources: list[Json] = field(default_factory=list)
    extra_resources: list[Json] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make PINs use the common clock."""
        self.pins = Pins(self.clock)
