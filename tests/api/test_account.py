"""plex.tv operations for an account: signing in and out, PINs, GET /user, and /ping."""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf, nan
from typing import Any

import pytest

from custom_components.plex_account import api
from tests.samples import sample
from tests.simulator import ABSENT

from .common import (
    AS_XML,
    CLIENT_IDENTIFIER,
    CODE,
    IDENTITY_HEADERS,
    PASSWORD,
    QUICK_RETRY,
    Bench,
    Headers,
    fails,
    fails_once,
    json_and_xml,
    plain,
    sent_with,
    short_id,
    strict_loads,
)

EPOCH = 1_393_545_600
MOMENT = datetime(2014, 2, 28, tzinfo=UTC)

ACCOUNT = sample("account")
"""The schema UserPlexAccount, with a non-default value in each field."""
[BILLED] = ACCOUNT["subscriptions"]
EXPECTED, EMPTY = sample("expected/account"), sample("expected/account-empty")
MINIMAL = {"id": 7, "uuid": "seven"}
FREE = ("profile", "subscription", "services", "subscriptions")
NESTED = (*FREE, "pastSubscriptions", "trials")


def ask(bench: Bench, **options: Any) -> Awaitable[api.PlexAccount]:
    """Return the parsed answer of GET /user."""
    return bench.client.get_token_details(**options)


def sign_in(bench: Bench, **options: Any) -> Awaitable[api.PlexAccount]:
    """Return the parsed answer of a sign-in."""
    return bench.client.post_users_sign_in_data("ada", PASSWORD, CODE, **options)


both_operations = pytest.mark.parametrize("operation", [ask, sign_in])


async def read(bench: Bench, body: Any, **options: Any) -> api.PlexAccount:
    """Return the account read from a body; required fields are added unless it is text."""
    body = body if isinstance(body, str) else MINIMAL | body
    bench.fault(path="/user", body=body, times=1)
    return await bench.plex_tv(token="any", **options).get_token_details()


async def test_sends_only_what_is_known(bench: Bench) -> None:
    """Unknown client details are omitted, and rememberMe can be turned off."""
    options: Any = {"client_identifier": "other", "server_url": bench.simulator.url}
    client = api.PlexTvClient(bench.network.session, **options)
    await client.post_users_sign_in_data("ada", PASSWORD, CODE, remember_me=False)
    known = api.ClientIdentity(product="P", version="1", device="")
    await bench.plex_tv(identity=known).create_pin()
    first, second = [sent_with(one.headers, IDENTITY_HEADERS) for one in bench.requests]
    assert bench.requests[0].form["rememberMe"] == "false"
    identifiers = [one.pop("X-Plex-Client-Identifier") for one in (first, second)]
    assert identifiers == ["other", CLIENT_IDENTIFIER]
    assert first == {"X-Plex-Product": "Plex Account"}
    assert second == {"X-Plex-Product": "P", "X-Plex-Version": "1"}


@json_and_xml
async def test_returns_the_account_with_a_new_token(
    bench: Bench, headers: Headers
) -> None:
    """The returned token is a token of the account."""
    signed_in = await sign_in(bench, headers=headers)
    assert (signed_in.id, signed_in.uuid) == (bench.account.id, bench.account.uuid)
    tokens = dict.fromkeys([bench.token, signed_in.auth_token], CLIENT_IDENTIFIER)
    assert bench.account.tokens == tokens


ERRORS: dict[type[api.PlexError], list[tuple[int, int]]] = {
    api.PlexAuthenticationError: [(401, 1001), (401, 4711)],
    api.PlexRateLimitError: [(429, 1003)],
    api.PlexEmailRequired: [(401, 1030)],
    # A known code is more specific than the status.
    api.PlexInvalidCode: [(401, 1028), (403, 1028)],
    api.PlexTooManyAttempts: [(401, 1031), (403, 1031), (429, 1031)],
    api.PlexTwoFactorRequired: [(401, 1029), (400, 1029), (422, 1029)],
    api.PlexResponseError: [
        *((403, code) for code in (1009, 1012, 1041, 1043, 1068, 4711)),
        *((400, 1000), (400, 1004), (404, 1020), (422, 1069), (503, 1013), (500, 4711)),
    ],
}
CODES = [(error, *facts) for error, answers in ERRORS.items() for facts in answers]
MESSAGE = "to-be-kept"
FORMS = {
    "json": '{"errors": [{"code": %s, "message": "%s", "status": %s}]}',
    "text": '{"errors": [{"code": "%s", "message": "%s", "status": "%s"}]}',
    "xml": '<errors><error code="%s" message="%s" status="%s"/></errors>',
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("error", "status", "code"), CODES)
async def test_codes(
    bench: Bench, error: type[api.PlexError], status: int, code: int, form: str
) -> None:
    """Every code maps to its error, whether in JSON, in XML, or as a number in text."""
    bench.fault(status=status, body=FORMS[form] % (code, MESSAGE, status), times=1)
    facts = {"status": status, "code": code, "message": MESSAGE}
    await fails_once(error, partial(sign_in, bench), **facts)


