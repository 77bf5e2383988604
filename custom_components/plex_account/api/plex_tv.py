"""The operations of plex.tv, named as the Plex SDKs name them."""

from typing import Unpack

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
from .retry import NO_RETRY, RetryConfig
from .transport import RequestOptions, Token, Transport

PLEX_TV_URL = "https://plex.tv/api/v2"


class PlexTvClient:
    """The account's side of Plex: plex.tv, with the account token.

    Every method raises a PlexError where it cannot return what it says.
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
            refusals=frozenset({401, 498}),
        )

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

        The password is sent at most once, whatever `retry` says, unless the
        connection failed before it could be. Raises PlexTwoFactorRequired,
        PlexInvalidCode, PlexTooManyAttempts, or plain PlexAuthenticationError.
        """
        form = {
            "login": login,
            "password": password,
            "rememberMe": str(remember_me).lower(),
        }
        if verification_code:
            form["verificationCode"] = verification_code
        account = parse_account(
            await self._transport.request(
                "POST",
                "/users/signin",
                form=form,
                authenticate=False,
                repeatable=False,
                **options,
            )
        )
        if account.auth_token is None:
            raise PlexResponseError("The answer lacks authToken")
        return account

    async def get_token_details(self, **options: Unpack[RequestOptions]) -> PlexAccount:
        """Return the account that the token belongs to (GET /user).

        Raises PlexAuthenticationError if the token is no longer valid.
        """
        return parse_account(
            await self._transport.request(
                "GET", "/user?includeSubscriptions=1", **options
            )
        )

    async def get_resources(
        self, **options: Unpack[RequestOptions]
    ) -> tuple[PlexServer, ...]:
        """Return the servers that the account may use (GET /resources)."""
        return parse_servers(
            await self._transport.request(
                "GET",
                "/resources?includeHttps=1&includeRelay=1&includeIPv6=1",
                **options,
            )
        )

    async def ping(self, **options: Unpack[RequestOptions]) -> bool:
        """Return whether plex.tv says that all is well (GET /ping)."""
        return parse_pong(await self._transport.request("GET", "/ping", **options))

    async def sign_out(self, **options: Unpack[RequestOptions]) -> None:
        """End the token (DELETE /users/signout)."""
        await self._transport.request("DELETE", "/users/signout", **options)

    async def create_pin(
        self, *, strong: bool = False, **options: Unpack[RequestOptions]
    ) -> PlexPin:
        """Return a new PIN (POST /pins).

        One of four characters is typed at plex.tv/link; a strong one is long and
        works on Plex's sign-in page only.
        """
        pin = parse_pin(
            await self._transport.request(
                "POST",
                "/pins",
                params={"strong": "true"} if strong else None,
                authenticate=False,
                answers_secret=True,
                **options,
            )
        )
        if not pin.code:
            raise PlexResponseError("The answer lacks code")
        return pin

    async def get_pin(self, pin_id: int, **options: Unpack[RequestOptions]) -> PlexPin:
        """Return a PIN, with `auth_token` once approved (GET /pins/{id}).

        Raises PlexResponseError with status 404 when it has expired, or belongs
        to another client identifier.
        """
        return parse_pin(
            await self._transport.request(
                "GET",
                f"/pins/{pin_id}",
                authenticate=False,
                answers_secret=True,
                **options,
            )
        )

    async def link_pin(self, code: str, **options: Unpack[RequestOptions]) -> None:
        """Approve the PIN of another device (PUT /pins/link)."""
        await self._transport.request(
            "PUT", "/pins/link", form={"code": code}, **options
        )
