"""The operations of one Plex Media Server, named as in the Plex SDKs."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, Literal, Unpack

import aiohttp
from yarl import URL

from .addresses import IPAddress
from .documents import JsonLoads, is_document
from .errors import PlexResponseError
from .failures import content_type
from .identity import ANONYMOUS, ClientIdentity
from .models import (
    Answer,
    ServerIdentity,
    SourceConnectionInformation,
    TransientToken,
    parse_answer,
    parse_identity,
    parse_source,
    parse_transient_token,
)
from .operation import operation
from .paths import checked_params, checked_path
from .refusals import server_error
from .request import Request, RequestOptions, Token
from .retry import NO_RETRY, RetryConfig
from .streaming import StreamedAnswer, Streaming
from .transport import Transport

type Method = Literal["GET", "POST", "PUT", "DELETE"]

# The answer to a probe is short, and may come from anyone.
_MAX_PROBE_BYTES = 64 * 1024
_MAX_ANSWER_BYTES = 4 * 1024 * 1024

_IDENTITY = Request(path="/identity", authenticate=False, max_bytes=_MAX_PROBE_BYTES)
_FRONT_PAGE = Request(path="/", max_bytes=_MAX_PROBE_BYTES)
_RESOURCES = URL("/security/resources")


class PlexServerClient:
    """One server, with the token of that server or a transient one.

    `address` is dialed instead of looking up the URL's host in DNS. Every method
    raises a PlexError if it fails.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        server_url: str,
        *,
        client_identifier: str,
        token: Token = None,
        address: IPAddress | None = None,
        identity: ClientIdentity = ANONYMOUS,
        timeout: float = 10,
        retry: RetryConfig = NO_RETRY,
        json_loads: JsonLoads | None = None,
    ) -> None:
        """Initialize the client with a session that is opened and closed elsewhere.

        `timeout` is in seconds and covers a whole request; `json_loads` is a faster
        JSON decoder than Python's own.
        """
        self._transport = Transport(
            session,
            server_url,
            client_identifier=client_identifier,
            identity=identity,
            token=token,
            timeout=timeout,
            retry=retry,
            json_loads=json_loads,
            error_of=server_error,
            address=address,
        )

    @operation
    async def get_identity(self, **options: Unpack[RequestOptions]) -> ServerIdentity:
        """Return the server's identity (GET /identity); no token is sent or needed."""
        return await self._transport.fetch(_IDENTITY, options, parse_identity)

    @operation
    async def check_token(self, **options: Unpack[RequestOptions]) -> None:
        """Check that the server answers and accepts the token (GET /).

        Nothing in the answer is read. Raises PlexAuthenticationError if the server
        doesn't accept the token, and PlexResponseError if an intermediary, such as a
        captive portal, answers with a page of its own.
        """
        await self._transport.read(_FRONT_PAGE, options, _require_document)

    @operation
    async def get_transient_token(
        self,
        type: Literal["delegation"] = "delegation",
        scope: Literal["all"] = "all",
        **options: Unpack[RequestOptions],
    ) -> TransientToken:
        """Return a new token for up to 48 hours (POST or GET /security/token).

        POST is tried first. The new token has the rights of the one used to request
        it, and expires when the server restarts.
        """
        parse = partial(parse_transient_token, asked_at=datetime.now(UTC))
        params = {"type": type, "scope": scope}
        try:
            return await self._transport.fetch(
                Request(method="POST", path="/security/token", params=params),
                options,
                parse,
            )
        except PlexResponseError as error:
            if error.status not in (404, 405):
                raise
        return await self._transport.fetch(
            Request(path="/security/token", params=params), options, parse
        )

    @operation
    async def get_source_connection_information(
        self,
        source: str,
        refresh: bool = False,
        **options: Unpack[RequestOptions],
    ) -> SourceConnectionInformation:
        """Return how to reach a source (GET /security/resources).

        A source is `server://<machine identifier>` or `provider://<identifier>`.
        The token must be the owner's, or a transient one minted with it. Raises
        PlexUnknownSource if the server answers, but names no source.
        """
        return await self._transport.fetch(
            _source_request(source, refresh), options, parse_source
        )

    @operation
    async def request(
        self,
        path: str,
        method: Method = "GET",
        params: Mapping[str, Any] | None = None,
        **options: Unpack[RequestOptions],
    ) -> Answer:
        """Return the server's answer to any request, at most 4 MiB.

        `path` begins with one slash and may have a query. Raises PlexPathError or
        PlexParamsError before anything is sent if the request isn't allowed, and
        PlexResponseTooLarge if the answer is too long. Only GET is repeatable.
        """
        checked_path(path)
        return await self._transport.read(
            Request(
                method=method,
                path=path,
                params=checked_params(params),
                repeatable=method == "GET",
                max_bytes=_MAX_ANSWER_BYTES,
            ),
            options,
            partial(_read_answer, json_loads=self._transport.json_loads),
        )

    def stream(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        **options: Unpack[RequestOptions],
    ) -> AbstractAsyncContextManager[StreamedAnswer]:
        """Return an answer of at most 16 MiB whose body is read in chunks.

        For pictures: `async with client.stream(path) as picture`, then `async for
        chunk in picture`. Both raise what `request` raises.
        """
        return Streaming(self._transport, path, params, options)


@lru_cache(maxsize=256)
def _source_request(source: str, refresh: bool) -> Request:
    """Return the request for a source; cached, since the same few keep coming up."""
    query = {"source": source, "refresh": "1"} if refresh else {"source": source}
    return Request(path=str(_RESOURCES % query))


def _require_document(response: aiohttp.ClientResponse, body: bytes) -> None:
    """Raise ValueError if a body is a page from an intermediary."""
    if not is_document(body):
        raise ValueError("Not a document")


def _read_answer(
    response: aiohttp.ClientResponse, body: bytes, *, json_loads: JsonLoads | None
) -> Answer:
    """Return an answer with the content of its body."""
    document, text = parse_answer(body, json_loads)
    return Answer(
        status=response.status,
        content_type=content_type(response.headers),
        document=document,
        text=text,
        body=body,
    )
