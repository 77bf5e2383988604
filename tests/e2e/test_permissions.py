"""Administrators and automations may do everything, other users nothing."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest

from .client import DOMAIN, Client, CommandError, Json
from .conftest import Plex
from .waiting import eventually

FLOW: Final = "config/config_entries/flow"
ENTRY: Final = "config/config_entries/entry"
SCRIPT: Final = "services/script/perform?return_response"

PATHS: Final = {
    "call_api": "/library/sections",
    "get_image_url": "/library/metadata/101/thumb/1",
}
ACTIONS: Final = {
    "call_api": "data",
    "get_image_url": "url",
    "get_source_connection_information": "access_token",
    "get_token_details": "uuid",
    "get_transient_token": "token",
}
"""The actions, and a key in the response of each."""


@pytest.fixture(params=ACTIONS)
def action(request: pytest.FixtureRequest) -> str:
    """Return the full name of an action."""
    name: str = request.param
    return name


@pytest.fixture
def data(action: str, plex: Plex) -> Json:
    """Return the data of an action."""
    if action == "get_token_details":
        return {"config_entry_id": plex.entry_id}
    path = {"path": PATHS[action]} if action in PATHS else {}
    return {"device_id": plex.device_id} | path


@pytest.fixture
def unasked(plex: Plex) -> Iterator[None]:
    """Check that Plex gets no requests."""
    plex.simulator.clear_requests()
    yield
    assert plex.simulator.requests == []


@pytest.fixture
async def flow(owner: Client) -> AsyncIterator[Json]:
    """Return a flow started by the owner."""
    flow = await owner.start_flow()
    yield flow
    await owner.request("DELETE", f"{FLOW}/{flow['flow_id']}")


async def test_owner_performs(owner: Client, action: str, data: Json) -> None:
    """An administrator may perform every action, over REST and WebSocket."""
    assert ACTIONS[action] in await owner.perform(action, **data)
    assert ACTIONS[action] in await owner.action(action, **data)


@pytest.mark.usefixtures("unasked")
async def test_resident_is_refused(resident: Client, action: str, data: Json) -> None:
    """Other users may not perform any action."""
    with pytest.raises(CommandError, match=r"401: Unauthorized"):
        await resident.perform(action, **data)
    with pytest.raises(CommandError, match="Unauthorized"):
        await resident.action(action, **data)


async def test_automation_performs(owner: Client, action: str, data: Json) -> None:
    """An automation may perform actions, whatever triggered it."""
    event = {"action": f"{DOMAIN}.{action}", "data": data}
    async with owner.subscribe("subscribe_events", event_type="performed") as events:
        await owner.request("POST", "events/perform", event)
        performed = await anext(events)
    assert ACTIONS[action] in performed["data"]["keys"]
    assert performed["context"]["user_id"] is None


async def test_script_of_the_owner_performs(
    owner: Client, plex: Plex, action: str, data: Json
) -> None:
    """A script has the permissions of the user who starts it."""
    variables = {"action": f"{DOMAIN}.{action}", "data": data}
    answer = await owner.request("POST", SCRIPT, variables)
    assert ACTIONS[action] in answer["service_response"]
    plex.simulator.clear_requests()
    await _run_in_background(owner, variables)
    assert plex.simulator.requests


@pytest.mark.usefixtures("unasked")
async def test_script_of_a_resident_is_refused(
    resident: Client, action: str, data: Json
) -> None:
    """A script doesn't bypass permissions over REST, over WebSocket, or in the background."""
    variables = {"action": f"{DOMAIN}.{action}", "data": data}
    with pytest.raises(CommandError, match=r"401: Unauthorized"):
        await resident.request("POST", SCRIPT, variables)
    with pytest.raises(CommandError, match="Unauthorized"):
        await resident.command(
            "call_service",
            domain="script",
            service="perform",
            service_data=variables,
            return_response=True,
        )
    await _run_in_background(resident, variables)


async def _run_in_background(person: Client, variables: Json) -> None:
    """Start the script without blocking, and wait until it has ended."""

    async def state() -> Json:
        return (await person.states())["script.perform"]

    before = (await state())["attributes"]["last_triggered"]
    data = {"entity_id": "script.perform", "variables": variables}
    await person.request("POST", "services/script/turn_on", data)
    await eventually(
        "the script",
        state,
        lambda now: (
            now["state"] == "off" and now["attributes"]["last_triggered"] != before
        ),
    )


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", FLOW, {"handler": DOMAIN}),
        ("POST", FLOW, {"handler": DOMAIN, "entry_id": "{entry_id}"}),
        ("GET", f"{FLOW}/{{flow_id}}", None),
        ("POST", f"{FLOW}/{{flow_id}}", {"next_step_id": "password"}),
        ("POST", f"{ENTRY}/{{entry_id}}/reload", {}),
        ("DELETE", f"{ENTRY}/{{entry_id}}", None),
        ("GET", "diagnostics/config_entry/{entry_id}", None),
        ("GET", "diagnostics/config_entry/{entry_id}/device/{device_id}", None),
    ],
)
async def test_rest_is_refused(
    resident: Client,
    plex: Plex,
    flow: Json,
    method: str,
    path: str,
    body: dict[str, str] | None,
) -> None:
    """Only an administrator may use flows, change entries, and download diagnostics."""
    ids = {
        "entry_id": plex.entry_id,
        "device_id": plex.device_id,
        "flow_id": flow["flow_id"],
    }
    filled = body and {key: value.format(**ids) for key, value in body.items()}
    with pytest.raises(CommandError, match=r"401: Unauthorized"):
        await resident.request(method, path.format(**ids), filled)


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize(
    ("command", "fields"),
    [
        ("config_entries/flow/progress", ()),
        ("config_entries/update", ("entry_id",)),
        ("config/device_registry/remove_config_entry", ("device_id", "entry_id")),
        ("diagnostics/list", ()),
    ],
)
async def test_commands_are_refused(
    resident: Client, plex: Plex, command: str, fields: tuple[str, ...]
) -> None:
    """The same applies to WebSocket commands."""
    names = {"entry_id": "config_entry_id"} if "registry" in command else {}
    values = {names.get(name, name): getattr(plex, name) for name in fields}
    with pytest.raises(CommandError, match="Unauthorized") as refusal:
        await resident.command(command, **values)
    assert refusal.value.code == "unauthorized"


async def test_owner_downloads(owner: Client, plex: Plex) -> None:
    """An administrator may download diagnostics."""
    path = f"diagnostics/config_entry/{plex.entry_id}"
    answer = await owner.request("GET", path)
    assert answer["data"]["entry"]["state"] == "loaded"
