"""POST /users/signin: passwords, two-factor codes, and the lockout of an address."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from aiohttp import web

from .account import Account, account_body
from .answers import plex_tv_answer
from .errors import (
    ADDRESS_LOCKED,
    ADDRESS_LOCKED_IN_WORDS,
    CODE_REQUIRED,
    CODE_WRONG,
    EMAIL_ONLY,
    NO_CREDENTIALS,
    NOT_AUTHENTICATED,
    Refusal,
)
from .log import LoggedRequest
from .state import State

_REMEMBERED = timedelta(days=14)


@dataclass(eq=False, slots=True)
class _Failures:
    """The failed sign-ins of one address."""

    count: int = 0
    locked_until: datetime | None = None


class SignIn:
    """Handles sign-ins."""

    def __init__(self, state: State) -> None:
        """Initialize without failures."""
        self._state = state
        self._failures: dict[str, _Failures] = {}

    def answer(self, request: LoggedRequest) -> web.Response:
        """Sign in, or refuse. Only forms are parsed, so a JSON body has no fields."""
        failures = self._failures.setdefault(request.address, _Failures())
        if self._is_locked(failures):
            locked = (
                ADDRESS_LOCKED_IN_WORDS if self._state.lock_worded else ADDRESS_LOCKED
            )
            return locked.answer(request)
        login, password = request.form.get("login"), request.form.get("password")
        if not login or not password:
            return NO_CREDENTIALS.answer(request)
        account = self._state.accounts.by_login(login)
        if account is not None and account.email_only and login == account.username:
            refusal: Refusal | None = EMAIL_ONLY
        else:
            refusal = self._refusal(
                account, password, request.form.get("verificationCode", "")
            )
        if account is None or refusal is not None:
            if refusal is not CODE_REQUIRED:
                self._count(failures)
            return (refusal or NOT_AUTHENTICATED).answer(request)
        del self._failures[request.address]
        return self._welcome(account, request)

    def _is_locked(self, failures: _Failures) -> bool:
        if failures.locked_until is None:
            return False
        if self._state.clock.now() < failures.locked_until:
            return True
        failures.count, failures.locked_until = 0, None
        return False

    def _count(self, failures: _Failures) -> None:
        failures.count += 1
        if failures.count >= self._state.lock_after:
            failures.locked_until = self._state.clock.now() + timedelta(
                seconds=self._state.lock_seconds
            )

    def _refusal(
        self, account: Account | None, password: str, code: str
    ) -> Refusal | None:
        """Check the password first, then the code, which may be appended to the password."""
        if account is None or account.password is None:
            return NOT_AUTHENTICATED
        if account.code is None:
            return None if password == account.password else NOT_AUTHENTICATED
        if password == account.password:
            if not code:
                return CODE_REQUIRED
            return None if self._take_code(account, code) else CODE_WRONG
        appended = password.removeprefix(account.password)
        if appended != password and self._take_code(account, appended):
            return None
        return NOT_AUTHENTICATED

    def _take_code(self, account: Account, code: str) -> bool:
        """Accept the current code, or a backup code once."""
        if code in account.backup_codes:
            account.backup_codes.discard(code)
            return True
        return code == account.code

    def _welcome(self, account: Account, request: LoggedRequest) -> web.Response:
        """Answer 201 with the account and its new token."""
        token = self._state.accounts.sign_in(account, request.client_identifier or "")
        account.remember_expires_at = int(
            (self._state.clock.now() + _REMEMBERED).timestamp()
        )
        body = account_body(account, token, subscriptions=True, history=True)
        return plex_tv_answer(request, "user", body, HTTPStatus.CREATED)
