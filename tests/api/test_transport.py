"""How requests are sent: retries, time-outs, bounds, TLS, and where secrets don't go."""

import asyncio
import errno
from ipaddress import ip_address
import json
import re
import ssl
from typing import Any, NoReturn

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
from tests.simulator import Account, Server, Simulator

from .common import (
    CLIENT_IDENTIFIER,
    QUICK_RETRY,
    Network,
    NoResolver,
    of_server,
    plex_tv,
    strict_loads,
)

NO_RETRY = RetryConfig(strategy="none")
AN_HOUR = 3_600_000


# Trying again


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_retried_statuses(
    network: Network, simulator: Simulator, account: Account, token: str, status: int
) -> None:
    """These statuses pass by themselves."""
    client = plex_tv(network, simulator, token=token, retry=QUICK_RETRY)
    simulator.fault(status=status, times=3)

    assert (await client.get_token_details()).uuid == account.uuid

    assert [one.status for one in simulator.requests] == [status] * 3 + [200]


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 408, 422, 498, 501, 505])
async def test_other_statuses_are_final(
    network: Network, simulator: Simulator, token: str, status: int
) -> None:
    """Any other refusal would only be repeated."""
    client = plex_tv(network, simulator, token=token, retry=QUICK_RETRY)
    simulator.fault(status=status, times=1)

    with pytest.raises(PlexError) as refused:
        await client.get_token_details()

    assert refused.value.status == status
    assert len(simulator.requests) == 1
    assert await client.get_token_details()


@pytest.mark.parametrize(
    "fault",
    [{"body": "nonsense"}, {"body": "[]"}, {"body": "x" * (MAX_BODY_BYTES + 1)}],
    ids=["unreadable", "not an account", "too long"],
)
async def test_a_senseless_answer_is_final(
    network: Network, simulator: Simulator, token: str, fault: dict[str, Any]
) -> None:
    """An answer of success that can't be used isn't asked for again."""
    client = plex_tv(network, simulator, token=token, retry=QUICK_RETRY)
    simulator.fault(status=200, **fault, times=1)

    with pytest.raises(PlexResponseError):
        await client.get_token_details()

    assert len(simulator.requests) == 1
    assert await client.get_token_details()


async def test_nothing_is_tried_again_by_itself(
    client: PlexTvClient, simulator: Simulator
) -> None:
    """Without a configuration there is one try."""
    simulator.fault(status=503, times=1)

    with pytest.raises(PlexResponseError):
        await client.get_token_details()

    assert len(simulator.requests) == 1
    assert await client.get_token_details()


async def test_the_strategy_none(
    network: Network, simulator: Simulator, token: str
) -> None:
    """One try, whatever else is configured."""
    retry = RetryConfig(strategy="none", initial_interval=0, max_interval=1)
    client = plex_tv(network, simulator, token=token, retry=retry)
    simulator.fault(status=503, times=1)

    with pytest.raises(PlexResponseError):
        await client.get_token_details()

    assert len(simulator.requests) == 1
    assert await client.get_token_details()


async def test_a_call_may_retry(client: PlexTvClient, simulator: Simulator) -> None:
    """The configuration of a call comes before the client's."""
    simulator.fault(status=503, times=1)

    assert await client.get_token_details(retry=QUICK_RETRY)

    assert len(simulator.requests) == 2


async def test_a_call_may_not_retry(
    network: Network, simulator: Simulator, token: str
) -> None:
    """A call can switch retries off."""
    client = plex_tv(network, simulator, token=token, retry=QUICK_RETRY)
    simulator.fault(status=503, times=1)

    with pytest.raises(PlexResponseError):
        await client.get_token_details(retry=NO_RETRY)

    assert len(simulator.requests) == 1
    assert await client.get_token_details()


async def test_servers_are_asked_again_too(
    network: Network, simulator: Simulator, server: Server, token: str
) -> None:
    """The same configuration holds for the client of a server."""
    client = of_server(network, server, token=token, retry=QUICK_RETRY)
    simulator.fault(host=server.machine_identifier, status=503, times=2)

    assert await client.get_transient_token()

    assert [one.method for one in server.requests] == ["POST"] * 3


async def test_broken_connections_are_tried_again(
    network: Network, simulator: Simulator, token: str
) -> None:
    """A connection that breaks off may be better next time."""
    client = plex_tv(network, simulator, token=token, retry=QUICK_RETRY)
    simulator.fault(action="truncate", times=2)

    assert await client.get_token_details()

    assert len(simulator.requests) == 3


async def test_broken_connections_are_final_if_told_so(
    network: Network, simulator: Simulator, token: str
) -> None:
    """Connection errors are tried again only if the configuration says so."""
    retry = RetryConfig(
        initial_interval=0, max_interval=1, retry_connection_errors=False
    )
    client = plex_tv(network, simulator, token=token, retry=retry)
    simulator.fault(action="truncate", times=1)
    simulator.fault(status=503, times=1)

    with pytest.raises(PlexConnectionError):
        await client.get_token_details()
    assert len(simulator.requests) == 1

    assert await client.get_token_details()
    assert len(simulator.requests) == 3


