"""The simulator as a separate program, and a guard against all other addresses."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
import json
import os
from pathlib import Path
import subprocess
import sys
from typing import Any

import httpx
import pytest

# Clients read proxies and settings of the environment when they are imported.
os.environ |= {"NO_PROXY": "*", "no_proxy": "*", "PLEXAPI_CONFIG_PATH": os.devnull}


def _only_loopback(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse to resolve or dial anything but a loopback address."""
    match event, arguments:
        case "socket.getaddrinfo", (str(host), *_):
            pass
        case "socket.connect", (_, (str(host), *_)):
            pass
        case _:
            return
    if not ip_address(host).is_loopback:
        raise RuntimeError(f"{host} is not on loopback")


sys.addaudithook(_only_loopback)

_SERVICES = [
    {
        "identifier": "epg",
        "endpoint": "https://epg.provider.plex.tv",
        "token": None,
        "secret": None,
        "status": "online",
    }
]
_WORLD = {
    "accounts": [
        {
            "username": "ada",
            "email": "ada@example.com",
            "code": "123456",
            "services": _SERVICES,
        },
        {
            "username": "joan",
            "email": "joan@example.com",
            "roles": ["plexpass"],
            "services": _SERVICES,
            "subscription": {
                "active": True,
                "features": ["pass", "lyrics"],
                "paymentService": "stripe",
                "plan": "lifetime",
                "status": "Active",
                "subscribedAt": "2014-02-28T00:00:00Z",
            },
        },
        {"username": "grace", "email": "grace@example.com"},
    ],
    "servers": [
        {"name": "Hut", "owner": "joan"},
        {"name": "Vault", "owner": "joan", "tls": True},
        {"name": "Barn", "owner": "grace", "shared_with": ["joan"]},
    ],
    "players": [{"owner": "grace", "name": "Phone"}],
}
"""Every client can parse Ada and Joan. Grace is like a real account."""

PASSWORD = "correct horse"
CODE = "123456"


@dataclass(frozen=True, slots=True)
class Plex:
    """The running simulator: the URL of its plex.tv, and its control interface."""

    url: str
    ca: str
    _control: str

    def command(self, path: str, **body: Any) -> None:
        """Send a command to the simulator."""
        httpx.post(self._control + path, json=body).raise_for_status()

    def look_up(self, things: str, **wanted: str) -> Any:
        """Return an account or server by one of its fields."""
        state = httpx.get(f"{self._control}/state").raise_for_status().json()
        ((name, value),) = wanted.items()
        return next(one for one in state[things] if one[name] == value)

    def server(self, name: str) -> Any:
        """Return a server by its name."""
        return self.look_up("servers", name=name)


@pytest.fixture(scope="session")
def plex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plex]:
    """Run the simulator as a program."""
    world = tmp_path_factory.mktemp("simulator") / "world.json"
    world.write_text(json.dumps(_WORLD))
    with subprocess.Popen(
        [sys.executable, "-m", "tests.simulator", "--world", str(world)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        try:
            announced = json.loads(process.stdout.readline())
            yield Plex(announced["url"], announced["ca"], announced["control"])
        finally:
            process.terminate()
    assert process.returncode == 0
