"""Diagnostics that show states and shapes, but no names, addresses or secrets."""

from collections import Counter
from typing import Any

from homeassistant.const import CONF_URL, CONF_USERNAME
from homeassistant.core import HomeAssistant

from .api import PlexAccount
from .coordinator import PlexAccountConfigEntry, PlexAccountCoordinator
from .server_coordinator import PlexServerCoordinator


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: PlexAccountConfigEntry
) -> dict[str, Any]:
    """Return the state of an account and its servers, which are identified by number."""
    coordinator: PlexAccountCoordinator | None = getattr(entry, "runtime_data", None)
    account = coordinator.data.account if coordinator else None
    servers = coordinator.servers.values() if coordinator else ()
    return {
        "entry": {
            "state": entry.state.value,
            "signed_in_with": "password" if CONF_USERNAME in entry.data else "link",
            "own_url": CONF_URL in entry.data,
            "options": dict(entry.options),
        },
        "plex_tv": coordinator
        and {
            "updated": coordinator.last_update_success,
            "error": coordinator.plex_error and type(coordinator.plex_error).__name__,
            "status": coordinator.plex_error and coordinator.plex_error.status,
            "lost_servers": sum(map(bool, coordinator.server_list.lost.values())),
        },
        "account": account and _account(account),
        "servers": [
            {"number": number, **_server(server)}
            for number, server in enumerate(servers, 1)
        ],
    }


def _account(account: PlexAccount) -> dict[str, Any]:
    subscription = account.subscription
    return {
        "two_factor_enabled": account.two_factor_enabled,
        "has_password": account.has_password,
        "confirmed": account.confirmed,
        "home": account.home,
        "home_admin": account.home_admin,
        "guest": account.guest,
        "restricted": account.restricted,
        "protected": account.protected,
        "subscription": subscription
        and {
            "active": subscription.active,
            "status": subscription.status_key,
            "features": len(subscription.features),
        },
    }


def _server(coordinator: PlexServerCoordinator) -> dict[str, Any]:
    server = coordinator.server
    session = coordinator.session
    data = coordinator.data
    choice = session.last_choice
    return {
        "version": server.version if server.owned else None,
        "platform": server.platform if server.owned else None,
        "owned": server.owned,
        "home": server.home,
        "presence": server.presence,
        "https_required": server.https_required,
        "public_address_matches": server.public_address_matches,
        "dns_rebinding_protection": server.dns_rebinding_protection,
        "has_token": server.access_token is not None,
        "listed_connections": dict(
            Counter(connection.kind for connection in server.connections)
        ),
        "polled": coordinator.started,
        "reachable": data and data.reachable,
        "failure": data and data.failure,
        "connection": data and data.connection,
        "uses_best_connection": session.uses_best_connection,
        "token": session.token_state,
        "token_expires_at": data and data.token_expires_at,
        "insecure_only": choice and choice.insecure_only,
        "failed_connections": [
            {"kind": one.kind, "failure": one.failure}
            for one in (choice.failures if choice else ())
        ],
    }
