"""What every operation makes of everything that can go wrong with an answer: one table."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from compression import zstd
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import gzip
import json
import re
import socket
import ssl
import struct
import traceback
import tracemalloc
from typing import Any
import zlib

import aiohttp
import pytest
import pytest_socket
import trustme

from custom_components.plex_account.api import (
    PlexAuthenticationError,
    PlexCertificateError,
    PlexConnectionError,
    PlexError,
    PlexRateLimitError,
    PlexResponseError,
    PlexServerClient,
    PlexTimeoutError,
    PlexTvClient,
    RetryConfig,
)

from .common import CLIENT_IDENTIFIER, NoResolver

LOGIN, PASSWORD, CODE = "login-to-keep", "password-to-keep", "987654"
TOKEN, LINK_CODE, ECHO = "token-to-keep", "WXYZ", "echo-to-keep"
BASE = "base-to-keep"
SECRETS = (LOGIN, PASSWORD, CODE, TOKEN, LINK_CODE, ECHO, "127.0.0.", "://", BASE)

MIB = 2**20
BOMB_BUDGET = 8 * MIB
LIST_BUDGET = 24 * MIB  # of which 8 MiB may be read
PATIENCE, HURRY, SLACK = 10.0, 0.08, 2.0
EAGER = RetryConfig(initial_interval=0, max_interval=1, max_elapsed_time=20)


# The operations: what they are called with, a true answer, and what it says


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation of the client, with an answer and how to read what it returns."""

    owner: type[PlexTvClient | PlexServerClient] = PlexTvClient
    arguments: tuple[Any, ...] = ()
    document: Any = None
    says: Callable[[Any], Any] = lambda value: value
    tries: int = 1


ACCOUNT = {
    "id": 7,
    "uuid": "0123456789abcdef",
    "username": "ädä",
    "authToken": "fresh",
    "homeSize": 2,
    "joinedAt": 1_393_545_600,
    "guest": False,
    "subscription": {"active": True, "status": "Active", "features": ["sync"]},
}
CONNECTION = {
    "protocol": "https",
    "address": "127.0.0.1",
    "port": 32400,
    "uri": "https://127.0.0.1:32400",
    "local": True,
    "relay": False,
}
RESOURCE = {
    "clientIdentifier": "attic",
    "name": "Attic",
    "provides": "server,client",
    "owned": True,
    "ownerId": 5,
    "connections": [CONNECTION],
}
PIN = {"id": 3, "code": "ABCD", "expiresIn": 900, "authToken": None, "trusted": False}
SOURCE = {"name": "Attic", "clientIdentifier": "attic", "Connection": [CONNECTION]}

OPERATIONS = {
    "post_users_sign_in_data": Operation(
        arguments=(LOGIN, PASSWORD, CODE),
        document=ACCOUNT,
        says=lambda account: (account.uuid, account.auth_token),
    ),
    "get_token_details": Operation(
        document=ACCOUNT, says=lambda account: (account.uuid, account.auth_token)
    ),
    "get_resources": Operation(
        document=[RESOURCE],
        says=lambda servers: [len(server.connections) for server in servers],
    ),
    "ping": Operation(document={"pong": True}),
    "sign_out": Operation(document={}),
    "create_pin": Operation(document=PIN, says=lambda pin: pin.code),
    "get_pin": Operation(arguments=(3,), document=PIN, says=lambda pin: pin.code),
    "link_pin": Operation(arguments=(LINK_CODE,), document={}),
    "get_identity": Operation(
        owner=PlexServerClient,
        document={"MediaContainer": {"size": 0, "machineIdentifier": "attic"}},
        says=lambda identity: identity.machine_identifier,
    ),
    "check_token": Operation(
        owner=PlexServerClient, document={"MediaContainer": {"size": 0}}
    ),
    "get_transient_token": Operation(
        owner=PlexServerClient,
        document={"MediaContainer": {"size": 0, "token": "transient-1"}},
        says=lambda token: token.token,
        tries=2,
    ),
    "get_source_connection_information": Operation(
        owner=PlexServerClient,
        arguments=("server://attic",),
        document={"MediaContainer": {"size": 1, "Device": SOURCE}},
        says=lambda source: len(source.connections),
    ),
    "request": Operation(
        owner=PlexServerClient,
        arguments=("/library/sections",),
        document={"MediaContainer": {"size": 0}},
        says=lambda answer: answer.status,
    ),
}
TRUTHS = {
    "post_users_sign_in_data": ("0123456789abcdef", "fresh"),
    "get_token_details": ("0123456789abcdef", "fresh"),
    "get_resources": [1],
    "ping": True,
    "sign_out": None,
    "create_pin": "ABCD",
    "get_pin": "ABCD",
    "link_pin": None,
    "get_identity": "attic",
    "check_token": None,
    "get_transient_token": "transient-1",
    "get_source_connection_information": 1,
    "request": 200,
}
SERVER_OPERATIONS = [
    name for name, one in OPERATIONS.items() if one.owner is PlexServerClient
]


