"""Maps exceptions from sending and reading to errors of the client."""

from collections.abc import Mapping
import errno
import re
import ssl
from typing import TypedDict

import aiohttp

from .errors import (
    PlexAddressError,
    PlexCertificateError,
    PlexConnectionError,
    PlexError,
    PlexResponseError,
    PlexResponseTooLarge,
    PlexTimeoutError,
)

_MAX_CONTENT_TYPE = 100
_CONTENT_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+", re.ASCII)
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL})


def content_type(headers: Mapping[str, str]) -> str | None:
    """Return the bare type in a Content-Type header, in lowercase.

    Parsed by hand: the parser that aiohttp uses takes time quadratic in the length
    of the header.
    """
    value = headers.get("Content-Type", "")[:_MAX_CONTENT_TYPE].partition(";")[0]
    bare = value.strip().lower()
    return bare if _CONTENT_TYPE.fullmatch(bare) else None


class Facts(TypedDict):
    """What an error keeps from the answer that caused it."""

    status: int
    content_type: str | None
    headers: Mapping[str, str]


def facts(response: aiohttp.ClientResponse) -> Facts:
    """Return what an error keeps from an answer."""
    return Facts(
        status=response.status,
        content_type=content_type(response.headers),
        headers=response.headers,
    )


def unreadable(response: aiohttp.ClientResponse) -> PlexResponseError:
    """Return the error for a successful answer that can't be read."""
    return PlexResponseError("Not a readable answer", **facts(response))


def too_large(response: aiohttp.ClientResponse) -> PlexResponseTooLarge:
    """Return the error for an answer that is too long."""
    return PlexResponseTooLarge("The answer is too long", **facts(response))


def failure(error: Exception) -> PlexError:
    """Return the client's error for an exception from sending or reading."""
    match error:
        case PlexError():
            return error
        case TimeoutError():
            return PlexTimeoutError("No answer in time", request_sent=True)
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLCertVerificationError():
            return PlexCertificateError(
                "The certificate is refused", request_sent=False
            )
        case aiohttp.InvalidURL():
            return PlexAddressError("Not a valid address")
        case aiohttp.ClientConnectorError():
            return PlexConnectionError(
                "Could not connect",
                request_sent=False,
                no_route=error.os_error.errno in _NO_ROUTE,
            )
        case aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError() | OSError():
            return PlexConnectionError("The connection broke", request_sent=True)
        case _:
            return PlexResponseError("Not an acceptable answer")
