"""Signing in and out: POST /users/signin, /pins, GET /ping, DELETE /users/signout."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from custom_components.plex_account.api import (
    PlexAuthenticationError,
    PlexConnectionError,
    PlexEmailRequired,
    PlexError,
    PlexInvalidCode,
    PlexRateLimitError,
    PlexResponseError,
    PlexTooManyAttempts,
    PlexTvClient,
    PlexTwoFactorRequired,
    RetryConfig,
)
from tests.simulator import ABSENT

from .common import (
    CLIENT_IDENTIFIER,
    CODE,
    IDENTITY_HEADERS,
    PASSWORD,
    QUICK_RETRY,
    Bench,
    Headers,
    error_body,
    fails,
    fails_once,
    json_and_xml,
    sent_with,
    short_id,
)


def signing_in(client: PlexTvClient, **options: Any) -> partial[Any]:
    """Return the call that signs in with the right credentials."""
    return partial(client.post_users_sign_in_data, "ada", PASSWORD, CODE, **options)


# With a password


@json_and_xml
async def test_returns_the_account_with_a_new_token(
    bench: Bench, headers: Headers
) -> None:
    """The token of the answer is a token of the account."""
    signed_in = await signing_in(bench.stranger, headers=headers)()
    assert (signed_in.id, signed_in.uuid) == (bench.account.id, bench.account.uuid)
    assert bench.account.tokens == {signed_in.auth_token: CLIENT_IDENTIFIER}


async def test_sends_a_form_and_who_is_asking(bench: Bench) -> None:
    """The credentials travel in a form, never in the URL; a known token stays here."""
    await bench.client.post_users_sign_in_data("ada@example.com", PASSWORD, CODE)

    [request] = bench.requests
    form = {"login": "ada@example.com", "password": PASSWORD, "rememberMe": "true"}
    assert request.form == form | {"verificationCode": CODE}
    assert (bench.asked, request.query) == (["POST /users/signin"], {})
    assert request.token is None
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["Accept"] == "application/json"
    assert sent_with(request.headers, IDENTITY_HEADERS) == IDENTITY_HEADERS


async def test_sends_only_what_is_known(bench: Bench) -> None:
    """A code and most of the identity are left out if untold; rememberMe can be declined."""
    password, options = "päss&=+ wörd", {"server_url": bench.simulator.url}
    bench.simulator.add_account(username="grace", password=password)
    client = PlexTvClient(bench.network.session, client_identifier="other", **options)
    await client.post_users_sign_in_data("grace", password, remember_me=False)

    [request] = bench.requests
    form = {"login": "grace", "password": password, "rememberMe": "false"}
    assert request.form == form
    identity = {"X-Plex-Client-Identifier": "other", "X-Plex-Product": "Plex Account"}
    assert sent_with(request.headers, IDENTITY_HEADERS) == identity


@json_and_xml
async def test_two_factor_from_question_to_answer(
    bench: Bench, headers: Headers
) -> None:
    """Plex refuses a wrong password, asks for a code, and takes only the right one."""
    call = partial(bench.stranger.post_users_sign_in_data, "ada", headers=headers)
    await fails(PlexAuthenticationError, call, "wrong", status=401, code=1001)
    await fails(PlexTwoFactorRequired, call, PASSWORD, status=401, code=1029)
    await fails(PlexInvalidCode, call, PASSWORD, "000000", status=401, code=1028)
    assert (await call(PASSWORD, CODE)).uuid == bench.account.uuid


async def test_locked_out(bench: Bench) -> None:
    """An address that was refused too often is locked out, and let in again later."""
    bench.simulator.lock_after = 1
    call = partial(bench.stranger.post_users_sign_in_data, "ada")
    await fails(PlexAuthenticationError, call, "wrong")
    await fails(PlexTooManyAttempts, call, PASSWORD, CODE, status=401, code=1031)
    bench.simulator.clock.advance(bench.simulator.lock_seconds)
    assert await call(PASSWORD, CODE)


ERRORS: dict[type[PlexError], list[tuple[int, int]]] = {
    PlexAuthenticationError: [(401, 1001), (401, 4711)],
    PlexRateLimitError: [(429, 1003)],
    PlexEmailRequired: [(401, 1030)],
    # A code that is known says more than the status.
    PlexInvalidCode: [(401, 1028), (403, 1028)],
    PlexTooManyAttempts: [(401, 1031), (403, 1031), (429, 1031)],
    PlexTwoFactorRequired: [(401, 1029), (400, 1029), (422, 1029)],
    PlexResponseError: [
        *((403, code) for code in (1009, 1012, 1041, 1043, 1068, 4711)),
        *((400, 1000), (400, 1004), (404, 1020), (422, 1069), (503, 1013), (500, 4711)),
    ],
}
CODES = [(error, *facts) for error, answers in ERRORS.items() for facts in answers]
MESSAGE = "to-be-kept"
IN_XML = '<errors><error code="%s" message="%s" status="%s"/></errors>'


@pytest.mark.parametrize("form", ["json", "xml", "text"])
@pytest.mark.parametrize(("error", "status", "code"), CODES)
async def test_codes(
    bench: Bench, error: type[PlexError], status: int, code: int, form: str
) -> None:
    """Every code has its error, in JSON, in XML, and in numbers written as text."""
    body: Any = error_body(code, MESSAGE, status)
    if form == "xml":
        body = IN_XML % (code, MESSAGE, status)
    elif form == "text":
        body = {"errors": [{"code": str(code), "message": MESSAGE}]}
    bench.fault(status=status, body=body, times=1)

    facts = {"status": status, "code": code, "message": MESSAGE}
    await fails_once(error, signing_in(bench.stranger), **facts)


@pytest.mark.parametrize("code", [None, 1001, 4711])
async def test_a_lock_in_words(bench: Bench, code: int | None) -> None:
    """A lock is one by its words too, whatever its code is."""
    message = "Sign in has been temporarily disabled: too many failed attempts"
    bench.fault(status=401, body=error_body(code, message), times=1)
    await fails_once(PlexTooManyAttempts, signing_in(bench.stranger), code=code)


async def test_what_is_missing(bench: Bench) -> None:
    """Without a client identifier or a login plex.tv answers 400 with a code."""
    for identifier, login, code in (("", "ada", 1000), (CLIENT_IDENTIFIER, "", 1004)):
        call = bench.plex_tv(client_identifier=identifier).post_users_sign_in_data
        await fails(PlexResponseError, call, login, PASSWORD, status=400, code=code)


IN_NINE_HOURS = (30_000, 32_400)
NO_WAITS = (None, "", "soon", "-1", "1.5", "²", "Fri, 31 Dec 99999 23:59:59 GMT")
NO_ZONE = "Fri, 31 Dec 1999 23:59:59 +9999999999"


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", (120, 120)),
        ("0", (0, 0)),
        (" 7 ", (7, 7)),
        ("%c -0000", IN_NINE_HOURS),
        ("%a, %d %b %Y %H:%M:%S GMT", IN_NINE_HOURS),
        ("Wed, 21 Oct 2015 07:28:00 GMT", (0, 0)),
        *((header, None) for header in (*NO_WAITS, NO_ZONE)),
    ],
)
async def test_rate_limit(bench: Bench, header: str | None, wait: Any) -> None:
    """The wait that 429 asks for is told, in seconds."""
    date = datetime.now(UTC) + timedelta(hours=9)
    headers = {} if header is None else {"Retry-After": date.strftime(header)}
    bench.fault(status=429, headers=headers, times=1)

    call, facts = signing_in(bench.stranger), {"status": 429, "code": 1003}
    after = (await fails_once(PlexRateLimitError, call, **facts)).retry_after
    assert after is None if wait is None else wait[0] <= after <= wait[1]


async def test_a_kept_connection_that_broke_is_not_used_twice(bench: Bench) -> None:
    """A connection that was kept open and breaks doesn't send a password twice either."""
    await bench.client.ping()
    bench.fault(action="drop", times=1)
    call = signing_in(bench.client, retry=QUICK_RETRY)
    await fails(PlexConnectionError, call, request_sent=True)
    assert bench.asked == ["GET /ping", "POST /users/signin"]


