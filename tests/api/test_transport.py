"""How requests are sent: retries, timeouts, limits, TLS, and where secrets never go."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from typing import Any
from unittest.mock import AsyncMock, patch
from uuid import UUID

import aiohttp
import pytest

from custom_components.plex_account import api
from tests.fuzz.feed import OPERATIONS
from tests.samples import sample
from tests.simulator import Server

from .common import (
    CLIENT_IDENTIFIER,
    CODE,
    IDENTITY_HEADERS,
    PASSWORD,
    QUICK_RETRY,
    Bench,
    assert_frames_are_safe,
    fails,
    fails_once,
    sent_with,
    short_id,
)

NO_RETRY = replace(QUICK_RETRY, strategy="none")
WITHOUT_BROKEN = replace(QUICK_RETRY, retry_connection_errors=False)
AN_HOUR = 3_600_000
ADDRESSES = sample("odd/addresses")
SIGN_IN, ADA = "post_users_sign_in_data", ("ada", PASSWORD, CODE)


def retrying(bench: Bench, **options: Any) -> api.PlexTvClient:
    """Return a client that retries immediately unless configured otherwise."""
    return bench.plex_tv(token=bench.token, retry=replace(QUICK_RETRY, **options))


# Retries


STATUSES = (429, 500, 502, 503, 504)
STATUSES_ONLY = {"retry_connection_errors": False}
AT_ONCE = {"status": 429, "headers": {"Retry-After": "0"}, "times": 3}
LONG = dict.fromkeys(("exponent", "max_interval", "max_elapsed_time"), AN_HOUR)


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        *(({"status": one, "times": 3}, STATUSES_ONLY) for one in STATUSES),
        ({"action": "truncate", "times": 2}, {}),
        ({"action": "hang", "times": 1}, {}),
        (AT_ONCE, {"initial_interval": 1, **LONG}),
    ],
    ids=str,
)
async def test_what_is_tried_again(bench: Bench, fault: Any, options: Any) -> None:
    """These statuses are temporary, and a new connection may work better.

    The wait requested by the answer takes precedence over the configured one.
    """
    timeout = 0.4 if fault.get("action") == "hang" else None
    bench.fault(**fault)
    details = await retrying(bench, **options).get_token_details(timeout=timeout)
    assert details.uuid == bench.account.uuid
    assert len(bench.requests) == fault["times"] + 1


BUSY, BROKEN = {"status": 503}, {"action": "truncate"}
IN_A_SECOND = api.RetryConfig("backoff", 1000, AN_HOUR, max_elapsed_time=999)
TOO_LONG = {"status": 200, "body": '{"id": 1, "uuid": "a"}'.ljust(1024 * 1024 + 1)}
UNUSABLE = [{"status": 200, "body": body} for body in ("nonsense", "[]")]
FINAL = [{"status": number} for number in (302, 400, 403, 404, 408, 422, 501, 505)]


@pytest.mark.parametrize(
    ("retry", "of_call", "fault", "error"),
    [
        (None, None, BUSY, api.PlexResponseError),
        (NO_RETRY, None, BUSY, api.PlexResponseError),
        (QUICK_RETRY, NO_RETRY, BUSY, api.PlexResponseError),
        (IN_A_SECOND, None, BUSY, api.PlexResponseError),
        (WITHOUT_BROKEN, None, BROKEN, api.PlexConnectionError),
        (QUICK_RETRY, None, TOO_LONG, api.PlexResponseTooLarge),
        (QUICK_RETRY, None, {"status": 401}, api.PlexAuthenticationError),
        (QUICK_RETRY, None, {"status": 498}, api.PlexAuthenticationError),
        *((QUICK_RETRY, None, one, api.PlexResponseError) for one in UNUSABLE + FINAL),
    ],
    ids=short_id,
)
async def test_one_try(
    bench: Bench, retry: Any, of_call: Any, fault: Any, error: type[api.PlexError]
) -> None:
    """There is one try by default, with the strategy "none", and if a call asks for it.

    Other refusals and unusable answers would only be repeated. Connection errors can be
    configured as final, and a retry that would start too late isn't waited for.
    """
    options = {"retry": retry} if retry else {}
    client = bench.plex_tv(token=bench.token, **options)
    bench.fault(**fault, times=1)
    call = partial(client.get_token_details, retry=of_call)
    await fails_once(error, call, status=fault.get("status"))
    assert len(bench.requests) == 2


async def test_a_call_may_retry(bench: Bench, server: Server) -> None:
    """A call's configuration takes precedence; clients of servers have one, too."""
    bench.fault(status=503, times=1)
    assert await bench.client.get_token_details(retry=QUICK_RETRY)
    assert len(bench.requests) == 2

    bench.fault(status=503, times=2)
    attic = bench.of_server(server, token=bench.token, retry=QUICK_RETRY)
    assert await attic.get_transient_token()
    assert [one.method for one in server.requests] == ["POST"] * 3


