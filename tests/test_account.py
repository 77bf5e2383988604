"""How an account is kept current, and what an outage or a refused token does."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from tests.simulator import Account, Server, Simulator

from .common import (
    ACCOUNT_REFRESH,
    DOMAIN,
    connectivity,
    pass_time,
    plex_pass,
    press_refresh,
    set_up,
    settle,
    state_of,
)

INVALID_TOKEN = {"errors": [{"code": 1001, "message": "Invalid token", "status": 422}]}
NO_VERDICT: list[dict[str, Any]] = [
    {"status": 400},
    {"status": 403},
    {"status": 408},
    {"status": 418},
    {"status": 422},
    {"status": 429},
    {"status": 500},
    {"status": 502},
    {"status": 503},
    {"status": 504},
    {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
    {"body": "<!DOCTYPE html><html></html>", "content_type": "text/html"},
    {"body": ""},
    {"body": "{"},
    {"body": {"resources": None}},
    {"action": "drop"},
    {"action": "truncate"},
    {"action": "endless"},
    {"action": "gzip_bomb"},
]


def reauth_flows(hass: HomeAssistant) -> int:
    """Return how many times a sign-in is asked for."""
    return len(hass.config_entries.flow.async_progress_by_handler(DOMAIN))


def own_log(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the levels of what the integration has logged, debug left out."""
    return [
        record.levelname
        for record in caplog.records
        if record.name == "custom_components.plex_account"
        and record.levelname != "DEBUG"
    ]


async def test_refresh(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
) -> None:
    """What changes at plex.tv is seen half an hour later."""
    account.subscription["active"] = False
    await set_up(hass, entry)
    assert plex_pass(hass, account) == "off"

    account.subscription["active"] = True
    await pass_time(hass, freezer, timedelta(minutes=29))
    assert plex_pass(hass, account) == "off"
    await pass_time(hass, freezer, timedelta(minutes=2))
    assert plex_pass(hass, account) == "on"


@pytest.mark.parametrize("path", ["/user", "/resources"])
@pytest.mark.parametrize("fault", NO_VERDICT, ids=str)
async def test_outage(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    caplog: pytest.LogCaptureFixture,
    path: str,
    fault: dict[str, Any],
) -> None:
    """No other answer than a refused token says anything about the token."""
    await set_up(hass, entry)

    simulator.fault(path=path, **fault)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert plex_pass(hass, account) == "unavailable"
    assert connectivity(hass, account, server) == "on"
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert reauth_flows(hass) == 0

    simulator.clear_faults()
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert plex_pass(hass, account) == "off"
    assert own_log(caplog) == ["ERROR", "INFO"]


async def test_no_plex_tv_for_a_day(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Servers work through an outage of any length; the log says it twice."""
    await set_up(hass, entry)
    before = state_of(
        hass,
        "binary_sensor",
        f"{account.uuid}_{server.machine_identifier}_connectivity",
    )
    await simulator.stop_plex_tv()

    for _ in range(48):
        simulator.clock.advance(ACCOUNT_REFRESH.total_seconds())
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
        assert plex_pass(hass, account) == "unavailable"
        assert connectivity(hass, account, server) == "on"

    await simulator.start_plex_tv()
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert plex_pass(hass, account) == "off"
    after = state_of(
        hass,
        "binary_sensor",
        f"{account.uuid}_{server.machine_identifier}_connectivity",
    )
    assert after.last_changed == before.last_changed
    assert own_log(caplog) == ["ERROR", "INFO"]


async def test_retry_after(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
) -> None:
    """A wait that plex.tv asks for is kept."""
    await set_up(hass, entry)
    simulator.rate_limit(path="/user", retry_after=7200, times=1)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    simulator.clear_requests()

    await pass_time(hass, freezer, timedelta(minutes=119))
    assert [
        request for request in simulator.requests if request.host == "plex.tv"
    ] == []
    await pass_time(hass, freezer, timedelta(minutes=2))
    assert plex_pass(hass, account) == "off"


@pytest.mark.parametrize("retry_after", ["0", "1", "Thu, 01 Jan 2026 00:00:00 GMT"])
async def test_short_retry_after(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    retry_after: str,
) -> None:
    """A plex.tv that is asked again at once is asked once a minute, no more."""
    await set_up(hass, entry)
    busy = simulator.fault(
        path="/user", status=429, headers={"Retry-After": retry_after}
    )
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    simulator.clear_requests()
    for _ in range(10):
        await pass_time(hass, freezer, timedelta(seconds=5))
    assert [request.path for request in simulator.requests].count("/user") == 0

    busy.remove()
    await pass_time(hass, freezer, timedelta(seconds=15))
    assert plex_pass(hass, account) == "off"


@pytest.mark.parametrize(
    "fault", [{"status": 401}, {"status": 422, "body": INVALID_TOKEN}]
)
async def test_revoked_token(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    fault: dict[str, Any],
) -> None:
    """A refused token asks for a sign-in, once, and says so in the activity."""
    await set_up(hass, entry)
    simulator.fault(path="/user", **fault)

    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert plex_pass(hass, account) == "unavailable"
    assert connectivity(hass, account, server) == "on"
    assert reauth_flows(hass) == 1
    activity = state_of(hass, "event", f"{account.uuid}_activity")
    assert activity.attributes["event_type"] == "token_rejected"

    await press_refresh(hass, account)
    await settle(hass)
    assert reauth_flows(hass) == 1
    assert state_of(hass, "event", f"{account.uuid}_activity").state == activity.state

    simulator.clear_faults()
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert plex_pass(hass, account) == "off"


async def test_refresh_button(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """The button asks plex.tv and each server at once."""
    await set_up(hass, entry)
    simulator.clear_requests()

    await press_refresh(hass, account)

    assert sorted(
        (request.host == "plex.tv", request.path) for request in simulator.requests
    ) == [(False, "/"), (True, "/resources"), (True, "/user")]


async def test_server_added(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server that comes later gets its device and entities without a reload."""
    await set_up(hass, entry)
    servers = f"{account.uuid}_servers"
    assert state_of(hass, "sensor", servers).state == "1"

    cellar = await simulator.add_server(name="Cellar", owner=account, tls=True)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)

    assert state_of(hass, "sensor", servers).state == "2"
    assert connectivity(hass, account, cellar) == "on"


