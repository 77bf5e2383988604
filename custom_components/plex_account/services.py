"""Actions for administrators and automations; they return data and never store it."""

from collections.abc import Mapping
from datetime import timedelta
import re
from typing import Final, Literal

import voluptuous as vol

from homeassistant.const import ATTR_CONFIG_ENTRY_ID, ATTR_DEVICE_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import (
    async_get_config_entry,
    async_register_admin_service,
)
from homeassistant.util import dt as dt_util

from .api import (
    Answer,
    PlexAuthenticationError,
    PlexError,
    PlexResponseError,
    PlexServerClient,
    PlexUnknownSource,
    SourceConnectionInformation,
)
from .const import DOMAIN
from .coordinator import PlexAccountConfigEntry
from .exceptions import plex_tv_translation, translated_error
from .images import MAX_SIDE, NotAPicture, Picture, async_sign_picture, identify_picture
from .responses import (
    account_response,
    async_api_response,
    source_response,
    token_response,
)
from .server_requests import (
    SERVICE_GET_SOURCE_CONNECTION_INFORMATION,
    SERVICE_GET_TRANSIENT_TOKEN,
    async_find_server,
    check_request,
    invalid,
    server_errors,
)

SERVICE_CALL_API = "call_api"
SERVICE_GET_IMAGE_URL = "get_image_url"
SERVICE_GET_TOKEN_DETAILS = "get_token_details"

ATTR_EXPIRES = "expires"
ATTR_HEIGHT = "height"
ATTR_METHOD = "method"
ATTR_PARAMS = "params"
ATTR_PATH = "path"
ATTR_REFRESH = "refresh"
ATTR_SOURCE = "source"
ATTR_WIDTH = "width"

_METHODS: Final[Mapping[str, Literal["GET", "POST", "PUT", "DELETE"]]] = {
    "get": "GET",
    "post": "POST",
    "put": "PUT",
    "delete": "DELETE",
}
_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)

_SOURCE = re.compile(
    r"server://[0-9A-Za-z-]+(/[0-9A-Za-z][0-9A-Za-z._-]*)?"
    r"|provider://[0-9A-Za-z][0-9A-Za-z._-]*"
)
_SOURCE_FORMS = {
    "server_source": "server://machine-identifier",
    "provider_source": "provider://provider-identifier",
}

_SIDE = vol.All(vol.Coerce(int), vol.Clamp(min=1, max=MAX_SIDE))

SERVER_SCHEMA = vol.Schema({vol.Required(ATTR_DEVICE_ID): cv.string})
SOURCE_SCHEMA = SERVER_SCHEMA.extend(
    {
        vol.Optional(ATTR_SOURCE): cv.string,
        vol.Optional(ATTR_REFRESH, default=False): cv.boolean,
    }
)
API_SCHEMA = SERVER_SCHEMA.extend(
    {
        vol.Required(ATTR_PATH): cv.string,
        vol.Optional(ATTR_METHOD, default="get"): vol.All(
            cv.string, vol.Lower, vol.In([*_METHODS])
        ),
        vol.Optional(ATTR_PARAMS): object,
    }
)
IMAGE_SCHEMA = SERVER_SCHEMA.extend(
    {
        vol.Required(ATTR_PATH): cv.string,
        vol.Optional(ATTR_WIDTH): _SIDE,
        vol.Optional(ATTR_HEIGHT): _SIDE,
        vol.Optional(ATTR_EXPIRES, default=_DAY): vol.All(
            cv.positive_time_period, vol.Range(min=timedelta(seconds=1), max=_WEEK)
        ),
    }
)
ACCOUNT_SCHEMA = vol.Schema({vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string})


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    for name, handler, schema in (
        (SERVICE_CALL_API, _async_call_api, API_SCHEMA),
        (SERVICE_GET_IMAGE_URL, _async_get_image_url, IMAGE_SCHEMA),
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
            supports_response=SupportsResponse.OPTIONAL
            if name == SERVICE_CALL_API
            else SupportsResponse.ONLY,
            description_placeholders=_SOURCE_FORMS,
        )


async def _async_call_api(call: ServiceCall) -> ServiceResponse:
    """Send any request to a server; only GET requests may be repeated."""
    coordinator, entry = async_find_server(call.hass, call.data[ATTR_DEVICE_ID])
    path: str = call.data[ATTR_PATH]
    method: str = call.data[ATTR_METHOD]
    params = call.data.get(ATTR_PARAMS)
    check_request(coordinator.server.name, path, method, params)

    async def send(client: PlexServerClient) -> Answer:
        return await client.request(path, _METHODS[method], params)

    with server_errors(coordinator, any_path=True):
        answer = await coordinator.session.run(send, repeatable=method == "get")
    if not call.return_response:
        return None
    return await async_api_response(call.hass, entry, answer)


async def _async_get_image_url(call: ServiceCall) -> ServiceResponse:
    """Return a signed path to a picture of a server, after checking that it is one."""
    coordinator, _ = async_find_server(call.hass, call.data[ATTR_DEVICE_ID])
    picture = Picture(
        path=call.data[ATTR_PATH],
        width=call.data.get(ATTR_WIDTH),
        height=call.data.get(ATTR_HEIGHT),
    )
    check_request(coordinator.server.name, picture.path)
    with server_errors(coordinator, any_path=True):
        try:
            await coordinator.session.run(
                lambda client: identify_picture(client, picture), repeatable=True
            )
        except NotAPicture:
            raise invalid("not_a_picture", server=coordinator.server.name) from None
    expires: timedelta = call.data[ATTR_EXPIRES]
    expires_at = dt_util.utcnow().replace(microsecond=0) + expires
    return {
        "url": async_sign_picture(call.hass, coordinator.device_id, picture, expires),
        "expires_at": expires_at.isoformat(),
    }


async def _async_get_source_connection_information(
    call: ServiceCall,
) -> ServiceResponse:
    """Ask an owned server how to reach a source, which defaults to the server."""
    coordinator, entry = async_find_server(call.hass, call.data[ATTR_DEVICE_ID])
    server = coordinator.server
    source = call.data.get(ATTR_SOURCE, f"server://{server.machine_identifier}")
    if not _SOURCE.fullmatch(source):
        raise invalid("invalid_source", **_SOURCE_FORMS)
    if not server.owned:
        raise invalid("server_not_owned", server=server.name)

    async def ask(client: PlexServerClient) -> SourceConnectionInformation:
        try:
            return await client.get_source_connection_information(
                source, call.data[ATTR_REFRESH]
            )
        except PlexResponseError as error:
            unknown = isinstance(error, PlexUnknownSource)
            if not unknown and error.status not in (400, 404):
                raise
            raise invalid("source_unknown", server=server.name) from None

    with server_errors(coordinator):
        information = await coordinator.session.run(ask, repeatable=True)
    return source_response(entry, coordinator, information)


async def _async_get_transient_token(call: ServiceCall) -> ServiceResponse:
    """Return a transient token that the server has just accepted."""
    coordinator, _ = async_find_server(call.hass, call.data[ATTR_DEVICE_ID])
    with server_errors(coordinator):
        token = await coordinator.session.get_validated_token()
    return token_response(coordinator, token)


async def _async_get_token_details(call: ServiceCall) -> ServiceResponse:
    """Fetch the details of an account from plex.tv."""
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
    return account_response(account)
