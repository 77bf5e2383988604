"""Any request to a server: its path, its parameters, its answer, and pictures."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hypothesis import given, settings, strategies as st
import pytest
from yarl import URL

from custom_components.plex_account import api
from custom_components.plex_account.api import (
    PathProblem,
    PlexAddressError,
    PlexAuthenticationError,
    PlexConnectionError,
    PlexError,
    PlexParamsError,
    PlexPathError,
    PlexRateLimitError,
    PlexResponseError,
    PlexResponseTooLarge,
    PlexServerClient,
    PlexTimeoutError,
    checked_params,
    checked_path,
)
from tests.fuzz import feed
from tests.samples import FIXTURES, sample
from tests.simulator import Server

from .common import QUICK_RETRY, Bench, fails, fails_once, short_id, strict_loads

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")

MIB = 1024 * 1024
PATHS = sample("odd/paths")


# Answers


@pytest.mark.parametrize("decoder", [None, strict_loads])
@pytest.mark.parametrize(
    ("body", "document", "text"),
    [
        (sample("sections"), sample("sections"), None),
        ((FIXTURES / "sections.xml").read_text(), sample("sections"), None),
        ("true", True, None),
        ("", None, None),
        ("plain text, ä", None, "plain text, ä"),
        ("[not json", None, "[not json"),
        ("<html><body>Hi</body></html>", None, "<html><body>Hi</body></html>"),
        ("<!DOCTYPE x><x/>", None, "<!DOCTYPE x><x/>"),
        ("ä".encode("utf-16"), None, "ä"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", None, None),
        (
            '{"a": NaN, "b": "\\ud800", "c": 1}',
            {"a": None, "b": "\ufffd", "c": 1},
            None,
        ),
    ],
    ids=short_id,
)
async def test_answers(
    bench: Bench,
    server: Server,
    decoder: Any,
    body: Any,
    document: Any,
    text: str | None,
) -> None:
    """JSON and XML come in one shape, anything else as text, if it is text."""
    client = bench.of_server(server, token=bench.token, json_loads=decoder)
    bench.fault(body=body, content_type="Text/Plain; charset=x")

    answer = await client.request("/library/sections")

    assert (answer.status, answer.content_type) == (200, "text/plain")
    assert (answer.document, answer.text) == (document, text)
    assert "Ä" not in repr(answer)
    [request] = bench.requests
    assert (request.method, request.path) == ("GET", "/library/sections")
    assert request.token == bench.token


async def test_what_is_asked(bench: Bench, attic: PlexServerClient) -> None:
    """Method, query, and parameters arrive as they are written."""
    bench.fault(body={})

    await attic.request(
        "/:/scrobble?key=1&a=b%26c", "PUT", {"x": True, "y": [1, "ä&"], "z": 1.5}
    )

    [request] = bench.requests
    assert (request.method, request.path) == ("PUT", "/:/scrobble")
    assert request.query["key"] == "1"
    assert request.query["a"] == "b&c"
    assert (request.query["x"], request.query["z"]) == ("1", "1.5")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_only_reading_is_repeated(
    bench: Bench, attic: PlexServerClient, method: Any
) -> None:
    """A request that may do something twice is sent once."""
    bench.fault(status=503, times=1)
    call = partial(attic.request, "/x", method, retry=QUICK_RETRY)
    await fails(PlexResponseError, call)
    assert len(bench.requests) == 1

    bench.fault(status=503, times=1)
    bench.fault(body={})
    assert await attic.request("/x", retry=QUICK_RETRY)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, PlexAuthenticationError),
        (403, PlexAuthenticationError),
        (404, PlexResponseError),
        (302, PlexResponseError),
        (429, PlexRateLimitError),
        (500, PlexResponseError),
    ],
)
async def test_refusals(
    bench: Bench, attic: PlexServerClient, status: int, error: type[PlexError]
) -> None:
    """Refusals are the errors that they are everywhere, for pictures as well."""
    bench.fault(status=status, times=2)

    await fails(error, attic.request, "/library", status=status)
    await fails(error, download, attic, status=status)

    bench.fault(body=b"abc")
    assert (await attic.request("/library")).text == "abc"
    assert await download(attic) == b"abc"


async def test_long_answers(bench: Bench, server: Server) -> None:
    """4 MiB are read, in the shape of shorter ones; more is an error of its own."""
    client = bench.of_server(server, token=bench.token, json_loads=strict_loads)
    item = '{"title": "' + "x" * 1000 + '"}'
    bench.fault(body=f'{{"list": [{",".join([item] * 4000)}]}}', times=1)
    bench.fault(body=" " * (4 * MIB + 1), times=1)

    answer = await client.request("/library/all")
    assert len(answer.document["list"]) == 4000
    await fails(PlexResponseTooLarge, client.request, "/library/all")


async def test_elements_without_measure(bench: Bench, attic: PlexServerClient) -> None:
    """XML that is nothing but elements is no document."""
    bench.fault(body=f"<a>{'<b/>' * 200_000}</a>", times=2)

    assert (await attic.request("/library/all")).document is None
    await fails_once(PlexResponseTooLarge, attic.get_identity)


# Pictures


async def download(client: PlexServerClient, **options: Any) -> bytes:
    """Return a whole picture."""
    async with client.stream("/picture", **options) as picture:
        return b"".join([chunk async for chunk in picture])


@pytest.mark.parametrize("size", [0, 3, MIB, 16 * MIB])
async def test_picture(bench: Bench, attic: PlexServerClient, size: int) -> None:
    """A picture comes in chunks, and with what a cache needs."""
    bench.fault(
        body=b"x" * size,
        content_type="image/JPEG; x=y",
        headers={"ETag": '"1"'},
    )

    async with attic.stream("/photo/:/transcode", {"width": 100}) as picture:
        body = b"".join([chunk async for chunk in picture])

    assert body == b"x" * size
    assert (picture.status, picture.content_type) == (200, "image/jpeg")
    assert (picture.etag, picture.last_modified) == ('"1"', None)
    assert picture.content_length == size
    [request] = bench.requests
    assert request.query == {"width": "100"}
    assert request.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 200, "action": "endless"}, PlexResponseTooLarge),
        ({"status": 200, "action": "gzip_bomb"}, PlexResponseTooLarge),
        ({"body": b"x" * (16 * MIB + 1)}, PlexResponseTooLarge),
        ({"action": "drop"}, PlexConnectionError),
        ({"action": "truncate"}, PlexConnectionError),
        ({"action": "hang"}, PlexTimeoutError),
        (
            {"body": b"not packed", "headers": {"Content-Encoding": "gzip"}},
            PlexConnectionError,
        ),
    ],
    ids=short_id,
)
async def test_picture_that_fails(
    bench: Bench,
    attic: PlexServerClient,
    fault: dict[str, Any],
    error: type[PlexError],
) -> None:
    """16 MiB is the most, packed or not; whatever else goes wrong is an error as well."""
    timeout = 0.3 if error is PlexTimeoutError else 10
    bench.fault(**fault, times=2)

    await fails(error, partial(download, attic, timeout=timeout))

    bench.simulator.clear_faults()
    assert await attic.get_identity()


async def test_picture_that_nobody_reads(bench: Bench, attic: PlexServerClient) -> None:
    """What is left of a picture doesn't keep its connection; errors of the reader pass."""
    bench.fault(action="endless", status=200, times=1)

    with pytest.raises(LookupError, match="mine"):
        async with attic.stream("/picture"):
            raise LookupError("mine")

    assert await attic.get_identity()


