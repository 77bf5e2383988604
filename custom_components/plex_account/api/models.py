"""What Plex answers, as frozen dataclasses.

Every parser takes a document as `documents.read_document` returns it, tolerates
unknown, missing, null and oddly typed fields, and raises PlexResponseError only
where an answer is of no use without a field. Secrets are never part of a repr,
and changes of a secret alone don't make two answers unequal.

Fields and types: the schemas UserPlexAccount, UserProfile and PlexDevice of the
Plex API, and the bodies that real servers were seen to send.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
import re
from typing import Any

from .documents import unwrap
from .errors import PlexResponseError, PlexUnknownSource

TRANSIENT_TOKEN_LIFETIME = timedelta(hours=48)


def secret(**options: Any) -> Any:
    """Return a dataclass field that neither repr nor equality shows."""
    return field(repr=False, compare=False, **options)


def private() -> Any:
    """Return a dataclass field that no repr shows: a name may be an e-mail address."""
    return field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A Plex Pass subscription; `status` and `plan` are open sets of names."""

    active: bool
    status: str | None
    plan: str | None
    subscribed_at: datetime | None
    payment_service: str | None
    features: tuple[str, ...]

    @property
    def status_key(self) -> str | None:
        """Return the status in the form pending_cancellation."""
        if self.status is None:
            return None
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.status).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSubscription:
    """A subscription that has ended, told at sign-in only."""

    id: str | None
    mode: str | None
    renews_at: datetime | None
    ends_at: datetime | None
    canceled: bool
    grace_period: bool
    on_hold: bool
    can_reactivate: bool
    can_upgrade: bool
    can_downgrade: bool
    can_convert: bool
    type: str | None
    transfer: str | None
    state: str | None
    payment_method_id: int | None
    internal_payment_method: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that the account may use; token and secret are often absent."""

    identifier: str | None
    endpoint: str | None
    status: str | None
    token: str | None = secret()
    secret: str | None = secret()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The account's preferences for audio, subtitles, watched marks and reviews."""

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
    services: tuple[Service, ...]
    subscription: Subscription | None
    subscription_description: str | None
    subscriptions: tuple[Subscription, ...]
    past_subscriptions: tuple[PastSubscription, ...]
    trials: tuple[dict[str, Any], ...]
    thumb: str | None
    two_factor_enabled: bool

    @property
    def public_name(self) -> str | None:
        """Return the first name that isn't an e-mail address, None if there is none."""
        names = (self.friendly_name, self.username, self.title)
        shown = (name.strip() for name in names if name and "@" not in name)
        return next(filter(None, shown), None)


class ConnectionKind(StrEnum):
    """Where a connection leads, in order of preference."""

    LOCAL = "local"
    REMOTE = "remote"
    RELAY = "relay"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlexConnection:
    """One way to reach a server, as a list says; see `connections` before dialling."""

    uri: str
    protocol: str | None
    address: str | None
    port: int | None
    local: bool
    relay: bool
    ipv6: bool

    @property
    def kind(self) -> ConnectionKind:
        """Return where the connection leads."""
        if self.relay:
            return ConnectionKind.RELAY
        return ConnectionKind.LOCAL if self.local else ConnectionKind.REMOTE


