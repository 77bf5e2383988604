"""Tests of the simulator itself: as strict and as odd as the real plex.tv and its servers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
import json
import re
import signal
import ssl
import sys
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import aiohttp
import pytest
from pytest_socket import socket_allow_hosts
from yarl import URL

from tests.simulator import (
    ABSENT,
    Account,
    Connection,
    Server,
    Simulator,
    build_default_world,
)
from tests.simulator.clock import Clock
from tests.simulator.control import Control
from tests.simulator.world import load_world

CLIENT = {"X-Plex-Client-Identifier": "client-one"}
JSON = {"Accept": "application/json"}
MINT = {"type": "delegation", "scope": "all"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    type: str
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)

    @property
    def xml(self) -> Element:
        """The body as XML."""
        return fromstring(self.text)  # noqa: S314

    @property
    def code(self) -> int | None:
        """The code of the first error of plex.tv."""
        code: int | None = self.json["errors"][0].get("code")
        return code


class Caller:
    """Plain aiohttp that looks nothing up: a plex.direct name is dialled by its address."""

    def __init__(self, session: aiohttp.ClientSession, sim: Simulator) -> None:
        """Trust the certificates of one simulator."""
        self._session = session
        self._sim = sim
        self._context = ssl.create_default_context(cadata=sim.ca_pem.decode())

    async def send(self, method: str, url: str, **kwargs: Any) -> Reply:
        """Send a request as it is."""
        async with self._session.request(
            method, url, allow_redirects=False, **kwargs
        ) as answer:
            return Reply(
                answer.status,
                answer.content_type,
                await answer.text(),
                dict(answer.headers),
            )

    async def plex_tv(
        self, method: str, path: str, token: str | None = None, **kwargs: Any
    ) -> Reply:
        """Ask plex.tv for JSON, with a client identifier."""
        headers = CLIENT | JSON | ({"X-Plex-Token": token} if token else {})
        headers |= kwargs.pop("headers", {})
        return await self.send(method, self._sim.url + path, headers=headers, **kwargs)

    async def classic(
        self, method: str, path: str, token: str | None = None, **kwargs: Any
    ) -> Reply:
        """Ask plex.tv for something outside the API base."""
        root = self._sim.url.removesuffix("/api/v2")
        headers = {"X-Plex-Token": token} if token else {}
        headers |= kwargs.pop("headers", {})
        return await self.send(method, root + path, headers=headers, **kwargs)

    async def connect(
        self, connection: Connection, method: str, path: str, **kwargs: Any
    ) -> Reply:
        """Ask a server over one of its connections."""
        uri = URL(connection.uri)
        if uri.scheme == "https":
            kwargs |= {"ssl": self._context, "server_hostname": uri.host}
            uri = uri.with_host(connection.address)
        return await self.send(method, f"{uri.origin()}{path}", **kwargs)

    async def server(
        self,
        server: Server,
        method: str,
        path: str,
        token: str | None = None,
        **kwargs: Any,
    ) -> Reply:
        """Ask a server for JSON over its first connection."""
        headers = (
            JSON
            | ({"X-Plex-Token": token} if token else {})
            | kwargs.pop("headers", {})
        )
        return await self.connect(
            server.connections[0], method, path, headers=headers, **kwargs
        )

    async def sign_in(self, **form: str) -> Reply:
        """Sign in, as the first account with its right password unless told otherwise."""
        credentials = {"login": "ada", "password": "correct horse"}
        return await self.plex_tv("POST", "/users/signin", data=credentials | form)


@pytest.fixture
async def sim(socket_enabled: None) -> AsyncGenerator[Simulator]:
    """An empty world."""
    socket_allow_hosts(["127.0.0.0/8", "::1"])
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
async def call(sim: Simulator) -> AsyncGenerator[Caller]:
    """A client of that world."""
    async with aiohttp.ClientSession() as session:
        yield Caller(session, sim)


@pytest.fixture
def ada(sim: Simulator) -> Account:
    """An account with a password."""
    return sim.add_account()


@pytest.fixture
def grace(sim: Simulator) -> Account:
    """Another account."""
    return sim.add_account(username="grace", email="grace@example.com")


@pytest.fixture
def token(sim: Simulator, ada: Account) -> str:
    """A token of the first account."""
    return sim.sign_in(ada, "client-one")


# Signing in


async def test_sign_in(sim: Simulator, call: Caller, ada: Account) -> None:
    """A sign-in answers 201 with the account, its new token and its history."""
    reply = await call.sign_in(rememberMe="true")

    assert reply.status == 201
    assert ada.tokens == {reply.json["authToken"]: "client-one"}
    assert len(reply.json["authToken"]) == 20
    assert (reply.json["id"], reply.json["uuid"]) == (ada.id, ada.uuid)
    assert (reply.json["pastSubscriptions"], reply.json["trials"]) == ([], [])
    expires = reply.json["rememberExpiresAt"] - sim.clock.now().timestamp()
    assert expires == 14 * 24 * 3600
    assert sim.requests[-1].form["rememberMe"] == "true"


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"login": "ada", "password": "wrong"}, 401, 1001),
        ({"login": "nobody", "password": "correct horse"}, 401, 1001),
        ({"login": "ADA", "password": "correct horse"}, 401, 1001),
        ({"login": "link-only", "password": "anything"}, 401, 1001),
        ({"login": "ada", "password": "correct horse654321"}, 401, 1001),
        ({"login": "ada"}, 400, 1004),
        ({"password": "correct horse"}, 400, 1004),
        ({}, 400, 1004),
        ({"login": "ada", "password": "correct horse"}, 401, 1029),
        (
            {"login": "ada", "password": "correct horse", "verificationCode": ""},
            401,
            1029,
        ),
        (
            {"login": "ada", "password": "correct horse", "verificationCode": "000000"},
            401,
            1028,
        ),
        (
            {"login": "ada", "password": "correct horse", "verificationCode": "123456"},
            201,
            None,
        ),
        (
            {"login": "ada", "password": "correct horse", "verificationCode": "spare"},
            201,
            None,
        ),
        ({"login": "ada", "password": "correct horse123456"}, 201, None),
        ({"login": "Ada@Example.com", "password": "correct horse123456"}, 201, None),
    ],
)
async def test_sign_in_codes(
    sim: Simulator, call: Caller, form: dict[str, str], status: int, code: int | None
) -> None:
    """Every reason to refuse a sign-in has its code."""
    sim.add_account(code="123456", backup_codes={"spare"})
    sim.add_account(username="link-only", email="link@example.com", password=None)
    sim.add_account(username="", email="", password=None, restricted=True)

    reply = await call.plex_tv("POST", "/users/signin", data=form)

    assert reply.status == status
    assert code is None or reply.code == code


async def test_backup_code_works_once(sim: Simulator, call: Caller) -> None:
    """A backup code is used up."""
    sim.add_account(code="123456", backup_codes={"spare"})

    assert (await call.sign_in(verificationCode="spare")).status == 201
    assert (await call.sign_in(verificationCode="spare")).code == 1028


@pytest.mark.parametrize(
    "body",
    [
        {"json": {"login": "ada", "password": "correct horse"}},
        {"params": {"login": "ada", "password": "correct horse"}},
    ],
)
async def test_sign_in_reads_only_forms(
    call: Caller, ada: Account, body: dict[str, Any]
) -> None:
    """JSON and query parameters carry no login."""
    reply = await call.plex_tv("POST", "/users/signin", **body)

    assert (reply.status, reply.code) == (400, 1004)


async def test_address_is_locked(sim: Simulator, call: Caller, ada: Account) -> None:
    """Too many refused sign-ins lock the address, right password or not, for an hour."""
    for _ in range(4):
        assert (await call.sign_in(password="wrong")).code == 1001
    assert (await call.sign_in()).status == 201

    for _ in range(5):
        assert (await call.sign_in(password="wrong")).code == 1001
    assert (await call.sign_in()).code == 1031
    sim.clock.advance(3599)
    assert (await call.sign_in()).code == 1031
    sim.clock.advance(1)
    assert (await call.sign_in()).status == 201


async def test_asking_for_a_code_locks_nothing(sim: Simulator, call: Caller) -> None:
    """A sign-in that only lacks its code was not refused."""
    sim.add_account(code="123456")
    sim.lock_after = 1

    for _ in range(3):
        assert (await call.sign_in()).code == 1029


# Common rules of plex.tv


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/users/signin"),
        ("GET", "/user"),
        ("GET", "/resources"),
        ("GET", "/ping"),
        ("POST", "/pins"),
        ("GET", "/nothing"),
    ],
)
async def test_client_identifier_is_mandatory(
    sim: Simulator, call: Caller, method: str, path: str
) -> None:
    """Nothing below /api/v2 works without a client identifier."""
    reply = await call.send(method, sim.url + path, headers=JSON)

    assert (reply.status, reply.code) == (400, 1000)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/user"),
        ("GET", "/resources"),
        ("GET", "/ping"),
        ("DELETE", "/users/signout"),
        ("GET", "/home/users"),
        ("POST", "/home/users/x/switch"),
        ("PUT", "/pins/link"),
    ],
)
async def test_token_is_mandatory(
    call: Caller, token: str, method: str, path: str
) -> None:
    """A missing token and a wrong one are refused alike."""
    for presented in (None, "wrong"):
        reply = await call.plex_tv(method, path, presented)
        assert (reply.status, reply.code) == (401, 1001)


async def test_errors_are_xml_unless_json_is_accepted(
    sim: Simulator, call: Caller
) -> None:
    """Everything is XML by default."""
    for headers in (CLIENT, CLIENT | {"Accept": "*/*"}):
        reply = await call.send("GET", sim.url + "/user", headers=headers)
        error = reply.xml.find("error")
        assert reply.type == "application/xml"
        assert (reply.xml.tag, error is not None and error.get("code")) == (
            "errors",
            "1001",
        )


async def test_values_may_come_in_the_query(
    sim: Simulator, call: Caller, token: str
) -> None:
    """Every X-Plex value may be a query parameter."""
    query = {"X-Plex-Client-Identifier": "client-one", "X-Plex-Token": token}

    reply = await call.send("GET", sim.url + "/user", params=query, headers=JSON)

    assert reply.status == 200
    assert sim.requests[-1].token == token


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nothing"), ("DELETE", "/pins/1")]
)
async def test_unknown_paths(call: Caller, token: str, method: str, path: str) -> None:
    """What does not exist is not found."""
    assert (await call.plex_tv(method, path, token)).status == 404


async def test_ping(sim: Simulator, call: Caller, token: str) -> None:
    """A ping is answered with a pong."""
    assert (await call.plex_tv("GET", "/ping", token)).json == {"pong": True}
    xml = (
        await call.plex_tv("GET", "/ping", token, headers={"Accept": "text/xml"})
    ).xml
    assert (xml.tag, xml.text) == ("pong", "true")


# The account


async def test_user_as_json(call: Caller, ada: Account, token: str) -> None:
    """The account has all its fields, and echoes the token."""
    body = (await call.plex_tv("GET", "/user", token)).json

    assert body["authToken"] == token
    assert body["title"] == "ada"
    assert (body["twoFactorEnabled"], body["protected"], body["hasPassword"]) == (
        False,
        False,
        True,
    )
    assert (
        not {"subscriptions", "pastSubscriptions", "trials", "roles", "pin"}
        & body.keys()
    )


async def test_user_as_xml(call: Caller, ada: Account, token: str) -> None:
    """In XML booleans are digits, nothing is empty and lists are elements."""
    ada.roles = ["plexpass"]
    assert ada.subscription is not None
    ada.subscription |= {"features": ["pass"], "subscribedAt": "2014-02-28T00:00:00Z"}

    user = (
        await call.plex_tv("GET", "/user", token, headers={"Accept": "text/xml"})
    ).xml

    assert user.tag == "user"
    assert (user.get("confirmed"), user.get("home"), user.get("adsConsent")) == (
        "1",
        "0",
        "",
    )
    subscription = user.find("subscription")
    assert subscription is not None
    assert subscription.get("subscribedAt") == "2014-02-28 00:00:00 UTC"
    assert [
        one.get("id") for one in user.iterfind("subscription/features/feature")
    ] == ["pass"]
    assert [one.get("id") for one in user.iterfind("roles/role")] == ["plexpass"]
    assert len(user.findall("services/service")) == 3


async def test_user_follows_its_account(call: Caller, ada: Account, token: str) -> None:
    """A changed field changes the next answer; extra may put anything there."""
    ada.code, ada.pin, ada.friendly_name = "123456", "0042", "Ada L."
    ada.extra = {
        "homeSize": "1",
        "locale": ABSENT,
        "subscription": None,
        "new": {"a": [1]},
    }

    body = (await call.plex_tv("GET", "/user", token)).json

    assert (body["twoFactorEnabled"], body["protected"]) == (True, True)
    assert (body["friendlyName"], body["homeSize"], body["subscription"]) == (
        "Ada L.",
        "1",
        None,
    )
    assert body["new"] == {"a": [1]}
    assert "locale" not in body
    assert re.fullmatch("[0-9a-f]{64}", body["pin"])


async def test_title_of_a_managed_user(call: Caller, ada: Account, token: str) -> None:
    """Who has no username is called by the friendly name."""
    ada.username, ada.friendly_name = "", "Byron"

    assert (await call.plex_tv("GET", "/user", token)).json["title"] == "Byron"


async def test_text_is_utf_8(
    sim: Simulator, call: Caller, ada: Account, token: str
) -> None:
    """Text stands in JSON as it is, without escapes."""
    ada.friendly_name = "Zoë 🎬"
    server = await sim.add_server(owner=ada, name="Küche")

    assert '"Zoë 🎬"' in (await call.plex_tv("GET", "/user", token)).text
    reply = await call.server(server, "GET", "/", token)
    assert '"Küche"' in reply.text
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_user_includes(call: Caller, token: str) -> None:
    """Some parts stand there only when asked for."""
    query = {"includeSubscriptions": "1", "includeProviders": "1"}

    body = (await call.plex_tv("GET", "/user", token, params=query)).json

    assert {"subscriptions", "pastSubscriptions", "trials", "providers"} <= body.keys()
    assert "settings" not in body


# Ends of tokens


@pytest.mark.parametrize(
    ("scope", "left"), [("token", {"second", "other"}), ("client", {"other"})]
)
async def test_sign_out_scopes(
    sim: Simulator, call: Caller, ada: Account, scope: Any, left: set[str]
) -> None:
    """A sign-out ends one token, or all of that client identifier."""
    ada.tokens |= {"first": "client-one", "second": "client-one", "other": "client-two"}
    sim.sign_out_scope = scope

    reply = await call.plex_tv("DELETE", "/users/signout", "first")

    assert (reply.status, reply.text) == (204, "")
    assert ada.tokens.keys() == left
    assert (await call.plex_tv("GET", "/user", "first")).status == 401


async def test_revoked_token(
    sim: Simulator, call: Caller, ada: Account, token: str
) -> None:
    """One token can be ended without the others."""
    other = sim.sign_in(ada, "client-two")
    sim.revoke_token(token)
    sim.revoke_token("unknown")

    assert (await call.plex_tv("GET", "/user", token)).status == 401
    assert (await call.plex_tv("GET", "/user", other)).status == 200


async def test_password_reset(
    sim: Simulator, call: Caller, ada: Account, grace: Account, token: str
) -> None:
    """A password reset ends all tokens and leaves owned servers unclaimed."""
    attic = await sim.add_server(owner=ada, shared_with=[grace])
    cellar = await sim.add_server(owner=grace, shared_with=[ada])
    shared = cellar.access_token(ada, token)

    sim.reset_password(ada, "new")

    assert (await call.plex_tv("GET", "/user", token)).status == 401
    assert (await call.server(attic, "GET", "/", token)).status == 401
    assert (await call.server(cellar, "GET", "/", shared)).status == 401
    assert not (await call.server(attic, "GET", "/identity")).json["MediaContainer"][
        "claimed"
    ]
    reply = await call.sign_in(password="new")
    listed = (await call.plex_tv("GET", "/resources", reply.json["authToken"])).json
    assert [one["clientIdentifier"] for one in listed] == [cellar.machine_identifier]


@pytest.mark.parametrize(("ends", "status"), [(False, 200), (True, 401)])
async def test_transient_tokens_of_a_revoked_account(
    sim: Simulator, call: Caller, ada: Account, ends: bool, status: int
) -> None:
    """Whether a revocation ends transient tokens is a choice."""
    sim.revoke_ends_transient = ends
    server = await sim.add_server(owner=ada, token="own-token")
    transient = server.mint(ada)

    sim.revoke(ada)

    assert (await call.server(server, "GET", "/", transient)).status == status
    assert (await call.server(server, "GET", "/", "own-token")).status == 401


# The list of servers


async def test_resources(
    sim: Simulator, call: Caller, ada: Account, grace: Account, token: str
) -> None:
    """Owned and shared servers differ; players have no token and fewer keys."""
    attic = await sim.add_server(owner=ada, tls=True)
    cellar = await sim.add_server(name="Cellar", owner=grace, shared_with=[ada])
    await sim.add_server(name="Foreign", owner=grace)
    sim.add_player(ada)

    reply = await call.plex_tv("GET", "/resources", token, params={"includeHttps": "1"})

    owned, shared, player = reply.json
    assert (owned["name"], owned["owned"], owned["ownerId"]) == ("Attic", True, None)
    assert owned["accessToken"] == token
    assert owned["connections"][0]["uri"] == attic.connections[0].uri
    assert re.fullmatch(
        rf"https://127-0-0-1\.[0-9a-f]{{32}}\.plex\.direct:{attic.port}",
        attic.connections[0].uri,
    )
    assert (shared["owned"], shared["ownerId"], shared["sourceTitle"]) == (
        False,
        grace.id,
        "grace",
    )
    assert shared["accessToken"] == cellar.access_token(ada, token) != token
    assert shared["connections"][0]["uri"] == f"http://127.0.0.1:{cellar.port}"
    assert player["accessToken"] is None
    assert "server" not in player["provides"].split(",")
    assert "dnsRebindingProtection" not in player


async def test_resources_as_xml(
    sim: Simulator, call: Caller, ada: Account, token: str
) -> None:
    """The list is nested in XML."""
    await sim.add_server(owner=ada)

    reply = await call.plex_tv(
        "GET", "/resources", token, headers={"Accept": "text/xml"}
    )

    (resource,) = reply.xml.findall("resource")
    (connection,) = resource.findall("connections/connection")
    assert (reply.xml.tag, resource.get("owned"), resource.get("ownerId")) == (
        "resources",
        "1",
        "",
    )
    assert (connection.get("local"), connection.get("IPv6")) == ("1", "0")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["http://127.0.0.1"]),
        ({"includeHttps": "1"}, ["https://127-0-0-1"]),
        (
            {"includeHttps": "1", "includeRelay": "1"},
            ["https://127-0-0-1", "https://127-0-0-2"],
        ),
        ({"includeIPv6": "1"}, ["http://127.0.0.1", "http://[::1]"]),
        (
            {"includeHttps": "0", "includeRelay": "1"},
            ["http://127.0.0.1", "http://127.0.0.2"],
        ),
    ],
)
async def test_resources_filter_connections(
    sim: Simulator,
    call: Caller,
    ada: Account,
    token: str,
    query: dict[str, str],
    expected: list[str],
) -> None:
    """Relays, IPv6 and https are listed only when asked for."""
    server = await sim.add_server(owner=ada, tls=True)
    server.connections += [
        server.connection(relay=True, host="127.0.0.2"),
        server.connection(local=False, host="::1"),
    ]

    reply = await call.plex_tv("GET", "/resources", token, params=query)

    uris = [one["uri"] for one in reply.json[0]["connections"]]
    assert len(uris) == len(expected)
    assert all(uri.startswith(start) for uri, start in zip(uris, expected, strict=True))


async def test_resources_follow_their_server(
    sim: Simulator, call: Caller, ada: Account, grace: Account, token: str
) -> None:
    """Every attribute of a server can change."""
    server = await sim.add_server(owner=ada, token="own-token")
    server.name, server.version, server.presence = "Loft", "2.0", False
    server.public_address_matches, server.https_required = False, True
    server.extra = {"device": None, "product": ABSENT}

    (entry,) = (await call.plex_tv("GET", "/resources", token)).json
    assert (entry["name"], entry["productVersion"], entry["presence"]) == (
        "Loft",
        "2.0",
        False,
    )
    assert (entry["publicAddressMatches"], entry["httpsRequired"]) == (False, True)
    assert (entry["accessToken"], entry["device"]) == ("own-token", None)
    assert "product" not in entry

    server.access_token_null = True
    assert (await call.plex_tv("GET", "/resources", token)).json[0][
        "accessToken"
    ] is None
    server.listed = False
    assert (await call.plex_tv("GET", "/resources", token)).json == []
    server.listed, server.owner = True, grace
    assert (await call.plex_tv("GET", "/resources", token)).json == []


# Two worlds of tokens


async def test_tokens_of_two_worlds(
    sim: Simulator, call: Caller, ada: Account, grace: Account, token: str
) -> None:
    """An account token opens owned servers only; a server token opens that server only."""
    attic = await sim.add_server(owner=ada, token="own-token")
    cellar = await sim.add_server(owner=grace, shared_with=[ada])
    shared = cellar.access_token(ada, token)

    async def opens(server: Server, presented: str | None) -> bool:
        return (await call.server(server, "GET", "/", presented)).status == 200

    assert await opens(attic, token)
    assert await opens(attic, "own-token")
    assert await opens(cellar, shared)
    assert not await opens(attic, shared)
    assert not await opens(cellar, token)
    assert not await opens(cellar, "own-token")
    assert not await opens(attic, None)
    for presented in (shared, "own-token", attic.mint(ada)):
        assert (await call.plex_tv("GET", "/user", presented)).code == 1001
    cellar.shared_with = []
    assert not await opens(cellar, shared)


# Servers


async def test_identity(sim: Simulator, call: Caller, ada: Account) -> None:
    """An identity needs no token, and a bad one does no harm."""
    server = await sim.add_server(owner=ada)

    for presented in (None, "wrong"):
        body = (await call.server(server, "GET", "/identity", presented)).json[
            "MediaContainer"
        ]
        assert body == {
            "size": 0,
            "apiVersion": "1.2.2",
            "claimed": True,
            "machineIdentifier": server.machine_identifier,
            "version": server.version,
        }
    xml = (await call.connect(server.connections[0], "GET", "/identity")).xml
    assert (xml.tag, xml.get("claimed")) == ("MediaContainer", "1")
    server.answers_as = "somebody-else"
    body = (await call.server(server, "GET", "/identity")).json["MediaContainer"]
    assert body["machineIdentifier"] == "somebody-else"


async def test_root(sim: Simulator, call: Caller, ada: Account, token: str) -> None:
    """The root needs a token, unless the server lets everybody in."""
    server = await sim.add_server(owner=ada)

    refused = await call.server(server, "GET", "/", "wrong")
    assert (refused.status, refused.type) == (401, "text/html")
    assert "<title>Unauthorized</title>" in refused.text
    assert "<h1>401 Unauthorized</h1>" in refused.text
    body = (await call.server(server, "GET", "/", token)).json["MediaContainer"]
    assert (body["friendlyName"], body["version"]) == ("Attic", server.version)
    assert (await call.server(server, "GET", "/library/sections", token)).status == 200
    server.allow_tokenless = True
    for presented in (None, "wrong"):
        assert (await call.server(server, "GET", "/", presented)).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/security/tokens", 404),
        ("GET", "/security", 404),
        ("POST", "/", 405),
        ("POST", "/security/resources", 405),
    ],
)
async def test_unknown_paths_of_a_server(
    sim: Simulator,
    call: Caller,
    ada: Account,
    token: str,
    method: str,
    path: str,
    status: int,
) -> None:
    """A server is as strict about paths and verbs as plex.tv."""
    server = await sim.add_server(owner=ada)

    reply = await call.server(server, method, path, token)

    assert (reply.status, reply.type) == (status, "text/html")
    assert (await call.server(server, method, path, "wrong")).status == 401


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_transient_token(
    sim: Simulator, call: Caller, ada: Account, token: str, method: str
) -> None:
    """Every verb mints, in JSON and in XML."""
    server = await sim.add_server(owner=ada)
    path = "/security/token"

    body = (await call.server(server, method, path, token, params=MINT)).json[
        "MediaContainer"
    ]
    assert body["size"] == 0
    assert re.fullmatch(r"transient-[0-9a-f-]{36}", body["token"])
    xml = (
        await call.server(
            server, method, path, token, params=MINT, headers={"Accept": "text/xml"}
        )
    ).xml
    assert (xml.tag, xml.get("size")) == ("MediaContainer", "0")
    assert {body["token"], xml.get("token")} == server.transient_tokens.keys()
    assert (
        await call.server(server, "GET", "/library/sections", body["token"])
    ).status == 200


@pytest.mark.parametrize(
    ("presented", "query", "status"),
    [
        ("wrong", MINT, 401),
        (None, MINT, 401),
        ("good", {}, 400),
        ("good", {"type": "delegation"}, 400),
        ("good", {"scope": "all"}, 400),
        ("good", {"type": "other", "scope": "all"}, 400),
        ("good", {"type": "delegation", "scope": "some"}, 400),
    ],
)
async def test_transient_token_refused(
    sim: Simulator,
    call: Caller,
    ada: Account,
    presented: str | None,
    query: dict[str, str],
    status: int,
) -> None:
    """Refusals are HTML, whatever was asked for."""
    server = await sim.add_server(owner=ada, token="good")

    reply = await call.server(
        server, "POST", "/security/token", presented, params=query
    )

    assert (reply.status, reply.type) == (status, "text/html")


async def test_life_of_a_transient_token(
    sim: Simulator, call: Caller, ada: Account, token: str
) -> None:
    """A transient token lives for 48 hours, or until its server restarts."""
    server = await sim.add_server(owner=ada)

    async def opens(transient: str) -> bool:
        return (await call.server(server, "GET", "/", transient)).status == 200

    first = server.mint(ada)
    sim.clock.advance(48 * 3600 - 1)
    assert await opens(first)
    sim.clock.advance(1)
    assert not await opens(first)
    second, port = server.mint(ada), server.port
    await server.restart()
    assert server.port == port
    assert not await opens(second)
    assert await opens(token)
    third = server.mint(ada)
    server.transient_tokens.clear()
    assert not await opens(third)
    await server.stop()
    fourth = server.mint(ada)
    await server.start()
    assert not await opens(fourth)


async def test_minting_oddities(
    sim: Simulator, call: Caller, ada: Account, token: str
) -> None:
    """Old servers know no POST; who asks for no token delegates none."""
    server = await sim.add_server(owner=ada, post_token_status=405)

    async def mint(method: str, presented: str | None) -> Reply:
        return await call.server(
            server, method, "/security/token", presented, params=MINT
        )

    assert (await mint("POST", token)).status == 405
    transient = (await mint("GET", token)).json["MediaContainer"]["token"]
    assert (await mint("GET", transient)).status == 403
    server.mint_with_transient = True
    assert (await mint("GET", transient)).status == 200
    server.allow_tokenless = True
    assert (await mint("GET", None)).json == {"MediaContainer": {"size": 0}}


def test_ticking_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulator that runs alone has a clock that moves, and can still be advanced."""
    now = 100.0
    monkeypatch.setattr("tests.simulator.clock.monotonic", lambda: now)
    clock = Clock(ticking=True)
    begin = clock.now()

    now += 5
    clock.advance(60)

    assert (clock.now() - begin).total_seconds() == 65


