"""Signing in with a password, and the options, for every answer of Plex."""

from collections.abc import Iterator
import gc
import logging
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker

from custom_components.plex_account.api import PlexTvClient
from custom_components.plex_account.config_flow import PlexAccountConfigFlow
from custom_components.plex_account.sign_in import SignIn
from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
from tests.simulator import Server

from .common import set_up, settle
from .dialogs import (
    TROUBLE,
    Dialogs,
    Fault,
    check_abort,
    check_created,
    check_form,
    suggested,
)
from .samples import sample

PLEX_TV = "https://plex.tv/api/v2"
ADDRESSES = sample("odd/addresses")
INSECURE = ADDRESSES["plain http"] + ADDRESSES["not a base URL"]

# The two forms: the user input, and the input kept when a form is shown again.
TYPED = {
    "password": {"username": "ada", "password": "correct horse"},
    "two_factor": {"code": "123456"},
}
KEPT = {"password": {"username": "ada", "password": None}, "two_factor": {"code": None}}

FAULTS = [
    ({"code": 1001}, "invalid_auth", "0"),
    ({"code": 1030}, "email_required", "0"),
    ({"code": 1030, "status": 403}, "email_required", "0"),
    ({"code": 1031}, "too_many_attempts", "60"),
    ({"code": 1031, "headers": {"Retry-After": "90"}}, "too_many_attempts", "2"),
    ({"body": []}, "invalid_response", "0"),
    ({"body": {"id": 1, "uuid": "0123456789abcdef"}}, "invalid_response", "0"),
    *TROUBLE,
]


@pytest.fixture(autouse=True)
def nothing_secret_is_logged(
    dialogs: Dialogs, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """Fail if a secret is in the log, or in variables that log handlers may record."""
    caplog.set_level(logging.DEBUG)
    yield
    recorded = ""
    for record in caplog.get_records("call"):
        recorded += caplog.handler.format(record)
        traceback = record.exc_info[2] if record.exc_info else None
        while traceback:
            recorded += repr(traceback.tb_frame.f_locals)
            traceback = traceback.tb_next
    codes = [pin.code for pin in dialogs.simulator.pins]
    secrets = ["correct horse", "123456", "654321", *dialogs.tokens, *codes]
    assert [secret for secret in secrets if secret in recorded] == []


async def open_form(dialogs: Dialogs, step_id: str) -> ConfigFlowResult:
    """Open a dialog and go to one of its two forms, the submission of which completes it."""
    form = await dialogs.choose(None, "password")
    if step_id == "two_factor":
        form = await dialogs.log_in(form)
    else:
        dialogs.account.code = None
    check_form(form, step_id)
    dialogs.simulator.clear_requests()
    return form


async def test_password(dialogs: Dialogs) -> None:
    """An entry stores no more than it needs; the password is sent exactly as typed."""
    dialogs.account.code, dialogs.account.password = None, " corr\u200bect "
    form = await dialogs.choose(None, "password")
    check_form(form, "password")
    result = await dialogs.log_in(form, username="\u2068 ADA@\u00adexample.\ufe0fcom\n")
    await settle(dialogs.hass)
    entry = check_created(result)
    assert dialogs.check_only_entry() is entry
    assert entry.title == "ada"
    assert entry.unique_id == dialogs.account.uuid
    assert (entry.version, entry.minor_version) == (1, 2)
    assert entry.data == {
        "token": dialogs.tokens[0],
        "client_identifier": str(UUID(entry.data["client_identifier"])),
        "username": "ADA@example.com",
        "url": dialogs.simulator.url,
    }
    assert entry.options == {}
    requests = dialogs.simulator.requests
    assert requests[0].form == {
        "login": "ADA@example.com",
        "password": " corr\u200bect ",
        "rememberMe": "true",
    }
    clients = {request.client_identifier for request in requests}
    assert clients == {entry.data["client_identifier"]}


@pytest.mark.parametrize(
    "typed",
    [
        " 123-456\n",
        "\u221212\u201134\u2013\uff15\u30fc6\uff0d",
        "\u200e\uff11\uff12\uff13\u200b\u00a0456\ufe0f\u2060",
    ],
    ids=ascii,
)
async def test_two_factor(dialogs: Dialogs, typed: str) -> None:
    """An account with two-factor authentication is prompted for the code."""
    form = await dialogs.log_in(await dialogs.choose(None, "password"))
    check_form(form, "two_factor")
    assert form["description_placeholders"]["username"] == "ada"
    check_created(await dialogs.submit(form, {"code": typed}))
    requests = dialogs.simulator.requests
    sent = [one.form for one in requests if one.path == "/users/signin"]
    assert [form.get("verificationCode") for form in sent] == [None, "123456"]


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        (None, PLEX_TV),
        (" HTTPS://PLEX.tv/api/v2/ ", PLEX_TV),
        *ADDRESSES["secure"].items(),
    ],
)
async def test_url(
    dialogs: Dialogs,
    aioclient_mock: AiohttpClientMocker,
    monkeypatch: pytest.MonkeyPatch,
    variable: str | None,
    url: str,
) -> None:
    """The URL from the environment is used, and stored unless it is that of plex.tv."""
    monkeypatch.delenv("PLEX_ACCOUNT_URL")
    if variable:
        monkeypatch.setenv("PLEX_ACCOUNT_URL", variable)
    account = {"id": 1, "uuid": "0123456789abcdef", "authToken": "token"}
    aioclient_mock.post(f"{url}/users/signin", json=account)
    aioclient_mock.get(f"{url}/user", json=account)
    aioclient_mock.get(f"{url}/resources", json=[])
    form = await dialogs.choose(None, "password")
    assert suggested(form).keys() == {"username", "password"}
    entry = check_created(await dialogs.log_in(form))
    assert entry.title == "Plex account"
    assert entry.data == {
        "token": "token",
        "client_identifier": entry.data["client_identifier"],
        "username": "ada",
        **({} if url == PLEX_TV else {"url": url}),
    }


