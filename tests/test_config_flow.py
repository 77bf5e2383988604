"""Signing in with a password, and the options, against a Plex that answers all it can."""

from datetime import timedelta
import gc
import logging
from ssl import SSLCertVerificationError
from typing import Any
from unittest.mock import Mock, patch
from uuid import UUID

from aiohttp import ClientConnectorCertificateError
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    get_schema_suggested_value,
)
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker

from custom_components.plex_account.api import PlexTvClient
from custom_components.plex_account.config_flow import PlexAccountConfigFlow
from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
from homeassistant.util import dt as dt_util
from tests.simulator import Account, Simulator

from .common import DOMAIN, set_up, settle, until
from .dialogs import (
    RENEWALS,
    SIGN_INS,
    SignIn,
    by_password,
    choose,
    count,
    open_menu,
    prepare,
    submit,
    type_login,
)

ERROR_1001 = {"errors": [{"code": 1001, "message": "no", "status": 401}]}
ERROR_1030 = {"errors": [{"code": 1030, "message": "no", "status": 401}]}
ERROR_1031 = {"errors": [{"code": 1031, "message": "no", "status": 401}]}
HTML = "<html><body>Down for maintenance</body></html>"

# What goes wrong, the error that it shows, and the minutes that the error names.
FAULTS = [
    ({"status": 401, "body": ERROR_1001}, "invalid_auth", "0"),
    ({"status": 422, "body": ERROR_1001}, "invalid_auth", "0"),
    ({"status": 401, "body": ERROR_1030}, "email_required", "0"),
    ({"status": 403, "body": ERROR_1030}, "email_required", "0"),
    ({"status": 401, "body": ERROR_1031}, "too_many_attempts", "60"),
    (
        {"status": 401, "body": ERROR_1031, "headers": {"Retry-After": "90"}},
        "too_many_attempts",
        "2",
    ),
    ({"status": 429}, "rate_limited", "5"),
    ({"status": 429, "headers": {"Retry-After": "30"}}, "rate_limited", "1"),
    ({"status": 400}, "invalid_response", "0"),
    (
        {"status": 302, "headers": {"Location": "/elsewhere"}},
        "invalid_response",
        "0",
    ),
    ({"status": 403, "body": HTML}, "invalid_response", "0"),
    ({"body": HTML}, "invalid_response", "0"),
    ({"body": ""}, "invalid_response", "0"),
    ({"body": []}, "invalid_response", "0"),
    ({"body": {"id": 1, "uuid": ""}}, "invalid_response", "0"),
    ({"body": {"id": 1, "uuid": "0123456789abcdef"}}, "invalid_response", "0"),
    ({"status": 500}, "cannot_connect", "0"),
    ({"status": 503, "body": HTML}, "cannot_connect", "0"),
    ({"action": "drop"}, "cannot_connect", "0"),
    ({"action": "truncate"}, "cannot_connect", "0"),
]

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
def prepared(monkeypatch: pytest.MonkeyPatch, simulator: Simulator) -> None:
    """Sign in at the simulator."""
    prepare(monkeypatch, simulator)


async def open_password_form(hass: HomeAssistant) -> ConfigFlowResult:
    """Open a dialog for a password."""
    return await choose(hass, await open_menu(hass), "password")


async def open_code_form(hass: HomeAssistant, account: Account) -> ConfigFlowResult:
    """Open a dialog and go on to the two-factor code."""
    form = await type_login(hass, account, await open_password_form(hass))
    assert form["step_id"] == "two_factor"
    return form


def check_form(
    form: ConfigFlowResult, step_id: str, errors: dict[str, str], minutes: str = "0"
) -> None:
    """A dialog shows a form, with these errors."""
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == step_id
    assert form["errors"] == errors
    assert form["description_placeholders"]["minutes"] == minutes