async def test_stopped_server(sim: Simulator, call: Caller, ada: Account) -> None:
    """A stopped server refuses connections, and comes back on its port."""
    server = await sim.add_server(owner=ada)
    await call.server(server, "GET", "/identity")

    await server.stop()
    await server.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await call.server(server, "GET", "/identity")
    await server.start()
    await server.start()
    assert (await call.server(server, "GET", "/identity")).status == 200


# Sources


async def test_source(
    sim: Simulator, call: Caller, ada: Account, grace: Account, token: str
) -> None:
    """A server describes itself and others, with a token that is good there."""
    attic = await sim.add_server(owner=ada)
    cellar = await sim.add_server(
        name="Cellar", owner=grace, shared_with=[ada], tls=True
    )
    await sim.add_server(name="Foreign", owner=grace)
    cellar.connections.append(cellar.connection(relay=True))

    for source in (
        f"server://{cellar.machine_identifier}",
        f"server://{cellar.machine_identifier}/com.plexapp.plugins.library",
    ):
        reply = await call.server(
            attic,
            "GET",
            "/security/resources",
            token,
            params={"source": source, "refresh": "1"},
        )
        container = reply.json["MediaContainer"]
        device = container["Device"]
        assert container["size"] == 1
        assert (device["name"], device["clientIdentifier"]) == (
            "Cellar",
            cellar.machine_identifier,
        )
        assert device["accessToken"].startswith("transient-")
        assert (
            await call.server(cellar, "GET", "/", device["accessToken"])
        ).status == 200
        local, relay = device["Connection"]
        assert (local["local"], relay["local"], relay["relay"]) == (True, False, True)
        assert "relay" not in local


