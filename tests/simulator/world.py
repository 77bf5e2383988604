"""The world of a standalone simulator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .account import Account
from .hostile import Hostile
from .resources import Player
from .server import Server
from .settings import change_settings
from .simulator import Simulator

_UNREACHABLE = "127.66.66.66"
"""Addresses without a host, like those of container networks that real servers list."""


@dataclass(frozen=True, slots=True)
class DefaultWorld:
    """The inhabitants of the default world."""

    ada: Account
    grace: Account
    attic: Server
    cellar: Server
    boathouse: Server
    player: Player


async def build_default_world(sim: Simulator) -> DefaultWorld:
    """Create the default world: a full account, one for the link page, and three servers."""
    ada = sim.add_account(
        username="ada",
        email="ada@example.com",
        password="correct horse",
        code="123456",
        backup_codes={"a1b2c3d4"},
        roles=["plexpass"],
        services=[
            {
                "identifier": "epg",
                "endpoint": "https://epg.provider.plex.tv",
                "token": "service-token-of-ada",
                "secret": None,
                "status": "online",
            }
        ],
        entitlements=["ios", "roku", "android"],
        subscription_description="Lifetime Plex Pass",
    )
    ada.subscribe("lifetime")
    grace = sim.add_account(username="grace", email="grace@example.com", password=None)
    attic = await sim.add_server(name="Attic", owner=ada, tls=True)
    cellar = await sim.add_server(
        name="Cellar", owner=grace, shared_with=[ada], tls=True
    )
    boathouse = await sim.add_server(
        name="Boathouse", owner=ada, tls=True, presence=False
    )
    await boathouse.stop()
    attic.connections.append(attic.connection(host=_UNREACHABLE, local=False))
    attic.sources["provider://tv.plex.provider.metadata"] = {
        "name": "Plex Metadata",
        "clientIdentifier": "tv.plex.provider.metadata",
        "accessToken": "transient-00000000-0000-4000-8000-000000000000",
        "Connection": [
            {
                "protocol": "https",
                "address": "metadata.provider.plex.tv",
                "port": 443,
                "uri": "https://metadata.provider.plex.tv",
                "local": False,
            }
        ],
    }
    player = sim.add_player(ada, name="Living room")
    return DefaultWorld(ada, grace, attic, cellar, boathouse, player)


async def add_described_server(
    sim: Simulator, described: Mapping[str, Any], person: Callable[[str], Account]
) -> Server:
    """Add a server described in JSON; `person` looks up the users it refers to.

    A server with `"running": false` is stopped once it has its port. A connection
    without a URI leads to the server's own address.
    """
    fields = dict(described)
    running, connections = fields.pop("running", True), fields.pop("connections", None)
    fields["owner"] = person(fields["owner"])
    fields["shared_with"] = [person(name) for name in fields.get("shared_with", ())]
    server = await sim.add_server(**fields)
    if connections is not None:
        server.connections = [server.described(**one) for one in connections]
    if not running:
        await server.stop()
    return server


async def add_described_hostile(
    sim: Simulator, described: Mapping[str, Any]
) -> Hostile:
    """Add a hostile server described in JSON, and list it for everyone.

    `entry` contains changes to its list entry.
    """
    fields = dict(described)
    entry = fields.pop("entry", {})
    hostile = await sim.add_hostile(**fields)
    sim.extra_resources.append(hostile.entry(**entry))
    return hostile


async def load_world(sim: Simulator, described: Mapping[str, Any]) -> None:
    """Load a world from a file; users are referred to by username."""
    change_settings(sim, described.get("settings", {}))
    people: dict[str, Account] = {}
    for fields in described.get("accounts", []):
        backup_codes = set(fields.get("backup_codes", ()))
        account = sim.add_account(**fields | {"backup_codes": backup_codes})
        people[account.username] = account
    for fields in described.get("servers", []):
        await add_described_server(sim, fields, people.__getitem__)
    for fields in described.get("players", []):
        sim.add_player(**fields | {"owner": people[fields["owner"]]})
    for fields in described.get("hostile", []):
        await add_described_hostile(sim, fields)