async def test_hung_answers_are_tried_again(
    network: Network, simulator: Simulator, token: str
) -> None:
    """A time-out counts as a connection error."""
    client = plex_tv(network, simulator, token=token, retry=QUICK_RETRY)
    simulator.fault(action="hang", times=1)

    assert await client.get_token_details(timeout=0.4)

    assert len(simulator.requests) == 2


async def test_refused_connections_end_with_their_error(
    network: Network, simulator: Simulator, token: str
) -> None:
    """When time is up, the error is that of the last try."""
    retry = RetryConfig(initial_interval=0, max_interval=1, max_elapsed_time=100)
    client = plex_tv(network, simulator, token=token, retry=retry)
    await simulator.stop_plex_tv()

    with pytest.raises(PlexConnectionError):
        await client.get_token_details()

    assert len(network.dialled) > 1
    await simulator.start_plex_tv()
    assert await client.get_token_details()


async def test_time_is_up(network: Network, simulator: Simulator, token: str) -> None:
    """After max_elapsed_time there is no new try, and the last answer counts."""
    retry = RetryConfig(initial_interval=0, max_interval=1, max_elapsed_time=300)
    client = plex_tv(network, simulator, token=token, retry=retry)
    simulator.fault(status=500, times=1)
    limited = simulator.rate_limit()

    with pytest.raises(PlexRateLimitError) as last:
        await client.get_token_details()

    assert last.value.code == 1003
    assert [one.status for one in simulator.requests[:2]] == [500, 429]
    limited.remove()
    assert await client.get_token_details()


async def test_no_time_at_all(
    network: Network, simulator: Simulator, token: str
) -> None:
    """No try begins later than max_elapsed_time after the first."""
    retry = RetryConfig(
        initial_interval=1000, max_interval=AN_HOUR, max_elapsed_time=999
    )
    client = plex_tv(network, simulator, token=token, retry=retry)
    simulator.fault(status=503, times=1)

    with pytest.raises(PlexResponseError) as last:
        await client.get_token_details()

    assert last.value.status == 503
    assert len(simulator.requests) == 1
    assert await client.get_token_details()


async def test_retry_after_comes_before_the_interval(
    network: Network, simulator: Simulator, token: str
) -> None:
    """What the answer asks for is waited, not what is configured."""
    retry = RetryConfig(
        initial_interval=1,
        exponent=AN_HOUR,
        max_interval=AN_HOUR,
        max_elapsed_time=AN_HOUR,
    )
    client = plex_tv(network, simulator, token=token, retry=retry)
    simulator.rate_limit(retry_after=0, times=3)

    assert await client.get_token_details(timeout=5)

    assert len(simulator.requests) == 4


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("0", 0.5),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0.5),
        ("7", 7),
        ("3600", 60),
    ],
)
def test_retry_after_within_bounds(retry_after: str, seconds: float) -> None:
    """Whoever says "at once", or has another clock, isn't asked without a pause."""
    busy = PlexError("Busy", headers={"Retry-After": retry_after})

    assert RetryConfig().wait(3, busy) == seconds
    assert RetryConfig(initial_interval=AN_HOUR).wait(3, busy) == max(1, seconds)


