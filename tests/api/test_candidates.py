"""Which connections in a list may be dialed, whatever its author put into it."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from time import process_time
from typing import Any, NoReturn
from urllib.parse import urlsplit

from hypothesis import example, given, settings, strategies as st
import pytest
from yarl import URL

from custom_components.plex_account import api
from custom_components.plex_account.api import ConnectionKind, DialPolicy, Failure

from .common import PLEX_DIRECT_HASH, listed_server, way
from .test_properties import bounded

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")

OWNED = DialPolicy(owned=True, private=False, loopback=False)
SHARED = DialPolicy(owned=False, private=False, loopback=False)
NEIGHBOR = DialPolicy(owned=False, private=True, loopback=False)
ON_LOOPBACK = DialPolicy(owned=True, private=False, loopback=True)

ON_THIS_MACHINE = [Failure.LOOPBACK] * 3 + [None]
# Plain IPv4, plain IPv6, and IPv6 addresses that embed IPv4, with the expected verdicts
VERDICTS: dict[str, Sequence[Failure | None]] = {
    """
        8.8.8.8 172.15.255.255 172.32.0.1 192.167.255.255 2606:4700::1 ::ffff:8.8.8.8
        2002:808:808::1 64:ff9b::808:808 2001:0:808:808:0:0:f7f7:f7f7
    """: [None] * 4,
    """
        10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255
        fc00::1 fd12:3456:789a::1 fec0::1 ::ffff:192.168.0.1 ::ffff:c0a8:1
        2002:a00:1::1 2002:c0a8:1::1 64:ff9b::192.168.0.1
        2001:0:808:808:0:0:3f57:fffe 2001:0:a00:1:0:0:f7f7:f7f7
    """: [None, Failure.PRIVATE, None, None],
    """
        100.64.0.1 100.127.255.255 192.0.0.8 192.0.2.1 198.18.0.1 198.51.100.1
        203.0.113.7 2001:db8::7 2001:2::1 64:ff9b::100.64.0.1
    """: [None, Failure.NOT_PUBLIC, Failure.NOT_PUBLIC, None],
    """
        127.0.0.1 127.255.255.255 ::1 0:0:0:0:0:0:0:1 ::ffff:127.0.0.1 ::ffff:7f00:1
    """: ON_THIS_MACHINE,
    # Refused regardless of who wrote the list
    "0.0.0.0 0.1.2.3 :: ::ffff:0.0.0.0 64:ff9b::": [Failure.UNSPECIFIED] * 4,
    """
        224.0.0.1 239.255.255.250 ff02::1 ::ffff:224.0.0.1 2002:e000:1::1
    """: [Failure.MULTICAST] * 4,
    """
        169.254.169.254 fe80::1 ::ffff:169.254.169.254 64:ff9b::169.254.169.254
        2002:a9fe:a9fe::1 2001:0:808:808:0:0:5601:5601
    """: [Failure.LINK_LOCAL] * 4,
    """
        240.0.0.1 255.255.255.255 ::2 100::1 4000::1 64:ff9b:1::808:808 ::127.0.0.1
        ::ffff:0:127.0.0.1
    """: [Failure.RESERVED] * 4,
    """
        64:ff9b::7f00:1 2002:7f00:1::1 2001:0:808:808:0:0:80ff:fffe
    """: [Failure.LOOPBACK] * 4,
}
ADDRESSES = {one: verdict for some, verdict in VERDICTS.items() for one in some.split()}

BAD_ENDS = ("/library", "//", "?x=1", "/?x=1", "#x", "@127.0.0.1", "\n", " ")
BAD_PORTS = ("", 0, 65536, 99999, 324000, "port", -1, "٣٢٤")
BAD_HOSTS = """
    user@8.8.8.8 user:password@8.8.8.8 8.8.8.8\\@127.0.0.1 2606:4700::7
    [::1 [2001:db8::7%25eth0] [fe80::1%eth0] [1:2:3] [8.8.8.8] [v1.a]
    2130706433 0x7f000001 0x7F.0.0.1 127.0.0.0x1 0x 0177.0.0.1 ０１７７.0.0.1 ２１３０７０６４３３
    127.1 10.1 0x7f.1. 1.2.3.4.5 256.0.0.1 00000010.0.0.1 example.1 a..b . .example.com
    mus%69c.example.com exa\u00admple.com exa\u200bmple.com ℀.example.com
"""
LONG_HOSTS = (f"{'a' * 64}.example.com", f"{'a.' * 130}example.com", "\ufdfa" * 250)
MALFORMED = [
    *["https://", "https:///", "https://:32400", "https://[::1", "https:8.8.8.8"],
    *["httpſ://8.8.8.8", "ftp://8.8.8.8:32400", "//8.8.8.8:32400", "8.8.8.8:32400"],
    *("file:///etc/passwd", "javascript:alert(1)", " https://8.8.8.8:32400"),
    *(f"https://8.8.8.8:32400{end}" for end in BAD_ENDS),
    *(f"https://8.8.8.8:{port}" for port in BAD_PORTS),
    *(f"https://{host}:32400" for host in (*BAD_HOSTS.split(), *LONG_HOSTS)),
]
THIS_MACHINE = f"""
    127.0.0.1 127.0.0.1. １２７.0.0.1 127。0。0。1 ①②⑦.0.0.1 [::1] [::ffff:127.0.0.1]
    127-0-0-1.{PLEX_DIRECT_HASH}.plex.direct １２７-0-0-1.{PLEX_DIRECT_HASH}.plex.direct.
    --1.{PLEX_DIRECT_HASH}.plex.direct
    localhost LOCALHOST. ｌｏｃａｌｈｏｓｔ
"""
PLAIN_HTTP = "8.8.8.8 10.0.0.1 [2606:4700::7] a.example localhost.a.example"


def hosts_of(address: str) -> list[str]:
    """Return the hosts that represent an address: the address and its plex.direct name."""
    parsed = ip_address(address)
    label = {4: address.replace(".", "-"), 6: parsed.packed.hex("-", 2)}[parsed.version]
    bare = f"[{address}]" if parsed.version == 6 else address
    return [bare, f"{label}.{PLEX_DIRECT_HASH}.plex.direct"]


URIS: dict[str, Sequence[Failure | None]] = {
    f"https://{host}:32400": verdict
    for address, verdict in ADDRESSES.items()
    for host in hosts_of(address)
}
for this_machine in THIS_MACHINE.split():
    URIS[f"http://{this_machine}:32400"] = ON_THIS_MACHINE
    URIS[f"https://{this_machine}:32400"] = ON_THIS_MACHINE
URIS |= dict.fromkeys(MALFORMED, [Failure.MALFORMED] * 4)


def verdicts(uri: str, *policies: DialPolicy) -> list[Failure | None]:
    """Return why each policy refuses a connection, or None if it may be dialed."""
    found: list[Failure | None] = []
    for policy in policies:
        candidates = api.select_candidates([way(uri)], policy)
        schemes = {one.url.partition(":")[0] for one in candidates.allowed}
        assert not schemes or uri.partition(":")[0] in schemes
        refused = {one.failure for one in candidates.refused}
        [verdict] = refused or [None]
        assert bool(schemes) is (verdict is None)
        found.append(verdict)
    return found


@pytest.mark.parametrize("uri", URIS, ids=ascii)
def test_what_may_be_dialed(uri: str) -> None:
    """The verdict depends on the address, its owner, and our own network.

    If the list itself comes from this machine, this machine may be dialed, even over
    http. Anything but an origin, and nonstandard spellings of an address, are refused.
    """
    assert verdicts(uri, OWNED, SHARED, NEIGHBOR, ON_LOOPBACK) == URIS[uri]


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("https://8.8.8.8", "https://8.8.8.8:443"),
        ("https://8.8.8.8:1/", "https://8.8.8.8:1"),
        ("HTTPS://[2606:4700::A]:65535", "https://[2606:4700::a]:65535"),
        ("https://Music.example.com.:32400", "https://music.example.com:32400"),
        ("https://my_server.local", "https://my_server.local:443"),
        ("https://MÜSIC.example.com", "https://xn--msic-0ra.example.com:443"),
        ("https://музыка。рф", "https://xn--80anjg9azc.xn--p1ai:443"),
        ("https://８。８．8｡８:8", "https://8.8.8.8:8"),
        ("https://0177-0-0-1.{}.plex.direct", "https://0177-0-0-1.{}.plex.direct:443"),
        ("https://127-0-0-1.{}.evilplex.direct", None),
        ("https://8-8-8-8.{}.PLEX.DIRECT.:9", "https://8-8-8-8.{}.plex.direct:9"),
        ("http://8-8-8-8.{}.plex.direct:9", "https://8-8-8-8.{}.plex.direct:9"),
    ],
)
def test_connections_of_good_form(uri: str, url: str | None) -> None:
    """An http or https scheme, a host, and an optional port are normalized for the wire.

    A plain http URI with a plex.direct name is tried with TLS, but doesn't count as
    secure.
    """
    uri = uri.format(PLEX_DIRECT_HASH)
    url = (url or f"{uri}:443").format(PLEX_DIRECT_HASH)
    candidates = api.select_candidates([way(uri)], SHARED)
    assert [one.url for one in candidates.allowed] == [url]
    assert candidates.insecure_only == uri.startswith("http:")


@pytest.mark.parametrize("host", PLAIN_HTTP.split())
def test_plain_http(host: str) -> None:
    """Plain http is never dialed; a server that offers nothing else is flagged."""
    plain, secure = way(f"http://{host}:32400"), way("https://10.1.1.1")
    never = way("https://169.254.169.254")
    assert verdicts(plain.uri, OWNED, ON_LOOPBACK) == [Failure.PLAIN_HTTP] * 2
    assert api.select_candidates([plain, never], OWNED).insecure_only
    assert not api.select_candidates([plain, secure], OWNED).insecure_only
    assert not api.select_candidates([plain, secure], SHARED).insecure_only
    assert not api.select_candidates([never], OWNED).insecure_only


def test_order() -> None:
    """Local, remote, relay; within each IPv4 before IPv6, judged by the address; no duplicates."""
    ways = [
        way("https://[2606:4700::3]", local=False, relay=True),
        way("https://8.8.8.3", local=True, relay=True),
        way("https://[2606:4700::2]", local=False),
        way("https://remote6.example.com", local=False, ipv6=True),
        way("https://8.8.8.2", local=False, ipv6=True),
        way("https://[2606:4700::1]"),
        way("https://8.8.8.1"),
        way("https://8.8.8.11"),
        way("https://8.8.8.11:443/", relay=True),
    ]
    expected = {
        ConnectionKind.LOCAL: ["8.8.8.1", "8.8.8.11", "2606:4700::1"],
        ConnectionKind.REMOTE: ["8.8.8.2", "2606:4700::2", "remote6.example.com"],
        ConnectionKind.RELAY: ["8.8.8.3", "2606:4700::3"],
    }
    allowed = api.select_candidates(ways, SHARED).allowed
    assert [(one.kind, one.host) for one in allowed] == [
        (kind, host) for kind, hosts in expected.items() for host in hosts
    ]


def test_long_lists() -> None:
    """Only the first 24 that may be dialed count; ten thousand aren't even stored.

    Names that are slow to encode are refused without encoding, and only a few are
    examined.
    """
    bad = [way("https://169.254.169.254")] * 50
    good = [way(f"https://8.8.8.8:{port}") for port in range(1, 10_001)]
    candidates = api.select_candidates(bad + good, SHARED)
    assert [one.url for one in candidates.allowed] == [one.uri for one in good[:24]]
    candidates = api.select_candidates(bad * 1000, SHARED)
    assert (len(candidates.allowed), len(candidates.refused)) == (0, 100)
    for letters in ("\ufdfa" * 240, "\u0628" * 240, "\xfc\u3002" * 100):
        names = [way(f"https://{letters}{number}.example") for number in range(1000)]
        started = process_time()
        assert api.select_candidates(names, SHARED).allowed == ()
        assert process_time() - started < 0.3


# Arbitrary input, checked against a second implementation of the rules
NETWORKS = {
    "never": ("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
    "loopback": ("127.0.0.0/8", "::1/128"),
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
    "in use": ("0.0.0.0/0", "2000::/3", "fc00::/7", "fec0::/10", "::1/128"),
}  # fmt: skip
MAPPED, TEREDO = "::ffff:0:0/96", "2001::/32"
CARRIERS = {MAPPED: 0, "64:ff9b::/96": 0, "2002::/16": 80, TEREDO: 0}
"""IPv6 networks that embed an IPv4 address, and the number of bits after it."""


def is_in(address: Any, networks: str) -> bool:
    """Return whether an address is in one of the networks."""
    return any(address in ip_network(one) for one in NETWORKS[networks])


def may_be_dialed(address: Any, policy: DialPolicy) -> bool:
    """Return whether a second implementation of the rules allows dialing an address."""
    for network, shift in CARRIERS.items():
        if address in ip_network(network):
            bits = int(address) >> shift
            inner = ip_address((~bits if network == TEREDO else bits) & 0xFFFFFFFF)
            if is_in(inner, "loopback") and network != MAPPED:
                return False
            return may_be_dialed(inner, policy)
    if is_in(address, "never") or not is_in(address, "in use"):
        return False
    if is_in(address, "loopback"):
        return policy.loopback
    if policy.owned:
        return True
    return policy.private if is_in(address, "private") else address.is_global


addresses = st.one_of(
    st.sampled_from([*ADDRESSES]).map(ip_address),
    st.ip_addresses(),
    *(st.ip_addresses(network=network) for network in CARRIERS),
)
hosts = (
    addresses.map(str).map(hosts_of).flatmap(st.sampled_from)
    | addresses.map(str).map(lambda one: one.translate(str.maketrans("1.", "１。")))
    | st.sampled_from(["localhost", "plex.example", "0x7f.1", "127.1", "1", "a..b", ""])
    | st.text(max_size=8)
)
uris = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["http", "https", "HTTPS", "ftp", "ws"]),
    st.sampled_from(["", "", "", "", "user@", "user:pass@", "\\@"]),
    hosts,
    st.sampled_from([":32400", ":32400", "", ".", ":0", ":65535", ":65536", ":٣"]),
    st.sampled_from(["", "", "", "/", "/path", "?x", "#x", "\n", " "]),
)
connections = st.builds(
    way, uris | st.text(max_size=20), local=..., relay=..., ipv6=...
)
policies = st.builds(DialPolicy)


@settings(bounded, max_examples=800)
@given(st.lists(connections, max_size=30), policies)
def test_whatever_a_list_says(
    listed: list[api.PlexConnection], policy: DialPolicy
) -> None:
    """Only what the rules allow becomes a candidate, in normalized form and in order."""
    allowed = api.select_candidates(listed, policy).allowed
    assert len(allowed) <= 24
    kinds = [*ConnectionKind]
    ranks = [(kinds.index(one.kind), one.ipv6) for one in allowed]
    assert ranks == sorted(ranks)
    for one in allowed:
        origin, dialed = urlsplit(one.url), URL(one.url)
        assert (origin.path, origin.query, origin.fragment) == ("", "", "")
        assert origin.username is None
        assert one.url.isascii()
        assert origin.hostname == one.host == dialed.raw_host
        assert origin.port == dialed.port
        if one.address:
            assert may_be_dialed(one.address, policy)
        if origin.scheme == "http":
            assert policy.loopback
            assert one.host == "localhost" or is_in(one.address, "loopback")
        else:
            assert origin.scheme == "https"


@bounded
@given(
    st.lists(connections, min_size=1, max_size=6),
    policies,
    st.lists(addresses, max_size=4),
)
@example([way("http://localhost:1")], ON_LOOPBACK, [ip_address("8.8.8.8")])
async def test_whatever_a_name_server_says(
    listed: list[api.PlexConnection], policy: DialPolicy, found: list[Any]
) -> None:
    """Only an address that the rules allow is dialed."""
    dialed: list[api.Candidate] = []

    def connect(candidate: api.Candidate) -> NoReturn:
        dialed.append(candidate)
        raise api.PlexConnectionError("Nobody is there", request_sent=False)

    async def resolve(host: str) -> list[Any]:
        if host.startswith("x"):
            raise ValueError("No name for this resolver")
        return found

    choice = await api.choose_connection(
        listed_server(*listed), policy, connect=connect, resolve=resolve
    )
    assert choice.connection is None
    for one in dialed:
        assert one.address
        assert may_be_dialed(one.address, policy)
        assert one.url.startswith("https:") or is_in(one.address, "loopback")
