"""PlexAPI for Python, which Home Assistant's own Plex integration is built on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from urllib.parse import urlencode

from plexapi.myplex import MyPlexAccount
from plexapi.server import PlexServer
import requests
from requests.adapters import HTTPAdapter

from tests.benchmarks.operations import Operations, of_blocking_client
from tests.benchmarks.world import CALLERS, Facts, World


@asynccontextmanager
async def connect(world: World) -> AsyncIterator[Operations]:
    """Share one session, with a connection for each thread."""
    MyPlexAccount.key = f"{world.url}/user"
    key = f"/security/resources?{urlencode({'source': world.source})}"
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(pool_maxsize=CALLERS))

        @cache
        def server() -> PlexServer:
            return PlexServer(world.server_url, world.token, session)

        def account() -> Facts:
            account = MyPlexAccount(token=world.token, session=session)
            return account.username, len(account.subscriptionFeatures)

        def source() -> Facts:
            device = server().query(key).find("Device")
            return device.get("name"), len(device.findall("Connection"))

        with of_blocking_client(account, source) as operations:
            yield operations
