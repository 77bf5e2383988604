"""Every text that people read: all there, none left over, and each one complete."""

import ast
from collections.abc import Iterable, Iterator
import json
from pathlib import Path
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    get_system_health_info,
)
import voluptuous as vol

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.setup import async_setup_component
from tests.simulator import Account, Connection, Server, Simulator

from .common import DOMAIN, press_refresh, set_up

INTEGRATION = Path(__file__).parents[1] / "custom_components" / DOMAIN
LANGUAGES = {
    path.stem: json.loads(path.read_text())
    for path in sorted((INTEGRATION / "translations").glob("*.json"))
}
ENGLISH = LANGUAGES["en"]
SECTIONS = {
    "title",
    "config",
    "entity",
    "exceptions",
    "issues",
    "services",
    "system_health",
}
FORBIDDEN = re.compile(r"\[%|://|<[^>]+>|^\s|\s$|'\{\w+\}'|^$")
KEY = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")


def flat(tree: dict[str, Any], path: str = "") -> dict[str, str]:
    """Return all texts below a key, by their path."""
    texts: dict[str, str] = {}
    for key, value in tree.items():
        name = f"{path}.{key}" if path else key
        texts |= flat(value, name) if isinstance(value, dict) else {name: value}
    return texts


def placeholders(*trees: Any) -> set[str]:
    """Return what stands in braces anywhere in some texts."""
    return set(re.findall(r"\{(\w+)\}", json.dumps(trees)))


def trees(pattern: str = "*.py") -> Iterator[ast.Module]:
    """Return the code of modules."""
    return (ast.parse(path.read_text()) for path in INTEGRATION.rglob(pattern))


