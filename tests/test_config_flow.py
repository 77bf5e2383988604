"""Signing in, for the first time and anew, against a Plex that answers all it can."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
import logging
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    get_schema_suggested_value,
)
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker

from custom_components.plex_account import config_flow
from custom_components.plex_account.api import PlexTvClient
from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from tests.simulator import Account, Server, Simulator

from .common import CLIENT_IDENTIFIER, DOMAIN, set_up, settle, until

type SignIn = Callable[
    [HomeAssistant, Simulator, Account, ConfigFlowResult], Awaitable[ConfigFlowResult]
]

LOGIN = {"username": "ada", "password": "correct horse"}
RENEWALS = {
    "reauth": MockConfigEntry.start_reauth_flow,
    "reconfigure": MockConfigEntry.start_reconfigure_flow,
}
ERROR_1001 = {"errors": [{"code": 1001, "message": "no", "status": 401}]}
ERROR_1031 = {"errors": [{"code": 1031, "message": "no", "status": 401}]}
HTML = "<html><body>Down for maintenance</body></html>"

# What goes wrong, the error that it shows, and the minutes that the error names.
REFUSALS = [
    ({"status": 401, "body": ERROR_1001}, "invalid_auth", "0"),
    ({"status": 422, "body": ERROR_1001}, "invalid_auth", "0"),
    ({"status": 401, "body": ERROR_1031}, "too_many_attempts", "60"),
    (
        {"status": 401, "body": ERROR_1031, "headers": {"Retry-After": "90"}},
        "too_many_attempts",
        "2",
    ),
    ({"status": 429}, "rate_limited", "5"),
    ({"status": 429, "headers": {"Retry-After": "30"}}, "rate_limited", "1"),
]
FAILURES = [
    ({"status": 400}, "invalid_response"),
    ({"status": 302, "headers": {"Location": "/elsewhere"}}, "invalid_response"),
    ({"status": 403, "body": HTML}, "invalid_response"),
    ({"body": HTML}, "invalid_response"),
    ({"body": ""}, "invalid_response"),
    ({"body": []}, "invalid_response"),
    ({"body": {"id": 1, "uuid": ""}}, "invalid_response"),
    ({"body": {"id": 1, "uuid": "0123456789abcdef"}}, "invalid_response"),
    ({"status": 500}, "cannot_connect"),
    ({"status": 503, "body": HTML}, "cannot_connect"),
    ({"action": "drop"}, "cannot_connect"),
    ({"action": "truncate"}, "cannot_connect"),
]
LINK_REFUSALS = [
    ({"status": 429}, "rate_limited"),
    ({"status": 429, "headers": {"Retry-After": "60"}}, "rate_limited"),
]
UNREADABLE = [
    ({"status": 429, "headers": {"Retry-After": "60"}}, "rate_limited"),
    ({"status": 403, "body": HTML}, "invalid_response"),
    ({"body": HTML}, "invalid_response"),
    ({"body": {"id": 1, "uuid": ""}}, "invalid_response"),
    ({"status": 401}, "invalid_auth"),
    ({"status": 503, "headers": {"Retry-After": "60"}}, "cannot_connect"),
]
SIGN_IN_ERRORS = [*REFUSALS, *((fault, error, "0") for fault, error in FAILURES)]

INSECURE_URLS = [
    "",
    "plex.tv/api/v2",
    "ftp://127.0.0.1/api/v2",
    "https://",
    "https:///api/v2",
    "http://plex.tv/api/v2",
    "http://192.168.1.2/api/v2",
    "http://127.0.0.1.plex.tv/api/v2",
    "http://localhost.plex.tv/api/v2",
    "http://2130706433/api/v2",
    "https://user@127.0.0.1/api/v2",
    "https://user:password@127.0.0.1/api/v2",
    "https://127.0.0.1/api/v2?query",
    "https://127.0.0.1/api/v2?",
    "https://127.0.0.1/api/v2#fragment",
    "https://127.0.0.1\\@plex.tv/api/v2",
    "https://127.0.0.1:0/api/v2",
    "https://127.0.0.1:65536/api/v2",
    "https://127.0.0.1:port/api/v2",
    "https://127.0.0.1/api /v2",
    "https://127.0.0.1/api\t/v2",
    "https://127.0.0.1\n/api/v2",
]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for an approval again at once."""
    monkeypatch.setattr(config_flow, "POLL_SECONDS", 0)
    monkeypatch.setattr(config_flow, "RATE_LIMITED_POLL_SECONDS", 0)


@pytest.fixture
def stranger(simulator: Simulator) -> Account:
    """Return an account that is not the one of the entry."""
    return simulator.add_account(
        username="grace", email="grace@example.com", password="hopper"
    )


async def open_menu(hass: HomeAssistant) -> ConfigFlowResult:
    """Open a dialog for a new entry."""
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": "user"})


async def choose(
    hass: HomeAssistant, menu: ConfigFlowResult, method: str
) -> ConfigFlowResult:
    """Choose how to sign in."""
    return await submit(hass, menu, {"next_step_id": method})


async def submit(
    hass: HomeAssistant, form: ConfigFlowResult, typed: dict[str, Any] | None = None
) -> ConfigFlowResult:
    """Submit what was typed."""
    return await hass.config_entries.flow.async_configure(form["flow_id"], typed)