@pytest.mark.parametrize(
    "retry_after", ["3600", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"], ids=len
)
async def test_retry_after_is_capped(
    network: Network, simulator: Simulator, token: str, retry_after: str
) -> None:
    """No answer makes a client wait for longer than max_interval."""
    client = plex_tv(network, simulator, token=token, retry=QUICK_RETRY)
    simulator.fault(status=503, headers={"Retry-After": retry_after}, times=1)

    assert await client.get_token_details()

    assert len(simulator.requests) == 2


@pytest.mark.parametrize(
    ("tries", "least"), [(0, 1), (1, 3), (2, 9), (3, 27), (4, 60), (5000, 60)]
)
def test_wait(tries: int, least: float) -> None:
    """The wait grows with a power of the exponent, has up to a second on top, and an end."""
    retry = RetryConfig(initial_interval=1000, exponent=3, max_interval=60_000)

    waits = [retry.wait(tries, PlexError("Busy")) for _ in range(50)]

    assert all(least <= wait <= min(least + 1, 60) for wait in waits)


def test_wait_beyond_all_numbers() -> None:
    """Neither does an exponent that no number can hold make it longer."""
    retry = RetryConfig(initial_interval=1.0, exponent=1.5, max_interval=60_000)

    assert retry.wait(10_000, PlexError("Busy")) == 60


def test_waits_differ() -> None:
    """Clients that failed together don't come back together."""
    retry = RetryConfig()

    assert len({retry.wait(0, PlexError("Busy")) for _ in range(20)}) > 1


def test_default_intervals() -> None:
    """The numbers are those of the SDKs."""
    assert RetryConfig() == RetryConfig(
        strategy="backoff",
        initial_interval=500,
        max_interval=60_000,
        exponent=1.5,
        max_elapsed_time=3_600_000,
        retry_connection_errors=True,
    )


# What a call may say in place of the client


async def test_headers_of_a_call(client: PlexTvClient, simulator: Simulator) -> None:
    """Headers are sent on top, and replace those of the client."""
    await client.get_token_details(
        headers={"X-Trace": "abc", "X-Plex-Product": "Something else"}
    )
    await client.get_token_details()

    first, second = simulator.requests
    assert first.headers["X-Trace"] == "abc"
    assert first.headers["X-Plex-Product"] == "Something else"
    assert first.client_identifier == CLIENT_IDENTIFIER
    assert "X-Trace" not in second.headers
    assert second.headers["X-Plex-Product"] == "Plex Account tests"


async def test_token_of_a_call(client: PlexTvClient, simulator: Simulator) -> None:
    """A token among the headers of a call replaces that of the client."""
    with pytest.raises(PlexAuthenticationError):
        await client.get_token_details(headers={"X-Plex-Token": "other"})

    [request] = simulator.requests
    assert request.token == "other"


async def test_options_that_are_none(client: PlexTvClient) -> None:
    """An option that is None is the same as none."""
    assert await client.get_token_details(
        retry=None, timeout=None, headers=None, server_url=None
    )


async def test_headers_of_a_call_in_another_case(
    client: PlexTvClient, simulator: Simulator
) -> None:
    """Names of headers know no case."""
    await client.get_token_details(headers={"accept": "application/xml"})

    [request] = simulator.requests
    names = [name.lower() for name in request.headers]
    assert names.count("accept") == 1
    assert request.headers["Accept"] == "application/xml"


@pytest.mark.parametrize(
    "headers",
    [{"X-Trace": "a\r\nX-Other: b"}, {"X Trace\n": "a"}, {"X-Trace": "a\0b"}],
    ids=repr,
)
async def test_headers_that_cannot_be_sent(
    client: PlexTvClient, simulator: Simulator, headers: dict[str, str]
) -> None:
    """No header smuggles another one in."""
    with pytest.raises(PlexConnectionError) as refused:
        await client.get_token_details(headers=headers)

    assert not refused.value.request_sent
    assert simulator.requests == []
    assert await client.get_token_details()


async def test_address_of_a_call(
    client: PlexTvClient,
    attic: PlexServerClient,
    simulator: Simulator,
    account: Account,
    server: Server,
) -> None:
    """A call may go to another address than the client's."""
    shed = await simulator.add_server(name="Shed", owner=account, tls=True)

    identity = await attic.get_identity(server_url=shed.connections[0].uri)
    there_and_back = await attic.get_identity()

    assert identity.machine_identifier == shed.machine_identifier
    assert there_and_back.machine_identifier == server.machine_identifier


async def test_address_of_a_call_to_plex_tv(
    network: Network, simulator: Simulator, token: str
) -> None:
    """That holds for plex.tv as well; a final slash does no harm."""
    client = PlexTvClient(
        network.session,
        client_identifier=CLIENT_IDENTIFIER,
        token=token,
        server_url="https://nowhere.invalid",
    )

    assert await client.get_token_details(server_url=simulator.url + "/")

    assert simulator.requests[0].path == "/user"


async def test_timeout_of_a_call(client: PlexTvClient, simulator: Simulator) -> None:
    """A call may be in more of a hurry than the client."""
    simulator.fault(action="hang", times=1)

    with pytest.raises(PlexTimeoutError) as late:
        await client.get_token_details(timeout=0.05)

    assert late.value.request_sent
    assert await client.get_token_details()


async def test_timeout_of_the_client(
    network: Network, simulator: Simulator, token: str
) -> None:
    """A client may be in a hurry itself; a call may take more time."""
    client = plex_tv(network, simulator, token=token, timeout=0.05)
    slow = simulator.fault(delay=0.1)

    with pytest.raises(PlexTimeoutError):
        await client.get_token_details()

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
    ],
)
async def test_addresses_that_are_none(
    client: PlexTvClient, network: Network, url: str
) -> None:
    """An address that can't be dialled isn't, and no retry would change that."""
    with pytest.raises(PlexAddressError) as refused:
        await client.get_token_details(server_url=url, retry=RetryConfig())

    assert not refused.value.request_sent
    assert network.dialled == []
    assert await client.get_token_details()


async def test_cancelled_call(client: PlexTvClient, simulator: Simulator) -> None:
    """A call that is no longer wanted ends like any other task."""
    hanging = simulator.fault(action="hang")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await client.get_token_details(retry=QUICK_RETRY)

    assert len(simulator.requests) == 1
    hanging.remove()
    assert await client.get_token_details()


async def test_requests_can_be_watched(
    client: PlexTvClient, network: Network, token: str
) -> None:
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
    network.session.trace_configs.append(tracing)

    await client.get_token_details()

    assert seen == [("GET", "/api/v2/user")]


# The decoder


