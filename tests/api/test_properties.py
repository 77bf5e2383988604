"""What holds for every answer, every address and every list, however odd."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
import json
from pathlib import Path
import re
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape, quoteattr

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from yarl import URL

from custom_components.plex_account import api
from custom_components.plex_account.api import (
    Answer,
    PlexAccount,
    PlexAuthenticationError,
    PlexConnectionError,
    PlexError,
    PlexPin,
    PlexRateLimitError,
    PlexServer,
    ServerIdentity,
    SourceConnectionInformation,
    TransientToken,
    secure_base_url,
)
from tests.fuzz import feed

from .common import PLEX_DIRECT_HASH

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")

bounded = settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

SECRET = "to-keep-to-oneself"


# Answers

ACCOUNT = {
    "id": 7,
    "uuid": "0123456789abcdef",
    "username": "ada",
    "title": "Ada",
    "friendlyName": "",
    "email": SECRET,
    "authToken": SECRET,
    "pin": SECRET,
    "homeSize": 2,
    "joinedAt": 1_393_545_600,
    "rememberExpiresAt": None,
    "guest": False,
    "roles": ["plexpass"],
    "entitlements": ["all"],
    "profile": {"autoSelectAudio": True, "watchedIndicator": 3},
    "services": [{"identifier": "epg", "token": SECRET, "secret": SECRET}],
    "subscription": {
        "active": True,
        "status": "Active",
        "subscribedAt": "2014-02-28 00:00:00 UTC",
        "features": ["sync"],
    },
    "subscriptions": [],
    "pastSubscriptions": [{"id": None, "endsAt": 1, "billing": {"paymentMethodId": 4}}],
    "trials": [{}],
}
CONNECTION = {
    "protocol": "https",
    "address": "192.0.2.1",
    "port": 32400,
    "uri": "https://192.0.2.1:32400",
    "local": False,
    "relay": True,
    "IPv6": False,
}
RESOURCES = [
    {
        "clientIdentifier": "attic",
        "name": "Attic",
        "provides": "server",
        "accessToken": SECRET,
        "owned": True,
        "ownerId": None,
        "createdAt": "2020-01-01T00:00:00Z",
        "connections": [CONNECTION],
    },
    {"clientIdentifier": "phone", "provides": "player", "accessToken": None},
]
PIN = {
    "id": 3,
    "code": SECRET,
    "expiresIn": 900,
    "expiresAt": "2026-01-01T00:00:00Z",
    "authToken": SECRET,
}
IDENTITY = {"MediaContainer": {"machineIdentifier": "attic", "claimed": True}}
TRANSIENT = {"MediaContainer": {"size": 0, "token": SECRET}}
SOURCE = {
    "MediaContainer": {
        "Device": {
            "name": "Attic",
            "clientIdentifier": "attic",
            "accessToken": SECRET,
            "Connection": [CONNECTION],
        }
    }
}
ERROR = {"errors": [{"code": 1001, "message": SECRET, "status": 401}]}

# The root that XML gives a document, and what an operation returns.
ANSWERS: dict[str, tuple[Any, str, type[Any]]] = {
    "post_users_sign_in_data": (ACCOUNT, "user", PlexAccount),
    "get_token_details": (ACCOUNT, "user", PlexAccount),
    "get_resources": (RESOURCES, "resources", tuple),
    "ping": ({"pong": True}, "pong", bool),
    "sign_out": ({}, "x", type(None)),
    "create_pin": (PIN, "pin", PlexPin),
    "get_pin": (PIN, "pin", PlexPin),
    "link_pin": ({}, "x", type(None)),
    "get_identity": (IDENTITY, "MediaContainer", ServerIdentity),
    "check_token": (IDENTITY, "MediaContainer", type(None)),
    "get_transient_token": (TRANSIENT, "MediaContainer", TransientToken),
    "get_source_connection_information": (
        SOURCE,
        "MediaContainer",
        SourceConnectionInformation,
    ),
    "request": (SOURCE, "MediaContainer", Answer),
}

odd_text = st.text(max_size=8) | st.sampled_from(
    [
        "",
        "0",
        "-1",
        "1e999",
        "nan",
        "9" * 400,
        "9" * 5000,
        "٣",
        "²",
        "\x00",
        "\ud800",
        "true",
        "2026-13-01",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "server,server",
        "https://[::1",
    ]
)
odd_leaf = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**30, -(10**30), 10**4000, 2**31, 2**63])
    | st.floats()
    | odd_text
)
odd_value = st.recursive(
    odd_leaf,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(odd_text, inner, max_size=3)
    ),
    max_leaves=6,
)


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return the way to everything in a document."""
    yield path
    match document:
        case dict():
            for key, value in document.items():
                yield from places(value, (*path, key))
        case list():
            for index, value in enumerate(document):
                yield from places(value, (*path, index))


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a document with something else in one place."""
    if not path:
        return value
    if not isinstance(document, dict | list):
        return document
    key, *rest = path
    copy: Any = document.copy()
    try:
        copy[key] = replaced(copy[key], tuple(rest), value)
    except LookupError:
        return document
    return copy


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """Draw a document of which up to three parts are something else."""
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from([*places(document)]))
        document = replaced(document, path, draw(odd_value))
    return document


def to_xml(value: Any, tag: str) -> str:
    """Write a value as Plex writes XML: leaves are attributes, the rest is children.

    A list under a plural wraps its items, one under a singular repeats its tag.
    """
    if isinstance(value, list):
        return f"<{tag}>{''.join(to_xml(one, tag[:-1]) for one in value)}</{tag}>"
    if not isinstance(value, dict):
        return f"<{tag}>{escape(leaf(value))}</{tag}>"
    attributes: dict[str, str] = {}
    children = ""
    for key, inner in value.items():
        name = re.sub("[^A-Za-z0-9]", "", key) or "x"
        if isinstance(inner, list) and not name.endswith("s"):
            children += "".join(to_xml(one, name) for one in inner)
        elif isinstance(inner, dict | list):
            children += to_xml(inner, name)
        else:
            attributes[name] = quoteattr(leaf(inner))
    written = "".join(f" {name}={text}" for name, text in attributes.items())
    return f"<{tag}{written}>{children}</{tag}>"


def leaf(value: Any) -> str:
    """Write a leaf as an attribute: null is empty, truth is a digit."""
    text = "" if value is None else str(int(value) if value in (True, False) else value)
    return re.sub("[^\t\n\r -\ud7ff\ue000-\ufffd]", "?", text)


def written(document: Any, root: str, form: str) -> bytes:
    """Write a document as JSON, or as XML under its root."""
    if form == "json":
        return json.dumps(document).encode()
    if isinstance(document, dict) and [*document] == [root]:
        document = document[root]
    xml = to_xml(document, root)
    return f'<?xml version="1.0" encoding="{form}"?>{xml}'.encode(form, "replace")


def assert_sound(operation: str, value: Any) -> None:
    """Make sure that what came is a model or an error, and tells nothing."""
    _, _, kind = ANSWERS[operation]
    assert isinstance(value, PlexError | kind)
    if operation == "get_resources" and not isinstance(value, PlexError):
        assert all(isinstance(server, PlexServer) for server in value)
    assert SECRET not in repr(value)
    assert SECRET not in str(value)


@pytest.mark.parametrize("form", ["json", "utf-8", "utf-16"])
@pytest.mark.parametrize("operation", ANSWERS)
def test_true_answers(operation: str, form: str) -> None:
    """The answers that the others are made from are read."""
    document, root, kind = ANSWERS[operation]
    value = feed.outcome(api, operation, written(document, root, form))
    assert isinstance(value, kind)
    assert value not in ((), False)
    assert_sound(operation, value)


@pytest.mark.parametrize("operation", ANSWERS)
@bounded
@given(data=st.data(), form=st.sampled_from(["json", "json", "utf-8", "utf-16"]))
def test_odd_answers(operation: str, data: st.DataObject, form: str) -> None:
    """An answer of which parts are something else is a model or a PlexError."""
    document, root, _ = ANSWERS[operation]
    body = written(data.draw(mutated(document)), root, form)
    assert_sound(operation, feed.outcome(api, operation, body))


@bounded
@given(data=st.data(), operation=st.sampled_from([*ANSWERS]))
def test_broken_answers(data: st.DataObject, operation: str) -> None:
    """So is one of which bytes are missing, others, or too many."""
    document, root, _ = ANSWERS[operation]
    form = data.draw(st.sampled_from(["json", "utf-8", "utf-16"]))
    body = bytearray(written(document, root, form))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(len(body), start + 8)))
        body[start:end] = data.draw(st.binary(max_size=8))
    value = feed.outcome(api, operation, bytes(body))
    _, _, kind = ANSWERS[operation]
    assert isinstance(value, PlexError | kind)


@bounded
@given(
    data=st.data(),
    operation=st.sampled_from([*ANSWERS]),
    status=st.sampled_from([*range(300, 600), 700, 999]),
    form=st.sampled_from(["json", "utf-8", "utf-16"]),
)
def test_odd_refusals(
    data: st.DataObject, operation: str, status: int, form: str
) -> None:
    """A refusal is one whatever its body is, of the kind that its status says."""
    body = written(data.draw(mutated(ERROR)), "errors", form)
    error = feed.outcome(api, operation, body, status)
    assert isinstance(error, PlexError)
    assert not isinstance(error, PlexConnectionError)
    assert error.status == status
    if status == 401:
        assert isinstance(error, PlexAuthenticationError | PlexRateLimitError)
    assert_sound(operation, error)


CORPUS = sorted((Path(feed.__file__).parent / "corpus").iterdir())


@pytest.mark.parametrize("operation", ANSWERS)
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_corpus(path: Path, operation: str) -> None:
    """What fuzzing begins with, and what it has found, is read or refused."""
    headers, body = feed.parted(path.read_bytes())
    for status in (200, 401):
        value = feed.outcome(api, operation, body, status, headers)
        assert isinstance(value, PlexError | ANSWERS[operation][2])
    secure_base_url(path.read_bytes().decode(errors="replace"))


# Addresses

host = st.sampled_from(
    [
        "plex.tv",
        "127.0.0.1",
        "[::1]",
        "localhost",
        "192.0.2.1",
        "127.1",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "xn--plx-bma.tv",
        f"127-0-0-1.{PLEX_DIRECT_HASH}.plex.direct",
        f"10-0-0-1.{PLEX_DIRECT_HASH}.plex.direct",
        "",
    ]
)
NASTY = (
    "http: https: HTTP: ftp: // / \\ @ : ? # % %2f %40 %23 %00 . .. ; & = é 。 ／ api v2"
    " :0 :80 :65536 :-1 [ ] \x7f"
)
piece = host | st.sampled_from([*NASTY.split(" "), " ", "\t", "\n", "\r"])
address = st.lists(piece, max_size=8).map("".join) | st.builds(
    "{}://{}{}".format,
    st.sampled_from(["http", "https"]),
    host,
    st.lists(piece, max_size=4).map("".join),
)


@settings(bounded, max_examples=1500)
@given(address)
def test_secure_base_url(text: str) -> None:
    """An accepted address has the host that it shows, and keeps it in every request."""
    if (url := secure_base_url(text)) is None:
        return
    typed, taken, request = urlsplit(text), urlsplit(url), URL(url + "/users/signin")
    assert typed.hostname
    assert typed.hostname == taken.hostname == request.raw_host
    assert request.port == typed.port or URL(url).is_default_port()
    assert (request.user, request.password) == (None, None)
    assert (request.query_string, request.fragment) == ("", "")
    assert request.raw_path.endswith("/users/signin")
    assert request.raw_path == URL(url).raw_path.rstrip("/") + "/users/signin"
    assert secure_base_url(url) == url
    match request.scheme:
        case "http":
            here = urlsplit(text).hostname or ""
            assert (
                here == "localhost"
                or here.startswith("127-0-0-1.")
                or is_within(here, "127.0.0.0/8", "::1/128", "::ffff:127.0.0.0/104")
            )
        case scheme:
            assert scheme == "https"


def is_within(text: str, *networks: str) -> bool:
    """Return whether a text is an address in one of some networks."""
    address = ip_address(text)
    return any(address in ip_network(network) for network in networks)
