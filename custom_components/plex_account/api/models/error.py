"""Why plex.tv refused a request."""

from typing import Any

from ..documents import unwrap
from ..fields import mapping, number, single, text


def parse_error(document: Any) -> tuple[int | None, str | None]:
    """Return code and message of the first error in a plex.tv error body.

    Old endpoints answer a bare text under `error`, or in the list of errors.
    """
    errors = unwrap(document, "errors")
    error = mapping(errors)
    message = error.get("message", single(error.get("error") if error else errors))
    return number(error.get("code")), text(message)