@pytest.mark.parametrize(
    ("source", "step_id"),
    [("reauth", "reauth_confirm"), ("reconfigure", "reconfigure")],
)
async def test_menus(
    hass: HomeAssistant, entry: MockConfigEntry, source: str, step_id: str
) -> None:
    """Every dialog begins with the choice of a method; a renewal names the account.

    Its name is plain text.
    """
    hass.config_entries.async_update_entry(entry, title="![ada](http://x.example)")
    escaped = r"!\[ada\](http\://x.example)"
    for menu, step, name in (
        (await open_menu(hass), "user", None),
        (await RENEWALS[source](entry, hass), step_id, escaped),
    ):
        assert menu["type"] is FlowResultType.MENU
        assert menu["step_id"] == step
        assert menu["menu_options"] == ["password", "link"]
        assert menu["description_placeholders"].get("name") == name


async def test_password(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """A password makes an entry that holds what is needed and no more.

    Of the login, what can't be seen is left out; the password is sent as it is.
    """
    account.code, account.password = None, " corr\u200bect "
    form = await open_password_form(hass)
    check_form(form, "password", {})
    result = await type_login(
        hass, account, form, username="\u2068 ADA@\u00adexample.\ufe0fcom\n"
    )
    await settle(hass)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert entry.state is ConfigEntryState.LOADED
    assert entry.title == "ada"
    assert entry.unique_id == account.uuid
    assert (entry.version, entry.minor_version) == (1, 2)
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
        "password": " corr\u200bect ",
        "rememberMe": "true",
    }
    assert {request.client_identifier for request in simulator.requests} == {
        entry.data["client_identifier"]
    }


@pytest.mark.parametrize(
    "typed",
    [
        "123456",
        " 123 456\n",
        "123-456",
        "12\u201134\u201356",
        "\u2212123\u30fc456\uff0d",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "\u200e123\u200b\u00a0456\ufe0f\u2060",
    ],
    ids=ascii,
)
async def test_two_factor(
    hass: HomeAssistant, simulator: Simulator, account: Account, typed: str
) -> None:
    """An account with two-factor authentication is asked for the code."""
    form = await open_code_form(hass, account)
    check_form(form, "two_factor", {})
    assert form["description_placeholders"]["username"] == "ada"
    result = await submit(hass, form, {"code": typed})

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
    """The title is the first name of the account that is no email address."""
    form = await open_password_form(hass)
    account.code = None
    account.friendly_name, account.username, account.title = (
        friendly_name,
        username,
        title,
    )
    result = await type_login(hass, account, form, username=account.email)
    assert result["title"] == shown


