"""Which hosts are this machine, and where secrets may be sent."""

import pytest

from custom_components.plex_account.api import is_loopback, secure_base_url
from tests.samples import sample

ADDRESSES = sample("odd/addresses")
SECURE = ADDRESSES["secure"]
INSECURE = ADDRESSES["plain http"] + ADDRESSES["not a base URL"]


@pytest.mark.parametrize("host", ADDRESSES["loopback"] + ADDRESSES["not loopback"])
def test_loopback(host: str) -> None:
    """This machine, however it is written, and nothing that merely looks like it."""
    assert is_loopback(host) is (host in ADDRESSES["loopback"])


@pytest.mark.parametrize("text", [*SECURE, *INSECURE])
def test_secure_base_url(text: str) -> None:
    """HTTPS, or HTTP to this machine; anything else is no place for a password."""
    assert secure_base_url(text) == SECURE.get(text)
