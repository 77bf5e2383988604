"""Accounts are removed by clicking."""

from playwright.async_api import Page, expect
import pytest

from tests.simulator import Account

from . import pages


@pytest.mark.usefixtures("entry_id")
async def test_removal(page: Page, ada: Account) -> None:
    """The account is removed, and its token is signed out."""
    assert ada.tokens
    await pages.go(page, pages.INTEGRATION)
    await pages.choose_from_menu(page, "Ada", "Delete")
    await page.locator("dialog-box").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("No entries")).to_be_visible()
    await expect(pages.entry(page, "Ada")).to_have_count(0)
    assert not ada.tokens
