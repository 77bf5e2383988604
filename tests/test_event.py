"""The activity of an account: each change told once, and none at the start."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import Event, HomeAssistant
from tests.simulator import Account, Server, Simulator

from .common import (
    ACCOUNT_REFRESH,
    DISTANT_REFRESH,
    LOCAL_REFRESH,
    connectivity,
    device_of,
    entity_id_of,
    pass_time,
    press_refresh,
    set_up,
    settle,
    state_of,
)


@pytest.fixture
async def told(
    hass: HomeAssistant, entry: MockConfigEntry, account: Account, server: Server
) -> list[dict[str, Any]]:
    """Return what the activity tells from set-up on, kept current."""
    events: list[dict[str, Any]] = []

    def listen(event: Event[Any]) -> None:
        state = event.data["new_state"]
        if state and event.data["entity_id"].startswith("event."):
            attributes = dict(state.attributes)
            attributes.pop("event_types", None)
            attributes.pop("friendly_name", None)
            if attributes.get("event_type"):
                events.append(attributes)

    hass.bus.async_listen("state_changed", listen)
    await set_up(hass, entry)
    assert entity_id_of(hass, "event", f"{account.uuid}_activity")
    return events


async def test_nothing_at_the_start(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    told: list[dict[str, Any]],
) -> None:
    """Neither set-up nor a reload nor unchanged refreshes tell anything."""
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert told == []


async def test_server_offline_and_online(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    told: list[dict[str, Any]],
) -> None:
    """A server that goes and comes back is told once each."""
    facts = {
        "name": "Attic",
        "device_id": device_of(
            hass, entry, f"{account.uuid}_{server.machine_identifier}"
        ),
    }
    await server.stop()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert told == [{"event_type": "server_offline", **facts}]

    await server.start()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert told[1:] == [{"event_type": "server_online", **facts}]


async def test_server_added_and_removed(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    told: list[dict[str, Any]],
) -> None:
    """A server that comes to the account and leaves it is told once each."""
    grace = simulator.add_account(username="grace")
    cellar = await simulator.add_server(
        name="Cellar", owner=grace, shared_with=[account], tls=True
    )
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    facts = {
        "name": "Cellar",
        "device_id": device_of(
            hass, entry, f"{account.uuid}_{cellar.machine_identifier}"
        ),
    }
    assert told == [{"event_type": "server_added", **facts}]

    cellar.shared_with = []
    for _ in range(3):
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert told[1:] == [{"event_type": "server_removed", **facts}]


@pytest.mark.parametrize("all_of_them", [True, False])
async def test_known_server_is_not_news(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    simulator: Simulator,
    told: list[dict[str, Any]],
    all_of_them: bool,
) -> None:
    """A server that the first list after a start left out was never gone."""
    cellar = await simulator.add_server(name="Cellar", owner=account, tls=True)
    await press_refresh(hass, account)
    assert [one["event_type"] for one in told] == ["server_added"]
    activity = f"{account.uuid}_activity"
    told_at = state_of(hass, "event", activity).state

    cellar.listed = False
    server.listed = not all_of_them
    await hass.config_entries.async_reload(entry.entry_id)
    cellar.listed = server.listed = True
    await press_refresh(hass, account)
    assert connectivity(hass, account, cellar) == "on"
    assert state_of(hass, "event", activity).state == told_at


async def test_subscription_changed(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    account: Account,
    told: list[dict[str, Any]],
) -> None:
    """A subscription that changes is told with its old and new status."""
    account.subscription["status"] = "Active"
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    account.subscription["status"] = "PendingCancellation"
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    account.extra = {"subscription": None}
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert told == [
        {"event_type": "subscription_changed", "old": old, "new": new}
        for old, new in (
            ("inactive", "active"),
            ("active", "pending_cancellation"),
            ("pending_cancellation", None),
        )
    ]


async def test_token_rejected(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    account: Account,
    told: list[dict[str, Any]],
) -> None:
    """A token that plex.tv refuses is told once."""
    simulator.revoke(account)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert [event for event in told if event["event_type"] == "token_rejected"] == [
        {"event_type": "token_rejected"}
    ]