async def test_decoder(network: Network, simulator: Simulator, token: str) -> None:
    """A decoder can be passed in; it gets bytes."""
    decoded = []

    def json_loads(body: bytes) -> Any:
        decoded.append(body)
        return json.loads(body)

    client = plex_tv(network, simulator, token=token, json_loads=json_loads)

    await client.get_token_details()

    [body] = decoded
    assert json.loads(body)["username"] == "ada"


async def test_stricter_decoder(
    network: Network, simulator: Simulator, token: str
) -> None:
    """What a decoder refuses is no answer."""
    client = plex_tv(network, simulator, token=token, json_loads=strict_loads)
    simulator.fault(body='{"id": NaN}', times=1)

    with pytest.raises(PlexResponseError) as refused:
        await client.get_token_details()

    assert refused.value.status == 200
    assert await client.get_token_details()


# Tokens


async def test_token_from_a_function(
    network: Network, simulator: Simulator, account: Account
) -> None:
    """A function is asked for the token anew before every try."""
    tokens = [simulator.sign_in(account, CLIENT_IDENTIFIER) for _ in range(3)]
    left = tokens[:]

    async def next_token() -> str:
        return left.pop(0)

    client = plex_tv(network, simulator, token=next_token, retry=QUICK_RETRY)
    simulator.fault(status=503, times=1)
    await client.get_token_details()
    await client.ping()

    assert [one.token for one in simulator.requests] == tokens


@pytest.mark.parametrize("given", [None, ""])
async def test_function_without_a_token(
    network: Network, simulator: Simulator, given: str | None
) -> None:
    """A function may have none; then none is sent."""

    async def no_token() -> str | None:
        return given

    client = plex_tv(network, simulator, token=no_token)

    with pytest.raises(PlexAuthenticationError):
        await client.get_token_details()

    assert "X-Plex-Token" not in simulator.requests[0].headers


async def test_function_that_fails(
    network: Network, simulator: Simulator, token: str
) -> None:
    """What a function raises reaches the caller, and nothing is sent."""
    failures = [LookupError("no token today")]

    async def moody() -> str:
        try:
            raise failures.pop()
        except IndexError:
            return token

    client = plex_tv(network, simulator, token=moody, retry=QUICK_RETRY)

    with pytest.raises(LookupError, match="no token today"):
        await client.get_token_details()

    assert simulator.requests == []
    assert await client.get_token_details()


async def test_token_with_a_line_break(network: Network, simulator: Simulator) -> None:
    """A token that can't be sent isn't, and its text stays out of the error."""
    client = plex_tv(network, simulator, token="secret\r\ntoken")

    with pytest.raises(PlexConnectionError) as refused:
        await client.get_token_details()

    assert "secret" not in repr(refused.value)
    assert simulator.requests == []


# Redirects


async def test_redirects_are_not_followed(
    client: PlexTvClient, simulator: Simulator
) -> None:
    """Not within a host."""
    simulator.fault(
        path="/user",
        status=302,
        headers={"Location": f"{simulator.url}/ping"},
        times=1,
    )

    with pytest.raises(PlexResponseError) as redirected:
        await client.get_token_details()

    assert redirected.value.status == 302
    assert [one.path for one in simulator.requests] == ["/user"]
    assert await client.get_token_details()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_to_another_host(
    client: PlexTvClient,
    simulator: Simulator,
    network: Network,
    server: Server,
    status: int,
) -> None:
    """A token is never carried on to somebody else."""
    simulator.fault(
        status=status, headers={"Location": f"{server.connections[0].uri}/"}, times=1
    )

    with pytest.raises(PlexResponseError) as redirected:
        await client.get_token_details()

    assert redirected.value.status == status
    assert server.requests == []
    assert network.dialled == ["127.0.0.1"]
    assert await client.get_token_details()


@pytest.mark.parametrize("location", ["/", "", "//x", "javascript:alert(1)", "%zz"])
async def test_redirects_to_nowhere(
    attic: PlexServerClient, simulator: Simulator, server: Server, location: str
) -> None:
    """Loops and senseless targets make no difference."""
    simulator.fault(
        host=server.machine_identifier,
        status=302,
        headers={"Location": location},
        times=1,
    )

    with pytest.raises(PlexResponseError) as redirected:
        await attic.check_token()

    assert redirected.value.status == 302
    assert len(server.requests) == 1
    await attic.check_token()


