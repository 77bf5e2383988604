"""The simulator's log of requests."""

from collections.abc import Mapping
from dataclasses import dataclass

FORM = "application/x-www-form-urlencoded"


@dataclass(eq=False, slots=True)
class LoggedRequest:
    """One request to plex.tv or to a server.

    `path` is relative to the API base of plex.tv (`/users/signin`, not
    `/api/v2/users/signin`); for servers it is the whole path. `secure` is whether the
    request used TLS. `status` is None if no answer was sent.
    """

    host: str
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    form: dict[str, str]
    address: str
    secure: bool
    status: int | None = None

    def plex_value(self, name: str) -> str | None:
        """Return an X-Plex value from its header, else from the query, else None."""
        return self.headers.get(name) or self.query.get(name) or None

    @property
    def token(self) -> str | None:
        """The X-Plex-Token that was sent."""
        return self.plex_value("X-Plex-Token")

    @property
    def client_identifier(self) -> str | None:
        """The X-Plex-Client-Identifier that was sent."""
        return self.plex_value("X-Plex-Client-Identifier")

    @property
    def wants_json(self) -> bool:
        """Whether JSON was requested; otherwise plex.tv and servers answer in XML."""
        return "application/json" in self.headers.get("Accept", "")
