"""The SDK generated from the published specification. It parses JSON strictly."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
import ssl
from typing import Any

import httpx
from plex_api_client import PlexAPI
from plex_api_client.models.errors import (
    BadRequest,
    ResponseValidationError,
    SDKError,
    Unauthorized,
)
import pytest

from .conftest import CODE, PASSWORD, Plex

type MakeSdk = Callable[..., PlexAPI]


@pytest.fixture
def sdk() -> Iterator[MakeSdk]:
    """Return a factory of clients, which are closed at the end."""
    with ExitStack() as stack:
        yield lambda token=None, client_identifier="sdk", **more: stack.enter_context(
            PlexAPI(token, client_identifier=client_identifier, **more)
        )


@pytest.fixture
def sign_in(plex: Plex, sdk: MakeSdk) -> Callable[..., Any]:
    """Sign in with the given form data."""

    def sign_in(**form: str) -> Any:
        answer = sdk().authentication.post_users_sign_in_data(
            request={"request_body": form}, server_url=plex.url
        )
        return answer.user_plex_account

    return sign_in


@pytest.fixture
def joan(sdk: MakeSdk, sign_in: Callable[..., Any]) -> PlexAPI:
    """Return a client that is signed in."""
    return sdk(sign_in(login="joan", password=PASSWORD).auth_token)


def _account(plex: Plex, client: PlexAPI) -> Any:
    answer = client.authentication.get_token_details(request={}, server_url=plex.url)
    return answer.user_plex_account


def _resources(plex: Plex, client: PlexAPI) -> Any:
    answer = client.plex.get_server_resources(
        request={"include_https": 1}, server_url=plex.url
    )
    return answer.plex_devices


def _mint(url: str, client: PlexAPI) -> str:
    answer = client.general.create_transient_token(
        request={"type": "delegation", "scope": "all"}, server_url=url
    )
    return answer.object.media_container.token


def _ask(url: str, client: PlexAPI, source: str) -> Any:
    answer = client.general.get_source_connection_information(
        request={"source": source, "refresh": True}, server_url=url
    )
    return answer.object.media_container.device


def _root(url: str, client: PlexAPI) -> Any:
    """Return the top-level fields, which the SDK expects outside the container and drops."""
    answer = client.general.get_server_info(request={}, server_url=url)
    return answer.raw_response.json()["MediaContainer"]


def test_password(plex: Plex, sdk: MakeSdk, sign_in: Callable[..., Any]) -> None:
    """A sign-in returns a token and the whole account, as does a request with that token."""
    signed_in = sign_in(login="joan@example.com", password=PASSWORD)
    read = _account(plex, sdk(signed_in.auth_token))

    assert (signed_in.past_subscriptions, signed_in.trials) == ([], [])
    for account in (signed_in, read):
        assert (account.username, account.auth_token) == ("joan", signed_in.auth_token)
        assert account.uuid == plex.look_up("accounts", username="joan")["uuid"]
        assert (account.subscription.active, account.subscription.plan) == (
            True,
            "lifetime",
        )
        assert account.profile.auto_select_audio is True
        assert account.roles == ["plexpass"]


def test_two_factor_code(sign_in: Callable[..., Any]) -> None:
    """A code is requested, and accepted."""
    ada = {"login": "ada", "password": PASSWORD}
    for code, form in ((1029, ada), (1028, ada | {"verification_code": "000000"})):
        with pytest.raises(Unauthorized) as refused:
            sign_in(**form)
        assert [one.code for one in refused.value.data.errors] == [code]

    assert sign_in(**ada, verification_code=CODE).two_factor_enabled


def test_refused(plex: Plex, sdk: MakeSdk, sign_in: Callable[..., Any]) -> None:
    """Refusals have their codes, and the format defined by the specification."""
    for call in (
        lambda: sign_in(login="joan", password="wrong"),
        lambda: _account(plex, sdk("wrong")),
        lambda: _resources(plex, sdk("wrong")),
    ):
        with pytest.raises(Unauthorized) as refused:
            call()
        assert [one.code for one in refused.value.data.errors] == [1001]
    with pytest.raises(BadRequest) as refused:
        _account(plex, sdk("wrong", client_identifier=None))
    assert [one.code for one in refused.value.data.errors] == [1000]


def test_resources(plex: Plex, joan: PlexAPI) -> None:
    """Servers are listed with tokens and connections."""
    hut, vault, barn = _resources(plex, joan)

    assert (hut.name, hut.owned, hut.owner_id) == ("Hut", True, None)
    assert hut.created_at.tzinfo
    assert [one.uri for one in vault.connections] == plex.server("Vault")["connections"]
    assert (barn.name, barn.owned, barn.source_title) == ("Barn", False, "grace")
    assert barn.access_token != hut.access_token


def test_transient_token(plex: Plex, sdk: MakeSdk, joan: PlexAPI) -> None:
    """A transient token is valid at its server until that restarts."""
    hut = plex.server("Hut")
    transient = sdk(_mint(hut["url"], joan))

    assert _root(hut["url"], transient)["friendlyName"] == "Hut"
    plex.command(f"/servers/{hut['machineIdentifier']}/restart")
    with pytest.raises(SDKError, match="<h1>401 Unauthorized</h1>") as refused:
        _root(hut["url"], transient)
    assert refused.value.status_code == 401


def test_identity(plex: Plex, sdk: MakeSdk) -> None:
    """Every client can identify a server."""
    hut = plex.server("Hut")

    answer = sdk("wrong").general.get_identity(server_url=hut["url"])

    identity = answer.object.media_container
    assert (identity.claimed, identity.size) == (True, 0)
    assert identity.machine_identifier == hut["machineIdentifier"]


def test_refused_by_a_server(plex: Plex, sdk: MakeSdk, joan: PlexAPI) -> None:
    """A server refuses unknown tokens and bad requests with HTML."""
    url = plex.server("Hut")["url"]
    for status, client in ((401, sdk("wrong")), (401, sdk()), (400, joan)):
        with pytest.raises(SDKError, match="<html>") as refused:
            _ask(url, client, "server://nobody")
        assert refused.value.status_code == status


def test_source(plex: Plex, sdk: MakeSdk, joan: PlexAPI) -> None:
    """A server gives its owner another server's connections, with a token for it."""
    hut, barn = plex.server("Hut"), plex.server("Barn")
    source = f"server://{barn['machineIdentifier']}"

    for client in (joan, sdk(_mint(hut["url"], joan))):
        device = _ask(hut["url"], client, source)

        assert (device.name, device.client_identifier) == (
            "Barn",
            barn["machineIdentifier"],
        )
        (connection,) = device.connection
        assert (connection.uri, connection.local) == (barn["url"], True)
        root = _root(connection.uri, sdk(device.access_token))
        assert root["friendlyName"] == "Barn"


