"""Attacks through shared servers and their list entries, none of which succeed."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import batched
import socket
from time import monotonic, process_time
from typing import Any, NoReturn
from unittest.mock import Mock

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plex_account.api import connections as connections_module
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import aiohttp_client, issue_registry as ir
from tests.simulator import Connection, Hostile, Server, Simulator, hostile_modes

from .common import CLIENT_IDENTIFIER, DISTANT_REFRESH, DOMAIN, Home, until

CONNECTOR = aiohttp_client.HomeAssistantTCPConnector
TOKEN = "get_transient_token"
TWINS = ("{}", "{}\u200b", "\u00ad{}", "{}\n", " {} ", "{}\u00a0", "{}\x00")
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
ELSEWHERE = hostile_modes.redirect("http://127.0.0.1:9/", "307 Temporary Redirect")


@pytest.fixture
async def stranger(simulator: Simulator) -> Hostile:
    """Return another user's server, which isn't listed yet."""
    return await simulator.add_hostile()


@pytest.fixture
async def impostor(simulator: Simulator, server: Server) -> Hostile:
    """Return a stranger's server that claims to be the account's own."""
    return await simulator.add_hostile(machine_identifier=server.machine_identifier)


@pytest.fixture(autouse=True)
def getaddrinfo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail if a name is resolved in an executor thread."""
    look_up = Mock(side_effect=OSError("No DNS here"))
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield
    assert look_up.mock_calls == []


def heard(home: Home) -> bytes:
    """Return everything that was sent to strangers."""
    strangers = home.simulator.hostile
    return b"".join(one.raw for stranger in strangers for one in stranger.heard)


async def add_friend(home: Home, connections: list[Connection]) -> Hostile:
    """Add a friend's server with these connections to the list."""
    friend = await home.simulator.add_hostile()
    home.simulator.extra_resources.append(friend.entry(connections))
    return friend


@pytest.mark.parametrize("place", ["first_resources", "extra_resources"])
@pytest.mark.parametrize("twin", TWINS, ids=ascii)
async def test_identifier_of_an_own_server(
    home: Home, impostor: Hostile, twin: str, place: str
) -> None:
    """A stranger's entry that claims an owned server's identifier is ignored."""
    claimed = twin.format(impostor.machine_identifier)
    entry = impostor.entry(clientIdentifier=claimed, name="Stranger")
    getattr(home.simulator, place).append(entry)
    await home.set_up()
    assert impostor.heard == []
    assert (await home.call(TOKEN))["uri"] == home.server.connections[0].uri
    assert {one.name for one in home.devices()} == {"Plex ada", "Attic"}
    assert home.connectivity() == "on"


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("running", [True, False])
async def test_identifier_of_an_own_server_that_is_not_listed(
    home: Home, impostor: Hostile, shared: bool, running: bool
) -> None:
    """A stranger's entry neither replaces nor ends an owned server that is missing from lists."""
    options = {"shared_servers": shared}
    home.hass.config_entries.async_update_entry(home.entry, options=options)
    await home.set_up()
    own = home.device(home.server).id
    home.simulator.extra_resources.append(impostor.entry(name="Stranger"))
    await home.simulator.add_server(name="Barn", owner=home.account)
    home.server.listed = False
    if not running:
        await home.server.stop()
    for _ in range(3):
        await home.refresh()
        await home.reload()
    assert impostor.heard == []
    device = home.device(home.server)
    assert (device.id, device.name) == (own, "Attic")

    await home.server.start()
    home.server.listed = True
    await home.refresh()
    await home.wait(DISTANT_REFRESH)
    assert home.connectivity() == "on"
    assert impostor.heard == []


async def test_server_that_changes_hands(home: Home, stranger: Hostile) -> None:
    """A friend's identifier that becomes an owned server starts over, with its own tokens."""
    home.simulator.extra_resources.append(stranger.entry())
    await home.set_up()
    assert home.connectivity(stranger) == "on"
    identifier = stranger.machine_identifier
    own = await home.simulator.add_server(
        name="Attic", owner=home.account, tls=True, machine_identifier=identifier
    )
    await home.refresh()
    token = (await home.call(TOKEN, own))["token"]
    assert token in own.transient_tokens
    requests = [one for one in own.requests if one not in stranger.heard]
    tokens = {home.entry.data["token"], token}
    assert {one.token for one in requests} == {None, *tokens}
    assert not any(secret.encode() in heard(home) for secret in tokens)


