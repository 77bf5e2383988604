"""A Home Assistant with the entries of one contender."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest.mock import patch

from aiohttp import ThreadedResolver

from homeassistant.bootstrap import async_load_base_functionality
from homeassistant.config_entries import SOURCE_USER, ConfigEntries, ConfigEntry
from homeassistant.const import (
    EVENT_CALL_SERVICE,
    EVENT_STATE_REPORTED,
    MATCH_ALL,
    STATE_ON,
    Platform,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.aiohttp_client import DATA_RESOLVER
from homeassistant.helpers.storage import Store
from homeassistant.loader import (
    Integration,
    async_get_custom_components,
    async_get_integration,
    async_setup as async_setup_loader,
)
from homeassistant.setup import async_setup_component

from .scenarios import CLIENT_IDENTIFIER, OURS, SignIn

STORED = "stored"

_PLATFORMS = (
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.SENSOR,
)


@asynccontextmanager
async def home_assistant() -> AsyncIterator[HomeAssistant]:
    """Run a Home Assistant that has entities of other integrations already.

    Its resolver would listen to multicast DNS on all interfaces; nothing here has a
    name.
    """
    logging.basicConfig(level=logging.ERROR)
    with TemporaryDirectory() as folder:
        hass = HomeAssistant(folder)
        hass.config.skip_pip = True
        hass.data[DATA_RESOLVER] = ThreadedResolver()  # type: ignore[misc]
        hass.config_entries = ConfigEntries(hass, {})
        async_setup_loader(hass)
        await async_load_base_functionality(hass)
        _add_web_server(hass)
        for platform in _PLATFORMS:
            await async_setup_component(hass, platform, {})
        await _add_floor(hass)
        await hass.async_start()
        try:
            yield hass
        finally:
            await hass.async_stop(force=True)


def _add_web_server(hass: HomeAssistant) -> None:
    """Take the place of Home Assistant's web server, which would open a port."""
    hass.http = SimpleNamespace(register_view=lambda view: None)  # type: ignore[assignment]
    hass.config.components.add("http")


async def _add_floor(hass: HomeAssistant) -> None:
    """Let Home Assistant find the floor, which has no manifest for others to find."""
    folder = Path(__file__).parent / "floor"
    floor = Integration(
        hass,
        f"{__package__}.floor",
        folder,
        {
            "domain": "plex_floor",
            "name": "Plex floor",
            "codeowners": [],
            "config_flow": True,
            "integration_type": "service",
            "iot_class": "cloud_polling",
            "version": "0.1.0",
        },
        {path.name for path in folder.iterdir()},
    )
    (await async_get_custom_components(hass))[floor.domain] = floor


class Entries:
    """The entries of one contender."""

    def __init__(
        self, hass: HomeAssistant, domain: str, sign_ins: list[SignIn], servers: int
    ) -> None:
        """Make an entry for each sign-in; all have the same number of servers."""
        self._hass = hass
        self._domain = domain
        self._servers = servers
        self._entries = [
            ConfigEntry(
                data={
                    "url": sign_in.url,
                    "token": sign_in.token,
                    "client_identifier": CLIENT_IDENTIFIER,
                    "username": sign_in.username,
                },
                discovery_keys=MappingProxyType({}),
                domain=domain,
                minor_version=1,
                options=None,
                source=SOURCE_USER,
                subentries_data=None,
                title=sign_in.username,
                unique_id=sign_in.uuid,
                version=1,
            )
            for sign_in in sign_ins
        ]
        self._buttons: list[str] = []

    async def import_code(self) -> None:
        """Import the integration and its platforms."""
        integration = await async_get_integration(self._hass, self._domain)
        await integration.async_get_component()
        await integration.async_get_platforms(_PLATFORMS)

    async def load(self) -> None:
        """Set all up, and wait until all servers were looked for."""
        await asyncio.gather(
            *(self._hass.config_entries.async_add(entry) for entry in self._entries)
        )
        await self._hass.async_block_till_done(wait_background_tasks=True)

    def check(self) -> None:
        """Find the buttons, and make sure that each server is on."""
        registry = er.async_get(self._hass)
        self._buttons = []
        for entry in self._entries:
            entities = {
                entity.unique_id: entity.entity_id
                for entity in er.async_entries_for_config_entry(
                    registry, entry.entry_id
                )
            }
            self._buttons.append(entities[f"{entry.unique_id}_refresh"])
            on = sum(
                self._hass.states.is_state(entity_id, STATE_ON)
                for unique_id, entity_id in entities.items()
                if unique_id.endswith("_connectivity")
            )
            if on != self._servers:
                raise ValueError(f"{on} servers are on instead of {self._servers}")

    async def refresh(self) -> None:
        """Refresh all accounts and all servers, without a pause after the last time."""
        pause = f"custom_components.{OURS}.button._COOLDOWN_SECONDS"
        with patch(pause, 0) if self._domain == OURS else nullcontext():
            await self._hass.services.async_call(
                Platform.BUTTON, "press", {"entity_id": self._buttons}, blocking=True
            )
            await self._hass.async_block_till_done(wait_background_tasks=True)

    async def call(self, path: str) -> Any:
        """Return what the first server answers: the action's data, or the bare document."""
        entry = self._entries[0]
        server = next(iter(entry.runtime_data.servers.values()))
        if self._domain != OURS:
            return await server.request(path)
        response = await self._hass.services.async_call(
            OURS,
            "call_api",
            {"device_id": server.device_id, "path": path},
            blocking=True,
            return_response=True,
        )
        assert response
        return response["data"]

    @contextmanager
    def watch(self) -> Iterator[Counter[str]]:
        """Count events by their type, and what is to be stored.

        That a button was pressed is left out.
        """
        happened: Counter[str] = Counter()

        @callback
        def count(event: Event[Any]) -> None:
            pressed = event.data.get("entity_id") in self._buttons
            if not pressed and event.event_type != EVENT_CALL_SERVICE:
                happened[str(event.event_type)] += 1

        @callback
        def all_of_them(data: object) -> bool:
            return True

        def store(self: Store[Any], *args: Any) -> None:
            happened[STORED] += 1
            store_later(self, *args)

        store_later = Store.async_delay_save
        stop = (
            self._hass.bus.async_listen(MATCH_ALL, count),
            self._hass.bus.async_listen(EVENT_STATE_REPORTED, count, all_of_them),
        )
        try:
            with patch.object(Store, "async_delay_save", store):
                yield happened
        finally:
            for stop_listening in stop:
                stop_listening()
