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
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
from homeassistant.util import dt as dt_util

from .common import set_up, settle, until
from .dialogs import (
    HTML,
    METHODS,
    Dialogs,
    Method,
    Source,
    check_abort,
    check_created,
    check_form,
    plex_error,
)

# What goes wrong, the error that it shows, and the minutes that the error names.
FAULTS = [
    ({"status": 401, "body": plex_error(1001)}, "invalid_auth", "0"),
    ({"status": 422, "body": plex_error(1001)}, "invalid_auth", "0"),
    ({"status": 401, "body": plex_error(1030)}, "email_required", "0"),
    ({"status": 403, "body": plex_error(1030)}, "email_required", "0"),
    ({"status": 401, "body": plex_error(1031)}, "too_many_attempts", "60"),
    (
        {"status": 401, "body": plex_error(1031), "headers": {"Retry-After": "90"}},
        "too_many_attempts",
        "2",
    ),
    ({"status": 429}, "rate_limited", "5"),
    ({"status": 429, "headers": {"Retry-After": "30"}}, "rate_limited", "1"),
    ({"status": 400}, "invalid_response", "0"),
    ({"status": 302, "headers": {"Location": "/"}}, "invalid_response", "0"),
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


async def open_code_form(dialogs: Dialogs) -> ConfigFlowResult:
    """Open a dialog and go on to the two-factor code."""
    form = await dialogs.log_in(await dialogs.choose(None, "password"))
    check_form(form, "two_factor")
    return form


@pytest.mark.parametrize(
    ("source", "step_id"),
    [("reauth", "reauth_confirm"), ("reconfigure", "reconfigure")],
)
async def test_menus(
    dialogs: Dialogs, entry: MockConfigEntry, source: Source, step_id: str
) -> None:
    """Every dialog begins with the choice of a method; a renewal names the account.

    Its name is plain text.
    """
    dialogs.hass.config_entries.async_update_entry(
        entry, title="![ada](http://x.example)"
    )
    escaped = r"!\[ada\](http\://x.example)"
    for menu, step, name in (
        (await dialogs.open(), "user", None),
        (await dialogs.open(source, entry), step_id, escaped),
    ):
        assert menu["type"] is FlowResultType.MENU
        assert menu["step_id"] == step
        assert menu["menu_options"] == ["password", "link"]
        assert menu["description_placeholders"].get("name") == name


async def test_password(dialogs: Dialogs) -> None:
    """A password makes an entry that holds what is needed and no more.

    Of the login, what can't be seen is left out; the password is sent as it is.
    """
    dialogs.account.code, dialogs.account.password = None, " corr\u200bect "
    form = await dialogs.choose(None, "password")
    check_form(form, "password")
    result = await dialogs.log_in(form, username="\u2068 ADA@\u00adexample.\ufe0fcom\n")
    await settle(dialogs.hass)

    entry = check_created(result)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.title == "ada"
    assert entry.unique_id == dialogs.account.uuid
    assert (entry.version, entry.minor_version) == (1, 2)
    [token] = dialogs.account.tokens
    assert entry.data == {
        "token": token,
        "client_identifier": str(UUID(entry.data["client_identifier"])),
        "username": "ADA@example.com",
        "url": dialogs.simulator.url,
    }
    assert entry.options == {}
    assert dialogs.simulator.requests[0].form == {
        "login": "ADA@example.com",
        "password": " corr\u200bect ",
        "rememberMe": "true",
    }
    assert {request.client_identifier for request in dialogs.simulator.requests} == {
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
async def test_two_factor(dialogs: Dialogs, typed: str) -> None:
    """An account with two-factor authentication is asked for the code."""
    form = await open_code_form(dialogs)
    check_form(form, "two_factor")
    assert form["description_placeholders"]["username"] == "ada"
    result = await dialogs.submit(form, {"code": typed})

    check_created(result)
    assert result["data"].keys() == {"token", "client_identifier", "username", "url"}
    assert [
        request.form.get("verificationCode")
        for request in dialogs.simulator.requests
        if request.path == "/users/signin"
    ] == [None, "123456"]
    assert dialogs.tokens == [result["data"]["token"]]


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("Ada L.", "ada", "countess"), "Ada L."),
        (("", "ada", "countess"), "ada"),
        (("ada@example.com", "ada", "countess"), "ada"),
        (("", "", "countess"), "countess"),
        (("ada@example.com", "ada@example.com", "countess"), "countess"),
        (("ada@example.com", "ada@example.com", "ada@example.com"), "Plex account"),
        (("", "", ""), "Plex account"),
    ],
)
async def test_title(dialogs: Dialogs, names: tuple[str, ...], shown: str) -> None:
    """The title is the first name of the account that is no email address."""
    account = dialogs.account
    account.friendly_name, account.username, account.title = names
    account.code = None
    form = await dialogs.choose(None, "password")
    result = await dialogs.log_in(form, username=account.email)
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
    dialogs: Dialogs,
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
    form = await dialogs.choose(None, "password")
    assert set(form["data_schema"].schema) == {"username", "password"}
    result = await dialogs.submit(form, {"username": "ada", "password": "pass"})

    check_created(result)
    assert result["data"] == {
        "token": "token",
        "client_identifier": result["data"]["client_identifier"],
        "username": "ada",
        **stored,
    }


