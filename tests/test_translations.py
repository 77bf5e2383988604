"""All user-facing text is complete in every language and uses Home Assistant's terms."""

import ast
import json
from pathlib import Path
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

import homeassistant
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict

from .common import DOMAIN, ENGLISH, INTEGRATION, ROOT, Home
from .dialogs import RENEWALS, Dialogs, Source

COMPONENTS = Path(homeassistant.__file__).parent / "components"
LANGUAGES = {
    path.stem: json.loads(path.read_text())
    for path in sorted((INTEGRATION / "translations").glob("*.json"))
}
ICONS = json.loads((INTEGRATION / "icons.json").read_text())
CODE = {path: ast.parse(path.read_text()) for path in INTEGRATION.rglob("*.py")}
PROSE = [
    *("*.md", ".github/**/*.yml", ".github/*.md", "blueprints/**/*.yaml"),
    *("custom_components/**/en.json", "custom_components/**/*.yaml"),
]

# Forbidden by hassfest, placeholders for untranslated text, and empty texts.
FORBIDDEN = re.compile(r"\[%|://|<[^>]+>|^\s|\s$|'\{\w+\}'|\{error\}|^$")
# Words that don't follow the style of Home Assistant.
FOREIGN_WORDS = re.compile(
    r"\b(e-mails?|licences?|anew|mend(s|ed)?|recogni[sz]able|colours?|be it"
    r"|as well as it goes|nobody's business)\b",
    re.IGNORECASE,
)

# Keys of these texts here, and of the same texts in Home Assistant.
SHARED_TERMS = {
    "config.abort.already_configured": "airthings.config.abort.already_configured",
    "config.step.password.data.password": "abode.config.step.user.data.password",
    "entity.sensor.connection.name": "knx.entity.sensor.connection_type.name",
    "entity.sensor.owner.name": "whois.entity.sensor.owner.name",
    "triggers.server_went_offline.fields.for.name": "occupancy.common.trigger_for_name",
}
# The frontend's terms for "Settings > Devices & services", which is not installed here.
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


def texts_of(component: str, language: str) -> dict[str, str]:
    """Return the texts of a component of Home Assistant."""
    path = COMPONENTS / component / "translations" / f"{language}.json"
    return flat(json.loads(path.read_text()))


def flat(tree: dict[str, Any], path: str = "") -> dict[str, str]:
    """Return all texts below a key, by path."""
    texts: dict[str, str] = {}
    for key, value in tree.items():
        name = f"{path}.{key}" if path else key
        texts |= flat(value, name) if isinstance(value, dict) else {name: value}
    return texts


def placeholders(*trees: Any) -> set[str]:
    """Return the placeholders of texts."""
    return set(re.findall(r"\{(\w+)\}", json.dumps(trees)))


def strings(*nodes: ast.AST) -> set[str]:
    """Return the string literals in some code."""
    parts = [part for node in nodes for part in ast.walk(node)]
    constants = [part.value for part in parts if isinstance(part, ast.Constant)]
    return {value for value in constants if isinstance(value, str)}


def given(name: str, beside: str | None = None) -> set[str]:
    """Return the strings passed as a keyword argument in matching calls."""
    calls = [
        {keyword.arg: keyword.value for keyword in node.keywords}
        for tree in CODE.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]
    found = (one[name] for one in calls if {name, beside or name} <= one.keys())
    return strings(*found)


@pytest.mark.parametrize("language", sorted({*SETTINGS, *LANGUAGES}))
def test_languages(language: str) -> None:
    """Every language has plain texts, all placeholders, and Home Assistant's terms."""
    texts, english = flat(LANGUAGES[language]), flat(ENGLISH)
    assert texts.keys() == english.keys()
    for path, text in texts.items():
        assert placeholders(text) == placeholders(english[path])
        assert not FORBIDDEN.search(text)
        assert (SETTINGS["en"] in english[path]) == (SETTINGS[language] in text)
    for path, place in SHARED_TERMS.items():
        component, _, key = place.partition(".")
        assert texts[path] == texts_of(component, language)[key]


def test_words() -> None:
    """No text contains words that don't follow the style of Home Assistant."""
    texts = {path: path.read_text() for pattern in PROSE for path in ROOT.glob(pattern)}
    texts |= {path: "\n".join(strings(tree)) for path, tree in CODE.items()}
    found = {path: FOREIGN_WORDS.findall(text) for path, text in texts.items()}
    assert {path: words for path, words in found.items() if words} == {}


def check_step(texts: dict[str, Any], step: ConfigFlowResult) -> None:
    """Check that a step has all its texts, and provides their placeholders."""
    assert texts["title"]
    assert texts.get("description") or step["step_id"] == "init"
    given = (step["description_placeholders"] or {}).keys()
    assert placeholders(texts) <= given
    if step["type"] is FlowResultType.MENU:
        menu: Any = step["menu_options"]
        assert texts["menu_options"].keys() == set(menu)
        assert texts["menu_option_descriptions"].keys() == set(menu)
    else:
        fields = {str(key) for key in step["data_schema"].schema}
        assert texts.get("data", {}).keys() == fields
        assert texts.get("data_description", {}).keys() == fields
        errors = ENGLISH["config"]["error"]
        shown = [errors[error] for error in (step["errors"] or {}).values()]
        assert placeholders(shown) <= given


