"""Any request to a server: what is sent, what is refused, and what never comes back."""

import asyncio
from collections.abc import Iterator
import json
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, example, given, settings, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
import voluptuous as vol

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
)
from homeassistant.helpers import device_registry as dr
from tests.simulator import Account, Server, Simulator

from .common import CLIENT_IDENTIFIER, DOMAIN, call, device_of, set_up

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")

ACTION = "call_api"
REDACTED = "**REDACTED**"
SECTIONS = "/library/sections"
XML = '<MediaContainer size="1"><Directory key="1" title="Movies"/></MediaContainer>'

bounded = settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
async def device_id(
    hass: HomeAssistant, entry: MockConfigEntry, account: Account, server: Server
) -> str:
    """Return the device of the server, with the entry set up."""
    asyncio.get_running_loop().set_debug(False)
    await set_up(hass, entry)
    return device_of(hass, entry, f"{account.uuid}_{server.machine_identifier}")


def answer(simulator: Simulator, server: Server, body: Any, **fault: Any) -> None:
    """Let the server answer with a body, whatever it is asked."""
    simulator.clear_faults()
    simulator.fault(host=server.machine_identifier, body=body, **fault)


# What is sent, and what comes back


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (XML, "text/xml", {"data": {"MediaContainer": {"size": "1"}}}),
        ({"MediaContainer": {"size": 1}}, "application/json", None),
        ("#EXTM3U", "audio/mpegurl", {"text": "#EXTM3U"}),
        ("", "text/plain", {}),
        (b"\xff\xd8\xff\xe0", "image/jpeg", {}),
    ],
    ids=["xml", "json", "text", "empty", "bytes"],
)
async def test_answers(
    hass: HomeAssistant,
    simulator: Simulator,
    server: Server,
    device_id: str,
    body: Any,
    content_type: str,
    expected: dict[str, Any] | None,
) -> None:
    """A document comes as data, XML in the shape of JSON, and anything else as text."""
    answer(simulator, server, body, content_type=f"{content_type}; charset=utf-8")
    response = await call(hass, ACTION, device_id=device_id, path="/x")
    if body is XML:
        response["data"]["MediaContainer"].pop("Directory")
    assert response == {
        "status": 200,
        "content_type": content_type,
        **({"data": body} if expected is None else expected),
    }


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
async def test_requests(
    hass: HomeAssistant,
    simulator: Simulator,
    server: Server,
    device_id: str,
    method: str,
) -> None:
    """Path, query and parameters arrive with one token, and no answer is needed."""
    answer(simulator, server, "", path="/:/prefs")
    simulator.clear_requests()
    await hass.services.async_call(
        DOMAIN,
        ACTION,
        {
            "device_id": device_id,
            "path": "/:/prefs?a=1&b=%26",
            "method": method,
            "params": {"c": "ä&d=e", "f": True, "g": 1.5, "h": "//example.com"},
        },
        blocking=True,
    )
    request = server.requests[-1]
    assert (request.method, request.path) == (method.upper(), "/:/prefs")
    assert request.query == {
        "a": "1",
        "b": "&",
        "c": "ä&d=e",
        "f": "1",
        "g": "1.5",
        "h": "//example.com",
    }
    assert request.token in server.transient_tokens
    assert request.secure


@pytest.mark.parametrize(
    ("method", "times"), [("get", 2), ("post", 1), ("put", 1), ("delete", 1)]
)
async def test_only_reading_is_repeated(
    hass: HomeAssistant,
    simulator: Simulator,
    server: Server,
    device_id: str,
    method: str,
    times: int,
) -> None:
    """After a restart of the server a new token is used, and nothing is done twice."""
    await server.restart()
    simulator.clear_requests()
    answer(simulator, server, "", path="/x")
    await call(hass, ACTION, device_id=device_id, path="/x", method=method)
    sent = [one for one in server.requests if one.path == "/x"]
    assert len(sent) == 1

    simulator.clear_requests()
    answer(simulator, server, "", path="/x", status=401)
    with pytest.raises(HomeAssistantError):
        await call(hass, ACTION, device_id=device_id, path="/x", method=method)
    assert len([one for one in server.requests if one.path == "/x"]) <= times