@pytest.mark.parametrize("retried", [True, False])
async def test_a_refused_connection(bench: Bench, retried: bool) -> None:
    """What was never sent may be sent again, if the configuration says so."""
    retry = RetryConfig(initial_interval=0, max_interval=1, max_elapsed_time=100)
    call = signing_in(bench.stranger, retry=retry if retried else None)
    await bench.simulator.stop_plex_tv()
    await fails(PlexConnectionError, call, request_sent=False)
    assert (len(bench.dialled) > 1) is retried

    await bench.simulator.start_plex_tv()
    assert await call()


@pytest.mark.parametrize(
    "token", [ABSENT, None, "", " ", 17, ["token"], "to\nken", "tökén"], ids=repr
)
async def test_an_account_without_a_token(bench: Bench, token: Any) -> None:
    """A sign-in without a token that can be sent has failed."""
    bench.account.extra["authToken"] = token
    call = signing_in(bench.stranger)
    await fails(PlexResponseError, call)
    bench.account.extra.clear()
    assert await call()


# With a PIN


@json_and_xml
async def test_new_pin(bench: Bench, headers: Headers) -> None:
    """A PIN has four characters and lives for a quarter of an hour."""
    pin = await bench.stranger.create_pin(headers=headers)
    assert (len(pin.code), pin.expires_in) == (4, 900)
    assert (pin.auth_token, pin.trusted) == (None, False)
    assert pin.expires_at == bench.simulator.clock.now() + timedelta(seconds=900)
    assert pin.qr == f"https://plex.tv/api/v2/pins/qr/{pin.code}"
    assert (bench.asked, bench.requests[0].query) == (["POST /pins"], {})


