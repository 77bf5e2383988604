"""Where everything is, and what every answer must say."""

from collections.abc import Mapping
from dataclasses import dataclass

CLIENT_IDENTIFIER = "5d1f7a52-6f0e-4c5e-8f5b-0f7c9d2b1e33"

ACCOUNT = "get_token_details"
SOURCE = "get_source_connection_information"

CALLERS = 64
"""How many call at once."""

type Facts = tuple[str | None, int]
"""The name and the number of features of an account, of connections of a source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a contender needs to know."""

    url: str
    server_url: str
    token: str
    source: str
    facts: Mapping[str, Facts]