@pytest.mark.parametrize("url", INSECURE_URLS)
async def test_insecure_url(
    dialogs: Dialogs, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """A URL that nothing secret may be sent to ends the dialog; nothing is sent."""
    monkeypatch.setenv("PLEX_ACCOUNT_URL", url)
    check_abort(await dialogs.open(), "insecure_url")
    assert dialogs.simulator.requests == []

    monkeypatch.setenv("PLEX_ACCOUNT_URL", dialogs.simulator.url)
    assert (await dialogs.open())["type"] is FlowResultType.MENU


@pytest.mark.parametrize(("fault", "error", "minutes"), FAULTS)
async def test_password_errors(
    dialogs: Dialogs, fault: dict[str, Any], error: str, minutes: str
) -> None:
    """A sign-in that fails says why, is not repeated by itself, and can be repeated."""
    dialogs.account.code = None
    dialogs.simulator.fault(path="/users/signin", times=1, **fault)
    form = await dialogs.log_in(await dialogs.choose(None, "password"))
    check_form(form, "password", error, minutes=minutes)
    fields = form["data_schema"].schema
    assert get_schema_suggested_value(fields, "username") == "ada"
    assert get_schema_suggested_value(fields, "password") is None
    assert len(dialogs.simulator.requests) == 1

    check_created(await dialogs.log_in(form))
    assert dialogs.count("POST", "/users/signin") == 2


@pytest.mark.parametrize(("fault", "error", "minutes"), FAULTS)
async def test_code_errors(
    dialogs: Dialogs, fault: dict[str, Any], error: str, minutes: str
) -> None:
    """Whatever goes wrong with a code, it can be typed again without the password."""
    form = await open_code_form(dialogs)
    dialogs.simulator.fault(path="/users/signin", times=1, **fault)
    form = await dialogs.submit(form, {"code": "123456"})
    check_form(form, "two_factor", error, minutes=minutes)
    assert len(dialogs.simulator.requests) == 2

    check_created(await dialogs.submit(form, {"code": "123456"}))
    assert dialogs.count("POST", "/users/signin") == 3


@pytest.mark.parametrize(("code", "requests"), [("000000", 2), (" - ", 1)])
async def test_refused_code(dialogs: Dialogs, code: str, requests: int) -> None:
    """A code that is refused is shown as the one thing that is wrong.

    One that can't be right is not sent.
    """
    form = await open_code_form(dialogs)
    form = await dialogs.submit(form, {"code": code})
    check_form(form, "two_factor", "invalid_code", field="code")
    [field] = form["data_schema"].schema
    assert not field.description
    assert len(dialogs.simulator.requests) == requests

    check_created(await dialogs.submit(form, {"code": "123456"}))


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
    dialogs: Dialogs, password: str | None, typed: dict[str, str], requests: int
) -> None:
    """A wrong password and an account without one look the same to Plex.

    A login that can't be right is not sent.
    """
    dialogs.account.code = None
    dialogs.account.password = password
    login = {"username": "ada", "password": "correct horse"}
    form = await dialogs.submit(await dialogs.choose(None, "password"), login | typed)
    check_form(form, "password", "invalid_auth")
    assert len(dialogs.simulator.requests) == requests

    dialogs.account.password = "correct horse"
    check_created(await dialogs.log_in(form))


