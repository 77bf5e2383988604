"""The actions: what they answer, what they refuse and why."""

import asyncio
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
)
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util
from tests.simulator import Account, Server, Simulator

from .common import (
    ACCOUNT_REFRESH,
    DOMAIN,
    call,
    device_of,
    pass_time,
    press_refresh,
    set_up,
    settle,
    state_of,
)

SOURCE = "get_source_connection_information"
TOKEN = "get_transient_token"
DETAILS = "get_token_details"


@pytest.fixture
async def device_id(
    hass: HomeAssistant, entry: MockConfigEntry, account: Account, server: Server
) -> str:
    """Return the device of the server, with the entry set up."""
    await set_up(hass, entry)
    return device_of(hass, entry, f"{account.uuid}_{server.machine_identifier}")


async def test_source_connection_information(
    hass: HomeAssistant, simulator: Simulator, server: Server, device_id: str
) -> None:
    """A server tells how it is reached itself, in one request."""
    simulator.clear_requests()
    response = await call(hass, SOURCE, device_id=device_id)

    assert response == {
        "name": "Attic",
        "client_identifier": server.machine_identifier,
        "access_token": response["access_token"],
        "connections": [
            {
                "uri": server.connections[0].uri,
                "protocol": "https",
                "address": "127.0.0.1",
                "port": server.port,
                "local": True,
                "relay": False,
            }
        ],
    }
    assert response["access_token"] in server.transient_tokens
    (request,) = simulator.requests
    assert request.query == {"source": f"server://{server.machine_identifier}"}
    assert request.token in server.transient_tokens


async def test_source_of_another_server(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    server: Server,
    device_id: str,
) -> None:
    """A server tells how another is reached, looked up anew where that is asked."""
    cellar = await simulator.add_server(name="Cellar", owner=account, tls=True)
    response = await call(
        hass,
        SOURCE,
        device_id=device_id,
        source=f"server://{cellar.machine_identifier}",
        refresh=True,
    )
    assert response["name"] == "Cellar"
    assert response["access_token"] in cellar.transient_tokens
    assert server.requests[-1].query["refresh"] == "1"


async def test_source_after_restart(
    hass: HomeAssistant, simulator: Simulator, server: Server, device_id: str
) -> None:
    """A token that died with a restart is renewed once."""
    await server.restart()
    simulator.clear_requests()
    await call(hass, SOURCE, device_id=device_id)
    assert [request.path for request in server.requests] == [
        "/security/resources",
        "/",
        "/identity",
        "/security/token",
        "/",
        "/security/resources",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "",
        "server://",
        "server://x?token=1",
        "server://x/../y",
        "server://x#y",
        "server://a b",
        "provider://",
        "provider://a/b",
        "http://plex.tv",
        "server:/x",
        "SERVER://abc",
        "server://abc\n",
        "server://ä",
    ],
)
async def test_malformed_source(
    hass: HomeAssistant,
    simulator: Simulator,
    server: Server,
    device_id: str,
    source: str,
) -> None:
    """A malformed source is refused before anything is asked."""
    simulator.clear_requests()
    with pytest.raises(ServiceValidationError) as error:
        await call(hass, SOURCE, device_id=device_id, source=source)
    assert error.value.translation_key == "invalid_source"
    assert "Source must" in str(error.value)
    assert simulator.requests == []


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ({"status": 404}, "plex_refused"),
        ({"status": 200, "body": {"MediaContainer": {"size": 0}}}, "plex_refused"),
        ({"status": 503}, "plex_refused"),
    ],
)
async def test_source_without_a_token_to_ask_with(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    server: Server,
    device_id: str,
    fault: dict[str, Any],
    key: str,
) -> None:
    """That a server mints no token says nothing about the source."""
    await server.restart()
    simulator.fault(host=server.machine_identifier, path="/security/token", **fault)
    with pytest.raises(HomeAssistantError) as error:
        await call(hass, SOURCE, device_id=device_id)
    assert error.value.translation_key == key

    simulator.clear_faults()
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert (await call(hass, SOURCE, device_id=device_id))["name"] == "Attic"


@pytest.mark.parametrize(
    "source",
    [
        "server://0123abcd",
        "server://0123abcd/com.plexapp.plugins.library",
        "provider://x",
    ],
)
async def test_unknown_source(
    hass: HomeAssistant, server: Server, device_id: str, source: str
) -> None:
    """A source that the server doesn't know is told apart from other refusals."""
    with pytest.raises(ServiceValidationError) as error:
        await call(hass, SOURCE, device_id=device_id, source=source)
    assert error.value.translation_key == "source_unknown"
    assert "Attic" in str(error.value)

    server.sources[source] = {
        "name": "Found",
        "clientIdentifier": "x",
        "accessToken": "transient-x",
        "connections": [],
    }
    assert (await call(hass, SOURCE, device_id=device_id, source=source))["name"] == (
        "Found"
    )


