"""Signing in with a password: POST /users/signin."""

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
    PlexTimeoutError,
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
    error_body,
    fails,
    fails_once,
    json_and_xml,
    sent_with,
)


def signing_in(client: PlexTvClient, **options: Any) -> partial[Any]:
    """Return the call that signs in with the right credentials."""
    return partial(client.post_users_sign_in_data, "ada", PASSWORD, CODE, **options)


@json_and_xml
async def test_returns_the_account_with_a_new_token(
    bench: Bench, headers: dict[str, str]
) -> None:
    """The token of the answer is a token of the account."""
    signed_in = await signing_in(bench.stranger, headers=headers)()

    assert signed_in.id == bench.account.id
    assert signed_in.uuid == bench.account.uuid
    assert bench.account.tokens == {signed_in.auth_token: CLIENT_IDENTIFIER}


async def test_sends_a_form_and_who_is_asking(bench: Bench) -> None:
    """The credentials travel in a form, never in the URL, with the identity beside."""
    await bench.stranger.post_users_sign_in_data("ada@example.com", PASSWORD, CODE)

    [request] = bench.requests
    assert (request.method, request.path) == ("POST", "/users/signin")
    assert request.form == {
        "login": "ada@example.com",
        "password": PASSWORD,
        "rememberMe": "true",
        "verificationCode": CODE,
    }
    assert request.query == {}
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["Accept"] == "application/json"
    assert sent_with(request.headers, IDENTITY_HEADERS) == IDENTITY_HEADERS


async def test_sends_no_code_where_there_is_none(bench: Bench) -> None:
    """Without a code the form has no field for it; rememberMe can be declined."""
    password = "päss&=+ wörd"
    bench.simulator.add_account(username="grace", password=password)

    await bench.stranger.post_users_sign_in_data("grace", password, remember_me=False)

    assert bench.requests[0].form == {
        "login": "grace",
        "password": password,
        "rememberMe": "false",
    }


async def test_sends_no_token(bench: Bench) -> None:
    """A client that has a token keeps it to itself while it signs in."""
    await signing_in(bench.client)()

    assert bench.requests[0].token is None


async def test_sends_only_what_is_known_of_the_identity(bench: Bench) -> None:
    """The client identifier and a product are always there, the rest if told."""
    client = PlexTvClient(
        bench.network.session,
        client_identifier="another-client",
        server_url=bench.simulator.url,
    )

    await signing_in(client)()

    assert sent_with(bench.requests[0].headers, IDENTITY_HEADERS) == {
        "X-Plex-Client-Identifier": "another-client",
        "X-Plex-Product": "Plex Account",
    }


@pytest.mark.parametrize("status", [200, 201])
async def test_accepts_both_statuses_of_success(bench: Bench, status: int) -> None:
    """201 is what plex.tv says, 200 what it might say."""
    body = {"id": 1, "uuid": "abc", "authToken": "new-token"}
    bench.fault(status=status, body=body)

    assert (await signing_in(bench.stranger)()).auth_token == "new-token"


async def test_two_factor_from_question_to_answer(bench: Bench) -> None:
    """Plex asks for a code, refuses a wrong one, takes the right one."""
    call = partial(bench.stranger.post_users_sign_in_data, "ada", PASSWORD)

    await fails(PlexTwoFactorRequired, call, status=401, code=1029)
    await fails(PlexInvalidCode, call, "000000", status=401, code=1028)

    assert (await call(CODE)).uuid == bench.account.uuid


@json_and_xml
async def test_wrong_password(bench: Bench, headers: dict[str, str]) -> None:
    """A wrong password is a plain authentication error; the right one then works."""
    call = partial(bench.stranger.post_users_sign_in_data, headers=headers)

    await fails(PlexAuthenticationError, call, "ada", "wrong", status=401, code=1001)

    assert await call("ada", PASSWORD, CODE)


async def test_locked_out(bench: Bench) -> None:
    """An address that was refused too often is locked out, and let in again later."""
    bench.simulator.lock_after = 1
    call = signing_in(bench.stranger)
    await fails(
        PlexAuthenticationError, bench.stranger.post_users_sign_in_data, "ada", "wrong"
    )

    await fails(PlexTooManyAttempts, call, status=401, code=1031)

    bench.simulator.clock.advance(bench.simulator.lock_seconds)
    assert await call()


CODES = [
    (400, 1000, PlexResponseError),
    (400, 1004, PlexResponseError),
    (401, 1001, PlexAuthenticationError),
    (401, 1028, PlexInvalidCode),
    (401, 1029, PlexTwoFactorRequired),
    (401, 1030, PlexEmailRequired),
    (401, 1031, PlexTooManyAttempts),
    (403, 1009, PlexResponseError),
    (403, 1012, PlexResponseError),
    (404, 1020, PlexResponseError),
    (403, 1041, PlexResponseError),
    (403, 1043, PlexResponseError),
    (403, 1068, PlexResponseError),
    (422, 1069, PlexResponseError),
    (503, 1013, PlexResponseError),
    (401, 4711, PlexAuthenticationError),
    (403, 4711, PlexResponseError),
    (429, 1003, PlexRateLimitError),
    (500, 4711, PlexResponseError),
    # A code that is known says more than the status.
    (403, 1028, PlexInvalidCode),
    (400, 1029, PlexTwoFactorRequired),
    (422, 1029, PlexTwoFactorRequired),
    (403, 1031, PlexTooManyAttempts),
    (429, 1031, PlexTooManyAttempts),
]
MESSAGE = "to-be-kept"


