"""What plex.tv says of an account: GET /user."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from custom_components.plex_account.api import (
    PastSubscription,
    PlexAccount,
    PlexAuthenticationError,
    PlexResponseError,
    PlexTvClient,
    Profile,
    Service,
    Subscription,
)
from tests.simulator import ABSENT, Account, Simulator

from .common import (
    AS_XML,
    CLIENT_IDENTIFIER,
    IDENTITY_HEADERS,
    Network,
    error_body,
    plex_tv,
    sent_with,
    strict_loads,
)

MOMENT = datetime(2014, 2, 28, tzinfo=UTC)
EPOCH = 1_393_545_600
SUBSCRIPTION: dict[str, Any] = {
    "active": True,
    "features": ["hardware_transcoding", "Android - PiP"],
    "paymentService": "stripe",
    "plan": "lifetime",
    "status": "Active",
    "subscribedAt": "2014-02-28T00:00:00Z",
}
BILLED: dict[str, Any] = {
    "id": "billed-1",
    "mode": "yearly",
    "renewsAt": EPOCH + 4,
    "endsAt": EPOCH + 5,
    "canceled": False,
    "gracePeriod": True,
    "onHold": False,
    "canReactivate": True,
    "canUpgrade": True,
    "canDowngrade": False,
    "canConvert": True,
    "type": "plexpass",
    "transfer": "gift",
    "state": "active",
    "billing": {"internalPaymentMethod": {"kind": "card"}, "paymentMethodId": 42},
}
SERVICES: list[Any] = [
    {
        "identifier": "epg",
        "endpoint": "https://epg.provider.plex.tv",
        "token": "service-token",
        "secret": "service-secret",
        "status": "online",
    },
    {
        "identifier": "community",
        "endpoint": "https://community.plex.tv",
        "status": "offline",
    },
]
PROFILE: dict[str, Any] = {
    "autoSelectAudio": True,
    "autoSelectSubtitle": 1,
    "defaultAudioAccessibility": 2,
    "defaultAudioLanguage": "en",
    "defaultAudioLanguages": ["en", "fr"],
    "defaultSubtitleAccessibility": 3,
    "defaultSubtitleForced": 1,
    "defaultSubtitleLanguage": "de",
    "defaultSubtitleLanguages": ["de"],
    "mediaPostsVisibility": True,
    "mediaReviewsLanguages": ["en"],
    "mediaReviewsVisibility": 2,
    "watchedIndicator": 3,
}
EVERY_FIELD: dict[str, Any] = {
    "adsConsent": True,
    "adsConsentReminderAt": EPOCH,
    "adsConsentSetAt": EPOCH + 1,
    "anonymous": True,
    "attributionPartner": "partner",
    "authToken": "account-token",
    "backupCodesCreated": True,
    "confirmed": True,
    "country": "GB",
    "email": "ada@example.com",
    "emailOnlyAuth": True,
    "entitlements": ["ios", "roku"],
    "experimentalFeatures": True,
    "friendlyName": "Ada",
    "guest": True,
    "hasPassword": False,
    "home": True,
    "homeAdmin": True,
    "homeSize": 3,
    "id": 10_000_000_001,
    "joinedAt": EPOCH + 2,
    "locale": "en-GB",
    "mailingListActive": True,
    "mailingListStatus": "removed",
    "maxHomeSize": 15,
    "pin": "hashed-pin",
    "profile": PROFILE,
    "protected": True,
    "rememberExpiresAt": EPOCH + 3,
    "restricted": True,
    "roles": ["plexpass", "admin"],
    "scrobbleTypes": "1,2",
    "searchEnabled": True,
    "services": SERVICES,
    "subscription": SUBSCRIPTION,
    "subscriptionDescription": "Lifetime Plex Pass",
    "subscriptions": [BILLED, BILLED | {"state": "ended"}],
    "thumb": "https://plex.tv/users/1/avatar",
    "title": "Ada L.",
    "twoFactorEnabled": True,
    "username": "ada",
    "uuid": "0123456789abcdef",
}
"""As in the schema UserPlexAccount, each with a value that isn't the default."""

