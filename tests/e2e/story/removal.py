"""An account is removed."""

from .state import Story, expect, say


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
    say(f"Its devices and entities are gone, those of {titles[0]} are as before")


async def read_log_again(story: Story) -> None:
    """Read the log again: no errors since the restart."""
    story.check_log()


STEPS = (remove_account, read_log_again)