# A host that answers with whatever bytes a test wants


@dataclass(frozen=True)
class Exchange:
    """A request that has come, and the way back."""

    document: Any
    elsewhere: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *pieces: bytes) -> None:
        """Send some bytes at once."""
        self.writer.writelines(pieces)
        await self.writer.drain()

    async def hear_out(self) -> None:
        """Say nothing until the other side hangs up."""
        await self.reader.read()

    def hang_up(self, *, reset: bool = False) -> None:
        """Close the connection, politely or not."""
        if reset:
            linger = struct.pack("ii", 1, 0)
            self.writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
            self.writer.transport.abort()
        self.writer.close()


type Play = Callable[[Exchange], Awaitable[None]]


@dataclass
class Host:
    """Listens on a loopback address and notes what it is sent."""

    document: Any
    play: Play
    url: str = ""
    elsewhere: str = ""
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer requests until one side has had enough."""
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                form = await reader.readexactly(int(length[1]) if length else 0)
                self.requests.append(head + form)
                exchange = Exchange(self.document, self.elsewhere, reader, writer)
                await self.play(exchange)
        except asyncio.IncompleteReadError, ConnectionError, ssl.SSLError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(
    host: Host,
    *,
    address: str = "127.0.0.1",
    certificate: ssl.SSLContext | None = None,
) -> AsyncIterator[Host]:
    """Let a host listen for a while."""
    server = await asyncio.start_server(host.serve, address, 0, ssl=certificate)
    port = server.sockets[0].getsockname()[1]
    host.url = f"{'https' if certificate else 'http'}://{address}:{port}/{BASE}"
    try:
        yield host
    finally:
        server.close()
        server.abort_clients()
        await server.wait_closed()


def head(status: int = 200, *, length: int | None, **headers: str) -> bytes:
    """Return a status line and headers; without a length the body comes in chunks."""
    framing = (
        "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    )
    lines = [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
    return "\r\n".join(
        [f"HTTP/1.1 {status} Whatever", f"X-Echo: {ECHO}", framing, *lines, "", ""]
    ).encode()


def answer(
    body: bytes | Callable[[Any], bytes] = lambda document: to_json(document),
    status: int = 200,
    **headers: str,
) -> Play:
    """Answer with a body, or with what a function makes of the true document."""

    async def play(exchange: Exchange) -> None:
        sent = body if isinstance(body, bytes) else body(exchange.document)
        await exchange.send(head(status, length=len(sent), **headers), sent)

    return play


# What is made of a true document


def to_json(document: Any) -> bytes:
    """Write a document as plex.tv does."""
    return json.dumps(document, ensure_ascii=False).encode()


def with_leaves(document: Any, change: Callable[[Any], Any]) -> Any:
    """Return a document with other leaves."""
    match document:
        case dict():
            return {key: with_leaves(value, change) for key, value in document.items()}
        case list():
            return [with_leaves(value, change) for value in document]
        case _:
            return change(document)


def only_nulls(document: Any) -> bytes:
    """Keep the keys and nothing under them."""
    return to_json(with_leaves(document, lambda leaf: None))


def numbers_as_strings(document: Any) -> bytes:
    """Write numbers and truth values as XML does."""
    return to_json(
        with_leaves(
            document, lambda leaf: str(int(leaf)) if isinstance(leaf, int) else leaf
        )
    )


def huge_integers(document: Any) -> bytes:
    """Let numbers be larger than any machine word, id and all; no id is like that."""
    return to_json(
        with_leaves(
            document, lambda leaf: 10**4000 + leaf if type(leaf) is int else leaf
        )
    )


def duplicate_keys(document: Any) -> bytes:
    """Say everything twice, first with nothing."""

    def write(value: Any) -> str:
        match value:
            case dict():
                pairs = (
                    f"{json.dumps(key)}: null, {json.dumps(key)}: {write(one)}"
                    for key, one in value.items()
                )
                return f"{{{', '.join(pairs)}}}"
            case list():
                return f"[{', '.join(map(write, value))}]"
            case _:
                return json.dumps(value)

    return write(document).encode()


def in_latin_1(document: Any) -> bytes:
    """Write a document in a charset that JSON doesn't know."""
    return to_json(document).decode().encode("latin-1")


