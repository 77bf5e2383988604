"""Two things at once: what one of them does while Plex holds its reply to the other."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .common import (
    ACCOUNT_REFRESH,
    DOMAIN,
    Home,
    call,
    errors_logged,
    press_refresh,
    settle,
    until,
)
from .dialogs import RENEWALS, Dialogs, Source

ON_EITHER_PATH = pytest.mark.parametrize("path", ["/user", "/resources"])
ANSWERS = pytest.mark.parametrize(
    "answer", [{}, {"status": 401}, {"status": 503}], ids=str
)
SOURCES = pytest.mark.parametrize("source", RENEWALS)
SCOPES = pytest.mark.parametrize("scope", ["token", "client"])
ACTIONS = ["get_source_connection_information", "get_transient_token"]


@pytest.fixture(autouse=True)
def no_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail where something was logged as an error, by whomever."""
    yield
    assert errors_logged(caplog) == []


def start(home: Home, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Begin something that Plex will hold."""
    return home.hass.async_create_task(work)


def begin_refresh(home: Home, trigger: str) -> asyncio.Task[Any] | None:
    """Let the account be refreshed by the schedule or the button."""
    if trigger == "button":
        return start(home, press_refresh(home.hass, home.account))
    home.freezer.tick(ACCOUNT_REFRESH)
    async_fire_time_changed(home.hass)
    return None


async def renew(home: Home, dialogs: Dialogs, source: Source) -> ConfigFlowResult:
    """Sign in to the entry again."""
    return await dialogs.sign_in(await dialogs.open(source, home.entry))


async def ends(work: asyncio.Task[ConfigFlowResult]) -> None:
    """Wait for a dialog that is of no use any more."""
    try:
        result = await work
    except UnknownFlow:
        return
    assert result["type"] is FlowResultType.ABORT


def check_all_is_well(home: Home) -> None:
    """Check that the account and its server work, and nothing is asked for."""
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.plex_pass == "off"
    assert home.connectivity() == "on"
    assert home.dialogs() == []


def check_nothing_is_left(home: Home) -> None:
    """Check that the account is gone, here and at plex.tv."""
    assert home.hass.config_entries.async_entries(DOMAIN) == []
    assert home.account.tokens == {}
    assert not dr.async_get(home.hass).devices
    assert not er.async_get(home.hass).entities
    assert home.dialogs() == []


# Loading, unloading and removing


@ON_EITHER_PATH
async def test_reload_during_set_up(home: Home, path: str) -> None:
    """A reload waits for the set-up under way, and the account is there after both."""
    await home.set_up()
    hang = home.simulator.fault(path=path, action="hang", times=1)
    reload = home.hass.config_entries.async_reload
    first = start(home, reload(home.entry.entry_id))
    await until(lambda: hang.hits)
    second = start(home, reload(home.entry.entry_id))
    hang.release()
    assert await asyncio.gather(first, second) == [True, True]
    await settle(home.hass)
    check_all_is_well(home)


@ON_EITHER_PATH
@ANSWERS
async def test_removal_during_set_up(
    home: Home, path: str, answer: dict[str, Any]
) -> None:
    """An account that is removed before it is there leaves nothing behind."""
    config_entries, entry_id = home.hass.config_entries, home.entry.entry_id
    hang = home.simulator.fault(path=path, action="hang", times=1, **answer)
    setup = start(home, config_entries.async_setup(entry_id))
    await until(lambda: hang.hits)
    removal = start(home, config_entries.async_remove(entry_id))
    hang.release()
    await asyncio.gather(setup, removal)
    home.simulator.clear_requests()
    await settle(home.hass)
    assert home.simulator.requests == []
    check_nothing_is_left(home)


@ON_EITHER_PATH
async def test_reload_during_a_refresh(home: Home, path: str) -> None:
    """A reload doesn't wait for the refresh under way, and nothing comes of that one."""
    await home.set_up()
    hang = home.simulator.fault(path=path, action="hang", status=401, times=1)
    begin_refresh(home, "schedule")
    await until(lambda: hang.hits)
    await home.hass.config_entries.async_reload(home.entry.entry_id)
    hang.release()
    await settle(home.hass)
    check_all_is_well(home)


async def test_two_reloads_at_once(home: Home) -> None:
    """Two reloads at once end as one does."""
    await home.set_up()
    before = {state.entity_id: state.state for state in home.hass.states.async_all()}
    reload = home.hass.config_entries.async_reload
    await asyncio.gather(reload(home.entry.entry_id), reload(home.entry.entry_id))
    await settle(home.hass)
    after = {state.entity_id: state.state for state in home.hass.states.async_all()}
    assert after == before
    check_all_is_well(home)


@pytest.mark.parametrize("host", ["plex.tv", "server"])
async def test_unload_while_a_request_is_held(home: Home, host: str) -> None:
    """Unloading waits for nobody who doesn't answer, and leaves nothing behind."""
    await home.set_up()
    held = home.server.machine_identifier if host == "server" else host
    hang = home.simulator.fault(host=held, action="hang")
    begin_refresh(home, "schedule")
    await until(lambda: hang.hits)
    async with asyncio.timeout(2):
        await home.unload()
    home.simulator.clear_requests()
    await home.wait(ACCOUNT_REFRESH)
    assert home.simulator.requests == []

    hang.remove()
    await home.set_up()
    check_all_is_well(home)


async def test_unload_while_a_server_is_looked_for(home: Home) -> None:
    """A first search that nobody answers ends with the entry."""
    hang = home.simulator.fault(host=home.server.machine_identifier, action="hang")
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await until(lambda: hang.hits)
    async with asyncio.timeout(2):
        await home.unload()
        await settle(home.hass)
    hang.remove()
    await home.set_up()
    check_all_is_well(home)


@ANSWERS
@pytest.mark.parametrize("trigger", ["schedule", "button"])
async def test_removal_during_a_refresh(
    home: Home, trigger: str, answer: dict[str, Any]
) -> None:
    """An account that is removed stays so, whatever a refresh still brings."""
    await home.set_up()
    home.simulator.fault(path="/user", action="hang", times=1, **answer)
    hang = home.simulator.fault(path="/resources", action="hang", times=1)
    await home.friend()
    refresh = begin_refresh(home, trigger)
    await until(lambda: hang.hits)
    async with asyncio.timeout(5):
        await home.hass.config_entries.async_remove(home.entry.entry_id)
    home.simulator.clear_requests()
    home.simulator.clear_faults()
    await settle(home.hass)
    if refresh:
        await refresh
    assert [one for one in home.simulator.requests if one.host != "plex.tv"] == []
    check_nothing_is_left(home)


async def test_server_goes_during_its_poll(home: Home) -> None:
    """A server that is removed while it is polled is polled no more."""
    cellar = await home.friend()
    await home.set_up()
    cellar.listed = False
    await home.wait(ACCOUNT_REFRESH)
    home.freezer.tick(ACCOUNT_REFRESH)
    hang = home.simulator.fault(host=cellar.machine_identifier, action="hang")
    async_fire_time_changed(home.hass)
    await until(lambda: hang.hits and home.find_device(cellar) is None)
    hang.remove()
    await settle(home.hass)
    home.simulator.clear_requests()
    await home.wait(ACCOUNT_REFRESH)
    assert cellar.requests == []
    check_all_is_well(home)


# Dialogs


@SOURCES
async def test_reload_during_a_renewal(
    home: Home, dialogs: Dialogs, source: Source
) -> None:
    """A reload, which ends a reauth, costs neither the old token nor the new one."""
    await home.set_up()
    old_token = home.entry.data["token"]
    hang = home.simulator.fault(path="/users/signin", action="hang", times=1)
    renewal = start(home, renew(home, dialogs, source))
    await until(lambda: hang.hits)
    await home.hass.config_entries.async_reload(home.entry.entry_id)
    hang.release()
    await ends(renewal)
    await settle(home.hass)
    assert home.entry.data["token"] in home.account.tokens
    assert old_token in home.account.tokens
    check_all_is_well(home)


@SCOPES
async def test_two_renewals_at_once(home: Home, dialogs: Dialogs, scope: str) -> None:
    """Both dialogs succeed, and the token that is stored is good."""
    home.simulator.sign_out_scope = scope
    await home.set_up()
    hang = home.simulator.fault(path="/users/signin", action="hang", times=2)
    renewals = [start(home, renew(home, dialogs, source)) for source in RENEWALS]
    await until(lambda: hang.hits == 2)
    hang.release()
    results = await asyncio.gather(*renewals)
    await settle(home.hass)
    assert [one["reason"] for one in results] == [
        f"{one}_successful" for one in RENEWALS
    ]
    assert home.entry.data["token"] in home.account.tokens
    check_all_is_well(home)


@pytest.mark.parametrize("trigger", ["button", "action"])
async def test_renewal_during_a_refresh_with_the_old_token(
    home: Home, dialogs: Dialogs, trigger: str
) -> None:
    """Plex that refuses the old token says nothing about the new one."""
    await home.set_up()
    hang = home.simulator.fault(path="/user", action="hang", status=401, times=1)
    work = start(
        home,
        press_refresh(home.hass, home.account)
        if trigger == "button"
        else call(home.hass, "get_token_details"),
    )
    await until(lambda: hang.hits)
    result = await renew(home, dialogs, "reauth")
    assert result["reason"] == "reauth_successful"
    await until(lambda: home.entry.state is ConfigEntryState.LOADED)
    hang.release()
    await asyncio.wait([work])
    await settle(home.hass)
    assert isinstance(work.exception(), HomeAssistantError) is (trigger == "action")
    check_all_is_well(home)


@SCOPES
@SOURCES
async def test_removal_during_a_renewal(
    home: Home, dialogs: Dialogs, source: Source, scope: str
) -> None:
    """A token that no entry is left for is signed out, and the dialog ends."""
    home.simulator.sign_out_scope = scope
    await home.set_up()
    hang = home.simulator.fault(path="/users/signin", action="hang", times=1)
    renewal = start(home, renew(home, dialogs, source))
    await until(lambda: hang.hits)
    await home.hass.config_entries.async_remove(home.entry.entry_id)
    hang.release()
    await ends(renewal)
    await settle(home.hass)
    check_nothing_is_left(home)


@SOURCES
async def test_removal_before_a_renewal_is_submitted(
    home: Home, dialogs: Dialogs, source: Source
) -> None:
    """A dialog for an account that is gone ends without a sign-in that stays."""
    await home.set_up()
    menu = await dialogs.open(source, home.entry)
    await home.remove()
    await ends(start(home, dialogs.sign_in(menu)))
    await settle(home.hass)
    check_nothing_is_left(home)


# Actions in flight


@pytest.mark.parametrize("fault", [{}, {"status": 503}, {"action": "drop"}], ids=str)
@pytest.mark.parametrize("action", ACTIONS)
async def test_unload_during_an_action_of_a_server(
    home: Home, action: str, fault: dict[str, Any]
) -> None:
    """An action that is under way ends with an answer or an error in words."""
    await home.set_up()
    host = home.server.machine_identifier
    device_id = home.device(home.server).id
    hang = home.simulator.fault(host=host, action="hang", times=1)
    work = start(home, call(home.hass, action, device_id=device_id))
    await until(lambda: hang.hits)
    async with asyncio.timeout(2):
        await home.unload()
    if fault:
        home.simulator.fault(host=host, **fault)
        await home.server.restart()
    hang.release()
    if fault:
        with pytest.raises(HomeAssistantError) as failed:
            await work
        assert failed.value.translation_key
    else:
        assert (await work)["name"] == "Attic"


@ANSWERS
@pytest.mark.parametrize("end", ["async_unload", "async_remove"])
async def test_unload_during_token_details(
    home: Home, end: str, answer: dict[str, Any]
) -> None:
    """The same holds for plex.tv, whether the entry is unloaded or removed."""
    await home.set_up()
    hang = home.simulator.fault(path="/user", action="hang", times=1, **answer)
    work = start(home, call(home.hass, "get_token_details"))
    await until(lambda: hang.hits)
    # The answer is that of an account whose token is good: it isn't signed out.
    home.simulator.fault(path="/users/signout", status=200, body="")
    await getattr(home.hass.config_entries, end)(home.entry.entry_id)
    hang.release()
    if answer:
        with pytest.raises(HomeAssistantError) as failed:
            await work
        assert failed.value.translation_key
    else:
        assert (await work)["username"] == "ada"
    await settle(home.hass)
    assert home.dialogs() == []


async def test_two_actions_after_a_restart(home: Home) -> None:
    """Two actions at once each return what they ask for, and share one mint."""
    await home.set_up()
    await home.server.restart()
    home.simulator.clear_requests()
    device_id = home.device(home.server).id
    answers = await asyncio.gather(
        *(call(home.hass, action, device_id=device_id) for action in ACTIONS * 2)
    )
    tokens = [answer["token"] for answer in answers if "token" in answer]
    assert set(tokens) <= home.server.transient_tokens.keys()
    assert len(tokens) == 2
    assert home.asked(home.server).count("/security/token") == 1
