"""What the steps of the story share: what there is, and how it is checked and told."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from tests.e2e.client import Client, CommandError, Json
from tests.e2e.home_assistant import HomeAssistant
from tests.e2e.log import complaints, leaks, read_records
from tests.e2e.waiting import eventually
from tests.simulator import Account, LoggedRequest, Server, Simulator

_SECRETS: Final = {"access_token", "token"}


class StoryError(Exception):
    """Something is not as the story tells it."""


def expect(holds: bool, otherwise: str) -> None:
    """End the story unless a condition holds."""
    if not holds:
        raise StoryError(otherwise)


def say(text: str = "") -> None:
    """Tell what happened, below the headline of the step."""
    for line in text.splitlines():
        print(f"   {line}", flush=True)


def shorten(value: Any) -> Any:
    """Return a response in which only the beginning of each token is left."""
    match value:
        case dict():
            return {
                key: f"{one[:6]}…" if key in _SECRETS and one else shorten(one)
                for key, one in value.items()
            }
        case list():
            return [shorten(one) for one in value]
    return value


@dataclass
class Story:
    """What there is so far."""

    port: int | None
    stack: AsyncExitStack
    simulator: Simulator = field(init=False)
    ada: Account = field(init=False)
    grace: Account = field(init=False)
    attic: Server = field(init=False)
    home: HomeAssistant = field(init=False)
    client: Client = field(init=False)
    texts: dict[str, str] = field(init=False)
    sentences: dict[str, str] = field(init=False)
    flow: Json = field(init=False)
    entry_id: str = field(init=False)
    grace_entry_id: str = field(init=False)
    old_entities: list[Json] = field(init=False)

    async def submit(self, **fields: Any) -> None:
        """Fill in the step that the flow shows."""
        self.flow = await self.client.submit(self.flow, **fields)

    def expect_step(self, step_id: str, **errors: str) -> None:
        """Check which step the flow shows now, and with which errors."""
        shown = self.flow.get("step_id"), self.flow.get("errors") or {}
        expect(shown == (step_id, errors), f"the flow shows {self.flow}")
        for where, error in errors.items():
            say(f"{where}: {self.texts[f'error.{error}']}")

    def expect_entry(self) -> str:
        """Check that the flow has made an entry, and return its id."""
        expect(self.flow["type"] == "create_entry", f"the flow shows {self.flow}")
        say(f"Account {self.flow['title']}")
        entry_id: str = self.flow["result"]["entry_id"]
        return entry_id

    def expect_requests(self, path: str, *answers: int) -> list[LoggedRequest]:
        """Check how often plex.tv was asked for something, and what it answered."""
        requests = [one for one in self.simulator.requests if one.path == path]
        statuses = [one.status for one in requests]
        expect(statuses == list(answers), f"plex.tv answered {statuses} at {path}")
        return requests

    async def expect_up(self, entry_id: str) -> None:
        """Wait until an account and its server are there."""
        await eventually(
            "what the entities show", lambda: self.states(entry_id), self.is_up
        )

    async def show_entities(self, entry_id: str) -> None:
        """Tell what the entities of an account show."""
        entities = await self.client.entities(entry_id)
        states = await self.client.states()
        enabled = [entity for entity in entities if entity["disabled_by"] is None]
        for entity in enabled:
            state = states[entity["entity_id"]]
            say(f"{state['attributes']['friendly_name']}: {state['state']}")
        say(f"{len(entities) - len(enabled)} more are disabled by default")

    async def states(self, entry_id: str) -> dict[str, str | None]:
        """Return the states of an entry by the part of their unique ids after the account's."""
        states = await self.client.states()
        return {
            entity["unique_id"].partition("_")[2]: states.get(
                entity["entity_id"], {"state": None}
            )["state"]
            for entity in await self.client.entities(entry_id)
            if entity["disabled_by"] is None
        }

    @property
    def connectivity(self) -> str:
        """The key of the entity that shows whether the server answers."""
        return f"{self.attic.machine_identifier}_connectivity"

    def is_up(self, states: dict[str, str | None]) -> bool:
        """Return whether the server is on and nothing is unavailable."""
        on = states.get(self.connectivity) == "on"
        return on and not {None, "unavailable"} & {*states.values()}

    def is_without_plex_tv(self, states: dict[str, str | None]) -> bool:
        """Return whether exactly what only plex.tv knows is unavailable."""
        server = f"{self.attic.machine_identifier}_"
        return states.get(self.connectivity) == "on" and all(
            (state != "unavailable")
            == (key.startswith(server) or key in {"activity", "refresh"})
            for key, state in states.items()
        )

    async def state_of(self, key: str) -> Json:
        """Return the state of an entity of the account."""
        states = await self.client.states()
        for entity in await self.client.entities(self.entry_id):
            if entity["unique_id"] == f"{self.ada.uuid}_{key}":
                return states[entity["entity_id"]]
        raise StoryError(f"there is no entity {key}")

    async def expect_refusal(self, key: str, **placeholders: str) -> None:
        """Check that the refresh button fails, and with which sentence."""
        sentence = self.sentences[f"{key}.message"].format(**placeholders)
        try:
            await self.client.refresh(self.entry_id)
        except CommandError as error:
            expect(sentence.removesuffix(".") in str(error), str(error))
            say(sentence)
        else:
            raise StoryError("the button did not fail")

    async def server_device(self) -> str:
        """Return the device of the server."""
        return await self.client.device_id(self.entry_id, self.attic.name)

    def secrets(self) -> set[str]:
        """Return what must not be in the log: all that Plex knows, saw or gave away."""
        return {secret for secret in self._secrets() if secret}

    def _secrets(self) -> Iterator[str | None]:
        plex = self.simulator
        for account in plex.accounts:
            yield from (account.email, account.password, account.code, *account.tokens)
            for service in account.services:
                if isinstance(service, dict):
                    yield from (
                        str(service.get(key, "")) for key in ("token", "secret")
                    )
        for server in plex.servers:
            yield from (server.token, *server.shared_tokens.values())
            yield from server.transient_tokens
        for pin in plex.pins:
            yield from (pin.code, pin.auth_token)
        for request in plex.requests:
            yield request.token
            yield from map(request.form.get, ("password", "verificationCode"))

    def check_log(self, *provoked: str) -> None:
        """Check that the log holds no errors but the provoked ones, and no secret."""
        records = read_records(self.home.log)
        found = [str(record) for record in complaints(records)]
        say("\n".join(found))
        expect(found == list(provoked), "the integration complains")
        log = self.home.log.read_text(encoding="utf-8")
        secrets = self.secrets()
        leaked = sum(leaks(log, secret) for secret in secrets)
        expect(not leaked, f"the log holds {leaked} of {len(secrets)} secrets")
        say(
            f"{len(records)} records, {'no more' if provoked else 'no'} errors, "
            f"none of {len(secrets)} passwords, codes, tokens, and email addresses"
        )