def fill(form: ConfigFlowResult, simulator: Simulator, **typed: Any) -> dict[str, Any]:
    """Return what a form takes: ada's login, and the address where it may be typed."""
    return {
        name: {**LOGIN, "advanced": {"url": simulator.url}}[name]
        for name in map(str, form["data_schema"].schema)
    } | typed


async def open_password_form(hass: HomeAssistant) -> ConfigFlowResult:
    """Open a dialog for a password."""
    return await choose(hass, await open_menu(hass), "password")


async def open_code_form(hass: HomeAssistant, simulator: Simulator) -> ConfigFlowResult:
    """Open a dialog and go on to the two-factor code."""
    form = await open_password_form(hass)
    return await submit(hass, form, fill(form, simulator))


async def open_link_form(hass: HomeAssistant) -> ConfigFlowResult:
    """Open a dialog for a code to type at plex.tv/link."""
    return await choose(hass, await open_menu(hass), "link")


async def open_wait(hass: HomeAssistant, simulator: Simulator) -> ConfigFlowResult:
    """Open a dialog and go on to where a code is shown."""
    form = await open_link_form(hass)
    return await submit(hass, form, fill(form, simulator))


async def approve(
    hass: HomeAssistant,
    simulator: Simulator,
    wait: ConfigFlowResult,
    account: Account,
) -> ConfigFlowResult:
    """Type the code that is shown, and return what the dialog shows then."""
    simulator.approve_pin(wait["description_placeholders"]["code"], account)
    await settle(hass)
    return await submit(hass, wait)


async def finish_password(
    hass: HomeAssistant, simulator: Simulator, account: Account, form: ConfigFlowResult
) -> ConfigFlowResult:
    """Submit the form for a password."""
    login = {"username": account.username, "password": account.password}
    return await submit(hass, form, fill(form, simulator, **login))


async def finish_link(
    hass: HomeAssistant, simulator: Simulator, account: Account, form: ConfigFlowResult
) -> ConfigFlowResult:
    """Submit the form for a link, and type the code that is shown then."""
    wait = await submit(hass, form, fill(form, simulator))
    return await approve(hass, simulator, wait, account)


async def by_password(
    hass: HomeAssistant, simulator: Simulator, account: Account, menu: ConfigFlowResult
) -> ConfigFlowResult:
    """Sign in with a password."""
    account.code = None
    form = await choose(hass, menu, "password")
    return await finish_password(hass, simulator, account, form)


async def by_code(
    hass: HomeAssistant, simulator: Simulator, account: Account, menu: ConfigFlowResult
) -> ConfigFlowResult:
    """Sign in with a password and a two-factor code."""
    account.code = "654321"
    form = await choose(hass, menu, "password")
    form = await finish_password(hass, simulator, account, form)
    return await submit(hass, form, {"code": "654321"})


async def by_link(
    hass: HomeAssistant, simulator: Simulator, account: Account, menu: ConfigFlowResult
) -> ConfigFlowResult:
    """Sign in with a code at plex.tv/link."""
    form = await choose(hass, menu, "link")
    return await finish_link(hass, simulator, account, form)


async def expire(
    hass: HomeAssistant, simulator: Simulator, account: Account, menu: ConfigFlowResult
) -> ConfigFlowResult:
    """Let the code of a link expire."""
    form = await choose(hass, menu, "link")
    wait = await submit(hass, form, fill(form, simulator))
    simulator.clock.advance(901)
    await settle(hass)
    return await submit(hass, wait)


FINISH = {"password": finish_password, "link": finish_link}


def count(simulator: Simulator, method: str, path: str) -> int:
    """Return how many such requests there were."""
    return sum(
        request.method == method and request.path.startswith(path)
        for request in simulator.requests
    )


@pytest.mark.parametrize(
    ("source", "step_id"),
    [("reauth", "reauth_confirm"), ("reconfigure", "reconfigure")],
)
async def test_menus(
    hass: HomeAssistant, entry: MockConfigEntry, source: str, step_id: str
) -> None:
    """Every dialog begins with the choice of a method; a renewal names the account."""
    for menu, step, name in (
        (await open_menu(hass), "user", None),
        (await RENEWALS[source](entry, hass), step_id, "ada"),
    ):
        assert menu["type"] is FlowResultType.MENU
        assert menu["step_id"] == step
        assert menu["menu_options"] == ["password", "link"]
        assert menu["description_placeholders"].get("name") == name