async def test_time_is_up(bench: Bench) -> None:
    """No try starts after max_elapsed_time, and the error is that of the last try."""
    call = retrying(bench, max_elapsed_time=300).get_token_details
    bench.fault(status=500, times=1)
    limited = bench.simulator.rate_limit()
    await fails(api.PlexRateLimitError, call, code=1003)
    assert [one.status for one in bench.requests[:2]] == [500, 429]
    limited.remove()
    assert await call()


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("0", 0.5),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0.5),
        ("7", 7),
        ("3600", 60),
        ("9" * 400, 60),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60),
    ],
)
def test_retry_after_is_capped(retry_after: str, seconds: float) -> None:
    """There is always a pause, and no server can make a client wait beyond max_interval."""
    busy = api.PlexError("Busy", headers={"Retry-After": retry_after})
    assert api.RetryConfig().wait(3, busy) == seconds
    assert api.RetryConfig(initial_interval=AN_HOUR).wait(3, busy) == max(1, seconds)


@pytest.mark.parametrize(
    ("tries", "exponent", "least"),
    [
        *((0, 3, 1), (1, 3, 3), (2, 3, 9), (3, 3, 27), (4, 3, 60), (5000, 3, 60)),
        (10_000, 1.5, 60),  # the power overflows any number
    ],
)
def test_wait(tries: int, exponent: float, least: float) -> None:
    """The wait grows exponentially, with up to a second of jitter, and is capped.

    Clients that failed together don't retry together.
    """
    retry = api.RetryConfig(initial_interval=1000.0, exponent=exponent)
    waits = {retry.wait(tries, api.PlexError("Busy")) for _ in range(50)}
    assert all(least <= wait <= min(least + 1, 60) for wait in waits)
    assert (len(waits) > 1) is (least < 60)


def test_default_intervals() -> None:
    """The default intervals are those of the SDKs."""
    assert api.RetryConfig() == api.RetryConfig(
        "backoff", 500, 60_000, 1.5, AN_HOUR, True
    )


# Options that a call may override


async def test_headers_of_a_call(bench: Bench) -> None:
    """A call's headers are added, and replace the client's regardless of case."""
    headers = {"X-Trace": "abc", "X-Plex-Product": "Other", "accept": "application/xml"}
    call = bench.client.get_token_details
    await call(headers=headers)
    await call()
    token = {"X-Plex-Token": "other"}
    await fails(api.PlexAuthenticationError, partial(call, headers=token))

    first, second, third = bench.requests
    assert sent_with(first.headers, headers) == headers
    assert [name.lower() for name in first.headers].count("accept") == 1
    assert first.client_identifier == CLIENT_IDENTIFIER
    assert "X-Trace" not in second.headers
    assert second.headers["X-Plex-Product"] == "Plex Account tests"
    assert third.token == "other"


