"""The whole life of two accounts in a real Home Assistant, with every possible failure."""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, Final

import pytest

from tests.simulator import Simulator

from . import recipes
from .client import OWNER, CommandError, Json
from .evidence import Evidence
from .home_assistant import HomeAssistant
from .waiting import eventually
from .witness import Witness
from .world import World, make_world

AUTOMATION: Final[Json] = {
    "id": "take_token",
    "alias": "Take a token",
    "trace": {"stored_traces": 0},
    "triggers": [{"trigger": "event", "event_type": "take_token"}],
    "actions": [
        {
            "action": "plex_account.get_transient_token",
            "data": {"device_id": "{{ trigger.event.data.device_id }}"},
            "response_variable": "plex",
        },
        {
            "event": "token_taken",
            "event_data": {"length": "{{ plex.token | length }}"},
        },
    ],
}

_LEVELS: Final = {
    "homeassistant.components.websocket_api": "info",
    "sqlalchemy": "warning",
}


async def live(*, own_tokens: bool, email_login: bool) -> Evidence:
    """Run a life, with a restart before the account is removed, and return the evidence."""
    async with Simulator() as simulator:
        world = await make_world(
            simulator, own_tokens=own_tokens, email_login=email_login
        )
        evidence = Evidence(world, simulator.requests)
        life = _Life(world, evidence)
        configuration = recipes.configuration(AUTOMATION)
        async with HomeAssistant(simulator, configuration=configuration) as home:
            sign_up = Witness.create_owner(home.url, name="Owner", **OWNER)
            async with sign_up as client:
                await life.go_on(client, *life.steps)
            await home.stop()
            evidence.keep_files("before the removal", home.folder)
            await home.start()
            async with Witness.log_in(home.url, **OWNER) as client:
                await life.go_on(client, life.remove)
            await home.stop()
            evidence.keep_files("at the end", home.folder)
    return evidence


