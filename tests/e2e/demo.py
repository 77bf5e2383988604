"""The story of two accounts: a simulated Plex, a real Home Assistant, and what a person does."""

from argparse import ArgumentParser, Namespace
import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
import json
import signal
import ssl
import sys
from typing import Any, Final

from aiohttp import ClientSession
from yarl import URL

from tests.simulator import Account, LoggedRequest, Server, Simulator

from .client import Client, Json
from .home_assistant import HOST, HomeAssistant
from .log import complaints, leaks, read_records

OWNER: Final = {"username": "demo", "password": "demo"}

_SECRETS: Final = {"access_token", "token"}
_WAIT: Final = 30
_TYPING_SECONDS: Final = 5
_REFUSED: Final = (
    "ERROR [custom_components.plex_account] "
    "Authentication failed while fetching Plex account data: {}"
)


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


async def eventually[T](
    what: str, ask: Callable[[], Awaitable[T]], enough: Callable[[T], object]
) -> T:
    """Ask again and again, and return the first answer that is enough."""
    seen: object = None
    with suppress(TimeoutError):
        async with asyncio.timeout(_WAIT):
            while not enough(answer := await ask()):
                seen = answer
                await asyncio.sleep(0.1)
            return answer
    raise StoryError(f"after {_WAIT} s {what} is still {seen}")


@dataclass
class Story:
    """What the steps share."""

    port: int | None
    stack: AsyncExitStack
    simulator: Simulator = field(init=False)
    ada: Account = field(init=False)
    grace: Account = field(init=False)
    attic: Server = field(init=False)
    home: HomeAssistant = field(init=False)
    client: Client = field(init=False)
    texts: dict[str, str] = field(init=False)
    refusal: str = field(init=False)
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
        """Wait until an account and its server are there, and show them."""
        await eventually(
            "what the entities show", lambda: self.states(entry_id), self.is_up
        )
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

    def is_up(self, states: dict[str, str | None]) -> bool:
        """Return whether the server is on and nothing is unavailable."""
        connectivity = states.get(f"{self.attic.machine_identifier}_connectivity")
        return connectivity == "on" and not {None, "unavailable"} & {*states.values()}

    async def state_of(self, key: str) -> Json:
        """Return the state of an entity of the account."""
        states = await self.client.states()
        for entity in await self.client.entities(self.entry_id):
            if entity["unique_id"] == f"{self.ada.uuid}_{key}":
                return states[entity["entity_id"]]
        raise StoryError(f"there is no entity {key}")

    def secrets(self) -> set[str]:
        """Return what must not be in the log: all that Plex knows, saw or gave away."""
        plex = self.simulator
        found: set[str | None] = set()
        for account in plex.accounts:
            found |= {account.email, account.password, account.code, *account.tokens}
            for service in account.services:
                if isinstance(service, dict):
                    found |= {str(service.get(key, "")) for key in ("token", "secret")}
        for server in plex.servers:
            found |= {server.token, *server.shared_tokens.values()}
            found |= {*server.transient_tokens}
        for pin in plex.pins:
            found |= {pin.code, pin.auth_token}
        for request in plex.requests:
            found |= {request.token, request.form.get("password")}
            found |= {request.form.get("verificationCode")}
        return {secret for secret in found if secret}

    def check_log(self, *provoked: str) -> None:
        """Check that the log holds no complaints but the provoked ones, and no secret."""
        records = read_records(self.home.log)
        found = [str(record) for record in complaints(records)]
        say("\n".join(found))
        expect(found == list(provoked), "the integration complains")
        log = self.home.log.read_text(encoding="utf-8")
        secrets = self.secrets()
        leaked = sum(leaks(log, secret) for secret in secrets)
        expect(not leaked, f"the log holds {leaked} of {len(secrets)} secrets")
        say(
            f"{len(records)} records, "
            f"{'only this' if provoked else 'no'} complaint by the integration, "
            f"none of {len(secrets)} passwords, codes, tokens and e-mail addresses"
        )

    async def server_device(self) -> str:
        """Return the device of the server."""
        for device in await self.client.devices(self.entry_id):
            if device["name"] == self.attic.name:
                device_id: str = device["id"]
                return device_id
        raise StoryError(f"there is no device {self.attic.name}")


