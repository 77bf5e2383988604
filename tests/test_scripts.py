"""What sets the project up, checks it and releases it."""

from pathlib import Path
import re
import shutil
import subprocess
import sys
import tomllib

import pytest

from homeassistant.util.yaml import load_yaml_dict

from .common import ROOT

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


PROGRAMS = {
    "bin/python3": "#!/bin/sh\nexit 1\n",
    "bin/uv": UV,
    "scripts/debian-python": DEBIAN_PYTHON,
}
LOCK = tomllib.loads((ROOT / "uv.lock").read_text())


@pytest.fixture(name="project")
def project_fixture(tmp_path: Path) -> Path:
    """Return a clone on a machine that has uv, and another Python than 3.14 by default."""
    for path in ("scripts/setup", "uv.lock", "pyproject.toml"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    (tmp_path / "bin").mkdir()
    for name in ("bash", "dirname", "sha256sum", "flock", "mkdir", "mv", "touch"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
    for path, code in PROGRAMS.items():
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
)
def test_setup_gets_python_3_14(
    project: Path, found_in: str | None, expected: str
) -> None:
    """Each environment gets Python 3.14, whatever the default of the machine is."""
    if found_in:
        python = getattr(sys, "_base_executable", sys.executable)
        (project / found_in).symlink_to(python)
    folders = {
        "HOME": "",
        "PATH": "bin",
        "ROOT": "",
        "UV_PYTHON_INSTALL_DIR": "managed",
    }
    environment = {name: str(project / folder) for name, folder in folders.items()}
    setup = [str(project / "scripts/setup"), "fuzz"]
    subprocess.run(setup, check=True, env=environment, timeout=30)
    (made,) = re.findall("^venv .*", (project / "uv.log").read_text(), re.MULTILINE)
    assert f"--python {project / expected} " in made
    assert (project / ".venv-fuzz/stamp").is_file()


def test_lock_is_up_to_date() -> None:
    """The lock was made for the groups of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    name = project["project"]["name"]
    (own,) = [package for package in LOCK["package"] if package["name"] == name]
    assert {
        group: {f"{package['name']}{package['specifier']}" for package in packages}
        for group, packages in own["metadata"]["requires-dev"].items()
    } == {
        group: {package.lower() for package in packages}
        for group, packages in project["dependency-groups"].items()
    }


def test_lock_names_no_other_host() -> None:
    """Each file comes from PyPI, and has a hash."""
    hosts = set(re.findall(r"\w+://([^/\"]+)", (ROOT / "uv.lock").read_text()))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}
    files = [file for package in LOCK["package"] for file in package.get("wheels", ())]
    files += [package["sdist"] for package in LOCK["package"] if "sdist" in package]
    assert files
    assert all(file["hash"].startswith("sha256:") for file in files)


def release_notes(*version: str) -> subprocess.CompletedProcess[str]:
    """Run the script that prints what is new in a version, this one if none is given."""
    script = [str(ROOT / "scripts/release-notes"), *version]
    return subprocess.run(script, check=False, capture_output=True, text=True)


def test_release_notes() -> None:
    """The changelog says what is new in this version; what it doesn't know is refused."""
    notes = release_notes()
    assert not notes.returncode
    assert len(notes.stdout.split()) > 10
    assert not re.search(r"^## ", notes.stdout, re.MULTILINE)
    refused = release_notes("v0.0")
    assert refused.returncode
    assert "0.0" in refused.stderr


def test_github_runs_every_check() -> None:
    """What .ci/run runs, GitHub runs as well, also before a release."""
    run = (ROOT / ".ci/run").read_text()
    checks = re.findall(r"^run (scripts/.+?)(?: \d+)?$", run, re.MULTILINE)
    code = "".join((WORKFLOWS / f"{name}.yml").read_text() for name in ("lint", "test"))
    assert len(checks) > 5
    assert [check for check in checks if not re.search(rf": {check}\b", code)] == []
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
