"""Keeping a token alive and ending it: GET /ping, DELETE /users/signout."""

from typing import Any

import pytest

from custom_components.plex_account.api import (
    PlexAuthenticationError,
    PlexResponseError,
)

from .common import (
    CLIENT_IDENTIFIER,
    IDENTITY_HEADERS,
    Bench,
    fails,
    json_and_xml,
    sent_with,
    short_id,
)


@json_and_xml
async def test_ping(bench: Bench, headers: dict[str, str]) -> None:
    """plex.tv answers a ping in JSON or XML."""
    assert await bench.client.ping(headers=headers) is True

    [request] = bench.requests
    assert (request.method, request.path) == ("GET", "/ping")
    assert request.token == bench.token


@pytest.mark.parametrize(
    "body",
    [
        {"pong": False},
        {},
        [],
        {"pong": []},
        {"pong": {"pong": True}},
        "null",
        "<pong>false</pong>",
        "<pong/>",
        "",
    ],
    ids=short_id,
)
async def test_ping_without_pong(bench: Bench, body: Any) -> None:
    """Any other answer of success is no pong."""
    bench.fault(path="/ping", status=200, body=body, times=1)

    assert await bench.client.ping() is False
    assert await bench.client.ping() is True


async def test_sign_out(bench: Bench) -> None:
    """Signing out ends the token, returns nothing, and can't be repeated."""
    token, client = bench.token, bench.client
    other = bench.simulator.sign_in(bench.account, CLIENT_IDENTIFIER)

    await client.sign_out()

    assert [*bench.account.tokens] == [other]
    [request] = bench.requests
    assert (request.method, request.path) == ("DELETE", "/users/signout")
    assert (request.token, request.status) == (token, 204)
    assert sent_with(request.headers, IDENTITY_HEADERS) == IDENTITY_HEADERS
    await fails(PlexAuthenticationError, client.sign_out)


async def test_sign_out_is_refused(bench: Bench) -> None:
    """When it fails, the token lives on and it can be tried again."""
    client = bench.client
    bench.fault(status=503, times=1)

    await fails(PlexResponseError, client.sign_out)

    assert [*bench.account.tokens] == [bench.token]
    await client.sign_out()
    assert bench.account.tokens == {}
