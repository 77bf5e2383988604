"""How an account is kept current, and what an outage or a refused token does."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from homeassistant.config_entries import ConfigEntryState
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from tests.simulator import LoggedRequest

from .common import (
    ACCOUNT_REFRESH,
    Home,
    entity_id_of,
    own_log,
    press_refresh,
    settle,
    state_of,
    until,
)
from .dialogs import Dialogs

MINUTE = timedelta(minutes=1)
CONFIRMATION = timedelta(seconds=62)

INVALID_TOKEN = {"errors": [{"code": 1001, "message": "Invalid token", "status": 422}]}
REFUSALS: list[dict[str, Any]] = [
    {"status": 401},
    {"status": 422, "body": INVALID_TOKEN},
]
IN_PASSING: list[dict[str, Any]] = [
    {"status": 400},
    {"status": 403},
    {"status": 404, "empty": True},
    {"status": 408},
    {"status": 418},
    {"status": 422},
    {"status": 500},
    {"status": 503},
    {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
    {"body": "<!DOCTYPE html><html></html>", "content_type": "text/html"},
    {"body": ""},
    {"body": "{"},
    {"body": {"resources": None}},
    {"action": "drop"},
    {"action": "truncate"},
    {"action": "endless"},
    {"action": "gzip_bomb"},
]
ON_EITHER_PATH = pytest.mark.parametrize("path", ["/user", "/resources"])


async def time_out(home: Home) -> None:
    """Let every request to plex.tv that hangs run into its time-out, at once."""
    work = asyncio.ensure_future(settle(home.hass))
    given_up: set[LoggedRequest] = set()
    while not work.done():
        for _ in range(100):
            await asyncio.sleep(0)
        open_now = {one for one in home.simulator.requests if one.status is None}
        if open_now - given_up:
            given_up |= open_now
            home.freezer.tick(timedelta(seconds=31))
            async_fire_time_changed(home.hass)


async def refuse_twice(home: Home, **fault: Any) -> None:
    """Let plex.tv refuse the token for as long as it takes to be believed."""
    home.simulator.fault(path="/user", **fault or {"status": 401})
    await home.wait(ACCOUNT_REFRESH)
    await home.wait(CONFIRMATION)


def activity(home: Home) -> Any:
    """Return what the activity says happened last."""
    entity = state_of(home.hass, "event", home.unique_id("activity"))
    return entity.attributes["event_type"]


# Second opinions


async def test_refresh(home: Home) -> None:
    """What changes at plex.tv is seen half an hour later, and asked for by two requests."""
    await home.set_up()
    assert home.plex_pass == "off"

    home.account.subscription["active"] = True
    home.simulator.clear_requests()
    await home.wait(29 * MINUTE)
    assert home.plex_pass == "off"
    assert home.asked() == []
    await home.wait(2 * MINUTE)
    assert home.plex_pass == "on"
    assert sorted(home.asked()) == ["/resources", "/user"]


@ON_EITHER_PATH
@pytest.mark.parametrize("fault", IN_PASSING, ids=str)
async def test_one_bad_answer(
    home: Home, caplog: pytest.LogCaptureFixture, path: str, fault: dict[str, Any]
) -> None:
    """What fails in passing is asked again within the refresh, and nobody notices."""
    await home.set_up()
    home.simulator.clear_requests()
    home.account.subscription["active"] = True
    home.simulator.fault(path=path, times=2, **fault)
    await home.wait(ACCOUNT_REFRESH)
    assert home.plex_pass == "on"
    assert home.asked().count(path) == 3
    assert own_log(caplog) == []


@ON_EITHER_PATH
async def test_one_silence(
    home: Home, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    """A request that is not answered in time is asked again as well."""
    await home.set_up()
    home.account.subscription["active"] = True
    hang = home.simulator.fault(path=path, action="hang", times=2)
    home.simulator.clear_requests()
    home.freezer.tick(ACCOUNT_REFRESH)
    async_fire_time_changed(home.hass)
    await time_out(home)
    assert hang.hits == 2
    assert home.plex_pass == "on"
    assert own_log(caplog) == []
    hang.release()


@ON_EITHER_PATH
@pytest.mark.parametrize("fault", REFUSALS, ids=str)
async def test_one_refusal(
    home: Home, caplog: pytest.LogCaptureFixture, path: str, fault: dict[str, Any]
) -> None:
    """A token that is refused once is asked about again a minute later, in silence."""
    await home.set_up()
    home.simulator.fault(path=path, times=1, **fault)
    await home.wait(ACCOUNT_REFRESH)
    assert home.plex_pass == "off"
    home.account.subscription["active"] = True
    home.simulator.clear_requests()
    await home.wait(timedelta(seconds=58))
    assert home.asked() == []
    await home.wait(timedelta(seconds=4))
    assert home.plex_pass == "on"
    assert home.dialogs() == []
    assert activity(home) is None
    assert own_log(caplog) == []

    home.simulator.clear_requests()
    await home.wait(29 * MINUTE)
    assert home.asked() == []


@ON_EITHER_PATH
@pytest.mark.parametrize("fault", IN_PASSING, ids=str)
async def test_outage(
    home: Home, caplog: pytest.LogCaptureFixture, path: str, fault: dict[str, Any]
) -> None:
    """What goes on failing makes the account's entities unavailable, and no others."""
    await home.set_up()
    bad = home.simulator.fault(path=path, **fault)
    await home.wait(ACCOUNT_REFRESH)
    assert home.plex_pass == "unavailable"
    assert home.connectivity() == "on"
    assert home.dialogs() == []

    bad.remove()
    await home.wait(MINUTE)
    assert home.plex_pass == "off"
    assert own_log(caplog) == ["ERROR", "INFO"]


