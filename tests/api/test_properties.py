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
from tests.samples import FIXTURES, sample

from .common import PLEX_DIRECT_HASH, SECRET

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")

bounded = settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


# Answers

KINDS: dict[str, type[Any]] = {
    "post_users_sign_in_data": PlexAccount,
    "get_token_details": PlexAccount,
    "get_resources": tuple,
    "ping": bool,
    "sign_out": type(None),
    "create_pin": PlexPin,
    "get_pin": PlexPin,
    "link_pin": type(None),
    "get_identity": ServerIdentity,
    "check_token": type(None),
    "get_transient_token": TransientToken,
    "get_source_connection_information": SourceConnectionInformation,
    "request": Answer,
}
"""What each operation returns."""

ROOTS = {"account": "user", "error": "errors", "ping": "pong"}
"""The root that XML gives a document, where it isn't the name of the sample."""

odd_text = st.text(max_size=8) | st.sampled_from(
    [
        *("", "0", "-1", "1e999", "nan", "9" * 400, "9" * 5000, "٣", "²", "true"),
        *("\x00", "\ud800", "2026-13-01", "server,server", "https://[::1"),
        *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
    ]
)
odd_leaf = odd_text | st.none() | st.booleans() | st.integers() | st.floats()
odd_leaf |= st.sampled_from([10**30, -(10**30), 10**4000, 2**31, 2**63])
odd_value = st.recursive(
    odd_leaf,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(odd_text, inner, max_size=3)
    ),
    max_leaves=6,
)


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Return where everything in a document is: in what, and under which key."""
    if isinstance(document, dict | list):
        keys = document if isinstance(document, dict) else range(len(document))
        for key in keys:
            yield document, key
            yield from places(document[key])


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """Draw a document of which up to three parts are something else."""
    whole = [document]
    for _ in range(draw(st.integers(0, 3))):
        parent, key = draw(st.sampled_from([*places(whole)]))
        parent[key] = draw(odd_value)
    return whole[0]


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


def written(name: str, document: Any, form: str) -> bytes:
    """Write what was made of a sample as JSON, or as XML under its root."""
    if form == "json":
        return json.dumps(document).encode()
    root = ROOTS.get(name, name)
    if isinstance(document, dict) and len(document) == 1:
        [(key, inner)] = document.items()
        if key in ("MediaContainer", root):
            root, document = key, inner
    xml = to_xml(document, root)
    return f'<?xml version="1.0" encoding="{form}"?>{xml}'.encode(form, "replace")


def assert_sound(operation: str, value: Any) -> None:
    """Make sure that what came is a model or an error, and tells nothing."""
    assert isinstance(value, PlexError | KINDS[operation])
    if operation == "get_resources" and not isinstance(value, PlexError):
        assert all(isinstance(server, PlexServer) for server in value)
    assert SECRET not in repr(value)
    assert SECRET not in str(value)


forms = st.sampled_from(["json", "json", "utf-8", "utf-16"])


@pytest.mark.parametrize("form", ["json", "xml", "utf-8", "utf-16"])
@pytest.mark.parametrize("operation", KINDS)
def test_true_answers(operation: str, form: str) -> None:
    """The samples that the others are made from are read, and XML says the same."""
    name = feed.OPERATIONS[operation].sample
    in_json = written(name, sample(name), "json")
    if form == "xml" and (FIXTURES / f"{name}.xml").exists():
        body = (FIXTURES / f"{name}.xml").read_bytes()
    else:
        body = written(name, sample(name), "utf-8" if form == "xml" else form)

    value = feed.outcome(api, operation, body)

    assert isinstance(value, KINDS[operation])
    assert value not in ((), False)
    assert_sound(operation, value)
    if operation not in ("get_transient_token", "request"):
        assert value == feed.outcome(api, operation, in_json)


@pytest.mark.parametrize("operation", KINDS)
@bounded
@given(data=st.data(), form=forms)
def test_odd_answers(operation: str, data: st.DataObject, form: str) -> None:
    """An answer of which parts are something else is a model or a PlexError."""
    name = feed.OPERATIONS[operation].sample
    body = written(name, data.draw(mutated(sample(name))), form)
    assert_sound(operation, feed.outcome(api, operation, body))


@bounded
@given(data=st.data(), operation=st.sampled_from([*KINDS]), form=forms)
def test_broken_answers(data: st.DataObject, operation: str, form: str) -> None:
    """So is one of which bytes are missing, others, or too many."""
    name = feed.OPERATIONS[operation].sample
    body = bytearray(written(name, sample(name), form))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(len(body), start + 8)))
        body[start:end] = data.draw(st.binary(max_size=8))
    value = feed.outcome(api, operation, bytes(body))
    assert isinstance(value, PlexError | KINDS[operation])


@bounded
@given(
    data=st.data(),
    operation=st.sampled_from([*KINDS]),
    status=st.sampled_from([*range(300, 600), 700, 999]),
    form=forms,
)
def test_odd_refusals(
    data: st.DataObject, operation: str, status: int, form: str
) -> None:
    """A refusal is one whatever its body is, of the kind that its status says."""
    body = written("error", data.draw(mutated(sample("error"))), form)
    error = feed.outcome(api, operation, body, status)
    assert isinstance(error, PlexError)
    assert not isinstance(error, PlexConnectionError)
    assert error.status == status
    if status == 401:
        assert isinstance(error, PlexAuthenticationError | PlexRateLimitError)
    assert_sound(operation, error)


CORPUS = sorted(
    path
    for folder in (Path(feed.__file__).parent / "corpus", FIXTURES)
    for path in folder.iterdir()
    if path.is_file()
)


@pytest.mark.parametrize("operation", KINDS)
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_corpus(path: Path, operation: str) -> None:
    """What fuzzing begins with, and what it has found, is read or refused."""
    headers, body = feed.parted(path.read_bytes())
    for status in (200, 401):
        value = feed.outcome(api, operation, body, status, headers)
        assert isinstance(value, PlexError | KINDS[operation])
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