@pytest.mark.parametrize("form", ["json", "xml", "text"])
@pytest.mark.parametrize(("status", "code", "error"), CODES)
async def test_codes(
    bench: Bench, status: int, code: int, error: type[PlexError], form: str
) -> None:
    """Every code has its error, in JSON, in XML, and in numbers written as text."""
    bodies: dict[str, Any] = {
        "json": error_body(code, MESSAGE, status),
        "xml": (
            f'<errors><error code="{code}" message="{MESSAGE}" status="{status}"/>'
            "</errors>"
        ),
        "text": {"errors": [{"code": str(code), "message": MESSAGE}]},
    }
    bench.fault(status=status, body=bodies[form], times=1)

    facts = {"status": status, "code": code, "message": MESSAGE}
    await fails_once(error, signing_in(bench.stranger), **facts)


@pytest.mark.parametrize("code", [None, 1001, 4711])
async def test_a_lock_in_words(bench: Bench, code: int | None) -> None:
    """A lock is one by its words too, whatever its code is."""
    message = "Sign in has been temporarily disabled: too many failed attempts"
    bench.fault(status=401, body=error_body(code, message), times=1)

    await fails_once(PlexTooManyAttempts, signing_in(bench.stranger), code=code)


@pytest.mark.parametrize(
    ("identifier", "login", "code"),
    [("", "ada", 1000), (CLIENT_IDENTIFIER, "", 1004)],
    ids=["client identifier", "login"],
)
async def test_what_is_missing(
    bench: Bench, identifier: str, login: str, code: int
) -> None:
    """Without a client identifier or a login plex.tv answers 400 with a code."""
    call = bench.plex_tv(client_identifier=identifier).post_users_sign_in_data

    await fails(PlexResponseError, call, login, PASSWORD, status=400, code=code)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("120", 120, 120),
        ("0", 0, 0),
        (" 7 ", 7, 7),
        ("%c -0000", 30_000, 32_400),
        ("%a, %d %b %Y %H:%M:%S GMT", 30_000, 32_400),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        # No wait, or a senseless one
        (None, None, None),
        ("", None, None),
        ("soon", None, None),
        ("-1", None, None),
        ("1.5", None, None),
        ("²", None, None),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None, None),
        ("Fri, 31 Dec 1999 23:59:59 +9999999999", None, None),
    ],
)
async def test_rate_limit(
    bench: Bench, header: str | None, least: float | None, most: float | None
) -> None:
    """The wait that 429 asks for is told, in seconds; dates are in nine hours."""
    in_nine_hours = datetime.now(UTC) + timedelta(hours=9)
    headers = {}
    if header is not None:
        headers["Retry-After"] = in_nine_hours.strftime(header)
    bench.fault(status=429, headers=headers, times=1)

    limited = await fails_once(
        PlexRateLimitError, signing_in(bench.stranger), status=429, code=1003
    )

    if least is None or most is None:
        assert limited.retry_after is None
    else:
        assert limited.retry_after is not None
        assert least <= limited.retry_after <= most


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 429}, PlexRateLimitError),
        ({"status": 500}, PlexResponseError),
        ({"status": 502}, PlexResponseError),
        ({"status": 503, "headers": {"Retry-After": "0"}}, PlexResponseError),
        ({"status": 504}, PlexResponseError),
        ({"status": 401, "body": error_body(1001)}, PlexAuthenticationError),
        ({"status": 200, "body": "nonsense"}, PlexResponseError),
        ({"action": "drop"}, PlexConnectionError),
        ({"action": "truncate"}, PlexConnectionError),
        ({"action": "hang"}, PlexTimeoutError),
    ],
    ids=str,
)
async def test_the_password_is_sent_once(
    bench: Bench, fault: dict[str, Any], error: type[PlexError]
) -> None:
    """No retry configuration makes a sign-in that may have arrived happen twice."""
    client = bench.plex_tv(retry=QUICK_RETRY)
    timeout = 0.05 if error is PlexTimeoutError else 10
    bench.fault(**fault, times=1)

    await fails(error, signing_in(client, retry=QUICK_RETRY, timeout=timeout))

    assert len(bench.requests) == 1
    assert await signing_in(client)()


async def test_a_kept_connection_that_broke_is_not_used_twice(bench: Bench) -> None:
    """A connection that was kept open and breaks does not make it happen twice either."""
    await bench.client.ping()
    bench.fault(action="drop", times=1)

    call = signing_in(bench.client, retry=QUICK_RETRY)
    await fails(PlexConnectionError, call, request_sent=True)

    assert [one.path for one in bench.requests] == ["/ping", "/users/signin"]


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
async def test_an_account_without_a_token_is_no_sign_in(
    bench: Bench, token: Any
) -> None:
    """A sign-in without a token that can be sent has failed."""
    bench.account.extra["authToken"] = token
    call = signing_in(bench.stranger)

    await fails(PlexResponseError, call)

    bench.account.extra.clear()
    assert await call()
