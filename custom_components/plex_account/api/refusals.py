"""Maps refusals of plex.tv and servers to errors, by status, code, and message.

The plex.tv codes are those from its error table that were seen or are documented.
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
    """An unsuccessful answer: its status, and the reason that its body gives."""

    status: int
    code: int | None
    message: str | None
    title: str | None


type ErrorOf = Callable[[Refusal], type[PlexError]]


def read_refusal(status: int, document: Any) -> Refusal:
    """Return the first error in an error body, whatever its format.

    Old endpoints of plex.tv send plain text under `error`, or in the list of errors.
    Servers send `<Response code="503" title="Maintenance"/>`.
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
    """Return the error for a refusal by plex.tv; its code outranks its status."""
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
    """Return the error for a refusal by a server."""
    if refusal.status in (401, 403) or _is_invalid_token(refusal):
        return PlexAuthenticationError
    if refusal.status == 429:
        return PlexRateLimitError
    if refusal.status == 503 and (refusal.title or "").lower() == "maintenance":
        return PlexMaintenance
    return PlexResponseError


def _is_invalid_token(refusal: Refusal) -> bool:
    """Return whether the message of a refusal blames the token."""
    return refusal.status == 422 and "invalid token" in (refusal.message or "").lower()
