"""Tests of the simulator itself: as strict and as odd as the real plex.tv and servers."""

import asyncio
from collections.abc import AsyncGenerator
from compression import zstd
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
import gzip
from itertools import product
import json
import re
import ssl
from typing import Any, NamedTuple
from unittest.mock import patch
from xml.etree.ElementTree import fromstring
import zlib

import aiohttp
import pytest
from yarl import URL

from tests.samples import sample
from tests.simulator import ABSENT, Connection, Hostile, Server, Simulator
from tests.simulator.control import Control
from tests.simulator.hostile_modes import BODIES, ENDLESS, HEADERS, STATUSES, redirect
from tests.simulator.pictures import JPEG, SVG, png_size
from tests.simulator.world import build_default_world, load_world

CLIENT = {"X-Plex-Client-Identifier": "client-one"}
IDENTITY, PING = "GET /identity", "GET /ping"
MINT = "/security/token?type=delegation&scope=all"
SOURCE = "GET /security/resources?source="
DAY = 24 * 3600
OWN = "the token of ada"
PASSWORD = {"login": "ada", "password": "correct horse"}
JSON, HTML = "application/json", "text/html"

type Place = Server | Hostile | Connection | None


class Reply(NamedTuple):
    """A received response."""

    status: int
    type: str
    body: bytes
    headers: dict[str, str]

    @property
    def said(self) -> Any:
        """The body as an XML element, or as JSON without a server's wrapper."""
        if self.type.endswith("xml"):
            return fromstring(self.body)  # noqa: S314
        said = json.loads(self.body)
        return said.get("MediaContainer", said) if isinstance(said, dict) else said

    @property
    def outcome(self) -> tuple[int, str | int | None]:
        """The status, and plex.tv's first error code or else the content type."""
        if self.type == JSON and b'"errors"' in self.body:
            return self.status, self.said["errors"][0].get("code")
        return self.status, self.type


class World:
    """Ada with a token and a server without TLS, Grace, and a client that resolves no names."""

    def __init__(self, sim: Simulator, session: aiohttp.ClientSession) -> None:
        """Initialize with what every test needs."""
        self.sim, self.control, self._session = sim, Control(sim), session
        self.ada = sim.add_account()
        self.grace = sim.add_account(username="grace", email="grace@example.com")
        self.token = sim.sign_in(self.ada, "client-one")
        self.attic: Server

    async def send(
        self, base: str, line: str, token: str | None = None, **options: Any
    ) -> Reply:
        """Send a request such as "GET /", for JSON unless `xml` is set."""
        method, _, path = line.partition(" ")
        headers = {} if options.pop("xml", False) else {"Accept": JSON}
        if token:
            headers["X-Plex-Token"] = self.token if token is OWN else token
        options["headers"] = headers | options.get("headers", {})
        options["allow_redirects"] = False
        async with self._session.request(method, base + path, **options) as answer:
            body, kind = await answer.read(), answer.content_type
            return Reply(answer.status, kind, body, dict(answer.headers))

    async def __call__(
        self, line: str, token: str | None = OWN, **options: Any
    ) -> Reply:
        """Send a request to the API of plex.tv, such as "GET /user"."""
        options["headers"] = CLIENT | options.get("headers", {})
        return await self.send(self.sim.url, line, token, **options)

    async def ask(
        self, line: str, token: str | None = OWN, at: Place = None, **options: Any
    ) -> Reply:
        """Send a request to a server, by default Attic; plex.direct names are dialed by address."""
        at = at or self.attic
        way = at if isinstance(at, Connection) else at.connection()
        uri = URL(way.uri)
        base = str(uri.with_host(way.address).origin())
        return await self.send(base, line, token, server_hostname=uri.host, **options)

    async def sign_in(self, **form: str) -> Reply:
        """Sign in, by default as Ada with her correct password."""
        return await self("POST /users/signin", None, data=PASSWORD | form)

    async def opens(self, token: str | None, at: Place = None) -> bool:
        """Return whether a server accepts a token."""
        return (await self.ask("GET /", token, at)).status == 200

    async def cellar(self, **fields: Any) -> Server:
        """Return a server that Grace shares with Ada."""
        fields |= {"owner": self.grace, "shared_with": [self.ada], "name": "Cellar"}
        return await self.sim.add_server(**fields)

    async def listed(self, query: str = "includeHttps=1") -> Any:
        """Return the list of servers."""
        return (await self(f"GET /resources?{query}")).said


def check(said: Any, **values: Any) -> None:
    """Check values of an object or element; ABSENT means that there is none."""
    assert {name: said.get(name, ABSENT) for name in values} == values


@pytest.fixture(autouse=True)
def enable_custom_integrations() -> None:
    """Keep Home Assistant out of these tests."""


@pytest.fixture
async def plex(simulator: Simulator) -> AsyncGenerator[World]:
    """Return a small world."""
    context = ssl.create_default_context(cadata=simulator.ca_pem.decode())
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector) as session:
        world = World(simulator, session)
        world.attic = await simulator.add_server(owner=world.ada)
        yield world
        await world.control.stop()


