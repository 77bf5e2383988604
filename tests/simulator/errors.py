"""Refusals of plex.tv: a status, plex.tv's own code, and a message."""

from dataclasses import dataclass

from aiohttp import web

from .answers import Json, phrase, plex_tv_answer
from .log import LoggedRequest


@dataclass(frozen=True, slots=True)
class Refusal:
    """One of plex.tv's refusals, some of which have no code."""

    status: int
    code: int | None
    message: str

    def answer(self, request: LoggedRequest) -> web.Response:
        """Answer with a list of errors in plex.tv's format."""
        error: dict[str, Json] = {"message": self.message, "status": self.status}
        if self.code is not None:
            error = {"code": self.code, **error}
        if request.wants_json:
            return plex_tv_answer(request, "errors", {"errors": [error]}, self.status)
        return plex_tv_answer(request, "errors", [error], self.status)


# Codes observed at plex.tv, with the most common status if there are several.
NO_CLIENT_IDENTIFIER = Refusal(400, 1000, "X-Plex-Client-Identifier is missing")
NOT_AUTHENTICATED = Refusal(401, 1001, "User could not be authenticated")
RESOURCE_NOT_FOUND = Refusal(404, 1002, "Not found")
RATE_LIMITED = Refusal(429, 1003, "API rate limit exceeded")
NO_CREDENTIALS = Refusal(400, 1004, "Username and password are required")
WRONG_METHOD = Refusal(405, 1005, "Method not allowed")
SERVER_FAILED = Refusal(500, 1007, "Internal server error")
UNPROCESSABLE = Refusal(422, 1008, "Unprocessable entity")
NOT_FOR_MANAGED_USERS = Refusal(403, 1009, "This is not allowed for managed users")
NEEDS_SUBSCRIPTION = Refusal(403, 1012, "This requires a Plex Pass subscription")
OUT_OF_SERVICE = Refusal(503, 1013, "Service unavailable")
PIN_UNKNOWN = Refusal(404, 1020, "Code not found or expired")
CODE_WRONG = Refusal(401, 1028, "The verification code is not correct")
CODE_REQUIRED = Refusal(401, 1029, "Please enter the verification code")
EMAIL_ONLY = Refusal(
    401, 1030, "This account only allows signing in with email address"
)
ADDRESS_LOCKED = Refusal(401, 1031, "Too many failed sign-ins from this address")
ADDRESS_LOCKED_IN_WORDS = Refusal(
    401, 1099, "Sign in has been temporarily disabled: too many failed attempts"
)
HOME_PIN_REQUIRED = Refusal(403, 1041, "A valid PIN is required")
FORBIDDEN = Refusal(403, 1043, "Forbidden")
DEVICE_REFUSED = Refusal(403, 1068, "This device is not allowed")
PIN_EXPIRED = Refusal(422, 1069, "The code has expired")
NOT_FOUND = Refusal(404, None, "Not Found")

_BY_CODE = {
    one.code: one for one in list(globals().values()) if isinstance(one, Refusal)
}
_USUAL = {refusal.status: refusal for refusal in (NOT_AUTHENTICATED, RATE_LIMITED)}


def refusal_of(code: int, status: int | None, message: str | None) -> Refusal:
    """Return the refusal for a code, known or not, with an optional status and message."""
    known = _BY_CODE.get(code) or Refusal(400, code, "Something is wrong")
    return Refusal(status or known.status, code, message or known.message)


def usual_refusal(status: int) -> Refusal:
    """Return the usual refusal for a status."""
    return _USUAL.get(status) or Refusal(status, None, phrase(status))
