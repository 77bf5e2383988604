"""The examples of the README: accepted by Home Assistant as they stand, and run."""

import json
from pathlib import Path
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)
import voluptuous as vol

from homeassistant.components.automation.config import (
    async_validate_config_item as async_validate_automation,
)
from homeassistant.components.recorder import CONFIG_SCHEMA as RECORDER_SCHEMA
from homeassistant.components.script.config import (
    async_validate_config_item as async_validate_script,
)
from homeassistant.components.template.config import (
    async_validate_config as async_validate_template,
)
from homeassistant.components.trace import TRACE_CONFIG_SCHEMA
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
from tests.simulator import Server

from .common import DOMAIN, set_up

ROOT = Path(__file__).parents[1]
TEXTS = ROOT / "custom_components" / DOMAIN / "translations" / "en.json"
ACTIONS = json.loads(TEXTS.read_text())["services"]


def blocks(name: str) -> list[Any]:
    """Return the YAML in a document."""
    found = re.findall(
        r"^( *)```yaml\n(.*?)^ *```",
        (ROOT / name).read_text(),
        re.DOTALL | re.MULTILINE,
    )
    return [parse_yaml(block) for _, block in found]


README = blocks("README.md")
EXAMPLES = {block["alias"]: block for block in README if "alias" in block}
AUTOMATIONS = [name for name, block in EXAMPLES.items() if "triggers" in block]
SCRIPTS = [name for name, block in EXAMPLES.items() if "sequence" in block]
TEMPLATES = [block for block in README if "template" in block]


def calls(block: Any) -> list[dict[str, Any]]:
    """Return the calls of actions anywhere in an example."""
    if isinstance(block, list):
        return [call for part in block for call in calls(part)]
    if not isinstance(block, dict):
        return []
    own = [block] if isinstance(block.get("action"), str) else []
    return own + [call for part in block.values() for call in calls(part)]


@pytest.mark.parametrize("name", AUTOMATIONS)
async def test_automations(hass: HomeAssistant, name: str) -> None:
    """The editor of automations takes the example as it stands."""
    assert await async_setup_component(hass, DOMAIN, {})
    assert await async_setup_component(hass, "automation", {})
    assert await async_validate_automation(hass, "pasted", EXAMPLES[name])


@pytest.mark.parametrize("name", SCRIPTS)
async def test_scripts(hass: HomeAssistant, name: str) -> None:
    """The editor of scripts takes the example as it stands."""
    assert await async_setup_component(hass, "script", {})
    assert await async_validate_script(hass, "pasted", EXAMPLES[name])


async def test_configuration(hass: HomeAssistant) -> None:
    """What is pasted into configuration.yaml is valid there."""
    for block in TEMPLATES:
        assert await async_setup_component(hass, "template", {})
        valid = await async_validate_template(hass, block)
        assert len(valid["template"]) == len(block["template"])
    trace, recorder = blocks("SECURITY.md")
    assert vol.Schema(TRACE_CONFIG_SCHEMA)(trace["trace"]) == {"stored_traces": 0}
    assert RECORDER_SCHEMA(recorder)


def test_calls() -> None:
    """Examples use fields that the actions have, and keep traces without tokens."""
    assert len(EXAMPLES) + len(TEMPLATES) >= 10
    for block in [*EXAMPLES.values(), *TEMPLATES]:
        names = set()
        for call in calls(block):
            domain, _, action = call["action"].partition(".")
            if domain == DOMAIN:
                names.add(action)
                assert call["data"].keys() <= ACTIONS[action]["fields"].keys()
        if names & {"get_transient_token", "get_source_connection_information"}:
            assert block["trace"] == {"stored_traces": 0}


async def run_script(hass: HomeAssistant, name: str, **fields: str) -> Any:
    """Run a script as it stands in the README, and return its response."""
    scripts = {"pasted": EXAMPLES[name]}
    assert await async_setup_component(hass, "script", {"script": scripts})
    return await hass.services.async_call(
        "script", "pasted", fields, blocking=True, return_response=True
    )


async def test_player(
    hass: HomeAssistant, entry: MockConfigEntry, server: Server
) -> None:
    """A player gets an address and a token that the server takes."""
    play = async_mock_service(hass, "media_player", "play_media")
    await set_up(hass, entry)
    await run_script(hass, "Play a Plex file in the living room")
    address, _, token = play[0].data["media_content_id"].partition("?X-Plex-Token=")
    assert address.startswith(f"{server.connections[0].uri}/library/")
    assert token in server.transient_tokens


async def test_source(
    hass: HomeAssistant, entry: MockConfigEntry, server: Server
) -> None:
    """Another program is told how to reach a source."""
    await set_up(hass, entry)
    source = f"server://{server.machine_identifier}"
    answer = await run_script(hass, "Find a Plex source", source=source)
    assert answer["uri"] == server.connections[0].uri
    assert answer["token"] in server.transient_tokens
