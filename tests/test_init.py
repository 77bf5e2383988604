"""Set-up, unloading and removal of an account, and the devices it makes."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from tests.simulator import Account, Server, Simulator

from .common import DOMAIN, set_up, settle, state_of


async def test_set_up_and_unload(
    hass: HomeAssistant, entry: MockConfigEntry, server: Server
) -> None:
    """An entry loads, unloads and loads again."""
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED

    await hass.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED

    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED


async def test_requests_of_set_up(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, server: Server
) -> None:
    """Set-up asks plex.tv twice, and a server what it takes to know that it is there."""
    await set_up(hass, entry)

    assert sorted(
        (request.host == "plex.tv", request.method, request.path)
        for request in simulator.requests
    ) == [
        (False, "GET", "/"),
        (False, "GET", "/identity"),
        (False, "POST", "/security/token"),
        (True, "GET", "/resources"),
        (True, "GET", "/user"),
    ]


async def test_every_request_introduces_itself(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, server: Server
) -> None:
    """The same client identifier and names go with all requests, probes included."""
    await set_up(hass, entry)

    assert {request.client_identifier for request in simulator.requests} == {
        entry.data["client_identifier"]
    }
    assert {
        request.headers["X-Plex-Device-Name"] for request in simulator.requests
    } == {"Home Assistant"}
    assert not any("X-Plex-Token" in request.query for request in simulator.requests)


async def test_each_token_goes_where_it_belongs(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, account: Account
) -> None:
    """The account token goes to plex.tv, the server token to mint, no token probes."""
    server = await simulator.add_server(owner=account, tls=True, token="server-token")
    await set_up(hass, entry)

    transient = next(iter(server.transient_tokens))
    assert {
        (request.path, request.token)
        for request in simulator.requests
        if request.host == "plex.tv"
    } == {("/user", entry.data["token"]), ("/resources", entry.data["token"])}
    assert {(request.path, request.token) for request in server.requests} == {
        ("/identity", None),
        ("/security/token", "server-token"),
        ("/", transient),
    }


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ({"status": 401}, ConfigEntryState.SETUP_ERROR),
        (
            {
                "status": 422,
                "body": {"errors": [{"code": 1, "message": "Invalid token"}]},
            },
            ConfigEntryState.SETUP_ERROR,
        ),
        ({"status": 403}, ConfigEntryState.SETUP_RETRY),
        ({"status": 408}, ConfigEntryState.SETUP_RETRY),
        ({"status": 429}, ConfigEntryState.SETUP_RETRY),
        ({"status": 503}, ConfigEntryState.SETUP_RETRY),
        ({"body": "<html></html>"}, ConfigEntryState.SETUP_RETRY),
        ({"body": '{"truncated'}, ConfigEntryState.SETUP_RETRY),
        ({"action": "truncate"}, ConfigEntryState.SETUP_RETRY),
    ],
)
@pytest.mark.parametrize("path", ["/user", "/resources"])
async def test_set_up_fails_and_recovers(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    fault: dict[str, object],
    path: str,
    state: ConfigEntryState,
) -> None:
    """Only a refused token asks for a sign-in; all else is tried again."""
    simulator.fault(path=path, **fault)
    await set_up(hass, entry)
    assert entry.state is state
    reauth = [
        flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()
    ]
    assert reauth == ["reauth"] * (state is ConfigEntryState.SETUP_ERROR)

    simulator.clear_faults()
    await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED


async def test_devices(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    server: Server,
) -> None:
    """The account is a service; its servers are devices linked to it."""
    grace = simulator.add_account(username="grace")
    shared = await simulator.add_server(
        name="Cellar", owner=grace, shared_with=[account], tls=True
    )
    await set_up(hass, entry)

    registry = dr.async_get(hass)
    devices = {
        device.name: device
        for device in dr.async_entries_for_config_entry(registry, entry.entry_id)
    }
    assert devices.keys() == {"ada", "Attic", "Cellar"}
    ada, attic, cellar = devices["ada"], devices["Attic"], devices["Cellar"]
    assert ada.identifiers == {(DOMAIN, account.uuid)}
    assert ada.entry_type is dr.DeviceEntryType.SERVICE
    assert attic.identifiers == {
        (DOMAIN, f"{account.uuid}_{server.machine_identifier}")
    }
    assert attic.via_device_id == ada.id
    assert attic.sw_version == server.version
    assert attic.model_id == "owned"
    assert cellar.identifiers == {
        (DOMAIN, f"{account.uuid}_{shared.machine_identifier}")
    }
    assert cellar.model_id == "shared"


@pytest.mark.parametrize("scope", ["token", "client"])
async def test_removal_signs_out(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    scope: str,
) -> None:
    """Removing the entry ends its token and nothing else."""
    simulator.sign_out_scope = scope
    other = simulator.sign_in(account, "another-client")
    await set_up(hass, entry)

    await hass.config_entries.async_remove(entry.entry_id)
    await settle(hass)

    assert list(account.tokens) == [other]


async def test_removal_after_revocation(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A token that Plex has ended already is nothing to warn of."""
    await set_up(hass, entry)
    simulator.revoke(account)
    simulator.clear_requests()

    await hass.config_entries.async_remove(entry.entry_id)

    assert [request.status for request in simulator.requests] == [401]
    assert "could not be signed out" not in caplog.text


@pytest.mark.parametrize("fault", [{"status": 503}, {"action": "drop"}])
async def test_removal_without_plex(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    fault: dict[str, object],
) -> None:
    """An entry can be removed while plex.tv is out; one warning says what is left."""
    await set_up(hass, entry)
    simulator.fault(path="/users/signout", **fault)

    await hass.config_entries.async_remove(entry.entry_id)

    assert not hass.config_entries.async_entries(DOMAIN)
    warnings = [
        record
        for record in caplog.records
        if record.levelname == "WARNING" and record.name.startswith("custom_components")
    ]
    assert ["could not be signed out" in record.message for record in warnings] == [
        True
    ]


async def test_removal_of_a_damaged_entry(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    account: Account,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A token that nobody may send any more is left over, so a warning says so."""
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, "url": "http://plex.example.com"}
    )

    await hass.config_entries.async_remove(entry.entry_id)

    assert list(account.tokens) == [entry.data["token"]]
    assert caplog.text.count("could not be signed out") == 1


@pytest.mark.parametrize("end", ["async_unload", "async_remove"])
async def test_accounts_that_share_a_server(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account: Account,
    end: str,
) -> None:
    """Two accounts have a device each for one server, and don't touch the other's."""
    grace = simulator.add_account(username="grace")
    shared = await simulator.add_server(owner=account, shared_with=[grace], tls=True)
    other = MockConfigEntry(
        domain=DOMAIN,
        title="grace",
        unique_id=grace.uuid,
        data={
            "token": simulator.sign_in(grace, "client-of-grace"),
            "client_identifier": "client-of-grace",
            "url": simulator.url,
        },
    )
    other.add_to_hass(hass)
    await set_up(hass, entry)
    await settle(hass)
    assert other.state is ConfigEntryState.LOADED

    await getattr(hass.config_entries, end)(other.entry_id)
    await settle(hass)

    key = f"{account.uuid}_{shared.machine_identifier}_connectivity"
    assert state_of(hass, "binary_sensor", key).state == "on"
