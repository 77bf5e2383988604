"""What sets the project up, checks it and releases it."""

from pathlib import Path
import re
import shutil
import subprocess
import sys
import tomllib
from typing import Any

import pytest

from homeassistant.util.yaml import load_yaml_dict

ROOT = Path(__file__).parents[1]
WORKFLOWS = ROOT / ".github/workflows"

# Says what it is called with, and finds a Python as the real one does.
UV = f"""\
#!/bin/sh
echo "$@" >>"$ROOT/uv.log"
case "$1 $2" in
    "python find") exec {Path(sys.executable).with_name("uv")} "$@" ;;
    "python install") test -e "$ROOT/download" && mv "$ROOT/download" "$ROOT/bin/python3.14" ;;
    venv*) mkdir -p .venv-fuzz ;;
esac
"""
DEBIAN_PYTHON = '#!/bin/sh\nmkdir -p "$1/usr/bin" && touch "$1/usr/bin/python3.14"\n'


@pytest.fixture(name="project")
def project_fixture(tmp_path: Path) -> Path:
    """Return a clone on a machine that has uv, and another Python than 3.14 by default."""
    for path in ("scripts/setup", "uv.lock", "pyproject.toml"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "dirname", "sha256sum", "flock", "mkdir", "mv", "touch"):
        (programs / name).symlink_to(shutil.which(name) or name)
    for path, code in (
        ("bin/python3", "#!/bin/sh\nexit 1\n"),
        ("bin/uv", UV),
        ("scripts/debian-python", DEBIAN_PYTHON),
    ):
        (tmp_path / path).write_text(code)
        (tmp_path / path).chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("found_in", "expected"),
    [
        ("bin/python3.14", "bin/python3.14"),
        ("download", "bin/python3.14"),
        (None, ".tools/python/usr/bin/python3.14"),
    ],
    ids=["it is there", "uv downloads it", "Debian has it"],
)
def test_setup_gets_python_3_14(
    project: Path, found_in: str | None, expected: str
) -> None:
    """Each environment gets Python 3.14, whatever the default of the machine is."""
    if found_in:
        (project / found_in).symlink_to(
            getattr(sys, "_base_executable", sys.executable)
        )
    environment = {
        "HOME": str(project),
        "PATH": str(project / "bin"),
        "ROOT": str(project),
        "UV_PYTHON_INSTALL_DIR": str(project / "managed"),
    }
    subprocess.run(
        [project / "scripts/setup", "fuzz"], check=True, env=environment, timeout=30
    )

    (made,) = re.findall("^venv .*", (project / "uv.log").read_text(), re.MULTILINE)
    assert f"--python {project / expected} " in made
    assert (project / ".venv-fuzz/stamp").is_file()


@pytest.fixture(name="lock", scope="module")
def lock_fixture() -> dict[str, Any]:
    """Return the lock of all environments."""
    return tomllib.loads((ROOT / "uv.lock").read_text())


def test_lock_is_up_to_date(lock: dict[str, Any]) -> None:
    """The lock was made for the groups of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (locked,) = [
        package["metadata"]["requires-dev"]
        for package in lock["package"]
        if package["name"] == project["project"]["name"]
    ]
    assert {
        group: {f"{package['name']}{package['specifier']}" for package in packages}
        for group, packages in locked.items()
    } == {
        group: {package.lower() for package in packages}
        for group, packages in project["dependency-groups"].items()
    }


def test_lock_names_no_other_host(lock: dict[str, Any]) -> None:
    """Each file comes from PyPI, and has a hash."""
    hosts = set(re.findall(r"\w+://([^/\"]+)", (ROOT / "uv.lock").read_text()))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}
    files = [
        file
        for package in lock["package"]
        for file in [*package.get("wheels", ()), *filter(None, [package.get("sdist")])]
    ]
    assert files
    assert all(file["hash"].startswith("sha256:") for file in files)


def test_release_notes() -> None:
    """The changelog says what is new in this version."""
    notes = subprocess.run(
        [ROOT / "scripts/release-notes"], check=True, capture_output=True, text=True
    ).stdout
    assert len(notes.split()) > 10
    assert not re.search(r"^## ", notes, re.MULTILINE)


def test_a_version_without_notes() -> None:
    """What the changelog doesn't know isn't released."""
    refused = subprocess.run(
        [ROOT / "scripts/release-notes", "v0.0"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert refused.returncode
    assert "0.0" in refused.stderr


def test_github_runs_every_check() -> None:
    """What .ci/run runs, GitHub runs as well, also before a release."""
    checks = re.findall(
        r"^run (scripts/.+?)( \d+)?$", (ROOT / ".ci/run").read_text(), re.MULTILINE
    )
    code = "".join((WORKFLOWS / f"{name}.yml").read_text() for name in ("lint", "test"))
    assert len(checks) >= 5
    assert [check for check, _ in checks if not re.search(rf": {check}\b", code)] == []
    jobs = load_yaml_dict(str(WORKFLOWS / "release.yml"))["jobs"]
    called = {job["uses"].split("/")[-1] for job in jobs.values() if "uses" in job}
    assert called == {"lint.yml", "test.yml", "validate.yml"}
    assert set(jobs["release"]["needs"]) == {Path(name).stem for name in called}


@pytest.mark.parametrize("path", WORKFLOWS.iterdir(), ids=lambda path: path.name)
def test_workflows(path: Path) -> None:
    """Each workflow has its limits, and each action is pinned to a commit."""
    workflow = load_yaml_dict(str(path))
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"]
    for job in workflow["jobs"].values():
        assert "uses" in job or job["timeout-minutes"] <= 60
    uses = re.findall(r"uses: (\S+@.*)", path.read_text())
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # \S+", action) for action in uses)
