"""A user who is not an administrator has no access."""

from playwright.async_api import Browser, expect
import pytest

from tests.e2e.client import Client
from tests.e2e.home_assistant import HomeAssistant

from . import pages
from .chromium import visit

RESIDENT = {"username": "resident", "password": "resident"}


@pytest.mark.usefixtures("entry_id")
async def test_resident(browser: Browser, home: HomeAssistant, owner: Client) -> None:
    """There is no link to the settings, and their URL redirects to the home page."""
    await owner.create_resident(**RESIDENT)
    async with visit(browser, home.url) as page:
        await pages.log_in(page, **RESIDENT)
        await expect(page.get_by_role("link", name="Overview")).to_be_visible()
        await expect(page.get_by_role("link", name="Settings")).to_have_count(0)
        for path in (pages.INTEGRATION, "/config/tools/action"):
            await page.goto(path)
            await page.wait_for_url("**/home*")