def entities(encoding: str) -> bytes:
    """Write XML that means more than it says."""
    declarations = '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    return f'<?xml version="1.0"?>{declarations}<r a="&b;">&b;</r>'.encode(encoding)


# What goes wrong


async def reset(exchange: Exchange) -> None:
    """Break off before the first byte."""
    exchange.hang_up(reset=True)


async def hang(exchange: Exchange) -> None:
    """Say nothing."""
    await exchange.hear_out()


async def hang_in_body(exchange: Exchange) -> None:
    """Begin, and say nothing more."""
    await exchange.send(head(length=1000), b"{")
    await exchange.hear_out()


async def close_in_body(exchange: Exchange) -> None:
    """Hang up before all is said."""
    await exchange.send(head(length=1000), to_json(exchange.document))
    exchange.hang_up()


async def close_in_chunk(exchange: Exchange) -> None:
    """Hang up within a chunk of which nobody said that it was the last."""
    await exchange.send(head(length=None), b"ff\r\n", to_json(exchange.document))
    exchange.hang_up()


async def byte_by_byte(exchange: Exchange) -> None:
    """Take one's time."""
    body = to_json(exchange.document)
    for byte in head(length=len(body)) + body:
        await exchange.send(bytes((byte,)))
        await asyncio.sleep(0)


async def byte_by_byte_for_ever(exchange: Exchange) -> None:
    """Take more time than there is: always another byte, never the end."""
    await exchange.send(head(length=MIB))
    while True:
        await exchange.send(b" ")
        await asyncio.sleep(0.002)


async def no_http(exchange: Exchange) -> None:
    """Speak something else."""
    await exchange.send(b"SSH-2.0-OpenSSH_10.0\r\n\r\n")
    exchange.hang_up()


async def endless_headers(exchange: Exchange) -> None:
    """Never come to the body."""
    await exchange.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await exchange.send(b"X-More: " + b"x" * 1000 + b"\r\n")


def raw(line: bytes) -> Play:
    """Answer with a line, the end of the headers and nothing more."""

    async def play(exchange: Exchange) -> None:
        await exchange.send(line, b"\r\n\r\n")
        exchange.hang_up()

    return play


def endless(start: bytes, more: bytes) -> Play:
    """Begin, and never come to an end."""

    async def play(exchange: Exchange) -> None:
        await exchange.send(start)
        while True:
            await exchange.send(more)
            await asyncio.sleep(0)

    return play


async def large_body(exchange: Exchange) -> None:
    """Send 64 MiB, as promised."""
    await exchange.send(head(length=64 * MIB))
    for _ in range(64 * 16):
        await exchange.send(SPACES)


async def endless_body(exchange: Exchange) -> None:
    """Send chunks for ever."""
    await exchange.send(head(length=None))
    while True:
        await exchange.send(b"10000\r\n", SPACES, b"\r\n")


async def two_answers(exchange: Exchange) -> None:
    """Answer as one should, and then what nobody has asked yet."""
    body, more = to_json(exchange.document), b'{"id": 1, "uuid": "somebody else"}'
    await exchange.send(head(length=len(body)), body, head(length=len(more)), more)


async def redirect_in_a_loop(exchange: Exchange) -> None:
    """Send the caller round to where it has been."""
    await answer(b"", 302, Location="")(exchange)


async def redirect_elsewhere(exchange: Exchange) -> None:
    """Send the caller to somebody else."""
    await answer(b"", 307, Location=f"{exchange.elsewhere}/{TOKEN}")(exchange)


async def truth(exchange: Exchange) -> None:
    """Answer as one should."""
    await answer()(exchange)


