"""The story of one account: a simulated Plex, a real Home Assistant, and what a person does."""

from argparse import ArgumentParser, Namespace
import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
import json
import signal
import ssl
import sys
from typing import Any, Final

from aiohttp import ClientSession
from yarl import URL

from tests.simulator import Account, Server, Simulator

from .client import Client, Json
from .home_assistant import HOST, HomeAssistant
from .log import complaints, read_records

OWNER: Final = {"username": "demo", "password": "demo"}

_SECRETS: Final = {"access_token", "token"}
_WAIT: Final = 30


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
    """What the steps share."""

    port: int | None
    stack: AsyncExitStack
    simulator: Simulator = field(init=False)
    ada: Account = field(init=False)
    attic: Server = field(init=False)
    home: HomeAssistant = field(init=False)
    client: Client = field(init=False)
    texts: dict[str, str] = field(init=False)
    flow: Json = field(init=False)
    entry_id: str = field(init=False)

    async def submit(self, **fields: Any) -> None:
        """Fill in the step that the flow shows."""
        self.flow = await self.client.submit(self.flow, **fields)

    def expect_step(self, step_id: str, **errors: str) -> None:
        """Check which step the flow shows now, and with which errors."""
        shown = self.flow.get("step_id"), self.flow.get("errors") or {}
        expect(shown == (step_id, errors), f"the flow shows {self.flow}")
        for where, error in errors.items():
            say(f"{where}: {self.texts[f'error.{error}']}")

    def sign_ins(self) -> list[int | None]:
        """Return how plex.tv answered the attempts to sign in."""
        return [
            request.status
            for request in self.simulator.requests
            if request.path == "/users/signin"
        ]

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
    story.attic = await simulator.add_server(name="Attic", owner=story.ada, tls=True)
    say(f"plex.tv answers at {simulator.url}")
    say(f"{story.attic.name} answers at {story.attic.connections[0].uri}")


async def start_home_assistant(story: Story) -> None:
    """Start Home Assistant."""
    story.home = await story.stack.enter_async_context(
        HomeAssistant(story.simulator.ca_pem, port=story.port)
    )
    say(f"It answers at {story.home.url}")


async def create_owner(story: Story) -> None:
    """Create the owner of this Home Assistant."""
    story.client = await story.stack.enter_async_context(
        Client.create_owner(story.home.url, name="Demo", **OWNER)
    )
    async with asyncio.timeout(_WAIT):
        while not await story.client.is_running():
            await asyncio.sleep(0.1)
    story.texts = await story.client.translations("config")
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
    expect(story.flow["type"] == "create_entry", f"the flow shows {story.flow}")
    story.entry_id = story.flow["result"]["entry_id"]
    say(f"Account {story.flow['title']}")
    answers = story.sign_ins()
    expect(answers == [401, 401, 401, 201], f"plex.tv answered {answers}")
    say(f"plex.tv answered {', '.join(map(str, answers))}: one request per attempt")


async def wait_for_entities(story: Story) -> None:
    """Look at the entities."""
    entities: list[Json] = []
    states: dict[str, Json] = {}

    def connectivity() -> list[str]:
        return [
            states[entity["entity_id"]]["state"]
            for entity in entities
            if entity["translation_key"] == "connectivity"
            and entity["entity_id"] in states
        ]

    try:
        async with asyncio.timeout(_WAIT):
            while connectivity() != ["on"]:
                await asyncio.sleep(0.2)
                entities = await story.client.entities(story.entry_id)
                states = await story.client.states()
    except TimeoutError:
        raise StoryError(f"the server's connectivity is {connectivity()}") from None
    enabled = [entity for entity in entities if entity["disabled_by"] is None]
    for entity in enabled:
        state = states[entity["entity_id"]]
        expect(state["state"] != "unavailable", f"{entity['entity_id']} is unavailable")
        say(f"{state['attributes']['friendly_name']}: {state['state']}")
    say(f"{len(entities) - len(enabled)} more are disabled by default")


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


async def read_log(story: Story) -> None:
    """Read the log of Home Assistant."""
    records = read_records(story.home.log)
    for record in (found := complaints(records)):
        say(str(record))
    expect(not found, "the integration complains")
    log = story.home.log.read_text(encoding="utf-8")
    secrets = {story.ada.password or "", story.ada.code or "", *story.ada.tokens}
    expect(not any(secret in log for secret in secrets), "the log holds a secret")
    say(f"{len(records)} records, no complaint by the integration, no secret")


STEPS: Final[tuple[Callable[[Story], Awaitable[None]], ...]] = (
    start_plex,
    start_home_assistant,
    create_owner,
    wrong_password,
    right_password,
    wrong_code,
    right_code,
    wait_for_entities,
    connection_information,
    transient_token,
    read_log,
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
            f"password {OWNER['password']}. Ctrl-C ends it.",
            flush=True,
        )
        await asyncio.Event().wait()
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
