"""Passes answers to the client through a session without sockets."""

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
import re
from types import ModuleType
from typing import Any

from multidict import CIMultiDict

SERVER_URL = "https://192.0.2.1"


@dataclass(frozen=True)
class Operation:
    """An operation: its client, its sample answer, and its arguments."""

    owner: str
    sample: str
    arguments: tuple[Any, ...] = ()


OPERATIONS: Mapping[str, Operation] = {
    "post_users_sign_in_data": Operation(
        "PlexTvClient",
        "account",
        ("login-to-be-kept", "password-to-be-kept", "code-to-be-kept"),
    ),
    "get_token_details": Operation("PlexTvClient", "account"),
    "get_resources": Operation("PlexTvClient", "resources"),
    "ping": Operation("PlexTvClient", "ping"),
    "sign_out": Operation("PlexTvClient", "success"),
    "create_pin": Operation("PlexTvClient", "pin"),
    "get_pin": Operation("PlexTvClient", "pin", (3,)),
    "link_pin": Operation("PlexTvClient", "success", ("code-to-be-kept",)),
    "get_identity": Operation("PlexServerClient", "identity"),
    "check_token": Operation("PlexServerClient", "identity"),
    "get_transient_token": Operation("PlexServerClient", "transient-token"),
    "get_source_connection_information": Operation(
        "PlexServerClient", "source", ("server://attic",)
    ),
    "request": Operation("PlexServerClient", "sections", ("/library/sections",)),
}


@dataclass
class Content:
    """A body that is read in one chunk."""

    rest: bytes

    def at_eof(self) -> bool:
        """Return whether everything has been read."""
        return not self.rest

    async def readany(self) -> bytes:
        """Return what has not been read yet."""
        body, self.rest = self.rest, b""
        return body


@dataclass(frozen=True)
class Answer:
    """An answer in place of aiohttp's response."""

    status: int
    body: bytes
    headers: CIMultiDict[str] = field(default_factory=CIMultiDict)

    @property
    def content(self) -> Content:
        """Return the reader of the body."""
        return Content(self.body)

    def close(self) -> None:
        """Do nothing, as there is nothing to close."""


@dataclass(frozen=True)
class Session:
    """A session that returns the same answer for every request."""

    answer: Answer

    async def request(self, method: str, url: object, **options: object) -> Answer:
        """Return the answer."""
        return self.answer


def finish(work: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a coroutine that never suspends."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("It waits")


def parted(data: bytes) -> tuple[CIMultiDict[str], bytes]:
    """Return headers and body of an answer; most only have a body.

    Headers are decoded like in aiohttp: invalid UTF-8 becomes lone surrogates.
    """
    head, blank, body = data.partition(b"\n\n")
    if not blank or not re.match(rb"[\w-]+:", head):
        return CIMultiDict(), data
    lines = head.decode(errors="surrogateescape").split("\n")
    pairs = (line.partition(":") for line in lines)
    return CIMultiDict((name, value.strip()) for name, _, value in pairs), body


def outcome(
    api: ModuleType,
    operation: str,
    body: bytes,
    status: int = 200,
    headers: CIMultiDict[str] | None = None,
) -> Any:
    """Return the outcome of an operation for an answer: a value or a PlexError."""
    called = OPERATIONS[operation]
    session: Any = Session(Answer(status, body, headers or CIMultiDict()))
    where = {} if called.owner == "PlexTvClient" else {"server_url": SERVER_URL}
    client = getattr(api, called.owner)(
        session, client_identifier="fuzz", token="t", **where
    )
    try:
        return finish(getattr(client, operation)(*called.arguments))
    except api.PlexError as error:
        return error
