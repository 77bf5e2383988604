"""What comes of an answer that the HTTP library fails to read: what comes of any other."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError

from .common import ACCOUNT_REFRESH, DOMAIN, Home, errors_logged, own_log
from .dialogs import Dialogs

UNREADABLE: dict[str, Any] = {"status": 503, "headers": {"Content-Type": "(" * 1000}}
"""aiohttp's parser of this header ends with a RecursionError."""


async def test_removal(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """The entry goes, and a warning says that its token is left."""
    await home.set_up()
    home.simulator.fault(path="/users/signout", **UNREADABLE)
    await home.remove()
    assert home.hass.config_entries.async_entries(DOMAIN) == []
    assert own_log(caplog) == ["WARNING"]
    assert errors_logged(caplog) == []
    assert home.account.tokens


@pytest.mark.parametrize(
    "action",
    ["get_token_details", "get_transient_token", "get_source_connection_information"],
)
async def test_action(home: Home, action: str) -> None:
    """An action fails in words."""
    await home.set_up()
    await home.server.restart()
    home.simulator.fault(**UNREADABLE)
    home.simulator.fault(host=home.server.machine_identifier, **UNREADABLE)
    with pytest.raises(HomeAssistantError) as failed:
        await home.call(action)
    assert failed.value.translation_key
    home.simulator.clear_faults()
    assert await home.call(action)


async def test_refresh(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """The account is unavailable, and its server off, for as long as that goes on."""
    await home.set_up()
    home.simulator.fault(host="*", **UNREADABLE)
    for _ in range(3):
        await home.wait(ACCOUNT_REFRESH)
    assert home.plex_pass == "unavailable"
    assert "RecursionError" not in caplog.text
    home.simulator.clear_faults()
    await home.wait(ACCOUNT_REFRESH)
    assert home.plex_pass == "off"
    assert home.connectivity() == "on"


async def test_link(dialogs: Dialogs, entry: MockConfigEntry) -> None:
    """The dialog says that Plex can't be reached, and can be tried again."""
    dialogs.simulator.fault(path="/pins", **UNREADABLE)
    form = await dialogs.choose(await dialogs.open("reauth", entry), "link")
    if form["type"] is FlowResultType.FORM and not form["errors"]:
        form = await dialogs.submit(form, {})
    assert form["errors"] == {"base": "cannot_connect"}
