"""Signing in again, and the tokens that no entry keeps."""

from contextlib import nullcontext
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    get_schema_suggested_value,
)

from custom_components.plex_account.api import PlexTvClient
from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from tests.simulator import Account, Server, Simulator

from .common import CLIENT_IDENTIFIER, set_up, settle, until
from .dialogs import (
    METHODS,
    RENEWALS,
    Dialogs,
    Method,
    Source,
    check_abort,
    check_created,
)


@pytest.fixture
def stranger(simulator: Simulator) -> Account:
    """Return an account that is not the one of the entry."""
    return simulator.add_account(
        username="grace", email="grace@example.com", password="hopper"
    )


@pytest.mark.parametrize("scope", ["token", "client"])
@pytest.mark.parametrize("method", METHODS)
async def test_already_configured(
    dialogs: Dialogs, entry: MockConfigEntry, method: Method, scope: str
) -> None:
    """A second entry of an account is refused, and only its own token signed out."""
    dialogs.simulator.sign_out_scope = scope
    result = await dialogs.sign_in(None, method)
    await settle(dialogs.hass)

    check_abort(result, "already_configured")
    assert dialogs.entries == [entry]
    assert dialogs.tokens == [entry.data["token"]]


async def test_already_configured_with_that_token(
    dialogs: Dialogs, entry: MockConfigEntry
) -> None:
    """A token that an entry has is not signed out, whoever gets it again."""
    body = {"id": 1, "uuid": dialogs.account.uuid, "authToken": entry.data["token"]}
    dialogs.simulator.fault(path="/users/signin", status=201, body=body)
    result = await dialogs.sign_in()
    await settle(dialogs.hass)

    check_abort(result, "already_configured")
    assert dialogs.count("DELETE", "/users/signout") == 0


@pytest.mark.parametrize("status", [401, 503, None])
async def test_token_that_cannot_be_signed_out(
    dialogs: Dialogs,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    status: int | None,
) -> None:
    """Plex that doesn't sign a token out changes nothing else, and is not blamed."""
    dialogs.simulator.fault(path="/users/signout", status=status or 200)
    unexpected = [] if status else [ZeroDivisionError]
    with (
        patch.object(PlexTvClient, "sign_out", side_effect=unexpected, autospec=True)
        if unexpected
        else nullcontext()
    ):
        result = await dialogs.sign_in()
        await settle(dialogs.hass)

    check_abort(result, "already_configured")
    assert entry.data["token"] in dialogs.tokens
    errors = [one for one in caplog.records if one.levelname == "ERROR"]
    assert len(errors) == len(unexpected)
    assert not any(error.exc_info for error in errors)


