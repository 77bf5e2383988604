"""How any body is read, at what cost, and what errors reveal about it."""

from contextlib import suppress
from functools import partial
import gzip
from time import process_time
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from custom_components.plex_account import api
from tests.samples import sample
from tests.simulator import Server

from .common import (
    CODE,
    PASSWORD,
    Bench,
    assert_frames_are_safe,
    assert_safe,
    error_body,
    fails_once,
    short_id,
    strict_loads,
)

XML = '<user id="1" uuid="xml" username="ädä"/>'
JSON = '{"id": 1, "uuid": "json", "username": "ädä"}'
DOCTYPE = f"<!DOCTYPE user>{XML}"
ENTITIES = (
    '<!DOCTYPE user [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><user id="1" uuid="&b;"/>'
)
WITH_MARKS = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "utf-16": "utf-16"}
DECLARED = {"utf-16-le": "utf-16", "utf-16-be": "utf-16", "latin-1": "iso-8859-1"}

SIGN_IN, SOURCE = "post_users_sign_in_data", "get_source_connection_information"
UNUSABLE = sample("odd/unusable")
UNUSABLE["get_token_details"] += [
    *(text.encode(mark) for mark in WITH_MARKS for text in (DOCTYPE, ENTITIES)),
    *(b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000),
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    *(b"<a>" * 100_000, b"<a>" * 100_000 + b"</a>" * 100_000),
    b"<a>" * 65 + b"</a>" * 65,
    b'{"id": %s, "uuid": "a"}' % (b"9" * 5000),
    *(b"\xff\xfe\xff", b"\x00", b'{"id": 1, "uuid": "\xff\xfe"}'),
    b"<user id='1' uuid='\xff'/>",
]
CONTENT_TYPES = ("application/json", "application/xml", "text/html; charset=ascii")
OTHER_CHARSET = "application/json; charset=utf-7"


@pytest.mark.parametrize(
    ("operation", "body"),
    [(name, body) for name, bodies in UNUSABLE.items() for body in bodies],
    ids=short_id,
)
async def test_unusable_answers(
    bench: Bench, attic: api.PlexServerClient, server: Server, operation: str, body: Any
) -> None:
    """A successful answer that can't be read or lacks the requested data is an error."""
    call: Any = getattr(bench.client, operation, None) or getattr(attic, operation)
    source = f"server://{server.machine_identifier}"
    arguments = {SOURCE: (source,), SIGN_IN: ("ada", PASSWORD, CODE)}.get(operation, ())
    error = api.PlexUnknownSource if operation == SOURCE else api.PlexResponseError
    facts = {} if operation in (SIGN_IN, "create_pin") else {"status": 200}
    bench.fault(status=200, body=body, times=1)
    await fails_once(error, call, *arguments, **facts)


LOCKED = "Sign in has been temporarily disabled: too many failed attempts"
REFUSALS: list[tuple[int, Any, int | None, type[api.PlexError]]] = [
    *(
        (401, error_body(code, LOCKED), code, api.PlexTooManyAttempts)
        for code in (None, 1001, 4711)
    ),
    (498, {}, None, api.PlexAuthenticationError),
    *(
        (422, body, None, api.PlexAuthenticationError)
        for body in sample("odd/no-token")
    ),
]
for odd in (*sample("odd/refusals"), "[" * 100_000):
    REFUSALS.append((401, odd, None, api.PlexAuthenticationError))
    REFUSALS.append((422, odd, None, api.PlexResponseError))


@pytest.mark.parametrize(("status", "body", "code", "error"), REFUSALS, ids=short_id)
async def test_refusals(
    bench: Bench, status: int, body: Any, code: int | None, error: type[api.PlexError]
) -> None:
    """A refusal is recognized whatever its body is, and a lock by its wording.

    An expired token is 498; some endpoints return 422, in one of several forms.
    """
    bench.fault(status=status, body=body, times=1)
    await fails_once(error, bench.client.get_token_details, status=status, code=code)


