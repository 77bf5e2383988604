"""How an account stays up to date, and how it handles outages and rejected tokens."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Event, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr

from .common import ACCOUNT_REFRESH, Home, entity_id_of, press_refresh, state_of, until
from .dialogs import UNREADABLE, Dialogs

pytestmark = pytest.mark.usefixtures("loaded")

MINUTE = timedelta(minutes=1)
CONFIRMATION = timedelta(seconds=62)

REFUSALS: list[dict[str, Any]] = [{"status": 401}, {"status": 422, "code": 1001}]
STRANGER = {"id": 1, "uuid": "f" * 16, "subscription": {"active": True}}
IN_PASSING: list[dict[str, Any]] = [
    *({"status": status} for status in (400, 403, 408, 418, 422, 500, 503)),
    {"status": 404, "empty": True},
    {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
    {"body": "<!DOCTYPE html><html></html>", "content_type": "text/html"},
    *({"body": body} for body in ("", "{", "<html>", {"resources": None})),
    *({"action": what} for what in ("drop", "truncate", "endless", "gzip_bomb")),
    {"action": "hang"},
    UNREADABLE,
]
ON_EITHER_PATH = pytest.mark.parametrize("path", ["/user", "/resources"])


async def refuse_twice(home: Home, **fault: Any) -> None:
    """Let plex.tv reject the token until the rejection is believed."""
    home.simulator.fault(path="/user", **fault or {"status": 401})
    await home.refresh()
    assert home.plex_pass == "off"
    await home.wait(CONFIRMATION)


async def take_again(home: Home) -> None:
    """Let plex.tv accept the token again, and refresh."""
    home.simulator.clear_faults()
    await home.wait(8 * MINUTE)
    assert home.plex_pass == "off"


@ON_EITHER_PATH
@pytest.mark.parametrize("fault", IN_PASSING, ids=lambda fault: str(fault)[:60])
async def test_bad_answers(home: Home, path: str, fault: dict[str, Any]) -> None:
    """Temporary failures go unnoticed; persistent ones make the account's entities unavailable."""
    home.simulator.clear_requests()
    home.account.subscription["active"] = True
    home.simulator.fault(path=path, times=2, **fault)
    await home.wait_in_vain(ACCOUNT_REFRESH)
    assert home.plex_pass == "on"
    assert home.asked().count(path) == 3
    assert home.log == []

    bad = home.simulator.fault(path=path, **fault)
    await home.wait_in_vain(ACCOUNT_REFRESH)
    assert home.plex_pass == "unavailable"
    assert home.connectivity() == "on"
    assert home.dialogs() == []
    bad.remove()
    await home.wait(MINUTE)
    assert home.plex_pass == "on"
    assert home.log == ["ERROR", "INFO"]
    assert "RecursionError" not in home.caplog.text


@ON_EITHER_PATH
@pytest.mark.parametrize("fault", REFUSALS, ids=str)
async def test_one_refusal(home: Home, path: str, fault: dict[str, Any]) -> None:
    """After a single rejection, the token is silently checked again a minute later."""
    home.simulator.fault(path=path, times=1, **fault)
    await home.refresh()
    assert home.plex_pass == "off"
    home.account.subscription["active"] = True
    home.simulator.clear_requests()
    await home.wait(timedelta(seconds=58))
    assert home.asked() == []
    await home.wait(timedelta(seconds=4))
    assert home.plex_pass == "on"
    assert home.dialogs() == []
    assert home.state("event", "activity") == "unknown"
    assert home.log == []

    home.simulator.clear_requests()
    await home.wait(29 * MINUTE)
    assert home.asked() == []
    await home.wait(2 * MINUTE)
    assert sorted(home.asked()) == ["/resources", "/user"]


async def test_pauses_of_an_outage(home: Home) -> None:
    """During an outage, plex.tv is retried after 1, 2, 4, 8, 16, and then every 30 minutes."""
    home.simulator.fault(path="/user", status=503)
    await home.refresh()
    for minutes in (1, 2, 4, 8, 16, 30, 30):
        home.simulator.clear_requests()
        await home.wait(minutes * MINUTE - timedelta(seconds=3))
        assert home.asked() == []
        await home.wait(timedelta(seconds=4))
        assert home.asked().count("/user") == 3


