"""What the tests of the client need: a session without DNS, and clients."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from custom_components.plex_account.api import PlexServerClient, PlexTvClient
from tests.simulator import Account, Server, Simulator

from .common import CLIENT_IDENTIFIER, Network, of_server, plex_tv


@pytest.fixture(autouse=True)
def enable_custom_integrations() -> None:
    """Leave Home Assistant out of these tests."""


@pytest.fixture
async def network(simulator: Simulator) -> AsyncIterator[Network]:
    """Return a session that trusts the simulator and looks up no name.

    The debug mode of the event loop is off: it would take a third of the time.
    """
    asyncio.get_running_loop().set_debug(False)
    network = Network(simulator.ca_pem)
    async with network.session:
        yield network


@pytest.fixture
def token(simulator: Simulator, account: Account) -> str:
    """Return a token of the account."""
    return simulator.sign_in(account, CLIENT_IDENTIFIER)


@pytest.fixture
def stranger(network: Network, simulator: Simulator) -> PlexTvClient:
    """Return a client of plex.tv that has no token."""
    return plex_tv(network, simulator)


@pytest.fixture
def client(network: Network, simulator: Simulator, token: str) -> PlexTvClient:
    """Return a client of plex.tv with the account's token."""
    return plex_tv(network, simulator, token=token)


@pytest.fixture
def attic(network: Network, server: Server, token: str) -> PlexServerClient:
    """Return a client of the account's server, with the owner's token."""
    return of_server(network, server, token=token)