@pytest.mark.parametrize(
    ("fault", "key", "word"),
    [
        ({"status": 404}, "path_not_found", "path"),
        ({"status": 400}, "http_status", "400"),
        ({"status": 401}, "http_status", "401"),
        ({"status": 403}, "http_status", "403"),
        ({"status": 418}, "http_status", "418"),
        ({"status": 500}, "http_status", "500"),
        ({"status": 302, "headers": {"Location": "/"}}, "plex_refused", "Attic"),
        ({"status": 429}, "rate_limited", "Too many requests"),
        ({"action": "endless", "body": "{"}, "response_too_large", "Container-Size"),
        ({"action": "drop"}, "server_unreachable", "Attic"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_refusals(
    hass: HomeAssistant,
    simulator: Simulator,
    server: Server,
    device_id: str,
    fault: dict[str, Any],
    key: str,
    word: str,
) -> None:
    """Whatever goes wrong is told by name, and ends."""
    simulator.fault(host=server.machine_identifier, path=SECTIONS, **fault)
    with pytest.raises(HomeAssistantError) as error:
        await call(hass, ACTION, device_id=device_id, path=SECTIONS)
    assert error.value.translation_key == key
    assert word in str(error.value)

    simulator.clear_faults()
    response = await call(hass, ACTION, device_id=device_id, path=SECTIONS)
    assert response["data"]["MediaContainer"]["size"] == 2


async def test_refused_token(
    hass: HomeAssistant, simulator: Simulator, server: Server, device_id: str
) -> None:
    """A token that the server refuses everywhere is no fault of the path."""
    simulator.fault(host=server.machine_identifier, status=401)
    with pytest.raises(HomeAssistantError) as error:
        await call(hass, ACTION, device_id=device_id, path=SECTIONS)
    assert error.value.translation_key in ("token_refused", "server_unreachable")


async def test_server_of_a_friend(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, account: Account
) -> None:
    """What is for its owner only is refused by status, the rest works."""
    grace = simulator.add_account(username="grace")
    cellar = await simulator.add_server(
        name="Cellar", owner=grace, shared_with=[account], tls=True
    )
    await set_up(hass, entry)
    device_id = device_of(hass, entry, f"{account.uuid}_{cellar.machine_identifier}")
    with pytest.raises(HomeAssistantError) as error:
        await call(hass, ACTION, device_id=device_id, path="/status/sessions")
    assert (error.value.translation_key, "403" in str(error.value)) == (
        "http_status",
        True,
    )
    assert await call(hass, ACTION, device_id=device_id, path="/library/onDeck")


async def test_only_for_administrators(
    hass: HomeAssistant,
    simulator: Simulator,
    device_id: str,
    hass_read_only_user: MockUser,
) -> None:
    """A user who is no administrator is refused."""
    simulator.clear_requests()
    for action in (ACTION, "get_image_url"):
        with pytest.raises(Unauthorized):
            await hass.services.async_call(
                DOMAIN,
                action,
                {"device_id": device_id, "path": SECTIONS},
                blocking=True,
                return_response=True,
                context=Context(user_id=hass_read_only_user.id),
            )
    assert simulator.requests == []


# What is refused before anything is sent

BAD_PATHS = [
    "",
    "None",
    "library/sections",
    "https://example.com/",
    "//example.com/x",
    "/\\example.com",
    "/a//b",
    "/../x",
    "/a/%2e%2e/b",
    "/a/..;x/b",
    "/a#b",
    "/a\nb",
    "/a\r\nX-Plex-Token: x",
    "/a%00b",
    "/a%2fb",
    "/a?X-Plex-Token=x",
    "/a?x%2Dplex%252dtoken=x",
    "/a;X-Plex-Token=x",
]
BAD_PARAMS: list[Any] = [
    "a=b",
    ["a"],
    5,
    {"a": {"b": 1}},
    {"a": None},
    {1: "x"},
    {"": "x"},
    {"X-Plex-Token": "x"},
    {"x_plex_token": "x"},
    {"PlexOnlineToken": ""},
    {"a": "https://example.com/?X-Plex-Token=x"},
    {"password": "x"},
]
FORBIDDEN = [
    ("get", "/security/token", "use_other_action"),
    ("get", "/security", "use_other_action"),
    ("post", "/SECURITY/token/", "use_other_action"),
    ("get", "/%73ecurity/token", "use_other_action"),
    ("get", "/%2573ecurity/token", "use_other_action"),
    ("get", "/security;a=b/resources?source=x", "use_other_action"),
    ("get", "/ｓecurity/token", "use_other_action"),
    ("get", "/security%20/token", "use_other_action"),
    ("post", "/myplex/claim?token=x", "invalid_params"),
    ("post", "/myplex/claim", "path_not_allowed"),
    ("get", "/MyPlex/Claim/", "path_not_allowed"),
    ("put", "/myplex/account", "path_not_allowed"),
    ("delete", "/myplex/%61ccount/", "path_not_allowed"),
    ("post", "/myplex;x/account;y", "path_not_allowed"),
    ("get", "/diagnostics/logs", "path_not_allowed"),
    ("get", "/Diagnostics", "path_not_allowed"),
]


@pytest.mark.parametrize(
    ("data", "key"),
    [
        *(({"path": path}, "invalid_path") for path in BAD_PATHS),
        *(({"path": "/x", "params": one}, "invalid_params") for one in BAD_PARAMS),
        *(({"path": path, "method": method}, key) for method, path, key in FORBIDDEN),
        ({"path": "/:/prefs?PlexOnlineToken=", "method": "put"}, "invalid_params"),
    ],
    ids=repr,
)
async def test_bad_input(
    hass: HomeAssistant,
    simulator: Simulator,
    device_id: str,
    data: dict[str, Any],
    key: str,
) -> None:
    """What may not be asked is refused by name, and nothing is sent."""
    simulator.clear_requests()
    with pytest.raises(ServiceValidationError) as error:
        await call(hass, ACTION, device_id=device_id, **data)
    assert error.value.translation_key == key
    assert str(error.value)
    assert simulator.requests == []


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"path": None},
        {"path": {"a": 1}},
        {"path": "/", "method": "patch"},
        {"path": "/", "method": "connect"},
        {"path": "/", "headers": {"X-Plex-Token": "x"}},
    ],
    ids=repr,
)
async def test_fields(
    hass: HomeAssistant, simulator: Simulator, device_id: str, data: dict[str, Any]
) -> None:
    """There are no fields but those that are described."""
    simulator.clear_requests()
    with pytest.raises(vol.Invalid):
        await call(hass, ACTION, device_id=device_id, **data)
    assert simulator.requests == []


