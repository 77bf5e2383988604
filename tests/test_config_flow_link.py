"""Signing in with a code at plex.tv/link, whether or not the dialog is being watched."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pytest_homeassistant_custom_component.common import (
    async_capture_events,
    async_fire_time_changed,
)

from custom_components.plex_account import link
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
from homeassistant.util import dt as dt_util

from .common import DOMAIN, settle, until
from .dialogs import HTML, TROUBLE, Dialogs, Fault, check_created, check_form


async def test_link(dialogs: Dialogs) -> None:
    """A code that is entered at plex.tv/link creates an entry without a login."""
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


@pytest.mark.parametrize(("fault", "error", "minutes"), TROUBLE)
async def test_no_code(
    dialogs: Dialogs, fault: Fault, error: str, minutes: str
) -> None:
    """A dialog that gets no code says why, every time, and can try again."""
    dialogs.simulator.fault(method="POST", path="/pins", times=2, **fault)
    form = await dialogs.choose(None, "link")
    check_form(form, "link_expired", error, minutes=minutes)
    form = await dialogs.submit(form, {})
    check_form(form, "link_expired", error, minutes=minutes)
    check_created(await dialogs.link(await dialogs.submit(form, {})))


@pytest.mark.parametrize(
    ("lifetime", "minutes"),
    [
        (90, "2"),
        (10**9, "60"),
        pytest.param(10**400, "15", id="forever"),
        ("", "15"),
        (-5, "15"),
    ],
)
async def test_lifetime(dialogs: Dialogs, lifetime: Any, minutes: str) -> None:
    """The lifetime of a code comes from plex.tv; implausible values are ignored."""
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
    check_created(await dialogs.link(await dialogs.submit(form, {})))


@pytest.mark.parametrize(
    "fault",
    [
        *(fault for fault, error, _ in TROUBLE if error != "rate_limited"),
        {"status": 401},
        {"status": 404, "body": ""},
        {"status": 404, "body": HTML},
        {"status": 422, "body": ""},
        {"status": 429},
        {"status": 429, "headers": {"Retry-After": "0"}},
    ],
)
@pytest.mark.parametrize("path", ["/pins/*", "/user"])
async def test_trouble_is_waited_out(dialogs: Dialogs, path: str, fault: Fault) -> None:
    """Errors before and after an approval neither invalidate the code nor lose the approval."""
    trouble = dialogs.simulator.fault(method="GET", path=path, times=3, **fault)
    wait = await dialogs.choose(None, "link")
    await until(lambda: dialogs.count("GET", "/pins") > 3)
    entry = check_created(await dialogs.link(wait))
    assert trouble.hits == 3
    assert dialogs.tokens == [entry.data["token"]]


@pytest.mark.parametrize(
    "fault",
    [
        None,
        {"code": 1069},
        {"code": 1020},
        {"code": 1002},
        {"status": 429},
        {"status": 429, "headers": {"Retry-After": "1000"}},
    ],
    ids=str,
)
async def test_expired(
    dialogs: Dialogs, monkeypatch: pytest.MonkeyPatch, fault: Fault | None
) -> None:
    """A code that isn't entered in time, or can't be polled for that long, is replaced."""
    monkeypatch.setattr(link, "RATE_LIMITED_POLL_SECONDS", 1000)
    wait = await dialogs.choose(None, "link")
    if fault:
        dialogs.simulator.fault(method="GET", path="/pins/*", **fault)
    else:
        dialogs.simulator.clock.advance(901)
    await settle(dialogs.hass)
    form = await dialogs.submit(wait, {})
    check_form(form, "link_expired", "code_expired")
    assert dialogs.count("GET", "/pins") == 1
    dialogs.simulator.clear_faults()
    entry = check_created(await dialogs.link(await dialogs.submit(form, {})))
    clients = {request.client_identifier for request in dialogs.simulator.requests}
    assert clients == {entry.data["client_identifier"]}


async def test_two_codes_at_once(dialogs: Dialogs) -> None:
    """If a dialog requests two codes, it only waits for the last one."""
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
    """A code that is no longer displayed is not polled."""
    menu = await dialogs.open()
    async with dialogs.held(dialogs.choose(menu, "link"), path, method) as submission:
        dialogs.close(menu)
    await asyncio.gather(submission, return_exceptions=True)
    dialogs.simulator.clear_requests()
    dialogs.simulator.clock.advance(901)
    await settle(dialogs.hass)
    assert dialogs.simulator.requests == []


@pytest.mark.parametrize("somebody_looks", [True, False])
async def test_announcement(dialogs: Dialogs, somebody_looks: bool) -> None:
    """An approved sign-in is announced until the dialog is viewed, and added eventually."""
    announced = async_capture_events(dialogs.hass, "data_entry_flow_progressed")
    wait = await dialogs.choose(None, "link")
    await dialogs.approve(wait)
    for seconds, times in ((1, 1), (6, 2), (11, 3)):
        await dialogs.pass_seconds(seconds)
        assert [event.data for event in announced] == [
            {"handler": DOMAIN, "flow_id": wait["flow_id"], "refresh": True}
        ] * times
    assert dialogs.entries == []
    if somebody_looks:
        check_created(await dialogs.submit(wait))
        announced.clear()
    await dialogs.pass_seconds(31)
    entry = dialogs.check_only_entry()
    assert announced == [] or not somebody_looks
    with pytest.raises(UnknownFlow):
        await dialogs.submit(wait)
    announced.clear()
    await dialogs.pass_seconds(100)
    assert announced == []
    assert dialogs.check_only_entry() is entry


@pytest.mark.parametrize("unseen", ["first", "second"])
async def test_last_step_runs_once(dialogs: Dialogs, unseen: str) -> None:
    """Polling the final step while the entry is set up changes nothing."""
    wait = await dialogs.choose(None, "link")
    await dialogs.approve(wait)
    hang = dialogs.simulator.fault(path="/resources", action="hang")
    first = None
    if unseen == "second":
        first = dialogs.hass.async_create_task(dialogs.submit(wait))
    later = dt_util.utcnow() + timedelta(seconds=31)
    async_fire_time_changed(dialogs.hass, later)
    await until(lambda: hang.hits)
    with pytest.raises(UnknownFlow):
        await dialogs.submit(wait)
    hang.remove()
    await settle(dialogs.hass)
    entry = dialogs.check_only_entry()
    assert dialogs.count("DELETE", "/users/signout") == 0
    assert first is None or (await first)["result"] is entry
