"""What plex.tv says of an account: GET /user, and the same at sign-in."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
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
    assert (request.method, request.path) == ("GET", "/user")
    assert request.query == {"includeSubscriptions": "1"}
    assert request.headers["X-Plex-Token"] == bench.token
    assert request.headers["Accept"] == "application/json"
    assert sent_with(request.headers, IDENTITY_HEADERS) == IDENTITY_HEADERS


@both_operations
async def test_every_field(
    bench: Bench, operation: Callable[..., Awaitable[PlexAccount]]
) -> None:
    """Every field of the schema arrives."""
    bench.fault(body=ACCOUNT, times=1)

    assert plain(await operation(bench)) == EXPECTED
    assert (await operation(bench)).uuid == bench.account.uuid


@both_operations
@pytest.mark.parametrize(
    "extra",
    [ACCOUNT, {}, sample("account-nulls")],
    ids=["every field", "free account", "nulls"],
)
async def test_xml_says_the_same(
    bench: Bench,
    operation: Callable[..., Awaitable[PlexAccount]],
    extra: dict[str, Any],
) -> None:
    """An account in XML equals the same account in JSON; XML writes null as empty text."""
    bench.account.extra = {"authToken": "always-the-same"} | extra

    in_json = await operation(bench)
    in_xml = await operation(bench, headers=AS_XML)

    assert plain(in_xml) == plain(in_json)


async def test_only_who_it_is_is_required(bench: Bench) -> None:
    """Everything else may be absent."""
    assert plain(await read(bench, {})) == EMPTY


@pytest.mark.parametrize(
    "value", [None, {}, [], [None], [[]], {"a": {"b": 1}}], ids=repr
)
async def test_fields_without_a_usable_value(bench: Bench, value: Any) -> None:
    """A field that is null, or of a type that nobody expects, is as good as absent."""
    nested = dict.fromkeys(("profile", "subscription", "services", "subscriptions"))
    nested |= dict.fromkeys(("pastSubscriptions", "trials"))

    details = await read(bench, dict.fromkeys(ACCOUNT, value) | nested | MINIMAL)

    assert plain(details) | {"has_password": True} == EMPTY


@pytest.mark.parametrize("value", [None, {}, [], [None], {"a": {}}], ids=repr)
async def test_nested_fields_without_a_usable_value(bench: Bench, value: Any) -> None:
    """The same holds inside profile, subscriptions, and services."""
    details = await read(
        bench,
        {
            "profile": dict.fromkeys(PROFILE, value),
            "subscription": dict.fromkeys(SUBSCRIPTION, value),
            "services": [dict.fromkeys(ACCOUNT["services"][0], value)],
            "pastSubscriptions": [dict.fromkeys(BILLED, value), {}],
        },
    )

    nothing = emptied(EXPECTED["past_subscriptions"][0])
    assert plain(details) == EMPTY | {
        "profile": emptied(EXPECTED["profile"]),
        "subscription": emptied(EXPECTED["subscription"]),
        "services": [emptied(EXPECTED["services"][0])],
        "past_subscriptions": [nothing, nothing],
    }


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        *((value, True) for value in (True, 1, 1.0, "1", "true", "True")),
        *((value, False) for value in (False, 0, 0.0, "0", "false", "no", 2)),
    ],
    ids=repr,
)
async def test_flags(bench: Bench, value: Any, flag: bool) -> None:
    """A flag may be a boolean, a number, or text; anything that isn't yes is no."""
    details = await read(bench, {"guest": value, "hasPassword": value})

    assert details.guest is flag
    assert details.has_password is flag


@pytest.mark.parametrize("value", [12, "12", 12.0, " 12 "], ids=repr)
async def test_numbers(bench: Bench, value: Any) -> None:
    """A number may be text, and text a number."""
    body = {"id": value, "uuid": 17, "homeSize": value, "country": 44}

    details = await read(bench, body)

    assert (details.id, details.home_size) == (12, 12)
    assert (details.uuid, details.country) == ("17", "44")


@pytest.mark.parametrize(
    "written",
    ['""', '"twelve"', "true", f'"{"9" * 5000}"', "1e999", "NaN", "-Infinity"],
    ids=lambda written: written[:9],
)
async def test_not_numbers(bench: Bench, written: str) -> None:
    """Text without a number, a truth value, and infinity are no number."""
    body = f'{{"id": 1, "uuid": "a", "homeSize": {written}, "joinedAt": {written}}}'

    details = await read(bench, body)

    assert (details.home_size, details.joined_at) == (None, None)


@pytest.mark.parametrize(
    "value",
    [
        EPOCH,
        str(EPOCH),
        float(EPOCH),
        "2014-02-28T00:00:00Z",
        "2014-02-28T00:00:00.000Z",
        "2014-02-28T02:00:00+02:00",
        "2014-02-28T00:00:00",
        "2014-02-28 00:00:00",
        "2014-02-28",
        "2014-02-28 00:00:00 UTC",
    ],
    ids=repr,
)
async def test_timestamps(bench: Bench, value: Any) -> None:
    """Epoch or ISO, with a zone or without: a timestamp is in UTC."""
    joined_at = (await read(bench, {"joinedAt": value})).joined_at

    assert joined_at == MOMENT
    assert joined_at.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [10**18, -(10**18), "9" * 30, "yesterday", "0001-01-01T00:00:00+23:59", "²", True],
    ids=repr,
)
async def test_not_timestamps(bench: Bench, value: Any) -> None:
    """A time that no calendar has is none."""
    assert (await read(bench, {"joinedAt": value})).joined_at is None