NESTED = "<a>" * 50 + "</a>" * 50
NAMED_ALIKE = "<title>Grace</title><title/>"
HUGE = '{"id": 1, "uuid": "a", "homeSize": N, "joinedAt": N, "guest": N, "title": N,'
HUGE += ' "maxHomeSize": "N"}'
LEFT_OUT = dict.fromkeys(("home_size", "max_home_size", "joined_at", "title"))
TITLED, UNTITLED = {"uuid": "a", "title": "Ada"}, {"title": None}
DECLARATION, REPAIRED = (
    '<?xml version="1.0" encoding="%s"?>\n',
    '<user id="1" uuid="ä & b"/>',
)
NAMED = {"username": "ädä"}


@pytest.mark.parametrize("decoder", [None, strict_loads])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        *((text.encode(mark), NAMED) for mark in WITH_MARKS for text in (XML, JSON)),
        *(
            ((DECLARATION % name + XML).encode(encoding), NAMED)
            for encoding, name in DECLARED.items()
        ),
        (f'<user id="1" uuid="deep">{NESTED}</user>', UNTITLED | {"uuid": "deep"}),
        (f'<user id="1" uuid="a" title="Ada">{NAMED_ALIKE}</user>', TITLED),
        ('{"id": 1, "uuid": "first", "uuid": "last"}', UNTITLED | {"uuid": "last"}),
        ('{"id": 1, "uuid": "a", "title": "A\xa0da"}', TITLED | {"title": "A da"}),
        ('{"id": 1, "uuid": "long"}'.ljust(1024 * 1024), UNTITLED | {"uuid": "long"}),
        *(
            (HUGE.replace("N", "9" * digits), LEFT_OUT | {"guest": False})
            for digits in (20, 4000, 5000)
        ),
        *(
            ((DECLARATION % name + REPAIRED).encode(encoding), {"uuid": "ä & b"})
            for encoding, name in (WITH_MARKS | DECLARED).items()
        ),
    ],
    ids=short_id,
)
async def test_what_counts(
    bench: Bench, body: str | bytes, expected: dict[str, Any], decoder: Any
) -> None:
    """JSON and XML are recognized by content, whatever the header says.

    Deep nesting and nearly well-formed XML are accepted. Attributes win over elements,
    and the last of duplicate keys wins. Any kind of space becomes a plain one. An
    integer that doesn't fit into a machine word is ignored.
    """
    client = bench.plex_tv(token="any", json_loads=decoder)
    for content_type in (*CONTENT_TYPES, OTHER_CHARSET):
        bench.fault(body=body, content_type=content_type, times=1)
        details = await client.get_token_details()
        assert {name: getattr(details, name) for name in expected} == expected


async def test_decoder(bench: Bench, server: Server) -> None:
    """A custom decoder gets bytes, and whatever it rejects is an error.

    Nothing on the front page is needed, so it isn't decoded.
    """
    decoder = Mock(side_effect=strict_loads)
    client = bench.plex_tv(token=bench.token, json_loads=decoder)
    bench.fault(body='{"id": NaN}', times=1)
    await fails_once(api.PlexResponseError, client.get_token_details, status=200)
    attic = bench.of_server(server, token=bench.token, json_loads=decoder)
    await attic.check_token()
    assert await attic.get_identity()

    [[refused], [taken], [identity]] = [one.args for one in decoder.call_args_list]
    assert refused == b'{"id": NaN}'
    assert strict_loads(taken)["username"] == "ada"
    assert b"machineIdentifier" in identity


async def test_elements_in_answers_to_probes(
    bench: Bench, attic: api.PlexServerClient
) -> None:
    """Answers of a megabyte each, compressed to a kilobyte, are abandoned early."""
    body = gzip.compress(
        f"<MediaContainer>{'<a/>' * 240_000}</MediaContainer>".encode()
    )
    packed = {"Content-Encoding": "gzip"}
    bench.fault(body=body, content_type="text/xml", headers=packed)
    started = process_time()
    for probe in (attic.get_identity, attic.check_token) * 24:
        with suppress(api.PlexResponseError):
            await probe()
    assert process_time() - started < 1