async def test_names_the_other_action(hass: HomeAssistant, device_id: str) -> None:
    """Who asks for a token hears which action returns one."""
    for path, action in (
        ("/security/token", "plex_account.get_transient_token"),
        ("/security/resources", "plex_account.get_source_connection_information"),
    ):
        with pytest.raises(ServiceValidationError, match=action):
            await call(hass, ACTION, device_id=device_id, path=path)


async def test_account_is_read(
    hass: HomeAssistant, account: Account, server: Server, device_id: str
) -> None:
    """The account of a server may be read; its token is not in the answer."""
    response = await call(hass, ACTION, device_id=device_id, path="/myplex/account")
    assert response["data"]["MediaContainer"]["MyPlex"]["authToken"] == REDACTED
    assert not any(token in json.dumps(response) for token in account.tokens)
    assert server.claimed


@pytest.mark.parametrize("which", ["unknown", "account", "lost", "unloaded"])
async def test_wrong_device(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    device_id: str,
    which: str,
) -> None:
    """Only the device of a server will do."""
    device = {
        "unknown": "0123",
        "account": device_of(hass, entry, account.uuid),
        "lost": dr.async_get(hass)
        .async_get_or_create(
            config_entry_id=entry.entry_id,
            identifiers={(DOMAIN, f"{account.uuid}_gone")},
            name="Gone",
        )
        .id,
        "unloaded": device_id,
    }[which]
    if which == "unloaded":
        await hass.config_entries.async_unload(entry.entry_id)
    simulator.clear_requests()
    with pytest.raises(ServiceValidationError):
        await call(hass, ACTION, device_id=device, path="/")
    assert simulator.requests == []


