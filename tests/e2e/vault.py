"""Every secret of a simulated Plex, including those that have expired."""

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
    """A string that identifies a secret, and the account or server it belongs to.

    The needle of a minted secret is all of it, that of a generated one its random part,
    which no kind of quoting changes.
    """

    kind: Kind
    needle: str
    owner: Account | Server | Hostile | None

    def find(self, text: str) -> str | None:
        """Return the text around the secret, or None if it isn't there.

        A short secret only counts as a whole word, because it may occur by chance.
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
    """A dictionary of tokens that reports each new one."""

    def __init__(self, note: Callable[[str], None]) -> None:
        """Initialize without tokens."""
        super().__init__()
        self._note = note

    @override
    def __setitem__(self, token: str, value: V) -> None:
        self._note(token)
        super().__setitem__(token, value)


class Vault:
    """All secrets that have ever existed."""

    def __init__(self, simulator: Simulator) -> None:
        """Initialize with a simulator to watch."""
        self._simulator = simulator
        self._secrets: dict[str, Secret] = {}

    def __iter__(self) -> Iterator[Secret]:
        """Iterate over the secrets."""
        self._collect()
        return iter([*self._secrets.values()])

    def make(self, kind: Kind) -> str:
        """Generate a secret, and return its needle."""
        needle = token_hex(8)
        self._add(kind, needle)
        return needle

    def watch(self, account: Account) -> None:
        """Record the tokens that an account gets, and the secrets in its body."""

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
        """Record the transient tokens that a server mints."""
        server.transient_tokens = _Noted(
            lambda token: self._add(Kind.TRANSIENT_TOKEN, token, server)
        )

    def watch_stranger(self, stranger: Hostile) -> None:
        """Record the tokens of a server controlled by a stranger."""
        self._add(Kind.SERVER_TOKEN, stranger.access_token, stranger)
        self._add(Kind.TRANSIENT_TOKEN, stranger.transient_token, stranger)

    def find(self, text: str, *but: Kind) -> list[str]:
        """Return the places of secrets in a text, except for secrets of some kinds."""
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
        """Record the secrets that Plex generates itself, and keeps.

        A numeric link code is left out, because such a number may appear anywhere.
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
