"""One shared Plex and Home Assistant for all tests that only need an account."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import pytest

from tests.simulator import Account, Server, Simulator

from .client import OWNER, Client
from .home_assistant import HomeAssistant
from .waiting import eventually

# Both perform any action with any data, for an event and for any user who starts it.
CONFIGURATION: Final = """
automation:
  - id: perform
    alias: Perform
    triggers:
      - trigger: event
        event_type: perform
    actions:
      - action: "{{ trigger.event.data.action }}"
        data: "{{ trigger.event.data.data }}"
        response_variable: response
      - event: performed
        event_data:
          keys: "{{ response.keys() | list }}"
script:
  perform:
    sequence:
      - action: "{{ action }}"
        data: "{{ data }}"
        response_variable: response
      - stop: The response is there
        response_variable: response
"""


@dataclass(frozen=True, slots=True)
class Plex:
    """An account with a server, and their entry and device in Home Assistant."""

    simulator: Simulator
    account: Account
    server: Server
    entry_id: str
    device_id: str


@pytest.fixture(scope="session")
async def simulator() -> AsyncIterator[Simulator]:
    """Return a running Plex."""
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture(scope="session")
async def home(simulator: Simulator) -> AsyncIterator[HomeAssistant]:
    """Return a running Home Assistant."""
    async with HomeAssistant(simulator, configuration=CONFIGURATION) as home:
        yield home


@pytest.fixture(scope="session")
async def owner(home: HomeAssistant) -> AsyncIterator[Client]:
    """Return a client that is logged in as the owner."""
    async with Client.create_owner(home.url, name="Owner", **OWNER) as owner:
        await eventually("whether it runs", owner.is_running, bool)
        yield owner


@pytest.fixture(scope="session")
async def plex(simulator: Simulator, owner: Client) -> Plex:
    """Return an account that the owner has added."""
    account = simulator.add_account()
    server = await simulator.add_server(owner=account, tls=True)
    entry_id = await owner.add_account(account.username, account.password)
    # From here on, every request to Plex is caused by a test.
    await owner.command(
        "config_entries/update", entry_id=entry_id, pref_disable_polling=True
    )

    async def states() -> list[str]:
        found = await owner.states()
        return [
            found[entity["entity_id"]]["state"]
            for entity in await owner.entities(entry_id)
            if entity["unique_id"].endswith("_connectivity")
        ]

    await eventually("connectivity", states, lambda found: found == ["on"])
    [device_id] = (
        device["id"]
        for device in await owner.devices(entry_id)
        if device["name"] == server.name
    )
    return Plex(simulator, account, server, entry_id, device_id)


@pytest.fixture(scope="session")
async def resident(home: HomeAssistant, owner: Client) -> AsyncIterator[Client]:
    """Return a client of a user who is not an administrator."""
    credentials = {"username": "resident", "password": "resident"}
    await owner.create_resident(**credentials)
    async with Client.log_in(home.url, **credentials) as resident:
        yield resident
