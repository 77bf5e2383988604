"""Waits until a code has been entered at plex.tv/link."""

import asyncio

from .api import PlexAccount, PlexError, PlexPin, PlexRateLimitError, PlexTvClient

POLL_SECONDS = 1
RATE_LIMITED_POLL_SECONDS = 10
_MAX_POLL_SECONDS = 30

# Plex reports how long a code is valid, currently 15 minutes. The wait is limited to an
# hour so that it always ends.
_DEFAULT_SECONDS = 900
_MAX_SECONDS = 3600

# "Code not found or expired" and "code expired".
_EXPIRED_CODES = (1020, 1069)


class PlexLinkExpired(PlexError):
    """The code was not entered in time."""


def expiration(pin: PlexPin) -> float:
    """Return when a new code expires, in event loop time."""
    seconds = pin.expires_in or 0
    if seconds <= 0:
        seconds = _DEFAULT_SECONDS
    return asyncio.get_running_loop().time() + min(seconds, _MAX_SECONDS)


async def async_approved_token(
    client: PlexTvClient, pin_id: int, expires_at: float
) -> str:
    """Return the token of an approved code; raise PlexLinkExpired if it isn't approved.

    A code only ends when Plex reports it as expired or its time is up. Everything else
    is waited out: a load balancer in trouble answers with 401, an empty 404, or HTML.
    """
    pause: float = POLL_SECONDS
    while _is_before(expires_at, pause):
        await asyncio.sleep(pause)
        pause = POLL_SECONDS
        try:
            pin = await client.get_pin(pin_id)
        except PlexError as error:
            if _says_expired(error):
                break
            pause = _pause_after(error, POLL_SECONDS)
        else:
            if pin.auth_token:
                return pin.auth_token
    raise PlexLinkExpired("The code has expired")


async def async_account(client: PlexTvClient, expires_at: float) -> PlexAccount:
    """Return the account of an approved token.

    Requests are repeated until the code would have expired. Only then is the last
    PlexError raised.
    """
    growing: float = POLL_SECONDS
    while True:
        try:
            return await client.get_token_details()
        except PlexError as error:
            pause = _pause_after(error, growing)
            if not _is_before(expires_at, pause):
                raise
        await asyncio.sleep(pause)
        growing = min(growing * 2, _MAX_POLL_SECONDS)


def _is_before(expires_at: float, pause: float) -> bool:
    """Return whether a code is still valid after a pause."""
    return asyncio.get_running_loop().time() + pause < expires_at


def _says_expired(error: PlexError) -> bool:
    """Return whether Plex itself reports that a code has expired."""
    return error.code in _EXPIRED_CODES or (
        error.status == 404 and error.code is not None
    )


def _pause_after(error: PlexError, usual: float) -> float:
    """Return the seconds to wait before asking Plex again."""
    if error.retry_after is not None:
        return max(error.retry_after, usual)
    if isinstance(error, PlexRateLimitError):
        return max(RATE_LIMITED_POLL_SECONDS, usual)
    return usual
