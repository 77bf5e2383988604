"""Checks that the benchmark is fair."""

from dataclasses import asdict

import aiohttp
import pytest

from tests.benchmarks import reach
from tests.benchmarks.contenders import floor, plex_account
from tests.benchmarks.figures import FLOOR, OURS, Figure, Figures
from tests.benchmarks.recording import build
from tests.benchmarks.server import serve
from tests.benchmarks.targets import targets
from tests.benchmarks.world import ACCOUNT, SOURCE
from tests.simulator import Simulator


@pytest.fixture(autouse=True)
def enable_custom_integrations() -> None:
    """Keep Home Assistant out of these tests."""


async def test_floor_does_what_the_client_does(simulator: Simulator) -> None:
    """The floor sends the same requests and fills the same dataclasses completely."""
    world, read = await build(simulator), []
    async with aiohttp.ClientSession() as session:
        for contender in (plex_account, floor):
            plex_tv, server = contender.clients(session, world)
            account = asdict(await plex_tv.get_token_details())
            source = await server.get_source_connection_information(world.source)
            read.append((account, asdict(source)))
    assert read[0] == read[1]
    asked = []
    for one in simulator.requests:
        headers = {name.lower(): value for name, value in one.headers.items()}
        asked.append((one.method, one.path, one.query, headers))
    assert asked[:2] == asked[2:]

    # The floor can't leave out a field that has a value here.
    account, told = read[0]
    parts = [account["profile"], account["services"][0], account["subscription"]]
    parts += [account["past_subscriptions"][0], told["connections"][0]]
    for thing in (account, told, *parts):
        assert [name for name, value in thing.items() if value in (None, "", ())] == []


async def test_server_answers_as_the_simulator(socket_enabled: None) -> None:
    """The benchmark server answers with the facts known about its answers."""
    async with serve() as world, plex_account.connect(world) as operations:
        for operation in (ACCOUNT, SOURCE) * 2:
            read = await operations.in_turn[operation]()
            assert read == world.facts[operation]


def figures_of(seconds: float, rate: float, *operations: str) -> Figures:
    """Return the figures of a contender that offers the given operations."""
    return {
        f"{operation}.{measure}": Figure.of_rounds([value, 2 * value, 3 * value])
        for operation in operations
        for measure, value in (("median", seconds), ("rate", rate))
    }


@pytest.mark.parametrize(
    ("seconds", "rate", "missed"),
    [
        (1.04, 0.9, []),
        (1.2, 0.9, ["median, to the floor's"]),
        (1.04, 0.8, ["64 at once, to the floor's"]),
        (2, 1, ["median, to the floor's", "median, faster than plexapi"]),
        (1, 0.4, ["64 at once, to the floor's", "64 at once, faster than plexapi"]),
    ],
)
def test_targets(seconds: float, rate: float, missed: list[str]) -> None:
    """Targets are only evaluated for contenders and operations with figures."""
    figures = {
        FLOOR: figures_of(1, 1, ACCOUNT, SOURCE),
        OURS: figures_of(seconds, rate, ACCOUNT, SOURCE),
        "plexapi": figures_of(3, 0.25, SOURCE),
    }
    assert [target.text for target in targets(figures) if not target.met] == [
        f"{operation}, {text}"
        for operation in (ACCOUNT, SOURCE)
        for text in missed
        if operation == SOURCE or "plexapi" not in text
    ]


async def test_reach(socket_enabled: None) -> None:
    """Reach is measured beside silent connections and servers, and judged by its target."""
    figures = await reach.measure(rounds=1)
    expected = {"usable": (0, 1, 3), "action": (0, 2, 8)}
    assert {name: (*counts,) for name, counts in figures.items()} == expected
    assert min(figures["usable"][1], figures["usable"][3]) >= reach.BETTER_SECONDS
    report = reach.report(figures | {"action": {0: 1.0, 8: 2.0}})
    assert [met for met, _ in report][-2:] == [True, False]
