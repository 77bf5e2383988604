"""The actions: their responses, and what they refuse and why."""

import asyncio
from datetime import timedelta
import re
from typing import Any

from hypothesis import example, given, settings, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from homeassistant.core import Context
from homeassistant.exceptions import ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util

from .common import DOMAIN, Home, state_of
from .samples import sample
from .test_call_api import bounded

pytestmark = pytest.mark.usefixtures("running")

SOURCE = "get_source_connection_information"
TOKEN = "get_transient_token"
DETAILS = "get_token_details"
RESOURCES = "/security/resources"
MINT = "/security/token"
SECTIONS = "/library/sections"

# The data that server actions need besides a device.
DATA: dict[str, dict[str, Any]] = {
    SOURCE: {},
    TOKEN: {},
    "call_api": {"path": SECTIONS},
    "get_image_url": {"path": "/library/metadata/101/thumb/1780000000"},
}


async def test_source_connection_information(home: Home) -> None:
    """A server returns its own connections, with one request, and those of other sources."""
    server = home.server
    uri = server.connections[0].uri
    way: dict[str, Any] = {"uri": uri, "protocol": "https", "address": "127.0.0.1"}
    way |= {"port": server.port, "local": True, "relay": False}
    home.simulator.clear_requests()
    response = await home.call(SOURCE)
    assert response == {
        "name": "Attic",
        "client_identifier": server.machine_identifier,
        "access_token": response["access_token"],
        "connections": [way],
    }
    assert response["access_token"] in server.transient_tokens
    (request,) = home.simulator.requests
    assert request.query == {"source": f"server://{server.machine_identifier}"}
    assert request.token in server.transient_tokens

    add = home.simulator.add_server
    cellar = await add(name="Cellar", owner=home.account, tls=True)
    source = f"server://{cellar.machine_identifier}"
    response = await home.call(SOURCE, source=source, refresh=True)
    assert response["name"] == "Cellar"
    assert response["access_token"] in cellar.transient_tokens
    assert server.requests[-1].query["refresh"] == "1"


@pytest.mark.parametrize(
    "source",
    [
        *("", "server://", "server://x?token=1", "server://x/../y", "server://x#y"),
        *("server://a b", "server://abc\n", "server://ä", "SERVER://abc", "server:/x"),
        *("provider://", "provider://a/b", "http://plex.tv"),
    ],
)
async def test_malformed_source(home: Home, source: str) -> None:
    """A malformed source is refused before any request."""
    with home.unasked():
        text = await home.refused(SOURCE, "invalid_source", source=source)
    assert "Source must" in text


@pytest.mark.parametrize("source", ["server://0a", "server://0a/com.x", "provider://x"])
async def test_unknown_source(home: Home, source: str) -> None:
    """A source unknown to the server has an error of its own."""
    assert "Attic" in await home.refused(SOURCE, "source_unknown", source=source)
    home.server.sources[source] = {"name": "Found"}
    assert (await home.call(SOURCE, source=source))["name"] == "Found"


PIECES = (
    "server:// provider:// SERVER:// http:// // / \\ : @ ? # & = + % %2f %00 .. . _ - ~"
    " ; \t \n \r \0 é ａ ٣ \u2028 \x7f 0123abcd tv.plex.provider a refresh=1 localhost:1"
)
pieces = st.lists(st.sampled_from([*PIECES.split(" "), " "]), max_size=6).map("".join)
sources = pieces | pieces.map("server://{}".format) | st.text(max_size=12)


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
@settings(bounded, max_examples=300)
@given(sources)
@example("server://0123abcd")
@example("server://0123abcd/tv.plex.provider")
@example("provider://tv.plex.provider")
async def test_any_source(home: Home, source: str) -> None:
    """Any source is refused unsent, or reaches the server unchanged."""
    home.simulator.clear_requests()
    with pytest.raises(ServiceValidationError) as refused:
        await home.call(SOURCE, source=source)
    if refused.value.translation_key == "invalid_source":
        assert home.simulator.requests == []
        return
    assert refused.value.translation_key == "source_unknown"
    [request] = home.simulator.requests
    asked = (home.server.machine_identifier, RESOURCES, {"source": source})
    assert (request.host, request.path, request.query) == asked
    assert re.fullmatch(r"(server|provider)://[!-~]+", source)
    assert not set(source) & set("?#&=+%@\\;")
    assert ".." not in source.split("://")[1].split("/")


async def test_server_of_a_friend(home: Home) -> None:
    """Owner-only requests are refused, unsent or by status; everything else works."""
    cellar = await home.friend()
    await home.press()
    with home.unasked():
        await home.refused(SOURCE, "server_not_owned", server=cellar)
    sessions = {"server": cellar, "path": "/status/sessions"}
    assert "403" in await home.refused("call_api", "http_status", **sessions)
    assert await home.call("call_api", cellar, path="/library/onDeck")
    assert (await home.call(TOKEN, cellar))["name"] == "Cellar"


