"""What every operation makes of everything that can go wrong with an answer: one table."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from compression import zstd
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import gzip
import json
import logging
from operator import attrgetter
import re
import socket
import ssl
import struct
import tracemalloc
from typing import Any, override
import zlib

import aiohttp
import pytest
import pytest_socket
import trustme

from custom_components.plex_account import api
from custom_components.plex_account.api import (
    PlexAuthenticationError,
    PlexCertificateError,
    PlexConnectionError,
    PlexError,
    PlexRateLimitError,
    PlexResponseError,
    PlexTimeoutError,
    RetryConfig,
)
from tests.fuzz.feed import OPERATIONS
from tests.samples import sample
from tests.simulator.bare import BarePort
from tests.simulator.hostile_modes import LOCATIONS, Exchange, Mode, body, head

from .common import CLIENT_IDENTIFIER, NoResolver, assert_safe, error_body

TOKEN, BASE = "token-to-be-kept", "base-to-be-kept"
ECHO = "X-Echo: echo-to-be-kept"
PASSWORD = b"password-to-be-kept"

MIB = 2**20
BOMB_BUDGET = 8 * MIB
LIST_BUDGET = 24 * MIB  # of which 8 MiB may be read
PATIENCE, HURRY, SLACK = 10.0, 0.08, 2.0
EAGER = RetryConfig(initial_interval=0, max_interval=1, max_elapsed_time=20)


# The operations, and what is looked at in what they return

SAYS: Mapping[str, Callable[[Any], Any]] = {
    "post_users_sign_in_data": attrgetter("uuid", "auth_token"),
    "get_token_details": attrgetter("uuid", "auth_token"),
    "get_resources": lambda servers: [len(server.connections) for server in servers],
    "create_pin": attrgetter("code"),
    "get_pin": attrgetter("code"),
    "get_identity": attrgetter("machine_identifier"),
    "get_transient_token": attrgetter("token"),
    "get_source_connection_information": lambda source: len(source.connections),
    "request": attrgetter("status"),
}
TRUTHS = {
    "post_users_sign_in_data": ("0123456789abcdef", "secret-account-token"),
    "get_token_details": ("0123456789abcdef", "secret-account-token"),
    "get_resources": [1],
    "ping": True,
    "sign_out": None,
    "create_pin": "secret-code",
    "get_pin": "secret-code",
    "link_pin": None,
    "get_identity": "attic",
    "check_token": None,
    "get_transient_token": "secret-transient-token",
    "get_source_connection_information": 1,
    "request": 200,
}
SERVER_OPERATIONS = [
    name for name, one in OPERATIONS.items() if one.owner == "PlexServerClient"
]


# A host that answers with whatever bytes a test wants


class Host(BarePort):
    """Listens on a loopback address and notes what it is sent."""

    def __init__(self, body: bytes, mode: Mode) -> None:
        """Know the true answer, and how to answer."""
        super().__init__()
        self.body = body
        self.mode = mode
        self.connections = 0
        self.requests: list[bytes] = []

    @override
    async def converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer requests until one side has had enough."""
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                form = await reader.readexactly(int(length[1]) if length else 0)
                self.requests.append(head + form)
                await self.mode(Exchange(reader, writer, self.body, ""))


