"""Builds the responses of actions, and leaves out what must stay private."""

from collections.abc import Iterator
from datetime import datetime

from homeassistant.const import CONF_TOKEN
from homeassistant.core import HomeAssistant
from homeassistant.util.json import JsonObjectType, JsonValueType

from .api import (
    Answer,
    DialPolicy,
    PlexAccount,
    PlexConnection,
    SourceConnectionInformation,
    Subscription,
    TransientToken,
    address_failure,
    literal_address,
    select_candidates,
)
from .clients import Credentials
from .const import CONF_CLIENT_IDENTIFIER
from .coordinator import PlexAccountConfigEntry
from .redaction import Redactor
from .server_coordinator import PlexServerCoordinator

# Redacting more than this would block the event loop for too long. The lower limit
# applies if each name and text is checked.
_OFF_LOOP_BYTES = 256 * 1024
_OFF_LOOP_SEARCH_BYTES = 16 * 1024


async def async_api_response(
    hass: HomeAssistant, entry: PlexAccountConfigEntry, answer: Answer
) -> JsonObjectType:
    """Return the answer of a server to any request, without secrets."""
    redactor = Redactor(_known_secrets(entry))
    size = len(answer.body)
    search = size > _OFF_LOOP_BYTES or redactor.may_be_in(answer.body)
    if search and size > _OFF_LOOP_SEARCH_BYTES:
        return await hass.async_add_executor_job(_redacted, answer, redactor)
    return _redacted(answer, redactor, search=search)


def _redacted(
    answer: Answer, redactor: Redactor, *, search: bool | None = None
) -> JsonObjectType:
    """Return an answer without secrets; `search` is whether there may be any."""
    if search is None:
        search = redactor.may_be_in(answer.body)
    response: JsonObjectType = {
        "status": answer.status,
        "content_type": answer.content_type
        and redactor.redact_text(answer.content_type),
    }
    if answer.document is not None:
        response["data"] = (
            redactor.redact_document(answer.document) if search else answer.document
        )
    elif answer.text is not None:
        response["text"] = redactor.redact_text(answer.text)
    return response


def source_response(
    entry: PlexAccountConfigEntry,
    coordinator: PlexServerCoordinator,
    information: SourceConnectionInformation,
) -> JsonObjectType:
    """Return how to reach a source, with the connections that could be used here."""
    credentials = Credentials.from_entry(entry)
    policy = DialPolicy(
        owned=coordinator.server.owned,
        private=coordinator.server.public_address_matches,
        loopback=credentials is not None and credentials.on_loopback,
    )
    return {
        "name": information.name,
        "client_identifier": information.client_identifier,
        "access_token": information.access_token,
        "connections": [
            shown
            for connection in information.connections
            if (shown := _connection(connection, policy))
        ],
    }


def token_response(
    coordinator: PlexServerCoordinator, token: TransientToken
) -> JsonObjectType:
    """Return a transient token, and the connection over which the server accepted it."""
    connection = coordinator.session.connection
    return {
        "token": token.token,
        "expires_at": token.expires_at.isoformat(),
        "uri": connection.url if connection else None,
        "name": coordinator.server.name,
        "client_identifier": coordinator.server.machine_identifier,
    }


def account_response(account: PlexAccount) -> JsonObjectType:
    """Return the details of an account without the email address."""
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
    """Return the subscription of an account, or None if Plex reports none."""
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


def _connection(
    connection: PlexConnection, policy: DialPolicy
) -> dict[str, JsonValueType] | None:
    """Return a connection, or None if a token must not be sent there.

    An http connection with a plex.direct name is returned as https because the name has
    a certificate.
    """
    allowed = {
        candidate.url.partition(":")[0]: candidate.url
        for candidate in select_candidates([connection], policy).allowed
    }
    protocol = connection.uri.partition(":")[0].lower()
    address = literal_address(connection.address or "")
    if not allowed or (address and address_failure(address, policy)):
        return None
    return {
        "uri": connection.uri if protocol in allowed else allowed["https"],
        "protocol": protocol if protocol in allowed else "https",
        "address": connection.address,
        "port": connection.port,
        "local": connection.local,
        "relay": connection.relay,
    }


def _known_secrets(entry: PlexAccountConfigEntry) -> Iterator[str | None]:
    """Yield every token of an account, and the client identifier that guards its PINs."""
    yield entry.data[CONF_TOKEN]
    yield entry.data[CONF_CLIENT_IDENTIFIER]
    for coordinator in entry.runtime_data.servers.values():
        session = coordinator.session
        yield session.server.access_token
        yield session.token.token if session.token else None


def _isoformat(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _without_email(name: str | None) -> str | None:
    """Return a name, or None if it is an email address."""
    return None if name and "@" in name else name