IN_NINE_HOURS = (30_000, 32_400)
NO_WAITS = (None, "", "soon", "-1", "1.5", "²", "Fri, 31 Dec 99999 23:59:59 GMT")
NO_ZONE = "Fri, 31 Dec 1999 23:59:59 +9999999999"


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        *((wait, (int(wait), int(wait))) for wait in ("120", "0", " 7 ")),
        ("%c -0000", IN_NINE_HOURS),
        ("%a, %d %b %Y %H:%M:%S GMT", IN_NINE_HOURS),
        ("Wed, 21 Oct 2015 07:28:00 GMT", (0, 0)),
        *((header, None) for header in (*NO_WAITS, NO_ZONE)),
    ],
)
async def test_rate_limit(bench: Bench, header: str | None, wait: Any) -> None:
    """The wait requested by a 429 is reported in seconds."""
    date = datetime.now(UTC) + timedelta(hours=9)
    headers = {} if header is None else {"Retry-After": date.strftime(header)}
    bench.fault(status=429, headers=headers, times=1)
    call, facts = partial(sign_in, bench), {"status": 429, "code": 1003}
    after = (await fails_once(api.PlexRateLimitError, call, **facts)).retry_after
    assert after is None if wait is None else wait[0] <= after <= wait[1]


async def test_the_password_is_sent_once(bench: Bench) -> None:
    """A sign-in that may have arrived is never repeated, even on a kept-alive connection."""
    await bench.client.ping()
    bench.fault(action="drop", times=1)
    call = partial(sign_in, bench, retry=QUICK_RETRY)
    await fails(api.PlexConnectionError, call, request_sent=True)
    assert bench.asked == ["GET /ping", "POST /users/signin"]
    assert await call()


@pytest.mark.parametrize("retried", [True, False])
async def test_a_refused_connection(bench: Bench, retried: bool) -> None:
    """A request that was never sent may be retried if the configuration allows it."""
    retry = api.RetryConfig(initial_interval=0, max_interval=1, max_elapsed_time=100)
    call = partial(sign_in, bench, retry=retry if retried else None)
    await bench.simulator.stop_plex_tv()
    await fails(api.PlexConnectionError, call, request_sent=False)
    assert (len(bench.dialled) > 1) is retried
    await bench.simulator.start_plex_tv()
    assert await call()


@json_and_xml
async def test_new_pin(bench: Bench, headers: Headers) -> None:
    """A PIN has four characters and lives for 15 minutes; a strong one is longer."""
    pin = await bench.stranger.create_pin(headers=headers)
    assert (len(pin.code), pin.expires_in) == (4, 900)
    assert (pin.auth_token, pin.trusted) == (None, False)
    assert pin.expires_at == bench.simulator.clock.now() + timedelta(seconds=900)
    assert pin.qr == f"https://plex.tv/api/v2/pins/qr/{pin.code}"
    strong = await bench.stranger.create_pin(strong=True, headers=headers)
    assert len(strong.code) == 25
    assert bench.requests[-1].query == {"strong": "true"}


async def test_link_the_pin_of_another_device(bench: Bench) -> None:
    """An account can approve another client's PIN, which no other client can view."""
    other = bench.plex_tv(client_identifier="another-client")
    pin = await other.create_pin()
    await fails(api.PlexAuthenticationError, bench.stranger.link_pin, pin.code)
    missing = {"status": 404, "code": 1020}
    await fails(api.PlexResponseError, bench.stranger.get_pin, pin.id, **missing)
    await bench.client.link_pin(pin.code)
    assert (await other.get_pin(pin.id)).auth_token


