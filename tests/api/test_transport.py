"""How requests are sent: retries, timeouts, bounds, TLS, and where secrets don't go."""

import asyncio
from contextlib import suppress
import errno
from functools import partial
from ipaddress import ip_address
import re
from typing import Any

import aiohttp
import pytest

from custom_components.plex_account.api import (
    ClientIdentity,
    PlexAddressError,
    PlexAuthenticationError,
    PlexCertificateError,
    PlexConnectionError,
    PlexError,
    PlexRateLimitError,
    PlexResponseError,
    PlexServerClient,
    PlexTimeoutError,
    PlexTvClient,
    RetryConfig,
    derive_client_identifier,
)
from custom_components.plex_account.api.request import MAX_BODY_BYTES
from tests.samples import sample
from tests.simulator import Account, Server

from .common import (
    CLIENT_IDENTIFIER,
    CODE,
    PASSWORD,
    QUICK_RETRY,
    Bench,
    fails,
    fails_once,
    short_id,
)

NO_RETRY = RetryConfig(strategy="none")
AN_HOUR = 3_600_000


def retrying(bench: Bench, **options: Any) -> PlexTvClient:
    """Return a client that tries again at once, unless its configuration differs."""
    retry = RetryConfig(**{"initial_interval": 0, "max_interval": 1} | options)
    return bench.plex_tv(token=bench.token, retry=retry)


# Trying again


@pytest.mark.parametrize(
    "fault",
    [
        *({"status": status, "times": 3} for status in (429, 500, 502, 503, 504)),
        {"action": "truncate", "times": 2},
        {"action": "hang", "times": 1},
    ],
    ids=str,
)
async def test_what_is_tried_again(bench: Bench, fault: dict[str, Any]) -> None:
    """These statuses pass by themselves; a connection may be better next time."""
    timeout = 0.4 if fault.get("action") == "hang" else None
    bench.fault(**fault)

    details = await retrying(bench).get_token_details(timeout=timeout)

    assert details.uuid == bench.account.uuid
    assert len(bench.requests) == fault["times"] + 1


@pytest.mark.parametrize(
    "fault",
    [
        *(
            {"status": status}
            for status in (302, 400, 401, 403, 404, 408, 422, 498, 501, 505)
        ),
        {"status": 200, "body": "nonsense"},
        {"status": 200, "body": "[]"},
        {"status": 200, "body": "x" * (MAX_BODY_BYTES + 1)},
    ],
    ids=short_id,
)
async def test_what_is_final(bench: Bench, fault: dict[str, Any]) -> None:
    """Another refusal would only be repeated, and so would an unusable answer."""
    client = retrying(bench)
    bench.fault(**fault, times=1)

    with pytest.raises(PlexError) as refused:
        await client.get_token_details()

    assert refused.value.status == fault["status"]
    assert len(bench.requests) == 1
    assert await client.get_token_details()


@pytest.mark.parametrize(
    ("of_client", "of_call"),
    [(NO_RETRY, None), (RetryConfig("none", 0, 1), None), (QUICK_RETRY, NO_RETRY)],
    ids=["by default", "strategy none", "for a call"],
)
async def test_one_try(
    bench: Bench, of_client: RetryConfig, of_call: RetryConfig | None
) -> None:
    """There is one try by default, with the strategy "none", and if a call says so."""
    options = {} if of_client is NO_RETRY else {"retry": of_client}
    client = bench.plex_tv(token=bench.token, **options)
    bench.fault(status=503, times=1)

    await fails(PlexResponseError, partial(client.get_token_details, retry=of_call))

    assert len(bench.requests) == 1
    assert await client.get_token_details()


async def test_a_call_may_retry(bench: Bench) -> None:
    """The configuration of a call comes before the client's."""
    bench.fault(status=503, times=1)

    assert await bench.client.get_token_details(retry=QUICK_RETRY)

    assert len(bench.requests) == 2


