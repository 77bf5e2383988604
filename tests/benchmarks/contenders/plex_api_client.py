"""The SDK for Python that is generated from the published specification.

It has asynchronous methods too, but they are slower, also with many calls at once.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from plex_api_client import PlexAPI

from tests.benchmarks.operations import Operations, of_blocking_client
from tests.benchmarks.world import CALLERS, CLIENT_IDENTIFIER, Facts, World


@asynccontextmanager
async def connect(world: World) -> AsyncIterator[Operations]:
    """Share one client, with a connection for each thread."""
    limits = httpx.Limits(max_keepalive_connections=CALLERS)
    with (
        httpx.Client(limits=limits) as client,
        PlexAPI(
            world.token, client_identifier=CLIENT_IDENTIFIER, client=client
        ) as plex,
    ):

        def account() -> Facts:
            answer = plex.authentication.get_token_details(
                request={}, server_url=world.url
            )
            account = answer.user_plex_account
            return account.username, len(account.subscription.features)

        def source() -> Facts:
            answer = plex.general.get_source_connection_information(
                request={"source": world.source}, server_url=world.server_url
            )
            device = answer.object.media_container.device
            return device.name, len(device.connection)

        with of_blocking_client(account, source) as operations:
            yield operations