@pytest.mark.parametrize("value", [None, [], {}, "soon"], ids=repr)
async def test_pin_with_little_to_say(bench: Bench, value: Any) -> None:
    """Only ID and code are required, and the code only until there is a token."""
    odd = dict.fromkeys(("expiresIn", "expiresAt", "trusted"), value)
    bench.fault(path="/pins", body={"id": "5", "code": "ABCD", **odd})
    bench.fault(path="/pins/5", body={"id": 5, "authToken": "token"})
    pin = await bench.stranger.create_pin()
    assert (pin.id, pin.code, pin.auth_token) == (5, "ABCD", None)
    assert (pin.expires_in, pin.expires_at, pin.trusted) == (None, None, False)
    pin = await bench.stranger.get_pin(5)
    assert (pin.id, pin.code, pin.auth_token) == (5, "", "token")


NO_PONGS: list[Any] = [{"pong": False}, {}, [], {"pong": []}, {"pong": {"pong": True}}]
NO_JSON = ["null", "<pong>false</pong>", "<pong/>", ""]


@pytest.mark.parametrize("body", NO_PONGS + NO_JSON, ids=short_id)
async def test_ping(bench: Bench, body: Any) -> None:
    """A ping succeeds if the answer is a pong in JSON or XML; no other answer counts."""
    bench.fault(path="/ping", status=200, body=body, times=1)
    assert await bench.client.ping() is False
    assert await bench.client.ping() is await bench.client.ping(headers=AS_XML) is True


async def test_sign_out(bench: Bench) -> None:
    """Signing out ends the token unless it fails, and can't be repeated."""
    token, client = bench.token, bench.client
    other = bench.simulator.sign_in(bench.account, CLIENT_IDENTIFIER)
    bench.fault(status=503, times=1)
    await fails(api.PlexResponseError, client.sign_out)
    assert [*bench.account.tokens] == [token, other]
    await client.sign_out()
    assert [*bench.account.tokens] == [other]
    assert bench.requests[-1].status == 204
    await fails(api.PlexAuthenticationError, client.sign_out)


@both_operations
async def test_every_field(bench: Bench, operation: Any) -> None:
    """Every field of the schema is read."""
    bench.fault(body=ACCOUNT, times=1)
    assert plain(await operation(bench)) == EXPECTED
    assert (await operation(bench)).uuid == bench.account.uuid


@both_operations
@pytest.mark.parametrize("extra", [ACCOUNT, {}, sample("account-nulls")], ids=short_id)
async def test_xml_says_the_same(bench: Bench, operation: Any, extra: Any) -> None:
    """An account in XML equals the same account in JSON; XML writes null as empty text."""
    bench.account.extra = {"authToken": "always-the-same"} | extra
    in_xml = await operation(bench, headers=AS_XML)
    assert plain(in_xml) == plain(await operation(bench))


async def test_what_may_be_absent_or_new(bench: Bench) -> None:
    """Only the identifying fields are required; free accounts lack some parts.

    Enumerations are open-ended, numbers have no upper bound, and extra fields are
    ignored.
    """
    details = await read(bench, sample("odd/account"))
    assert plain(details) == sample("expected/account-odd")
    assert details.public_name == "ada"
    assert details.subscription.status_key == "brand_new"
    assert plain(await read(bench, {})) == EMPTY
    for name in (*FREE, "roles", "entitlements"):
        body = {key: value for key, value in ACCOUNT.items() if key != name}
        assert plain(await read(bench, body)) == EXPECTED | {name: EMPTY[name]}


@pytest.mark.parametrize(
    "value", [None, {}, [], [None], [[]], {"a": {"b": 1}}], ids=repr
)
async def test_fields_without_a_usable_value(bench: Bench, value: Any) -> None:
    """A field that is null or has an unexpected type is treated as missing."""
    body = dict.fromkeys(ACCOUNT, value) | dict.fromkeys(NESTED) | MINIMAL
    assert plain(await read(bench, body)) | {"has_password": True} == EMPTY

    inside = {
        "profile": dict.fromkeys(ACCOUNT["profile"], value),
        "subscription": dict.fromkeys(ACCOUNT["subscription"], value),
        "services": [dict.fromkeys(ACCOUNT["services"][0], value)],
        "pastSubscriptions": [dict.fromkeys(BILLED, value), {}],
    }
    details = await read(bench, inside)
    assert plain(details) == sample("expected/account-hollow")
    assert details.subscription.status_key is None


YES = (True, 1, 1.0, "1", "true", "True")
NO = (False, 0, 0.0, "0", "false", "no", 2)
TWELVE = (12, "12", 12.0, " 12 ")
NO_NUMBERS = ("", "twelve", True, "9" * 5000, inf, -inf, nan)
NO_TIMES = (10**18, -(10**18), "9" * 30, "yesterday", "0001-01-01T00:00:00+23:59", "²")
TIMES = (EPOCH, str(EPOCH), float(EPOCH), "2014-02-28", "2014-02-28 00:00:00")
ZONED = ("2014-02-28T00:00:00.000Z", "2014-02-28T02:00:00+02:00")
IN_WORDS = ("2014-02-28 00:00:00 UTC", "2014-02-28T00:00:00", "2014-02-28T00:00:00Z")