async def start_plex(story: Story) -> None:
    """Start a simulated plex.tv and a Plex Media Server."""
    simulator = await story.stack.enter_async_context(Simulator())
    story.simulator = simulator
    story.ada = simulator.add_account(
        username="ada",
        friendly_name="Ada",
        password="correct horse",
        code="123456",
        subscription={
            "active": True,
            "features": ["hardware_transcoding"],
            "paymentService": "stripe",
            "plan": "lifetime",
            "status": "Active",
            "subscribedAt": "2014-02-28T00:00:00Z",
        },
    )
    story.grace = simulator.add_account(
        username="grace",
        friendly_name="Grace",
        email="grace@example.com",
        password=None,
    )
    story.attic = await simulator.add_server(
        name="Attic", owner=story.ada, shared_with=(story.grace,), tls=True
    )
    say(f"plex.tv answers at {simulator.url}")
    say(f"{story.attic.name} answers at {story.attic.connections[0].uri}")


async def start_home_assistant(story: Story) -> None:
    """Start Home Assistant."""
    story.home = await story.stack.enter_async_context(
        HomeAssistant(
            story.simulator.ca_pem,
            port=story.port,
            configuration="automation: !include automations.yaml\n",
        )
    )
    say(f"It answers at {story.home.url}")


async def create_owner(story: Story) -> None:
    """Create the owner of this Home Assistant."""
    story.client = await story.stack.enter_async_context(
        Client.create_owner(story.home.url, name="Demo", **OWNER)
    )
    await eventually("whether it runs", story.client.is_running, bool)
    story.texts = await story.client.translations("config")
    exceptions = await story.client.translations("exceptions")
    story.refusal = exceptions["token_revoked.message"].removesuffix(".")
    config = await story.client.request("GET", "config")
    say(f"Home Assistant {config['version']} is running")


async def wrong_password(story: Story) -> None:
    """Add Plex Account, with a wrong password at first."""
    story.flow = await story.client.start_flow()
    expect(story.flow["type"] == "menu", f"the flow shows {story.flow}")
    for option in story.flow["menu_options"]:
        say(f"- {story.texts[f'step.user.menu_options.{option}']}")
    await story.submit(next_step_id="password")
    story.expect_step("password")
    await story.submit(
        username=story.ada.username,
        password="wrong horse",
        advanced={"url": story.simulator.url},
    )
    story.expect_step("password", base="invalid_auth")


async def right_password(story: Story) -> None:
    """Enter the right password: Plex asks for a code."""
    await story.submit(
        username=story.ada.username,
        password=story.ada.password,
        advanced={"url": story.simulator.url},
    )
    story.expect_step("two_factor")
    text = story.texts["step.two_factor.description"]
    say(text.format(**story.flow["description_placeholders"]))


async def wrong_code(story: Story) -> None:
    """Enter a wrong code."""
    await story.submit(code="000000")
    story.expect_step("two_factor", code="invalid_code")


async def right_code(story: Story) -> None:
    """Enter the right code: the account is added."""
    await story.submit(code=story.ada.code)
    story.entry_id = story.expect_entry()
    story.expect_requests("/users/signin", 401, 401, 401, 201)
    say("plex.tv answered 401, 401, 401, 201: one request per attempt")


async def look_at_entities(story: Story) -> None:
    """Look at the entities."""
    await story.expect_up(story.entry_id)


async def connection_information(story: Story) -> None:
    """Perform get_source_connection_information."""
    response = await story.client.action(
        "get_source_connection_information", device_id=await story.server_device()
    )
    say(json.dumps(shorten(response), indent=2, ensure_ascii=False))
    expect(
        response["client_identifier"] == story.attic.machine_identifier,
        "this is another server",
    )


async def transient_token(story: Story) -> None:
    """Perform get_transient_token, and use the token."""
    response = await story.client.action(
        "get_transient_token", device_id=await story.server_device()
    )
    say(json.dumps(shorten(response), indent=2, ensure_ascii=False))
    uri = URL(response["uri"])
    trust = ssl.create_default_context(cadata=story.simulator.ca_pem.decode())
    async with ClientSession(headers={"Accept": "application/json"}) as session:
        for token, status in (("", 401), (response["token"], 200)):
            async with session.get(
                uri.with_host(HOST),
                ssl=trust,
                server_hostname=uri.host,
                headers={"X-Plex-Token": token} if token else {},
            ) as answer:
                expect(answer.status == status, f"the server answered {answer.status}")
            say(f"GET / {'with' if token else 'without'} the token: {answer.status}")


