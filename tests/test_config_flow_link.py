"""Signing in with a code at plex.tv/link, whether or not anybody looks."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_time_changed,
)

from custom_components.plex_account import link
from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
from homeassistant.util import dt as dt_util
from tests.simulator import Account, Simulator

from .common import DOMAIN, set_up, settle, until
from .dialogs import (
    RENEWALS,
    approve,
    by_link,
    choose,
    count,
    open_menu,
    prepare,
    submit,
)

HTML = "<html><body>Down for maintenance</body></html>"
ERRORS = {
    code: {"errors": [{"code": code, "message": "no", "status": 404}]}
    for code in (1002, 1020, 1069)
}


@pytest.fixture(autouse=True)
def prepared(monkeypatch: pytest.MonkeyPatch, simulator: Simulator) -> None:
    """Sign in at the simulator, and ask for an approval again at once."""
    prepare(monkeypatch, simulator)


async def open_wait(hass: HomeAssistant) -> ConfigFlowResult:
    """Open a dialog and go on to where a code is shown."""
    return await choose(hass, await open_menu(hass), "link")


def check_expired(form: ConfigFlowResult, error: str) -> None:
    """A dialog says why there is no code, and offers another."""
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "link_expired"
    assert form["data_schema"].schema == {}
    assert form["errors"] == {"base": error}


async def try_again(
    hass: HomeAssistant, simulator: Simulator, account: Account, form: ConfigFlowResult
) -> ConfigFlowResult:
    """Ask for another code, and enter it."""
    return await approve(hass, simulator, account, await submit(hass, form, {}))


async def test_link(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """A code that somebody enters at plex.tv/link makes an entry without a login."""
    wait = await open_wait(hass)
    [pin] = simulator.pins
    assert wait["type"] is FlowResultType.SHOW_PROGRESS
    assert wait["step_id"] == "link_wait"
    assert wait["progress_action"] == "link_wait"
    assert wait["description_placeholders"] == {
        "code": pin.code,
        "url": f"https://plex.tv/link/?pin={pin.code}",
        "minutes": "15",
    }
    assert len(pin.code) == 4

    await until(lambda: count(simulator, "GET", "/pins") > 1)
    assert (await submit(hass, wait))["type"] is FlowResultType.SHOW_PROGRESS
    result = await approve(hass, simulator, account, wait)
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
    ("fault", "error"),
    [
        ({"status": 429}, "rate_limited"),
        ({"status": 429, "headers": {"Retry-After": "60"}}, "rate_limited"),
        ({"status": 400}, "invalid_response"),
        ({"status": 403, "body": HTML}, "invalid_response"),
        ({"body": HTML}, "invalid_response"),
        ({"body": {"id": 1}}, "invalid_response"),
        ({"status": 503, "body": HTML}, "cannot_connect"),
        ({"action": "drop"}, "cannot_connect"),
        ({"action": "truncate"}, "cannot_connect"),
    ],
)
async def test_no_code(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    fault: dict[str, Any],
    error: str,
) -> None:
    """A dialog that gets no code says why, as often as need be, and can ask again."""
    simulator.fault(method="POST", path="/pins", times=2, **fault)
    form = await open_wait(hass)
    check_expired(form, error)
    form = await submit(hass, form, {})
    check_expired(form, error)

    result = await try_again(hass, simulator, account, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("lifetime", "minutes"),
    [(90, "2"), (10**20, "60"), ("", "15"), (0, "15"), (-5, "15")],
)
async def test_lifetime(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    lifetime: Any,
    minutes: str,
) -> None:
    """A code says how long it lives; what can't be believed is not."""
    body = f'<pin id="3" code="A_CD" expiresIn="{lifetime}"/>'
    simulator.fault(method="POST", path="/pins", body=body, times=1)
    wait = await open_wait(hass)
    assert wait["description_placeholders"] == {
        "code": r"A\_CD",
        "url": "https://plex.tv/link/?pin=A_CD",
        "minutes": minutes,
    }
    await settle(hass)
    form = await submit(hass, wait)
    check_expired(form, "code_expired")

    result = await try_again(hass, simulator, account, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 400},
        {"status": 401},
        {"status": 403, "body": HTML},
        {"status": 404, "body": ""},
        {"status": 404, "body": HTML},
        {"status": 422, "body": ""},
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
@pytest.mark.parametrize("path", ["/pins/*", "/user"])
async def test_trouble_is_waited_out(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    path: str,
    fault: dict[str, Any],
) -> None:
    """What goes wrong before and after an approval neither ends a code nor loses it."""
    trouble = simulator.fault(method="GET", path=path, times=3, **fault)
    wait = await open_wait(hass)
    await until(lambda: count(simulator, "GET", "/pins") > 3)
    result = await approve(hass, simulator, account, wait)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert trouble.hits == 3
    assert list(account.tokens) == [result["data"]["token"]]


