"""System health: whether plex.tv is reachable, and how many servers are online."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback

from .api import PlexAuthenticationError, PlexError
from .const import DOMAIN
from .coordinator import PlexAccountConfigEntry, PlexAccountCoordinator
from .devices import ACCOUNT_PAGE


@callback
def async_register(
    hass: HomeAssistant, register: system_health.SystemHealthRegistration
) -> None:
    """Register system health callbacks."""
    register.async_register_info(_async_info, manage_url=ACCOUNT_PAGE)


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return the counts at once, and the check of plex.tv as a coroutine."""
    entries: list[PlexAccountConfigEntry] = hass.config_entries.async_loaded_entries(
        DOMAIN
    )
    accounts = [entry.runtime_data for entry in entries]
    servers = [server for account in accounts for server in account.servers.values()]
    online = sum(server.reachable for server in servers)
    info: dict[str, Any] = {
        "accounts": len(accounts),
        "servers_online": f"{online}/{len(servers)}",
    }
    if accounts:
        info["can_reach_plex_tv"] = _async_can_reach(accounts[0])
    return info


async def _async_can_reach(account: PlexAccountCoordinator) -> str | dict[str, str]:
    """Ping plex.tv with the headers of an account; a ping without them alarms users."""
    try:
        await account.client.ping()
    except PlexAuthenticationError:
        return "ok"
    except PlexError:
        return {"type": "failed", "error": "unreachable"}
    return "ok"
