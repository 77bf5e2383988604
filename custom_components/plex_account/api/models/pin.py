"""A PIN for linking a device, from POST /pins and GET /pins/{id}."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..documents import unwrap
from ..fields import flag, mapping, number, required, text, timestamp, token
from .privacy import secret


@dataclass(frozen=True, slots=True, kw_only=True)
class PlexPin:
    """A PIN for linking a device, from POST /pins and GET /pins/{id}.

    `auth_token` is None until the PIN is approved; from then on, `code` may be empty.
    """

    id: int
    code: str = secret()
    expires_in: float | None
    expires_at: datetime | None
    trusted: bool
    qr: str | None = secret()
    auth_token: str | None = secret()


def parse_pin(document: Any) -> PlexPin:
    """Return the PIN from POST /pins or GET /pins/{id}."""
    pin = mapping(unwrap(document, "pin"))
    return PlexPin(
        id=required(number(pin.get("id")), "id"),
        code=text(pin.get("code")) or "",
        expires_in=number(pin.get("expiresIn")),
        expires_at=timestamp(pin.get("expiresAt")),
        trusted=flag(pin.get("trusted")),
        qr=text(pin.get("qr")),
        auth_token=token(pin.get("authToken")),
    )
