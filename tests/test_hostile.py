"""What somebody who shares a server can do, from the list or the server: nothing."""

import asyncio
from collections.abc import Iterator
from itertools import batched
import socket
from time import process_time
from typing import Any, NoReturn

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plex_account.api import connections as connections_module
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.helpers.aiohttp_client import (
    HomeAssistantTCPConnector,
    async_get_clientsession,
)
from tests.simulator import Account, Connection, Hostile, Server, Simulator
from tests.simulator.hostile_modes import BODIES, HEADERS, STATUSES

from .common import (
    ACCOUNT_REFRESH,
    CLIENT_IDENTIFIER,
    DISTANT_REFRESH,
    DOMAIN,
    call,
    device_of,
    pass_time,
    press_refresh,
    set_up,
    settle,
    state_of,
    until,
)

TWINS = {
    "the same": "{}",
    "zero width": "{}\u200b",
    "soft hyphen": "\u00ad{}",
    "newline": "{}\n",
    "spaces": " {} ",
    "no-break space": "{}\u00a0",
    "null": "{}\x00",
}
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
async def stranger(simulator: Simulator) -> Hostile:
    """Return a server of somebody else, which no list names yet."""
    return await simulator.add_hostile()


@pytest.fixture(autouse=True)
def getaddrinfo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail where a name is looked up in a thread of the executor."""
    looked_up = []

    def look_up(host: str, *args: Any, **options: Any) -> NoReturn:
        looked_up.append(host)
        raise OSError("No DNS here")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield
    assert looked_up == []


def connectivity(
    hass: HomeAssistant, account: Account, server: Server | Hostile
) -> str:
    """Return the state of a server's connectivity."""
    key = f"{account.uuid}_{server.machine_identifier}_connectivity"
    return state_of(hass, "binary_sensor", key).state


def device_id(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    account: Account,
    server: Server | Hostile,
) -> str:
    """Return the id of a server's device."""
    return device_of(hass, entry, f"{account.uuid}_{server.machine_identifier}")


def heard(simulator: Simulator) -> bytes:
    """Return all that strangers were ever sent."""
    return b"".join(one.raw for hostile in simulator.hostile for one in hostile.heard)


# 1. The account token


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("twin", TWINS)
async def test_identifier_of_an_own_server(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    twin: str,
    first: bool,
) -> None:
    """A stranger's entry that claims it is not even looked at."""
    stranger = await simulator.add_hostile(machine_identifier=server.machine_identifier)
    claimed = TWINS[twin].format(server.machine_identifier)
    listed = simulator.first_resources if first else simulator.extra_resources
    listed.append(stranger.entry(clientIdentifier=claimed, name="Stranger"))

    await set_up(hass, entry)

    assert stranger.heard == []
    own = device_id(hass, entry, account, server)
    assert (await call(hass, "get_transient_token", device_id=own))["uri"] == (
        server.connections[0].uri
    )
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert {one.name for one in devices} == {"Plex ada", "Attic"}
    assert connectivity(hass, account, server) == "on"


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("running", [True, False])
async def test_identifier_of_an_own_server_that_is_not_listed(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    shared: bool,
    running: bool,
) -> None:
    """While lists leave the own one out, a stranger's takes neither its place nor ends it."""
    hass.config_entries.async_update_entry(entry, options={"shared_servers": shared})
    await set_up(hass, entry)
    own = device_id(hass, entry, account, server)
    stranger = await simulator.add_hostile(machine_identifier=server.machine_identifier)
    simulator.extra_resources.append(stranger.entry(name="Stranger"))
    await simulator.add_server(name="Barn", owner=account)
    server.listed = False
    if not running:
        await server.stop()

    for _ in range(3):
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
        await hass.config_entries.async_reload(entry.entry_id)
        await settle(hass)

    assert stranger.heard == []
    device = dr.async_get(hass).async_get(own)
    assert device
    assert device.name == "Attic"
    if not running:
        await server.start()
    server.listed = True
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    await pass_time(hass, freezer, DISTANT_REFRESH)
    assert connectivity(hass, account, server) == "on"
    assert stranger.heard == []


async def test_server_that_changes_hands(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    stranger: Hostile,
) -> None:
    """A friend's identifier that becomes one's own begins again, with its own tokens."""
    simulator.extra_resources.append(stranger.entry())
    await set_up(hass, entry)
    assert connectivity(hass, account, stranger) == "on"
    own = await simulator.add_server(
        name="Attic",
        owner=account,
        tls=True,
        machine_identifier=stranger.machine_identifier,
    )

    await pass_time(hass, freezer, ACCOUNT_REFRESH)

    token = await call(
        hass, "get_transient_token", device_id=device_id(hass, entry, account, own)
    )
    assert token["token"] in own.transient_tokens
    own_requests = [one for one in own.requests if one not in stranger.heard]
    assert {one.token for one in own_requests} == {
        None,
        entry.data["token"],
        token["token"],
    }
    for secret in entry.data["token"], token["token"]:
        assert secret.encode() not in heard(simulator)


