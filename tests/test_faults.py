"""What an entry, its dialogs and its actions make of faults at a bad moment."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util
from tests.simulator import Account, Server, Simulator

from .common import (
    ACCOUNT_REFRESH,
    CLIENT_IDENTIFIER,
    DISTANT_REFRESH,
    DOMAIN,
    LOCAL_REFRESH,
    call,
    connectivity,
    device_of,
    errors_logged,
    pass_time,
    plex_pass,
    press_refresh,
    set_up,
    settle,
    until,
)
from .dialogs import RENEWALS, Dialogs, Source, check_abort

DAY = timedelta(days=1)
ABSENT = "absent"

ACTIONS = ["get_source_connection_information", "get_transient_token"]


def open_dialogs(hass: HomeAssistant) -> list[str]:
    """Return why dialogs of the integration are open."""
    return [
        flow["context"]["source"]
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    ]


# Unloading, reloading and removing at a bad moment


@pytest.mark.parametrize("path", ["/user", "/resources"])
async def test_reload_during_a_refresh(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    caplog: pytest.LogCaptureFixture,
    path: str,
) -> None:
    """A reload doesn't wait for the refresh under way, and nothing comes of that one."""
    await set_up(hass, entry)
    hang = simulator.fault(path=path, action="hang", status=401, times=1)
    freezer.tick(ACCOUNT_REFRESH)
    async_fire_time_changed(hass)
    await until(lambda: hang.hits == 1)

    await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    hang.release()
    await settle(hass)

    assert plex_pass(hass, account) == "off"
    assert connectivity(hass, account, server) == "on"
    assert open_dialogs(hass) == []
    assert errors_logged(caplog) == []


