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
    assert (signed_in.id, signed_in.uuid) == (bench.account.id, bench.account.uuid)
    assert bench.account.tokens == {signed_in.auth_token: CLIENT_IDENTIFIER}


async def test_sends_a_form_and_who_is_asking(bench: Bench) -> None:
    """The credentials travel in a form, never in the URL, with the identity beside."""
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
    password, url = "päss&=+ wörd", bench.simulator.url
    bench.simulator.add_account(username="grace", password=password)
    client = PlexTvClient(
        bench.network.session, client_identifier="another", server_url=url
    )

    await client.post_users_sign_in_data("grace", password, remember_me=False)

    [request] = bench.requests
    form = {"login": "grace", "password": password, "rememberMe": "false"}
    assert request.form == form
    assert sent_with(request.headers, IDENTITY_HEADERS) == {
        "X-Plex-Client-Identifier": "another",
        "X-Plex-Product": "Plex Account",
    }


@pytest.mark.parametrize("status", [200, 201])
async def test_accepts_both_statuses_of_success(bench: Bench, status: int) -> None:
    """201 is what plex.tv says, 200 what it might say."""
    bench.fault(status=status, body={"id": 1, "uuid": "abc", "authToken": "new-token"})
    assert (await signing_in(bench.stranger)()).auth_token == "new-token"


@json_and_xml
async def test_two_factor_from_question_to_answer(
    bench: Bench, headers: dict[str, str]
) -> None:
    """Plex refuses a wrong password, asks for a code, refuses a wrong one, takes the right."""
    call = partial(bench.stranger.post_users_sign_in_data, "ada", headers=headers)
    await fails(PlexAuthenticationError, call, "wrong", status=401, code=1001)
    await fails(PlexTwoFactorRequired, call, PASSWORD, status=401, code=1029)
    await fails(PlexInvalidCode, call, PASSWORD, "000000", status=401, code=1028)
    assert (await call(PASSWORD, CODE)).uuid == bench.account.uuid


async def test_locked_out(bench: Bench) -> None:
    """An address that was refused too often is locked out, and let in again later."""
    bench.simulator.lock_after = 1
    call = signing_in(bench.stranger)
    wrong = bench.stranger.post_users_sign_in_data
    await fails(PlexAuthenticationError, wrong, "ada", "wrong")
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
IN_XML = '<errors><error code="%s" message="%s" status="%s"/></errors>'


@pytest.mark.parametrize("form", ["json", "xml", "text"])
@pytest.mark.parametrize(("status", "code", "error"), CODES)
async def test_codes(
    bench: Bench, status: int, code: int, error: type[PlexError], form: str
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


@pytest.mark.parametrize(
    ("identifier", "login", "code"), [("", "ada", 1000), (CLIENT_IDENTIFIER, "", 1004)]
)
async def test_what_is_missing(
    bench: Bench, identifier: str, login: str, code: int
) -> None:
    """Without a client identifier or a login plex.tv answers 400 with a code."""
    call = bench.plex_tv(client_identifier=identifier).post_users_sign_in_data
    await fails(PlexResponseError, call, login, PASSWORD, status=400, code=code)


NINE_HOURS = (30_000, 32_400)
NO_WAITS = ("", "soon", "-1", "1.5", "²", "Fri, 31 Dec 99999 23:59:59 GMT")
NO_ZONE = "Fri, 31 Dec 1999 23:59:59 +9999999999"


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", (120, 120)),
        ("0", (0, 0)),
        (" 7 ", (7, 7)),
        ("%c -0000", NINE_HOURS),
        ("%a, %d %b %Y %H:%M:%S GMT", NINE_HOURS),
        ("Wed, 21 Oct 2015 07:28:00 GMT", (0, 0)),
        *((header, None) for header in (None, *NO_WAITS, NO_ZONE)),
    ],
)
async def test_rate_limit(bench: Bench, header: str | None, wait: Any) -> None:
    """The wait that 429 asks for is told, in seconds; dates are in nine hours."""
    date = datetime.now(UTC) + timedelta(hours=9)
    headers = {} if header is None else {"Retry-After": date.strftime(header)}
    bench.fault(status=429, headers=headers, times=1)

    call = signing_in(bench.stranger)
    after = (
        await fails_once(PlexRateLimitError, call, status=429, code=1003)
    ).retry_after

    if wait is None:
        assert after is None
    else:
        assert wait[0] <= after <= wait[1]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 429}, PlexRateLimitError),
        ({"status": 500}, PlexResponseError),
        ({"status": 503, "headers": {"Retry-After": "0"}}, PlexResponseError),
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
async def test_an_account_without_a_token_is_no_sign_in(
    bench: Bench, token: Any
) -> None:
    """A sign-in without a token that can be sent has failed."""
    bench.account.extra["authToken"] = token
    call = signing_in(bench.stranger)
    await fails(PlexResponseError, call)
    bench.account.extra.clear()
    assert await call()
