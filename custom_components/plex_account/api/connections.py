"""Which connections of a server may be dialled, and which one reaches it.

The list of a shared server is written by somebody else, so it is taken for hostile.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Address, IPv6Network
import re
import socket

from .addresses import IPAddress, is_loopback, literal_address, plex_direct_address
from .errors import (
    PlexCertificateError,
    PlexConnectionError,
    PlexError,
    PlexTimeoutError,
)
from .media_server import PlexServerClient
from .models import ConnectionKind, PlexConnection, PlexServer

MAX_CONNECTIONS = 24
PROBE_SECONDS = 5
CHOICE_SECONDS = 10

_URI = re.compile(
    r"(?P<scheme>https?)://(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))"
    r"(?::(?P<port>[0-9]{1,5}))?/?",
    re.ASCII | re.IGNORECASE,
)
_NUMERIC_NAME = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)\.?", re.IGNORECASE)

_THIS_NETWORK = IPv4Network("0.0.0.0/8")
_PRIVATE_NETWORKS = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("fc00::/7"),
    IPv6Network("fec0::/10"),  # what fc00::/7 has replaced
)


class Failure(StrEnum):
    """Why a connection is not the chosen one."""

    MALFORMED = "malformed"
    PLAIN_HTTP = "plain_http"
    UNSPECIFIED = "unspecified"
    MULTICAST = "multicast"
    LINK_LOCAL = "link_local"
    LOOPBACK = "loopback"
    RESERVED = "reserved"
    PRIVATE = "private"
    NAME_NOT_FOUND = "name_not_found"
    TIMEOUT = "timeout"
    CERTIFICATE = "certificate"
    NOT_CONNECTED = "not_connected"
    WRONG_ANSWER = "wrong_answer"
    OTHER_SERVER = "other_server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a list of connections may make us dial.

    `loopback`: the list came from a plex.tv on loopback.
    `private`: the server is the account's own, or shares our public address.
    """

    loopback: bool
    private: bool


type _Rule = Callable[[IPAddress, Trust], bool]