NULLABLE = (
    "adsConsent",
    "adsConsentReminderAt",
    "adsConsentSetAt",
    "anonymous",
    "attributionPartner",
    "locale",
    "pin",
    "rememberExpiresAt",
    "subscriptionDescription",
)
NULLABLE_IN_PROFILE = (
    "defaultAudioLanguage",
    "defaultAudioLanguages",
    "defaultSubtitleLanguage",
    "defaultSubtitleLanguages",
    "mediaReviewsLanguages",
)
NULLABLE_IN_SUBSCRIPTION = ("paymentService", "plan", "subscribedAt")

EXPECTED_SUBSCRIPTION = Subscription(
    active=True,
    status="Active",
    plan="lifetime",
    subscribed_at=MOMENT,
    payment_service="stripe",
    features=("hardware_transcoding", "Android - PiP"),
)
EXPECTED_BILLED = PastSubscription(
    id="billed-1",
    mode="yearly",
    renews_at=MOMENT.replace(second=4),
    ends_at=MOMENT.replace(second=5),
    canceled=False,
    grace_period=True,
    on_hold=False,
    can_reactivate=True,
    can_upgrade=True,
    can_downgrade=False,
    can_convert=True,
    type="plexpass",
    transfer="gift",
    state="active",
    payment_method_id=42,
    internal_payment_method={"kind": "card"},
)
EXPECTED = PlexAccount(
    id=10_000_000_001,
    uuid="0123456789abcdef",
    username="ada",
    title="Ada L.",
    friendly_name="Ada",
    email="ada@example.com",
    auth_token="account-token",
    pin="hashed-pin",
    ads_consent=True,
    ads_consent_reminder_at=MOMENT,
    ads_consent_set_at=MOMENT.replace(second=1),
    anonymous=True,
    attribution_partner="partner",
    backup_codes_created=True,
    confirmed=True,
    country="GB",
    email_only_auth=True,
    entitlements=("ios", "roku"),
    experimental_features=True,
    guest=True,
    has_password=False,
    home=True,
    home_admin=True,
    home_size=3,
    joined_at=MOMENT.replace(second=2),
    locale="en-GB",
    mailing_list_active=True,
    mailing_list_status="removed",
    max_home_size=15,
    profile=Profile(
        auto_select_audio=True,
        default_audio_language="en",
        default_audio_languages=("en", "fr"),
        default_audio_accessibility=2,
        default_subtitle_language="de",
        default_subtitle_languages=("de",),
        auto_select_subtitle=1,
        default_subtitle_accessibility=3,
        default_subtitle_forced=1,
        watched_indicator=3,
        media_reviews_visibility=2,
        media_reviews_languages=("en",),
        media_posts_visibility=True,
    ),
    protected=True,
    remember_expires_at=MOMENT.replace(second=3),
    restricted=True,
    roles=("plexpass", "admin"),
    scrobble_types="1,2",
    search_enabled=True,
    services=(
        Service(
            identifier="epg",
            endpoint="https://epg.provider.plex.tv",
            status="online",
            token=None,
            secret=None,
        ),
        Service(
            identifier="community",
            endpoint="https://community.plex.tv",
            status="offline",
            token=None,
            secret=None,
        ),
    ),
    subscription=EXPECTED_SUBSCRIPTION,
    subscription_description="Lifetime Plex Pass",
    subscriptions=(
        EXPECTED_BILLED,
        replace(EXPECTED_BILLED, state="ended"),
    ),
    past_subscriptions=(),
    trials=(),
    thumb="https://plex.tv/users/1/avatar",
    two_factor_enabled=True,
)
FLAGS = (
    "ads_consent",
    "anonymous",
    "backup_codes_created",
    "confirmed",
    "email_only_auth",
    "experimental_features",
    "guest",
    "home",
    "home_admin",
    "mailing_list_active",
    "protected",
    "restricted",
    "search_enabled",
    "two_factor_enabled",
)
LISTS = ("entitlements", "roles", "services", "subscriptions")
OPTIONAL = (
    "ads_consent_reminder_at",
    "ads_consent_set_at",
    "attribution_partner",
    "auth_token",
    "country",
    "email",
    "friendly_name",
    "home_size",
    "joined_at",
    "locale",
    "mailing_list_status",
    "max_home_size",
    "pin",
    "profile",
    "remember_expires_at",
    "scrobble_types",
    "subscription",
    "subscription_description",
    "thumb",
    "title",
    "username",
)
NOTHING: dict[str, Any] = {
    **dict.fromkeys(FLAGS, False),
    **dict.fromkeys(LISTS, ()),
    **dict.fromkeys(OPTIONAL),
}
EMPTY = replace(EXPECTED, id=7, uuid="seven", has_password=True, **NOTHING)
"""An account of which nothing is known but who it is."""


