"""The issues of servers, their fix flow, and the devices that may be deleted."""

from collections.abc import Awaitable, Callable
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.plex_account.markdown import escape
from homeassistant.components.repairs import RepairsFlowResult, repairs_flow_manager
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
        (issue.translation_key, (issue.translation_placeholders or {})["name"])
        for issue in ir.async_get(hass).issues.values()
        if issue.domain == DOMAIN
    ]


def plain_connection(address: str) -> Connection:
    """Return a connection without encryption."""
    return Connection(
        uri=f"http://{address}:32400", protocol="http", address=address, port=32400
    )


async def lose(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, server: Server
) -> None:
    """Let two lists in a row leave out a server."""
    server.listed = False
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == []
    await pass_time(hass, freezer, ACCOUNT_REFRESH)


type Fix = Callable[..., Awaitable[RepairsFlowResult]]


@pytest.fixture
async def fix(hass: HomeAssistant) -> Fix:
    """Return what takes a step in the fix flow of the only issue."""
    assert await async_setup_component(hass, "repairs", {})
    manager = repairs_flow_manager(hass)
    assert manager

    async def take(
        flow: RepairsFlowResult | None = None, **user_input: Any
    ) -> RepairsFlowResult:
        if flow:
            return await manager.async_configure(flow["flow_id"], user_input)
        [issue] = ir.async_get(hass).issues.values()
        return await manager.async_init(DOMAIN, context={"issue_id": issue.issue_id})

    return take


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


