"""Signs in to Plex: with a password, or by link for accounts without one."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from typing import Any, override
from uuid import uuid4

import voluptuous as vol

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_USER,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
)
from homeassistant.const import (
    CONF_CODE,
    CONF_PASSWORD,
    CONF_TOKEN,
    CONF_URL,
    CONF_USERNAME,
)
from homeassistant.core import callback
from homeassistant.data_entry_flow import FlowResultType, section
from homeassistant.helpers.selector import (
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .api import (
    PLEX_TV_URL,
    PlexAccount,
    PlexAuthenticationError,
    PlexConnectionError,
    PlexError,
    PlexInvalidCode,
    PlexPin,
    PlexRateLimitError,
    PlexResponseError,
    PlexTooManyAttempts,
    PlexTvClient,
    PlexTwoFactorRequired,
    RetryConfig,
    secure_base_url,
)
from .clients import plex_tv_client, stored_client_identifier, stored_url
from .const import CONF_CLIENT_IDENTIFIER, DOMAIN, LOGGER, SIGN_OUT_SECONDS

CONF_ADVANCED = "advanced"

LINK_URL = "https://plex.tv/link"
POLL_SECONDS = 1
RATE_LIMITED_POLL_SECONDS = 10

_METHODS = ["password", "link"]
_PIN_SECONDS = 900
_MAX_PIN_SECONDS = 3600
_RATE_LIMIT_SECONDS = 300
_LOCK_SECONDS = 3600


def _text(kind: TextSelectorType, autocomplete: str | None = None) -> TextSelector:
    return TextSelector(TextSelectorConfig(type=kind, autocomplete=autocomplete or ""))


PASSWORD_FIELDS = {
    vol.Required(CONF_USERNAME): _text(TextSelectorType.TEXT, "username"),
    vol.Required(CONF_PASSWORD): _text(TextSelectorType.PASSWORD, "current-password"),
}
CODE_SCHEMA = vol.Schema(
    {vol.Required(CONF_CODE): _text(TextSelectorType.TEXT, "one-time-code")}
)


class PlexAccountConfigFlow(ConfigFlow, domain=DOMAIN):
    """Handle a sign-in, be it the first, a renewed one or another way of it."""

    VERSION = 1

    def __init__(self) -> None:
        """Start as a client that Plex has not seen before."""
        self._client_identifier = str(uuid4())
        self._url = self._typed_url = PLEX_TV_URL
        self._username = ""
        self._password = ""
        self._wait_seconds = 0.0
        self._pin: PlexPin | None = None
        self._approval: asyncio.Task[PlexAccount | None] | None = None
        self._account: PlexAccount | None = None
        self._link_errors: dict[str, str] = {}
        self._unstored_token: str | None = None
        self._closed = False
        self._ask_again = False

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask how to sign in."""
        return self.async_show_menu(
            step_id="user",
            menu_options=_METHODS,
            description_placeholders=self._placeholders(),
        )

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Sign in anew after Plex has revoked the token."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask how to sign in again."""
        return self._show_menu_for("reauth_confirm", self._get_reauth_entry())

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask how to sign in from now on."""
        return self._show_menu_for("reconfigure", self._get_reconfigure_entry())

    def _show_menu_for(self, step_id: str, entry: ConfigEntry) -> ConfigFlowResult:
        """Go on as the client that an entry was signed in with."""
        if identifier := stored_client_identifier(entry):
            self._client_identifier = identifier
        self._url = self._typed_url = stored_url(entry) or PLEX_TV_URL
        self._username = entry.data.get(CONF_USERNAME, "")
        return self.async_show_menu(
            step_id=step_id,
            menu_options=_METHODS,
            description_placeholders={"name": entry.title},
        )

    def _is_reopened(self, step_id: str) -> bool:
        """Return whether somebody comes back to a step in a dialog that was closed."""
        step = self.cur_step
        return (
            step is not None
            and step["type"] is FlowResultType.FORM
            and step["step_id"] == step_id
        )

    async def _async_show_menu(self) -> ConfigFlowResult:
        """Ask once more how to sign in: no form has a way back."""
        if self.source == SOURCE_USER:
            return await self.async_step_user()
        if self.source == SOURCE_REAUTH:
            return await self.async_step_reauth_confirm()
        return await self.async_step_reconfigure()

    async def async_step_password(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Sign in with a password."""
        if user_input is None and self._is_reopened("password"):
            return await self._async_show_menu()
        errors: dict[str, str] = {}
        if user_input is not None:
            self._username = user_input[CONF_USERNAME].strip()
            self._password = user_input[CONF_PASSWORD]
            errors = self._take_url(user_input)
            if not errors and not (self._username and self._password):
                errors = {"base": "invalid_auth"}
            if not errors:
                account, errors = await self._async_sign_in()
                if account:
                    return await self._async_finish(account)
                if CONF_CODE in errors:
                    return await self.async_step_two_factor()
        return self._show_form("password", PASSWORD_FIELDS, errors)

    async def async_step_two_factor(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Sign in with the password and a two-factor code."""
        if user_input is None and self._is_reopened("two_factor"):
            return await self._async_show_menu()
        errors: dict[str, str] = {}
        if user_input is not None:
            code = "".join(user_input[CONF_CODE].split())
            account, errors = await self._async_sign_in(code)
            if account:
                return await self._async_finish(account)
        return self.async_show_form(
            step_id="two_factor",
            data_schema=CODE_SCHEMA,
            errors=errors,
            description_placeholders=self._placeholders(),
        )

    async def async_step_link(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask plex.tv for a code to link this client with."""
        if user_input is None and self._is_reopened("link"):
            return await self._async_show_menu()
        errors, self._link_errors = self._link_errors, {}
        if user_input is not None:
            errors = self._take_url(user_input)
            if not errors:
                try:
                    self._pin = await self._client().create_pin()
                except PlexError as error:
                    errors = self._explain(error)
                else:
                    if self._closed:
                        return self.async_abort(reason="closed")
                    return await self.async_step_link_wait()
        return self._show_form("link", {}, errors)

    async def async_step_link_wait(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the code until somebody has typed it at plex.tv/link."""
        assert self._pin
        if self._approval is None:
            self._approval = self.hass.async_create_background_task(
                self._async_wait_for_approval(self._pin),
                f"{DOMAIN} approval",
                eager_start=False,
            )
        if not self._approval.done():
            return self.async_show_progress(
                step_id="link_wait",
                progress_action="link_wait",
                description_placeholders={"code": self._pin.code, "url": LINK_URL},
                progress_task=self._approval,
            )
        approval, self._approval = self._approval, None
        try:
            self._account = approval.result()
        except PlexError as error:
            self._link_errors = self._explain(error)
            self._sign_out_unstored()
            return self.async_show_progress_done(next_step_id="link")
        return self.async_show_progress_done(
            next_step_id="link_done" if self._account else "link_expired"
        )

    async def async_step_link_done(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Finish a sign-in by link."""
        assert self._account
        self._username = ""
        return await self._async_finish(self._account)

    async def async_step_link_expired(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Give up: nobody has typed the code in time."""
        return self._give_up(reason="link_expired")

    def _give_up(self, *, reason: str) -> ConfigFlowResult:
        """Abort; as long as Plex refuses the stored token, only asking again helps."""
        self._ask_again = self.source == SOURCE_REAUTH
        return self.async_abort(reason=reason)

    @callback
    @override
    def async_remove(self) -> None:
        """Leave no token behind that no entry keeps."""
        self._closed = True
        self._sign_out_unstored()
        if self._ask_again and (entry := self._renewed_entry):
            entry.async_start_reauth(self.hass)

    async def _async_sign_in(
        self, code: str | None = None
    ) -> tuple[PlexAccount | None, dict[str, str]]:
        """Return the account, or what to show; an error of the code asks for one."""
        try:
            account = await self._client().post_users_sign_in_data(
                self._username, self._password, code
            )
        except PlexError as error:
            return None, self._explain(error)
        except Exception:  # noqa: BLE001
            LOGGER.exception("Unexpected exception")
            return None, {"base": "unknown"}
        self._note_token(account.auth_token, account.uuid)
        return account, {}

    async def _async_wait_for_approval(self, pin: PlexPin) -> PlexAccount | None:
        """Return the account that was linked, None once the code has expired.

        Answers that are no answer are waited out, as long as the code lives.
        """
        client = self._client()
        lifetime = min(pin.expires_in or _PIN_SECONDS, _MAX_PIN_SECONDS)
        end = self.hass.loop.time() + lifetime
        pause: float = POLL_SECONDS
        while self.hass.loop.time() + pause < end:
            await asyncio.sleep(pause)
            pause = POLL_SECONDS
            try:
                answer = await client.get_pin(pin.id)
            except PlexRateLimitError as error:
                pause = error.retry_after or RATE_LIMITED_POLL_SECONDS
            except PlexResponseError as error:
                if error.status == 404:
                    return None
            except PlexConnectionError:
                continue
            else:
                if token := answer.auth_token:
                    return await self._async_linked_account(token)
        return None

    async def _async_linked_account(self, token: str) -> PlexAccount:
        """Return the account whose token somebody has given this client."""
        self._note_token(token)
        account = await self._client(token).get_token_details(
            retry=RetryConfig(max_elapsed_time=30_000)
        )
        self._note_token(token, account.uuid)
        return replace(account, auth_token=token)

    async def _async_finish(self, account: PlexAccount) -> ConfigFlowResult:
        """Store the token of an account that has signed in."""
        entry = self._renewed_entry
        if self._closed or (entry is None and self.source != SOURCE_USER):
            self._sign_out_unstored()
            return self.async_abort(reason="closed")
        await self.async_set_unique_id(account.uuid, raise_on_progress=entry is None)
        data = {
            CONF_TOKEN: account.auth_token,
            CONF_CLIENT_IDENTIFIER: self._client_identifier,
        }
        if self._username:
            data[CONF_USERNAME] = self._username
        if self._url != PLEX_TV_URL:
            data[CONF_URL] = self._url
        if entry is None:
            self._abort_if_unique_id_configured()
            self._unstored_token = None
            return self.async_create_entry(
                title=account.public_name or "Plex account", data=data
            )
        if account.uuid != entry.unique_id:
            return self._give_up(reason="wrong_account")
        self._unstored_token = None
        return self.async_update_reload_and_abort(entry, data=data)

    @property
    def _renewed_entry(self) -> ConfigEntry | None:
        """Return the entry that is signed in anew, None if there is none or no more."""
        entry_id = self.context.get("entry_id")
        return self.hass.config_entries.async_get_entry(entry_id) if entry_id else None

    def _note_token(self, token: str | None, uuid: str | None = None) -> None:
        """Remember to sign a token out unless an entry comes to keep it.

        Left alone is a token of the account that is signed in anew, and one of
        which that isn't known to be false: it shares the client identifier of the
        stored token, which Plex may end along with it.
        """
        entry = self._renewed_entry
        if entry is None or uuid not in (None, entry.unique_id):
            self._unstored_token = token

    def _sign_out_unstored(self) -> None:
        """Sign out a token that no entry keeps."""
        token, self._unstored_token = self._unstored_token, None
        if token and not any(
            entry.data.get(CONF_TOKEN) == token
            for entry in self.hass.config_entries.async_entries(DOMAIN)
        ):
            self.hass.async_create_task(self._async_sign_out(token))

    async def _async_sign_out(self, token: str) -> None:
        """Sign a token out as well as it goes."""
        try:
            await self._client(token).sign_out(timeout=SIGN_OUT_SECONDS)
        except PlexError as error:
            LOGGER.debug("A token could not be signed out: %s", error)

    def _client(self, token: str | None = None) -> PlexTvClient:
        """Return a client for the address that was given."""
        return plex_tv_client(self.hass, self._url, self._client_identifier, token)

    def _take_url(self, user_input: dict[str, Any]) -> dict[str, str]:
        """Use the address that was given, or return why not."""
        if CONF_ADVANCED not in user_input:
            return {}
        self._typed_url = user_input[CONF_ADVANCED][CONF_URL].strip()
        if not (url := secure_base_url(self._typed_url)):
            return {"base": "insecure_url"}
        self._url = url
        return {}

    def _show_form(
        self, step_id: str, fields: dict[Any, Any], errors: dict[str, str]
    ) -> ConfigFlowResult:
        """Show a form, with the address where it may be changed."""
        address = {CONF_URL: self._typed_url}
        if self.source != SOURCE_REAUTH:
            field = vol.Required(CONF_URL, default=self._typed_url)
            advanced = vol.Schema({field: _text(TextSelectorType.URL)})
            fields = {
                **fields,
                vol.Required(CONF_ADVANCED, default=address): section(
                    advanced, {"collapsed": True}
                ),
            }
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(fields),
                {CONF_USERNAME: self._username, CONF_ADVANCED: address},
            ),
            errors=errors,
            description_placeholders=self._placeholders(),
        )

    def _placeholders(self) -> dict[str, str]:
        """Return what the sentences of forms and errors may name."""
        return {
            "minutes": str(ceil(self._wait_seconds / 60)),
            "username": self._username,
            "link_url": LINK_URL,
            "default_url": PLEX_TV_URL,
        }

    def _explain(self, error: PlexError) -> dict[str, str]:
        """Return the sentence for what plex.tv answered."""
        match error:
            case PlexInvalidCode() | PlexTwoFactorRequired():
                return {CONF_CODE: "invalid_code"}
            case PlexTooManyAttempts():
                self._wait_seconds = error.retry_after or _LOCK_SECONDS
                return {"base": "too_many_attempts"}
            case PlexAuthenticationError():
                return {"base": "invalid_auth"}
            case PlexRateLimitError():
                self._wait_seconds = error.retry_after or _RATE_LIMIT_SECONDS
                return {"base": "rate_limited"}
            case PlexConnectionError():
                return {"base": "cannot_connect"}
            case _ if error.status and error.status >= 500:
                return {"base": "cannot_connect"}
            case _:
                return {"base": "invalid_response"}
