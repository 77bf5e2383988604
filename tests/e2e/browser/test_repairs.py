"""Problems that a user can fix are listed as repairs until they are fixed."""

from playwright.async_api import Page, expect

from tests.e2e.client import Client
from tests.e2e.waiting import eventually
from tests.simulator import Account, Connection, Server, Simulator

from . import pages
from .pictures import Gallery


async def test_no_secure_connection(
    page: Page, owner: Client, entry_id: str, attic: Server, gallery: Gallery
) -> None:
    """A server that offers plain http only is an issue until a secure connection works."""
    secure = attic.connections
    attic.connections = [
        Connection("http://192.168.1.20:32400", "http", "192.168.1.20", 32400)
    ]
    await attic.stop()
    await owner.refresh(entry_id)
    await pages.go(page, "/config/repairs")
    repair = page.get_by_text("Attic has no secure connection")
    await repair.click()
    dialog = page.locator("dialog-repairs-issue")
    await expect(dialog).to_contain_text(
        "Set Secure connections to Preferred or Required"
    )
    await gallery.take("repair", dialog.locator("dialog"))
    await page.keyboard.press("Escape")
    await expect(repair).to_have_count(1)
    attic.connections = secure
    await attic.start()
    await owner.refresh(entry_id)
    await expect(repair).to_have_count(0)


async def test_lost_server(
    page: Page,
    owner: Client,
    entry_id: str,
    simulator: Simulator,
    ada: Account,
    attic: Server,
) -> None:
    """The device of a server that has left the account is deleted with a button."""
    hut = await simulator.add_server(name="Hut", owner=ada, tls=True)
    attic.listed = False
    repair = page.get_by_text("Attic is no longer part of your Plex account")

    async def repairs() -> int:
        await owner.refresh(entry_id)
        return len((await owner.command("repairs/list_issues"))["issues"])

    await eventually("the repairs", repairs, bool)
    await pages.go(page, "/config/repairs")
    await repair.click()
    dialog = pages.Dialog(page)
    await dialog.choose("Claim the server again")
    await dialog.press("Check now")
    await dialog.expect_text("Plex doesn't list the server yet.")
    await dialog.press("Close")
    await expect(dialog.window).to_have_count(0)
    await repair.click()
    await dialog.choose("Delete the device")
    await dialog.press("Delete")
    await dialog.expect_text("The issue is repaired!")
    await dialog.press("Finish")
    await expect(repair).to_have_count(0)
    names = {device["name"] for device in await owner.devices(entry_id)}
    assert names == {"Plex Ada", "Hut"}
    attic.listed = True
    simulator.servers.remove(hut)
    await hut.stop()
