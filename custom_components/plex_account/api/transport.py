"""The one place where a request is sent."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
import json
from time import monotonic
from typing import Any, TypedDict, Unpack

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from .addresses import IPAddress, is_loopback, parse_url, plex_direct_address
from .documents import JsonLoads, read_document
from .errors import (
    PlexAddressError,
    PlexAuthenticationError,
    PlexCertificateError,
    PlexConnectionError,
    PlexError,
    PlexInvalidCode,
    PlexRateLimitError,
    PlexResponseError,
    PlexTimeoutError,
    PlexTooManyAttempts,
    PlexTwoFactorRequired,
)
from .identity import ClientIdentity
from .models import parse_error
from .retry import RetryConfig

type Token = str | Callable[[], Awaitable[str | None]] | None

MAX_BODY_BYTES = 1024 * 1024

_ERRORS_BY_CODE: Mapping[int | None, type[PlexError]] = {
    1001: PlexAuthenticationError,
    1003: PlexRateLimitError,
    1028: PlexInvalidCode,
    1029: PlexTwoFactorRequired,
    1031: PlexTooManyAttempts,
}


class RequestOptions(TypedDict, total=False):
    """What every operation takes for a single call, in place of the client's own.

    `timeout` is in seconds and covers connecting; `headers` are sent on top. None
    is the same as nothing.
    """

    retry: RetryConfig | None
    timeout: float | None
    headers: Mapping[str, str] | None
    server_url: str | None


class Transport:
    """Sends requests to one base URL in the name of one client.

    A plex.direct name carries its address, which is dialled without asking DNS;
    another name's may be given. The certificate is verified against the name.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        server_url: str,
        *,
        client_identifier: str,
        identity: ClientIdentity,
        token: Token,
        timeout: float,
        retry: RetryConfig,
        json_loads: JsonLoads | None,
        refusals: frozenset[int],
        address: IPAddress | None = None,
    ) -> None:
        """Keep what all requests share.

        The client identifier is opaque, one per installation, and must persist.
        Answers with a status in `refusals` mean that the token is no good.
        """
        self._session = session
        self._server_url = server_url.rstrip("/")
        self._headers = CIMultiDict(
            {
                "Accept": "application/json",
                "X-Plex-Client-Identifier": client_identifier,
                **identity.headers,
            }
        )
        self._token = token
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._retry = retry
        self._json_loads = json_loads or json.loads
        self._refusals = refusals
        self._address = address

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        authenticate: bool = True,
        answers_secret: bool = False,
        repeatable: bool = True,
        **options: Unpack[RequestOptions],
    ) -> Awaitable[Any]:
        """Return the document of the answer, None where it has no body.

        Raises a PlexError for anything but a complete answer of success. A request
        that isn't repeatable is sent again only if it can't have arrived.
        """
        retry = options.get("retry") or self._retry
        send = partial(
            self._send,
            method,
            path,
            params,
            form,
            authenticate,
            answers_secret,
            options,
        )
        if retry.strategy == "none":
            return send()
        return _repeat(send, retry, repeatable=repeatable)

    async def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        form: Mapping[str, str] | None,
        authenticate: bool,
        answers_secret: bool,
        options: RequestOptions,
    ) -> Any:
        """Send a request once."""
        headers = self._headers.copy()
        token = self._token if authenticate else None
        if callable(token):
            token = await token()
        if token:
            headers["X-Plex-Token"] = token
        if more := options.get("headers"):
            headers.update(more)
        if (server_url := options.get("server_url")) is not None:
            target = _target(server_url, path, None)
        else:
            target = _target(self._server_url, path, self._address)
        if not target.confidential and (
            form or answers_secret or "X-Plex-Token" in headers
        ):
            raise PlexAddressError("Nothing secret goes over plain http")
        headers["Host"] = target.host
        timeout = self._timeout
        if (seconds := options.get("timeout")) is not None:
            timeout = aiohttp.ClientTimeout(total=seconds)
        failure: PlexError
        try:
            response = await self._session.request(
                method,
                target.url,
                params=params,
                data=form,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                server_hostname=target.server_hostname,
            )
            try:
                body = await _read(response.content)
            except BaseException:
                response.close()
                raise
        except TimeoutError:
            failure = PlexTimeoutError("No answer in time", request_sent=True)
        except aiohttp.ClientConnectorCertificateError:
            failure = PlexCertificateError(
                "The certificate is refused", request_sent=False
            )
        except ValueError:
            failure = PlexAddressError("A header is not valid")
        except aiohttp.ClientConnectorError:
            failure = PlexConnectionError("Could not connect", request_sent=False)
        except aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError:
            failure = PlexConnectionError("The connection broke", request_sent=True)
        except aiohttp.ClientError:
            failure = PlexResponseError("Not an acceptable answer")
        else:
            return self._judge(response, body)
        raise failure

    def _judge(self, response: aiohttp.ClientResponse, body: bytes) -> Any:
        """Return the document of a success; raise the error of anything else."""
        status = response.status
        try:
            document = read_document(body, self._json_loads)
        except ValueError:
            document = None
        else:
            if 200 <= status < 300:
                return document

        code, message = parse_error(document)
        error: type[PlexError]
        if code in _ERRORS_BY_CODE:
            error = _ERRORS_BY_CODE[code]
        elif status == 429:
            error = PlexRateLimitError
        elif status in self._refusals or (
            status == 422 and "invalid token" in (message or "").lower()
        ):
            error = PlexAuthenticationError
        else:
            error = PlexResponseError
        raise error(
            "Plex refused the request" if status >= 400 else "Not a readable answer",
            status=status,
            code=code,
            message=message,
            content_type=response.content_type,
            headers=response.headers,
        )


async def _repeat(
    send: Callable[[], Awaitable[Any]], retry: RetryConfig, *, repeatable: bool
) -> Any:
    """Return what a request does, sending it again as long as that may help."""
    started = monotonic()
    tries = 0
    while True:
        try:
            return await send()
        except PlexError as error:
            if not retry.applies(error, repeatable=repeatable):
                raise
            wait = retry.wait(tries, error)
            if (monotonic() - started + wait) * 1000 > retry.max_elapsed_time:
                raise
        await asyncio.sleep(wait)
        tries += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """Where a request goes: what is dialled, and what name it goes by."""

    url: URL
    host: str
    server_hostname: str | None
    confidential: bool


@lru_cache(maxsize=1024)
def _target(server_url: str, path: str, address: IPAddress | None) -> _Target:
    """Return where a request to a path goes, with an address in place of DNS or none.

    Raises PlexAddressError if there is no such place.
    """
    url = parse_url(server_url.rstrip("/") + path)
    if url is None or not (name := url.raw_host):
        raise PlexAddressError("Not a valid address")
    address = address or plex_direct_address(name)
    secure = url.scheme == "https"
    return _Target(
        url=url.with_host(str(address)) if address else url,
        host=url.host_port_subcomponent or name,
        server_hostname=name if address and secure else None,
        confidential=secure or (address.is_loopback if address else is_loopback(name)),
    )


async def _read(content: aiohttp.StreamReader) -> bytes:
    """Return a body of bounded size; the bound counts what was decompressed."""
    chunks = []
    size = 0
    while not content.at_eof():
        chunk = await content.readany()
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise aiohttp.ClientError
        chunks.append(chunk)
    return b"".join(chunks)
