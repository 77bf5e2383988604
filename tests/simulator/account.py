"""A plex.tv account and the body that shows it."""

from dataclasses import dataclass, field
from enum import Enum, auto
from hashlib import sha256
from itertools import count
from typing import Final
from uuid import uuid4

from .answers import Json
from .subscriptions import Plan, entry, epoch_as_iso, no_subscription, summary


class _Sentinel(Enum):
    ABSENT = auto()


ABSENT: Final = _Sentinel.ABSENT
"""In `extra`: the key is missing from the body."""

type Extra = dict[str, Json | _Sentinel]

_ids = count(10_000_001)


def _plain_profile() -> dict[str, Json]:
    return {
        "autoSelectAudio": True,
        "autoSelectSubtitle": 0,
        "defaultAudioAccessibility": 0,
        "defaultAudioLanguage": "en",
        "defaultAudioLanguages": None,
        "defaultSubtitleAccessibility": 3,
        "defaultSubtitleForced": 2,
        "defaultSubtitleLanguage": None,
        "defaultSubtitleLanguages": None,
        "mediaPostsVisibility": True,
        "mediaReviewsLanguages": None,
        "mediaReviewsVisibility": 2,
        "watchedIndicator": 1,
    }


def _some_services() -> list[Json]:
    """Return services like those in real bodies, most of which lack most of the keys."""
    return [
        {
            "endpoint": "https://epg.provider.plex.tv",
            "identifier": "epg",
            "status": "online",
            "token": f"service-{uuid4()}",
        },
        {
            "endpoint": "https://metadata.provider.plex.tv",
            "identifier": "metadata",
            "secret": f"secret-{uuid4()}",
            "status": "online",
            "token": f"service-{uuid4()}",
        },
        {
            "endpoint": "https://community.plex.tv",
            "identifier": "community",
            "status": "offline",
        },
    ]


def _or[T](given: T | None, derived: T) -> T:
    return derived if given is None else given


@dataclass(eq=False, kw_only=True, slots=True)
class Account:
    """One user of plex.tv. Every change shows up in the next answer.

    A managed Home user has no password, no email address, and no username. `code` is
    the currently valid two-factor code; None means that two-factor authentication is
    off. `pin` is the plain Home PIN, of which the body only contains a hash. `title`,
    `protected`, `two_factor_enabled`, and `backup_codes_created` are derived from other
    fields as long as they are None. `email_only` refuses a sign-in with the username.
    """

    username: str = "ada"
    email: str = "ada@example.com"
    password: str | None = "correct horse"
    code: str | None = None
    backup_codes: set[str] = field(default_factory=set)
    tokens: dict[str, str] = field(default_factory=dict)
    email_only: bool = False
    extra: Extra = field(default_factory=dict)

    ads_consent: bool | None = None
    ads_consent_reminder_at: int | None = None
    ads_consent_set_at: int | None = None
    anonymous: bool | None = False
    attribution_partner: str | None = None
    backup_codes_created: bool | None = None
    confirmed: bool = True
    country: str = "GB"
    email_only_auth: bool = False
    entitlements: list[Json] = field(default_factory=list)
    experimental_features: bool = False
    friendly_name: str = ""
    guest: bool = False
    has_password: bool = True
    home: bool = False
    home_admin: bool = False
    home_size: int = 1
    id: int = field(default_factory=lambda: next(_ids))
    joined_at: int = 1_393_545_600
    locale: str | None = None
    mailing_list_active: bool = False
    mailing_list_status: str = "unsubscribed"
    max_home_size: int = 15
    past_subscriptions: list[Json] = field(default_factory=list)
    pin: str | None = None
    profile: dict[str, Json] = field(default_factory=_plain_profile)
    protected: bool | None = None
    remember_expires_at: int | None = None
    restricted: bool = False
    roles: list[Json] | None = None
    scrobble_types: str = ""
    search_enabled: bool = True
    services: list[Json] = field(default_factory=_some_services)
    subscription: dict[str, Json] | None = field(default_factory=no_subscription)
    subscription_description: str | None = None
    subscriptions: list[Json] = field(default_factory=list)
    thumb: str = "https://plex.tv/users/0123456789abcdef/avatar?c=1393545600"
    title: str | None = None
    trials: list[Json] = field(default_factory=list)
    two_factor_enabled: bool | None = None
    uuid: str = field(default_factory=lambda: uuid4().hex[:16])

    def __post_init__(self) -> None:
        """Make plex.tv report that there is no password if there is none."""
        if self.password is None:
            self.has_password = False

    def subscribe(
        self,
        plan: Plan = "lifetime",
        *,
        since: str = "2014-02-28T00:00:00Z",
        renews_at: int | None = None,
        ends_at: int | None = None,
        status: str = "Active",
    ) -> None:
        """Start a Plex Pass; one that ends and doesn't renew has been canceled."""
        self.subscription = summary(plan, since, status=status)
        canceled = ends_at is not None and renews_at is None
        self.subscriptions = [
            entry(plan, renews_at=renews_at, ends_at=ends_at, canceled=canceled)
        ]
        self.roles = ["plexpass"]

    def lapse(self, *, plan: Plan = "yearly", since: int, ended_at: int) -> None:
        """End a Plex Pass, which leaves its start date and its entry in the history."""
        self.subscription = summary(
            None,
            epoch_as_iso(since),
            active=False,
            status="Inactive",
            payment_service=None,
        )
        self.subscriptions, self.roles = [], None
        self.past_subscriptions = [entry(plan, state="ended", ends_at=ended_at)]

    @property
    def is_protected(self) -> bool:
        """Whether the account has a Home PIN."""
        return _or(self.protected, self.pin is not None)

    @property
    def display_title(self) -> str:
        """The title, which defaults to the username, or to the name of a managed user."""
        return _or(self.title, self.username or self.friendly_name)


