"""Concurrent operations: one runs while Plex delays its response to the other."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .common import ACCOUNT_REFRESH, DOMAIN, Home, call, entry_of, until
from .dialogs import RENEWALS, Dialogs, Fault, Source

pytestmark = pytest.mark.usefixtures("loaded")
ON_EITHER_PATH = pytest.mark.parametrize("path", ["/user", "/resources"])
ANSWERS = pytest.mark.parametrize("answer", [{}, {"status": 401}, {"status": 503}])
SCOPES = pytest.mark.parametrize("scope", ["token", "client"])
DETAILS = "get_token_details"
SOURCE = "get_source_connection_information"
TOKEN = "get_transient_token"


@pytest.fixture(autouse=True)
def no_errors(home: Home) -> Iterator[None]:
    """Fail if anything was logged as an error, by any component."""
    yield
    records = home.caplog.get_records("call")
    assert [one.message for one in records if one.levelname == "ERROR"] == []


@asynccontextmanager
async def held(
    home: Home, work: Coroutine[Any, Any, Any], **fault: Any
) -> AsyncIterator[asyncio.Task[Any]]:
    """Start a call that Plex answers only after the block, and wait for its effects."""
    hang = home.simulator.fault(**{"action": "hang", "times": 1} | fault)
    task = home.hass.async_create_task(work)
    await until(lambda: hang.hits)
    yield task
    hang.remove()
    await asyncio.wait([task])
    await home.settle()


async def refresh(home: Home, trigger: str = "schedule") -> None:
    """Refresh the account by schedule or by button."""
    if trigger == "button":
        await home.press()
    else:
        home.freezer.tick(ACCOUNT_REFRESH)
        async_fire_time_changed(home.hass)


async def renew(home: Home, dialogs: Dialogs, source: Source) -> ConfigFlowResult:
    """Sign in to the entry again."""
    return await dialogs.sign_in(await dialogs.open(source, home.entry))


def error_of(work: asyncio.Task[Any]) -> str | None:
    """Return the translation key of an action's error."""
    error = work.exception()
    assert isinstance(error, HomeAssistantError)
    return error.translation_key


def check_all_is_well(home: Home) -> None:
    """Check that the account and its server work, and no reauth is pending."""
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.plex_pass == "off"
    assert home.connectivity() == "on"
    assert home.dialogs() == []


def check_nothing_is_left(home: Home) -> None:
    """Check that the account is gone, both here and at plex.tv."""
    assert home.hass.config_entries.async_entries(DOMAIN) == []
    assert home.account.tokens == {}
    assert not dr.async_get(home.hass).devices
    assert not er.async_get(home.hass).entities
    assert home.dialogs() == []


@ON_EITHER_PATH
async def test_two_reloads_at_once(home: Home, path: str) -> None:
    """A reload waits for the one in progress, and both end like a single one."""
    before = {state.entity_id: state.state for state in home.hass.states.async_all()}
    reload = home.hass.config_entries.async_reload
    async with held(home, reload(home.entry.entry_id), path=path) as first:
        second = home.hass.async_create_task(reload(home.entry.entry_id))
    assert (await first, await second) == (True, True)
    after = {state.entity_id: state.state for state in home.hass.states.async_all()}
    assert after == before
    check_all_is_well(home)


@ON_EITHER_PATH
@ANSWERS
async def test_removal_during_set_up(home: Home, path: str, answer: Fault) -> None:
    """An account that is removed during setup leaves nothing behind."""
    await home.remove()
    entry = entry_of(home.simulator, home.account)
    entry.add_to_hass(home.hass)
    config_entries, entry_id = home.hass.config_entries, entry.entry_id

    async def remove() -> None:
        await config_entries.async_remove(entry_id)
        home.simulator.clear_requests()

    async with held(home, config_entries.async_setup(entry_id), path=path, **answer):
        home.hass.async_create_task(remove())
    assert home.simulator.requests == []
    check_nothing_is_left(home)


@ON_EITHER_PATH
async def test_reload_during_a_refresh(home: Home, path: str) -> None:
    """A reload doesn't wait for the refresh in progress, whose result is discarded."""
    async with held(home, refresh(home), path=path, status=401):
        await home.hass.config_entries.async_reload(home.entry.entry_id)
    check_all_is_well(home)


@pytest.mark.parametrize("begun", ["refresh", "poll", "search"])
async def test_unload_while_a_request_is_held(home: Home, begun: str) -> None:
    """Unloading doesn't wait for hosts that don't answer, and leaves nothing behind."""
    host = "plex.tv" if begun == "refresh" else home.server.machine_identifier
    if begun == "search":
        await home.unload()
    set_up, entry_id = home.hass.config_entries.async_setup, home.entry.entry_id
    work = set_up(entry_id) if begun == "search" else refresh(home)
    async with held(home, work, host=host, times=None):
        async with asyncio.timeout(2):
            await home.unload()
            await home.settle()
        home.simulator.clear_requests()
        await home.refresh()
        assert home.simulator.requests == []
    await home.set_up()
    check_all_is_well(home)