async def test_password_changed_before_code(dialogs: Dialogs) -> None:
    """A password that is refused at last doesn't leave the code step either."""
    form = await open_code_form(dialogs)
    dialogs.account.password = "another"
    form = await dialogs.submit(form, {"code": "123456"})
    check_form(form, "two_factor", "invalid_auth")

    dialogs.account.password = "correct horse"
    check_created(await dialogs.submit(form, {"code": "123456"}))


async def test_locked_out(dialogs: Dialogs) -> None:
    """Too many wrong codes lock the address out for a while."""
    dialogs.simulator.lock_after = 1
    form = await open_code_form(dialogs)
    form = await dialogs.submit(form, {"code": "000000"})
    check_form(form, "two_factor", "invalid_code", field="code")
    form = await dialogs.submit(form, {"code": "123456"})
    check_form(form, "two_factor", "too_many_attempts", minutes="60")

    dialogs.simulator.clock.advance(dialogs.simulator.lock_seconds)
    check_created(await dialogs.submit(form, {"code": "123456"}))


@pytest.mark.parametrize("reachable", [True, False])
async def test_no_answer(dialogs: Dialogs, reachable: bool) -> None:
    """Plex that doesn't answer, or isn't there, can be tried again once it does.

    The password is sent once.
    """
    dialogs.account.code = None
    hang = dialogs.simulator.fault(path="/users/signin", action="hang")
    if not reachable:
        await dialogs.simulator.stop_plex_tv()
    form = await dialogs.choose(None, "password")
    submission = dialogs.hass.async_create_task(dialogs.log_in(form))
    if reachable:
        await until(lambda: hang.hits)
        async_fire_time_changed(dialogs.hass, dt_util.utcnow() + timedelta(seconds=31))
    form = await submission
    check_form(form, "password", "cannot_connect")
    assert hang.hits == reachable

    hang.remove()
    if not reachable:
        await dialogs.simulator.start_plex_tv()
    check_created(await dialogs.log_in(form))


async def test_certificate_refused(
    dialogs: Dialogs, aioclient_mock: AiohttpClientMocker
) -> None:
    """A certificate that isn't trusted has a sentence of its own."""
    url = f"{dialogs.simulator.url}/users/signin"
    refusal = ClientConnectorCertificateError(Mock(), SSLCertVerificationError())
    aioclient_mock.post(url, exc=refusal)
    login = {"username": "ada", "password": "pass"}
    form = await dialogs.submit(await dialogs.choose(None, "password"), login)
    check_form(form, "password", "certificate_refused")

    aioclient_mock.clear_requests()
    account = {"id": 1, "uuid": "0123456789abcdef", "authToken": "token"}
    aioclient_mock.post(url, json=account)
    aioclient_mock.get(f"{dialogs.simulator.url}/user", json=account)
    aioclient_mock.get(f"{dialogs.simulator.url}/resources", json=[])
    check_created(await dialogs.submit(form, login))


