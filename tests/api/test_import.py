"""The client as a standalone package, as described in CONTRIBUTING.md."""

import ast
import asyncio
from pathlib import Path
import re
import sys

import pytest

from custom_components.plex_account import api

from .common import Bench

INTEGRATION = Path(api.__file__).parent.parent
ROOT = INTEGRATION.parent.parent
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
TABLES = GUIDE.partition("\n## Costs\n")[0]
ROWS = re.findall(r"^\| (?!---)(?!SDK )(.+) \|$", TABLES, re.MULTILINE)
WITHOUT_HOME_ASSISTANT = """
import sys
for name in "homeassistant", "custom_components", "voluptuous", "probatio":
    sys.modules[name] = None
import api
for name in api.__all__:
    getattr(api, name)
loaded = {name.partition(".")[0] for name in sys.modules}
print(*sorted(loaded & {"aiohttp", "orjson", "requests", "yarl"}))
"""


async def run(program: str) -> str:
    """Return the output of a program that has the integration's folder on its path."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=INTEGRATION, stdout=-1, stderr=-1
    )
    output, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    return output.decode()


async def test_works_without_home_assistant() -> None:
    """The client needs only aiohttp."""
    assert await run(WITHOUT_HOME_ASSISTANT) == "aiohttp yarl\n"


async def test_script(bench: Bench) -> None:
    """The script in CONTRIBUTING.md reads from each of an account's servers."""
    for name in "Attic", "Cellar":
        await bench.simulator.add_server(name=name, owner=bench.account)
    (script,) = re.findall(r"```python\n(import asyncio.*?)```", GUIDE, re.DOTALL)
    assert sum(isinstance(one, ast.stmt) for one in ast.walk(ast.parse(script))) == 10
    here = f'"{bench.token}", server_url="{bench.simulator.url}"'
    local = "(server, http, list_from_loopback=True,"
    output = await run(script.replace('"…"', here).replace("(server, http,", local))

    assert [line.split()[0] for line in output.splitlines()] == ["Attic", "Cellar"]
    assert output.count("'MediaContainer'") == 2


def test_names_are_public() -> None:
    """The public names are sorted, and the package is marked as typed."""
    assert [*api.__all__] == sorted(
        api.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name)
    )
    assert (INTEGRATION / "api/py.typed").exists()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.partition(" |")[0])
def test_every_row_is_backed(row: str) -> None:
    """Each row names tests that exist."""
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", row.rpartition("|")[2])
    assert named
    for file, name in named:
        code = (ROOT / "tests" / file).read_text()
        assert re.search(rf"^(async )?def {name}\(", code, re.MULTILINE), name


def test_there_are_rows() -> None:
    """The table includes the four operations."""
    operations = {"get_transient_token", "get_source_connection_information"}
    operations |= {"get_token_details", "post_users_sign_in_data"}
    assert {name for name in operations if f"{name}`" in "".join(ROWS)} == operations