async def link_code(story: Story) -> None:
    """Add an account that has no password: Plex gives a code."""
    story.flow = await story.client.start_flow()
    await story.submit(next_step_id="link")
    story.expect_step("link")
    await story.submit(advanced={"url": story.simulator.url})
    story.expect_step("link_wait")
    text = story.texts["progress.link_wait"]
    say(text.format(**story.flow["description_placeholders"]).replace("**", ""))

    async def polls() -> int:
        return sum(one.path.startswith("/pins/") for one in story.simulator.requests)

    await eventually("the number of polls", polls, bool)
    shown, story.flow = story.flow, await story.client.show(story.flow)
    expect(story.flow == shown, f"the flow shows {story.flow}")
    story.expect_requests("/pins", 201)
    say("Nobody has typed it yet, and the dialog waits")


async def type_code(story: Story) -> None:
    """Type the code at plex.tv/link: the dialog goes on by itself."""
    code = story.flow["description_placeholders"]["code"]
    try:
        async with asyncio.timeout(_WAIT), story.client.progress(story.flow):
            story.simulator.approve_pin(code, story.grace)
    except TimeoutError:
        raise StoryError("the dialog still waits") from None
    story.flow = await story.client.show(story.flow)
    story.grace_entry_id = story.expect_entry()
    await story.expect_up(story.grace_entry_id)


async def read_log(story: Story) -> None:
    """Read the log of Home Assistant: there must be no complaint so far."""
    story.check_log()


async def revoke_token(story: Story) -> None:
    """End all tokens of the first account at plex.tv, and press its refresh button."""
    story.old_entities = await story.client.entities(story.entry_id)
    story.simulator.revoke(story.ada)
    await story.client.press((await story.state_of("refresh"))["entity_id"])
    states = await story.states(story.entry_id)
    server = f"{story.attic.machine_identifier}_"
    for key, state in states.items():
        stays = key.startswith(server) or key == "activity"
        expect((state != "unavailable") == stays, f"{key} is {state}")
    say(f"{list(states.values()).count('unavailable')} entities are unavailable")
    activity = (await story.state_of("activity"))["attributes"]["event_type"]
    expect(activity == "token_rejected", f"the activity is {activity}")
    say(f"Activity: {activity}")
    expect(states[f"{server}connectivity"] == "on", "the server counts as unreachable")
    say(f"{story.attic.name} Connectivity: on")
    others = await story.states(story.grace_entry_id)
    expect(story.is_up(others), f"the other account's entities are {others}")
    say("The other account's entities are as before")


async def sign_in_again(story: Story) -> None:
    """Sign in again, as Home Assistant asks to."""
    flows = await eventually(
        "the list of dialogs",
        lambda: story.client.reauth_flows(story.entry_id),
        bool,
    )
    expect(len(flows) == 1, f"there are {len(flows)} dialogs")
    story.flow = await story.client.show(flows[0])
    story.expect_step("reauth_confirm")
    names = story.flow["description_placeholders"]
    expect(names == {"name": "Ada"}, f"the flow names {names}")
    say(story.texts["step.reauth_confirm.description"].format(**names))
    await story.submit(next_step_id="password")
    story.expect_step("password")
    fields = [one["name"] for one in story.flow["data_schema"]]
    expect(fields == ["username", "password"], f"the form asks for {fields}")
    say("The form asks for login and password, and not for an address")
    await story.submit(username=story.ada.username, password=story.ada.password)
    story.expect_step("two_factor")


