"""Linking by a PIN: POST /pins, GET /pins/{id}, PUT /pins/link."""

from datetime import timedelta
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
)


@json_and_xml
async def test_new_pin(bench: Bench, headers: dict[str, str]) -> None:
    """A PIN has four characters and lives for a quarter of an hour."""
    pin = await bench.stranger.create_pin(headers=headers)

    assert (len(pin.code), pin.expires_in) == (4, 900)
    assert (pin.auth_token, pin.trusted) == (None, False)
    assert pin.expires_at == bench.simulator.clock.now() + timedelta(seconds=900)
    assert pin.qr == f"https://plex.tv/api/v2/pins/qr/{pin.code}"
    assert (bench.asked, bench.requests[0].query) == (["POST /pins"], {})


async def test_strong_pin(bench: Bench) -> None:
    """A strong PIN is long and is asked for with a parameter."""
    pin = await bench.stranger.create_pin(strong=True)
    assert len(pin.code) == 25
    assert bench.requests[0].query == {"strong": "true"}


async def test_pins_need_no_token(bench: Bench) -> None:
    """A client that has a token keeps it to itself, and says who is asking."""
    pin = await bench.client.create_pin()
    await bench.client.get_pin(pin.id)

    assert bench.asked == ["POST /pins", f"GET /pins/{pin.id}"]
    for request in bench.requests:
        assert request.token is None
        assert sent_with(request.headers, IDENTITY_HEADERS) == IDENTITY_HEADERS


@json_and_xml
async def test_approval(bench: Bench, headers: dict[str, str]) -> None:
    """Once somebody has approved the PIN, it carries a token of theirs."""
    pin = await bench.stranger.create_pin()
    assert (await bench.stranger.get_pin(pin.id, headers=headers)).auth_token is None

    bench.simulator.approve_pin(pin.code, bench.account)
    approved = await bench.stranger.get_pin(pin.id, headers=headers)

    assert bench.account.tokens == {approved.auth_token: CLIENT_IDENTIFIER}
    assert (approved.id, approved.code) == (pin.id, pin.code)


async def test_link_the_pin_of_another_device(bench: Bench) -> None:
    """An account can approve the PIN of another client, and only an account."""
    other = bench.plex_tv(client_identifier="another-client")
    pin = await other.create_pin()
    await fails(PlexAuthenticationError, bench.stranger.link_pin, pin.code)
    await bench.client.link_pin(pin.code)

    request = bench.requests[-1]
    assert (bench.asked[-1], request.token) == ("PUT /pins/link", bench.token)
    assert (request.form, request.query) == ({"code": pin.code}, {})
    assert (await other.get_pin(pin.id)).auth_token


async def test_missing_pins(bench: Bench) -> None:
    """A PIN that is unknown, of another client, or too old is missing, with code 1020."""
    missing = {"status": 404, "code": 1020}
    stranger, other = bench.stranger, bench.plex_tv(client_identifier="another-client")

    await fails(PlexResponseError, bench.client.link_pin, "ABCD", **missing)
    pin = await stranger.create_pin()
    await fails(PlexResponseError, other.get_pin, pin.id, **missing)
    assert (await stranger.get_pin(pin.id)).code == pin.code

    bench.simulator.clock.advance(901)
    await fails(PlexResponseError, stranger.get_pin, pin.id, **missing)
    assert await stranger.create_pin()


async def test_approved_pin_without_code(bench: Bench) -> None:
    """The code is of no more use once there is a token."""
    bench.fault(path="/pins/5", body={"id": 5, "authToken": "token"}, times=1)
    pin = await bench.stranger.get_pin(5)
    assert (pin.id, pin.code, pin.auth_token) == (5, "", "token")


@pytest.mark.parametrize("value", [None, [], {}, "soon"], ids=repr)
async def test_pin_with_little_to_say(bench: Bench, value: Any) -> None:
    """Everything but ID and code may be missing."""
    extra = dict.fromkeys(("expiresIn", "expiresAt", "trusted"), value)
    bench.fault(path="/pins", body={"id": "5", "code": "ABCD", **extra})

    pin = await bench.stranger.create_pin()

    assert (pin.id, pin.code, pin.auth_token) == (5, "ABCD", None)
    assert (pin.expires_in, pin.expires_at, pin.trusted) == (None, None, False)
