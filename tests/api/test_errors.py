"""Errors: what they tell, and what they never tell."""

import asyncio
from collections.abc import Iterator
import json
import logging
import traceback
from typing import Any

import pytest

from custom_components.plex_account.api import (
    PlexAddressError,
    PlexAuthenticationError,
    PlexCertificateError,
    PlexConnectionError,
    PlexEmailRequired,
    PlexError,
    PlexInvalidCode,
    PlexMaintenance,
    PlexRateLimitError,
    PlexResponseError,
    PlexResponseTooLarge,
    PlexTimeoutError,
    PlexTooManyAttempts,
    PlexTwoFactorRequired,
)
from tests.simulator import Account, Server, Simulator

from .common import Network, error_body, of_server, plex_tv

TOKEN = "token-to-be-kept"
PASSWORD = "password-to-be-kept"
CODE = "987654"
LOGIN = "login-to-be-kept"
HEADER = "header-to-be-kept"
MESSAGE = "message-to-be-kept"
SECRETS = (
    TOKEN,
    PASSWORD,
    CODE,
    LOGIN,
    HEADER,
    MESSAGE,
    "127.0.0.1",
    "127-0-0-1",
    "plex.direct",
    "://",
    "/users/signin",
    "/security",
    "includeSubscriptions",
)


def with_all_that_it_carries(error: BaseException) -> Iterator[BaseException]:
    """Return an error, and every error that it came from."""
    seen: list[BaseException] = [error]
    for one in seen:
        yield one
        seen += [
            other
            for other in (one.__cause__, one.__context__)
            if other is not None and other not in seen
        ]


def assert_safe(error: PlexError) -> None:
    """Make sure that an error can be logged, with everything that hangs on it."""
    for one in with_all_that_it_carries(error):
        assert isinstance(one, PlexError)
        written = [
            str(one),
            repr(one),
            repr(one.args),
            "".join(traceback.format_exception_only(one)),
        ]
        assert [
            secret for secret in SECRETS for text in written if secret in text
        ] == []


FAULTS: dict[str, tuple[dict[str, Any], type[PlexError]]] = {
    "refused": ({"status": 401, "body": error_body(1001)}, PlexAuthenticationError),
    "code asked for": (
        {"status": 401, "body": error_body(1029, MESSAGE)},
        PlexTwoFactorRequired,
    ),
    "wrong code": ({"status": 401, "body": error_body(1028, MESSAGE)}, PlexInvalidCode),
    "locked": ({"status": 401, "body": error_body(1031, MESSAGE)}, PlexTooManyAttempts),
    "rate limit": (
        {"status": 429, "body": error_body(1003, MESSAGE)},
        PlexRateLimitError,
    ),
    "bad request": ({"status": 400, "body": error_body(1000)}, PlexResponseError),
    "echo": ({"status": 500, "body": f"{LOGIN} {PASSWORD} {TOKEN}"}, PlexResponseError),
    "unreadable": ({"status": 200, "body": f"<{PASSWORD} {TOKEN}"}, PlexResponseError),
    "document type": (
        {"status": 200, "body": f"<!DOCTYPE {PASSWORD}><a/>"},
        PlexResponseError,
    ),
    "nested": ({"status": 200, "body": "[" * 100_000}, PlexResponseError),
    "unusable": ({"status": 200, "body": {"password": PASSWORD}}, PlexResponseError),
    "redirect": (
        {"status": 302, "headers": {"Location": f"http://127.0.0.1/?{TOKEN}"}},
        PlexResponseError,
    ),
    "too long": ({"action": "endless"}, PlexResponseError),
    "broken off": ({"action": "truncate"}, PlexConnectionError),
    "hung up": ({"action": "drop"}, PlexConnectionError),
    "late": ({"action": "hang"}, PlexTimeoutError),
    "not packed": (
        {"body": PASSWORD, "headers": {"Content-Encoding": "gzip"}},
        PlexError,
    ),
}


def patience(name: str) -> float:
    """Return how long to wait for an answer: not for long where there will be none."""
    return {"late": 0.2}.get(name, 10)


