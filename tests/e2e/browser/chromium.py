"""A Chromium that can only reach Home Assistant."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
import re
import shutil
from typing import Final

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Response,
    Route,
    StorageState,
    WebError,
    async_playwright,
    expect,
)

TIMEOUT: Final = 20_000

# Playwright's default arguments disable background activity. What is left is a datagram
# socket that is connected, without sending anything, to find out whether there is IPv6.
_ARGUMENTS: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)

# Home Assistant would load other integrations' icons from the internet.
_FOREIGN_ICON: Final = re.compile(r"/api/brands/(?!integration/plex_account/)")
_NO_ICON: Final = '<svg xmlns="http://www.w3.org/2000/svg"/>'
# Failed requests are recorded separately, and more precisely.
_FAILED_REQUEST: Final = "Failed to load resource: "
# Requests of a page that is being left.
_LEFT: Final = "net::ERR_ABORTED"


def find_chromium() -> str | None:
    """Return the path of a Chromium, or None if there is none."""
    names = ("chromium", "google-chrome", "chromium-browser")
    return next(filter(None, map(shutil.which, names)), None)


@asynccontextmanager
async def launch(executable: str) -> AsyncGenerator[Browser]:
    """Start a Chromium."""
    expect.set_options(timeout=TIMEOUT)
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(
            executable_path=executable, args=_ARGUMENTS
        ) as browser,
    ):
        yield browser


@asynccontextmanager
async def visit(
    browser: Browser, url: str, storage: StorageState | None = None
) -> AsyncGenerator[Page]:
    """Open a page, and check at the end that nothing failed in it."""
    errors: list[str] = []
    async with await browser.new_context(
        base_url=url,
        storage_state=storage,
        service_workers="block",
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="Europe/London",
        viewport={"width": 1280, "height": 1200},
        device_scale_factor=2,
    ) as context:
        context.set_default_timeout(TIMEOUT)
        await context.route(
            lambda asked: not asked.startswith(f"{url}/"), partial(_refuse, errors)
        )
        await context.route(_FOREIGN_ICON, _show_no_icon)
        context.on("weberror", partial(_note_error, errors))
        context.on("console", partial(_note_message, errors))
        context.on("requestfailed", partial(_note_failure, errors))
        context.on("response", partial(_note_response, errors))
        yield await context.new_page()
    assert errors == []


async def _refuse(errors: list[str], route: Route) -> None:
    errors.append(f"asked for {route.request.url}")
    await route.abort()


async def _show_no_icon(route: Route) -> None:
    await route.fulfill(content_type="image/svg+xml", body=_NO_ICON)


def _note_error(errors: list[str], error: WebError) -> None:
    # The editor tests a condition that has no target yet, which is rejected with an object.
    if str(error.error) != "Object":
        errors.append(f"uncaught: {error.error}")


def _note_message(errors: list[str], message: ConsoleMessage) -> None:
    if message.type == "error" and not message.text.startswith(_FAILED_REQUEST):
        errors.append(f"console: {message.text}")


def _note_failure(errors: list[str], request: Request) -> None:
    if request.failure != _LEFT:
        errors.append(f"{request.failure}: {request.url}")


def _note_response(errors: list[str], response: Response) -> None:
    if not response.ok:
        errors.append(f"{response.status}: {response.url}")
