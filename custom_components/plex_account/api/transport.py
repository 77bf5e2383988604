"""The only place that sends requests. It knows nothing about models."""

import asyncio
from collections.abc import Awaitable, Callable
import re
from time import monotonic
from typing import Any

import aiohttp
from multidict import CIMultiDict

from .addresses import IPAddress, parse_url
from .documents import OFF_LOOP_BYTES, JsonLoads, read_document
from .errors import PlexAddressError, PlexError, PlexResponseError
from .failures import facts, failure, too_large, unreadable
from .identity import ClientIdentity
from .origin import find_origin
from .refusals import ErrorOf, read_refusal
from .request import Request, RequestOptions, Token
from .retry import RetryConfig

type Reply = tuple[aiohttp.ClientResponse, bytes]
type Reader[T] = Callable[[aiohttp.ClientResponse, bytes], T]

_MAX_REFUSAL_BYTES = 64 * 1024
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_IN_A_HEADER = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


class Transport:
    """Sends requests to one base URL on behalf of one client.

    A plex.direct name contains its address, which is dialed without a DNS lookup; for
    other names, `address` may be given. The certificate is verified against the name.
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
        error_of: ErrorOf,
        address: IPAddress | None = None,
    ) -> None:
        """Initialize the transport with what all requests share.

        The client identifier is opaque, one per installation, and must persist.
        """
        self._session = session
        self._server_url = server_url
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
        self.json_loads = json_loads
        self._error_of = error_of
        self._address = None if address is None else str(address)

    def fetch[T](
        self, request: Request, options: RequestOptions, parse: Callable[[Any], T]
    ) -> Awaitable[T]:
        """Return what a parser makes of the document in the answer.

        The document is None if the answer has no body. Raises a PlexError for
        anything but a complete, successful answer that the parser understands.
        """
        return self.read(
            request,
            options,
            lambda _, body: parse(read_document(body, self.json_loads)),
        )

    async def read[T](
        self, request: Request, options: RequestOptions, reader: Reader[T]
    ) -> T:
        """Return what a reader makes of a successful answer and its body.

        Raises the reader's PlexResponseError with the facts about the answer, and a
        plain one if the reader fails in any other way.
        """
        response, body = await self._send(request, options)
        try:
            if len(body) > OFF_LOOP_BYTES:
                await asyncio.sleep(0)  # joining a long body took long enough
                return await asyncio.to_thread(reader, response, body)
            return reader(response, body)
        except PlexResponseError as error:
            raise type(error)(str(error), **facts(response)) from None
        except Exception:  # noqa: BLE001, a body may break its reader in any way
            raise unreadable(response) from None

    async def _send(self, request: Request, options: RequestOptions) -> Reply:
        """Return the answer to a request, which is retried as long as that may help.

        A request that isn't repeatable is sent again only if it can't have arrived.
        """
        retry = options.get("retry") or self._retry
        started = monotonic()
        tries = 0
        while True:
            try:
                response = await self.open(request, options)
                return response, await _read(response, request.max_bytes)
            except PlexError as error:
                if not retry.applies(error, repeatable=request.repeatable):
                    raise
                wait = retry.wait(tries, error)
                if (monotonic() - started + wait) * 1000 > retry.max_elapsed_time:
                    raise
            await asyncio.sleep(wait)
            tries += 1

    async def open(
        self, request: Request, options: RequestOptions
    ) -> aiohttp.ClientResponse:
        """Return a successful answer whose body is yet to be read.

        Raises the matching error if the request is refused.
        """
        token = self._token if request.authenticate else None
        if callable(token):
            token = await token()
        if (server_url := options.get("server_url")) is not None:
            origin = find_origin(server_url, None)
        else:
            origin = find_origin(self._server_url, self._address)
        headers = self._build_headers(request, options, token)
        if not origin.confidential and (
            request.form or request.answers_secret or "X-Plex-Token" in headers
        ):
            raise PlexAddressError("Nothing secret goes over plain http")
        headers["Host"] = origin.host
        url = parse_url(origin.base + request.path)
        if url is None:
            raise PlexAddressError("Not a valid address")
        try:
            response = await self._session.request(
                request.method,
                url,
                params=request.params,
                data=request.form,
                headers=headers,
                timeout=self._timeout_of(request, options),
                allow_redirects=False,
                server_hostname=origin.server_hostname,
                middlewares=None if request.repeatable else (_send_to_the_end,),
            )
        except Exception as error:  # noqa: BLE001, an answer may break aiohttp in any way
            raise failure(error) from None
        if 200 <= response.status < 300:
            return response
        raise await self._refusal(request, response)

    def _build_headers(
        self, request: Request, options: RequestOptions, token: str | None
    ) -> CIMultiDict[str]:
        """Return the headers of a request.

        Raises PlexAddressError if one can't be sent.
        """
        headers = self._headers.copy()
        if token:
            _require_sendable(token)
            headers["X-Plex-Token"] = token
        if request.headers:
            headers.update(request.headers)
        if more := options.get("headers"):
            for name, value in more.items():
                if not _HEADER_NAME.fullmatch(name):
                    raise PlexAddressError("A header is not valid")
                _require_sendable(value)
            headers.update(more)
        return headers

    def _timeout_of(
        self, request: Request, options: RequestOptions
    ) -> aiohttp.ClientTimeout:
        """Return the timeouts of a request, and of the parts of a long answer."""
        timeout = self._timeout
        if (seconds := options.get("timeout")) is not None:
            timeout = aiohttp.ClientTimeout(total=seconds)
        if request.total_seconds is None:
            return timeout
        return aiohttp.ClientTimeout(
            total=request.total_seconds, connect=timeout.total, sock_read=timeout.total
        )

    async def _refusal(
        self, request: Request, response: aiohttp.ClientResponse
    ) -> PlexError:
        """Return the error for an unsuccessful answer."""
        body = await _read(response, request.max_bytes)
        if response.status < 200:  # another protocol takes over, such as WebSocket
            response.close()
        document = None
        if len(body) <= _MAX_REFUSAL_BYTES:
            try:
                document = read_document(body, self.json_loads)
            except Exception:  # noqa: BLE001, the status says enough
                document = None
        refusal = read_refusal(response.status, document)
        return self._error_of(refusal)(
            "Plex refused the request"
            if response.status >= 400
            else "Not a readable answer",
            code=refusal.code,
            message=refusal.message,
            **facts(response),
        )


async def _send_to_the_end(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Return the answer to a request, or raise an error that aiohttp doesn't retry on.

    On its own, aiohttp sends PUT and DELETE again if the connection breaks.
    """
    try:
        return await handler(request)
    except aiohttp.ClientError as error:
        raise failure(error) from None


def _require_sendable(value: str) -> None:
    """Raise PlexAddressError if a header is malformed, or could inject another one."""
    if not value.isprintable() and _NOT_IN_A_HEADER.search(value):
        raise PlexAddressError("A header is not valid")


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """Return a body of bounded size; the bound applies after decompression."""
    content = response.content
    chunks = []
    size = 0
    try:
        while size <= max_bytes and not content.at_eof():
            chunk = await content.readany()
            size += len(chunk)
            chunks.append(chunk)
    except Exception as error:  # noqa: BLE001, a body may break aiohttp in any way
        response.close()
        raise failure(error) from None
    except BaseException:
        response.close()
        raise
    if size > max_bytes:
        response.close()
        raise too_large(response)
    return b"".join(chunks)
