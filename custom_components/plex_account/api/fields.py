"""Tolerant readers of single values in a document."""

from datetime import UTC, datetime
from typing import Any

from .errors import PlexResponseError


def required[T](value: T | None, name: str) -> T:
    """Return a value that an answer is of no use without."""
    if value is None or value == "":
        raise PlexResponseError(f"The answer lacks {name}")
    return value


def single(value: Any) -> Any:
    """Return a value, or the first in a list of them: elements of XML come in lists."""
    if not isinstance(value, list):
        return value
    return value[0] if value else None


def mapping(value: Any) -> dict[str, Any]:
    """Return a mapping, or the first in a list of them, else an empty one."""
    if isinstance(value, dict):
        return value
    found = mappings(value)
    return found[0] if found else {}


def mappings(value: Any) -> tuple[dict[str, Any], ...]:
    """Return the mappings in a list, or a single one."""
    if isinstance(value, dict):
        return (value,)
    if not isinstance(value, list):
        return ()
    return tuple([item for item in value if isinstance(item, dict)])


def text(value: Any) -> str | None:
    """Return text as it is; numbers become text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return str(value)


def label(value: Any) -> str | None:
    """Return text that can be shown and stored, without what can't be printed."""
    if isinstance(value, str) and value.isprintable():
        return value
    shown = text(value)
    return shown and "".join(filter(str.isprintable, shown))


def nullable(value: Any) -> str | None:
    """Return text where there is any: XML writes null as an empty attribute."""
    if value is None or isinstance(value, str):
        return value or None
    return text(value)


def token(value: Any) -> str | None:
    """Return a token that may be sent in a header."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        return None
    return value.strip() or None


def texts(value: Any) -> tuple[str, ...]:
    """Return the texts of a list; XML wraps each in an element with an id."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return ()
    try:
        "".join(value)
    except TypeError:  # some are something else
        items = (item.get("id") if isinstance(item, dict) else item for item in value)
        value = [text(item) for item in items]
    return tuple(value if all(value) else filter(None, value))


def flag(value: Any) -> bool:
    """Return a truth value, whether true, 1, "1" or "true"."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value.lower() in ("1", "true")
    return bool(value == 1)


def number(value: Any) -> int | None:
    """Return a whole number, None if there is none."""
    if value is None or type(value) is int:
        return value
    if isinstance(value, bool):
        return None
    try:
        return int(value)
    except TypeError, ValueError, OverflowError:
        return None


def timestamp(value: Any) -> datetime | None:
    """Return a moment in epoch seconds, ISO 8601, or as `2014-02-28 00:00:00 UTC`."""
    try:
        if isinstance(value, str) and not value.isdecimal():
            moment = datetime.fromisoformat(value.removesuffix(" UTC"))
            if moment.tzinfo is None:
                return moment.replace(tzinfo=UTC)
            return moment.astimezone(UTC)
        seconds = number(value)
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except ValueError, OverflowError, OSError:
        return None
