"""A user signs in to an existing account again."""

from playwright.async_api import Page, expect
import pytest

from tests.e2e.client import Client, CommandError
from tests.simulator import Account, Simulator

from . import pages

REFUSED = (
    "ERROR [custom_components.plex_account] Error fetching Plex account data: Plex signed "
    "Home Assistant out of this account. Sign in again under Settings > Devices & services"
)


async def test_reauth(
    page: Page,
    owner: Client,
    entry_id: str,
    simulator: Simulator,
    ada: Account,
    provoked: list[str],
) -> None:
    """The integrations page asks for a new sign-in, which replaces the revoked token."""
    simulator.revoke(ada)
    with pytest.raises(CommandError, match="Plex signed Home Assistant out"):
        await owner.refresh(entry_id)
    provoked.append(REFUSED)
    await pages.go(page, pages.DASHBOARD)
    await page.get_by_role("button", name="Reconfigure").click()
    dialog = pages.Dialog(page)
    await dialog.expect_text("Plex signed Home Assistant out of Ada.")
    await dialog.choose("Email or username and password")
    await dialog.fill(password="correct horse")
    await dialog.submit()
    await dialog.fill(code="123456")
    await dialog.submit()
    await dialog.expect_text("Re-authentication was successful")
    await expect(page.get_by_role("button", name="Reconfigure")).to_have_count(0)
    assert ada.tokens


@pytest.mark.usefixtures("entry_id")
async def test_reconfigure(page: Page, simulator: Simulator, ada: Account) -> None:
    """The menu of an account offers to sign in again, here with a link code."""
    [old_token] = ada.tokens
    await pages.go(page, pages.INTEGRATION)
    await pages.choose_from_menu(page, "Ada", "Reconfigure")
    dialog = pages.Dialog(page)
    await dialog.expect_text("Sign in as Ada again")
    await dialog.choose("Code at plex.tv/link")
    token = simulator.approve_pin(await dialog.code.inner_text(), ada)
    await dialog.expect_text("Reconfiguration was successful")
    assert {*ada.tokens} == {old_token, token}
