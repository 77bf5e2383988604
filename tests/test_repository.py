"""The repository: what validators check, how the code imports, and what releases it."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
import json
from pathlib import Path
import re
import shutil
import struct
import subprocess
import sys
import tomllib
from typing import Any
from urllib.parse import quote

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
API = "custom_components.plex_account.api"
MAX_LINES = 300
VERSIONS = {"BuildVer", "CalVer", "PEP 440", "SemVer", "SimpleVer"}
# Components that may be imported without being declared as a dependency.
FREE_COMPONENTS = {"homeassistant", *Platform}
IMAGES = {
    f"{theme}{name}.png"
    for theme in ("", "dark_")
    for name in ("icon", "icon@2x", "logo", "logo@2x")
}
BUTTONS = [
    "hacs_repository/?owner=seed-24212b27&repository=plex-account&category=integration",
    f"config_flow_start/?domain={DOMAIN}",
]
WORKFLOWS = ROOT / ".github/workflows"

PROGRAMS = {
    "bin/python3": "#!/bin/sh\nexit 1\n",
    # Logs its arguments, and delegates `python find` to the real uv.
    "bin/uv": f"""\
#!/bin/sh
echo "$@" >>"$ROOT/uv.log"
case "$1 $2" in
    "python find") exec {Path(sys.executable).with_name("uv")} "$@" ;;
    "python install") test -e "$ROOT/download" && mv "$ROOT/download" "$ROOT/bin/python3.14" ;;
    venv*) mkdir -p .venv-fuzz ;;
esac
""",
    "scripts/debian-python": "#!/bin/sh\n"
    'mkdir -p "$1/usr/bin" && touch "$1/usr/bin/python3.14"\n',
}


def files(pattern: str) -> Iterator[Path]:
    """Return the files of the repository, excluding those left behind by tools."""
    for folder, folders, names in ROOT.walk():
        folders[:] = [
            name for name in folders if name == ".github" or not name.startswith(".")
        ]
        yield from (folder / name for name in names if Path(name).match(pattern))


def load(path: Path) -> Any:
    """Return the parsed content of a file."""
    is_json = path.suffix == ".json"
    return json.loads(path.read_text()) if is_json else load_yaml_dict(str(path))


def modules(folder: Path) -> dict[str, ast.Module]:
    """Return the syntax tree of each Python file by module name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
            ".__init__"
        ): ast.parse(path.read_bytes(), path)
        for path in sorted(folder.rglob("*.py"))
    }


