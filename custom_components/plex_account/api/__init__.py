"""A client for what Plex offers to sign in with, and for asking servers for tokens.

Needs aiohttp and the standard library only, and works without Home Assistant.
"""

from .addresses import is_loopback, secure_base_url
from .client import PLEX_TV_URL, PlexServerClient, PlexTvClient
from .connections import (
    Attempt,
    Candidate,
    Choice,
    Failure,
    Trust,
    candidates,
    choose_connection,
)
from .errors import (
    PlexAddressError,
    PlexAuthenticationError,
    PlexCertificateError,
    PlexConnectionError,
    PlexError,
    PlexInvalidCode,
    PlexRateLimitError,
    PlexResponseError,
    PlexTimeoutError,
    PlexTooManyAttempts,
    PlexTwoFactorRequired,
    PlexUnknownSource,
)
from .models import (
    ConnectionKind,
    PastSubscription,
    PlexAccount,
    PlexConnection,
    PlexPin,
    PlexServer,
    Profile,
    ServerIdentity,
    Service,
    SourceConnectionInformation,
    Subscription,
    TransientToken,
)
from .transport import ClientIdentity, RequestOptions, RetryConfig

__all__ = [
    "PLEX_TV_URL",
    "Attempt",
    "Candidate",
    "Choice",
    "ClientIdentity",
    "ConnectionKind",
    "Failure",
    "PastSubscription",
    "PlexAccount",
    "PlexAddressError",
    "PlexAuthenticationError",
    "PlexCertificateError",
    "PlexConnection",
    "PlexConnectionError",
    "PlexError",
    "PlexInvalidCode",
    "PlexPin",
    "PlexRateLimitError",
    "PlexResponseError",
    "PlexServer",
    "PlexServerClient",
    "PlexTimeoutError",
    "PlexTooManyAttempts",
    "PlexTvClient",
    "PlexTwoFactorRequired",
    "PlexUnknownSource",
    "Profile",
    "RequestOptions",
    "RetryConfig",
    "ServerIdentity",
    "Service",
    "SourceConnectionInformation",
    "Subscription",
    "TransientToken",
    "Trust",
    "candidates",
    "choose_connection",
    "is_loopback",
    "secure_base_url",
]