def strings(nodes: Iterable[ast.AST | None]) -> set[str]:
    """Return the strings among some expressions."""
    return {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def errors_in_code() -> set[str]:
    """Return the errors of forms: strings that stand in a dict as a value."""
    [tree] = trees("config_flow.py")
    dicts = (node for node in ast.walk(tree) if isinstance(node, ast.Dict))
    return strings(value for node in dicts for value in node.values)


def aborts_in_code() -> set[str]:
    """Return the reasons for which a dialog ends."""
    [tree] = trees("config_flow.py")
    keywords = (node for node in ast.walk(tree) if isinstance(node, ast.keyword))
    return strings(node.value for node in keywords if node.arg == "reason")


def exceptions_in_code() -> set[str]:
    """Return the keys of translated exceptions, also those chosen in a variable."""
    keys: set[str] = set()
    for tree in trees():
        nodes = list(ast.walk(tree))
        calls = (
            {keyword.arg: keyword.value for keyword in node.keywords}
            for node in nodes
            if isinstance(node, ast.Call)
        )
        given = [
            call["translation_key"] for call in calls if "translation_domain" in call
        ]
        variables = {node.id for node in given if isinstance(node, ast.Name)}
        keys |= strings(given) | strings(
            node.value
            for node in nodes
            if isinstance(node, ast.Assign)
            and {getattr(target, "id", None) for target in node.targets} & variables
        )
    return keys


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts(language: str) -> None:
    """Every text is plain, and every key is one that Home Assistant reads."""
    texts = flat(LANGUAGES[language])
    assert {path: text for path, text in texts.items() if FORBIDDEN.search(text)} == {}
    assert [
        path for path in texts for key in path.split(".") if not KEY.fullmatch(key)
    ] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages(language: str) -> None:
    """Every language has the texts that English has, with the same placeholders."""
    assert {
        path: placeholders(text) for path, text in flat(LANGUAGES[language]).items()
    } == {path: placeholders(text) for path, text in flat(ENGLISH).items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_sections(language: str) -> None:
    """No language has a section that Home Assistant doesn't know."""
    assert LANGUAGES[language].keys() == SECTIONS


def check_fields(texts: dict[str, Any], schema: vol.Schema) -> None:
    """Every field of a form has a label and an explanation, and no other has."""
    fields = {key.schema: value for key, value in schema.schema.items()}
    parts = {key: value for key, value in fields.items() if isinstance(value, section)}
    labelled = fields.keys() - parts.keys()
    assert texts.get("data", {}).keys() == labelled
    assert texts.get("data_description", {}).keys() == labelled
    assert parts.keys() <= texts.get("sections", {}).keys() <= {"advanced"}
    for name, part in parts.items():
        assert texts["sections"][name]["name"]
        check_fields(texts["sections"][name], part.schema)


START = {
    "user": lambda entry, hass: hass.config_entries.flow.async_init(
        DOMAIN, context={"source": "user"}
    ),
    "reauth_confirm": MockConfigEntry.start_reauth_flow,
    "reconfigure": MockConfigEntry.start_reconfigure_flow,
}


@pytest.mark.parametrize("step", START)
async def test_dialogs(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    entry: MockConfigEntry,
    step: str,
) -> None:
    """Every step has its texts, and is given what they name."""
    texts = ENGLISH["config"]
    flow = hass.config_entries.flow
    values = {
        "username": "ada",
        "password": "correct horse",
        "advanced": {"url": simulator.url},
    }

    async def submit(form: ConfigFlowResult) -> ConfigFlowResult:
        typed = {str(name): values[name] for name in form["data_schema"].schema}
        return await flow.async_configure(form["flow_id"], typed)

    menus = [await START[step](entry, hass), await START[step](entry, hass)]
    password, link = [
        await flow.async_configure(menu["flow_id"], {"next_step_id": method})
        for menu, method in zip(menus, menus[0]["menu_options"], strict=True)
    ]
    code, wait = await submit(password), await submit(link)
    forms = [password, link, code]

    assert menus[0]["step_id"] == step
    assert texts["step"].keys() == {*START, *(form["step_id"] for form in forms)}
    assert texts["step"][step]["menu_options"].keys() == set(menus[0]["menu_options"])
    for shown in (menus[0], *forms):
        step_texts = texts["step"][shown["step_id"]]
        assert step_texts["title"]
        assert step_texts["description"]
        assert placeholders(step_texts) <= shown["description_placeholders"].keys()
    for form in forms:
        check_fields(texts["step"][form["step_id"]], form["data_schema"])
        assert placeholders(texts["error"]) <= form["description_placeholders"].keys()
    assert texts["progress"].keys() == {wait["progress_action"]}
    assert placeholders(texts["progress"]) == wait["description_placeholders"].keys()
    flow.async_abort(wait["flow_id"])


def test_errors_and_aborts() -> None:
    """Every error of a form and every end of a dialog has a text, and is reached."""
    assert ENGLISH["config"]["error"].keys() == errors_in_code()
    assert placeholders(ENGLISH["config"]["abort"]) == set()
    assert (
        ENGLISH["config"]["abort"].keys() == {"already_configured"} | aborts_in_code()
    )


async def test_entities(
    hass: HomeAssistant, entry: MockConfigEntry, server: Server
) -> None:
    """Every entity has a name, and each of its values where they are known."""
    await set_up(hass, entry)
    texts = ENGLISH["entity"]
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)

    assert {(platform, key) for platform in texts for key in texts[platform]} == {
        (entity.domain, entity.translation_key) for entity in entities
    }
    values = {
        entity.translation_key: {*capabilities.get("options", [])}
        for entity in entities
        if (capabilities := entity.capabilities)
    }
    assert {
        key: text["state"].keys()
        for key, text in texts["sensor"].items()
        if "state" in text
    } == {key: options for key, options in values.items() if options}
    [activity] = [entity for entity in entities if entity.domain == "event"]
    states = texts["event"]["activity"]["state_attributes"]["event_type"]["state"]
    assert states.keys() == {*(activity.capabilities or {})["event_types"]}
    assert all(
        text["name"] for platform in texts.values() for text in platform.values()
    )
    assert placeholders(texts) == set()


async def test_actions(hass: HomeAssistant) -> None:
    """Actions and their fields have names and descriptions, and what those name."""
    assert await async_setup_component(hass, DOMAIN, {})
    actions = hass.services.async_services_for_domain(DOMAIN)
    assert actions.keys() == ENGLISH["services"].keys()
    for name, action in actions.items():
        texts = ENGLISH["services"][name]
        assert action.schema
        assert texts["fields"].keys() == {key.schema for key in action.schema.schema}
        for text in (texts, *texts["fields"].values()):
            assert text["name"]
            assert text["description"]
        assert placeholders(texts) <= (action.description_placeholders or {}).keys()


CONNECTIONS = "get_source_connection_information"
NO_FAULT = {"times": 0}
EXCEPTIONS = [
    ("invalid_source", CONNECTIONS, "Attic", {"source": "nonsense"}, NO_FAULT),
    ("source_unknown", CONNECTIONS, "Attic", {"source": "server://unknown"}, NO_FAULT),
    ("server_not_owned", CONNECTIONS, "Cellar", {}, NO_FAULT),
    ("not_a_server", CONNECTIONS, "ada", {}, NO_FAULT),
    ("plex_refused", CONNECTIONS, "Attic", {}, {"path": "/sec*s", "status": 500}),
    ("token_refused", CONNECTIONS, "Attic", {}, {"path": "/sec*s", "status": 401}),
    ("server_unreachable", CONNECTIONS, "Attic", {}, {"action": "drop"}),
    ("token_refused", "get_token_details", None, {}, {"status": 401}),
    ("plex_refused", "get_token_details", None, {}, {"status": 503}),
]


@pytest.mark.parametrize(("key", "action", "device", "fields", "fault"), EXCEPTIONS)
async def test_exceptions(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    entry: MockConfigEntry,
    server: Server,
    key: str,
    action: str,
    device: str | None,
    fields: dict[str, str],
    fault: dict[str, Any],
) -> None:
    """What an action says when it fails is given all that it names."""
    grace = simulator.add_account(username="grace")
    await simulator.add_server(
        name="Cellar", owner=grace, shared_with=[account], tls=True
    )
    await set_up(hass, entry)
    devices = {
        found.name: {"device_id": found.id}
        for found in dr.async_entries_for_config_entry(
            dr.async_get(hass), entry.entry_id
        )
    }
    simulator.fault(**{"host": "*", **fault})
    with pytest.raises(HomeAssistantError) as raised:
        await hass.services.async_call(
            DOMAIN,
            action,
            devices.get(device, {}) | fields,
            blocking=True,
            return_response=True,
        )

    assert raised.value.translation_key == key
    assert (
        placeholders(ENGLISH["exceptions"][key])
        == (raised.value.translation_placeholders or {}).keys()
    )


def test_all_exceptions() -> None:
    """Every exception that code raises has a text, and is above or one of set-up."""
    of_set_up = {
        "entry_damaged",
        "other_account",
        "plex_tv_unavailable",
        "token_revoked",
    }
    assert ENGLISH["exceptions"].keys() == exceptions_in_code()
    assert ENGLISH["exceptions"].keys() - of_set_up == {key for key, *_ in EXCEPTIONS}


async def test_issues(
    hass: HomeAssistant,
    simulator: Simulator,
    account: Account,
    entry: MockConfigEntry,
    server: Server,
) -> None:
    """Every repair has a title and a description, and what they name."""
    plain = Connection(
        uri="http://192.168.1.2:32400",
        protocol="http",
        address="192.168.1.2",
        port=32400,
    )
    await simulator.add_server(name="Hut", owner=account, connections=[plain])
    await set_up(hass, entry)
    server.listed = False
    await press_refresh(hass, account)
    issues = [
        issue for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN
    ]

    assert ENGLISH["issues"].keys() == {issue.translation_key for issue in issues}
    for issue in issues:
        texts = ENGLISH["issues"][issue.translation_key]
        assert texts["title"]
        assert texts["description"]
        assert placeholders(texts) <= (issue.translation_placeholders or {}).keys()


async def test_system_health(
    hass: HomeAssistant, entry: MockConfigEntry, server: Server
) -> None:
    """Every line of system health has a name."""
    assert await async_setup_component(hass, "system_health", {})
    await set_up(hass, entry)
    info = await get_system_health_info(hass, DOMAIN)
    await info["can_reach_plex_tv"]

    assert ENGLISH["system_health"]["info"].keys() == info.keys()
