"""What is set up, and for whom."""

from dataclasses import dataclass

CLIENT_IDENTIFIER = "8e0c1f8e-0f6b-4b52-9a2c-3f5b0f0e6d21"

OURS = "plex_account"
FLOOR = "plex_floor"

# What the first server of each entry answers: 100 KB, and nearly 4 MiB.
SOME_FILMS = "/library/sections/1/all"
MANY_FILMS = "/library/all"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A number of entries, each with a number of servers."""

    entries: int
    servers: int

    def __str__(self) -> str:
        """Tell both numbers."""
        servers = f"{self.servers} {'server' if self.servers == 1 else 'servers'}"
        if self.entries == 1:
            return f"1 entry, {servers}"
        return f"{self.entries} entries, {servers} each"


ONE = Scenario(entries=1, servers=1)
TEN = Scenario(entries=1, servers=10)
HUNDRED = Scenario(entries=1, servers=100)
FIFTY_ENTRIES = Scenario(entries=50, servers=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """What an entry is made of."""

    url: str
    username: str
    uuid: str
    token: str