def secrets_of(account: PlexAccount) -> tuple[str | None, ...]:
    """Return what does not count when accounts are compared."""
    return (
        account.email,
        account.auth_token,
        account.pin,
        *(service.token for service in account.services),
        *(service.secret for service in account.services),
    )


async def test_asks_with_the_token(
    client: PlexTvClient, simulator: Simulator, token: str
) -> None:
    """The token travels in a header, and subscriptions are asked for."""
    await client.get_token_details()

    [request] = simulator.requests
    assert (request.method, request.path) == ("GET", "/user")
    assert request.query == {"includeSubscriptions": "1"}
    assert request.headers["X-Plex-Token"] == token
    assert request.headers["Accept"] == "application/json"
    assert sent_with(request.headers, IDENTITY_HEADERS) == IDENTITY_HEADERS


async def test_every_field(
    client: PlexTvClient, simulator: Simulator, account: Account
) -> None:
    """Every field of the schema arrives."""
    simulator.fault(path="/user", body=EVERY_FIELD, times=1)

    details = await client.get_token_details()

    assert details == EXPECTED
    assert secrets_of(details) == (
        "ada@example.com",
        "account-token",
        "hashed-pin",
        "service-token",
        None,
        "service-secret",
        None,
    )
    assert (await client.get_token_details()).uuid == account.uuid


async def test_xml_says_the_same(client: PlexTvClient, account: Account) -> None:
    """An account in XML equals the same account in JSON."""
    languages = {
        "defaultAudioLanguages": None,
        "defaultSubtitleLanguages": None,
        "mediaReviewsLanguages": None,
    }
    account.extra = EVERY_FIELD | {"profile": PROFILE | languages}

    in_json = await client.get_token_details()
    in_xml = await client.get_token_details(headers=AS_XML)

    assert in_xml == in_json
    assert secrets_of(in_xml) == secrets_of(in_json)
    assert in_xml.subscription == EXPECTED_SUBSCRIPTION


async def test_xml_says_the_same_of_languages(
    client: PlexTvClient, account: Account
) -> None:
    """The languages of a profile are lists in XML as well."""
    account.profile = PROFILE

    in_xml = await client.get_token_details(headers=AS_XML)

    assert in_xml.profile == EXPECTED.profile


async def test_xml_says_the_same_of_nothing(
    client: PlexTvClient, account: Account
) -> None:
    """XML writes null as an empty attribute; where null is allowed, it is read as that."""
    account.extra = EVERY_FIELD | dict.fromkeys(NULLABLE)
    account.extra |= {
        "profile": PROFILE | dict.fromkeys(NULLABLE_IN_PROFILE),
        "subscription": SUBSCRIPTION | dict.fromkeys(NULLABLE_IN_SUBSCRIPTION),
        "services": [SERVICES[0] | {"token": None, "secret": None}],
    }

    in_json = await client.get_token_details()
    in_xml = await client.get_token_details(headers=AS_XML)

    assert in_xml == in_json
    assert secrets_of(in_xml) == secrets_of(in_json)
    assert in_xml.locale is None


async def test_xml_of_an_ordinary_account(
    client: PlexTvClient, account: Account
) -> None:
    """A free account of the simulator is the same in both."""
    in_json = await client.get_token_details()
    in_xml = await client.get_token_details(headers=AS_XML)

    assert in_xml == in_json
    assert secrets_of(in_xml)[:2] == secrets_of(in_json)[:2]


async def test_only_who_it_is_is_required(
    client: PlexTvClient, simulator: Simulator
) -> None:
    """Everything else may be absent."""
    simulator.fault(path="/user", body={"id": 7, "uuid": "seven"})

    assert await client.get_token_details() == EMPTY