async def test_source_as_xml(
    sim: Simulator, call: Caller, ada: Account, token: str
) -> None:
    """In XML devices and connections are elements."""
    attic = await sim.add_server(owner=ada)

    reply = await call.server(
        attic,
        "GET",
        "/security/resources",
        token,
        params={"source": f"server://{attic.machine_identifier}"},
        headers={"Accept": "text/xml"},
    )

    (device,) = reply.xml.findall("Device")
    (connection,) = device.findall("Connection")
    assert (reply.xml.get("size"), device.get("name")) == ("1", "Attic")
    assert (connection.get("local"), connection.get("relay")) == ("1", None)


@pytest.mark.parametrize(
    ("flags", "expected"), [("bool", True), ("int", 1), ("str", "1")]
)
async def test_source_spellings(
    sim: Simulator, call: Caller, ada: Account, token: str, flags: Any, expected: Any
) -> None:
    """Servers differ in how they write flags, and a device may stand in a list."""
    attic = await sim.add_server(owner=ada, flags_as=flags, device_as_list=True)
    query = {"source": f"server://{attic.machine_identifier}"}

    reply = await call.server(attic, "GET", "/security/resources", token, params=query)

    (device,) = reply.json["MediaContainer"]["Device"]
    assert device["Connection"][0]["local"] == expected
    assert type(device["Connection"][0]["local"]) is type(expected)