async def test_source_of_a_shared_server(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, account: Account
) -> None:
    """A server of somebody else is refused before anything is asked."""
    grace = simulator.add_account(username="grace")
    cellar = await simulator.add_server(
        name="Cellar", owner=grace, shared_with=[account], tls=True
    )
    await set_up(hass, entry)
    device_id = device_of(hass, entry, f"{account.uuid}_{cellar.machine_identifier}")
    simulator.clear_requests()

    with pytest.raises(ServiceValidationError) as error:
        await call(hass, SOURCE, device_id=device_id)
    assert error.value.translation_key == "server_not_owned"
    assert simulator.requests == []

    assert (await call(hass, TOKEN, device_id=device_id))["name"] == "Cellar"


async def test_transient_token(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    server: Server,
    device_id: str,
) -> None:
    """The token that is kept is handed out, proved by one request."""
    simulator.clear_requests()
    minted_at = dt_util.utcnow()
    freezer.tick(30)
    response = await call(hass, TOKEN, device_id=device_id)

    assert response == {
        "token": response["token"],
        "expires_at": (minted_at + timedelta(hours=48)).isoformat(),
        "uri": server.connections[0].uri,
        "name": "Attic",
        "client_identifier": server.machine_identifier,
    }
    assert [(request.path, request.token) for request in server.requests] == [
        ("/", response["token"])
    ]
    assert response["token"] in server.transient_tokens


async def test_transient_token_after_restart(
    hass: HomeAssistant, simulator: Simulator, server: Server, device_id: str
) -> None:
    """A token that died with a restart is not handed out."""
    await server.restart()
    response = await call(hass, TOKEN, device_id=device_id)
    assert response["token"] in server.transient_tokens


async def test_calls_at_once_share_a_mint(
    hass: HomeAssistant, simulator: Simulator, server: Server, device_id: str
) -> None:
    """Those who need a token at the same moment get the same one."""
    await server.restart()
    simulator.clear_requests()
    responses = await asyncio.gather(
        *(call(hass, TOKEN, device_id=device_id) for _ in range(5))
    )
    assert len({response["token"] for response in responses}) == 1
    paths = [request.path for request in server.requests]
    assert paths.count("/security/token") == 1


@pytest.mark.parametrize("action", [SOURCE, TOKEN])
async def test_server_off_and_on(
    hass: HomeAssistant, server: Server, device_id: str, action: str
) -> None:
    """A server that can't be reached is said to be so, until it can."""
    await server.stop()
    with pytest.raises(HomeAssistantError) as error:
        await call(hass, action, device_id=device_id)
    assert error.value.translation_key == "server_unreachable"
    assert "Attic" in str(error.value)

    await server.start()
    assert (await call(hass, action, device_id=device_id))["name"] == "Attic"


@pytest.mark.parametrize("running", [True, False])
async def test_names_in_errors(
    hass: HomeAssistant, server: Server, device_id: str, running: bool
) -> None:
    """Toasts render Markdown, so what others call their servers is escaped."""
    server.name = "![Attic](http://a.b)"
    await hass.config_entries.async_entries(DOMAIN)[0].runtime_data.async_refresh()
    if not running:
        await server.stop()
    with pytest.raises(HomeAssistantError) as error:
        await call(hass, "call_api", device_id=device_id, path="/nothing")
    assert r"!\[Attic\](http\://a.b)" in str(error.value)

    await server.start()
    assert await call(hass, "call_api", device_id=device_id, path="/library/sections")


@pytest.mark.parametrize("action", [SOURCE, TOKEN])
async def test_server_that_is_no_longer_listed(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    account: Account,
    server: Server,
    device_id: str,
    action: str,
) -> None:
    """A server that two lists leave out counts as unreachable, though it answers."""
    server.listed = False
    await simulator.add_server(name="Cellar", owner=account, tls=True)
    await press_refresh(hass, account)
    assert (await call(hass, action, device_id=device_id))["name"] == "Attic"
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    simulator.clear_requests()
    with pytest.raises(HomeAssistantError) as error:
        await call(hass, action, device_id=device_id)
    assert error.value.translation_key == "server_not_listed"
    assert server.requests == []

    server.listed = True
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert (await call(hass, action, device_id=device_id))["name"] == "Attic"