async def test_strong_pin(bench: Bench) -> None:
    """A strong PIN is long and is asked for with a parameter."""
    assert len((await bench.stranger.create_pin(strong=True)).code) == 25
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
async def test_approval(bench: Bench, headers: Headers) -> None:
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


@pytest.mark.parametrize("value", [None, [], {}, "soon"], ids=repr)
async def test_pin_with_little_to_say(bench: Bench, value: Any) -> None:
    """Only ID and code are needed, and the code no more once there is a token."""
    odd = dict.fromkeys(("expiresIn", "expiresAt", "trusted"), value)
    bench.fault(path="/pins", body={"id": "5", "code": "ABCD", **odd})
    bench.fault(path="/pins/5", body={"id": 5, "authToken": "token"})

    pin = await bench.stranger.create_pin()
    assert (pin.id, pin.code, pin.auth_token) == (5, "ABCD", None)
    assert (pin.expires_in, pin.expires_at, pin.trusted) == (None, None, False)
    pin = await bench.stranger.get_pin(5)
    assert (pin.id, pin.code, pin.auth_token) == (5, "", "token")


# Keeping a token alive, and ending it


@json_and_xml
async def test_ping(bench: Bench, headers: Headers) -> None:
    """plex.tv answers a ping in JSON or XML."""
    assert await bench.client.ping(headers=headers) is True
    assert (bench.asked, bench.requests[0].token) == (["GET /ping"], bench.token)


NO_PONGS = [{"pong": False}, {}, [], {"pong": []}, {"pong": {"pong": True}}]
NO_JSON = ["null", "<pong>false</pong>", "<pong/>", ""]


@pytest.mark.parametrize("body", NO_PONGS + NO_JSON, ids=short_id)
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
