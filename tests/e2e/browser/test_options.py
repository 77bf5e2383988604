"""A switch in the options leaves out shared servers."""

from collections.abc import AsyncIterator

from playwright.async_api import Page, expect
import pytest

from tests.simulator import Account, Server, Simulator

from . import pages
from .pictures import Gallery


@pytest.fixture
async def cellar(
    simulator: Simulator, ada: Account, grace: Account
) -> AsyncIterator[Server]:
    """Return a server that Grace owns and that is shared with Ada."""
    cellar = await simulator.add_server(
        name="Cellar", owner=grace, shared_with=(ada,), tls=True
    )
    yield cellar
    simulator.servers.remove(cellar)
    await cellar.stop()


@pytest.mark.usefixtures("cellar", "entry_id")
async def test_shared_servers(page: Page, gallery: Gallery) -> None:
    """The device of a shared server is removed, and comes back."""
    await pages.go(page, pages.INTEGRATION)
    cellar = pages.device(page, "Cellar")
    await expect(cellar).to_be_visible()
    dialog = pages.Dialog(page)
    for shown in (0, 1):
        configure = pages.entry(page, "Ada").get_by_role("button", name="Configure")
        await configure.click()
        await dialog.expect_text("Include servers shared with you")
        if not shown:
            await gallery.take("options", dialog.window)
        await dialog.switch()
        await dialog.submit()
        await dialog.press("Finish")
        await expect(cellar).to_have_count(shown)
    await expect(pages.device(page, "Attic")).to_be_visible()
