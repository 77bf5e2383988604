"""The entities: which there are, what they say, and when they are unavailable."""

from datetime import UTC, datetime
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from homeassistant.helpers import entity_registry as er
from tests.simulator import ABSENT

from .common import ACCOUNT_REFRESH, DISTANT_REFRESH, Home, settle

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


async def test_entities(home: Home) -> None:
    """Accounts and servers have the entities of the contract, under its ids."""
    await home.set_up()
    entities = er.async_entries_for_config_entry(
        er.async_get(home.hass), home.entry.entry_id
    )
    assert {
        (
            entity.domain,
            entity.unique_id,
            entity.entity_category == "diagnostic",
            entity.disabled_by is None,
        )
        for entity in entities
    } == {
        (platform, home.unique_id(key, server), diagnostic, enabled)
        for server, contract in (
            (None, ACCOUNT_ENTITIES),
            (home.server, SERVER_ENTITIES),
        )
        for platform, key, diagnostic, enabled in contract
    }
    for entity in entities:
        assert entity.original_name
        assert entity.unique_id.endswith(f"_{entity.translation_key}")


async def test_names_classes_and_categories(
    all_enabled: None, home: Home, snapshot: SnapshotAssertion
) -> None:
    """Names, device classes, categories, units and options are those users know."""
    await home.set_up()
    entities = er.async_entries_for_config_entry(
        er.async_get(home.hass), home.entry.entry_id
    )
    assert {
        entity.entity_id: ", ".join(
            str(one)
            for one in (
                entity.original_name,
                entity.original_device_class,
                entity.entity_category,
                entity.unit_of_measurement,
                *(entity.capabilities or {}).get("options", ()),
            )
            if one
        )
        for entity in entities
    } == snapshot


@pytest.mark.parametrize(
    ("field", "value", "platform", "key", "state"),
    [
        ("subscription", {"active": True}, "binary_sensor", "plex_pass", "on"),
        ("subscription", {"active": "0"}, "binary_sensor", "plex_pass", "off"),
        ("subscription", None, "binary_sensor", "plex_pass", "unknown"),
        ("subscription", ABSENT, "sensor", "subscription_status", "unknown"),
        ("twoFactorEnabled", True, "binary_sensor", "two_factor", "on"),
        ("twoFactorEnabled", False, "binary_sensor", "two_factor", "off"),
        ("confirmed", True, "binary_sensor", "email_confirmed", "on"),
        ("confirmed", 0, "binary_sensor", "email_confirmed", "off"),
        ("hasPassword", ABSENT, "binary_sensor", "has_password", "on"),
        ("hasPassword", False, "binary_sensor", "has_password", "off"),
        ("backupCodesCreated", True, "binary_sensor", "backup_codes_created", "on"),
        ("homeAdmin", True, "binary_sensor", "home_admin", "on"),
        ("guest", True, "binary_sensor", "guest", "on"),
        ("restricted", 1, "binary_sensor", "restricted", "on"),
        ("protected", "1", "binary_sensor", "pin_protected", "on"),
        ("homeSize", 4, "sensor", "home_size", "4"),
        ("homeSize", None, "sensor", "home_size", "unknown"),
        ("joinedAt", 1393545600, "sensor", "joined", "2014-02-28T00:00:00+00:00"),
        ("joinedAt", "soon", "sensor", "joined", "unknown"),
        *(
            ("subscription", {"status": status}, "sensor", "subscription_status", state)
            for status, state in (
                ("Active", "active"),
                ("Inactive", "inactive"),
                ("Canceled", "canceled"),
                ("PendingCancellation", "pending_cancellation"),
                ("Ended", "ended"),
                ("Lapsed", "lapsed"),
                ("Levitating", "unknown"),
                ("Pending Cancellation", "pending_cancellation"),
                ("pending_cancellation", "pending_cancellation"),
                (None, "unknown"),
            )
        ),
        ("subscription", {"plan": "yearly"}, "sensor", "subscription_plan", "yearly"),
        ("subscription", {"plan": None}, "sensor", "subscription_plan", "unknown"),
        (
            "subscription",
            {"plan": "x" * 300},
            "sensor",
            "subscription_plan",
            "x" * 100,
        ),
        (
            "subscription",
            {"active": True, "subscribedAt": "2020-02-03T04:05:06Z"},
            "sensor",
            "subscribed_since",
            "2020-02-03T04:05:06+00:00",
        ),
        (
            "subscription",
            {"active": False, "subscribedAt": "2020-02-03T04:05:06Z"},
            "sensor",
            "subscribed_since",
            "unknown",
        ),
    ],
)
async def test_states_of_an_account(
    all_enabled: None,
    home: Home,
    field: str,
    value: Any,
    platform: str,
    key: str,
    state: str,
) -> None:
    """Entities say what plex.tv says, and unknown where it says nothing of use."""
    home.account.extra = {field: value}
    await home.set_up()
    assert home.state(platform, key) == state


