"""The client on its own."""

import ast
import asyncio
from pathlib import Path
import re
import subprocess
import sys

from custom_components.plex_account import api
from tests.simulator import Account, Simulator

INTEGRATION = Path(api.__file__).parent.parent
ROOT = INTEGRATION.parent.parent


def test_works_without_home_assistant() -> None:
    """With the integration's folder on the path, the client needs aiohttp only."""
    program = """
import sys
for name in "homeassistant", "custom_components", "voluptuous", "probatio":
    sys.modules[name] = None
import api
for name in api.__all__:
    getattr(api, name)
loaded = {name.partition(".")[0] for name in sys.modules}
print(*sorted(loaded & {"aiohttp", "orjson", "requests", "yarl"}))
"""

    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=INTEGRATION,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.split() == ["aiohttp", "yarl"]


async def test_script(simulator: Simulator, account: Account, token: str) -> None:
    """The script in CONTRIBUTING.md reads from each server of an account."""
    for name in "Attic", "Cellar":
        await simulator.add_server(name=name, owner=account)
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (script,) = re.findall(r"```python\n(import asyncio.*?)```", text, re.DOTALL)
    assert sum(isinstance(one, ast.stmt) for one in ast.walk(ast.parse(script))) == 10
    here = script.replace('"…"', f'"{token}", server_url="{simulator.url}"').replace(
        "(server, http,", "(server, http, list_from_loopback=True,"
    )

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", here, cwd=INTEGRATION, stdout=-1, stderr=-1
    )
    output, errors = await process.communicate()

    assert errors == b""
    assert [line.partition(b" ")[0] for line in output.splitlines()] == [
        b"Attic",
        b"Cellar",
    ]
    assert output.count(b"'MediaContainer'") == 2


def test_names_are_public() -> None:
    """What the client offers is listed, in order, and is there."""
    assert [*api.__all__] == sorted(
        api.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name)
    )
    assert all(hasattr(api, name) for name in api.__all__)


def test_is_typed() -> None:
    """Type checkers may rely on the annotations."""
    assert (Path(api.__file__).parent / "py.typed").exists()
