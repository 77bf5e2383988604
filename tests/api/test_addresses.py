"""Which hosts are this machine, and where secrets may be sent."""

import pytest

from custom_components.plex_account.api import is_loopback, secure_base_url

from .common import PLEX_DIRECT_HASH


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("0:0:0:0:0:0:0:1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("LocalHost", True),
        (f"127-0-0-1.{PLEX_DIRECT_HASH}.plex.direct", True),
        (f"0-0-0-0-0-0-0-1.{PLEX_DIRECT_HASH}.plex.direct", True),
        (f"127-0-0-1.{PLEX_DIRECT_HASH.upper()}.PLEX.DIRECT", True),
        ("", False),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("127.1", False),
        ("2130706433", False),
        ("0x7f000001", False),
        ("0177.0.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        (f"127-0-0-1.{PLEX_DIRECT_HASH}.evilplex.direct", False),
        (f"127-0-0-1.{PLEX_DIRECT_HASH}.plex.direct.example.com", False),
        (f"x.127-0-0-1.{PLEX_DIRECT_HASH}.plex.direct", False),
        (f"127-0-0-1.{PLEX_DIRECT_HASH[1:]}.plex.direct", False),
        (f"127-0-0-1.{PLEX_DIRECT_HASH[1:]}g.plex.direct", False),
        ("127-0-0-1.plex.direct", False),
        (f"10-0-0-1.{PLEX_DIRECT_HASH}.plex.direct", False),
        (f"0177-0-0-1.{PLEX_DIRECT_HASH}.plex.direct", False),
        (f"{'-' * 46}.{PLEX_DIRECT_HASH}.plex.direct", False),
    ],
)
def test_is_loopback(host: str, loopback: bool) -> None:
    """This machine, and nothing that merely looks like it."""
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://plex.tv/api/v2", "https://plex.tv/api/v2"),
        ("https://plex.tv/api/v2/", "https://plex.tv/api/v2"),
        ("https://plex.tv", "https://plex.tv"),
        ("HTTPS://Plex.TV:8443/x", "https://plex.tv:8443/x"),
        ("https://192.0.2.1:32400", "https://192.0.2.1:32400"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ("http://127.0.0.1:8001/api/v2", "http://127.0.0.1:8001/api/v2"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:8001", "http://[::1]:8001"),
        ("http://localhost:8001/", "http://localhost:8001"),
    ],
)
def test_secure_base_url(text: str, url: str) -> None:
    """https, and http to this machine, without a final slash."""
    assert secure_base_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "plex.tv",
        "//plex.tv",
        "/api/v2",
        "https://",
        "https:///api",
        "http://plex.tv",
        "http://192.168.1.2:32400",
        "http://0.0.0.0",
        "http://127.1",
        "http://2130706433",
        "http://localhost.example.com",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://user@plex.tv",
        "https://user:password@plex.tv",
        "https://plex.tv\\@127.0.0.1",
        "https://plex.tv?x=1",
        "https://plex.tv/?",
        "https://plex.tv#x",
        "https://plex.tv/#",
        "https://plex.tv:0",
        "https://plex.tv:99999",
        "https://plex.tv:port",
        "https://[::1",
        "https://pl ex.tv",
        " https://plex.tv",
        "https://plex.tv\n",
        "https://plex.tv/\tapi",
        "https://plëx.tv",
        "https://plex.tv/äpi",
    ],
)
def test_insecure_base_url(text: str) -> None:
    """Anything else is no place for a password."""
    assert secure_base_url(text) is None
