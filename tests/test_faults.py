"""What an entry, its dialogs and its actions make of faults at a bad moment."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.plex_account import config_flow
from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
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
    entity_id_of,
    pass_time,
    plex_pass,
    press_refresh,
    set_up,
    settle,
    state_of,
    until,
)

DAY = timedelta(days=1)
ABSENT = "absent"

RENEWALS: dict[str, Callable[..., Any]] = {
    "reauth": MockConfigEntry.start_reauth_flow,
    "reconfigure": MockConfigEntry.start_reconfigure_flow,
}
ACTIONS = ["get_source_connection_information", "get_transient_token"]


def errors_logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what has been logged as an error, by whomever."""
    return [one.message for one in caplog.records if one.levelname == "ERROR"]


def dialogs(hass: HomeAssistant) -> list[str]:
    """Return why dialogs of the integration are open."""
    return [
        flow["context"]["source"]
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    ]


async def sign_in(
    hass: HomeAssistant, menu: ConfigFlowResult, account: Account, **typed: Any
) -> ConfigFlowResult:
    """Go on from a menu with the password of an account."""
    account.code = None
    configure = hass.config_entries.flow.async_configure
    form = await configure(menu["flow_id"], {"next_step_id": "password"})
    login = {"username": account.username, "password": account.password}
    return await configure(form["flow_id"], login | typed)


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
    assert dialogs(hass) == []
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
    expiry = entity_id_of(
        hass,
        "sensor",
        f"{account.uuid}_{server.machine_identifier}_transient_token_expires",
    )
    assert after.pop(expiry) >= before.pop(expiry)
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
    assert dialogs(hass) == []
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("trigger", ["button", "action"])
async def test_renewal_during_a_refresh_with_the_old_token(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    caplog: pytest.LogCaptureFixture,
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

    menu = await entry.start_reauth_flow(hass)
    result = await sign_in(hass, menu, account)
    assert result["reason"] == "reauth_successful"
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    hang.release()
    (outcome,) = await asyncio.gather(work, return_exceptions=True)
    await settle(hass)

    expected = {"button": None, "action": "token_refused"}[trigger]
    assert getattr(outcome, "translation_key", None) == expected
    assert dialogs(hass) == []
    assert plex_pass(hass, account) == "off"
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("scope", ["token", "client"])
@pytest.mark.parametrize("source", RENEWALS)
async def test_removal_during_a_renewal(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    source: str,
    scope: str,
) -> None:
    """A token that no entry is left for is signed out, and the dialog ends."""
    simulator.sign_out_scope = scope
    await set_up(hass, entry)
    hang = simulator.fault(path="/users/signin", action="hang", times=1)
    menu = await RENEWALS[source](entry, hass)
    submission = hass.async_create_task(sign_in(hass, menu, account))
    await until(lambda: hang.hits == 1)

    await hass.config_entries.async_remove(entry.entry_id)
    hang.release()
    try:
        result = await submission
    except UnknownFlow:
        pass
    else:
        assert result["type"] is FlowResultType.ABORT
    await settle(hass)

    assert account.tokens == {}
    assert hass.config_entries.async_entries(DOMAIN) == []
    assert dialogs(hass) == []


@pytest.mark.parametrize("source", RENEWALS)
async def test_removal_before_a_renewal_is_submitted(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    source: str,
) -> None:
    """A dialog for an account that is gone ends without a sign-in that stays."""
    await set_up(hass, entry)
    menu = await RENEWALS[source](entry, hass)
    await hass.config_entries.async_remove(entry.entry_id)

    try:
        result = await sign_in(hass, menu, account)
    except UnknownFlow:
        pass
    else:
        assert result["type"] is FlowResultType.ABORT
    await settle(hass)

    assert account.tokens == {}
    assert dialogs(hass) == []


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
        ({"status": 401}, "token_refused"),
        ({"status": 503}, "plex_refused"),
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


@pytest.mark.parametrize("path", ["/user", "/resources"])
async def test_plex_tv_that_hangs(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    path: str,
) -> None:
    """Plex that doesn't answer in time is out, and back when it does."""
    await set_up(hass, entry)
    hang = simulator.fault(path=path, action="hang")
    freezer.tick(ACCOUNT_REFRESH)
    async_fire_time_changed(hass)
    await until(lambda: hang.hits == 1)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31))
    await until(lambda: plex_pass(hass, account) == "unavailable")
    assert dialogs(hass) == []

    hang.remove()
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert plex_pass(hass, account) == "off"


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
    await until(lambda: hang.hits == 1)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=11))
    await until(lambda: hang.hits == 2)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=11))
    await settle(hass)
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
    assert dialogs(hass) == []
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])
async def test_clock_that_jumps_while_a_server_is_unlisted(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    jump: timedelta,
) -> None:
    """A server that two lists don't name goes, and one that comes back stays."""
    cellar = await simulator.add_server(name="Cellar", owner=account, tls=True)
    await set_up(hass, entry)
    cellar.listed = False
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    freezer.tick(jump)
    cellar.listed = True
    await press_refresh(hass, account)
    assert connectivity(hass, account, cellar) == "on"

    cellar.listed = False
    await press_refresh(hass, account)
    assert connectivity(hass, account, cellar) == "off"
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert state_of(hass, "sensor", f"{account.uuid}_servers").state == "1"


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


