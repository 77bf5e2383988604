"""Forms of the config flow: their fields and the errors they show."""

import voluptuous as vol

from homeassistant.const import CONF_CODE, CONF_PASSWORD, CONF_USERNAME
from homeassistant.helpers.selector import (
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .api import (
    PlexAuthenticationError,
    PlexCertificateError,
    PlexConnectionError,
    PlexError,
    PlexInvalidCode,
    PlexRateLimitError,
    PlexTooManyAttempts,
    PlexTwoFactorRequired,
)
from .link import PlexLinkExpired

# How long Plex is known to block requests, in seconds, if it doesn't say so itself.
_WAITS: dict[type[PlexError], float] = {
    PlexTooManyAttempts: 3600,
    PlexRateLimitError: 300,
}


def _text(kind: TextSelectorType, autocomplete: str) -> TextSelector:
    return TextSelector(TextSelectorConfig(type=kind, autocomplete=autocomplete))


SCHEMAS = {
    "password": vol.Schema(
        {
            vol.Required(CONF_USERNAME): _text(TextSelectorType.TEXT, "username"),
            vol.Required(CONF_PASSWORD): _text(
                TextSelectorType.PASSWORD, "current-password"
            ),
        }
    ),
    "two_factor": vol.Schema(
        {vol.Required(CONF_CODE): _text(TextSelectorType.TEXT, "one-time-code")}
    ),
    "link_expired": vol.Schema({}),
}


def error_to_wait_seconds(error: PlexError) -> float:
    """Return the seconds to wait that a form shows."""
    return error.retry_after or _WAITS.get(type(error), 0)


def error_to_form_errors(error: PlexError) -> dict[str, str]:
    """Return the translation key for an error of plex.tv, by form field."""
    match error:
        case PlexLinkExpired():
            return {"base": "code_expired"}
        case PlexInvalidCode() | PlexTwoFactorRequired():
            return {CONF_CODE: "invalid_code"}
        case PlexTooManyAttempts():
            return {"base": "too_many_attempts"}
        case PlexError(code=1030):
            return {"base": "email_required"}
        case PlexAuthenticationError():
            return {"base": "invalid_auth"}
        case PlexRateLimitError():
            return {"base": "rate_limited"}
        case PlexCertificateError():
            return {"base": "certificate_refused"}
        case PlexConnectionError():
            return {"base": "cannot_connect"}
        case _ if error.status and error.status >= 500:
            return {"base": "cannot_connect"}
        case _:
            return {"base": "invalid_response"}