_PLAIN_FIELDS = (
    "ads_consent",
    "ads_consent_reminder_at",
    "ads_consent_set_at",
    "anonymous",
    "attribution_partner",
    "confirmed",
    "country",
    "email",
    "email_only_auth",
    "entitlements",
    "experimental_features",
    "friendly_name",
    "guest",
    "has_password",
    "home",
    "home_admin",
    "home_size",
    "id",
    "joined_at",
    "locale",
    "mailing_list_active",
    "mailing_list_status",
    "max_home_size",
    "profile",
    "remember_expires_at",
    "restricted",
    "scrobble_types",
    "search_enabled",
    "services",
    "subscription",
    "subscription_description",
    "thumb",
    "username",
    "uuid",
)


def camel_case(name: str) -> str:
    """Convert a field name to the spelling of plex.tv."""
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


def merge_extra(body: dict[str, Json], extra: Extra) -> dict[str, Json]:
    """Merge `extra` into a body; a value of ABSENT removes the key."""
    merged = body | {
        name: value for name, value in extra.items() if value is not ABSENT
    }
    return {
        name: value for name, value in merged.items() if extra.get(name) is not ABSENT
    }


def account_body(
    account: Account, token: str, *, subscriptions: bool = False, history: bool = False
) -> dict[str, Json]:
    """Build the account as returned by GET /user and POST /users/signin.

    `subscriptions` is only included on request; `history` adds past subscriptions and
    trials. The answer to a sign-in always includes all of them.
    """
    body: dict[str, Json] = {
        camel_case(name): getattr(account, name) for name in _PLAIN_FIELDS
    }
    body |= {
        "authToken": token,
        "backupCodesCreated": _or(
            account.backup_codes_created, bool(account.backup_codes)
        ),
        "protected": account.is_protected,
        "title": account.display_title,
        "twoFactorEnabled": _or(account.two_factor_enabled, account.code is not None),
    }
    if account.pin is not None:
        body["pin"] = sha256((account.pin + token).encode()).hexdigest()
    if account.roles is not None:
        body["roles"] = account.roles
    if subscriptions:
        body["subscriptions"] = account.subscriptions
    if history:
        body |= {
            "pastSubscriptions": account.past_subscriptions,
            "trials": account.trials,
        }
    return merge_extra(body, account.extra)
