"""An account and its server are devices whose entities are shown right away."""

from playwright.async_api import Locator, Page, expect

from tests.e2e.client import Client
from tests.e2e.waiting import eventually
from tests.simulator import Simulator

from . import pages
from .pictures import Gallery


async def open_device(
    page: Page, owner: Client, entry_id: str, name: str, states: dict[str, str]
) -> Locator:
    """Open a device's page, wait for some states, and return its main columns."""
    [device_id] = (
        device["id"]
        for device in await owner.devices(entry_id)
        if device["name"] == name
    )
    await pages.go(page, f"/config/devices/device/{device_id}")
    for entity, state in states.items():
        await expect(pages.entity(page, entity)).to_contain_text(state)
    columns = page.locator("ha-config-device-page .column")
    return columns.nth(0).or_(columns.nth(1))


async def test_account(
    page: Page, owner: Client, entry_id: str, simulator: Simulator, gallery: Gallery
) -> None:
    """The account shows its subscription, and is refreshed with a button."""
    states = {
        "Plex Pass": "On",
        "Subscribed since": "3 years ago",
        "Subscription plan": "Lifetime",
        "Subscription status": "Active",
        "Account event": "Unknown",
        "Servers": "1",
        "Two-factor authentication": "On",
    }
    columns = await open_device(page, owner, entry_id, "Plex Ada", states)
    await gallery.take("account", columns)

    async def asked_for() -> set[str]:
        return {request.path for request in simulator.requests}

    simulator.clear_requests()
    await pages.entity(page, "Refresh").get_by_role("button", name="Press").click()
    await eventually(
        "what Plex is asked for", asked_for, {"/user", "/resources"}.issubset
    )


async def test_server(
    page: Page, owner: Client, entry_id: str, gallery: Gallery
) -> None:
    """The server shows its connection."""
    states = {
        "Connectivity": "Connected",
        "Connection type": "Local",
    }
    columns = await open_device(page, owner, entry_id, "Attic", states)
    await gallery.take("server", columns)
