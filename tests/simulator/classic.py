"""The paths of plex.tv that are older than /api/v2. They want no client identifier."""

from http import HTTPStatus
from zlib import crc32

from aiohttp import web

from .account import Account, account_body
from .answers import Json, media_container, plex_tv_answer, plex_tv_refusal_text
from .errors import NOT_FOUND, Refusal
from .home import member_body, switch
from .log import LoggedRequest
from .routes import Routes, signed_in
from .state import State


def device_id(client_identifier: str) -> int:
    """Return the number under which an authorized device is listed."""
    return crc32(client_identifier.encode())


class _Classic:
    """Answers the classic paths."""

    def __init__(self, state: State) -> None:
        self._state = state

    def account(self, request: LoggedRequest) -> web.Response:
        """GET /users/account: says 422 and a bare text to a bad token."""
        account = self._state.accounts.by_token(request.token)
        if account is None:
            return plex_tv_refusal_text(request, "Invalid token")
        body = account_body(account, request.token or "")
        if request.wants_json:
            return plex_tv_answer(request, "user", {"user": body})
        return plex_tv_answer(request, "user", body)

    def devices(self, request: LoggedRequest, account: Account) -> web.Response:
        """GET /devices.xml: one device per client identifier that holds a token."""
        newest = {client: token for token, client in account.tokens.items()}
        devices: list[Json] = [
            {
                "id": device_id(client),
                "name": client,
                "clientIdentifier": client,
                "provides": "",
                "token": token,
            }
            for client, token in newest.items()
        ]
        return media_container(
            request, {"publicAddress": "203.0.113.7", "Device": devices}
        )

    def remove_device(
        self, request: LoggedRequest, account: Account, device: str
    ) -> web.Response:
        """DELETE /devices/{id}.xml: ends every token of that device."""
        ended = [
            token
            for token, client_identifier in account.tokens.items()
            if str(device_id(client_identifier)) == device
        ]
        for token in ended:
            del account.tokens[token]
        return web.Response() if ended else NOT_FOUND.answer(request)

    def home_users(self, request: LoggedRequest, account: Account) -> web.Response:
        """GET /api/home/users."""
        members: list[Json] = [
            member_body(member) for member in self._state.accounts.household_of(account)
        ]
        return media_container(request, {"size": len(members), "User": members})

    def switch(
        self, request: LoggedRequest, account: Account, key: str
    ) -> web.Response:
        """POST /api/home/users/{id}/switch."""
        switched = switch(self._state.accounts, account, request, key)
        if isinstance(switched, Refusal):
            return switched.answer(request)
        member, token = switched
        body: dict[str, Json] = {**member_body(member), "authenticationToken": token}
        return plex_tv_answer(request, "user", body, HTTPStatus.CREATED)


def add_classic_routes(routes: Routes, state: State) -> None:
    """Let the classic paths be answered."""
    classic, accounts = _Classic(state), state.accounts
    for path in ("/users/account", "/users/account.xml", "/users/account.json"):
        routes.add("GET", path, classic.account)
    routes.add("GET", "/devices.xml", signed_in(accounts, classic.devices))
    routes.add(
        "DELETE", "/devices/{device}.xml", signed_in(accounts, classic.remove_device)
    )
    routes.add("GET", "/api/home/users", signed_in(accounts, classic.home_users))
    routes.add(
        "POST", "/api/home/users/{key}/switch", signed_in(accounts, classic.switch)
    )
