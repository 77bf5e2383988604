"""The examples of the README: accepted by Home Assistant as they stand, and run."""

import json
from pathlib import Path
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_mock_service
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

from .common import DOMAIN, Home

ROOT = Path(__file__).parents[1]
TEXTS = ROOT / "custom_components" / DOMAIN / "translations" / "en.json"
ACTIONS = json.loads(TEXTS.read_text())["services"]


def blocks(name: str) -> list[Any]:
    """Return the YAML in a document."""
    text = (ROOT / name).read_text()
    found = re.findall(r"^( *)```yaml\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return [parse_yaml(block) for _, block in found]


README = blocks("README.md")
EXAMPLES = {block["alias"]: block for block in README if "alias" in block}
VALIDATE = {"automation": async_validate_automation, "script": async_validate_script}
TEMPLATES = [block for block in README if "template" in block]


def calls(block: Any) -> list[dict[str, Any]]:
    """Return the calls of actions anywhere in an example."""
    if isinstance(block, list):
        return [call for part in block for call in calls(part)]
    if not isinstance(block, dict):
        return []
    own = [block] if isinstance(block.get("action"), str) else []
    return own + [call for part in block.values() for call in calls(part)]


@pytest.mark.parametrize("name", EXAMPLES)
async def test_editors(hass: HomeAssistant, name: str) -> None:
    """The editor of automations, or of scripts, takes the example as it stands."""
    kind = "automation" if "triggers" in EXAMPLES[name] else "script"
    for domain in (DOMAIN, kind):
        assert await async_setup_component(hass, domain, {})
    assert await VALIDATE[kind](hass, "pasted", EXAMPLES[name])


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


async def run_script(home: Home, name: str, **fields: str) -> Any:
    """Run a script as it stands in the README, and return its response."""
    config = {"script": {"pasted": EXAMPLES[name]}}
    assert await async_setup_component(home.hass, "script", config)
    return await home.hass.services.async_call(
        "script", "pasted", fields, blocking=True, return_response=True
    )


async def test_player(home: Home) -> None:
    """A player gets an address and a token that the server takes."""
    play = async_mock_service(home.hass, "media_player", "play_media")
    await home.set_up()
    await run_script(home, "Play a Plex file in the living room")
    address, _, token = play[0].data["media_content_id"].partition("?X-Plex-Token=")
    assert address.startswith(f"{home.server.connections[0].uri}/library/")
    assert token in home.server.transient_tokens


async def test_source(home: Home) -> None:
    """Another program is told how to reach a source."""
    await home.set_up()
    source = f"server://{home.server.machine_identifier}"
    answer = await run_script(home, "Find a Plex source", source=source)
    assert answer["uri"] == home.server.connections[0].uri
    assert answer["token"] in home.server.transient_tokens
