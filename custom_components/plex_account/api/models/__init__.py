"""What Plex answers, as frozen dataclasses.

Every parser takes a document as `documents.read_document` returns it, tolerates
unknown, missing, null, and oddly typed fields, and raises PlexResponseError only
if an answer is useless without a field. Secrets are never part of a repr, and
answers that differ only in secrets are equal.

Fields and types come from the schemas UserPlexAccount, UserProfile, and PlexDevice
of the Plex API, and from bodies that real servers have sent.
"""

from .account import PlexAccount, Profile, Service, parse_account
from .answer import Answer, parse_answer
from .connection import ConnectionKind, PlexConnection
from .identity import ServerIdentity, parse_identity
from .pin import PlexPin, parse_pin
from .pong import parse_pong
from .server import PlexServer, parse_servers
from .source import SourceConnectionInformation, parse_source
from .subscription import PastSubscription, Subscription
from .token import TransientToken, parse_transient_token

__all__ = [
    "Answer",
    "ConnectionKind",
    "PastSubscription",
    "PlexAccount",
    "PlexConnection",
    "PlexPin",
    "PlexServer",
    "Profile",
    "ServerIdentity",
    "Service",
    "SourceConnectionInformation",
    "Subscription",
    "TransientToken",
    "parse_account",
    "parse_answer",
    "parse_identity",
    "parse_pin",
    "parse_pong",
    "parse_servers",
    "parse_source",
    "parse_transient_token",
]
