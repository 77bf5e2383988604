"""The account and source that every contender requests, as the simulator answers."""

from collections.abc import Mapping
from typing import Any

import aiohttp

from tests.simulator import Simulator

from .world import ACCOUNT, CLIENT_IDENTIFIER, SOURCE, World

type Answers = Mapping[tuple[bytes, bool], bytes]
"""By path, and by whether JSON is requested."""

API = "/api/v2"

_FEATURES = [
    f"{name}-{number}"
    for number in range(1, 21)
    for name in (
        "Android - PiP",
        "camera_upload",
        "hardware_transcoding",
        "lyrics",
        "music_videos",
        "session_bandwidth_restrictions",
    )
]
_PROFILE = {
    "autoSelectAudio": True,
    "autoSelectSubtitle": 1,
    "defaultAudioAccessibility": 1,
    "defaultAudioLanguage": "en",
    "defaultAudioLanguages": ["en", "fr"],
    "defaultSubtitleAccessibility": 1,
    "defaultSubtitleForced": 1,
    "defaultSubtitleLanguage": "de",
    "defaultSubtitleLanguages": ["de"],
    "mediaReviewsLanguages": ["en"],
    "mediaReviewsVisibility": 1,
    "watchedIndicator": 1,
}
_SUBSCRIPTION = {
    "active": True,
    "features": _FEATURES,
    "paymentService": "stripe",
    "plan": "lifetime",
    "status": "Active",
    "subscribedAt": "2014-02-28T00:00:00Z",
}
_PAST_SUBSCRIPTION = {
    "id": "4711",
    "mode": "yearly",
    "renewsAt": 1_393_545_600,
    "endsAt": 1_393_545_600,
    "canceled": True,
    "gracePeriod": False,
    "onHold": False,
    "canReactivate": False,
    "canUpgrade": False,
    "canDowngrade": False,
    "canConvert": False,
    "type": "plexpass",
    "transfer": "none",
    "state": "ended",
    "billing": {"internalPaymentMethod": {"brand": "visa"}, "paymentMethodId": 7},
}
_SOURCE: dict[str, Any] = {
    "name": "Attic",
    "clientIdentifier": "0123456789abcdef0123456789abcdef01234567",
    "accessToken": "transient-00000000-0000-4000-8000-000000000000",
    "Connection": [
        {
            "protocol": "https",
            "address": address,
            "port": 32400,
            "uri": f"https://{address.replace('.', '-')}.{'0123456789abcdef' * 2}.plex.direct:32400",
            "local": local,
            "relay": relay,
        }
        for address, local, relay in (
            ("192.0.2.7", True, False),
            ("198.51.100.7", False, False),
            ("203.0.113.7", False, True),
        )
    ],
}


async def build(simulator: Simulator) -> World:
    """Add an account with a Plex Pass, and a server of it that knows a source.

    Some values follow the published specification, for the sake of clients that are
    generated from it: real services lack most keys, and real profiles have higher
    numbers.
    """
    account = simulator.add_account(
        username="ada",
        email="ada@example.com",
        code="123456",
        backup_codes={"a1b2c3d4"},
        ads_consent=True,
        ads_consent_reminder_at=1_393_545_600,
        ads_consent_set_at=1_393_545_601,
        attribution_partner="partner",
        entitlements=["ios", "roku", "android", "xbox_one"],
        extra={"pastSubscriptions": [_PAST_SUBSCRIPTION], "trials": [{"id": 1}]},
        friendly_name="Ada",
        home=True,
        home_admin=True,
        home_size=3,
        locale="en-GB",
        pin="1234",
        profile=_PROFILE,
        remember_expires_at=1_393_545_602,
        roles=["plexpass"],
        scrobble_types="1,2",
        services=[
            {
                "identifier": f"service-{number}",
                "endpoint": f"https://service-{number}.provider.plex.tv",
                "token": f"service-token-{number}" if number <= 12 else None,
                "secret": f"service-secret-{number}" if number == 1 else None,
                "status": "online",
            }
            for number in range(1, 17)
        ],
        subscription=_SUBSCRIPTION,
        subscription_description="Lifetime Plex Pass",
        subscriptions=[_PAST_SUBSCRIPTION | {"state": "active"}],
    )
    server = await simulator.add_server(owner=account)
    source = "server://attic"
    server.sources[source] = _SOURCE
    return World(
        url=simulator.url,
        server_url=server.url,
        token=simulator.sign_in(account, CLIENT_IDENTIFIER),
        source=source,
        facts={
            ACCOUNT: ("ada", len(_FEATURES)),
            SOURCE: ("Attic", len(_SOURCE["Connection"])),
        },
    )


async def record() -> tuple[World, Answers]:
    """Request everything from the simulator once."""
    answers: dict[tuple[bytes, bool], bytes] = {}
    async with Simulator() as simulator, aiohttp.ClientSession() as session:
        world = await build(simulator)
        for path, url, params in (
            (f"{API}/user", f"{world.url}/user", {"includeSubscriptions": "1"}),
            (
                "/security/resources",
                f"{world.server_url}/security/resources",
                {"source": world.source},
            ),
            ("/", world.server_url, {}),
        ):
            for wants_json in (True, False):
                headers = {
                    "Accept": "application/json" if wants_json else "application/xml",
                    "X-Plex-Client-Identifier": CLIENT_IDENTIFIER,
                    "X-Plex-Token": world.token,
                }
                async with session.get(
                    url, params=params, headers=headers, raise_for_status=True
                ) as response:
                    body = await response.read()
                    head = (
                        "HTTP/1.1 200 OK\r\n"
                        f"Content-Type: {response.headers['Content-Type']}\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n"
                    )
                answers[path.encode(), wants_json] = head.encode() + body
    return world, answers
