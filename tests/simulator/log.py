"""What the simulator remembers of a request."""

from collections.abc import Mapping
from dataclasses import dataclass

FORM = "application/x-www-form-urlencoded"


@dataclass(eq=False, slots=True)
class LoggedRequest:
    """One request to plex.tv or to a server.

    `path` is the part below the API base (`/users/signin`, not `/api/v2/users/signin`);
    on servers it is the whole path. `secure` says whether it came over TLS. `status` stays
    None when no answer was sent.
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
        """Return an X-Plex value: from its header, else from the query, else None."""
        return self.headers.get(name) or self.query.get(name) or None

    @property
    def token(self) -> str | None:
        """The presented X-Plex-Token."""
        return self.plex_value("X-Plex-Token")

    @property
    def client_identifier(self) -> str | None:
        """The presented X-Plex-Client-Identifier."""
        return self.plex_value("X-Plex-Client-Identifier")

    @property
    def wants_json(self) -> bool:
        """Whether JSON was asked for: plex.tv and servers write XML otherwise."""
        return "application/json" in self.headers.get("Accept", "")
