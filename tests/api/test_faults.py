"""One table of how every operation handles every possible fault."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from compression import zstd
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
import gzip
from itertools import product
import json
import logging
import re
import socket
import ssl
import struct
from time import monotonic
import tracemalloc
from typing import Any, override
import zlib

import pytest
import pytest_socket
import trustme

from custom_components.plex_account import api
from tests.fuzz import feed
from tests.samples import FIXTURES
from tests.simulator import hostile_modes
from tests.simulator.bare import BarePort
from tests.simulator.hostile_modes import Exchange, Mode, body, head, truth

from .common import CLIENT_IDENTIFIER, Network, assert_safe, error_body, short_id

TOKEN, BASE = "token-to-be-kept", "base-to-be-kept"
ECHO = "X-Echo: echo-to-be-kept"
PASSWORD = b"password-to-be-kept"

MIB = 2**20
BUDGETS = {"get_resources": 24 * MIB}  # of which 8 MiB may be read
PATIENCE, HURRY, SLACK = 10.0, 0.08, 2.0
EAGER = api.RetryConfig(initial_interval=0, max_interval=1, max_elapsed_time=20)
NO_RETRY = api.RetryConfig("none")

PICTURE = feed.Operation("PlexServerClient", "sections", ("/picture",))
OPERATIONS = {**feed.OPERATIONS, "stream": PICTURE}
ACCOUNT = {"uuid": "0123456789abcdef", "auth_token": "secret-account-token"}
PIN, SUCCESS = {"code": "secret-code"}, {"status": 200}
TRUTHS: Mapping[str, Any] = {
    **dict.fromkeys(("post_users_sign_in_data", "get_token_details"), ACCOUNT),
    **dict.fromkeys(("sign_out", "link_pin", "check_token")),
    **dict.fromkeys(("create_pin", "get_pin"), PIN),
    **dict.fromkeys(("request", "stream"), SUCCESS),
    "get_resources": ["secret-server-token"],
    "ping": True,
    "get_identity": {"machine_identifier": "attic"},
    "get_transient_token": {"token": "secret-transient-token"},
    "get_source_connection_information": {"access_token": "secret-source-token"},
}


# A host that answers with arbitrary bytes


class Host(BarePort):
    """Listens on a loopback address and records the requests it gets."""

    def __init__(self, body: bytes, mode: Mode) -> None:
        """Initialize with the true answer and a mode of answering."""
        super().__init__()
        self.body = body
        self.mode = mode
        self.connections = 0
        self.requests: list[bytes] = []

    @override
    async def converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer requests until either side closes."""
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                form = await reader.readexactly(int(length[1]) if length else 0)
                self.requests.append(head + form)
                await self.mode(Exchange(reader, writer, self.body, ""))


@asynccontextmanager
async def listening(host: Host, address: str, flaw: str = "") -> AsyncIterator[str]:
    """Start a host, yield its URL, and close it."""
    certificate = presenting(flaw) if flaw in FLAWED else None
    await host.listen(address, 0, certificate)
    scheme = "https" if certificate else "http"
    try:
        yield f"{scheme}://{address}:{host.port}/{BASE}"
    finally:
        await host.close()


AUTHORITY, STRANGER = trustme.CA(), trustme.CA()
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FLAWED = {
    "expired": AUTHORITY.issue_cert(
        "127.0.0.1", not_before=LONG_AGO, not_after=LONG_AGO
    ),
    "renamed": AUTHORITY.issue_cert("plex.example"),
    "unknown": STRANGER.issue_cert("127.0.0.1"),
    "self-signed": trustme.LeafCert(
        STRANGER.private_key_pem.bytes(), STRANGER.cert_pem.bytes(), []
    ),
}


@cache
def presenting(flaw: str) -> ssl.SSLContext:
    """Return a TLS context with a flawed certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    FLAWED[flaw].configure_cert(context)
    return context


# Faults


def answer(content: bytes, status: int = 200, *headers: str) -> Mode:
    """Answer with another body."""
    return body(content, ECHO, *headers, status=f"{status} Whatever")


async def in_latin_1(exchange: Exchange) -> None:
    """Answer in a charset that JSON doesn't allow."""
    await answer(exchange.body.decode().encode("latin-1"))(exchange)