def imports(name: str, code: dict[str, ast.Module]) -> Iterator[str]:
    """Return the full name of every module, or name in a module, that a module imports."""
    is_package = any(other.startswith(f"{name}.") for other in code)
    parts = [*name.split("."), *(["__init__"] if is_package else [])]
    for node in ast.walk(code[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parts[: -node.level] if node.level else []
            base += (node.module or "").split(".") if node.module else []
            yield from (".".join([*base, alias.name]) for alias in node.names)


CODE = modules(INTEGRATION)
IMPORTS = {name: [*imports(name, CODE)] for name in CODE}
GRAPH = {
    name: {one if one in CODE else one.rpartition(".")[0] for one in found} & {*CODE}
    for name, found in IMPORTS.items()
}
MANIFEST = load(INTEGRATION / "manifest.json")
README = (ROOT / "README.md").read_text()


def test_manifest() -> None:
    """HACS and hassfest find one integration, its manifest, and a license."""
    oldest = f"{MAJOR_VERSION}.{MINOR_VERSION}"
    name, hacs = MANIFEST["name"], load(ROOT / "hacs.json")
    assert hacs == {"name": name, "homeassistant": f"{oldest}.0"}
    assert f"Home Assistant {oldest} or later" in README
    folders = INTEGRATION.parent.iterdir()
    assert [path for path in folders if path.name[0] not in "._"] == [INTEGRATION]
    assert list(files("*manifest.json")) == [INTEGRATION / "manifest.json"]
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n\nCopyright (c) ")
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
    """YAML configuration is rejected with a message that says what to do instead."""
    await async_setup_component(hass, DOMAIN, {DOMAIN: {"token": "token"}})
    issues = ir.async_get(hass)
    assert issues.async_get_issue("homeassistant", f"config_entry_only_{DOMAIN}")


def test_dependencies() -> None:
    """No component is imported that should be a dependency in the manifest."""
    known = FREE_COMPONENTS | set(MANIFEST["dependencies"])
    for name, found in IMPORTS.items():
        paths = [one.split(".") for one in found if "homeassistant.components" in one]
        # A platform file named after a component is only loaded along with that component.
        assert {path[2] for path in paths} <= known | {name.rpartition(".")[2]}


def test_brand() -> None:
    """The images have the sizes that Home Assistant displays, and only exist once."""
    brand = INTEGRATION / "brand"
    for theme in ("", "dark_"):
        for name, pixels in (("icon.png", 256), ("icon@2x.png", 512)):
            head = (brand / f"{theme}{name}").read_bytes()[:24]
            assert head[:8] == b"\x89PNG\r\n\x1a\n"
            assert struct.unpack(">LL", head[16:]) == (pixels, pixels)
    assert {path.name for path in brand.iterdir()} <= IMAGES
    assert {path.parent for path in files("*.png") if path.name in IMAGES} == {brand}


def test_documents() -> None:
    """Every JSON and YAML file can be parsed."""
    for path in (*files("*.json"), *files("*.y*ml")):
        assert load(path) or path.suffix == ".json", path


def test_readme() -> None:
    """The README has its buttons, names every action, and only shows and links what exists."""
    for button in BUTTONS:
        name = button.partition("/")[0]
        assert f"https://my.home-assistant.io/badges/{name}.svg" in README
        assert f"](https://my.home-assistant.io/redirect/{button})" in README
    imported = re.findall(r"blueprint_import/\?blueprint_url=([^)]+)\)", README)
    blueprints = (ROOT / "blueprints/automation" / DOMAIN).iterdir()
    urls = [load(path)["blueprint"]["source_url"] for path in blueprints]
    assert sorted(imported) == sorted(quote(url, safe="") for url in urls)
    actions = set(re.findall(rf"\b{DOMAIN}\.((?:get|call)_\w+)", README))
    assert actions == ENGLISH["services"].keys()
    links = re.findall(r"\]\(([^):#]+)[^):]*\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []
    shown = re.findall(r'"(docs/images/[^"]+)"', README)
    stored = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/images/*")]
    assert sorted(shown) == sorted(stored)
    for theme in ("light", "dark"):
        assert len([name for name in stored if theme in name]) == len(stored) // 2


def test_quality_scale() -> None:
    """Every rule is listed as done, or as exempt with a reason."""
    rules = load(INTEGRATION / "quality_scale.yaml")["rules"]
    core = Path(homeassistant.__file__).parent / "components/trmnl/quality_scale.yaml"
    assert rules.keys() == load(core)["rules"].keys()
    exempt = [rule for rule in rules.values() if rule != "done"]
    assert all(rule["status"] == "exempt" and rule["comment"] for rule in exempt)


@pytest.mark.parametrize(
    ("found_in", "expected"),
    [
        ("bin/python3.14", "bin/python3.14"),
        ("download", "bin/python3.14"),
        (None, ".tools/python/usr/bin/python3.14"),
    ],
)
def test_setup(tmp_path: Path, found_in: str | None, expected: str) -> None:
    """A machine with uv and another Python gets 3.14 for each environment."""
    for name in ("scripts/setup", "uv.lock", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    for name in ("bash", "dirname", "sha256sum", "flock", "mkdir", "mv", "touch"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
    for name, code in PROGRAMS.items():
        (tmp_path / name).write_text(code)
        (tmp_path / name).chmod(0o755)
    if found_in:
        python = getattr(sys, "_base_executable", sys.executable)
        (tmp_path / found_in).symlink_to(python)
    folders = {"HOME": ".", "PATH": "bin", "ROOT": "."}
    folders["UV_PYTHON_INSTALL_DIR"] = "managed"
    environment = {name: str(tmp_path / folder) for name, folder in folders.items()}
    setup = [str(tmp_path / "scripts/setup"), "fuzz"]
    subprocess.run(setup, check=True, env=environment, timeout=30)
    (made,) = re.findall("^venv .*", (tmp_path / "uv.log").read_text(), re.MULTILINE)
    assert f"--python {tmp_path / expected} " in made
    assert (tmp_path / ".venv-fuzz/stamp").is_file()


def test_lock() -> None:
    """The lock file matches pyproject.toml; each file comes from PyPI and has a hash."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lock = (ROOT / "uv.lock").read_text()
    locked, name = tomllib.loads(lock)["package"], project["project"]["name"]
    (own,) = [package for package in locked if package["name"] == name]
    assert {
        group: {f"{package['name']}{package['specifier']}" for package in packages}
        for group, packages in own["metadata"]["requires-dev"].items()
    } == {
        group: {package.lower() for package in packages}
        for group, packages in project["dependency-groups"].items()
    }
    hosts = set(re.findall(r"\w+://([^/\"]+)", lock))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}
    found = [file for package in locked for file in package.get("wheels", ())]
    found += [package["sdist"] for package in locked if "sdist" in package]
    assert found
    assert all(file["hash"].startswith("sha256:") for file in found)


def test_release_notes() -> None:
    """The release notes come from the changelog; an unknown version is refused."""
    script = [ROOT / "scripts/release-notes"]
    notes = subprocess.run(script, check=True, capture_output=True, text=True)
    assert len(notes.stdout.split()) > 10
    assert not re.search(r"^## ", notes.stdout, re.MULTILINE)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        subprocess.run([*script, "v0.0"], check=True, capture_output=True, text=True)
    assert "0.0" in refused.value.stderr


def test_workflows() -> None:
    """GitHub runs the checks in .ci/run, also before releases, with timeouts and pinned actions."""
    run = (ROOT / ".ci/run").read_text()
    checks = re.findall(r"^run (scripts/.+?)(?: \d+)?$", run, re.MULTILINE)
    code = "".join((WORKFLOWS / f"{name}.yml").read_text() for name in ("lint", "test"))
    assert len(checks) > 5
    assert [check for check in checks if not re.search(rf": {check}\b", code)] == []
    jobs = load(WORKFLOWS / "release.yml")["jobs"]
    called = {job["uses"].split("/")[-1] for job in jobs.values() if "uses" in job}
    assert called == {"lint.yml", "test.yml", "validate.yml"}
    assert set(jobs["release"]["needs"]) == {Path(name).stem for name in called}
    for path in WORKFLOWS.iterdir():
        workflow = load(path)
        assert workflow["permissions"] == {}, path
        assert workflow["concurrency"]["group"], path
        for job in workflow["jobs"].values():
            assert "uses" in job or job["timeout-minutes"] <= 60, path
        for action in re.findall(r"uses: (\S+@.*)", path.read_text()):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # \S+", action)


def test_structure() -> None:
    """Files are small enough to be read in one go, and there are no circular imports."""
    lines = {path: path.read_text().count("\n") for path in INTEGRATION.rglob("*.py")}
    assert {path for path, count in lines.items() if count > MAX_LINES} == set()
    assert len(GRAPH) > 20
    TopologicalSorter(GRAPH).prepare()  # its error names the cycle


def test_client_knows_nothing_above_it() -> None:
    """The client imports only itself and aiohttp; models and parsers never import the transport."""
    known = {*sys.stdlib_module_names, "aiohttp", "multidict", "yarl"}
    assert [
        (name, found)
        for name in CODE
        if name.startswith(API)
        for found in IMPORTS[name]
        if found.split(".")[0] not in known and not f"{found}.".startswith(f"{API}.")
    ] == []

    pure = (f"{API}.models", f"{API}.fields")
    pending = [name for name in CODE if name.startswith(pure)]
    assert pending
    reached: set[str] = set()
    while pending:
        reached.add(name := pending.pop())
        pending += GRAPH[name] - reached
    used = {found for name in reached for found in IMPORTS[name]}
    assert not {name for name in used if name.startswith(("aiohttp", "asyncio"))}


def test_simulator_is_a_second_reading() -> None:
    """The simulator imports neither the client nor Home Assistant."""
    code = modules(ROOT / "tests/simulator")
    found = {found for name in code for found in imports(name, code)}
    strange = ("tests", "api", "homeassistant", "custom_components")
    known = {name for name in found if name.split(".")[0] in strange}
    assert all(f"{name}.".startswith("tests.simulator.") for name in known)
