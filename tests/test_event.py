"""The activity of an account: each change reported once, after its states."""

from collections.abc import Callable
from typing import Any

import pytest

from homeassistant.core import Event
from tests.simulator import Server

from .common import ACCOUNT_REFRESH, DISTANT_REFRESH, Home, entity_id_of, state_of

type Reported = list[tuple[dict[str, Any], str]]


@pytest.fixture
def look() -> Callable[[Home], str]:
    """Return what a listener looks at when something is reported."""
    return lambda home: home.connectivity()


@pytest.fixture
async def reported(home: Home, look: Callable[[Home], str]) -> Reported:
    """Return what is reported from set-up on, with what the states were then."""
    await home.set_up()
    activity = entity_id_of(home.hass, "event", home.unique_id("activity"))
    events: Reported = []

    def listen(event: Event[Any]) -> None:
        state = event.data["new_state"]
        if event.data["entity_id"] == activity and state.attributes.get("event_type"):
            attributes = dict(state.attributes)
            del attributes["event_types"], attributes["friendly_name"]
            events.append((attributes, look(home)))

    home.hass.bus.async_listen("state_changed", listen)
    return events


def report(home: Home, kind: str, server: Server) -> dict[str, Any]:
    """Return what is reported of a server."""
    device_id = home.device(server).id
    return {"event_type": kind, "name": server.name, "device_id": device_id}


async def test_nothing_at_the_start(home: Home, reported: Reported) -> None:
    """Neither set-up nor a reload nor unchanged refreshes report anything."""
    await home.reload()
    await home.wait(ACCOUNT_REFRESH)
    await home.server.stop()
    await home.reload()
    assert home.connectivity() == "off"
    assert reported == []


async def test_server_offline_and_online(home: Home, reported: Reported) -> None:
    """A server that goes and comes back is reported once each, after its state."""
    await home.server.stop()
    await home.wait()
    await home.wait(DISTANT_REFRESH)
    assert reported == [(report(home, "server_offline", home.server), "off")]

    await home.server.start()
    await home.wait(DISTANT_REFRESH)
    await home.wait()
    assert reported[1:] == [(report(home, "server_online", home.server), "on")]


@pytest.mark.parametrize("look", [lambda home: home.state("sensor", "servers")])
async def test_server_added_and_removed(home: Home, reported: Reported) -> None:
    """A server that comes to the account and leaves it is reported once each."""
    cellar = await home.friend()
    await home.wait(ACCOUNT_REFRESH)
    added = report(home, "server_added", cellar)
    removed = report(home, "server_removed", cellar)
    assert reported == [(added, "2")]

    cellar.listed = False
    for _ in range(3):
        await home.wait(ACCOUNT_REFRESH)
    assert reported[1:] == [(removed, "1")]


async def test_server_lost(home: Home, reported: Reported) -> None:
    """An own server that leaves the list is off, and not removed."""
    await home.friend()
    await home.wait(ACCOUNT_REFRESH)
    reported.clear()
    home.server.listed = False
    for _ in range(3):
        await home.wait(ACCOUNT_REFRESH)
    assert reported == [(report(home, "server_offline", home.server), "off")]


@pytest.mark.parametrize("all_of_them", [True, False])
async def test_known_server_is_not_news(
    home: Home, reported: Reported, all_of_them: bool
) -> None:
    """A server that the first list after a start left out was never gone."""
    cellar = await home.friend()
    await home.press()
    assert [event["event_type"] for event, _ in reported] == ["server_added"]
    activity = home.unique_id("activity")
    reported_at = state_of(home.hass, "event", activity).state

    home.simulator.leave_out(cellar)
    if all_of_them:
        home.simulator.leave_out(home.server)
    await home.reload()
    await home.press()
    assert home.connectivity(cellar) == "on"
    assert state_of(home.hass, "event", activity).state == reported_at


@pytest.mark.parametrize(
    "look", [lambda home: home.state("sensor", "subscription_status")]
)
async def test_subscription_changed(home: Home, reported: Reported) -> None:
    """A subscription that changes is reported with its old and new status."""
    home.account.subscription["status"] = "Active"
    await home.wait(ACCOUNT_REFRESH)
    home.account.subscription["status"] = "PendingCancellation"
    await home.wait(ACCOUNT_REFRESH)
    home.account.subscription["status"] = "pending cancellation"
    await home.wait(ACCOUNT_REFRESH)
    home.account.extra = {"subscription": None}
    await home.wait(ACCOUNT_REFRESH)
    assert reported == [
        ({"event_type": "subscription_changed", "old": old, "new": new}, state)
        for old, new, state in (
            ("inactive", "active", "active"),
            ("active", "pending_cancellation", "pending_cancellation"),
            ("pending_cancellation", None, "unknown"),
        )
    ]