def begun(start: bytes, more: bytes = b"", pace: float = 0) -> Mode:
    """Send a beginning, then repeat `more` forever, or close the connection without it."""

    async def mode(exchange: Exchange) -> None:
        await exchange.send(start)
        if more:
            await exchange.send_for_ever(more, pace)
        exchange.writer.close()

    return mode


async def reset(exchange: Exchange) -> None:
    """Reset the connection."""
    connection = exchange.writer.get_extra_info("socket")
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    exchange.writer.transport.abort()


async def byte_by_byte(exchange: Exchange) -> None:
    """Answer one byte at a time."""
    length = f"Content-Length: {len(exchange.body)}"
    for byte in head("200 OK", length) + exchange.body:
        await exchange.send(bytes((byte,)))
        await asyncio.sleep(0)


async def two_answers(exchange: Exchange) -> None:
    """Answer correctly, then send a second answer that nobody asked for."""
    bodies = (exchange.body, b'{"id": 1, "uuid": "somebody else"}')
    answers = [head("200 OK", f"Content-Length: {len(one)}") + one for one in bodies]
    await exchange.send(b"".join(answers))


OK = b"HTTP/1.1 200 X\r\n"
SHORT = OK + b"Content-Length: 99999\r\n\r\n"
LONG = OK + b"Content-Length: 67108864\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"10000\r\n" + b" " * 65536 + b"\r\n"
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "deflate": zlib.compress,
}
BOMBS = {coding: pack(b" " * 64 * MIB) for coding, pack in PACKERS.items()}
HTML = b"<!DOCTYPE html><html><body><p>Sign in to the hotel</html>"
DOCTYPE = '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><r a="&b;">&b;</r>'
ENTITIES = (DOCTYPE.encode(), DOCTYPE.encode("utf-16"))
BROKEN = b"\x28\xb5\x2f\xfd" + b"\xff" * 99
UTF_16 = "Content-Type: application/json; charset=utf-16"
MORE = b"X-More: " + b"x" * 1000 + b"\r\n"
FAR_AWAY = "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"


# Expected outcomes: an error, the truth, or what tolerant parsing makes of it

TRUTH = object()
ANY, NOT_TRUSTED = api.PlexError, api.PlexCertificateError
UNSENT, SENT = {"request_sent": False}, {"request_sent": True}
AS_TEXT: dict[str, Any] = {"request": SUCCESS, "stream": SUCCESS}
NO_ANSWER = dict.fromkeys(["sign_out", "link_pin", "check_token"])
NO_SERVERS: dict[str, Any] = {"get_resources": []}
NOTHING_SAID = AS_TEXT | NO_ANSWER | {"ping": False}
BY_SERVERS = {
    name: api.PlexAuthenticationError
    for name, operation in OPERATIONS.items()
    if operation.owner == "PlexServerClient"
}


@dataclass(frozen=True)
class Fault:
    """A fault, its outcome, and the operations for which the outcome differs.

    `place` is where the request ends up, or the status of a redirect to another host.
    """

    mode: Mode
    outcome: Any = api.PlexResponseError
    facts: Mapping[str, Any] = field(default_factory=dict)
    exceptions: Mapping[str, Any] = field(default_factory=dict)
    patience: float = PATIENCE
    bomb: bool = False
    place: str | int = ""


def refused(
    status: int, *headers: str, message: str | None = None, **facts: Any
) -> Fault:
    """Return a refusal, which servers and plex.tv may use differently."""
    said = HTML
    code = facts.get("code")
    if code or message:
        said = json.dumps(error_body(code, f"{message} {ECHO}", status)).encode()
    facts = {"status": status, "code": None, "retry_after": None} | facts
    by_status = {401: api.PlexAuthenticationError, 429: api.PlexRateLimitError}
    usual = api.PlexAuthenticationError if message else api.PlexResponseError
    exceptions = BY_SERVERS if status == 403 else {}
    outcome = by_status.get(status, usual)
    return Fault(answer(said, status, *headers), outcome, facts, exceptions)


unsent = partial(Fault, truth, api.PlexConnectionError, UNSENT)
broken = partial(Fault, outcome=api.PlexConnectionError, facts=SENT)
late = partial(Fault, outcome=api.PlexTimeoutError, facts=SENT, patience=HURRY)
too_long = partial(Fault, outcome=api.PlexResponseTooLarge, bomb=True)

