"""What a person can fix is among the repairs until it is fixed."""

from playwright.async_api import Page, expect
import pytest

from tests.e2e.client import Client
from tests.simulator import Connection, Server

from . import pages
from .pictures import Gallery


@pytest.mark.usefixtures("entry_id")
async def test_no_secure_connection(
    page: Page, owner: Client, attic: Server, gallery: Gallery
) -> None:
    """A server that offers plain http only is told of until a secure connection answers."""
    secure = attic.connections
    attic.connections = [
        Connection("http://192.168.1.20:32400", "http", "192.168.1.20", 32400)
    ]
    await attic.stop()
    await owner.press(pages.REFRESH)
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
    await owner.press(pages.REFRESH)
    await expect(repair).to_have_count(0)