async def test_address_of_a_call(bench: Bench, server: Server) -> None:
    """A call may use another URL than the client's, with or without a trailing slash.

    An address is dialed in place of DNS, but a local name only if the address is local.
    """
    shed = await bench.simulator.add_server(owner=bench.account, host="127.0.0.2")
    client = bench.of_server(server, address=ip_address("127.0.0.1"))
    there = await client.get_identity(server_url=shed.url)
    back = await client.get_identity(server_url=None)
    assert there.machine_identifier == shed.machine_identifier
    assert back.machine_identifier == server.machine_identifier
    elsewhere = {"address": ip_address("192.0.2.1"), "token": bench.token}
    client = bench.of_server(server, f"http://localhost:{server.port}", **elsewhere)
    await fails(api.PlexAddressError, client.check_token)
    assert bench.dialled == ["127.0.0.2", "127.0.0.1"]
    await client.check_token(server_url=server.connections[0].uri)

    lost = bench.plex_tv(token=bench.token, server_url="https://nowhere.invalid")
    assert await lost.get_token_details(server_url=bench.simulator.url + "/")
    assert bench.requests[-1].path == "/user"


async def test_timeout_of_a_call(bench: Bench) -> None:
    """A client may have a timeout of its own, which a call can shorten or extend."""
    hurried = bench.plex_tv(token=bench.token, timeout=0.05).get_token_details
    call = bench.client.get_token_details
    slow = bench.fault(delay=0.1)
    await fails(api.PlexTimeoutError, hurried, request_sent=True)
    await fails(api.PlexTimeoutError, partial(call, timeout=0.05), request_sent=True)

    assert await hurried(timeout=5)
    assert slow.hits == 3


@pytest.mark.parametrize(
    "options",
    [
        *({"server_url": url} for url in ADDRESSES["cannot be dialled"]),
        {"headers": {"X-Trace": "to-be-kept\r\nX-Other: b"}},
        {"headers": {"X Trace\n": "a"}},
        {"headers": {"X-Trace": "a\0b"}},
    ],
    ids=str,
)
async def test_invalid_addresses(bench: Bench, options: Any) -> None:
    """Invalid URLs and header injections are rejected before dialing, whatever `retry` says."""
    call = partial(bench.client.get_token_details, retry=api.RetryConfig(), **options)
    await fails(api.PlexAddressError, call, request_sent=False)
    assert bench.dialled == []
    assert await bench.client.get_token_details()


@pytest.mark.parametrize("action", ["hang", "trickle"])
async def test_cancelled_call(bench: Bench, action: Any) -> None:
    """A canceled call ends like any other task, even within the body.

    The frames of the cancellation contain no secret, either.
    """
    sign_in = partial(bench.client.post_users_sign_in_data, *ADA)
    calls: list[Any] = [bench.client.get_token_details, sign_in]
    for number, call in enumerate(calls):
        hanging = bench.fault(action=action)
        with pytest.raises(TimeoutError) as late:
            async with asyncio.timeout(0.1):
                await call(retry=QUICK_RETRY, headers={"X-Echo": "to-be-kept"})

        assert_frames_are_safe(late.value)
        assert isinstance(late.value.__cause__, asyncio.CancelledError)
        assert len(bench.requests) == 2 * number + 1
        hanging.remove()
        assert await call()


async def test_requests_can_be_watched(bench: Bench) -> None:
    """The owner of the session can trace what is sent over it."""
    tracing = aiohttp.TraceConfig()
    tracing.on_request_start.append(watch := AsyncMock())
    tracing.freeze()
    bench.network.session.trace_configs.append(tracing)
    await bench.client.get_token_details()

    watch.assert_awaited_once()
    _, _, request = watch.await_args.args
    assert (request.method, request.url.path) == ("GET", "/api/v2/user")


# Tokens


async def test_token_from_a_function(bench: Bench) -> None:
    """A token function is called again before every try.

    It may return None, in which case no token is sent. Its exceptions reach the caller.
    """
    tokens = [
        bench.simulator.sign_in(bench.account, CLIENT_IDENTIFIER) for _ in range(3)
    ]
    bad = [None, "", "to-be-kept\r\n", LookupError("no token today")]
    function = AsyncMock(side_effect=[*tokens, *bad, bench.token])
    client = bench.plex_tv(token=function, retry=QUICK_RETRY)
    bench.fault(status=503, times=1)
    await client.get_token_details()
    await client.ping()
    assert [one.token for one in bench.requests] == tokens

    for _ in range(2):
        await fails(api.PlexAuthenticationError, client.get_token_details)
        assert "X-Plex-Token" not in bench.requests[-1].headers
    await fails(api.PlexAddressError, client.get_token_details)
    with pytest.raises(LookupError, match="no token today"):
        await client.get_token_details()
    assert len(bench.requests) == 5
    assert await client.get_token_details()