async def test_session_that_refuses_redirects_itself(
    client: PlexTvClient, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session may have an error of its own for a redirect; it is the same answer."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise aiohttp.ClientError("Redirect to http://127.0.0.1/secret")

    with monkeypatch.context() as patch:
        patch.setattr(aiohttp.ClientSession, "request", refuse)
        with pytest.raises(PlexResponseError) as redirected:
            await client.get_token_details()

    assert "secret" not in str(redirected.value)
    assert await client.get_token_details()


# Bounds


@pytest.mark.parametrize("action", ["gzip_bomb", "endless"])
async def test_bodies_without_measure(
    client: PlexTvClient, simulator: Simulator, action: Any
) -> None:
    """A body is read up to its bound and no further, whatever it unpacks to."""
    simulator.fault(action=action, times=1)

    with pytest.raises(PlexResponseError):
        await client.get_token_details(timeout=5)

    assert await client.get_token_details()


@pytest.mark.parametrize("action", ["gzip_bomb", "endless"])
async def test_refusals_without_measure(
    client: PlexTvClient, simulator: Simulator, action: Any
) -> None:
    """The bound holds for refusals too."""
    simulator.fault(status=401, action=action, times=1)

    with pytest.raises(PlexError):
        await client.get_token_details(timeout=5)

    assert await client.get_token_details()


def padded_account(size: int) -> bytes:
    """Return an account in JSON that is as long as it is told to be."""
    body = b'{"id": 1, "uuid": "long"}'
    return body + b" " * (size - len(body))


async def test_body_at_the_bound(client: PlexTvClient, simulator: Simulator) -> None:
    """1 MiB is not too long."""
    simulator.fault(body=padded_account(1024 * 1024))

    assert (await client.get_token_details()).uuid == "long"


async def test_body_beyond_the_bound(
    client: PlexTvClient, simulator: Simulator
) -> None:
    """One byte more is."""
    simulator.fault(body=padded_account(1024 * 1024 + 1), times=1)

    with pytest.raises(PlexResponseError):
        await client.get_token_details()

    assert await client.get_token_details()


# Connections that break


async def test_truncated_answer(client: PlexTvClient, simulator: Simulator) -> None:
    """Half an answer is none."""
    simulator.fault(action="truncate", times=1)

    with pytest.raises(PlexConnectionError) as broken:
        await client.get_token_details()

    assert broken.value.request_sent
    assert await client.get_token_details()


async def test_dropped_answer(client: PlexTvClient, simulator: Simulator) -> None:
    """Neither is silence. The HTTP library asks a second time by itself, but no more."""
    simulator.fault(action="drop", times=2)

    with pytest.raises(PlexConnectionError) as broken:
        await client.get_token_details()

    assert broken.value.request_sent
    assert len(simulator.requests) == 2
    assert await client.get_token_details()


async def test_dribbling_answer(client: PlexTvClient, simulator: Simulator) -> None:
    """The time-out is for the whole answer, however steadily it comes."""
    simulator.fault(action="trickle", pace=0.01, times=1)

    with pytest.raises(PlexTimeoutError):
        await client.get_token_details(timeout=0.1)

    assert await client.get_token_details()


async def test_broken_compression(client: PlexTvClient, simulator: Simulator) -> None:
    """A body that can't be unpacked is an error like any other."""
    simulator.fault(
        body=b"not packed at all", headers={"Content-Encoding": "gzip"}, times=1
    )

    with pytest.raises(PlexError):
        await client.get_token_details()

    assert await client.get_token_details()


async def test_server_that_speaks_no_tls(
    network: Network, simulator: Simulator, account: Account
) -> None:
    """Whoever doesn't speak TLS hears nothing."""
    plain = await simulator.add_server(owner=account)
    client = of_server(network, plain, plain.url.replace("http", "https"), token="x")

    with pytest.raises(PlexConnectionError) as refused:
        await client.check_token()

    assert not refused.value.request_sent
    assert simulator.requests == []
    with pytest.raises(PlexAuthenticationError):
        await client.check_token(server_url=plain.url)


async def test_server_that_wants_tls(
    network: Network, server: Server, token: str
) -> None:
    """A server that requires secure connections hangs up on others."""
    server.https_required = True
    client = of_server(network, server, server.url.replace("https", "http"))

    with pytest.raises(PlexConnectionError):
        await client.get_identity()

    assert await client.get_identity(server_url=server.connections[0].uri)


async def test_name_that_is_not_found(client: PlexTvClient, network: Network) -> None:
    """A name that can't be resolved was never asked."""
    with pytest.raises(PlexConnectionError) as refused:
        await client.get_token_details(server_url="https://plex.example.invalid")

    assert not refused.value.request_sent
    assert network.dialled == []
    assert await client.get_token_details()


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
    simulator: Simulator, server: Server, network: Network, number: int, no_route: bool
) -> None:
    """Where the network leads nowhere, the error says so."""

    def unreachable(found: object) -> NoReturn:
        raise OSError(number, "no way")

    connector = aiohttp.TCPConnector(resolver=NoResolver(), socket_factory=unreachable)
    async with aiohttp.ClientSession(connector=connector) as session:
        client = PlexServerClient(
            session, server.connections[0].uri, client_identifier=CLIENT_IDENTIFIER
        )
        with pytest.raises(PlexConnectionError) as failed:
            await client.get_identity()

    assert failed.value.no_route is no_route
    assert not failed.value.request_sent
    assert await of_server(network, server).get_identity()


