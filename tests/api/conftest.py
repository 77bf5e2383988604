"""Fixtures for tests of the client: clients, and a session without DNS."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from custom_components.plex_account.api import PlexServerClient, PlexTvClient
from tests.simulator import Account, Server, Simulator

from .common import Bench, Network


@pytest.fixture(autouse=True)
def enable_custom_integrations() -> None:
    """Keep Home Assistant out of these tests."""


@pytest.fixture
async def network(simulator: Simulator) -> AsyncIterator[Network]:
    """Return a session that trusts the simulator and resolves no names.

    The debug mode of the event loop is off because it would take a third of the time.
    """
    asyncio.get_running_loop().set_debug(False)
    network = Network(simulator.ca_pem)
    async with network.session:
        yield network


@pytest.fixture
def bench(network: Network, simulator: Simulator, account: Account) -> Bench:
    """Return the simulated Plex with an account and its clients."""
    return Bench(network, simulator, account)


@pytest.fixture
def token(bench: Bench) -> str:
    """Return a token of the account."""
    return bench.token


@pytest.fixture
def stranger(bench: Bench) -> PlexTvClient:
    """Return a client of plex.tv that has no token."""
    return bench.stranger


@pytest.fixture
def client(bench: Bench) -> PlexTvClient:
    """Return a client of plex.tv with the account's token."""
    return bench.client


@pytest.fixture
def attic(bench: Bench, server: Server) -> PlexServerClient:
    """Return a client of the account's server, with the owner's token."""
    return bench.of_server(server, token=bench.token)