async def test_connections_of_a_source(home: Home) -> None:
    """Connections that are unsafe for a token are left out."""
    direct = f"{'0' * 32}.plex.direct:32400"
    own = home.server.connections[0].uri.partition("://")[2]
    shown = {
        "https://203.0.113.7:32400": "https://203.0.113.7:32400",
        "https://192.168.1.2:32400": "https://192.168.1.2:32400",
        f"http://203-0-113-7.{direct}": f"https://203-0-113-7.{direct}",
        f"http://10-1-2-3.{direct}": f"https://10-1-2-3.{direct}",
        f"http://{own}": f"http://{own}",
    }
    left_out = [
        *("http://192.168.1.2:32400", "http://example.com", ""),
        *("https://169.254.169.254/latest", "https://[::ffff:169.254.169.254]"),
        *("https://user:secret@example.com", "javascript:alert(1)"),
        *("file:///etc/passwd", f"http://169-254-169-254.{direct}"),
    ]
    way = {"protocol": "javascript", "address": "x"}
    connections: list[Any] = [way | {"uri": uri} for uri in (*shown, *left_out)]
    connections.append({"uri": "https://203.0.113.8", "address": "169.254.169.254"})
    home.server.sources["provider://x"] = {"name": "X", "Connection": connections}
    response = await home.call(SOURCE, source="provider://x")
    ways = [(one["protocol"], one["uri"]) for one in response["connections"]]
    assert ways == [(uri.partition(":")[0], uri) for uri in shown.values()]


async def test_transient_token(home: Home) -> None:
    """The stored token is returned after one request has validated it."""
    minted_at = dt_util.utcnow()
    home.freezer.tick(30)
    home.simulator.clear_requests()
    response = await home.call(TOKEN)
    assert response == {
        "token": response["token"],
        "expires_at": (minted_at + timedelta(hours=48)).isoformat(),
        "uri": home.server.connections[0].uri,
        "name": "Attic",
        "client_identifier": home.server.machine_identifier,
    }
    requests = [(one.path, one.token) for one in home.server.requests]
    assert requests == [("/", response["token"])]
    assert response["token"] in home.server.transient_tokens


async def test_transient_token_that_is_renewed(home: Home) -> None:
    """After a restart all callers share one mint, and a token is renewed in time."""
    for actions in ([SOURCE], [SOURCE, TOKEN] * 2, [TOKEN] * 5):
        await home.server.restart()
        home.simulator.clear_requests()
        responses = await asyncio.gather(*(home.call(action) for action in actions))
        asked = home.asked(home.server)
        assert asked.count(MINT) == 1
        if actions == [SOURCE]:
            assert asked == [RESOURCES, "/", "/identity", MINT, "/", RESOURCES]
        else:
            [token] = {answer["token"] for answer in responses if "token" in answer}
            assert token in home.server.transient_tokens
    assert home.errors == []
    await home.wait(timedelta(hours=25))
    assert (await home.call(TOKEN))["token"] != token


@pytest.mark.parametrize("action", [SOURCE, TOKEN])
async def test_server_that_is_away(home: Home, action: str) -> None:
    """A server that is off, lost, or disabled is reported as such until it is back."""
    await home.server.stop()
    assert "Attic" in await home.refused(action, "server_unreachable")
    await home.server.start()
    assert (await home.call(action))["name"] == "Attic"

    home.server.listed = False
    await home.simulator.add_server(name="Cellar", owner=home.account, tls=True)
    await home.press()
    assert (await home.call(action))["name"] == "Attic"
    await home.refresh()
    home.simulator.clear_requests()
    await home.refused(action, "server_not_listed")
    assert home.asked(home.server) == []
    home.server.listed = True
    await home.refresh()
    assert (await home.call(action))["name"] == "Attic"

    await home.set_disabled(True)
    with home.unasked():
        assert "Attic" in await home.refused(action, "server_disabled")
    await home.set_disabled(False)
    assert (await home.call(action))["name"] == "Attic"


async def test_names_in_errors(home: Home) -> None:
    """Toasts render Markdown, so the names of servers are escaped."""
    home.server.name = "![Attic](http://a.b)"
    await home.press()
    escaped = r"!\[Attic\](http\://a.b)"
    assert escaped in await home.refused("call_api", "path_not_found", path="/nothing")
    await home.server.stop()
    assert escaped in await home.refused("call_api", "server_unreachable", path="/x")
    await home.server.start()
    assert await home.call("call_api", path=SECTIONS)