async def test_sign_in(plex: World) -> None:
    """A sign-in returns the account and its new token; each refusal has its code."""
    plex.ada.subscribe("yearly", renews_at=1_800_000_000)
    reply = await plex.sign_in(rememberMe="true")
    expires = plex.sim.clock.now().timestamp() + 14 * DAY
    check(reply.said, id=plex.ada.id, uuid=plex.ada.uuid, rememberExpiresAt=expires)
    check(reply.said, pastSubscriptions=[], trials=[])
    assert plex.ada.tokens[reply.said["authToken"]] == "client-one"
    assert (reply.status, len(reply.said["authToken"])) == (201, 20)
    assert reply.said["subscriptions"][0]["renewsAt"] == 1_800_000_000
    assert plex.sim.requests[-1].form["rememberMe"] == "true"
    for elsewhere in ("json", "params"):
        reply = await plex("POST /users/signin", None, **{elsewhere: PASSWORD})
        assert reply.outcome == (400, 1004)

    plex.ada.code, plex.ada.backup_codes = "123456", {"spare", "used"}
    plex.ada.password, plex.sim.lock_after = "right", 99
    add = plex.sim.add_account
    add(username="link-only", email="link-only@example.com", password=None)
    add(username="mary", email="mary@example.com", password="right", email_only=True)
    add(username="", email="", password=None, restricted=True)
    await plex.sign_in(password="right", verificationCode="used")
    for status, told, forms in (
        (401, 1001, "login=nobody login=ADA login=link-only password=wrong"),
        (401, 1001, "password=right654321"),
        (400, 1004, "password= login="),
        (401, 1028, "verificationCode=000000 verificationCode=used"),
        (401, 1029, "verificationCode="),
        (401, 1030, "login=mary"),
        (201, JSON, "login=mary@example.com password=right123456"),
        (201, JSON, "verificationCode=123456 verificationCode=spare"),
        (201, JSON, "login=Ada@Example.com&verificationCode=123456"),
    ):
        for form in forms.split():
            fields = {"password": "right"} | dict(URL(f"?{form}").query)
            assert (await plex.sign_in(**fields)).outcome == (status, told)


@pytest.mark.parametrize("worded", [False, True])
async def test_address_is_locked(plex: World, worded: bool) -> None:
    """Too many refused sign-ins lock the address for an hour; a missing code doesn't count."""
    plex.sim.lock_worded, wrong = worded, {"password": "wrong"}
    assert {(await plex.sign_in(**wrong)).outcome for _ in range(4)} == {(401, 1001)}
    plex.ada.code = "123456"
    assert {(await plex.sign_in()).outcome for _ in range(6)} == {(401, 1029)}
    plex.ada.code = None
    assert (await plex.sign_in()).status == 201
    assert {(await plex.sign_in(**wrong)).outcome for _ in range(5)} == {(401, 1001)}
    [error] = (await plex.sign_in()).said["errors"]
    assert (error["code"] != 1031) == ("disabled" in error["message"]) == worded
    for seconds, status in ((3599, 401), (1, 201)):
        plex.sim.clock.advance(seconds)
        assert (await plex.sign_in()).status == status


async def test_common_rules(plex: World) -> None:
    """Everything needs a client, most a token, in headers or query; XML is the default."""
    query, cookies = CLIENT | {"X-Plex-Token": plex.token}, {"Cookie": "a=b"}
    reply = await plex.send(plex.sim.url, PING, params=query, headers=cookies, xml=True)
    assert (reply.said.tag, reply.said.text) == ("pong", "true")
    [request] = plex.sim.requests
    assert (request.token, request.headers["Cookie"]) == (plex.token, "a=b")
    cookie = f"_my-plex_session_32={plex.sim.session_cookie};"
    assert reply.headers["Set-Cookie"].startswith(cookie)
    assert reply.headers["X-Request-ID"]
    assert "Set-Cookie" not in (await plex.ask(IDENTITY)).headers
    plex.sim.cookies = False
    reply = await plex(PING)
    assert (reply.said, "Set-Cookie" in reply.headers) == ({"pong": True}, False)

    guarded = ["GET /user", "GET /resources", PING, "DELETE /users/signout"]
    guarded += ["PUT /pins/link"]
    for line in [*guarded, "POST /users/signin", "POST /pins", "GET /nothing"]:
        nameless = await plex(line, headers={"X-Plex-Client-Identifier": ""})
        assert nameless.outcome == (400, 1000)
    for line, token in product(guarded, (None, "wrong")):
        assert (await plex(line, token)).outcome == (401, 1001)
        reply = await plex(line, token, headers={"Accept": "*/*"})
        assert (reply.type, reply.said[0].get("code")) == ("application/xml", "1001")
    for line in ("GET /nothing", "DELETE /pins/1"):
        assert (await plex(line)).outcome == (404, None)


async def test_user(plex: World) -> None:
    """The account shows every change, the token, and the requested parts."""
    ada, line = plex.ada, "GET /user?includeSubscriptions=1"
    expected = sample("simulator/user") | {"authToken": plex.token}
    expected |= {name: getattr(ada, name) for name in ("id", "uuid", "services")}
    assert (await plex(f"{line}&includeProviders=1")).said == expected
    for optional in ("subscriptions", "pastSubscriptions", "trials", "providers"):
        del expected[optional]
    assert (await plex("GET /user")).said == expected
    ada.subscribe("yearly", since="2024-03-24T05:13:37Z", ends_at=1_800_000_000)
    user = (await plex(line, xml=True)).said
    check(user, home="0", adsConsent="", joinedAt="1393545600")
    [summary], [[entry]] = user.findall("subscription"), user.findall("subscriptions")
    check(summary, subscribedAt="2024-03-24 05:13:37 UTC")
    check(summary.findall("features/feature")[1], id="hardware_transcoding")
    check(entry, mode="yearly", endsAt="1800000000", canceled="1", renewsAt="")
    assert (user.tag, user.findall("roles/role")[0].get("id")) == ("user", "plexpass")
    assert len(user.findall("services/service")) == 3

    ada.code, ada.pin, ada.friendly_name, ada.username = "123456", "0042", "Zoë 🎬", ""
    ada.extra = {"homeSize": "1", "locale": ABSENT, "new": {"a": [1]}}
    ada.lapse(since=1_700_000_000, ended_at=1_731_622_400)
    reply = await plex(line)
    check(reply.said, twoFactorEnabled=True, protected=True, title="Zoë 🎬")
    check(reply.said, homeSize="1", new={"a": [1]}, locale=ABSENT)
    check(reply.said, subscriptions=[], roles=ABSENT)
    assert '"Zoë 🎬"'.encode() in reply.body
    assert re.fullmatch("[0-9a-f]{64}", reply.said["pin"])
    began = {"subscribedAt": "2023-11-14T22:13:20Z"}
    check(reply.said["subscription"], active=False, status="Inactive", **began)
    assert [one["state"] for one in reply.said["pastSubscriptions"]] == ["ended"]