@pytest.mark.parametrize(
    ("status", "key"),
    [
        ("Active", "active"),
        ("Inactive", "inactive"),
        ("Canceled", "canceled"),
        ("PendingCancellation", "pending_cancellation"),
        ("Ended", "ended"),
        ("Lapsed", "lapsed"),
        ("pending_cancellation", "pending_cancellation"),
        ("Pending Cancellation", "pending_cancellation"),
        ("pending-cancellation", "pending_cancellation"),
        ("BrandNew", "brand_new"),
        (None, None),
    ],
)
async def test_subscription_status(
    bench: Bench, status: str | None, key: str | None
) -> None:
    """A status stays as it is, known or not, and has a key."""
    body = {"subscription": SUBSCRIPTION | {"status": status}}

    subscription = (await read(bench, body)).subscription

    assert subscription is not None
    assert (subscription.status, subscription.status_key) == (status, key)


async def test_unknown_values(bench: Bench) -> None:
    """Sets of names are open, numbers have no upper bound, extra fields do no harm."""
    details = await read(
        bench,
        {
            "mailingListStatus": "paused",
            "roles": ["plexpass", "sorcerer"],
            "entitlements": ["fridge", ""],
            "profile": PROFILE | {"watchedIndicator": 9, "color": "red"},
            "services": [{"identifier": "new", "status": "asleep", "shape": {"a": 1}}],
            "restrictionProfile": "little_kid",
            "customRestrictions": {"all": "", "movies": "label=A"},
            "providers": [],
            "settings": [{"id": "x"}],
        },
    )

    assert details.mailing_list_status == "paused"
    assert details.roles == ("plexpass", "sorcerer")
    assert details.entitlements == ("fridge",)
    assert details.profile is not None
    assert details.profile.watched_indicator == 9
    assert [service.status for service in details.services] == ["asleep"]


async def test_lists_with_holes(bench: Bench) -> None:
    """What does not belong in a list is left out of it."""
    details = await read(
        bench,
        {
            "roles": ["plexpass", None, "", {"id": "admin"}, {"name": "x"}, 5, []],
            "services": [None, "x", {"identifier": "epg"}, []],
            "subscriptions": BILLED,
        },
    )

    assert details.roles == ("plexpass", "admin", "5")
    assert [service.identifier for service in details.services] == ["epg"]
    assert plain(details)["subscriptions"] == EXPECTED["subscriptions"]


@pytest.mark.parametrize(
    "missing",
    ["subscription", "subscriptions", "roles", "services", "profile", "entitlements"],
)
async def test_parts_that_free_accounts_lack(bench: Bench, missing: str) -> None:
    """Parts are absent at times."""
    body = {name: value for name, value in ACCOUNT.items() if name != missing}

    details = await read(bench, body)

    assert plain(details) == EXPECTED | {missing: EMPTY[missing]}


@json_and_xml
async def test_managed_user(bench: Bench, headers: dict[str, str]) -> None:
    """A managed Home user has neither email address nor username nor password."""
    child = bench.simulator.add_account(
        username="",
        email="",
        title="Kid",
        friendly_name="Kid",
        password=None,
        restricted=True,
        home=True,
        pin="1234",
        extra={"restrictionProfile": "little_kid", "subscriptions": ABSENT},
    )
    client = bench.plex_tv(token=bench.simulator.sign_in(child, CLIENT_IDENTIFIER))

    details = await client.get_token_details(headers=headers)

    assert not details.username
    assert not details.email
    assert (details.title, details.friendly_name) == ("Kid", "Kid")
    assert (details.restricted, details.home, details.protected) == (True,) * 3
    assert (details.has_password, details.guest) == (False, False)
    assert details.public_name == "Kid"


@pytest.mark.parametrize(
    ("friendly_name", "username", "title", "name"),
    [
        ("Ada", "ada", "Ada L.", "Ada"),
        ("", "ada", "Ada L.", "ada"),
        (None, "ada@example.com", "Ada L.", "Ada L."),
        ("ada@example.com", "ada@example.com", "ada@example.com", None),
        ("  ", " ada ", None, "ada"),
        (None, None, None, None),
    ],
)
async def test_public_name(
    bench: Bench,
    friendly_name: str | None,
    username: str | None,
    title: str | None,
    name: str | None,
) -> None:
    """The public name is never an email address."""
    names = {"friendlyName": friendly_name, "username": username, "title": title}

    assert (await read(bench, names)).public_name == name


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
    bench: Bench,
    changed: dict[str, Any],
    renews: datetime | None,
    ends: datetime | None,
) -> None:
    """The active Plex Pass says when it renews, or ends; a lifetime one does neither."""
    active = BILLED | {"renewsAt": EPOCH, "endsAt": None, "canceled": False} | changed

    details = await read(
        bench, {"subscriptions": [BILLED | {"state": "ended"}, active]}
    )

    assert (details.subscription_renews, details.subscription_ends) == (renews, ends)


@pytest.mark.parametrize("languages", ["en,sv", "en, sv", ["en", "sv"]])
async def test_languages_as_text(bench: Bench, languages: Any) -> None:
    """A list of languages may be text with commas."""
    profile = {"defaultAudioLanguages": languages, "x": 1}

    details = await read(bench, {"profile": profile})

    assert details.profile is not None
    assert details.profile.default_audio_languages == ("en", "sv")


@json_and_xml
async def test_refused_token(bench: Bench, headers: dict[str, str]) -> None:
    """A token that was revoked is refused with 401 and code 1001."""
    client = bench.client
    bench.simulator.revoke_token(bench.token)

    await fails(
        PlexAuthenticationError,
        lambda: client.get_token_details(headers=headers),
        status=401,
        code=1001,
    )

    bench.account.tokens[bench.token] = CLIENT_IDENTIFIER
    assert (await client.get_token_details()).uuid == bench.account.uuid


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

    await fails_once(
        PlexAuthenticationError, bench.client.get_token_details, status=status
    )