def server_names(hass: HomeAssistant, entry: MockConfigEntry) -> set[str | None]:
    """Return the names of the devices of servers."""
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return {device.name for device in devices if device.model_id}


async def test_server_removed(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server goes when two lists in a row name another but not it."""
    cellar = await simulator.add_server(name="Cellar", owner=account, tls=True)
    await set_up(hass, entry)

    cellar.listed = False
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert server_names(hass, entry) == {"Attic", "Cellar"}
    assert connectivity(hass, account, cellar) == "off"

    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert server_names(hass, entry) == {"Attic"}
    assert state_of(hass, "sensor", f"{account.uuid}_servers").state == "1"

    cellar.listed = True
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert server_names(hass, entry) == {"Attic", "Cellar"}
    assert connectivity(hass, account, cellar) == "on"


async def test_server_back_in_time(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server that one list left out is back with the next."""
    cellar = await simulator.add_server(name="Cellar", owner=account, tls=True)
    await set_up(hass, entry)

    for _ in range(2):
        cellar.listed = False
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
        assert connectivity(hass, account, cellar) == "off"
        cellar.listed = True
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
        assert connectivity(hass, account, cellar) == "on"


async def test_refreshes_close_together(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """Two refreshes within ten minutes remove nothing."""
    cellar = await simulator.add_server(name="Cellar", owner=account, tls=True)
    await set_up(hass, entry)

    cellar.listed = False
    for _ in range(3):
        await press_refresh(hass, account)
    assert server_names(hass, entry) == {"Attic", "Cellar"}


async def test_empty_list(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A list without servers changes nothing; the last server is removed by hand."""
    await set_up(hass, entry)

    server.listed = False
    for _ in range(3):
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
        assert connectivity(hass, account, server) == "on"
        assert state_of(hass, "sensor", f"{account.uuid}_servers").state == "1"
    assert server_names(hass, entry) == {"Attic"}


async def test_removed_while_down(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server that left while the entry was not loaded goes as well."""
    cellar = await simulator.add_server(name="Cellar", owner=account, tls=True)
    await set_up(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)

    cellar.listed = False
    await set_up(hass, entry)
    assert server_names(hass, entry) == {"Attic", "Cellar"}
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert server_names(hass, entry) == {"Attic"}
    assert not [
        entity
        for entity in er.async_entries_for_config_entry(
            er.async_get(hass), entry.entry_id
        )
        if cellar.machine_identifier in entity.unique_id
    ]


async def test_renamed_and_updated(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """Name and version of a device follow the server's."""
    await set_up(hass, entry)

    server.name = "Loft"
    server.version = "1.44.0.1-abcdef"
    await pass_time(hass, freezer, ACCOUNT_REFRESH)

    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, f"{account.uuid}_{server.machine_identifier}"), entry.entry_id
    )
    assert device
    assert (device.name, device.sw_version) == ("Loft", "1.44.0.1-abcdef")


async def test_no_servers(
    hass: HomeAssistant, entry: MockConfigEntry, account: Account
) -> None:
    """An account without servers is a normal account."""
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert state_of(hass, "sensor", f"{account.uuid}_servers").state == "0"
