"""Chooses the connection to a server: all that may be dialed are probed in parallel."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
import socket

from .addresses import IPAddress, literal_address, plex_direct_address
from .candidates import (
    MAX_CONNECTIONS,
    Candidate,
    ConnectionFailure,
    ConnectionRefused,
    DialPolicy,
    Failure,
    address_failure,
    select_candidates,
)
from .errors import (
    PlexCertificateError,
    PlexConnectionError,
    PlexError,
    PlexMaintenance,
    PlexRateLimitError,
    PlexTimeoutError,
)
from .media_server import PlexServerClient
from .models import PlexServer

PROBE_SECONDS = 5

# How much later than the first answer a better connection may answer.
BETTER_SECONDS = 0.3

_MAX_ADDRESSES = 4

type Connect = Callable[[Candidate], PlexServerClient]
type Resolve = Callable[[str], Awaitable[Iterable[IPAddress]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionResult:
    """The connection that reaches a server, or None if none does, and what failed.

    `server` and `policy`: what it was chosen from. `is_best`: nothing that may be
    dialed would be preferred. `insecure_only`: there is no secure connection at all.
    `retry_after`: how many seconds every dialed connection asks to wait.
    """

    server: PlexServer
    policy: DialPolicy
    connection: Candidate | None
    is_best: bool
    insecure_only: bool
    failures: tuple[ConnectionFailure, ...]
    retry_after: float

    @property
    def certificate_refused(self) -> bool:
        """Return whether a connection had an untrusted certificate."""
        return any(one.failure is Failure.CERTIFICATE for one in self.failures)

    @property
    def most_telling_failure(self) -> ConnectionFailure | None:
        """Return the failure that best explains why the server is unreachable."""
        order = list(Failure)
        return min(
            self.failures, key=lambda one: order.index(one.failure), default=None
        )


class PlexUnreachable(PlexConnectionError):
    """No connection reaches the server; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        """Initialize the error with the reason; only probes were sent."""
        super().__init__(f"Unreachable: {failure}", request_sent=False)
        self.failure = failure


async def resolve_host(host: str) -> list[IPAddress]:
    """Return the addresses of a host, from the operating system's resolver.

    It occupies a thread. Pass another resolver if strangers name the hosts.
    """
    found = await asyncio.get_running_loop().getaddrinfo(
        host, None, type=socket.SOCK_STREAM
    )
    addresses = (literal_address(str(host)) for *_, (host, *_) in found)
    return [address for address in addresses if address]


async def choose_connection(
    server: PlexServer,
    policy: DialPolicy,
    *,
    connect: Connect,
    resolve: Resolve = resolve_host,
) -> ConnectionResult:
    """Return the best connection that answers within 0.3 s of the first one.

    A probe is GET /identity without a token; only the server's own machine identifier
    counts as an answer. For a shared server, the full 0.3 s pass unless all probes are
    answered: its owner must not learn from the delay how other addresses fared.
    """
    candidates = select_candidates(server.connections, policy)
    probe = _Probe(server.machine_identifier, policy, connect, resolve)
    probes = [
        asyncio.create_task(probe.run(candidate)) for candidate in candidates.allowed
    ]
    try:
        await _wait_for_answers(probes, patient=not policy.owned)
    finally:
        for task in probes:
            task.cancel()
        await asyncio.gather(*probes, return_exceptions=True)

    failures = [_failure(task) for task in probes]
    best = failures.index(None) if None in failures else None
    before_best = zip(candidates.allowed[:best], failures[:best], strict=True)
    return ConnectionResult(
        server=server,
        policy=policy,
        connection=None if best is None else probes[best].result(),
        is_best=best == 0,
        insecure_only=candidates.insecure_only and best is None,
        failures=(
            *candidates.refused,
            *(
                ConnectionFailure(kind=candidate.kind, failure=failure)
                for candidate, failure in before_best
                if failure
            ),
        ),
        retry_after=min(map(_retry_after, probes), default=0),
    )


