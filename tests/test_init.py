"""Setup, unloading, and removal of an account, and its devices."""

from datetime import timedelta

import pytest

from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers import device_registry as dr

from .common import DOMAIN, Home, entry_of
from .dialogs import UNREADABLE, Fault

NOT_SIGNED_OUT = "Failed to sign out the token of a removed account"


async def test_requests_of_set_up(home: Home) -> None:
    """Each token goes to one host; hosts get the same device name but separate identifiers."""
    home.server.token = "server-token"
    await home.set_up()
    (transient,) = home.server.transient_tokens
    token = home.entry.data["token"]
    assert sorted(
        (one.host == "plex.tv", one.method, one.path, one.token)
        for one in home.simulator.requests
    ) == [
        (False, "GET", "/", transient),
        (False, "GET", "/identity", None),
        (False, "POST", "/security/token", "server-token"),
        (True, "GET", "/resources", token),
        (True, "GET", "/user", token),
    ]
    await home.friend()
    await home.reload()
    requests = home.simulator.requests
    assert {one.headers["X-Plex-Device-Name"] for one in requests} == {"Home Assistant"}
    assert not any("X-Plex-Token" in one.query for one in requests)
    clients = {(one.host, one.client_identifier) for one in requests}
    assert ("plex.tv", home.entry.data["client_identifier"]) in clients
    assert len({host for host, _ in clients}) == len(clients) == 3
    assert len({identifier for _, identifier in clients}) == 3


@pytest.mark.parametrize(
    "fault",
    [
        *({"status": status} for status in (401, 429, 503)),
        {"status": 422, "code": 1, "message": "Invalid token"},
        {"status": 404, "empty": True},
        *({"body": body} for body in ("<html></html>", '{"truncated')),
        *({"action": action} for action in ("truncate", "drop")),
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/user", "/resources"])
async def test_set_up_fails_and_recovers(home: Home, fault: Fault, path: str) -> None:
    """A failed first setup is retried; with a kept list, only a rejection makes setup wait."""
    trouble = home.simulator.fault(path=path, **fault)
    await home.set_up()
    trouble.remove()
    assert home.entry.state is ConfigEntryState.SETUP_RETRY
    assert home.entry.error_reason_translation_key
    assert home.dialogs() == []
    await home.wait(timedelta(seconds=30))
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.plex_pass == "off"
    assert home.connectivity() == "on"

    home.simulator.fault(path=path, times=1, **fault)
    await home.reload()
    kept = home.entry.state is ConfigEntryState.LOADED
    assert kept is (fault.get("status") not in (401, 422))
    assert home.connectivity() == ("on" if kept else "unavailable")
    await home.wait(timedelta(minutes=1))
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.plex_pass == "off"
    assert home.connectivity() == "on"
    assert home.dialogs() == []


@pytest.mark.parametrize(("language", "model"), [("en", "Account"), ("de", "Konto")])
async def test_devices(home: Home, language: str, model: str) -> None:
    """The account is a service device in the user's language; servers are linked to it."""
    home.hass.config.language = language
    cellar = await home.friend()
    await home.set_up()
    await home.reload()
    assert {one.name for one in home.devices()} == {"Plex ada", "Attic", "Cellar"}
    ada, attic, other = home.device(), home.device(home.server), home.device(cellar)
    assert ada.identifiers == {(DOMAIN, home.account.uuid)}
    assert ada.entry_type is dr.DeviceEntryType.SERVICE
    assert ada.model == model
    assert attic.via_device_id == other.via_device_id == ada.id
    assert attic.sw_version == home.server.version
    assert (attic.model, attic.model_id) == ("Plex Media Server", None)
    assert attic.configuration_url == f"{home.server.connections[0].uri}/web"
    assert other.configuration_url is None


@pytest.mark.parametrize("scope", ["token", "client"])
async def test_removal_signs_out(home: Home, scope: str) -> None:
    """Removing the entry revokes its token and nothing else."""
    home.simulator.sign_out_scope = scope
    other = home.simulator.sign_in(home.account, "another-client")
    await home.set_up()
    await home.remove()
    assert list(home.account.tokens) == [other]


@pytest.mark.parametrize(
    ("fault", "warnings"),
    [
        ({"status": 401}, 0),
        ({"status": 503}, 1),
        ({"action": "drop"}, 1),
        (UNREADABLE, 1),
        (None, 1),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_removal_without_sign_out(
    home: Home, fault: Fault | None, warnings: int
) -> None:
    """A warning reports a token that Plex didn't revoke, or that may not be sent."""
    await home.set_up()
    home.simulator.clear_requests()
    if fault:
        home.simulator.fault(path="/users/signout", **fault)
    else:
        home.update_entry(url="http://plex.example.com")
    await home.remove()
    assert set(home.asked()) == ({"/users/signout"} if fault else set())
    assert list(home.account.tokens) == [home.entry.data["token"]]
    assert not home.hass.config_entries.async_entries(DOMAIN)
    assert home.log == ["WARNING"] * warnings
    assert home.errors == []
    assert home.caplog.text.count(NOT_SIGNED_OUT) == warnings


@pytest.mark.parametrize("end", ["async_unload", "async_remove"])
async def test_accounts_that_share_a_server(home: Home, end: str) -> None:
    """Two accounts have separate devices for one server, and leave each other's alone."""
    cellar = await home.friend()
    other = entry_of(home.simulator, cellar.owner, "client-of-grace")
    other.add_to_hass(home.hass)
    await home.set_up()
    assert other.state is ConfigEntryState.LOADED

    await getattr(home.hass.config_entries, end)(other.entry_id)
    await home.wait()
    assert home.connectivity(cellar) == "on"
