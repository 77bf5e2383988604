"""The actions: for administrators and automations, answering and never storing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
import re

import voluptuous as vol

from homeassistant.const import ATTR_CONFIG_ENTRY_ID, ATTR_DEVICE_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import (
    async_get_config_entry,
    async_get_device_and_config_entry,
    async_register_admin_service,
)
from homeassistant.util.json import JsonObjectType

from .api import (
    PlexAuthenticationError,
    PlexError,
    PlexResponseError,
    PlexServerClient,
    PlexUnknownSource,
    SourceConnectionInformation,
    Subscription,
)
from .const import DOMAIN
from .coordinator import PlexAccountConfigEntry, PlexAccountCoordinator
from .exceptions import plex_tv_translation, server_translation, translated_error
from .server_coordinator import PlexServerCoordinator

SERVICE_GET_SOURCE_CONNECTION_INFORMATION = "get_source_connection_information"
SERVICE_GET_TOKEN_DETAILS = "get_token_details"
SERVICE_GET_TRANSIENT_TOKEN = "get_transient_token"

ATTR_REFRESH = "refresh"
ATTR_SOURCE = "source"

_SOURCE = re.compile(
    r"server://[0-9A-Za-z-]+(/[0-9A-Za-z][0-9A-Za-z._-]*)?"
    r"|provider://[0-9A-Za-z][0-9A-Za-z._-]*"
)
_SOURCE_FORMS = {
    "server_source": "server://machine-identifier",
    "provider_source": "provider://provider-identifier",
}

SERVER_SCHEMA = vol.Schema({vol.Required(ATTR_DEVICE_ID): cv.string})
SOURCE_SCHEMA = SERVER_SCHEMA.extend(
    {
        vol.Optional(ATTR_SOURCE): cv.string,
        vol.Optional(ATTR_REFRESH, default=False): cv.boolean,
    }
)
ACCOUNT_SCHEMA = vol.Schema({vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string})


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    for name, handler, schema in (
        (
            SERVICE_GET_SOURCE_CONNECTION_INFORMATION,
            _async_get_source_connection_information,
            SOURCE_SCHEMA,
        ),
        (SERVICE_GET_TOKEN_DETAILS, _async_get_token_details, ACCOUNT_SCHEMA),
        (SERVICE_GET_TRANSIENT_TOKEN, _async_get_transient_token, SERVER_SCHEMA),
    ):
        async_register_admin_service(
            hass,
            DOMAIN,
            name,
            handler,
            schema=schema,
            supports_response=SupportsResponse.ONLY,
            description_placeholders=_SOURCE_FORMS,
        )


async def _async_get_source_connection_information(
    call: ServiceCall,
) -> ServiceResponse:
    """Ask an owned server how to reach a source, itself by default."""
    coordinator = _server(call)
    server = coordinator.server
    source = call.data.get(ATTR_SOURCE, f"server://{server.machine_identifier}")
    if not _SOURCE.fullmatch(source):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="invalid_source",
            translation_placeholders={"field": ATTR_SOURCE, **_SOURCE_FORMS},
        )
    if not server.owned:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="server_not_owned",
            translation_placeholders={"server": server.name},
        )

    async def ask(client: PlexServerClient) -> SourceConnectionInformation:
        try:
            return await client.get_source_connection_information(
                source, call.data[ATTR_REFRESH]
            )
        except PlexResponseError as error:
            unknown = isinstance(error, PlexUnknownSource)
            if not unknown and error.status not in (400, 404):
                raise
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="source_unknown",
                translation_placeholders={"server": server.name},
            ) from error

    async with _server_errors(coordinator):
        information = await coordinator.session.run(ask, repeatable=True)
    return {
        "name": information.name,
        "client_identifier": information.client_identifier,
        "access_token": information.access_token,
        "connections": [
            {
                "uri": connection.uri,
                "protocol": connection.protocol,
                "address": connection.address,
                "port": connection.port,
                "local": connection.local,
                "relay": connection.relay,
            }
            for connection in information.connections
        ],
    }


async def _async_get_transient_token(call: ServiceCall) -> ServiceResponse:
    """Return a transient token that the server has just taken."""
    coordinator = _server(call)
    session = coordinator.session
    async with _server_errors(coordinator):
        token = await session.get_validated_token()
    return {
        "token": token.token,
        "expires_at": token.expires_at.isoformat(),
        "uri": session.connection.url if session.connection else None,
        "name": coordinator.server.name,
        "client_identifier": coordinator.server.machine_identifier,
    }


async def _async_get_token_details(call: ServiceCall) -> ServiceResponse:
    """Ask plex.tv for the account; the e-mail address is left out."""
    entry: PlexAccountConfigEntry = async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    coordinator = entry.runtime_data
    try:
        account = await coordinator.client.get_token_details()
    except PlexError as error:
        if isinstance(error, PlexAuthenticationError):
            coordinator.async_reject_token()
        raise translated_error(plex_tv_translation(error)) from None
    return {
        "id": account.id,
        "uuid": account.uuid,
        "username": _without_email(account.username),
        "title": _without_email(account.title),
        "friendly_name": _without_email(account.friendly_name),
        "country": account.country,
        "joined_at": _isoformat(account.joined_at),
        "confirmed": account.confirmed,
        "two_factor_enabled": account.two_factor_enabled,
        "backup_codes_created": account.backup_codes_created,
        "has_password": account.has_password,
        "home": account.home,
        "home_admin": account.home_admin,
        "home_size": account.home_size,
        "max_home_size": account.max_home_size,
        "guest": account.guest,
        "restricted": account.restricted,
        "protected": account.protected,
        "roles": list(account.roles),
        "entitlements": list(account.entitlements),
        "subscription": _subscription(account.subscription),
    }


def _subscription(subscription: Subscription | None) -> JsonObjectType | None:
    """Return the subscription of an account, None where Plex names none."""
    if subscription is None:
        return None
    return {
        "active": subscription.active,
        "status": subscription.status,
        "plan": subscription.plan,
        "subscribed_at": _isoformat(subscription.subscribed_at),
        "payment_service": subscription.payment_service,
        "features": list(subscription.features),
    }


def _server(call: ServiceCall) -> PlexServerCoordinator:
    """Return the server that a call names by its device."""
    device, entry = async_get_device_and_config_entry(
        call.hass, DOMAIN, call.data[ATTR_DEVICE_ID], include_child_devices=False
    )
    account: PlexAccountCoordinator = entry.runtime_data
    identifier = account.devices.machine_identifier(device)
    if identifier and (coordinator := account.servers.get(identifier)):
        return coordinator
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="not_a_server",
        translation_placeholders={
            "field": ATTR_DEVICE_ID,
            "device": device.name_by_user or device.name or device.id,
        },
    )


@asynccontextmanager
async def _server_errors(coordinator: PlexServerCoordinator) -> AsyncIterator[None]:
    """Say in words what a server, or the way to it, refused."""
    try:
        yield
    except PlexError as error:
        raise translated_error(
            server_translation(error, coordinator.server.name)
        ) from None


def _isoformat(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _without_email(name: str | None) -> str | None:
    """Return a name, None in place of an e-mail address."""
    return None if name and "@" in name else name