@ANSWERS
@pytest.mark.parametrize("trigger", ["schedule", "button"])
async def test_removal_during_a_refresh(
    home: Home, trigger: str, answer: Fault
) -> None:
    """A removed account stays removed, whatever a running refresh returns."""
    home.simulator.fault(path="/user", action="hang", times=1, **answer)
    await home.friend()
    async with held(home, refresh(home, trigger), path="/resources"):
        async with asyncio.timeout(5):
            await home.hass.config_entries.async_remove(home.entry.entry_id)
        home.simulator.clear_requests()
        home.simulator.clear_faults()
    assert [one for one in home.simulator.requests if one.host != "plex.tv"] == []
    check_nothing_is_left(home)


async def test_server_goes_during_its_poll(home: Home) -> None:
    """A server that is removed during its poll isn't polled again."""
    cellar = await home.friend()
    await home.press()
    cellar.listed = False
    await home.refresh()
    async with held(home, refresh(home), host=cellar.machine_identifier, times=None):
        await until(lambda: home.find_device(cellar) is None)
    home.simulator.clear_requests()
    await home.refresh()
    assert cellar.requests == []
    check_all_is_well(home)


@SCOPES
async def test_two_renewals_at_once(home: Home, dialogs: Dialogs, scope: str) -> None:
    """Both dialogs succeed, and the stored token is valid."""
    home.simulator.sign_out_scope = scope
    both = asyncio.gather(*(renew(home, dialogs, source) for source in RENEWALS))
    hang = home.simulator.fault(path="/users/signin", action="hang", times=2)
    await until(lambda: hang.hits == 2)
    hang.release()
    reasons = [result["reason"] for result in await both]
    await home.settle()
    assert reasons == ["reauth_successful", "reconfigure_successful"]
    assert home.entry.data["token"] in home.account.tokens
    check_all_is_well(home)


@pytest.mark.parametrize("trigger", ["button", "action"])
async def test_old_token_is_refused(home: Home, dialogs: Dialogs, trigger: str) -> None:
    """A rejection of the old token says nothing about the new one."""
    is_action = trigger == "action"
    begun = call(home.hass, DETAILS) if is_action else refresh(home, trigger)
    async with held(home, begun, path="/user", status=401) as work:
        result = await renew(home, dialogs, "reauth")
        assert result["reason"] == "reauth_successful"
        await until(lambda: home.entry.state is ConfigEntryState.LOADED)
    assert isinstance(work.exception(), HomeAssistantError) is is_action
    check_all_is_well(home)


@SCOPES
@pytest.mark.parametrize("source", RENEWALS)
@pytest.mark.parametrize("end", ["async_reload", "async_remove"])
async def test_end_during_a_renewal(
    home: Home, dialogs: Dialogs, source: Source, scope: str, end: str
) -> None:
    """A reload loses neither token; a token whose entry is gone is signed out."""
    home.simulator.sign_out_scope = scope
    old_token = home.entry.data["token"]
    renewal = renew(home, dialogs, source)
    async with held(home, renewal, path="/users/signin") as work:
        await getattr(home.hass.config_entries, end)(home.entry.entry_id)
    if error := work.exception():
        assert isinstance(error, UnknownFlow)
    else:
        assert work.result()["type"] is FlowResultType.ABORT
    if end == "async_remove":
        check_nothing_is_left(home)
    else:
        assert {old_token, home.entry.data["token"]} <= home.account.tokens.keys()
        check_all_is_well(home)


@pytest.mark.parametrize("fault", [{}, {"status": 503}, {"action": "drop"}], ids=str)
@pytest.mark.parametrize("action", [SOURCE, TOKEN])
async def test_unload_during_an_action(home: Home, action: str, fault: Fault) -> None:
    """A running action ends with a response or a translated error."""
    host = home.server.machine_identifier
    begun = call(home.hass, action, device_id=home.device(home.server).id)
    async with held(home, begun, host=host) as work:
        async with asyncio.timeout(2):
            await home.unload()
        if fault:
            home.simulator.fault(host=host, **fault)
            await home.server.restart()
    assert error_of(work) if fault else work.result()["name"] == "Attic"


@ANSWERS
@pytest.mark.parametrize("end", ["async_unload", "async_remove"])
async def test_unload_during_token_details(home: Home, end: str, answer: Fault) -> None:
    """The same applies to plex.tv, whether the entry is unloaded or removed."""
    # The answer is that of an account whose token is valid: it isn't signed out.
    home.simulator.fault(path="/users/signout", status=200, body="")
    begun = call(home.hass, DETAILS)
    async with held(home, begun, path="/user", **answer) as work:
        await getattr(home.hass.config_entries, end)(home.entry.entry_id)
    assert error_of(work) if answer else work.result()["username"] == "ada"
    assert home.dialogs() == []