def variables(record: logging.LogRecord) -> str:
    """Return what a handler records that records the variables of frames."""
    traceback = record.exc_info[2] if record.exc_info else None
    recorded = ""
    while traceback:
        recorded += repr(traceback.tb_frame.f_locals)
        traceback = traceback.tb_next
    return recorded


@pytest.mark.parametrize(
    ("operation", "step_id"),
    [
        ("post_users_sign_in_data", "password"),
        ("post_users_sign_in_data", "two_factor"),
        ("create_pin", "link_expired"),
        ("get_pin", "link_expired"),
        ("get_token_details", "link_expired"),
    ],
)
async def test_unexpected_exception(
    dialogs: Dialogs, caplog: pytest.LogCaptureFixture, operation: str, step_id: str
) -> None:
    """What nobody thought of leaves the dialog usable, and no secret in the log.

    Nor is one in the variables of frames, which some handlers record.
    """
    caplog.set_level(logging.DEBUG)

    async def fail(self: PlexTvClient, *given: Any, **options: Any) -> None:
        """Fail with the secrets in a variable."""
        assert given is not None
        raise ZeroDivisionError

    if step_id == "password":
        dialogs.account.code = None
    step = await dialogs.open()
    if step_id != "link_expired":
        step = await dialogs.choose(step, "password")
    if step_id == "two_factor":
        step = await dialogs.log_in(step)
    with patch.object(PlexTvClient, operation, fail):
        if step_id == "password":
            step = await dialogs.log_in(step)
        elif step_id == "two_factor":
            step = await dialogs.submit(step, {"code": "123456"})
        else:
            step = await dialogs.choose(step, "link")
            if operation != "create_pin":
                step = await dialogs.link(step)
    check_form(step, step_id, "unknown")
    await settle(dialogs.hass)
    assert len(dialogs.tokens) == (operation == "get_pin")
    assert "ZeroDivisionError" in caplog.text
    recorded = caplog.text + "".join(map(variables, caplog.records))
    secrets = {"correct horse", "123456", *(pin.code for pin in dialogs.simulator.pins)}
    assert [secret for secret in secrets if secret in recorded] == []

    check_created(await dialogs.sign_in())


@pytest.mark.parametrize("method", METHODS)
async def test_nothing_secret_is_logged(
    dialogs: Dialogs, caplog: pytest.LogCaptureFixture, method: Method
) -> None:
    """Neither password nor code nor token is ever logged."""
    caplog.set_level(logging.DEBUG)
    dialogs.account.password = "the-password"
    result = await dialogs.sign_in(None, method)
    await dialogs.sign_in(None, method)
    await settle(dialogs.hass)

    secrets = {"the-password", "654321", result["data"]["token"]}
    secrets |= {pin.code for pin in dialogs.simulator.pins}
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
    dialogs: Dialogs, entry: MockConfigEntry, leave: str
) -> None:
    """A dialog that was left keeps no password, and asks for it again."""
    password = dialogs.account.password = "sentinel horse"
    menu = await dialogs.open("reauth", entry)
    form = await dialogs.choose(menu, "password")
    if leave == "refused":
        form = await dialogs.log_in(form, password="sentinel mule")
        assert not is_kept("sentinel mule")
    else:
        form = await dialogs.log_in(form)
        form = await dialogs.submit(form, {"code": "000000"})
        check_form(form, "two_factor", "invalid_code", field="code")
        assert is_kept(password)
        dialogs.simulator.clear_requests()
        if leave == "closed":
            dialogs.close(form)
            form = await dialogs.choose(await dialogs.open("reauth", entry), "password")
        elif leave == "reopened":
            form = await dialogs.choose(await dialogs.submit(form), "password")
        else:
            await dialogs.pass_seconds(16 * 60)
            form = await dialogs.submit(form, {"code": "123456"})
        check_form(form, "password")
        assert dialogs.simulator.requests == []
    assert not is_kept(password)

    dialogs.account.code = None
    check_abort(await dialogs.log_in(form), "reauth_successful")
    assert not is_kept(password)


