"""Thousands of refreshes with faults, restarts, and revocations, in accelerated time."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
import gc
from itertools import pairwise
import logging
from random import Random
import re
import tracemalloc
from typing import Any, override

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.util.async_ import get_scheduled_timer_handles
from tests.common import DOMAIN, pass_time, set_up, settle, state_of
from tests.simulator import Account, Server, Simulator

REFRESHES = 10_000
WATCHED = (1_000, 2_000, 3_000)
HOSTS = ("Listener.", "RequestHandler.", "Site.")
MOST_NEW_OBJECTS = 100
MOST_NEW_BYTES = 100_000

MINUTE = timedelta(seconds=61)
REFRESH = timedelta(minutes=30, seconds=1)

FAULTS: list[dict[str, Any]] = [
    *(
        {"status": status}
        for status in (400, 401, 403, 404, 408, 418, 429, 500, 502, 503)
    ),
    {"status": 429, "headers": {"Retry-After": "120"}},
    {"status": 302, "headers": {"Location": "/elsewhere"}},
    {"body": "<!DOCTYPE html><html></html>"},
    {"body": ""},
    {"body": "[null]"},
    {"body": {"errors": None}},
    {"action": "drop"},
    {"action": "truncate"},
]


class Log(logging.Handler):
    """Counts refreshes, and only keeps records with a traceback."""

    def __init__(self) -> None:
        """Initialize without records."""
        super().__init__()
        self.refreshes = 0
        self.tracebacks: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Handle a record."""
        self.refreshes += record.msg.startswith("Finished fetching")
        if record.exc_info and record.levelno >= logging.ERROR:
            self.tracebacks.append(record.getMessage())


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """Return a log that replaces all other handlers, which would only accumulate records."""
    log = Log()
    loggers = [
        logging.getLogger(name) for name in ("homeassistant", "custom_components")
    ]
    for logger, level in zip(loggers, (logging.ERROR, logging.DEBUG), strict=True):
        monkeypatch.setattr(logger, "propagate", False)
        logger.setLevel(level)
        logger.addHandler(log)
    yield log
    for logger in loggers:
        logger.removeHandler(log)
        logger.setLevel(logging.NOTSET)


@dataclass
class World:
    """Home Assistant, Plex, and a seeded random generator."""

    hass: HomeAssistant
    freezer: FrozenDateTimeFactory
    simulator: Simulator
    entry: MockConfigEntry
    account: Account
    servers: list[Server]
    die: Random
    plex_tv_runs: bool = True

    async def let_pass(self, time: timedelta) -> None:
        """Let time pass here and at Plex."""
        self.simulator.clock.advance(time.total_seconds())
        await pass_time(self.hass, self.freezer, time)

    async def disturb(self) -> None:
        """Cause a random disturbance, or none."""
        server = self.die.choice(self.servers)
        happenings: dict[Callable[[], Any], float] = {
            lambda: None: 60,
            self._break: 30,
            server.restart: 1,
            server.stop: 1,
            self._renew_certificate: 0.5,
            self._list_anew: 0.5,
            self._stop_plex_tv: 0.5,
            self._revoke: 0.3,
            self._reload: 0.3,
        }
        (happening,) = self.die.choices([*happenings], [*happenings.values()])
        if (work := happening()) is not None:
            await work

    async def mend(self) -> None:
        """Clear all faults, and sign in if necessary."""
        self.simulator.clear_faults()
        self.simulator.clear_requests()
        if not self.plex_tv_runs:
            await self.simulator.start_plex_tv()
            self.plex_tv_runs = True
        for server in self.servers:
            server.listed = True
            await server.start()
        configure = self.hass.config_entries.flow.async_configure
        for flow in self.hass.config_entries.flow.async_progress_by_handler(DOMAIN):
            await configure(flow["flow_id"], {"next_step_id": "password"})
            login = {"username": "ada", "password": self.account.password}
            result = await configure(flow["flow_id"], login)
            assert result["reason"] == "reauth_successful"
            await settle(self.hass)

    async def calm_down(self) -> None:
        """Clear all faults, and wait until that is noticed."""
        await self.mend()
        for _ in range(4):
            await self.let_pass(REFRESH)
            await self.let_pass(MINUTE)
            await self.mend()
        self.simulator.clear_requests()

    def states(self) -> list[str]:
        """Return the states of the account, then of each server."""
        uuid = self.account.uuid
        return [
            self.entry.state.value,
            state_of(self.hass, "binary_sensor", f"{uuid}_plex_pass").state,
            state_of(self.hass, "sensor", f"{uuid}_servers").state,
            *(
                state_of(
                    self.hass,
                    "binary_sensor",
                    f"{uuid}_{server.machine_identifier}_connectivity",
                ).state
                for server in self.servers
            ),
        ]

    def _break(self) -> None:
        hosts = ["plex.tv", *(server.machine_identifier for server in self.servers)]
        self.simulator.fault(
            host=self.die.choice(hosts),
            times=self.die.randint(1, 3),
            **self.die.choice(FAULTS),
        )

    async def _renew_certificate(self) -> None:
        server = self.servers[0]
        await server.stop()
        server.renew_certificate()
        await server.start()

    def _list_anew(self) -> None:
        self.servers[-1].listed = not self.servers[-1].listed

    async def _stop_plex_tv(self) -> None:
        await self.simulator.stop_plex_tv()
        self.plex_tv_runs = False

    def _revoke(self) -> None:
        self.simulator.revoke(self.account)

    async def _reload(self) -> None:
        await self.hass.config_entries.async_reload(self.entry.entry_id)


