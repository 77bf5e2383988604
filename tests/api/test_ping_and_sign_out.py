"""Keeping a token alive and ending it: GET /ping, DELETE /users/signout."""

from typing import Any

import pytest

from custom_components.plex_account.api import (
    PlexAuthenticationError,
    PlexResponseError,
    PlexTvClient,
)
from tests.simulator import Account, Simulator

from .common import AS_XML, CLIENT_IDENTIFIER, IDENTITY_HEADERS, sent_with


@pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
async def test_ping(
    client: PlexTvClient, simulator: Simulator, token: str, headers: dict[str, str]
) -> None:
    """plex.tv answers a ping in JSON or XML."""
    assert await client.ping(headers=headers) is True

    [request] = simulator.requests
    assert (request.method, request.path) == ("GET", "/ping")
    assert request.token == token


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
    ids=repr,
)
async def test_ping_without_pong(
    client: PlexTvClient, simulator: Simulator, body: Any
) -> None:
    """Any other answer of success is no pong."""
    simulator.fault(path="/ping", status=200, body=body, times=1)

    assert await client.ping() is False
    assert await client.ping() is True


async def test_ping_with_a_token_that_ended(
    client: PlexTvClient, simulator: Simulator, account: Account, token: str
) -> None:
    """A ping tells that a token is no longer good."""
    simulator.revoke_token(token)

    with pytest.raises(PlexAuthenticationError) as refused:
        await client.ping()

    assert refused.value.code == 1001
    account.tokens[token] = CLIENT_IDENTIFIER
    assert await client.ping()


async def test_sign_out(
    client: PlexTvClient, simulator: Simulator, account: Account, token: str
) -> None:
    """Signing out ends the token, and returns nothing."""
    other = simulator.sign_in(account, CLIENT_IDENTIFIER)

    await client.sign_out()

    assert [*account.tokens] == [other]
    [request] = simulator.requests
    assert (request.method, request.path) == ("DELETE", "/users/signout")
    assert request.token == token
    assert request.status == 204
    assert sent_with(request.headers, IDENTITY_HEADERS) == IDENTITY_HEADERS


async def test_sign_out_twice(
    client: PlexTvClient, simulator: Simulator, token: str
) -> None:
    """A token that ended can't be ended again."""
    await client.sign_out()

    with pytest.raises(PlexAuthenticationError):
        await client.sign_out()


async def test_sign_out_with_a_body(client: PlexTvClient, simulator: Simulator) -> None:
    """The newest specification says 200 with a body; that is a success too."""
    simulator.fault(path="/users/signout", status=200, body={"success": True})

    await client.sign_out()


async def test_sign_out_is_refused(
    client: PlexTvClient, simulator: Simulator, account: Account
) -> None:
    """When it fails, the token lives on and it can be tried again."""
    simulator.fault(path="/users/signout", status=503, times=1)

    with pytest.raises(PlexResponseError):
        await client.sign_out()

    assert len(account.tokens) == 1
    await client.sign_out()
    assert account.tokens == {}