@pytest.mark.parametrize(
    ("variable", "url", "stored"),
    [
        (None, "https://plex.tv/api/v2", {}),
        (" HTTPS://PLEX.tv/api/v2/ ", "https://plex.tv/api/v2", {}),
        *(
            (url, url, {"url": url})
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
async def test_url(
    hass: HomeAssistant,
    aioclient_mock: AiohttpClientMocker,
    monkeypatch: pytest.MonkeyPatch,
    variable: str | None,
    url: str,
    stored: dict[str, str],
) -> None:
    """The URL of the environment is used, and stored unless it is that of plex.tv."""
    monkeypatch.delenv("PLEX_ACCOUNT_URL")
    if variable:
        monkeypatch.setenv("PLEX_ACCOUNT_URL", variable)
    account = {"id": 1, "uuid": "0123456789abcdef", "authToken": "token"}
    aioclient_mock.post(f"{url}/users/signin", json=account)
    aioclient_mock.get(f"{url}/user", json=account)
    aioclient_mock.get(f"{url}/resources", json=[])
    form = await open_password_form(hass)
    assert set(form["data_schema"].schema) == {"username", "password"}
    result = await submit(hass, form, {"username": "ada", "password": "pass"})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == {
        "token": "token",
        "client_identifier": result["data"]["client_identifier"],
        "username": "ada",
        **stored,
    }


@pytest.mark.parametrize("url", INSECURE_URLS)
async def test_insecure_url(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
) -> None:
    """A URL that nothing secret may be sent to ends the dialog; nothing is sent.

    An entry that has a URL is signed in again there.
    """
    monkeypatch.setenv("PLEX_ACCOUNT_URL", url)
    result = await open_menu(hass)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "insecure_url"
    assert simulator.requests == []

    menu = await entry.start_reauth_flow(hass)
    result = await by_password(hass, simulator, account, menu)
    assert result["reason"] == "reauth_successful"
    assert entry.data["url"] == simulator.url


@pytest.mark.parametrize(("fault", "error", "minutes"), FAULTS)
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
    form = await type_login(hass, account, await open_password_form(hass))
    check_form(form, "password", {"base": error}, minutes)
    fields = form["data_schema"].schema
    assert get_schema_suggested_value(fields, "username") == "ada"
    assert get_schema_suggested_value(fields, "password") is None
    assert len(simulator.requests) == 1

    result = await type_login(hass, account, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert count(simulator, "POST", "/users/signin") == 2


@pytest.mark.parametrize(("fault", "error", "minutes"), FAULTS)
async def test_code_errors(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    fault: dict[str, Any],
    error: str,
    minutes: str,
) -> None:
    """Whatever goes wrong with a code, it can be typed again without the password."""
    form = await open_code_form(hass, account)
    simulator.fault(path="/users/signin", times=1, **fault)
    form = await submit(hass, form, {"code": "123456"})
    check_form(form, "two_factor", {"base": error}, minutes)
    assert len(simulator.requests) == 2

    result = await submit(hass, form, {"code": "123456"})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert count(simulator, "POST", "/users/signin") == 3


@pytest.mark.parametrize(("code", "requests"), [("000000", 2), (" - ", 1)])
async def test_refused_code(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    code: str,
    requests: int,
) -> None:
    """A code that is refused is shown as the one thing that is wrong.

    One that can't be right is not sent.
    """
    form = await open_code_form(hass, account)
    form = await submit(hass, form, {"code": code})
    check_form(form, "two_factor", {"code": "invalid_code"})
    [field] = form["data_schema"].schema
    assert not field.description
    assert len(simulator.requests) == requests

    result = await submit(hass, form, {"code": "123456"})
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("password", "typed", "requests"),
    [
        (None, {}, 1),
        ("another", {}, 1),
        ("correct horse", {"username": " \u200b"}, 0),
        ("correct horse", {"password": ""}, 0),
    ],
)
async def test_refused_password(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    password: str | None,
    typed: dict[str, str],
    requests: int,
) -> None:
    """A wrong password and an account without one look the same to Plex.

    A login that can't be right is not sent.
    """
    account.code = None
    account.password = password
    login = {"username": "ada", "password": "correct horse"}
    form = await submit(hass, await open_password_form(hass), login | typed)
    check_form(form, "password", {"base": "invalid_auth"})
    assert len(simulator.requests) == requests

    account.password = "correct horse"
    result = await type_login(hass, account, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_password_changed_before_code(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """A password that is refused at last doesn't leave the code step either."""
    form = await open_code_form(hass, account)
    account.password = "another"
    form = await submit(hass, form, {"code": "123456"})
    check_form(form, "two_factor", {"base": "invalid_auth"})

    account.password = "correct horse"
    result = await submit(hass, form, {"code": "123456"})
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_locked_out(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """Too many wrong codes lock the address out for a while."""
    simulator.lock_after = 1
    form = await open_code_form(hass, account)
    form = await submit(hass, form, {"code": "000000"})
    check_form(form, "two_factor", {"code": "invalid_code"})
    form = await submit(hass, form, {"code": "123456"})
    check_form(form, "two_factor", {"base": "too_many_attempts"}, "60")

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
    submission = hass.async_create_task(type_login(hass, account, form))
    await until(lambda: hang.hits)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31))
    form = await submission
    check_form(form, "password", {"base": "cannot_connect"})
    assert hang.hits == 1

    simulator.clear_faults()
    result = await type_login(hass, account, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_connection_refused(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """Plex that isn't there can be tried again once it is."""
    account.code = None
    await simulator.stop_plex_tv()
    form = await type_login(hass, account, await open_password_form(hass))
    check_form(form, "password", {"base": "cannot_connect"})

    await simulator.start_plex_tv()
    result = await type_login(hass, account, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_certificate_refused(
    hass: HomeAssistant, simulator: Simulator, aioclient_mock: AiohttpClientMocker
) -> None:
    """A certificate that isn't trusted has a sentence of its own."""
    url = f"{simulator.url}/users/signin"
    refusal = ClientConnectorCertificateError(Mock(), SSLCertVerificationError())
    aioclient_mock.post(url, exc=refusal)
    login = {"username": "ada", "password": "pass"}
    form = await submit(hass, await open_password_form(hass), login)
    check_form(form, "password", {"base": "certificate_refused"})

    aioclient_mock.clear_requests()
    account = {"id": 1, "uuid": "0123456789abcdef", "authToken": "token"}
    aioclient_mock.post(url, json=account)
    aioclient_mock.get(f"{simulator.url}/user", json=account)
    aioclient_mock.get(f"{simulator.url}/resources", json=[])
    result = await submit(hass, form, login)
    assert result["type"] is FlowResultType.CREATE_ENTRY


def variables(record: logging.LogRecord) -> str:
    """Return what a handler records that records the variables of frames."""
    traceback = record.exc_info[2] if record.exc_info else None
    recorded = ""
    while traceback:
        recorded += repr(traceback.tb_frame.f_locals)
        traceback = traceback.tb_next
    return recorded


@pytest.mark.parametrize(
    ("method", "operation", "step_id"),
    [
        ("password", "post_users_sign_in_data", "password"),
        ("two_factor", "post_users_sign_in_data", "two_factor"),
        ("link", "create_pin", "link_expired"),
        ("link", "get_pin", "link_expired"),
        ("link", "get_token_details", "link_expired"),
    ],
)
async def test_unexpected_exception(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    caplog: pytest.LogCaptureFixture,
    method: str,
    operation: str,
    step_id: str,
) -> None:
    """What nobody thought of leaves the dialog usable, and no secret in the log.

    Nor is one in the variables of frames, which some handlers record.
    """
    caplog.set_level(logging.DEBUG)
    menu = await open_menu(hass)

    async def fail(self: PlexTvClient, *given: Any, **options: Any) -> None:
        """Fail with the secrets in a variable."""
        assert given is not None
        raise ZeroDivisionError

    if method == "link":
        with patch.object(PlexTvClient, operation, fail):
            step = await choose(hass, menu, "link")
            if step["type"] is FlowResultType.SHOW_PROGRESS:
                [pin] = simulator.pins
                if operation == "get_token_details":
                    simulator.approve_pin(pin.code, account)
                await settle(hass)
                step = await submit(hass, step)
    else:
        account.code = "123456" if method == "two_factor" else None
        step = await choose(hass, menu, "password")
        if method == "two_factor":
            step = await type_login(hass, account, step)
        with patch.object(PlexTvClient, operation, fail):
            typed = {"code": "123456"}
            if method == "password":
                typed = {"username": "ada", "password": "correct horse"}
            step = await submit(hass, step, typed)
    check_form(step, step_id, {"base": "unknown"})
    await settle(hass)
    assert account.tokens == {}
    assert "ZeroDivisionError" in caplog.text
    recorded = caplog.text + "".join(map(variables, caplog.records))
    secrets = {"correct horse", "123456", *(pin.code for pin in simulator.pins)}
    assert [secret for secret in secrets if secret in recorded] == []

    result = await by_password(hass, simulator, account, await open_menu(hass))
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("sign_in", SIGN_INS)
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
    recorded = caplog.text + "".join(map(variables, caplog.records))
    assert [secret for secret in secrets if secret in recorded] == []


def is_kept(secret: str) -> bool:
    """Return whether any dialog, open or gone, keeps a secret."""
    gc.collect()
    pending: list[object] = [
        one for one in gc.get_objects() if isinstance(one, PlexAccountConfigFlow)
    ]
    assert pending
    seen = set()
    while pending:
        one = pending.pop()
        if isinstance(one, str) and secret in one:
            return True
        if id(one) not in seen and (
            isinstance(one, dict | list | tuple)
            or type(one).__module__.startswith("custom_components.plex_account")
        ):
            seen.add(id(one))
            pending += gc.get_referents(one)
    return False


@pytest.mark.parametrize("leave", ["refused", "reopened", "late", "closed"])
async def test_password_is_forgotten(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    leave: str,
) -> None:
    """A dialog that was left keeps no password, and asks for it again."""
    password = account.password = "sentinel horse"
    menu = await entry.start_reauth_flow(hass)
    form = await choose(hass, menu, "password")
    if leave == "refused":
        form = await type_login(hass, account, form, password="sentinel mule")
        assert not is_kept("sentinel mule")
    else:
        form = await type_login(hass, account, form)
        form = await submit(hass, form, {"code": "000000"})
        check_form(form, "two_factor", {"code": "invalid_code"})
        assert is_kept(password)
        simulator.clear_requests()
        if leave == "closed":
            hass.config_entries.flow.async_abort(form["flow_id"])
            form = await choose(hass, await entry.start_reauth_flow(hass), "password")
        elif leave == "reopened":
            form = await choose(hass, await submit(hass, form), "password")
        else:
            async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=16))
            form = await submit(hass, form, {"code": "123456"})
        check_form(form, "password", {})
        assert simulator.requests == []
    assert not is_kept(password)

    account.code = None
    result = await type_login(hass, account, form)
    assert result["reason"] == "reauth_successful"
    assert not is_kept(password)


async def test_closed_while_code_is_asked_for(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """A password that would be kept for the next step is not, where there is none."""
    form = await open_password_form(hass)
    hang = simulator.fault(path="/users/signin", action="hang")
    submission = hass.async_create_task(type_login(hass, account, form))
    await until(lambda: hang.hits)
    hass.config_entries.flow.async_abort(form["flow_id"])
    hang.remove()
    with pytest.raises(UnknownFlow):
        await submission

    result = await by_password(hass, simulator, account, await open_menu(hass))
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("step_id", ["password", "two_factor"])
async def test_submitted_twice(
    hass: HomeAssistant, simulator: Simulator, account: Account, step_id: str
) -> None:
    """A form that is submitted twice signs in once."""
    typed = {"username": "ada", "password": "correct horse"}
    form = await open_password_form(hass)
    if step_id == "two_factor":
        form, typed = await submit(hass, form, typed), {"code": "123456"}
    else:
        account.code = None
    simulator.clear_requests()
    hang = simulator.fault(path="/users/signin", action="hang", times=1)
    first = hass.async_create_task(submit(hass, form, typed))
    await until(lambda: hang.hits)
    second = hass.async_create_task(submit(hass, form, typed))
    hang.release()

    assert (await first)["type"] is FlowResultType.CREATE_ENTRY
    with pytest.raises(UnknownFlow):
        await second
    assert count(simulator, "POST", "/users/signin") == 1


async def test_second_dialog_is_faster(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """Of two dialogs for one account the first to end makes the entry."""
    account.code = None
    hang = simulator.fault(path="/users/signin", action="hang", times=1)
    form = await open_password_form(hass)
    slow = hass.async_create_task(type_login(hass, account, form))
    await until(lambda: hang.hits)
    fast = await by_password(hass, simulator, account, await open_menu(hass))
    hang.release()
    result = await slow
    await settle(hass)

    assert fast["type"] is FlowResultType.CREATE_ENTRY
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert hass.config_entries.async_entries(DOMAIN) == [fast["result"]]
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


async def test_options(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    """Servers of others can be left out; a change is put into effect at once."""
    await set_up(hass, entry)
    for suggested, chosen, reloads in (
        (None, False, True),
        (False, False, False),
        (False, True, True),
    ):
        simulator.clear_requests()
        form = await hass.config_entries.options.async_init(entry.entry_id)
        assert form["step_id"] == "init"
        schema = form["data_schema"]
        assert get_schema_suggested_value(schema.schema, "shared_servers") is suggested
        assert schema({}) == {"shared_servers": True}
        result = await hass.config_entries.options.async_configure(
            form["flow_id"], {"shared_servers": chosen}
        )
        await settle(hass)
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert entry.options == {"shared_servers": chosen}
        assert entry.state is ConfigEntryState.LOADED
        assert count(simulator, "GET", "/user") == reloads
