"""The fastest fair program that does what the client does.

It sends the same headers, reads a body of limited size with the same decoder, and fills
the same dataclasses with the same fields. It handles no errors and tolerates nothing.
It may only be changed to become faster.
"""

from datetime import UTC, datetime
from typing import Any

import aiohttp
from multidict import CIMultiDict
import orjson
from yarl import URL

from custom_components.plex_account.api import (
    PastSubscription,
    PlexAccount,
    PlexConnection,
    Profile,
    Service,
    SourceConnectionInformation,
    Subscription,
)

_MAX_BODY_BYTES = 1024 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=30)


class Floor:
    """Both operations, with everything prepared that is the same for all requests."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        server_url: str,
        token: str,
        client_identifier: str,
    ) -> None:
        """Prepare the requests."""
        self._get = session.get
        self._user = URL(url) / "user" % {"includeSubscriptions": "1"}
        self._resources = URL(server_url) / "security/resources"
        headers = {
            "Accept": "application/json",
            "X-Plex-Client-Identifier": client_identifier,
            "X-Plex-Product": "Plex Account",
            "X-Plex-Token": token,
        }
        self._user_headers = CIMultiDict(
            headers, Host=self._user.host_port_subcomponent or ""
        )
        self._resources_headers = CIMultiDict(
            headers, Host=self._resources.host_port_subcomponent or ""
        )

    async def get_token_details(self) -> PlexAccount:
        """Return the account."""
        return _account(await self._fetch(self._user, self._user_headers))

    async def get_source_connection_information(
        self, source: str
    ) -> SourceConnectionInformation:
        """Return the connection information of a source."""
        document = await self._fetch(
            self._resources.with_query(source=source), self._resources_headers
        )
        return _source(document["MediaContainer"]["Device"])

    async def _fetch(self, url: URL, headers: CIMultiDict[str]) -> Any:
        response = await self._get(
            url, headers=headers, timeout=_TIMEOUT, allow_redirects=False
        )
        content = response.content
        body = await content.readany()
        while len(body) <= _MAX_BODY_BYTES and not content.at_eof():
            body += await content.readany()
        if len(body) > _MAX_BODY_BYTES:
            raise ValueError("Too long")
        return orjson.loads(body)


def _account(user: dict[str, Any]) -> PlexAccount:
    return PlexAccount(
        id=user["id"],
        uuid=user["uuid"],
        username=user["username"],
        title=user["title"],
        friendly_name=user["friendlyName"],
        email=user["email"],
        auth_token=user["authToken"],
        pin=user.get("pin"),
        ads_consent=user["adsConsent"],
        ads_consent_reminder_at=_moment(user["adsConsentReminderAt"]),
        ads_consent_set_at=_moment(user["adsConsentSetAt"]),
        anonymous=user["anonymous"],
        attribution_partner=user["attributionPartner"],
        backup_codes_created=user["backupCodesCreated"],
        confirmed=user["confirmed"],
        country=user["country"],
        email_only_auth=user["emailOnlyAuth"],
        entitlements=tuple(user["entitlements"]),
        experimental_features=user["experimentalFeatures"],
        guest=user["guest"],
        has_password=user["hasPassword"],
        home=user["home"],
        home_admin=user["homeAdmin"],
        home_size=user["homeSize"],
        joined_at=_moment(user["joinedAt"]),
        locale=user["locale"],
        mailing_list_active=user["mailingListActive"],
        mailing_list_status=user["mailingListStatus"],
        max_home_size=user["maxHomeSize"],
        profile=_profile(user["profile"]),
        protected=user["protected"],
        remember_expires_at=_moment(user["rememberExpiresAt"]),
        restricted=user["restricted"],
        roles=tuple(user.get("roles", ())),
        scrobble_types=user["scrobbleTypes"],
        search_enabled=user.get("searchEnabled", False),
        services=tuple(map(_service, user["services"])),
        subscription=_subscription(user["subscription"]),
        subscription_description=user["subscriptionDescription"],
        subscriptions=tuple(map(_past_subscription, user.get("subscriptions", ()))),
        past_subscriptions=tuple(
            map(_past_subscription, user.get("pastSubscriptions", ()))
        ),
        trials=tuple(user.get("trials", ())),
        thumb=user["thumb"],
        two_factor_enabled=user["twoFactorEnabled"],
    )


def _profile(profile: dict[str, Any]) -> Profile:
    return Profile(
        auto_select_audio=profile["autoSelectAudio"],
        default_audio_language=profile["defaultAudioLanguage"],
        default_audio_languages=tuple(profile["defaultAudioLanguages"] or ()),
        default_audio_accessibility=profile["defaultAudioAccessibility"],
        default_subtitle_language=profile["defaultSubtitleLanguage"],
        default_subtitle_languages=tuple(profile["defaultSubtitleLanguages"] or ()),
        auto_select_subtitle=profile["autoSelectSubtitle"],
        default_subtitle_accessibility=profile["defaultSubtitleAccessibility"],
        default_subtitle_forced=profile["defaultSubtitleForced"],
        watched_indicator=profile["watchedIndicator"],
        media_posts_visibility=profile.get("mediaPostsVisibility", False),
        media_reviews_visibility=profile["mediaReviewsVisibility"],
        media_reviews_languages=tuple(profile["mediaReviewsLanguages"] or ()),
    )


def _service(service: dict[str, Any]) -> Service:
    return Service(
        identifier=service["identifier"],
        endpoint=service["endpoint"],
        status=service["status"],
        token=service.get("token"),
        secret=service.get("secret"),
    )


def _subscription(subscription: dict[str, Any]) -> Subscription:
    subscribed_at = subscription["subscribedAt"]
    return Subscription(
        active=subscription["active"],
        status=subscription["status"],
        plan=subscription["plan"],
        subscribed_at=subscribed_at and datetime.fromisoformat(subscribed_at),
        payment_service=subscription["paymentService"],
        features=tuple(subscription["features"]),
    )


def _past_subscription(past: dict[str, Any]) -> PastSubscription:
    billing = past["billing"]
    return PastSubscription(
        id=past["id"],
        mode=past["mode"],
        renews_at=_moment(past["renewsAt"]),
        ends_at=_moment(past["endsAt"]),
        canceled=past["canceled"],
        grace_period=past["gracePeriod"],
        on_hold=past["onHold"],
        can_reactivate=past["canReactivate"],
        can_upgrade=past["canUpgrade"],
        can_downgrade=past["canDowngrade"],
        can_convert=past["canConvert"],
        type=past["type"],
        transfer=past["transfer"],
        state=past["state"],
        payment_method_id=billing["paymentMethodId"],
        internal_payment_method=billing["internalPaymentMethod"],
    )


def _source(device: dict[str, Any]) -> SourceConnectionInformation:
    return SourceConnectionInformation(
        name=device["name"],
        client_identifier=device["clientIdentifier"],
        access_token=device["accessToken"],
        connections=tuple(map(_connection, device["Connection"])),
    )


def _connection(connection: dict[str, Any]) -> PlexConnection:
    return PlexConnection(
        uri=connection["uri"],
        protocol=connection["protocol"],
        address=connection["address"],
        port=connection["port"],
        local=connection["local"],
        relay=connection.get("relay", False),
        ipv6=connection.get("IPv6", False),
    )


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
