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
    assert (bench.asked, bench.requests[0].token) == (["GET /ping"], bench.token)


NO_PONGS = [{"pong": False}, {}, [], {"pong": []}, {"pong": {"pong": True}}]
UNREADABLE = ["null", "<pong>false</pong>", "<pong/>", ""]


@pytest.mark.parametrize("body", NO_PONGS + UNREADABLE, ids=short_id)
async def test_ping_without_pong(bench: Bench, body: Any) -> None:
    """Any other answer of success is no pong."""
    bench.fault(path="/ping", status=200, body=body, times=1)
    assert await bench.client.ping() is False
    assert await bench.client.ping() is True


async def test_sign_out(bench: Bench) -> None:
    """Signing out ends the token, but not if it fails; it can't be repeated."""
    token, client = bench.token, bench.client
    other = bench.simulator.sign_in(bench.account, CLIENT_IDENTIFIER)
    bench.fault(status=503, times=1)
    await fails(PlexResponseError, client.sign_out)
    assert [*bench.account.tokens] == [token, other]

    await client.sign_out()
    assert [*bench.account.tokens] == [other]
    request = bench.requests[-1]
    assert bench.asked == ["DELETE /users/signout"] * 2
    assert (request.token, request.status) == (token, 204)
    assert sent_with(request.headers, IDENTITY_HEADERS) == IDENTITY_HEADERS
    await fails(PlexAuthenticationError, client.sign_out)