@pytest.mark.parametrize(
    ("who", "source", "refresh", "status"),
    [
        ("owner", "provider://known", "0", 200),
        ("transient", "provider://known", "0", 200),
        ("guest", "provider://known", "0", 403),
        ("guest's transient", "provider://known", "0", 403),
        ("nobody", "provider://known", "0", 401),
        ("owner", "", "0", 400),
        ("owner", None, "0", 400),
        ("owner", "provider://unknown", "0", 400),
        ("owner", "server://unknown", "0", 400),
        ("owner", "nonsense", "0", 400),
        ("owner", "provider://known", "yes", 400),
    ],
)
async def test_source_access(
    sim: Simulator,
    call: Caller,
    ada: Account,
    grace: Account,
    who: str,
    source: str | None,
    refresh: str,
    status: int,
) -> None:
    """Only the owner may ask, and only for what the server knows."""
    attic = await sim.add_server(owner=ada, token="own-token", shared_with=[grace])
    attic.sources["provider://known"] = {"name": "Known", "Connection": []}
    presented = {
        "owner": "own-token",
        "transient": attic.mint(ada),
        "guest": attic.access_token(grace, ""),
        "guest's transient": attic.mint(grace),
    }.get(who)
    query = {"refresh": refresh} | ({} if source is None else {"source": source})

    reply = await call.server(
        attic, "GET", "/security/resources", presented, params=query
    )

    assert reply.status == status
    assert reply.type == ("application/json" if status == 200 else "text/html")


