"""Signing in again, and the tokens that no entry keeps."""

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    get_schema_suggested_value,
)

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from tests.simulator import Account, Server, Simulator

from .common import CLIENT_IDENTIFIER, DOMAIN, set_up, settle, until
from .dialogs import (
    RENEWALS,
    SIGN_INS,
    SignIn,
    by_link,
    by_password,
    choose,
    count,
    open_menu,
    prepare,
    submit,
    type_login,
)


@pytest.fixture(autouse=True)
def prepared(monkeypatch: pytest.MonkeyPatch, simulator: Simulator) -> None:
    """Sign in at the simulator, and ask for an approval again at once."""
    prepare(monkeypatch, simulator)


@pytest.fixture
def stranger(simulator: Simulator) -> Account:
    """Return an account that is not the one of the entry."""
    return simulator.add_account(
        username="grace", email="grace@example.com", password="hopper"
    )


@pytest.mark.parametrize("scope", ["token", "client"])
@pytest.mark.parametrize("sign_in", SIGN_INS)
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


@pytest.mark.parametrize("status", [401, 503])
async def test_token_that_cannot_be_signed_out(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    """Plex that doesn't sign a token out changes nothing else, and is not blamed."""
    fault = simulator.fault(path="/users/signout", status=status)
    result = await by_password(hass, simulator, account, await open_menu(hass))
    await settle(hass)

    assert result["reason"] == "already_configured"
    assert fault.hits == 1
    assert entry.data["token"] in account.tokens
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("scope", ["token", "client"])
@pytest.mark.parametrize("sign_in", SIGN_INS)
@pytest.mark.parametrize("source", RENEWALS)
async def test_renewal(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    source: str,
    sign_in: SignIn,
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
        **({} if sign_in is by_link else {"username": "ada"}),
    }
    assert er.async_entries_for_config_entry(registry, entry.entry_id) == entities
    assert list(account.tokens) == [old_token, entry.data["token"]]
    assert count(simulator, "DELETE", "/users/signout") == 0
    assert {
        request.client_identifier
        for request in simulator.requests
        if request.host == "plex.tv"
    } == {CLIENT_IDENTIFIER}


@pytest.mark.parametrize("source", RENEWALS)
async def test_renewal_asks_where_the_entry_was_made(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
) -> None:
    """A renewal knows the login, asks for no URL, and can be tried again."""
    monkeypatch.delenv("PLEX_ACCOUNT_URL")
    account.code = None
    form = await choose(hass, await RENEWALS[source](entry, hass), "password")
    fields = form["data_schema"].schema
    assert set(fields) == {"username", "password"}
    assert get_schema_suggested_value(fields, "username") == "ada"
    assert get_schema_suggested_value(fields, "password") is None

    form = await type_login(hass, account, form, password="wrong")
    assert form["step_id"] == "password"
    assert form["errors"] == {"base": "invalid_auth"}
    result = await type_login(hass, account, form)
    assert result["reason"] == f"{source}_successful"
    assert entry.data["url"] == simulator.url


@pytest.mark.parametrize("url", [5, None, "nonsense", "http://192.0.2.1/api/v2"])
@pytest.mark.parametrize("source", RENEWALS)
async def test_damaged_url(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    source: str,
    url: object,
) -> None:
    """An entry whose URL is none is signed in again where new entries are."""
    hass.config_entries.async_update_entry(entry, data={**entry.data, "url": url})
    menu = await RENEWALS[source](entry, hass)
    result = await by_password(hass, simulator, account, menu)
    await settle(hass)

    assert result["reason"] == f"{source}_successful"
    assert entry.data["url"] == simulator.url
    assert entry.state is ConfigEntryState.LOADED


@pytest.mark.parametrize("sign_in", SIGN_INS)
async def test_reauth_after_revocation(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    sign_in: SignIn,
) -> None:
    """After Plex has revoked the token, a sign-in is all that is needed."""
    await set_up(hass, entry)
    simulator.revoke(account)
    menu = await entry.start_reauth_flow(hass)
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
@pytest.mark.parametrize("sign_in", SIGN_INS)
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
    """Another account is named, refused, and signed out; what was there stays.

    As long as Plex is signed out, one row asks for another try, and it works.
    """
    simulator.sign_out_scope = scope
    stranger.title = stranger.username
    stranger.friendly_name = "*grace@example.com*"
    data = dict(entry.data)
    menu = await RENEWALS[source](entry, hass)
    result = await sign_in(hass, simulator, stranger, menu)
    await settle(hass)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "wrong_account"
    assert result["description_placeholders"] == {"name": "ada", "other": "grace"}
    assert stranger.tokens == {}
    assert entry.data == data
    assert list(account.tokens) == [data["token"]]

    open_flows = hass.config_entries.flow.async_progress()
    issues = [
        issue
        for issue in ir.async_get(hass).issues.values()
        if issue.translation_key == "config_entry_reauth"
    ]
    if source == "reauth":
        [menu] = open_flows
        assert menu["step_id"] == "reauth_confirm"
        [issue] = issues
        assert issue.data == {"flow_id": menu["flow_id"]}
    else:
        assert open_flows == issues == []
        menu = await entry.start_reconfigure_flow(hass)
    result = await sign_in(hass, simulator, account, menu)
    await settle(hass)
    assert result["reason"] == f"{source}_successful"
    assert hass.config_entries.flow.async_progress() == []


@pytest.mark.parametrize("source", ["user", *RENEWALS])
@pytest.mark.parametrize("step_id", ["password", "two_factor", "link_expired"])
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
    if step_id == "link_expired":
        simulator.fault(method="POST", path="/pins", status=503, times=1)
        form = await choose(hass, menu, "link")
    else:
        form = await choose(hass, menu, "password")
    if step_id == "two_factor":
        form = await type_login(hass, account, form)
    assert form["step_id"] == step_id

    again = await submit(hass, form)
    assert again["step_id"] == menu["step_id"]
    assert again["menu_options"] == menu["menu_options"]
    form = await choose(hass, again, "password")
    assert form["errors"] == {}
    again = await submit(hass, form)
    result = await by_link(hass, simulator, account, again)
    assert result["reason"] == (
        f"{source}_successful" if start else "already_configured"
    )


@pytest.mark.parametrize("scope", ["token", "client"])
@pytest.mark.parametrize("source", ["user", *RENEWALS])
@pytest.mark.parametrize("whose", ["its own", "another"])
async def test_closed_during_sign_in(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    stranger: Account,
    source: str,
    scope: str,
    whose: str,
) -> None:
    """A token that comes after the dialog was closed is signed out.

    It never costs the token that is stored.
    """
    simulator.sign_out_scope = scope
    data = dict(entry.data)
    start = RENEWALS.get(source)
    hang = simulator.fault(path="/users/signin", action="hang")
    menu = await (start(entry, hass) if start else open_menu(hass))
    signed_in = account if whose == "its own" else stranger
    submission = hass.async_create_task(by_password(hass, simulator, signed_in, menu))
    await until(lambda: hang.hits)
    hass.config_entries.flow.async_abort(menu["flow_id"])
    hang.release()
    result = await submission
    await settle(hass)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "closed"
    assert hass.config_entries.async_entries(DOMAIN) == [entry]
    assert entry.data == data
    assert data["token"] in account.tokens
    assert stranger.tokens == {}
    assert len(account.tokens) == 1 + (start is not None and whose == "its own")


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
    assert result["reason"] == "closed"
    assert hass.config_entries.async_entries(DOMAIN) == []
    assert account.tokens == {}


async def test_removed_before_reopening(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, account: Account
) -> None:
    """A dialog of an entry that is gone ends when it is opened again."""
    form = await choose(hass, await entry.start_reconfigure_flow(hass), "password")
    await hass.config_entries.async_remove(entry.entry_id)
    result = await submit(hass, form)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "closed"

    result = await by_password(hass, simulator, account, await open_menu(hass))
    assert result["type"] is FlowResultType.CREATE_ENTRY
