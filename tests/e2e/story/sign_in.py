"""An account is added with its password and a two-factor code."""

from .state import Story, expect, say


async def wrong_password(story: Story) -> None:
    """Add an account with a wrong password."""
    story.flow = await story.client.start_flow()
    expect(story.flow["type"] == "menu", f"the flow shows {story.flow}")
    for option in story.flow["menu_options"]:
        say(f"- {story.texts[f'step.user.menu_options.{option}']}")
    await story.submit(next_step_id="password")
    story.expect_step("password")
    await story.submit(username=story.ada.username, password="wrong horse")
    story.expect_step("password", base="invalid_auth")


async def right_password(story: Story) -> None:
    """Enter the right password: Plex asks for a code."""
    await story.submit(username=story.ada.username, password=story.ada.password)
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
    await story.show_entities(story.entry_id)


STEPS = (wrong_password, right_password, wrong_code, right_code, look_at_entities)
