"""The structure of the code: small files that say what they are for, imports one way."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
import sys

import pytest

ROOT = Path(__file__).parents[1]
INTEGRATION = ROOT / "custom_components/plex_account"
API = "custom_components.plex_account.api"
SIMULATOR = "tests.simulator"

MAX_LINES = 300


def modules(folder: Path) -> dict[str, ast.Module]:
    """Return what is in each Python file, by the name of the module."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
            ".__init__"
        ): ast.parse(path.read_bytes(), path)
        for path in sorted(folder.rglob("*.py"))
    }


CODE = modules(INTEGRATION)
PACKAGES = {name.rpartition(".")[0] for name in CODE}


def imports(name: str, tree: ast.Module, packages: set[str]) -> Iterator[str]:
    """Return the full name of every module, or name in a module, that is imported."""
    parts = [*name.split("."), "__init__"] if name in packages else name.split(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parts[: -node.level] if node.level else []
            base += (node.module or "").split(".") if node.module else []
            yield from (".".join([*base, alias.name]) for alias in node.names)


def imported_modules(name: str) -> set[str]:
    """Return which modules of the integration one of them imports."""
    return {
        found if found in CODE else found.rpartition(".")[0]
        for found in imports(name, CODE[name], PACKAGES)
    } & CODE.keys()


@pytest.mark.parametrize(
    "path",
    INTEGRATION.rglob("*.py"),
    ids=lambda path: str(path.relative_to(INTEGRATION)),
)
def test_file(path: Path) -> None:
    """A file is small enough to be read at once, and begins with what it is for."""
    code = path.read_text()
    assert len(code.splitlines()) <= MAX_LINES
    summary = (ast.get_docstring(ast.parse(code)) or "").split("\n", maxsplit=1)[0]
    assert summary.endswith(".")


def test_no_circles() -> None:
    """No module imports itself by way of others, not even inside a function."""
    graph = {name: imported_modules(name) for name in CODE}
    assert len(graph) > 20
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_imports_stand_at_the_top() -> None:
    """No import inside a function hides a circle."""
    hidden = [
        f"{name}:{node.lineno}"
        for name, tree in CODE.items()
        for scope in ast.walk(tree)
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(scope)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []


def test_client_knows_nothing_above_it() -> None:
    """The client imports itself, the standard library and aiohttp."""
    known = {*sys.stdlib_module_names, "aiohttp", "multidict", "yarl"}
    foreign = [
        (name, found)
        for name, tree in CODE.items()
        if name.startswith(API)
        for found in imports(name, tree, PACKAGES)
        if found.split(".")[0] not in known and not f"{found}.".startswith(f"{API}.")
    ]
    assert foreign == []


def test_models_know_no_transport() -> None:
    """Neither the models nor the readers of fields reach, by any way, what sends."""
    pending = [
        name for name in CODE if name.startswith((f"{API}.models", f"{API}.fields"))
    ]
    assert pending
    reached: set[str] = set()
    while pending:
        reached.add(name := pending.pop())
        pending += imported_modules(name) - reached
    used = {found for name in reached for found in imports(name, CODE[name], PACKAGES)}
    assert not {name for name in used if name.startswith(("aiohttp", "asyncio"))}


def test_simulator_is_a_second_reading() -> None:
    """The simulator knows neither the client nor Home Assistant."""
    code = modules(ROOT / "tests/simulator")
    packages = {SIMULATOR}
    found = {found for name in code for found in imports(name, code[name], packages)}
    project = {name for name in found if name.split(".")[0] in ("tests", "api")}
    assert all(f"{name}.".startswith(f"{SIMULATOR}.") for name in project)
    assert not {
        name
        for name in found
        if name.startswith(("homeassistant", "custom_components"))
    }