async def test_end_of_tokens(plex: World) -> None:
    """A sign-out ends one token, or all of a client; a reset ends all but transient tokens."""
    cellar = await plex.cellar()
    shared, transient = cellar.access_token(plex.ada, ""), cellar.mint(plex.ada)
    for scope, left in (("token", {"b": "1", "c": "2"}), ("client", {"c": "2"})):
        plex.sim.sign_out_scope = scope
        plex.ada.tokens = {"a": "1", "b": "1", "c": "2"}
        reply = await plex("DELETE /users/signout", "a")
        assert (reply.status, reply.body, plex.ada.tokens) == (204, b"", left)
        assert (await plex("GET /user", "a")).status == 401
    for token in ("c", "unknown"):
        plex.sim.revoke_token(token)
        assert (await plex("GET /user", token)).status == 401

    plex.token, plex.attic.token = plex.sim.sign_in(plex.ada, "client-one"), "own-token"
    for plex.sim.revoke_ends_transient, alive in ((False, True), (True, False)):
        plex.sim.reset_password(plex.ada, "new")
        assert await plex.opens(transient, cellar) is alive
    assert (await plex("GET /user")).status == 401
    for token, at in ((OWN, None), ("own-token", None), (shared, cellar)):
        assert not await plex.opens(token, at)
    assert not (await plex.ask(IDENTITY)).said["claimed"]
    plex.token = (await plex.sign_in(password="new")).said["authToken"]
    assert [one["name"] for one in await plex.listed()] == ["Cellar"]


async def test_resources(plex: World) -> None:
    """Each kind of resource has its fields and the requested connections."""
    vault = await plex.sim.add_server(owner=plex.ada, tls=True)
    cellar = await plex.cellar()
    await plex.sim.add_server(name="Foreign", owner=plex.grace)
    plex.sim.add_player(plex.ada)
    _, owned, shared, player = await plex.listed()
    check(owned, owned=True, ownerId=None, sourceTitle=None, accessToken=plex.token)
    check(shared, owned=False, ownerId=plex.grace.id, sourceTitle="grace")
    check(shared, accessToken=cellar.access_token(plex.ada, ""))
    check(player, accessToken=None, dnsRebindingProtection=ABSENT)
    uri = owned["connections"][0]["uri"]
    assert uri == vault.connections[0].uri
    host = r"127-0-0-1\.[0-9a-f]{32}\.plex\.direct"
    assert re.fullmatch(rf"https://{host}:{vault.port}", uri)
    assert shared["connections"][0]["uri"] == f"http://127.0.0.1:{cellar.port}"
    [listed, *_] = (await plex("GET /resources", xml=True)).said
    check(listed, owned="1", ownerId="")
    check(listed.findall("connections/connection")[0], IPv6="0")

    vault.connections.append(vault.connection(relay=True, host="127.0.0.2"))
    vault.connections.append(vault.connection(local=False, host="::1"))
    plain, https = "http://127.0.0.1:", "https://127-0-0-1."
    for query, expected in {
        "": [plain],
        "includeHttps=1": [https],
        "includeHttps=1&includeRelay=1": [https, "https://127-0-0-2."],
        "includeIPv6=1": [plain, "http://[::1]:"],
        "includeHttps=1&includeIPv6=1": [https, f"https://{'0000-' * 7}0001."],
        "includeHttps=0&includeRelay=1": [plain, "http://127.0.0.2:"],
    }.items():
        _, entry, *_ = await plex.listed(query)
        for one, start in zip(entry["connections"], expected, strict=True):
            assert one["uri"].startswith(start)


async def test_resources_change(plex: World) -> None:
    """Every attribute of a server can change, and a list may contain extra entries."""
    attic = plex.attic
    attic.name, attic.presence, attic.token = "\ud83d", False, "own-token"
    attic.extra = {"device": None, "product": ABSENT}
    [entry] = await plex.listed()
    check(entry, name="\ud83d", presence=False, accessToken="own-token", device=None)
    assert "product" not in entry
    for changes in ({"listed": False}, {"claimed": False}, {"owner": plex.grace}):
        with patch.multiple(attic, **changes):
            assert await plex.listed() == []
    plex.sim.leave_out(attic, times=2)
    assert [len(await plex.listed()) for _ in range(3)] == [0, 0, 1]

    plex.sim.first_resources = [{"name": "First"}]
    plex.sim.extra_resources = ['{"name": "\\ud800\\u0000"}', '<resource name="&#1;"/>']
    names = [one["name"] for one in await plex.listed()]
    assert names == ["First", "\ud83d", "\ud800\x00"]
    xml = (await plex("GET /resources", xml=True)).body
    assert b'<resources><resource name="First" /><resource name="&#55357;"' in xml
    assert xml.endswith(b'<resource name="&#1;"/></resources>')


