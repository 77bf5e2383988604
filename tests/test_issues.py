"""The issues of servers, their repair flow, and the devices that may be deleted."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.plex_account.markdown import escape
from homeassistant.components.repairs import RepairsFlowResult, repairs_flow_manager
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from tests.simulator import Connection, Server

from .common import CLIENT_IDENTIFIER, DISTANT_REFRESH, DOMAIN, Home, state_of

PLAIN = Connection("http://192.168.1.2:32400", "http", "192.168.1.2", 32400)
NOBODY = Connection("https://127.0.0.9:1", "https", "127.0.0.9", 1)
INSECURE = ("insecure_only", "Attic")
LOST = ("server_lost", "Cellar")
HOSTILE = "![x](http://a.b/c) <img src=x> www.a.b [y](z) *1* `2` &amp; # 3 - {{ 4 }}"


async def fix(
    home: Home, flow: RepairsFlowResult | None = None, **user_input: Any
) -> RepairsFlowResult:
    """Perform a step in the repair flow of the only issue."""
    assert await async_setup_component(home.hass, "repairs", {})
    manager: Any = repairs_flow_manager(home.hass)
    if flow:
        return await manager.async_configure(flow["flow_id"], user_input)
    [issue] = ir.async_get(home.hass).issues.values()
    return await manager.async_init(DOMAIN, context={"issue_id": issue.issue_id})


@pytest.fixture
async def lost(home: Home) -> Server:
    """Return a server that was reported to its owner as lost."""
    cellar = await home.own("Cellar")
    await home.set_up()
    cellar.listed = False
    await home.refresh(2)
    assert home.issues() == [LOST]
    return cellar


async def test_insecure_only(home: Home) -> None:
    """A server that offers plain http only is off until it has a secure connection."""
    secure = home.server.connections
    home.server.connections = [PLAIN]
    await home.set_up()
    assert home.issues() == [INSECURE]
    assert home.server.requests == []
    await home.wait(DISTANT_REFRESH)
    assert home.issues() == [INSECURE]
    home.server.connections = [PLAIN, NOBODY]
    await home.refresh()
    assert home.issues() == [INSECURE]
    home.server.connections = [*secure, PLAIN]
    await home.refresh()
    assert home.connectivity() == "on"
    assert home.issues() == []

    home.server.connections = [PLAIN]
    await home.refresh()
    assert home.connectivity() == "off"
    assert home.issues() == [INSECURE]
    home.server.connections = secure
    await home.refresh()
    assert home.connectivity() == "on"
    assert home.issues() == []


async def test_fix_by_claiming(home: Home, lost: Server) -> None:
    """The steps delete nothing, and the issue stays until the server is listed."""
    menu = await fix(home)
    assert menu["menu_options"] == ["claim", "delete"]
    steps = await fix(home, menu, next_step_id="claim")
    assert steps["errors"] is None
    steps = await fix(home, steps)
    assert steps["errors"] == {"base": "still_lost"}
    assert home.issues() == [LOST]
    lost.listed = True
    assert (await fix(home, steps))["type"] == "create_entry"
    assert home.issues() == []
    assert home.find_device(lost)


async def test_fix_by_deleting(home: Home, lost: Server) -> None:
    """The device is deleted after confirmation if Plex can be asked and doesn't list it."""
    form = await fix(home, await fix(home), next_step_id="delete")
    lost.listed = True
    result = await fix(home, form)
    assert (result["type"], result["reason"]) == ("abort", "server_back")
    assert home.issues() == []
    assert home.find_device(lost)
    lost.listed = False
    await home.refresh(2)
    assert home.issues() == [LOST]

    form = await fix(home, await fix(home), next_step_id="delete")
    assert home.find_device(lost)
    fault = home.simulator.fault(path="/resources", status=503)
    form = await fix(home, form)
    assert form["errors"] == {"base": "cannot_connect"}
    fault.remove()
    await home.unload()
    form = await fix(home, form)
    assert form["errors"] == {"base": "cannot_connect"}
    assert home.find_device(lost)
    await home.set_up()
    assert (await fix(home, form))["type"] == "create_entry"
    assert home.issues() == []
    assert home.find_device(lost) is None
    assert home.state("sensor", "servers") == "1"


