"""What holds for every source that an action may be asked for."""

import re

from hypothesis import HealthCheck, example, given, settings, strategies as st
import pytest

from homeassistant.exceptions import ServiceValidationError

from .common import Home, call

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")

PIECES = (
    "server:// provider:// SERVER:// http:// // / \\ : @ ? # & = + % %2f %00 .. . _ - ~"
    " ; \t \n \r \0 é ａ ٣ \u2028 \x7f 0123abcd tv.plex.provider a refresh=1 localhost:1"
)
pieces = st.lists(st.sampled_from([*PIECES.split(" "), " "]), max_size=6).map("".join)
sources = pieces | pieces.map("server://{}".format) | st.text(max_size=12)


@pytest.fixture
async def device_id(home: Home) -> str:
    """Return the device of a server that knows no other."""
    await home.set_up()
    return home.device(home.server).id


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
async def test_sources(home: Home, device_id: str, source: str) -> None:
    """A source is refused unasked, or reaches the server as the one thing it is."""
    home.simulator.clear_requests()
    action = "get_source_connection_information"
    with pytest.raises(ServiceValidationError) as refused:
        await call(home.hass, action, device_id=device_id, source=source)

    if refused.value.translation_key == "invalid_source":
        assert home.simulator.requests == []
        return
    assert refused.value.translation_key == "source_unknown"
    [request] = home.simulator.requests
    assert (request.host, request.path) == (
        home.server.machine_identifier,
        "/security/resources",
    )
    assert request.query == {"source": source}
    assert re.fullmatch(r"(server|provider)://[!-~]+", source)
    assert not set(source) & set("?#&=+%@\\;")
    assert ".." not in source.split("://")[1].split("/")