async def test_password(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """A password makes an entry that holds what is needed and no more."""
    account.code = None
    form = await open_password_form(hass)
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "password"
    assert form["errors"] == {}
    typed = fill(form, simulator, username=" ADA@example.com ")
    result = await submit(hass, form, typed)
    await settle(hass)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert entry.state is ConfigEntryState.LOADED
    assert entry.title == "ada"
    assert entry.unique_id == account.uuid
    [token] = account.tokens
    assert entry.data == {
        "token": token,
        "client_identifier": str(UUID(entry.data["client_identifier"])),
        "username": "ADA@example.com",
        "url": simulator.url,
    }
    assert entry.options == {}
    assert simulator.requests[0].form == {
        "login": "ADA@example.com",
        "password": "correct horse",
        "rememberMe": "true",
    }
    assert {request.client_identifier for request in simulator.requests} == {
        entry.data["client_identifier"]
    }


async def test_two_factor(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """An account with two-factor authentication is asked for the code."""
    form = await open_code_form(hass, simulator)
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "two_factor"
    assert form["errors"] == {}
    assert form["description_placeholders"]["username"] == "ada"
    result = await submit(hass, form, {"code": " 123 456 "})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"].keys() == {"token", "client_identifier", "username", "url"}
    assert [
        request.form.get("verificationCode")
        for request in simulator.requests
        if request.path == "/users/signin"
    ] == [None, "123456"]
    assert list(account.tokens) == [result["data"]["token"]]


@pytest.mark.parametrize(
    ("friendly_name", "username", "title", "shown"),
    [
        ("Ada L.", "ada", "countess", "Ada L."),
        ("", "ada", "countess", "ada"),
        ("ada@example.com", "ada", "countess", "ada"),
        ("", "", "countess", "countess"),
        ("ada@example.com", "ada@example.com", "countess", "countess"),
        ("ada@example.com", "ada@example.com", "ada@example.com", "Plex account"),
        ("", "", "", "Plex account"),
    ],
)
async def test_title(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    friendly_name: str,
    username: str,
    title: str,
    shown: str,
) -> None:
    """The title is the first name of the account that is no e-mail address."""
    account.friendly_name = friendly_name
    account.username = username
    account.title = title
    wait = await open_wait(hass, simulator)
    result = await approve(hass, simulator, wait, account)

    assert result["title"] == shown


@pytest.mark.parametrize(
    ("typed", "url", "stored"),
    [
        ({}, "https://plex.tv/api/v2", {}),
        ({"advanced": {}}, "https://plex.tv/api/v2", {}),
        (
            {"advanced": {"url": " HTTPS://PLEX.tv/api/v2/ "}},
            "https://plex.tv/api/v2",
            {},
        ),
        *(
            ({"advanced": {"url": url}}, url, {"url": url})
            for url in (
                "https://plex.example.org",
                "https://plex.example.org:8443/api/v2",
                "https://192.168.1.2/api/v2",
                "http://localhost:8001/api/v2",
                "http://127.0.0.1:8001/api/v2",
                "http://127.8.9.10/api/v2",
                "http://[::1]:8001/api/v2",
            )
        ),
    ],
)
async def test_address(
    hass: HomeAssistant,
    aioclient_mock: AiohttpClientMocker,
    typed: dict[str, Any],
    url: str,
    stored: dict[str, str],
) -> None:
    """The address that was given is asked, and stored unless it is that of plex.tv."""
    account = {"id": 1, "uuid": "0123456789abcdef", "authToken": "token"}
    aioclient_mock.post(f"{url}/users/signin", json=account)
    aioclient_mock.get(f"{url}/user", json=account)
    aioclient_mock.get(f"{url}/resources", json=[])
    form = await open_password_form(hass)
    result = await submit(hass, form, {"username": "ada", "password": "pass", **typed})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == {
        "token": "token",
        "client_identifier": result["data"]["client_identifier"],
        "username": "ada",
        **stored,
    }


def check_prefilled(form: ConfigFlowResult, simulator: Simulator) -> None:
    """A form shows the login and the address again, never the password."""
    fields = form["data_schema"].schema
    assert get_schema_suggested_value(fields, "username") == "ada"
    password = {field.schema: field for field in fields}["password"]
    assert not password.description
    assert not callable(password.default)
    assert (
        get_schema_suggested_value(fields["advanced"].schema.schema, "url")
        == simulator.url
    )


@pytest.mark.parametrize(("fault", "error", "minutes"), SIGN_IN_ERRORS)
async def test_password_errors(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    fault: dict[str, Any],
    error: str,
    minutes: str,
) -> None:
    """A sign-in that fails says why, is not repeated by itself, and can be repeated."""
    account.code = None
    simulator.fault(path="/users/signin", times=1, **fault)
    form = await open_password_form(hass)
    form = await submit(hass, form, fill(form, simulator))

    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "password"
    assert form["errors"] == {"base": error}
    assert form["description_placeholders"]["minutes"] == minutes
    check_prefilled(form, simulator)
    assert len(simulator.requests) == 1

    result = await submit(hass, form, fill(form, simulator))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert count(simulator, "POST", "/users/signin") == 2


@pytest.mark.parametrize(("fault", "error", "minutes"), SIGN_IN_ERRORS)
async def test_code_errors(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    fault: dict[str, Any],
    error: str,
    minutes: str,
) -> None:
    """Whatever goes wrong with a code, it can be typed again without the password."""
    form = await open_code_form(hass, simulator)
    simulator.fault(path="/users/signin", times=1, **fault)
    form = await submit(hass, form, {"code": "123456"})

    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "two_factor"
    assert form["errors"] == {"base": error}
    assert form["description_placeholders"]["minutes"] == minutes
    assert len(simulator.requests) == 2

    result = await submit(hass, form, {"code": "123456"})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert count(simulator, "POST", "/users/signin") == 3


@pytest.mark.parametrize("code", ["000000", " "])
async def test_refused_code(
    hass: HomeAssistant, simulator: Simulator, account: Account, code: str
) -> None:
    """A code that Plex refuses is shown as the one thing that is wrong."""
    form = await open_code_form(hass, simulator)
    form = await submit(hass, form, {"code": code})

    assert form["step_id"] == "two_factor"
    assert form["errors"] == {"code": "invalid_code"}
    [field] = form["data_schema"].schema
    assert not field.description

    result = await submit(hass, form, {"code": "123456"})
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("password", [None, "another"])
async def test_refused_password(
    hass: HomeAssistant, simulator: Simulator, account: Account, password: str | None
) -> None:
    """A wrong password and an account without one look the same to Plex."""
    account.code = None
    account.password = password
    form = await open_password_form(hass)
    form = await submit(hass, form, fill(form, simulator))
    assert form["step_id"] == "password"
    assert form["errors"] == {"base": "invalid_auth"}

    account.password = "correct horse"
    result = await submit(hass, form, fill(form, simulator))
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_password_changed_before_code(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """A password that is refused at last doesn't leave the code step either."""
    form = await open_code_form(hass, simulator)
    account.password = "another"
    form = await submit(hass, form, {"code": "123456"})
    assert form["step_id"] == "two_factor"
    assert form["errors"] == {"base": "invalid_auth"}

    account.password = "correct horse"
    result = await submit(hass, form, {"code": "123456"})
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_locked_out(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """Too many wrong codes lock the address out for a while."""
    simulator.lock_after = 1
    form = await open_code_form(hass, simulator)
    form = await submit(hass, form, {"code": "000000"})
    assert form["errors"] == {"code": "invalid_code"}
    form = await submit(hass, form, {"code": "123456"})
    assert form["step_id"] == "two_factor"
    assert form["errors"] == {"base": "too_many_attempts"}

    simulator.clock.advance(simulator.lock_seconds)
    result = await submit(hass, form, {"code": "123456"})
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_no_answer_in_time(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """An answer is waited for as long as is decent, and the password sent once."""
    account.code = None
    hang = simulator.fault(path="/users/signin", action="hang")
    form = await open_password_form(hass)
    submission = hass.async_create_task(submit(hass, form, fill(form, simulator)))
    await until(lambda: hang.hits)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31))
    form = await submission
    assert form["errors"] == {"base": "cannot_connect"}
    assert hang.hits == 1

    simulator.clear_faults()
    result = await submit(hass, form, fill(form, simulator))
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("method", ["password", "link"])
async def test_connection_refused(
    hass: HomeAssistant, simulator: Simulator, account: Account, method: str
) -> None:
    """Plex that isn't there can be tried again once it is."""
    account.code = None
    form = await choose(hass, await open_menu(hass), method)
    await simulator.stop_plex_tv()
    form = await submit(hass, form, fill(form, simulator))
    assert form["step_id"] == method
    assert form["errors"] == {"base": "cannot_connect"}

    await simulator.start_plex_tv()
    result = await FINISH[method](hass, simulator, account, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_unexpected_exception(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """What nobody thought of is logged, and leaves the dialog usable."""
    account.code = None
    form = await open_password_form(hass)
    with patch.object(
        PlexTvClient, "post_users_sign_in_data", side_effect=ZeroDivisionError
    ):
        form = await submit(hass, form, fill(form, simulator))
    assert form["step_id"] == "password"
    assert form["errors"] == {"base": "unknown"}

    result = await submit(hass, form, fill(form, simulator))
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("method", "url"),
    [*(("password", url) for url in INSECURE_URLS), ("link", "http://plex.tv/api/v2")],
)
async def test_insecure_url(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    url: str,
    method: str,
) -> None:
    """An address that nothing secret may be sent to is not asked, but shown again.

    Were it not, the next try would go to an address that nobody has chosen.
    """
    account.code = None
    form = await choose(hass, await open_menu(hass), method)
    form = await submit(hass, form, fill(form, simulator, advanced={"url": url}))
    assert form["step_id"] == method
    assert form["errors"] == {"base": "insecure_url"}
    assert form["data_schema"](
        {"username": "", "password": ""} if method == "password" else {}
    )["advanced"] == {"url": url}
    assert simulator.requests == []

    result = await FINISH[method](hass, simulator, account, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["url"] == simulator.url


@pytest.mark.parametrize("scope", ["token", "client"])
@pytest.mark.parametrize("sign_in", [by_password, by_code, by_link])
async def test_already_configured(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    sign_in: SignIn,
    scope: str,
) -> None:
    """A second entry of an account is refused, and only its own token signed out."""
    simulator.sign_out_scope = scope
    result = await sign_in(hass, simulator, account, await open_menu(hass))
    await settle(hass)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert hass.config_entries.async_entries(DOMAIN) == [entry]
    assert list(account.tokens) == [entry.data["token"]]


async def test_already_configured_with_that_token(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, account: Account
) -> None:
    """A token that an entry has is not signed out, whoever gets it again."""
    body = {"id": 1, "uuid": account.uuid, "authToken": entry.data["token"]}
    simulator.fault(path="/users/signin", status=201, body=body)
    result = await by_password(hass, simulator, account, await open_menu(hass))
    await settle(hass)

    assert result["reason"] == "already_configured"
    assert count(simulator, "DELETE", "/users/signout") == 0


async def test_token_that_cannot_be_signed_out(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Plex that doesn't sign a token out changes nothing else, and is not blamed."""
    fault = simulator.fault(path="/users/signout", status=503)
    result = await by_password(hass, simulator, account, await open_menu(hass))
    await settle(hass)

    assert result["reason"] == "already_configured"
    assert fault.hits == 1
    assert entry.data["token"] in account.tokens
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_second_dialog_is_faster(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """Of two dialogs for one account the first to end makes the entry."""
    account.code = None
    hang = simulator.fault(path="/users/signin", action="hang", times=1)
    form = await open_password_form(hass)
    slow = hass.async_create_task(submit(hass, form, fill(form, simulator)))
    await until(lambda: hang.hits)
    fast = await by_password(hass, simulator, account, await open_menu(hass))
    hang.release()
    result = await slow
    await settle(hass)

    assert fast["type"] is FlowResultType.CREATE_ENTRY
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1
    assert list(account.tokens) == [fast["data"]["token"]]


async def test_second_dialog_during_set_up(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """While the entry of one dialog is being set up, another can't make one."""
    hang = simulator.fault(path="/resources", action="hang")
    menu = await open_menu(hass)
    first = hass.async_create_task(by_password(hass, simulator, account, menu))
    await until(lambda: hang.hits)
    second = await by_password(hass, simulator, account, await open_menu(hass))
    hang.remove()
    created = await first
    await settle(hass)

    assert second["type"] is FlowResultType.ABORT
    assert second["reason"] == "already_in_progress"
    assert hass.config_entries.async_entries(DOMAIN) == [created["result"]]
    assert list(account.tokens) == [created["data"]["token"]]


async def test_closed_during_sign_in(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """A token that comes after the dialog was closed is signed out."""
    hang = simulator.fault(path="/users/signin", action="hang")
    menu = await open_menu(hass)
    submission = hass.async_create_task(by_password(hass, simulator, account, menu))
    await until(lambda: hang.hits)
    hass.config_entries.flow.async_abort(menu["flow_id"])
    hang.release()
    result = await submission
    await settle(hass)

    assert result["type"] is FlowResultType.ABORT
    assert account.tokens == {}
    assert count(simulator, "DELETE", "/users/signout") == 1
    assert hass.config_entries.async_entries(DOMAIN) == []


async def test_link(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """A code that somebody types at plex.tv/link makes an entry without a login."""
    form = await open_link_form(hass)
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "link"
    assert form["errors"] == {}
    wait = await submit(hass, form, fill(form, simulator))
    [pin] = simulator.pins
    assert wait["type"] is FlowResultType.SHOW_PROGRESS
    assert wait["step_id"] == "link_wait"
    assert wait["progress_action"] == "link_wait"
    assert wait["description_placeholders"] == {
        "code": pin.code,
        "url": "https://plex.tv/link",
    }
    assert len(pin.code) == 4

    await until(lambda: count(simulator, "GET", "/pins") > 1)
    assert (await submit(hass, wait))["type"] is FlowResultType.SHOW_PROGRESS
    result = await approve(hass, simulator, wait, account)
    await settle(hass)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert entry.state is ConfigEntryState.LOADED
    assert entry.title == "ada"
    assert entry.unique_id == account.uuid
    [token] = account.tokens
    assert entry.data == {
        "token": token,
        "client_identifier": str(UUID(pin.client_identifier)),
        "url": simulator.url,
    }
    assert {request.client_identifier for request in simulator.requests} == {
        pin.client_identifier
    }


@pytest.mark.parametrize(
    ("fault", "error"), [*LINK_REFUSALS, *FAILURES[:4], *FAILURES[-4:]]
)
async def test_link_code_errors(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    fault: dict[str, Any],
    error: str,
) -> None:
    """A dialog that gets no code says why, and can ask for another."""
    simulator.fault(method="POST", path="/pins", times=1, **fault)
    form = await open_link_form(hass)
    form = await submit(hass, form, fill(form, simulator))
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "link"
    assert form["errors"] == {"base": error}

    result = await finish_link(hass, simulator, account, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 400},
        {"status": 403, "body": HTML},
        {"status": 429},
        {"status": 429, "headers": {"Retry-After": "0"}},
        {"status": 500},
        {"status": 503, "body": HTML},
        {"body": HTML},
        {"body": {"id": 1}},
        {"action": "drop"},
        {"action": "truncate"},
    ],
)
async def test_link_while_plex_is_in_trouble(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    fault: dict[str, Any],
) -> None:
    """What goes wrong while the code is waited for is waited out."""
    trouble = simulator.fault(method="GET", path="/pins/*", times=2, **fault)
    wait = await open_wait(hass, simulator)
    await until(lambda: count(simulator, "GET", "/pins") > 2)
    result = await approve(hass, simulator, wait, account)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert trouble.hits == 2


@pytest.mark.parametrize(
    ("pause", "retry_after"), [(1000, None), (0, 1000)], ids=["ours", "theirs"]
)
async def test_link_while_plex_asks_to_wait(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    pause: float,
    retry_after: float | None,
) -> None:
    """Plex that asks to wait for longer than the code lives isn't asked again."""
    monkeypatch.setattr(config_flow, "RATE_LIMITED_POLL_SECONDS", pause)
    simulator.rate_limit(path="/pins/*", retry_after=retry_after)
    wait = await open_wait(hass, simulator)
    await settle(hass)
    result = await submit(hass, wait)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "link_expired"
    assert count(simulator, "GET", "/pins") == 1

    simulator.clear_faults()
    result = await by_link(hass, simulator, account, await open_menu(hass))
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_link_expired(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """A code that nobody types in time ends the dialog."""
    result = await expire(hass, simulator, account, await open_menu(hass))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "link_expired"

    result = await by_link(hass, simulator, account, await open_menu(hass))
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(("fault", "error"), UNREADABLE)
async def test_link_without_account(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    fault: dict[str, Any],
    error: str,
) -> None:
    """A token of which Plex won't say whose it is is signed out, and a new one asked."""
    simulator.fault(path="/user", times=1, **fault)
    wait = await open_wait(hass, simulator)
    form = await approve(hass, simulator, wait, account)
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "link"
    assert form["errors"] == {"base": error}
    assert account.tokens == {}

    result = await finish_link(hass, simulator, account, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert list(account.tokens) == [result["data"]["token"]]


async def test_link_reads_account_again(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """A token that was handed out is not given up for a short trouble."""
    trouble = simulator.fault(
        path="/user", status=503, headers={"Retry-After": "0"}, times=2
    )
    result = await by_link(hass, simulator, account, await open_menu(hass))

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert trouble.hits == 2
    assert list(account.tokens) == [result["data"]["token"]]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/pins"), ("GET", "/pins/*")],
    ids=["asking", "polling"],
)
async def test_closed_while_waiting(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    method: str,
    path: str,
) -> None:
    """Nobody asks for the approval of a code that is no longer shown."""
    hang = simulator.fault(method=method, path=path, action="hang", times=1)
    form = await open_link_form(hass)
    submission = hass.async_create_task(
        submit(hass, form, fill(form, simulator)), eager_start=True
    )
    await until(lambda: hang.hits)
    hass.config_entries.flow.async_abort(form["flow_id"])
    hang.release()
    await asyncio.gather(submission, return_exceptions=True)
    simulator.clear_requests()
    simulator.clock.advance(901)
    await settle(hass)

    assert simulator.requests == []


async def test_closed_after_approval(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """A token that was handed out when the dialog is closed is signed out."""
    hang = simulator.fault(path="/user", action="hang")
    wait = await open_wait(hass, simulator)
    simulator.approve_pin(wait["description_placeholders"]["code"], account)
    await until(lambda: hang.hits)
    hass.config_entries.flow.async_abort(wait["flow_id"])
    await settle(hass)

    assert account.tokens == {}


@pytest.mark.parametrize("scope", ["token", "client"])
@pytest.mark.parametrize(
    ("sign_in", "username"),
    [
        (by_password, {"username": "ada"}),
        (by_code, {"username": "ada"}),
        (by_link, {}),
    ],
)
@pytest.mark.parametrize("source", RENEWALS)
async def test_renewal(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    source: str,
    sign_in: SignIn,
    username: dict[str, str],
    scope: str,
) -> None:
    """A new sign-in replaces the token, and changes nothing that anybody relies on."""
    simulator.sign_out_scope = scope
    await set_up(hass, entry)
    registry = er.async_get(hass)
    entities = er.async_entries_for_config_entry(registry, entry.entry_id)
    old_token = entry.data["token"]
    simulator.clear_requests()

    menu = await RENEWALS[source](entry, hass)
    result = await sign_in(hass, simulator, account, menu)
    await settle(hass)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == f"{source}_successful"
    assert hass.config_entries.async_entries(DOMAIN) == [entry]
    assert entry.state is ConfigEntryState.LOADED
    assert entry.title == "ada"
    assert entry.unique_id == account.uuid
    assert entry.data == {
        "token": list(account.tokens)[-1],
        "client_identifier": CLIENT_IDENTIFIER,
        "url": simulator.url,
        **username,
    }
    assert er.async_entries_for_config_entry(registry, entry.entry_id) == entities
    assert list(account.tokens) == [old_token, entry.data["token"]]
    assert count(simulator, "DELETE", "/users/signout") == 0
    assert {request.client_identifier for request in simulator.requests} == {
        CLIENT_IDENTIFIER
    }


@pytest.mark.parametrize("sign_in", [by_password, by_code, by_link])
async def test_reauth_after_revocation(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    sign_in: SignIn,
) -> None:
    """Plex that takes the token no more asks for a sign-in, which mends it all."""
    simulator.revoke(account)
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    [menu] = hass.config_entries.flow.async_progress()
    assert menu["step_id"] == "reauth_confirm"
    result = await sign_in(hass, simulator, account, menu)
    await settle(hass)

    assert result["reason"] == "reauth_successful"
    assert entry.state is ConfigEntryState.LOADED
    assert hass.config_entries.flow.async_progress() == []


@pytest.mark.parametrize("source", RENEWALS)
async def test_change_of_method(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    source: str,
) -> None:
    """A login is forgotten with the first sign-in by link, and known after the next."""
    start = RENEWALS[source]
    await by_link(hass, simulator, account, await start(entry, hass))
    await settle(hass)
    assert "username" not in entry.data

    result = await by_password(hass, simulator, account, await start(entry, hass))
    await settle(hass)
    assert result["reason"] == f"{source}_successful"
    assert entry.data["username"] == "ada"


@pytest.mark.parametrize("scope", ["token", "client"])
@pytest.mark.parametrize("sign_in", [by_password, by_code, by_link])
@pytest.mark.parametrize("source", RENEWALS)
async def test_wrong_account(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    stranger: Account,
    source: str,
    sign_in: SignIn,
    scope: str,
) -> None:
    """Another account is refused and signed out; what was there stays."""
    simulator.sign_out_scope = scope
    data = dict(entry.data)
    start = RENEWALS[source]
    result = await sign_in(hass, simulator, stranger, await start(entry, hass))
    await settle(hass)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "wrong_account"
    assert stranger.tokens == {}
    assert entry.data == data
    assert list(account.tokens) == [data["token"]]

    result = await sign_in(hass, simulator, account, await start(entry, hass))
    assert result["reason"] == f"{source}_successful"


@pytest.mark.parametrize(
    ("fail", "reason"), [(by_password, "wrong_account"), (expire, "link_expired")]
)
async def test_reauth_is_asked_for_until_it_succeeds(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    stranger: Account,
    fail: SignIn,
    reason: str,
) -> None:
    """A renewal that came to nothing is asked for again: the account is still out."""
    simulator.revoke(account)
    await set_up(hass, entry)
    [menu] = hass.config_entries.flow.async_progress()
    result = await fail(hass, simulator, stranger, menu)
    assert result["reason"] == reason

    await settle(hass)
    [menu] = hass.config_entries.flow.async_progress()
    assert menu["step_id"] == "reauth_confirm"
    result = await by_password(hass, simulator, account, menu)
    await settle(hass)
    assert result["reason"] == "reauth_successful"
    assert hass.config_entries.flow.async_progress() == []


async def test_failed_reconfiguration_asks_nothing(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    stranger: Account,
) -> None:
    """Whoever wanted to sign in anew need not: the account is still in."""
    menu = await entry.start_reconfigure_flow(hass)
    result = await by_password(hass, simulator, stranger, menu)
    await settle(hass)
    assert result["reason"] == "wrong_account"
    assert hass.config_entries.flow.async_progress() == []


@pytest.mark.parametrize("source", ["user", *RENEWALS])
@pytest.mark.parametrize("step_id", ["password", "two_factor", "link"])
async def test_way_back(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    source: str,
    step_id: str,
) -> None:
    """A dialog that is opened again begins with the choice of a method."""
    start = RENEWALS.get(source)
    menu = await (start(entry, hass) if start else open_menu(hass))
    form = await choose(hass, menu, "link" if step_id == "link" else "password")
    if step_id == "two_factor":
        account.code = "654321"
        form = await finish_password(hass, simulator, account, form)
    assert form["step_id"] == step_id

    again = await submit(hass, form)
    assert again["step_id"] == menu["step_id"]
    assert again["menu_options"] == menu["menu_options"]
    result = await by_link(hass, simulator, account, again)
    assert result["reason"] == (
        f"{source}_successful" if start else "already_configured"
    )


@pytest.mark.parametrize("blank", ["username", "password"])
async def test_blank_login(
    hass: HomeAssistant, simulator: Simulator, account: Account, blank: str
) -> None:
    """A login that can't be one is refused without asking Plex."""
    account.code = None
    form = await open_password_form(hass)
    typed = fill(form, simulator) | {blank: "" if blank == "password" else " "}
    form = await submit(hass, form, typed)
    assert form["errors"] == {"base": "invalid_auth"}
    assert simulator.requests == []

    result = await submit(hass, form, fill(form, simulator))
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("source", "advanced"), [("reauth", set()), ("reconfigure", {"advanced"})]
)
async def test_renewal_forms(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    source: str,
    advanced: set[str],
) -> None:
    """A renewal knows the login, and asks for no address or suggests the stored one."""
    start = RENEWALS[source]
    link = await choose(hass, await start(entry, hass), "link")
    assert set(link["data_schema"].schema) == advanced
    hass.config_entries.flow.async_abort(link["flow_id"])

    form = await choose(hass, await start(entry, hass), "password")
    fields = form["data_schema"].schema
    assert set(fields) == {"username", "password"} | advanced
    assert get_schema_suggested_value(fields, "username") == "ada"
    assert get_schema_suggested_value(fields, "password") is None
    assert [
        get_schema_suggested_value(fields[name].schema.schema, "url")
        for name in advanced
    ] == [simulator.url] * len(advanced)


@pytest.mark.parametrize("source", RENEWALS)
async def test_renewal_errors(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    source: str,
) -> None:
    """A renewal that fails can be tried again."""
    account.code = None
    form = await choose(hass, await RENEWALS[source](entry, hass), "password")
    form = await submit(hass, form, fill(form, simulator, password="wrong"))
    assert form["step_id"] == "password"
    assert form["errors"] == {"base": "invalid_auth"}

    result = await submit(hass, form, fill(form, simulator))
    assert result["reason"] == f"{source}_successful"


@pytest.mark.parametrize("typed", [{}, {"advanced": {}}])
async def test_reconfigure_keeps_address(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    typed: dict[str, Any],
) -> None:
    """Who leaves Advanced alone signs in where the account has signed in before."""
    account.code = None
    start = RENEWALS["reconfigure"]
    form = await choose(hass, await start(entry, hass), "password")
    result = await submit(hass, form, LOGIN | typed)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["url"] == simulator.url


@pytest.mark.parametrize("sign_in", [by_password, by_code, by_link])
async def test_reconfigure_changes_address(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    sign_in: SignIn,
) -> None:
    """The account may be signed in at another address from now on."""
    await set_up(hass, entry)
    async with Simulator() as other:
        moved = other.add_account(uuid=account.uuid, password="correct horse")
        simulator.clear_requests()
        menu = await entry.start_reconfigure_flow(hass)
        result = await sign_in(hass, other, moved, menu)
        await settle(hass)

        assert result["reason"] == "reconfigure_successful"
        assert entry.state is ConfigEntryState.LOADED
        assert entry.data["url"] == other.url
        assert list(moved.tokens) == [entry.data["token"]]
        assert simulator.requests == []


@pytest.mark.parametrize("scope", ["token", "client"])
@pytest.mark.parametrize("source", RENEWALS)
async def test_renewal_closed_during_sign_in(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    source: str,
    scope: str,
) -> None:
    """Closing a dialog never costs the token that is stored."""
    simulator.sign_out_scope = scope
    data = dict(entry.data)
    hang = simulator.fault(path="/users/signin", action="hang")
    menu = await RENEWALS[source](entry, hass)
    submission = hass.async_create_task(by_password(hass, simulator, account, menu))
    await until(lambda: hang.hits)
    hass.config_entries.flow.async_abort(menu["flow_id"])
    hang.release()
    result = await submission
    await settle(hass)

    assert result["type"] is FlowResultType.ABORT
    assert entry.data == data
    assert data["token"] in account.tokens


@pytest.mark.parametrize("source", RENEWALS)
async def test_renewal_closed_during_sign_in_to_wrong_account(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    stranger: Account,
    source: str,
) -> None:
    """A token of another account that comes too late is signed out."""
    hang = simulator.fault(path="/users/signin", action="hang")
    menu = await RENEWALS[source](entry, hass)
    submission = hass.async_create_task(by_password(hass, simulator, stranger, menu))
    await until(lambda: hang.hits)
    hass.config_entries.flow.async_abort(menu["flow_id"])
    hang.release()
    await submission
    await settle(hass)

    assert stranger.tokens == {}
    assert list(account.tokens) == [entry.data["token"]]


@pytest.mark.parametrize("scope", ["token", "client"])
@pytest.mark.parametrize("source", RENEWALS)
async def test_renewal_closed_after_approval(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    source: str,
    scope: str,
) -> None:
    """Closing a dialog never costs the token that is stored, by link neither."""
    simulator.sign_out_scope = scope
    hang = simulator.fault(path="/user", action="hang")
    form = await choose(hass, await RENEWALS[source](entry, hass), "link")
    wait = await submit(hass, form, fill(form, simulator))
    simulator.approve_pin(wait["description_placeholders"]["code"], account)
    await until(lambda: hang.hits)
    hass.config_entries.flow.async_abort(wait["flow_id"])
    hang.remove()
    await settle(hass)

    assert entry.data["token"] in account.tokens


@pytest.mark.parametrize("scope", ["token", "client"])
@pytest.mark.parametrize("source", RENEWALS)
async def test_renewal_without_account(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    source: str,
    scope: str,
) -> None:
    """Plex that won't say whose token it is costs a renewal, never the stored token."""
    simulator.sign_out_scope = scope
    simulator.fault(path="/user", body=HTML, times=1)
    form = await choose(hass, await RENEWALS[source](entry, hass), "link")
    form = await finish_link(hass, simulator, account, form)
    assert form["step_id"] == "link"
    assert form["errors"] == {"base": "invalid_response"}
    assert entry.data["token"] in account.tokens

    result = await finish_link(hass, simulator, account, form)
    assert result["reason"] == f"{source}_successful"


@pytest.mark.parametrize("sign_in", [by_password, by_code, by_link])
async def test_nothing_secret_is_logged(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    caplog: pytest.LogCaptureFixture,
    sign_in: SignIn,
) -> None:
    """Neither password nor code nor token is ever logged."""
    caplog.set_level(logging.DEBUG)
    account.password = "the-password"
    result = await sign_in(hass, simulator, account, await open_menu(hass))
    await sign_in(hass, simulator, account, await open_menu(hass))
    await settle(hass)

    secrets = {"the-password", "654321", result["data"]["token"]}
    secrets |= {pin.code for pin in simulator.pins}
    assert [secret for secret in secrets if secret in caplog.text] == []


@pytest.mark.parametrize("source", RENEWALS)
async def test_removed_during_renewal(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    source: str,
) -> None:
    """No token is left behind where the entry is removed behind the dialog's back."""
    await set_up(hass, entry)
    hang = simulator.fault(path="/users/signin", action="hang")
    menu = await RENEWALS[source](entry, hass)
    submission = hass.async_create_task(by_password(hass, simulator, account, menu))
    await until(lambda: hang.hits)
    await hass.config_entries.async_remove(entry.entry_id)
    hang.release()
    result = await submission
    await settle(hass)

    assert result["type"] is FlowResultType.ABORT
    assert hass.config_entries.async_entries(DOMAIN) == []
    assert account.tokens == {}