@pytest.mark.parametrize("length", [2, 20, 400, 4000])
async def test_code_that_lives_for_ever(
    hass: HomeAssistant,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    length: int,
) -> None:
    """However long Plex says that a code lives, it is waited for until it is gone."""
    monkeypatch.setattr(config_flow, "POLL_SECONDS", 0)
    body = f'<pin id="3" code="ABCD" expiresIn="{"9" * length}"/>'
    simulator.fault(method="POST", path="/pins", body=body)
    flow = hass.config_entries.flow
    menu = await flow.async_init(DOMAIN, context={"source": "user"})
    form = await flow.async_configure(menu["flow_id"], {"next_step_id": "link"})
    advanced = {"advanced": {"url": simulator.url}}
    wait = await flow.async_configure(form["flow_id"], advanced)
    assert wait["type"] is FlowResultType.SHOW_PROGRESS
    await settle(hass)

    result = await flow.async_configure(wait["flow_id"])
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "link_expired"
    assert errors_logged(caplog) == []


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
        {"token": "of somebody else"},
    ],
    ids=str,
)
async def test_damaged_entry(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    source: str,
    damage: Mapping[str, Any],
) -> None:
    """An entry that is of no use says so, asks for a sign-in, and is mended by one."""
    grace = simulator.add_account(username="grace", email="grace@example.com")
    grace.tokens["of somebody else"] = CLIENT_IDENTIFIER
    data = {**entry.data, **damage}
    hass.config_entries.async_update_entry(
        entry,
        data={name: value for name, value in data.items() if value is not ABSENT},
    )

    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key
    assert dialogs(hass) == ["reauth"]

    menu = await RENEWALS[source](entry, hass)
    result = await sign_in(hass, menu, account)
    assert result["reason"] == f"{source}_successful"
    await settle(hass)
    assert entry.state is ConfigEntryState.LOADED
    assert connectivity(hass, account, server) == "on"


@pytest.mark.parametrize("url", [5, None, "nonsense", "http://192.0.2.1/api/v2"])
async def test_damaged_address(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    url: Any,
) -> None:
    """An address that is none is told as an error, and replaced by reconfiguring."""
    address = simulator.url
    hass.config_entries.async_update_entry(entry, data={**entry.data, "url": url})
    await set_up(hass, entry)
    assert entry.state in (ConfigEntryState.SETUP_ERROR, ConfigEntryState.SETUP_RETRY)
    assert entry.error_reason_translation_key

    menu = await entry.start_reconfigure_flow(hass)
    result = await sign_in(hass, menu, account, advanced={"url": address})
    assert result["reason"] == "reconfigure_successful"
    await settle(hass)
    assert entry.state is ConfigEntryState.LOADED


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


async def test_another_account_answers(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """What plex.tv says of another account is never shown as this one's."""
    await set_up(hass, entry)
    answer = {"id": 1, "uuid": "f" * 16, "subscription": {"active": True}}
    simulator.fault(path="/user", body=answer)

    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert plex_pass(hass, account) == "unavailable"
    assert connectivity(hass, account, server) == "on"

    simulator.clear_faults()
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert plex_pass(hass, account) == "off"