# TLS


async def test_tls_verifies_against_the_name(
    sim: Simulator, call: Caller, ada: Account
) -> None:
    """The certificate is good for the plex.direct name, and for no other."""
    server = await sim.add_server(owner=ada, tls=True, hosts=("127.0.0.2", "::1"))

    assert [one.address for one in server.connections] == ["127.0.0.2", "::1"]
    for connection in server.connections:
        assert (await call.connect(connection, "GET", "/identity")).status == 200
    assert server.requests[-1].secure
    old = server.connections[0]
    new_hash = server.renew_certificate()
    assert new_hash in server.connections[0].uri
    await server.restart()
    assert (await call.connect(server.connections[0], "GET", "/identity")).status == 200
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await call.connect(old, "GET", "/identity")
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await call.send("GET", f"{server.url}/identity")


async def test_renewed_certificate_serves_the_next_connection(
    sim: Simulator, call: Caller, ada: Account
) -> None:
    """A renewal needs no restart."""
    server = await sim.add_server(owner=ada, tls=True)
    old = server.connections[0]
    server.certificate_hash = "0123456789abcdef" * 2

    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await call.connect(old, "GET", "/identity")
    assert (await call.connect(server.connection(), "GET", "/identity")).status == 200


async def test_plain_http_on_a_tls_port(
    sim: Simulator, call: Caller, ada: Account
) -> None:
    """A port speaks both, until secure connections are required: then it is silent."""
    server = await sim.add_server(owner=ada, tls=True)
    url = f"http://127.0.0.1:{server.port}/identity"

    assert (await call.send("GET", url)).status == 200
    server.https_required = True
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await call.send("GET", url)
    assert (server.requests[-1].secure, server.requests[-1].status) == (False, None)
    assert (await call.server(server, "GET", "/identity")).status == 200


