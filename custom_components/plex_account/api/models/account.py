"""A plex.tv user, from POST /users/signin and GET /user."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..documents import unwrap
from ..fields import (
    flag,
    identifier,
    label,
    mapping,
    mappings,
    nullable,
    number,
    required,
    text,
    texts,
    timestamp,
    token,
)
from .privacy import private, secret
from .subscription import (
    PastSubscription,
    Subscription,
    parse_optional_subscription,
    parse_past_subscription,
)


@dataclass(frozen=True, slots=True)
class Service:
    """A service that the account may use; token and secret are often absent."""

    identifier: str | None
    endpoint: str | None
    status: str | None
    token: str | None = secret()
    secret: str | None = secret()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Preferences for audio, subtitles, watched indicators, and reviews."""

    auto_select_audio: bool
    default_audio_language: str | None
    default_audio_languages: tuple[str, ...]
    default_audio_accessibility: int | None
    default_subtitle_language: str | None
    default_subtitle_languages: tuple[str, ...]
    auto_select_subtitle: int | None
    default_subtitle_accessibility: int | None
    default_subtitle_forced: int | None
    watched_indicator: int | None
    media_reviews_visibility: int | None
    media_reviews_languages: tuple[str, ...]
    media_posts_visibility: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlexAccount:
    """A plex.tv user, from POST /users/signin or GET /user."""

    id: int
    uuid: str
    username: str | None = private()
    title: str | None = private()
    friendly_name: str | None = private()
    email: str | None = secret()
    auth_token: str | None = secret()
    pin: str | None = secret()
    ads_consent: bool
    ads_consent_reminder_at: datetime | None
    ads_consent_set_at: datetime | None
    anonymous: bool
    attribution_partner: str | None
    backup_codes_created: bool
    confirmed: bool
    country: str | None
    email_only_auth: bool
    entitlements: tuple[str, ...]
    experimental_features: bool
    guest: bool
    has_password: bool
    home: bool
    home_admin: bool
    home_size: int | None
    joined_at: datetime | None
    locale: str | None
    mailing_list_active: bool
    mailing_list_status: str | None
    max_home_size: int | None
    profile: Profile | None
    protected: bool
    remember_expires_at: datetime | None
    restricted: bool
    roles: tuple[str, ...]
    scrobble_types: str | None
    search_enabled: bool = False
    services: tuple[Service, ...]
    subscription: Subscription | None
    subscription_description: str | None
    subscriptions: tuple[PastSubscription, ...]
    past_subscriptions: tuple[PastSubscription, ...]
    trials: tuple[dict[str, Any], ...]
    thumb: str | None
    two_factor_enabled: bool

    @property
    def public_name(self) -> str | None:
        """Return the first of the names that isn't an email address, or None."""
        names = (self.friendly_name, self.username, self.title)
        shown = (name.strip() for name in names if name and "@" not in name)
        return next(filter(None, shown), None)

    @property
    def subscription_renews(self) -> datetime | None:
        """Return when the Plex Pass renews, or None if it doesn't or this is unknown."""
        plex_pass = self._running_plex_pass
        return plex_pass.renews_at if plex_pass and not plex_pass.canceled else None

    @property
    def subscription_ends(self) -> datetime | None:
        """Return when the Plex Pass ends, or None if it doesn't or this is unknown."""
        plex_pass = self._running_plex_pass
        return plex_pass.ends_at if plex_pass else None

    @property
    def _running_plex_pass(self) -> PastSubscription | None:
        """Return the active Plex Pass, or None if there is none or it is lifetime."""
        active = [one for one in self.subscriptions if one.is_active_plex_pass]
        if not active or any(one.is_lifetime for one in active):
            return None
        return active[0]