_REFUSALS: tuple[tuple[Failure, _Rule], ...] = (
    (
        Failure.UNSPECIFIED,
        lambda address, _: address.is_unspecified or address in _THIS_NETWORK,
    ),
    (Failure.MULTICAST, lambda address, _: address.is_multicast),
    (Failure.LINK_LOCAL, lambda address, _: address.is_link_local),
    (
        Failure.LOOPBACK,
        lambda address, trust: address.is_loopback and not trust.loopback,
    ),
    (
        Failure.RESERVED,
        lambda address, _: address.is_reserved and not address.is_loopback,
    ),
    (
        Failure.PRIVATE,
        lambda address, trust: (
            not trust.private
            and any(address in network for network in _PRIVATE_NETWORKS)
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A connection that may be dialled; `address` is None until DNS was asked."""

    kind: ConnectionKind
    url: str
    host: str
    port: int
    address: IPAddress | None
    ipv6: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A connection that was not chosen, and why."""

    kind: ConnectionKind
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The connection that reaches a server, None if none does, and what failed.

    `offered` and `trust`: what it was chosen from. `is_best`: nothing that could be
    dialled would be preferred. `insecure_only`: all that could be is plain http.
    """

    offered: tuple[PlexConnection, ...]
    trust: Trust
    connection: Candidate | None
    is_best: bool
    attempts: tuple[Attempt, ...]
    insecure_only: bool

    @property
    def certificate_refused(self) -> bool:
        """Return whether a server answered with a certificate of another name."""
        return any(attempt.failure is Failure.CERTIFICATE for attempt in self.attempts)


class _Refused(Exception):
    """A connection is not to be used."""

    def __init__(self, failure: Failure) -> None:
        """Keep why."""
        super().__init__(failure)
        self.failure = failure


def address_refusal(address: IPAddress, trust: Trust) -> Failure | None:
    """Return why an address is not dialled, None if it may be."""
    for failure, refuses in _REFUSALS:
        if refuses(address, trust):
            return failure
    if isinstance(address, IPv6Address) and (inner := _tunnelled(address)):
        return address_refusal(inner, replace(trust, loopback=False))
    return None


def candidates(
    server: PlexServer, trust: Trust
) -> tuple[list[Candidate], list[Attempt]]:
    """Return what may be dialled, in order of preference, and what may not."""
    allowed: dict[str, Candidate] = {}
    refused: list[Attempt] = []
    for connection in server.connections[:MAX_CONNECTIONS]:
        try:
            candidate = _candidate(connection, trust)
        except _Refused as refusal:
            refused.append(Attempt(kind=connection.kind, failure=refusal.failure))
        else:
            allowed.setdefault(candidate.url, candidate)
    kinds = list(ConnectionKind)
    return (
        sorted(allowed.values(), key=lambda item: (kinds.index(item.kind), item.ipv6)),
        refused,
    )


async def choose_connection(
    server: PlexServer,
    trust: Trust,
    *,
    connect: Callable[[Candidate], PlexServerClient],
    limit: asyncio.Semaphore,
) -> Choice:
    """Return the first connection in order at which the server itself answers.

    All are probed side by side with GET /identity, without a token, and nobody
    waits for those behind the first that answers. `limit` bounds the requests
    that run at once.
    """
    allowed, attempts = candidates(server, trust)
    refusals = {attempt.failure for attempt in attempts}
    insecure_only = (
        not allowed
        and Failure.PLAIN_HTTP in refusals
        and Failure.PRIVATE not in refusals  # it is secure, but not for everybody
    )
    chosen: Candidate | None = None
    loop = asyncio.get_running_loop()

    async def probe(candidate: Candidate) -> Candidate:
        async with limit:
            if deadline.when() is None:
                deadline.reschedule(loop.time() + CHOICE_SECONDS)
            async with asyncio.timeout(PROBE_SECONDS):
                *others, last = await _locate(candidate, trust)
                for located in others:
                    with suppress(PlexConnectionError):
                        return await verify(located)
                return await verify(last)

    async def verify(candidate: Candidate) -> Candidate:
        identity = await connect(candidate).get_identity()
        if identity.machine_identifier != server.machine_identifier:
            raise _Refused(Failure.OTHER_SERVER)
        return candidate

    probes: list[asyncio.Task[Candidate]] = []
    try:
        async with asyncio.timeout(None) as deadline:
            probes = [asyncio.create_task(probe(candidate)) for candidate in allowed]
            for task in probes:
                await asyncio.wait([task])
                if not task.exception():
                    break
    except TimeoutError:
        pass
    finally:
        for task in probes:
            task.cancel()
        await asyncio.gather(*probes, return_exceptions=True)

    for candidate, task in zip(allowed, probes, strict=True):
        if not (failure := _failure(task)):
            chosen = task.result()
            break
        attempts.append(Attempt(kind=candidate.kind, failure=failure))
    return Choice(
        offered=server.connections,
        trust=trust,
        connection=chosen,
        is_best=bool(allowed) and chosen is not None and chosen.url == allowed[0].url,
        attempts=tuple(attempts),
        insecure_only=insecure_only,
    )


def _candidate(connection: PlexConnection, trust: Trust) -> Candidate:
    """Return the candidate that a connection is; of its URI three parts are used."""
    if not (match := _URI.fullmatch(connection.uri)):
        raise _Refused(Failure.MALFORMED)
    host = match["ipv6"] or match["name"]
    scheme = match["scheme"].lower()
    port = int(match["port"] or {"http": 80, "https": 443}[scheme])
    address = literal_address(host) or plex_direct_address(host)
    is_name = match["name"] and not _NUMERIC_NAME.fullmatch(host)
    if not 0 < port < 65536 or not (address or is_name):
        raise _Refused(Failure.MALFORMED)
    if scheme == "http" and not is_loopback(host):
        raise _Refused(Failure.PLAIN_HTTP)
    if address and (failure := address_refusal(address, trust)):
        raise _Refused(failure)
    return Candidate(
        kind=connection.kind,
        url=f"{scheme}://{f'[{host}]' if match['ipv6'] else host}:{port}",
        host=host,
        port=port,
        address=address,
        ipv6=address.version == 6 if address else connection.ipv6,
    )


def _tunnelled(address: IPv6Address) -> IPAddress | None:
    """Return the IPv4 address that 6to4 or Teredo would carry a packet to."""
    if address.sixtofour:
        return address.sixtofour
    return address.teredo[1] if address.teredo else None


async def _locate(candidate: Candidate, trust: Trust) -> list[Candidate]:
    """Return a candidate with each address to dial, asking DNS where needed.

    Whoever wrote the name may have any address in it, so that is judged too.
    """
    if candidate.address:
        return [candidate]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            candidate.host, candidate.port, type=socket.SOCK_STREAM
        )
    except OSError, UnicodeError:
        raise _Refused(Failure.NAME_NOT_FOUND) from None
    located: list[Candidate] = []
    failure = Failure.NAME_NOT_FOUND
    for *_, (host, *_) in found:
        if not (address := literal_address(str(host))):
            continue
        if refusal := address_refusal(address, trust):
            failure = refusal
        elif candidate.url.startswith("http:") and not address.is_loopback:
            failure = Failure.PLAIN_HTTP
        else:
            ipv6 = address.version == 6
            located.append(replace(candidate, address=address, ipv6=ipv6))
    if not located:
        raise _Refused(failure)
    return sorted(located, key=lambda item: item.ipv6)


def _failure(probe: asyncio.Task[Candidate]) -> Failure | None:
    """Return why a probe has failed, None if it has not."""
    if probe.cancelled():
        return Failure.TIMEOUT
    match probe.exception():
        case None:
            return None
        case _Refused(failure=failure):
            return failure
        case TimeoutError() | PlexTimeoutError():
            return Failure.TIMEOUT
        case PlexCertificateError():
            return Failure.CERTIFICATE
        case PlexConnectionError():
            return Failure.NOT_CONNECTED
        case PlexError():
            return Failure.WRONG_ANSWER
        case error:
            raise error
