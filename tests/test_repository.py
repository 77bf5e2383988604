"""What the validators of HACS and of Home Assistant check, without a network."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
import struct
from typing import Any

from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

import homeassistant
from homeassistant.const import MAJOR_VERSION, MINOR_VERSION, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
from tests.simulator import Server

from .common import DOMAIN, set_up

ROOT = Path(__file__).parents[1]
INTEGRATION = ROOT / "custom_components" / DOMAIN
REPOSITORY = "https://github.com/seed-24212b27/plex-account"

HACS_KEYS = {
    "name",
    "homeassistant",
    "hacs",
    "hide_default_branch",
    "zip_release",
    "filename",
    "country",
    "persistent_directory",
    "content_in_root",
    "render_readme",
}
MANIFEST_KEYS = {
    "domain",
    "name",
    "after_dependencies",
    "codeowners",
    "config_flow",
    "dependencies",
    "documentation",
    "integration_type",
    "iot_class",
    "issue_tracker",
    "loggers",
    "requirements",
    "single_config_entry",
    "version",
}
# Components that may be imported without being a dependency.
FREE_COMPONENTS = {"homeassistant", *Platform}
IMAGES = {
    f"{prefix}{name}{suffix}.png"
    for prefix in ("", "dark_")
    for name in ("icon", "logo")
    for suffix in ("", "@2x")
}
BUTTONS = [
    "hacs_repository/?owner=seed-24212b27&repository=plex-account&category=integration",
    f"config_flow_start/?domain={DOMAIN}",
]


def files(pattern: str) -> Iterator[Path]:
    """Return the files of the repository, without what tools have left in it."""
    for folder, folders, names in ROOT.walk():
        folders[:] = [
            name for name in folders if name == ".github" or not name.startswith(".")
        ]
        yield from (folder / name for name in names if Path(name).match(pattern))


def load(path: Path) -> Any:
    """Return the content of a JSON file."""
    return json.loads(path.read_text())


MANIFEST = load(INTEGRATION / "manifest.json")
HACS = load(ROOT / "hacs.json")
ICONS = load(INTEGRATION / "icons.json")
ACTIONS = load_yaml_dict(str(INTEGRATION / "services.yaml"))
README = (ROOT / "README.md").read_text()


def test_hacs() -> None:
    """HACS knows the keys, and needs the oldest Home Assistant that is tested."""
    assert HACS.keys() <= HACS_KEYS
    assert HACS["name"] == MANIFEST["name"]
    assert HACS["homeassistant"] == f"{MAJOR_VERSION}.{MINOR_VERSION}.0"
    assert f"Home Assistant {MAJOR_VERSION}.{MINOR_VERSION} or later" in README


def test_there_is_one_integration() -> None:
    """HACS finds the integration, and no other manifest beside it."""
    folders = [
        path for path in INTEGRATION.parent.iterdir() if path.name[0] not in "._"
    ]
    assert folders == [INTEGRATION]
    assert list(files("*manifest.json")) == [INTEGRATION / "manifest.json"]


def test_manifest() -> None:
    """The manifest is one that both validators accept."""
    assert list(MANIFEST) == [
        "domain",
        "name",
        *sorted(MANIFEST.keys() - {"domain", "name"}),
    ]
    assert MANIFEST.keys() <= MANIFEST_KEYS
    assert MANIFEST["domain"] == INTEGRATION.name
    assert MANIFEST["integration_type"] == "service"
    assert MANIFEST["iot_class"] == "cloud_polling"
    assert MANIFEST["codeowners"] == ["@seed-24212b27"]
    assert MANIFEST["documentation"] == REPOSITORY
    assert MANIFEST["issue_tracker"] == f"{REPOSITORY}/issues"
    assert MANIFEST["requirements"] == []
    assert MANIFEST["config_flow"] is (INTEGRATION / "config_flow.py").is_file()
    AwesomeVersion(
        MANIFEST["version"],
        ensure_strategy=[
            AwesomeVersionStrategy.CALVER,
            AwesomeVersionStrategy.SEMVER,
            AwesomeVersionStrategy.SIMPLEVER,
            AwesomeVersionStrategy.BUILDVER,
            AwesomeVersionStrategy.PEP440,
        ],
    )


async def test_config_schema(hass: HomeAssistant) -> None:
    """YAML is refused in the way that tells what to do instead."""
    await async_setup_component(hass, DOMAIN, {DOMAIN: {"token": "token"}})
    issues = ir.async_get(hass)
    assert issues.async_get_issue("homeassistant", f"config_entry_only_{DOMAIN}")


def test_dependencies() -> None:
    """No component is imported that the manifest would have to name."""
    known = FREE_COMPONENTS | set(MANIFEST["dependencies"])
    for path in INTEGRATION.rglob("*.py"):
        code = path.read_text()
        imported = [
            name
            for pattern in (
                r"homeassistant\.components\.(\w+)",
                r"from homeassistant\.components import (\w+)$",
            )
            for name in re.findall(pattern, code, re.MULTILINE)
        ]
        assert code.count("homeassistant.components") == len(imported)
        # What a component asks for in a file of its own name comes with it.
        assert set(imported) <= known | {path.stem}


@pytest.mark.parametrize("theme", ["", "dark_"])
@pytest.mark.parametrize(("name", "pixels"), [("icon.png", 256), ("icon@2x.png", 512)])
def test_brand(theme: str, name: str, pixels: int) -> None:
    """The pictures have the sizes that Home Assistant shows them in."""
    head = (INTEGRATION / "brand" / f"{theme}{name}").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">LL", head[16:]) == (pixels, pixels)


def test_brand_is_in_one_place() -> None:
    """No picture has a name that nobody knows, or stands where it is not looked for."""
    assert {path.name for path in (INTEGRATION / "brand").iterdir()} <= IMAGES
    assert {path.parent for path in files("*.png") if path.name in IMAGES} == {
        INTEGRATION / "brand"
    }


@pytest.mark.parametrize(
    "path", files("*.json"), ids=lambda path: str(path.relative_to(ROOT))
)
def test_json(path: Path) -> None:
    """Every JSON file can be read."""
    load(path)


@pytest.mark.parametrize(
    "path", files("*.y*ml"), ids=lambda path: str(path.relative_to(ROOT))
)
def test_yaml(path: Path) -> None:
    """Every YAML file can be read."""
    assert load_yaml_dict(str(path))


def test_license() -> None:
    """GitHub recognizes the license."""
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n\nCopyright (c) ")


@pytest.mark.parametrize("button", BUTTONS)
def test_buttons(button: str) -> None:
    """The README has the buttons that open HACS and the sign-in."""
    name = button.partition("/")[0]
    assert f"https://my.home-assistant.io/badges/{name}.svg" in README
    assert f"](https://my.home-assistant.io/redirect/{button})" in README


def test_readme() -> None:
    """The README names every action, and links to files that exist."""
    assert set(re.findall(rf"\b{DOMAIN}\.((?:get|call)_\w+)", README)) == ACTIONS.keys()
    links = re.findall(r"\]\(([^):#]+)[^):]*\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_pictures() -> None:
    """The README shows every picture, in light and in dark."""
    shown = re.findall(r'"(docs/images/[^"]+)"', README)
    stored = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/images/*")]
    assert sorted(shown) == sorted(stored)
    for theme in ("light", "dark"):
        assert len([name for name in stored if theme in name]) == len(stored) // 2


def test_quality_scale() -> None:
    """Every rule is named and kept, or exempt for a reason."""
    rules = load_yaml_dict(str(INTEGRATION / "quality_scale.yaml"))["rules"]
    core = Path(homeassistant.__file__).parent / "components/trmnl/quality_scale.yaml"
    assert rules.keys() == load_yaml_dict(str(core))["rules"].keys()
    exempt = [rule for rule in rules.values() if rule != "done"]
    assert all(rule["status"] == "exempt" and rule["comment"] for rule in exempt)


async def test_actions(hass: HomeAssistant) -> None:
    """Code, descriptions and icons know the same actions and fields."""
    assert await async_setup_component(hass, DOMAIN, {})
    actions = hass.services.async_services_for_domain(DOMAIN)

    assert actions.keys() == ACTIONS.keys()
    assert actions.keys() == ICONS["services"].keys()
    for name, action in actions.items():
        assert isinstance(action.schema, vol.Schema)
        fields = {field.schema: field for field in action.schema.schema}
        described = ACTIONS[name]["fields"]
        assert fields.keys() == described.keys()
        for key, field in fields.items():
            required = isinstance(field, vol.Required)
            assert described[key].get("required", False) is required
            assert "selector" in described[key]


async def test_icons(
    hass: HomeAssistant, entry: MockConfigEntry, server: Server
) -> None:
    """Every entity and every action has an icon, and no icon is left over."""
    await set_up(hass, entry)
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)

    assert {
        (platform, key) for platform, keys in ICONS["entity"].items() for key in keys
    } == {(entity.domain, entity.translation_key) for entity in entities}
    icons = re.findall(r'": "([^"]+)"', json.dumps(ICONS))
    assert icons
    assert [icon for icon in icons if not re.fullmatch(r"mdi:[a-z0-9-]+", icon)] == []
