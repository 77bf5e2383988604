"""Finds the server for an action, and checks what may be requested from it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
import unicodedata
from urllib.parse import parse_qsl

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.service import async_get_device_and_config_entry

from .api import PlexError, PlexParamsError, PlexPathError, checked_params, checked_path
from .const import DOMAIN
from .coordinator import PlexAccountConfigEntry, PlexAccountCoordinator
from .exceptions import server_translation, translated_error
from .markdown import escape
from .redaction import is_secret_name
from .server_coordinator import PlexServerCoordinator

SERVICE_GET_SOURCE_CONNECTION_INFORMATION = "get_source_connection_information"
SERVICE_GET_TRANSIENT_TOKEN = "get_transient_token"

# Paths that return tokens, by their segments, and the action to use instead.
_ACTIONS = {
    ("security", "resources"): SERVICE_GET_SOURCE_CONNECTION_INFORMATION,
    ("security",): SERVICE_GET_TRANSIENT_TOKEN,
}
# Logs and databases contain tokens; a claim or another account takes the server away.
_FORBIDDEN = (("diagnostics",), ("myplex", "claim"))
_READ_ONLY = ("myplex", "account")

# Placeholders with untrusted text, which is escaped because toasts render Markdown.
_NAMES_OF_OTHERS = frozenset({"device", "server"})


@callback
def async_find_server(
    hass: HomeAssistant, device_id: str
) -> tuple[PlexServerCoordinator, PlexAccountConfigEntry]:
    """Return the server of a device, and the entry of its account.

    Raises ServiceValidationError if the device isn't a server, or if the server is no
    longer listed, is disabled, or belongs to an account that isn't loaded.
    """
    device, entry = async_get_device_and_config_entry(
        hass, DOMAIN, device_id, include_child_devices=False
    )
    account: PlexAccountCoordinator = entry.runtime_data
    name = device.name_by_user or device.name or device.id
    if not (identifier := account.devices.machine_identifier(device)):
        raise invalid("not_a_server", device=name)
    if not (coordinator := account.servers.get(identifier)):
        raise invalid("server_not_listed", server=name)
    if device.disabled:
        raise invalid("server_disabled", server=name)
    return coordinator, entry


def check_request(
    server: str, path: str, method: str = "get", params: Mapping[str, Any] | None = None
) -> None:
    """Raise ServiceValidationError if a request may not be sent to a server.

    `server` is its name. Paths are decoded before they are checked, so no encoding gets
    around the rules.
    """
    try:
        decoded = checked_path(path)
    except PlexPathError:
        raise invalid("invalid_path") from None
    try:
        names = [name for name, _ in checked_params(params)]
    except PlexParamsError:
        raise invalid("invalid_params") from None
    names += [name for name, _ in parse_qsl(path.partition("?")[2], True)]
    if any(map(is_secret_name, names)):
        raise invalid("invalid_params")
    segments = _segments(decoded)
    for beginning, action in _ACTIONS.items():
        if segments[: len(beginning)] == beginning:
            raise invalid("use_other_action", action=f"{DOMAIN}.{action}")
    if any(segments[: len(one)] == one for one in _FORBIDDEN) or (
        method != "get" and segments[: len(_READ_ONLY)] == _READ_ONLY
    ):
        raise invalid("path_not_allowed", server=server)


def _segments(decoded: str) -> tuple[str, ...]:
    """Return the segments of a path as the most lenient server would read them."""
    folded = unicodedata.normalize("NFKC", decoded).casefold()
    segments = (one.partition(";")[0].strip() for one in folded.split("/"))
    return tuple(segment for segment in segments if segment)


@contextmanager
def server_errors(
    coordinator: PlexServerCoordinator, *, any_path: bool = False
) -> Iterator[None]:
    """Translate errors of a server or of the connection to it.

    `any_path`: the user chose what to request. Without a token, nothing was requested.
    """
    try:
        yield
    except PlexError as error:
        asked = any_path and coordinator.session.token is not None
        raise translated_error(
            server_translation(error, coordinator.server.name, any_path=asked)
        ) from None


def invalid(key: str, **placeholders: str) -> ServiceValidationError:
    """Return the error for an invalid action call."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders={
            name: escape(text) if name in _NAMES_OF_OTHERS else text
            for name, text in placeholders.items()
        },
    )
