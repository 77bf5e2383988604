"""An account without a password is added with a code."""

import asyncio

from tests.e2e.waiting import WAIT_SECONDS, eventually

from .state import Story, StoryError, expect, say


async def link_code(story: Story) -> None:
    """Add an account that has no password: Plex gives a code."""
    story.flow = await story.client.start_flow()
    await story.submit(next_step_id="link")
    story.expect_step("link_wait")
    text = story.texts["progress.link_wait"]
    say(text.format(**story.flow["description_placeholders"]).replace("# ", ""))

    async def polls() -> int:
        return sum(one.path.startswith("/pins/") for one in story.simulator.requests)

    await eventually("the number of polls", polls, bool)
    shown, story.flow = story.flow, await story.client.show(story.flow)
    expect(story.flow == shown, f"the flow shows {story.flow}")
    story.expect_requests("/pins", 201)
    say("Nobody has entered it yet, and the dialog waits")


async def enter_code(story: Story) -> None:
    """Enter the code at plex.tv/link: the dialog continues by itself."""
    code = story.flow["description_placeholders"]["code"]
    try:
        async with asyncio.timeout(WAIT_SECONDS), story.client.progress(story.flow):
            story.simulator.approve_pin(code, story.grace)
    except TimeoutError:
        raise StoryError("the dialog still waits") from None
    story.flow = await story.client.show(story.flow)
    story.grace_entry_id = story.expect_entry()
    await story.expect_up(story.grace_entry_id)
    await story.show_entities(story.grace_entry_id)


async def read_log(story: Story) -> None:
    """Read the log of Home Assistant: no errors so far."""
    story.check_log()


STEPS = (link_code, enter_code, read_log)