pieces = st.sampled_from(
    [
        *("/", "//", "\\", ":", "@", "?", "#", "&", "=", "+", "%", ";", "..", "."),
        *("%2f", "%2e", "%252e", "%5c", "%00", "%0d%0aX:y", "\r\nX: y", "\t", "\u2028"),
        *("security", "/token", "myplex", "/account", "/claim", "diagnostics", "．"),
        *("X-Plex-Token", "x-plex%2dtoken", "http:", "example.com", "[::1]", ":80"),
        *("library", "sections", "a", "é", "ａ", "127.0.0.1"),
    ]
)
texts = st.lists(pieces, max_size=7).map("".join)
paths = texts | texts.map("/{}".format) | st.text(max_size=12).map("/{}".format)
values = texts | st.text(max_size=8) | st.integers() | st.booleans() | st.none()


@bounded
@given(paths, st.dictionaries(texts, values | st.lists(values, max_size=2), max_size=3))
@example("/security%2ftoken", {})
@example("/a", {"X-Plex-Token": "x"})
@example("/a?b", {"c": "https://example.com"})
async def test_nothing_leads_elsewhere(
    hass: HomeAssistant,
    simulator: Simulator,
    server: Server,
    device_id: str,
    path: str,
    params: dict[str, Any],
) -> None:
    """A request is refused unsent, or goes to the server, below its root, with one token."""
    answer(simulator, server, {"a": 1})
    simulator.clear_requests()
    try:
        await call(hass, ACTION, device_id=device_id, path=path, params=params)
    except ServiceValidationError:
        assert simulator.requests == []
        return
    [request] = simulator.requests
    assert request.host == server.machine_identifier
    assert request.headers["Host"].endswith(f".plex.direct:{server.port}")
    assert request.path.startswith("/")
    assert ".." not in request.path.split("/")
    first = request.path.strip("/").lower().partition("/")[0]
    assert first not in ("security", "diagnostics")
    assert request.headers["X-Plex-Token"] in server.transient_tokens
    assert "x-plex-token" not in str(request.query).lower()
    names = [name.lower() for name in request.headers]
    assert len(names) == len({*names})
    assert {*names} <= {
        *("host", "accept", "accept-encoding", "user-agent", "content-length"),
        *(f"x-plex-{name}" for name in ("token", "client-identifier", "product")),
        *(f"x-plex-{name}" for name in ("version", "platform", "platform-version")),
        *(f"x-plex-{name}" for name in ("device", "device-name")),
    }


# What never comes back


def secrets(entry: MockConfigEntry, simulator: Simulator) -> Iterator[str]:
    """Yield every secret that the entry knows."""
    yield entry.data["token"]
    yield CLIENT_IDENTIFIER
    for server in simulator.servers:
        yield from server.transient_tokens
        yield from filter(None, (server.token, *server.shared_tokens.values()))


SPELLINGS = [
    "authToken",
    "AUTH_TOKEN",
    "access-token",
    "accessToken",
    "token",
    "Token",
    "tokens",
    "X-Plex-Token",
    "x_plex_token",
    "X%2DPlex%2DToken",
    "PlexOnlineToken",
    "password",
    "passWord_",
    "clientSecret",
    "secret",
    "pin",
    "PIN",
    "apiKey",
]


