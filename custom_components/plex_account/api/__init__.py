"""A client for signing in to Plex, and for requesting tokens from servers.

Only needs aiohttp and the standard library, and works without Home Assistant.
"""

from .addresses import IPAddress, is_loopback, literal_address, secure_base_url
from .candidates import (
    Candidate,
    ConnectionFailure,
    DialPolicy,
    Failure,
    address_failure,
    is_allowed,
    select_candidates,
)
from .connections import (
    ConnectionResult,
    PlexUnreachable,
    Resolve,
    choose_connection,
    failure_of,
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
from .limits import ChoiceLimit
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
    parse_servers,
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
from .server_channel import Operation
from .session import ServerSession
from .streaming import StreamedAnswer
from .transient_tokens import TokenState

__all__ = [
    "PLEX_TV_URL",
    "Answer",
    "Candidate",
    "ChoiceLimit",
    "ClientIdentity",
    "ConnectionFailure",
    "ConnectionKind",
    "ConnectionResult",
    "DialPolicy",
    "Failure",
    "IPAddress",
    "Operation",
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
    "PlexUnreachable",
    "Profile",
    "RequestOptions",
    "Resolve",
    "RetryConfig",
    "ServerIdentity",
    "ServerSession",
    "Service",
    "SourceConnectionInformation",
    "StreamedAnswer",
    "Subscription",
    "TokenState",
    "TransientToken",
    "address_failure",
    "checked_params",
    "checked_path",
    "choose_connection",
    "derive_client_identifier",
    "failure_of",
    "is_allowed",
    "is_loopback",
    "literal_address",
    "parse_servers",
    "secure_base_url",
    "select_candidates",
]
