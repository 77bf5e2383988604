"""A real Home Assistant in its own process, on loopback."""

import asyncio
from asyncio.subprocess import Process
from contextlib import suppress
import json
import os
from pathlib import Path
from shutil import copytree
import socket
import sys
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import ClientConnectionError, ClientSession

from tests.simulator import Simulator

HOST: Final = "127.0.0.1"
ROOT: Final = Path(__file__).parents[2]

_START_TIMEOUT: Final = 90
_STOP_TIMEOUT: Final = 60
_BEGINNING: Final = "1970-01-01T00:00:00+00:00"
_CONFIGURATION: Final = """\
homeassistant:
  country: GB
  time_zone: Europe/London
recorder:
history:
logbook:
logger:
  default: info
  logs:
    custom_components.plex_account: debug
"""


class StartError(Exception):
    """Home Assistant failed to start."""


def free_port() -> int:
    """Return a port that is not in use."""
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _disabled_marketplace() -> dict[str, Any]:
    """Return an entry that keeps Home Assistant from loading its catalog."""
    return {
        "created_at": _BEGINNING,
        "data": {},
        "disabled_by": "user",
        "discovery_keys": {},
        "domain": "marketplace",
        "entry_id": "marketplace",
        "minor_version": 1,
        "modified_at": _BEGINNING,
        "options": {},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "system",
        "subentries": [],
        "title": "Marketplace",
        "unique_id": None,
        "version": 1,
    }


def _prepare(folder: Path, port: int, configuration: str) -> None:
    """Prepare a configuration folder, so that only the owner is left to be created."""
    (folder / "configuration.yaml").write_text(_CONFIGURATION + configuration)
    (folder / "custom_components").mkdir()
    (folder / "custom_components/plex_account").symlink_to(
        ROOT / "custom_components/plex_account"
    )
    copytree(ROOT / "blueprints", folder / "blueprints")
    (folder / "automations.yaml").touch()
    (folder / ".storage").mkdir()
    for key, version, minor_version, data in (
        ("onboarding", 4, 1, {"done": ["core_config", "analytics", "integration"]}),
        ("core.config_entries", 1, 5, {"entries": [_disabled_marketplace()]}),
        (
            "http",
            3,
            1,
            {
                "stable": {
                    "server_host": [HOST],
                    "server_port": port,
                    "cors_allowed_origins": [],
                    "ip_ban_enabled": False,
                    "login_attempts_threshold": -1,
                    "ssl_profile": "modern_v6",
                    "use_x_frame_options": True,
                    "created_at": _BEGINNING,
                    "error": None,
                    "error_message": None,
                },
                "pending": None,
                "yaml_migration_done": True,
            },
        ),
    ):
        content = {
            "version": version,
            "minor_version": minor_version,
            "key": key,
            "data": data,
        }
        (folder / ".storage" / key).write_text(json.dumps(content))


class HomeAssistant:
    """A Home Assistant that trusts a simulated Plex, and is deleted at the end."""

    def __init__(
        self, plex: Simulator, *, port: int | None = None, configuration: str = ""
    ) -> None:
        """Initialize with a port, by default a free one, and with extra configuration."""
        self._plex = plex
        self._configuration = configuration
        self._port = port or free_port()
        self._temporary = TemporaryDirectory(prefix="plex-account-")
        self._folder = Path(self._temporary.name)
        self._process: Process | None = None
        self._first_page = "api/onboarding"

    async def __aenter__(self) -> Self:
        """Prepare and start."""
        _prepare(self._folder, self._port, self._configuration)
        (self._folder / "ca.pem").write_bytes(self._plex.ca_pem)
        try:
            await self.start()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop, and delete the folder."""
        await self._close()

    async def _close(self) -> None:
        try:
            await self.stop()
        finally:
            self._temporary.cleanup()

    @property
    def url(self) -> str:
        """The URL of the frontend."""
        return f"http://{HOST}:{self._port}"

    @property
    def folder(self) -> Path:
        """The configuration folder."""
        return self._folder

    @property
    def log(self) -> Path:
        """The log file."""
        return self._folder / "home-assistant.log"

    async def start(self) -> None:
        """Start, and wait until HTTP works."""
        try:
            socket.create_server((HOST, self._port)).close()
        except OSError as err:
            raise StartError(
                f"Port {self._port} can't be used: {err.strerror}"
            ) from None
        environment = os.environ | {
            "PLEX_ACCOUNT_URL": self._plex.url,
            "PYTHONPYCACHEPREFIX": str(ROOT / ".tools/pycache"),
            "REQUESTS_CA_BUNDLE": str(self._folder / "ca.pem"),
            "UV_OFFLINE": "1",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        with (self._folder / "output").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                ROOT / "tests/e2e/hass.py",
                "--config",
                self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._folder,
                env=environment,
                start_new_session=True,
            )
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_TIMEOUT), ClientSession() as session:
                while self._process.returncode is None:
                    with suppress(ClientConnectionError):
                        async with session.get(
                            f"{self.url}/{self._first_page}"
                        ) as answer:
                            if answer.ok:
                                self._first_page = "auth/providers"
                                return
                    await asyncio.sleep(0.1)
        raise StartError((self._folder / "output").read_text())

    async def stop(self) -> int | None:
        """Stop like a service manager, and return the exit status."""
        if self._process is None:
            return None
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT):
                return await self._process.wait()
        finally:
            with suppress(ProcessLookupError):
                self._process.kill()
            self._process = None
