"""Every secret of a simulated Plex, kept although it may have ended since."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
import re
from secrets import token_hex
from typing import Final, override

from tests.simulator import Account, Server, Simulator
from tests.simulator.hostile import Hostile

PLEX_TV: Final = "plex.tv"

_LONGEST_WORD: Final = 6
_AROUND: Final = 60


class Kind(StrEnum):
    """Kinds of secrets."""

    ACCOUNT_TOKEN = "account token"
    SERVER_TOKEN = "server token"
    TRANSIENT_TOKEN = "transient token"
    PASSWORD = "password"
    CODE = "two-factor or backup code"
    LINK_CODE = "link code"
    HOME_PIN = "hash of a Home PIN"
    SERVICE = "token or secret of a service"
    EMAIL = "email address"
    CLIENT_IDENTIFIER = "client identifier"
    COOKIE = "cookie"
    OTHER = "field that nobody knows"


@dataclass(frozen=True, slots=True)
class Secret:
    """What gives a secret away, and which account or server it belongs to.

    The needle of a minted one is all of it, that of a made-up one its random part: no way
    of quoting changes that.
    """

    kind: Kind
    needle: str
    owner: Account | Server | Hostile | None

    def find(self, text: str) -> str | None:
        """Return the surroundings of the secret in a text, None if it isn't there.

        Of a short one only the whole word counts: its characters may meet by chance.
        """
        if self.needle not in text:
            return None
        pattern = re.escape(self.needle)
        if len(self.needle) <= _LONGEST_WORD:
            pattern = rf"(?<!\w){pattern}(?!\w)"
        match = re.search(pattern, text)
        if match is None:
            return None
        start, end = match.span()
        return f"{self.kind}: {text[max(0, start - _AROUND) : end + _AROUND]!r}"


class _Noted[V](dict[str, V]):
    """A dictionary of tokens that tells of each new one."""

    def __init__(self, note: Callable[[str], None]) -> None:
        """Start empty."""
        super().__init__()
        self._note = note

    @override
    def __setitem__(self, token: str, value: V) -> None:
        self._note(token)
        super().__setitem__(token, value)


class Vault:
    """All secrets that there ever were."""

    def __init__(self, simulator: Simulator) -> None:
        """Watch over a simulator."""
        self._simulator = simulator
        self._secrets: dict[str, Secret] = {}

    def __iter__(self) -> Iterator[Secret]:
        """Iterate over the secrets."""
        self._collect()
        return iter([*self._secrets.values()])

    def make(self, kind: Kind) -> str:
        """Make up a secret, and return what gives it away."""
        needle = token_hex(8)
        self._add(kind, needle)
        return needle

    def watch(self, account: Account) -> None:
        """Keep the tokens that an account gets, and what its body tells of it."""

        def note(token: str) -> None:
            self._add(Kind.ACCOUNT_TOKEN, token, account)
            if account.pin is not None:
                value = sha256((account.pin + token).encode()).hexdigest()
                self._add(Kind.HOME_PIN, value, account)

        account.tokens = _Noted(note)
        for service in account.services:
            if isinstance(service, dict):
                for key in {"token", "secret"} & service.keys():
                    self._add(Kind.SERVICE, str(service[key]), account)

    def watch_server(self, server: Server) -> None:
        """Keep the transient tokens that a server mints."""
        server.transient_tokens = _Noted(
            lambda token: self._add(Kind.TRANSIENT_TOKEN, token, server)
        )

    def watch_stranger(self, stranger: Hostile) -> None:
        """Keep the tokens of a server that somebody else controls."""
        self._add(Kind.SERVER_TOKEN, stranger.access_token, stranger)
        self._add(Kind.TRANSIENT_TOKEN, stranger.transient_token, stranger)

    def find(self, text: str, *but: Kind) -> list[str]:
        """Return where secrets stand in a text, those of some kinds left out."""
        return [
            place
            for secret in self
            if secret.kind not in but and (place := secret.find(text))
        ]

    def _add(
        self,
        kind: Kind,
        needle: str,
        owner: Account | Server | Hostile | None = None,
    ) -> None:
        self._secrets.setdefault(needle, Secret(kind, needle, owner))

    def _collect(self) -> None:
        """Keep what Plex has made up by itself, and doesn't forget.

        A link code of digits alone is left out: such a number may stand anywhere.
        """
        for server in self._simulator.servers:
            for token in (server.token, *server.shared_tokens.values()):
                if token is not None:
                    self._add(Kind.SERVER_TOKEN, token, server)
        self._add(Kind.COOKIE, self._simulator.session_cookie)
        for request in self._simulator.requests:
            if request.host == PLEX_TV and request.client_identifier:
                self._add(Kind.CLIENT_IDENTIFIER, request.client_identifier)
        for pin in self._simulator.pins:
            if not pin.code.isdigit():
                self._add(Kind.LINK_CODE, pin.code)
