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
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
from homeassistant.util import dt as dt_util

from .common import DOMAIN, set_up, settle, until
from .dialogs import (
    HTML,
    RENEWALS,
    SOURCES,
    Dialogs,
    Source,
    check_abort,
    check_created,
    check_form,
)

SCOPES = pytest.mark.parametrize("scope", ["token", "client"])
# Longer than a code lives.
WAIT = {"Retry-After": "1000"}


async def try_again(dialogs: Dialogs, form: ConfigFlowResult) -> ConfigFlowResult:
    """Ask for another code where one has expired, and enter it."""
    return await dialogs.link(await dialogs.submit(form, {}))


async def test_link(dialogs: Dialogs) -> None:
    """A code that somebody enters at plex.tv/link makes an entry without a login."""
    wait = await dialogs.choose(None, "link")
    [pin] = dialogs.simulator.pins
    assert wait["type"] is FlowResultType.SHOW_PROGRESS
    assert wait["step_id"] == wait["progress_action"] == "link_wait"
    assert wait["description_placeholders"] == {
        "code": pin.code,
        "url": f"https://plex.tv/link/?pin={pin.code}",
        "minutes": "15",
    }
    assert len(pin.code) == 4

    await until(lambda: dialogs.count("GET", "/pins") > 1)
    assert (await dialogs.submit(wait))["type"] is FlowResultType.SHOW_PROGRESS
    entry = check_created(await dialogs.link(wait))
    await settle(dialogs.hass)
    assert dialogs.check_only_entry() is entry
    assert entry.title == "ada"
    assert entry.unique_id == dialogs.account.uuid
    assert entry.data == {
        "token": dialogs.tokens[0],
        "client_identifier": str(UUID(pin.client_identifier)),
        "url": dialogs.simulator.url,
    }
    clients = {request.client_identifier for request in dialogs.simulator.requests}
    assert clients == {pin.client_identifier}


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
async def test_no_code(dialogs: Dialogs, fault: dict[str, Any], error: str) -> None:
    """A dialog that gets no code says why, as often as need be, and can ask again."""
    dialogs.simulator.fault(method="POST", path="/pins", times=2, **fault)
    form = await dialogs.choose(None, "link")
    check_form(form, "link_expired", error)
    form = await dialogs.submit(form, {})
    check_form(form, "link_expired", error)
    check_created(await try_again(dialogs, form))


@pytest.mark.parametrize(
    ("lifetime", "minutes"),
    [
        (90, "2"),
        (10**9, "60"),
        pytest.param(10**400, "15", id="forever"),
        ("", "15"),
        (0, "15"),
        (-5, "15"),
    ],
)
async def test_lifetime(dialogs: Dialogs, lifetime: Any, minutes: str) -> None:
    """A code says how long it lives; what can't be believed is not."""
    body = f'<pin id="3" code="A_CD" expiresIn="{lifetime}"/>'
    dialogs.simulator.fault(method="POST", path="/pins", body=body, times=1)
    wait = await dialogs.choose(None, "link")
    assert wait["description_placeholders"] == {
        "code": r"A\_CD",
        "url": "https://plex.tv/link/?pin=A_CD",
        "minutes": minutes,
    }
    await settle(dialogs.hass)
    form = await dialogs.submit(wait)
    check_form(form, "link_expired", "code_expired")
    check_created(await try_again(dialogs, form))


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
    dialogs: Dialogs, path: str, fault: dict[str, Any]
) -> None:
    """What goes wrong before and after an approval neither ends a code nor loses it."""
    trouble = dialogs.simulator.fault(method="GET", path=path, times=3, **fault)
    wait = await dialogs.choose(None, "link")
    await until(lambda: dialogs.count("GET", "/pins") > 3)
    entry = check_created(await dialogs.link(wait))
    assert trouble.hits == 3
    assert dialogs.tokens == [entry.data["token"]]


