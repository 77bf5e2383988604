"""Diagnostics that show shapes and no names, addresses or secrets."""

from collections import Counter
from typing import Any

from homeassistant.const import CONF_URL, CONF_USERNAME
from homeassistant.core import HomeAssistant

from .coordinator import (
    PlexAccountConfigEntry,
    PlexAccountCoordinator,
    PlexServerCoordinator,
)


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: PlexAccountConfigEntry
) -> dict[str, Any]:
    """Return the state of an account and its servers."""
    coordinator: PlexAccountCoordinator | None = getattr(entry, "runtime_data", None)
    return {
        "entry": {
            "state": entry.state.value,
            "signed_in_with": "password" if CONF_USERNAME in entry.data else "link",
            "own_url": CONF_URL in entry.data,
        },
        "account": _account(coordinator) if coordinator else None,
        "servers": [
            _server(server)
            for server in (coordinator.servers.values() if coordinator else ())
        ],
    }


def _account(coordinator: PlexAccountCoordinator) -> dict[str, Any]:
    account = coordinator.data.account
    subscription = account.subscription
    return {
        "updated": coordinator.last_update_success,
        "error": _class_name(coordinator.last_exception),
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
            "status": subscription.status,
            "features": len(subscription.features),
        },
    }


def _server(coordinator: PlexServerCoordinator) -> dict[str, Any]:
    server = coordinator.server
    data = coordinator.data
    choice = coordinator.access.choice
    return {
        "version": server.version,
        "platform": server.platform,
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
        "reachable": data and data.reachable,
        "connection": data and data.connection,
        "token_refused": coordinator.access.blocked,
        "token_expires_at": data and data.token_expires_at,
        "insecure_only": choice and choice.insecure_only,
        "failed_attempts": [
            {"kind": attempt.kind, "failure": attempt.failure}
            for attempt in (choice.attempts if choice else ())
        ],
    }


def _class_name(error: BaseException | None) -> str | None:
    return type(error.__cause__ or error).__name__ if error else None