async def test_two_reloads_at_once(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Two reloads at once end as one does."""
    await set_up(hass, entry)
    before = {state.entity_id: state.state for state in hass.states.async_all()}

    reload = hass.config_entries.async_reload
    await asyncio.gather(reload(entry.entry_id), reload(entry.entry_id))
    await settle(hass)

    assert entry.state is ConfigEntryState.LOADED
    after = {state.entity_id: state.state for state in hass.states.async_all()}
    assert after == before
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("host", ["plex.tv", "server"])
async def test_unload_while_a_request_is_held(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    caplog: pytest.LogCaptureFixture,
    host: str,
) -> None:
    """Unloading waits for nobody who doesn't answer, and leaves nothing behind."""
    await set_up(hass, entry)
    held = {"plex.tv": "plex.tv", "server": server.machine_identifier}[host]
    hang = simulator.fault(host=held, action="hang")
    freezer.tick(ACCOUNT_REFRESH)
    async_fire_time_changed(hass)
    await until(lambda: hang.hits > 0)

    async with asyncio.timeout(2):
        assert await hass.config_entries.async_unload(entry.entry_id)
    simulator.clear_requests()
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert simulator.requests == []

    hang.remove()
    await set_up(hass, entry)
    assert connectivity(hass, account, server) == "on"
    assert errors_logged(caplog) == []


async def test_unload_while_a_server_is_looked_for(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A first search that nobody answers ends with the entry."""
    hang = simulator.fault(host=server.machine_identifier, action="hang")
    await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: hang.hits == 1)

    async with asyncio.timeout(2):
        assert await hass.config_entries.async_unload(entry.entry_id)
        await settle(hass)

    hang.remove()
    await set_up(hass, entry)
    assert connectivity(hass, account, server) == "on"
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("answer", [{}, {"status": 401}, {"status": 503}], ids=str)
@pytest.mark.parametrize("trigger", ["schedule", "button"])
async def test_removal_during_a_refresh(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    caplog: pytest.LogCaptureFixture,
    trigger: str,
    answer: dict[str, Any],
) -> None:
    """An account that is removed stays so, whatever a refresh still brings."""
    await set_up(hass, entry)
    simulator.fault(path="/user", action="hang", times=1, **answer)
    hang = simulator.fault(path="/resources", action="hang", times=1)
    await simulator.add_server(name="Cellar", owner=account, tls=True)
    if trigger == "button":
        refresh = hass.async_create_task(press_refresh(hass, account))
    else:
        freezer.tick(ACCOUNT_REFRESH)
        async_fire_time_changed(hass)
    await until(lambda: hang.hits == 1)

    async with asyncio.timeout(5):
        await hass.config_entries.async_remove(entry.entry_id)
    simulator.clear_requests()
    simulator.clear_faults()
    await settle(hass)
    if trigger == "button":
        await refresh

    assert account.tokens == {}
    assert [one.host for one in simulator.requests if one.host != "plex.tv"] == []
    assert not dr.async_get(hass).devices
    assert not er.async_get(hass).entities
    assert open_dialogs(hass) == []
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("trigger", ["button", "action"])
async def test_renewal_during_a_refresh_with_the_old_token(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    caplog: pytest.LogCaptureFixture,
    dialogs: Dialogs,
    trigger: str,
) -> None:
    """Plex that refuses the old token says nothing about the new one."""
    await set_up(hass, entry)
    hang = simulator.fault(path="/user", action="hang", status=401, times=1)
    work = hass.async_create_task(
        press_refresh(hass, account)
        if trigger == "button"
        else call(hass, "get_token_details")
    )
    await until(lambda: hang.hits == 1)

    menu = await dialogs.open("reauth", entry)
    check_abort(await dialogs.sign_in(menu), "reauth_successful")
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    hang.release()
    (outcome,) = await asyncio.gather(work, return_exceptions=True)
    await settle(hass)

    expected = {"button": None, "action": "token_revoked"}[trigger]
    assert getattr(outcome, "translation_key", None) == expected
    assert open_dialogs(hass) == []
    assert plex_pass(hass, account) == "off"
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("source", RENEWALS)
async def test_removal_before_a_renewal_is_submitted(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    dialogs: Dialogs,
    source: Source,
) -> None:
    """A dialog for an account that is gone ends without a sign-in that stays."""
    await set_up(hass, entry)
    menu = await dialogs.open(source, entry)
    await hass.config_entries.async_remove(entry.entry_id)

    try:
        result = await dialogs.sign_in(menu)
    except UnknownFlow:
        pass
    else:
        assert result["type"] is FlowResultType.ABORT
    await settle(hass)

    assert account.tokens == {}
    assert open_dialogs(hass) == []


# Actions in flight


@pytest.mark.parametrize("fault", [{}, {"status": 503}, {"action": "drop"}], ids=str)
@pytest.mark.parametrize("action", ACTIONS)
async def test_unload_during_an_action_of_a_server(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    action: str,
    fault: dict[str, Any],
) -> None:
    """An action that is under way ends with an answer or an error in words."""
    await set_up(hass, entry)
    device_id = device_of(hass, entry, f"{account.uuid}_{server.machine_identifier}")
    hang = simulator.fault(host=server.machine_identifier, action="hang", times=1)
    work = hass.async_create_task(call(hass, action, device_id=device_id))
    await until(lambda: hang.hits == 1)

    async with asyncio.timeout(2):
        assert await hass.config_entries.async_unload(entry.entry_id)
    if fault:
        simulator.fault(host=server.machine_identifier, **fault)
        await server.stop()
        await server.start()
    hang.release()

    if fault:
        with pytest.raises(HomeAssistantError) as failed:
            await work
        assert failed.value.translation_key in ("server_unreachable", "plex_refused")
    else:
        assert (await work)["name"] == "Attic"


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ({}, None),
        ({"status": 401}, "token_revoked"),
        ({"status": 503}, "plex_tv_http_status"),
    ],
)
@pytest.mark.parametrize("removed", [False, True])
async def test_unload_during_token_details(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    removed: bool,
    fault: dict[str, Any],
    key: str | None,
) -> None:
    """The same holds for plex.tv, whether the entry is unloaded or removed."""
    await set_up(hass, entry)
    hang = simulator.fault(path="/user", action="hang", times=1, **fault)
    work = hass.async_create_task(call(hass, "get_token_details"))
    await until(lambda: hang.hits == 1)

    if removed:
        account.tokens["other"] = "of another client"
        simulator.fault(path="/users/signout", status=503)
        await hass.config_entries.async_remove(entry.entry_id)
    else:
        await hass.config_entries.async_unload(entry.entry_id)
    hang.release()

    if key:
        with pytest.raises(HomeAssistantError) as failed:
            await work
        assert failed.value.translation_key == key
    else:
        assert (await work)["username"] == "ada"


# Hosts that hang


async def test_server_that_hangs(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server that no longer answers in time is off until it does."""
    await set_up(hass, entry)
    hang = simulator.fault(host=server.machine_identifier, action="hang")
    freezer.tick(LOCAL_REFRESH)
    async_fire_time_changed(hass)
    work = hass.loop.create_task(settle(hass))
    while not work.done():
        for _ in range(100):
            await asyncio.sleep(0)
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=11))
    assert hang.hits > 2
    assert connectivity(hass, account, server) == "off"
    assert plex_pass(hass, account) == "off"

    hang.remove()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert connectivity(hass, account, server) == "on"


# Clocks that jump


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])
async def test_clock_that_jumps(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    caplog: pytest.LogCaptureFixture,
    jump: timedelta,
) -> None:
    """A clock that was put right costs nothing: all goes on, and tokens work."""
    await set_up(hass, entry)
    device_id = device_of(hass, entry, f"{account.uuid}_{server.machine_identifier}")
    freezer.tick(jump)
    await press_refresh(hass, account)
    for _ in range(3):
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
        assert plex_pass(hass, account) == "off"
        assert connectivity(hass, account, server) == "on"

    token = (await call(hass, "get_transient_token", device_id=device_id))["token"]
    assert token in server.transient_tokens
    assert {one.status for one in simulator.requests} == {200}
    assert open_dialogs(hass) == []
    assert errors_logged(caplog) == []