@pytest.mark.parametrize(
    ("pause", "headers"), [(1000, {}), (0, WAIT)], ids=["ours", "theirs"]
)
async def test_plex_asks_to_wait(
    dialogs: Dialogs,
    monkeypatch: pytest.MonkeyPatch,
    pause: float,
    headers: dict[str, str],
) -> None:
    """Plex that asks to wait for longer than the code lives isn't asked again."""
    monkeypatch.setattr(link, "RATE_LIMITED_POLL_SECONDS", pause)
    dialogs.simulator.fault(path="/pins/*", status=429, headers=headers)
    wait = await dialogs.choose(None, "link")
    await settle(dialogs.hass)
    form = await dialogs.submit(wait)
    check_form(form, "link_expired", "code_expired")
    assert dialogs.count("GET", "/pins") == 1
    dialogs.simulator.clear_faults()
    check_created(await try_again(dialogs, form))


@pytest.mark.parametrize(
    "fault", [None, {"code": 1069}, {"code": 1020}, {"code": 1002}], ids=str
)
async def test_expired(dialogs: Dialogs, fault: dict[str, Any] | None) -> None:
    """A code that nobody enters in time is replaced in place.

    Whoever opens the dialog again begins with the choice of a method.
    """
    wait = await dialogs.choose(None, "link")
    if fault:
        dialogs.simulator.fault(method="GET", path="/pins/*", times=1, **fault)
    else:
        dialogs.simulator.clock.advance(901)
    await settle(dialogs.hass)
    form = await dialogs.submit(wait, {})
    check_form(form, "link_expired", "code_expired")

    again = await dialogs.submit(form)
    assert again["step_id"] == "user"
    wait = await dialogs.choose(again, "link")
    dialogs.simulator.clock.advance(901)
    await settle(dialogs.hass)
    entry = check_created(await try_again(dialogs, await dialogs.submit(wait)))
    clients = {request.client_identifier for request in dialogs.simulator.requests}
    assert clients == {entry.data["client_identifier"]}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 429}, "rate_limited"),
        ({"status": 403, "body": HTML}, "invalid_response"),
        ({"body": HTML}, "invalid_response"),
        ({"status": 401}, "invalid_auth"),
        ({"status": 503}, "cannot_connect"),
    ],
)
async def test_approved_without_account(
    dialogs: Dialogs, fault: dict[str, Any], error: str
) -> None:
    """A token of which Plex won't say whose it is is signed out, and a new one asked."""
    dialogs.simulator.fault(path="/user", times=1, headers=WAIT, **fault)
    form = await dialogs.complete(method="link")
    check_form(form, "link_expired", error)
    assert dialogs.tokens == []
    entry = check_created(await try_again(dialogs, form))
    assert dialogs.tokens == [entry.data["token"]]


@SCOPES
@pytest.mark.parametrize("source", RENEWALS)
async def test_renewal_without_account(
    dialogs: Dialogs, entry: MockConfigEntry, source: Source, scope: str
) -> None:
    """Plex that won't say whose token it is costs a renewal, never the stored token."""
    dialogs.simulator.sign_out_scope = scope
    dialogs.simulator.fault(path="/user", status=503, headers=WAIT, times=1)
    form = await dialogs.complete(source, "link")
    check_form(form, "link_expired", "cannot_connect")
    assert entry.data["token"] in dialogs.tokens
    check_abort(await try_again(dialogs, form), f"{source}_successful")


async def test_two_codes_at_once(dialogs: Dialogs) -> None:
    """Of two codes that were asked for in one dialog, only the last is waited for."""
    menu = await dialogs.open()
    async with dialogs.held(dialogs.choose(menu, "link"), "/pins", "POST") as slow:
        wait = await dialogs.choose(menu, "link")
    last = await slow
    shown = await dialogs.submit(wait)
    assert shown["description_placeholders"] == last["description_placeholders"]
    assert shown["description_placeholders"] != wait["description_placeholders"]
    check_created(await dialogs.link(last))


@pytest.mark.parametrize(("method", "path"), [("POST", "/pins"), ("GET", "/pins/*")])
async def test_closed_while_waiting(dialogs: Dialogs, method: str, path: str) -> None:
    """Nobody asks for the approval of a code that is no longer shown."""
    menu = await dialogs.open()
    async with dialogs.held(dialogs.choose(menu, "link"), path, method) as submission:
        dialogs.close(menu)
    await asyncio.gather(submission, return_exceptions=True)
    dialogs.simulator.clear_requests()
    dialogs.simulator.clock.advance(901)
    await settle(dialogs.hass)
    assert dialogs.simulator.requests == []


