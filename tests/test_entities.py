"""Which entities exist, their states, and when they are unavailable."""

from datetime import UTC, datetime
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.simulator import ABSENT, Server

from .common import DISTANT_REFRESH, Home

SOON = int(datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp())
IN_WORDS = "2027-01-02T03:04:05+00:00"
SINCE = "2020-02-03T04:05:06+00:00"
ACTIVE = {"active": True, "subscribedAt": "2020-02-03T04:05:06Z"}
OVER = ACTIVE | {"active": False}
PLANS = {"yearly": "yearly", None: "unknown", "x" * 300: "x" * 100}
STATUSES = {
    "Active": "active",
    "Inactive": "inactive",
    "Canceled": "canceled",
    "Ended": "ended",
    "Lapsed": "lapsed",
    "PendingCancellation": "pending_cancellation",
    "Pending Cancellation": "pending_cancellation",
    "pending_cancellation": "pending_cancellation",
    "Levitating": "unknown",
    None: "unknown",
}


def states(home: Home, server: Server | None = None) -> dict[str, str]:
    """Return the states of the account or of a server, by entity key."""
    return {
        key: home.state(entity.domain, key, server)
        for entity in home.entities
        if (key := entity.translation_key)
        and entity.unique_id == home.unique_id(key, server)
    }


async def test_entities(home: Home, snapshot: SnapshotAssertion) -> None:
    """Accounts and servers have the expected entities, as users know them."""
    await home.set_up()
    devices = {home.device(server).id: server for server in (None, home.server)}
    for entity in home.entities:
        assert entity.translation_key and entity.device_id
        server = devices[entity.device_id]
        assert entity.unique_id == home.unique_id(entity.translation_key, server)
    assert {
        entity.entity_id: ", ".join(
            str(one)
            for one in (
                entity.translation_key,
                entity.original_name,
                "off by default" if entity.disabled_by else None,
                entity.original_device_class,
                entity.entity_category,
                entity.unit_of_measurement,
                *(entity.capabilities or {}).get("options", ()),
            )
            if one
        )
        for entity in home.entities
    } == snapshot


@pytest.mark.parametrize(
    ("key", "field", "values"),
    [
        ("two_factor", "twoFactorEnabled", [(True, "on"), (False, "off")]),
        ("email_confirmed", "confirmed", [(True, "on"), (0, "off")]),
        ("has_password", "hasPassword", [(ABSENT, "on"), (False, "off")]),
        ("backup_codes_created", "backupCodesCreated", [(True, "on")]),
        ("home_admin", "homeAdmin", [(True, "on")]),
        ("guest", "guest", [(True, "on")]),
        ("restricted", "restricted", [(1, "on")]),
        ("pin_protected", "protected", [("1", "on")]),
        ("home_size", "homeSize", [(4, "4"), (None, "unknown")]),
        ("joined", "joinedAt", [(SOON, IN_WORDS), ("soon", "unknown")]),
        ("plex_pass", "subscription", [(None, "unknown")]),
        ("plex_pass", "subscription.active", [(True, "on"), ("0", "off")]),
        ("subscription_status", "subscription", [(ABSENT, "unknown")]),
        ("subscription_status", "subscription.status", STATUSES.items()),
        ("subscription_plan", "subscription.plan", PLANS.items()),
        ("subscribed_since", "subscription", [(ACTIVE, SINCE), (OVER, "unknown")]),
    ],
)
async def test_states(
    all_enabled: None, home: Home, key: str, field: str, values: list[tuple[Any, str]]
) -> None:
    """Entities show the data from plex.tv, or unknown if it is unusable."""
    await home.set_up()
    for value, state in values:
        name, _, inner = field.partition(".")
        home.account.extra = {name: {inner: value} if inner else value}
        await home.refresh()
        assert states(home)[key] == state


async def test_end_of_a_subscription(home: Home) -> None:
    """The sensors show since when a Plex Pass has existed, and if and when it renews or ends."""
    await home.set_up()
    keys = ("subscribed_since", "subscription_renews", "subscription_ends")
    none = "unknown"

    async def shown() -> list[str]:
        await home.refresh()
        return [home.plex_pass, *(home.state("sensor", key) for key in keys)]

    assert await shown() == ["off", none, none, none]
    since = "2014-02-28T00:00:00+00:00"
    home.account.subscribe("lifetime")
    assert await shown() == ["on", since, none, none]
    home.account.subscribe("lifetime", renews_at=SOON)
    assert await shown() == ["on", since, none, none]
    home.account.subscribe("yearly", ends_at=SOON)
    assert await shown() == ["on", since, none, IN_WORDS]
    home.account.subscribe("yearly", renews_at=SOON)
    assert await shown() == ["on", since, IN_WORDS, none]
    home.account.lapse(since=1_393_545_600, ended_at=SOON)
    assert await shown() == ["off", none, none, none]


async def test_what_the_list_says(all_enabled: None, home: Home) -> None:
    """Ownership and the last-seen time of a server keep their values during every outage."""
    cellar = await home.friend()
    hidden = home.simulator.add_account(username="hidden@example.com")
    loft = await home.simulator.add_server(owner=hidden, shared_with=[home.account])
    home.server.extra = {"lastSeenAt": "2020-02-03T04:05:06Z"}
    await home.set_up()

    def check(own: str = "ada", seen: str = SINCE) -> None:
        for server, owner in ((home.server, own), (cellar, "grace"), (loft, "unknown")):
            assert home.state("sensor", "owner", server) == owner
        assert home.state("sensor", "last_seen", home.server) == seen

    check()
    await home.simulator.stop_plex_tv()
    await home.refresh()
    check()
    for server in (home.server, cellar, loft):
        await server.stop()
    await home.wait(DISTANT_REFRESH)
    assert home.connectivity() == "off"
    check()

    await home.simulator.start_plex_tv()
    home.server.extra = {"lastSeenAt": "2027-01-02T03:04:05Z"}
    await home.refresh()
    check(seen=IN_WORDS)
    # A title given by the user that identifies nobody.
    home.hass.config_entries.async_update_entry(home.entry, title="ada@example.com")
    await home.reload()
    check(own="unknown", seen=IN_WORDS)


def unavailable(home: Home, server: Server | None = None) -> set[str]:
    """Return the entities of the account, or of a server, that are unavailable."""
    shown = states(home, server)
    return {key for key in shown if shown[key] == "unavailable"}


async def test_availability(all_enabled: None, home: Home) -> None:
    """During an outage of a server or plex.tv, only their own data is unavailable."""
    await home.set_up()
    assert unavailable(home, home.server) == unavailable(home) == set()
    await home.server.stop()
    await home.wait()
    off = {"connection", "transient_token_expires"}
    assert unavailable(home, home.server) == off
    assert home.connectivity() == "off"
    await home.server.start()
    await home.wait(DISTANT_REFRESH)
    assert unavailable(home, home.server) == set()

    home.simulator.fault(status=503)
    await home.refresh()
    assert states(home).keys() - unavailable(home) == {"activity", "refresh"}
    home.simulator.clear_faults()
    await home.refresh()
    assert unavailable(home) == set()
