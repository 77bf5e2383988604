"""Every text that users read: complete in all languages, and in Home Assistant's words."""

import ast
import json
from pathlib import Path
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    get_system_health_info,
)

import homeassistant
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
from tests.simulator import Account, Server, Simulator

from .common import DOMAIN, set_up

ROOT = Path(__file__).parents[1]
INTEGRATION = ROOT / "custom_components" / DOMAIN
COMPONENTS = Path(homeassistant.__file__).parent / "components"
LANGUAGES = {
    path.stem: json.loads(path.read_text())
    for path in sorted((INTEGRATION / "translations").glob("*.json"))
}
ENGLISH = LANGUAGES["en"]
HOME_ASSISTANT = json.loads(
    (COMPONENTS / "homeassistant/translations/en.json").read_text()
)
CODE = [ast.parse(path.read_text()) for path in INTEGRATION.rglob("*.py")]

# What hassfest forbids, placeholders for untranslated text, and empty texts.
FORBIDDEN = re.compile(r"\[%|://|<[^>]+>|^\s|\s$|'\{\w+\}'|\{error\}|^$")
# Words that don't fit the style of Home Assistant.
FOREIGN_WORDS = re.compile(
    r"\b(e-mails?|licences?|anew|mend(s|ed)?|recogni[sz]able|colours?|be it"
    r"|as well as it goes|nobody's business)\b",
    re.IGNORECASE,
)

# Where these texts stand here, and where Home Assistant says the same.
SHARED_TERMS = {
    "config.abort.already_configured": ("airthings", "config.abort.already_configured"),
    "config.step.password.data.password": (
        "abode",
        "config.step.reauth_confirm.data.password",
    ),
    "entity.sensor.connection.name": ("knx", "entity.sensor.connection_type.name"),
    "entity.sensor.owner.name": ("whois", "entity.sensor.owner.name"),
    "triggers.server_went_offline.fields.for.name": (
        "occupancy",
        "common.trigger_for_name",
    ),
}
# The frontend's words for "Settings > Devices & services", which is not installed here.
SETTINGS = {
    "de": "Einstellungen > Geräte & Dienste",
    "en": "Settings > Devices & services",
    "es": "Configuración > Dispositivos y servicios",
    "fr": "Paramètres > Appareils et services",
    "it": "Impostazioni > Dispositivi e servizi",
    "ja": "設定 > デバイスとサービス",
    "nl": "Instellingen > Apparaten en diensten",
    "pl": "Ustawienia > Urządzenia oraz usługi",
    "pt-BR": "Configurações > Dispositivos & serviços",
    "sv": "Inställningar > Enheter och tjänster",
}


def flat(tree: dict[str, Any], path: str = "") -> dict[str, str]:
    """Return all texts below a key, by their path."""
    texts: dict[str, str] = {}
    for key, value in tree.items():
        name = f"{path}.{key}" if path else key
        texts |= flat(value, name) if isinstance(value, dict) else {name: value}
    return texts


def placeholders(*trees: Any) -> set[str]:
    """Return the placeholders of texts."""
    return set(re.findall(r"\{(\w+)\}", json.dumps(trees)))


def strings(*nodes: ast.AST | None) -> set[str]:
    """Return the strings in some code."""
    return {
        part.value
        for node in nodes
        if node
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def keywords(name: str, beside: str | None = None) -> list[ast.expr]:
    """Return what is given as a keyword in the code, in calls that name another one."""
    calls = (
        {keyword.arg: keyword.value for keyword in node.keywords}
        for tree in CODE
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    )
    return [
        call[name] for call in calls if name in call and (not beside or beside in call)
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages(language: str) -> None:
    """Every language has the texts of English, plain and with the same placeholders."""
    texts = flat(LANGUAGES[language])
    assert {path: placeholders(text) for path, text in texts.items()} == {
        path: placeholders(text) for path, text in flat(ENGLISH).items()
    }
    assert {path: text for path, text in texts.items() if FORBIDDEN.search(text)} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_terms(language: str) -> None:
    """What Home Assistant has a word for is called the same."""
    texts = flat(LANGUAGES[language])
    for path, (component, key) in SHARED_TERMS.items():
        file = COMPONENTS / component / "translations" / f"{language}.json"
        assert texts[path] == flat(json.loads(file.read_text()))[key]
    for path, text in flat(ENGLISH).items():
        assert (SETTINGS["en"] in text) == (SETTINGS[language] in texts[path])
    assert set(LANGUAGES) == set(SETTINGS)


def prose() -> dict[str, str]:
    """Return everything in English that users or contributors read, by its place."""
    files = [
        *ROOT.glob("*.md"),
        *ROOT.glob(".github/**/*.yml"),
        *ROOT.glob(".github/*.md"),
        *ROOT.glob("blueprints/**/*.yaml"),
        INTEGRATION / "translations" / "en.json",
        *INTEGRATION.glob("*.yaml"),
    ]
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in files}
    for path in INTEGRATION.rglob("*.py"):
        nodes = [
            node
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(
                node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            )
        ]
        docstrings = [ast.get_docstring(node) or "" for node in nodes]
        texts[str(path.relative_to(ROOT))] = "\n".join(docstrings)
    return texts


@pytest.mark.parametrize(("place", "text"), prose().items(), ids=prose())
def test_words(place: str, text: str) -> None:
    """Nothing is written in words that don't fit the style of Home Assistant."""
    assert [found[0] for found in FOREIGN_WORDS.finditer(text)] == []


def check_step(texts: dict[str, Any], step: ConfigFlowResult) -> None:
    """Check that a step has all its texts, and gives the placeholders they name."""
    assert texts["title"]
    assert texts.get("description") or step["step_id"] == "init"
    given = (step["description_placeholders"] or {}).keys()
    assert placeholders(texts) <= given
    if step["type"] is FlowResultType.MENU:
        menu: Any = step["menu_options"]
        options = set(menu)
        assert texts["menu_options"].keys() == options
        assert texts["menu_option_descriptions"].keys() == options
    else:
        fields = {str(key) for key in step["data_schema"].schema}
        assert texts.get("data", {}).keys() == fields
        assert texts.get("data_description", {}).keys() == fields
        if errors := set((step["errors"] or {}).values()):
            wanted = {error: ENGLISH["config"]["error"][error] for error in errors}
            assert placeholders(wanted) <= given


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
    monkeypatch: pytest.MonkeyPatch,
    simulator: Simulator,
    account: Account,
    entry: MockConfigEntry,
    step: str,
) -> None:
    """Every step of a sign-in has its texts and placeholders."""
    monkeypatch.setenv("PLEX_ACCOUNT_URL", simulator.url)
    texts = ENGLISH["config"]
    flow = hass.config_entries.flow

    async def choose(method: str) -> ConfigFlowResult:
        menu = await START[step](entry, hass)
        check_step(texts["step"][step], menu)
        return await flow.async_configure(menu["flow_id"], {"next_step_id": method})

    password = await choose("password")
    check_step(texts["step"]["password"], password)
    login = {"username": "ada", "password": "correct horse"}
    code = await flow.async_configure(password["flow_id"], login)
    check_step(texts["step"]["two_factor"], code)
    flow.async_abort(code["flow_id"])

    wait = await choose("link")
    assert placeholders(texts["progress"]["link_wait"]) == (
        wait["description_placeholders"].keys()
    )
    flow.async_abort(wait["flow_id"])

    simulator.fault(path="/pins", status=503)
    expired = await choose("link")
    check_step(texts["step"]["link_expired"], expired)
    assert texts["step"].keys() == {*START, "password", "two_factor", "link_expired"}


