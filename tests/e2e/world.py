"""A simulated Plex in which all secrets are recognizable."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from secrets import token_hex
from typing import Any, Final

from tests.simulator import Account, Connection, Server, Simulator
from tests.simulator.hostile import Hostile
from tests.simulator.hostile_modes import (
    BODIES,
    ENDLESS,
    HEADERS,
    SILENCE,
    STATUSES,
    Exchange,
    Mode,
    truth,
)

from .vault import Kind, Vault

MARKUP: Final = (
    "![x](http://127.0.0.1:9/x) [Sign in](http://127.0.0.1:9/) <b>{{ 1 }}</b>"
)
"""The name that strangers use."""

PUBLIC: Final = "Attic"
"""The name of a server, which may be visible, and proves that the search works."""


@dataclass(frozen=True, slots=True)
class World:
    """Three accounts and their servers.

    Ada signs in with a password, Grace with a link code. Grace uses her email address
    as her name, and shares a server with Ada that claims the same address as Ada's.
    Strangers share servers with everyone: one that is hostile, and one that claims to
    be Ada's.
    """

    simulator: Simulator
    vault: Vault
    login: str
    ada: Account
    grace: Account
    joan: Account
    attic: Server
    cellar: Server
    boathouse: Server
    strangers: tuple[Hostile, ...]

    def typo(self) -> str:
        """Return a wrong password that is close to the right one, and just as secret."""
        return _password(self.vault)

    @asynccontextmanager
    async def hanging_servers(self) -> AsyncGenerator[None]:
        """Let strangers share servers that never finish an answer."""
        listed = self.simulator.extra_resources
        strangers = [
            await self.simulator.add_hostile(mode) for mode in (*ENDLESS, *SILENCE)
        ]
        for stranger in strangers:
            self.vault.watch_stranger(stranger)
        entries = [one.entry(name="Hanging") for one in strangers]
        self.simulator.extra_resources = [*listed, *entries]
        yield
        self.simulator.extra_resources = listed
        for stranger in strangers:
            await stranger.close()

    def wrong_code(self) -> str:
        """Return a wrong two-factor code."""
        return self.vault.make(Kind.CODE)

    def faults(self) -> tuple[dict[str, Any], ...]:
        """Return the faults of a Plex that echoes everything it knows."""
        echo = " ".join(secret.needle for secret in self.vault)
        page = f"<html><title>Sorry</title><a href='/?X-Plex-Token={echo}'>{echo}</a>"
        told = {"message": echo, "status": 400, "token": echo}
        account = {"id": {"id": echo}, "uuid": [echo], "authToken": {"token": echo}}
        short = echo[:4000]
        return (
            {"status": 500, "body": page, "content_type": "text/html"},
            {"status": 200, "body": page, "content_type": "text/html"},
            {"status": 400, "body": {"errors": [{"code": 1000} | told]}},
            {"status": 200, "body": account},
            {"status": 200, "body": {"MediaContainer": {"token": [echo]}}},
            {
                "status": 404,
                "headers": {"X-Plex-Token": short, "Set-Cookie": f"a={short}"},
            },
            {"status": 302, "headers": {"Location": f"http://127.0.0.1:9/?t={short}"}},
            {"status": 200, "body": page, "headers": {"Content-Encoding": "gzip"}},
            {"action": "truncate"},
            {"action": "drop"},
        )


async def make_world(
    simulator: Simulator, *, own_tokens: bool, email_login: bool
) -> World:
    """Create a simulated Plex; `own_tokens` gives owned servers tokens valid only there."""
    vault = Vault(simulator)
    email = _email(vault)
    ada = simulator.add_account(
        username=email if email_login else "ada",
        email=email,
        password=_password(vault),
        code=vault.make(Kind.CODE),
        backup_codes={vault.make(Kind.CODE)},
        pin="4711",
        home=True,
        home_admin=True,
        extra={"recoveryCode": vault.make(Kind.OTHER)},
    )
    email = _email(vault)
    grace = simulator.add_account(username=email, email=email, password=None)
    joan = simulator.add_account(
        username="joan", email=_email(vault), password=_password(vault)
    )
    for account in (ada, grace, joan):
        vault.watch(account)

    def token() -> str | None:
        return token_hex(10) if own_tokens else None

    attic = await simulator.add_server(name=PUBLIC, owner=ada, tls=True, token=token())
    cellar = await simulator.add_server(
        name="Cellar", owner=grace, shared_with=(ada,), tls=True, token=token()
    )
    cellar.connections = [attic.connection(), cellar.connection()]
    boathouse = await simulator.add_server(
        name="Boathouse",
        owner=ada,
        token=token(),
        connections=[
            Connection("http://192.168.1.2:32400", "http", "192.168.1.2", 32400)
        ],
    )
    for server in (attic, cellar, boathouse):
        vault.watch_server(server)
    strangers = await _add_strangers(simulator, attic)
    for stranger in strangers:
        vault.watch_stranger(stranger)
    return World(
        simulator=simulator,
        vault=vault,
        login=ada.username,
        ada=ada,
        grace=grace,
        joan=joan,
        attic=attic,
        cellar=cellar,
        boathouse=boathouse,
        strangers=strangers,
    )


async def _add_strangers(plex: Simulator, own: Server) -> tuple[Hostile, ...]:
    """Put strangers' servers around the true entries of every list."""
    hostile = await plex.add_hostile(_everything())
    thief = await plex.add_hostile(machine_identifier=own.machine_identifier)
    names = [
        Connection(
            f"https://{n}.stranger.example:32400", "https", f"192.0.2.{n}", 32400
        )
        for n in range(30)
    ]
    disguises = ("", "\u200b", "\u00ad", "\n")
    plex.first_resources = [thief.entry(name="Thief")]
    plex.extra_resources = [
        hostile.entry(
            [hostile.connection(), *names],
            name=f"{MARKUP}{'x' * 300_000}",
            sourceTitle=MARKUP,
            platform=MARKUP,
            productVersion=MARKUP,
        ),
        *(
            thief.entry(clientIdentifier=f"{own.machine_identifier}{disguise}")
            for disguise in disguises
        ),
    ]
    return hostile, thief


def _everything() -> Mode:
    """Answer in every hostile way in turn, with correct answers in between."""
    modes = (*HEADERS.values(), *STATUSES.values(), *BODIES.values())
    turns = cycle(one for mode in modes for one in (truth, mode))

    async def mode(exchange: Exchange) -> None:
        await next(turns)(exchange)

    return mode


def _password(vault: Vault) -> str:
    """Generate a password with characters that must be quoted in a form."""
    return f"cörrect & 100% {vault.make(Kind.PASSWORD)}"


def _email(vault: Vault) -> str:
    return f"{vault.make(Kind.EMAIL)}@example.com"
