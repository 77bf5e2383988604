"""What the validators of HACS and of Home Assistant check, without a network."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
import struct
from typing import Any

from awesomeversion import AwesomeVersion
import pytest

import homeassistant
from homeassistant.const import MAJOR_VERSION, MINOR_VERSION, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict

from .common import DOMAIN, ENGLISH, INTEGRATION, ROOT

REPOSITORY = "https://github.com/seed-24212b27/plex-account"
VERSIONS = {"BuildVer", "CalVer", "PEP 440", "SemVer", "SimpleVer"}
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
    """Return the content of a file."""
    if path.suffix == ".json":
        return json.loads(path.read_text())
    return load_yaml_dict(str(path))


MANIFEST = load(INTEGRATION / "manifest.json")
README = (ROOT / "README.md").read_text()


def test_hacs() -> None:
    """HACS finds one integration, the oldest Home Assistant for it, and a license."""
    oldest = f"{MAJOR_VERSION}.{MINOR_VERSION}"
    assert load(ROOT / "hacs.json") == {
        "name": MANIFEST["name"],
        "homeassistant": f"{oldest}.0",
    }
    assert f"Home Assistant {oldest} or later" in README
    folders = INTEGRATION.parent.iterdir()
    assert [path for path in folders if path.name[0] not in "._"] == [INTEGRATION]
    assert list(files("*manifest.json")) == [INTEGRATION / "manifest.json"]
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n\nCopyright (c) ")


def test_manifest() -> None:
    """The manifest is one that both validators accept."""
    assert list(MANIFEST) == ["domain", "name", *sorted(list(MANIFEST)[2:])]
    expected = {
        "domain": INTEGRATION.name,
        "name": "Plex Account",
        "codeowners": ["@seed-24212b27"],
        "config_flow": (INTEGRATION / "config_flow.py").is_file(),
        "dependencies": ["http"],
        "documentation": REPOSITORY,
        "integration_type": "service",
        "iot_class": "cloud_polling",
        "issue_tracker": f"{REPOSITORY}/issues",
        "requirements": [],
        "version": MANIFEST["version"],
    }
    assert expected == MANIFEST
    assert AwesomeVersion(MANIFEST["version"]).strategy in VERSIONS


async def test_config_schema(hass: HomeAssistant) -> None:
    """YAML is refused in the way that tells what to do instead."""
    await async_setup_component(hass, DOMAIN, {DOMAIN: {"token": "token"}})
    issues = ir.async_get(hass)
    assert issues.async_get_issue("homeassistant", f"config_entry_only_{DOMAIN}")


def test_dependencies() -> None:
    """No component is imported that the manifest would have to name."""
    known = FREE_COMPONENTS | set(MANIFEST["dependencies"])
    pattern = r"homeassistant\.components(?:\.| import (?=\w+$))(\w+)"
    for path in INTEGRATION.rglob("*.py"):
        code = path.read_text()
        imported = re.findall(pattern, code, re.MULTILINE)
        assert code.count("homeassistant.components") == len(imported)
        # What a component asks for in a file of its own name comes with it.
        assert set(imported) <= known | {path.stem}


def test_brand() -> None:
    """The pictures have the sizes that Home Assistant shows them in, and one place."""
    brand = INTEGRATION / "brand"
    for theme in ("", "dark_"):
        for name, pixels in (("icon.png", 256), ("icon@2x.png", 512)):
            head = (brand / f"{theme}{name}").read_bytes()[:24]
            assert head[:8] == b"\x89PNG\r\n\x1a\n"
            assert struct.unpack(">LL", head[16:]) == (pixels, pixels)
    assert {path.name for path in brand.iterdir()} <= IMAGES
    assert {path.parent for path in files("*.png") if path.name in IMAGES} == {brand}


@pytest.mark.parametrize(
    "path",
    [*files("*.json"), *files("*.y*ml")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_documents(path: Path) -> None:
    """Every JSON and YAML file can be read."""
    assert load(path) or path.suffix == ".json"


def test_readme() -> None:
    """The README has its buttons, names every action, and links to files that exist."""
    for button in BUTTONS:
        name = button.partition("/")[0]
        assert f"https://my.home-assistant.io/badges/{name}.svg" in README
        assert f"](https://my.home-assistant.io/redirect/{button})" in README
    actions = set(re.findall(rf"\b{DOMAIN}\.((?:get|call)_\w+)", README))
    assert actions == ENGLISH["services"].keys()
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
    rules = load(INTEGRATION / "quality_scale.yaml")["rules"]
    core = Path(homeassistant.__file__).parent / "components/trmnl/quality_scale.yaml"
    assert rules.keys() == load(core)["rules"].keys()
    exempt = [rule for rule in rules.values() if rule != "done"]
    assert all(rule["status"] == "exempt" and rule["comment"] for rule in exempt)