async def test_clock_put_back_while_a_certificate_is_wrong(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A new certificate is looked up, though the last look-up seems to lie ahead."""
    await set_up(hass, entry)
    for jump in (timedelta(0), -DAY):
        freezer.tick(jump)
        await server.stop()
        server.renew_certificate()
        await server.start()
        await pass_time(hass, freezer, LOCAL_REFRESH)
        assert connectivity(hass, account, server) == "on"


# Answers that are odd beyond measure


LONG, HUGE = "long " * 1000, 10**30


@pytest.mark.usefixtures("all_enabled")
@pytest.mark.parametrize(
    "fields",
    [
        {"homeSize": HUGE, "joinedAt": HUGE, "maxHomeSize": HUGE},
        {"homeSize": "many", "joinedAt": "once", "title": 5, "guest": "yes"},
        {"homeSize": None, "joinedAt": None, "title": None, "services": None},
        {"subscription": {"plan": LONG, "status": LONG, "subscribedAt": LONG}},
        {"subscription": [], "profile": [], "roles": {}, "entitlements": 5},
    ],
    ids=lambda fields: str(fields)[:40],
)
async def test_odd_account(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    account: Account,
    caplog: pytest.LogCaptureFixture,
    fields: dict[str, Any],
) -> None:
    """What an account may not be is unknown, and no matter for the log."""
    account.extra |= fields
    await set_up(hass, entry)

    assert entry.state is ConfigEntryState.LOADED
    assert plex_pass(hass, account) in ("off", "unknown")
    assert errors_logged(caplog) == []


@pytest.mark.usefixtures("all_enabled")
@pytest.mark.parametrize(
    "fields",
    [
        {"name": LONG},
        {"name": "\n\0\u202e"},
        {"name": None},
        {"name": "<b>{name}</b> %s {{ states('x') }}"},
        {"sourceTitle": LONG},
        {"productVersion": LONG, "product": LONG},
        {"productVersion": None, "product": None, "lastSeenAt": LONG},
        {"ownerId": HUGE, "createdAt": HUGE, "lastSeenAt": HUGE},
    ],
    ids=lambda fields: str(fields)[:40],
)
async def test_odd_server(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    caplog: pytest.LogCaptureFixture,
    fields: dict[str, Any],
) -> None:
    """What somebody else writes of a server keeps it from nothing."""
    grace = simulator.add_account(username="grace")
    cellar = await simulator.add_server(
        owner=grace, shared_with=[account], tls=True, extra=fields
    )
    await set_up(hass, entry)

    assert connectivity(hass, account, cellar) == "on"
    assert errors_logged(caplog) == []


# Entries that are not as they were written


@pytest.mark.parametrize("source", RENEWALS)
@pytest.mark.parametrize(
    "damage",
    [
        {"token": ABSENT},
        {"token": None},
        {"token": ""},
        {"token": 5},
        {"token": ["x"]},
        {"client_identifier": ABSENT},
        {"client_identifier": None},
        {"client_identifier": ""},
        {"client_identifier": 5},
    ],
    ids=str,
)
async def test_damaged_entry(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    dialogs: Dialogs,
    source: Source,
    damage: Mapping[str, Any],
) -> None:
    """An entry that is of no use says so, and asks for a sign-in that repairs it."""
    data = {**entry.data, **damage}
    hass.config_entries.async_update_entry(
        entry,
        data={name: value for name, value in data.items() if value is not ABSENT},
    )

    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key
    assert open_dialogs(hass) == ["reauth"]

    menu = await dialogs.open(source, entry)
    check_abort(await dialogs.sign_in(menu), f"{source}_successful")
    await settle(hass)
    assert entry.state is ConfigEntryState.LOADED
    assert connectivity(hass, account, server) == "on"


async def test_token_of_another_account(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    dialogs: Dialogs,
) -> None:
    """A token that turns out to be another account's is replaced by a sign-in."""
    grace = simulator.add_account(username="grace", email="grace@example.com")
    grace.tokens["of somebody else"] = CLIENT_IDENTIFIER
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, "token": "of somebody else"}
    )
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "other_account"
    assert open_dialogs(hass) == []
    for _ in range(4):
        await pass_time(hass, freezer, timedelta(minutes=1))
    (menu,) = dialogs.in_progress

    check_abort(await dialogs.sign_in(menu), "reauth_successful")
    await settle(hass)
    assert entry.state is ConfigEntryState.LOADED
    assert connectivity(hass, account, server) == "on"


@pytest.mark.parametrize("name", ["token", "client_identifier", "url"])
@pytest.mark.parametrize("value", [None, 5], ids=str)
async def test_removal_of_a_damaged_entry(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    account: Account,
    caplog: pytest.LogCaptureFixture,
    name: str,
    value: Any,
) -> None:
    """Whatever is wrong with an entry, it can be removed without ado."""
    await set_up(hass, entry)
    hass.config_entries.async_update_entry(entry, data={**entry.data, name: value})

    await hass.config_entries.async_remove(entry.entry_id)

    assert hass.config_entries.async_entries(DOMAIN) == []
    assert errors_logged(caplog) == []
