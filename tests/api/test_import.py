"""The client on its own."""

from pathlib import Path
import subprocess
import sys

from custom_components.plex_account import api

INTEGRATION = Path(api.__file__).parent.parent


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


def test_names_are_public() -> None:
    """What the client offers is listed, in order, and is there."""
    assert [*api.__all__] == sorted(
        api.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name)
    )
    assert all(hasattr(api, name) for name in api.__all__)


def test_is_typed() -> None:
    """Type checkers may rely on the annotations."""
    assert (Path(api.__file__).parent / "py.typed").exists()