async def same_entities(story: Story) -> None:
    """Enter the code: the same entities are back."""
    await story.submit(code=story.ada.code)
    ending = story.flow["type"], story.flow.get("reason")
    expect(ending == ("abort", "reauth_successful"), f"the flow shows {story.flow}")
    await story.expect_up(story.entry_id)

    def identities(entities: list[Json]) -> list[list[str]]:
        return sorted(
            [one[key] for key in ("id", "entity_id", "unique_id")] for one in entities
        )

    entities = await story.client.entities(story.entry_id)
    expect(
        identities(entities) == identities(story.old_entities),
        "these are not the entities of before",
    )
    say(f"All {len(entities)} have the entity ids and unique ids of before")
    expect(
        not await story.client.reauth_flows(story.entry_id),
        "Home Assistant still asks to sign in",
    )
    requests = story.expect_requests("/users/signin", 401, 401, 401, 201, 401, 201)
    clients = {request.client_identifier for request in requests}
    expect(len(clients) == 1, "plex.tv was told of another device")
    story.expect_requests("/users/signout")
    say("plex.tv was asked twice, by the device that it knows, and signed nothing out")


async def remove_account(story: Story) -> None:
    """Remove the first account: its token is signed out."""
    entities = await story.client.entities(story.entry_id)
    tokens = [*story.ada.tokens]
    await story.client.remove(story.entry_id)
    [request] = story.expect_requests("/users/signout", 204)
    expect([request.token] == tokens, "it was another token")
    expect(not story.ada.tokens, "the token is still good")
    say(f"plex.tv answered 204 to {request.method} {request.path} with its token")
    states = await story.client.states()
    expect(
        not await story.client.entities(story.entry_id)
        and not await story.client.devices(story.entry_id)
        and not states.keys() & {entity["entity_id"] for entity in entities},
        "something of the account is left",
    )
    titles = [entry["title"] for entry in await story.client.entries()]
    expect(titles == ["Grace"], f"the accounts are {titles}")
    others = await story.states(story.grace_entry_id)
    expect(story.is_up(others), f"the other account's entities are {others}")
    say(f"Its devices and entities are gone, those of {titles[0]} are as before")


async def read_log_again(story: Story) -> None:
    """Read the log again: the refused token must be the only complaint."""
    story.check_log(_REFUSED.format(story.refusal))


async def type_all_codes(story: Story) -> None:
    """Type every code at plex.tv/link, as an account that isn't signed in yet."""
    plex = story.simulator
    while True:
        given = [pin for pin in plex.pins if not pin.auth_token]
        await asyncio.sleep(_TYPING_SECONDS)
        for pin in given:
            account = next((one for one in plex.accounts if not one.tokens), story.ada)
            plex.approve_pin(pin.code, account)
            print(f"{account.friendly_name} has typed the code {pin.code}.", flush=True)


STEPS: Final[tuple[Callable[[Story], Awaitable[None]], ...]] = (
    start_plex,
    start_home_assistant,
    create_owner,
    wrong_password,
    right_password,
    wrong_code,
    right_code,
    look_at_entities,
    connection_information,
    transient_token,
    link_code,
    type_code,
    read_log,
    revoke_token,
    sign_in_again,
    same_entities,
    remove_account,
    read_log_again,
)


async def tell(arguments: Namespace) -> int:
    """Tell the story; return the exit status."""
    async with AsyncExitStack() as stack:
        story = Story(arguments.port, stack)
        for number, step in enumerate(STEPS, 1):
            print(f"{number}. {(step.__doc__ or '').removesuffix('.')}", flush=True)
            try:
                await step(story)
            except Exception as err:  # noqa: BLE001
                print(
                    f"Step {number} failed: {type(err).__name__}: {err}",
                    file=sys.stderr,
                )
                return 1
        if arguments.once:
            return 0
        print(
            f"Open {story.home.url} and log in as {OWNER['username']}, "
            f"password {OWNER['password']}. Ctrl-C ends it.\n"
            f"The first account can be added again: {story.ada.username}, "
            f"password {story.ada.password}, code {story.ada.code}, "
            f"address {story.simulator.url} under Advanced.\n"
            "A code for plex.tv/link is typed by itself after some seconds.",
            flush=True,
        )
        await type_all_codes(story)
    return 0


async def main(arguments: Namespace) -> int:
    """Tell the story until it is over or a signal ends it."""
    task = asyncio.ensure_future(tell(arguments))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        print("Stopped.", file=sys.stderr)
        return 130


def parse() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument(
        "--once", action="store_true", help="end after the story instead of staying up"
    )
    parser.add_argument(
        "--port", type=int, help="of Home Assistant; a free one if not given"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(parse())))