async def _wait_for_answers(
    probes: list[asyncio.Task[Candidate]], *, patient: bool
) -> None:
    """Wait until all probes have ended, or until 0.3 s after the first answer.

    Unless patient, stop once no probe ahead of the first answered one is pending.
    """
    loop = asyncio.get_running_loop()
    deadline: float | None = None
    pending = set(probes)
    while pending and (deadline is None or loop.time() < deadline):
        done, pending = await asyncio.wait(
            pending,
            timeout=None if deadline is None else deadline - loop.time(),
            return_when=asyncio.FIRST_COMPLETED,
        )
        if deadline is None and not all(map(_failure, done)):
            deadline = loop.time() + BETTER_SECONDS
        best = next(
            (one for one in probes if not one.done() or not _failure(one)), None
        )
        if not patient and best and best.done():
            return
    if patient and deadline and not pending and any(map(_failure, probes)):
        await asyncio.sleep(deadline - loop.time())


class _Probe:
    """Determines whether a candidate leads to one server."""

    def __init__(
        self,
        machine_identifier: str,
        policy: DialPolicy,
        connect: Connect,
        resolve: Resolve,
    ) -> None:
        """Initialize the probe with a limit, since names may have many addresses."""
        self._machine_identifier = machine_identifier
        self._policy = policy
        self._connect = connect
        self._resolve = resolve
        self._limit = asyncio.Semaphore(MAX_CONNECTIONS)

    async def run(self, candidate: Candidate) -> Candidate:
        """Return the candidate with the address that answers.

        If there is no route to the address in a plex.direct name, as in an IPv6-only
        network, the name is resolved. Raises PlexError, ConnectionRefused, or
        TimeoutError.
        """
        async with asyncio.timeout(PROBE_SECONDS):
            if candidate.address:
                try:
                    return await self._verify(candidate)
                except PlexConnectionError as error:
                    if not (error.no_route and plex_direct_address(candidate.host)):
                        raise
            return await self._first_answer(await self._locate(candidate))

    async def _verify(self, candidate: Candidate) -> Candidate:
        """Return the candidate if the server answers there."""
        async with self._limit:
            identity = await self._connect(candidate).get_identity()
        if identity.machine_identifier != self._machine_identifier:
            raise ConnectionRefused(Failure.OTHER_SERVER)
        return candidate

    async def _locate(self, candidate: Candidate) -> list[Candidate]:
        """Return the candidate with each address of its name, IPv4 first.

        The owner of the name may give it any address, so each one is checked.
        """
        try:
            addresses = [*await self._resolve(candidate.host)]
        except Exception:  # noqa: BLE001, a name may break a resolver in any way
            addresses = []
        located: list[Candidate] = []
        failure = Failure.NAME_NOT_FOUND
        for address in sorted(dict.fromkeys(addresses), key=lambda one: one.version):
            if refusal := address_failure(address, self._policy):
                failure = refusal
            elif candidate.url.startswith("http:") and not address.is_loopback:
                failure = Failure.PLAIN_HTTP
            else:
                located.append(
                    replace(candidate, address=address, ipv6=address.version == 6)
                )
        if not located:
            raise ConnectionRefused(failure)
        return located[:_MAX_ADDRESSES]

    async def _first_answer(self, located: list[Candidate]) -> Candidate:
        """Return the first of several addresses that answers, probing all at once."""
        asking = [asyncio.create_task(self._verify(one)) for one in located]
        try:
            for answer in asyncio.as_completed(asking):
                try:
                    return await answer
                except PlexError, ConnectionRefused:
                    continue
            return asking[0].result()
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)


def failure_of(error: PlexError) -> Failure:
    """Return the connection failure that an error indicates."""
    match error:
        case PlexUnreachable(failure=failure):
            return failure
        case PlexTimeoutError():
            return Failure.TIMEOUT
        case PlexCertificateError():
            return Failure.CERTIFICATE
        case PlexConnectionError():
            return Failure.NOT_CONNECTED
        case PlexMaintenance():
            return Failure.MAINTENANCE
        case PlexRateLimitError():
            return Failure.RATE_LIMITED
        case _:
            return Failure.WRONG_ANSWER


def _failure(probe: asyncio.Task[Candidate]) -> Failure | None:
    """Return why a probe failed, or None if it was answered."""
    if probe.cancelled():
        return Failure.TIMEOUT
    match probe.exception():
        case None:
            return None
        case ConnectionRefused(failure=failure):
            return failure
        case TimeoutError():
            return Failure.TIMEOUT
        case PlexError() as error:
            return failure_of(error)
        case error:
            raise error


def _retry_after(probe: asyncio.Task[Candidate]) -> float:
    """Return how many seconds a probe was asked to wait."""
    error = None if probe.cancelled() else probe.exception()
    return error.retry_after or 0 if isinstance(error, PlexRateLimitError) else 0