# Paths and parameters


@pytest.mark.parametrize("path", PATHS.pop("allowed"))
def test_paths_that_may_be_asked(path: str) -> None:
    """Ordinary paths are not in the way of the rules."""
    assert checked_path(path).startswith("/")


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        *((path, problem) for problem, paths in PATHS.items() for path in paths),
        ("/" + "x" * 5000, "TOO_LONG"),
    ],
    ids=short_id,
)
async def test_paths_that_may_not(
    bench: Bench, attic: PlexServerClient, path: str, problem: str
) -> None:
    """Nothing is sent for a path that could lead elsewhere, and the error says why."""
    facts = {"problem": PathProblem[problem], "request_sent": False}
    await fails(PlexPathError, attic.request, path, **facts)
    await fails(PlexPathError, attic.stream(path).__aenter__, **facts)

    assert bench.requests == []
    assert await attic.get_identity()


@pytest.mark.parametrize(
    "params",
    [
        "a=b",
        [("a", "b")],
        {1: "b"},
        {"": "b"},
        {"a": None},
        {"a": {"b": "c"}},
        {"a": [["b"]]},
        {"a": "\ud800"},
        pytest.param({"a": 10**5000}, id="huge integer"),
        {"X-Plex-Token": "b"},
        {"x-plex-%74oken": "b"},
        {"url": "/library?X-Plex-Token=b"},
        {"a": "b" * 20_000},
        {"a": ["b"] * 1000},
    ],
    ids=short_id,
)
async def test_parameters_that_may_not(
    bench: Bench, attic: PlexServerClient, params: Any
) -> None:
    """The same holds for parameters that are none, or carry a token."""
    await fails(PlexParamsError, partial(attic.request, "/x", params=params))

    assert bench.requests == []
    assert await attic.get_identity()


