"""User actions in the frontend of Home Assistant."""

from typing import Final

from playwright.async_api import Locator, Page, expect

from tests.e2e.client import DOMAIN

DASHBOARD: Final = "/config/integrations/dashboard"
INTEGRATION: Final = f"/config/integrations/integration/{DOMAIN}"


async def log_in(page: Page, *, username: str, password: str) -> None:
    """Fill in the login page."""
    await page.goto("/")
    await page.get_by_role("textbox", name="Username").fill(username)
    await page.get_by_role("textbox", name="Password").fill(password)
    await page.get_by_role("button", name="Log in").click()
    await _loaded(page)


async def go(page: Page, path: str) -> None:
    """Open a page by its URL."""
    await page.goto(path)
    await _loaded(page)


async def _loaded(page: Page) -> None:
    """Wait until the frontend has loaded."""
    await expect(page.locator("home-assistant-main")).to_be_attached()
    await expect(page.locator("#ha-launch-screen")).to_have_count(0)


def entry(page: Page, title: str) -> Locator:
    """Return the row of an account on the integration's page."""
    return page.locator("ha-config-entry-row").filter(has_text=title)


async def choose_from_menu(page: Page, title: str, item: str) -> None:
    """Choose from the menu of an account."""
    await entry(page, title).get_by_role("button", name="Menu").first.click()
    await page.get_by_role("menuitem", name=item).click()


def entity(page: Page, name: str) -> Locator:
    """Return the row of an entity on a device's page."""
    rows = page.locator("ha-device-entities-card").locator("hui-generic-entity-row")
    return rows.filter(has_text=name)


def device(page: Page, name: str) -> Locator:
    """Return the row of a device on the integration's page."""
    return page.locator("ha-config-entry-device-row").filter(has_text=name)


async def notification(page: Page, title: str) -> Locator:
    """Open the notifications, and return the one with this text."""
    notifications = page.locator("persistent-notification-item")
    if not await notifications.count():
        await page.locator("ha-sidebar").get_by_text("Notifications").click()
    return notifications.filter(has_text=title)


class Dialog:
    """The dialog of a flow: a sign-in, the options, or a repair."""

    def __init__(self, page: Page) -> None:
        """Initialize with a page."""
        self.host = page.locator("dialog-data-entry-flow")
        self.window = self.host.locator("dialog")
        self.code = self.host.locator("h1")

    async def choose(self, option: str) -> None:
        """Choose a menu option."""
        await self.host.get_by_text(option).click()

    async def fill(self, **fields: str) -> None:
        """Fill in a form."""
        for name, text in fields.items():
            await self.host.locator(f'input[name="{name}"]').fill(text)

    async def switch(self) -> None:
        """Set the only switch."""
        await self.host.locator("ha-switch").click()

    async def submit(self) -> None:
        """Submit the form."""
        await self.press("Submit")

    async def press(self, button: str) -> None:
        """Press a button."""
        await self.host.get_by_role("button", name=button, exact=True).click()

    async def expect_text(self, text: str) -> None:
        """Wait until the dialog shows a text."""
        await expect(self.host).to_contain_text(text)