async def test_options(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """The options have their texts."""
    await set_up(hass, entry)
    step = await hass.config_entries.options.async_init(entry.entry_id)
    check_step(ENGLISH["options"]["step"]["init"], step)


def test_keys_of_dialogs() -> None:
    """Every error and abort of a dialog is used, and every abort has a text."""
    used = strings(*CODE)
    config = ENGLISH["config"]
    fix_flow = ENGLISH["issues"]["server_lost"]["fix_flow"]
    aborts = {*config["abort"], *fix_flow["abort"]}
    assert {*config["error"], *fix_flow["error"]} - used == set()
    assert aborts - used - {"already_configured"} == set()
    assert strings(*keywords("reason")) - aborts == set()


def test_keys_of_exceptions() -> None:
    """Every text of an exception is used, and every exception has a text."""
    keys = set(ENGLISH["exceptions"])
    assert keys - strings(*CODE) == set()
    own = strings(*keywords("translation_key", "translation_domain")) - keys
    assert own <= set(HOME_ASSISTANT["exceptions"])


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
    for entity in entities:
        text = texts[entity.domain][entity.translation_key]
        assert text["name"]
        if options := (entity.capabilities or {}).get("options"):
            assert text["state"].keys() == {*options}
        if types := (entity.capabilities or {}).get("event_types"):
            states = text["state_attributes"]["event_type"]["state"]
            assert states.keys() == {*types}


async def test_actions(hass: HomeAssistant) -> None:
    """Actions and their fields have names and descriptions, and what those name."""
    assert await async_setup_component(hass, DOMAIN, {})
    actions = hass.services.async_services_for_domain(DOMAIN)
    described = load_yaml_dict(str(INTEGRATION / "services.yaml"))
    assert actions.keys() == ENGLISH["services"].keys() == described.keys()
    for name, action in actions.items():
        texts = ENGLISH["services"][name]
        assert action.schema
        fields = {str(key) for key in action.schema.schema}
        assert texts["fields"].keys() == fields == described[name]["fields"].keys()
        for text in (texts, *texts["fields"].values()):
            assert text["name"]
            assert text["description"]
        assert placeholders(texts) <= (action.description_placeholders or {}).keys()


@pytest.mark.parametrize("kind", ["trigger", "condition"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_triggers_and_conditions(language: str, kind: str) -> None:
    """Each trigger and condition has icon, name, and description in every language."""
    described = load_yaml_dict(str(INTEGRATION / f"{kind}s.yaml"))
    keys = {key for key in described if not key.startswith(".")}
    icons = json.loads((INTEGRATION / "icons.json").read_text())[f"{kind}s"]
    texts = LANGUAGES[language][f"{kind}s"]
    assert texts.keys() == keys == icons.keys()
    for key in keys:
        assert texts[key]["name"]
        assert texts[key]["description"]
        fields = described[key].get("fields", {})
        assert texts[key].get("fields", {}).keys() == fields.keys()


async def test_system_health(
    hass: HomeAssistant, entry: MockConfigEntry, server: Server
) -> None:
    """Every line of system health has a name."""
    assert await async_setup_component(hass, "system_health", {})
    await set_up(hass, entry)
    info = await get_system_health_info(hass, DOMAIN)
    await info["can_reach_plex_tv"]

    assert ENGLISH["system_health"]["info"].keys() == info.keys()