@pytest.mark.parametrize("fault", [{"action": "endless"}, {"body": "<html></html>"}])
async def test_source_without_a_usable_answer(
    hass: HomeAssistant,
    simulator: Simulator,
    server: Server,
    device_id: str,
    fault: dict[str, Any],
) -> None:
    """An answer that can't be used says nothing about the source."""
    host = server.machine_identifier
    simulator.fault(host=host, path="/security/resources", **fault)
    with pytest.raises(HomeAssistantError) as error:
        await call(hass, SOURCE, device_id=device_id)
    assert error.value.translation_key == "plex_refused"

    simulator.clear_faults()
    assert (await call(hass, SOURCE, device_id=device_id))["name"] == "Attic"


@pytest.mark.parametrize(
    ("action", "path", "status", "key"),
    [
        (SOURCE, "/security/resources", 401, "token_refused"),
        (SOURCE, "/security/resources", 403, "token_refused"),
        (SOURCE, "/security/resources", 418, "plex_refused"),
        (SOURCE, "/security/resources", 429, "rate_limited"),
        (TOKEN, "/", 401, "token_refused"),
        (TOKEN, "/", 403, "token_refused"),
    ],
)
async def test_refusals(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    server: Server,
    device_id: str,
    action: str,
    path: str,
    status: int,
    key: str,
) -> None:
    """Refusals of a server are told, don't touch the sign-in, and end."""
    simulator.fault(host=server.machine_identifier, path=path, status=status)
    with pytest.raises(HomeAssistantError) as error:
        await call(hass, action, device_id=device_id)
    assert error.value.translation_key == key
    assert hass.config_entries.flow.async_progress() == []

    simulator.clear_faults()
    await pass_time(hass, freezer, ACCOUNT_REFRESH)
    assert (await call(hass, action, device_id=device_id))["name"] == "Attic"


async def test_connections_of_a_source(
    hass: HomeAssistant, server: Server, device_id: str
) -> None:
    """Connections to which no token may be sent are left out."""
    good = server.connections[0]
    direct = good.uri.partition("://")[2]
    others = ("203-0-113-7", "10-1-2-3", "169-254-169-254")
    uris = [
        "https://203.0.113.7:32400",
        "https://192.168.1.2:32400",
        "http://192.168.1.2:32400",
        "http://example.com",
        "https://169.254.169.254/latest",
        "https://[::ffff:169.254.169.254]",
        "https://user:secret@example.com",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "",
        *(f"http://{one}.{'0' * 32}.plex.direct:32400" for one in others),
        f"http://{direct}",
    ]
    connections: list[Any] = [
        *({"uri": uri, "protocol": "javascript", "address": "x"} for uri in uris),
        {"uri": "https://203.0.113.8", "address": "169.254.169.254"},
    ]
    server.sources["provider://x"] = {"name": "X", "Connection": connections}
    response = await call(hass, SOURCE, device_id=device_id, source="provider://x")
    assert [(one["protocol"], one["uri"]) for one in response["connections"]] == [
        ("https", "https://203.0.113.7:32400"),
        ("https", "https://192.168.1.2:32400"),
        *(
            ("https", f"https://{one}.{'0' * 32}.plex.direct:32400")
            for one in others[:2]
        ),
        ("http", f"http://{direct}"),
    ]


async def test_disabled_device(
    hass: HomeAssistant, simulator: Simulator, server: Server, device_id: str
) -> None:
    """A server whose device is disabled is asked nothing."""
    registry = dr.async_get(hass)
    registry.async_update_device(device_id, disabled_by=dr.DeviceEntryDisabler.USER)
    await settle(hass)
    simulator.clear_requests()
    with pytest.raises(ServiceValidationError) as error:
        await call(hass, TOKEN, device_id=device_id)
    assert error.value.translation_key == "server_disabled"
    assert "Attic" in str(error.value)
    assert simulator.requests == []

    registry.async_update_device(device_id, disabled_by=None)
    await settle(hass)
    assert (await call(hass, TOKEN, device_id=device_id))["name"] == "Attic"


async def test_token_details(
    hass: HomeAssistant, entry: MockConfigEntry, account: Account, device_id: str
) -> None:
    """All that is known of the account is told, but not the e-mail address."""
    account.email = "sentinel@example.com"
    account.title = "sentinel@example.com"
    account.roles = ["plexpass"]
    account.subscription = {
        "active": True,
        "status": "Active",
        "plan": "lifetime",
        "subscribedAt": "2020-02-03T04:05:06Z",
        "paymentService": "braintree",
        "features": ["webhooks"],
    }
    response = await call(hass, DETAILS)

    assert response == {
        "id": account.id,
        "uuid": account.uuid,
        "username": "ada",
        "title": None,
        "friendly_name": "",
        "country": "GB",
        "joined_at": "2014-02-28T00:00:00+00:00",
        "confirmed": True,
        "two_factor_enabled": True,
        "backup_codes_created": False,
        "has_password": True,
        "home": False,
        "home_admin": False,
        "home_size": 1,
        "max_home_size": 15,
        "guest": False,
        "restricted": False,
        "protected": False,
        "roles": ["plexpass"],
        "entitlements": [],
        "subscription": {
            "active": True,
            "status": "Active",
            "plan": "lifetime",
            "subscribed_at": "2020-02-03T04:05:06+00:00",
            "payment_service": "braintree",
            "features": ["webhooks"],
        },
    }
    assert await call(hass, DETAILS, config_entry_id=entry.entry_id) == response


