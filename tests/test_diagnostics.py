"""Diagnostics and system health."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import get_system_health_info
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component

from .common import Home, settle

ENTRY = {
    "state": "loaded",
    "signed_in_with": "password",
    "own_url": True,
    "options": {},
}
PLEX_TV = {"updated": True, "error": None, "status": None, "lost_servers": 0}


async def test_diagnostics(home: Home, hass_client: ClientSessionGenerator) -> None:
    """Diagnostics say how things are, and nothing that identifies anybody."""
    server = home.server
    server.connections = [
        server.connection(host="127.0.0.9"),
        *server.connections,
        server.connection(relay=True),
    ]
    cellar = await home.friend(version="as they like", platform="as they like")
    await home.set_up()
    diagnostics = await get_diagnostics_for_config_entry(
        home.hass, hass_client, home.entry
    )
    text = str(diagnostics)
    attic, other = diagnostics.pop("servers")
    assert attic.pop("token_expires_at")
    assert diagnostics == {
        "entry": ENTRY,
        "plex_tv": PLEX_TV,
        "account": {
            "two_factor_enabled": True,
            "has_password": True,
            "confirmed": True,
            "home": False,
            "home_admin": False,
            "guest": False,
            "restricted": False,
            "protected": False,
            "subscription": {"active": False, "status": "inactive", "features": 0},
        },
    }
    assert attic == {
        "number": 1,
        "version": server.version,
        "platform": server.platform,
        "owned": True,
        "home": False,
        "presence": True,
        "https_required": False,
        "public_address_matches": True,
        "dns_rebinding_protection": False,
        "has_token": True,
        "listed_connections": {"local": 2, "relay": 1},
        "polled": True,
        "reachable": True,
        "failure": None,
        "connection": "local",
        "uses_best_connection": False,
        "token": "accepted",
        "insecure_only": False,
        "failed_connections": [{"kind": "local", "failure": "not_connected"}],
    }
    assert other["number"] == 2
    for secret in (
        "ada",
        "Attic",
        "Cellar",
        "as they like",
        home.account.uuid,
        home.account.email,
        home.entry.data["token"],
        home.entry.data["client_identifier"],
        server.machine_identifier,
        cellar.machine_identifier,
        server.certificate_hash,
        "127.0.0",
        *server.transient_tokens,
    ):
        assert secret not in text


async def test_diagnostics_with_repairs(
    home: Home, hass_client: ClientSessionGenerator
) -> None:
    """What Home Assistant adds, the ids of issues, names no server either."""
    await home.friend()
    await home.set_up()
    home.server.listed = False
    await home.press()
    await home.wait(timedelta(minutes=10))
    await home.press()
    await async_setup_component(home.hass, "diagnostics", {})
    client = await hass_client()
    response = await client.get(f"/api/diagnostics/config_entry/{home.entry.entry_id}")
    text = await response.text()
    assert "server_lost" in text
    assert '"failure": "not_listed"' in text
    assert home.server.machine_identifier not in text


async def test_diagnostics_in_an_outage(
    home: Home, hass_client: ClientSessionGenerator
) -> None:
    """What failed last is named by its kind; what was never set up is left out."""
    home.simulator.fault(status=503)
    await home.set_up()
    diagnostics = await get_diagnostics_for_config_entry(
        home.hass, hass_client, home.entry
    )
    assert diagnostics == {
        "entry": ENTRY | {"state": "setup_retry"},
        "plex_tv": None,
        "account": None,
        "servers": [],
    }

    home.simulator.clear_faults()
    await home.reload()
    home.simulator.fault(status=503)
    with pytest.raises(HomeAssistantError):
        await home.press()
    diagnostics = await get_diagnostics_for_config_entry(
        home.hass, hass_client, home.entry
    )
    outage = {"updated": False, "error": "PlexResponseError", "status": 503}
    assert diagnostics["plex_tv"] == PLEX_TV | outage
    assert diagnostics["servers"][0]["reachable"] is True


async def system_health(home: Home) -> dict[str, Any]:
    """Return the system health, with what is asked for when it is shown."""
    await async_setup_component(home.hass, "system_health", {})
    await settle(home.hass)
    info = await get_system_health_info(home.hass, "plex_account")
    return {
        key: await value if hasattr(value, "__await__") else value
        for key, value in info.items()
    }


@pytest.mark.parametrize(
    ("fault", "reach"),
    [
        ({"path": "/nothing"}, "ok"),
        ({"path": "/ping", "status": 401}, "ok"),
        ({"path": "/ping", "status": 503}, {"type": "failed", "error": "unreachable"}),
        (
            {"path": "/ping", "action": "drop"},
            {"type": "failed", "error": "unreachable"},
        ),
    ],
    ids=str,
)
async def test_system_health(home: Home, fault: dict[str, Any], reach: Any) -> None:
    """System health counts accounts and servers, and tries to reach plex.tv."""
    off = await home.simulator.add_server(owner=home.account, tls=True)
    await off.stop()
    await home.set_up()
    home.simulator.fault(**fault)
    assert await system_health(home) == {
        "accounts": 1,
        "servers_online": "1/2",
        "can_reach_plex_tv": reach,
    }


async def test_system_health_without_accounts(home: Home) -> None:
    """Without a loaded account nobody is asked."""
    await home.set_up()
    await home.unload()
    assert await system_health(home) == {"accounts": 0, "servers_online": "0/0"}
