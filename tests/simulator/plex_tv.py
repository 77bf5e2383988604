"""The HTTP side of plex.tv."""

from http import HTTPStatus
from typing import override
from uuid import uuid4

from aiohttp import hdrs, web

from .account import Account, account_body
from .answers import plex_tv_answer, plex_tv_list, plex_tv_text
from .errors import (
    NO_CLIENT_IDENTIFIER,
    NOT_FOUND,
    PIN_EXPIRED,
    PIN_UNKNOWN,
    refusal_of,
    usual_refusal,
)
from .log import LoggedRequest
from .pins import Pin
from .resources import resource_list
from .routes import Routes, signed_in
from .sign_in import SignIn
from .site import Site
from .state import State

API = "/api/v2"


class PlexTv(Site):
    """Answers requests below /api/v2."""

    def __init__(self, state: State) -> None:
        """Initialize with the state to serve."""
        super().__init__(state)
        self._state = state
        self._routes = Routes()
        add = self._routes.add
        accounts = state.accounts
        add("POST", f"{API}/users/signin", SignIn(state).answer)
        add("DELETE", f"{API}/users/signout", signed_in(accounts, self._sign_out))
        add("GET", f"{API}/user", signed_in(accounts, self._user))
        add("GET", f"{API}/resources", signed_in(accounts, self._resources))
        add("GET", f"{API}/ping", signed_in(accounts, self._ping))
        add("POST", f"{API}/pins", self._new_pin)
        add("PUT", f"{API}/pins/link", signed_in(accounts, self._link_pin))
        add("GET", f"{API}/pins/{{pin_id}}", self._pin)

    @property
    @override
    def host(self) -> str:
        return "plex.tv"

    @override
    def short_path(self, path: str) -> str:
        return path.removeprefix(API) if path.startswith(f"{API}/") else path

    @override
    def usual_answer(self, request: LoggedRequest, status: int) -> web.Response:
        return usual_refusal(status).answer(request)

    @override
    def refusal(
        self, request: LoggedRequest, code: int, status: int | None, message: str | None
    ) -> web.Response:
        return refusal_of(code, status, message).answer(request)

    @override
    def finish(self, request: LoggedRequest, answer: web.Response) -> web.Response:
        """Add a request ID, which load balancers don't, and set a cookie."""
        answer.headers["X-Request-Id"] = str(uuid4())
        if self._state.cookies:
            answer.headers[hdrs.SET_COOKIE] = (
                f"_my-plex_session_32={self._state.session_cookie}; path=/; HttpOnly"
            )
        return answer

    @override
    def answer(self, request: LoggedRequest, path: str) -> web.Response:
        """Answer a request; /api/v2 requires a client identifier first of all."""
        if path.startswith(API) and request.client_identifier is None:
            return NO_CLIENT_IDENTIFIER.answer(request)
        return self._routes.answer(request, path) or NOT_FOUND.answer(request)

    def _user(self, request: LoggedRequest, account: Account) -> web.Response:
        """GET /user."""
        with_subscriptions = request.query.get("includeSubscriptions") == "1"
        body = account_body(
            account,
            request.token or "",
            subscriptions=with_subscriptions,
            history=with_subscriptions,
        )
        for wanted, name in (
            ("includeProviders", "providers"),
            ("includeSettings", "settings"),
            ("includeSharedSettings", "sharedSettings"),
        ):
            if request.query.get(wanted) == "1":
                body.setdefault(name, [])
        return plex_tv_answer(request, "user", body)

    def _sign_out(self, request: LoggedRequest, account: Account) -> web.Response:
        """DELETE /users/signout."""
        self._state.accounts.sign_out(request.token or "", self._state.sign_out_scope)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    def _resources(self, request: LoggedRequest, account: Account) -> web.Response:
        """GET /resources."""
        body = resource_list(
            account,
            request,
            self._state.servers,
            self._state.players,
            self._state.clock.now(),
        )
        body = [*self._state.first_resources, *body, *self._state.extra_resources]
        return plex_tv_list(request, "resources", body)

    def _ping(self, request: LoggedRequest, account: Account) -> web.Response:
        """GET /ping."""
        return plex_tv_text(request, "pong", {"pong": True}, "true")

    def _new_pin(self, request: LoggedRequest) -> web.Response:
        """POST /pins: 201, unlike the published specification."""
        strong = request.query.get("strong") or request.form.get("strong") or ""
        pin = Pin(
            client_identifier=request.client_identifier or "",
            product=request.plex_value("X-Plex-Product"),
            strong=strong.lower() in ("1", "true"),
            created_at=self._state.clock.now(),
        )
        self._state.pins.append(pin)
        return self._pin_answer(request, pin, HTTPStatus.CREATED)

    def _pin(self, request: LoggedRequest, pin_id: str) -> web.Response:
        """GET /pins/{id}."""
        pin = self._state.pins.by_id(pin_id, request.client_identifier)
        if pin is None:
            expired = self._state.pins.is_expired(pin_id, request.client_identifier)
            if expired and self._state.expired_pin_code == PIN_EXPIRED.code:
                return PIN_EXPIRED.answer(request)
            return PIN_UNKNOWN.answer(request)
        return self._pin_answer(request, pin, HTTPStatus.OK)

    def _pin_answer(
        self, request: LoggedRequest, pin: Pin, status: int
    ) -> web.Response:
        return plex_tv_answer(request, "pin", pin.body(self._state.clock.now()), status)

    def _link_pin(self, request: LoggedRequest, account: Account) -> web.Response:
        """PUT /pins/link: only for four-character codes; long codes have their own page."""
        pin = self._state.pins.by_code(request.form.get("code", ""))
        if pin is None or pin.strong:
            return PIN_UNKNOWN.answer(request)
        pin.auth_token = self._state.accounts.sign_in(account, pin.client_identifier)
        return web.Response(status=HTTPStatus.NO_CONTENT)
