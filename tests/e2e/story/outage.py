"""plex.tv is down, while Home Assistant is restarted."""

from tests.e2e.client import OWNER, Client
from tests.e2e.waiting import eventually

from .servers import show
from .state import Story, expect, say


async def plex_tv_down(story: Story) -> None:
    """Let plex.tv go down, and press the refresh button."""
    await story.simulator.stop_plex_tv()
    await story.expect_refusal("plex_tv_unavailable")
    states = await story.states(story.entry_id)
    expect(story.is_without_plex_tv(states), f"the entities are {states}")
    say(f"{story.attic.name} Connectivity: {states[story.connectivity]}")


async def read_log(story: Story) -> None:
    """Read the log again: only the revoked token and the outage are errors."""
    story.check_log(
        *(
            "ERROR [custom_components.plex_account] Error fetching Plex account data: "
            + story.sentences[f"{key}.message"].removesuffix(".")
            for key in ("token_revoked", "plex_tv_unavailable")
        )
    )


async def restart(story: Story) -> None:
    """Restart Home Assistant while plex.tv is down."""
    await story.home.stop()
    await story.home.start()
    story.client = await story.stack.enter_async_context(
        Client.log_in(story.home.url, **OWNER)
    )
    await eventually("whether it runs", story.client.is_running, bool)
    states = await eventually(
        "what the entities show",
        lambda: story.states(story.entry_id),
        story.is_without_plex_tv,
    )
    say(f"{[*states.values()].count('unavailable')} entities are unavailable")
    say(f"{story.attic.name} Connectivity: {states[story.connectivity]}")


async def token_without_plex_tv(story: Story) -> None:
    """Perform get_transient_token without plex.tv."""
    response = await story.client.action(
        "get_transient_token", device_id=await story.server_device()
    )
    show(response)
    token = response["token"]
    expect(token in story.attic.transient_tokens, "the server did not give this token")


async def plex_tv_back(story: Story) -> None:
    """Let plex.tv come back, and press the refresh button."""
    await story.simulator.start_plex_tv()
    await story.client.refresh(story.entry_id)
    await story.expect_up(story.entry_id)
    say("All entities of the account are available")


STEPS = (plex_tv_down, read_log, restart, token_without_plex_tv, plex_tv_back)