@pytest.mark.parametrize("alive", [True, False], ids=["moved", "off"])
async def test_address_that_left_the_list(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    alive: bool,
) -> None:
    """Whoever gets an address that was one's own gets no account token."""
    stranger = await simulator.add_hostile(machine_identifier=server.machine_identifier)
    elsewhere = server.connections
    server.connections = [stranger.connection()]
    await set_up(hass, entry)
    assert connectivity(hass, account, server) == "on"
    server.connections = elsewhere
    if not alive:
        await server.stop()
    await press_refresh(hass, account)
    stranger.heard.clear()
    stranger.answers["/"] = REFUSED

    for _ in range(3):
        await pass_time(hass, freezer, DISTANT_REFRESH)
        await pass_time(hass, freezer, ACCOUNT_REFRESH)

    assert b"/security/token" not in heard(simulator)
    assert entry.data["token"].encode() not in heard(simulator)
    assert connectivity(hass, account, server) == ("on" if alive else "off")


# 2. The client identifier, and 6. cookies


async def test_client_identifier_and_cookies(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    stranger: Hostile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Servers get one each, that leads back to nothing; nobody gets a cookie."""

    async def resolve(
        connector: object, host: str, port: int, traces: object = None
    ) -> Any:
        found = {"hostname": host, "host": host.replace("localhost", "127.0.0.1")}
        return [found | {"port": port, "family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr(HomeAssistantTCPConnector, "_resolve_host", resolve)
    url = simulator.url.replace("127.0.0.1", "localhost")
    stranger.mode = "set_cookie"
    plain = await simulator.add_hostile("set_cookie", tls=False)
    by_name = Connection(
        uri=f"http://localhost:{plain.port}", protocol="http", address="localhost",
        port=plain.port, local=True, relay=False, ipv6=False,
    )  # fmt: skip
    simulator.extra_resources += [stranger.entry(), plain.entry([by_name])]
    grace = simulator.add_account(username="grace")
    for owner in account, grace:
        await simulator.add_server(owner=owner, shared_with=[account, grace], tls=True)
    identifiers = {account: CLIENT_IDENTIFIER, grace: "another-client"}
    entries = {
        who: MockConfigEntry(
            domain=DOMAIN,
            title=who.username,
            unique_id=who.uuid,
            data={
                "token": simulator.sign_in(who, identifier),
                "client_identifier": identifier,
                "url": url,
            },
        )
        for who, identifier in identifiers.items()
    }
    for entry in entries.values():
        entry.add_to_hass(hass)
    await set_up(hass, next(iter(entries.values())))

    for who, entry in entries.items():
        for server in stranger, plain:
            assert connectivity(hass, who, server) == "on"
        await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)

    seen: dict[str, set[str]] = {}
    for request in simulator.requests:
        if request.host == "plex.tv":
            continue
        identifier = request.headers["X-Plex-Client-Identifier"]
        seen.setdefault(request.host, set()).add(identifier)
        told = f"{request.headers} {request.query} {request.form}"
        assert not [one for one in identifiers.values() if one in told]
    assert {len(one) for one in seen.values()} == {2}  # one of each account
    assert len(set.union(*seen.values())) == 2 * len(seen)

    async with async_get_clientsession(hass).get(f"{url}/ping"):
        pass
    assert [one for one in simulator.requests if "Cookie" in one.headers] == []
    assert b"\r\ncookie:" not in heard(simulator).lower()


# 3. Time


async def add_friend(
    simulator: Simulator, connections: list[Connection], **fields: Any
) -> Hostile:
    """List a server of a friend with many connections."""
    friend = await simulator.add_hostile()
    simulator.extra_resources.append(friend.entry(connections, **fields))
    return friend


async def test_headers_that_take_long_to_read(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """On 24 connections at once, and on every path, they hold the loop for next to nothing."""
    asyncio.get_running_loop().set_debug(False)
    friends = []
    for modes in batched(HEADERS, 23, strict=False):
        ways = [(await simulator.add_hostile(mode)).connection() for mode in modes]
        friend = await simulator.add_hostile(answers={"/": [*modes]})
        simulator.extra_resources.append(friend.entry([*ways, friend.connection()]))
        friends.append(friend)
    started = process_time()

    await set_up(hass, entry)

    assert process_time() - started < 6
    assert connectivity(hass, account, server) == "on"
    assert {connectivity(hass, account, one) for one in friends} == {"on"}


async def test_every_odd_answer(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever a server does in place of an answer, it is on or off, and told as data."""
    asyncio.get_running_loop().set_debug(False)
    odd = [*STATUSES, *BODIES]
    friends = [await simulator.add_hostile(mode) for mode in odd]
    for path in "/", "/security/token":
        friends += [await simulator.add_hostile(answers={path: mode}) for mode in odd]
    simulator.extra_resources += [one.entry() for one in friends]

    await set_up(hass, entry)
    await pass_time(hass, freezer, DISTANT_REFRESH)

    states = {connectivity(hass, account, one) for one in friends}
    assert states == {"on", "off"}
    assert connectivity(hass, account, server) == "on"
    assert [
        one.getMessage()
        for one in caplog.records
        if one.levelname == "ERROR"
        or (one.levelname == "WARNING" and DOMAIN in one.name)
    ] == []


# 4. Name servers, and 5. silence


async def test_silence_delays_nobody(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With 20 friends of 24 silent connections each, one's own server is on and serves."""
    asyncio.get_running_loop().set_debug(False)
    monkeypatch.setattr(connections_module, "PROBE_SECONDS", 60)
    ports = [await simulator.add_silent() for _ in range(24)]
    silent = [server.connection() for _ in ports]
    for one, port in zip(silent, ports, strict=True):
        object.__setattr__(one, "uri", f"https://127.0.0.1:{port}")
    friends = [await add_friend(simulator, silent) for _ in range(20)]
    simulator.first_resources[:] = simulator.extra_resources
    simulator.extra_resources.clear()
    await hass.config_entries.async_setup(entry.entry_id)

    await until(lambda: connectivity(hass, account, server) == "on")
    own = device_id(hass, entry, account, server)
    token = await call(hass, "get_transient_token", device_id=own)

    assert token["token"] in server.transient_tokens
    assert {connectivity(hass, account, one) for one in friends} == {"unknown"}
    await hass.config_entries.async_unload(entry.entry_id)


async def test_name_servers_that_are_silent(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are waited for by the event loop, not by threads, and by nobody else."""
    asked: list[str] = []

    async def resolve(connector: object, host: str) -> NoReturn:
        asked.append(host)
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(HomeAssistantTCPConnector, "async_resolve_host", resolve)
    for number in range(4):
        ways = [server.connection() for _ in range(30)]
        for index, one in enumerate(ways):
            object.__setattr__(one, "uri", f"https://{index}.f{number}.example.com:1")
        await add_friend(simulator, ways)
    await hass.config_entries.async_setup(entry.entry_id)

    await until(lambda: connectivity(hass, account, server) == "on")
    await until(lambda: len(asked) == 4 * 24)
    assert await hass.async_add_executor_job(lambda: "done") == "done"
    assert len(asked) == len({*asked}) == 4 * 24
    await hass.config_entries.async_unload(entry.entry_id)


# 7. and 8. Names


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
async def test_names(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    stranger: Hostile,
    name: str,
) -> None:
    """They are short and printable, and are in no text that is rendered as Markdown."""
    fields = dict.fromkeys(
        ("name", "sourceTitle", "platform", "platformVersion", "product", "device"),
        name,
    )
    insecure = Connection(
        uri="http://8.8.8.8:32400", protocol="http", address="8.8.8.8", port=32400,
        local=False, relay=False, ipv6=False,
    )  # fmt: skip
    simulator.extra_resources += [
        stranger.entry([stranger.connection()], **fields, productVersion=name),
        stranger.entry([insecure], **fields, clientIdentifier="insecure"),
    ]
    await set_up(hass, entry)

    assert connectivity(hass, account, stranger) == "on"
    device = dr.async_get(hass).async_get(device_id(hass, entry, account, stranger))
    assert device
    for text in (
        device.name,
        device.model,
        device.sw_version,
        device.hw_version,
        device.manufacturer,
        *(str(state.attributes) for state in hass.states.async_all()),
    ):
        assert len(text or "") < 1000
        assert (text or "").isprintable()
    assert all(len(state.state) <= 120 for state in hass.states.async_all())
    assert ir.async_get(hass).issues == {}


async def test_nothing_of_the_account_is_at_a_stranger(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    stranger: Hostile,
) -> None:
    """After everything was tried that concerns it, and with redirects to other hosts."""
    simulator.extra_resources.append(stranger.entry())
    elsewhere = (
        b"HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\n"
        b"Location: http://127.0.0.1:9/\r\n\r\n"
    )
    await set_up(hass, entry)
    device = device_id(hass, entry, account, stranger)
    for path in "/", "/security/*", "/library/*":
        stranger.answers[path] = [REFUSED, elsewhere]
        await pass_time(hass, freezer, ACCOUNT_REFRESH)
        for action, data in (
            ("get_transient_token", {}),
            ("get_source_connection_information", {}),
            ("call_api", {"path": "/library/sections"}),
        ):
            try:
                await call(hass, action, device_id=device, **data)
            except HomeAssistantError:
                continue

    own = [
        entry.data["token"],
        CLIENT_IDENTIFIER,
        account.email,
        account.username,
        *server.transient_tokens,
    ]
    assert [one for one in own if one.encode() in heard(simulator)] == []
    assert b"/security/token" in heard(simulator)
    assert isinstance(stranger.access_token, str)