async def test_servers_are_asked_again_too(bench: Bench, server: Server) -> None:
    """The same configuration holds for the client of a server."""
    client = bench.of_server(server, token=bench.token, retry=QUICK_RETRY)
    bench.fault(status=503, times=2)

    assert await client.get_transient_token()

    assert [one.method for one in server.requests] == ["POST"] * 3


async def test_broken_connections_are_final_if_told_so(bench: Bench) -> None:
    """Connection errors are tried again only if the configuration says so."""
    client = retrying(bench, retry_connection_errors=False)
    bench.fault(action="truncate", times=1)
    bench.fault(status=503, times=1)

    await fails(PlexConnectionError, client.get_token_details)
    assert len(bench.requests) == 1

    assert await client.get_token_details()
    assert len(bench.requests) == 3


async def test_refused_connections_end_with_their_error(bench: Bench) -> None:
    """When time is up, the error is that of the last try."""
    client = retrying(bench, max_elapsed_time=100)
    await bench.simulator.stop_plex_tv()

    await fails(PlexConnectionError, client.get_token_details)

    assert len(bench.dialled) > 1
    await bench.simulator.start_plex_tv()
    assert await client.get_token_details()


async def test_time_is_up(bench: Bench) -> None:
    """After max_elapsed_time there is no new try, and the last answer counts."""
    client = retrying(bench, max_elapsed_time=300)
    bench.fault(status=500, times=1)
    limited = bench.simulator.rate_limit()

    await fails(PlexRateLimitError, client.get_token_details, code=1003)

    assert [one.status for one in bench.requests[:2]] == [500, 429]
    limited.remove()
    assert await client.get_token_details()


async def test_no_time_at_all(bench: Bench) -> None:
    """No try begins later than max_elapsed_time after the first."""
    client = retrying(
        bench, initial_interval=1000, max_interval=AN_HOUR, max_elapsed_time=999
    )
    bench.fault(status=503, times=1)

    await fails(PlexResponseError, client.get_token_details, status=503)

    assert len(bench.requests) == 1
    assert await client.get_token_details()


async def test_retry_after_comes_before_the_interval(bench: Bench) -> None:
    """What the answer asks for is waited, not what is configured."""
    client = retrying(
        bench,
        initial_interval=1,
        exponent=AN_HOUR,
        max_interval=AN_HOUR,
        max_elapsed_time=AN_HOUR,
    )
    bench.simulator.rate_limit(retry_after=0, times=3)

    assert await client.get_token_details(timeout=5)

    assert len(bench.requests) == 4


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
    """Nobody is asked without a pause, nor makes a client wait beyond max_interval."""
    busy = PlexError("Busy", headers={"Retry-After": retry_after})

    assert RetryConfig().wait(3, busy) == seconds
    assert RetryConfig(initial_interval=AN_HOUR).wait(3, busy) == max(1, seconds)


@pytest.mark.parametrize(
    ("tries", "exponent", "least"),
    [
        (0, 3, 1),
        (1, 3, 3),
        (2, 3, 9),
        (3, 3, 27),
        (4, 3, 60),
        (5000, 3, 60),
        (10_000, 1.5, 60),  # no number can hold the power
    ],
)
def test_wait(tries: int, exponent: float, least: float) -> None:
    """The wait grows with a power of the exponent, has up to a second on top, and an end."""
    retry = RetryConfig(initial_interval=1000.0, exponent=exponent)

    waits = [retry.wait(tries, PlexError("Busy")) for _ in range(50)]

    assert all(least <= wait <= min(least + 1, 60) for wait in waits)


def test_waits_differ() -> None:
    """Clients that failed together don't come back together."""
    assert len({RetryConfig().wait(0, PlexError("Busy")) for _ in range(20)}) > 1


def test_default_intervals() -> None:
    """The numbers are those of the SDKs."""
    assert RetryConfig() == RetryConfig("backoff", 500, 60_000, 1.5, AN_HOUR, True)


# What a call may say in place of the client


