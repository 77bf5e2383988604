"""The structure of the code: small files that say what they are for, imports one way."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
import sys

from .common import INTEGRATION, ROOT

API = "custom_components.plex_account.api"
MAX_LINES = 300


def modules(folder: Path) -> dict[str, ast.Module]:
    """Return what is in each Python file, by the name of the module."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
            ".__init__"
        ): ast.parse(path.read_bytes(), path)
        for path in sorted(folder.rglob("*.py"))
    }


def imports(name: str, code: dict[str, ast.Module]) -> Iterator[str]:
    """Return the full name of every module, or name in a module, that one imports."""
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


def test_files() -> None:
    """A file is small enough to be read at once."""
    lines = {path: path.read_text().count("\n") for path in INTEGRATION.rglob("*.py")}
    assert {path for path, count in lines.items() if count > MAX_LINES} == set()


def test_no_circles() -> None:
    """No module imports itself by way of others."""
    assert len(GRAPH) > 20
    TopologicalSorter(GRAPH).prepare()  # its error names the circle


def test_client_knows_nothing_above_it() -> None:
    """The client imports itself, the standard library and aiohttp."""
    known = {*sys.stdlib_module_names, "aiohttp", "multidict", "yarl"}
    assert [
        (name, found)
        for name in CODE
        if name.startswith(API)
        for found in IMPORTS[name]
        if found.split(".")[0] not in known and not f"{found}.".startswith(f"{API}.")
    ] == []


def test_models_know_no_transport() -> None:
    """Neither the models nor the readers of fields reach, by any way, what sends."""
    pending = [
        name for name in CODE if name.startswith((f"{API}.models", f"{API}.fields"))
    ]
    assert pending
    reached: set[str] = set()
    while pending:
        reached.add(name := pending.pop())
        pending += GRAPH[name] - reached
    used = {found for name in reached for found in IMPORTS[name]}
    assert not {name for name in used if name.startswith(("aiohttp", "asyncio"))}


def test_simulator_is_a_second_reading() -> None:
    """The simulator knows neither the client nor Home Assistant."""
    code = modules(ROOT / "tests/simulator")
    found = {found for name in code for found in imports(name, code)}
    strange = ("tests", "api", "homeassistant", "custom_components")
    known = {name for name in found if name.split(".")[0] in strange}
    assert all(f"{name}.".startswith("tests.simulator.") for name in known)