@pytest.mark.parametrize("source", ["user", *RENEWALS])
async def test_steps(dialogs: Dialogs, entry: MockConfigEntry, source: Source) -> None:
    """Every step of a sign-in has its texts and placeholders."""
    texts = ENGLISH["config"]["step"]
    menus = {"user": "user", "reauth": "reauth_confirm", "reconfigure": "reconfigure"}

    async def choose(method: Any) -> ConfigFlowResult:
        menu = await dialogs.open(source, entry)
        check_step(texts[menus[source]], menu)
        return await dialogs.choose(menu, method)

    password = await choose("password")
    check_step(texts["password"], password)
    code = await dialogs.log_in(password)
    check_step(texts["two_factor"], code)
    dialogs.close(code)
    wait = await choose("link")
    shown = placeholders(ENGLISH["config"]["progress"]["link_wait"])
    assert shown == wait["description_placeholders"].keys()
    dialogs.close(wait)
    dialogs.simulator.fault(path="/pins", status=503)
    check_step(texts["link_expired"], await choose("link"))
    assert texts.keys() == {*menus.values(), "password", "two_factor", "link_expired"}


def test_keys() -> None:
    """Every error, abort, and exception with a text is used, and vice versa."""
    used = strings(*CODE.values())
    config, fix_flow = ENGLISH["config"], ENGLISH["issues"]["server_lost"]["fix_flow"]
    aborts = {*config["abort"], *fix_flow["abort"]}
    exceptions = {*ENGLISH["exceptions"]}
    assert {*config["error"], *fix_flow["error"], *exceptions} <= used
    assert aborts - used <= {"already_configured"}
    assert given("reason") <= aborts
    foreign = given("translation_key", "translation_domain") - exceptions
    known = texts_of("homeassistant", "en")
    assert {f"exceptions.{key}.message" for key in foreign} <= known.keys()


async def test_entities_and_options(home: Home) -> None:
    """Every entity has an icon and a name, and one of each for all of its values."""
    await home.set_up()
    step = await home.hass.config_entries.options.async_init(home.entry.entry_id)
    check_step(ENGLISH["options"]["step"]["init"], step)
    texts = ENGLISH["entity"]
    keys = {(entity.domain, entity.translation_key) for entity in home.entities}
    for tree in (texts, ICONS["entity"]):
        assert {(platform, key) for platform in tree for key in tree[platform]} == keys
    for entity in home.entities:
        text = texts[entity.domain][entity.translation_key]
        assert text["name"]
        if options := (entity.capabilities or {}).get("options"):
            assert text["state"].keys() == {*options}
        if types := (entity.capabilities or {}).get("event_types"):
            states = text["state_attributes"]["event_type"]["state"]
            assert states.keys() == {*types}


async def test_actions_and_triggers(hass: HomeAssistant) -> None:
    """Code, descriptions, icons, and texts have the same actions, triggers, and fields."""
    assert await async_setup_component(hass, DOMAIN, {})
    actions = hass.services.async_services_for_domain(DOMAIN)
    described = load_yaml_dict(str(INTEGRATION / "services.yaml"))
    services = ENGLISH["services"]
    assert actions.keys() == services.keys() == described.keys()
    assert actions.keys() == ICONS["services"].keys()
    for name, action in actions.items():
        texts, known = services[name], described[name]["fields"]
        assert isinstance(action.schema, vol.Schema)
        fields = {field.schema: field for field in action.schema.schema}
        assert texts["fields"].keys() == fields.keys() == known.keys()
        for text in (texts, *texts["fields"].values()):
            assert text["name"]
            assert text["description"]
        assert placeholders(texts) <= (action.description_placeholders or {}).keys()
        for key, field in fields.items():
            required = isinstance(field, vol.Required)
            assert known[key].get("required", False) is required
            assert "selector" in known[key]

    for kind in ("trigger", "condition"):
        described = load_yaml_dict(str(INTEGRATION / f"{kind}s.yaml"))
        keys = {key for key in described if not key.startswith(".")}
        texts, icons = ENGLISH[f"{kind}s"], ICONS[f"{kind}s"]
        assert texts.keys() == keys == icons.keys()
        for key in keys:
            assert texts[key]["name"]
            assert texts[key]["description"]
            assert icons[key].keys() == {kind}
            fields = texts[key].get("fields", {})
            assert fields.keys() == described[key].get("fields", {}).keys()
            assert all(field["name"] for field in fields.values())
    for icon in flat(ICONS).values():
        assert re.fullmatch(r"mdi:[a-z0-9-]+", icon)