async def test_headers_of_a_call(bench: Bench) -> None:
    """Headers are sent on top, and replace those of the client in any case."""
    headers = {"X-Trace": "abc", "X-Plex-Product": "Other", "accept": "application/xml"}

    await bench.client.get_token_details(headers=headers)
    await bench.client.get_token_details()

    first, second = bench.requests
    assert first.headers["X-Trace"] == "abc"
    assert first.headers["X-Plex-Product"] == "Other"
    assert first.headers["Accept"] == "application/xml"
    assert [name.lower() for name in first.headers].count("accept") == 1
    assert first.client_identifier == CLIENT_IDENTIFIER
    assert "X-Trace" not in second.headers
    assert second.headers["X-Plex-Product"] == "Plex Account tests"


async def test_token_of_a_call(bench: Bench) -> None:
    """A token among the headers of a call replaces that of the client."""
    headers = {"X-Plex-Token": "other"}

    await fails(
        PlexAuthenticationError,
        partial(bench.client.get_token_details, headers=headers),
    )

    [request] = bench.requests
    assert request.token == "other"


async def test_options_that_are_none(bench: Bench) -> None:
    """An option that is None is the same as none."""
    assert await bench.client.get_token_details(
        retry=None, timeout=None, headers=None, server_url=None
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Trace": "to-be-kept\r\nX-Other: b"},
        {"X Trace\n": "a"},
        {"X-Trace": "a\0b"},
    ],
    ids=repr,
)
async def test_headers_that_cannot_be_sent(
    bench: Bench, headers: dict[str, str]
) -> None:
    """No header smuggles another one in."""
    call = partial(bench.client.get_token_details, headers=headers)

    await fails(PlexAddressError, call, request_sent=False)

    assert bench.requests == []
    assert await bench.client.get_token_details()


async def test_address_of_a_call(
    bench: Bench, attic: PlexServerClient, server: Server
) -> None:
    """A call may go to another address than the client's."""
    shed = await bench.simulator.add_server(name="Shed", owner=bench.account, tls=True)

    identity = await attic.get_identity(server_url=shed.connections[0].uri)
    there_and_back = await attic.get_identity()

    assert identity.machine_identifier == shed.machine_identifier
    assert there_and_back.machine_identifier == server.machine_identifier


async def test_address_of_a_call_to_plex_tv(bench: Bench) -> None:
    """That holds for plex.tv as well; a final slash does no harm."""
    client = bench.plex_tv(token=bench.token, server_url="https://nowhere.invalid")

    assert await client.get_token_details(server_url=bench.simulator.url + "/")

    assert bench.requests[0].path == "/user"


async def test_timeout_of_a_call(bench: Bench) -> None:
    """A call may be in more of a hurry than the client."""
    bench.fault(action="hang", times=1)
    call = partial(bench.client.get_token_details, timeout=0.05)

    await fails(PlexTimeoutError, call, request_sent=True)

    assert await bench.client.get_token_details()


async def test_timeout_of_the_client(bench: Bench) -> None:
    """A client may be in a hurry itself; a call may take more time."""
    client = bench.plex_tv(token=bench.token, timeout=0.05)
    slow = bench.fault(delay=0.1)

    await fails(PlexTimeoutError, client.get_token_details)

    assert await client.get_token_details(timeout=5)
    assert slow.hits == 2


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "http://",
        "https://[::1",
        "https://host:port",
        "https://127.0.0.1:99999",
        "ftp://127.0.0.1",
        "//127.0.0.1",
        "nonsense to-be-kept",
        "https://127.0.0.1:99999/to-be-kept",
        "https://user:to-be-kept@127.0.0.1:1/",
        "http://192.0.2.1/to-be-kept",
    ],
)
async def test_invalid_addresses(bench: Bench, url: str) -> None:
    """An address that can't be dialled isn't, and no retry would change that."""
    call = partial(bench.client.get_token_details, server_url=url, retry=RetryConfig())

    await fails(PlexAddressError, call, request_sent=False)

    assert bench.dialled == []
    assert await bench.client.get_token_details()


