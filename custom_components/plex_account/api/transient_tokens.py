"""The transient token of one server: when it is renewed, and when it is not."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from time import monotonic

from .errors import (
    PlexAuthenticationError,
    PlexConnectionError,
    PlexError,
    PlexRateLimitError,
)
from .models import TransientToken

# A token is renewed once it has less than this long left.
RENEW_BEFORE_EXPIRY_SECONDS = 24 * 3600

_LIFETIME_SECONDS = 48 * 3600
_FIRST_PAUSE_SECONDS = 50
_MAX_PAUSE_SECONDS = 3600


class TokenState(StrEnum):
    """What is known about a server's token."""

    MISSING = "missing"
    UNPROVEN = "unproven"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class TransientTokenManager:
    """Keeps one transient token, and mints a new one when that helps.

    After a transient failure, minting pauses for 50 s, doubling each time up to an
    hour, or for as long as Retry-After asks if that is longer. A refusal suspends
    minting until `resume`.
    """

    def __init__(self, mint: Callable[[], Awaitable[TransientToken]]) -> None:
        """Initialize without a token; `mint` asks the server for one."""
        self._mint = mint
        self._minting = asyncio.Lock()
        self._minted_at = 0.0
        self._accepted = False
        self._suspended = False
        self._failed_mints = 0
        self._last_error: PlexError | None = None
        self._next_mint = 0.0
        self.token: TransientToken | None = None

    @property
    def state(self) -> TokenState:
        """Return what is known about the token; refused means minting is suspended."""
        if self.token:
            return TokenState.ACCEPTED if self._accepted else TokenState.UNPROVEN
        return TokenState.REFUSED if self._suspended else TokenState.MISSING

    async def get(self, *, patient: bool = True) -> TransientToken:
        """Return the token, or a new one; raise PlexError if there is none.

        A patient caller respects the pause after a failed mint. Other callers only
        respect the pause of a rate limit, because someone is waiting for them.
        """
        token = self.token
        age = monotonic() - self._minted_at
        if token and age < _LIFETIME_SECONDS - RENEW_BEFORE_EXPIRY_SECONDS:
            return token
        try:
            return await self._replace(token, patient=patient)
        except PlexError:
            if token is None or age >= _LIFETIME_SECONDS:
                raise
            return token

    async def renew(self, refused: TransientToken) -> TransientToken:
        """Return the token that replaces one that the server refuses.

        Raises PlexAuthenticationError if the server has never accepted it: a new one
        would fare no better, so minting is suspended.
        """
        if self.token is refused:
            self.token = None
            self._suspended = not self._accepted
        return await self._replace(None, patient=False)

    def accept(self, token: TransientToken) -> None:
        """Note that the server has accepted a token."""
        if token is self.token:
            self._accepted = True

    def resume(self) -> None:
        """Allow minting again after a refusal."""
        self._suspended = False

    async def _replace(
        self, replaced: TransientToken | None, *, patient: bool
    ) -> TransientToken:
        """Return a new token, or the one that another caller has just minted."""
        async with self._minting:
            if self.token and self.token is not replaced:
                return self.token
            if self._suspended:
                raise PlexAuthenticationError("The server takes no token")
            error = self._last_error
            if (
                error
                and monotonic() < self._next_mint
                and (patient or isinstance(error, PlexRateLimitError))
            ):
                raise error.with_traceback(None)
            try:
                self.token = await self._mint()
            except PlexError as failure:
                self._handle_failure(failure)
                raise
            self._minted_at = monotonic()
            self._accepted = False
            self._last_error = None
            self._failed_mints = 0
            return self.token

    def _handle_failure(self, error: PlexError) -> None:
        """Suspend minting after a refusal; pause it if the request may have arrived."""
        if isinstance(error, PlexAuthenticationError):
            self._suspended = True
        elif not isinstance(error, PlexConnectionError) or error.request_sent:
            pause = min(
                _FIRST_PAUSE_SECONDS * 2**self._failed_mints, _MAX_PAUSE_SECONDS
            )
            self._failed_mints = min(self._failed_mints + 1, 10)
            self._next_mint = monotonic() + max(pause, error.retry_after or 0)
            self._last_error = error
