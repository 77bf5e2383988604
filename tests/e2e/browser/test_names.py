"""Names of other users' servers and accounts are shown as plain text everywhere."""

from collections.abc import AsyncIterator

from playwright.async_api import Locator, Page, expect
import pytest

from tests.e2e.client import Client, CommandError
from tests.e2e.waiting import eventually
from tests.e2e.world import MARKUP
from tests.simulator import Account, Server, Simulator

from . import pages
from .test_renewal import REFUSED

# The actions tool shows this as plain text, but toasts render Markdown.
ESCAPED = MARKUP.translate({ord(one): f"\\{one}" for one in "[]<>"}).replace(
    "://", "\\://"
)


async def expect_plain(host: Locator, text: str = MARKUP) -> None:
    """Wait until the whole name is shown literally, without any side effects."""
    await expect(host).to_contain_text(text)
    await expect(
        host.locator("[href*='127.0.0.1:9'], [src*='127.0.0.1:9']")
    ).to_have_count(0)


@pytest.fixture
async def entry_id(
    simulator: Simulator,
    ada: Account,
    attic: Server,
    owner: Client,
    provoked: list[str],
) -> AsyncIterator[str]:
    """Return the entry of an account with the same name as its server."""
    name, attic.name, ada.friendly_name = attic.name, MARKUP, MARKUP
    hut = await simulator.add_server(name="Hut", owner=ada, tls=True)
    yield await owner.add_account(ada.username, ada.password, ada.code)
    attic.name, ada.friendly_name, attic.listed = name, "Ada", True
    await attic.start()
    simulator.servers.remove(hut)
    await hut.stop()
    await owner.request("POST", "services/persistent_notification/dismiss_all", {})


async def test_repair(page: Page, owner: Client, entry_id: str, attic: Server) -> None:
    """A repair, its steps, and its notices show plain names."""
    attic.listed = False

    async def repairs() -> set[str]:
        await owner.refresh(entry_id)
        found = await owner.command("repairs/list_issues")
        return {issue["translation_key"] for issue in found["issues"]}

    await eventually("the repairs", repairs, lambda found: "server_lost" in found)
    await pages.go(page, "/config/repairs")
    await expect_plain(page.locator("ha-config-repairs"))
    await page.locator("ha-config-repairs").get_by_text(MARKUP).click()
    dialog = pages.Dialog(page)
    await expect_plain(dialog.host)
    await dialog.choose("Delete the device")
    await expect_plain(dialog.host)
    attic.listed = True
    await dialog.press("Delete")
    await dialog.expect_text("nothing was deleted")
    await expect_plain(dialog.host)


async def test_errors(page: Page, owner: Client, entry_id: str, attic: Server) -> None:
    """The error of an action, and of deleting a device, show plain names."""
    await attic.stop()
    await owner.refresh(entry_id)
    await pages.go(
        page, "/config/tools/action?service=plex_account.get_transient_token"
    )
    await page.get_by_role("button", name="Select a device").click()
    await page.get_by_role("option").filter(has_text=MARKUP).first.click()
    await page.locator("ha-progress-button").click()
    await expect_plain(page.locator("ha-alert"), ESCAPED)
    await pages.go(page, pages.INTEGRATION)
    row = pages.device(page, MARKUP).first
    await expect_plain(row)
    await row.get_by_role("button", name="Menu", exact=True).click()
    await page.get_by_role("menuitem", name="Remove device").click()
    box = page.locator("dialog-box")
    await box.get_by_role("button", name="Delete").click()
    await expect_plain(box.last)


async def test_notifications(
    page: Page,
    owner: Client,
    entry_id: str,
    simulator: Simulator,
    ada: Account,
    attic: Server,
    provoked: list[str],
) -> None:
    """Notifications of blueprints and the reauth show plain names."""
    server = await owner.device_id(entry_id, MARKUP)
    account = await owner.device_id(entry_id, f"Plex {MARKUP}")
    for name, inputs in (
        ("server_offline", {"servers": [server], "offline_for": {"seconds": 0}}),
        ("token_rejected", {"accounts": [account]}),
    ):
        blueprint = {"path": f"plex_account/{name}.yaml", "input": inputs}
        await owner.request(
            "POST",
            f"config/automation/config/{name}",
            {"alias": name, "use_blueprint": blueprint},
        )
    await attic.stop()
    await owner.refresh(entry_id)
    simulator.revoke(ada)
    with pytest.raises(CommandError):
        await owner.refresh(entry_id)
    provoked.append(REFUSED)
    await pages.go(page, pages.DASHBOARD)
    for title in ("Plex server offline", "Plex sign-in required"):
        await expect_plain(await pages.notification(page, title))
    for name in ("server_offline", "token_rejected"):
        await owner.request("DELETE", f"config/automation/config/{name}")
    await pages.go(page, pages.DASHBOARD)
    await page.get_by_role("button", name="Reconfigure").click()
    await expect_plain(pages.Dialog(page).host)
