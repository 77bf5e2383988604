"""Which connections of a server may be dialed: pure rules, no I/O.

The owner of a shared server writes its list, so all of it is hostile input.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import islice
import re
from unicodedata import normalize

from yarl import URL

from .addresses import IPAddress, is_loopback, literal_address, plex_direct_address
from .models import ConnectionKind, PlexConnection

MAX_CONNECTIONS = 24

_MAX_LISTED = 100
_MAX_URI_LENGTH = 300
_MAX_NAME_LENGTH = 253
_PORTS = {"http": 80, "https": 443}

_URI = re.compile(
    r"(?P<scheme>https?)://(?:\[(?P<ipv6>[0-9a-f]*:[0-9a-f:.]+)\]"
    r"|(?P<name>[^\s/?#@\\:\[\]%]+))"
    r"(?::(?P<port>[0-9]{1,5}))?/?",
    re.ASCII | re.IGNORECASE,
)
_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
_NUMERIC_NAME = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")

_THIS_NETWORK = IPv4Network("0.0.0.0/8")
_NAT64_NETWORK = IPv6Network("64:ff9b::/96")
_PRIVATE_NETWORKS = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("fc00::/7"),
    IPv6Network("fec0::/10"),  # site-local, replaced by fc00::/7
)


class Failure(StrEnum):
    """Why a connection is not used, most informative first."""

    NOT_LISTED = "not_listed"
    MAINTENANCE = "maintenance"
    RATE_LIMITED = "rate_limited"
    CERTIFICATE = "certificate"
    OTHER_SERVER = "other_server"
    WRONG_ANSWER = "wrong_answer"
    TIMEOUT = "timeout"
    NOT_CONNECTED = "not_connected"
    NAME_NOT_FOUND = "name_not_found"
    PRIVATE = "private"
    PLAIN_HTTP = "plain_http"
    NOT_PUBLIC = "not_public"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link_local"
    RESERVED = "reserved"
    MULTICAST = "multicast"
    UNSPECIFIED = "unspecified"
    MALFORMED = "malformed"
    NO_CONNECTIONS = "no_connections"


@dataclass(frozen=True, slots=True, kw_only=True)
class DialPolicy:
    """Which addresses a list of connections may name.

    `owned`: the account owns the server; other lists may only name public addresses.
    `private`: the server shares our public address, so private addresses may be in
    our own network. `loopback`: the list came from a plex.tv on loopback.
    """

    owned: bool
    private: bool
    loopback: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A connection that may be dialed; `address` is None until it is resolved."""

    kind: ConnectionKind
    url: str
    host: str
    address: IPAddress | None
    ipv6: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFailure:
    """A connection that is not used, and why."""

    kind: ConnectionKind
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What may be dialed, in order of preference, and what may not.

    `insecure_only`: connections are listed, but none of them is secure.
    """

    allowed: tuple[Candidate, ...]
    refused: tuple[ConnectionFailure, ...]
    insecure_only: bool


class ConnectionRefused(Exception):
    """A connection must not be used."""

    def __init__(self, failure: Failure) -> None:
        """Initialize the error with the reason."""
        super().__init__(failure)
        self.failure = failure


def select_candidates(
    connections: Iterable[PlexConnection], policy: DialPolicy
) -> Candidates:
    """Return what may be dialed: the first 24 connections that the rules allow.

    An http URI with a plex.direct name is also tried as https: the port may speak
    TLS, and the name has a certificate.
    """
    allowed: dict[str, Candidate] = {}
    refused: list[ConnectionFailure] = []
    lists_secure = False
    for connection in islice(connections, _MAX_LISTED):
        if len(allowed) >= MAX_CONNECTIONS:
            break
        try:
            scheme, host, port = _split(connection.uri)
            if scheme == "https" or plex_direct_address(host):
                candidate = _candidate(connection, "https", host, port, policy)
                allowed.setdefault(candidate.url, candidate)
                lists_secure |= scheme == "https"
            if scheme == "http":
                candidate = _candidate(connection, "http", host, port, policy)
                allowed.setdefault(candidate.url, candidate)
                lists_secure = True
        except ConnectionRefused as refusal:
            refused.append(
                ConnectionFailure(kind=connection.kind, failure=refusal.failure)
            )
    failures = {one.failure for one in refused}
    kinds = list(ConnectionKind)
    return Candidates(
        allowed=tuple(
            sorted(
                islice(allowed.values(), MAX_CONNECTIONS),
                key=lambda one: (kinds.index(one.kind), one.ipv6),
            )
        ),
        refused=tuple(refused),
        insecure_only=not lists_secure
        and Failure.PLAIN_HTTP in failures
        and Failure.PRIVATE not in failures,
    )


def address_failure(address: IPAddress, policy: DialPolicy) -> Failure | None:
    """Return why an address must not be dialed, or None if it may be."""
    tunneled = list(_tunneled(address))
    for inner in tunneled:
        if inner.is_loopback:
            return Failure.LOOPBACK
        if failure := _address_failure(inner, policy):
            return failure
    return None if tunneled else _address_failure(_unmapped(address), policy)


def _address_failure(address: IPAddress, policy: DialPolicy) -> Failure | None:
    if address.is_unspecified or address in _THIS_NETWORK:
        return Failure.UNSPECIFIED
    if address.is_multicast:
        return Failure.MULTICAST
    if address.is_link_local:
        return Failure.LINK_LOCAL
    if address.is_loopback:
        return None if policy.loopback else Failure.LOOPBACK
    if address.is_reserved:
        return Failure.RESERVED
    if policy.owned:
        return None
    if any(address in network for network in _PRIVATE_NETWORKS):
        return None if policy.private else Failure.PRIVATE
    return None if address.is_global else Failure.NOT_PUBLIC


def _unmapped(address: IPAddress) -> IPAddress:
    """Return the address as it is dialed: an IPv4-mapped one as IPv4."""
    return getattr(address, "ipv4_mapped", None) or address


def _tunneled(address: IPAddress) -> Iterator[IPv4Address]:
    """Return the IPv4 addresses that NAT64, 6to4, or Teredo would send a packet to."""
    if not isinstance(address, IPv6Address):
        return
    if address in _NAT64_NETWORK:
        yield IPv4Address(address.packed[-4:])
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo


def _split(uri: str) -> tuple[str, str, int]:
    """Return the scheme, host as sent over the wire, and port of a URI.

    A URI with any other part is refused.
    """
    match = _URI.fullmatch(uri) if len(uri) <= _MAX_URI_LENGTH else None
    if not match:
        raise ConnectionRefused(Failure.MALFORMED)
    scheme = match["scheme"].lower()
    host = (match["ipv6"] or _encode_name(match["name"])).lower()
    port = int(match["port"] or _PORTS[scheme])
    is_name = _NAME.fullmatch(host) and not _NUMERIC_NAME.fullmatch(host)
    if not 0 < port < 65536 or not (is_name or literal_address(host)):
        raise ConnectionRefused(Failure.MALFORMED)
    return scheme, host, port


def _encode_name(name: str) -> str:
    """Return a name as used in DNS: IDNA-encoded and without the trailing dot.

    An encoded name may turn out to be an address. Long names are refused beforehand,
    since encoding them takes up to a second.
    """
    if not name.isascii():
        name = normalize("NFKC", name).replace("\u3002", ".")
    if len(name) > _MAX_NAME_LENGTH or any(len(one) > 63 for one in name.split(".")):
        raise ConnectionRefused(Failure.MALFORMED)
    try:
        encoded = URL.build(scheme="https", host=name).raw_host
    except ValueError:
        encoded = None
    return (encoded or "").removesuffix(".")


def _candidate(
    connection: PlexConnection, scheme: str, host: str, port: int, policy: DialPolicy
) -> Candidate:
    """Return a connection as a candidate; raise ConnectionRefused if it can't be one."""
    if scheme == "http" and not is_loopback(host):
        raise ConnectionRefused(Failure.PLAIN_HTTP)
    if host == "localhost" and not policy.loopback:
        raise ConnectionRefused(Failure.LOOPBACK)
    address = literal_address(host) or plex_direct_address(host)
    if address and (failure := address_failure(address, policy)):
        raise ConnectionRefused(failure)
    return Candidate(
        kind=connection.kind,
        url=f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}",
        host=host,
        address=address,
        ipv6=address.version == 6 if address else connection.ipv6,
    )


def is_allowed(
    connection: Candidate, listed: Iterable[PlexConnection], policy: DialPolicy
) -> bool:
    """Return whether a list offers a connection chosen from an earlier list."""
    candidates = select_candidates(listed, policy)
    return any(one.url == connection.url for one in candidates.allowed) and not (
        connection.address and address_failure(connection.address, policy)
    )