@pytest.mark.parametrize("action", ["hang", "trickle"])
async def test_cancelled_call(bench: Bench, action: Any) -> None:
    """A call that is no longer wanted ends like any other task, also within the body."""
    hanging = bench.fault(action=action)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await bench.client.get_token_details(retry=QUICK_RETRY)

    assert len(bench.requests) == 1
    hanging.remove()
    assert await bench.client.get_token_details()


async def test_requests_can_be_watched(bench: Bench) -> None:
    """Whoever owns the session can watch what is sent over it."""
    seen = []

    async def watch(
        session: aiohttp.ClientSession,
        context: object,
        parameters: aiohttp.TraceRequestStartParams,
    ) -> None:
        seen.append((parameters.method, parameters.url.path))

    tracing = aiohttp.TraceConfig()
    tracing.on_request_start.append(watch)
    tracing.freeze()
    bench.network.session.trace_configs.append(tracing)

    await bench.client.get_token_details()

    assert seen == [("GET", "/api/v2/user")]


# Tokens


async def test_token_from_a_function(bench: Bench) -> None:
    """A function is asked for the token again before every try."""
    tokens = [
        bench.simulator.sign_in(bench.account, CLIENT_IDENTIFIER) for _ in range(3)
    ]
    left = tokens[:]

    async def next_token() -> str:
        return left.pop(0)

    client = bench.plex_tv(token=next_token, retry=QUICK_RETRY)
    bench.fault(status=503, times=1)
    await client.get_token_details()
    await client.ping()

    assert [one.token for one in bench.requests] == tokens


@pytest.mark.parametrize("given", [None, ""])
async def test_function_without_a_token(bench: Bench, given: str | None) -> None:
    """A function may have none; then none is sent."""

    async def no_token() -> str | None:
        return given

    client = bench.plex_tv(token=no_token)

    await fails(PlexAuthenticationError, client.get_token_details)

    assert "X-Plex-Token" not in bench.requests[0].headers


async def test_function_that_fails(bench: Bench) -> None:
    """What a function raises reaches the caller, and nothing is sent."""
    failures = [LookupError("no token today")]

    async def moody() -> str:
        if failures:
            raise failures.pop()
        return bench.token

    client = bench.plex_tv(token=moody, retry=QUICK_RETRY)

    with pytest.raises(LookupError, match="no token today"):
        await client.get_token_details()

    assert bench.requests == []
    assert await client.get_token_details()


async def test_token_with_a_line_break(bench: Bench) -> None:
    """A token that can't be sent isn't, and its text stays out of the error."""
    client = bench.plex_tv(token="to-be-kept\r\ntoken")

    await fails(PlexAddressError, client.get_token_details)

    assert bench.requests == []


# Redirects