async def test_tokens_of_servers(plex: World) -> None:
    """An account token opens owned servers, a server token that server; identities need none."""
    attic, cellar = plex.attic, await plex.cellar()
    attic.token, shared = "own-token", cellar.access_token(plex.ada, "")
    opened = {OWN: attic, "own-token": attic, shared: cellar, None: None}
    for (token, right), server in product(opened.items(), (attic, cellar)):
        assert await plex.opens(token, server) is (server is right)
    for token in (shared, "own-token", attic.mint(plex.ada)):
        assert (await plex("GET /user", token)).outcome == (401, 1001)
    refused = await plex.ask("GET /", "wrong")
    assert refused.outcome == (401, HTML)
    for words in (b"<title>Unauthorized</title>", b"<h1>401 Unauthorized</h1>"):
        assert words in refused.body
    attic.answers_as = "other"
    for stranger in (None, "wrong"):
        reply = await plex.ask(IDENTITY, stranger)
        check(reply.said, claimed=True, machineIdentifier="other", apiVersion="1.2.2")
        assert reply.body.startswith(b'{"MediaContainer": ')
    xml = (await plex.ask(IDENTITY, xml=True)).said
    assert (xml.tag, xml.get("claimed")) == ("MediaContainer", "1")
    check((await plex.ask("GET /")).said, friendlyName="Attic")
    attic.echo = True
    for line in ("GET /", IDENTITY, "GET /library/onDeck"):
        body = (await plex.ask(line)).said
        assert body["authToken"] == body["EchoSetting"][0]["value"] == plex.token
        assert {"id": "X-Plex-Token", "value": plex.token} in body["EchoHeader"]
        assert plex.token in body["note"]
    assert (await plex.ask(f"GET {MINT}")).said.keys() == {"size", "token"}
    cellar.shared_with, attic.allow_tokenless = [], True
    assert not await plex.opens(shared, cellar)
    assert [await plex.opens(token) for token in (None, "wrong")] == [True, True]
    assert (await plex.ask(f"GET {MINT}", None)).said == {"size": 0}


@pytest.mark.parametrize(
    "row",
    f"""\
404 404 GET /security/tokens, GET /library/sections/9/all, GET /library/metadata/9
404 404 PUT /:/scrobble?key=9&identifier=x
405 405 POST /, POST /security/resources, DELETE /library/sections/1/refresh
400 400 GET /search, PUT /:/scrobble?key=1, GET /photo/:/transcode?url=/
400 400 GET /photo/:/transcode?url=http://x&width=1&height=1
400 400 GET /security/token, GET /security/token?type=delegation
400 400 PUT /security/token?type=delegation&scope=some
200 200 GET /library/sections, POST {MINT}
200 403 GET /library/sections/1/refresh, POST /library/sections/all/refresh
200 403 GET /myplex/account, GET /:/prefs, PUT /:/prefs?FriendlyName=A
200 403 {SOURCE}provider://known, GET /status/sessions
400 403 GET /security/resources, {SOURCE}, {SOURCE}provider://unknown
400 403 {SOURCE}server://unknown, {SOURCE}nonsense
400 403 {SOURCE}provider://known&refresh=yes, PUT /:/prefs?Unknown=1
400 403 GET /status/sessions/terminate
404 403 GET /status/sessions/terminate?sessionId=x, GET /library/sections/9/refresh
""".splitlines(),
)
async def test_server_paths(plex: World, row: str) -> None:
    """A server is as strict as plex.tv; refusals are HTML, and some paths are owner-only."""
    owner, guest, lines = row.split(" ", 2)
    attic, guests = plex.attic, plex.attic.access_token(plex.grace, "")
    attic.shared_with = [plex.grace]
    attic.sources["provider://known"] = {"name": "Known", "Connection": []}
    for line in lines.split(", "):
        expected = {OWN: owner, guests: guest, "wrong": "401"}
        if "/security/token" not in line:
            expected |= {attic.mint(plex.ada): owner, attic.mint(plex.grace): guest}
        for token, status in expected.items():
            reply = await plex.ask(line, token)
            assert str(reply.status) == status, line
            assert status == "200" or reply.type == HTML


async def test_transient_token(plex: World) -> None:
    """Every verb mints a token that lasts for 48 hours, or until the server restarts."""
    attic, ada = plex.attic, plex.ada
    lines = [f"{method} {MINT}" for method in ("GET", "POST", "PUT")]
    minted = [(await plex.ask(line)).said["token"] for line in lines]
    assert all(re.fullmatch(r"transient-[0-9a-f-]{36}", one) for one in minted)
    xml = (await plex.ask(lines[0], xml=True)).said
    assert (xml.tag, xml.get("size")) == ("MediaContainer", "0")
    assert {*minted, xml.get("token")} == attic.transient_tokens.keys()
    for seconds, alive in ((2 * DAY - 1, True), (1, False)):
        plex.sim.clock.advance(seconds)
        assert await plex.opens(minted[0]) is alive
    second, port = attic.mint(ada), attic.port
    await attic.restart()
    assert (attic.port, await plex.opens(second)) == (port, False)
    assert await plex.opens(OWN)
    await attic.stop()
    third = attic.mint(ada)
    await attic.start()
    assert not await plex.opens(third)
    attic.post_token_status, transient = 405, attic.mint(ada)
    assert (await plex.ask(f"POST {MINT}")).status == 405
    for attic.mint_with_transient, status in ((False, 403), (True, 200)):
        assert (await plex.ask(f"GET {MINT}", transient)).status == status


async def test_ways_to_be_out(plex: World) -> None:
    """Servers can be stopped, in maintenance, or behind a proxy."""
    attic = plex.attic
    for change in (attic.start, attic.stop):
        await change()
        await change()
    with pytest.raises(aiohttp.ClientConnectionError):
        await plex.ask(IDENTITY)
    await attic.start()
    attic.maintenance = True
    reply = await plex.ask(IDENTITY)
    assert (reply.status, reply.said.tag) == (503, "Response")
    check(reply.said, code="503", title="Maintenance")
    attic.maintenance, attic.allowed_paths = False, ["/identity", "/library/*"]
    for path, status in {"identity": 200, "library/onDeck": 200, "": 404}.items():
        assert (await plex.ask(f"GET /{path}")).status == status