SOON = int(datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp())
IN_WORDS = "2027-01-02T03:04:05+00:00"


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
    attic = await home.simulator.add_server(
        owner=hidden, shared_with=[home.account], tls=True
    )
    home.server.extra = {"lastSeenAt": "2026-01-02T03:04:05Z"}
    await home.set_up()

    def check() -> None:
        for one, owner in (
            (home.server, "ada"),
            (cellar, "grace"),
            (attic, "unknown"),
        ):
            assert home.state("sensor", "owner", one) == owner
        seen = home.state("sensor", "last_seen", home.server)
        assert seen == "2026-01-02T03:04:05+00:00"

    check()
    await home.simulator.stop_plex_tv()
    await home.wait(ACCOUNT_REFRESH)
    check()
    for server in (home.server, cellar, attic):
        await server.stop()
    await home.wait(DISTANT_REFRESH)
    assert home.connectivity() == "off"
    check()

    await home.simulator.start_plex_tv()
    home.server.extra = {"lastSeenAt": "2026-02-03T04:05:06Z"}
    await home.wait(ACCOUNT_REFRESH)
    seen = home.state("sensor", "last_seen", home.server)
    assert seen == "2026-02-03T04:05:06+00:00"


async def test_owner_with_an_address_as_title(all_enabled: None, home: Home) -> None:
    """An account that the user has named by an email address owns its servers unnamed."""
    home.hass.config_entries.async_update_entry(home.entry, title="ada@example.com")
    await home.set_up()
    assert home.state("sensor", "owner", home.server) == "unknown"


async def test_availability_of_server_entities(all_enabled: None, home: Home) -> None:
    """While a server is off, what it says itself is unavailable."""
    await home.set_up()

    def unavailable() -> set[str]:
        return {
            key
            for platform, key, *_ in SERVER_ENTITIES
            if home.state(platform, key, home.server) == "unavailable"
        }

    assert unavailable() == set()
    await home.server.stop()
    await home.wait()
    assert unavailable() == {"connection", "transient_token_expires"}
    assert home.connectivity() == "off"
    await home.server.start()
    await home.wait(DISTANT_REFRESH)
    assert unavailable() == set()


async def test_availability_of_account_entities(all_enabled: None, home: Home) -> None:
    """While plex.tv is out, only the activity and the button are there."""
    await home.set_up()

    def available() -> set[str]:
        return {
            key
            for platform, key, *_ in ACCOUNT_ENTITIES
            if home.state(platform, key) != "unavailable"
        }

    assert len(available()) == len(ACCOUNT_ENTITIES)
    home.simulator.fault(status=503)
    await home.wait(ACCOUNT_REFRESH)
    assert available() == {"activity", "refresh"}
    home.simulator.clear_faults()
    await home.wait(ACCOUNT_REFRESH)
    assert len(available()) == len(ACCOUNT_ENTITIES)


async def test_unchanged_refresh_writes_nothing(home: Home) -> None:
    """A refresh that finds nothing new changes no state."""
    await home.set_up()
    changes: list[str] = []
    home.hass.bus.async_listen(
        "state_changed", lambda event: changes.append(event.data["entity_id"])
    )
    for _ in range(3):
        await home.wait(ACCOUNT_REFRESH)
    await settle(home.hass)
    assert changes == []