@pytest.mark.parametrize("name", SPELLINGS)
async def test_secret_names(
    hass: HomeAssistant,
    simulator: Simulator,
    server: Server,
    device_id: str,
    name: str,
) -> None:
    """What has the name of a secret is hidden, however the name is written."""
    hidden: list[Any] = [
        {name: "sentinel"},
        {name: 12345678},
        {name: ["sentinel"]},
        {name: {"a": "sentinel"}},
        {"id": name, "value": "sentinel", "default": "sentinel"},
        {"key": name, "Value": "sentinel"},
        {"name": name, "value": {"a": "sentinel"}},
    ]
    body = {"a": [*hidden, [{"b": one} for one in hidden]]}
    answer(simulator, server, body)
    response = await call(hass, ACTION, device_id=device_id, path="/x")
    text = json.dumps(response)
    assert text.count(REDACTED) == 2 * (len(hidden) + 1)
    assert "sentinel" not in text
    assert "12345678" not in text


async def test_everything_else_comes_back(
    hass: HomeAssistant, simulator: Simulator, server: Server, device_id: str
) -> None:
    """Nothing is hidden that isn't secret."""
    body = {
        "title": "The Token: a secret story, 100% true & pinned",
        "hasPassword": True,
        "token": "",
        "pin": None,
        "opinion": "x",
        "id": "secureConnections",
        "value": 1,
        "label": "The secret of secure connections",
        "key": "/photo/:/transcode?url=%2Flibrary%2Fmetadata%2F1",
        "tag": ["Token", "Secret"],
        "text": "tokens: none",
    }
    answer(simulator, server, body)
    response = await call(hass, ACTION, device_id=device_id, path="/x")
    assert response["data"] == body


ways = st.sampled_from(
    [
        lambda secret: secret,
        lambda secret: f"https://x/?X-Plex-Token={secret}&a=b",
        lambda secret: f"a{secret}b",
        lambda secret: quote(f"https://x/?X-Plex-Token={secret}", safe=""),
        lambda secret: "".join(f"%{ord(one):02x}" for one in secret),
        lambda secret: "".join(f"%25{ord(one):02X}" for one in secret),
        lambda secret: "".join(f"&#{ord(one)};" for one in secret),
        lambda secret: json.dumps({"authToken": secret}),
        lambda secret: f'<User authToken="{secret}"/>',
        lambda secret: f"{'x' * 32_700}{secret}{'y' * 40_000}",
    ]
)


@bounded
@given(st.data())
async def test_known_secrets(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    server: Server,
    device_id: str,
    data: st.DataObject,
) -> None:
    """No secret of the entry is in an answer, wherever it stands and however."""
    known = [*secrets(entry, simulator)]
    secret = data.draw(st.sampled_from(known))
    hidden = data.draw(ways)(secret)
    place = data.draw(st.integers(0, 5))
    body: Any = [
        {"a": [{"b": hidden}]},
        {hidden: {"a": 1}},
        [[hidden, "x"]],
        {"MediaContainer": {"size": 1, "Setting": [{"id": hidden, "value": hidden}]}},
        f"plain {hidden}",
        json.dumps({"a": hidden}).replace(secret[:1], f"\\u{ord(secret[0]):04x}"),
    ][place]
    answer(simulator, server, body)
    response = await call(hass, ACTION, device_id=device_id, path="/x")
    assert response.keys() & {"data", "text"}
    text = json.dumps(response)
    assert REDACTED in text
    assert secret not in text
    assert hidden not in text


@pytest.mark.parametrize("accept", ["json", "xml"])
@pytest.mark.parametrize("films", [0, 1500], ids=["short", "long"])
async def test_what_a_server_repeats(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
    device_id: str,
    accept: str,
    films: int,
) -> None:
    """A server that repeats all that it hears gives nothing away, nor do events and log."""
    await simulator.add_server(name="Cellar", owner=account, tls=True)
    events: list[str] = []
    hass.bus.async_listen("*", lambda event: events.append(repr(event.as_dict())))
    server.echo = True
    server.library.fill(films)
    if accept == "xml":
        answer(simulator, server, XML.replace("Movies", next(iter(account.tokens))))
    response = await call(
        hass, ACTION, device_id=device_id, path="/library/sections/1/all"
    )
    text = json.dumps(response)
    assert REDACTED in text
    for secret in secrets(entry, simulator):
        assert secret not in text
        assert secret not in caplog.text
        assert not any(secret in event for event in events)
