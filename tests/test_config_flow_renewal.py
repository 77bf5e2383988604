"""Signing in again, and revoking tokens that no entry keeps."""

from contextlib import nullcontext
from unittest.mock import patch

import pytest

from custom_components.plex_account.api import PlexTvClient
from homeassistant.config_entries import ConfigEntryState
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from tests.simulator import Account, Server, Simulator

from .common import CLIENT_IDENTIFIER, errors_logged, set_up, settle
from .dialogs import (
    METHODS,
    RENEWALS,
    SOURCES,
    Dialogs,
    Method,
    Source,
    check_abort,
    check_form,
    suggested,
)

pytestmark = pytest.mark.usefixtures("entry")
EITHER_RENEWAL = pytest.mark.parametrize("source", RENEWALS)
EVERY_SOURCE = pytest.mark.parametrize("source", SOURCES)
EVERY_METHOD = pytest.mark.parametrize("method", METHODS)
EITHER_SCOPE = pytest.mark.parametrize("scope", ["token", "client"])
ENDS = {source: f"{source}_successful" for source in RENEWALS}
ENDS["user"] = "already_configured"


@pytest.fixture
def stranger(simulator: Simulator) -> Account:
    """Return an account other than that of the entry."""
    return simulator.add_account(
        username="grace", email="grace@example.com", password="hopper"
    )


@EITHER_SCOPE
@EVERY_METHOD
async def test_already_configured(dialogs: Dialogs, method: Method, scope: str) -> None:
    """A second entry is refused, and its token signed out unless the first one uses it."""
    token = dialogs.entry.data["token"]
    body = {"id": 1, "uuid": dialogs.account.uuid, "authToken": token}
    dialogs.simulator.fault(path="/users/signin", status=201, body=body, times=1)
    check_abort(await dialogs.complete(), "already_configured")
    assert dialogs.count("DELETE", "/users/signout") == 0
    dialogs.simulator.sign_out_scope = scope
    check_abort(await dialogs.complete(method=method), "already_configured")
    assert dialogs.tokens == [token]


@pytest.mark.parametrize("status", [401, 503, None])
async def test_token_that_cannot_be_signed_out(
    dialogs: Dialogs, caplog: pytest.LogCaptureFixture, status: int | None
) -> None:
    """A token that can't be signed out changes nothing else, and causes no error."""
    unexpected = patch.object(PlexTvClient, "sign_out", side_effect=ZeroDivisionError)
    dialogs.simulator.fault(path="/users/signout", status=status)
    with nullcontext() if status else unexpected:
        check_abort(await dialogs.complete(), "already_configured")
    assert dialogs.entry.data["token"] in dialogs.tokens
    assert len(errors_logged(caplog)) == (status is None)
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("scope", ["token", "client", "revoked"])
@EVERY_METHOD
@EITHER_RENEWAL
async def test_renewal(
    dialogs: Dialogs, server: Server, source: Source, method: Method, scope: str
) -> None:
    """A new sign-in replaces the token, and changes nothing else that matters."""
    entry = dialogs.entry
    await set_up(dialogs.hass, entry)
    registry = er.async_get(dialogs.hass)
    entities = er.async_entries_for_config_entry(registry, entry.entry_id)
    if scope == "revoked":
        dialogs.simulator.revoke(dialogs.account)
    else:
        dialogs.simulator.sign_out_scope = scope
    old_tokens = dialogs.tokens
    dialogs.simulator.clear_requests()
    check_abort(await dialogs.complete(source, method), ENDS[source])
    assert dialogs.entries == [entry]
    assert entry.state is ConfigEntryState.LOADED
    assert (entry.title, entry.unique_id) == ("ada", dialogs.account.uuid)
    assert entry.data == {
        "token": dialogs.tokens[-1],
        "client_identifier": CLIENT_IDENTIFIER,
        "url": dialogs.simulator.url,
        **({} if method == "link" else {"username": "ada"}),
    }
    assert er.async_entries_for_config_entry(registry, entry.entry_id) == entities
    assert dialogs.tokens == [*old_tokens, entry.data["token"]]
    assert dialogs.count("DELETE", "/users/signout") == 0
    requests = [one for one in dialogs.simulator.requests if one.host == "plex.tv"]
    assert {one.client_identifier for one in requests} == {CLIENT_IDENTIFIER}


@EITHER_RENEWAL
async def test_renewal_asks_where_the_entry_was_made(
    dialogs: Dialogs, monkeypatch: pytest.MonkeyPatch, source: Source
) -> None:
    """A renewal uses the entry's URL and suggests the login for as long as it is in use."""
    monkeypatch.setenv("PLEX_ACCOUNT_URL", "http://plex.example/api/v2")
    entry = dialogs.entry
    for username in ("ada", ""):
        form = await dialogs.choose(await dialogs.open(source), "password")
        assert suggested(form) == {"username": username, "password": None}
        dialogs.account.code = None
        form = await dialogs.log_in(form, password="wrong")
        check_form(form, "password", "invalid_auth")
        check_abort(await dialogs.log_in(form), ENDS[source])
        assert entry.data["username"] == "ada"
        await settle(dialogs.hass)
        check_abort(await dialogs.complete(source, "link"), ENDS[source])
        assert "username" not in entry.data
    assert entry.data["url"] == dialogs.simulator.url


