"""Arbitrary requests to a server: what is sent, what is refused, and what is redacted."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, example, given, settings, strategies as st
import pytest
import voluptuous as vol

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .common import DOMAIN, Home, until
from .samples import sample

pytestmark = [
    pytest.mark.usefixtures("running"),
    pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning"),
]

ACTION = "call_api"
REDACTED = "**REDACTED**"
SECTIONS = "/library/sections"
XML = '<MediaContainer size="1"><Directory key="1" title="Movies"/></MediaContainer>'
MOVIES = {"Directory": [{"key": "1", "title": "Movies"}]}
METHODS = pytest.mark.parametrize("method", ["get", "post", "put", "delete"])

bounded = settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def answer(home: Home, body: Any, **fault: Any) -> None:
    """Make the server return a body for every request."""
    home.simulator.clear_faults()
    home.simulator.clear_requests()
    home.fault(body=body, **fault)


async def answered(home: Home, body: Any, **fault: Any) -> dict[str, Any]:
    """Return the action's response for a body."""
    answer(home, body, **fault)
    response: dict[str, Any] = await home.call(ACTION, path="/x")
    return response


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (XML, "text/xml", {"data": {"MediaContainer": {"size": "1", **MOVIES}}}),
        ({"a": {"b": 1}}, "application/json", {"data": {"a": {"b": 1}}}),
        ("#EXTM3U", "audio/mpegurl", {"text": "#EXTM3U"}),
        ("", "text/plain", {}),
        (b"\xff\xd8\xff\xe0", "image/jpeg", {}),
    ],
    ids=["xml", "json", "text", "empty", "bytes"],
)
async def test_answers(
    home: Home, body: Any, content_type: str, expected: dict[str, Any]
) -> None:
    """A document is returned as data, XML in the same shape as JSON, anything else as text."""
    response = await answered(home, body, content_type=f"{content_type}; charset=utf-8")
    assert response == {"status": 200, "content_type": content_type, **expected}


@METHODS
async def test_requests(home: Home, method: str) -> None:
    """Path, query, and parameters arrive with one token, and an empty answer is accepted."""
    answer(home, "", path="/:/prefs")
    data = {
        "device_id": home.device(home.server).id,
        "path": "/:/prefs?a=1&b=%26",
        "method": method,
        "params": {"c": "ä&d=e", "f": True, "g": 1.5, "h": "//example.com"},
    }
    await home.hass.services.async_call(DOMAIN, ACTION, data, blocking=True)
    request = home.server.requests[-1]
    assert (request.method, request.path) == (method.upper(), "/:/prefs")
    arrived = {"c": "ä&d=e", "f": "1", "g": "1.5", "h": "//example.com"}
    assert request.query == {"a": "1", "b": "&"} | arrived
    assert request.token in home.server.transient_tokens
    assert request.secure


@METHODS
async def test_only_reading_is_repeated(home: Home, method: str) -> None:
    """After a server restart a new token is used, and nothing is executed twice."""
    await home.server.restart()
    answer(home, "", path="/x")
    await home.call(ACTION, path="/x", method=method)
    assert home.asked(home.server).count("/x") == 1
    answer(home, "", path="/x", status=401)
    with pytest.raises(HomeAssistantError):
        await home.call(ACTION, path="/x", method=method)
    assert home.asked(home.server).count("/x") <= (2 if method == "get" else 1)


