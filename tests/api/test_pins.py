"""Linking by a PIN: POST /pins, GET /pins/{id}, PUT /pins/link."""

from datetime import timedelta
from typing import Any

import pytest

from custom_components.plex_account.api import (
    PlexAuthenticationError,
    PlexResponseError,
    PlexTvClient,
)
from tests.simulator import Account, Simulator

from .common import (
    AS_XML,
    CLIENT_IDENTIFIER,
    IDENTITY_HEADERS,
    Network,
    plex_tv,
    sent_with,
)


@pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
async def test_new_pin(
    stranger: PlexTvClient, simulator: Simulator, headers: dict[str, str]
) -> None:
    """A PIN has four characters and lives for a quarter of an hour."""
    pin = await stranger.create_pin(headers=headers)

    assert len(pin.code) == 4
    assert pin.auth_token is None
    assert not pin.trusted
    assert pin.expires_in == 900
    assert pin.expires_at == simulator.clock.now() + timedelta(seconds=900)
    assert pin.qr == f"https://plex.tv/api/v2/pins/qr/{pin.code}"
    [request] = simulator.requests
    assert (request.method, request.path, request.query) == ("POST", "/pins", {})


async def test_strong_pin(stranger: PlexTvClient, simulator: Simulator) -> None:
    """A strong PIN is long and is asked for with a parameter."""
    pin = await stranger.create_pin(strong=True)

    assert len(pin.code) == 25
    assert simulator.requests[0].query == {"strong": "true"}


async def test_pins_need_no_token(client: PlexTvClient, simulator: Simulator) -> None:
    """A client that has a token keeps it to itself, and says who is asking."""
    pin = await client.create_pin()
    await client.get_pin(pin.id)

    assert [one.path for one in simulator.requests] == ["/pins", f"/pins/{pin.id}"]
    assert [one.token for one in simulator.requests] == [None, None]
    assert [sent_with(one.headers, IDENTITY_HEADERS) for one in simulator.requests] == [
        IDENTITY_HEADERS
    ] * 2


@pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
async def test_approval(
    stranger: PlexTvClient,
    simulator: Simulator,
    account: Account,
    headers: dict[str, str],
) -> None:
    """Once somebody has approved the PIN, it carries a token of theirs."""
    pin = await stranger.create_pin()
    assert (await stranger.get_pin(pin.id, headers=headers)).auth_token is None

    simulator.approve_pin(pin.code, account)
    approved = await stranger.get_pin(pin.id, headers=headers)

    assert account.tokens == {approved.auth_token: CLIENT_IDENTIFIER}
    assert (approved.id, approved.code) == (pin.id, pin.code)


async def test_link_the_pin_of_another_device(
    client: PlexTvClient, network: Network, simulator: Simulator, token: str
) -> None:
    """An account can approve the PIN of another client."""
    other = plex_tv(network, simulator, client_identifier="another-client")
    pin = await other.create_pin()

    await client.link_pin(pin.code)

    request = simulator.requests[-1]
    assert (request.method, request.path) == ("PUT", "/pins/link")
    assert request.form == {"code": pin.code}
    assert request.query == {}
    assert request.token == token
    assert (await other.get_pin(pin.id)).auth_token


async def test_link_a_pin_that_nobody_asked_for(
    client: PlexTvClient, network: Network, simulator: Simulator
) -> None:
    """A code that doesn't exist is refused with 404 and code 1020."""
    with pytest.raises(PlexResponseError) as refused:
        await client.link_pin("ABCD")

    assert (refused.value.status, refused.value.code) == (404, 1020)
    pin = await client.create_pin()
    await client.link_pin(pin.code)


async def test_link_without_a_token(
    stranger: PlexTvClient, client: PlexTvClient
) -> None:
    """Nobody is linked to nobody."""
    pin = await stranger.create_pin()

    with pytest.raises(PlexAuthenticationError):
        await stranger.link_pin(pin.code)

    await client.link_pin(pin.code)


async def test_pin_of_another_client(
    stranger: PlexTvClient, network: Network, simulator: Simulator
) -> None:
    """A PIN shows itself only to the client that asked for it."""
    pin = await stranger.create_pin()
    other = plex_tv(network, simulator, client_identifier="another-client")

    with pytest.raises(PlexResponseError) as refused:
        await other.get_pin(pin.id)

    assert (refused.value.status, refused.value.code) == (404, 1020)
    assert (await stranger.get_pin(pin.id)).code == pin.code


async def test_expired_pin(stranger: PlexTvClient, simulator: Simulator) -> None:
    """A PIN that is too old is gone."""
    pin = await stranger.create_pin()
    simulator.clock.advance(901)

    with pytest.raises(PlexResponseError) as refused:
        await stranger.get_pin(pin.id)

    assert (refused.value.status, refused.value.code) == (404, 1020)
    assert await stranger.create_pin()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": 1},
        {"code": "ABCD"},
        {"id": "one", "code": "ABCD"},
        {"id": 1, "code": ""},
        [],
        "",
        "<pin/>",
    ],
    ids=repr,
)
async def test_what_is_no_pin(
    stranger: PlexTvClient, simulator: Simulator, body: Any
) -> None:
    """A PIN without id or code is of no use."""
    simulator.fault(path="/pins", status=201, body=body, times=1)

    with pytest.raises(PlexResponseError):
        await stranger.create_pin()

    assert await stranger.create_pin()


async def test_approved_pin_without_code(
    stranger: PlexTvClient, simulator: Simulator
) -> None:
    """The code is of no use any more once there is a token."""
    simulator.fault(path="/pins/5", body={"id": 5, "authToken": "token"}, times=1)

    pin = await stranger.get_pin(5)

    assert (pin.id, pin.code, pin.auth_token) == (5, "", "token")


@pytest.mark.parametrize("value", [None, [], {}, "soon"], ids=repr)
async def test_pin_with_little_to_say(
    stranger: PlexTvClient, simulator: Simulator, value: Any
) -> None:
    """Everything but id and code may be missing."""
    extra = dict.fromkeys(("expiresIn", "expiresAt", "trusted"), value)
    simulator.fault(path="/pins", body={"id": "5", "code": "ABCD", **extra})

    pin = await stranger.create_pin()

    assert (pin.id, pin.code) == (5, "ABCD")
    assert (pin.expires_in, pin.expires_at, pin.trusted) == (None, None, False)
    assert pin.auth_token is None
