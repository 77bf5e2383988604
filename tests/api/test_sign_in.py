"""Signing in with a password: POST /users/signin."""

from datetime import UTC, datetime, timedelta
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
from tests.simulator import ABSENT, Account, Simulator

from .common import (
    AS_XML,
    CLIENT_IDENTIFIER,
    IDENTITY_HEADERS,
    PASSWORD,
    QUICK_RETRY,
    Network,
    error_body,
    plex_tv,
    sent_with,
)

CODE = "123456"


async def test_returns_the_account_with_a_new_token(
    stranger: PlexTvClient, account: Account
) -> None:
    """The token of the answer is a token of the account."""
    signed_in = await stranger.post_users_sign_in_data("ada", PASSWORD, CODE)

    assert signed_in.id == account.id
    assert signed_in.uuid == account.uuid
    assert account.tokens == {signed_in.auth_token: CLIENT_IDENTIFIER}


async def test_sends_a_form_and_who_is_asking(
    stranger: PlexTvClient, simulator: Simulator, account: Account
) -> None:
    """The credentials travel in a form, never in the URL, with the identity beside."""
    await stranger.post_users_sign_in_data("ada@example.com", PASSWORD, CODE)

    [request] = simulator.requests
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


async def test_sends_no_code_where_there_is_none(
    stranger: PlexTvClient, simulator: Simulator
) -> None:
    """Without a code the form has no field for it; rememberMe can be declined."""
    simulator.add_account(username="grace", password="päss&=+ wörd")

    await stranger.post_users_sign_in_data("grace", "päss&=+ wörd", remember_me=False)

    assert simulator.requests[0].form == {
        "login": "grace",
        "password": "päss&=+ wörd",
        "rememberMe": "false",
    }


async def test_sends_no_token(
    client: PlexTvClient, simulator: Simulator, account: Account
) -> None:
    """A client that has a token keeps it to itself while it signs in."""
    await client.post_users_sign_in_data("ada", PASSWORD, CODE)

    assert simulator.requests[0].token is None


async def test_sends_only_what_is_known_of_the_identity(
    network: Network, simulator: Simulator, account: Account
) -> None:
    """The client identifier and a product are always there, the rest if told."""
    client = PlexTvClient(
        network.session, client_identifier="another-client", server_url=simulator.url
    )

    await client.post_users_sign_in_data("ada", PASSWORD, CODE)

    headers = sent_with(simulator.requests[0].headers, IDENTITY_HEADERS)
    assert headers == {
        "X-Plex-Client-Identifier": "another-client",
        "X-Plex-Product": "Plex Account",
    }


@pytest.mark.parametrize("status", [200, 201])
async def test_accepts_both_statuses_of_success(
    stranger: PlexTvClient, simulator: Simulator, status: int
) -> None:
    """201 is what plex.tv says, 200 what it might say."""
    simulator.fault(
        status=status, body={"id": 1, "uuid": "abc", "authToken": "secret-token"}
    )

    signed_in = await stranger.post_users_sign_in_data("ada", PASSWORD)

    assert signed_in.auth_token == "secret-token"


async def test_reads_an_answer_in_xml(stranger: PlexTvClient, account: Account) -> None:
    """The token is found in XML too."""
    signed_in = await stranger.post_users_sign_in_data(
        "ada", PASSWORD, CODE, headers=AS_XML
    )

    assert [*account.tokens] == [signed_in.auth_token]


async def test_two_factor_from_question_to_answer(
    stranger: PlexTvClient, account: Account
) -> None:
    """Plex asks for a code, refuses a wrong one, takes the right one."""
    with pytest.raises(PlexTwoFactorRequired) as required:
        await stranger.post_users_sign_in_data("ada", PASSWORD)
    with pytest.raises(PlexInvalidCode) as invalid:
        await stranger.post_users_sign_in_data("ada", PASSWORD, "000000")
    signed_in = await stranger.post_users_sign_in_data("ada", PASSWORD, CODE)

    assert (required.value.status, required.value.code) == (401, 1029)
    assert (invalid.value.status, invalid.value.code) == (401, 1028)
    assert signed_in.uuid == account.uuid


@pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
async def test_wrong_password(
    stranger: PlexTvClient, account: Account, headers: dict[str, str]
) -> None:
    """A wrong password is a plain authentication error; the right one then works."""
    with pytest.raises(PlexAuthenticationError) as refused:
        await stranger.post_users_sign_in_data("ada", "wrong", headers=headers)

    assert type(refused.value) is PlexAuthenticationError
    assert (refused.value.status, refused.value.code) == (401, 1001)
    assert await stranger.post_users_sign_in_data("ada", PASSWORD, CODE)


async def test_locked_out(
    stranger: PlexTvClient, simulator: Simulator, account: Account
) -> None:
    """An address that was refused too often is locked out, and let in again later."""
    simulator.lock_after = 1
    with pytest.raises(PlexAuthenticationError):
        await stranger.post_users_sign_in_data("ada", "wrong")

    with pytest.raises(PlexTooManyAttempts) as locked:
        await stranger.post_users_sign_in_data("ada", PASSWORD, CODE)

    assert (locked.value.status, locked.value.code) == (401, 1031)
    simulator.clock.advance(simulator.lock_seconds)
    assert await stranger.post_users_sign_in_data("ada", PASSWORD, CODE)


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
]


@pytest.mark.parametrize("form", ["json", "xml", "text"])
@pytest.mark.parametrize(("status", "code", "error"), CODES)
async def test_codes(
    stranger: PlexTvClient,
    simulator: Simulator,
    account: Account,
    status: int,
    code: int,
    error: type[PlexError],
    form: str,
) -> None:
    """Every code has its error, in JSON, in XML, and in numbers written as text."""
    bodies: dict[str, Any] = {
        "json": error_body(code, "No way", status),
        "xml": f'<errors><error code="{code}" message="No way" status="{status}"/></errors>',
        "text": {"errors": [{"code": str(code), "message": "No way"}]},
    }
    simulator.fault(status=status, body=bodies[form], times=1)

    with pytest.raises(PlexError) as refused:
        await stranger.post_users_sign_in_data("ada", PASSWORD, CODE)

    assert type(refused.value) is error
    assert (refused.value.status, refused.value.code) == (status, code)
    assert refused.value.message == "No way"
    assert await stranger.post_users_sign_in_data("ada", PASSWORD, CODE)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (403, 1028, PlexInvalidCode),
        (400, 1029, PlexTwoFactorRequired),
        (422, 1029, PlexTwoFactorRequired),
        (403, 1031, PlexTooManyAttempts),
        (429, 1031, PlexTooManyAttempts),
    ],
)
async def test_the_code_says_more_than_the_status(
    stranger: PlexTvClient,
    simulator: Simulator,
    status: int,
    code: int,
    error: type[PlexError],
) -> None:
    """A code that is known means the same under any status of refusal."""
    simulator.fault(status=status, body=error_body(code))

    with pytest.raises(error) as refused:
        await stranger.post_users_sign_in_data("ada", PASSWORD)

    assert (refused.value.status, refused.value.code) == (status, code)


@pytest.mark.parametrize("code", [None, 1001, 4711])
async def test_a_lock_in_words(
    stranger: PlexTvClient, simulator: Simulator, account: Account, code: int | None
) -> None:
    """A lock is one by its words too, whatever its code is."""
    message = "Sign in has been temporarily disabled: too many failed attempts"
    simulator.fault(status=401, body=error_body(code, message), times=1)

    with pytest.raises(PlexTooManyAttempts) as locked:
        await stranger.post_users_sign_in_data("ada", PASSWORD)

    assert locked.value.code == code
    assert await stranger.post_users_sign_in_data("ada", PASSWORD, CODE)


async def test_client_identifier_is_missed(
    network: Network, simulator: Simulator
) -> None:
    """Without a client identifier plex.tv answers 400 with code 1000."""
    client = plex_tv(network, simulator, client_identifier="")

    with pytest.raises(PlexResponseError) as refused:
        await client.post_users_sign_in_data("ada", PASSWORD)

    assert (refused.value.status, refused.value.code) == (400, 1000)


