"""Lets atheris make up bodies and addresses: a value or a PlexError, never another one."""

from pathlib import Path
import sys

import atheris

from . import feed

INTEGRATION = Path(__file__).parents[2] / "custom_components" / "plex_account"

sys.path.insert(0, str(INTEGRATION))
with atheris.instrument_imports(include=["api"]):
    import api


def read(body: bytes) -> None:
    """Give every operation one body, and read it as an address."""
    for operation in feed.OPERATIONS:
        for status in (200, 401):
            feed.outcome(api, operation, body, status)
    text = body.decode(errors="replace")
    if url := api.secure_base_url(text):
        assert api.secure_base_url(url) == url
    api.is_loopback(text)


atheris.Setup(sys.argv, read)
atheris.Fuzz()
