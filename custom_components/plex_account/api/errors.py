"""What can go wrong, told so that text and repr are safe to log.

Neither body nor headers nor URL ever enter the text of an error, and no error
carries another one as its cause: those of aiohttp may hold URLs and headers.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MAX_RETRY_AFTER_SECONDS = 86_400.0
_MAX_RETRY_AFTER_LENGTH = 64


class PlexError(Exception):
    """A request to Plex failed.

    `message` and `headers` are what the other side sent: never log them.
    `retry_after` is the wait it asked for, in seconds and at most a day, None where
    it did not.
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
        """Keep the facts of the answer; only the two numbers join the text."""
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

    `request_sent` is false where it failed before the request was written.
    `no_route` is true where this machine's network leads to no such address.
    """

    def __init__(
        self, summary: str, *, request_sent: bool, no_route: bool = False
    ) -> None:
        """Remember whether the request may have arrived."""
        super().__init__(summary)
        self.request_sent = request_sent
        self.no_route = no_route


class PlexAddressError(PlexConnectionError):
    """Nothing can be sent to this address, or with these headers, ever."""

    def __init__(self, summary: str) -> None:
        """Know that nothing was sent."""
        super().__init__(summary, request_sent=False)


class PlexCertificateError(PlexConnectionError):
    """The certificate was refused: another name, expired, or an unknown issuer."""


class PlexTimeoutError(PlexConnectionError):
    """No complete answer came in time."""


class PlexAuthenticationError(PlexError):
    """Login, password or token are refused."""


class PlexTwoFactorRequired(PlexAuthenticationError):
    """The account asks for a two-factor code (code 1029)."""


class PlexInvalidCode(PlexAuthenticationError):
    """The two-factor code is wrong (code 1028)."""


class PlexEmailRequired(PlexAuthenticationError):
    """The account signs in with its email address only (code 1030)."""


class PlexTooManyAttempts(PlexAuthenticationError):
    """This address is locked out after too many refused sign-ins (code 1031)."""


class PlexRateLimitError(PlexError):
    """Too many requests (HTTP status 429)."""


class PlexResponseError(PlexError):
    """Another refusal, or an answer that is not what the operation answers."""


class PlexUnknownSource(PlexResponseError):
    """The server answered, but of no source."""


class PlexResponseTooLarge(PlexResponseError):
    """The answer is longer than the operation reads."""


class PlexMaintenance(PlexResponseError):
    """The server is busy with itself, such as migrating its database (503)."""


def _retry_after(headers: Mapping[str, str] | None) -> float | None:
    """Return the seconds a Retry-After header asks for, given as number or date.

    The parser of dates is the email parser, which is only trusted with short text.
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
    except Exception:  # noqa: BLE001, the header is somebody else's text
        return None
    return min(max(0.0, seconds), _MAX_RETRY_AFTER_SECONDS)


def _is_number(value: str) -> bool:
    """Return whether a header is a whole number."""
    return value.isascii() and value.isdigit()