@pytest.mark.parametrize(
    ("pause", "retry_after"), [(1000, None), (0, 1000)], ids=["ours", "theirs"]
)
async def test_plex_asks_to_wait(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    pause: float,
    retry_after: float | None,
) -> None:
    """Plex that asks to wait for longer than the code lives isn't asked again."""
    monkeypatch.setattr(link, "RATE_LIMITED_POLL_SECONDS", pause)
    simulator.rate_limit(path="/pins/*", retry_after=retry_after)
    wait = await open_wait(hass)
    await settle(hass)
    form = await submit(hass, wait)
    check_expired(form, "code_expired")
    assert count(simulator, "GET", "/pins") == 1

    simulator.clear_faults()
    result = await try_again(hass, simulator, account, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    "fault",
    [
        None,
        {"status": 422, "body": ERRORS[1069]},
        {"status": 404, "body": ERRORS[1020]},
        {"status": 404, "body": ERRORS[1002]},
    ],
)
async def test_expired(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    fault: dict[str, Any] | None,
) -> None:
    """A code that nobody enters in time is replaced in place.

    Whoever opens the dialog again begins with the choice of a method.
    """
    menu = await open_menu(hass)
    wait = await choose(hass, menu, "link")
    if fault:
        simulator.fault(method="GET", path="/pins/*", times=1, **fault)
    else:
        simulator.clock.advance(901)
    await settle(hass)
    form = await submit(hass, wait, {})
    check_expired(form, "code_expired")

    again = await submit(hass, form)
    assert again["step_id"] == "user"
    wait = await choose(hass, again, "link")
    simulator.clock.advance(901)
    await settle(hass)
    result = await try_again(hass, simulator, account, await submit(hass, wait))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert [request.client_identifier for request in simulator.requests] == [
        result["data"]["client_identifier"]
    ] * len(simulator.requests)


# What keeps Plex from saying whose token it gave for longer than the code lives.
UNREADABLE = [
    ({"status": 429}, "rate_limited"),
    ({"status": 403, "body": HTML}, "invalid_response"),
    ({"body": HTML}, "invalid_response"),
    ({"status": 401}, "invalid_auth"),
    ({"status": 503}, "cannot_connect"),
]