async def test_pauses_of_an_outage(home: Home) -> None:
    """It is asked again after 1, 2, 4, 8, 16 and then every 30 minutes."""
    await home.set_up()
    bad = home.simulator.fault(path="/user", status=503)
    await home.wait(ACCOUNT_REFRESH)
    for minutes in (1, 2, 4, 8, 16, 30, 30):
        home.simulator.clear_requests()
        await home.wait(minutes * MINUTE - timedelta(seconds=3))
        assert home.asked() == []
        await home.wait(timedelta(seconds=4))
        assert home.asked().count("/user") == 3

    bad.remove()
    await home.wait(ACCOUNT_REFRESH)
    assert home.plex_pass == "off"
    bad = home.simulator.fault(path="/user", status=503)
    await home.wait(ACCOUNT_REFRESH)
    bad.remove()
    await home.wait(MINUTE)
    assert home.plex_pass == "off"


async def test_no_plex_tv_for_a_day(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """Servers work through an outage of any length; the log says it twice."""
    await home.set_up()
    key = home.unique_id("connectivity", home.server)
    before = state_of(home.hass, "binary_sensor", key)
    await home.simulator.stop_plex_tv()
    for _ in range(48):
        await home.wait(ACCOUNT_REFRESH)
        assert home.plex_pass == "unavailable"
        assert home.connectivity() == "on"

    await home.simulator.start_plex_tv()
    await home.wait(ACCOUNT_REFRESH)
    assert home.plex_pass == "off"
    after = state_of(home.hass, "binary_sensor", key)
    assert after.last_changed == before.last_changed
    assert own_log(caplog) == ["ERROR", "INFO"]


async def test_short_outages_are_logged_once(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """Outages within six hours are logged once, a lasting one after six hours too."""
    await home.set_up()
    for _ in range(3):
        bad = home.simulator.fault(path="/user", status=503)
        await home.wait(ACCOUNT_REFRESH)
        assert home.plex_pass == "unavailable"
        bad.remove()
        await home.wait(MINUTE)
        assert home.plex_pass == "off"
    assert own_log(caplog) == ["ERROR", "INFO"]

    home.simulator.fault(path="/user", status=503)
    for _ in range(12):
        await home.wait(ACCOUNT_REFRESH)
    home.simulator.clear_faults()
    await home.wait(ACCOUNT_REFRESH)
    assert own_log(caplog) == ["ERROR", "INFO"] * 2


async def test_retry_after(home: Home) -> None:
    """A wait that plex.tv asks for is kept."""
    await home.set_up()
    home.simulator.rate_limit(path="/user", retry_after=7200, times=1)
    await home.wait(ACCOUNT_REFRESH)
    assert home.plex_pass == "unavailable"
    home.simulator.clear_requests()
    await home.wait(119 * MINUTE)
    assert home.asked() == []
    await home.wait(2 * MINUTE)
    assert home.plex_pass == "off"


@pytest.mark.parametrize("retry_after", ["0", "1", "Thu, 01 Jan 2026 00:00:00 GMT"])
async def test_short_retry_after(home: Home, retry_after: str) -> None:
    """A plex.tv that is asked again at once is asked once a minute, no more."""
    await home.set_up()
    busy = home.simulator.fault(
        path="/user", status=429, headers={"Retry-After": retry_after}
    )
    await home.wait(ACCOUNT_REFRESH)
    home.simulator.clear_requests()
    for _ in range(10):
        await home.wait(timedelta(seconds=5))
    assert home.asked() == []

    busy.remove()
    await home.wait(timedelta(seconds=15))
    assert home.plex_pass == "off"


async def test_day_of_trouble(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """After a day on which every other answer of plex.tv is bad, all is well."""
    await home.set_up()
    trouble = home.simulator.trouble(probability=0.5, seed=9)
    for _ in range(24 * 6):
        home.simulator.clear_requests()
        home.freezer.tick(10 * MINUTE)
        async_fire_time_changed(home.hass)
        await time_out(home)
        assert home.connectivity() == "on"
    assert trouble.hits > 50

    trouble.remove()
    home.simulator.clear_faults()
    for _ in range(2):
        await home.wait(ACCOUNT_REFRESH)
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.plex_pass == "off"
    assert home.connectivity() == "on"
    assert home.dialogs() == []
    assert len(own_log(caplog)) <= 20
    assert not [one for one in caplog.records if one.exc_info and one.levelno > 10]


# A refused token


@pytest.mark.parametrize("fault", REFUSALS, ids=str)
async def test_refused_twice(home: Home, fault: dict[str, Any]) -> None:
    """A token that is refused twice asks for a sign-in once, and tells the activity."""
    await home.set_up()
    seen: list[str] = []
    home.hass.bus.async_listen(
        "state_changed",
        lambda event: (
            seen.append(home.plex_pass)
            if event.data["entity_id"].startswith("event.")
            else None
        ),
    )
    await refuse_twice(home, **fault)
    assert home.plex_pass == "unavailable"
    assert home.connectivity() == "on"
    assert home.dialogs() == ["reauth"]
    assert activity(home) == "token_rejected"
    assert seen == ["unavailable"]

    with pytest.raises(HomeAssistantError) as failed:
        await home.press()
    assert failed.value.translation_key == "token_revoked"
    assert home.dialogs() == ["reauth"]
    assert seen == ["unavailable"]

    home.simulator.clear_faults()
    await home.wait(8 * MINUTE)
    assert home.plex_pass == "off"
    assert home.dialogs() == []
    await refuse_twice(home, **fault)
    assert seen == ["unavailable"] * 2


async def test_taken_again_during_a_sign_in(home: Home, dialogs: Dialogs) -> None:
    """A sign-in that somebody has begun is left to finish, though it isn't needed."""
    home.account.code = None
    await home.set_up()
    await refuse_twice(home)
    (menu,) = dialogs.in_progress
    flow = home.hass.config_entries.flow
    await flow.async_configure(menu["flow_id"], {"next_step_id": "password"})
    home.simulator.clear_faults()
    await home.wait(8 * MINUTE)
    assert home.plex_pass == "off"
    assert home.dialogs() == ["reauth"]

    typed = {"username": "ada", "password": home.account.password}
    result = await flow.async_configure(menu["flow_id"], typed)
    assert result["reason"] == "reauth_successful"
    await settle(home.hass)
    assert home.plex_pass == "off"


async def test_sign_in_after_a_refusal_is_not_doubted(
    home: Home, dialogs: Dialogs
) -> None:
    """What was refused of an old token says nothing about a new one."""
    home.account.code = None
    await home.set_up()
    home.simulator.revoke(home.account)
    await home.wait(ACCOUNT_REFRESH)
    await home.wait(CONFIRMATION)
    (menu,) = dialogs.in_progress
    flow = home.hass.config_entries.flow
    await flow.async_configure(menu["flow_id"], {"next_step_id": "password"})
    typed = {"username": "ada", "password": home.account.password}
    home.simulator.fault(path="/resources", status=401, times=1)
    await flow.async_configure(menu["flow_id"], typed)
    await settle(home.hass)
    assert home.entry.state is ConfigEntryState.SETUP_RETRY
    assert home.dialogs() == []

    await home.wait(CONFIRMATION)
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.plex_pass == "off"


async def test_reconfigure_is_open(home: Home, dialogs: Dialogs) -> None:
    """An open dialog of the user's swallows a request to sign in, which is repeated."""
    await home.set_up()
    step = await dialogs.open("reconfigure", home.entry)
    await refuse_twice(home)
    assert home.dialogs() == ["reconfigure"]
    dialogs.close(step)
    await home.wait(2 * MINUTE)
    assert home.dialogs() == ["reauth"]

    home.simulator.clear_faults()
    await home.wait(8 * MINUTE)
    assert home.plex_pass == "off"
    assert home.dialogs() == []


async def test_refused_by_an_action(home: Home) -> None:
    """An action that is refused has the token asked about again soon, nothing else."""
    await home.set_up()
    home.simulator.fault(path="/user", status=401, times=1)
    with pytest.raises(HomeAssistantError):
        await home.hass.services.async_call(
            "plex_account", "get_token_details", blocking=True, return_response=True
        )
    assert home.dialogs() == []
    home.simulator.clear_requests()
    home.simulator.fault(path="/user", status=401, times=1)
    await home.wait(CONFIRMATION)
    assert home.asked().count("/user") == 1
    assert home.dialogs() == ["reauth"]

    await home.wait(2 * MINUTE)
    assert home.plex_pass == "off"
    assert home.dialogs() == []


async def test_another_account_answers(home: Home) -> None:
    """What plex.tv says of another account is never shown as this one's."""
    await home.set_up()
    answer = {"id": 1, "uuid": "f" * 16, "subscription": {"active": True}}
    home.simulator.fault(path="/user", body=answer)
    await home.wait(ACCOUNT_REFRESH)
    assert home.plex_pass == "off"
    await home.wait(CONFIRMATION)
    assert home.plex_pass == "unavailable"
    assert home.connectivity() == "on"

    home.simulator.clear_faults()
    await home.wait(8 * MINUTE)
    assert home.plex_pass == "off"


# The button


async def test_refresh_button(home: Home) -> None:
    """The button asks plex.tv and each server at once."""
    await home.set_up()
    home.simulator.clear_requests()
    await home.press()
    assert sorted(home.asked()) == ["/resources", "/user"]
    assert home.asked(home.server) == ["/"]


@pytest.mark.parametrize(
    ("fault", "key", "placeholders"),
    [
        ({"status": 503}, "plex_tv_http_status", {"status": "503"}),
        ({"status": 429}, "plex_tv_rate_limited", {}),
        ({"body": "<html>"}, "plex_tv_unexpected", {}),
        ({"action": "drop"}, "plex_tv_unavailable", {}),
    ],
)
async def test_button_in_an_outage(
    home: Home, fault: dict[str, Any], key: str, placeholders: dict[str, str]
) -> None:
    """The button is available and asks while plex.tv is out, and says why in words."""
    await home.set_up()
    home.simulator.fault(path="/user", **fault)
    await home.wait(ACCOUNT_REFRESH)
    assert home.state("button", "refresh") != "unavailable"
    with pytest.raises(HomeAssistantError) as failed:
        await home.press()
    assert failed.value.translation_key == key
    assert failed.value.translation_placeholders == placeholders

    home.simulator.clear_faults()
    press = home.hass.async_create_task(press_refresh(home.hass, home.account))
    await asyncio.sleep(0)
    home.freezer.tick(11)
    async_fire_time_changed(home.hass)
    await press
    assert home.plex_pass == "off"


async def test_many_presses(home: Home) -> None:
    """Presses while one runs join it; of later ones one refresh in ten seconds comes."""
    await home.set_up()
    home.simulator.clear_requests()
    button = entity_id_of(home.hass, "button", home.unique_id("refresh"))

    async def press() -> None:
        await home.hass.services.async_call(
            "button", "press", {"entity_id": button}, blocking=True
        )

    hang = home.simulator.fault(path="/user", action="hang", times=1)
    presses = [home.hass.async_create_task(press()) for _ in range(10)]
    await until(lambda: hang.hits)
    hang.release()
    await asyncio.gather(*presses)
    for _ in range(10):
        await press()
    assert sorted(home.asked()) == ["/resources", "/user"]

    await home.wait(timedelta(seconds=11))
    assert len(home.asked()) == 4
    await home.wait(timedelta(seconds=50))
    assert len(home.asked()) == 4
    assert home.plex_pass == "off"


# Names


async def test_renamed_account(home: Home) -> None:
    """A new name of the account shows in title and device."""
    await home.set_up()
    assert home.device().name == "Plex ada"
    home.account.friendly_name = "Ada L."
    await home.wait(ACCOUNT_REFRESH)
    assert home.entry.title == "Ada L."
    assert home.device().name == "Plex Ada L."

    await home.unload()
    home.account.friendly_name = "Countess"
    await home.set_up()
    assert home.entry.title == "Countess"


async def test_name_of_the_user(home: Home) -> None:
    """A title that the user has given stays, as does the name of a device."""
    await home.set_up()
    home.hass.config_entries.async_update_entry(home.entry, title="Mine")
    registry = dr.async_get(home.hass)
    registry.async_update_device(home.device().id, name_by_user="My Plex")
    home.account.friendly_name = "Ada L."
    for _ in range(2):
        await home.wait(ACCOUNT_REFRESH)
    assert home.entry.title == "Mine"
    assert home.device().name_by_user == "My Plex"


async def test_polled_without_entities(home: Home) -> None:
    """Account and servers are polled when every entity is disabled."""
    await home.set_up()
    registry = er.async_get(home.hass)
    for entity in er.async_entries_for_config_entry(registry, home.entry.entry_id):
        registry.async_update_entity(
            entity.entity_id, disabled_by=er.RegistryEntryDisabler.USER
        )
    await home.reload()
    home.simulator.clear_requests()
    await home.wait()
    assert home.asked(home.server) == ["/"]
    await home.wait(ACCOUNT_REFRESH)
    assert sorted(home.asked()) == ["/resources", "/user"]
