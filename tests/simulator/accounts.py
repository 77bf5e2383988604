"""All accounts of the simulated plex.tv and the tokens they hold."""

from collections.abc import Iterator
from secrets import token_urlsafe
from typing import Any

from .account import Account

type SignOutScope = str  # "token" or "client"


def new_token() -> str:
    """Return a token of the legacy kind: 20 opaque characters."""
    return token_urlsafe(15)


class Accounts:
    """The register of accounts."""

    def __init__(self) -> None:
        """Initialize without accounts."""
        self._accounts: list[Account] = []

    def __iter__(self) -> Iterator[Account]:
        """Iterate over the accounts in the order they were added."""
        return iter(self._accounts)

    def add(self, **fields: Any) -> Account:
        """Add an account."""
        account = Account(**fields)
        self._accounts.append(account)
        return account

    def by_login(self, login: str) -> Account | None:
        """Find an account by its username, or by its email address in any letter case."""
        return next(
            (
                account
                for account in self._accounts
                if login
                and (
                    login == account.username or login.lower() == account.email.lower()
                )
            ),
            None,
        )

    def by_token(self, token: str | None) -> Account | None:
        """Find the account that an account token belongs to."""
        return next(
            (account for account in self._accounts if token in account.tokens), None
        )

    def by_uuid(self, uuid: str) -> Account | None:
        """Find an account by its uuid."""
        return next(
            (account for account in self._accounts if account.uuid == uuid), None
        )

    def sign_in(self, account: Account, client_identifier: str) -> str:
        """Give an account a new token, tied to a client identifier."""
        token = new_token()
        account.tokens[token] = client_identifier
        return token

    def sign_out(self, token: str, scope: SignOutScope) -> None:
        """Revoke one token, or every token of the same account and client identifier."""
        account = self.by_token(token)
        if account is None:
            return
        client_identifier = account.tokens.pop(token)
        if scope == "client":
            for other, owner in list(account.tokens.items()):
                if owner == client_identifier:
                    del account.tokens[other]