class _Life:
    """The steps of a life, in order."""

    _client: Witness

    def __init__(self, world: World, evidence: Evidence) -> None:
        """Initialize the life."""
        self._world = world
        self._plex = world.simulator
        self._evidence = evidence
        self._flow: Json = {}
        self._ada = ""
        self._grace = ""
        self.steps: tuple[Callable[[], Awaitable[None]], ...] = (
            self.refused_sign_in,
            self.sign_in,
            self.enable_all,
            self.strangers_hang,
            self.plex_tv_fails,
            self.servers_fail,
            self.tokens_end,
            self.actions,
            self.failing_actions,
            self.automation,
            self.recipes,
            self.link,
            self.sign_in_twice,
            self.repairs,
            self.revoked,
            self.sign_in_as_somebody_else,
            self.sign_in_again,
            self.reconfigure,
        )

    async def go_on(
        self, client: Witness, *steps: Callable[[], Awaitable[None]]
    ) -> None:
        """Run steps as a user, with all logging enabled."""
        self._client = client
        await eventually("whether it runs", client.is_running, bool)
        await self._client.request("POST", "services/logger/set_level", _LEVELS)
        level = {"level": "debug"}
        await self._client.request("POST", "services/logger/set_default_level", level)
        async with client.listening():
            for step in steps:
                await step()
        self._evidence.answers += client.answers
        self._evidence.events += client.events

    async def refused_sign_in(self) -> None:
        """Enter a wrong password, then encounter every possible answer of plex.tv."""
        self._flow = await self._client.start_flow()
        await self._submit(next_step_id="password")
        await self._type_password(self._world.typo())
        assert self._flow["errors"] == {"base": "invalid_auth"}
        for fault in self._world.faults():
            with self._fault(path="/users/signin", **fault):
                await self._type_password(self._world.typo())
            assert self._flow["errors"]

    async def sign_in(self) -> None:
        """Enter the right password, a wrong code, and the right one."""
        await self._type_password(self._world.ada.password)
        assert self._flow["step_id"] == "two_factor"
        wrong = self._world.wrong_code()
        await self._submit(code=wrong)
        assert self._flow["errors"] == {"code": "invalid_code"}
        for fault in self._world.faults():
            with self._fault(path="/users/signin", **fault):
                await self._submit(code=wrong)
        await self._submit(code=self._world.ada.code)
        self._ada = self._flow["result"]["entry_id"]
        await self._up(self._ada)

    async def enable_all(self) -> None:
        """Enable every entity, and wait until Home Assistant has added them."""
        entities = await self._client.entities(self._ada)
        for entity in entities:
            if entity["disabled_by"]:
                await self._client.command(
                    "config/entity_registry/update",
                    entity_id=entity["entity_id"],
                    disabled_by=None,
                )

        async def missing() -> set[str]:
            states = await self._client.states()
            return {entity["entity_id"] for entity in entities} - states.keys()

        await eventually("the missing entities", missing, lambda found: not found)
        await self._up(self._ada)

    async def strangers_hang(self) -> None:
        """Refresh while strangers share servers that hang."""
        async with self._world.hanging_servers():
            await self._refresh()
            await self._client.look_around(self._ada)

        async def names() -> set[str]:
            await self._refresh()
            return {one["name"] for one in await self._client.devices(self._ada)}

        await eventually("devices", names, lambda found: "Hanging" not in found)

    async def plex_tv_fails(self) -> None:
        """Refresh and reload while plex.tv gives bad answers."""
        for fault in self._world.faults():
            with self._fault(**fault):
                await self._refresh()
                await self._client.look_around(self._ada)
                await self._client.reload(self._ada)
                await self._client.look_around(self._ada)
            await self._reload()

    async def servers_fail(self) -> None:
        """Refresh while the servers give bad answers, are off, and are back."""
        host = self._world.attic.machine_identifier
        for fault in self._world.faults():
            for path in ("/", "/security/token"):
                with self._fault(host=host, path=path, **fault):
                    await self._world.attic.restart()
                    await self._refresh()
            with self._fault(host=host, **fault):
                await self._client.reload(self._ada)
                await self._refresh()
                await self._client.look_around(self._ada)
            await self._reload()
        await self._world.attic.stop()
        await self._refresh()
        await self._client.look_around(self._ada)
        await self._world.attic.start()
        await self._reload()

    async def tokens_end(self) -> None:
        """Restart the servers, and let three days pass."""
        await self._world.attic.restart()
        await self._world.cellar.restart()
        await self._refresh()
        self._plex.clock.advance(3 * 24 * 3600)
        await self._refresh()

    async def actions(self) -> None:
        """Perform all actions."""
        attic = await self._device("Attic")
        await self._perform("get_token_details", config_entry_id=self._ada)
        await self._perform("get_transient_token", device_id=attic)
        await self._perform(
            "get_transient_token", device_id=await self._device("Cellar")
        )
        await self._perform("get_source_connection_information", device_id=attic)
        await self._world.attic.restart()  # the echo has current tokens only
        self._world.attic.echo = True
        for path in ("/library/sections", "/:/prefs"):
            await self._perform("call_api", device_id=attic, path=path)
        self._world.attic.echo = False
        image = await self._perform(
            "get_image_url",
            device_id=attic,
            path="/library/metadata/101/thumb/1",
            width=600,
        )
        assert await self._client.visit(image["url"])

    async def failing_actions(self) -> None:
        """Perform actions that fail in every possible way."""
        attic = await self._device("Attic")
        cellar = await self._device("Cellar")
        await self._fail("get_transient_token", device_id="nobody")
        await self._fail("get_source_connection_information", device_id=cellar)
        for source in ("no source", "server://nobody", "provider://nobody"):
            await self._fail(
                "get_source_connection_information", device_id=attic, source=source
            )
        for fault in self._world.faults():
            with self._fault(host="*", **fault):
                await self._fail("get_token_details")
                await self._fail("get_image_url", device_id=attic, path="/library/x")
                with suppress(CommandError):  # any body of a server may be an answer
                    data = {"device_id": attic, "path": "/library/sections"}
                    await self._client.perform("call_api", **data)
                with suppress(CommandError):  # any answer validates a current token
                    await self._perform("get_transient_token", device_id=attic)
                await self._fail("get_source_connection_information", device_id=attic)
            await self._reload()
        with self._fault(host=self._world.attic.machine_identifier, status=401):
            await self._fail("get_transient_token", device_id=attic)
        await self._world.attic.stop()
        await self._fail("get_transient_token", device_id=attic)
        await self._world.attic.start()
        await self._reload()

    async def automation(self) -> None:
        """Run an automation without traces that uses a token."""
        data = {"device_id": await self._device("Attic")}
        async with self._client.subscribe(
            "subscribe_events", event_type="token_taken"
        ) as events:
            await self._client.request("POST", "events/take_token", data)
            assert (await anext(events))["data"]["length"] > 0

    async def recipes(self) -> None:
        """Run everything that the README suggests."""
        library = self._world.attic.library
        library.play(library.items[102], player="Playroom TV")
        library.preferences["FSEventLibraryUpdatesEnabled"] = True
        for name, fields in (
            ("scan_the_movies", {}),
            ("show_what_is_new_in_plex", {}),
            ("mark_as_watched_in_plex", {"rating_key": "103"}),
            ("stop_automatic_library_updates", {}),
        ):
            await self._client.request("POST", f"services/script/{name}", fields)
        bedtime = {"entity_id": "automation.bedtime_in_the_playroom"}
        await self._client.request("POST", "services/automation/trigger", bedtime)
        imported = {"eventType": "Download", "movie": {"folderPath": "/media/Movies"}}
        await self._client.visit("/api/webhook/radarr_import", imported)
        await self._client.request("POST", f"events/{recipes.ON_DECK}", {})

        async def done() -> tuple[Any, ...]:
            return (
                {section for section, _ in library.scans},
                {folder for _, folder in library.scans},
                library.items[103].view_count,
                len(library.ended_sessions),
                library.preferences["FSEventLibraryUpdatesEnabled"],
                (await self._client.states())["sensor.plex_on_deck"]["state"],
            )

        wanted = ({1}, {None, "/media/Movies"}, 1, 1, "0", "2")
        await eventually("what was done", done, wanted.__eq__)
        notifications = await self._client.command("persistent_notification/get")
        assert "New in Plex" in {one["title"] for one in notifications}

    async def link(self) -> None:
        """Add an account with a code, while plex.tv fails occasionally."""
        self._flow = await self._client.start_flow()
        faults = self._world.faults()
        with self._fault(path="/pins", **faults[0]):
            await self._submit(next_step_id="link")
        for fault in faults[1:]:
            with self._fault(path="/pins", **fault):
                await self._submit()
            assert self._flow["errors"]
        await self._submit()
        code = self._flow["description_placeholders"]["code"]
        for fault in faults[:3]:
            self._plex.fault(path="/pins/*", times=1, **fault)
        async with self._client.progress(self._flow):
            self._plex.approve_pin(code, self._world.grace)
        self._plex.clear_faults()
        self._flow = await self._client.show(self._flow)
        self._grace = self._flow["result"]["entry_id"]
        await self._up(self._grace)
        await self._client.look_around(self._ada, self._grace)

    async def sign_in_twice(self) -> None:
        """Sign in to the same account once more."""
        self._flow = await self._client.start_flow()
        await self._submit(next_step_id="password")
        await self._type_password(self._world.ada.password)
        await self._submit(code=self._world.ada.code)
        assert self._flow["reason"] == "already_configured"

    async def repairs(self) -> None:
        """Lose a server, while another one offers no secure connection."""
        self._world.attic.listed = False

        async def issues() -> set[str]:
            await self._refresh()
            return await self._client.issues()

        await eventually("repairs", issues, {"insecure_only", "server_lost"}.issubset)
        await self._client.look_around(self._ada, self._grace)
        self._world.attic.listed = True
        await self._refresh()
        await self._up(self._ada)

    async def revoked(self) -> None:
        """Revoke all tokens, and perform an action that requires one."""
        self._plex.revoke(self._world.ada)
        await self._fail("get_token_details", config_entry_id=self._ada)
        await self._refresh()
        await self._client.look_around(self._ada, self._grace)

    async def sign_in_as_somebody_else(self) -> None:
        """Sign in again, but with another account."""
        await self._open_reauth()
        await self._submit(
            username=self._world.joan.username, password=self._world.joan.password
        )
        assert self._flow["reason"] == "wrong_account"

    async def sign_in_again(self) -> None:
        """Sign in again."""
        await self._client.reload(self._ada)
        await self._open_reauth()
        await self._submit(username=self._world.login, password=self._world.typo())
        assert self._flow["errors"] == {"base": "invalid_auth"}
        await self._submit(
            username=self._world.login, password=self._world.ada.password
        )
        await self._client.look_around(self._ada)
        await self._submit(code=self._world.ada.code)
        assert self._flow["reason"] == "reauth_successful"
        await self._up(self._ada)

    async def reconfigure(self) -> None:
        """Reconfigure the entry, with a backup code."""
        self._flow = await self._client.start_flow(entry_id=self._ada)
        await self._submit(next_step_id="password")
        await self._type_password(self._world.ada.password)
        [code] = self._world.ada.backup_codes
        await self._submit(code=code)
        assert self._flow["reason"] == "reconfigure_successful"
        await self._up(self._ada)
        await self._client.look_around(self._ada, self._grace)

    async def remove(self) -> None:
        """Remove the account while plex.tv fails to revoke its token."""
        await self._up(self._ada)
        with self._fault(path="/users/signout", **self._world.faults()[0]):
            await self._client.remove(self._ada)
        await self._client.look_around(self._grace)

    @contextmanager
    def _fault(self, **fault: Any) -> Generator[None]:
        """Inject a fault, and check that it took effect."""
        wrong = self._plex.fault(**fault)
        yield
        assert wrong.hits
        self._plex.clear_faults()

    async def _submit(self, **fields: Any) -> None:
        self._flow = await self._client.submit(self._flow, **fields)

    async def _type_password(self, password: str | None) -> None:
        await self._submit(username=self._world.login, password=password)

    async def _open_reauth(self) -> None:
        [flow] = await eventually(
            "the list of dialogs",
            lambda: self._client.reauth_flows(self._ada),
            bool,
        )
        self._flow = await self._client.show(flow)
        await self._submit(next_step_id="password")

    async def _up(self, entry_id: str) -> None:
        """Wait until all working servers are on."""
        servers = (self._world.attic, self._world.cellar)
        identifiers = {server.machine_identifier for server in servers}

        async def connectivity() -> list[str]:
            states = await self._client.states()
            return [
                states.get(entity["entity_id"], {"state": ""})["state"]
                for entity in await self._client.entities(entry_id)
                if entity["unique_id"].endswith("_connectivity")
                and entity["unique_id"].split("_")[1] in identifiers
            ]

        await eventually(
            "connectivity", connectivity, lambda states: {*states} == {"on"}
        )

    async def _reload(self) -> None:
        await self._client.reload(self._ada)
        await self._up(self._ada)

    async def _refresh(self) -> None:
        """Press the refresh button, and ignore its error."""
        with suppress(CommandError):
            await self._client.refresh(self._ada)

    async def _device(self, name: str) -> str:
        return await self._client.device_id(self._ada, name)

    async def _perform(self, name: str, **data: Any) -> Json:
        response = await self._client.perform(name, **data)
        self._evidence.responses.append((name, response))
        return response

    async def _fail(self, name: str, **data: Any) -> None:
        with pytest.raises(CommandError):
            await self._client.perform(name, **data)
