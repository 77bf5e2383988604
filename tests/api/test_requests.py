"""Any request to a server: its path, its parameters, its answer, and pictures."""

from collections.abc import Mapping
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
from tests.simulator import Server, Simulator

from .common import QUICK_RETRY, Network, of_server, strict_loads

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")

SECTIONS = {"MediaContainer": {"size": 1, "Directory": [{"key": "1", "title": "Ä"}]}}
SECTIONS_XML = (
    '<MediaContainer size="1"><Directory key="1" title="Ä"/></MediaContainer>'
)
MIB = 1024 * 1024


# Answers


@pytest.mark.parametrize("decoder", [None, strict_loads])
@pytest.mark.parametrize(
    ("body", "document", "text"),
    [
        (SECTIONS, SECTIONS, None),
        (
            SECTIONS_XML,
            {
                "MediaContainer": {
                    "size": "1",
                    "Directory": [{"key": "1", "title": "Ä"}],
                }
            },
            None,
        ),
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
    ids=lambda value: ascii(value)[:30],
)
async def test_answers(
    network: Network,
    simulator: Simulator,
    server: Server,
    token: str,
    decoder: Any,
    body: Any,
    document: Any,
    text: str | None,
) -> None:
    """JSON and XML come in one shape, anything else as text, if it is text."""
    client = of_server(network, server, token=token, json_loads=decoder)
    simulator.fault(
        host=server.machine_identifier, body=body, content_type="Text/Plain; charset=x"
    )

    answer = await client.request("/library/sections")

    assert (answer.status, answer.content_type) == (200, "text/plain")
    assert (answer.document, answer.text) == (document, text)
    assert "Ä" not in repr(answer)
    [request] = server.requests
    assert (request.method, request.path, request.token) == (
        "GET",
        "/library/sections",
        token,
    )


async def test_what_is_asked(
    attic: PlexServerClient, simulator: Simulator, server: Server
) -> None:
    """Method, query and parameters arrive as they are written."""
    simulator.fault(host=server.machine_identifier, body={})

    await attic.request(
        "/:/scrobble?key=1&a=b%26c", "PUT", {"x": True, "y": [1, "ä&"], "z": 1.5}
    )

    [request] = server.requests
    assert (request.method, request.path) == ("PUT", "/:/scrobble")
    assert request.query["key"] == "1"
    assert request.query["a"] == "b&c"
    assert (request.query["x"], request.query["z"]) == ("1", "1.5")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_only_reading_is_repeated(
    attic: PlexServerClient, simulator: Simulator, server: Server, method: Any
) -> None:
    """A request that may do something twice is sent once."""
    simulator.fault(host=server.machine_identifier, status=503, times=1)
    with pytest.raises(PlexResponseError):
        await attic.request("/x", method, retry=QUICK_RETRY)
    assert len(server.requests) == 1

    simulator.fault(host=server.machine_identifier, status=503, times=1)
    simulator.fault(host=server.machine_identifier, body={})
    assert await attic.request("/x", retry=QUICK_RETRY)


REFUSALS = [
    (401, PlexAuthenticationError),
    (403, PlexAuthenticationError),
    (404, PlexResponseError),
    (302, PlexResponseError),
    (429, PlexRateLimitError),
    (500, PlexResponseError),
]


@pytest.mark.parametrize(("status", "error"), REFUSALS)
async def test_refusals(
    attic: PlexServerClient,
    simulator: Simulator,
    server: Server,
    status: int,
    error: type[PlexError],
) -> None:
    """Refusals are the errors that they are everywhere, for pictures as well."""
    simulator.fault(host=server.machine_identifier, status=status, times=2)

    with pytest.raises(error) as refused:
        await attic.request("/library")
    with pytest.raises(error) as refused_picture:
        async with attic.stream("/library/1/thumb/2"):
            raise AssertionError("It was entered")

    assert refused.value.status == refused_picture.value.status == status
    simulator.fault(host=server.machine_identifier, body=b"abc")
    assert (await attic.request("/library")).text == "abc"


async def test_long_answers(
    network: Network, simulator: Simulator, server: Server, token: str
) -> None:
    """4 MiB are read, in the shape of shorter ones; more is an error of its own."""
    client = of_server(network, server, token=token, json_loads=strict_loads)
    item = '{"title": "' + "x" * 1000 + '"}'
    body = f'{{"list": [{",".join([item] * 4000)}]}}'
    simulator.fault(host=server.machine_identifier, body=body, times=1)
    simulator.fault(host=server.machine_identifier, body=" " * (4 * MIB + 1), times=1)

    answer = await client.request("/library/all")
    assert len(answer.document["list"]) == 4000
    with pytest.raises(PlexResponseTooLarge):
        await client.request("/library/all")


async def test_elements_without_measure(
    attic: PlexServerClient, simulator: Simulator, server: Server
) -> None:
    """XML that is nothing but elements is no document."""
    body = f"<a>{'<b/>' * 200_000}</a>"
    simulator.fault(host=server.machine_identifier, body=body, times=2)

    assert (await attic.request("/library/all")).document is None
    with pytest.raises(PlexResponseTooLarge):
        await attic.get_identity()

    assert await attic.get_identity()


# Pictures


async def download(client: PlexServerClient, **options: Any) -> bytes:
    """Return a whole picture."""
    async with client.stream("/picture", **options) as picture:
        return b"".join([chunk async for chunk in picture])


@pytest.mark.parametrize("size", [0, 3, MIB, 16 * MIB])
async def test_picture(
    attic: PlexServerClient, simulator: Simulator, server: Server, size: int
) -> None:
    """A picture comes in chunks, and with what a cache needs."""
    simulator.fault(
        host=server.machine_identifier,
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
    [request] = server.requests
    assert request.query == {"width": "100"}
    assert request.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("action", ["endless", "gzip_bomb", "announced"])
async def test_picture_without_measure(
    attic: PlexServerClient, simulator: Simulator, server: Server, action: Any
) -> None:
    """16 MiB is the most, announced or not, packed or not."""
    fault: dict[str, Any] = {"action": action, "status": 200}
    if action == "announced":
        fault = {"body": b"x" * (16 * MIB + 1)}
    simulator.fault(host=server.machine_identifier, **fault, times=1)

    with pytest.raises(PlexResponseTooLarge):
        await download(attic)

    assert await attic.get_identity()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"action": "drop"}, PlexConnectionError),
        ({"action": "truncate"}, PlexConnectionError),
        ({"action": "hang"}, PlexTimeoutError),
        ({"body": b"not packed", "headers": {"Content-Encoding": "gzip"}}, PlexError),
    ],
    ids=["dropped", "truncated", "hung", "not packed"],
)
async def test_picture_that_breaks_off(
    attic: PlexServerClient,
    simulator: Simulator,
    server: Server,
    fault: dict[str, Any],
    error: type[PlexError],
) -> None:
    """Whatever goes wrong within a picture is an error of the client."""
    simulator.fault(host=server.machine_identifier, **fault, times=2)

    with pytest.raises(error):
        await download(attic, timeout=0.3)

    simulator.clear_faults()
    assert await attic.get_identity()


