"""A token that a server minted, from /security/token."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..documents import unwrap
from ..fields import mapping, required, token
from .privacy import secret

TRANSIENT_TOKEN_LIFETIME = timedelta(hours=48)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransientToken:
    """A token that a server minted; `expires_at` is the latest possible expiration."""

    token: str = secret()
    expires_at: datetime


def parse_transient_token(document: Any, asked_at: datetime) -> TransientToken:
    """Return the token from /security/token, requested at `asked_at`."""
    container = mapping(unwrap(document, "MediaContainer"))
    return TransientToken(
        token=required(token(container.get("token")), "token"),
        expires_at=asked_at + TRANSIENT_TOKEN_LIFETIME,
    )
