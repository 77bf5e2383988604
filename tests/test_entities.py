"""The entities: which there are, what they say, and when they are unavailable."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from tests.simulator import ABSENT, Account, Server, Simulator

from .common import (
    ACCOUNT_REFRESH,
    DISTANT_REFRESH,
    DOMAIN,
    LOCAL_REFRESH,
    pass_time,
    set_up,
    settle,
    state_of,
)

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
    ("sensor", "servers", True, True),
    ("sensor", "home_size", True, False),
    ("sensor", "joined", True, False),
    ("event", "activity", False, True),
    ("button", "refresh", True, True),
}
SERVER_ENTITIES = {
    ("binary_sensor", "connectivity", False, True),
    ("sensor", "connection", True, True),
    ("sensor", "transient_token_expires", True, True),
    ("sensor", "last_seen", True, False),
    ("sensor", "owner", True, False),
}


async def test_entities(
    hass: HomeAssistant, entry: MockConfigEntry, account: Account, server: Server
) -> None:
    """Accounts and servers have the entities of the contract, under its ids."""
    await set_up(hass, entry)

    assert {
        (
            entity.domain,
            entity.unique_id,
            entity.entity_category == "diagnostic",
            entity.disabled_by is None,
        )
        for entity in er.async_entries_for_config_entry(
            er.async_get(hass), entry.entry_id
        )
    } == {
        (platform, f"{prefix}_{key}", diagnostic, enabled)
        for prefix, entities in (
            (account.uuid, ACCOUNT_ENTITIES),
            (f"{account.uuid}_{server.machine_identifier}", SERVER_ENTITIES),
        )
        for platform, key, diagnostic, enabled in entities
    }


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
            {"subscribedAt": "2020-02-03T04:05:06Z"},
            "sensor",
            "subscribed_since",
            "2020-02-03T04:05:06+00:00",
        ),
    ],
)
async def test_states_of_an_account(
    hass: HomeAssistant,
    all_enabled: None,
    entry: MockConfigEntry,
    account: Account,
    field: str,
    value: Any,
    platform: str,
    key: str,
    state: str,
) -> None:
    """Entities say what plex.tv says, and unknown where it says nothing of use."""
    account.extra = {field: value}
    await set_up(hass, entry)
    assert state_of(hass, platform, f"{account.uuid}_{key}").state == state


async def test_states_of_servers(
    hass: HomeAssistant,
    all_enabled: None,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """Servers say whose they are and when plex.tv saw them; in an outage as well."""
    grace = simulator.add_account(username="grace")
    cellar = await simulator.add_server(owner=grace, shared_with=[account], tls=True)
    hidden = simulator.add_account(username="hidden@example.com")
    attic = await simulator.add_server(owner=hidden, shared_with=[account], tls=True)
    server.extra = {"lastSeenAt": "2026-01-02T03:04:05Z"}
    await set_up(hass, entry)

    def check() -> None:
        for one, owner in ((server, "ada"), (cellar, "grace"), (attic, "unknown")):
            prefix = f"{account.uuid}_{one.machine_identifier}"
            assert state_of(hass, "sensor", f"{prefix}_owner").state == owner
        last_seen = f"{account.uuid}_{server.machine_identifier}_last_seen"
        assert state_of(hass, "sensor", last_seen).state == "2026-01-02T03:04:05+00:00"

    check()
    await simulator.stop_plex_tv()
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    check()


async def test_owner_with_an_address_as_title(
    hass: HomeAssistant,
    all_enabled: None,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """An account that the user has named by an e-mail address owns its servers unnamed."""
    hass.config_entries.async_update_entry(entry, title="ada@example.com")
    await set_up(hass, entry)
    owner = f"{account.uuid}_{server.machine_identifier}_owner"
    assert state_of(hass, "sensor", owner).state == "unknown"


async def test_last_seen_follows_the_list(
    hass: HomeAssistant,
    all_enabled: None,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """What the list says of a server is shown with the account's refresh."""
    await set_up(hass, entry)
    server.extra = {"lastSeenAt": "2026-01-02T03:04:05Z"}
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    last_seen = f"{account.uuid}_{server.machine_identifier}_last_seen"
    assert state_of(hass, "sensor", last_seen).state == "2026-01-02T03:04:05+00:00"


async def test_availability_of_server_entities(
    hass: HomeAssistant,
    all_enabled: None,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """While a server is off, only its connectivity says something."""
    await set_up(hass, entry)
    prefix = f"{account.uuid}_{server.machine_identifier}"

    def unavailable() -> set[str]:
        return {
            key
            for platform, key, *_ in SERVER_ENTITIES
            if state_of(hass, platform, f"{prefix}_{key}").state == "unavailable"
        }

    assert unavailable() == set()
    await server.stop()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert unavailable() == {
        "connection",
        "transient_token_expires",
        "last_seen",
        "owner",
    }
    assert state_of(hass, "binary_sensor", f"{prefix}_connectivity").state == "off"
    await server.start()
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert unavailable() == set()


async def test_availability_of_account_entities(
    hass: HomeAssistant,
    all_enabled: None,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
) -> None:
    """While plex.tv is out, only the activity is there."""
    await set_up(hass, entry)

    def available() -> set[str]:
        return {
            key
            for platform, key, *_ in ACCOUNT_ENTITIES
            if state_of(hass, platform, f"{account.uuid}_{key}").state != "unavailable"
        }

    assert len(available()) == len(ACCOUNT_ENTITIES)
    simulator.fault(status=503)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert available() == {"activity"}
    simulator.clear_faults()
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert len(available()) == len(ACCOUNT_ENTITIES)


async def test_unchanged_refresh_writes_nothing(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A refresh that finds nothing new changes no state."""
    await set_up(hass, entry)
    changes: list[str] = []
    hass.bus.async_listen(
        "state_changed", lambda event: changes.append(event.data["entity_id"])
    )
    for _ in range(3):
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await settle(hass)
    assert changes == []


async def test_names_are_translated(
    hass: HomeAssistant, entry: MockConfigEntry, account: Account, server: Server
) -> None:
    """Every entity has a name of its own and the key as its translation key."""
    await set_up(hass, entry)
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    for entity in entities:
        assert entity.platform == DOMAIN
        assert entity.original_name
        assert entity.has_entity_name
        assert entity.unique_id.endswith(f"_{entity.translation_key}")
