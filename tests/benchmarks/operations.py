"""The operations that every contender offers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .world import ACCOUNT, CALLERS, SOURCE, Facts, World

type Operation = Callable[[], Awaitable[Facts]]


@dataclass(frozen=True, slots=True)
class Operations:
    """How to make one call after another, and how to make many at once."""

    in_turn: Mapping[str, Operation]
    at_once: Mapping[str, Operation]


def of_client(plex_tv: Any, server: Any, world: World) -> Operations:
    """Return the operations of an asynchronous client with the same method names as ours."""

    async def account() -> Facts:
        account = await plex_tv.get_token_details()
        return account.username, len(account.subscription.features)

    async def source() -> Facts:
        source = await server.get_source_connection_information(world.source)
        return source.name, len(source.connections)

    operations = {ACCOUNT: account, SOURCE: source}
    return Operations(in_turn=operations, at_once=operations)


@contextmanager
def of_blocking_client(
    account: Callable[[], Facts], source: Callable[[], Facts]
) -> Iterator[Operations]:
    """Return the operations of a synchronous client, which needs a thread per concurrent call."""
    with ThreadPoolExecutor(CALLERS) as threads:

        def in_turn(operation: Callable[[], Facts]) -> Operation:
            async def call() -> Facts:
                return operation()

            return call

        def at_once(operation: Callable[[], Facts]) -> Operation:
            async def call() -> Facts:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(threads, operation)

            return call

        operations = {ACCOUNT: account, SOURCE: source}
        yield Operations(
            in_turn={name: in_turn(one) for name, one in operations.items()},
            at_once={name: at_once(one) for name, one in operations.items()},
        )
