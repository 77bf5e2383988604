"""Tolerant readers of single values in a document.

No value can be trusted, so each reader bounds what it returns.
"""

from datetime import UTC, datetime
from typing import Any
import unicodedata

from .documents import UNREADABLE
from .errors import PlexResponseError

MAX_LABEL = 100

_MAX_TOKEN = 4096
_INTEGER_BITS = 64  # with the sign
_ZERO_WIDTH_JOINER = "\u200d"
_VARIATION_SELECTORS = ("\ufe0e", "\ufe0f")

# isinstance(value, dict) for long lists: filter calls it without a Python function.
_is_mapping = dict.__instancecheck__


def required[T](value: T | None, name: str) -> T:
    """Return a value that an answer is useless without.

    Raises PlexResponseError if it is missing or empty.
    """
    if value is None or value == "":
        raise PlexResponseError(f"The answer lacks {name}")
    return value


def single(value: Any) -> Any:
    """Return a value, or the first one in a list, since XML elements come in lists."""
    if not isinstance(value, list):
        return value
    return value[0] if value else None


def mapping(value: Any) -> dict[str, Any]:
    """Return a mapping, or the first one in a list, or else an empty one."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                return item
    return {}


def mappings(value: Any) -> tuple[dict[str, Any], ...]:
    """Return the mappings in a list, or a single one."""
    if isinstance(value, list):
        return tuple(filter(_is_mapping, value))
    return (value,) if isinstance(value, dict) else ()


def text(value: Any) -> str | None:
    """Return text unchanged; numbers become text."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and value.bit_length() >= _INTEGER_BITS:
        return None
    return str(value)


def label(value: Any) -> str | None:
    """Return text that can be shown and stored: one printable line of limited length."""
    if (
        isinstance(value, str)
        and len(value) <= MAX_LABEL
        and value.isprintable()
        and UNREADABLE not in value
    ):
        return value.strip()
    raw = text(value)
    return raw and _printable(raw)


def identifier(value: Any) -> str | None:
    """Return the identifier of a machine or an account, or None if it isn't valid.

    Text that would have to be cleaned before it is shown is refused, since it would
    then look like another identifier.
    """
    name = text(value)
    if (
        not name
        or len(name) > MAX_LABEL
        or not name.isprintable()
        or name != name.strip()
        or UNREADABLE in name
    ):
        return None
    return name


def nullable(value: Any) -> str | None:
    """Return text, or None if it is empty: XML writes null as an empty attribute."""
    if isinstance(value, str) or value is None:
        return value or None
    return text(value)


def token(value: Any) -> str | None:
    """Return a token, or None if it can't be sent in a header."""
    if (
        not isinstance(value, str)
        or len(value) > _MAX_TOKEN
        or not value.isascii()
        or not value.isprintable()
    ):
        return None
    return value.strip() or None


def texts(value: Any) -> tuple[str, ...]:
    """Return the texts in a list; XML wraps each in an element with an id."""
    if isinstance(value, list):
        items = tuple(value)
    elif isinstance(value, str):
        items = tuple([item.strip() for item in value.split(",")])
    else:
        return ()
    try:
        # One pass over all items: raises if one isn't text, and is true if one is empty.
        if not "".startswith(items):
            return items
    except TypeError:
        pass
    found = (item.get("id") if isinstance(item, dict) else item for item in items)
    return tuple(filter(None, map(text, found)))


def flag(value: Any) -> bool:
    """Return whether a flag is set: true, 1, "1", or "true"."""
    if value is True:
        return True
    if not value:
        return False
    if isinstance(value, str):
        return value == "1" or value.lower() == "true"
    return bool(value == 1)


def number(value: Any) -> int | None:
    """Return a whole number of at most 64 bits, or None if it isn't one."""
    if type(value) is not int:
        if value is None or isinstance(value, bool):
            return None
        if isinstance(value, str) and len(value) > MAX_LABEL:
            return None
        try:
            value = int(value)
        except TypeError, ValueError, OverflowError:
            return None
    return value if value.bit_length() < _INTEGER_BITS else None


def timestamp(value: Any) -> datetime | None:
    """Return a time in epoch seconds, ISO 8601, or as `2014-02-28 00:00:00 UTC`."""
    try:
        if type(value) is int:
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str) and not value.isdecimal():
            if len(value) > MAX_LABEL:
                return None
            moment = datetime.fromisoformat(value.removesuffix(" UTC"))
            if moment.tzinfo is None:
                return moment.replace(tzinfo=UTC)
            return moment.astimezone(UTC)
        seconds = number(value)
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except ValueError, OverflowError, OSError:
        return None


def _printable(raw: str) -> str:
    """Return text without unprintable characters, with plain spaces and limited length.

    Emoji joiners stay, since they hold families and professions together.
    """
    raw = raw[: 4 * MAX_LABEL]
    kept: list[str] = []
    for position, character in enumerate(raw):
        if character == UNREADABLE:
            continue
        if character.isprintable():
            kept.append(character)
        elif unicodedata.category(character).startswith("Z"):
            kept.append(" ")
        elif (
            character == _ZERO_WIDTH_JOINER
            and kept
            and (_is_symbol(kept[-1]) or kept[-1] in _VARIATION_SELECTORS)
            and _is_symbol(raw[position + 1 : position + 2])
        ):
            kept.append(character)
    return "".join(kept)[:MAX_LABEL].rstrip(_ZERO_WIDTH_JOINER).strip()


def _is_symbol(character: str) -> bool:
    """Return whether a character is a symbol, such as an emoji or its skin tone."""
    return bool(character) and unicodedata.category(character) in ("So", "Sm", "Sk")
