"""Actions are performed in the tools."""

from playwright.async_api import Page, expect
import pytest

from . import pages
from .pictures import Gallery

TOOL = "/config/tools/action?service=plex_account."


@pytest.mark.usefixtures("entry_id")
async def test_source_connection_information(page: Page, gallery: Gallery) -> None:
    """The response is shown below the form."""
    await page.set_viewport_size({"width": 800, "height": 1400})
    await pages.go(page, f"{TOOL}get_source_connection_information")
    await page.get_by_role("button", name="Select a device").click()
    await page.get_by_role("option", name="Attic").click()
    perform = page.locator("ha-progress-button")
    tick = perform.locator("ha-svg-icon")
    await perform.click()
    await expect(tick).to_be_visible()
    response = page.locator("ha-code-editor")
    await expect(response).to_contain_text("name: Attic")
    await expect(response).to_contain_text("access_token: transient-")
    await expect(tick).to_have_count(0)
    # A value is an element of its own once it is coloured, the last one at last.
    await expect(response.get_by_text("false", exact=True)).to_be_visible()
    await gallery.take("action", page.locator("ha-card"))
