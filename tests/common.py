"""What tests of the integration do again and again."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import device_registry as dr, entity_registry as er
from tests.simulator import Account, Server

DOMAIN = "plex_account"
ACCOUNT_REFRESH = timedelta(minutes=30, seconds=1)
LOCAL_REFRESH = timedelta(seconds=61)
DISTANT_REFRESH = timedelta(minutes=5, seconds=1)
CLIENT_IDENTIFIER = "3f0c2d0e-6f5f-4d0b-9a53-0c1f9f0b7a11"


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Set an entry up and wait until its servers were looked for."""
    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)


async def settle(hass: HomeAssistant) -> None:
    """Wait until nothing goes on in the background."""
    await hass.async_block_till_done(wait_background_tasks=True)


async def pass_time(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, time: timedelta
) -> None:
    """Let time pass, and what is due then happen."""
    freezer.tick(time)
    async_fire_time_changed(hass)
    await settle(hass)


def state_of(hass: HomeAssistant, platform: str, unique_id: str) -> State:
    """Return the state of an entity by its unique id."""
    entity_id = entity_id_of(hass, platform, unique_id)
    state = hass.states.get(entity_id)
    assert state, f"{entity_id} has no state"
    return state


def connectivity(hass: HomeAssistant, account: Account, server: Server) -> str:
    """Return the state of a server's connectivity."""
    key = f"{account.uuid}_{server.machine_identifier}_connectivity"
    return state_of(hass, "binary_sensor", key).state


def plex_pass(hass: HomeAssistant, account: Account) -> str:
    """Return the state of an entity of the account."""
    return state_of(hass, "binary_sensor", f"{account.uuid}_plex_pass").state


async def call(hass: HomeAssistant, action: str, **data: Any) -> Any:
    """Return what an action answers."""
    return await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True
    )


def device_of(hass: HomeAssistant, entry: MockConfigEntry, identifier: str) -> str:
    """Return the id of a device by its identifier."""
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, identifier), entry.entry_id
    )
    assert device, f"There is no device {identifier}"
    return device.id


def entity_id_of(hass: HomeAssistant, platform: str, unique_id: str) -> str:
    """Return the id of an entity by its unique id."""
    entity_id = er.async_get(hass).async_get_entity_id(platform, DOMAIN, unique_id)
    assert entity_id, f"There is no {platform} {unique_id}"
    return entity_id


async def press_refresh(hass: HomeAssistant, account: Account) -> None:
    """Press the refresh button of an account."""
    button = entity_id_of(hass, "button", f"{account.uuid}_refresh")
    await hass.services.async_call(
        "button", "press", {"entity_id": button}, blocking=True
    )
    await settle(hass)


async def until(condition: Callable[[], object]) -> None:
    """Let others run until a condition holds."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)