@dataclass(frozen=True, slots=True, kw_only=True)
class PlexServer:
    """A Plex Media Server that the account may use, from GET /resources."""

    machine_identifier: str
    name: str
    product: str | None
    version: str | None
    platform: str | None
    platform_version: str | None
    device: str | None
    created_at: datetime | None
    last_seen_at: datetime | None
    owner_id: int | None
    source_title: str | None = private()
    public_address: str | None
    access_token: str | None = secret()
    owned: bool
    home: bool
    synced: bool
    relay: bool
    presence: bool
    https_required: bool
    public_address_matches: bool
    dns_rebinding_protection: bool
    nat_loopback_supported: bool
    connections: tuple[PlexConnection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerIdentity:
    """Who answers at an address, from GET /identity of a server."""

    machine_identifier: str
    version: str | None
    claimed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TransientToken:
    """A token that a server minted; `expires_at` is the latest possible end."""

    token: str = secret()
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConnectionInformation:
    """How to reach a source, from GET /security/resources of a server.

    `access_token` is a transient token of the source.
    """

    name: str | None
    client_identifier: str | None
    access_token: str | None = secret()
    connections: tuple[PlexConnection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlexPin:
    """A PIN to link a device with, from POST /pins and GET /pins/{id}.

    `auth_token` is None until somebody has approved the PIN; `code` may be empty
    then.
    """

    id: int
    code: str = secret()
    expires_in: float | None
    expires_at: datetime | None
    trusted: bool
    qr: str | None = secret()
    auth_token: str | None = secret()


def parse_account(document: Any) -> PlexAccount:
    """Return the account of POST /users/signin and GET /user."""
    user = _mapping(unwrap(document, "user"))
    return PlexAccount(
        id=_required(_number(user.get("id")), "id"),
        uuid=_required(_label(user.get("uuid")), "uuid"),
        username=_label(user.get("username")),
        title=_label(user.get("title")),
        friendly_name=_label(user.get("friendlyName")),
        email=_text(user.get("email")),
        auth_token=_token(user.get("authToken")),
        pin=_nullable(user.get("pin")),
        ads_consent=_flag(user.get("adsConsent")),
        ads_consent_reminder_at=_time(user.get("adsConsentReminderAt")),
        ads_consent_set_at=_time(user.get("adsConsentSetAt")),
        anonymous=_flag(user.get("anonymous")),
        attribution_partner=_nullable(user.get("attributionPartner")),
        backup_codes_created=_flag(user.get("backupCodesCreated")),
        confirmed=_flag(user.get("confirmed")),
        country=_label(user.get("country")),
        email_only_auth=_flag(user.get("emailOnlyAuth")),
        entitlements=_texts(user.get("entitlements")),
        experimental_features=_flag(user.get("experimentalFeatures")),
        guest=_flag(user.get("guest")),
        has_password=user.get("hasPassword") in (None, "")
        or _flag(user["hasPassword"]),
        home=_flag(user.get("home")),
        home_admin=_flag(user.get("homeAdmin")),
        home_size=_number(user.get("homeSize")),
        joined_at=_time(user.get("joinedAt")),
        locale=_nullable(user.get("locale")),
        mailing_list_active=_flag(user.get("mailingListActive")),
        mailing_list_status=_text(user.get("mailingListStatus")),
        max_home_size=_number(user.get("maxHomeSize")),
        profile=_parse_profile(user.get("profile")),
        protected=_flag(user.get("protected")),
        remember_expires_at=_time(user.get("rememberExpiresAt")),
        restricted=_flag(user.get("restricted")),
        roles=_texts(user.get("roles")),
        scrobble_types=_text(user.get("scrobbleTypes")),
        services=_parse_services(user.get("services")),
        subscription=_parse_optional_subscription(user.get("subscription")),
        subscription_description=_nullable(user.get("subscriptionDescription")),
        subscriptions=tuple(
            map(_parse_subscription, _mappings(user.get("subscriptions")))
        ),
        past_subscriptions=tuple(
            map(_parse_past_subscription, _mappings(user.get("pastSubscriptions")))
        ),
        trials=_mappings(user.get("trials")),
        thumb=_text(user.get("thumb")),
        two_factor_enabled=_flag(user.get("twoFactorEnabled")),
    )


def parse_servers(document: Any) -> tuple[PlexServer, ...]:
    """Return the servers of GET /resources: what provides "server".

    Raises PlexResponseError if the document isn't a list: plex.tv sends other
    bodies when it is in trouble, and they don't mean "no servers".
    """
    resources = unwrap(document, "resources")
    if not isinstance(resources, list):
        raise PlexResponseError("The answer is not a list of resources")
    return tuple(
        _parse_server(resource)
        for resource in _mappings(resources)
        if "server" in re.split(r"\s*,\s*", _text(resource.get("provides")) or "")
        and _label(resource.get("clientIdentifier"))
    )


def parse_identity(document: Any) -> ServerIdentity:
    """Return the identity of GET /identity."""
    container = _mapping(unwrap(document, "MediaContainer"))
    return ServerIdentity(
        machine_identifier=_required(
            _label(container.get("machineIdentifier")), "machineIdentifier"
        ),
        version=_label(container.get("version")),
        claimed=_flag(container.get("claimed")),
    )


def parse_transient_token(document: Any, asked_at: datetime) -> TransientToken:
    """Return the token of /security/token, asked for at a time."""
    container = _mapping(unwrap(document, "MediaContainer"))
    return TransientToken(
        token=_required(_token(container.get("token")), "token"),
        expires_at=asked_at + TRANSIENT_TOKEN_LIFETIME,
    )


def parse_source(document: Any) -> SourceConnectionInformation:
    """Return the source of GET /security/resources.

    Raises PlexUnknownSource if the answer names none.
    """
    container = _mapping(unwrap(document, "MediaContainer"))
    device = _mapping(container.get("Device"))
    if not device:
        raise PlexUnknownSource("The answer names no source")
    return SourceConnectionInformation(
        name=_label(device.get("name")),
        client_identifier=_label(device.get("clientIdentifier")),
        access_token=_token(device.get("accessToken")),
        connections=_parse_connections(device.get("Connection")),
    )


def parse_pin(document: Any) -> PlexPin:
    """Return the PIN of POST /pins and GET /pins/{id}."""
    pin = _mapping(unwrap(document, "pin"))
    return PlexPin(
        id=_required(_number(pin.get("id")), "id"),
        code=_text(pin.get("code")) or "",
        expires_in=_number(pin.get("expiresIn")),
        expires_at=_time(pin.get("expiresAt")),
        trusted=_flag(pin.get("trusted")),
        qr=_text(pin.get("qr")),
        auth_token=_token(pin.get("authToken")),
    )


def parse_error(document: Any) -> tuple[int | None, str | None]:
    """Return code and message of the first error in a plex.tv error body.

    Old endpoints answer a bare text under `error`, or in the list of errors.
    """
    errors = unwrap(document, "errors")
    error = _mapping(errors)
    message = error.get("message", _single(error.get("error") if error else errors))
    return _number(error.get("code")), _text(message)


def parse_pong(document: Any) -> bool:
    """Return what GET /ping answered; in XML it is the text of the root."""
    pong = next(iter(document.values()), None) if isinstance(document, dict) else None
    return _flag(_single(pong))


def _parse_profile(value: Any) -> Profile | None:
    if not (profile := _mapping(value)):
        return None
    return Profile(
        auto_select_audio=_flag(profile.get("autoSelectAudio")),
        default_audio_language=_nullable(profile.get("defaultAudioLanguage")),
        default_audio_languages=_texts(profile.get("defaultAudioLanguages")),
        default_audio_accessibility=_number(profile.get("defaultAudioAccessibility")),
        default_subtitle_language=_nullable(profile.get("defaultSubtitleLanguage")),
        default_subtitle_languages=_texts(profile.get("defaultSubtitleLanguages")),
        auto_select_subtitle=_number(profile.get("autoSelectSubtitle")),
        default_subtitle_accessibility=_number(
            profile.get("defaultSubtitleAccessibility")
        ),
        default_subtitle_forced=_number(profile.get("defaultSubtitleForced")),
        watched_indicator=_number(profile.get("watchedIndicator")),
        media_reviews_visibility=_number(profile.get("mediaReviewsVisibility")),
        media_reviews_languages=_texts(profile.get("mediaReviewsLanguages")),
    )


def _parse_services(value: Any) -> tuple[Service, ...]:
    return tuple(
        [
            Service(
                identifier=_text(service.get("identifier")),
                endpoint=_text(service.get("endpoint")),
                status=_text(service.get("status")),
                token=_nullable(service.get("token")),
                secret=_nullable(service.get("secret")),
            )
            for service in _mappings(value)
        ]
    )


def _parse_optional_subscription(value: Any) -> Subscription | None:
    subscription = _mapping(value)
    return _parse_subscription(subscription) if subscription else None


def _parse_subscription(subscription: dict[str, Any]) -> Subscription:
    return Subscription(
        active=_flag(subscription.get("active")),
        status=_label(subscription.get("status")),
        plan=_label(subscription.get("plan")) or None,
        subscribed_at=_time(subscription.get("subscribedAt")),
        payment_service=_nullable(subscription.get("paymentService")),
        features=_texts(subscription.get("features")),
    )


def _parse_past_subscription(past: dict[str, Any]) -> PastSubscription:
    billing = _mapping(past.get("billing"))
    return PastSubscription(
        id=_nullable(past.get("id")),
        mode=_nullable(past.get("mode")),
        renews_at=_time(past.get("renewsAt")),
        ends_at=_time(past.get("endsAt")),
        canceled=_flag(past.get("canceled")),
        grace_period=_flag(past.get("gracePeriod")),
        on_hold=_flag(past.get("onHold")),
        can_reactivate=_flag(past.get("canReactivate")),
        can_upgrade=_flag(past.get("canUpgrade")),
        can_downgrade=_flag(past.get("canDowngrade")),
        can_convert=_flag(past.get("canConvert")),
        type=_text(past.get("type")),
        transfer=_nullable(past.get("transfer")),
        state=_text(past.get("state")),
        payment_method_id=_number(billing.get("paymentMethodId")),
        internal_payment_method=_mapping(billing.get("internalPaymentMethod")),
    )


def _parse_server(resource: dict[str, Any]) -> PlexServer:
    identifier = _required(_label(resource.get("clientIdentifier")), "clientIdentifier")
    return PlexServer(
        machine_identifier=identifier,
        name=_label(resource.get("name")) or identifier,
        product=_label(resource.get("product")),
        version=_label(resource.get("productVersion")),
        platform=_label(resource.get("platform")) or None,
        platform_version=_label(resource.get("platformVersion")) or None,
        device=_label(resource.get("device")) or None,
        created_at=_time(resource.get("createdAt")),
        last_seen_at=_time(resource.get("lastSeenAt")),
        owner_id=_number(resource.get("ownerId")),
        source_title=_label(resource.get("sourceTitle")) or None,
        public_address=_text(resource.get("publicAddress")),
        access_token=_token(resource.get("accessToken")),
        owned=_flag(resource.get("owned")),
        home=_flag(resource.get("home")),
        synced=_flag(resource.get("synced")),
        relay=_flag(resource.get("relay")),
        presence=_flag(resource.get("presence")),
        https_required=_flag(resource.get("httpsRequired")),
        public_address_matches=_flag(resource.get("publicAddressMatches")),
        dns_rebinding_protection=_flag(resource.get("dnsRebindingProtection")),
        nat_loopback_supported=_flag(resource.get("natLoopbackSupported")),
        connections=_parse_connections(resource.get("connections")),
    )


def _parse_connections(value: Any) -> tuple[PlexConnection, ...]:
    return tuple(
        [
            PlexConnection(
                uri=uri,
                protocol=_text(connection.get("protocol")),
                address=_text(connection.get("address")),
                port=_number(connection.get("port")),
                local=_flag(connection.get("local")),
                relay=_flag(connection.get("relay")),
                ipv6=_flag(connection.get("IPv6")),
            )
            for connection in _mappings(value)
            if (uri := _text(connection.get("uri")))
        ]
    )


def _required[T](value: T | None, name: str) -> T:
    """Return a value that an answer is of no use without."""
    if value is None or value == "":
        raise PlexResponseError(f"The answer lacks {name}")
    return value


def _single(value: Any) -> Any:
    """Return a value, or the first in a list of them: elements of XML come in lists."""
    if not isinstance(value, list):
        return value
    return value[0] if value else None


def _mapping(value: Any) -> dict[str, Any]:
    """Return a mapping, or the first in a list of them, else an empty one."""
    if isinstance(value, dict):
        return value
    mappings = _mappings(value)
    return mappings[0] if mappings else {}


def _mappings(value: Any) -> tuple[dict[str, Any], ...]:
    """Return the mappings in a list, or a single one."""
    if isinstance(value, dict):
        return (value,)
    if not isinstance(value, list):
        return ()
    return tuple([item for item in value if isinstance(item, dict)])


def _text(value: Any) -> str | None:
    """Return text as it is; numbers become text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return str(value)


def _label(value: Any) -> str | None:
    """Return text that can be shown and stored, without what can't be printed."""
    if isinstance(value, str) and value.isprintable():
        return value
    text = _text(value)
    return text and "".join(filter(str.isprintable, text))


def _nullable(value: Any) -> str | None:
    """Return text where there is any: XML writes null as an empty attribute."""
    if value is None or isinstance(value, str):
        return value or None
    return _text(value)


def _token(value: Any) -> str | None:
    """Return a token that may be sent in a header."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        return None
    return value.strip() or None


def _texts(value: Any) -> tuple[str, ...]:
    """Return the texts of a list; XML wraps each in an element with an id."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return ()
    try:
        "".join(value)
    except TypeError:  # some are something else
        items = (item.get("id") if isinstance(item, dict) else item for item in value)
        value = [_text(item) for item in items]
    return tuple(value if all(value) else filter(None, value))


def _flag(value: Any) -> bool:
    """Return a truth value, whether true, 1, "1" or "true"."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value.lower() in ("1", "true")
    return bool(value == 1)


def _number(value: Any) -> int | None:
    """Return a whole number, None if there is none."""
    if value is None or type(value) is int:
        return value
    if isinstance(value, bool):
        return None
    try:
        return int(value)
    except TypeError, ValueError, OverflowError:
        return None


def _time(value: Any) -> datetime | None:
    """Return a moment in epoch seconds, ISO 8601, or as `2014-02-28 00:00:00 UTC`."""
    try:
        if isinstance(value, str) and not value.isdecimal():
            moment = datetime.fromisoformat(value.removesuffix(" UTC"))
            if moment.tzinfo is None:
                return moment.replace(tzinfo=UTC)
            return moment.astimezone(UTC)
        seconds = _number(value)
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except ValueError, OverflowError, OSError:
        return None
