"""Plex Home: its members, and switching between them."""

from .account import Account
from .accounts import Accounts
from .answers import Json
from .errors import HOME_PIN_REQUIRED, NOT_FOUND, Refusal
from .log import LoggedRequest


def member_body(member: Account) -> dict[str, Json]:
    """Build a member as the list of Home users shows it."""
    return {
        "id": member.id,
        "uuid": member.uuid,
        "title": member.display_title,
        "username": member.username,
        "email": member.email,
        "friendlyName": member.friendly_name,
        "thumb": member.thumb,
        "hasPassword": member.has_password,
        "restricted": member.restricted,
        "admin": member.home_admin,
        "guest": member.guest,
        "protected": member.is_protected,
    }


def switch(
    accounts: Accounts, account: Account, request: LoggedRequest, key: str
) -> tuple[Account, str] | Refusal:
    """Become another member, named by uuid or id. A Home PIN is asked of everybody."""
    member = next(
        (
            one
            for one in accounts.household_of(account)
            if key in (one.uuid, str(one.id))
        ),
        None,
    )
    if member is None:
        return NOT_FOUND
    if member.is_protected and request.query.get("pin") != member.pin:
        return HOME_PIN_REQUIRED
    return member, accounts.sign_in(member, request.client_identifier or "")
