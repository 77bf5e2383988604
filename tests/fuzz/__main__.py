"""Fuzz answers and addresses with atheris; no error but PlexError may be raised."""

from contextlib import suppress
from pathlib import Path
import sys

import atheris

from . import feed

INTEGRATION = Path(__file__).parents[2] / "custom_components" / "plex_account"

sys.path.insert(0, str(INTEGRATION))
with atheris.instrument_imports(include=["api"]):
    import api


def read(data: bytes) -> None:
    """Pass the data to every operation as an answer, and read it as an address and a path."""
    headers, body = feed.parted(data)
    for operation in feed.OPERATIONS:
        for status in (200, 401, 503):
            feed.outcome(api, operation, body, status, headers)
    text = data.decode(errors="replace")
    if url := api.secure_base_url(text):
        assert api.secure_base_url(url) == url
    api.is_loopback(text)
    with suppress(api.PlexPathError):
        assert api.checked_path(text).startswith("/")


atheris.Setup(sys.argv, read)
atheris.Fuzz()
