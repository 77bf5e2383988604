"""Maps Plex errors to errors that Home Assistant translates."""

from homeassistant.exceptions import HomeAssistantError

from .api import (
    Failure,
    PlexAuthenticationError,
    PlexCertificateError,
    PlexConnectionError,
    PlexError,
    PlexMaintenance,
    PlexRateLimitError,
    PlexResponseTooLarge,
    PlexTimeoutError,
    PlexUnreachable,
)
from .const import DOMAIN
from .markdown import escape

type Translation = tuple[str, dict[str, str]]

_FAILURE_KEYS = {
    Failure.CERTIFICATE: "server_certificate",
    Failure.MAINTENANCE: "server_maintenance",
    Failure.NOT_LISTED: "server_not_listed",
    Failure.PLAIN_HTTP: "server_insecure",
    Failure.PRIVATE: "server_private_address",
    Failure.RATE_LIMITED: "rate_limited",
    Failure.TIMEOUT: "server_timeout",
}


class PlexOtherAccount(PlexAuthenticationError):
    """plex.tv answered for a different account than the one that was set up."""


def plex_tv_translation(error: PlexError) -> Translation:
    """Return the translation key and placeholders for a failure of plex.tv."""
    match error:
        case PlexOtherAccount():
            return "other_account", {}
        case PlexAuthenticationError():
            return "token_revoked", {}
        case PlexRateLimitError():
            return "plex_tv_rate_limited", {}
        case PlexTimeoutError():
            return "plex_tv_timeout", {}
        case PlexCertificateError():
            return "plex_tv_certificate", {}
        case PlexConnectionError():
            return "plex_tv_unavailable", {}
        case PlexError(status=int(status)) if status >= 400:
            return "plex_tv_http_status", {"status": str(status)}
        case _:
            return "plex_tv_unexpected", {}


def server_translation(
    error: PlexError, server: str, *, any_path: bool = False
) -> Translation:
    """Return the translation key and placeholders for a failure of a server.

    `any_path`: the user chose the request and there was a token for it, so the request
    itself is what the server refuses.
    """
    placeholders = {"server": escape(server)}  # toasts render Markdown
    match error:
        case PlexUnreachable(failure=failure):
            return _FAILURE_KEYS.get(failure, "server_unreachable"), placeholders
        case PlexTimeoutError():
            return "server_timeout", placeholders
        case PlexCertificateError():
            return "server_certificate", placeholders
        case PlexConnectionError():
            return "server_unreachable", placeholders
        case PlexAuthenticationError() if not any_path:
            return "token_refused", placeholders
        case PlexRateLimitError():
            return "rate_limited", placeholders
        case PlexMaintenance():
            return "server_maintenance", placeholders
        case PlexResponseTooLarge() if any_path:
            return "response_too_large", placeholders
        case PlexError(status=404) if any_path:
            return "path_not_found", placeholders
        case PlexError(status=int(status)) if any_path and status >= 400:
            return "http_status", placeholders | {"status": str(status)}
        case _:
            return "plex_refused", placeholders


def translated_error(translation: Translation) -> HomeAssistantError:
    """Return the error to raise for a translation."""
    key, placeholders = translation
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders,
    )