async def test_login_is_missed(stranger: PlexTvClient) -> None:
    """Without a login plex.tv answers 400 with code 1004."""
    with pytest.raises(PlexResponseError) as refused:
        await stranger.post_users_sign_in_data("", PASSWORD)

    assert (refused.value.status, refused.value.code) == (400, 1004)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, PlexResponseError),
        (401, PlexAuthenticationError),
        (403, PlexResponseError),
        (429, PlexRateLimitError),
        (502, PlexResponseError),
    ],
)
async def test_a_page_from_somebody_in_between(
    stranger: PlexTvClient,
    simulator: Simulator,
    account: Account,
    status: int,
    error: type[PlexError],
) -> None:
    """HTML is judged by its status, and is never an account."""
    simulator.fault(
        status=status,
        body="<!DOCTYPE html><html><title>Who are you?</title><p>Go away</html>",
        content_type="text/html",
        times=1,
    )

    with pytest.raises(PlexError) as refused:
        await stranger.post_users_sign_in_data("ada", PASSWORD, CODE)

    assert type(refused.value) is error
    assert (refused.value.status, refused.value.code) == (status, None)
    assert refused.value.content_type == "text/html"
    assert await stranger.post_users_sign_in_data("ada", PASSWORD, CODE)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("120", 120, 120),
        ("0", 0, 0),
        (" 7 ", 7, 7),
        ((datetime.now(UTC) + timedelta(hours=9)).strftime("%c -0000"), 30_000, 32_400),
        (
            (datetime.now(UTC) + timedelta(hours=9)).strftime(
                "%a, %d %b %Y %H:%M:%S GMT"
            ),
            30_000,
            32_400,
        ),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
    ],
    ids=["seconds", "none at all", "padded", "date without zone", "date", "past date"],
)
async def test_rate_limit(
    stranger: PlexTvClient,
    simulator: Simulator,
    account: Account,
    header: str,
    least: float,
    most: float,
) -> None:
    """The wait that 429 asks for is told, in seconds, whatever its form."""
    simulator.fault(status=429, headers={"Retry-After": header}, times=1)

    with pytest.raises(PlexRateLimitError) as limited:
        await stranger.post_users_sign_in_data("ada", PASSWORD, CODE)

    assert (limited.value.status, limited.value.code) == (429, 1003)
    assert limited.value.retry_after is not None
    assert least <= limited.value.retry_after <= most
    assert await stranger.post_users_sign_in_data("ada", PASSWORD, CODE)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        *(
            {"Retry-After": value}
            for value in (
                "",
                "soon",
                "-1",
                "1.5",
                "²",
                "Fri, 31 Dec 99999 23:59:59 GMT",
                "Fri, 31 Dec 1999 23:59:59 +9999999999",
            )
        ),
    ],
    ids=str,
)
async def test_rate_limit_without_a_wait(
    stranger: PlexTvClient, simulator: Simulator, headers: dict[str, str]
) -> None:
    """Where there is no wait, or a senseless one, none is told."""
    simulator.fault(status=429, headers=headers)

    with pytest.raises(PlexRateLimitError) as limited:
        await stranger.post_users_sign_in_data("ada", PASSWORD)

    assert limited.value.retry_after is None


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429},
        {"status": 500},
        {"status": 502},
        {"status": 503, "headers": {"Retry-After": "0"}},
        {"status": 504},
        {"status": 401, "body": error_body(1001)},
        {"status": 200, "body": "nonsense"},
        {"action": "drop"},
        {"action": "truncate"},
    ],
    ids=str,
)
async def test_the_password_is_sent_once(
    network: Network, simulator: Simulator, account: Account, fault: dict[str, Any]
) -> None:
    """No retry configuration makes a sign-in that may have arrived happen twice."""
    client = plex_tv(network, simulator, retry=QUICK_RETRY)
    simulator.fault(**fault, times=1)

    with pytest.raises(PlexError):
        await client.post_users_sign_in_data("ada", PASSWORD, CODE, retry=QUICK_RETRY)

    assert len(simulator.requests) == 1
    assert await client.post_users_sign_in_data("ada", PASSWORD, CODE)


async def test_the_password_is_sent_once_to_one_who_hangs(
    network: Network, simulator: Simulator, account: Account
) -> None:
    """A sign-in that got no answer in time may have arrived."""
    client = plex_tv(network, simulator, retry=QUICK_RETRY)
    simulator.fault(action="hang", times=1)

    with pytest.raises(PlexTimeoutError):
        await client.post_users_sign_in_data("ada", PASSWORD, CODE, timeout=0.05)

    assert len(simulator.requests) == 1
    assert await client.post_users_sign_in_data("ada", PASSWORD, CODE)


async def test_a_kept_connection_that_broke_is_not_used_twice(
    client: PlexTvClient, simulator: Simulator, account: Account
) -> None:
    """A connection that was kept open and breaks does not make it happen twice either."""
    await client.ping()
    simulator.fault(action="drop", times=1)

    with pytest.raises(PlexConnectionError) as broken:
        await client.post_users_sign_in_data("ada", PASSWORD, CODE, retry=QUICK_RETRY)

    assert broken.value.request_sent
    assert [one.path for one in simulator.requests] == ["/ping", "/users/signin"]