# TLS


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
async def test_plex_direct_without_dns(
    network: Network, simulator: Simulator, account: Account, host: str
) -> None:
    """A plex.direct name carries its address, and its certificate is verified."""
    server = await simulator.add_server(owner=account, host=host, tls=True)
    uri = server.connections[0].uri
    assert uri.endswith(f".{server.certificate_hash}.plex.direct:{server.port}")

    identity = await of_server(network, server).get_identity()

    assert identity.machine_identifier == server.machine_identifier
    assert network.dialled == [host]
    [request] = simulator.requests
    assert request.secure
    assert f"https://{request.headers['Host']}" == uri


@pytest.mark.parametrize(
    "label", ["--1", "0-0-0-0-0-0-0-1", "0000-0-0-0-0-0-0-0001", "--ffff-7f00-1"]
)
async def test_ways_to_write_loopback(
    network: Network, simulator: Simulator, account: Account, label: str
) -> None:
    """An address with dashes may be shortened, and a mapped one is IPv4."""
    server = await simulator.add_server(
        owner=account, hosts=("::1", "127.0.0.1"), tls=True
    )
    name = f"{label}.{server.certificate_hash.upper()}.PLEX.direct"

    client = of_server(network, server, f"https://{name}:{server.port}")

    assert await client.get_identity()
    assert {*network.dialled} < {"::1", "127.0.0.1"}


async def test_certificate_of_another_name(
    network: Network, simulator: Simulator, server: Server, token: str
) -> None:
    """A server whose certificate has another hash hears nothing."""
    old = server.connections[0].uri
    client = of_server(network, server, old, token=token)
    server.renew_certificate()

    with pytest.raises(PlexCertificateError) as refused:
        await client.get_transient_token(retry=QUICK_RETRY_ONCE)

    assert not refused.value.request_sent
    assert simulator.requests == []
    assert await client.get_transient_token(server_url=server.connections[0].uri)


QUICK_RETRY_ONCE = RetryConfig(initial_interval=0, max_interval=1, max_elapsed_time=0)


async def test_a_kept_connection_is_not_used_for_another_name(
    network: Network, simulator: Simulator, server: Server, token: str
) -> None:
    """A connection that was verified for one name isn't taken for another one."""
    client = of_server(network, server, token=token)
    await client.check_token()
    other = f"https://127-0-0-1.{'0' * 32}.plex.direct:{server.port}"

    with pytest.raises(PlexCertificateError):
        await client.check_token(server_url=other)

    assert len(simulator.requests) == 1
    await client.check_token()


async def test_certificate_of_an_address(
    network: Network, simulator: Simulator, server: Server, token: str
) -> None:
    """A certificate for a plex.direct name is none for the bare address."""
    client = of_server(network, server, server.url, token=token)

    with pytest.raises(PlexCertificateError):
        await client.check_token()

    assert simulator.requests == []
    await client.check_token(server_url=server.connections[0].uri)


async def test_unknown_authority(
    simulator: Simulator, server: Server, network: Network, token: str
) -> None:
    """A certificate of nobody known is refused."""
    connector = aiohttp.TCPConnector(
        resolver=NoResolver(), ssl=ssl.create_default_context()
    )
    async with aiohttp.ClientSession(connector=connector) as session:
        client = PlexServerClient(
            session,
            server.connections[0].uri,
            client_identifier=CLIENT_IDENTIFIER,
            token=token,
        )
        with pytest.raises(PlexCertificateError):
            await client.check_token()

    assert simulator.requests == []
    await of_server(network, server, token=token).check_token()


async def test_address_in_place_of_dns(
    network: Network, server: Server, token: str
) -> None:
    """An address may be given for any name; the certificate is that of the name."""
    name = f"music.{server.certificate_hash}.plex.direct"
    client = of_server(
        network,
        server,
        f"https://{name}:{server.port}",
        address=ip_address("127.0.0.1"),
        token=token,
    )

    await client.check_token()

    assert server.requests[0].headers["Host"] == f"{name}:{server.port}"
    assert server.requests[0].secure


async def test_given_address_is_for_the_clients_own_name(
    network: Network, simulator: Simulator, account: Account, server: Server
) -> None:
    """A call to another address doesn't go to the given one."""
    shed = await simulator.add_server(
        name="Shed", owner=account, host="127.0.0.2", tls=True
    )
    client = of_server(network, server, address=ip_address("127.0.0.1"))

    identity = await client.get_identity(server_url=shed.connections[0].uri)

    assert identity.machine_identifier == shed.machine_identifier
    assert network.dialled == ["127.0.0.2"]


# Plain http

INSECURE = [
    "http://192.0.2.1:32400",
    "http://10.0.0.1:32400",
    "http://[2001:db8::1]:32400",
    "http://plex.tv/api/v2",
    "http://localhost.example.com",
    "http://127.0.0.1.example.com",
    "http://0.0.0.0:32400",
    "http://[::]:32400",
    "http://[::ffff:10.0.0.1]:32400",
    "http://10-0-0-1.0123456789abcdef0123456789abcdef.plex.direct:32400",
]