async def test_source(plex: World) -> None:
    """A server describes itself and others, with a token that is valid there."""
    cellar = await plex.cellar(tls=True)
    cellar.connections.append(cellar.connection(relay=True))
    line = f"{SOURCE}server://{cellar.machine_identifier}"
    for more in ("", "/com.plexapp.plugins.library&refresh=1"):
        device = (await plex.ask(line + more)).said["Device"]
        check(device, clientIdentifier=cellar.machine_identifier)
        assert await plex.opens(device["accessToken"], cellar)
        near, relay = device["Connection"]
        check(near, local=True, relay=ABSENT)
        check(relay, local=False, relay=True)
    [listed] = (await plex.ask(line, xml=True)).said
    assert (listed.tag, listed.get("name")) == ("Device", "Cellar")
    assert [one.get("local") for one in listed.findall("Connection")] == ["1", "0"]
    plex.attic.device_as_list = True
    for plex.attic.flags_as, expected in (("bool", True), ("int", 1), ("str", "1")):
        local = (await plex.ask(line)).said["Device"][0]["Connection"][0]["local"]
        assert repr(local) == repr(expected)


async def test_library(plex: World) -> None:
    """A library lists films, in pages if requested, and viewers; its pictures are real."""
    library = plex.attic.library
    film = library.add("Sunrise", year=1927)
    library.play(film, user="grace")
    for path, expected in {
        "/library/sections": ["Movies", "TV Shows"],
        "/library/sections/2/all": ["The Severed Head"],
        "/library/onDeck": ["The General", "The Severed Head"],
        "/search?query=sun": ["Sunrise"],
        f"/library/metadata/{film.rating_key}": ["Sunrise"],
        "/status/sessions": ["Sunrise"],
    }.items():
        body = (await plex.ask(f"GET {path}")).said
        items = body.get("Metadata") or body["Directory"]
        assert [one["title"] for one in items] == expected
        assert body["size"] == len(expected)
        xml = (await plex.ask(f"GET {path}", xml=True)).said
        assert [one.get("title") for one in xml] == expected

    piece: Any = {"X-Plex-Container-Start": "1", "X-Plex-Container-Size": "2"}
    for how in ("params", "headers"):
        body = (await plex.ask("GET /library/recentlyAdded", **{how: piece})).said
        check(body, size=2, totalSize=5, offset=1)
        titles = [one["title"] for one in body["Metadata"]]
        assert titles == ["Metropolis", "The General"]
    library.fill(100)
    assert len((await plex.ask("GET /library/sections/1/all")).body) > 80_000

    thumb = (await plex.ask("GET /library/onDeck")).said["Metadata"][0]["thumb"]
    plain = await plex.ask(f"GET {thumb}")
    assert (plain.type, plain.body) == ("image/jpeg", JPEG)
    assert "ETag" not in plain.headers
    line = f"GET /photo/:/transcode?url={thumb}&width=600&height=600"
    for more, width in (("", 200), ("&upscale=1", 400), ("&upscale=1&minSize=1", 600)):
        reply = await plex.ask(line + more)
        assert reply.type == "image/png"
        assert png_size(reply.body) == (width, width * 3 / 2)
    plex.attic.picture = SVG, "image/png"
    for one in (line, f"GET {thumb}"):
        reply = await plex.ask(one)
        assert (reply.body, reply.type) == (SVG, "image/png")


async def test_library_acts(plex: World) -> None:
    """Watched marks, ended streams, and settings are remembered."""
    library, film = plex.attic.library, plex.attic.library.items[102]
    session = library.play(film)
    marked = "key=102&identifier=com.plexapp.plugins.library"

    async def act(line: str) -> None:
        reply = await plex.ask(line)
        assert (reply.status, reply.body) == (200, b"")

    await act(f"GET /:/scrobble?{marked}")
    assert (film.view_count, film.view_offset) == (1, 0)
    await act(f"PUT /:/unscrobble?{marked}")
    assert film.view_count == 0
    await act(f"GET /status/sessions/terminate?sessionId={session.key}&reason=Night")
    assert (library.sessions, library.ended_sessions) == ([], [(session.key, "Night")])
    await act("PUT /:/prefs?FriendlyName=Loft&secureConnections=0")
    settings = (await plex.ask("GET /:/prefs")).said["Setting"]
    values = {one["id"]: one["value"] for one in settings}
    assert plex.attic.name == values["FriendlyName"] == "Loft"
    assert values["secureConnections"] == "0"
    check((await plex.ask("GET /myplex/account")).said["MyPlex"], authToken=plex.token)
    await act("POST /myplex/account")
    assert not plex.attic.claimed


async def test_tls(plex: World) -> None:
    """A certificate is valid for one name; plain http works unless TLS is required."""
    hosts, refused = ("127.0.0.2", "::1"), aiohttp.ClientConnectorCertificateError
    server = await plex.sim.add_server(owner=plex.ada, tls=True, hosts=hosts)
    for connection, host in zip(server.connections, hosts, strict=True):
        assert connection.address == host
        assert (await plex.ask(IDENTITY, at=connection)).status == 200
    assert server.requests[-1].secure
    old = server.connections[0]
    assert server.renew_certificate() in server.connections[0].uri
    await server.restart()
    # The next connection gets a new certificate without a restart.
    vault = await plex.sim.add_server(owner=plex.ada, tls=True)
    vault.certificate_hash = "0123456789abcdef" * 2
    for connection in (old, replace(old, uri=server.url), vault.connections[0]):
        with pytest.raises(refused):
            await plex.ask(IDENTITY, at=connection)
    for connection in (server.connections[0], vault.connection()):
        assert (await plex.ask(IDENTITY, at=connection)).status == 200

    named = server.connection(scheme="http")
    assert f"https{named.uri[4:]}" == server.connections[0].uri
    assert (await plex.ask(IDENTITY, at=named)).status == 200
    server.https_required = True
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await plex.ask(IDENTITY, at=named)
    assert (server.requests[-1].secure, server.requests[-1].status) == (False, None)
    assert (await plex.ask(IDENTITY, at=server)).status == 200