@pytest.mark.parametrize("hello", [b"", b"\x16garbage"])
async def test_broken_handshakes(
    sim: Simulator, call: Caller, ada: Account, hello: bytes
) -> None:
    """Clients that say nothing or nonsense do no harm."""
    server = await sim.add_server(owner=ada, tls=True)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(hello)
    writer.write_eof()

    with suppress(ConnectionError):
        await reader.read()
    writer.close()

    assert (await call.server(server, "GET", "/identity")).status == 200


async def test_silent_clients_do_not_delay_the_end(
    sim: Simulator, call: Caller, ada: Account
) -> None:
    """A connection that never speaks is closed when its server stops."""
    server = await sim.add_server(owner=ada, tls=True)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    await call.server(server, "GET", "/identity")  # accepted after the silent one

    await server.stop()

    assert await reader.read() == b""
    writer.close()


async def test_only_loopback(sim: Simulator, ada: Account) -> None:
    """Nothing listens anywhere else, and a port in use is an error."""
    with pytest.raises(ValueError, match="not a loopback address"):
        await sim.add_server(owner=ada, host="0.0.0.0")
    server = await sim.add_server(owner=ada)
    with pytest.raises(OSError):
        await sim.add_server(owner=ada, port=server.port)


# Faults


async def test_fault_bodies(sim: Simulator, call: Caller, token: str) -> None:
    """The body of a fault is the usual one, or anything."""
    fault = sim.fault(path="/user", status=503, times=1)
    reply = await call.plex_tv("GET", "/user", token)
    assert (reply.status, reply.json["errors"][0]["status"], fault.hits) == (
        503,
        503,
        1,
    )
    assert (await call.plex_tv("GET", "/user", token)).status == 200

    bodies: list[tuple[Any, str | None, str]] = [
        ("<html>", None, "text/plain"),
        (b"\x00", None, "application/octet-stream"),
        ([1], None, "application/json"),
        ({"a": 1}, "text/html", "text/html"),
    ]
    for body, content_type, expected in bodies:
        fault = sim.fault(
            path="/us*", method="get", body=body, content_type=content_type
        )
        reply = await call.plex_tv("GET", "/user", token)
        assert (reply.status, reply.type) == (200, expected)
        fault.remove()


async def test_fault_of_a_server(
    sim: Simulator, call: Caller, ada: Account, token: str
) -> None:
    """A fault meets one host, or all of them."""
    server = await sim.add_server(owner=ada)
    sim.fault(host=server.machine_identifier, path="/identity", status=502)

    reply = await call.server(server, "GET", "/identity")
    assert (reply.status, reply.type) == (502, "text/html")
    assert (await call.server(server, "GET", "/", token)).status == 200
    assert (await call.plex_tv("GET", "/ping", token)).status == 200
    for status in (500, 498, 522):
        sim.clear_faults()
        sim.fault(host="*", status=status)
        assert (await call.server(server, "GET", "/", token)).status == status
        assert (await call.plex_tv("GET", "/ping", token)).status == status


async def test_faults_come_in_their_order(
    sim: Simulator, call: Caller, token: str
) -> None:
    """The oldest fault that still has hits left wins."""
    for status in (503, 429):
        sim.fault(path="/ping", status=status, times=1)

    answers = [(await call.plex_tv("GET", "/ping", token)).status for _ in range(3)]

    assert answers == [503, 429, 200]
    with pytest.raises(ValueError, match="unknown action"):
        sim.fault(action="explode")  # type: ignore[arg-type]


async def test_rate_limit(sim: Simulator, call: Caller) -> None:
    """Too many requests: with a wait in seconds, until a date, or without one."""
    until = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    for wait in (None, 1_234_567, until):
        sim.rate_limit(path="/users/signin", retry_after=wait, times=1)

    plain, seconds, date = [await call.sign_in() for _ in range(3)]

    assert [one.status for one in (plain, seconds, date)] == [429] * 3
    assert plain.code == 1003
    assert "Retry-After" not in plain.headers
    assert seconds.headers["Retry-After"] == "1234567"
    assert parsedate_to_datetime(date.headers["Retry-After"]) == until


@pytest.mark.parametrize(
    ("action", "error", "status"),
    [
        ("drop", aiohttp.ServerDisconnectedError, None),
        ("truncate", aiohttp.ClientPayloadError, 201),
    ],
)
async def test_broken_answers(
    sim: Simulator,
    call: Caller,
    ada: Account,
    action: Any,
    error: type[Exception],
    status: Any,
) -> None:
    """A connection can end before or within the answer."""
    sim.fault(path="/users/signin", action=action)

    with pytest.raises(error):
        await call.sign_in()

    assert sim.requests[-1].status == status


async def test_trickle(sim: Simulator, call: Caller, token: str) -> None:
    """A slow body arrives whole."""
    sim.fault(path="/ping", action="trickle", pace=0.001)

    assert (await call.plex_tv("GET", "/ping", token)).json == {"pong": True}


async def test_gzip_bomb(sim: Simulator, token: str) -> None:
    """A few hundred kilobytes unpack to a quarter of a gigabyte."""
    sim.fault(path="/user", action="gzip_bomb")
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(f"{sim.url}/user", headers=CLIENT) as answer,
    ):
        packed = await answer.read()

    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(packed) < 2**20
    assert int.from_bytes(packed[-4:], "little") == 256 * 2**20


async def test_endless(sim: Simulator, token: str) -> None:
    """An endless body is valid as far as it goes, and ends with its reader."""
    sim.fault(path="/user", action="endless", body="[")
    size = 0
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{sim.url}/user", headers=CLIENT) as answer,
    ):
        async for chunk in answer.content.iter_chunked(2**16):
            size += len(chunk)
            if size > 2**20:
                break


@pytest.mark.parametrize("way", ["release", "remove", "clear", "stop"])
async def test_hang(sim: Simulator, call: Caller, token: str, way: str) -> None:
    """A request hangs until it is let go, or until everything ends."""
    fault = sim.fault(path="/ping", action="hang")
    waiting = asyncio.create_task(call.plex_tv("GET", "/ping", token))
    while not fault.hits:
        await asyncio.sleep(0)
    assert sim.requests[-1].status is None

    match way:
        case "release":
            fault.release()
        case "remove":
            fault.remove()
        case "clear":
            sim.clear_faults()
        case "stop":
            await sim.stop()

    if way == "stop":
        with suppress(aiohttp.ClientConnectionError):
            await waiting
    else:
        assert (await waiting).status == 200


async def test_delay_and_latency(sim: Simulator, call: Caller, token: str) -> None:
    """Answers can be late."""
    loop = asyncio.get_running_loop()
    sim.latency = 0.02
    sim.fault(path="/ping", delay=0.02)
    begin = loop.time()

    assert (await call.plex_tv("GET", "/ping", token)).status == 200

    assert loop.time() - begin >= 0.04


async def test_plex_tv_outage(
    sim: Simulator, call: Caller, ada: Account, token: str
) -> None:
    """Servers live on without plex.tv."""
    server = await sim.add_server(owner=ada)

    await sim.stop_plex_tv()
    with pytest.raises(aiohttp.ClientConnectorError):
        await call.plex_tv("GET", "/ping", token)
    assert (await call.server(server, "GET", "/", token)).status == 200
    await sim.start_plex_tv()
    assert (await call.plex_tv("GET", "/ping", token)).status == 200


