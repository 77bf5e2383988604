"""Which error a refusal is: what plex.tv and servers mean by status, code and words.

Codes of plex.tv: those of its error table that were seen, or are documented.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .documents import unwrap
from .errors import (
    PlexAuthenticationError,
    PlexEmailRequired,
    PlexError,
    PlexInvalidCode,
    PlexMaintenance,
    PlexRateLimitError,
    PlexResponseError,
    PlexTooManyAttempts,
    PlexTwoFactorRequired,
)
from .fields import label, mapping, number, single

_ERRORS_BY_CODE: Mapping[int | None, type[PlexError]] = {
    1001: PlexAuthenticationError,
    1003: PlexRateLimitError,
    1009: PlexResponseError,  # not for managed users
    1012: PlexResponseError,  # needs a subscription
    1020: PlexResponseError,  # PIN not found or expired
    1028: PlexInvalidCode,
    1029: PlexTwoFactorRequired,
    1030: PlexEmailRequired,
    1031: PlexTooManyAttempts,
    1041: PlexResponseError,  # needs the PIN of a Home user
    1043: PlexResponseError,
    1068: PlexResponseError,  # not with this device
    1069: PlexResponseError,  # PIN expired
}
_LOCKED_OUT = ("temporarily disabled", "too many failed")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is no success: its status, and what its body says of why."""

    status: int
    code: int | None
    message: str | None
    title: str | None


type ErrorOf = Callable[[Refusal], type[PlexError]]


def read_refusal(status: int, document: Any) -> Refusal:
    """Return the first error in an error body, however it is written.

    Old endpoints of plex.tv answer a bare text under `error`, or in the list of
    errors. Servers write `<Response code="503" title="Maintenance"/>`.
    """
    errors = unwrap(document, "errors")
    error = mapping(errors)
    message = error.get("message", single(error.get("error") if error else errors))
    return Refusal(
        status=status,
        code=number(error.get("code")),
        message=label(message),
        title=label(mapping(unwrap(document, "Response")).get("title")),
    )


def plex_tv_error(refusal: Refusal) -> type[PlexError]:
    """Return which error a refusal of plex.tv is: its code says more than its status."""
    message = (refusal.message or "").lower()
    if any(words in message for words in _LOCKED_OUT):
        return PlexTooManyAttempts
    if refusal.code in _ERRORS_BY_CODE:
        return _ERRORS_BY_CODE[refusal.code]
    if refusal.status == 429:
        return PlexRateLimitError
    if refusal.status in (401, 498) or _is_invalid_token(refusal):
        return PlexAuthenticationError
    return PlexResponseError


def server_error(refusal: Refusal) -> type[PlexError]:
    """Return which error a refusal of a server is."""
    if refusal.status in (401, 403) or _is_invalid_token(refusal):
        return PlexAuthenticationError
    if refusal.status == 429:
        return PlexRateLimitError
    if refusal.status == 503 and (refusal.title or "").lower() == "maintenance":
        return PlexMaintenance
    return PlexResponseError


def _is_invalid_token(refusal: Refusal) -> bool:
    """Return whether a refusal says in words that it is the token's fault."""
    return refusal.status == 422 and "invalid token" in (refusal.message or "").lower()
