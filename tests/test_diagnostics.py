"""Diagnostics and system health."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    get_system_health_info,
)
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.simulator import Account, Server, Simulator

from .common import press_refresh, set_up, settle


async def test_diagnostics(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """Diagnostics say how things are, and nothing that identifies anybody."""
    server.connections = [
        server.connection(host="127.0.0.9"),
        *server.connections,
        server.connection(relay=True),
    ]
    await set_up(hass, entry)
    diagnostics = await get_diagnostics_for_config_entry(hass, hass_client, entry)

    expires_at = diagnostics["servers"][0].pop("token_expires_at")
    assert expires_at is not None
    assert diagnostics == {
        "entry": {
            "state": "loaded",
            "signed_in_with": "password",
            "own_url": True,
        },
        "account": {
            "updated": True,
            "error": None,
            "two_factor_enabled": True,
            "has_password": True,
            "confirmed": True,
            "home": False,
            "home_admin": False,
            "guest": False,
            "restricted": False,
            "protected": False,
            "subscription": {"active": False, "status": "Inactive", "features": 0},
        },
        "servers": [
            {
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
                "reachable": True,
                "connection": "local",
                "token_refused": False,
                "insecure_only": False,
                "failed_attempts": [{"kind": "local", "failure": "not_connected"}],
            }
        ],
    }
    text = str(diagnostics)
    for secret in (
        "ada",
        "Attic",
        account.uuid,
        account.email,
        entry.data["token"],
        entry.data["client_identifier"],
        server.machine_identifier,
        server.certificate_hash,
        "127.0.0.1",
    ):
        assert secret not in text


async def test_diagnostics_in_an_outage(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """What failed last is named by its kind; what was never set up is left out."""
    simulator.fault(status=503)
    await set_up(hass, entry)
    diagnostics = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert diagnostics == {
        "entry": {
            "state": "setup_retry",
            "signed_in_with": "password",
            "own_url": True,
        },
        "account": None,
        "servers": [],
    }

    simulator.clear_faults()
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    simulator.fault(status=503)
    await press_refresh(hass, account)
    diagnostics = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert diagnostics["account"]["error"] == "PlexResponseError"
    assert diagnostics["servers"][0]["reachable"] is True


async def system_health(hass: HomeAssistant) -> dict[str, Any]:
    """Return the system health, with what is asked for when it is shown."""
    await async_setup_component(hass, "system_health", {})
    await settle(hass)
    info = await get_system_health_info(hass, "plex_account")
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
)
async def test_system_health(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    fault: dict[str, Any],
    reach: Any,
) -> None:
    """System health counts accounts and servers, and tries to reach plex.tv."""
    off = await simulator.add_server(owner=account, tls=True)
    await off.stop()
    await set_up(hass, entry)
    simulator.fault(**fault)
    assert await system_health(hass) == {
        "accounts": 1,
        "servers_online": "1/2",
        "can_reach_plex_tv": reach,
    }


async def test_system_health_without_accounts(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Without a loaded account nobody is asked."""
    await set_up(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    assert await system_health(hass) == {"accounts": 0, "servers_online": "0/0"}