@pytest.mark.parametrize(
    "value", [None, {}, [], [None], [[]], {"a": {"b": 1}}], ids=repr
)
async def test_fields_without_a_usable_value(
    client: PlexTvClient, simulator: Simulator, value: Any
) -> None:
    """A field that is null, or of a type that nobody expects, is as good as absent."""
    body = dict.fromkeys(EVERY_FIELD, value) | {"id": 7, "uuid": "seven"}
    nested = dict.fromkeys(("profile", "subscription", "services", "subscriptions"))
    simulator.fault(path="/user", body=body | nested)

    details = await client.get_token_details()

    assert replace(details, has_password=True) == EMPTY
    assert secrets_of(details) == (None, None, None)


@pytest.mark.parametrize("value", [None, {}, [], [None], {"a": {}}], ids=repr)
async def test_nested_fields_without_a_usable_value(
    client: PlexTvClient, simulator: Simulator, value: Any
) -> None:
    """The same holds inside profile, subscription and services."""
    body = {
        "profile": dict.fromkeys(PROFILE, value),
        "subscription": dict.fromkeys(SUBSCRIPTION, value),
        "services": [dict.fromkeys(SERVICES[0], value)],
    }
    simulator.fault(path="/user", body=body | {"id": 7, "uuid": "seven"})

    details = await client.get_token_details()

    nothing: dict[str, Any] = {
        **dict.fromkeys(PROFILE_NUMBERS | PROFILE_TEXTS),
        **dict.fromkeys(PROFILE_LISTS, ()),
    }
    assert details.profile == Profile(auto_select_audio=False, **nothing)
    assert details.subscription == Subscription(
        active=False,
        status=None,
        plan=None,
        subscribed_at=None,
        payment_service=None,
        features=(),
    )
    assert details.services == (
        Service(identifier=None, endpoint=None, status=None, token=None, secret=None),
    )


PROFILE_NUMBERS = {
    "default_audio_accessibility",
    "auto_select_subtitle",
    "default_subtitle_accessibility",
    "default_subtitle_forced",
    "watched_indicator",
    "media_reviews_visibility",
}
PROFILE_TEXTS = {"default_audio_language", "default_subtitle_language"}
PROFILE_LISTS = {
    "default_audio_languages",
    "default_subtitle_languages",
    "media_reviews_languages",
}


@pytest.mark.parametrize("value", [True, 1, 1.0, "1", "true", "True"], ids=repr)
async def test_ways_to_say_yes(
    client: PlexTvClient, simulator: Simulator, value: Any
) -> None:
    """A flag may be a boolean, a number or text."""
    body = {"id": 1, "uuid": "a", "guest": value, "hasPassword": value}
    simulator.fault(path="/user", body=body)

    details = await client.get_token_details()

    assert details.guest is True
    assert details.has_password is True


@pytest.mark.parametrize("value", [False, 0, 0.0, "0", "false", "no", 2], ids=repr)
async def test_ways_to_say_no(
    client: PlexTvClient, simulator: Simulator, value: Any
) -> None:
    """Anything that isn't yes is no."""
    body = {"id": 1, "uuid": "a", "guest": value, "hasPassword": value}
    simulator.fault(path="/user", body=body)

    details = await client.get_token_details()

    assert details.guest is False
    assert details.has_password is False


@pytest.mark.parametrize("value", [12, "12", 12.0, " 12 "], ids=repr)
async def test_ways_to_write_a_number(
    client: PlexTvClient, simulator: Simulator, value: Any
) -> None:
    """A number may be text."""
    body = {"id": value, "uuid": 17, "homeSize": value, "country": 44}
    simulator.fault(path="/user", body=body)

    details = await client.get_token_details()

    assert (details.id, details.home_size) == (12, 12)
    assert (details.uuid, details.country) == ("17", "44")