@pytest.mark.parametrize(
    ("action", "path", "fault", "key"),
    [
        *((SOURCE, RESOURCES, {"status": one}, "token_refused") for one in (401, 403)),
        *((TOKEN, "/", {"status": one}, "token_refused") for one in (401, 403)),
        (SOURCE, RESOURCES, {"status": 418}, "plex_refused"),
        (SOURCE, RESOURCES, {"status": 429}, "rate_limited"),
        (SOURCE, RESOURCES, {"action": "endless"}, "plex_refused"),
        (SOURCE, RESOURCES, {"body": "<html></html>"}, "plex_refused"),
        *((SOURCE, MINT, {"status": one}, "plex_refused") for one in (404, 503)),
        (SOURCE, MINT, {"status": 200, "body": {"MediaContainer": {}}}, "plex_refused"),
    ],
)
async def test_refusals(
    home: Home, action: str, path: str, fault: dict[str, Any], key: str
) -> None:
    """Refusals by a server are reported, don't affect the sign-in, and are temporary."""
    if path == MINT:
        await home.server.restart()
    home.fault(path=path, **fault)
    await home.refused(action, key)
    assert home.dialogs() == []
    home.simulator.clear_faults()
    if "status" in fault:
        await home.refresh()
    assert (await home.call(action))["name"] == "Attic"


@pytest.mark.parametrize("action", DATA)
async def test_wrong_device(home: Home, action: str) -> None:
    """Only the device of a server is accepted, and only if its account is loaded."""
    data = DATA[action]
    lost = dr.async_get(home.hass).async_get_or_create(
        config_entry_id=home.entry.entry_id,
        identifiers={(DOMAIN, home.unique_id("gone"))},
        name="Gone",
    )
    account = {"device_id": home.device().id}
    with home.unasked():
        for device_id in ("unknown", lost.id):
            with pytest.raises(ServiceValidationError):
                await home.call(action, device_id=device_id, **data)
        text = await home.refused(action, "not_a_server", **account, **data)
        assert "Select a server" in text
        await home.unload()
        with pytest.raises(ServiceValidationError):
            await home.call(action, **data)
    await home.set_up()
    assert await home.call(action, **data)


@pytest.mark.parametrize("action", [*DATA, DETAILS])
async def test_only_for_administrators(
    home: Home, hass_read_only_user: MockUser, action: str
) -> None:
    """A user who isn't an administrator is refused; an automation is not."""
    data = DATA.get(action, {})
    context = Context(user_id=hass_read_only_user.id)
    with home.unasked(), pytest.raises(Unauthorized):
        await home.call(action, context=context, **data)
    assert await home.call(action, **data)


async def test_token_details(home: Home) -> None:
    """The details of a loaded account are complete except for the email address."""
    account = home.account
    account.email = account.title = "sentinel@example.com"
    account.subscribe("lifetime", since="2020-02-03T04:05:06Z")
    known = {"id": account.id, "uuid": account.uuid}
    expected = sample("expected/token_details") | known
    by_id = {"config_entry_id": home.entry.entry_id}
    assert await home.call(DETAILS) == await home.call(DETAILS, **by_id) == expected

    account.extra = {"subscription": None, "joinedAt": None}
    nothing = {"subscription": None, "joined_at": None}
    assert await home.call(DETAILS) == expected | nothing

    await home.unload()
    for data in ({}, by_id, {"config_entry_id": "x"}):
        with pytest.raises(ServiceValidationError):
            await home.call(DETAILS, **data)


async def test_token_details_refused(home: Home) -> None:
    """A rejected account token is checked again, then starts one reauth."""
    home.simulator.fault(path="/user", status=401)
    await home.refused(DETAILS, "token_revoked")
    assert home.dialogs() == []
    await home.wait(timedelta(seconds=62))
    await home.refused(DETAILS, "token_revoked")
    await home.settle()
    assert home.dialogs() == ["reauth"]
    activity = state_of(home.hass, "event", home.unique_id("activity"))
    assert activity.attributes["event_type"] == "token_rejected"
    home.simulator.clear_faults()
    assert (await home.call(DETAILS))["username"] == "ada"


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ({"status": 503}, "plex_tv_http_status"),
        ({"status": 429}, "plex_tv_rate_limited"),
        ({"action": "drop"}, "plex_tv_unavailable"),
        ({"body": "<html></html>"}, "plex_tv_unexpected"),
    ],
)
async def test_outage_of_plex_tv(home: Home, fault: dict[str, Any], key: str) -> None:
    """An outage of plex.tv is reported, and doesn't affect the sign-in."""
    home.simulator.fault(path="/user", **fault)
    await home.refused(DETAILS, key)
    assert home.dialogs() == []
    home.simulator.clear_faults()
    assert (await home.call(DETAILS))["username"] == "ada"
