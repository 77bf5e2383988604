"""How an entry handles hosts that hang, clocks that jump, and odd data."""

from datetime import timedelta
from typing import Any

import pytest

from homeassistant.config_entries import ConfigEntryState

from .common import CLIENT_IDENTIFIER, DISTANT_REFRESH, DOMAIN, LOCAL_REFRESH, Home
from .dialogs import RENEWALS, Dialogs, Source, check_abort

DAY = timedelta(days=1)
ABSENT = "absent"
LONG, HUGE = "long " * 1000, 10**30


async def test_server_that_hangs(home: Home) -> None:
    """A server that no longer answers in time is off until it answers again."""
    await home.set_up()
    hang = home.fault(action="hang")
    await home.wait_in_vain(LOCAL_REFRESH)
    assert hang.hits == 3
    assert home.connectivity() == "off"
    assert home.plex_pass == "off"
    hang.remove()
    await home.wait(DISTANT_REFRESH)
    assert home.connectivity() == "on"


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])
async def test_clock_that_jumps(home: Home, jump: timedelta) -> None:
    """After a clock adjustment everything goes on, and tokens work."""
    await home.set_up()
    home.freezer.tick(jump)
    await home.press()
    for _ in range(3):
        await home.refresh()
        assert home.plex_pass == "off"
        assert home.connectivity() == "on"
    answer = await home.call("get_transient_token")
    assert answer["token"] in home.server.transient_tokens
    assert {one.status for one in home.simulator.requests} == {200}
    assert home.dialogs() == []
    assert home.errors == []


async def test_clock_put_back_while_a_certificate_is_wrong(home: Home) -> None:
    """A new certificate is looked up even if the last lookup seems to lie in the future."""
    await home.set_up()
    for jump in (timedelta(0), DAY):
        home.freezer.tick(jump)
        home.server.renew_certificate()
        await home.server.restart()
        await home.wait()
        assert home.connectivity() == "on"


@pytest.mark.parametrize(
    "fields",
    [
        {"homeSize": HUGE, "joinedAt": HUGE, "maxHomeSize": HUGE},
        {"homeSize": "many", "joinedAt": "once", "title": 5, "guest": "yes"},
        {"homeSize": None, "joinedAt": None, "title": None, "services": None},
        {"subscription": {"plan": LONG, "status": LONG, "subscribedAt": LONG}},
        {"subscription": [], "profile": [], "roles": {}, "entitlements": 5},
        {"subscriptions": [None, 5, {"type": 5, "state": [], "renewsAt": LONG}]},
        {"friendlyName": LONG, "username": "\n\0\u202e"},
        {"name": LONG, "sourceTitle": LONG, "productVersion": LONG, "product": LONG},
        {"name": "\n\0\u202e", "ownerId": HUGE, "createdAt": HUGE, "lastSeenAt": HUGE},
        {"name": None, "productVersion": None, "product": None, "lastSeenAt": LONG},
        {"name": "<b>{name}</b> %s {{ states('x') }}"},
    ],
    ids=lambda fields: str(fields)[:40],
)
async def test_odd_fields(
    all_enabled: None, home: Home, fields: dict[str, Any]
) -> None:
    """Odd fields of an account or of a shared server don't break anything."""
    home.account.extra |= fields
    cellar = await home.friend(extra={**fields})
    await home.set_up()
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.plex_pass in ("off", "unknown")
    assert home.connectivity(cellar) == "on"
    assert home.errors == []
    for state in home.hass.states.async_all():
        assert len(str(state.as_dict())) < 5000
    home.account.extra.clear()
    cellar.extra.clear()
    await home.refresh()
    assert home.plex_pass == "off"
    assert home.connectivity(cellar) == "on"


@pytest.mark.parametrize("source", RENEWALS)
@pytest.mark.parametrize(
    "damage",
    [
        *({"token": token} for token in (ABSENT, None, "", 5, ["x"])),
        *({"client_identifier": identifier} for identifier in (ABSENT, None, "", 5)),
        *({"url": url} for url in (5, None, "http://192.0.2.1/api/v2")),
        *({"username": username} for username in (None, "", 5, ["ada"])),
    ],
    ids=str,
)
async def test_damaged_entry(
    home: Home, dialogs: Dialogs, source: Source, damage: dict[str, Any]
) -> None:
    """An entry with unusable data starts a reauth, which repairs it."""
    data = {**home.entry.data, **damage}
    data = {name: value for name, value in data.items() if value is not ABSENT}
    home.hass.config_entries.async_update_entry(home.entry, data=data)
    await home.set_up()
    if "username" in damage:
        assert home.entry.state is ConfigEntryState.LOADED
    else:
        assert home.entry.state is ConfigEntryState.SETUP_ERROR
        assert home.entry.error_reason_translation_key == "entry_damaged"
        assert home.dialogs() == ["reauth"]

    check_abort(await dialogs.complete(source), f"{source}_successful")
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.entry.data["username"] == "ada"
    assert home.connectivity() == "on"

    home.caplog.clear()
    home.update_entry(**damage)
    await home.remove()
    assert home.hass.config_entries.async_entries(DOMAIN) == []
    assert home.errors == []


async def test_token_of_somebody_else(home: Home, dialogs: Dialogs) -> None:
    """A token that belongs to another account reveals nothing about that account."""
    grace = home.simulator.add_account(username="grace", email="grace@example.com")
    grace.tokens["of somebody else"] = CLIENT_IDENTIFIER
    home.update_entry(token="of somebody else")
    await home.set_up()
    for _ in range(4):
        await home.wait(timedelta(minutes=1))
    assert home.entry.state is ConfigEntryState.SETUP_RETRY
    assert home.entry.error_reason_translation_key == "other_account"
    assert home.dialogs() == ["reauth"]

    (menu,) = dialogs.in_progress
    check_abort(await dialogs.sign_in(menu), "reauth_successful")
    await home.settle()
    assert home.plex_pass == "off"
