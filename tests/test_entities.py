"""The entities: which there are, what they say, and when they are unavailable."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
from syrupy.assertion import SnapshotAssertion

from tests.simulator import ABSENT, Server

from .common import ACCOUNT_REFRESH, DISTANT_REFRESH, Home

# platform, key, diagnostic, enabled by default
ACCOUNT_ENTITIES = {
    ("binary_sensor", "plex_pass", False, True),
    ("binary_sensor", "two_factor", True, True),
    ("binary_sensor", "email_confirmed", True, False),
    ("binary_sensor", "has_password", True, False),
    ("binary_sensor", "backup_codes_created", True, False),
    ("binary_sensor", "home_admin", True, False),
    ("binary_sensor", "guest", True, False),
    ("binary_sensor", "restricted", True, False),
    ("binary_sensor", "pin_protected", True, False),
    ("sensor", "subscription_status", False, True),
    ("sensor", "subscription_plan", False, True),
    ("sensor", "subscribed_since", False, True),
    ("sensor", "subscription_renews", False, True),
    ("sensor", "subscription_ends", False, True),
    ("sensor", "servers", True, True),
    ("sensor", "home_size", True, False),
    ("sensor", "joined", True, False),
    ("event", "activity", False, True),
    ("button", "refresh", True, True),
}
SERVER_ENTITIES = {
    ("binary_sensor", "connectivity", False, True),
    ("sensor", "connection", True, True),
    ("sensor", "transient_token_expires", True, False),
    ("sensor", "last_seen", True, False),
    ("sensor", "owner", True, False),
}
SINCE = "2020-02-03T04:05:06Z"
SINCE_IN_WORDS = "2020-02-03T04:05:06+00:00"
PENDING = "pending_cancellation"
SOON = int(datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp())
IN_WORDS = "2027-01-02T03:04:05+00:00"


async def test_entities(home: Home, snapshot: SnapshotAssertion) -> None:
    """Accounts and servers have the entities of the contract, and users know the names.

    As well as device classes, categories, units and options.
    """
    await home.set_up()
    assert {
        (
            entity.domain,
            entity.unique_id,
            entity.entity_category == "diagnostic",
            entity.disabled_by is None,
        )
        for entity in home.entities
    } == {
        (platform, home.unique_id(key, server), diagnostic, enabled)
        for server, contract in (
            (None, ACCOUNT_ENTITIES),
            (home.server, SERVER_ENTITIES),
        )
        for platform, key, diagnostic, enabled in contract
    }
    for entity in home.entities:
        assert entity.original_name
        assert entity.unique_id.endswith(f"_{entity.translation_key}")
    facts = {
        entity.entity_id: (
            entity.original_name,
            entity.original_device_class,
            entity.entity_category,
            entity.unit_of_measurement,
            *(entity.capabilities or {}).get("options", ()),
        )
        for entity in home.entities
    }
    assert {
        name: ", ".join(str(one) for one in known if one)
        for name, known in facts.items()
    } == snapshot


@pytest.mark.parametrize(
    ("key", "field", "states"),
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
    ],
)
async def test_states_of_an_account(
    all_enabled: None, home: Home, key: str, field: str, states: list[tuple[Any, str]]
) -> None:
    """Entities say what plex.tv says, and unknown where it says nothing of use."""
    await home.set_up()
    (platform,) = [row[0] for row in ACCOUNT_ENTITIES if row[1] == key]
    for value, state in states:
        home.account.extra = {field: value}
        await home.wait(ACCOUNT_REFRESH)
        assert home.state(platform, key) == state


@pytest.mark.parametrize(
    ("subscription", "key", "state"),
    [
        ({"active": True}, "plex_pass", "on"),
        ({"active": "0"}, "plex_pass", "off"),
        (None, "plex_pass", "unknown"),
        (ABSENT, "subscription_status", "unknown"),
        ({"status": "Active"}, "subscription_status", "active"),
        ({"status": "Inactive"}, "subscription_status", "inactive"),
        ({"status": "Canceled"}, "subscription_status", "canceled"),
        ({"status": "PendingCancellation"}, "subscription_status", PENDING),
        ({"status": "Pending Cancellation"}, "subscription_status", PENDING),
        ({"status": "pending_cancellation"}, "subscription_status", PENDING),
        ({"status": "Ended"}, "subscription_status", "ended"),
        ({"status": "Lapsed"}, "subscription_status", "lapsed"),
        ({"status": "Levitating"}, "subscription_status", "unknown"),
        ({"status": None}, "subscription_status", "unknown"),
        ({"plan": "yearly"}, "subscription_plan", "yearly"),
        ({"plan": None}, "subscription_plan", "unknown"),
        ({"plan": "x" * 300}, "subscription_plan", "x" * 100),
        ({"active": True, "subscribedAt": SINCE}, "subscribed_since", SINCE_IN_WORDS),
        ({"active": False, "subscribedAt": SINCE}, "subscribed_since", "unknown"),
    ],
)
async def test_subscription(
    home: Home, subscription: Any, key: str, state: str
) -> None:
    """The same holds for the subscription."""
    home.account.extra = {"subscription": subscription}
    await home.set_up()
    platform = "binary_sensor" if key == "plex_pass" else "sensor"
    assert home.state(platform, key) == state


@pytest.mark.parametrize(
    ("subscription", "renews", "ends"),
    [
        ({"plan": "yearly", "renews_at": SOON}, IN_WORDS, "unknown"),
        ({"plan": "yearly", "ends_at": SOON}, "unknown", IN_WORDS),
        ({"plan": "lifetime"}, "unknown", "unknown"),
        ({"plan": "lifetime", "renews_at": SOON}, "unknown", "unknown"),
        (None, "unknown", "unknown"),
    ],
    ids=str,
)
async def test_end_of_a_subscription(
    home: Home, subscription: dict[str, Any] | None, renews: str, ends: str
) -> None:
    """The sensors say when Plex Pass renews or ends, if it does."""
    if subscription:
        home.account.subscribe(**subscription)
    await home.set_up()
    assert home.state("sensor", "subscription_renews") == renews
    assert home.state("sensor", "subscription_ends") == ends


async def test_lapsed_subscription(home: Home) -> None:
    """A Plex Pass that is over says so, and not since when it was."""
    home.account.subscribe("yearly", renews_at=SOON)
    await home.set_up()
    assert home.plex_pass == "on"
    assert home.state("sensor", "subscribed_since") == "2014-02-28T00:00:00+00:00"
    home.account.lapse(since=1_393_545_600, ended_at=SOON)
    await home.wait(ACCOUNT_REFRESH)
    assert home.plex_pass == "off"
    for key in ("subscribed_since", "subscription_renews", "subscription_ends"):
        assert home.state("sensor", key) == "unknown"


async def test_what_the_list_says(all_enabled: None, home: Home) -> None:
    """Whose a server is and when it was seen keep their values in every outage."""
    cellar = await home.friend()
    hidden = home.simulator.add_account(username="hidden@example.com")
    loft = await home.simulator.add_server(owner=hidden, shared_with=[home.account])
    home.server.extra = {"lastSeenAt": SINCE}
    await home.set_up()

    def check(own: str = "ada", seen: str = SINCE_IN_WORDS) -> None:
        for server, owner in ((home.server, own), (cellar, "grace"), (loft, "unknown")):
            assert home.state("sensor", "owner", server) == owner
        assert home.state("sensor", "last_seen", home.server) == seen

    check()
    await home.simulator.stop_plex_tv()
    await home.wait(ACCOUNT_REFRESH)
    check()
    for server in (home.server, cellar, loft):
        await server.stop()
    await home.wait(DISTANT_REFRESH)
    assert home.connectivity() == "off"
    check()

    await home.simulator.start_plex_tv()
    home.server.extra = {"lastSeenAt": "2027-01-02T03:04:05Z"}
    await home.wait(ACCOUNT_REFRESH)
    check(seen=IN_WORDS)
    # A title that the user has given, but one that names nobody.
    home.hass.config_entries.async_update_entry(home.entry, title="ada@example.com")
    await home.reload()
    check(own="unknown", seen=IN_WORDS)


def unavailable(home: Home, server: Server | None = None) -> set[str]:
    """Return the entities of the account, or of a server, that are unavailable."""
    entities = SERVER_ENTITIES if server else ACCOUNT_ENTITIES
    return {
        key
        for platform, key, *_ in entities
        if home.state(platform, key, server) == "unavailable"
    }


async def test_availability(all_enabled: None, home: Home) -> None:
    """While a server or plex.tv is out, what it says itself is unavailable."""
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
    await home.wait(ACCOUNT_REFRESH)
    keys = {key for _, key, *_ in ACCOUNT_ENTITIES}
    assert unavailable(home) == keys - {"activity", "refresh"}
    home.simulator.clear_faults()
    await home.wait(ACCOUNT_REFRESH)
    assert unavailable(home) == set()


async def test_unchanged_refresh_writes_nothing(home: Home) -> None:
    """A refresh that finds nothing new changes no state."""
    await home.set_up()
    changes = async_capture_events(home.hass, "state_changed")
    for _ in range(3):
        await home.wait(ACCOUNT_REFRESH)
    assert changes == []