@pytest.mark.parametrize("name", FAULTS)
async def test_sign_in_tells_nothing(
    network: Network,
    simulator: Simulator,
    name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither the text of an error nor the log has anything of request or answer."""
    fault, error = FAULTS[name]
    answered = simulator.fault(
        **{**fault, "headers": {"X-Echo": HEADER, **fault.get("headers", {})}}
    )
    client = plex_tv(network, simulator, token=TOKEN, timeout=patience(name))
    caplog.set_level(logging.DEBUG, "custom_components.plex_account")

    with pytest.raises(error) as failed:
        await client.post_users_sign_in_data(LOGIN, PASSWORD, CODE)

    assert_safe(failed.value)
    assert [one.name for one in caplog.records if "plex_account" in one.name] == []
    answered.remove()
    simulator.add_account(username=LOGIN, password=PASSWORD)
    assert await client.post_users_sign_in_data(LOGIN, PASSWORD, timeout=10)


@pytest.mark.parametrize("name", FAULTS)
async def test_servers_tell_nothing(
    network: Network, simulator: Simulator, server: Server, token: str, name: str
) -> None:
    """The same holds for the token of a server, with both verbs."""
    fault, _ = FAULTS[name]
    server.post_token_status = 405
    answered = simulator.fault(host=server.machine_identifier, method="GET", **fault)
    client = of_server(network, server, token=token, timeout=patience(name))

    with pytest.raises(PlexError) as failed:
        await client.get_transient_token(headers={"X-Echo": HEADER})

    assert_safe(failed.value)
    assert token not in repr(failed.value)
    answered.remove()
    assert await client.get_transient_token(timeout=10)


@pytest.mark.parametrize(
    "url",
    [
        f"https://{TOKEN}.example.invalid/",
        f"http://192.0.2.1/{TOKEN}",
        f"https://127.0.0.1:99999/{TOKEN}",
        f"nonsense {TOKEN}",
        f"https://user:{PASSWORD}@127.0.0.1:1/",
    ],
)
async def test_addresses_are_not_told(
    network: Network, simulator: Simulator, account: Account, token: str, url: str
) -> None:
    """An address may hold something secret too."""
    client = plex_tv(network, simulator, token=token)

    with pytest.raises(PlexConnectionError) as failed:
        await client.get_token_details(server_url=url)

    assert_safe(failed.value)
    assert await client.get_token_details()


async def test_refused_connection_tells_nothing(
    network: Network, simulator: Simulator, token: str
) -> None:
    """Neither is it told who refused a connection."""
    client = plex_tv(network, simulator, token=token)
    await simulator.stop_plex_tv()

    with pytest.raises(PlexConnectionError) as failed:
        await client.get_token_details()

    assert_safe(failed.value)
    await simulator.start_plex_tv()
    assert await client.get_token_details()


async def test_refused_certificate_tells_nothing(
    network: Network, server: Server, token: str
) -> None:
    """Nor which certificate was refused."""
    client = of_server(network, server, token=token)
    server.renew_certificate()

    with pytest.raises(PlexConnectionError) as failed:
        await client.check_token()

    assert_safe(failed.value)
    await client.check_token(server_url=server.connections[0].uri)


async def test_headers_are_not_told(
    network: Network, simulator: Simulator, token: str
) -> None:
    """A header that can't be sent stays out of the text."""
    client = plex_tv(network, simulator, token=token)

    with pytest.raises(PlexConnectionError) as failed:
        await client.get_token_details(headers={"X-Echo": f"{HEADER}\r\n"})

    assert_safe(failed.value)
    assert await client.get_token_details()


async def test_facts_of_an_answer(
    network: Network, simulator: Simulator, account: Account
) -> None:
    """Status and code are told; the rest is there for who asks for it."""
    client = plex_tv(network, simulator)
    simulator.fault(
        status=401, body=error_body(1029, MESSAGE), headers={"X-Echo": HEADER}
    )

    with pytest.raises(PlexTwoFactorRequired) as failed:
        await client.post_users_sign_in_data(LOGIN, PASSWORD)

    error = failed.value
    assert "401" in str(error)
    assert "1029" in str(error)
    assert (error.status, error.code, error.message) == (401, 1029, MESSAGE)
    assert error.content_type == "application/json"
    assert error.headers is not None
    assert error.headers["x-echo"] == HEADER
    assert error.retry_after is None


def frames_of(error: BaseException) -> Iterator[str]:
    """Return the local variables of all frames but those of this file."""
    seen: list[BaseException | None] = [error]
    for one in seen:
        if one is None:
            continue
        seen += [
            other for other in (one.__cause__, one.__context__) if other not in seen
        ]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if frame.f_code.co_filename != __file__:
                yield repr(frame.f_locals)


def assert_frames_are_empty(error: BaseException) -> None:
    """Make sure that whoever records local variables finds no secret."""
    told = "".join(frames_of(error))
    assert "<function" in told  # the operation itself is there
    assert [secret for secret in SECRETS if secret in told] == []


async def test_frames_of_a_time_out(network: Network, simulator: Simulator) -> None:
    """A call that is given up leaves a cancellation, whose frames count as well."""
    simulator.fault(action="hang", times=1)
    client = plex_tv(network, simulator, token=TOKEN)

    with pytest.raises(TimeoutError) as late:
        async with asyncio.timeout(0.1):
            await client.post_users_sign_in_data(
                LOGIN, PASSWORD, CODE, headers={"X-Echo": HEADER}
            )

    assert_frames_are_empty(late.value)
    assert isinstance(late.value.__cause__, asyncio.CancelledError)
    simulator.add_account(username=LOGIN, password=PASSWORD)
    assert await client.post_users_sign_in_data(LOGIN, PASSWORD)


async def test_frames_of_an_unexpected_error(
    network: Network, simulator: Simulator, server: Server, token: str
) -> None:
    """So do those of an error that isn't the client's."""
    failures: list[Exception] = [LookupError("first"), LookupError("second")]

    async def moody() -> str:
        secret = TOKEN
        if failures:
            raise failures.pop()
        return secret and token

    client = of_server(network, server, token=moody)

    with pytest.raises(LookupError) as failed:
        await client.request("/", headers={"X-Echo": HEADER})
    assert_frames_are_empty(failed.value)
    with pytest.raises(LookupError) as failed_picture:
        async with client.stream("/", headers={"X-Echo": HEADER}):
            raise AssertionError("It was entered")
    assert_frames_are_empty(failed_picture.value)
    await client.check_token()


async def test_frames_of_a_picture(
    network: Network, simulator: Simulator, server: Server
) -> None:
    """And those of an answer that breaks off while it is passed on."""
    client = of_server(network, server, token=TOKEN)
    simulator.fault(
        host=server.machine_identifier, status=200, action="truncate", times=1
    )
    streamed = client.stream("/picture", headers={"X-Echo": HEADER})

    async with streamed as picture:
        with pytest.raises(PlexConnectionError) as broken:
            _ = [chunk async for chunk in picture]

    assert_safe(broken.value)
    assert_frames_are_empty(broken.value)
    assert HEADER not in repr([streamed, picture, client, vars(client)])
    assert TOKEN not in repr([streamed, picture, client, vars(client)])
    assert await client.get_identity()


EVERY_ERROR = [
    PlexError("Failed"),
    PlexAuthenticationError("Failed", status=401, message=MESSAGE),
    PlexTwoFactorRequired("Failed", code=1029, headers={"X-Echo": HEADER}),
    PlexInvalidCode("Failed", message=MESSAGE),
    PlexTooManyAttempts("Failed", message=MESSAGE, content_type=HEADER),
    PlexRateLimitError("Failed", headers={"Retry-After": HEADER}),
    PlexResponseError("Failed", message=json.dumps({"token": TOKEN})),
    PlexConnectionError("Failed", request_sent=True),
    PlexTimeoutError("Failed", request_sent=True),
    PlexCertificateError("Failed", request_sent=False),
]


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: type(error).__name__)
def test_text_of_every_error(error: PlexError) -> None:
    """Text and repr are safe by construction."""
    assert_safe(error)
    assert str(error).startswith("Failed")
    assert isinstance(error, PlexError)