SPACES = b" " * 65536
BOMB = gzip.compress(b" " * 64 * MIB)
HTML = b"<!DOCTYPE html><html><body><p>Sign in to the hotel</html>"
REFUSAL = to_json({"errors": [{"code": 1001, "message": ECHO, "status": 401}]})
UNIDENTIFIED = to_json({"errors": [{"code": 1000, "message": ECHO, "status": 400}]})
INVALID = to_json({"errors": [{"message": f"Invalid token. {ECHO}", "status": 422}]})


# What is expected: an error, the truth, or what tolerant reading makes of it

TRUTH = object()
WITH_A_NUMBER = (
    "post_users_sign_in_data",
    "get_token_details",
    "create_pin",
    "get_pin",
)
NO_DOCUMENT = dict.fromkeys(["sign_out", "link_pin", "check_token"])
AS_TEXT: dict[str, Any] = {"request": 200}
NOTHING_SAID: dict[str, Any] = NO_DOCUMENT | {"ping": False} | AS_TEXT


@dataclass(frozen=True)
class Fault:
    """What goes wrong, what comes of it, and for which operations something else does."""

    play: Play
    outcome: Any
    exceptions: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    patience: float = PATIENCE
    bomb: bool = False
    place: str | None = None


def refused(
    status: int,
    outcome: type[PlexError] = PlexResponseError,
    body: bytes = HTML,
    *,
    code: int | None = None,
    by_servers: type[PlexError] | None = None,
) -> Fault:
    """Return a refusal, which servers may mean in another way than plex.tv."""
    exceptions = dict.fromkeys(SERVER_OPERATIONS, by_servers or outcome)
    facts = {"status": status, "code": code, "retry_after": None}
    return Fault(answer(body, status), outcome, exceptions, facts)


def limited(seconds: float | None, **headers: str) -> Fault:
    """Return a refusal for being too busy."""
    return Fault(
        answer(HTML, 429, **headers),
        PlexRateLimitError,
        facts={"status": 429, "retry_after": seconds},
    )


UNSENT = {"request_sent": False}
SENT = {"request_sent": True}
READ = {"status": 200}

