"""The automation editor, operated by clicking."""

from playwright.async_api import Locator, Page, expect

from . import pages


class Editor:
    """An automation in the editor."""

    def __init__(self, page: Page) -> None:
        """Initialize with a page."""
        self._page = page
        self._side = page.locator("ha-automation-sidebar")

    async def open(self) -> None:
        """Start with an empty automation."""
        await pages.go(self._page, "/config/automation/edit/new")

    async def search(self, kind: str, text: str) -> Locator:
        """Search for a trigger, condition, or action, and return the dialog."""
        await self._page.get_by_role("button", name=f"Add {kind}", exact=True).click()
        dialog = self._page.locator("add-automation-element-dialog")
        await dialog.get_by_placeholder("Search").fill(text)
        return dialog

    async def add(self, kind: str, text: str, name: str) -> None:
        """Search for a trigger, condition, or action, and add the result."""
        dialog = await self.search(kind, text)
        await dialog.get_by_text(name, exact=True).click()
        await self._expect_side(name)

    async def add_below_device(self, device: str, name: str) -> None:
        """Search for a device, and add one of its triggers."""
        dialog = await self.search("trigger", device)
        await dialog.get_by_text("Plex Account").click()
        await dialog.get_by_text(name).click()
        await self._expect_side(name)

    async def add_target(self, text: str, *name: str) -> None:
        """Search for a target, and add the result."""
        await self._side.get_by_role("button", name="Add target").click()
        found = self._page.get_by_role("option")
        # Until the picker has focus, single letters are keyboard shortcuts of the page.
        await found.first.wait_for()
        await self._page.keyboard.type(text)
        for part in name:
            found = found.filter(has_text=part)
        await found.click()

    async def select(self, name: str) -> None:
        """Select a part of the automation."""
        await self._page.locator("ha-automation-row").filter(has_text=name).click()
        await self._expect_side(name)

    async def set_duration(self, *, minutes: int, seconds: int) -> None:
        """Set how long the state must last."""
        for name, number in (("mm", minutes), ("ss", seconds)):
            field = self._side.get_by_role("spinbutton", name=name)
            await field.fill(str(number))
            await field.blur()

    async def fill_message(self, text: str) -> None:
        """Fill in the message of a notification."""
        await self._side.get_by_role("textbox").first.fill(text)

    async def save(self, name: str | None = None) -> str:
        """Save, for the first time under a name, and return the automation's ID."""
        save = self._page.get_by_role("button", name="Save", exact=True)
        await save.click()
        if name:
            dialog = self._page.locator("ha-dialog-automation-save")
            await dialog.get_by_role("textbox", name="Name").fill(name)
            await dialog.get_by_role("button", name="Save", exact=True).click()
            await self._page.wait_for_url(lambda url: not url.endswith("/new"))
        await expect(save).not_to_be_in_viewport()
        return self._page.url.rpartition("/")[2]

    async def _expect_side(self, name: str) -> None:
        await expect(self._side).to_contain_text(name)
