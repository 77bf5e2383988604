"""Config flow for the Plex Account integration."""

import asyncio
from collections.abc import Awaitable, Mapping
from math import ceil
from typing import Any, override
from urllib.parse import quote

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
)
from homeassistant.const import CONF_CODE, CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import callback
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow

from .api import PlexAccount, PlexError
from .const import DOMAIN
from .forms import SCHEMAS, error_to_form_errors, error_to_wait_seconds
from .markdown import escape
from .options_flow import PlexAccountOptionsFlow
from .sign_in import Link, SignIn, log_unexpected
from .typed_text import normalize_code, normalize_login
from .unattended import UnattendedFinish

_LINK_URL = "https://plex.tv/link/"

_MENUS: dict[str | None, str] = {
    SOURCE_USER: "user",
    SOURCE_REAUTH: "reauth_confirm",
    SOURCE_RECONFIGURE: "reconfigure",
}


class PlexAccountConfigFlow(ConfigFlow, domain=DOMAIN):
    """Handle a config flow for Plex Account."""

    VERSION = 1
    MINOR_VERSION = 2

    def __init__(self) -> None:
        """Initialize the config flow."""
        self._sign_in: SignIn | None = None
        self._link: Link | None = None
        self._account: PlexAccount | None = None
        self._unattended: UnattendedFinish | None = None
        self._errors: dict[str, str] = {}
        self._wait_seconds = 0.0
        self._password_lock = asyncio.Lock()
        self._finished = False
        self._ask_again = False

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> PlexAccountOptionsFlow:
        """Return the options flow."""
        return PlexAccountOptionsFlow()

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask how to sign in."""
        return self._show_menu()

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Sign in again because the stored token is no longer accepted."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask how to sign in again."""
        return self._show_menu()

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask how to sign in from now on."""
        return self._show_menu()

    def _show_menu(self) -> ConfigFlowResult:
        """Show the sign-in methods, also when the dialog is reopened.

        The forms have no way back to the menu.
        """
        entry = self._renewed_entry
        if entry is None and self.source != SOURCE_USER:
            return self.async_abort(reason="closed")
        if self._sign_in is None:
            self._sign_in = SignIn.begin(self.hass, entry)
            if self._sign_in is None:
                return self.async_abort(reason="insecure_url")
        self._sign_in.forget_password()
        self._errors = {}
        return self.async_show_menu(
            step_id=_MENUS[self.source],
            menu_options=["password", "link"],
            description_placeholders={"name": escape(entry.title)} if entry else {},
        )

    async def async_step_password(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Sign in with a password."""
        if user_input is None:
            if self._is_shown("password"):
                return self._show_menu()
            return self._show_form("password")
        sign_in = self._begun_sign_in
        async with self._password_lock:
            self._raise_if_finished()
            sign_in.username = normalize_login(user_input[CONF_USERNAME])
            account = await self._async_attempt(
                sign_in.async_with_password(user_input[CONF_PASSWORD])
            )
            if account:
                return await self._async_finish(account)
        return self._show_form("password" if self._errors else "two_factor")

    async def async_step_two_factor(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Sign in with the password and a two-factor code."""
        if user_input is None:
            return self._show_menu()
        sign_in = self._begun_sign_in
        async with self._password_lock:
            self._raise_if_finished()
            if not sign_in.awaits_code:
                self._errors = {}
                return self._show_form("password")
            account = await self._async_attempt(
                sign_in.async_with_code(normalize_code(user_input[CONF_CODE]))
            )
            if account:
                return await self._async_finish(account)
        return self._show_form("two_factor")

    async def async_step_link(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Request a code to link this client."""
        sign_in = self._begun_sign_in
        pin = await self._async_attempt(sign_in.async_request_code())
        if sign_in.closed:
            return self.async_abort(reason="closed")
        if pin is None:
            return self._show_form("link_expired")
        self._link = sign_in.wait_for_approval(pin)
        return await self.async_step_link_wait()

    async def async_step_link_wait(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the code until it has been entered or has expired."""
        link = self._link
        assert link
        if not link.approval.done():
            seconds = link.expires_at - self.hass.loop.time()
            return self.async_show_progress(
                step_id="link_wait",
                progress_action="link_wait",
                description_placeholders={
                    "code": escape(link.code),
                    "url": f"{_LINK_URL}?pin={quote(link.code, safe='')}",
                    "minutes": str(max(1, ceil(seconds / 60))),
                },
                progress_task=link.approval,
            )
        self._account = await self._async_attempt(link.approval)
        if self._account is None:
            return self.async_show_progress_done(next_step_id="link_expired")
        self._unattended = UnattendedFinish(self)
        return self.async_show_progress_done(next_step_id="link_done")

    async def async_step_link_done(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Finish a sign-in by link."""
        assert self._account
        return await self._async_finish(self._account)

    async def async_step_link_expired(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Explain why there is no code or it has expired, and offer a new one."""
        if not self._is_shown("link_expired"):
            return self._show_form("link_expired")
        if user_input is None:
            return self._show_menu()
        return await self.async_step_link()

    async def _async_finish(self, account: PlexAccount) -> ConfigFlowResult:
        """Store the token of an account that has signed in, once."""
        self._raise_if_finished()
        self._finished = True
        if self._unattended:
            self._unattended.cancel()
        sign_in = self._begun_sign_in
        entry = self._renewed_entry
        if sign_in.closed or (entry is None and self.source != SOURCE_USER):
            return self.async_abort(reason="closed")
        name = account.public_name or "Plex account"
        if entry is None:
            await self.async_set_unique_id(account.uuid)
            self._abort_if_unique_id_configured()
            return self.async_create_entry(title=name, data=sign_in.hand_over(account))
        if account.uuid != entry.unique_id:
            # Plex still refuses the stored token, so the sign-in is still needed.
            self._ask_again = self.source == SOURCE_REAUTH
            return self.async_abort(
                reason="wrong_account",
                description_placeholders={
                    "name": escape(entry.title),
                    "other": escape(name),
                },
            )
        return self.async_update_reload_and_abort(
            entry, data=sign_in.hand_over(account)
        )

    def _raise_if_finished(self) -> None:
        """Refuse to run the last step twice.

        The second run would find the entry of the first while it is being set up. The
        caller gets the same error as for any flow that has ended.
        """
        if self._finished:
            raise UnknownFlow

    @callback
    @override
    def async_remove(self) -> None:
        """Clean up after the flow."""
        if self._unattended:
            self._unattended.cancel()
        if self._sign_in:
            self._sign_in.close()
        if self._ask_again and (entry := self._renewed_entry):
            # Deferred, because no other flow starts while this one is in progress.
            self.hass.loop.call_soon(entry.async_start_reauth, self.hass)

    async def _async_attempt[T](self, attempt: Awaitable[T]) -> T | None:
        """Return the result of a sign-in; if it fails, note the error to show."""
        self._errors, self._wait_seconds = {}, 0
        try:
            return await attempt
        except PlexError as error:
            self._errors = error_to_form_errors(error)
            self._wait_seconds = error_to_wait_seconds(error)
        except Exception as error:  # noqa: BLE001
            log_unexpected(error)
            self._errors = {"base": "unknown"}
        return None

    @property
    def _begun_sign_in(self) -> SignIn:
        """Return the sign-in that the menu started."""
        assert self._sign_in
        return self._sign_in

    @property
    def _renewed_entry(self) -> ConfigEntry | None:
        """Return the entry to sign in again, or None if there is none or it is gone."""
        entry_id = self.context.get("entry_id")
        return self.hass.config_entries.async_get_entry(entry_id) if entry_id else None

    def _is_shown(self, step_id: str) -> bool:
        """Return whether the dialog currently shows the form of a step."""
        step = self.cur_step
        return (
            step is not None
            and step["type"] is FlowResultType.FORM
            and step["step_id"] == step_id
        )

    def _show_form(self, step_id: str) -> ConfigFlowResult:
        """Show a form with the previous input, except secrets."""
        sign_in = self._begun_sign_in
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                SCHEMAS[step_id], {CONF_USERNAME: sign_in.username}
            ),
            errors=self._errors,
            description_placeholders={
                "minutes": str(ceil(self._wait_seconds / 60)),
                "username": escape(sign_in.username),
            },
        )