def parse_account(document: Any) -> PlexAccount:
    """Return the account from POST /users/signin or GET /user."""
    user = mapping(unwrap(document, "user"))
    return PlexAccount(
        id=required(number(user.get("id")), "id"),
        uuid=required(identifier(user.get("uuid")), "uuid"),
        username=label(user.get("username")),
        title=label(user.get("title")),
        friendly_name=label(user.get("friendlyName")),
        email=text(user.get("email")),
        auth_token=token(user.get("authToken")),
        pin=nullable(user.get("pin")),
        ads_consent=flag(user.get("adsConsent")),
        ads_consent_reminder_at=timestamp(user.get("adsConsentReminderAt")),
        ads_consent_set_at=timestamp(user.get("adsConsentSetAt")),
        anonymous=flag(user.get("anonymous")),
        attribution_partner=nullable(user.get("attributionPartner")),
        backup_codes_created=flag(user.get("backupCodesCreated")),
        confirmed=flag(user.get("confirmed")),
        country=label(user.get("country")),
        email_only_auth=flag(user.get("emailOnlyAuth")),
        entitlements=texts(user.get("entitlements")),
        experimental_features=flag(user.get("experimentalFeatures")),
        guest=flag(user.get("guest")),
        has_password=user.get("hasPassword") in (None, "") or flag(user["hasPassword"]),
        home=flag(user.get("home")),
        home_admin=flag(user.get("homeAdmin")),
        home_size=number(user.get("homeSize")),
        joined_at=timestamp(user.get("joinedAt")),
        locale=nullable(user.get("locale")),
        mailing_list_active=flag(user.get("mailingListActive")),
        mailing_list_status=text(user.get("mailingListStatus")),
        max_home_size=number(user.get("maxHomeSize")),
        profile=_parse_profile(user.get("profile")),
        protected=flag(user.get("protected")),
        remember_expires_at=timestamp(user.get("rememberExpiresAt")),
        restricted=flag(user.get("restricted")),
        roles=texts(user.get("roles")),
        scrobble_types=text(user.get("scrobbleTypes")),
        search_enabled=flag(user.get("searchEnabled")),
        services=_parse_services(user.get("services")),
        subscription=parse_optional_subscription(user.get("subscription")),
        subscription_description=nullable(user.get("subscriptionDescription")),
        subscriptions=tuple(
            map(parse_past_subscription, mappings(user.get("subscriptions")))
        ),
        past_subscriptions=tuple(
            map(parse_past_subscription, mappings(user.get("pastSubscriptions")))
        ),
        trials=mappings(user.get("trials")),
        thumb=text(user.get("thumb")),
        two_factor_enabled=flag(user.get("twoFactorEnabled")),
    )


def _parse_profile(value: Any) -> Profile | None:
    if not (profile := mapping(value)):
        return None
    return Profile(
        auto_select_audio=flag(profile.get("autoSelectAudio")),
        default_audio_language=nullable(profile.get("defaultAudioLanguage")),
        default_audio_languages=texts(profile.get("defaultAudioLanguages")),
        default_audio_accessibility=number(profile.get("defaultAudioAccessibility")),
        default_subtitle_language=nullable(profile.get("defaultSubtitleLanguage")),
        default_subtitle_languages=texts(profile.get("defaultSubtitleLanguages")),
        auto_select_subtitle=number(profile.get("autoSelectSubtitle")),
        default_subtitle_accessibility=number(
            profile.get("defaultSubtitleAccessibility")
        ),
        default_subtitle_forced=number(profile.get("defaultSubtitleForced")),
        watched_indicator=number(profile.get("watchedIndicator")),
        media_reviews_visibility=number(profile.get("mediaReviewsVisibility")),
        media_reviews_languages=texts(profile.get("mediaReviewsLanguages")),
        media_posts_visibility=flag(profile.get("mediaPostsVisibility")),
    )


def _parse_services(value: Any) -> tuple[Service, ...]:
    return tuple(
        [
            Service(  # positional for speed, as there may be many
                text(service.get("identifier")),
                text(service.get("endpoint")),
                text(service.get("status")),
                nullable(service.get("token")),
                nullable(service.get("secret")),
            )
            for service in mappings(value)
        ]
    )
