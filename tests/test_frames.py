"""What a handler finds that records the variables of frames: no token."""

import logging
from typing import Any

import pytest

from homeassistant.exceptions import HomeAssistantError

from .api.common import frames_of
from .common import ACCOUNT_REFRESH, DISTANT_REFRESH, LOCAL_REFRESH, Home
from .test_unreadable import UNREADABLE

FAULTS = pytest.mark.parametrize(
    "fault",
    [
        {"status": 401},
        {"status": 503},
        {"status": 429},
        {"action": "drop"},
        {"body": "<html>"},
        UNREADABLE,
    ],
    ids=lambda fault: str(fault)[:40],
)


def recorded(home: Home, *texts: str) -> list[str]:
    """Return which tokens, of the account and of its server, are in what is recorded."""
    tokens = [home.entry.data["token"], *home.server.transient_tokens]
    return [token for token in tokens if any(token in text for text in texts)]


@FAULTS
@pytest.mark.parametrize("path", ["*", "/security/token"])
async def test_coordinators(
    home: Home, caplog: pytest.LogCaptureFixture, fault: dict[str, Any], path: str
) -> None:
    """Nothing that is logged while everything fails leads to a token."""
    caplog.set_level(logging.DEBUG)
    await home.set_up()
    await home.server.restart()
    home.simulator.fault(host="*", path=path, **fault)
    for time in LOCAL_REFRESH, DISTANT_REFRESH, ACCOUNT_REFRESH:
        await home.wait(time)
    await home.reload()
    errors = [
        one.exc_info[1] for one in caplog.records if one.exc_info and one.exc_info[1]
    ]
    assert bool(errors) is (path == "*")
    frames = (text for error in errors for text in frames_of(error))
    assert recorded(home, caplog.text, *frames) == []


@FAULTS
@pytest.mark.parametrize(
    ("action", "path"),
    [
        ("get_token_details", "/user"),
        ("get_transient_token", "/"),
        ("get_transient_token", "/security/token"),
        ("get_source_connection_information", "/security/resources"),
        ("get_source_connection_information", "/security/token"),
    ],
)
async def test_actions(
    home: Home, fault: dict[str, Any], action: str, path: str
) -> None:
    """Nor does the error of an action, or what it came from."""
    await home.set_up()
    await home.server.restart()
    home.simulator.fault(host="*", path=path, **fault)
    failed: HomeAssistantError | None = None
    try:
        await home.call(action)
    except HomeAssistantError as error:
        failed = error
    # A front page may be out of order while the token is taken.
    assert failed or path == "/"
    assert not failed or recorded(home, *frames_of(failed)) == []
