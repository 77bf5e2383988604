"""The operations of plex.tv, named as in the Plex SDKs."""

from typing import Any, Unpack

import aiohttp

from .documents import JsonLoads
from .errors import PlexResponseError
from .identity import ANONYMOUS, ClientIdentity
from .models import (
    PlexAccount,
    PlexPin,
    PlexServer,
    parse_account,
    parse_pin,
    parse_pong,
    parse_servers,
)
from .operation import operation
from .refusals import plex_tv_error
from .request import Request, RequestOptions, Token
from .retry import NO_RETRY, RetryConfig
from .transport import Transport

PLEX_TV_URL = "https://plex.tv/api/v2"

_MAX_RESOURCES_BYTES = 8 * 1024 * 1024

_ACCOUNT = Request(path="/user?includeSubscriptions=1")
_RESOURCES = Request(
    path="/resources?includeHttps=1&includeRelay=1&includeIPv6=1",
    max_bytes=_MAX_RESOURCES_BYTES,
)
_PING = Request(path="/ping")
_SIGN_OUT = Request(method="DELETE", path="/users/signout")


class PlexTvClient:
    """The account side of Plex: plex.tv, with the account token.

    Every method raises a PlexError if it fails.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        client_identifier: str,
        token: Token = None,
        server_url: str = PLEX_TV_URL,
        identity: ClientIdentity = ANONYMOUS,
        timeout: float = 30,
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
            error_of=plex_tv_error,
        )

    @operation
    async def post_users_sign_in_data(
        self,
        login: str,
        password: str,
        verification_code: str | None = None,
        *,
        remember_me: bool = True,
        **options: Unpack[RequestOptions],
    ) -> PlexAccount:
        """Return the account with a new `auth_token` (POST /users/signin).

        The password is sent at most once regardless of `retry`, unless the connection
        fails before it is sent. Raises PlexTwoFactorRequired, PlexInvalidCode,
        PlexEmailRequired, PlexTooManyAttempts, or plain PlexAuthenticationError.
        """
        form = {
            "login": login,
            "password": password,
            "rememberMe": str(remember_me).lower(),
        }
        if verification_code:
            form["verificationCode"] = verification_code
        account = await self._transport.fetch(
            Request(
                method="POST",
                path="/users/signin",
                form=form,
                authenticate=False,
                repeatable=False,
            ),
            options,
            parse_account,
        )
        if account.auth_token is None:
            raise PlexResponseError("The answer lacks authToken")
        return account

    @operation
    async def get_token_details(self, **options: Unpack[RequestOptions]) -> PlexAccount:
        """Return the account that the token belongs to (GET /user).

        Raises PlexAuthenticationError if the token is no longer valid.
        """
        return await self._transport.fetch(_ACCOUNT, options, parse_account)

    @operation
    async def get_resources(
        self, **options: Unpack[RequestOptions]
    ) -> tuple[PlexServer, ...]:
        """Return the servers that the account may use (GET /resources)."""
        return await self._transport.fetch(_RESOURCES, options, parse_servers)

    @operation
    async def ping(self, **options: Unpack[RequestOptions]) -> bool:
        """Return whether plex.tv reports that all is well (GET /ping)."""
        return await self._transport.fetch(_PING, options, parse_pong)

    @operation
    async def sign_out(self, **options: Unpack[RequestOptions]) -> None:
        """Revoke the token (DELETE /users/signout)."""
        await self._transport.fetch(_SIGN_OUT, options, _ignore)

    @operation
    async def create_pin(
        self, *, strong: bool = False, **options: Unpack[RequestOptions]
    ) -> PlexPin:
        """Return a new PIN (POST /pins).

        A four-character PIN is entered at plex.tv/link; a strong one is long and only
        works on Plex's sign-in page.
        """
        pin = await self._transport.fetch(
            Request(
                method="POST",
                path="/pins",
                params={"strong": "true"} if strong else None,
                authenticate=False,
                answers_secret=True,
            ),
            options,
            parse_pin,
        )
        if not pin.code:
            raise PlexResponseError("The answer lacks code")
        return pin

    @operation
    async def get_pin(self, pin_id: int, **options: Unpack[RequestOptions]) -> PlexPin:
        """Return a PIN, with `auth_token` once approved (GET /pins/{id}).

        Raises PlexResponseError with status 404 if it has expired or belongs to
        another client identifier.
        """
        return await self._transport.fetch(
            Request(path=f"/pins/{pin_id}", authenticate=False, answers_secret=True),
            options,
            parse_pin,
        )

    @operation
    async def link_pin(self, code: str, **options: Unpack[RequestOptions]) -> None:
        """Approve the PIN of another device (PUT /pins/link)."""
        await self._transport.fetch(
            Request(method="PUT", path="/pins/link", form={"code": code}),
            options,
            _ignore,
        )


def _ignore(document: Any) -> None:
    """Ignore the document of a successful answer."""
