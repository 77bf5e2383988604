"""Automations are created by clicking, and run."""

from collections.abc import AsyncIterator

from playwright.async_api import Page, expect
import pytest

from tests.e2e.client import Client
from tests.e2e.waiting import eventually
from tests.simulator import Account, Server

from . import pages
from .editor import Editor
from .pictures import Gallery

NOTIFY = "Persistent Notification: Create persistent notification"


@pytest.fixture
async def editor(
    page: Page, owner: Client, entry_id: str, attic: Server
) -> AsyncIterator[Editor]:
    """Return the editor; delete its automations and their notifications at the end."""
    yield Editor(page)
    await page.goto("about:blank")  # the editor reports deletions
    for state in (await owner.states()).values():
        if state["entity_id"].startswith("automation."):
            path = f"config/automation/config/{state['attributes']['id']}"
            await owner.request("DELETE", path)
    await owner.request("POST", "services/persistent_notification/dismiss_all", {})
    await attic.start()


async def test_server_went_offline(
    page: Page,
    editor: Editor,
    owner: Client,
    entry_id: str,
    attic: Server,
    gallery: Gallery,
) -> None:
    """Searching for "offline" is enough to be notified when Attic has been offline for a while."""
    await editor.open()
    await editor.add("trigger", "offline", "Plex server went offline")
    await editor.add_target("Attic", "Connectivity")
    await editor.set_duration(minutes=10, seconds=0)
    await editor.add("action", "persistent notification", NOTIFY)
    await editor.fill_message("Attic is offline")
    await editor.save("Attic went offline")
    await editor.select("Plex server went offline")
    await page.set_viewport_size({"width": 1280, "height": 640})
    await gallery.take("automation", page.locator("manual-automation-editor"), 0)
    await editor.set_duration(minutes=0, seconds=1)
    await editor.save()
    await attic.stop()
    await owner.refresh(entry_id)
    await expect(await pages.notification(page, "Attic is offline")).to_be_visible()


async def test_condition(
    page: Page,
    editor: Editor,
    owner: Client,
    entry_id: str,
    ada: Account,
    attic: Server,
) -> None:
    """A device's triggers are listed below it, and a condition stops an automation."""
    await editor.open()
    await editor.add_below_device("Attic", "Plex server came online")
    await editor.add("condition", "Plex Pass", "Plex Pass is active")
    await editor.add_target("Ada", "Plex Ada", "Plex Account")
    await editor.add("action", "persistent notification", NOTIFY)
    await editor.fill_message("Attic is back")
    automation = {"domain": "automation", "item_id": await editor.save("Attic is back")}

    async def come_back() -> None:
        await attic.stop()
        await owner.refresh(entry_id)
        await attic.start()
        await owner.refresh(entry_id)

    async def runs() -> list[str]:
        found = await owner.command("trace/list", **automation)
        return [one["script_execution"] for one in found]

    await come_back()
    await expect(await pages.notification(page, "Attic is back")).to_be_visible()
    subscription, ada.subscription = ada.subscription, None
    await come_back()
    await eventually("the runs", runs, ["finished", "failed_conditions"].__eq__)
    ada.subscription = subscription