async def test_log(sim: Simulator, call: Caller, ada: Account, token: str) -> None:
    """Every request is logged in order, whoever answered it."""
    server = await sim.add_server(owner=ada)
    await call.plex_tv("GET", "/user", token, params={"a": "b"})
    await call.server(server, "GET", "/identity")
    await call.classic("GET", "/users/account", token)

    first, second, third = sim.requests
    assert (first.host, first.method, first.path, first.status) == (
        "plex.tv",
        "GET",
        "/user",
        200,
    )
    assert (first.query, first.token, first.form) == ({"a": "b"}, token, {})
    assert first.headers["x-plex-client-identifier"] == "client-one"
    assert (second.host, second.token) == (server.machine_identifier, None)
    assert server.requests == [second]
    assert third.path == "/users/account"
    sim.clear_requests()
    assert sim.requests == []


# PINs


@pytest.mark.parametrize(
    ("strong", "length", "seconds"), [(False, 4, 900), (True, 25, 1800)]
)
async def test_pin(
    sim: Simulator, call: Caller, ada: Account, strong: bool, length: int, seconds: int
) -> None:
    """A PIN waits for its approval, for one client, for a while."""
    query = {"strong": "true"} if strong else {}
    reply = await call.plex_tv(
        "POST", "/pins", params=query, headers={"X-Plex-Product": "Tests"}
    )
    pin = reply.json
    path = f"/pins/{pin['id']}"

    assert reply.status == 201
    assert (len(pin["code"]), pin["expiresIn"], pin["product"]) == (
        length,
        seconds,
        "Tests",
    )
    assert (pin["authToken"], pin["newRegistration"]) == (None, None)
    assert (await call.plex_tv("GET", path)).json["authToken"] is None
    other = await call.plex_tv(
        "GET", path, headers={"X-Plex-Client-Identifier": "other"}
    )
    assert (other.status, other.code) == (404, 1020)
    token = sim.approve_pin(pin["code"], ada)
    assert (await call.plex_tv("GET", path)).json["authToken"] == token
    assert ada.tokens[token] == "client-one"
    sim.clock.advance(seconds)
    expired = await call.plex_tv("GET", path)
    assert (expired.status, expired.code) == (404, 1020)
    with pytest.raises(LookupError):
        sim.approve_pin(pin["code"], ada)


async def test_pin_as_xml(sim: Simulator, call: Caller) -> None:
    """A PIN without a token has an empty one in XML."""
    pin = (await call.send("POST", f"{sim.url}/pins", headers=CLIENT)).xml

    assert (pin.tag, pin.get("authToken"), pin.get("code")) == (
        "pin",
        "",
        sim.pins[-1].code,
    )
    assert pin.find("location") is not None


async def test_link(sim: Simulator, call: Caller, ada: Account, token: str) -> None:
    """A signed-in person links a code."""
    pin = (
        await call.plex_tv("POST", "/pins", headers={"X-Plex-Client-Identifier": "tv"})
    ).json

    bad = await call.plex_tv("PUT", "/pins/link", token, data={"code": "----"})
    assert (bad.status, bad.code) == (404, 1020)
    good = await call.plex_tv(
        "PUT", "/pins/link", token, data={"code": pin["code"].lower()}
    )
    assert good.status == 204
    assert "tv" in ada.tokens.values()
    strong = (await call.plex_tv("POST", "/pins", params={"strong": "true"})).json
    bad = await call.plex_tv("PUT", "/pins/link", token, data={"code": strong["code"]})
    assert (bad.status, bad.code) == (404, 1020)


# Plex Home and the classic paths


async def test_home(sim: Simulator, call: Caller) -> None:
    """Members of a Home can be switched to; a PIN guards some of them."""
    home = {"home": True, "household": "lovelace"}
    admin = sim.add_account(**home, home_admin=True)
    child = sim.add_account(
        username="",
        email="",
        password=None,
        title="Byron",
        restricted=True,
        pin="1234",
        **home,
    )
    sim.add_account(username="stranger", email="s@example.com")
    token = sim.sign_in(admin, "client-one")
    switch = f"/home/users/{child.uuid}/switch"

    users = (await call.plex_tv("GET", "/home/users", token)).json["users"]
    assert [(one["title"], one["protected"]) for one in users] == [
        ("ada", False),
        ("Byron", True),
    ]
    for query in ({}, {"pin": "0000"}):
        refused = await call.plex_tv("POST", switch, token, params=query)
        assert (refused.status, refused.code) == (403, 1041)
    switched = await call.plex_tv("POST", switch, token, params={"pin": "1234"})
    assert (switched.status, switched.json["username"]) == (201, "")
    assert (
        await call.plex_tv("GET", "/user", switched.json["authToken"])
    ).status == 200
    assert (
        await call.plex_tv("POST", "/home/users/unknown/switch", token)
    ).status == 404

    listed = (await call.classic("GET", "/api/home/users", token)).xml
    assert [one.get("title") for one in listed.findall("User")] == ["ada", "Byron"]
    path = f"/api/home/users/{child.id}/switch"
    assert (await call.classic("POST", path, token, headers=JSON)).code == 1041
    classic = await call.classic("POST", f"{path}?pin=1234", token)
    assert classic.xml.get("authenticationToken") in child.tokens


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        ("/users/account", {}, "Invalid token"),
        ("/users/account.xml", {}, "Invalid token"),
        ("/users/account.json", JSON, {"error": "Invalid token"}),
    ],
)
async def test_classic_account(
    call: Caller, token: str, path: str, headers: dict[str, str], body: Any
) -> None:
    """The classic account says 422 to a bad token."""
    reply = await call.classic("GET", path, "wrong", headers=headers)
    assert reply.status == 422
    assert (reply.json if headers else reply.xml.findtext("error")) == body
    reply = await call.classic("GET", path, token, headers=headers)
    assert reply.status == 200
    assert (reply.json["user"] if headers else reply.xml.attrib)["username"] == "ada"


async def test_devices(sim: Simulator, call: Caller, ada: Account, token: str) -> None:
    """Removing an authorized device ends its tokens."""
    sim.sign_in(ada, "client-one")
    other = sim.sign_in(ada, "client-two")

    devices = (await call.classic("GET", "/devices.xml", other)).xml.findall("Device")
    assert [one.get("clientIdentifier") for one in devices] == [
        "client-one",
        "client-two",
    ]
    path = f"/devices/{devices[0].get('id')}.xml"
    assert (await call.classic("DELETE", path, other)).status == 200
    assert (await call.classic("DELETE", path, other)).status == 404
    assert list(ada.tokens) == [other]
    assert (await call.classic("GET", "/devices.xml", token, headers=JSON)).code == 1001


# Alone