@pytest.mark.parametrize(
    ("field", "attribute", "value", "forms"),
    [
        ("guest", "guest", True, YES),
        ("guest", "guest", False, NO),
        ("hasPassword", "has_password", True, YES),
        ("hasPassword", "has_password", False, NO),
        ("id", "id", 12, TWELVE),
        ("homeSize", "home_size", 12, TWELVE),
        ("homeSize", "home_size", None, NO_NUMBERS),
        ("joinedAt", "joined_at", None, NO_NUMBERS + NO_TIMES),
        ("joinedAt", "joined_at", MOMENT, TIMES + ZONED + IN_WORDS),
        ("uuid", "uuid", "17", [17]),
        ("country", "country", "44", [44]),
    ],
    ids=short_id,
)
async def test_forms_of_a_value(
    bench: Bench, field: str, attribute: str, value: Any, forms: list[Any]
) -> None:
    """Flags, numbers, and text are interchangeable; a time is in UTC, or None."""
    for form in forms:
        found = getattr(await read(bench, {field: form}), attribute)
        assert (found, type(found)) == (value, type(value)), form
        assert not isinstance(found, datetime) or found.tzinfo is UTC


@json_and_xml
async def test_managed_user(bench: Bench, headers: Headers) -> None:
    """A managed Home user has no email address, username, or password."""
    names: Any = {"username": "", "email": "", "title": "Kid", "friendly_name": "Kid"}
    flags: Any = {"password": None, "restricted": True, "home": True, "pin": "1234"}
    child = bench.simulator.add_account(**names, **flags)
    child.extra = {"restrictionProfile": "little_kid", "subscriptions": ABSENT}
    client = bench.plex_tv(token=bench.simulator.sign_in(child, CLIENT_IDENTIFIER))
    details = await client.get_token_details(headers=headers)
    assert not (details.username or details.email)
    assert (details.title, details.friendly_name) == ("Kid", "Kid")
    assert (details.restricted, details.home, details.protected) == (True,) * 3
    assert (details.has_password, details.guest) == (False, False)
    assert details.public_name == "Kid"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (r"a\u0000d\ud800a\n\u202e", "ada"),
        ("a\x01d\x7fa\u200b\u00ad", "ada"),
        ("Mac\u00a0mini\u2003\u2028x", "Mac mini  x"),
        ("\u2009 Ada\u00a0", "Ada"),
        ("👩‍🔬 👨‍👩‍👧 🏳️‍🌈 👩🏽‍🚀 🙂‍↔️", "👩‍🔬 👨‍👩‍👧 🏳️‍🌈 👩🏽‍🚀 🙂‍↔️"),
        ("\u200da\u200db\u200d", "ab"),
        ("👩\u200d", "👩"),
        ("x" * 300_000, "x" * 100),
        ("\u200b" * 300_000, ""),
    ],
    ids=lambda text: ascii(text[:20]),
)
@pytest.mark.parametrize("decoder", [None, strict_loads])
async def test_text_can_be_shown(
    bench: Bench, written: str, shown: str, decoder: Any
) -> None:
    """Unprintable characters and overlong text never reach a screen or a database."""
    body = f'{{"id": 1, "uuid": "a", "username": "{written}"}}'
    assert (await read(bench, body, json_loads=decoder)).username == shown


@pytest.mark.parametrize(
    ("changed", "renews", "ends"),
    [
        ({"endsAt": EPOCH, "canceled": True}, None, MOMENT),
        ({"state": "ended", "endsAt": EPOCH}, None, None),
        ({"type": "other"}, None, None),
        ({"renewsAt": None, "endsAt": None}, None, None),
    ],
    ids=repr,
)
async def test_when_a_plex_pass_renews_and_ends(
    bench: Bench, changed: dict[str, Any], renews: Any, ends: Any
) -> None:
    """An active Plex Pass has a renewal or end date; a lifetime one has neither."""
    active = BILLED | {"renewsAt": EPOCH, "endsAt": None, "canceled": False} | changed
    body = {"subscriptions": [BILLED | {"state": "ended"}, active]}
    details = await read(bench, body)
    assert (details.subscription_renews, details.subscription_ends) == (renews, ends)