# Redirects, limits, connections


async def test_session_that_refuses_redirects_itself(bench: Bench) -> None:
    """A session that raises its own error for redirects gives the same result."""
    redirect = aiohttp.ClientError("Redirect to http://127.0.0.1/to-be-kept")
    with patch.object(aiohttp.ClientSession, "request", side_effect=redirect):
        await fails(api.PlexResponseError, bench.client.get_token_details)
    assert await bench.client.get_token_details()


async def test_dropped_answer(bench: Bench) -> None:
    """A dropped connection is an error. The HTTP library repeats the request once at most."""
    bench.fault(action="drop", times=2)
    call = bench.client.get_token_details
    await fails_once(api.PlexConnectionError, call, request_sent=True)
    assert len(bench.requests) == 3


async def test_server_that_speaks_no_tls(bench: Bench) -> None:
    """A server that doesn't speak TLS receives nothing."""
    plain = await bench.simulator.add_server(owner=bench.account)
    client = bench.of_server(plain, plain.url.replace("http", "https"), token="x")
    await fails(api.PlexConnectionError, client.check_token, request_sent=False)
    assert bench.requests == []
    in_the_open = partial(client.check_token, server_url=plain.url)
    await fails(api.PlexAuthenticationError, in_the_open)


# TLS


@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
async def test_plex_direct_without_dns(bench: Bench, host: str, tls: bool) -> None:
    """A plex.direct name contains its address; plain HTTP is fine on this machine."""
    server = await bench.simulator.add_server(owner=bench.account, host=host, tls=tls)
    uri = server.connections[0].uri
    assert uri.endswith(f".plex.direct:{server.port}") is tls
    await bench.of_server(server, token=bench.token).check_token()

    [request] = server.requests
    assert request.secure is tls
    assert uri.endswith(f"://{request.headers['Host']}")
    assert bench.dialled == [host]


async def test_certificate_of_another_name(bench: Bench, server: Server) -> None:
    """A host without a certificate for the name receives nothing, even on a kept connection."""
    retry = api.RetryConfig(initial_interval=0, max_interval=1, max_elapsed_time=0)
    client = bench.of_server(server, token=bench.token, retry=retry)
    server.renew_certificate()
    mint = client.get_transient_token
    await fails(api.PlexCertificateError, mint, request_sent=False)
    assert bench.requests == []

    await mint(server_url=server.connections[0].uri)
    other = f"https://127-0-0-1.{'0' * 32}.plex.direct:{server.port}"
    for url in (other, server.url):
        call = partial(client.check_token, server_url=url)
        await fails(api.PlexCertificateError, call)
    assert len(bench.requests) == 1
    await client.check_token(server_url=server.connections[0].uri)


# Plain HTTP


@pytest.mark.parametrize("url", ADDRESSES["plain http"])
@pytest.mark.parametrize(
    ("client", "operation", "arguments", "header"),
    [
        ("client", "get_token_details", (), None),
        ("stranger", "get_token_details", (), "X-Plex-Token"),
        ("stranger", "get_token_details", (), "x-plex-token"),
        ("stranger", SIGN_IN, ADA, None),
        ("stranger", "create_pin", (), None),  # the answer may contain a token
        ("stranger", "get_pin", (3,), None),
        ("client", "link_pin", ("ABCD",), None),
    ],
)
async def test_nothing_secret_over_plain_http(
    bench: Bench, client: str, operation: str, arguments: Any, header: str, url: str
) -> None:
    """Secrets go over plain HTTP to this machine only; nothing else is dialed."""
    headers = {header: bench.token} if header else None
    method = getattr(getattr(bench, client), operation)
    call = partial(method, *arguments, headers=headers)
    await fails(api.PlexAddressError, partial(call, server_url=url), request_sent=False)

    assert bench.dialled == []
    with suppress(api.PlexResponseError):  # no such PIN exists
        await call()
    assert bench.dialled == ["127.0.0.1"]


