"""The repairs, and the devices that may be deleted."""

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.setup import async_setup_component
from tests.simulator import Account, Connection, Server, Simulator

from .common import (
    ACCOUNT_REFRESH,
    DISTANT_REFRESH,
    DOMAIN,
    LOCAL_REFRESH,
    connectivity,
    device_of,
    pass_time,
    press_refresh,
    set_up,
    settle,
    state_of,
)


def issues(hass: HomeAssistant) -> list[tuple[str | None, str]]:
    """Return the kind of each issue and the server it is about."""
    return [
        (issue.translation_key, (issue.translation_placeholders or {})["server"])
        for issue in ir.async_get(hass).issues.values()
        if issue.domain == DOMAIN
    ]


def plain_connection(address: str) -> Connection:
    """Return a connection without encryption."""
    return Connection(
        uri=f"http://{address}:32400", protocol="http", address=address, port=32400
    )


async def test_insecure_only(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server that offers plain http only gets no token; a secure one ends that."""
    secure = server.connections
    server.connections = [plain_connection("192.168.1.2")]
    await set_up(hass, entry)
    assert issues(hass) == [("insecure_only", "Attic")]
    assert server.requests == []

    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert issues(hass) == [("insecure_only", "Attic")]

    server.connections = [*secure, *server.connections]
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert issues(hass) == []


async def test_server_lost_and_claimed_again(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """An owner is told of a server that left the list, until it is back."""
    cellar = await simulator.add_server(name="Cellar", owner=account, tls=True)
    await set_up(hass, entry)

    cellar.listed = False
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == [("server_lost", "Cellar")]

    cellar.listed = True
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == []


async def test_server_lost_for_good(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """With the device the repair goes as well."""
    cellar = await simulator.add_server(name="Cellar", owner=account, tls=True)
    await set_up(hass, entry)

    cellar.listed = False
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == []


async def test_shared_server_that_left(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server of somebody else can't be claimed, so there is nothing to repair."""
    grace = simulator.add_account(username="grace")
    cellar = await simulator.add_server(owner=grace, shared_with=[account], tls=True)
    await set_up(hass, entry)

    cellar.shared_with = []
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == []


async def test_only_server_lost(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """When no server is listed at all, an owner is told if that lasts."""
    await set_up(hass, entry)

    server.listed = False
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == []
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == [("server_lost", "Attic")]

    server.listed = True
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == []


async def test_password_reset(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """After a reset and a new sign-in the owner learns that the server is unclaimed."""
    await set_up(hass, entry)
    simulator.reset_password(account, "new password")
    await pass_time(hass, freezer, ACCOUNT_REFRESH)

    hass.config_entries.async_update_entry(
        entry,
        data={
            **entry.data,
            "token": simulator.sign_in(account, entry.data["client_identifier"]),
        },
    )
    await hass.config_entries.async_reload(entry.entry_id)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == [("server_lost", "Attic")]

    server.claimed = True
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == []


async def test_removal_of_the_entry_ends_repairs(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """Without the account there is nothing left to repair of it, but of others."""
    server.connections = [plain_connection("192.168.1.2")]
    await set_up(hass, entry)
    assert issues(hass)
    ir.async_create_issue(
        hass,
        "other",
        f"other_{entry.entry_id}_issue",
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key="other",
    )
    await hass.config_entries.async_remove(entry.entry_id)
    assert [issue.domain for issue in ir.async_get(hass).issues.values()] == ["other"]


async def test_disabling_the_entry_ends_repairs(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """Nobody looks whether they last while the account is disabled, but at a reload."""
    server.connections = [plain_connection("192.168.1.2")]
    await set_up(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    assert issues(hass) == [("insecure_only", "Attic")]
    await set_up(hass, entry)
    await hass.config_entries.async_set_disabled_by(
        entry.entry_id, ConfigEntryDisabler.USER
    )
    assert issues(hass) == []

    await hass.config_entries.async_set_disabled_by(entry.entry_id, None)
    await settle(hass)
    assert issues(hass) == [("insecure_only", "Attic")]


@pytest.mark.parametrize("listed", [True, False])
async def test_deleting_devices(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    listed: bool,
) -> None:
    """The device of a server can be deleted when Plex no longer lists it."""
    await async_setup_component(hass, "config", {})
    await set_up(hass, entry)
    server.listed = listed
    await press_refresh(hass, account)

    client = await hass_ws_client(hass)
    identifier = f"{account.uuid}_{server.machine_identifier}"
    answer = await client.remove_device(device_of(hass, entry, identifier))
    assert answer["success"] is not listed
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, identifier), entry.entry_id
    )
    assert (device is None) is not listed

    answer = await client.remove_device(device_of(hass, entry, account.uuid))
    assert answer["success"] is False

    activity = state_of(hass, "event", f"{account.uuid}_activity")
    assert activity.attributes["event_type"] == (None if listed else "server_removed")
    servers = state_of(hass, "sensor", f"{account.uuid}_servers")
    assert servers.state == ("1" if listed else "0")

    server.listed = True
    await press_refresh(hass, account)
    assert device_of(hass, entry, identifier)
    assert connectivity(hass, account, server) == "on"


async def test_deleting_devices_of_an_unloaded_entry(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """While the entry isn't loaded, nobody knows what Plex lists."""
    await async_setup_component(hass, "config", {})
    await set_up(hass, entry)
    server.listed = False
    await press_refresh(hass, account)
    await hass.config_entries.async_unload(entry.entry_id)

    client = await hass_ws_client(hass)
    device_id = device_of(hass, entry, f"{account.uuid}_{server.machine_identifier}")
    assert (await client.remove_device(device_id))["success"] is False

    await set_up(hass, entry)
    assert (await client.remove_device(device_id))["success"] is True


async def test_turns_insecure(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server that no longer offers a secure connection is off, though the old one works."""
    await set_up(hass, entry)
    secure = server.connections
    server.connections = [plain_connection("192.168.1.2")]
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert connectivity(hass, account, server) == "off"
    assert issues(hass) == [("insecure_only", "Attic")]

    server.connections = secure
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert connectivity(hass, account, server) == "on"
    assert issues(hass) == []


async def test_secure_connection_that_does_not_answer(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """The issue ends when a secure connection answers, not when one is promised."""
    secure = server.connections
    plain = plain_connection("192.168.1.2")
    server.connections = [plain]
    await set_up(hass, entry)
    server.connections = [
        plain,
        Connection("https://127.0.0.9:1", "https", "127.0.0.9", 1),
    ]
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == [("insecure_only", "Attic")]

    server.connections = secure
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == []


async def test_listed_again_between_two_refreshes(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A server that comes back in a list out of turn is lost no longer, and stays."""
    cellar = await simulator.add_server(name="Cellar", owner=account, tls=True)
    await set_up(hass, entry)
    cellar.listed = False
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == [("server_lost", "Cellar")]

    cellar.listed = True
    server.renew_certificate()
    await server.stop()
    await server.start()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert issues(hass) == []

    cellar.listed = False
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == [("server_lost", "Cellar")]
    cellar.listed = True
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == []
