"""Diagnostics and system health."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import get_system_health_info
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component

from .common import DOMAIN, ENGLISH, Home
from .samples import sample

EXPECTED = sample("expected/diagnostics")
UNREACHABLE = {"type": "failed", "error": "unreachable"}


async def download(home: Home, hass_client: ClientSessionGenerator) -> Any:
    """Return the diagnostics, including what Home Assistant adds."""
    await async_setup_component(home.hass, "diagnostics", {})
    await home.settle()
    client = await hass_client()
    response = await client.get(f"/api/diagnostics/config_entry/{home.entry.entry_id}")
    return await response.json()


async def test_diagnostics(home: Home, hass_client: ClientSessionGenerator) -> None:
    """Diagnostics describe the state without anything that identifies a person."""
    server = home.server
    server.connections.insert(0, server.connection(host="127.0.0.9"))
    server.connections.append(server.connection(relay=True))
    cellar = await home.friend(version="as they like", platform="as they like")
    await home.set_up()
    diagnostics = (await download(home, hass_client))["data"]
    text = str(diagnostics)
    assert diagnostics["servers"].pop()["number"] == 2
    assert diagnostics["servers"][0].pop("token_expires_at")
    assert diagnostics == EXPECTED
    secrets = {
        *("ada", "Attic", "Cellar", "as they like", "127.0.0", server.certificate_hash),
        *(home.account.uuid, home.account.email, *home.secrets),
        *(server.machine_identifier, cellar.machine_identifier),
    }
    assert [secret for secret in secrets if secret in text] == []

    server.listed = False
    await home.press()
    await home.wait(timedelta(minutes=10))
    await home.press()
    document = await download(home, hass_client)
    assert document["data"]["servers"][0]["failure"] == "not_listed"
    assert "server_lost" in str(document)
    assert server.machine_identifier not in str(document)


async def test_outage(home: Home, hass_client: ClientSessionGenerator) -> None:
    """The last failure is given by kind; anything that was never set up is omitted."""
    home.simulator.fault(status=503)
    await home.set_up()
    waiting = EXPECTED["entry"] | {"state": "setup_retry"}
    nothing: dict[str, Any] = {"plex_tv": None, "account": None, "servers": []}
    diagnostics = (await download(home, hass_client))["data"]
    assert diagnostics == {"entry": waiting} | nothing

    home.simulator.clear_faults()
    await home.reload()
    home.simulator.fault(status=503)
    with pytest.raises(HomeAssistantError):
        await home.press()
    diagnostics = (await download(home, hass_client))["data"]
    outage = {"updated": False, "error": "PlexResponseError", "status": 503}
    assert diagnostics["plex_tv"] == EXPECTED["plex_tv"] | outage
    assert diagnostics["servers"][0]["reachable"] is True


async def system_health(home: Home) -> dict[str, Any]:
    """Return the system health, including values that are loaded asynchronously."""
    await async_setup_component(home.hass, "system_health", {})
    await home.settle()
    info = await get_system_health_info(home.hass, DOMAIN)
    return {
        key: await value if hasattr(value, "__await__") else value
        for key, value in info.items()
    }


@pytest.mark.parametrize(
    ("fault", "reach"),
    [
        ({"path": "/nothing"}, "ok"),
        ({"path": "/ping", "status": 401}, "ok"),
        ({"path": "/ping", "status": 503}, UNREACHABLE),
        ({"path": "/ping", "action": "drop"}, UNREACHABLE),
    ],
    ids=str,
)
async def test_system_health(home: Home, fault: dict[str, Any], reach: Any) -> None:
    """System health counts accounts and servers, and checks whether plex.tv is reachable."""
    off = await home.simulator.add_server(owner=home.account, tls=True)
    await off.stop()
    await home.set_up()
    home.simulator.fault(**fault)
    health = {"accounts": 1, "servers_online": "1/2", "can_reach_plex_tv": reach}
    assert await system_health(home) == health
    assert ENGLISH["system_health"]["info"].keys() == health.keys()
    await home.unload()
    assert await system_health(home) == {"accounts": 0, "servers_online": "0/0"}