@pytest.mark.parametrize("url", [one for one in INSECURE if one == one.strip()])
async def test_insecure_url(
    dialogs: Dialogs, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """A URL that is unsafe for secrets aborts the dialog; nothing is sent."""
    monkeypatch.setenv("PLEX_ACCOUNT_URL", url)
    check_abort(await dialogs.open(), "insecure_url")
    assert dialogs.simulator.requests == []
    monkeypatch.setenv("PLEX_ACCOUNT_URL", dialogs.simulator.url)
    assert (await dialogs.open())["type"] is FlowResultType.MENU


@pytest.mark.parametrize("step_id", TYPED)
@pytest.mark.parametrize(("fault", "error", "minutes"), FAULTS)
async def test_faults(
    dialogs: Dialogs, step_id: str, fault: Fault, error: str, minutes: str
) -> None:
    """A failed step says why, isn't retried automatically, and can be submitted again."""
    form = await open_form(dialogs, step_id)
    dialogs.simulator.fault(path="/users/signin", times=1, **fault)
    form = await dialogs.submit(form, TYPED[step_id])
    check_form(form, step_id, error, minutes=minutes)
    assert suggested(form) == KEPT[step_id]
    assert len(dialogs.simulator.requests) == 1
    check_created(await dialogs.submit(form, TYPED[step_id]))
    assert dialogs.count("POST", "/users/signin") == 2


async def test_refused_login(dialogs: Dialogs) -> None:
    """Rejected credentials can be corrected; obviously invalid ones aren't sent."""
    form = await open_form(dialogs, "password")
    for typed in ({"username": " \u200b"}, {"password": ""}, {"password": "wrong"}):
        assert dialogs.simulator.requests == []
        form = await dialogs.log_in(form, **typed)
        check_form(form, "password", "invalid_auth")
    assert len(dialogs.simulator.requests) == 1
    check_created(await dialogs.log_in(form))


async def test_refused_code(dialogs: Dialogs) -> None:
    """Only a sign-in ends the code step; wrong codes lock the address out."""
    dialogs.simulator.lock_after = 3
    form = await open_form(dialogs, "two_factor")
    for code in (" - ", "000000"):
        assert dialogs.simulator.requests == []
        form = await dialogs.submit(form, {"code": code})
        check_form(form, "two_factor", "invalid_code", field="code")
        assert suggested(form) == KEPT["two_factor"]
    for password in ("another", None):
        dialogs.account.password = password
        form = await dialogs.submit(form, {"code": "123456"})
        check_form(form, "two_factor", "invalid_auth")
    assert len(dialogs.simulator.requests) == 3
    dialogs.account.password = "correct horse"
    form = await dialogs.submit(form, {"code": "123456"})
    check_form(form, "two_factor", "too_many_attempts", minutes="60")
    dialogs.simulator.clock.advance(dialogs.simulator.lock_seconds)
    check_created(await dialogs.submit(form, {"code": "123456"}))


async def test_no_answer(dialogs: Dialogs) -> None:
    """The password isn't sent again if Plex doesn't answer or can't be reached."""
    form = await open_form(dialogs, "password")
    async with dialogs.held(dialogs.log_in(form)) as submission:
        await dialogs.pass_seconds(31)
        form = await submission
    check_form(form, "password", "cannot_connect")
    await dialogs.simulator.stop_plex_tv()
    form = await dialogs.log_in(form)
    check_form(form, "password", "cannot_connect")
    assert dialogs.count("POST", "/users/signin") == 1
    await dialogs.simulator.start_plex_tv()
    check_created(await dialogs.log_in(form))


async def test_certificate_refused(
    dialogs: Dialogs, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An untrusted certificate has an error message of its own."""
    monkeypatch.setenv("PLEX_ACCOUNT_URL", f"https://127.0.0.1:{server.port}")
    form = await dialogs.log_in(await dialogs.choose(None, "password"))
    check_form(form, "password", "certificate_refused")
    assert server.requests == []


@pytest.mark.parametrize("operation", ["create_pin", "get_pin", "get_token_details"])
async def test_unexpected_exception(
    dialogs: Dialogs, caplog: pytest.LogCaptureFixture, operation: str
) -> None:
    """An unexpected exception is logged and leaves the dialog usable."""

    async def fail(self: PlexTvClient, *given: Any, **options: Any) -> None:
        """Fail with the secrets in a variable."""
        assert given is not None
        raise ZeroDivisionError

    form = await open_form(dialogs, "two_factor")
    with (
        patch.object(PlexTvClient, "post_users_sign_in_data", fail),
        patch.object(PlexTvClient, operation, fail),
    ):
        form = await dialogs.submit(form, TYPED["two_factor"])
        check_form(form, "two_factor", "unknown")
        form = await dialogs.choose(await dialogs.submit(form), "link")
        if form["type"] is FlowResultType.SHOW_PROGRESS:
            form = await dialogs.link(form)
    check_form(form, "link_expired", "unknown")
    await settle(dialogs.hass)
    assert len(dialogs.tokens) == (operation == "get_pin")
    assert caplog.text.count("ZeroDivisionError") == 2
    check_created(await dialogs.sign_in(method="link"))


def is_kept(secret: str) -> bool:
    """Return whether any dialog, open or closed, still holds a secret."""
    gc.collect()
    kinds = PlexAccountConfigFlow, SignIn
    keepers = [vars(one) for one in gc.get_objects() if isinstance(one, kinds)]
    assert keepers
    return secret in repr(keepers)


@pytest.mark.usefixtures("entry")
@pytest.mark.parametrize("leave", ["reopened", "late", "closed"])
async def test_password_is_forgotten(dialogs: Dialogs, leave: str) -> None:
    """A dialog that failed or was left keeps no password, and asks for it again."""
    password = dialogs.account.password = "sentinel horse"
    form = await dialogs.choose(await dialogs.open("reauth"), "password")
    form = await dialogs.log_in(form, password="sentinel mule")
    assert not is_kept("sentinel mule")
    async with dialogs.held(dialogs.log_in(form)) as submission:
        dialogs.close(form)
    with pytest.raises(UnknownFlow):
        await submission
    assert not is_kept(password)

    form = await dialogs.choose(await dialogs.open("reauth"), "password")
    form = await dialogs.log_in(form)
    form = await dialogs.submit(form, {"code": "000000"})
    check_form(form, "two_factor", "invalid_code", field="code")
    assert is_kept(password)
    dialogs.simulator.clear_requests()
    if leave == "closed":
        dialogs.close(form)
        form = await dialogs.choose(await dialogs.open("reauth"), "password")
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


@pytest.mark.parametrize("step_id", TYPED)
async def test_submitted_twice(dialogs: Dialogs, step_id: str) -> None:
    """Submitting a form twice signs in once."""
    form, typed = await open_form(dialogs, step_id), TYPED[step_id]
    async with dialogs.held(dialogs.submit(form, typed)) as first:
        second = dialogs.hass.async_create_task(dialogs.submit(form, typed))
    check_created(await first)
    with pytest.raises(UnknownFlow):
        await second
    assert dialogs.count("POST", "/users/signin") == 1


async def test_three_dialogs(dialogs: Dialogs) -> None:
    """If several dialogs sign in to one account, only the first to finish adds the entry."""
    async with dialogs.held(dialogs.sign_in()) as slow:
        async with dialogs.held(dialogs.sign_in(), "/resources") as fast:
            check_abort(await dialogs.sign_in(), "already_in_progress")
        entry = check_created(await fast)
    check_abort(await slow, "already_configured")
    await settle(dialogs.hass)
    assert dialogs.check_only_entry() is entry


async def test_options(dialogs: Dialogs, entry: MockConfigEntry) -> None:
    """Shared servers can be left out; a change takes effect immediately."""
    await set_up(dialogs.hass, entry)
    options = dialogs.hass.config_entries.options
    for before, chosen in ((None, False), (False, False), (False, True)):
        dialogs.simulator.clear_requests()
        form = await options.async_init(entry.entry_id)
        assert form["step_id"] == "init"
        assert suggested(form) == {"shared_servers": before}
        schema: Any = form["data_schema"]
        assert schema({}) == {"shared_servers": True}
        typed = {"shared_servers": chosen}
        result = await options.async_configure(form["flow_id"], typed)
        await settle(dialogs.hass)
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert entry.options == typed
        assert entry.state is ConfigEntryState.LOADED
        assert dialogs.count("GET", "/user") == (before is not chosen)
