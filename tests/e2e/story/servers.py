"""The actions of a server are performed."""

import json
import ssl
from typing import Any

from aiohttp import ClientSession
from yarl import URL

from tests.e2e.home_assistant import HOST

from .state import Story, expect, say, shorten


def show(response: Any) -> None:
    """Tell a response without its tokens."""
    say(json.dumps(shorten(response), indent=2, ensure_ascii=False))


async def connection_information(story: Story) -> None:
    """Perform get_source_connection_information."""
    response = await story.client.action(
        "get_source_connection_information", device_id=await story.server_device()
    )
    show(response)
    expect(
        response["client_identifier"] == story.attic.machine_identifier,
        "this is another server",
    )


async def transient_token(story: Story) -> None:
    """Perform get_transient_token, and use the token."""
    response = await story.client.action(
        "get_transient_token", device_id=await story.server_device()
    )
    show(response)
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


STEPS = (connection_information, transient_token)