@SCOPES
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("answered", [False, True])
async def test_closed_after_approval(
    dialogs: Dialogs, entry: MockConfigEntry, source: Source, scope: str, answered: bool
) -> None:
    """A token that was handed out when the dialog is closed is signed out.

    It never costs the token that is stored.
    """
    dialogs.simulator.sign_out_scope = scope
    stored = entry.data["token"]
    hang = dialogs.simulator.fault(path="/user", action="hang")
    wait = await dialogs.choose(await dialogs.open(source), "link")
    code = wait["description_placeholders"]["code"]
    dialogs.simulator.approve_pin(code, dialogs.account)
    await until(lambda: hang.hits)
    if answered:
        hang.remove()
        await settle(dialogs.hass)
    dialogs.close(wait)
    hang.remove()
    await dialogs.pass_seconds(31)
    assert dialogs.entry is entry
    assert entry.data["token"] == stored
    if source == "user":
        assert dialogs.tokens == [stored]
    else:
        assert stored in dialogs.tokens


async def test_nobody_looks(dialogs: Dialogs) -> None:
    """An approved sign-in is announced again and again, and added in the end."""
    announced = async_capture_events(dialogs.hass, "data_entry_flow_progressed")
    wait = await dialogs.choose(None, "link")
    await dialogs.approve(wait)
    for seconds, times in ((1, 1), (6, 2), (11, 3)):
        await dialogs.pass_seconds(seconds)
        assert [event.data for event in announced] == [
            {"handler": DOMAIN, "flow_id": wait["flow_id"], "refresh": True}
        ] * times
    assert dialogs.entries == []

    await dialogs.pass_seconds(31)
    dialogs.check_only_entry()
    with pytest.raises(UnknownFlow):
        await dialogs.submit(wait)
    announced.clear()
    await dialogs.pass_seconds(100)
    assert announced == []
    dialogs.check_only_entry()


async def test_somebody_looks_in_time(dialogs: Dialogs) -> None:
    """A dialog that comes back in time shows the end, and nothing is added twice."""
    announced = async_capture_events(dialogs.hass, "data_entry_flow_progressed")
    wait = await dialogs.choose(None, "link")
    await dialogs.approve(wait)
    await dialogs.pass_seconds(6)
    entry = check_created(await dialogs.submit(wait))
    announced.clear()
    await dialogs.pass_seconds(31)
    assert announced == []
    assert dialogs.check_only_entry() is entry


@pytest.mark.parametrize("unseen", ["first", "second"])
async def test_last_step_runs_once(dialogs: Dialogs, unseen: str) -> None:
    """A dialog that asks for the end while the entry is set up changes nothing."""
    wait = await dialogs.choose(None, "link")
    await dialogs.approve(wait)
    hang = dialogs.simulator.fault(path="/resources", action="hang")
    first = None
    if unseen == "second":
        first = dialogs.hass.async_create_task(dialogs.submit(wait))
    in_half_a_minute = dt_util.utcnow() + timedelta(seconds=31)
    async_fire_time_changed(dialogs.hass, in_half_a_minute)
    await until(lambda: hang.hits)
    with pytest.raises(UnknownFlow):
        await dialogs.submit(wait)
    hang.remove()
    await settle(dialogs.hass)
    entry = dialogs.check_only_entry()
    assert dialogs.count("DELETE", "/users/signout") == 0
    assert first is None or (await first)["result"] is entry


@pytest.mark.parametrize("source", SOURCES)
async def test_nobody_looks_at_the_end(
    dialogs: Dialogs, entry: MockConfigEntry, source: Source
) -> None:
    """A renewal replaces the token, and a duplicate leaves none behind."""
    await set_up(dialogs.hass, entry)
    if source != "user":
        dialogs.simulator.revoke(dialogs.account)
    await dialogs.approve(await dialogs.choose(await dialogs.open(source), "link"))
    await dialogs.pass_seconds(31)
    assert dialogs.check_only_entry() is entry
    assert dialogs.in_progress == []