async def test_closed_while_code_is_asked_for(dialogs: Dialogs) -> None:
    """A password that would be kept for the next step is not, where there is none."""
    form = await dialogs.choose(None, "password")
    hang = dialogs.simulator.fault(path="/users/signin", action="hang")
    submission = dialogs.hass.async_create_task(dialogs.log_in(form))
    await until(lambda: hang.hits)
    dialogs.close(form)
    hang.remove()
    with pytest.raises(UnknownFlow):
        await submission

    check_created(await dialogs.sign_in())


@pytest.mark.parametrize("step_id", ["password", "two_factor"])
async def test_submitted_twice(dialogs: Dialogs, step_id: str) -> None:
    """A form that is submitted twice signs in once."""
    typed = {"username": "ada", "password": "correct horse"}
    form = await dialogs.choose(None, "password")
    if step_id == "two_factor":
        form, typed = await dialogs.submit(form, typed), {"code": "123456"}
    else:
        dialogs.account.code = None
    dialogs.simulator.clear_requests()
    hang = dialogs.simulator.fault(path="/users/signin", action="hang", times=1)
    first = dialogs.hass.async_create_task(dialogs.submit(form, typed))
    await until(lambda: hang.hits)
    second = dialogs.hass.async_create_task(dialogs.submit(form, typed))
    hang.release()

    assert (await first)["type"] is FlowResultType.CREATE_ENTRY
    with pytest.raises(UnknownFlow):
        await second
    assert dialogs.count("POST", "/users/signin") == 1


async def test_second_dialog_is_faster(dialogs: Dialogs) -> None:
    """Of two dialogs for one account the first to end makes the entry."""
    dialogs.account.code = None
    hang = dialogs.simulator.fault(path="/users/signin", action="hang", times=1)
    form = await dialogs.choose(None, "password")
    slow = dialogs.hass.async_create_task(dialogs.log_in(form))
    await until(lambda: hang.hits)
    fast = await dialogs.sign_in()
    hang.release()
    result = await slow
    await settle(dialogs.hass)

    check_created(fast)
    check_abort(result, "already_configured")
    assert dialogs.entries == [fast["result"]]
    assert dialogs.tokens == [fast["data"]["token"]]


async def test_second_dialog_during_set_up(dialogs: Dialogs) -> None:
    """While the entry of one dialog is being set up, another can't make one."""
    hang = dialogs.simulator.fault(path="/resources", action="hang")
    menu = await dialogs.open()
    first = dialogs.hass.async_create_task(dialogs.sign_in(menu))
    await until(lambda: hang.hits)
    second = await dialogs.sign_in()
    hang.remove()
    created = await first
    await settle(dialogs.hass)

    check_abort(second, "already_in_progress")
    assert dialogs.entries == [created["result"]]
    assert dialogs.tokens == [created["data"]["token"]]


async def test_options(dialogs: Dialogs, entry: MockConfigEntry) -> None:
    """Servers of others can be left out; a change is put into effect at once."""
    await set_up(dialogs.hass, entry)
    for suggested, chosen, reloads in (
        (None, False, True),
        (False, False, False),
        (False, True, True),
    ):
        dialogs.simulator.clear_requests()
        form = await dialogs.hass.config_entries.options.async_init(entry.entry_id)
        assert form["step_id"] == "init"
        schema = form["data_schema"]
        assert schema
        assert get_schema_suggested_value(schema.schema, "shared_servers") is suggested
        assert schema({}) == {"shared_servers": True}
        result = await dialogs.hass.config_entries.options.async_configure(
            form["flow_id"], {"shared_servers": chosen}
        )
        await settle(dialogs.hass)
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert entry.options == {"shared_servers": chosen}
        assert entry.state is ConfigEntryState.LOADED
        assert dialogs.count("GET", "/user") == reloads
