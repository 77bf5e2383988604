"""Accounts are added by clicking."""

from playwright.async_api import Page, expect
import pytest

from tests.simulator import Account, Simulator

from . import pages
from .pictures import Gallery


@pytest.mark.usefixtures("attic")
async def test_password(page: Page, gallery: Gallery) -> None:
    """Find the integration in the list, then sign in; the first password and code are wrong."""
    await pages.go(page, pages.DASHBOARD)
    await page.get_by_role("button", name="Add integration").click()
    await page.get_by_placeholder("Search for a brand name").fill("Plex Account")
    brands = page.locator("dialog-add-integration")
    await brands.get_by_role("button", name="Plex Account", exact=True).click()
    dialog = pages.Dialog(page)
    await dialog.choose("Email or username and password")
    await dialog.fill(username="ada", password="wrong horse")
    await gallery.take("sign-in", dialog.window)
    await dialog.submit()
    await dialog.expect_text("The email, username, or password is incorrect.")
    await dialog.fill(username="ada", password="correct horse")
    await dialog.submit()
    await dialog.expect_text("Enter the verification code for ada.")
    await dialog.fill(code="654321")
    await gallery.take("two-factor", dialog.window)
    await dialog.submit()
    await dialog.expect_text("The verification code is incorrect or has expired.")
    await dialog.fill(code="123456")
    await dialog.submit()
    await dialog.press("Skip and finish")
    await expect(pages.entry(page, "Ada")).to_be_visible()


@pytest.mark.usefixtures("attic")
async def test_link(
    page: Page, simulator: Simulator, grace: Account, gallery: Gallery
) -> None:
    """Sign in with a code; once it is approved, the dialog continues by itself."""
    await pages.go(page, pages.INTEGRATION)
    await page.get_by_role("button", name="Add account").click()
    dialog = pages.Dialog(page)
    await dialog.choose("Code at plex.tv/link")
    code = await dialog.code.inner_text()
    await dialog.code.evaluate("element => element.textContent = '7K2P'")
    await gallery.take("link", dialog.window)
    simulator.approve_pin(code, grace)
    await dialog.press("Skip and finish")
    await expect(pages.entry(page, "Grace")).to_be_visible()