@pytest.fixture
async def control(sim: Simulator) -> AsyncGenerator[str]:
    """The URL of the control interface of the default world."""
    await build_default_world(sim)
    interface = Control(sim)
    yield await interface.start()
    await interface.stop()


async def test_default_world(sim: Simulator, call: Caller) -> None:
    """The default world has something of everything."""
    world = await build_default_world(sim)
    token = (await call.sign_in(verificationCode="123456")).json["authToken"]

    listed = (
        await call.plex_tv("GET", "/resources", token, params={"includeHttps": "1"})
    ).json

    assert [(one["name"], one["owned"], one["presence"]) for one in listed] == [
        ("Attic", True, True),
        ("Cellar", False, True),
        ("Boathouse", True, False),
        ("Living room", True, False),
    ]
    assert (await call.server(world.attic, "GET", "/", token)).status == 200
    with pytest.raises(aiohttp.ClientConnectionError):
        await call.server(world.boathouse, "GET", "/identity")


async def test_control(sim: Simulator, call: Caller, control: str) -> None:
    """Everything can be changed over HTTP."""

    async def ask(method: str, path: str, body: Any = None) -> Any:
        reply = await call.send(method, control + path, json=body)
        assert reply.status < 300, reply.text
        return reply.json if reply.text else None

    state = await ask("GET", "/state")
    ada = sim.accounts.by_uuid(state["accounts"][0]["uuid"])
    assert ada is not None
    attic = sim.servers[0]
    assert state["servers"][0]["port"] == attic.port
    account, server = f"/accounts/{ada.uuid}", f"/servers/{attic.machine_identifier}"

    changes = {"friendly_name": "Ada", "backup_codes": ["x"], "absent": ["locale"]}
    await ask("PATCH", account, changes)
    assert (ada.friendly_name, ada.backup_codes, ada.extra) == (
        "Ada",
        {"x"},
        {"locale": ABSENT},
    )
    await ask("POST", "/accounts", {"username": "new", "email": "new@example.com"})
    await ask(
        "PATCH",
        server,
        {"name": "Loft", "connections": [{"local": False}], "shared_with": [ada.uuid]},
    )
    assert (attic.name, attic.connections) == ("Loft", [attic.connection(local=False)])
    hash_before = attic.certificate_hash
    await ask("POST", f"{server}/renew-certificate")
    assert attic.certificate_hash != hash_before
    for verb, running in (("stop", False), ("start", True), ("restart", True)):
        assert (await ask("POST", f"{server}/{verb}"))["running"] is running
    added = await ask(
        "POST", "/servers", {"name": "Shed", "owner": ada.uuid, "running": False}
    )
    assert sim.servers[-1].machine_identifier == added["machineIdentifier"]

    fault = (await ask("POST", "/faults", {"path": "/user", "status": 500}))["id"]
    assert (await call.plex_tv("GET", "/user")).status == 500
    await ask("DELETE", f"/faults/{fault}")
    assert (await call.plex_tv("GET", "/user")).status == 401
    await ask("POST", "/faults", {"path": "/user", "status": 500})
    await ask("DELETE", "/faults")
    assert [one["status"] for one in await ask("GET", "/requests")] == [500, 401]
    await ask("DELETE", "/requests")
    assert sim.requests == []

    now = sim.clock.now()
    await ask("POST", "/clock", {"advance": 60})
    assert (sim.clock.now() - now).total_seconds() == 60
    await ask("POST", "/latency", {"seconds": 0.001})
    await ask("POST", "/sign-out-scope", {"scope": "client"})
    assert (sim.latency, sim.sign_out_scope) == (0.001, "client")
    code = (await call.plex_tv("POST", "/pins")).json["code"]
    await ask("POST", f"/pins/{code}/approve", {"account": ada.uuid})
    assert ada.tokens
    await ask("POST", f"{account}/revoke")
    assert not ada.tokens
    await ask("POST", f"{account}/reset-password", {"password": "new"})
    assert (ada.password, attic.claimed) == ("new", False)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "/accounts/unknown", {}, 404),
        ("POST", "/servers/unknown/stop", {}, 404),
        ("POST", "/pins/----/approve", {"account": "unknown"}, 404),
        ("DELETE", "/faults/99999999", None, 404),
        ("POST", "/faults", {"action": "explode"}, 400),
        ("POST", "/faults", {"colour": "red"}, 400),
        ("POST", "/faults", [], 400),
        ("POST", "/latency", {}, 400),
        ("POST", "/servers", {"owner": "unknown"}, 404),
        ("POST", "/sign-out-scope", {"scope": "all"}, 400),
    ],
)
async def test_control_refuses(
    call: Caller, control: str, method: str, path: str, body: Any, status: int
) -> None:
    """Nonsense is answered with a reason."""
    reply = await call.send(method, control + path, json=body)

    assert reply.status == status
    assert reply.json["error"]


async def test_control_refuses_unknown_fields(
    sim: Simulator, call: Caller, control: str
) -> None:
    """A field that does not exist can't be set, nor one that only the simulator sets."""
    server = f"/servers/{sim.servers[0].machine_identifier}"
    for path, field in (
        (f"/accounts/{next(iter(sim.accounts)).uuid}", "colour"),
        (server, "colour"),
        (server, "created_at"),
    ):
        assert (
            await call.send("PATCH", control + path, json={field: "red"})
        ).status == 400


async def test_world_from_a_file(sim: Simulator, call: Caller) -> None:
    """A world can be written down."""
    await load_world(
        sim,
        {
            "accounts": [
                {
                    "username": "joan",
                    "email": "joan@example.com",
                    "backup_codes": ["x"],
                },
                {"username": "mary", "email": "mary@example.com"},
            ],
            "servers": [
                {
                    "name": "Hut",
                    "owner": "joan",
                    "shared_with": ["mary"],
                    "running": False,
                },
                {"name": "Barn", "owner": "mary", "connections": [{"relay": True}]},
            ],
            "players": [{"owner": "joan", "name": "Phone"}],
        },
    )
    hut, barn = sim.servers

    assert (hut.owner.backup_codes, hut.running) == ({"x"}, False)
    assert hut.shared_with == [barn.owner]
    assert barn.connections == [barn.connection(relay=True)]
    assert sim.players[0].name == "Phone"


async def test_alone(socket_enabled: None) -> None:
    """Run as a program it says where it is, and ends when told to."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.simulator", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        announced = json.loads(await process.stdout.readline())
        async with (
            aiohttp.ClientSession() as session,
            session.get(announced["control"] + "/state") as answer,
        ):
            state = await answer.json()
        context = await asyncio.to_thread(
            ssl.create_default_context, cafile=announced["ca"]
        )
    finally:
        process.send_signal(signal.SIGTERM)
        code = await process.wait()

    assert code == 0
    assert state["url"] == announced["url"]
    assert [one["name"] for one in state["servers"]] == ["Attic", "Cellar", "Boathouse"]
    assert context.cert_store_stats()["x509_ca"] == 1
