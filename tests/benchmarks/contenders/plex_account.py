"""The client of this project."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import orjson

from custom_components.plex_account.api import PlexServerClient, PlexTvClient
from tests.benchmarks.operations import Operations, of_client
from tests.benchmarks.world import CLIENT_IDENTIFIER, World


def clients(
    session: aiohttp.ClientSession, world: World
) -> tuple[PlexTvClient, PlexServerClient]:
    """Return what asks plex.tv, and what asks a server."""
    return (
        PlexTvClient(
            session,
            client_identifier=CLIENT_IDENTIFIER,
            token=world.token,
            server_url=world.url,
            json_loads=orjson.loads,
        ),
        PlexServerClient(
            session,
            world.server_url,
            client_identifier=CLIENT_IDENTIFIER,
            token=world.token,
            json_loads=orjson.loads,
        ),
    )


@asynccontextmanager
async def connect(world: World) -> AsyncIterator[Operations]:
    """Share one session."""
    async with aiohttp.ClientSession() as session:
        yield of_client(*clients(session, world), world)
