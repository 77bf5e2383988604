"""Actions are performed in the developer tools, and their pictures are shown."""

from contextlib import suppress

from playwright.async_api import Locator, Page, expect
import pytest

from tests.e2e.client import Client
from tests.e2e.waiting import eventually
from tests.simulator import Server

from . import pages
from .pictures import Gallery
from .posters import draw_poster

TOOL = "/config/tools/action?service=plex_account."


async def perform(page: Page) -> Locator:
    """Perform the action that has been filled in, and return its response."""
    button = page.locator("ha-progress-button")
    await button.click()
    await expect(page.get_by_role("heading", name="Response")).to_be_visible()
    await expect(button.locator("ha-svg-icon")).to_have_count(0)
    return page.locator("ha-card").last.locator("ha-code-editor")


async def select_server(page: Page, action: str, *, height: int) -> None:
    """Open the tool, and select the server for an action."""
    await page.set_viewport_size({"width": 800, "height": height})
    await pages.go(page, f"{TOOL}{action}")
    await page.get_by_role("button", name="Select a device").click()
    await page.get_by_role("option", name="Attic").click()
    await expect(page.get_by_role("button", name="Attic")).to_be_visible()


async def is_drawn(value: Locator) -> bool:
    """Return whether a value, the last one, gets syntax highlighting in time.

    A page in the background may never do that. Only pictures need it.
    """

    async def look() -> int:
        await value.page.screenshot()
        return await value.count()

    with suppress(TimeoutError):
        return bool(await eventually("the number of colored values", look, bool))
    return False


@pytest.mark.usefixtures("entry_id")
async def test_source_connection_information(page: Page, gallery: Gallery) -> None:
    """The response is shown below the form."""
    await select_server(page, "get_source_connection_information", height=1400)
    response = await perform(page)
    await expect(response).to_contain_text("name: Attic")
    await expect(response).to_contain_text("access_token: transient-")
    if await is_drawn(response.get_by_text("false", exact=True)):
        await gallery.take("action", page.locator("ha-card"))


@pytest.mark.usefixtures("entry_id")
async def test_call_api(page: Page, gallery: Gallery, attic: Server) -> None:
    """The libraries of a server are listed without exposing a token."""
    sections = attic.library.sections
    attic.library.sections = {1: ("Movies", "movie")}
    await select_server(page, "call_api", height=2200)
    path = page.locator("ha-selector-text input")
    await path.fill("/library/sections")
    await path.blur()
    response = await perform(page)
    await expect(response).to_contain_text("title: Movies")
    await expect(response).not_to_contain_text("transient-")
    if await is_drawn(response.get_by_text("/media/Movies", exact=True)):
        await gallery.take("call-api", page.locator("ha-card"))
    attic.library.sections = sections


async def test_poster(
    page: Page, owner: Client, entry_id: str, attic: Server, gallery: Gallery
) -> None:
    """A notification shows the poster of the latest movie."""
    attic.library.add("Nosferatu")
    attic.picture = (draw_poster("Nosferatu"), "image/png")
    device = {"device_id": await owner.device_id(entry_id, "Attic")}
    await owner.request("POST", "services/script/show_what_is_new", device)
    await pages.go(page, "/")
    notification = await pages.notification(page, "Nosferatu")
    poster = notification.get_by_role("img", name="Poster")
    await expect(poster).to_be_visible()
    assert await poster.evaluate(
        "image => image.decode().then(() => image.naturalWidth)"
    )
    time = notification.locator("ha-relative-time")
    await time.evaluate("element => element.style.display = 'none'")
    await gallery.take("poster", notification)
    await owner.request("POST", "services/persistent_notification/dismiss_all", {})
    attic.picture = None
