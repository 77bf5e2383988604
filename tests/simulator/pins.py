"""PINs: the codes that sign in an app through the browser."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from secrets import choice
from string import ascii_lowercase, ascii_uppercase, digits

from .answers import Json
from .clock import Clock, iso

_PLAIN_LIFE = timedelta(seconds=900)
_STRONG_LIFE = timedelta(seconds=1800)
_ids = count(900_000_001)


def _code(strong: bool) -> str:
    """Generate a code: four characters for plex.tv/link, 25 for the sign-in page."""
    if strong:
        return "".join(choice(ascii_lowercase + digits) for _ in range(25))
    return "".join(choice(ascii_uppercase + digits) for _ in range(4))


@dataclass(eq=False, kw_only=True, slots=True)
class Pin:
    """A code that waits for approval."""

    client_identifier: str
    product: str | None
    strong: bool
    created_at: datetime
    code: str = ""
    auth_token: str | None = None
    id: int = field(default_factory=lambda: next(_ids))

    def __post_init__(self) -> None:
        """Generate the code."""
        self.code = self.code or _code(self.strong)

    @property
    def expires_at(self) -> datetime:
        """When the code expires, approved or not."""
        return self.created_at + (_STRONG_LIFE if self.strong else _PLAIN_LIFE)

    def body(self, now: datetime) -> dict[str, Json]:
        """Build the PIN as returned by POST /pins and GET /pins/{id}."""
        return {
            "id": self.id,
            "code": self.code,
            "product": self.product,
            "trusted": False,
            "qr": f"https://plex.tv/api/v2/pins/qr/{self.code}",
            "clientIdentifier": self.client_identifier,
            "location": {
                "code": "GB",
                "european_union_member": False,
                "continent_code": "EU",
                "country": "United Kingdom",
                "city": "London",
                "time_zone": "Europe/London",
                "postal_code": "EC1",
                "in_privacy_restricted_country": False,
                "in_privacy_restricted_region": False,
                "subdivisions": "England",
                "coordinates": "51.51, -0.09",
            },
            "expiresIn": int((self.expires_at - now).total_seconds()),
            "createdAt": iso(self.created_at),
            "expiresAt": iso(self.expires_at),
            "authToken": self.auth_token,
            "newRegistration": None if self.auth_token is None else False,
        }


class Pins(list[Pin]):
    """All PINs ever requested, including expired ones."""

    def __init__(self, clock: Clock) -> None:
        """Initialize without PINs."""
        super().__init__()
        self._clock = clock

    def _live(self) -> list[Pin]:
        now = self._clock.now()
        return [pin for pin in self if now < pin.expires_at]

    def by_code(self, code: str) -> Pin | None:
        """Find a PIN that can still be approved."""
        return next(
            (
                p
                for p in self._live()
                if p.code.upper() == code.upper() and not p.auth_token
            ),
            None,
        )

    def is_expired(self, pin_id: str, client_identifier: str | None) -> bool:
        """Return whether a PIN of this client existed and has expired."""
        return self.by_id(pin_id, client_identifier) is None and any(
            str(pin.id) == pin_id and pin.client_identifier == client_identifier
            for pin in self
        )

    def by_id(self, pin_id: str, client_identifier: str | None) -> Pin | None:
        """Find an unexpired PIN, which is only visible to the client that requested it."""
        return next(
            (
                pin
                for pin in self._live()
                if str(pin.id) == pin_id and pin.client_identifier == client_identifier
            ),
            None,
        )
