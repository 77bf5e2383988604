"""The answer of a server to any request."""

from dataclasses import dataclass, field
from typing import Any

from ..documents import JsonLoads, read_document, read_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A successful answer: its document if it is JSON or XML, or else its text.

    XML has the shape that JSON would have. Both are None if there is no body, or if
    it isn't text. `body` is what they were read from, decompressed.
    """

    status: int
    content_type: str | None
    document: Any = field(repr=False)
    text: str | None = field(repr=False)
    body: bytes = field(repr=False)


def parse_answer(body: bytes, json_loads: JsonLoads | None) -> tuple[Any, str | None]:
    """Return the document in a body, and the text if it isn't a document."""
    try:
        return read_document(body, json_loads), None
    except ValueError:
        return None, read_text(body)