FAULTS = {
    # The way there
    "connection refused": Fault(truth, PlexConnectionError, {}, UNSENT, place="closed"),
    "name not found": Fault(truth, PlexConnectionError, {}, UNSENT, place="nowhere"),
    "certificate expired": Fault(
        truth, PlexCertificateError, {}, UNSENT, place="expired"
    ),
    "certificate of another name": Fault(
        truth, PlexCertificateError, {}, UNSENT, place="renamed"
    ),
    "certificate signed by itself": Fault(
        truth, PlexCertificateError, {}, UNSENT, place="self-signed"
    ),
    "certificate of nobody known": Fault(
        truth, PlexCertificateError, {}, UNSENT, place="unknown"
    ),
    "silence in place of TLS": Fault(
        truth, PlexTimeoutError, patience=HURRY, place="plain"
    ),
    # The way back
    "reset": Fault(reset, PlexConnectionError, {}, SENT),
    "closed in the body": Fault(close_in_body, PlexConnectionError, {}, SENT),
    "closed in a chunk": Fault(close_in_chunk, PlexConnectionError, {}, SENT),
    "hang": Fault(hang, PlexTimeoutError, {}, SENT, HURRY),
    "hang in the body": Fault(hang_in_body, PlexTimeoutError, {}, SENT, HURRY),
    "byte by byte": Fault(byte_by_byte, TRUTH),
    "byte by byte for ever": Fault(
        byte_by_byte_for_ever, PlexTimeoutError, {}, SENT, HURRY
    ),
    "no HTTP": Fault(no_http, PlexResponseError),
    # Refusals
    "400": refused(400, body=UNIDENTIFIED, code=1000),
    "401 JSON": refused(401, PlexAuthenticationError, REFUSAL, code=1001),
    "401 HTML": refused(401, PlexAuthenticationError),
    "403": refused(403, by_servers=PlexAuthenticationError),
    "404": refused(404),
    "408": refused(408),
    "418": refused(418),
    "422": refused(422),
    "422 for the token": refused(422, PlexAuthenticationError, INVALID),
    "429": limited(None),
    "429 for seconds": limited(30, Retry_After="30"),
    "429 until a date": limited(86_400, Retry_After="Fri, 31 Dec 9999 23:59:59 GMT"),
    "429 for nonsense": limited(None, Retry_After="soon"),
    "500": refused(500),
    "502": refused(502),
    "503": refused(503),
    "504": refused(504),
    # Answers that are none
    "HTML": Fault(answer(HTML), PlexResponseError, AS_TEXT, READ),
    "empty": Fault(answer(b""), PlexResponseError, NOTHING_SAID),
    "truncated JSON": Fault(
        answer(lambda document: to_json([document])[:-1]),
        PlexResponseError,
        AS_TEXT,
        READ,
    ),
    "text": Fault(answer(b'"text"'), PlexResponseError, NOTHING_SAID),
    "empty object": Fault(answer(b"{}"), PlexResponseError, NOTHING_SAID),
    "empty list": Fault(
        answer(b"[]"), PlexResponseError, NOTHING_SAID | {"get_resources": []}
    ),
    "nulls everywhere": Fault(
        answer(only_nulls),
        PlexResponseError,
        NOTHING_SAID | {"get_resources": [], "get_source_connection_information": 0},
    ),
    "deep nesting": Fault(answer(b"[" * 100_000), PlexResponseError, AS_TEXT, READ),
    "XML with entities": Fault(
        answer(entities("utf-8")), PlexResponseError, AS_TEXT, READ
    ),
    "XML with entities in UTF-16": Fault(
        answer(entities("utf-16")), PlexResponseError, AS_TEXT, READ
    ),
    # Answers that only look odd
    "another charset promised": Fault(
        answer(Content_Type="application/json; charset=utf-16"), TRUTH
    ),
    "another charset": Fault(answer(in_latin_1), TRUTH),
    "numbers as strings": Fault(answer(numbers_as_strings), TRUTH),
    "duplicate keys": Fault(answer(duplicate_keys), TRUTH),
    "huge integers": Fault(
        answer(huge_integers), TRUTH, dict.fromkeys(WITH_A_NUMBER, PlexResponseError)
    ),
    "more answers than asked for": Fault(two_answers, TRUTH),
    # Answers without measure
    "64 MiB": Fault(large_body, PlexResponseError, bomb=True),
    "endless body": Fault(endless_body, PlexResponseError, bomb=True),
    "endless headers": Fault(endless_headers, PlexResponseError, bomb=True),
    "gzip bomb": Fault(
        answer(BOMB, Content_Encoding="gzip"), PlexResponseError, bomb=True
    ),
    "gzip bomb as a refusal": Fault(
        answer(BOMB, 401, Content_Encoding="gzip"), PlexResponseError, bomb=True
    ),
    # Headers
    **{
        f"{name} with {status}": Fault(
            answer(HTML, status, **{header: value}),
            PlexResponseError,
            AS_TEXT if status == 200 else {},
            {"status": status},
        )
        for status in (200, 500)
        for name, (header, value) in {
            "semicolons": ("Content-Type", "a/b" + ";" * 8000),
            "parentheses": ("Content-Type", "(" * 8000),
            "charset": ("Content-Type", "text/html; charset=undefined"),
            "pause": ("Retry-After", "Fri, " * 1600),
            "brackets in a pause": ("Retry-After", "(" * 60),
            "cookies": ("Set-Cookie", "a=b; " * 1600),
            "quotes in a cookie": ("Set-Cookie", 'a="' + "\\" * 8000),
            "links": ("Link", "<" * 8000),
            "services": ("Alt-Svc", 'h3=":443"; ' * 700),
            "length twice": ("X-Length", "1"),
            "no type": ("Content-Type", "\xff\xfe"),
            "unknown packing": ("Content-Encoding", "gzip, gzip, gzip"),
            "unknown type": ("Content-Disposition", "(" * 8000),
        }.items()
    },
    **{
        f"challenge {scheme}": Fault(
            answer(HTML, 401, WWW_Authenticate=scheme), PlexAuthenticationError
        )
        for scheme in ("NTLM", 'Digest realm="x", nonce="y"', "Negotiate " + "x" * 8000)
    },
    **{
        f"location {location[:12]!r}": Fault(
            answer(b"", 302, Location=location), PlexResponseError
        )
        for location in ("http://[::1", "//", "\\\\x", "a" * 8000, "javascript:1")
    },
    **{
        f"broken {packing}": Fault(
            answer(b"\x28\xb5\x2f\xfd" + b"\xff" * 99, Content_Encoding=packing),
            PlexError,
        )
        for packing in ("gzip", "deflate", "zstd", "br")
    },
    "zstd bomb": Fault(
        answer(zstd.compress(b" " * 64 * MIB), Content_Encoding="zstd"),
        PlexResponseError,
        bomb=True,
    ),
    "deflate bomb": Fault(
        answer(zlib.compress(b" " * 64 * MIB), Content_Encoding="deflate"),
        PlexResponseError,
        bomb=True,
    ),
    # Lines and chunks
    **{
        f"status {line.decode()!r}": Fault(raw(line), PlexError)
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
    "endless provisional answers": Fault(
        endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), PlexError, patience=HURRY
    ),
    "endless chunk extension": Fault(
        endless(head(length=None) + b"5;", b"x=y;" * 999), PlexError, patience=HURRY
    ),
    "endless trailers": Fault(
        endless(head(length=None) + b"0\r\n", b"X-More: x\r\n" * 99),
        PlexError,
        patience=HURRY,
    ),
    # Redirects
    "redirect within the host": Fault(
        answer(b"", 302, Location="/elsewhere"), PlexResponseError, {}, {"status": 302}
    ),
    "redirect in a loop": Fault(
        redirect_in_a_loop, PlexResponseError, {}, {"status": 302}
    ),
    "redirect to another host": Fault(
        redirect_elsewhere, PlexResponseError, {}, {"status": 307}
    ),
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


def secrets_in(error: BaseException) -> Iterator[str]:
    """Find the secrets that an error tells, with everything that it came from."""
    seen: list[BaseException | None] = [error]
    for one in seen:
        if one is None:
            continue
        seen += [
            other for other in (one.__cause__, one.__context__) if other not in seen
        ]
        told = f"{one} {one!r} {one.args!r} {traceback.format_exception(one)}"
        yield from (secret for secret in SECRETS if secret in told)


def secrets_in_frames(error: BaseException) -> Iterator[str]:
    """Find the secrets in local variables that a recorder of tracebacks would see."""
    seen: list[BaseException | None] = [error]
    for one in seen:
        if one is None:
            continue
        seen += [
            other for other in (one.__cause__, one.__context__) if other not in seen
        ]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if frame.f_code.co_filename != __file__:
                told = repr(frame.f_locals)
                yield from (secret for secret in SECRETS if secret in told)


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
    name: str,
    operation: str,
) -> None:
    """Every operation ends in time, as the table says, and tells nothing secret.

    What was spoilt serves again with the next call, and nobody else was asked.
    """
    fault, called = FAULTS[name], OPERATIONS[operation]
    expected = fault.exceptions.get(operation, fault.outcome)
    host, other = Host(called.document, fault.play), Host(called.document, truth)

    async def call(url: str, patience: float) -> Any:
        options: dict[str, Any] = {
            "client_identifier": CLIENT_IDENTIFIER,
            "token": TOKEN,
        }
        if called.owner is PlexTvClient:
            client: Any = PlexTvClient(
                session, server_url=url, timeout=patience, retry=retry, **options
            )
        else:
            client = PlexServerClient(session, url, timeout=patience, **options)
        return called.says(await getattr(client, operation)(*called.arguments))

    retry = EAGER if operation == "post_users_sign_in_data" else RetryConfig("none")
    async with (
        listening(host, certificate=certificates.get(fault.place or "")),
        listening(other, address="127.0.0.2"),
    ):
        url, host.elsewhere = host.url, other.url
        match fault.place:
            case "closed":
                async with listening(Host(None, truth)) as closed:
                    url = closed.url
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
                error: Any = failed.value
                assert [*secrets_in(error)] == []
                assert [*secrets_in_frames(error)] == []
                assert {
                    fact: getattr(error, fact) for fact in fault.facts
                } == fault.facts
            else:
                value = await call(url, fault.patience)
                assert value == (TRUTHS[operation] if expected is TRUTH else expected)
            if fault.bomb:
                is_list = operation == "get_resources"
                budget = LIST_BUDGET if is_list else BOMB_BUDGET
                assert tracemalloc.get_traced_memory()[1] < budget
        finally:
            tracemalloc.stop()
        assert clock() - started < fault.patience * called.tries + SLACK

        assert other.connections == 0
        assert sum(PASSWORD.encode() in one for one in host.requests) <= 1
        assert len({one.split()[1] for one in host.requests}) <= 1

        assert await call(other.url, PATIENCE) == TRUTHS[operation]
        if host.requests:
            host.play = truth
            assert await call(host.url, PATIENCE) == TRUTHS[operation]
