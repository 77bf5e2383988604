"""Properties that hold for every answer, address, and list, however odd."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import Any, get_origin, get_type_hints
from unittest.mock import Mock
from urllib.parse import urlsplit

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from yarl import URL

from custom_components.plex_account import api
from custom_components.plex_account.api import PlexError, is_loopback, secure_base_url
from tests.fuzz import feed
from tests.samples import FIXTURES, sample
from tests.simulator.answers import media_container, plex_tv_answer, plex_tv_text

from .common import PLEX_DIRECT_HASH, SECRET

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")

bounded = settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
every_operation = pytest.mark.parametrize("operation", feed.OPERATIONS)


# Answers

odd_text = st.text(max_size=8) | st.sampled_from(
    [
        *("", "0", "-1", "1e999", "nan", "9" * 400, "9" * 5000, "٣", "²", "true"),
        *("\x00", "\ud800", "2026-13-01", "server,server", "https://[::1"),
        *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
    ]
)
odd_leaf = odd_text | st.none() | st.booleans() | st.integers() | st.floats()
odd_leaf |= st.sampled_from([10**30, -(10**30), 10**4000, 2**31, 2**63])
odd_name = odd_text.map(lambda name: name.replace("{", ""))
odd_value = st.recursive(
    odd_leaf,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(odd_name, inner, max_size=3)
    ),
    max_leaves=6,
)


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Return the container and key of every value in a document."""
    if isinstance(document, dict | list):
        keys = document if isinstance(document, dict) else range(len(document))
        for key in keys:
            yield document, key
            yield from places(document[key])


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """Draw a document with up to three parts replaced."""
    whole = [document]
    for _ in range(draw(st.integers(0, 3))):
        parent, key = draw(st.sampled_from([*places(whole)]))
        parent[key] = draw(odd_value)
    return whole[0]


def written(name: str, document: Any, form: str) -> bytes:
    """Serialize a sample as JSON, or as Plex-style XML in some encoding."""
    if form == "json":
        return json.dumps(document).encode()
    asked: Any = Mock(wants_json=False)
    match document:
        case {"MediaContainer": dict() as container}:
            answer: Any = media_container(asked, container)
        case {"errors": list() as errors}:
            answer = plex_tv_answer(asked, "errors", errors)
        case {"pong": pong}:
            answer = plex_tv_text(asked, "pong", document, str(pong).lower())
        case _:
            answer = plex_tv_answer(
                asked, {"account": "user"}.get(name, name), document
            )
    return answer.body.decode().replace("UTF-8", form).encode(form, "replace")


def returned(operation: str) -> Any:
    """Return the annotated return type of an operation."""
    owner = getattr(api, feed.OPERATIONS[operation].owner)
    kind = get_type_hints(getattr(owner, operation))["return"]
    return get_origin(kind) or kind


def assert_sound(operation: str, value: Any) -> None:
    """Assert that the outcome is a model or an error, and reveals no secret."""
    assert isinstance(value, PlexError | returned(operation))
    if isinstance(value, tuple):
        assert all(isinstance(server, api.PlexServer) for server in value)
    assert SECRET not in repr(value)
    assert SECRET not in str(value)


forms = st.sampled_from(["json", "json", "utf-8", "utf-16"])


@pytest.mark.parametrize("form", ["json", "xml", "utf-8", "utf-16"])
@every_operation
def test_true_answers(operation: str, form: str) -> None:
    """The samples used as a basis can be read, and are equal in XML."""
    name = feed.OPERATIONS[operation].sample
    if form == "xml" and (path := FIXTURES / f"{name}.xml").exists():
        body = path.read_bytes()
    else:
        body = written(name, sample(name), form.replace("xml", "utf-8"))

    value = feed.outcome(api, operation, body)

    assert isinstance(value, returned(operation))
    assert value not in ((), False)
    assert_sound(operation, value)
    if operation not in ("get_transient_token", "request"):
        in_json = written(name, sample(name), "json")
        assert value == feed.outcome(api, operation, in_json)


