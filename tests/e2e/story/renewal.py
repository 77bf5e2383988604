"""Plex ends the token of an account, and its owner signs in again."""

from tests.e2e.client import Json
from tests.e2e.waiting import eventually

from .state import Story, expect, say


async def revoke_token(story: Story) -> None:
    """Revoke all tokens of the first account, and press its refresh button."""
    story.old_entities = await story.client.entities(story.entry_id)
    story.simulator.revoke(story.ada)
    await story.expect_refusal("token_revoked")
    states = await story.states(story.entry_id)
    expect(story.is_up(states), f"after one refusal the entities are {states}")
    say("One refusal changes nothing yet")


async def second_refusal(story: Story) -> None:
    """Wait until plex.tv is asked once more: it refuses again."""
    states = await eventually(
        "what the entities show",
        lambda: story.states(story.entry_id),
        story.is_without_plex_tv,
    )
    say(f"{[*states.values()].count('unavailable')} entities are unavailable")
    activity = (await story.state_of("activity"))["attributes"]["event_type"]
    expect(activity == "token_rejected", f"the account event is {activity}")
    say(f"Account event: {activity}")
    say(f"{story.attic.name} Connectivity: {states[story.connectivity]}")
    others = await story.states(story.grace_entry_id)
    expect(story.is_up(others), f"the other account's entities are {others}")
    say("The other account's entities are as before")


async def sign_in_again(story: Story) -> None:
    """Sign in again."""
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
    say(f"All {len(entities)} have the entity IDs and unique IDs of before")
    expect(
        not await story.client.reauth_flows(story.entry_id),
        "Home Assistant still asks to sign in",
    )
    requests = story.expect_requests("/users/signin", 401, 401, 401, 201, 401, 201)
    clients = {request.client_identifier for request in requests}
    expect(len(clients) == 1, "plex.tv was told of another device")
    story.expect_requests("/users/signout")
    say("Two requests to plex.tv from the same device; nothing was signed out")


STEPS = (revoke_token, second_refusal, sign_in_again, same_entities)
