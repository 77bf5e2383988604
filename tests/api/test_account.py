"""What plex.tv says of an account: GET /user, and the same at sign-in."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from math import inf, nan
from operator import attrgetter
from typing import Any

import pytest

from custom_components.plex_account.api import PlexAccount, PlexAuthenticationError
from tests.samples import sample
from tests.simulator import ABSENT

from .common import (
    AS_XML,
    CLIENT_IDENTIFIER,
    CODE,
    IDENTITY_HEADERS,
    PASSWORD,
    Bench,
    error_body,
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
"""As in the schema UserPlexAccount, each field with a value that isn't the default."""
PROFILE, SUBSCRIPTION = ACCOUNT["profile"], ACCOUNT["subscription"]
[BILLED] = ACCOUNT["subscriptions"]
EXPECTED = sample("expected/account")
MINIMAL = {"id": 7, "uuid": "seven"}
NESTED = {"profile", "subscription", "services", "subscriptions"}
NESTED |= {"pastSubscriptions", "trials"}
PARTS = {
    "profile",
    "subscription",
    "services",
    "subscriptions",
    "roles",
    "entitlements",
}


def emptied(model: dict[str, Any]) -> dict[str, Any]:
    """Return a model of which nothing is known."""

    def default(value: Any) -> Any:
        match value:
            case bool():
                return not value
            case list() | dict():
                return type(value)()
            case _:
                return None

    return {name: default(value) for name, value in model.items()}


EMPTY = emptied(EXPECTED) | {"profile": None, "subscription": None} | MINIMAL


def ask(bench: Bench, **options: Any) -> Awaitable[PlexAccount]:
    """Return what GET /user says."""
    return bench.client.get_token_details(**options)


def sign_in(bench: Bench, **options: Any) -> Awaitable[PlexAccount]:
    """Return what a sign-in says."""
    return bench.stranger.post_users_sign_in_data("ada", PASSWORD, CODE, **options)


type Operation = Callable[..., Awaitable[PlexAccount]]
both_operations = pytest.mark.parametrize("operation", [ask, sign_in])


async def read(bench: Bench, body: Any, **options: Any) -> PlexAccount:
    """Return what is read of a body; one that isn't text has the required fields."""
    body = body if isinstance(body, str) else MINIMAL | body
    bench.fault(path="/user", body=body, times=1)
    return await bench.plex_tv(token="any", **options).get_token_details()


async def test_asks_with_the_token(bench: Bench) -> None:
    """The token travels in a header, and subscriptions are asked for."""
    await bench.client.get_token_details()

    [request] = bench.requests
    assert bench.asked == ["GET /user"]
    assert request.query == {"includeSubscriptions": "1"}
    assert request.headers["X-Plex-Token"] == bench.token
    assert request.headers["Accept"] == "application/json"
    assert sent_with(request.headers, IDENTITY_HEADERS) == IDENTITY_HEADERS


@both_operations
async def test_every_field(bench: Bench, operation: Operation) -> None:
    """Every field of the schema arrives."""
    bench.fault(body=ACCOUNT, times=1)
    assert plain(await operation(bench)) == EXPECTED
    assert (await operation(bench)).uuid == bench.account.uuid


@both_operations
@pytest.mark.parametrize("extra", [ACCOUNT, {}, sample("account-nulls")], ids=short_id)
async def test_xml_says_the_same(
    bench: Bench, operation: Operation, extra: dict[str, Any]
) -> None:
    """An account in XML equals the same account in JSON; XML writes null as empty text."""
    bench.account.extra = {"authToken": "always-the-same"} | extra
    in_xml = await operation(bench, headers=AS_XML)
    assert plain(in_xml) == plain(await operation(bench))


async def test_what_may_be_absent(bench: Bench) -> None:
    """Only who it is is required; free accounts lack some parts."""
    assert plain(await read(bench, {})) == EMPTY
    for name in PARTS:
        body = {key: value for key, value in ACCOUNT.items() if key != name}
        assert plain(await read(bench, body)) == EXPECTED | {name: EMPTY[name]}