async def test_session_that_refuses_redirects_itself(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session may have an error of its own for a redirect; it is the same answer."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise aiohttp.ClientError("Redirect to http://127.0.0.1/to-be-kept")

    with monkeypatch.context() as patch:
        patch.setattr(aiohttp.ClientSession, "request", refuse)
        await fails(PlexResponseError, bench.client.get_token_details)

    assert await bench.client.get_token_details()


# Bounds


async def test_longest_body(bench: Bench) -> None:
    """1 MiB is not too long; one byte more is."""
    longest = b'{"id": 1, "uuid": "long"}'.ljust(1024 * 1024)
    bench.fault(body=longest, times=1)
    bench.fault(body=longest + b" ", times=1)

    assert (await bench.client.get_token_details()).uuid == "long"
    with pytest.raises(PlexResponseError):
        await bench.client.get_token_details()

    assert await bench.client.get_token_details()


# Connections


async def test_dropped_answer(bench: Bench) -> None:
    """Silence is no answer. The HTTP library asks a second time by itself, but no more."""
    bench.fault(action="drop", times=2)

    await fails_once(
        PlexConnectionError, bench.client.get_token_details, request_sent=True
    )

    assert len(bench.requests) == 3


async def test_server_that_speaks_no_tls(bench: Bench) -> None:
    """Whoever doesn't speak TLS hears nothing."""
    plain = await bench.simulator.add_server(owner=bench.account)
    client = bench.of_server(plain, plain.url.replace("http", "https"), token="x")

    await fails(PlexConnectionError, client.check_token, request_sent=False)

    assert bench.requests == []
    await fails(
        PlexAuthenticationError, partial(client.check_token, server_url=plain.url)
    )


@pytest.mark.parametrize(
    ("number", "no_route"),
    [
        (errno.ENETUNREACH, True),
        (errno.EHOSTUNREACH, True),
        (errno.EADDRNOTAVAIL, True),
        (errno.ECONNREFUSED, False),
    ],
)
async def test_no_route(
    bench: Bench, attic: PlexServerClient, number: int, no_route: bool
) -> None:
    """Where the network leads nowhere, the error says so."""
    bench.network.no_route["127.0.0.1"] = number

    await fails(
        PlexConnectionError, attic.get_identity, no_route=no_route, request_sent=False
    )

    bench.network.no_route.clear()
    assert await attic.get_identity()


# TLS


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
async def test_plex_direct_without_dns(bench: Bench, host: str) -> None:
    """A plex.direct name carries its address, and its certificate is verified."""
    server = await bench.simulator.add_server(owner=bench.account, host=host, tls=True)
    uri = server.connections[0].uri
    assert uri.endswith(f".{server.certificate_hash}.plex.direct:{server.port}")

    identity = await bench.of_server(server).get_identity()

    assert identity.machine_identifier == server.machine_identifier
    assert bench.dialled == [host]
    [request] = bench.requests
    assert request.secure
    assert f"https://{request.headers['Host']}" == uri


@pytest.mark.parametrize(
    "label", ["--1", "0-0-0-0-0-0-0-1", "0000-0-0-0-0-0-0-0001", "--ffff-7f00-1"]
)
async def test_ways_to_write_loopback(bench: Bench, label: str) -> None:
    """An address with dashes may be shortened, and a mapped one is IPv4."""
    server = await bench.simulator.add_server(
        owner=bench.account, hosts=("::1", "127.0.0.1"), tls=True
    )
    name = f"{label}.{server.certificate_hash.upper()}.PLEX.direct"

    assert await bench.of_server(server, f"https://{name}:{server.port}").get_identity()

    assert {*bench.dialled} < {"::1", "127.0.0.1"}


async def test_certificate_of_another_name(bench: Bench, server: Server) -> None:
    """A server whose certificate has another hash hears nothing."""
    retry = RetryConfig(initial_interval=0, max_interval=1, max_elapsed_time=0)
    client = bench.of_server(server, token=bench.token, retry=retry)
    server.renew_certificate()

    await fails(PlexCertificateError, client.get_transient_token, request_sent=False)

    assert bench.requests == []
    assert await client.get_transient_token(server_url=server.connections[0].uri)


async def test_kept_connection_is_not_used_for_another_name(
    bench: Bench, attic: PlexServerClient, server: Server
) -> None:
    """A connection that was verified for one name isn't taken for another one."""
    await attic.check_token()
    other = f"https://127-0-0-1.{'0' * 32}.plex.direct:{server.port}"

    await fails(PlexCertificateError, partial(attic.check_token, server_url=other))

    assert len(bench.requests) == 1
    await attic.check_token()


async def test_certificate_of_an_address(bench: Bench, server: Server) -> None:
    """A certificate for a plex.direct name is none for the bare address."""
    client = bench.of_server(server, server.url, token=bench.token)

    await fails(PlexCertificateError, client.check_token)

    assert bench.requests == []
    await client.check_token(server_url=server.connections[0].uri)


async def test_address_in_place_of_dns(bench: Bench, server: Server) -> None:
    """An address may be given for any name; the certificate is that of the name."""
    name = f"music.{server.certificate_hash}.plex.direct:{server.port}"
    client = bench.of_server(
        server, f"https://{name}", address=ip_address("127.0.0.1"), token=bench.token
    )

    await client.check_token()

    assert server.requests[0].headers["Host"] == name
    assert server.requests[0].secure


async def test_given_address_is_for_the_clients_own_name(
    bench: Bench, server: Server
) -> None:
    """A call to another address doesn't go to the given one."""
    shed = await bench.simulator.add_server(
        name="Shed", owner=bench.account, host="127.0.0.2", tls=True
    )
    client = bench.of_server(server, address=ip_address("127.0.0.1"))

    identity = await client.get_identity(server_url=shed.connections[0].uri)

    assert identity.machine_identifier == shed.machine_identifier
    assert bench.dialled == ["127.0.0.2"]


# Plain HTTP


@pytest.mark.parametrize("url", sample("odd/addresses")["plain http"])
@pytest.mark.parametrize(
    ("client", "operation", "arguments", "header"),
    [
        ("client", "get_token_details", (), None),
        ("stranger", "get_token_details", (), "X-Plex-Token"),
        ("stranger", "get_token_details", (), "x-plex-token"),
        ("stranger", "post_users_sign_in_data", ("ada", PASSWORD, CODE), None),
        ("stranger", "create_pin", (), None),  # the answer may hold a token
        ("stranger", "get_pin", (3,), None),
        ("client", "link_pin", ("ABCD",), None),
    ],
)
async def test_nothing_secret_over_plain_http(
    bench: Bench,
    client: str,
    operation: str,
    arguments: tuple[Any, ...],
    header: str | None,
    url: str,
) -> None:
    """Secrets go over plain HTTP to this machine only; elsewhere nothing is dialled."""
    call = partial(
        getattr(getattr(bench, client), operation),
        headers={header: bench.token} if header else None,
    )

    await fails(
        PlexAddressError, partial(call, server_url=url), *arguments, request_sent=False
    )

    assert bench.dialled == []
    with suppress(PlexResponseError):  # there is no such PIN
        await call(*arguments)
    assert bench.dialled == ["127.0.0.1"]


async def test_no_token_over_plain_http_to_a_given_address(
    bench: Bench, server: Server
) -> None:
    """A name of this machine isn't believed where another address is dialled."""
    client = bench.of_server(
        server,
        f"http://localhost:{server.port}",
        address=ip_address("192.0.2.1"),
        token=bench.token,
    )

    await fails(PlexAddressError, client.check_token)

    assert bench.dialled == []
    await client.check_token(server_url=server.connections[0].uri)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
async def test_plain_http_on_loopback(
    bench: Bench, account: Account, host: str
) -> None:
    """On this machine plain HTTP is good enough."""
    server = await bench.simulator.add_server(owner=account, host=host)

    await bench.of_server(server, token=bench.token).check_token()

    assert not server.requests[0].secure
    assert bench.dialled == [host]


# Who is asking


def test_identifier_for_a_server() -> None:
    """Each server gets an identifier of its own, always the same, and not the real one."""
    names = [
        derive_client_identifier(client, server)
        for client in ("one", "two")
        for server in ("attic", "shed", "")
    ]

    assert len({*names}) == 6
    assert all(
        re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one) for one in names
    )
    assert derive_client_identifier("one", "attic") == names[0]
    assert derive_client_identifier("one", "attic") == (
        "36377ba9-1ee4-47a3-80b6-ef914c74d27e"
    )


def test_identity_headers() -> None:
    """What is known of a client becomes headers; the rest is left out."""
    assert ClientIdentity().headers == {"X-Plex-Product": "Plex Account"}
    assert ClientIdentity(product="P", version="1", device="").headers == {
        "X-Plex-Product": "P",
        "X-Plex-Version": "1",
    }