def at_work(hass: HomeAssistant) -> dict[str, Counter[str]]:
    """Return the open tasks, listeners, and timers, except those of simulated hosts."""
    timers = get_scheduled_timer_handles(asyncio.get_running_loop())
    texts = {
        "tasks": [str(task.get_coro()) for task in asyncio.all_tasks()],
        "timers": [str(timer) for timer in timers if not timer.cancelled()],
    }
    return {"listeners": Counter(map(str, hass.bus.async_listeners()))} | {
        kind: Counter(
            name[0]
            for text in found
            if (name := re.search(r"[\w.]+(?=\(\)| at )", text))
            and not name[0].startswith(HOSTS)
        )
        for kind, found in texts.items()
    }


def objects() -> Counter[str]:
    """Return the number of objects of each type."""
    gc.collect()
    return Counter(type(one).__qualname__ for one in gc.get_objects())


@pytest.mark.timeout(600)
async def test_soak(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    log: Log,
) -> None:
    """After 10,000 refreshes with faults, everything works and nothing has leaked."""
    asyncio.get_running_loop().set_debug(False)
    account.code = None
    grace = simulator.add_account(username="grace", email="grace@example.com")
    hut = await simulator.add_server(name="Hut", owner=account)
    cellar = await simulator.add_server(
        name="Cellar", owner=grace, shared_with=[account], tls=True
    )
    servers = [server, hut, cellar]
    world = World(hass, freezer, simulator, entry, account, servers, Random(20))
    await set_up(hass, entry)
    await world.calm_down()
    right, before = world.states(), at_work(hass)
    assert right == [ConfigEntryState.LOADED.value, "off", "3", "on", "on", "on"]

    memory: list[tuple[Counter[str], int]] = []
    tracemalloc.start()
    while log.refreshes < REFRESHES:
        await world.disturb()
        await world.let_pass(MINUTE if world.die.random() < 0.95 else REFRESH)
        if world.die.random() < 0.2:
            await world.mend()
        if len(memory) < len(WATCHED) and log.refreshes >= WATCHED[len(memory)]:
            await world.calm_down()
            assert world.states() == right
            memory.append((objects(), tracemalloc.get_traced_memory()[0]))
            if len(memory) == len(WATCHED):
                tracemalloc.stop()
    await world.calm_down()

    assert world.states() == right
    assert at_work(hass) == before
    assert log.tracebacks == []
    # Caches grow once; leaks grow again and again.
    growths = [
        (late - early, many - few) for (early, few), (late, many) in pairwise(memory)
    ]
    grown = [
        {name for name, new in growth.items() if new > MOST_NEW_OBJECTS}
        for growth, _ in growths
    ]
    assert set.intersection(*grown) == set()
    assert min(size for _, size in growths) < MOST_NEW_BYTES
