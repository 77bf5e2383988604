"""The beginning, and the end."""

from tests.e2e.client import OWNER, Client
from tests.e2e.home_assistant import HomeAssistant
from tests.e2e.waiting import eventually
from tests.simulator import Simulator

from .state import Story, say

_CONFIGURATION = "automation: !include automations.yaml\n"


async def start_plex(story: Story) -> None:
    """Start a simulated plex.tv and a Plex Media Server."""
    simulator = await story.stack.enter_async_context(Simulator())
    story.simulator = simulator
    story.ada = simulator.add_account(
        username="ada", friendly_name="Ada", password="correct horse", code="123456"
    )
    story.ada.subscribe("lifetime")
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
        HomeAssistant(story.simulator, port=story.port, configuration=_CONFIGURATION)
    )
    say(f"It answers at {story.home.url}")


async def create_owner(story: Story) -> None:
    """Create the owner of this Home Assistant."""
    story.client = await story.stack.enter_async_context(
        Client.create_owner(story.home.url, name="Demo", **OWNER)
    )
    await eventually("whether it runs", story.client.is_running, bool)
    story.texts = await story.client.translations("config")
    story.sentences = await story.client.translations("exceptions")
    config = await story.client.request("GET", "config")
    say(f"Home Assistant {config['version']} is running")


STEPS = (start_plex, start_home_assistant, create_owner)