async def test_a_refused_connection_is_tried_again(
    network: Network, simulator: Simulator, account: Account
) -> None:
    """What was never sent may be sent again, as often as the configuration says."""
    client = plex_tv(network, simulator)
    await simulator.stop_plex_tv()
    retry = RetryConfig(initial_interval=0, max_interval=1, max_elapsed_time=100)

    with pytest.raises(PlexConnectionError) as refused:
        await client.post_users_sign_in_data("ada", PASSWORD, CODE, retry=retry)

    assert not refused.value.request_sent
    assert len(network.dialled) > 1
    await simulator.start_plex_tv()
    assert await client.post_users_sign_in_data("ada", PASSWORD, CODE)


async def test_a_refused_connection_is_not_tried_again_by_itself(
    network: Network, simulator: Simulator, account: Account
) -> None:
    """Without a configuration there is one try."""
    client = plex_tv(network, simulator)
    await simulator.stop_plex_tv()

    with pytest.raises(PlexConnectionError):
        await client.post_users_sign_in_data("ada", PASSWORD, CODE)

    assert len(network.dialled) == 1
    await simulator.start_plex_tv()
    assert await client.post_users_sign_in_data("ada", PASSWORD, CODE)


@pytest.mark.parametrize(
    "token", [ABSENT, None, "", " ", 17, ["token"], "to\nken", "tökén"], ids=repr
)
async def test_an_account_without_a_token_is_no_sign_in(
    stranger: PlexTvClient, account: Account, token: Any
) -> None:
    """A sign-in without a token that can be sent has failed."""
    account.extra["authToken"] = token

    with pytest.raises(PlexResponseError):
        await stranger.post_users_sign_in_data("ada", PASSWORD, CODE)

    account.extra.clear()
    assert await stranger.post_users_sign_in_data("ada", PASSWORD, CODE)


PAST: dict[str, Any] = {
    "id": "past-1",
    "mode": "automatic",
    "renewsAt": 1_700_000_000,
    "endsAt": 1_700_000_001,
    "canceled": True,
    "gracePeriod": True,
    "onHold": True,
    "canReactivate": True,
    "canUpgrade": True,
    "canDowngrade": True,
    "canConvert": True,
    "type": "plexpass",
    "transfer": "gift",
    "state": "ended",
    "billing": {"internalPaymentMethod": {"kind": "card"}, "paymentMethodId": 42},
}


@pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
async def test_history(
    stranger: PlexTvClient, account: Account, headers: dict[str, str]
) -> None:
    """Past subscriptions and trials are told at sign-in."""
    account.past_subscriptions = [PAST]
    account.trials = [{"kind": "month", "days": "30"}]

    signed_in = await stranger.post_users_sign_in_data(
        "ada", PASSWORD, CODE, headers=headers
    )

    [past] = signed_in.past_subscriptions
    assert (past.id, past.mode, past.type) == ("past-1", "automatic", "plexpass")
    assert (past.transfer, past.state) == ("gift", "ended")
    assert past.renews_at == datetime.fromtimestamp(1_700_000_000, UTC)
    assert past.ends_at == datetime.fromtimestamp(1_700_000_001, UTC)
    assert past.canceled
    assert past.grace_period
    assert past.on_hold
    assert past.can_reactivate
    assert past.can_upgrade
    assert past.can_downgrade
    assert past.can_convert
    assert past.payment_method_id == 42
    assert past.internal_payment_method == {"kind": "card"}
    assert signed_in.trials == ({"kind": "month", "days": "30"},)


async def test_empty_history(stranger: PlexTvClient, account: Account) -> None:
    """A past subscription may know nothing of itself."""
    account.past_subscriptions = [dict.fromkeys(PAST), {}]
    account.extra["trials"] = None

    signed_in = await stranger.post_users_sign_in_data("ada", PASSWORD, CODE)

    unknown, empty = signed_in.past_subscriptions
    assert unknown == empty
    assert (unknown.id, unknown.ends_at, unknown.payment_method_id) == (None,) * 3
    assert not unknown.canceled
    assert unknown.internal_payment_method == {}
    assert signed_in.trials == ()