@pytest.mark.parametrize("hello", [b"", b"\x16garbage", None])
async def test_broken_handshakes(plex: World, hello: bytes | None) -> None:
    """Clients that send nothing or garbage do no harm, and don't delay the shutdown."""
    server = await plex.sim.add_server(owner=plex.ada, tls=True)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    if hello is not None:
        writer.write(hello)
        writer.write_eof()
        with suppress(ConnectionError):
            await reader.read()
    assert (await plex.ask(IDENTITY, at=server)).status == 200
    await server.stop()
    with suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()


async def test_faults(plex: World) -> None:
    """A fault uses the usual or any other body, and can depend on host, count, or chance."""

    async def statuses(count: int) -> list[int]:
        return [(await plex(PING)).status for _ in range(count)]

    for fields, outcome in (
        ({"status": 503}, (503, None)),
        ({"code": 1009}, (403, 1009)),
        ({"code": 1069}, (422, 1069)),
        ({"code": 1013, "status": 500}, (500, 1013)),
        ({"body": "<html>"}, (200, "text/plain")),
        ({"body": b"\x00"}, (200, "application/octet-stream")),
        ({"body": [1], "path": "/us*"}, (200, JSON)),
        ({"body": {"a": 1}, "content_type": HTML, "method": "get"}, (200, HTML)),
        ({"code": 4711, "status": 401, "message": "Words"}, (401, 4711)),
    ):
        fault = plex.sim.fault(times=1, **{"path": "/user"} | fields)
        reply = await plex("GET /user")
        assert (reply.outcome, fault.hits) == (outcome, 1)
    assert reply.said["errors"][0]["message"] == "Words"
    assert (await plex("GET /user")).status == 200
    plex.sim.fault(host=plex.attic.machine_identifier, path="/identity", status=502)
    assert (await plex.ask(IDENTITY)).outcome == (502, HTML)
    assert (await plex.ask("GET /")).status == (await plex(PING)).status == 200
    for status in (500, 498, 522):
        plex.sim.clear_faults()
        plex.sim.fault(host="*", status=status)
        assert (await plex.ask("GET /")).status == (await plex(PING)).status == status
    with pytest.raises(ValueError, match="unknown action"):
        plex.sim.fault(action="explode")
    plex.sim.clear_faults()

    for wait in (None, 1_234_567, datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)):
        plex.sim.rate_limit(path="/users/signin", retry_after=wait, times=1)
    replies = [await plex.sign_in() for _ in range(3)]
    assert [one.outcome for one in replies] == [(429, 1003)] * 3
    waits = [one.headers.get("Retry-After") for one in replies]
    assert waits == [None, "1234567", "Wed, 02 Jan 2030 03:04:05 GMT"]
    for status in (503, 429):
        plex.sim.fault(path="/ping", status=status, times=1)
    assert await statuses(3) == [503, 429, 200]
    fault = plex.sim.fault(path="/ping", status=500, after=1, every=3)
    assert await statuses(5) == [200, 500, 200, 200, 500]
    fault.remove()
    plex.sim.alternate(path="/ping", times=2)
    reply = await plex(PING)
    assert (reply.status, reply.body) == (404, b"")
    assert not {"Content-Type", "X-Request-ID", "Set-Cookie"} & reply.headers.keys()
    assert await statuses(3) == [200, 404, 200]
    days = []
    for seed in (1, 1, 2):
        trouble = plex.sim.trouble(path="/ping", seed=seed)
        trouble.kinds.pop()
        days.append([(await plex(PING)).outcome for _ in range(40)])
        trouble.remove()
    assert {status for status, _ in days[0]} == {200, 401, 404, 502, 503}
    assert (502, HTML) in days[0]
    assert 10 < days[0].count((200, JSON)) < 30
    assert days[0] == days[1] != days[2]


async def test_broken_answers(plex: World) -> None:
    """An answer can be cut off, held back, delayed, slow, or huge."""
    clock, sim = asyncio.get_running_loop().time, plex.sim
    dropped, truncated = aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError
    for action, error in (("drop", dropped), ("truncate", truncated)):
        sim.fault(path="/ping", action=action, times=2)  # a GET is sent once more
        with pytest.raises(error):
            await plex(PING)
        assert sim.requests[-1].status == (200 if error is truncated else None)
        sim.clear_faults()
    for way in ("remove", "clear_faults", "release"):
        fault = sim.fault(path="/ping", action="hang", times=1)
        waiting = asyncio.create_task(plex(PING))
        while not fault.hits:
            await asyncio.sleep(0)
        getattr(fault if hasattr(fault, way) else sim, way)()
        assert (await waiting).status == 200
    sim.latency, started = 0.02, clock()
    sim.fault(path="/ping", action="trickle", pace=0, delay=0.02)
    assert (await plex(PING)).said == {"pong": True}
    assert clock() - started >= 0.04

    sim.fault(path="/user", action="gzip_bomb", times=1)
    sim.fault(path="/user", action="endless", body="[")
    packed, size = await plex("GET /user", auto_decompress=False), 0
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < 2**20
    assert int.from_bytes(packed.body[-4:], "little") == 256 * 2**20
    async with aiohttp.request("GET", f"{sim.url}/user", headers=CLIENT) as answer:
        while size < 2**20:
            size += len(await answer.content.readany())


