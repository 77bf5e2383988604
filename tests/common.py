"""Helpers for tests of the integration."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
import json
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from homeassistant.core import Context, HomeAssistant, State
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from tests.simulator import Account, Fault, Hostile, LoggedRequest, Server, Simulator

DOMAIN = "plex_account"
ACCOUNT_REFRESH = timedelta(minutes=30, seconds=1)
LOCAL_REFRESH = timedelta(seconds=61)
DISTANT_REFRESH = timedelta(minutes=5, seconds=1)
CLIENT_IDENTIFIER = "3f0c2d0e-6f5f-4d0b-9a53-0c1f9f0b7a11"
ROOT = Path(__file__).parents[1]
INTEGRATION = ROOT / "custom_components" / DOMAIN
ENGLISH = json.loads((INTEGRATION / "translations/en.json").read_text())

# Errors in an action's input, not at Plex.
INVALID = {
    *("invalid_params", "invalid_path", "invalid_source", "not_a_picture"),
    *("not_a_server", "path_not_allowed", "server_disabled", "server_not_owned"),
    *("source_unknown", "use_other_action"),
}

type AnyServer = Server | Hostile


@dataclass(frozen=True)
class Home:
    """Home Assistant with one account and its server, and the Plex they talk to."""

    hass: HomeAssistant
    freezer: FrozenDateTimeFactory
    simulator: Simulator
    entry: MockConfigEntry
    account: Account
    server: Server
    caplog: pytest.LogCaptureFixture

    async def set_up(self) -> None:
        """Set up the entry and wait until its servers have been looked for."""
        await set_up(self.hass, self.entry)

    async def unload(self) -> None:
        """Unload the entry."""
        assert await self.hass.config_entries.async_unload(self.entry.entry_id)

    async def reload(self) -> None:
        """Unload the entry and set it up again."""
        await self.hass.config_entries.async_reload(self.entry.entry_id)
        await settle(self.hass)

    async def remove(self) -> None:
        """Remove the entry."""
        await self.hass.config_entries.async_remove(self.entry.entry_id)
        await settle(self.hass)

    async def wait(self, time: timedelta = LOCAL_REFRESH, times: int = 1) -> None:
        """Let time pass here and at Plex, and let everything happen that is due."""
        for _ in range(times):
            self.simulator.clock.advance(time.total_seconds())
            await pass_time(self.hass, self.freezer, time)

    async def wait_in_vain(self, time: timedelta) -> None:
        """Let time pass, and let hanging requests time out immediately."""
        self.freezer.tick(time)
        async_fire_time_changed(self.hass)
        work = asyncio.ensure_future(self.settle())
        given_up: set[LoggedRequest] = set()
        while not work.done():
            for _ in range(100):
                await asyncio.sleep(0)
            open_now = {one for one in self.simulator.requests if one.status is None}
            if open_now - given_up:
                given_up |= open_now
                self.freezer.tick(timedelta(seconds=31))
                async_fire_time_changed(self.hass)

    async def refresh(self, times: int = 1) -> None:
        """Let the account's scheduled refresh run."""
        await self.wait(ACCOUNT_REFRESH, times)

    async def press(self) -> None:
        """Press the refresh button after its cooldown."""
        self.freezer.tick(11)
        await press_refresh(self.hass, self.account)

    async def friend(self, name: str = "Cellar", **fields: Any) -> Server:
        """Return a server that another user shares with the account."""
        grace = self.simulator.add_account(username="grace", email="grace@example.com")
        return await self.simulator.add_server(
            name=name, owner=grace, shared_with=[self.account], tls=True, **fields
        )

    async def own(self, name: str = "Loft", **fields: Any) -> Server:
        """Return another server of the account."""
        return await self.simulator.add_server(
            name=name, owner=self.account, tls=True, **fields
        )

    def unique_id(self, key: str, server: AnyServer | None = None) -> str:
        """Return the unique ID of an entity of the account, or of a server."""
        owner = f"_{server.machine_identifier}" if server else ""
        return f"{self.account.uuid}{owner}_{key}"

    def state(self, platform: str, key: str, server: AnyServer | None = None) -> str:
        """Return the state of an entity of the account, or of a server."""
        return state_of(self.hass, platform, self.unique_id(key, server)).state

    def connectivity(self, server: AnyServer | None = None) -> str:
        """Return the state of a server's connectivity."""
        return self.state("binary_sensor", "connectivity", server or self.server)

    @property
    def plex_pass(self) -> str:
        """Return the state of the Plex Pass entity: off by default, while plex.tv answers."""
        return self.state("binary_sensor", "plex_pass")

    def device(self, server: AnyServer | None = None) -> dr.DeviceEntry:
        """Return the device of the account, or of a server."""
        device = self.find_device(server)
        assert device
        return device

    def find_device(self, server: AnyServer | None = None) -> dr.DeviceEntry | None:
        """Return the device of the account or of a server, or None if there is none."""
        owner = f"_{server.machine_identifier}" if server else ""
        return dr.async_get(self.hass).async_get_device_by_identifier(
            (DOMAIN, f"{self.account.uuid}{owner}"), self.entry.entry_id
        )

    def devices(self) -> list[dr.DeviceEntry]:
        """Return the devices of the account and its servers."""
        registry = dr.async_get(self.hass)
        return dr.async_entries_for_config_entry(registry, self.entry.entry_id)

    def dialogs(self) -> list[str]:
        """Return the sources of the integration's open dialogs."""
        return [
            flow["context"]["source"]
            for flow in self.hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        ]

    def issues(self) -> list[tuple[str | None, str]]:
        """Return the kind of each issue and the name of its server."""
        return [
            (issue.translation_key, (issue.translation_placeholders or {})["name"])
            for issue in ir.async_get(self.hass).issues.values()
            if issue.domain == DOMAIN
        ]

    def asked(self, server: AnyServer | None = None) -> list[str]:
        """Return the paths requested from plex.tv, or from a server."""
        host = server.machine_identifier if server else "plex.tv"
        return [one.path for one in self.simulator.requests if one.host == host]

    async def call(
        self, action: str, server: AnyServer | None = None, **data: Any
    ) -> Any:
        """Return the response of an action, by default for the account's own server."""
        if action != "get_token_details":
            data = {"device_id": self.device(server or self.server).id} | data
        return await call(self.hass, action, **data)

    async def refused(self, action: str, key: str, **data: Any) -> str:
        """Check the translation key an action is refused with, and return the message."""
        with pytest.raises(HomeAssistantError) as error:
            await self.call(action, **data)
        assert error.value.translation_key == key
        assert isinstance(error.value, ServiceValidationError) is (key in INVALID)
        return str(error.value)

    def fault(self, **fault: Any) -> Fault:
        """Make the account's own server fail."""
        return self.simulator.fault(host=self.server.machine_identifier, **fault)

    async def set_disabled(self, disabled: bool, server: Server | None = None) -> None:
        """Disable or enable a server's device as a user would."""
        dr.async_get(self.hass).async_update_device(
            self.device(server or self.server).id,
            disabled_by=dr.DeviceEntryDisabler.USER if disabled else None,
        )
        await settle(self.hass)

    @property
    def secrets(self) -> list[str]:
        """Return every secret known to the entry."""
        known = [self.entry.data["token"], self.entry.data["client_identifier"]]
        for server in self.simulator.servers:
            shared = server.shared_tokens.values()
            known += filter(None, (*server.transient_tokens, server.token, *shared))
        return known

    @contextmanager
    def unasked(self) -> Iterator[None]:
        """Fail if Plex gets any request in the meantime."""
        self.simulator.clear_requests()
        yield
        assert self.simulator.requests == []

    async def settle(self) -> None:
        """Wait until nothing is running in the background."""
        await settle(self.hass)

    @property
    def log(self) -> list[str]:
        """Return the levels of the integration's log records, except debug."""
        return own_log(self.caplog)

    @property
    def errors(self) -> list[str]:
        """Return everything logged as an error, by any component."""
        return errors_logged(self.caplog)

    @property
    def entities(self) -> list[er.RegistryEntry]:
        """Return the entities of the account and its servers."""
        registry = er.async_get(self.hass)
        return er.async_entries_for_config_entry(registry, self.entry.entry_id)

    def disable_entities(self) -> None:
        """Disable every entity, as the user may."""
        for entity in self.entities:
            er.async_get(self.hass).async_update_entity(
                entity.entity_id, disabled_by=er.RegistryEntryDisabler.USER
            )

    def update_entry(self, **data: Any) -> None:
        """Change what the entry stores."""
        self.hass.config_entries.async_update_entry(
            self.entry, data={**self.entry.data, **data}
        )