async def test_text_of_others(home: Home) -> None:
    """Names are escaped in Markdown, and issue IDs identify nobody."""
    cellar, loft = await home.own(HOSTILE), await home.own(HOSTILE)
    cellar.connections = [PLAIN]
    home.hass.config_entries.async_update_entry(home.entry, title=HOSTILE)
    await home.set_up()
    loft.listed = False
    await home.refresh(2)
    assert {kind for kind, _ in home.issues()} == {"insecure_only", "server_lost"}
    secrets = [cellar.machine_identifier, loft.machine_identifier, home.account.uuid]
    for issue in ir.async_get(home.hass).issues.values():
        placeholders = issue.translation_placeholders or {}
        assert placeholders["server"] == placeholders["account"] == escape(HOSTILE)
        for secret in (*secrets, str(home.account.id)):
            assert secret not in issue.issue_id
            assert secret not in str(issue.data)


async def test_password_reset(home: Home) -> None:
    """After a password reset and a new sign-in, the owner learns that the server is unclaimed."""
    await home.friend()
    await home.set_up()
    home.simulator.reset_password(home.account, "new password")
    await home.refresh()
    token = home.simulator.sign_in(home.account, CLIENT_IDENTIFIER)
    home.update_entry(token=token)
    await home.reload()
    await home.refresh(2)
    assert home.issues() == [("server_lost", "Attic")]
    home.server.claimed = True
    await home.refresh()
    assert home.issues() == []


async def test_end_of_the_entry_ends_issues(home: Home) -> None:
    """Issues end when an account is disabled or removed, but persist across a reload."""
    home.server.connections = [PLAIN]
    await home.set_up()
    await home.unload()
    assert home.issues() == [INSECURE]
    await home.set_up()
    disable = home.hass.config_entries.async_set_disabled_by
    await disable(home.entry.entry_id, ConfigEntryDisabler.USER)
    assert home.issues() == []
    await disable(home.entry.entry_id, None)
    await home.settle()
    assert home.issues() == [INSECURE]

    options: dict[str, Any] = {"is_fixable": False, "translation_key": "other"}
    options["severity"] = ir.IssueSeverity.WARNING
    ir.async_create_issue(home.hass, "other", home.entry.entry_id, **options)
    await home.remove()
    issues = ir.async_get(home.hass).issues.values()
    assert [issue.domain for issue in issues] == ["other"]


async def test_listed_again_between_two_refreshes(home: Home, lost: Server) -> None:
    """A server that reappears in an unscheduled list is no longer lost, and is kept."""
    lost.listed = True
    home.server.renew_certificate()
    await home.server.restart()
    await home.wait()
    assert home.issues() == []
    lost.listed = False
    await home.refresh()
    assert home.issues() == []
    await home.refresh()
    assert home.issues() == [LOST]


@pytest.mark.parametrize(("only", "lists"), [(True, 1), (False, 1), (False, 2)])
async def test_deleting_devices(
    home: Home, hass_ws_client: WebSocketGenerator, only: bool, lists: int
) -> None:
    """The device of a server that Plex no longer lists can be deleted permanently."""
    await async_setup_component(home.hass, "config", {})
    if not only:
        await home.own()
    await home.set_up()

    async def refusal(server: Server | None = None) -> str | None:
        """Try to delete a device, and return the reason for the refusal."""
        client = await hass_ws_client(home.hass)
        answer = await client.remove_device(home.device(server).id)
        return None if answer["success"] else answer["error"]["translation_key"]

    def last_activity() -> str | None:
        activity = home.unique_id("activity")
        return state_of(home.hass, "event", activity).attributes["event_type"]

    assert await refusal() == "account_device"
    assert await refusal(home.server) == "device_still_listed"
    await home.unload()
    assert await refusal(home.server) == "service_config_entry_not_loaded"
    await home.set_up()
    home.server.listed = False
    for _ in range(lists):
        await home.wait(timedelta(minutes=11))
        await home.press()
    assert len(home.issues()) == lists - 1
    assert last_activity() != "server_removed"
    assert await refusal(home.server) is None
    await home.settle()
    assert last_activity() == "server_removed"
    assert home.state("sensor", "servers") == ("0" if only else "1")
    assert home.issues() == []
    await home.simulator.stop_plex_tv()
    await home.reload()
    assert home.find_device(home.server) is None

    await home.simulator.start_plex_tv()
    home.server.listed = True
    await home.refresh()
    assert home.connectivity() == "on"
