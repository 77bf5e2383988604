"""A client for what Plex offers to sign in with, and for asking servers for tokens.

Needs aiohttp and the standard library only, and works without Home Assistant.
"""

from .addresses import is_loopback, secure_base_url
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
from .identity import ClientIdentity, derive_client_identifier
from .media_server import PlexServerClient
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
from .plex_tv import PLEX_TV_URL, PlexTvClient
from .retry import RetryConfig
from .transport import RequestOptions

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
    "derive_client_identifier",
    "is_loopback",
    "secure_base_url",
]
