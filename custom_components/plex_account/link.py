"""Waits until somebody has entered a code at plex.tv/link."""

import asyncio

from .api import PlexAccount, PlexError, PlexPin, PlexRateLimitError, PlexTvClient

POLL_SECONDS = 1
RATE_LIMITED_POLL_SECONDS = 10
_MAX_POLL_SECONDS = 30

# Plex tells how long a code lives, 15 minutes so far. More than an hour is not
# believed, so that a wait always ends.
_DEFAULT_SECONDS = 900
_MAX_SECONDS = 3600

# "Code not found or expired" and "code expired".
_EXPIRED_CODES = (1020, 1069)


class PlexLinkExpired(PlexError):
    """The code was not entered in time."""


def expiration(pin: PlexPin) -> float:
    """Return when a new code ends, in the time of the event loop."""
    seconds = pin.expires_in or 0
    if seconds <= 0:
        seconds = _DEFAULT_SECONDS
    return asyncio.get_running_loop().time() + min(seconds, _MAX_SECONDS)


async def async_approved_token(
    client: PlexTvClient, pin_id: int, expires_at: float
) -> str:
    """Return the token that an approval gives; raise PlexLinkExpired if there is none.

    Only Plex's own words, and the time that it told, end a code. Everything else is
    waited out: a load balancer in trouble answers 401, empty 404, HTML.
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

    An approval is not given up while the code would live: raises the last PlexError
    only then.
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
    """Return whether a code still lives after a pause."""
    return asyncio.get_running_loop().time() + pause < expires_at


def _says_expired(error: PlexError) -> bool:
    """Return whether Plex itself says that a code has expired."""
    return error.code in _EXPIRED_CODES or (
        error.status == 404 and error.code is not None
    )


def _pause_after(error: PlexError, usual: float) -> float:
    """Return the seconds to wait before Plex is asked again."""
    if error.retry_after is not None:
        return max(error.retry_after, usual)
    if isinstance(error, PlexRateLimitError):
        return max(RATE_LIMITED_POLL_SECONDS, usual)
    return usual
