"""The sign-in dialogs, used the way a person uses them in the frontend."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    get_schema_suggested_value,
)

from homeassistant.config_entries import ConfigEntry, ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.util import dt as dt_util
from tests.simulator import Account, Simulator

from .common import DOMAIN, settle, until

type Method = Literal["password", "code", "link"]
type Source = Literal["user", "reauth", "reconfigure"]
type Fault = dict[str, Any]

METHODS: tuple[Method, ...] = ("password", "code", "link")
RENEWALS: tuple[Source, ...] = ("reauth", "reconfigure")
SOURCES: tuple[Source, ...] = ("user", *RENEWALS)
SIGN_IN = "/users/signin"

# aiohttp's parser raises RecursionError for this header.
UNREADABLE: Fault = {"status": 503, "headers": {"Content-Type": "(" * 1000}}
HTML = "<html><body>Down for maintenance</body></html>"
# Faults at plex.tv, the resulting form errors, and the minutes they mention.
TROUBLE: list[tuple[Fault, str, str]] = [
    ({"status": 429}, "rate_limited", "5"),
    ({"status": 429, "headers": {"Retry-After": "30"}}, "rate_limited", "1"),
    ({"status": 400}, "invalid_response", "0"),
    ({"status": 403, "body": HTML}, "invalid_response", "0"),
    ({"body": HTML}, "invalid_response", "0"),
    ({"body": {"id": 1, "uuid": ""}}, "invalid_response", "0"),
    ({"status": 503, "body": HTML}, "cannot_connect", "0"),
    (UNREADABLE, "cannot_connect", "0"),
    ({"action": "drop"}, "cannot_connect", "0"),
    ({"action": "truncate"}, "cannot_connect", "0"),
]


@dataclass
class Dialogs:
    """Everything that happens between a person at the frontend and plex.tv."""

    hass: HomeAssistant
    simulator: Simulator
    account: Account

    @property
    def entries(self) -> list[ConfigEntry]:
        """Return the accounts that were added."""
        return self.hass.config_entries.async_entries(DOMAIN)

    @property
    def entry(self) -> Any:
        """Return the only account that was added."""
        [entry] = self.entries
        return entry

    @property
    def in_progress(self) -> list[ConfigFlowResult]:
        """Return the dialogs that are open."""
        return self.hass.config_entries.flow.async_progress()

    @property
    def tokens(self) -> list[str]:
        """Return the account's valid tokens."""
        return list(self.account.tokens)

    def count(self, method: str, path: str) -> int:
        """Return the number of matching requests."""
        return sum(
            request.method == method and request.path.startswith(path)
            for request in self.simulator.requests
        )

    async def open(
        self, source: Source = "user", entry: ConfigEntry | None = None
    ) -> ConfigFlowResult:
        """Open a dialog, for the only account by default, and return its menu."""
        if source == "user":
            flow = self.hass.config_entries.flow
            return await flow.async_init(DOMAIN, context={"source": "user"})
        entry = entry or self.entry
        assert isinstance(entry, MockConfigEntry)
        if source == "reauth":
            return await entry.start_reauth_flow(self.hass)
        return await entry.start_reconfigure_flow(self.hass)

    def close(self, step: ConfigFlowResult) -> None:
        """Close a dialog."""
        self.hass.config_entries.flow.async_abort(step["flow_id"])

    async def submit(
        self, step: ConfigFlowResult, typed: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Submit user input, or fetch the current step of a dialog."""
        flow = self.hass.config_entries.flow
        return await flow.async_configure(step["flow_id"], typed)

    async def choose(
        self, menu: ConfigFlowResult | None, method: Literal["password", "link"]
    ) -> ConfigFlowResult:
        """Choose a sign-in method, for a new entry if no menu is given."""
        menu = menu or await self.open()
        return await self.submit(menu, {"next_step_id": method})

    async def log_in(self, form: ConfigFlowResult, **typed: str) -> ConfigFlowResult:
        """Submit the form for a password."""
        login = {"username": "ada", "password": self.account.password or ""}
        return await self.submit(form, login | typed)

    async def approve(
        self, wait: ConfigFlowResult, account: Account | None = None
    ) -> None:
        """Enter the displayed code at plex.tv while no frontend is polling the dialog."""
        assert wait["type"] is FlowResultType.SHOW_PROGRESS
        code = wait["description_placeholders"]["code"]
        self.simulator.approve_pin(code, account or self.account)
        await settle(self.hass)

    async def link(
        self, wait: ConfigFlowResult, account: Account | None = None
    ) -> ConfigFlowResult:
        """Enter the displayed code at plex.tv, and return the dialog's next step."""
        await self.approve(wait, account)
        return await self.submit(wait)

    async def sign_in(
        self,
        menu: ConfigFlowResult | None = None,
        method: Method = "password",
        account: Account | None = None,
    ) -> ConfigFlowResult:
        """Complete a dialog, for a new entry if no menu is given."""
        account = account or self.account
        if method == "link":
            return await self.link(await self.choose(menu, "link"), account)
        account.code = "654321" if method == "code" else None
        form = await self.choose(menu, "password")
        password = account.password or ""
        step = await self.log_in(form, username=account.username, password=password)
        if method == "code":
            step = await self.submit(step, {"code": "654321"})
        return step

    async def pass_seconds(self, seconds: float) -> None:
        """Let time pass."""
        later = dt_util.utcnow() + timedelta(seconds=seconds)
        async_fire_time_changed(self.hass, later)
        await settle(self.hass)

    async def complete(
        self,
        source: Source = "user",
        method: Method = "password",
        account: Account | None = None,
    ) -> ConfigFlowResult:
        """Open a dialog, complete it, and wait for everything it triggers."""
        result = await self.sign_in(await self.open(source), method, account)
        await settle(self.hass)
        return result

    @asynccontextmanager
    async def held(
        self, work: Coroutine[Any, Any, Any], path: str = SIGN_IN, method: str = "*"
    ) -> AsyncIterator[asyncio.Task[Any]]:
        """Start a request that plex.tv answers only after the block."""
        hang = self.simulator.fault(path=path, method=method, action="hang", times=1)
        task = self.hass.async_create_task(work)
        await until(lambda: hang.hits)
        yield task
        hang.release()

    def check_only_entry(self) -> ConfigEntry:
        """Check that there is one working account with the only token, and return its entry."""
        entry = self.entry
        assert entry.state is ConfigEntryState.LOADED
        assert self.tokens == [entry.data["token"]]
        return entry


def suggested(form: ConfigFlowResult) -> dict[str, Any]:
    """Return the fields of a form, each with its suggested value."""
    fields = form["data_schema"].schema
    return {str(one): get_schema_suggested_value(fields, str(one)) for one in fields}


def check_form(
    form: ConfigFlowResult,
    step_id: str,
    error: str | None = None,
    *,
    field: str = "base",
    minutes: str | None = None,
) -> None:
    """Check that a dialog shows a form, with this error."""
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == step_id
    assert form["errors"] == ({field: error} if error else {})
    if minutes:
        assert form["description_placeholders"]["minutes"] == minutes


def check_abort(result: ConfigFlowResult, reason: str) -> None:
    """Check that a dialog was aborted for this reason."""
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == reason


def check_created(result: ConfigFlowResult) -> ConfigEntry:
    """Check that a dialog added an account, and return its entry."""
    assert result["type"] is FlowResultType.CREATE_ENTRY
    return result["result"]
