"""Hostile answers, sent in place of a true one, that no client should mind."""

import asyncio
from collections.abc import Awaitable, Callable
from compression import zstd
from dataclasses import dataclass
from functools import cache
import gzip
from itertools import batched
from typing import Final
import zlib

_MEGABYTE: Final = 2**20
_LONG: Final = 32 * 1024
_OK: Final = "200 OK"
_JSON: Final = "Content-Type: application/json"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that waits for its answer, and the true answer."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    body: bytes
    content_type: str

    async def send(self, *pieces: str | bytes) -> None:
        """Send raw bytes; raises if the client has gone away."""
        for piece in pieces:
            self.writer.write(
                piece.encode("latin-1") if isinstance(piece, str) else piece
            )
            await self.writer.drain()

    async def send_for_ever(self, piece: str | bytes, pace: float = 0) -> None:
        """Send data repeatedly until the client goes away."""
        while True:
            await self.send(piece)
            await asyncio.sleep(pace)


type Mode = Callable[[Exchange], Awaitable[None]]


def head(status: str, *headers: str) -> bytes:
    """Build the status line and headers; the version defaults to HTTP/1.1."""
    line = status if status.startswith("HTTP/") else f"HTTP/1.1 {status}"
    return "\r\n".join((line, *headers, "", "")).encode("latin-1")


def raw(answer: bytes) -> Mode:
    """Answer any request with these bytes."""

    async def mode(exchange: Exchange) -> None:
        await exchange.send(answer)

    return mode


def with_headers(*headers: str, status: str = _OK) -> Mode:
    """Send the true body with custom headers; Content-Length is added unless given."""

    async def mode(exchange: Exchange) -> None:
        lines = list(headers)
        names = [line.partition(":")[0].lower() for line in headers]
        if "content-type" not in names:
            lines.append(f"Content-Type: {exchange.content_type}")
        if not {"content-length", "transfer-encoding"} & set(names):
            lines.append(f"Content-Length: {len(exchange.body)}")
        await exchange.send(head(status, *lines), exchange.body)

    return mode


truth: Final = with_headers()
"""Answer correctly."""


def redirect(location: str, status: str = "302 Found") -> Mode:
    """Redirect to another URL."""
    return raw(head(status, f"Location: {location}", "Content-Length: 0"))


def body(content: bytes, *headers: str, status: str = _OK) -> Mode:
    """Answer with another body."""
    return raw(head(status, f"Content-Length: {len(content)}", *headers) + content)


def _brotli(data: bytes) -> bytes:
    """Wrap data in a Brotli stream without compressing it."""
    packed = b"".join(
        ((len(piece) - 1) << 4 | 1 << 20).to_bytes(3, "little") + bytes(piece)
        for piece in batched(data, 2**16, strict=False)
    )
    return packed + b"\x03"


_CODERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
    "br": _brotli,
}


def packed(*codings: str) -> Mode:
    """Send the true body with several encodings, the innermost first."""

    async def mode(exchange: Exchange) -> None:
        content = exchange.body
        for coding in codings:
            content = _CODERS[coding](content)
        encoding = f"Content-Encoding: {', '.join(codings)}"
        await body(content, f"Content-Type: {exchange.content_type}", encoding)(
            exchange
        )

    return mode


@cache
def _packed_spaces(coding: str) -> bytes:
    return _CODERS[coding](b" " * 32 * _MEGABYTE)


def bomb(coding: str) -> Mode:
    """Answer with 32 MiB of spaces in a small compressed body."""

    async def mode(exchange: Exchange) -> None:
        content = _packed_spaces(coding)
        await body(content, _JSON, f"Content-Encoding: {coding}")(exchange)

    return mode


