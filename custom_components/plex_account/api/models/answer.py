"""What a server answers to any request."""

from dataclasses import dataclass, field
from typing import Any

from ..documents import JsonLoads, read_document, read_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of success: its document if it is JSON or XML, else its text.

    XML comes in the shape that JSON would have. Both are None where there is no
    body, or one that is no text. `body` is what they were read from, decompressed.
    """

    status: int
    content_type: str | None
    document: Any = field(repr=False)
    text: str | None = field(repr=False)
    body: bytes = field(repr=False)


def parse_answer(body: bytes, json_loads: JsonLoads | None) -> tuple[Any, str | None]:
    """Return the document in a body, and the text of a body that is none."""
    try:
        return read_document(body, json_loads), None
    except ValueError:
        return None, read_text(body)
