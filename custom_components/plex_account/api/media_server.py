"""The operations of one Plex Media Server, named as the Plex SDKs name them."""

from datetime import UTC, datetime
from typing import Any, Literal, Unpack

import aiohttp

from .addresses import IPAddress
from .documents import JsonLoads
from .errors import PlexResponseError
from .identity import ANONYMOUS, ClientIdentity
from .models import (
    ServerIdentity,
    SourceConnectionInformation,
    TransientToken,
    parse_identity,
    parse_source,
    parse_transient_token,
)
from .retry import NO_RETRY, RetryConfig
from .transport import RequestOptions, Token, Transport


class PlexServerClient:
    """One server, with the token of that server or a transient one.

    `address` is what to dial in place of asking DNS for the URL's host. Every
    method raises a PlexError where it cannot return what it says.
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
        """Use a session that somebody else owns; `timeout` is in seconds."""
        self._transport = Transport(
            session,
            server_url,
            client_identifier=client_identifier,
            identity=identity,
            token=token,
            timeout=timeout,
            retry=retry,
            json_loads=json_loads,
            refusals=frozenset({401, 403}),
            address=address,
        )

    async def get_identity(self, **options: Unpack[RequestOptions]) -> ServerIdentity:
        """Return who answers (GET /identity); no token is sent or needed."""
        return parse_identity(
            await self._transport.request(
                "GET", "/identity", authenticate=False, **options
            )
        )

    async def check_token(self, **options: Unpack[RequestOptions]) -> None:
        """Return if the server answers and takes the token (GET /).

        Raises PlexAuthenticationError if it doesn't take the token.
        """
        await self._transport.request("GET", "/", **options)

    async def get_transient_token(
        self,
        type: Literal["delegation"] = "delegation",
        scope: Literal["all"] = "all",
        **options: Unpack[RequestOptions],
    ) -> TransientToken:
        """Return a new token for at most 48 hours (POST, else GET /security/token).

        It has the rights of the token that asked, and ends when the server restarts.
        """
        asked_at = datetime.now(UTC)
        params = {"type": type, "scope": scope}

        async def mint(method: str) -> Any:
            return await self._transport.request(
                method, "/security/token", params=params, **options
            )

        try:
            document = await mint("POST")
        except PlexResponseError as error:
            if error.status not in (404, 405):
                raise
            document = await mint("GET")
        return parse_transient_token(document, asked_at)

    async def get_source_connection_information(
        self,
        source: str,
        refresh: bool = False,
        **options: Unpack[RequestOptions],
    ) -> SourceConnectionInformation:
        """Return how to reach a source (GET /security/resources).

        A source is `server://<machine identifier>` or `provider://<identifier>`.
        The token must be the owner's, or a transient one minted with it.
        """
        params = {"source": source}
        if refresh:
            params["refresh"] = "1"
        return parse_source(
            await self._transport.request(
                "GET", "/security/resources", params=params, **options
            )
        )
