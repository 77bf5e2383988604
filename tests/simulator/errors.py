"""How plex.tv refuses: a status, its own code and a message."""

from dataclasses import dataclass

from aiohttp import web

from .answers import Json, phrase, plex_tv_answer
from .log import LoggedRequest


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why plex.tv refuses. Not every one has a code."""

    status: int
    code: int | None
    message: str

    def answer(self, request: LoggedRequest) -> web.Response:
        """Answer with the list of errors that plex.tv writes."""
        error: dict[str, Json] = {"message": self.message, "status": self.status}
        if self.code is not None:
            error = {"code": self.code, **error}
        if request.wants_json:
            return plex_tv_answer(request, "errors", {"errors": [error]}, self.status)
        return plex_tv_answer(request, "errors", [error], self.status)


NO_CLIENT_IDENTIFIER = Refusal(400, 1000, "X-Plex-Client-Identifier is missing")
NOT_AUTHENTICATED = Refusal(401, 1001, "User could not be authenticated")
RATE_LIMITED = Refusal(429, 1003, "API rate limit exceeded")
NO_CREDENTIALS = Refusal(400, 1004, "Username and password are required")
PIN_UNKNOWN = Refusal(404, 1020, "Code not found or expired")
CODE_WRONG = Refusal(401, 1028, "The verification code is not correct")
CODE_REQUIRED = Refusal(401, 1029, "Please enter the verification code")
ADDRESS_LOCKED = Refusal(401, 1031, "Too many failed sign-ins from this address")
HOME_PIN_REQUIRED = Refusal(403, 1041, "A valid PIN is required")
NOT_FOUND = Refusal(404, None, "Not Found")

_USUAL = {refusal.status: refusal for refusal in (NOT_AUTHENTICATED, RATE_LIMITED)}


def usual_refusal(status: int) -> Refusal:
    """Return what plex.tv says with a status when nothing more is known."""
    return _USUAL.get(status) or Refusal(status, None, phrase(status))
