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
    PlexEmailRequired,
    PlexError,
    PlexInvalidCode,
    PlexMaintenance,
    PlexRateLimitError,
    PlexResponseError,
    PlexResponseTooLarge,
    PlexTimeoutError,
    PlexTooManyAttempts,
    PlexTwoFactorRequired,
    PlexUnknownSource,
)
from .identity import ClientIdentity, derive_client_identifier
from .media_server import PlexServerClient
from .models import (
    Answer,
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
from .paths import (
    PathProblem,
    PlexParamsError,
    PlexPathError,
    checked_params,
    checked_path,
)
from .plex_tv import PLEX_TV_URL, PlexTvClient
from .request import RequestOptions
from .retry import RetryConfig
from .streaming import StreamedAnswer

__all__ = [
    "PLEX_TV_URL",
    "Answer",
    "Attempt",
    "Candidate",
    "Choice",
    "ClientIdentity",
    "ConnectionKind",
    "Failure",
    "PastSubscription",
    "PathProblem",
    "PlexAccount",
    "PlexAddressError",
    "PlexAuthenticationError",
    "PlexCertificateError",
    "PlexConnection",
    "PlexConnectionError",
    "PlexEmailRequired",
    "PlexError",
    "PlexInvalidCode",
    "PlexMaintenance",
    "PlexParamsError",
    "PlexPathError",
    "PlexPin",
    "PlexRateLimitError",
    "PlexResponseError",
    "PlexResponseTooLarge",
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
    "StreamedAnswer",
    "Subscription",
    "TransientToken",
    "Trust",
    "candidates",
    "checked_params",
    "checked_path",
    "choose_connection",
    "derive_client_identifier",
    "is_loopback",
    "secure_base_url",
]
