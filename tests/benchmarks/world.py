"""The addresses of everything, and the facts that every answer must contain."""

from collections.abc import Mapping
from dataclasses import dataclass

CLIENT_IDENTIFIER = "5d1f7a52-6f0e-4c5e-8f5b-0f7c9d2b1e33"

ACCOUNT = "get_token_details"
SOURCE = "get_source_connection_information"

CALLERS = 64
"""The number of concurrent callers."""

type Facts = tuple[str | None, int]
"""The name, and the number of features of an account or of connections of a source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything a contender needs to know."""

    url: str
    server_url: str
    token: str
    source: str
    facts: Mapping[str, Facts]