async def test_token_details_without_subscription(
    hass: HomeAssistant, account: Account, device_id: str
) -> None:
    """An account that Plex names no subscription of has none here."""
    account.extra = {"subscription": None, "joinedAt": None}
    response = await call(hass, DETAILS)
    assert (response["subscription"], response["joined_at"]) == (None, None)


async def test_token_details_refused(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    simulator: Simulator,
    account: Account,
    device_id: str,
) -> None:
    """A refused account token is asked about again, then asks for a sign-in once."""
    simulator.fault(path="/user", status=401)
    with pytest.raises(HomeAssistantError) as error:
        await call(hass, DETAILS)
    assert error.value.translation_key == "token_revoked"
    assert hass.config_entries.flow.async_progress() == []
    await pass_time(hass, freezer, timedelta(seconds=62))
    with pytest.raises(HomeAssistantError):
        await call(hass, DETAILS)
    await settle(hass)

    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == "reauth"
    activity = state_of(hass, "event", f"{account.uuid}_activity")
    assert activity.attributes["event_type"] == "token_rejected"

    simulator.clear_faults()
    assert (await call(hass, DETAILS))["username"] == "ada"


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ({"status": 503}, "plex_tv_http_status"),
        ({"status": 429}, "plex_tv_rate_limited"),
        ({"action": "drop"}, "plex_tv_unavailable"),
        ({"body": "<html></html>"}, "plex_tv_unexpected"),
    ],
)
async def test_token_details_in_an_outage(
    hass: HomeAssistant,
    simulator: Simulator,
    device_id: str,
    fault: dict[str, Any],
    key: str,
) -> None:
    """An outage of plex.tv is told, and means nothing for the sign-in."""
    simulator.fault(path="/user", **fault)
    with pytest.raises(HomeAssistantError) as error:
        await call(hass, DETAILS)
    assert error.value.translation_key == key
    assert hass.config_entries.flow.async_progress() == []

    simulator.clear_faults()
    assert (await call(hass, DETAILS))["username"] == "ada"


@pytest.mark.parametrize("action", [SOURCE, TOKEN])
async def test_wrong_device(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    device_id: str,
    action: str,
) -> None:
    """Only the device of a server will do, of an account that is loaded."""
    simulator.clear_requests()
    with pytest.raises(ServiceValidationError):
        await call(hass, action, device_id="unknown")

    with pytest.raises(ServiceValidationError) as error:
        await call(hass, action, device_id=device_of(hass, entry, account.uuid))
    assert error.value.translation_key == "not_a_server"
    assert "Select a server" in str(error.value)

    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(ServiceValidationError):
        await call(hass, action, device_id=device_id)
    assert simulator.requests == []

    await set_up(hass, entry)
    assert (await call(hass, action, device_id=device_id))["name"] == "Attic"


async def test_details_of_an_entry_that_is_not_loaded(
    hass: HomeAssistant, entry: MockConfigEntry, device_id: str
) -> None:
    """An account that isn't loaded, or doesn't exist, is refused."""
    await hass.config_entries.async_unload(entry.entry_id)
    for data in ({}, {"config_entry_id": entry.entry_id}, {"config_entry_id": "x"}):
        with pytest.raises(ServiceValidationError):
            await call(hass, DETAILS, **data)
    await set_up(hass, entry)
    assert (await call(hass, DETAILS))["username"] == "ada"


@pytest.mark.parametrize("action", [SOURCE, TOKEN, DETAILS])
async def test_only_for_administrators(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    device_id: str,
    hass_read_only_user: MockUser,
    action: str,
) -> None:
    """A user who is no administrator is refused; an automation is not."""
    data: dict[str, dict[str, str]] = {DETAILS: {}}
    simulator.clear_requests()
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            action,
            data.get(action, {"device_id": device_id}),
            blocking=True,
            return_response=True,
            context=Context(user_id=hass_read_only_user.id),
        )
    assert simulator.requests == []
    assert await call(hass, action, **data.get(action, {"device_id": device_id}))


async def test_transient_token_a_day_later(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    server: Server,
    device_id: str,
) -> None:
    """A token is minted anew ahead of its end."""
    first = (await call(hass, TOKEN, device_id=device_id))["token"]
    await pass_time(hass, freezer, timedelta(hours=25))
    second = (await call(hass, TOKEN, device_id=device_id))["token"]
    assert second != first