def entry_of(
    simulator: Simulator, account: Account, client: str = CLIENT_IDENTIFIER
) -> MockConfigEntry:
    """Return the entry of an account that has signed in."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=account.username,
        unique_id=account.uuid,
        data={
            "token": simulator.sign_in(account, client),
            "client_identifier": client,
            "username": account.username,
            "url": simulator.url,
        },
    )


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Set up an entry and wait until its servers have been looked for."""
    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)


async def settle(hass: HomeAssistant) -> None:
    """Wait until nothing is running in the background."""
    await hass.async_block_till_done(wait_background_tasks=True)


async def pass_time(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, time: timedelta
) -> None:
    """Let time pass, and let everything happen that is due."""
    freezer.tick(time)
    async_fire_time_changed(hass)
    await settle(hass)


def state_of(hass: HomeAssistant, platform: str, unique_id: str) -> State:
    """Return the state of an entity by its unique ID."""
    entity_id = entity_id_of(hass, platform, unique_id)
    state = hass.states.get(entity_id)
    assert state, f"{entity_id} has no state"
    return state


def connectivity(hass: HomeAssistant, account: Account, server: AnyServer) -> str:
    """Return the state of a server's connectivity."""
    key = f"{account.uuid}_{server.machine_identifier}_connectivity"
    return state_of(hass, "binary_sensor", key).state


