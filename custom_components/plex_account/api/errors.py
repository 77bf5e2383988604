"""Errors of the client, whose text and repr are safe to log.

The text of an error never contains a body, headers, or a URL, and no error has
another one as its cause: aiohttp errors may hold URLs and headers.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MAX_RETRY_AFTER_SECONDS = 86_400.0
_MAX_RETRY_AFTER_LENGTH = 64


class PlexError(Exception):
    """A request to Plex failed.

    `message` and `headers` come from the other side: never log them.
    `retry_after` is the wait it asked for, in seconds and at most a day, or None if
    it didn't ask for one.
    """

    def __init__(
        self,
        summary: str,
        *,
        status: int | None = None,
        code: int | None = None,
        message: str | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Initialize the error; only the two numbers are added to its text."""
        details = [
            f"{name} {value}"
            for name, value in (("HTTP status", status), ("Plex error code", code))
            if value is not None
        ]
        super().__init__(f"{summary} ({', '.join(details)})" if details else summary)
        self.status = status
        self.code = code
        self.message = message
        self.content_type = content_type
        self.headers = headers
        self.retry_after = _retry_after(headers)


class PlexConnectionError(PlexError):
    """The other side could not be reached, or hung up.

    `request_sent` is false if it failed before the request was written.
    `no_route` is true if this machine has no route to the address.
    """

    def __init__(
        self, summary: str, *, request_sent: bool, no_route: bool = False
    ) -> None:
        """Initialize the error with whether the request may have arrived."""
        super().__init__(summary)
        self.request_sent = request_sent
        self.no_route = no_route


class PlexAddressError(PlexConnectionError):
    """Nothing can ever be sent to this address, or with these headers."""

    def __init__(self, summary: str) -> None:
        """Initialize the error; nothing was sent."""
        super().__init__(summary, request_sent=False)


class PlexCertificateError(PlexConnectionError):
    """The certificate was refused: wrong name, expired, or unknown issuer."""


class PlexTimeoutError(PlexConnectionError):
    """No complete answer arrived in time."""


class PlexAuthenticationError(PlexError):
    """The login, password, or token was refused."""


class PlexTwoFactorRequired(PlexAuthenticationError):
    """The account requires a two-factor code (code 1029)."""


class PlexInvalidCode(PlexAuthenticationError):
    """The two-factor code is wrong (code 1028)."""


class PlexEmailRequired(PlexAuthenticationError):
    """The account can only sign in with its email address (code 1030)."""


class PlexTooManyAttempts(PlexAuthenticationError):
    """This address is locked out after too many refused sign-ins (code 1031)."""


class PlexRateLimitError(PlexError):
    """Too many requests (HTTP status 429)."""


class PlexResponseError(PlexError):
    """Any other refusal, or an answer that the operation does not expect."""


class PlexUnknownSource(PlexResponseError):
    """The server answered, but named no source."""


class PlexResponseTooLarge(PlexResponseError):
    """The answer is longer than the operation accepts."""


class PlexMaintenance(PlexResponseError):
    """The server is under maintenance, such as a database migration (503)."""


def _retry_after(headers: Mapping[str, str] | None) -> float | None:
    """Return the seconds that a Retry-After header asks for, as a number or a date.

    Dates are parsed by the email parser, which is only trusted with short text.
    """
    if not headers:
        return None
    value = headers.get("Retry-After", "").strip()
    if not value or len(value) > _MAX_RETRY_AFTER_LENGTH:
        return _MAX_RETRY_AFTER_SECONDS if _is_number(value) else None
    if _is_number(value):
        return min(float(value), _MAX_RETRY_AFTER_SECONDS)
    try:
        date = parsedate_to_datetime(value)
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        seconds = (date - datetime.now(UTC)).total_seconds()
    except Exception:  # noqa: BLE001, the header is untrusted text
        return None
    return min(max(0.0, seconds), _MAX_RETRY_AFTER_SECONDS)


def _is_number(value: str) -> bool:
    """Return whether a header is a whole number."""
    return value.isascii() and value.isdigit()
