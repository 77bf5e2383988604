"""Log handlers that record the variables of frames find no token."""

import logging
from typing import Any

import pytest

from homeassistant.exceptions import HomeAssistantError

from .api.common import frames_of
from .common import ACCOUNT_REFRESH, DISTANT_REFRESH, LOCAL_REFRESH, Home
from .dialogs import UNREADABLE

SOURCE = "get_source_connection_information"


@pytest.mark.parametrize(
    "fault",
    [
        *({"status": status} for status in (401, 503, 429)),
        {"action": "drop"},
        {"body": "<html>"},
        UNREADABLE,
    ],
    ids=lambda fault: str(fault)[:40],
)
@pytest.mark.parametrize(
    ("action", "path"),
    [
        *((None, path) for path in ("*", "/security/token")),
        *(("get_token_details", path) for path in ("*", "/user")),
        *(("get_transient_token", path) for path in ("*", "/", "/security/token")),
        *((SOURCE, path) for path in ("*", "/security/resources", "/security/token")),
    ],
)
async def test_no_token_is_recorded(
    home: Home, fault: dict[str, Any], action: str | None, path: str
) -> None:
    """Neither records logged while Plex fails nor an action's error lead to a token."""
    home.caplog.set_level(logging.DEBUG)
    await home.set_up()
    await home.server.restart()
    home.simulator.fault(host="*", path=path, **fault)
    errors: list[HomeAssistantError] = []
    if action:
        try:
            await home.call(action)
        except HomeAssistantError as error:
            errors.append(error)
        # A front page may be broken while the token is accepted.
        assert errors or path == "/"
        assert all(one.translation_key for one in errors)
    else:
        for time in LOCAL_REFRESH, DISTANT_REFRESH, ACCOUNT_REFRESH:
            await home.wait(time)
        await home.reload()
    records = home.caplog.records
    logged = [one.exc_info[1] for one in records if one.exc_info and one.exc_info[1]]
    assert action or bool(logged) is (path == "*")
    recorded = [home.caplog.text]
    for one in (*errors, *logged):
        recorded += frames_of(one)
    tokens = [home.entry.data["token"], *home.server.transient_tokens]
    assert not [token for token in tokens if any(token in one for one in recorded)]

    home.simulator.clear_faults()
    await home.refresh(2)
    assert home.connectivity() == "on"
    assert await home.call(action or SOURCE)