def plex_pass(hass: HomeAssistant, account: Account) -> str:
    """Return the state of an entity of the account."""
    return state_of(hass, "binary_sensor", f"{account.uuid}_plex_pass").state


async def call(
    hass: HomeAssistant, action: str, context: Context | None = None, **data: Any
) -> Any:
    """Return the response of an action."""
    return await hass.services.async_call(
        DOMAIN, action, data, blocking=True, context=context, return_response=True
    )


def device_of(hass: HomeAssistant, entry: MockConfigEntry, identifier: str) -> str:
    """Return the ID of a device by its identifier."""
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, identifier), entry.entry_id
    )
    assert device, f"There is no device {identifier}"
    return device.id


def entity_id_of(hass: HomeAssistant, platform: str, unique_id: str) -> str:
    """Return the ID of an entity by its unique ID."""
    entity_id = er.async_get(hass).async_get_entity_id(platform, DOMAIN, unique_id)
    assert entity_id, f"There is no {platform} {unique_id}"
    return entity_id


async def press_refresh(hass: HomeAssistant, account: Account) -> None:
    """Press the refresh button of an account."""
    button = entity_id_of(hass, "button", f"{account.uuid}_refresh")
    await hass.services.async_call(
        "button", "press", {"entity_id": button}, blocking=True
    )
    await settle(hass)


async def until(condition: Callable[[], object]) -> None:
    """Let other tasks run until a condition holds."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


def own_log(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the levels of the integration's log records, except debug."""
    return [
        record.levelname
        for record in caplog.records
        if record.name.startswith("custom_components") and record.levelname != "DEBUG"
    ]


def errors_logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return everything logged as an error, by any component."""
    return [one.message for one in caplog.records if one.levelname == "ERROR"]
