"""The floor."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from tests.benchmarks.floor import Floor
from tests.benchmarks.operations import Operations, of_client
from tests.benchmarks.world import CLIENT_IDENTIFIER, World


def clients(session: aiohttp.ClientSession, world: World) -> tuple[Floor, Floor]:
    """Return what asks plex.tv, and what asks a server."""
    floor = Floor(
        session,
        url=world.url,
        server_url=world.server_url,
        token=world.token,
        client_identifier=CLIENT_IDENTIFIER,
    )
    return floor, floor


@asynccontextmanager
async def connect(world: World) -> AsyncIterator[Operations]:
    """Share one session."""
    async with aiohttp.ClientSession() as session:
        yield of_client(*clients(session, world), world)
