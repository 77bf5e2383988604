"""Which hosts are this machine, and where secrets may be sent."""

import pytest

from custom_components.plex_account.api import is_loopback, secure_base_url
from tests.samples import sample

ADDRESSES = sample("odd/addresses")


@pytest.mark.parametrize("host", ADDRESSES["loopback"])
def test_loopback(host: str) -> None:
    """This machine, however it is written."""
    assert is_loopback(host) is True


@pytest.mark.parametrize("host", ADDRESSES["not loopback"])
def test_not_loopback(host: str) -> None:
    """Nothing that merely looks like it."""
    assert is_loopback(host) is False


@pytest.mark.parametrize(("text", "url"), ADDRESSES["secure"].items())
def test_secure_base_url(text: str, url: str) -> None:
    """HTTPS, and HTTP to this machine, without a final slash."""
    assert secure_base_url(text) == url


@pytest.mark.parametrize("text", ADDRESSES["plain http"] + ADDRESSES["not a base URL"])
def test_insecure_base_url(text: str) -> None:
    """Anything else is no place for a password."""
    assert secure_base_url(text) is None