pieces = st.sampled_from(
    [
        *"/?#&=;:@%.\\ +,[]",
        "..",
        "//",
        "%2e",
        "%2f",
        "%5c",
        "%00",
        "%0a",
        "%25",
        "\n",
        "\t",
        "example.com",
        "https:",
        "X-Plex-Token",
        "x%2dplex-token",
        "security",
        "ä",
        "．",
        "／",
        "\u2028",
    ]
) | st.text(max_size=4)
some_text = st.lists(pieces, max_size=10).map("".join)
BASE = "https://192.0.2.1:32400/base"


@settings(max_examples=1500, derandomize=True, deadline=None)
@given(
    path=some_text.map("/".__add__) | some_text,
    params=st.dictionaries(some_text, some_text, max_size=2),
)
def test_nothing_leads_elsewhere(path: str, params: Mapping[str, str]) -> None:
    """No path and no parameters reach another host, leave the root, or add a token."""
    sent: list[tuple[URL, Mapping[str, Any]]] = []

    class Session(feed.Session):
        async def request(self, method: str, url: Any, **options: Any) -> feed.Answer:
            pairs = options["params"] or []
            sent.append((url.extend_query(pairs), options["headers"]))
            return self.answer

    session: Any = Session(feed.Answer(200, b"{}"))
    client = api.PlexServerClient(
        session, BASE, client_identifier="fuzz", token="own-token"
    )
    try:
        feed.finish(client.request(path, params=params))
    except PlexAddressError:
        assert sent == []
        return

    [(url, headers)] = sent
    target = urlsplit(str(url))
    assert (target.scheme, target.netloc) == ("https", "192.0.2.1:32400")
    assert target.fragment == ""
    assert target.path.startswith("/base/")
    assert ".." not in target.path.split("/")
    assert "x-plex-token" not in str(url).lower()
    names = [name.lower() for name, _ in parse_qsl(target.query, True)]
    assert "x-plex-token" not in names
    assert headers["X-Plex-Token"] == "own-token"
    assert {*headers} == {
        "Accept",
        "X-Plex-Client-Identifier",
        "X-Plex-Product",
        "X-Plex-Token",
        "Host",
    }
    assert [*checked_params(params)] == [*params.items()]
