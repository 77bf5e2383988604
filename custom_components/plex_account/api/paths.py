"""Which paths and parameters may be requested from a server: pure rules, no I/O.

A request that passes stays on that server, below its root, and carries no token of
its own.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any
import unicodedata
from urllib.parse import unquote

from .errors import PlexAddressError

MAX_PATH = 4096

_MAX_PARAMS = 200
_MAX_PARAMS_LENGTH = 16_384
_TOKEN = "x-plex-token"
_MAX_ESCAPES = 8


class PathProblem(StrEnum):
    """What is wrong with a path."""

    NO_LEADING_SLASH = "no_leading_slash"
    DOUBLE_SLASH = "double_slash"
    BACKSLASH = "backslash"
    CONTROL_CHARACTER = "control_character"
    FRAGMENT = "fragment"
    DOT_SEGMENT = "dot_segment"
    ENCODED_SEPARATOR = "encoded_separator"
    TOKEN = "token"
    TOO_LONG = "too_long"


class PlexPathError(PlexAddressError):
    """A path can't be requested; `problem` is the reason. Nothing was sent."""

    def __init__(self, problem: PathProblem) -> None:
        """Initialize the error with the problem; the path isn't kept."""
        super().__init__(f"Not a path of a server: {problem.replace('_', ' ')}")
        self.problem = problem


class PlexParamsError(PlexAddressError):
    """Parameters can't be sent: not plain name-value pairs, too many, or with a token."""


@lru_cache(maxsize=128)
def checked_path(path: str) -> str:
    """Check a path, and return it decoded and without its query.

    The path is decoded before it is checked, so no encoding gets around the rules.
    Raises PlexPathError if it doesn't begin with exactly one slash, could lead
    elsewhere, or contains a token.
    """
    if len(path) > MAX_PATH:
        raise PlexPathError(PathProblem.TOO_LONG)
    if not path.isprintable():
        raise PlexPathError(PathProblem.CONTROL_CHARACTER)
    if not path.startswith("/"):
        raise PlexPathError(PathProblem.NO_LEADING_SLASH)
    if "\\" in path:
        raise PlexPathError(PathProblem.BACKSLASH)
    if "#" in path:
        raise PlexPathError(PathProblem.FRAGMENT)
    if _mentions_token(path):
        raise PlexPathError(PathProblem.TOKEN)
    bare = path.partition("?")[0]
    decoded = _decoded(bare)
    if not decoded.isprintable():
        raise PlexPathError(PathProblem.CONTROL_CHARACTER)
    if "//" in bare:
        raise PlexPathError(PathProblem.DOUBLE_SLASH)
    if "\\" in decoded or decoded.count("/") != bare.count("/"):
        raise PlexPathError(PathProblem.ENCODED_SEPARATOR)
    segments = unicodedata.normalize("NFKC", decoded).split("/")
    if any(one.partition(";")[0].strip() in (".", "..") for one in segments):
        raise PlexPathError(PathProblem.DOT_SEGMENT)
    return decoded


def checked_params(params: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return parameters as text: booleans as 1 and 0, a list as one pair per item.

    Raises PlexParamsError for any other value, too many parameters, or a token.
    """
    if params is None:
        return []
    if not isinstance(params, Mapping):
        raise PlexParamsError("Parameters are no mapping")
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        if not isinstance(name, str) or not name:
            raise PlexParamsError("A name of a parameter is no text")
        items = value if isinstance(value, list | tuple) else [value]
        pairs += [(name, _plain(item)) for item in items]
    length = sum(len(name) + len(value) for name, value in pairs)
    if len(pairs) > _MAX_PARAMS or length > _MAX_PARAMS_LENGTH:
        raise PlexParamsError("Too many parameters")
    if any(_mentions_token(part) for pair in pairs for part in pair):
        raise PlexParamsError("A parameter names a token")
    return pairs


def _plain(value: Any) -> str:
    """Return a parameter value as text."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float):
        try:
            return str(value)
        except ValueError:  # more digits than Python converts
            raise PlexParamsError("A number is too long") from None
    if not isinstance(value, str):
        raise PlexParamsError("A value of a parameter is no text")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise PlexParamsError("A value of a parameter is not valid text")
    return value


def _mentions_token(text: str) -> bool:
    """Return whether text names the token parameter, however it is encoded."""
    decoded = unicodedata.normalize("NFKC", _decoded(text.replace("+", " ")))
    return _TOKEN in decoded.casefold()


def _decoded(text: str) -> str:
    """Return text with its escapes decoded until none are left, in at most 8 passes."""
    for _ in range(_MAX_ESCAPES):
        before, text = text, unquote(text)
        if text == before:
            break
    return text