@pytest.mark.parametrize("scope", ["token", "client", "revoked"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("source", RENEWALS)
async def test_renewal(
    dialogs: Dialogs,
    entry: MockConfigEntry,
    server: Server,
    source: Source,
    method: Method,
    scope: str,
) -> None:
    """A new sign-in replaces the token, and changes nothing that anybody relies on."""
    if scope != "revoked":
        dialogs.simulator.sign_out_scope = scope
    await set_up(dialogs.hass, entry)
    registry = er.async_get(dialogs.hass)
    entities = er.async_entries_for_config_entry(registry, entry.entry_id)
    if scope == "revoked":
        dialogs.simulator.revoke(dialogs.account)
    old_tokens = dialogs.tokens
    dialogs.simulator.clear_requests()

    menu = await dialogs.open(source, entry)
    result = await dialogs.sign_in(menu, method)
    await settle(dialogs.hass)

    check_abort(result, f"{source}_successful")
    assert dialogs.entries == [entry]
    assert entry.state is ConfigEntryState.LOADED
    assert entry.title == "ada"
    assert entry.unique_id == dialogs.account.uuid
    assert entry.data == {
        "token": dialogs.tokens[-1],
        "client_identifier": CLIENT_IDENTIFIER,
        "url": dialogs.simulator.url,
        **({} if method == "link" else {"username": "ada"}),
    }
    assert er.async_entries_for_config_entry(registry, entry.entry_id) == entities
    assert dialogs.tokens == [*old_tokens, entry.data["token"]]
    assert dialogs.count("DELETE", "/users/signout") == 0
    assert {
        request.client_identifier
        for request in dialogs.simulator.requests
        if request.host == "plex.tv"
    } == {CLIENT_IDENTIFIER}


@pytest.mark.parametrize("source", RENEWALS)
async def test_renewal_asks_where_the_entry_was_made(
    dialogs: Dialogs,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    source: Source,
) -> None:
    """A renewal knows the login, asks for no URL, and can be tried again."""
    monkeypatch.setenv("PLEX_ACCOUNT_URL", "http://plex.example/api/v2")
    dialogs.account.code = None
    form = await dialogs.choose(await dialogs.open(source, entry), "password")
    fields = form["data_schema"].schema
    assert set(fields) == {"username", "password"}
    assert get_schema_suggested_value(fields, "username") == "ada"
    assert get_schema_suggested_value(fields, "password") is None

    form = await dialogs.log_in(form, password="wrong")
    assert form["step_id"] == "password"
    assert form["errors"] == {"base": "invalid_auth"}
    check_abort(await dialogs.log_in(form), f"{source}_successful")
    assert entry.data["url"] == dialogs.simulator.url


@pytest.mark.parametrize("url", [5, None, "nonsense", "http://192.0.2.1/api/v2"])
@pytest.mark.parametrize("source", RENEWALS)
async def test_damaged_url(
    dialogs: Dialogs, entry: MockConfigEntry, source: Source, url: object
) -> None:
    """An entry whose URL is none is signed in again where new entries are."""
    dialogs.hass.config_entries.async_update_entry(
        entry, data={**entry.data, "url": url}
    )
    menu = await dialogs.open(source, entry)
    result = await dialogs.sign_in(menu)
    await settle(dialogs.hass)

    check_abort(result, f"{source}_successful")
    assert entry.data["url"] == dialogs.simulator.url
    assert entry.state is ConfigEntryState.LOADED


@pytest.mark.parametrize("source", RENEWALS)
async def test_change_of_method(
    dialogs: Dialogs, entry: MockConfigEntry, source: Source
) -> None:
    """A login is forgotten with the first sign-in by link, and known after the next."""
    await dialogs.sign_in(await dialogs.open(source, entry), "link")
    await settle(dialogs.hass)
    assert "username" not in entry.data

    result = await dialogs.sign_in(await dialogs.open(source, entry))
    await settle(dialogs.hass)
    check_abort(result, f"{source}_successful")
    assert entry.data["username"] == "ada"


@pytest.mark.parametrize("scope", ["token", "client"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("source", RENEWALS)
async def test_wrong_account(
    dialogs: Dialogs,
    entry: MockConfigEntry,
    stranger: Account,
    source: Source,
    method: Method,
    scope: str,
) -> None:
    """Another account is named, refused, and signed out; what was there stays.

    As long as Plex is signed out, one row asks for another try, and it works.
    """
    dialogs.simulator.sign_out_scope = scope
    stranger.title = stranger.username
    stranger.friendly_name = "*grace@example.com*"
    data = dict(entry.data)
    menu = await dialogs.open(source, entry)
    result = await dialogs.sign_in(menu, method, stranger)
    await settle(dialogs.hass)

    check_abort(result, "wrong_account")
    assert result["description_placeholders"] == {"name": "ada", "other": "grace"}
    assert stranger.tokens == {}
    assert entry.data == data
    assert dialogs.tokens == [data["token"]]

    open_flows = dialogs.in_progress
    issues = [
        issue
        for issue in ir.async_get(dialogs.hass).issues.values()
        if issue.translation_key == "config_entry_reauth"
    ]
    if source == "reauth":
        [menu] = open_flows
        assert menu["step_id"] == "reauth_confirm"
        [issue] = issues
        assert issue.data == {"flow_id": menu["flow_id"]}
    else:
        assert open_flows == issues == []
        menu = await dialogs.open("reconfigure", entry)
    result = await dialogs.sign_in(menu, method)
    await settle(dialogs.hass)
    check_abort(result, f"{source}_successful")
    assert dialogs.in_progress == []


@pytest.mark.parametrize("source", ["user", *RENEWALS])
@pytest.mark.parametrize("step_id", ["password", "two_factor", "link_expired"])
async def test_way_back(
    dialogs: Dialogs, entry: MockConfigEntry, source: Source, step_id: str
) -> None:
    """A dialog that is opened again begins with the choice of a method."""
    menu = await dialogs.open(source, entry)
    if step_id == "link_expired":
        dialogs.simulator.fault(method="POST", path="/pins", status=503, times=1)
        form = await dialogs.choose(menu, "link")
    else:
        form = await dialogs.choose(menu, "password")
    if step_id == "two_factor":
        form = await dialogs.log_in(form)
    assert form["step_id"] == step_id

    again = await dialogs.submit(form)
    assert again["step_id"] == menu["step_id"]
    assert again["menu_options"] == menu["menu_options"]
    form = await dialogs.choose(again, "password")
    assert form["errors"] == {}
    again = await dialogs.submit(form)
    result = await dialogs.sign_in(again, "link")
    check_abort(
        result, "already_configured" if source == "user" else f"{source}_successful"
    )


@pytest.mark.parametrize("scope", ["token", "client"])
@pytest.mark.parametrize("source", ["user", *RENEWALS])
@pytest.mark.parametrize("whose", ["its own", "another"])
async def test_closed_during_sign_in(
    dialogs: Dialogs,
    entry: MockConfigEntry,
    stranger: Account,
    source: Source,
    scope: str,
    whose: str,
) -> None:
    """A token that comes after the dialog was closed is signed out.

    It never costs the token that is stored.
    """
    dialogs.simulator.sign_out_scope = scope
    data = dict(entry.data)
    hang = dialogs.simulator.fault(path="/users/signin", action="hang")
    menu = await dialogs.open(source, entry)
    signed_in = dialogs.account if whose == "its own" else stranger
    submission = dialogs.hass.async_create_task(
        dialogs.sign_in(menu, "password", signed_in)
    )
    await until(lambda: hang.hits)
    dialogs.close(menu)
    hang.release()
    result = await submission
    await settle(dialogs.hass)

    check_abort(result, "closed")
    assert dialogs.entries == [entry]
    assert entry.data == data
    assert data["token"] in dialogs.account.tokens
    assert stranger.tokens == {}
    assert len(dialogs.account.tokens) == 1 + (source != "user" and whose == "its own")


@pytest.mark.parametrize("source", RENEWALS)
async def test_removed_during_renewal(
    dialogs: Dialogs, entry: MockConfigEntry, source: Source
) -> None:
    """No token is left behind where the entry is removed behind the dialog's back."""
    await set_up(dialogs.hass, entry)
    hang = dialogs.simulator.fault(path="/users/signin", action="hang")
    menu = await dialogs.open(source, entry)
    submission = dialogs.hass.async_create_task(dialogs.sign_in(menu))
    await until(lambda: hang.hits)
    await dialogs.hass.config_entries.async_remove(entry.entry_id)
    hang.release()
    result = await submission
    await settle(dialogs.hass)

    check_abort(result, "closed")
    assert dialogs.entries == []
    assert dialogs.tokens == []


async def test_removed_before_reopening(
    dialogs: Dialogs, entry: MockConfigEntry
) -> None:
    """A dialog of an entry that is gone ends when it is opened again."""
    form = await dialogs.choose(await dialogs.open("reconfigure", entry), "password")
    await dialogs.hass.config_entries.async_remove(entry.entry_id)
    check_abort(await dialogs.submit(form), "closed")

    check_created(await dialogs.sign_in())
