"""What GET /ping answers."""

from typing import Any

from ..fields import flag, single


def parse_pong(document: Any) -> bool:
    """Return what GET /ping answered; in XML it is the text of the root."""
    pong = next(iter(document.values()), None) if isinstance(document, dict) else None
    return flag(single(pong))