@pytest.mark.parametrize(
    "value", [None, {}, [], [None], [[]], {"a": {"b": 1}}], ids=repr
)
async def test_fields_without_a_usable_value(bench: Bench, value: Any) -> None:
    """A field that is null, or of a type that nobody expects, is as good as absent."""
    body = dict.fromkeys(ACCOUNT, value) | dict.fromkeys(NESTED) | MINIMAL
    assert plain(await read(bench, body)) | {"has_password": True} == EMPTY

    inside = {
        "profile": dict.fromkeys(PROFILE, value),
        "subscription": dict.fromkeys(SUBSCRIPTION, value),
        "services": [dict.fromkeys(ACCOUNT["services"][0], value)],
        "pastSubscriptions": [dict.fromkeys(BILLED, value), {}],
    }
    nothing = emptied(EXPECTED["past_subscriptions"][0])
    assert plain(await read(bench, inside)) == EMPTY | {
        "profile": emptied(EXPECTED["profile"]),
        "subscription": emptied(EXPECTED["subscription"]),
        "services": [emptied(EXPECTED["services"][0])],
        "past_subscriptions": [nothing, nothing],
    }


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
    """Flags, numbers and texts may stand for each other; a time is in UTC, or none."""
    for form in forms:
        found = getattr(await read(bench, {field: form}), attribute)
        assert (found, type(found)) == (value, type(value)), form
        assert not isinstance(found, datetime) or found.tzinfo is UTC


@pytest.mark.parametrize(
    ("status", "key"),
    [
        ("Active", "active"),
        ("PendingCancellation", "pending_cancellation"),
        ("pending_cancellation", "pending_cancellation"),
        ("Pending Cancellation", "pending_cancellation"),
        ("pending-cancellation", "pending_cancellation"),
        ("BrandNew", "brand_new"),
        (None, None),
    ],
)
async def test_subscription_status(bench: Bench, status: Any, key: Any) -> None:
    """A status stays as it is, known or not, and has a key."""
    details = await read(bench, {"subscription": SUBSCRIPTION | {"status": status}})
    assert attrgetter("status", "status_key")(details.subscription) == (status, key)


async def test_unknown_values(bench: Bench) -> None:
    """Sets of names are open, numbers have no upper bound, extra fields do no harm."""
    body = {
        "mailingListStatus": "paused",
        "roles": ["plexpass", None, "", {"id": "admin"}, {"name": "x"}, 5, []],
        "entitlements": ["fridge", ""],
        "profile": PROFILE | {"watchedIndicator": 9, "color": "red"},
        "services": [None, "x", {"identifier": "new", "status": "asleep", "a": {}}, []],
        "subscriptions": BILLED,
        "restrictionProfile": "little_kid",
        "customRestrictions": {"all": "", "movies": "label=A"},
        "providers": [],
        "settings": [{"id": "x"}],
    }
    service = emptied(EXPECTED["services"][0])
    assert plain(await read(bench, body)) == EMPTY | {
        "mailing_list_status": "paused",
        "roles": ["plexpass", "admin", "5"],
        "entitlements": ["fridge"],
        "profile": EXPECTED["profile"] | {"watched_indicator": 9},
        "services": [service | {"identifier": "new", "status": "asleep"}],
        "subscriptions": EXPECTED["subscriptions"],
    }


@pytest.mark.parametrize("languages", ["en,sv", "en, sv", ["en", "sv"]])
async def test_languages_as_text(bench: Bench, languages: Any) -> None:
    """A list of languages may be text with commas."""
    body = {"profile": {"defaultAudioLanguages": languages, "x": 1}}
    assert (await read(bench, body)).profile.default_audio_languages == ("en", "sv")


