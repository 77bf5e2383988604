"""Two things at once: what one of them does while Plex holds its reply to the other."""

import asyncio
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er
from tests.simulator import Account, Server, Simulator

from .common import (
    DOMAIN,
    connectivity,
    errors_logged,
    pass_time,
    plex_pass,
    set_up,
    settle,
    until,
)
from .dialogs import RENEWALS, Dialogs, Source


async def renew(
    dialogs: Dialogs, entry: MockConfigEntry, source: Source
) -> ConfigFlowResult:
    """Sign in to an entry again."""
    return await dialogs.sign_in(await dialogs.open(source, entry))


@pytest.mark.parametrize("path", ["/user", "/resources"])
async def test_reload_during_set_up(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    caplog: pytest.LogCaptureFixture,
    path: str,
) -> None:
    """A reload waits for the set-up under way, and the account is there after both."""
    await set_up(hass, entry)
    hang = simulator.fault(path=path, action="hang", times=1)
    reload = hass.config_entries.async_reload
    first = hass.async_create_task(reload(entry.entry_id))
    await until(lambda: hang.hits)
    second = hass.async_create_task(reload(entry.entry_id))
    hang.release()
    assert await asyncio.gather(first, second) == [True, True]
    await settle(hass)

    assert entry.state is ConfigEntryState.LOADED
    assert connectivity(hass, account, server) == "on"
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("path", ["/user", "/resources"])
@pytest.mark.parametrize("answer", [{}, {"status": 401}, {"status": 503}], ids=str)
async def test_removal_during_set_up(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    caplog: pytest.LogCaptureFixture,
    path: str,
    answer: dict[str, Any],
) -> None:
    """An account that is removed before it is there leaves nothing behind."""
    hang = simulator.fault(path=path, action="hang", times=1, **answer)
    setup = hass.async_create_task(hass.config_entries.async_setup(entry.entry_id))
    await until(lambda: hang.hits)
    removal = hass.async_create_task(hass.config_entries.async_remove(entry.entry_id))
    hang.release()
    await asyncio.gather(setup, removal)
    simulator.clear_requests()
    await settle(hass)

    assert hass.config_entries.async_entries(DOMAIN) == []
    assert account.tokens == {}
    assert [request.path for request in simulator.requests] == []
    assert not dr.async_get(hass).devices
    assert not er.async_get(hass).entities
    assert not hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("source", RENEWALS)
async def test_reload_during_a_renewal(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    dialogs: Dialogs,
    account: Account,
    server: Server,
    caplog: pytest.LogCaptureFixture,
    source: Source,
) -> None:
    """A reload, which ends a reauth, costs neither the old token nor the new one."""
    await set_up(hass, entry)
    old_token = entry.data["token"]
    hang = simulator.fault(path="/users/signin", action="hang", times=1)
    renewal = hass.async_create_task(renew(dialogs, entry, source))
    await until(lambda: hang.hits)
    assert await hass.config_entries.async_reload(entry.entry_id)
    hang.release()
    result = await renewal
    await settle(hass)

    new_token = [*account.tokens][-1]
    assert result["type"] is FlowResultType.ABORT
    assert [*account.tokens] == [old_token, new_token]
    assert (
        entry.data["token"] == {"reauth": old_token, "reconfigure": new_token}[source]
    )
    assert plex_pass(hass, account) == "off"
    assert connectivity(hass, account, server) == "on"
    assert not hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert errors_logged(caplog) == []


async def test_refused_reload_during_a_reauth(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    dialogs: Dialogs,
    account: Account,
    server: Server,
) -> None:
    """A token that is still refused after a reload is asked for once more, and that counts."""
    await set_up(hass, entry)
    simulator.revoke(account)
    hang = simulator.fault(path="/users/signin", action="hang", times=1)
    renewal = hass.async_create_task(renew(dialogs, entry, "reauth"))
    await until(lambda: hang.hits)
    assert not await hass.config_entries.async_reload(entry.entry_id)
    hang.release()
    assert (await renewal)["type"] is FlowResultType.ABORT
    await settle(hass)
    assert dialogs.in_progress == []
    for _ in range(4):
        await pass_time(hass, freezer, timedelta(minutes=1))
    (menu,) = dialogs.in_progress

    result = await dialogs.sign_in(menu)
    await settle(hass)
    assert result["reason"] == "reauth_successful"
    assert entry.data["token"] == [*account.tokens][-1]
    assert connectivity(hass, account, server) == "on"
    assert not hass.config_entries.flow.async_progress_by_handler(DOMAIN)


@pytest.mark.parametrize("scope", ["token", "client"])
async def test_two_renewals_at_once(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    dialogs: Dialogs,
    account: Account,
    server: Server,
    caplog: pytest.LogCaptureFixture,
    scope: str,
) -> None:
    """Both dialogs succeed, and the token that is stored is good."""
    simulator.sign_out_scope = scope
    await set_up(hass, entry)
    hang = simulator.fault(path="/users/signin", action="hang", times=2)
    renewals = [
        hass.async_create_task(renew(dialogs, entry, source)) for source in RENEWALS
    ]
    await until(lambda: hang.hits == 2)
    hang.release()
    results = await asyncio.gather(*renewals)
    await settle(hass)

    assert [one["reason"] for one in results] == [
        f"{one}_successful" for one in RENEWALS
    ]
    assert entry.data["token"] in account.tokens
    assert entry.state is ConfigEntryState.LOADED
    assert connectivity(hass, account, server) == "on"
    assert not hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert errors_logged(caplog) == []


@pytest.mark.parametrize("source", RENEWALS)
@pytest.mark.parametrize("username", [None, "", 5, ["ada"]], ids=str)
async def test_damaged_username(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    dialogs: Dialogs,
    account: Account,
    source: Source,
    username: Any,
) -> None:
    """A stored login that is none is no obstacle to typing a new one."""
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, "username": username}
    )
    await set_up(hass, entry)
    result = await renew(dialogs, entry, source)
    await settle(hass)

    assert result["reason"] == f"{source}_successful"
    assert entry.data["username"] == "ada"
    assert entry.state is ConfigEntryState.LOADED
