"""One sign-in to Plex, and its token until an entry stores it."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
import os
from pathlib import PurePath
from traceback import extract_tb
from typing import Any, Self
from uuid import uuid4

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_USERNAME
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from .api import (
    PLEX_TV_URL,
    PlexAccount,
    PlexAuthenticationError,
    PlexError,
    PlexInvalidCode,
    PlexPin,
    PlexTvClient,
    PlexTwoFactorRequired,
    secure_base_url,
)
from .clients import plex_tv_client, stored_client_identifier, stored_url
from .const import CONF_CLIENT_IDENTIFIER, DOMAIN, LOGGER, SIGN_OUT_SECONDS
from .link import async_account, async_approved_token, expiration

_ACCOUNT_URL_VARIABLE = "PLEX_ACCOUNT_URL"

# Forget the password after this time, because closing the dialog while it asks for the
# two-factor code isn't reported.
_PASSWORD_SECONDS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A code to enter at plex.tv/link, and the task that waits for its approval.

    `expires_at` is in event loop time.
    """

    code: str
    expires_at: float
    approval: asyncio.Task[PlexAccount]


class SignIn:
    """The sign-in of one dialog.

    Keeps the password until the two-factor code is known, and the token until an
    entry stores it. A token that no entry ends up storing is signed out.
    """

    def __init__(
        self, hass: HomeAssistant, url: str, client_identifier: str, username: str
    ) -> None:
        """Initialize the sign-in."""
        self.username = username
        self.closed = False
        self._hass = hass
        self._url = url
        self._client_identifier = client_identifier
        self._password: str | None = None
        self._cancel_forgetting: CALLBACK_TYPE | None = None
        self._link: Link | None = None
        self._held: tuple[str, str | None] | None = None

    @classmethod
    def begin(cls, hass: HomeAssistant, entry: ConfigEntry | None) -> Self | None:
        """Return a sign-in, or None if secrets must not be sent to the URL of Plex.

        If there is an entry, the sign-in uses its client identifier and URL.
        """
        url = stored_url(entry) if entry else None
        if url is None:
            url = secure_base_url(
                os.environ.get(_ACCOUNT_URL_VARIABLE, PLEX_TV_URL).strip()
            )
        if url is None:
            return None
        client_identifier = stored_client_identifier(entry) if entry else None
        username = entry.data.get(CONF_USERNAME) if entry else None
        return cls(
            hass,
            url,
            client_identifier or str(uuid4()),
            username if isinstance(username, str) else "",
        )

    @property
    def awaits_code(self) -> bool:
        """Return whether only the two-factor code is missing."""
        return self._password is not None

    async def async_with_password(self, password: str) -> PlexAccount | None:
        """Return the account, or None if Plex asks for a two-factor code.

        Raises a PlexError if Plex refuses or doesn't answer.
        """
        self.forget_password()
        if not (self.username and password):
            raise PlexAuthenticationError("Nothing to sign in with")
        try:
            return await self._async_post(password)
        except PlexTwoFactorRequired, PlexInvalidCode:
            self._keep_password(password)
        return None

    async def async_with_code(self, code: str) -> PlexAccount:
        """Complete the sign-in with a two-factor code, and return the account.

        Raises a PlexError if Plex refuses or doesn't answer. A code can be entered again
        after any of these errors.
        """
        assert self._password is not None
        password = self._password
        self._keep_password(password)
        if not code:
            raise PlexInvalidCode("No code")
        account = await self._async_post(password, code)
        self.forget_password()
        return account

    async def _async_post(self, password: str, code: str | None = None) -> PlexAccount:
        """Sign in with a password and an optional code, and return the account."""
        account = await self._client().post_users_sign_in_data(
            self.username, password, code
        )
        assert account.auth_token is not None
        self._hold(account.auth_token, account.uuid)
        return account

    def _keep_password(self, password: str) -> None:
        """Keep a password for the step that asks for the code."""
        self.forget_password()
        if self.closed:
            return
        self._password = password
        self._cancel_forgetting = async_call_later(
            self._hass,
            _PASSWORD_SECONDS,
            HassJob(self._forget_password_at, cancel_on_shutdown=True),
        )

    @callback
    def _forget_password_at(self, _now: datetime) -> None:
        """Forget the password of an abandoned dialog."""
        self.forget_password()

    @callback
    def forget_password(self) -> None:
        """Forget the password."""
        self._password = None
        if self._cancel_forgetting:
            self._cancel_forgetting()
            self._cancel_forgetting = None

    async def async_request_code(self) -> PlexPin:
        """Return a new code for plex.tv/link.

        Raises a PlexError if Plex doesn't provide one.
        """
        return await self._client().create_pin()

    @callback
    def wait_for_approval(self, pin: PlexPin) -> Link:
        """Return a code that is polled in the background until it has expired."""
        if self._link:
            self._link.approval.cancel()
            self.discard_token()
        expires_at = expiration(pin)
        approval = self._hass.async_create_background_task(
            self._async_linked_account(pin.id, expires_at),
            f"{DOMAIN} approval",
            eager_start=False,
        )
        # An exception that is never retrieved would be logged with its traceback,
        # whose frames hold the token.
        approval.add_done_callback(_retrieve_exception)
        self._link = Link(code=pin.code, expires_at=expires_at, approval=approval)
        return self._link

    async def _async_linked_account(
        self, pin_id: int, expires_at: float
    ) -> PlexAccount:
        """Return the account that was linked.

        Raises PlexLinkExpired, or the last PlexError if the account of the token can't
        be fetched.
        """
        token = await async_approved_token(self._client(), pin_id, expires_at)
        self._hold(token)
        try:
            account = await async_account(self._client(token), expires_at)
        except Exception:
            self.discard_token()
            raise
        self._hold(token, account.uuid)
        self.username = ""
        return replace(account, auth_token=token)

    @callback
    def hand_over(self, account: PlexAccount) -> dict[str, Any]:
        """Return the data of an entry for an account; the entry now keeps the token."""
        self._held = None
        data = {
            CONF_TOKEN: account.auth_token,
            CONF_CLIENT_IDENTIFIER: self._client_identifier,
        }
        if self.username:
            data[CONF_USERNAME] = self.username
        if self._url != PLEX_TV_URL:
            data[CONF_URL] = self._url
        return data

    @callback
    def close(self) -> None:
        """Forget the password and discard the token."""
        self.closed = True
        self.forget_password()
        self.discard_token()

    def _hold(self, token: str, uuid: str | None = None) -> None:
        """Hold a token, and the uuid of its account once it is known."""
        self._held = (token, uuid)
        if self.closed:
            self.discard_token()

    @callback
    def discard_token(self) -> None:
        """Sign out the token that no entry stores.

        A token is left alone if it may belong to the account of an entry with the same
        client identifier, because Plex may end the stored token along with it.
        """
        held, self._held = self._held, None
        if held is None:
            return
        token, uuid = held
        if any(
            entry.data.get(CONF_TOKEN) == token
            or (
                stored_client_identifier(entry) == self._client_identifier
                and uuid in (None, entry.unique_id)
            )
            for entry in self._hass.config_entries.async_entries(DOMAIN)
        ):
            return
        self._hass.async_create_task(async_sign_out(self._client(token)))

    def _client(self, token: str | None = None) -> PlexTvClient:
        """Return a client for plex.tv."""
        return plex_tv_client(self._hass, self._url, self._client_identifier, token)


async def async_sign_out(client: PlexTvClient) -> bool:
    """Sign out the token of a client; return whether it is no longer valid."""
    try:
        async with asyncio.timeout(SIGN_OUT_SECONDS):
            await client.sign_out()
    except PlexAuthenticationError:
        return True
    except (PlexError, TimeoutError) as error:
        LOGGER.debug("Failed to sign out a token: %s", error)
        return False
    except Exception as error:  # noqa: BLE001
        log_unexpected(error)
        return False
    return True


def log_unexpected(error: Exception) -> None:
    """Log an unexpected error without its traceback.

    Handlers that record the variables of its frames would record passwords and tokens.
    """
    [*_, frame] = extract_tb(error.__traceback__)
    LOGGER.error(
        "Unexpected exception %s in %s, line %s",
        type(error).__name__,
        PurePath(frame.filename).name,
        frame.lineno,
    )


def _retrieve_exception(task: asyncio.Task[Any]) -> None:
    """Retrieve the exception of a task so that asyncio doesn't log it."""
    if not task.cancelled():
        task.exception()