# Client identity and form data

FORM_TYPE = "application/x-www-form-urlencoded"
LOGIN, ODD = "ada@example.com", "päss&=+ wörd"
FORM = {"login": LOGIN, "password": ODD, "rememberMe": "true"}
WITH_CODE = FORM | {"verificationCode": CODE}
BILLED = {"includeSubscriptions": "1"}
KINDS = dict.fromkeys(("includeHttps", "includeRelay", "includeIPv6"), "1")
MINT, ODD_MINT = {"type": "delegation", "scope": "all"}, {"type": "a", "scope": "b"}
SOURCE, PROVIDER = "get_source_connection_information", "provider://odd?&#"
FRESH = {"source": PROVIDER, "refresh": "1"}
SCROBBLE = "/:/scrobble?key=1&a=b%26c"
PARAMS = {"x": True, "y": [1, "ä&"], "z": 1.5}
ASKED = {"key": "1", "a": "b&c", "x": "1", "y": "1", "z": "1.5"}


@pytest.mark.parametrize(
    ("operation", "arguments", "sent"),
    [
        ("get_token_details", (), ("GET /user", BILLED, {})),
        ("get_resources", (), ("GET /resources", KINDS, {})),
        ("ping", (), ("GET /ping", {}, {})),
        ("sign_out", (), ("DELETE /users/signout", {}, {})),
        ("link_pin", ("ABCD",), ("PUT /pins/link", {}, {"code": "ABCD"})),
        ("check_token", (), ("GET /", {}, {})),
        ("get_transient_token", (), ("POST /security/token", MINT, {})),
        ("get_transient_token", ("a", "b"), ("POST /security/token", ODD_MINT, {})),
        (SOURCE, (PROVIDER,), ("GET /security/resources", {"source": PROVIDER}, {})),
        (SOURCE, (PROVIDER, True), ("GET /security/resources", FRESH, {})),
        ("request", (SCROBBLE, "PUT", PARAMS), ("PUT /:/scrobble", ASKED, {})),
        # Without a token
        ("get_identity", (), ("GET /identity", {}, {})),
        ("create_pin", (), ("POST /pins", {}, {})),
        ("get_pin", (5,), ("GET /pins/5", {}, {})),
        (SIGN_IN, (LOGIN, ODD), ("POST /users/signin", {}, FORM)),
        (SIGN_IN, (LOGIN, ODD, CODE), ("POST /users/signin", {}, WITH_CODE)),
    ],
)
async def test_what_is_sent(
    bench: Bench, attic: api.PlexServerClient, operation: str, arguments: Any, sent: Any
) -> None:
    """Each operation identifies the client; secrets are in the form, never in the URL."""
    bench.fault(body=sample(OPERATIONS[operation].sample))
    client: Any = bench.client if hasattr(bench.client, operation) else attic
    await getattr(client, operation)(*arguments)
    [request] = bench.requests
    assert (*bench.asked, request.query, request.form) == sent
    without_token = ("get_identity", "create_pin", "get_pin", SIGN_IN)
    assert request.token == (None if operation in without_token else bench.token)
    assert request.headers["Accept"] == "application/json"
    assert sent_with(request.headers, IDENTITY_HEADERS) == IDENTITY_HEADERS
    assert not request.form or request.headers["Content-Type"] == FORM_TYPE
    assert request.secure is (client is attic)


def test_identifier_for_a_server() -> None:
    """Each server gets its own stable identifier, which isn't the real one."""
    names = [
        api.derive_client_identifier(client, server)
        for client in ("one", "two")
        for server in ("attic", "shed", "")
    ]

    assert len({*names}) == 6
    assert [str(UUID(one)) for one in names] == names
    assert names[0] == "36377ba9-1ee4-47a3-80b6-ef914c74d27e"
    assert names[0] == api.derive_client_identifier("one", "attic")