@EITHER_SCOPE
@EVERY_METHOD
@EITHER_RENEWAL
async def test_wrong_account(
    dialogs: Dialogs, stranger: Account, source: Source, method: Method, scope: str
) -> None:
    """Another account is refused by name and signed out; the reauth remains pending."""
    dialogs.simulator.sign_out_scope = scope
    stranger.title = stranger.username
    stranger.friendly_name = "*grace@example.com*"
    data = dict(dialogs.entry.data)
    result = await dialogs.complete(source, method, stranger)
    check_abort(result, "wrong_account")
    assert result["description_placeholders"] == {"name": "ada", "other": "grace"}
    assert stranger.tokens == {}
    assert dialogs.entry.data == data
    assert dialogs.tokens == [data["token"]]

    issues = ir.async_get(dialogs.hass).issues.values()
    rows = [(issue.translation_key, issue.data) for issue in issues]
    if source == "reauth":
        [menu] = dialogs.in_progress
        assert menu["step_id"] == "reauth_confirm"
        assert rows == [("config_entry_reauth", {"flow_id": menu["flow_id"]})]
    else:
        assert dialogs.in_progress == rows == []
        menu = await dialogs.open("reconfigure")
    check_abort(await dialogs.sign_in(menu, method), ENDS[source])
    await settle(dialogs.hass)
    assert dialogs.in_progress == []


@EVERY_SOURCE
@pytest.mark.parametrize("step_id", ["password", "two_factor", "link_expired"])
async def test_menus(dialogs: Dialogs, source: Source, step_id: str) -> None:
    """Every dialog starts with the choice of a method, even when it is reopened."""
    title = "![ada](http://x.example)"
    dialogs.hass.config_entries.async_update_entry(dialogs.entry, title=title)
    dialogs.simulator.fault(method="POST", path="/pins", status=503, times=1)
    menu = await dialogs.open(source)
    assert menu["type"] is FlowResultType.MENU
    assert menu["step_id"] == ("reauth_confirm" if source == "reauth" else source)
    assert menu["menu_options"] == ["password", "link"]
    name = None if source == "user" else r"!\[ada\](http\://x.example)"
    assert menu["description_placeholders"].get("name") == name

    form = await dialogs.choose(menu, "link")
    if step_id != "link_expired":
        form = await dialogs.choose(await dialogs.submit(form), "password")
    if step_id == "two_factor":
        form = await dialogs.log_in(form)
    assert form["step_id"] == step_id
    again = await dialogs.submit(form)
    assert again["step_id"] == menu["step_id"]
    assert again["menu_options"] == menu["menu_options"]
    form = await dialogs.choose(again, "password")
    assert form["errors"] == {}
    result = await dialogs.sign_in(await dialogs.submit(form), "link")
    check_abort(result, ENDS[source])


@EITHER_SCOPE
@EVERY_SOURCE
@pytest.mark.parametrize("token", ["awaited", "of another", "approved", "received"])
async def test_closed(
    dialogs: Dialogs, stranger: Account, source: Source, scope: str, token: str
) -> None:
    """A token whose dialog was closed is signed out, but never the stored one."""
    dialogs.simulator.sign_out_scope = scope
    data = dict(dialogs.entry.data)
    menu = await dialogs.open(source)
    if token in ("awaited", "of another"):
        account = stranger if token == "of another" else dialogs.account
        async with dialogs.held(dialogs.sign_in(menu, account=account)) as submission:
            dialogs.close(menu)
        check_abort(await submission, "closed")
    elif token == "approved":
        wait = await dialogs.choose(menu, "link")
        async with dialogs.held(dialogs.approve(wait), "/user"):
            dialogs.close(menu)
    else:
        await dialogs.approve(await dialogs.choose(menu, "link"))
        dialogs.close(menu)
    await dialogs.pass_seconds(31)
    assert dialogs.entry.data == data
    assert stranger.tokens == {}
    assert data["token"] in dialogs.tokens
    kept = source != "user" and token != "of another"
    assert len(dialogs.tokens) == 1 + kept


@pytest.mark.parametrize(
    ("status", "error"), [(401, "invalid_auth"), (503, "cannot_connect")]
)
@EITHER_SCOPE
@EVERY_SOURCE
async def test_approved_without_account(
    dialogs: Dialogs, source: Source, scope: str, status: int, error: str
) -> None:
    """A token whose account can't be determined is signed out; another one may follow."""
    dialogs.simulator.sign_out_scope = scope
    stored = dialogs.entry.data["token"]
    wait = {"Retry-After": "1000"}
    dialogs.simulator.fault(path="/user", status=status, headers=wait, times=1)
    form = await dialogs.complete(source, "link")
    check_form(form, "link_expired", error)
    assert stored in dialogs.tokens
    assert source != "user" or dialogs.tokens == [stored]
    result = await dialogs.link(await dialogs.submit(form, {}))
    check_abort(result, ENDS[source])


@EVERY_SOURCE
async def test_nobody_looks_at_the_end(dialogs: Dialogs, source: Source) -> None:
    """Unwatched, a renewal replaces the token, and a duplicate leaves none behind."""
    entry = dialogs.entry
    await set_up(dialogs.hass, entry)
    if source != "user":
        dialogs.simulator.revoke(dialogs.account)
    await dialogs.approve(await dialogs.choose(await dialogs.open(source), "link"))
    await dialogs.pass_seconds(31)
    assert dialogs.check_only_entry() is entry
    assert dialogs.in_progress == []


@EITHER_RENEWAL
async def test_removed_during_renewal(dialogs: Dialogs, source: Source) -> None:
    """When an entry is removed, its dialogs end and leave no token behind."""
    await set_up(dialogs.hass, dialogs.entry)
    form = await dialogs.choose(await dialogs.open("reconfigure"), "password")
    async with dialogs.held(dialogs.complete(source)) as submission:
        await dialogs.hass.config_entries.async_remove(dialogs.entry.entry_id)
    check_abort(await submission, "closed")
    assert dialogs.entries == dialogs.tokens == []
    check_abort(await dialogs.submit(form), "closed")