@pytest.mark.parametrize(
    ("error", "parent"),
    [
        (PlexTimeoutError, PlexConnectionError),
        (PlexCertificateError, PlexConnectionError),
        (PlexTwoFactorRequired, PlexAuthenticationError),
        (PlexInvalidCode, PlexAuthenticationError),
        (PlexTooManyAttempts, PlexAuthenticationError),
        (PlexConnectionError, PlexError),
        (PlexAddressError, PlexConnectionError),
        (PlexEmailRequired, PlexAuthenticationError),
        (PlexResponseTooLarge, PlexResponseError),
        (PlexMaintenance, PlexResponseError),
        (PlexAuthenticationError, PlexError),
        (PlexRateLimitError, PlexError),
        (PlexResponseError, PlexError),
    ],
)
def test_families(error: type[PlexError], parent: type[PlexError]) -> None:
    """Who catches a parent catches its children, and not its siblings."""
    assert issubclass(error, parent)
    assert not issubclass(parent, error)


async def test_models_keep_their_secrets(
    network: Network, simulator: Simulator, account: Account, server: Server, token: str
) -> None:
    """No repr of an answer has a token, a PIN or an e-mail address."""
    account.extra = {"pin": "hashed-pin"}
    plex = plex_tv(network, simulator, token=token)
    attic = of_server(network, server, token=token)

    details = await plex.get_token_details()
    servers = await plex.get_resources()
    pin = await plex.create_pin()
    simulator.approve_pin(pin.code, account)
    approved = await plex.get_pin(pin.id)
    transient = await attic.get_transient_token()
    source = await attic.get_source_connection_information(
        f"server://{server.machine_identifier}"
    )

    written = repr([details, servers, pin, approved, transient, source])
    secrets = [
        token,
        account.email,
        "hashed-pin",
        pin.code,
        approved.auth_token,
        transient.token,
        source.access_token,
        *(service.token for service in details.services if service.token),
        *(service.secret for service in details.services if service.secret),
    ]
    assert len(secrets) == 10
    assert [secret for secret in secrets if str(secret) in written] == []
