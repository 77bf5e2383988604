"""GET /resources: the servers and players that an account can reach."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex

from .account import Account, Extra, merge_extra
from .answers import Json
from .clock import iso
from .log import LoggedRequest
from .server_model import ServerModel

_OFFLINE_FOR = timedelta(days=3)


@dataclass(eq=False, kw_only=True)
class Player:
    """A resource that is not a server and has no access token."""

    owner: Account
    name: str = "Living room"
    product: str = "Plex for Apple TV"
    provides: str = "client,player,pubsub-player,provider-playback"
    client_identifier: str = field(default_factory=lambda: token_hex(12))
    extra: Extra = field(default_factory=dict)


def _asked(request: LoggedRequest, name: str) -> bool:
    return request.query.get(name) == "1"


def server_entry(
    server: ServerModel, account: Account, request: LoggedRequest, now: datetime
) -> dict[str, Json]:
    """Build a server's entry as seen by one account."""
    owned = server.owner is account
    token = server.access_token(account, request.token or "")
    connections: list[Json] = [
        connection.plex_tv_body(https=_asked(request, "includeHttps"))
        for connection in server.connections
        if (not connection.relay or _asked(request, "includeRelay"))
        and (not connection.ipv6 or _asked(request, "includeIPv6"))
    ]
    body: dict[str, Json] = {
        "name": server.name,
        "product": server.product,
        "productVersion": server.version,
        "platform": server.platform,
        "platformVersion": server.platform_version,
        "device": server.device,
        "clientIdentifier": server.machine_identifier,
        "createdAt": iso(server.created_at),
        "lastSeenAt": iso(now if server.presence else now - _OFFLINE_FOR),
        "provides": "server",
        "ownerId": None if owned else server.owner.id,
        "sourceTitle": None if owned else server.owner.display_title,
        "publicAddress": server.public_address,
        "accessToken": None if server.access_token_null else token,
        "owned": owned,
        "home": server.home,
        "synced": False,
        "relay": server.relay,
        "presence": server.presence,
        "httpsRequired": server.https_required,
        "publicAddressMatches": server.public_address_matches,
        "dnsRebindingProtection": server.dns_rebinding_protection,
        "natLoopbackSupported": server.nat_loopback_supported,
        "connections": connections,
    }
    return merge_extra(body, server.extra)


def player_entry(player: Player, now: datetime) -> dict[str, Json]:
    """Build a player's entry, with no token and with fewer keys than a server's."""
    body: dict[str, Json] = {
        "name": player.name,
        "product": player.product,
        "productVersion": "8.45",
        "platform": "tvOS",
        "platformVersion": "26.1",
        "device": "Apple TV",
        "clientIdentifier": player.client_identifier,
        "createdAt": iso(now),
        "lastSeenAt": iso(now),
        "provides": player.provides,
        "ownerId": None,
        "sourceTitle": None,
        "publicAddress": "203.0.113.7",
        "accessToken": None,
        "owned": True,
        "home": False,
        "synced": False,
        "relay": False,
        "presence": False,
        "httpsRequired": False,
        "publicAddressMatches": True,
        "connections": [],
    }
    return merge_extra(body, player.extra)


def resource_list(
    account: Account,
    request: LoggedRequest,
    servers: Iterable[ServerModel],
    players: Iterable[Player],
    now: datetime,
) -> list[Json]:
    """Build one account's list, and count it for the servers that are left out."""
    listed = [server for server in servers if server.is_listed_for(account)]
    entries: list[Json] = [
        server_entry(server, account, request, now)
        for server in listed
        if not server.left_out
    ]
    for server in listed:
        server.left_out = max(0, server.left_out - 1)
    entries += [
        player_entry(player, now) for player in players if player.owner is account
    ]
    return entries