async def test_hostile_server(plex: World) -> None:
    """A hostile server has an identity, records everything, and answers as configured."""
    script: Any = {"/security/*": ["close", b"nonsense"]}
    hostile = await plex.sim.add_hostile(answers=script)
    plex.sim.extra_resources.append(hostile.entry(name="Friend", owned=True))
    [_, entry] = await plex.listed()
    check(entry, name="Friend", owned=True)
    assert entry["connections"][0]["uri"] == hostile.connection().uri
    identity = (await plex.ask(IDENTITY, at=hostile)).said
    check(identity, machineIdentifier=hostile.machine_identifier)
    line = "POST /security/token?a=b"
    for error in (aiohttp.ServerDisconnectedError, aiohttp.ClientResponseError):
        with pytest.raises(error):
            await plex.ask(line, "secret", hostile, data={"c": "d"})
    minted = await plex.ask(line, "secret", hostile)
    check(minted.said, token=hostile.transient_token)
    heard = hostile.heard[1]
    assert f"{heard.method} {heard.path}" == "POST /security/token"
    assert (heard.query, heard.form, heard.secure) == ({"a": "b"}, {"c": "d"}, True)
    assert heard.raw.startswith(b"POST /security/token?a=b HTTP/1.1\r\n")
    assert (heard.token, heard in plex.sim.requests) == ("secret", True)
    [device] = (await plex.ask("GET /security/resources", at=hostile)).said["Device"]
    check(device, accessToken=hostile.transient_token)
    hostile.mode = redirect("javascript:alert(1)")
    reply = await plex.ask("GET /", at=hostile)
    assert (reply.status, reply.headers["Location"]) == (302, "javascript:alert(1)")