async def test_picture_that_nobody_reads(
    attic: PlexServerClient, simulator: Simulator, server: Server
) -> None:
    """What is left of a picture doesn't keep its connection; errors of the reader pass."""
    simulator.fault(
        host=server.machine_identifier, action="endless", status=200, times=1
    )

    with pytest.raises(LookupError, match="mine"):
        async with attic.stream("/picture"):
            raise LookupError("mine")

    assert await attic.get_identity()


# Paths and parameters


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/library/sections?type=1&sort=titleSort:desc",
        "/:/scrobble?identifier=com.plexapp.plugins.library&key=1",
        "/photo/:/transcode?url=/library/metadata/1/thumb/2&width=100",
        "/library/metadata/1,2/tree",
        "/library/sections/1/folder/ä b",
        "/a/..b/c...d/.well-known",
        "/a%20b%2Cc%23",
        "/search?query=..%2F..&x=//host",
        "/@host/",
    ],
)
def test_paths_that_may_be_asked(path: str) -> None:
    """Ordinary paths are not in the way of the rules."""
    assert checked_path(path).startswith("/")


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("", PathProblem.NO_LEADING_SLASH),
        ("library", PathProblem.NO_LEADING_SLASH),
        ("https://example.com/", PathProblem.NO_LEADING_SLASH),
        ("?x=/", PathProblem.NO_LEADING_SLASH),
        ("@example.com/", PathProblem.NO_LEADING_SLASH),
        (":80/x", PathProblem.NO_LEADING_SLASH),
        ("//example.com/x", PathProblem.DOUBLE_SLASH),
        ("/x//y", PathProblem.DOUBLE_SLASH),
        ("/\\example.com", PathProblem.BACKSLASH),
        ("/x?y=\\", PathProblem.BACKSLASH),
        ("/x#y", PathProblem.FRAGMENT),
        ("/x?y#", PathProblem.FRAGMENT),
        ("/x\ny", PathProblem.CONTROL_CHARACTER),
        ("/x\0", PathProblem.CONTROL_CHARACTER),
        ("/x\u200by", PathProblem.CONTROL_CHARACTER),
        ("/x\ud800", PathProblem.CONTROL_CHARACTER),
        ("/x%0d%0aX-Y:%20z", PathProblem.CONTROL_CHARACTER),
        ("/x%250a", PathProblem.CONTROL_CHARACTER),
        ("/..", PathProblem.DOT_SEGMENT),
        ("/./x", PathProblem.DOT_SEGMENT),
        ("/x/../security/token", PathProblem.DOT_SEGMENT),
        ("/x/%2e%2E/y", PathProblem.DOT_SEGMENT),
        ("/x/.%2e?y", PathProblem.DOT_SEGMENT),
        ("/x/%252e%252e/y", PathProblem.DOT_SEGMENT),
        ("/x/..;a=b/y", PathProblem.DOT_SEGMENT),
        ("/x/．．/y", PathProblem.DOT_SEGMENT),
        ("/x%2f..%2fy", PathProblem.ENCODED_SEPARATOR),
        ("/x%5cy", PathProblem.ENCODED_SEPARATOR),
        ("/x%252fy", PathProblem.ENCODED_SEPARATOR),
        ("/x?X-Plex-Token=abc", PathProblem.TOKEN),
        ("/x?a=b&x-plex-TOKEN=abc", PathProblem.TOKEN),
        ("/x?%58-Plex%2DToken=abc", PathProblem.TOKEN),
        ("/x?a=%252Fy%253FX-Plex-Token%253Dabc", PathProblem.TOKEN),
        ("/X-Plex-Token=abc", PathProblem.TOKEN),
        ("/x?Ｘ-Plex-Token=abc", PathProblem.TOKEN),
        ("/" + "x" * 5000, PathProblem.TOO_LONG),
    ],
    ids=lambda value: ascii(value)[:40],
)
async def test_paths_that_may_not(
    attic: PlexServerClient, server: Server, path: str, problem: PathProblem
) -> None:
    """Nothing is sent for a path that could lead elsewhere, and the error says why."""
    with pytest.raises(PlexPathError) as refused:
        await attic.request(path)
    with pytest.raises(PlexPathError):
        async with attic.stream(path):
            raise AssertionError("It was entered")

    assert refused.value.problem is problem
    assert not refused.value.request_sent
    assert server.requests == []
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
        {"a": 10**5000},
        {"X-Plex-Token": "b"},
        {"x-plex-%74oken": "b"},
        {"url": "/library?X-Plex-Token=b"},
        {"a": "b" * 20_000},
        {"a": ["b"] * 1000},
    ],
    ids=[*"abcdefghijklmn"],
)
async def test_parameters_that_may_not(
    attic: PlexServerClient, server: Server, params: Any
) -> None:
    """The same holds for parameters that are none, or carry a token."""
    with pytest.raises(PlexParamsError):
        await attic.request("/x", params=params)

    assert server.requests == []
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