@pytest.mark.parametrize("url", INSECURE)
async def test_no_token_over_plain_http(
    client: PlexTvClient, network: Network, url: str
) -> None:
    """A token goes over plain http to this machine only; elsewhere nothing is dialled."""
    with pytest.raises(PlexConnectionError) as refused:
        await client.get_token_details(server_url=url)

    assert not refused.value.request_sent
    assert network.dialled == []
    assert await client.get_token_details()


@pytest.mark.parametrize("url", INSECURE)
async def test_no_password_over_plain_http(
    stranger: PlexTvClient, network: Network, account: Account, url: str
) -> None:
    """The same holds for a password."""
    with pytest.raises(PlexConnectionError):
        await stranger.post_users_sign_in_data("ada", "correct horse", server_url=url)

    assert network.dialled == []
    assert await stranger.post_users_sign_in_data("ada", "correct horse", "123456")


async def test_no_pin_code_over_plain_http(
    client: PlexTvClient, network: Network, simulator: Simulator
) -> None:
    """And for the code of a PIN."""
    with pytest.raises(PlexConnectionError):
        await client.link_pin("ABCD", server_url="http://192.0.2.1")

    assert network.dialled == []
    pin = await client.create_pin()
    await client.link_pin(pin.code)


async def test_no_pin_over_plain_http(
    stranger: PlexTvClient, network: Network, simulator: Simulator
) -> None:
    """And for a PIN that is asked for: the answer may hold a token."""
    with pytest.raises(PlexConnectionError):
        await stranger.create_pin(server_url="http://192.0.2.1")
    pin = await stranger.create_pin()
    network.dialled.clear()
    with pytest.raises(PlexConnectionError):
        await stranger.get_pin(pin.id, server_url="http://192.0.2.1")

    assert network.dialled == []
    assert await stranger.get_pin(pin.id)


@pytest.mark.parametrize("name", ["X-Plex-Token", "x-plex-token"])
async def test_no_token_of_a_call_over_plain_http(
    stranger: PlexTvClient, network: Network, token: str, name: str
) -> None:
    """And for a token that somebody put among the headers of a call."""
    with pytest.raises(PlexConnectionError):
        await stranger.get_token_details(
            headers={name: token}, server_url="http://192.0.2.1"
        )

    assert network.dialled == []
    assert await stranger.get_token_details(headers={name: token})


async def test_no_token_over_plain_http_to_a_given_address(
    network: Network, simulator: Simulator, server: Server, token: str
) -> None:
    """A name of this machine isn't believed where another address is dialled."""
    client = of_server(
        network,
        server,
        f"http://localhost:{server.port}",
        address=ip_address("192.0.2.1"),
        token=token,
    )

    with pytest.raises(PlexConnectionError):
        await client.check_token()

    assert network.dialled == []
    await client.check_token(server_url=server.connections[0].uri)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
async def test_plain_http_on_loopback(
    network: Network, simulator: Simulator, account: Account, token: str, host: str
) -> None:
    """On this machine plain http is good enough."""
    server = await simulator.add_server(owner=account, host=host)

    await of_server(network, server, token=token).check_token()

    assert not server.requests[0].secure
    assert network.dialled == [host]


# Bodies

ACCOUNT = '<user id="1" uuid="xml" username="ädä"/>'
DOCTYPE = f"<!DOCTYPE user>{ACCOUNT}"
BOMB = '<!DOCTYPE user [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><user id="1" uuid="&b;"/>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("content_type", ["application/xml", "application/json"])
async def test_xml_in_several_encodings(
    client: PlexTvClient, simulator: Simulator, encoding: str, content_type: str
) -> None:
    """XML is recognised by what it is, in whatever encoding."""
    simulator.fault(body=ACCOUNT.encode(encoding), content_type=content_type)

    assert (await client.get_token_details()).username == "ädä"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "latin-1"])
async def test_xml_that_declares_its_encoding(
    client: PlexTvClient, simulator: Simulator, encoding: str
) -> None:
    """XML may say which encoding it has; JSON's header doesn't matter."""
    declared = {"latin-1": "iso-8859-1"}.get(encoding, "utf-16")
    text = f'<?xml version="1.0" encoding="{declared}"?>\n{ACCOUNT}'
    simulator.fault(
        body=text.encode(encoding), content_type="application/json; charset=utf-7"
    )

    assert (await client.get_token_details()).username == "ädä"


async def test_json_with_a_mark_for_a_strict_decoder(
    network: Network, simulator: Simulator, token: str
) -> None:
    """A byte order mark is not shown to a decoder that knows none."""

    def strict_loads(body: bytes) -> Any:
        return json.loads(body.decode())

    client = plex_tv(network, simulator, token=token, json_loads=strict_loads)
    simulator.fault(body='{"id": 1, "uuid": "marked"}'.encode("utf-8-sig"))

    assert (await client.get_token_details()).uuid == "marked"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
async def test_json_in_several_encodings(
    client: PlexTvClient, simulator: Simulator, encoding: str
) -> None:
    """JSON is recognised by what it is too, whatever its header says."""
    simulator.fault(
        body='{"id": 1, "uuid": "json", "username": "ädä"}'.encode(encoding),
        content_type="text/html; charset=ascii",
    )

    assert (await client.get_token_details()).username == "ädä"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("text", [DOCTYPE, BOMB], ids=["document type", "entities"])
