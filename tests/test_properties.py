"""What holds for every source that an action may be asked for."""

import asyncio
import re

from hypothesis import HealthCheck, example, given, settings, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from tests.simulator import Account, Server, Simulator

from .common import DOMAIN, device_of, set_up

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")

pieces = st.sampled_from(
    [
        *(
            "server://",
            "provider://",
            "SERVER://",
            "http://",
            "//",
            "/",
            "\\",
            ":",
            "@",
        ),
        *("?", "#", "&", "=", "+", "%", "%2f", "%00", "..", ".", "_", "-", "~", ";"),
        *(" ", "\t", "\n", "\r", "\0", "é", "ａ", "٣", "\u2028", "\x7f"),
        *("0123abcd", "tv.plex.provider", "a", "refresh=1", "localhost:1"),
    ]
)
sources = (
    st.lists(pieces, max_size=6).map("".join)
    | st.builds("server://{}".format, st.lists(pieces, max_size=3).map("".join))
    | st.text(max_size=12)
)


@pytest.fixture
async def device_id(
    hass: HomeAssistant, entry: MockConfigEntry, account: Account, server: Server
) -> str:
    """Return the device of a server that knows no other."""
    asyncio.get_running_loop().set_debug(False)
    await set_up(hass, entry)
    return device_of(hass, entry, f"{account.uuid}_{server.machine_identifier}")


@settings(
    max_examples=300,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(sources)
@example("server://0123abcd")
@example("server://0123abcd/tv.plex.provider")
@example("provider://tv.plex.provider")
async def test_sources(
    hass: HomeAssistant,
    simulator: Simulator,
    server: Server,
    device_id: str,
    source: str,
) -> None:
    """A source is refused unasked, or reaches the server as the one thing it is."""
    simulator.clear_requests()
    with pytest.raises(ServiceValidationError) as refused:
        await hass.services.async_call(
            DOMAIN,
            "get_source_connection_information",
            {"device_id": device_id, "source": source},
            blocking=True,
            return_response=True,
        )

    asked = [(one.host, one.path, one.query) for one in simulator.requests]
    if refused.value.translation_key == "invalid_source":
        assert asked == []
        return
    assert refused.value.translation_key == "source_unknown"
    assert asked == [
        (server.machine_identifier, "/security/resources", {"source": source})
    ]
    assert re.fullmatch(r"(server|provider)://[!-~]+", source)
    assert not set(source) & set("?#&=+%@\\;")
    assert ".." not in source.split("://")[1].split("/")