@pytest.mark.parametrize(
    "written",
    ['""', '"twelve"', "true", f'"{"9" * 5000}"', "1e999", "NaN", "-Infinity"],
    ids=lambda written: written[:9],
)
async def test_what_is_no_number(
    client: PlexTvClient, simulator: Simulator, written: str
) -> None:
    """Text without a number, a truth value and infinity are no number."""
    simulator.fault(
        path="/user",
        body=f'{{"id": 1, "uuid": "a", "homeSize": {written}, "joinedAt": {written}}}',
    )

    details = await client.get_token_details()

    assert details.home_size is None
    assert details.joined_at is None


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
async def test_ways_to_write_a_moment(
    client: PlexTvClient, simulator: Simulator, value: Any
) -> None:
    """Epoch or ISO, with a zone or without: a moment is in UTC."""
    simulator.fault(path="/user", body={"id": 1, "uuid": "a", "joinedAt": value})

    joined_at = (await client.get_token_details()).joined_at

    assert joined_at == MOMENT
    assert joined_at.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [10**18, -(10**18), "9" * 30, "yesterday", "0001-01-01T00:00:00+23:59", "²", True],
    ids=repr,
)
async def test_what_is_no_moment(
    client: PlexTvClient, simulator: Simulator, value: Any
) -> None:
    """A moment that no calendar has is none."""
    simulator.fault(path="/user", body={"id": 1, "uuid": "a", "joinedAt": value})

    assert (await client.get_token_details()).joined_at is None


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
    client: PlexTvClient, account: Account, status: str | None, key: str | None
) -> None:
    """A status survives as it is, known or not, and has a key."""
    account.subscription = SUBSCRIPTION | {"status": status}

    subscription = (await client.get_token_details()).subscription

    assert subscription is not None
    assert (subscription.status, subscription.status_key) == (status, key)


async def test_unknown_values_survive(client: PlexTvClient, account: Account) -> None:
    """Sets of names are open, numbers have no upper bound, extra fields do no harm."""
    account.extra = {
        "mailingListStatus": "paused",
        "roles": ["plexpass", "sorcerer"],
        "entitlements": ["fridge", ""],
        "profile": PROFILE | {"watchedIndicator": 9, "colour": "red"},
        "services": [{"identifier": "new", "status": "asleep", "shape": {"round": 1}}],
        "restrictionProfile": "little_kid",
        "customRestrictions": {"all": "", "movies": "label=A"},
        "providers": [],
        "settings": [{"id": "x"}],
    }

    details = await client.get_token_details()

    assert details.mailing_list_status == "paused"
    assert details.roles == ("plexpass", "sorcerer")
    assert details.entitlements == ("fridge",)
    assert details.profile is not None
    assert details.profile.watched_indicator == 9
    assert [service.status for service in details.services] == ["asleep"]


async def test_lists_with_holes(client: PlexTvClient, account: Account) -> None:
    """What does not belong into a list is left out of it."""
    account.extra = {
        "roles": ["plexpass", None, "", {"id": "admin"}, {"name": "x"}, 5, []],
        "services": [None, "x", {"identifier": "epg"}, []],
        "subscriptions": BILLED,
    }

    details = await client.get_token_details()

    assert details.roles == ("plexpass", "admin", "5")
    assert [service.identifier for service in details.services] == ["epg"]
    assert details.subscriptions == (EXPECTED_BILLED,)


@pytest.mark.parametrize(
    "missing",
    ["subscription", "subscriptions", "roles", "services", "profile", "entitlements"],
)
async def test_parts_that_free_accounts_lack(
    client: PlexTvClient, account: Account, missing: str
) -> None:
    """Parts are absent at times."""
    account.extra = EVERY_FIELD | {missing: ABSENT}

    details = await client.get_token_details()

    assert getattr(details, missing) == getattr(EMPTY, missing)
    assert replace(details, **{missing: getattr(EXPECTED, missing)}) == EXPECTED


@pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
async def test_managed_user(
    network: Network, simulator: Simulator, headers: dict[str, str]
) -> None:
    """A managed Home user has neither e-mail address nor username nor password."""
    child = simulator.add_account(
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
    client = plex_tv(
        network, simulator, token=simulator.sign_in(child, CLIENT_IDENTIFIER)
    )

    details = await client.get_token_details(headers=headers)

    assert not details.username
    assert not details.email
    assert (details.title, details.friendly_name) == ("Kid", "Kid")
    assert details.restricted
    assert details.home
    assert details.protected
    assert not details.has_password
    assert not details.guest
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
    client: PlexTvClient,
    simulator: Simulator,
    friendly_name: str | None,
    username: str | None,
    title: str | None,
    name: str | None,
) -> None:
    """The public name is never an e-mail address."""
    names = {"friendlyName": friendly_name, "username": username, "title": title}
    simulator.fault(path="/user", body={"id": 1, "uuid": "a"} | names)

    assert (await client.get_token_details()).public_name == name


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
    network: Network,
    simulator: Simulator,
    token: str,
    written: str,
    shown: str,
    decoder: Any,
) -> None:
    """What can't be printed, and what has no end, reaches no screen and no database."""
    client = plex_tv(network, simulator, token=token, json_loads=decoder)
    simulator.fault(
        path="/user", body=f'{{"id": 1, "uuid": "a", "username": "{written}"}}'
    )

    assert (await client.get_token_details()).username == shown


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
    client: PlexTvClient,
    account: Account,
    changed: dict[str, Any],
    renews: datetime | None,
    ends: datetime | None,
) -> None:
    """The active Plex Pass says when it renews, or ends; one for a lifetime does neither."""
    ended = BILLED | {"state": "ended"}
    account.extra["subscriptions"] = [
        ended,
        BILLED | {"renewsAt": EPOCH, "endsAt": None} | changed,
    ]

    details = await client.get_token_details()

    assert (details.subscription_renews, details.subscription_ends) == (renews, ends)


