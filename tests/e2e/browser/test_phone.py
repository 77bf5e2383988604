"""A phone switches to another app to enter the code, and loses its connection."""

from collections.abc import AsyncIterator

from playwright.async_api import Browser, Page, StorageState, WebSocketRoute, expect
import pytest

from tests.e2e.client import Client
from tests.e2e.home_assistant import HomeAssistant
from tests.e2e.waiting import eventually
from tests.simulator import Account, Simulator

from . import pages
from .chromium import visit


class Phone:
    """A narrow page whose connection can be interrupted."""

    def __init__(self, page: Page) -> None:
        """Initialize with a working connection."""
        self.page = page
        self._sockets: list[WebSocketRoute] | None = []

    async def connect(self, socket: WebSocketRoute) -> None:
        """Let a socket through if the phone is connected."""
        if self._sockets is None:
            await socket.close(code=1001, reason="Going away")
            return
        socket.connect_to_server()
        self._sockets.append(socket)

    async def lose_connection(self) -> None:
        """Close all sockets, and block new ones."""
        sockets, self._sockets = self._sockets or [], None
        for socket in sockets:
            await socket.close(code=1001, reason="Going away")

    def find_connection(self) -> None:
        """Let sockets through again."""
        self._sockets = []


@pytest.fixture
async def phone(
    browser: Browser, home: HomeAssistant, storage: StorageState, provoked: list[str]
) -> AsyncIterator[Phone]:
    """Return a phone on which the owner is logged in."""
    async with visit(browser, home.url, storage) as page:
        phone = Phone(page)
        await page.set_viewport_size({"width": 390, "height": 844})
        await page.route_web_socket(lambda url: True, phone.connect)
        yield phone


async def ask_for_code(phone: Phone) -> str:
    """Open the dialog, and return its code, which is large and completely visible."""
    await pages.go(phone.page, pages.INTEGRATION)
    await phone.page.get_by_role("button", name="Add account").click()
    dialog = pages.Dialog(phone.page)
    await dialog.choose("Code at plex.tv/link")
    await expect(dialog.code).to_be_in_viewport(ratio=1)
    box = await dialog.code.bounding_box()
    assert box
    assert box["height"] > 32
    return await dialog.code.inner_text()


async def poll_of_approval(simulator: Simulator) -> None:
    """Wait until Home Assistant knows that the code was entered."""

    async def asked() -> bool:
        return any(one.path == "/user" for one in simulator.requests)

    await eventually("whether the account was asked for", asked, bool)


async def test_connection_comes_back(
    phone: Phone, simulator: Simulator, grace: Account
) -> None:
    """The dialog continues when the phone is back."""
    code = await ask_for_code(phone)
    simulator.clear_requests()
    await phone.lose_connection()
    simulator.approve_pin(code, grace)
    await poll_of_approval(simulator)
    phone.find_connection()
    await pages.Dialog(phone.page).press("Skip and finish")
    await expect(pages.entry(phone.page, "Grace")).to_be_visible()


async def test_connection_stays_away(
    phone: Phone, owner: Client, simulator: Simulator, grace: Account
) -> None:
    """The account is added even if the dialog isn't open."""
    code = await ask_for_code(phone)
    await phone.lose_connection()
    token = simulator.approve_pin(code, grace)

    async def titles() -> set[str]:
        return {entry["title"] for entry in await owner.entries()}

    await eventually("the accounts", titles, {"Grace"}.__eq__)
    assert token in grace.tokens
    phone.find_connection()
    await pages.go(phone.page, pages.INTEGRATION)
    await expect(pages.entry(phone.page, "Grace")).to_be_visible()