@pytest.fixture
async def lost(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> Server:
    """Return a server that an owner has been told to have lost."""
    cellar = await simulator.add_server(name="Cellar", owner=account, tls=True)
    await set_up(hass, entry)
    await lose(hass, freezer, cellar)
    assert issues(hass) == [("server_lost", "Cellar")]
    return cellar


def has_device(
    hass: HomeAssistant, entry: MockConfigEntry, account: Account, server: Server
) -> bool:
    """Return whether a server has a device."""
    identifier = (DOMAIN, f"{account.uuid}_{server.machine_identifier}")
    devices = dr.async_get(hass)
    return bool(devices.async_get_device_by_identifier(identifier, entry.entry_id))


async def test_server_lost_and_claimed_again(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
    lost: Server,
) -> None:
    """An owner is told of a server that left the list, until it is back."""
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert issues(hass) == [("server_lost", "Cellar")]
    assert has_device(hass, entry, account, lost)
    assert connectivity(hass, account, lost) == "off"

    lost.listed = True
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == []
    assert connectivity(hass, account, lost) == "on"


async def test_disabled_device(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
    lost: Server,
) -> None:
    """Of a server whose device is disabled an owner hears nothing."""
    devices = dr.async_get(hass)
    device_id = device_of(hass, entry, f"{account.uuid}_{lost.machine_identifier}")
    devices.async_update_device(device_id, disabled_by=dr.DeviceEntryDisabler.USER)
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == []

    devices.async_update_device(device_id, disabled_by=None)
    await settle(hass)
    assert issues(hass) == [("server_lost", "Cellar")]


async def test_fix_by_claiming(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    account: Account,
    lost: Server,
    fix: Fix,
) -> None:
    """The steps delete nothing, and the issue stays until the server is listed."""
    menu = await fix()
    assert menu["menu_options"] == ["claim", "delete"]
    steps = await fix(menu, next_step_id="claim")
    assert steps["errors"] is None
    steps = await fix(steps)
    assert steps["errors"] == {"base": "still_lost"}
    assert issues(hass) == [("server_lost", "Cellar")]

    lost.listed = True
    assert (await fix(steps))["type"] == "create_entry"
    assert issues(hass) == []
    assert has_device(hass, entry, account, lost)


async def test_fix_by_deleting(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    lost: Server,
    fix: Fix,
) -> None:
    """The device is deleted when that is confirmed and Plex can be asked."""
    form = await fix(await fix(), next_step_id="delete")
    assert has_device(hass, entry, account, lost)
    fault = simulator.fault(path="/resources", status=503)
    form = await fix(form)
    assert form["errors"] == {"base": "cannot_connect"}
    fault.remove()
    await hass.config_entries.async_unload(entry.entry_id)
    form = await fix(form)
    assert form["errors"] == {"base": "cannot_connect"}
    assert has_device(hass, entry, account, lost)
    await set_up(hass, entry)
    assert (await fix(form))["type"] == "create_entry"
    assert issues(hass) == []
    assert not has_device(hass, entry, account, lost)
    servers = state_of(hass, "sensor", f"{account.uuid}_servers")
    assert servers.state == "1"


async def test_fix_of_a_server_that_is_back(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    account: Account,
    lost: Server,
    fix: Fix,
) -> None:
    """A server that is listed by the time of the confirmation is not deleted."""
    form = await fix(await fix(), next_step_id="delete")
    lost.listed = True
    result = await fix(form)
    assert (result["type"], result["reason"]) == ("abort", "server_back")
    assert issues(hass) == []
    assert has_device(hass, entry, account, lost)


HOSTILE = "![x](http://a.b/c) <img src=x> www.a.b [y](z) *1* `2` &amp; # 3 - {{ 4 }}"


@pytest.mark.parametrize("kind", ["insecure_only", "server_lost"])
async def test_text_of_others(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    kind: str,
) -> None:
    """Names are plain text in what is Markdown, and ids name nobody."""
    cellar = await simulator.add_server(name=HOSTILE, owner=account, tls=True)
    if kind == "insecure_only":
        cellar.connections = [plain_connection("192.168.1.2")]
    hass.config_entries.async_update_entry(entry, title=HOSTILE)
    await set_up(hass, entry)
    if kind == "server_lost":
        await lose(hass, freezer, cellar)
    [issue] = ir.async_get(hass).issues.values()
    assert issue.translation_key == kind
    placeholders = issue.translation_placeholders
    assert placeholders
    assert placeholders["server"] == placeholders["account"] == escape(HOSTILE)
    for secret in (cellar.machine_identifier, account.uuid, str(account.id)):
        assert secret not in issue.issue_id
        assert secret not in str(issue.data)


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
    for _ in range(3):
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
        assert issues(hass) == []


async def test_only_server_unlisted(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """A list without servers may be a fault of plex.tv: it changes nothing."""
    await set_up(hass, entry)
    server.listed = False
    for _ in range(3):
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert issues(hass) == []
    assert connectivity(hass, account, server) == "on"


async def test_password_reset(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """After a reset and a new sign-in the owner learns that the server is unclaimed."""
    grace = simulator.add_account(username="grace")
    await simulator.add_server(owner=grace, shared_with=[account], tls=True)
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
    freezer: FrozenDateTimeFactory,
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
    if listed:
        assert answer["error"]["translation_key"] == "device_still_listed"
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, identifier), entry.entry_id
    )
    assert (device is None) is not listed

    answer = await client.remove_device(device_of(hass, entry, account.uuid))
    assert answer["error"]["translation_key"] == "account_device"

    activity = state_of(hass, "event", f"{account.uuid}_activity")
    assert activity.attributes["event_type"] == (None if listed else "server_removed")
    servers = state_of(hass, "sensor", f"{account.uuid}_servers")
    assert servers.state == ("1" if listed else "0")

    server.listed = True
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
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
    server: Server,
    lost: Server,
) -> None:
    """A server that comes back in a list out of turn is lost no longer, and stays."""
    lost.listed = True
    server.renew_certificate()
    await server.stop()
    await server.start()
    await pass_time(hass, freezer, LOCAL_REFRESH)
    assert issues(hass) == []

    await lose(hass, freezer, lost)
    assert issues(hass) == [("server_lost", "Cellar")]