async def test_hostile_answers(plex: World) -> None:
    """Every mode differs from the truth; compressed bodies contain the truth."""
    hostile = await plex.sim.add_hostile(tls=False)

    async def heard(mode: str | None, size: int | None = None) -> bytes:
        hostile.mode = mode
        reader, writer = await asyncio.open_connection(hostile.host, hostile.port)
        writer.write(b"GET /identity HTTP/1.1\r\nAccept: application/json\r\n\r\n")
        writer.write_eof()
        answer = await (reader.read() if size is None else reader.readexactly(size))
        writer.close()
        return answer

    bodies, true_answer = {}, await heard(None)
    truth = true_answer.partition(b"\r\n\r\n")[2]
    for name in HEADERS | STATUSES | BODIES:
        answer = await heard(name)
        assert answer != true_answer
        bodies[name] = answer.partition(b"\r\n\r\n")[2]
    assert zlib.decompress(bodies["deflate"]) == truth
    assert zstd.decompress(bodies["zstd"]) == bodies["br"][3:-1] == truth
    assert gzip.decompress(zstd.decompress(bodies["two_layers"])) == truth
    assert len(bodies["many_elements"]) < 10_000
    assert len(gzip.decompress(bodies["many_elements"])) > 900_000
    for name in ENDLESS:
        size = 50 if name == "slow_head" else 300_000
        assert len(await heard(name, size)) == size
    for name, size in {"close": 0, "half_head": 27}.items():
        assert len(await heard(name)) == size
    assert (await heard("half_body")).endswith(truth[: len(truth) // 2])
    with suppress(ConnectionError):
        assert await heard("reset") == b""


async def test_ports(plex: World) -> None:
    """A dead port refuses, a silent one accepts; everything listens on loopback only."""
    sim, anywhere = plex.sim, "0.0.0.0"
    refused = pytest.raises(ValueError, match="not a loopback address")
    added = sim.add_server(owner=plex.ada, host=anywhere), sim.add_silent(anywhere)
    for add in (*added, sim.add_hostile(host=anywhere)):
        with refused:
            await add
    with refused:
        sim.closed_port(anywhere)
    with pytest.raises(OSError):
        await sim.add_server(owner=plex.ada, port=plex.attic.port)

    hostile = await sim.add_hostile("silent", tls=False)
    silent, dead = await sim.add_silent(), sim.closed_port()
    fault = sim.fault(path="/ping", action="hang")
    with pytest.raises(aiohttp.ClientConnectorError):
        await plex.send(f"http://127.0.0.1:{dead}", "GET /")
    bases = [f"http://127.0.0.1:{port}" for port in (hostile.port, silent)]
    waiting = [asyncio.create_task(plex.send(base, "GET /")) for base in bases]
    waiting.append(asyncio.create_task(plex(PING)))
    while not (hostile.heard and fault.hits):
        await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    await sim.stop()
    for task in waiting:
        with pytest.raises(aiohttp.ClientConnectionError):
            await task


@pytest.mark.parametrize(
    ("strong", "length", "seconds"), [("", 4, 900), ("?strong=true", 25, 1800)]
)
async def test_pin(plex: World, strong: str, length: int, seconds: int) -> None:
    """A PIN waits for approval, for one client, for a limited time; only short ones link."""
    other = {"X-Plex-Client-Identifier": "tv"}
    reply = await plex(f"POST /pins{strong}", headers={"X-Plex-Product": "Tests"})
    pin, line = reply.said, f"GET /pins/{reply.said['id']}"
    assert (reply.status, len(pin["code"]), pin["product"]) == (201, length, "Tests")
    ends = datetime.fromisoformat(pin["expiresAt"]) - plex.sim.clock.now()
    assert pin["expiresIn"] == ends.total_seconds() == seconds
    assert pin["qr"].endswith(pin["code"])
    check(pin, authToken=None, newRegistration=None)
    second = (await plex(f"POST /pins{strong}", headers=other, xml=True)).said
    check(second, id=str(pin["id"] + 1), authToken="")
    assert (second.tag, second[0].tag) == ("pin", "location")
    check((await plex(line)).said, authToken=None)
    assert (await plex(line, headers=other)).outcome == (404, 1020)
    token = plex.sim.approve_pin(pin["code"], plex.ada)
    check((await plex(line)).said, authToken=token)
    assert plex.ada.tokens[token] == "client-one"
    code = second.get("code").lower()
    for typed, good in (("----", False), (code, not strong)):
        linked = await plex("PUT /pins/link", data={"code": typed})
        assert linked.status == 204 if good else linked.outcome == (404, 1020)
    assert ("tv" in plex.ada.tokens.values()) is not bool(strong)
    plex.sim.clock.advance(seconds)
    assert (await plex(line)).outcome == (404, 1020)
    plex.sim.expired_pin_code = 1069
    assert (await plex(line)).outcome == (422, 1069)
    assert (await plex("GET /pins/1")).outcome == (404, 1020)
    with pytest.raises(LookupError):
        plex.sim.approve_pin(pin["code"], plex.ada)


async def test_alone(plex: World) -> None:
    """Run alone, the simulator has a running clock, and a full world or one from a file."""
    clock = Simulator(ticking=True).clock
    begin = clock.now()
    clock.advance(60)
    while (passed := (clock.now() - begin).total_seconds()) <= 60:
        pass
    assert passed < 65

    await load_world(plex.sim, sample("simulator/world"))
    _, stopped, relayed = plex.sim.servers
    assert (stopped.owner.backup_codes, stopped.running) == ({"x"}, False)
    assert relayed.shared_with == [stopped.owner]
    assert relayed.connections == [relayed.connection(relay=True)]
    assert (plex.sim.players[0].name, plex.sim.expired_pin_code) == ("Phone", 1069)
    assert plex.sim.extra_resources == [plex.sim.hostile[0].entry(name="Friend")]

    async with Simulator() as plex.sim:
        world = await build_default_world(plex.sim)
        plex.token = (await plex.sign_in(verificationCode="123456")).said["authToken"]
        values = ("name", "owned", "presence")
        listed = [[one[value] for value in values] for one in await plex.listed()]
        assert listed[:2] == [["Attic", True, True], ["Cellar", False, True]]
        assert listed[2:] == [["Boathouse", True, False], ["Living room", True, False]]
        assert (world.attic.running, world.boathouse.running) == (True, False)


async def test_control(plex: World) -> None:
    """Everything can be changed over HTTP; invalid requests get an explanation."""
    sim, ada, attic = plex.sim, plex.ada, plex.attic
    account, server = f"/accounts/{ada.uuid}", f"/servers/{attic.machine_identifier}"
    control = await plex.control.start()

    async def ask(line: str, **body: Any) -> Any:
        reply = await plex.send(control, line, json=body)
        assert reply.status < 300, reply.body
        return reply.said if reply.body else None

    state = await ask("GET /state")
    check(state["accounts"][0], uuid=ada.uuid)
    check(state["servers"][0], port=attic.port)
    changes: Any = {"friendly_name": "A", "backup_codes": ["x"], "absent": ["locale"]}
    await ask(f"PATCH {account}", **changes)
    assert (ada.friendly_name, ada.backup_codes) == ("A", {"x"})
    assert ada.extra == {"locale": ABSENT}
    await ask("POST /accounts", username="new", email="new@example.com")
    changes = {"connections": [{"local": False}], "shared_with": [ada.uuid]}
    await ask(f"PATCH {server}", name="Loft", maintenance=True, left_out=1, **changes)
    assert (attic.name, attic.connections) == ("Loft", [attic.connection(local=False)])
    assert (attic.maintenance, attic.left_out) == (True, 1)
    hash_before = attic.certificate_hash
    await ask(f"POST {server}/renew-certificate")
    assert attic.certificate_hash != hash_before
    for verb, running in {"stop": False, "start": True, "restart": True}.items():
        check(await ask(f"POST {server}/{verb}"), running=running)
    added = await ask("POST /servers", name="Shed", owner=ada.uuid, running=False)
    check(added, machineIdentifier=sim.servers[-1].machine_identifier)
    added = await ask("POST /hostile", mode="silent", entry={"name": "Friend"})
    check(added, machineIdentifier=sim.hostile[0].machine_identifier)
    check(await ask("GET /state"), hostile=[added])
    fault = (await ask("POST /faults", path="/user", code=1007))["id"]
    assert (await plex("GET /user")).outcome == (500, 1007)
    await ask(f"DELETE /faults/{fault}")
    assert (await plex("GET /user", None)).status == 401
    await ask("POST /trouble", path="/user", probability=0.5)
    await ask("DELETE /faults")
    assert [one["status"] for one in await ask("GET /requests")] == [500, 401]
    await ask("DELETE /requests")
    assert sim.requests == []
    now = sim.clock.now()
    await ask("POST /clock", advance=60)
    assert (sim.clock.now() - now).total_seconds() == 60
    settings = {"latency": 0.001, "cookies": False, "sign_out_scope": "client"}
    check(await ask("PATCH /settings", **settings), **settings)
    assert (sim.latency, sim.cookies, sim.sign_out_scope) == (0.001, False, "client")
    await ask("POST /latency", seconds=0)
    await ask("POST /sign-out-scope", scope="token")
    assert (sim.latency, sim.sign_out_scope) == (0, "token")
    await ask(f"POST {account}/revoke")
    assert not ada.tokens
    code = (await plex("POST /pins")).said["code"]
    await ask(f"POST /pins/{code}/approve", account=ada.uuid)
    assert ada.tokens
    await ask(f"POST {account}/reset-password", password="new")
    assert (ada.password, attic.claimed) == ("new", False)

    nonsense: list[tuple[int, str, Any]] = [
        (400, f"PATCH {account}", {"color": "red"}),
        (400, f"PATCH {server}", {"color": "red"}),
        (400, "POST /faults", {"color": "red"}),
        (400, "PATCH /settings", {"color": "red"}),
        (404, "PATCH /accounts/unknown", {}),
        (400, f"PATCH {server}", {"created_at": "now"}),
        (404, "POST /servers/unknown/stop", {}),
        (404, "POST /pins/----/approve", {"account": "unknown"}),
        (404, "DELETE /faults/99999999", None),
        (400, "POST /faults", {"action": "explode"}),
        (400, "POST /faults", []),
        (400, "POST /clock", {}),
        (404, "POST /servers", {"owner": "unknown"}),
        (400, "PATCH /settings", {"sign_out_scope": "all"}),
        (400, "POST /latency", {}),
        (400, "POST /sign-out-scope", {"scope": "all"}),
        (400, "PATCH /settings", {"cookies": "no"}),
    ]
    for status, line, body in nonsense:
        reply = await plex.send(control, line, json=body)
        assert (reply.status, bool(reply.said["error"])) == (status, True)