@pytest.mark.parametrize("alive", [True, False], ids=["moved", "off"])
async def test_address_that_left(home: Home, impostor: Hostile, alive: bool) -> None:
    """Whoever takes over a former address of a server gets no account token."""
    elsewhere = home.server.connections
    home.server.connections = [impostor.connection()]
    await home.set_up()
    assert home.connectivity() == "on"
    home.server.connections = elsewhere
    if not alive:
        await home.server.stop()
    await home.press()
    impostor.heard.clear()
    impostor.answers["/"] = REFUSED
    for _ in range(3):
        await home.wait(DISTANT_REFRESH)
        await home.refresh()
    assert b"/security/token" not in heard(home)
    assert home.entry.data["token"].encode() not in heard(home)
    assert home.connectivity() == ("on" if alive else "off")


async def test_client_identifier_and_cookies(
    home: Home, stranger: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each server gets its own untraceable client identifier; nobody gets a cookie."""

    async def resolve(
        connector: object, host: str, port: int, traces: object = None
    ) -> Any:
        found = {"hostname": host, "host": host.replace("localhost", "127.0.0.1")}
        return [found | {"port": port, "family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr(CONNECTOR, "_resolve_host", resolve)
    simulator = home.simulator
    stranger.mode = "set_cookie"
    plain = await simulator.add_hostile("set_cookie", tls=False)
    uri = f"http://localhost:{plain.port}"
    by_name = replace(plain.connection(), uri=uri, address="localhost")
    simulator.extra_resources += [stranger.entry(), plain.entry([by_name])]
    grace = simulator.add_account(username="grace")
    home.server.shared_with = [grace]
    await simulator.add_server(owner=grace, shared_with=[home.account], tls=True)
    url = simulator.url.replace("127.0.0.1", "localhost")
    token = simulator.sign_in(grace, "another-client")
    data = {"client_identifier": "another-client", "url": url, "token": token}
    entry = MockConfigEntry(domain=DOMAIN, unique_id=grace.uuid, data=data)
    entry.add_to_hass(home.hass)
    home.update_entry(url=url)
    await home.set_up()
    for one in home, replace(home, entry=entry, account=grace):
        assert one.connectivity(stranger) == one.connectivity(plain) == "on"
        await one.reload()
    seen: dict[str, set[str]] = {}
    for request in simulator.requests:
        if request.host != "plex.tv":
            identifier = request.headers["X-Plex-Client-Identifier"]
            seen.setdefault(request.host, set()).add(identifier)
            told = f"{request.headers} {request.query} {request.form}"
            assert CLIENT_IDENTIFIER not in told
            assert "another-client" not in told
    assert {len(one) for one in seen.values()} == {2}  # one per account
    assert len(set.union(*seen.values())) == 2 * len(seen)

    async with aiohttp_client.async_get_clientsession(home.hass).get(f"{url}/ping"):
        pass
    assert [one for one in simulator.requests if "Cookie" in one.headers] == []
    assert b"\r\ncookie:" not in heard(home).lower()


@pytest.mark.parametrize("freezer", [None], ids=["time passes"])
async def test_headers_that_take_long_to_read(home: Home) -> None:
    """Slow-to-parse headers, on 24 connections and every path, barely block the event loop."""
    add = home.simulator.add_hostile
    friends: list[Hostile] = []
    for modes in batched(hostile_modes.HEADERS, 23, strict=False):
        ways = [(await add(mode)).connection() for mode in modes]
        friend = await add(answers={"/": [*modes]})
        entry = friend.entry([*ways, friend.connection()])
        home.simulator.extra_resources.append(entry)
        friends.append(friend)
    started = process_time()
    await home.set_up()
    assert process_time() - started < 6
    assert {home.connectivity(one) for one in (None, *friends)} == {"on"}


@pytest.mark.parametrize("freezer", [None], ids=["time passes"])
@pytest.mark.parametrize("other", ["closed", "silent"])
async def test_pause_before_the_mint(home: Home, stranger: Hostile, other: str) -> None:
    """The pause doesn't reveal to a friend how another address in the entry behaves."""
    heard_at: dict[str, float] = {}

    async def note(exchange: hostile_modes.Exchange) -> None:
        heard_at.setdefault(stranger.heard[-1].path, monotonic())
        await hostile_modes.truth(exchange)

    stranger.answers = dict.fromkeys(("/identity", "/security/token"), note)
    simulator, ways = home.simulator, [stranger.connection(local=False)]
    ports = {"closed": simulator.closed_port(), "silent": await simulator.add_silent()}
    probed = replace(ways[0], uri=f"https://127.0.0.1:{ports[other]}", local=True)
    simulator.extra_resources.append(stranger.entry([probed, *ways]))
    await home.set_up()
    assert 0.25 < heard_at["/security/token"] - heard_at["/identity"] < 2


async def test_every_odd_answer(home: Home) -> None:
    """Whatever a server answers, it is on or off, and is handled as ordinary data."""
    odd = [*hostile_modes.STATUSES, *hostile_modes.BODIES]
    add = home.simulator.add_hostile
    friends = [await add(mode) for mode in odd]
    for path in "/", "/security/token":
        friends += [await add(answers={path: mode}) for mode in odd]
    home.simulator.extra_resources += [one.entry() for one in friends]
    await home.set_up()
    await home.wait(DISTANT_REFRESH)
    assert {home.connectivity(one) for one in friends} == {"on", "off"}
    assert home.connectivity() == "on"
    assert home.errors == []
    assert "WARNING" not in home.log


async def test_silence_delays_nobody(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Owned servers work despite 20 friends with 24 silent connections each."""
    monkeypatch.setattr(connections_module, "PROBE_SECONDS", 60)
    uris = [f"https://127.0.0.1:{await home.simulator.add_silent()}" for _ in range(24)]
    silent = [replace(home.server.connection(), uri=uri) for uri in uris]
    friends = [await add_friend(home, silent) for _ in range(20)]
    home.simulator.first_resources[:] = home.simulator.extra_resources
    home.simulator.extra_resources.clear()
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await until(lambda: home.connectivity() == "on")
    assert (await home.call(TOKEN))["token"] in home.server.transient_tokens
    assert {home.connectivity(one) for one in friends} == {"unknown"}
    await home.unload()


async def test_name_servers_that_are_silent(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silent name servers block neither threads nor other servers."""
    asked: list[str] = []

    async def resolve(connector: object, host: str) -> NoReturn:
        asked.append(host)
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(CONNECTOR, "async_resolve_host", resolve)
    way = home.server.connection()
    for number in range(4):
        uris = [f"https://{index}.f{number}.example.com:1" for index in range(30)]
        await add_friend(home, [replace(way, uri=uri) for uri in uris])
    await home.hass.config_entries.async_setup(home.entry.entry_id)
    await until(lambda: home.connectivity() == "on")
    await until(lambda: len(asked) == 4 * 24)
    assert await home.hass.async_add_executor_job(lambda: "done") == "done"
    assert len(asked) == len({*asked}) == 4 * 24
    await home.unload()


@pytest.mark.parametrize(
    "name",
    [
        "![x](http://127.0.0.1:9/x.png)",
        "[Plex was updated: sign in again](http://127.0.0.1:9/)",
        "<img src=http://127.0.0.1:9/x.png onerror=alert(1)>",
        "{{ states('sun.sun') }} {% for x in y %}",
        "# http://127.0.0.1:9 www.example.com a@example.com",
        "x" * 300_000,
        "\u202e\u200b\x00\x07\ud800 \ufdfa" * 1000,
        "",
    ],
    ids=["image", "link", "html", "template", "bare", "long", "odd", "none"],
)
async def test_names(home: Home, stranger: Hostile, name: str) -> None:
    """Names are short and printable, and appear in no text that is rendered as Markdown."""
    texts = ("name", "sourceTitle", "platform", "platformVersion", "product", "device")
    fields: dict[str, Any] = dict.fromkeys(texts, name)
    way = stranger.connection()
    insecure = replace(way, uri="http://8.8.8.8:32400", address="8.8.8.8", local=False)
    home.simulator.extra_resources += [
        stranger.entry([way], **fields, productVersion=name),
        stranger.entry([insecure], **fields, clientIdentifier="insecure"),
    ]
    await home.set_up()
    assert home.connectivity(stranger) == "on"
    device = home.device(stranger)
    states = home.hass.states.async_all()
    for text in (
        *(device.name, device.model, device.sw_version, device.hw_version),
        *(device.manufacturer, *(str(state.attributes) for state in states)),
    ):
        assert len(text or "") < 1000
        assert (text or "").isprintable()
    assert all(len(state.state) <= 120 for state in states)
    assert ir.async_get(home.hass).issues == {}


async def test_nothing_of_the_account_leaves(home: Home, stranger: Hostile) -> None:
    """Nothing about the account leaves, even after every action, and despite redirects."""
    home.account.username = "lovelace"  # unlike "ada", not part of a random identifier
    home.simulator.extra_resources.append(stranger.entry())
    await home.set_up()
    for path in "/", "/security/*", "/library/*":
        stranger.answers[path] = [REFUSED, ELSEWHERE]
        await home.refresh()
        for action in TOKEN, "get_source_connection_information", "call_api":
            data = {"path": "/library/sections"} if action == "call_api" else {}
            with suppress(HomeAssistantError):
                await home.call(action, stranger, **data)
    account = home.account
    own = (account.email, account.username, CLIENT_IDENTIFIER, *account.tokens)
    own += (home.entry.data["token"], *home.server.transient_tokens)
    assert [one for one in own if one.encode() in heard(home)] == []
    assert b"/security/token" in heard(home)
    assert isinstance(stranger.access_token, str)