def test_source_is_for_owners(plex: Plex, sdk: MakeSdk, joan: PlexAPI) -> None:
    """A user with whom a server is shared can mint there, but can't request a source."""
    barn = plex.server("Barn")
    guest = sdk(_resources(plex, joan)[2].access_token)

    assert _mint(barn["url"], guest).startswith("transient-")
    with pytest.raises(SDKError, match="<html>") as refused:
        _ask(barn["url"], guest, f"server://{barn['machineIdentifier']}")
    assert refused.value.status_code == 403


def test_tls(plex: Plex, sdk: MakeSdk, joan: PlexAPI) -> None:
    """The certificate is valid for the name that contains the server's address."""
    vault = plex.server("Vault")
    name = httpx.URL(vault["connections"][0]).host

    def verify_name(request: httpx.Request) -> None:
        request.extensions["sni_hostname"] = name

    with httpx.Client(
        verify=ssl.create_default_context(cafile=plex.ca),
        event_hooks={"request": [verify_name]},
    ) as client:
        token = _resources(plex, joan)[1].access_token
        root = _root(vault["url"], sdk(token, client=client))

    assert root["friendlyName"] == "Vault"


# Where this SDK can't parse real answers. The integration can.


def test_sparse_services_are_not_understood(sign_in: Callable[..., Any]) -> None:
    """Most services of real accounts have no secret, and many have no token."""
    with pytest.raises(ResponseValidationError, match="services.0.secret") as refused:
        sign_in(login="grace", password=PASSWORD)
    assert refused.value.status_code == 201


def test_players_are_not_understood(plex: Plex, sdk: MakeSdk) -> None:
    """A player has no token, and lacks some keys of a server."""
    token = httpx.post(
        f"{plex.url}/users/signin",
        data={"login": "grace", "password": PASSWORD},
        headers={"Accept": "application/json", "X-Plex-Client-Identifier": "sdk"},
    ).json()["authToken"]

    with pytest.raises(ResponseValidationError) as refused:
        _resources(plex, sdk(token))
    assert "1.accessToken" in str(refused.value)
    assert "1.natLoopbackSupported" in str(refused.value)


def test_ping_names_no_client(plex: Plex, joan: PlexAPI) -> None:
    """Its ping has no client identifier and no token, and expects another body."""
    ping = joan.authentication.ping
    token = joan.sdk_configuration.security.token
    headers = {"X-Plex-Client-Identifier": "sdk", "X-Plex-Token": token}

    with pytest.raises(SDKError, match='"code": 1000'):
        ping(server_url=plex.url)
    answer = ping(server_url=plex.url, http_headers=headers)

    assert answer.raw_response.json() == {"pong": True}
    assert answer.success_response.success is None


def test_signing_out_has_another_status(plex: Plex, joan: PlexAPI) -> None:
    """A sign-out returns 204 instead of the expected 200; the token is revoked."""
    with pytest.raises(SDKError, match="Unexpected response received: Status 204"):
        joan.authentication.sign_out(request={}, server_url=plex.url)
    with pytest.raises(Unauthorized):
        _account(plex, joan)


def test_pins_have_another_status(plex: Plex, sdk: MakeSdk) -> None:
    """A new PIN returns 201 instead of the expected 200."""
    with pytest.raises(SDKError, match="Unexpected response received: Status 201"):
        sdk().authentication.create_o_auth_pin(
            security={"client_identifier": "sdk"}, request={}, server_url=plex.url
        )
