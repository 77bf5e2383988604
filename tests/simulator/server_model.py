"""The data of a Plex Media Server: its name, who has access, and which tokens it accepts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any
from uuid import uuid4

from .account import Account, Extra
from .accounts import new_token
from .answers import Json
from .certificates import ServerCertificate
from .clock import Clock
from .connection import Connection, plex_direct_host, url_host
from .library import Library

TRANSIENT_LIFE = timedelta(hours=48)

type Flags = str  # "bool", "int" or "str"


@dataclass(frozen=True, slots=True)
class Access:
    """The account behind a token, or None if a server requires no token."""

    account: Account | None
    transient: bool = False


@dataclass(eq=False, kw_only=True)
class ServerModel:
    """The state of one server. Every change shows up in the next answer.

    `token` is the durable token of the owner; None means that it is the owner's account
    token. `answers_as` makes this server identify itself as another one. `extra` is
    merged last into the entry in /resources; the next `left_out` lists omit the entry.
    In `maintenance`, a server answers every request accordingly. With `allowed_paths`
    (patterns), it is behind a proxy that lets nothing else through. With `echo`, it
    repeats headers and tokens in every answer except new tokens. `picture` replaces
    every picture, including its content type.
    """

    clock: Clock = field(repr=False)
    certificate: ServerCertificate = field(repr=False)
    owner: Account
    name: str = "Attic"
    shared_with: Sequence[Account] = ()
    home: bool = False
    hosts: Sequence[str] = ("127.0.0.1",)
    port: int = 0
    tls: bool = False
    machine_identifier: str = field(default_factory=lambda: token_hex(20))
    answers_as: str | None = None
    version: str = "1.43.2.10000-abcdef123"
    api_version: str = "1.2.2"
    token: str | None = None
    claimed: bool = True
    allow_tokenless: bool = False
    https_required: bool = False
    mint_with_transient: bool = False
    post_token_status: int | None = None
    maintenance: bool = False
    allowed_paths: Sequence[str] | None = None
    echo: bool = False
    picture: tuple[bytes, str] | None = None
    library: Library = field(default_factory=Library, repr=False)
    device_as_list: bool = False
    flags_as: Flags = "bool"
    sources: dict[str, ServerModel | Mapping[str, Json]] = field(default_factory=dict)

    connections: list[Connection] = field(default_factory=list)
    listed: bool = True
    left_out: int = 0
    access_token_null: bool = False
    presence: bool = True
    relay: bool = True
    public_address: str = "203.0.113.7"
    public_address_matches: bool = True
    dns_rebinding_protection: bool = False
    nat_loopback_supported: bool = True
    product: str = "Plex Media Server"
    platform: str | None = "Linux"
    platform_version: str | None = "6.12"
    device: str | None = "PC"
    created_at: datetime = field(init=False)
    extra: Extra = field(default_factory=dict)

    transient_tokens: dict[str, datetime] = field(default_factory=dict)
    shared_tokens: dict[Account, str] = field(default_factory=dict)
    _minted_for: dict[str, Account | None] = field(
        default_factory=dict, init=False, repr=False
    )

    def __post_init__(self) -> None:
        """Set the creation time by the simulated clock."""
        self.created_at = self.clock.now()

    @property
    def url(self) -> str:
        """The URL of the first listening address, without a plex.direct name."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{url_host(self.hosts[0])}:{self.port}"

    @property
    def certificate_hash(self) -> str:
        """The 32 hex digits in this server's plex.direct names."""
        return self.certificate.hash

    @certificate_hash.setter
    def certificate_hash(self, value: str) -> None:
        self.certificate.renew(value)

    def renew_certificate(self) -> str:
        """Switch to a certificate with another hash, advertise it, and return the hash."""
        old, new = self.certificate_hash, token_hex(16)
        self.certificate_hash = new
        self.connections = [
            replace(one, uri=one.uri.replace(f".{old}.", f".{new}."))
            for one in self.connections
        ]
        return new

    def connection(
        self,
        *,
        local: bool = True,
        relay: bool = False,
        host: str | None = None,
        scheme: str | None = None,
    ) -> Connection:
        """Return a connection that actually leads to this server.

        With TLS it has a plex.direct name, even if `scheme` is http.
        """
        address = host or self.hosts[0]
        scheme = scheme or ("https" if self.tls else "http")
        name = (
            plex_direct_host(address, self.certificate_hash)
            if self.tls
            else url_host(address)
        )
        return Connection(
            uri=f"{scheme}://{name}:{self.port}",
            protocol=scheme,
            address=address,
            port=self.port,
            local=local and not relay,
            relay=relay,
            ipv6=":" in address,
        )

    def described(self, **fields: Any) -> Connection:
        """Parse a connection from JSON; without a URI it leads to this server."""
        return Connection(**fields) if "uri" in fields else self.connection(**fields)

    def is_listed_for(self, account: Account) -> bool:
        """Return whether an account finds this server in /resources."""
        return (
            self.listed
            and self.claimed
            and (account is self.owner or account in self.shared_with)
        )

    def access_token(self, account: Account, presented: str) -> str:
        """Return the server token that /resources returns to an account.

        For an owner this is usually the token sent with the request. Other users have a
        separate token for each server.
        """
        if account is self.owner:
            return self.token or presented
        return self.shared_tokens.setdefault(account, new_token())

    def forget_tokens(self, account: Account, *, transient: bool) -> None:
        """Revoke an account's tokens for this server, optionally including transient ones."""
        self.shared_tokens.pop(account, None)
        if account is self.owner and self.token is not None:
            self.token = new_token()
        if transient:
            for token, minter in self._minted_for.items():
                if minter is account:
                    self.transient_tokens.pop(token, None)

    def access(self, token: str | None) -> Access | None:
        """Return who a token belongs to, or None if it is refused."""
        if self.claimed and token is not None:
            expiry = self.transient_tokens.get(token)
            if expiry is not None and self.clock.now() < expiry:
                return Access(self._minted_for.get(token), transient=True)
            if token == self.token or token in self.owner.tokens:
                return Access(self.owner)
            for account in self.shared_with:
                if self.shared_tokens.get(account) == token:
                    return Access(account)
        return Access(None) if self.allow_tokenless else None

    def mint(self, account: Account | None) -> str:
        """Mint a transient token with the access level of an account."""
        token = f"transient-{uuid4()}"
        self.transient_tokens[token] = self.clock.now() + TRANSIENT_LIFE
        self._minted_for[token] = account
        return token

    def forget_transient_tokens(self) -> None:
        """Forget transient tokens, as a restart does."""
        self.transient_tokens.clear()
        self._minted_for.clear()