@json_and_xml
async def test_managed_user(bench: Bench, headers: dict[str, str]) -> None:
    """A managed Home user has neither email address nor username nor password."""
    names = {"username": "", "email": "", "title": "Kid", "friendly_name": "Kid"}
    child = bench.simulator.add_account(
        **names, password=None, restricted=True, home=True, pin="1234"
    )
    child.extra = {"restrictionProfile": "little_kid", "subscriptions": ABSENT}
    client = bench.plex_tv(token=bench.simulator.sign_in(child, CLIENT_IDENTIFIER))

    details = await client.get_token_details(headers=headers)

    assert not details.username
    assert not details.email
    assert (details.title, details.friendly_name) == ("Kid", "Kid")
    assert (details.restricted, details.home, details.protected) == (True,) * 3
    assert (details.has_password, details.guest) == (False, False)
    assert details.public_name == "Kid"


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("Ada", "ada", "Ada L."), "Ada"),
        (("", "ada", "Ada L."), "ada"),
        ((None, "ada@example.com", "Ada L."), "Ada L."),
        (("ada@example.com",) * 3, None),
        (("  ", " ada ", None), "ada"),
        ((None, None, None), None),
    ],
)
async def test_public_name(bench: Bench, names: Any, shown: str | None) -> None:
    """The public name is never an email address."""
    body = dict(zip(("friendlyName", "username", "title"), names, strict=True))
    assert (await read(bench, body)).public_name == shown


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
    """What can't be printed, and what has no end, reaches no screen and no database."""
    body = f'{{"id": 1, "uuid": "a", "username": "{written}"}}'
    assert (await read(bench, body, json_loads=decoder)).username == shown


@pytest.mark.parametrize(
    ("changed", "renews", "ends"),
    [
        ({"endsAt": None}, MOMENT, None),
        ({"renewsAt": None, "endsAt": EPOCH, "canceled": True}, None, MOMENT),
        ({"endsAt": EPOCH, "canceled": True}, None, MOMENT),
        ({"mode": "lifetime"}, None, None),
        ({"mode": "lifetime", "renewsAt": None, "endsAt": None}, None, None),
        ({"state": "ended", "endsAt": EPOCH}, None, None),
        ({"type": "other"}, None, None),
        ({"renewsAt": None, "endsAt": None}, None, None),
    ],
    ids=repr,
)
async def test_when_a_plex_pass_renews_and_ends(
    bench: Bench, changed: dict[str, Any], renews: Any, ends: Any
) -> None:
    """The active Plex Pass says when it renews, or ends; a lifetime one does neither."""
    active = BILLED | {"renewsAt": EPOCH, "endsAt": None, "canceled": False} | changed
    body = {"subscriptions": [BILLED | {"state": "ended"}, active]}
    details = await read(bench, body)
    assert (details.subscription_renews, details.subscription_ends) == (renews, ends)


@json_and_xml
async def test_refused_token(bench: Bench, headers: dict[str, str]) -> None:
    """A token that was revoked is refused with 401 and code 1001."""
    call = partial(bench.client.get_token_details, headers=headers)
    bench.simulator.revoke_token(bench.token)
    await fails(PlexAuthenticationError, call, status=401, code=1001)

    bench.account.tokens[bench.token] = CLIENT_IDENTIFIER
    assert (await call()).uuid == bench.account.uuid


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (498, None),
        (422, error_body(None, "Invalid token")),
        (422, "<errors><error message='Invalid token.'/></errors>"),
        (422, {"error": "Invalid token"}),
        (422, {"errors": ["Invalid token"]}),
        (422, "<error>Invalid token</error>"),
        (422, "<errors> <error>Invalid token</error> </errors>"),
    ],
    ids=short_id,
)
async def test_other_ways_to_refuse_a_token(
    bench: Bench, status: int, body: Any
) -> None:
    """One that has expired is 498; some endpoints say 422, in one of several forms."""
    bench.fault(status=status, body=body, times=1)
    call = bench.client.get_token_details
    await fails_once(PlexAuthenticationError, call, status=status)