async def test_xml_with_a_document_type(
    client: PlexTvClient, simulator: Simulator, encoding: str, text: str
) -> None:
    """XML that could declare entities is refused, in whatever encoding it hides."""
    simulator.fault(body=text.encode(encoding), times=1)

    with pytest.raises(PlexResponseError) as refused:
        await client.get_token_details()

    assert refused.value.status == 200
    assert await client.get_token_details()


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"<a>" * 100_000,
        b"<a>" * 100_000 + b"</a>" * 100_000,
        b"<a>" * 65 + b"</a>" * 65,
    ],
    ids=["open lists", "lists", "objects", "open elements", "elements", "65 elements"],
)
async def test_deep_nesting(
    client: PlexTvClient, simulator: Simulator, body: bytes
) -> None:
    """A body that nests beyond reason is refused before it exhausts anything."""
    simulator.fault(body=body, times=1)

    with pytest.raises(PlexResponseError) as refused:
        await client.get_token_details()

    assert refused.value.status == 200
    assert await client.get_token_details()


async def test_reasonable_nesting(client: PlexTvClient, simulator: Simulator) -> None:
    """What nests less deeply is read."""
    deep = "<a>" * 50 + "</a>" * 50
    simulator.fault(body=f'<user id="1" uuid="deep">{deep}</user>')

    assert (await client.get_token_details()).uuid == "deep"


@pytest.mark.parametrize(
    "body",
    [
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
    ids=lambda body: repr(body[:40]),
)
async def test_broken_bodies(
    client: PlexTvClient, simulator: Simulator, body: bytes
) -> None:
    """A body that can't be read is an error of its own, never another one."""
    simulator.fault(body=body, times=1)

    with pytest.raises(PlexResponseError) as refused:
        await client.get_token_details()

    assert refused.value.status == 200
    assert await client.get_token_details()


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "null",
        '"error"',
        {"errors": None},
        {"errors": []},
        {"errors": [None]},
        {"errors": "Busy"},
        {"errors": [{"code": [], "message": {}}]},
        {"errors": [{"code": True, "message": None}]},
        {"error": None},
        {"error": []},
        {"error": [[]]},
        {"error": {}},
        "<errors/>",
        "<errors><error/></errors>",
        "<error/>",
        "<!DOCTYPE errors><errors><error code='1001'/></errors>",
        "[" * 100_000,
    ],
    ids=lambda body: repr(body)[:40],
)
@pytest.mark.parametrize(
    ("status", "error"),
    [(401, PlexAuthenticationError), (422, PlexResponseError)],
)
async def test_odd_refusals(
    client: PlexTvClient,
    simulator: Simulator,
    body: Any,
    status: int,
    error: type[PlexError],
) -> None:
    """A refusal is one, whatever its body looks like."""
    simulator.fault(status=status, body=body, times=1)

    with pytest.raises(error) as refused:
        await client.get_token_details()

    assert (refused.value.status, refused.value.code) == (status, None)
    assert await client.get_token_details()


@pytest.mark.parametrize("digits", [20, 4000, 5000])
@pytest.mark.parametrize("decoder", [None, strict_loads])
async def test_huge_integers(
    network: Network, simulator: Simulator, token: str, digits: int, decoder: Any
) -> None:
    """An integer that no machine word holds is left out."""
    client = plex_tv(network, simulator, token=token, json_loads=decoder)
    huge = b"9" * digits
    simulator.fault(
        body=b'{"id": 1, "uuid": "a", "homeSize": %s, "joinedAt": %s, "guest": %s,'
        b'"maxHomeSize": "%s", "title": %s}' % ((huge,) * 5)
    )

    details = await client.get_token_details()

    assert (details.home_size, details.max_home_size) == (None, None)
    assert (details.joined_at, details.title) == (None, None)
    assert not details.guest


async def test_attribute_and_child_of_one_name(
    client: PlexTvClient, simulator: Simulator
) -> None:
    """In XML an attribute keeps its name from a child that has the same."""
    simulator.fault(
        body='<user id="1" uuid="a" title="Ada"><title>Grace</title><title/></user>'
    )

    assert (await client.get_token_details()).title == "Ada"


async def test_duplicate_keys(client: PlexTvClient, simulator: Simulator) -> None:
    """Of two equal keys the last one counts, as everywhere."""
    simulator.fault(body='{"id": 1, "uuid": "first", "uuid": "last"}')

    assert (await client.get_token_details()).uuid == "last"


@pytest.mark.parametrize("body", ["", " \r\n\t "])
async def test_empty_body(
    client: PlexTvClient, simulator: Simulator, body: str
) -> None:
    """An empty body is fine where nothing is expected, and no account."""
    simulator.fault(status=200, body=body, times=2)

    await client.sign_out()
    with pytest.raises(PlexResponseError):
        await client.get_token_details()

    assert await client.get_token_details()


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