@asynccontextmanager
async def listening(
    host: Host, address: str = "127.0.0.1", certificate: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Let a host listen for a while, and return its URL."""
    await host.listen(address, 0, certificate)
    scheme = "https" if certificate else "http"
    try:
        yield f"{scheme}://{address}:{host.port}/{BASE}"
    finally:
        await host.close()


# What is made of a true document


def to_json(document: Any) -> bytes:
    """Write a document as plex.tv does."""
    return json.dumps(document, ensure_ascii=False).encode()


def in_latin_1(document: Any) -> bytes:
    """Write a document in a charset that JSON doesn't know."""
    return to_json(document).decode().encode("latin-1")


def entities(encoding: str) -> bytes:
    """Write XML that means more than it says."""
    declarations = '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    return f'<?xml version="1.0"?>{declarations}<r a="&b;">&b;</r>'.encode(encoding)


# What goes wrong


def answer(
    content: bytes | Callable[[Any], bytes] = to_json, status: int = 200, *headers: str
) -> Mode:
    """Answer with a body, or with what a function makes of the true document."""

    async def mode(exchange: Exchange) -> None:
        sent = exchange.body
        if isinstance(content, bytes):
            sent = content
        elif content is not to_json:
            sent = content(json.loads(exchange.body))
        await body(sent, ECHO, *headers, status=f"{status} Whatever")(exchange)

    return mode


def begun(start: bytes, then: Mode) -> Mode:
    """Begin to answer, and then do something else."""

    async def mode(exchange: Exchange) -> None:
        await exchange.send(start)
        await then(exchange)

    return mode


def endless(start: bytes, more: bytes, pace: float = 0) -> Mode:
    """Begin, and never come to an end."""
    return begun(start, lambda exchange: exchange.send_for_ever(more, pace))


async def hang(exchange: Exchange) -> None:
    """Say nothing until the other side hangs up."""
    await exchange.reader.read()


async def hang_up(exchange: Exchange) -> None:
    """Close the connection."""
    exchange.writer.close()


async def reset(exchange: Exchange) -> None:
    """Break the connection off."""
    linger = struct.pack("ii", 1, 0)
    connection = exchange.writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    exchange.writer.transport.abort()


async def half(exchange: Exchange) -> None:
    """Send half of the true body, and close the connection."""
    await exchange.send(exchange.body[: len(exchange.body) // 2])
    exchange.writer.close()


async def byte_by_byte(exchange: Exchange) -> None:
    """Take one's time."""
    length = f"Content-Length: {len(exchange.body)}"
    for byte in head("200 OK", length) + exchange.body:
        await exchange.send(bytes((byte,)))
        await asyncio.sleep(0)


async def two_answers(exchange: Exchange) -> None:
    """Answer as one should, and then what nobody has asked yet."""
    bodies = (exchange.body, b'{"id": 1, "uuid": "somebody else"}')
    answers = [head("200 OK", f"Content-Length: {len(one)}") + one for one in bodies]
    await exchange.send(b"".join(answers))


TRUE = answer()
SIZED = head("200 OK", f"Content-Length: {64 * MIB}")
CHUNKED = head("200 OK", "Transfer-Encoding: chunked")
SPACES = b" " * 65536
HTML = b"<!DOCTYPE html><html><body><p>Sign in to the hotel</html>"


# What is expected: an error, the truth, or what tolerant reading makes of it

TRUTH = object()
NO_DOCUMENT = dict.fromkeys(["sign_out", "link_pin", "check_token"])
AS_TEXT: dict[str, Any] = {"request": 200}
NOTHING_SAID: dict[str, Any] = NO_DOCUMENT | {"ping": False} | AS_TEXT


@dataclass(frozen=True)
class Fault:
    """What goes wrong, what comes of it, and for which operations something else does.

    `elsewhere` is the status of a redirect to another host.
    """

    mode: Mode
    outcome: Any
    exceptions: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    patience: float = PATIENCE
    bomb: bool = False
    place: str | None = None
    elsewhere: int | None = None


def refused(
    status: int,
    outcome: type[PlexError] = PlexResponseError,
    by_servers: type[PlexError] | None = None,
    *,
    code: int | None = None,
    message: str | None = None,
) -> Fault:
    """Return a refusal, which servers may mean in another way than plex.tv."""
    said = HTML
    if code or message:
        said = json.dumps(error_body(code, f"{message} {ECHO}", status)).encode()
    exceptions = dict.fromkeys(SERVER_OPERATIONS, by_servers or outcome)
    facts = {"status": status, "code": code, "retry_after": None}
    return Fault(answer(said, status), outcome, exceptions, facts)


def limited(seconds: float | None, *headers: str) -> Fault:
    """Return a refusal for being too busy."""
    facts = {"status": 429, "retry_after": seconds}
    return Fault(answer(HTML, 429, *headers), PlexRateLimitError, facts=facts)


def unread(content: bytes | Callable[[Any], bytes]) -> Fault:
    """Return a body that is no document; any request has it as text."""
    return Fault(answer(content), PlexResponseError, AS_TEXT, READ)


def too_long(mode: Mode) -> Fault:
    """Return an answer without measure, which mustn't take the memory that it could."""
    return Fault(mode, PlexResponseError, bomb=True)


def broken(mode: Mode) -> Fault:
    """Return a connection that breaks once the request was sent."""
    return Fault(mode, PlexConnectionError, {}, SENT)


def late(mode: Mode) -> Fault:
    """Return an answer that isn't complete in time."""
    return Fault(mode, PlexTimeoutError, {}, SENT, HURRY)


UNSENT = {"request_sent": False}
SENT = {"request_sent": True}
READ = {"status": 200}
MOVED = {"status": 302}

FAULTS = {
    # The way there
    "connection refused": Fault(TRUE, PlexConnectionError, {}, UNSENT, place="closed"),
    "name not found": Fault(TRUE, PlexConnectionError, {}, UNSENT, place="nowhere"),
    "silence in place of TLS": Fault(
        TRUE, PlexTimeoutError, patience=HURRY, place="plain"
    ),
    **{
        f"certificate {flaw}": Fault(TRUE, PlexCertificateError, {}, UNSENT, place=flaw)
        for flaw in ("expired", "renamed", "self-signed", "unknown")
    },
    # The way back
    "reset": broken(reset),
    "closed in the body": broken(begun(SIZED, half)),
    "closed in a chunk": broken(begun(CHUNKED + b"fff\r\n", half)),
    "hang": late(hang),
    "hang in the body": late(begun(SIZED + b"{", hang)),
    "byte by byte": Fault(byte_by_byte, TRUTH),
    "byte by byte for ever": late(endless(SIZED, b" ", 0.002)),
    "no HTTP": Fault(
        begun(b"SSH-2.0-OpenSSH_10.0\r\n\r\n", hang_up), PlexResponseError
    ),
    # Refusals
    "400": refused(400, code=1000),
    "401 JSON": refused(401, PlexAuthenticationError, code=1001),
    "401 HTML": refused(401, PlexAuthenticationError),
    "403": refused(403, by_servers=PlexAuthenticationError),
    "422 for the token": refused(
        422, PlexAuthenticationError, message="Invalid token."
    ),
    **{
        str(status): refused(status)
        for status in (404, 408, 418, 422, 500, 502, 503, 504)
    },
    "429": limited(None),
    "429 for seconds": limited(30, "Retry-After: 30"),
    "429 until a date": limited(86_400, "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"),
    "429 for nonsense": limited(None, "Retry-After: soon"),
    # Answers that are none
    "HTML": unread(HTML),
    "truncated JSON": unread(lambda document: to_json([document])[:-1]),
    "deep nesting": unread(b"[" * 100_000),
    "XML with entities": unread(entities("utf-8")),
    "XML with entities in UTF-16": unread(entities("utf-16")),
    **{
        f"no document: {body.decode()!r}": Fault(
            answer(body), PlexResponseError, NOTHING_SAID
        )
        for body in (b"", b" \r\n\t ", b'"text"', b"{}")
    },
    "empty list": Fault(
        answer(b"[]"), PlexResponseError, NOTHING_SAID | {"get_resources": []}
    ),
    # Answers that only look odd
    "another charset promised": Fault(
        answer(to_json, 200, "Content-Type: application/json; charset=utf-16"), TRUTH
    ),
    "another charset": Fault(answer(in_latin_1), TRUTH),
    "more answers than asked for": Fault(two_answers, TRUTH),
    # Answers without measure
    "64 MiB": too_long(endless(SIZED, SPACES)),
    "endless headers": too_long(
        endless(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"x" * 1000 + b"\r\n")
    ),
    **{
        f"endless body with {status}": too_long(
            endless(
                head(f"{status} Whatever", "Transfer-Encoding: chunked"),
                b"10000\r\n" + SPACES + b"\r\n",
            )
        )
        for status in (200, 401)
    },
    **{
        f"{coding} bomb with {status}": too_long(
            answer(content, status, f"Content-Encoding: {coding}")
        )
        for coding, content in {
            "gzip": gzip.compress(b" " * 64 * MIB),
            "zstd": zstd.compress(b" " * 64 * MIB),
            "deflate": zlib.compress(b" " * 64 * MIB),
        }.items()
        for status in (200, 401)
    },
    # Headers
    **{
        f"{name} with {status}": Fault(
            answer(HTML, status, header),
            PlexResponseError,
            AS_TEXT if status == 200 else {},
            {"status": status},
        )
        for status in (200, 500)
        for name, header in {
            "semicolons": "Content-Type: a/b" + ";" * 8000,
            "parentheses": "Content-Type: " + "(" * 8000,
            "charset": "Content-Type: text/html; charset=undefined",
            "pause": "Retry-After: " + "Fri, " * 1600,
            "brackets in a pause": "Retry-After: " + "(" * 60,
            "cookies": "Set-Cookie: " + "a=b; " * 1600,
            "quotes in a cookie": 'Set-Cookie: a="' + "\\" * 8000,
            "links": "Link: " + "<" * 8000,
            "services": "Alt-Svc: " + 'h3=":443"; ' * 700,
            "length twice": "X-Length: 1",
            "no type": "Content-Type: \xff\xfe",
            "unknown packing": "Content-Encoding: gzip, gzip, gzip",
            "unknown type": "Content-Disposition: " + "(" * 8000,
        }.items()
    },
    **{
        f"challenge {scheme[:12]}": Fault(
            answer(HTML, 401, f"WWW-Authenticate: {scheme}"),
            PlexAuthenticationError,
        )
        for scheme in ("NTLM", 'Digest realm="x", nonce="y"', "Negotiate " + "x" * 8000)
    },
    **{
        f"broken {packing}": Fault(
            answer(
                b"\x28\xb5\x2f\xfd" + b"\xff" * 99,
                200,
                f"Content-Encoding: {packing}",
            ),
            PlexError,
        )
        for packing in ("gzip", "deflate", "zstd", "br")
    },
    # Lines and chunks
    **{
        f"status {line.decode()!r}": Fault(
            begun(line + b"\r\n\r\n", hang_up), PlexError
        )
        for line in (
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
        f"endless {name}": Fault(endless(start, more), PlexError, patience=HURRY)
        for name, start, more in (
            ("provisional answers", b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
            ("chunk extension", CHUNKED + b"5;", b"x=y;" * 999),
            ("trailers", CHUNKED + b"0\r\n", b"X-More: x\r\n" * 99),
        )
    },
    # Redirects
    **{
        f"redirect to {location[:12]!r}": Fault(
            answer(b"", 302, f"Location: {location[:8000]}"),
            PlexResponseError,
            {},
            MOVED,
        )
        for location in (*LOCATIONS, "/", "/elsewhere", "%zz")
    },
    **{
        f"redirect to another host with {status}": Fault(
            TRUE, PlexResponseError, {}, {"status": status}, elsewhere=status
        )
        for status in (301, 302, 303, 307, 308)
    },
}


# Certificates

AUTHORITY, STRANGER = trustme.CA(), trustme.CA()
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def presenting(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return a context with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ssl.SSLContext]:
    """Return contexts with certificates of which each has one flaw."""
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    path = tmp_path_factory.mktemp("certificate") / "own.pem"
    path.write_bytes(STRANGER.private_key_pem.bytes() + STRANGER.cert_pem.bytes())
    own.load_cert_chain(path)
    expired = AUTHORITY.issue_cert(
        "127.0.0.1", not_before=LONG_AGO, not_after=LONG_AGO + timedelta(days=1)
    )
    return {
        "expired": presenting(expired),
        "renamed": presenting(AUTHORITY.issue_cert("plex.example")),
        "self-signed": own,
        "unknown": presenting(STRANGER.issue_cert("127.0.0.1")),
    }


# The test


def others() -> set[asyncio.Task[Any]]:
    """Return all tasks but the one that asks."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


@pytest.fixture
async def session(socket_enabled: None) -> AsyncIterator[aiohttp.ClientSession]:
    """Return a session that looks up no name, and leaves no socket and no task."""
    pytest_socket.socket_allow_hosts(["127.0.0.0/8", "::1"])
    asyncio.get_running_loop().set_debug(False)
    tasks = others()
    opened: list[socket.socket] = []

    def dial(found: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, _ = found
        opened.append(socket.socket(family, kind, protocol))
        return opened[-1]

    connector = aiohttp.TCPConnector(
        resolver=NoResolver(),
        ssl=ssl.create_default_context(cadata=AUTHORITY.cert_pem.bytes().decode()),
        socket_factory=dial,
    )
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session
    async with asyncio.timeout(SLACK):
        while others() != tasks or any(one.fileno() >= 0 for one in opened):
            await asyncio.sleep(0)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", FAULTS)
async def test_fault(
    session: aiohttp.ClientSession,
    certificates: Mapping[str, ssl.SSLContext],
    caplog: pytest.LogCaptureFixture,
    name: str,
    operation: str,
) -> None:
    """Every operation ends in time, as the table says, and tells nothing secret.

    What was spoiled serves again with the next call, and nobody else was asked.
    """
    fault, called = FAULTS[name], OPERATIONS[operation]
    expected = fault.exceptions.get(operation, fault.outcome)
    truth = TRUTHS[operation]
    true_body = to_json(sample(called.sample))
    host, other = Host(true_body, fault.mode), Host(true_body, TRUE)
    says = SAYS.get(operation, lambda value: value)
    tries = 2 if operation == "get_transient_token" else 1
    retry = EAGER if operation == "post_users_sign_in_data" else RetryConfig("none")
    caplog.set_level(logging.DEBUG, "custom_components.plex_account")

    async def call(url: str, patience: float) -> Any:
        client: Any = getattr(api, called.owner)(
            session,
            server_url=url,
            client_identifier=CLIENT_IDENTIFIER,
            token=TOKEN,
            timeout=patience,
            retry=retry,
        )
        method = getattr(client, operation)
        return says(await method(*called.arguments, headers={"X-Echo": TOKEN}))

    async with (
        listening(host, certificate=certificates.get(fault.place or "")) as true_url,
        listening(other, "127.0.0.2") as other_url,
    ):
        url = true_url
        if fault.elsewhere:
            location = f"Location: {other_url}/{TOKEN}"
            host.mode = answer(b"", fault.elsewhere, location)
        match fault.place:
            case "closed":
                async with listening(Host(b"", TRUE)) as url:
                    pass
            case "nowhere":
                url = f"https://plex.invalid/{BASE}"
            case "plain":
                url = url.replace("http:", "https:")

        clock = asyncio.get_running_loop().time
        started = clock()
        if fault.bomb:
            tracemalloc.start()
        try:
            if isinstance(expected, type) and issubclass(expected, PlexError):
                with pytest.raises(expected) as failed:
                    await call(url, fault.patience)
                assert_safe(failed.value)
                facts = {fact: getattr(failed.value, fact) for fact in fault.facts}
                assert facts == fault.facts
            else:
                value = await call(url, fault.patience)
                assert value == (truth if expected is TRUTH else expected)
            if fault.bomb:
                is_list = operation == "get_resources"
                budget = LIST_BUDGET if is_list else BOMB_BUDGET
                assert tracemalloc.get_traced_memory()[1] < budget
        finally:
            tracemalloc.stop()
        assert clock() - started < fault.patience * tries + SLACK

        assert other.connections == 0
        assert sum(PASSWORD in one for one in host.requests) <= 1
        assert len({one.split()[1] for one in host.requests}) <= 1
        assert [one for one in caplog.records if "plex_account" in one.name] == []

        assert await call(other_url, PATIENCE) == truth
        if host.requests:
            host.mode = TRUE
            assert await call(true_url, PATIENCE) == truth