@pytest.mark.parametrize(("fault", "error"), UNREADABLE)
async def test_approved_without_account(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    fault: dict[str, Any],
    error: str,
) -> None:
    """A token of which Plex won't say whose it is is signed out, and a new one asked."""
    headers = {"Retry-After": "1000"}
    simulator.fault(path="/user", times=1, headers=headers, **fault)
    form = await approve(hass, simulator, account, await open_wait(hass))
    await settle(hass)
    check_expired(form, error)
    assert account.tokens == {}

    result = await try_again(hass, simulator, account, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert list(account.tokens) == [result["data"]["token"]]


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
    headers = {"Retry-After": "1000"}
    simulator.fault(path="/user", status=503, headers=headers, times=1)
    form = await by_link(hass, simulator, account, await RENEWALS[source](entry, hass))
    check_expired(form, "cannot_connect")
    assert entry.data["token"] in account.tokens

    result = await try_again(hass, simulator, account, form)
    assert result["reason"] == f"{source}_successful"


async def test_two_codes_at_once(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """Of two codes that were asked for in one dialog, only the last is waited for."""
    hang = simulator.fault(method="POST", path="/pins", action="hang", times=1)
    menu = await open_menu(hass)
    slow = hass.async_create_task(choose(hass, menu, "link"))
    await until(lambda: hang.hits)
    wait = await choose(hass, menu, "link")
    hang.release()
    last = await slow
    shown = await submit(hass, wait)
    assert shown["description_placeholders"] == last["description_placeholders"]
    assert shown["description_placeholders"] != wait["description_placeholders"]

    result = await approve(hass, simulator, account, last)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/pins"), ("GET", "/pins/*")],
    ids=["asking", "polling"],
)
async def test_closed_while_waiting(
    hass: HomeAssistant, simulator: Simulator, method: str, path: str
) -> None:
    """Nobody asks for the approval of a code that is no longer shown."""
    hang = simulator.fault(method=method, path=path, action="hang", times=1)
    menu = await open_menu(hass)
    submission = hass.async_create_task(choose(hass, menu, "link"))
    await until(lambda: hang.hits)
    hass.config_entries.flow.async_abort(menu["flow_id"])
    hang.release()
    await asyncio.gather(submission, return_exceptions=True)
    simulator.clear_requests()
    simulator.clock.advance(901)
    await settle(hass)

    assert simulator.requests == []


@pytest.mark.parametrize("fetched", [False, True])
async def test_closed_after_approval(
    hass: HomeAssistant, simulator: Simulator, account: Account, fetched: bool
) -> None:
    """A token that was handed out when the dialog is closed is signed out."""
    wait = await open_wait(hass)
    if not fetched:
        hang = simulator.fault(path="/user", action="hang")
    simulator.approve_pin(wait["description_placeholders"]["code"], account)
    if fetched:
        await settle(hass)
    else:
        await until(lambda: hang.hits)
    hass.config_entries.flow.async_abort(wait["flow_id"])
    await settle(hass)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31))
    await settle(hass)

    assert account.tokens == {}
    assert hass.config_entries.async_entries(DOMAIN) == []


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
    """Closing a dialog never costs the token that is stored."""
    simulator.sign_out_scope = scope
    hang = simulator.fault(path="/user", action="hang")
    wait = await choose(hass, await RENEWALS[source](entry, hass), "link")
    simulator.approve_pin(wait["description_placeholders"]["code"], account)
    await until(lambda: hang.hits)
    hass.config_entries.flow.async_abort(wait["flow_id"])
    hang.remove()
    await settle(hass)

    assert entry.data["token"] in account.tokens


# Nobody looks


async def approve_unseen(
    hass: HomeAssistant, simulator: Simulator, account: Account, wait: ConfigFlowResult
) -> None:
    """Enter the code while no frontend fetches what the dialog shows."""
    simulator.approve_pin(wait["description_placeholders"]["code"], account)
    await settle(hass)


async def pass_seconds(hass: HomeAssistant, seconds: float) -> None:
    """Let time pass that nothing else measures."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=seconds))
    await settle(hass)


async def test_nobody_looks(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """An approved sign-in is announced again and again, and added in the end."""
    announced = async_capture_events(hass, "data_entry_flow_progressed")
    wait = await open_wait(hass)
    await approve_unseen(hass, simulator, account, wait)
    for seconds, times in ((1, 1), (6, 2), (11, 3)):
        await pass_seconds(hass, seconds)
        assert [event.data for event in announced] == [
            {"handler": DOMAIN, "flow_id": wait["flow_id"], "refresh": True}
        ] * times
    assert hass.config_entries.async_entries(DOMAIN) == []

    await pass_seconds(hass, 31)
    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.LOADED
    assert list(account.tokens) == [entry.data["token"]]
    with pytest.raises(UnknownFlow):
        await submit(hass, wait)

    announced.clear()
    await pass_seconds(hass, 100)
    assert announced == []
    assert entry.state is ConfigEntryState.LOADED
    assert list(account.tokens) == [entry.data["token"]]


async def test_somebody_looks_in_time(
    hass: HomeAssistant, simulator: Simulator, account: Account
) -> None:
    """A dialog that comes back in time shows the end, and nothing is added twice."""
    announced = async_capture_events(hass, "data_entry_flow_progressed")
    wait = await open_wait(hass)
    await approve_unseen(hass, simulator, account, wait)
    await pass_seconds(hass, 6)
    result = await submit(hass, wait)
    assert result["type"] is FlowResultType.CREATE_ENTRY

    announced.clear()
    await pass_seconds(hass, 31)
    assert announced == []
    assert hass.config_entries.async_entries(DOMAIN) == [result["result"]]
    assert list(account.tokens) == [result["data"]["token"]]


@pytest.mark.parametrize("unseen", ["first", "second"])
async def test_last_step_runs_once(
    hass: HomeAssistant, simulator: Simulator, account: Account, unseen: str
) -> None:
    """A dialog that asks for the end while the entry is set up changes nothing."""
    wait = await open_wait(hass)
    await approve_unseen(hass, simulator, account, wait)
    hang = simulator.fault(path="/resources", action="hang")
    first = hass.async_create_task(submit(hass, wait)) if unseen == "second" else None
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31))
    await until(lambda: hang.hits)
    with pytest.raises(UnknownFlow):
        await submit(hass, wait)
    hang.remove()
    await settle(hass)

    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.LOADED
    assert list(account.tokens) == [entry.data["token"]]
    assert count(simulator, "DELETE", "/users/signout") == 0
    if first:
        assert (await first)["result"] is entry


@pytest.mark.parametrize("source", RENEWALS)
async def test_nobody_looks_at_a_renewal(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    source: str,
) -> None:
    """A renewal that was approved replaces the token."""
    await set_up(hass, entry)
    simulator.revoke(account)
    wait = await choose(hass, await RENEWALS[source](entry, hass), "link")
    await approve_unseen(hass, simulator, account, wait)
    await pass_seconds(hass, 31)

    assert list(account.tokens) == [entry.data["token"]]
    assert entry.state is ConfigEntryState.LOADED
    assert hass.config_entries.flow.async_progress() == []


async def test_nobody_looks_at_a_duplicate(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, account: Account
) -> None:
    """A sign-in that adds nothing ends too, and leaves no token behind."""
    await approve_unseen(hass, simulator, account, await open_wait(hass))
    await pass_seconds(hass, 31)

    assert hass.config_entries.async_entries(DOMAIN) == [entry]
    assert list(account.tokens) == [entry.data["token"]]
    assert hass.config_entries.flow.async_progress() == []
