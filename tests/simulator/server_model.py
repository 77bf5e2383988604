"""A Plex Media Server as data: what it is called, who may enter, which tokens it knows."""

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
    """Who stands behind a token. Nobody does where a server asks for none."""

    account: Account | None
    transient: bool = False


@dataclass(eq=False, kw_only=True)
class ServerModel:
    """The state of one server. Every change shows in the next answer.

    `token` is the durable token of the owner; None means that it is the owner's account
    token. `answers_as` makes another server's identity answer at this one's address.
    `extra` is merged last into the entry of /resources; so many of the next lists as
    `left_out` says don't have it. In `maintenance` a server says so to everything. With
    `allowed_paths` (patterns) it is behind something that lets nothing else through. An
    `echo` repeats headers and tokens in every answer but a new token. `picture` is sent
    in place of every picture, with its content type.
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
        """Be as old as the simulated world."""
        self.created_at = self.clock.now()

    @property
    def url(self) -> str:
        """The URL of the first listening address, without any plex.direct name."""
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
        """Get a certificate of another hash, advertise it, and return that hash."""
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
        """Describe a way that really leads to this server.

        With TLS its name is one of plex.direct, whatever `scheme` stands before it.
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
        """Read a connection from JSON; without a uri it leads to this server."""
        return Connection(**fields) if "uri" in fields else self.connection(**fields)

    def is_listed_for(self, account: Account) -> bool:
        """Whether an account finds this server in /resources."""
        return (
            self.listed
            and self.claimed
            and (account is self.owner or account in self.shared_with)
        )

    def access_token(self, account: Account, presented: str) -> str:
        """Return the server token that /resources gives an account.

        For an owner that usually is the very token that was presented. Everybody else has a
        token of their own for each server.
        """
        if account is self.owner:
            return self.token or presented
        return self.shared_tokens.setdefault(account, new_token())

    def forget_tokens(self, account: Account, *, transient: bool) -> None:
        """End the tokens that an account has for this server, transient ones if told to."""
        self.shared_tokens.pop(account, None)
        if account is self.owner and self.token is not None:
            self.token = new_token()
        if transient:
            for token, minter in self._minted_for.items():
                if minter is account:
                    self.transient_tokens.pop(token, None)

    def access(self, token: str | None) -> Access | None:
        """Find out who stands behind a token; None where it is refused."""
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
        """Make a transient token with the access level of an account."""
        token = f"transient-{uuid4()}"
        self.transient_tokens[token] = self.clock.now() + TRANSIENT_LIFE
        self._minted_for[token] = account
        return token

    def forget_transient_tokens(self) -> None:
        """Do what a restart does."""
        self.transient_tokens.clear()
        self._minted_for.clear()