async def test_outages(home: Home) -> None:
    """Servers keep working during outages, which are logged once in six hours."""
    key = home.unique_id("connectivity", home.server)
    before = state_of(home.hass, "binary_sensor", key)
    for _ in range(3):
        bad = home.simulator.fault(path="/user", status=503)
        await home.refresh()
        assert home.plex_pass == "unavailable"
        bad.remove()
        await home.wait(MINUTE)
        assert home.plex_pass == "off"
    assert home.log == ["ERROR", "INFO"]

    logged: list[int] = []
    await home.simulator.stop_plex_tv()
    for _ in range(48):
        await home.refresh()
        assert home.plex_pass == "unavailable"
        assert home.connectivity() == "on"
        logged.append(len(home.log))
    assert logged == [2] * 9 + [3] * 39
    await home.simulator.start_plex_tv()
    await home.refresh()
    assert home.plex_pass == "off"
    after = state_of(home.hass, "binary_sensor", key)
    assert after.last_changed == before.last_changed
    assert home.log == ["ERROR", "INFO"] * 2


@pytest.mark.parametrize(
    ("retry_after", "quiet"),
    [("7200", 7190), ("0", 50), ("1", 50), ("Thu, 01 Jan 2026 00:00:00 GMT", 50)],
)
@pytest.mark.parametrize("ask", [Home.refresh, Home.reload])
async def test_retry_after(
    home: Home, ask: Callable[[Home], Awaitable[None]], retry_after: str, quiet: int
) -> None:
    """A wait requested by plex.tv is respected; requests come at most once a minute."""
    headers = {"Retry-After": retry_after}
    busy = home.simulator.fault(path="/user", status=429, headers=headers)
    await ask(home)
    assert home.plex_pass == "unavailable"
    home.simulator.clear_requests()
    for _ in range(10):
        await home.wait(timedelta(seconds=quiet / 10))
    assert home.asked() == []
    busy.remove()
    await home.wait(timedelta(seconds=15))
    assert home.plex_pass == "off"


async def test_day_of_trouble(home: Home) -> None:
    """After a day on which every other answer of plex.tv is bad, everything works."""
    trouble = home.simulator.trouble(probability=0.5, seed=9)
    for _ in range(24 * 6):
        home.simulator.clear_requests()
        await home.wait_in_vain(10 * MINUTE)
        assert home.connectivity() == "on"
    assert trouble.hits > 50

    home.simulator.clear_faults()
    await home.refresh(2)
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.plex_pass == "off"
    assert home.connectivity() == "on"
    assert home.dialogs() == []
    assert len(home.log) <= 20
    records = home.caplog.records
    assert not [one for one in records if one.exc_info and one.levelname != "DEBUG"]


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        *((fault, "token_revoked") for fault in REFUSALS),
        ({"body": STRANGER}, "other_account"),
    ],
    ids=str,
)
async def test_refused_twice(home: Home, fault: dict[str, Any], key: str) -> None:
    """A token that is rejected twice, or belongs to another account, starts one reauth."""
    seen: list[str] = []

    @callback
    def look(event: Event[Any]) -> None:
        if event.data["entity_id"].startswith("event."):
            seen.append(home.plex_pass)

    home.hass.bus.async_listen("state_changed", look)
    await refuse_twice(home, **fault)
    assert home.plex_pass == "unavailable"
    assert home.connectivity() == "on"
    assert home.dialogs() == ["reauth"]
    activity = state_of(home.hass, "event", home.unique_id("activity"))
    assert activity.attributes["event_type"] == "token_rejected"
    assert seen == ["unavailable"]
    with pytest.raises(HomeAssistantError) as failed:
        await home.press()
    assert failed.value.translation_key == key
    assert home.dialogs() == ["reauth"]
    assert seen == ["unavailable"]

    await take_again(home)
    assert home.dialogs() == []
    await refuse_twice(home, **fault)
    assert seen == ["unavailable"] * 2


