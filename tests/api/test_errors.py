"""Errors: what they tell, and what they never tell."""

from functools import partial
from typing import Any
from unittest.mock import AsyncMock

import pytest

from custom_components.plex_account import api
from custom_components.plex_account.api import (
    PlexConnectionError,
    PlexError,
    PlexTwoFactorRequired,
)
from tests.simulator import Server

from .common import (
    CODE,
    PASSWORD,
    Bench,
    assert_frames_are_safe,
    assert_safe,
    error_body,
    fails_once,
)

TOKEN = "token-to-be-kept"
MESSAGE = "message-to-be-kept"
HEADER = "header-to-be-kept"
ECHO = {"X-Echo": HEADER}
FACTS = {"status": 401, "code": 1029, "message": MESSAGE, "content_type": HEADER}
FAMILIES = {
    "Error": "AuthenticationError ConnectionError RateLimitError ResponseError",
    "ConnectionError": "AddressError CertificateError TimeoutError Unreachable",
    "AddressError": "ParamsError PathError",
    "AuthenticationError": "EmailRequired InvalidCode TooManyAttempts TwoFactorRequired",
    "ResponseError": "Maintenance ResponseTooLarge UnknownSource",
}
WITH_OTHER_FACTS = {"AddressError", "ParamsError", "PathError", "Unreachable"}


def kind(name: str) -> type[PlexError]:
    """Return an error by its name, which begins with Plex."""
    return getattr(api, f"Plex{name}")


async def test_facts_of_an_answer(bench: Bench) -> None:
    """Status and code are told; the rest is there for who asks for it."""
    bench.fault(status=401, body=error_body(1029, MESSAGE), headers=ECHO, times=1)
    call = partial(bench.stranger.post_users_sign_in_data, "ada", PASSWORD, CODE)
    facts = FACTS | {"content_type": "application/json", "retry_after": None}
    error = await fails_once(PlexTwoFactorRequired, call, **facts)

    assert "401" in str(error)
    assert "1029" in str(error)
    assert error.headers is not None
    assert error.headers["x-echo"] == HEADER


async def test_frames(bench: Bench, server: Server) -> None:
    """Those of an error that isn't the client's hold no secret.

    Nor do those of an answer that breaks off while it is passed on.
    """
    moody = AsyncMock(side_effect=[LookupError("1"), LookupError("2"), bench.token])
    client = bench.of_server(server, token=moody)
    stream = client.stream("/", headers=ECHO).__aenter__
    for call in partial(client.request, "/", headers=ECHO), stream:
        with pytest.raises(LookupError) as failed:
            await call()
        assert_frames_are_safe(failed.value)
    await client.check_token()

    client = bench.of_server(server, token=TOKEN)
    bench.fault(status=200, action="truncate", times=1)
    streamed = client.stream("/picture", headers=ECHO)
    async with streamed as picture:
        with pytest.raises(PlexConnectionError) as broken:
            _ = [chunk async for chunk in picture]
    assert_frames_are_safe(broken.value)
    shown = repr([streamed, picture, client, vars(client)])
    assert HEADER not in shown
    assert TOKEN not in shown
    assert await client.get_identity()


@pytest.mark.parametrize(
    "name", sorted({"Error", *" ".join(FAMILIES.values()).split()} - WITH_OTHER_FACTS)
)
def test_text_of_every_error(name: str) -> None:
    """Text and repr are safe by construction."""
    facts: Any = FACTS | {"headers": {"Retry-After": HEADER}}
    if issubclass(kind(name), PlexConnectionError):
        facts = {"request_sent": True}
    error = kind(name)("Failed", **facts)
    assert_safe(error)
    assert str(error).startswith("Failed")


@pytest.mark.parametrize("parent", FAMILIES)
def test_families(parent: str) -> None:
    """Who catches a parent catches its children, and not its siblings."""
    children = {
        name
        for name in api.__all__
        if getattr(getattr(api, name), "__base__", None) is kind(parent)
    }
    assert children == {f"Plex{name}" for name in FAMILIES[parent].split()}