# Errors: what they reveal, and what they never reveal

TOKEN = "token-to-be-kept"
MESSAGE = "message-to-be-kept"
HEADER = "header-to-be-kept"
ECHO = {"X-Echo": HEADER}
FACTS = {"status": 401, "code": 1029, "message": MESSAGE, "content_type": HEADER}
FAMILIES = {
    "Error": "AuthenticationError ConnectionError RateLimitError ResponseError",
    "ConnectionError": "AddressError CertificateError TimeoutError Unreachable",
    "AddressError": "ParamsError PathError",
    "AuthenticationError": "EmailRequired InvalidCode TooManyAttempts TwoFactorRequired",
    "ResponseError": "Maintenance ResponseTooLarge UnknownSource",
}
WITH_OTHER_FACTS = {"AddressError", "ParamsError", "PathError", "Unreachable"}


def kind(name: str) -> type[api.PlexError]:
    """Return an error class by its name without the Plex prefix."""
    return getattr(api, f"Plex{name}")


async def test_facts_of_an_answer(bench: Bench) -> None:
    """The text has status and code; everything else is available as attributes."""
    bench.fault(status=401, body=error_body(1029, MESSAGE), headers=ECHO, times=1)
    call = partial(bench.stranger.post_users_sign_in_data, "ada", PASSWORD, CODE)
    facts = FACTS | {"content_type": "application/json", "retry_after": None}
    error = await fails_once(api.PlexTwoFactorRequired, call, **facts)

    assert "401" in str(error)
    assert "1029" in str(error)
    assert error.headers is not None
    assert error.headers["x-echo"] == HEADER


async def test_frames(bench: Bench, server: Server) -> None:
    """The frames of errors raised outside the client contain no secret.

    Neither do those of an answer that breaks off while it is streamed.
    """
    moody = AsyncMock(side_effect=[LookupError("1"), LookupError("2"), bench.token])
    client = bench.of_server(server, token=moody)
    stream = client.stream("/", headers=ECHO).__aenter__
    for call in partial(client.request, "/", headers=ECHO), stream:
        with pytest.raises(LookupError) as failed:
            await call()
        assert_frames_are_safe(failed.value)
    await client.check_token()

    client = bench.of_server(server, token=TOKEN)
    bench.fault(status=200, action="truncate", times=1)
    streamed = client.stream("/picture", headers=ECHO)
    async with streamed as picture:
        with pytest.raises(api.PlexConnectionError) as broken:
            _ = [chunk async for chunk in picture]
    assert_frames_are_safe(broken.value)
    shown = repr([streamed, picture, client, vars(client)])
    assert HEADER not in shown
    assert TOKEN not in shown
    assert await client.get_identity()


@pytest.mark.parametrize(
    "name", sorted({"Error", *" ".join(FAMILIES.values()).split()} - WITH_OTHER_FACTS)
)
def test_text_of_every_error(name: str) -> None:
    """Text and repr never contain anything unsafe."""
    facts: Any = FACTS | {"headers": {"Retry-After": HEADER}}
    if issubclass(kind(name), api.PlexConnectionError):
        facts = {"request_sent": True}
    error = kind(name)("Failed", **facts)
    assert_safe(error)
    assert str(error).startswith("Failed")


@pytest.mark.parametrize("parent", FAMILIES)
def test_families(parent: str) -> None:
    """Catching a parent class catches its subclasses, but not its siblings."""
    children = {
        name
        for name in api.__all__
        if getattr(getattr(api, name), "__base__", None) is kind(parent)
    }
    assert children == {f"Plex{name}" for name in FAMILIES[parent].split()}
