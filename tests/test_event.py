"""The activity event of an account: each change is reported once, after its states."""

from typing import Any

import pytest

from homeassistant.core import Event
from tests.simulator import Server

from .common import DISTANT_REFRESH, Home, entity_id_of

type Reported = list[tuple[dict[str, Any], tuple[str, str, str]]]


@pytest.fixture
async def reported(home: Home) -> Reported:
    """Return the events since setup, with the states at that time."""
    await home.set_up()
    activity = entity_id_of(home.hass, "event", home.unique_id("activity"))
    events: Reported = []

    def listen(event: Event[Any]) -> None:
        state = event.data["new_state"]
        if event.data["entity_id"] == activity and state.attributes.get("event_type"):
            attributes = dict(state.attributes)
            del attributes["event_types"], attributes["friendly_name"]
            status = home.state("sensor", "subscription_status")
            servers = home.state("sensor", "servers")
            events.append((attributes, (home.connectivity(), servers, status)))

    home.hass.bus.async_listen("state_changed", listen)
    return events


def report(home: Home, kind: str, server: Server) -> dict[str, Any]:
    """Return the event of a server."""
    device_id = home.device(server).id
    return {"event_type": kind, "name": server.name, "device_id": device_id}


async def test_server_online_and_offline(home: Home, reported: Reported) -> None:
    """A server going offline and coming back is reported once each, but not at startup."""
    await home.reload()
    await home.refresh()
    await home.server.stop()
    await home.reload()
    assert home.connectivity() == "off"
    assert reported == []

    await home.server.start()
    await home.wait(DISTANT_REFRESH)
    await home.wait()
    online = report(home, "server_online", home.server), ("on", "1", "inactive")
    assert reported == [online]
    await home.server.stop()
    await home.wait()
    await home.wait(DISTANT_REFRESH)
    offline = report(home, "server_offline", home.server), ("off", "1", "inactive")
    assert reported == [online, offline]


async def test_server_added_and_removed(home: Home, reported: Reported) -> None:
    """An added or removed server is reported once each; an owned one only goes offline."""
    cellar = await home.friend()
    await home.refresh()
    added = report(home, "server_added", cellar), ("on", "2", "inactive")
    removed = report(home, "server_removed", cellar), ("on", "1", "inactive")
    assert reported == [added]
    cellar.listed = False
    await home.refresh(3)
    assert reported == [added, removed]

    cellar.listed = True
    await home.refresh()
    reported.clear()
    home.server.listed = False
    await home.refresh(3)
    offline = report(home, "server_offline", home.server), ("off", "2", "inactive")
    assert reported == [offline]


@pytest.mark.parametrize("all_of_them", [True, False])
async def test_known_server_is_not_news(
    home: Home, reported: Reported, all_of_them: bool
) -> None:
    """A server that was only missing from the first list after a start is not reported."""
    cellar = await home.friend()
    await home.press()
    assert [event["event_type"] for event, _ in reported] == ["server_added"]
    reported_at = home.state("event", "activity")

    home.simulator.leave_out(cellar)
    if all_of_them:
        home.simulator.leave_out(home.server)
    await home.reload()
    await home.press()
    assert home.connectivity(cellar) == "on"
    assert home.state("event", "activity") == reported_at


async def test_subscription_changed(home: Home, reported: Reported) -> None:
    """A changed subscription is reported with its old and new status."""
    for status in ("Active", "PendingCancellation", "pending cancellation"):
        home.account.subscription["status"] = status
        await home.refresh()
    home.account.extra = {"subscription": None}
    await home.refresh()
    assert [(event, shown) for event, (*_, shown) in reported] == [
        ({"event_type": "subscription_changed", "old": old, "new": new}, state)
        for old, new, state in (
            ("inactive", "active", "active"),
            ("active", "pending_cancellation", "pending_cancellation"),
            ("pending_cancellation", None, "unknown"),
        )
    ]
