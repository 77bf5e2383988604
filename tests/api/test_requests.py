"""Arbitrary requests to a server: paths, parameters, answers, and pictures."""

from functools import partial
from typing import Any

import pytest

from custom_components.plex_account import api
from tests.samples import FIXTURES, sample
from tests.simulator import Server

from .common import QUICK_RETRY, Bench, fails, fails_once, short_id, strict_loads

MIB = 1024 * 1024
PATHS = sample("odd/paths")
PAGE, DOCUMENT_TYPE = "<html><body>Hi</body></html>", "<!DOCTYPE x><x/>"
ELEMENTS = f"<a>{'<b/>' * 200_000}</a>"


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
        (PAGE, None, PAGE),
        (DOCUMENT_TYPE, None, DOCUMENT_TYPE),
        ("ä".encode("utf-16"), None, "ä"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", None, None),
        ('{"a": NaN, "b": "\\ud800"}', {"a": None, "b": "\ufffd"}, None),
        (ELEMENTS, None, ELEMENTS),
    ],
    ids=short_id,
)
async def test_answers(
    bench: Bench, server: Server, decoder: Any, body: Any, document: Any, text: Any
) -> None:
    """JSON and XML come in the same shape; anything else comes as text, if it is text."""
    client = bench.of_server(server, token=bench.token, json_loads=decoder)
    bench.fault(body=body, content_type="Text/Plain; charset=x")
    answer = await client.request("/library/sections")

    assert (answer.status, answer.content_type) == (200, "text/plain")
    assert (answer.document, answer.text) == (document, text)
    assert "Ä" not in repr(answer)
    [request] = bench.requests
    assert (request.method, request.path) == ("GET", "/library/sections")
    assert request.token == bench.token


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_only_reading_is_repeated(
    bench: Bench, attic: api.PlexServerClient, method: Any
) -> None:
    """A request that may have side effects is sent once."""
    bench.fault(status=503, times=1)
    call = partial(attic.request, "/x", method, retry=QUICK_RETRY)
    await fails(api.PlexResponseError, call)
    assert len(bench.requests) == 1

    bench.fault(status=503, times=1)
    bench.fault(body={})
    assert await attic.request("/x", retry=QUICK_RETRY)


async def test_long_answers(bench: Bench, server: Server) -> None:
    """Up to 4 MiB are read, or 16 MiB of a picture; anything longer is an error."""
    client = bench.of_server(server, token=bench.token, json_loads=strict_loads)
    item = '{"title": "' + "x" * 1000 + '"}'
    bench.fault(body=f'{{"list": [{",".join([item] * 4000)}]}}', times=1)
    answer = await client.request("/library/all")
    assert len(answer.document["list"]) == 4000

    bench.fault(body=" " * (4 * MIB + 1), times=1)
    await fails(api.PlexResponseTooLarge, client.request, "/library/all")
    bench.fault(body=ELEMENTS, times=1)
    await fails_once(api.PlexResponseTooLarge, client.get_identity)
    bench.fault(body=b"x" * (16 * MIB + 1), times=1)
    await fails(api.PlexResponseTooLarge, client.stream("/picture").__aenter__)


@pytest.mark.parametrize("size", [0, 3, MIB, 16 * MIB])
async def test_picture(bench: Bench, attic: api.PlexServerClient, size: int) -> None:
    """A picture is streamed in chunks, along with its caching headers."""
    headers = {"ETag": '"1"'}
    bench.fault(body=b"x" * size, content_type="image/JPEG; x=y", headers=headers)
    async with attic.stream("/photo/:/transcode", {"width": 100}) as picture:
        body = b"".join([chunk async for chunk in picture])

    assert body == b"x" * size
    assert (picture.status, picture.content_type) == (200, "image/jpeg")
    assert (picture.etag, picture.last_modified) == ('"1"', None)
    assert picture.content_length == size
    [request] = bench.requests
    assert request.query == {"width": "100"}
    assert request.headers["Accept-Encoding"] == "identity"


async def test_picture_that_nobody_reads(
    bench: Bench, attic: api.PlexServerClient
) -> None:
    """An unread picture doesn't occupy its connection; the reader's errors propagate."""
    bench.fault(action="endless", status=200, times=1)
    with pytest.raises(LookupError, match="mine"):
        async with attic.stream("/picture"):
            raise LookupError("mine")
    assert await attic.get_identity()


@pytest.mark.parametrize("path", PATHS.pop("allowed"))
def test_paths_that_may_be_asked(path: str) -> None:
    """The rules don't get in the way of ordinary paths."""
    assert api.checked_path(path).startswith("/")


PATHS["TOO_LONG"] = ["/" + "x" * 5000]
PARAMS: list[Any] = [
    *("a=b", [("a", "b")], {1: "b"}, {"": "b"}, {"a": None}),
    *({"a": {"b": "c"}}, {"a": [["b"]]}, {"a": "\ud800"}),
    *({"X-Plex-Token": "b"}, {"x-plex-%74oken": "b"}),
    *({"url": "/library?X-Plex-Token=b"}, {"a": "b" * 20_000}, {"a": ["b"] * 1000}),
]


@pytest.mark.parametrize(
    ("path", "params", "problem"),
    [
        *((path, None, name) for name, paths in PATHS.items() for path in paths),
        *(("/x", params, None) for params in PARAMS),
        pytest.param("/x", {"a": 10**5000}, None, id="huge integer"),
    ],
    ids=short_id,
)
async def test_what_may_not_be_asked(
    bench: Bench, attic: api.PlexServerClient, path: str, params: Any, problem: Any
) -> None:
    """Nothing is sent for a path that could lead elsewhere, and the error says why.

    The same applies to invalid parameters and to parameters with a token.
    """
    error = api.PlexPathError if problem else api.PlexParamsError
    facts = {"problem": api.PathProblem[problem]} if problem else {}
    call = partial(attic.request, path, params=params)
    await fails(error, call, request_sent=False, **facts)
    await fails(error, attic.stream(path, params).__aenter__, **facts)
    assert bench.requests == []
    assert await attic.get_identity()