def many_elements(size: int = _MEGABYTE - 2**15) -> Mode:
    """Answer with as many elements as fit into a size, compressed to a few kilobytes."""
    content = b"<MediaContainer>" + b"<a/>" * (size // 4) + b"</MediaContainer>"
    headers = ("Content-Type: text/xml", "Content-Encoding: gzip")
    return body(gzip.compress(content), *headers)


def _endless(start: str | bytes, piece: str | bytes, pace: float = 0) -> Mode:
    async def mode(exchange: Exchange) -> None:
        await exchange.send(start)
        await exchange.send_for_ever(piece, pace)

    return mode


async def _silent(exchange: Exchange) -> None:
    """Send nothing until the client goes away."""
    while await exchange.reader.read(_LONG):
        pass


async def _half_head(exchange: Exchange) -> None:
    await exchange.send("HTTP/1.1 200 OK\r\nContent-Ty")


async def _half_body(exchange: Exchange) -> None:
    length = f"Content-Length: {len(exchange.body)}"
    await exchange.send(
        head(_OK, _JSON, length), exchange.body[: len(exchange.body) // 2]
    )


async def _close(exchange: Exchange) -> None:
    """Close the connection without an answer."""


async def _reset(exchange: Exchange) -> None:
    exchange.writer.transport.abort()


_CHUNKED: Final = head(_OK, _JSON, "Transfer-Encoding: chunked")
_DEEP: Final = 100_000

HEADERS: Final[dict[str, Mode]] = {
    "content_type_semicolons": with_headers(f"Content-Type: a/b{';' * _LONG}"),
    "content_type_semicolons_500": with_headers(
        f"Content-Type: a/b{';' * _LONG}", status="500 Internal Server Error"
    ),
    "content_type_parens": with_headers(f"Content-Type: {'(' * _LONG}"),
    "content_type_quotes": with_headers(f'Content-Type: a/b; c="{"\\\\" * 8000}'),
    "content_type_parameters": with_headers(
        f"Content-Type: a/b{''.join(f'; p*{n}=x' for n in range(800))}"
    ),
    "header_flood": with_headers(*(f"X-{n}: {n}" for n in range(20_000))),
    "long_header": with_headers(f"X-Long: {'x' * _MEGABYTE}"),
    "same_header": with_headers(*(["X-Same: x"] * 5_000)),
    "folded_header": with_headers("X-Folded: a\r\n b\r\n\tc"),
    "odd_header": with_headers("X-Nul: a\x00b", "X-Latin: \xfc\xff", ": nameless"),
    "set_cookie": with_headers(
        "Set-Cookie: hostile=1; Path=/; Max-Age=99999999",
        "Set-Cookie: _my-plex_session_32=hostile; Domain=localhost; Path=/",
    ),
    "alt_svc": with_headers('Alt-Svc: h2="127.0.0.1:9"; ma=99999999, h3=":9"'),
    "link": with_headers("Link: <http://127.0.0.1:9/>; rel=preload; as=script"),
    "refresh": with_headers("Refresh: 0; url=http://127.0.0.1:9/"),
    "two_lengths": with_headers("Content-Length: 5", "Content-Length: 50"),
    "negative_length": with_headers("Content-Length: -1"),
    "huge_length": with_headers(f"Content-Length: {'9' * 5000}"),
    "length_and_chunked": with_headers(
        "Content-Length: 5", "Transfer-Encoding: chunked"
    ),
    "ntlm": with_headers("WWW-Authenticate: NTLM", status="401 Unauthorized"),
    "digest": with_headers(
        'WWW-Authenticate: Digest realm="x", nonce="x", qop="auth", algorithm=MD5',
        status="401 Unauthorized",
    ),
    "retry_after_huge": with_headers(
        f"Retry-After: {'9' * 4000}", status="429 Too Many Requests"
    ),
    "retry_after_odd": with_headers(
        "Retry-After: Thu, 99 Xyz 99999 99:99:99", status="429 Too Many Requests"
    ),
    "unknown_encoding": with_headers("Content-Encoding: x-hostile"),
    "lying_encoding": with_headers("Content-Encoding: gzip"),
    "unknown_charset": with_headers("Content-Type: application/json; charset=hostile"),
}
STATUSES: Final[dict[str, Mode]] = {
    "status_zero": with_headers(status="0 Nothing"),
    "status_huge": with_headers(status="99999 Much"),
    "status_negative": with_headers(status="-1 Less"),
    "status_text": with_headers(status="OK OK"),
    "status_long": with_headers(status=f"200 {'x' * _LONG}"),
    "switching_protocols": with_headers(
        "Upgrade: websocket", "Connection: Upgrade", status="101 Switching Protocols"
    ),
    "early_hints": raw(
        head("103 Early Hints", "Link: </x>; rel=preload") + head("204 x")
    ),
    "http_0_9": raw(b"<html>no head</html>"),
    "http_2": with_headers(status="HTTP/2.0 200 OK"),
    "not_http": raw(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "redirect": redirect("http://127.0.0.1:9/"),
}
BODIES: Final[dict[str, Mode]] = {
    **{coding: packed(coding) for coding in _CODERS},
    "two_layers": packed("gzip", "zstd"),
    "many_layers": packed(*["gzip"] * 12),
    **{f"{coding}_bomb": bomb(coding) for coding in ("gzip", "deflate", "zstd")},
    "many_elements": many_elements(),
    "deep_json": body(b"[" * _DEEP, _JSON),
    "deep_xml": body(b"<a>" * _DEEP, "Content-Type: text/xml"),
    "long_number": body(b'{"MediaContainer":' + b"9" * _DEEP + b"}", _JSON),
    "document_type": body(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    "document_type_utf_16": body(
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16")
    ),
    "not_utf_8": body(b'{"MediaContainer": {"size": "\xff\xfe"}}', _JSON),
    "bad_chunk": raw(_CHUNKED + b"xyz\r\n"),
    "huge_chunk": raw(_CHUNKED + b"f" * 64 + b"\r\n"),
}
ENDLESS: Final[dict[str, Mode]] = {
    "endless_informational": _endless("", head("100 Continue") * 50),
    "endless_headers": _endless("HTTP/1.1 200 OK\r\n", "X-More: x\r\n" * 500),
    "endless_header": _endless("HTTP/1.1 200 OK\r\nX-More: ", "x" * _LONG),
    "endless_status": _endless("HTTP/1.1 200 ", "x" * _LONG),
    "endless_trailers": _endless(_CHUNKED + b"2\r\n{}\r\n0\r\n", "X-More: x\r\n" * 500),
    "endless_chunk_extension": _endless(_CHUNKED + b"2;", "x" * _LONG),
    "endless_chunks": _endless(_CHUNKED + b"1\r\n[\r\n", b"1\r\n \r\n" * 5000),
    "endless_body": _endless(head(_OK, _JSON), b" " * _LONG),
    "slow_head": _endless("HTTP/1.1 200 OK\r\n", "X", 0.05),
}
SILENCE: Final[dict[str, Mode]] = {
    "silent": _silent,
    "close": _close,
    "reset": _reset,
    "half_head": _half_head,
    "half_body": _half_body,
}
MODES: Final[dict[str, Mode]] = HEADERS | STATUSES | BODIES | ENDLESS | SILENCE

LOCATIONS: Final = (
    "http://127.0.0.1:9/",
    "//127.0.0.1:9/",
    "https://localhost/",
    "http://[::1]:9/",
    "http://[",
    "http://user:password@127.0.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1:99999/",
    "/identity",
    "?X-Plex-Token=1",
    "",
    "\\\\127.0.0.1\\x",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "data:application/json,{}",
    "http://xn--/",
    "h" * _LONG,
    "http://127.0.0.1/\x01\x7f",
)
"""Targets of redirects."""