@pytest.mark.parametrize("languages", ["en,sv", "en, sv", ["en", "sv"]])
async def test_languages_as_text(
    client: PlexTvClient, account: Account, languages: Any
) -> None:
    """A list of languages may be text with commas."""
    account.extra["profile"] = {"defaultAudioLanguages": languages, "x": 1}

    details = await client.get_token_details()

    assert details.profile is not None
    assert details.profile.default_audio_languages == ("en", "sv")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": 1},
        {"uuid": "a"},
        {"id": None, "uuid": "a"},
        {"id": "one", "uuid": "a"},
        {"id": True, "uuid": "a"},
        {"id": 1, "uuid": ""},
        {"id": 1, "uuid": {}},
        [],
        [1],
        7,
        "[]",
        "null",
        '"user"',
        "",
        "<user/>",
        "<html><body>Hello</body></html>",
    ],
    ids=repr,
)
async def test_what_is_no_account(
    client: PlexTvClient, simulator: Simulator, account: Account, body: Any
) -> None:
    """An answer that doesn't say who it is about is no account."""
    simulator.fault(path="/user", status=200, body=body, times=1)

    with pytest.raises(PlexResponseError):
        await client.get_token_details()

    assert (await client.get_token_details()).uuid == account.uuid


@pytest.mark.parametrize("headers", [{}, AS_XML], ids=["json", "xml"])
async def test_refused_token(
    client: PlexTvClient,
    simulator: Simulator,
    account: Account,
    token: str,
    headers: dict[str, str],
) -> None:
    """A token that ended is refused with 401 and code 1001."""
    simulator.revoke_token(token)

    with pytest.raises(PlexAuthenticationError) as refused:
        await client.get_token_details(headers=headers)

    assert (refused.value.status, refused.value.code) == (401, 1001)
    account.tokens[token] = CLIENT_IDENTIFIER
    assert (await client.get_token_details()).uuid == account.uuid


async def test_expired_token(
    client: PlexTvClient, simulator: Simulator, account: Account
) -> None:
    """A token that has run out is refused with 498."""
    simulator.fault(path="/user", status=498, times=1)

    with pytest.raises(PlexAuthenticationError):
        await client.get_token_details()

    assert (await client.get_token_details()).uuid == account.uuid


@pytest.mark.parametrize(
    "body",
    [
        error_body(None, "Invalid token"),
        "<errors><error message='Invalid token.'/></errors>",
        {"error": "Invalid token"},
        {"errors": ["Invalid token"]},
        "<error>Invalid token</error>",
        "<errors> <error>Invalid token</error> </errors>",
    ],
    ids=repr,
)
async def test_invalid_token_as_422(
    client: PlexTvClient, simulator: Simulator, body: Any
) -> None:
    """Some endpoints of plex.tv refuse a token with 422, in one of several forms."""
    simulator.fault(path="/user", status=422, body=body, times=1)

    with pytest.raises(PlexAuthenticationError) as refused:
        await client.get_token_details()

    assert refused.value.status == 422
    assert await client.get_token_details()


@pytest.mark.parametrize("status", [400, 403, 404, 422, 500, 503])
async def test_other_refusals_say_nothing_about_the_token(
    client: PlexTvClient, simulator: Simulator, status: int
) -> None:
    """Only 401 and an invalid token mean that the token is no good."""
    simulator.fault(path="/user", status=status, times=1)

    with pytest.raises(PlexResponseError) as refused:
        await client.get_token_details()

    assert refused.value.status == status
    assert await client.get_token_details()
