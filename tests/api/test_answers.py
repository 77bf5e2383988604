"""How bodies are read: JSON and XML in whatever form, and what is neither."""

from functools import partial
from typing import Any
from unittest.mock import Mock

import pytest

from custom_components.plex_account import api
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
DECLARED = {"utf-16-le": "utf-16", "utf-16-be": "utf-16", "latin-1": "iso-8859-1"}

UNUSABLE = sample("odd/unusable").items()
CONTENT_TYPES = ("application/json", "application/xml", "text/html; charset=ascii")
OTHER_CHARSET = "application/json; charset=utf-7"

decoders = pytest.mark.parametrize("decoder", [None, strict_loads])


@decoders
@pytest.mark.parametrize("content_type", [*CONTENT_TYPES, OTHER_CHARSET])
@pytest.mark.parametrize(
    "body",
    [
        *(text.encode(mark) for mark in WITH_MARKS for text in (XML, JSON)),
        *(
            f'<?xml version="1.0" encoding="{name}"?>\n{XML}'.encode(encoding)
            for encoding, name in DECLARED.items()
        ),
    ],
    ids=short_id,
)
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
        *(b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000),
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        *(b"<a>" * 100_000, b"<a>" * 100_000 + b"</a>" * 100_000),
        b"<a>" * 65 + b"</a>" * 65,
        b'{"id": %s, "uuid": "a"}' % (b"9" * 5000),
        *(b"\xff\xfe\xff", b"\x00", b'{"id": 1, "uuid": "\xff\xfe"}'),
        b"<user id='1' uuid='\xff'/>",
    ],
    ids=short_id,
)
async def test_unreadable_bodies(bench: Bench, body: bytes) -> None:
    """A body that is broken, nests too deeply, or could declare entities is refused."""
    bench.fault(body=body, times=1)
    await fails_once(api.PlexResponseError, bench.client.get_token_details, status=200)


@pytest.mark.parametrize("encoding", [*WITH_MARKS, *DECLARED])
async def test_repaired_xml(bench: Bench, encoding: str) -> None:
    """XML that isn't quite well-formed is repaired in every encoding."""
    name = DECLARED.get(encoding, encoding.removesuffix("-sig"))
    body = f'<?xml version="1.0" encoding="{name}"?><user id="1" uuid="ä & b"/>'
    bench.fault(body=body.encode(encoding))
    assert (await bench.client.get_token_details()).uuid == "ä & b"


@pytest.mark.parametrize(
    ("operation", "body"),
    [(name, body) for name, bodies in UNUSABLE for body in bodies],
    ids=short_id,
)
async def test_unusable_answers(
    bench: Bench, attic: api.PlexServerClient, server: Server, operation: str, body: Any
) -> None:
    """An answer of success that doesn't say what was asked for is an error."""
    call: Any = getattr(bench.client, operation, None) or getattr(attic, operation)
    error, facts = api.PlexResponseError, {"status": 200}
    if operation == "create_pin":
        facts = {}
    if operation == "get_source_connection_information":
        call = partial(call, f"server://{server.machine_identifier}")
        error = api.PlexUnknownSource
    bench.fault(status=200, body=body, times=1)

    await fails_once(error, call, **facts)


@pytest.mark.parametrize("body", [*sample("odd/refusals"), "[" * 100_000], ids=short_id)
@pytest.mark.parametrize(
    ("status", "error"),
    [(401, api.PlexAuthenticationError), (422, api.PlexResponseError)],
)
async def test_odd_refusals(
    bench: Bench, body: Any, status: int, error: type[api.PlexError]
) -> None:
    """A refusal is one, whatever its body looks like."""
    bench.fault(status=status, body=body, times=1)
    await fails_once(error, bench.client.get_token_details, status=status, code=None)


@decoders
@pytest.mark.parametrize("digits", [20, 4000, 5000])
async def test_huge_integers(bench: Bench, digits: int, decoder: Any) -> None:
    """An integer that no machine word holds is left out."""
    huge = "9" * digits
    numbers = (
        f'"homeSize": {huge}, "joinedAt": {huge}, "guest": {huge}, "title": {huge}'
    )
    bench.fault(body=f'{{"id": 1, "uuid": "a", {numbers}, "maxHomeSize": "{huge}"}}')
    client = bench.plex_tv(token="any", json_loads=decoder)
    details = await client.get_token_details()

    assert (details.home_size, details.max_home_size) == (None, None)
    assert (details.joined_at, details.title) == (None, None)
    assert not details.guest


NESTED = "<a>" * 50 + "</a>" * 50
NAMED_ALIKE = "<title>Grace</title><title/>"


@decoders
@pytest.mark.parametrize(
    ("body", "uuid", "title"),
    [
        (f'<user id="1" uuid="deep">{NESTED}</user>', "deep", None),
        (f'<user id="1" uuid="a" title="Ada">{NAMED_ALIKE}</user>', "a", "Ada"),
        ('{"id": 1, "uuid": "first", "uuid": "last"}', "last", None),
        ('{"id": 1, "uuid": "a", "title": "A\xa0da"}', "a", "A da"),
        ('{"id": 1, "uuid": "longest"}'.ljust(1024 * 1024), "longest", None),
    ],
    ids=short_id,
)
async def test_what_counts(
    bench: Bench, body: str, uuid: str, title: str | None, decoder: Any
) -> None:
    """Deep is fine; an attribute counts, of keys the last; any space is a plain one."""
    client = bench.plex_tv(token="any", json_loads=decoder)
    bench.fault(body=body)
    details = await client.get_token_details()
    assert (details.uuid, details.title) == (uuid, title)


async def test_decoder(bench: Bench) -> None:
    """A decoder can be passed in; it gets bytes, and what it refuses is no answer."""
    decoder = Mock(side_effect=strict_loads)
    client = bench.plex_tv(token=bench.token, json_loads=decoder)
    bench.fault(body='{"id": NaN}', times=1)
    await fails_once(api.PlexResponseError, client.get_token_details, status=200)

    [[refused], [taken]] = [one.args for one in decoder.call_args_list]
    assert refused == b'{"id": NaN}'
    assert strict_loads(taken)["username"] == "ada"