FAULTS = {
    # Sending the request
    "connection refused": unsent(place="closed"),
    "name not found": unsent(place="nowhere"),
    "no TLS": late(truth, facts={}, place="plain"),
    **{
        f"certificate {flaw}": Fault(truth, NOT_TRUSTED, UNSENT, place=flaw)
        for flaw in FLAWED
    },
    # Receiving the response
    "reset": broken(reset),
    "closed in the body": broken(begun(SHORT + b"{")),
    "closed in a chunk": broken(begun(CHUNKED + b"ff\r\n{")),
    "hang": late(hostile_modes.SILENCE["silent"]),
    "hang in the body": late(begun(SHORT, b"{", PATIENCE)),
    "byte by byte for ever": late(begun(SHORT, b" ", 0.002)),
    "byte by byte": Fault(byte_by_byte, TRUTH),
    "no HTTP": Fault(begun(b"SSH-2.0-OpenSSH_10.0\r\n\r\n")),
    # Refusals
    "400": refused(400, code=1000),
    "401 JSON": refused(401, code=1001),
    "401 HTML": refused(401),
    "422": refused(422, message="Invalid token."),
    **{
        f"{status} HTML": refused(status)
        for status in (403, 404, 408, 418, 422, 500, 502, 503, 504)
    },
    "429": refused(429),
    "429 for nonsense": refused(429, "Retry-After: soon"),
    "429 for 30 s": refused(429, "Retry-After: 30", retry_after=30),
    "429 for long": refused(429, FAR_AWAY, retry_after=86_400),
    # Answers that can't be used
    **{
        short_id(content): Fault(answer(content), facts=SUCCESS, exceptions=AS_TEXT)
        for content in (HTML, b'[{"id": 1, "uuid": "a"}', b"[" * 100_000, *ENTITIES)
    },
    **{
        f"no document: {content!r}": Fault(answer(content), exceptions=NOTHING_SAID)
        for content in (b"", b" \r\n\t ", b'"text"', b"{}")
    },
    "empty list": Fault(answer(b"[]"), exceptions=NOTHING_SAID | NO_SERVERS),
    # Answers that only look odd
    "another charset": Fault(in_latin_1, TRUTH),
    "another charset promised": Fault(hostile_modes.with_headers(UTF_16), TRUTH),
    "more answers than asked for": Fault(two_answers, TRUTH),
    # Oversized answers
    "endless headers": Fault(begun(OK, MORE), bomb=True),
    "64 MiB": too_long(begun(LONG, CHUNK)),
    "endless body": too_long(begun(CHUNKED, CHUNK)),
    "endless refusal": too_long(begun(CHUNKED.replace(b"200", b"401"), CHUNK)),
    **{
        f"{coding} bomb with {status}": too_long(
            answer(content, status, f"Content-Encoding: {coding}")
        )
        for coding, content in BOMBS.items()
        for status in (200, 401)
    },
    # Headers
    **{
        f"{header[:20]} with {status}": Fault(
            answer(HTML, status, header),
            facts={"status": status},
            exceptions=AS_TEXT if status == 200 else {},
        )
        for status in (200, 500)
        for header in (
            "Content-Type: a/b" + ";" * 8000,
            "Content-Type: " + "(" * 8000,
            "Content-Type: text/html; charset=undefined",
            "Content-Type: \xff\xfe",
            "Retry-After: " + "Fri, " * 1600,
            "Retry-After: " + "(" * 60,
            "Set-Cookie: " + "a=b; " * 1600,
            'Set-Cookie: a="' + "\\" * 8000,
            "Link: " + "<" * 8000,
            "Alt-Svc: " + 'h3=":443"; ' * 700,
            "Content-Encoding: gzip, gzip, gzip",
            "Content-Disposition: " + "(" * 8000,
        )
    },
    **{
        f"challenge {scheme[:12]}": refused(401, f"WWW-Authenticate: {scheme}")
        for scheme in ("NTLM", 'Digest realm="x", nonce="y"', "Negotiate " + "x" * 8000)
    },
    **{
        f"broken {coding}": Fault(
            answer(BROKEN, 200, f"Content-Encoding: {coding}"), ANY
        )
        for coding in ("gzip", "deflate", "zstd", "br")
    },
    # Lines and chunks
    **{
        repr(start): Fault(begun(start + b"\r\n\r\n"), ANY)
        for start in (
            b"HTTP/1.1 0 Nothing",
            b"HTTP/1.1 99999 Much",
            b"HTTP/1.1 -1 Less",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade",
            b"HTTP/9.9 200 OK",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz",
        )
    },
    **{
        f"{more[:12]!r} for ever": Fault(begun(start, more), ANY, patience=HURRY)
        for start, more in (
            (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
            (CHUNKED + b"5;", b"x=y;" * 999),
            (CHUNKED + b"0\r\n", b"X-More: x\r\n" * 99),
        )
    },
    # Redirects
    **{
        f"redirect to {location[:12]!r}": refused(302, f"Location: {location[:8000]}")
        for location in (*hostile_modes.LOCATIONS, "/", "/elsewhere", "%zz")
    },
    **{
        f"redirect to another host with {status}": Fault(
            truth, facts={"status": status}, place=status
        )
        for status in (301, 302, 303, 307, 308)
    },
}


# The test


@pytest.fixture
async def network(socket_enabled: None) -> AsyncIterator[Network]:
    """Return a session that resolves no names and leaves no socket or task behind."""
    pytest_socket.socket_allow_hosts(["127.0.0.0/8", "::1"])
    asyncio.get_running_loop().set_debug(False)
    tasks = asyncio.all_tasks()
    network = Network(AUTHORITY.cert_pem.bytes())
    async with network.session:
        yield network
    async with asyncio.timeout(SLACK):
        while asyncio.all_tasks() - tasks - {asyncio.current_task()} or any(
            one.fileno() >= 0 for one in network.sockets
        ):
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        (name, operation)
        for name, operation in product(FAULTS, OPERATIONS)
        if operation != "stream" or "for ever" not in name  # it may take a minute
    ],
)
async def test_fault(
    network: Network, caplog: pytest.LogCaptureFixture, name: str, operation: str
) -> None:
    """Every operation ends in time, as the table says, and reveals no secret.

    The next call works again, and no other host was contacted.
    """
    fault, called, told = FAULTS[name], OPERATIONS[operation], TRUTHS[operation]
    expected = fault.exceptions.get(operation, fault.outcome)
    true_body = (FIXTURES / f"{called.sample}.json").read_bytes()
    host, other = Host(true_body, fault.mode), Host(true_body, truth)
    caplog.set_level(logging.DEBUG, "custom_components.plex_account")

    async def call(url: str, patience: float = PATIENCE) -> Any:
        client: Any = getattr(api, called.owner)(
            network.session,
            server_url=url,
            client_identifier=CLIENT_IDENTIFIER,
            token=TOKEN,
            timeout=patience,
            retry=EAGER if operation == "post_users_sign_in_data" else NO_RETRY,
        )
        asked = getattr(client, operation)(*called.arguments, headers={"X-Echo": TOKEN})
        if operation == "stream":
            async with asked as value:
                async for _ in value:
                    pass
        else:
            value = await asked
        if operation == "get_resources":
            return [server.access_token for server in value]
        if isinstance(told, dict):
            return {name: getattr(value, name) for name in told}
        return value

    async with (
        listening(host, "127.0.0.1", str(fault.place)) as true_url,
        listening(other, "127.0.0.2") as other_url,
    ):
        url = true_url
        match fault.place:
            case int():
                location = f"Location: {other_url}/{TOKEN}"
                host.mode = answer(b"", fault.place, location)
            case "closed":
                await host.close()
            case "nowhere":
                url = f"https://{TOKEN}.invalid/{BASE}"
            case "plain":
                url = url.replace("http:", "https:")

        started = monotonic()
        if fault.bomb:
            tracemalloc.start()
        try:
            if isinstance(expected, type):
                with pytest.raises(expected) as failed:
                    await call(url, fault.patience)
                assert_safe(failed.value)
                facts = {fact: getattr(failed.value, fact) for fact in fault.facts}
                assert facts == fault.facts
            else:
                value = await call(url, fault.patience)
                assert value == (told if expected is TRUTH else expected)
            if fault.bomb:
                _, most = tracemalloc.get_traced_memory()
                assert most < BUDGETS.get(operation, 8 * MIB)
        finally:
            tracemalloc.stop()
        tries = 2 if operation == "get_transient_token" else 1
        assert monotonic() - started < fault.patience * tries + SLACK

        assert other.connections == 0
        assert sum(PASSWORD in one for one in host.requests) <= 1
        assert len({one.split()[1] for one in host.requests}) <= 1
        assert [one for one in caplog.records if "plex_account" in one.name] == []
        assert await call(other_url) == told
        if host.requests:
            host.mode = truth
            assert await call(true_url) == told