async def test_taken_again_during_a_sign_in(home: Home, dialogs: Dialogs) -> None:
    """An open reauth may be completed, and one rejection of its new token starts no reauth."""
    home.account.code = None
    await refuse_twice(home)
    (menu,) = dialogs.in_progress
    form = await dialogs.choose(menu, "password")
    await take_again(home)
    assert home.dialogs() == ["reauth"]
    assert (await dialogs.log_in(form))["reason"] == "reauth_successful"
    await home.settle()
    assert home.plex_pass == "off"

    home.simulator.revoke(home.account)
    await home.refresh()
    await home.wait(CONFIRMATION)
    (menu,) = dialogs.in_progress
    form = await dialogs.choose(menu, "password")
    home.simulator.fault(path="/resources", status=401, times=1)
    await dialogs.log_in(form)
    await home.settle()
    assert home.entry.state is ConfigEntryState.SETUP_RETRY
    assert home.dialogs() == []
    await home.wait(CONFIRMATION)
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.plex_pass == "off"


async def test_reconfigure_is_open(home: Home, dialogs: Dialogs) -> None:
    """An open reconfigure dialog suppresses reauth, which starts after the dialog is closed."""
    step = await dialogs.open("reconfigure", home.entry)
    await refuse_twice(home)
    assert home.dialogs() == ["reconfigure"]
    dialogs.close(step)
    await home.wait(2 * MINUTE)
    assert home.dialogs() == ["reauth"]
    await take_again(home)
    assert home.dialogs() == []


async def test_refused_by_an_action(home: Home) -> None:
    """A rejected action only causes the token to be checked again soon."""
    home.simulator.fault(path="/user", status=401, times=1)
    await home.refused("get_token_details", "token_revoked")
    assert home.dialogs() == []
    home.simulator.clear_requests()
    home.simulator.fault(path="/user", status=401, times=1)
    await home.wait(CONFIRMATION)
    assert home.asked().count("/user") == 1
    assert home.dialogs() == ["reauth"]
    await home.wait(2 * MINUTE)
    assert home.plex_pass == "off"
    assert home.dialogs() == []


async def test_button_in_an_outage(home: Home) -> None:
    """During an outage the button stays available, retries, and reports a readable error."""
    home.simulator.fault(path="/user", status=503)
    await home.refresh()
    assert home.state("button", "refresh") != "unavailable"
    with pytest.raises(HomeAssistantError) as failed:
        await home.press()
    assert failed.value.translation_key == "plex_tv_http_status"
    assert failed.value.translation_placeholders == {"status": "503"}

    home.simulator.clear_faults()
    press = home.hass.async_create_task(press_refresh(home.hass, home.account))
    await asyncio.sleep(0)
    home.freezer.tick(11)
    async_fire_time_changed(home.hass)
    await press
    assert home.plex_pass == "off"


async def test_many_presses(home: Home) -> None:
    """Presses during a refresh join it; later ones result in one refresh per ten seconds."""
    home.simulator.clear_requests()
    button = {"entity_id": entity_id_of(home.hass, "button", home.unique_id("refresh"))}

    async def press() -> None:
        await home.hass.services.async_call("button", "press", button, blocking=True)

    hang = home.simulator.fault(path="/user", action="hang", times=1)
    presses = [home.hass.async_create_task(press()) for _ in range(10)]
    await until(lambda: hang.hits)
    hang.release()
    await asyncio.gather(*presses)
    assert home.asked(home.server) == ["/"]
    for _ in range(10):
        await press()
    assert sorted(home.asked()) == ["/resources", "/user"]

    await home.wait(timedelta(seconds=11))
    assert len(home.asked()) == 4
    await home.wait(timedelta(seconds=50))
    assert len(home.asked()) == 4
    assert home.plex_pass == "off"


async def test_names(home: Home) -> None:
    """Title and device name follow the account's name until the user changes them."""
    assert home.device().name == "Plex ada"
    home.account.friendly_name = "Ada L."
    await home.refresh()
    assert home.entry.title == "Ada L."
    assert home.device().name == "Plex Ada L."
    await home.unload()
    home.account.friendly_name = "Countess"
    await home.set_up()
    assert home.entry.title == "Countess"

    home.hass.config_entries.async_update_entry(home.entry, title="Mine")
    registry = dr.async_get(home.hass)
    registry.async_update_device(home.device().id, name_by_user="My Plex")
    home.account.friendly_name = "Lady Lovelace"
    await home.refresh(2)
    assert home.entry.title == "Mine"
    assert home.device().name_by_user == "My Plex"
