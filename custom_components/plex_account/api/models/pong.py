"""The answer to GET /ping."""

from typing import Any

from ..fields import flag, single


def parse_pong(document: Any) -> bool:
    """Return the answer to GET /ping; in XML, it is the text of the root element."""
    pong = next(iter(document.values()), None) if isinstance(document, dict) else None
    return flag(single(pong))