@pytest.mark.parametrize(
    ("fault", "key", "word"),
    [
        ({"status": 404}, "path_not_found", "path"),
        *(({"status": n}, "http_status", f"{n}") for n in (400, 401, 403, 418, 500)),
        ({"status": 302, "headers": {"Location": "/"}}, "plex_refused", "Attic"),
        ({"status": 429}, "rate_limited", "Too many requests"),
        ({"action": "endless", "body": "{"}, "response_too_large", "Container-Size"),
        ({"action": "drop"}, "server_unreachable", "Attic"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_refusals(home: Home, fault: dict[str, Any], key: str, word: str) -> None:
    """Every failure is reported with its own error, and is temporary."""
    home.fault(path=SECTIONS, **fault)
    assert word in await home.refused(ACTION, key, path=SECTIONS)
    home.simulator.clear_faults()
    response = await home.call(ACTION, path=SECTIONS)
    assert response["data"]["MediaContainer"]["size"] == 2


@pytest.mark.parametrize(
    ("path", "key"), [("/", "token_refused"), ("*", "server_unreachable")]
)
async def test_refused_token(home: Home, path: str, key: str) -> None:
    """A token that the server refuses everywhere is not blamed on the path."""
    home.fault(path=SECTIONS, status=401)
    home.fault(path=path, status=401)
    await home.refused(ACTION, key, path=SECTIONS)


async def test_silence(home: Home) -> None:
    """A server that doesn't answer within ten seconds is reported as too slow."""
    hang = home.fault(path=SECTIONS, action="hang")
    asking = asyncio.create_task(home.refused(ACTION, "server_timeout", path=SECTIONS))
    await until(lambda: hang.hits)
    home.freezer.tick(11)
    assert "Attic" in await asking


async def test_account_is_read(home: Home) -> None:
    """The account of a server can be read, but its token is not in the response."""
    response = await home.call(ACTION, path="/myplex/account")
    assert response["data"]["MediaContainer"]["MyPlex"]["authToken"] == REDACTED
    assert not any(token in json.dumps(response) for token in home.account.tokens)
    assert home.server.claimed


# Requests that are refused before anything is sent

BAD_PATHS = sample("odd/paths")
del BAD_PATHS["allowed"]
BAD_PARAMS: list[Any] = [
    *("a=b", ["a"], 5, {"a": {"b": 1}}, {"a": None}, {1: "x"}, {"": "x"}),
    *({"X-Plex-Token": "x"}, {"x_plex_token": "x"}, {"PlexOnlineToken": ""}),
    *({"a": "https://example.com/?X-Plex-Token=x"}, {"password": "x"}),
]
FORBIDDEN = {
    "invalid_path": [f"get {path}" for paths in BAD_PATHS.values() for path in paths],
    "use_other_action": (
        *("get /security/token", "get /security", "post /SECURITY/token/"),
        *("get /%73ecurity/token", "get /%2573ecurity/token", "get /ｓecurity/token"),
        *("get /security%20/token", "get /security;a=b/resources?source=x"),
    ),
    "invalid_params": ("post /myplex/claim?token=x", "put /:/prefs?PlexOnlineToken="),
    "path_not_allowed": (
        *("post /myplex/claim", "get /MyPlex/Claim/", "get /diagnostics/logs"),
        *("get /Diagnostics", "put /myplex/account", "delete /myplex/%61ccount/"),
        "post /myplex;x/account;y",
    ),
}


@pytest.mark.parametrize("params", BAD_PARAMS, ids=repr)
async def test_bad_params(home: Home, params: Any) -> None:
    """Invalid parameters, and those that contain a secret, are refused by name."""
    with home.unasked():
        assert await home.refused(ACTION, "invalid_params", path="/x", params=params)


@pytest.mark.parametrize(
    ("key", "asked"),
    [(key, one) for key, several in FORBIDDEN.items() for one in several],
)
async def test_forbidden(home: Home, key: str, asked: str) -> None:
    """So are paths that lead elsewhere, return tokens, or would unclaim the server."""
    method, path = asked.split(" ", 1)
    with home.unasked():
        text = await home.refused(ACTION, key, path=path, method=method)
    sources = "resources" in path
    other = "get_source_connection_information" if sources else "get_transient_token"
    assert (f"plex_account.{other}" in text) is (key == "use_other_action")


@pytest.mark.parametrize(
    "data",
    [
        *({}, {"path": None}, {"path": {"a": 1}}, {"path": "/", "method": "patch"}),
        *({"path": "/", "method": "connect"}, {"path": "/", "headers": {"A": "x"}}),
    ],
    ids=repr,
)
async def test_fields(home: Home, data: dict[str, Any]) -> None:
    """The action has only the fields that are described."""
    with home.unasked(), pytest.raises(vol.Invalid):
        await home.call(ACTION, **data)


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
    home: Home, path: str, params: dict[str, Any]
) -> None:
    """A request is refused unsent, or goes to the server, below its root, with one token."""
    answer(home, {"a": 1})
    try:
        await home.call(ACTION, path=path, params=params)
    except ServiceValidationError:
        assert home.simulator.requests == []
        return
    [request] = home.simulator.requests
    assert request.host == home.server.machine_identifier
    assert request.headers["Host"].endswith(f".plex.direct:{home.server.port}")
    assert request.path.startswith("/")
    assert ".." not in request.path.split("/")
    first = request.path.strip("/").lower().partition("/")[0]
    assert first not in ("security", "diagnostics")
    assert request.headers["X-Plex-Token"] in home.server.transient_tokens
    assert "x-plex-token" not in str(request.query).lower()
    names = [name.lower() for name in request.headers]
    assert len(names) == len({*names})
    assert {*names} <= {
        *("host", "accept", "accept-encoding", "user-agent", "content-length"),
        *(f"x-plex-{name}" for name in ("token", "client-identifier", "product")),
        *(f"x-plex-{name}" for name in ("version", "platform", "platform-version")),
        *(f"x-plex-{name}" for name in ("device", "device-name")),
    }


# Redaction

SPELLINGS = [
    *("authToken", "AUTH_TOKEN", "access-token", "accessToken", "token", "Token"),
    *("tokens", "X-Plex-Token", "x_plex_token", "X%2DPlex%2DToken", "PlexOnlineToken"),
    *("password", "passWord_", "clientSecret", "secret", "pin", "PIN", "apiKey"),
]


@pytest.mark.parametrize("name", SPELLINGS)
async def test_secret_names(home: Home, name: str) -> None:
    """A value under the name of a secret is redacted, in any spelling of the name."""
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
    text = json.dumps(await answered(home, body))
    assert text.count(REDACTED) == 2 * (len(hidden) + 1)
    assert "sentinel" not in text
    assert "12345678" not in text


async def test_everything_else_comes_back(home: Home) -> None:
    """Nothing is redacted that isn't secret."""
    body = sample("harmless")
    assert (await answered(home, body))["data"] == body


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
async def test_known_secrets(home: Home, data: st.DataObject) -> None:
    """No secret of the entry is in a response, wherever and however it appears."""
    secret = data.draw(st.sampled_from(home.secrets))
    hidden = data.draw(ways)(secret)
    bodies: list[Any] = [
        {"a": [{"b": hidden}]},
        {hidden: {"a": 1}},
        [[hidden, "x"]],
        {"MediaContainer": {"size": 1, "Setting": [{"id": hidden, "value": hidden}]}},
        f"plain {hidden}",
        json.dumps({"a": hidden}).replace(secret[:1], f"\\u{ord(secret[0]):04x}"),
    ]
    response = await answered(home, data.draw(st.sampled_from(bodies)))
    assert response.keys() & {"data", "text"}
    text = json.dumps(response)
    assert REDACTED in text
    assert secret not in text
    assert hidden not in text


@pytest.mark.parametrize("accept", ["json", "xml"])
@pytest.mark.parametrize("films", [0, 1500], ids=["short", "long"])
async def test_what_a_server_repeats(
    home: Home, caplog: pytest.LogCaptureFixture, accept: str, films: int
) -> None:
    """A server that echoes everything reveals nothing, and neither do events and the log."""
    await home.simulator.add_server(name="Cellar", owner=home.account, tls=True)
    told: list[str] = []
    home.hass.bus.async_listen("*", lambda event: told.append(repr(event.as_dict())))
    home.server.echo = True
    home.server.library.fill(films)
    if accept == "xml":
        answer(home, XML.replace("Movies", next(iter(home.account.tokens))))
    text = json.dumps(await home.call(ACTION, path="/library/sections/1/all"))
    assert REDACTED in text
    for secret in home.secrets:
        assert not any(secret in one for one in (text, caplog.text, *told))
