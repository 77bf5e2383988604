"""How bodies are read: JSON and XML in whatever form, and what is neither."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from custom_components.plex_account.api import (
    PlexAuthenticationError,
    PlexError,
    PlexResponseError,
    PlexServerClient,
    PlexUnknownSource,
)
from tests.samples import sample
from tests.simulator import Server

from .common import Bench, fails_once, short_id, strict_loads

XML = '<user id="1" uuid="xml" username="ädä"/>'
JSON = '{"id": 1, "uuid": "json", "username": "ädä"}'
DOCTYPE = f"<!DOCTYPE user>{XML}"
ENTITIES = (
    '<!DOCTYPE user [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><user id="1" uuid="&b;"/>'
)
WITH_MARKS = ("utf-8", "utf-8-sig", "utf-16")
DECLARED = {
    "utf-16-le": "utf-16",
    "utf-16-be": "utf-16",
    "latin-1": "iso-8859-1",
}


def encoded() -> Iterator[bytes]:
    """Return one account in every encoding that is read."""
    for encoding in WITH_MARKS:
        yield XML.encode(encoding)
        yield JSON.encode(encoding)
    for encoding, name in DECLARED.items():
        yield f'<?xml version="1.0" encoding="{name}"?>\n{XML}'.encode(encoding)


@pytest.mark.parametrize("decoder", [None, strict_loads])
@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/xml",
        "text/html; charset=ascii",
        "application/json; charset=utf-7",
    ],
)
@pytest.mark.parametrize("body", encoded(), ids=short_id)
async def test_encodings(
    bench: Bench, body: bytes, content_type: str, decoder: Any
) -> None:
    """JSON and XML are recognized by what they are, whatever the header says."""
    client = bench.plex_tv(token="any", json_loads=decoder)
    bench.fault(body=body, content_type=content_type)

    assert (await client.get_token_details()).username == "ädä"


@pytest.mark.parametrize(
    "body",
    [
        *(text.encode(mark) for mark in WITH_MARKS for text in (DOCTYPE, ENTITIES)),
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"<a>" * 100_000,
        b"<a>" * 100_000 + b"</a>" * 100_000,
        b"<a>" * 65 + b"</a>" * 65,
        b'{"id": %s, "uuid": "a"}' % (b"9" * 5000),
        b'{"id": 1, "uuid": "a"',
        b'{"id": 1, "uuid": "a"} {}',
        b'{"id": 1, "uuid": "\xff\xfe"}',
        b'{"id": 1, "uuid": "\\ud800"}',
        b'{"id": NaN, "uuid": "a"}',
        b"\xff\xfe\xff",
        b"\x00",
        b"<user id='1' uuid='a'>",
        b"<user id='1' uuid='a'/><user/>",
        b"<user id='1' uuid='\xff'/>",
        b"<?xml version='1.0' encoding='nonsense'?><user id='1' uuid='a'/>",
        b"<?xml version='1.0' encoding='shift_jis'?><user id='1' uuid='a'/>",
        b"<?xml version='1.0' encoding='utf-16'?><user id='1' uuid='a'/>",
        b"<user id='1' uuid='&nbsp;'/>",
        b"<",
        b"id=1&uuid=a",
    ],
    ids=short_id,
)
async def test_unreadable_bodies(bench: Bench, body: bytes) -> None:
    """A body that is broken, nests too deeply, or could declare entities is refused."""
    bench.fault(body=body, times=1)

    await fails_once(PlexResponseError, bench.client.get_token_details, status=200)


@pytest.mark.parametrize("encoding", [*WITH_MARKS, *DECLARED])
async def test_repaired_xml(bench: Bench, encoding: str) -> None:
    """XML that isn't quite well-formed is repaired in every encoding."""
    name = DECLARED.get(encoding, encoding.removesuffix("-sig"))
    body = f'<?xml version="1.0" encoding="{name}"?><user id="1" uuid="ä & b"/>'
    bench.fault(body=body.encode(encoding))

    assert (await bench.client.get_token_details()).uuid == "ä & b"


async def test_reasonable_nesting(bench: Bench) -> None:
    """What nests less deeply is read."""
    deep = "<a>" * 50 + "</a>" * 50
    bench.fault(body=f'<user id="1" uuid="deep">{deep}</user>')

    assert (await bench.client.get_token_details()).uuid == "deep"


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        pytest.param(operation, body, id=f"{operation}-{short_id(body)}")
        for operation, bodies in sample("odd/unusable").items()
        for body in bodies
    ],
)
async def test_unusable_answers(
    bench: Bench, attic: PlexServerClient, server: Server, operation: str, body: Any
) -> None:
    """An answer of success that doesn't say what was asked for is an error."""
    on_plex_tv = operation in ("get_token_details", "get_resources", "create_pin")
    call = getattr(bench.client if on_plex_tv else attic, operation)
    error = PlexResponseError
    if operation == "get_source_connection_information":
        call = partial(call, f"server://{server.machine_identifier}")
        error = PlexUnknownSource
    bench.fault(status=200, body=body, times=1)

    await fails_once(error, call)


@pytest.mark.parametrize("body", [*sample("odd/refusals"), "[" * 100_000], ids=short_id)
@pytest.mark.parametrize(
    ("status", "error"), [(401, PlexAuthenticationError), (422, PlexResponseError)]
)
async def test_odd_refusals(
    bench: Bench, body: Any, status: int, error: type[PlexError]
) -> None:
    """A refusal is one, whatever its body looks like."""
    bench.fault(status=status, body=body, times=1)

    await fails_once(error, bench.client.get_token_details, status=status, code=None)


@pytest.mark.parametrize("digits", [20, 4000, 5000])
@pytest.mark.parametrize("decoder", [None, strict_loads])
async def test_huge_integers(bench: Bench, digits: int, decoder: Any) -> None:
    """An integer that no machine word holds is left out."""
    client = bench.plex_tv(token="any", json_loads=decoder)
    huge = b"9" * digits
    bench.fault(
        body=b'{"id": 1, "uuid": "a", "homeSize": %s, "joinedAt": %s, "guest": %s,'
        b'"maxHomeSize": "%s", "title": %s}' % ((huge,) * 5)
    )

    details = await client.get_token_details()

    assert (details.home_size, details.max_home_size) == (None, None)
    assert (details.joined_at, details.title) == (None, None)
    assert not details.guest


async def test_attribute_and_child_of_one_name(bench: Bench) -> None:
    """In XML an attribute keeps its name from a child that has the same."""
    bench.fault(
        body='<user id="1" uuid="a" title="Ada"><title>Grace</title><title/></user>'
    )

    assert (await bench.client.get_token_details()).title == "Ada"


@pytest.mark.parametrize("decoder", [None, strict_loads])
async def test_duplicate_keys(bench: Bench, decoder: Any) -> None:
    """Of two equal keys the last one counts, as everywhere."""
    client = bench.plex_tv(token="any", json_loads=decoder)
    bench.fault(body='{"id": 1, "uuid": "first", "uuid": "last"}')

    assert (await client.get_token_details()).uuid == "last"


async def test_decoder(bench: Bench) -> None:
    """A decoder can be passed in; it gets bytes, and what it refuses is no answer."""
    decoded: list[bytes] = []

    def json_loads(body: bytes) -> Any:
        decoded.append(body)
        return strict_loads(body)

    client = bench.plex_tv(token=bench.token, json_loads=json_loads)
    bench.fault(body='{"id": NaN}', times=1)

    await fails_once(PlexResponseError, client.get_token_details, status=200)

    assert decoded[0] == b'{"id": NaN}'
    assert strict_loads(decoded[1])["username"] == "ada"