@every_operation
@bounded
@given(data=st.data(), form=forms)
def test_odd_answers(operation: str, data: st.DataObject, form: str) -> None:
    """An answer with some parts replaced yields a model or a PlexError."""
    name = feed.OPERATIONS[operation].sample
    body = written(name, data.draw(mutated(sample(name))), form)
    assert_sound(operation, feed.outcome(api, operation, body))


@bounded
@given(data=st.data(), operation=st.sampled_from([*feed.OPERATIONS]), form=forms)
def test_broken_answers(data: st.DataObject, operation: str, form: str) -> None:
    """So does one with bytes removed, changed, or added."""
    name = feed.OPERATIONS[operation].sample
    body = bytearray(written(name, sample(name), form))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(len(body), start + 8)))
        body[start:end] = data.draw(st.binary(max_size=8))
    value = feed.outcome(api, operation, bytes(body))
    assert isinstance(value, PlexError | returned(operation))


@bounded
@given(data=st.data(), operation=st.sampled_from([*feed.OPERATIONS]), form=forms)
def test_odd_refusals(data: st.DataObject, operation: str, form: str) -> None:
    """A refusal is recognized whatever its body is, and its kind follows from the status."""
    status = data.draw(st.sampled_from([401, *range(300, 600), 700, 999]))
    body = written("error", data.draw(mutated(sample("error"))), form)
    error = feed.outcome(api, operation, body, status)
    assert isinstance(error, PlexError)
    assert not isinstance(error, api.PlexConnectionError)
    assert error.status == status
    if status == 401:
        assert isinstance(error, api.PlexAuthenticationError | api.PlexRateLimitError)
    assert_sound(operation, error)


CORPUS = [*(Path(feed.__file__).parent / "corpus").iterdir(), *FIXTURES.glob("*.*")]


@every_operation
@pytest.mark.parametrize("path", sorted(CORPUS), ids=lambda path: path.name)
def test_corpus(path: Path, operation: str) -> None:
    """The fuzzing corpus and everything that fuzzing has found is read or refused."""
    headers, body = feed.parted(path.read_bytes())
    for status in (200, 401):
        value = feed.outcome(api, operation, body, status, headers)
        assert isinstance(value, PlexError | returned(operation))
    secure_base_url(path.read_bytes().decode(errors="replace"))


# Addresses

ADDRESSES = sample("odd/addresses")
SECURE = ADDRESSES["secure"]


@pytest.mark.parametrize("host", ADDRESSES["loopback"] + ADDRESSES["not loopback"])
def test_loopback(host: str) -> None:
    """This machine is recognized in every spelling, and lookalikes are not."""
    assert is_loopback(host) is (host in ADDRESSES["loopback"])


@pytest.mark.parametrize(
    "text", [*SECURE, *ADDRESSES["plain http"], *ADDRESSES["not a base URL"]]
)
def test_where_secrets_may_be_sent(text: str) -> None:
    """Secrets may be sent over HTTPS, or over HTTP to this machine, and nowhere else."""
    assert secure_base_url(text) == SECURE.get(text)


HOSTS = (
    "plex.tv 127.0.0.1 [::1] localhost 192.0.2.1 127.1 2130706433 [::ffff:127.0.0.1]"
    f" xn--plx-bma.tv 127-0-0-1.{PLEX_DIRECT_HASH}.plex.direct"
    f" 10-0-0-1.{PLEX_DIRECT_HASH}.plex.direct"
)
NASTY = (
    "http: https: HTTP: ftp: // / \\ @ : ? # % %2f %40 %23 %00 . .. ; & = é 。 ／ api v2"
    " :0 :80 :65536 :-1 [ ] \x7f"
)
LOOPBACK = r"localhost|127(\.\d+){3}|::1|::ffff:127(\.\d+){3}"

host = st.sampled_from([*HOSTS.split(" "), ""])
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
    assert request.raw_path == URL(url).raw_path.rstrip("/") + "/users/signin"
    assert secure_base_url(url) == url
    assert request.scheme == "https" or re.fullmatch(LOOPBACK, typed.hostname)
    assert request.scheme in ("http", "https")
