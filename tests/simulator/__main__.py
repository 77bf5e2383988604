"""Run the simulator standalone: `python -m tests.simulator`."""

import argparse
import asyncio
import json
from pathlib import Path
import signal
import sys
from tempfile import TemporaryDirectory

from .control import Control
from .simulator import Simulator
from .world import build_default_world, load_world


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port of plex.tv")
    parser.add_argument(
        "--control-port", type=int, default=0, help="port of the control interface"
    )
    parser.add_argument(
        "--world", type=Path, help="a JSON file to use instead of the default world"
    )
    return parser.parse_args()


async def _until_told_to_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stop.set)
    await stop.wait()


async def _run(
    port: int, control_port: int, world: str | None, directory: Path
) -> None:
    ca = directory / "ca.pem"
    async with Simulator(port=port, ticking=True) as sim:
        ca.write_bytes(sim.ca_pem)
        if world is None:
            await build_default_world(sim)
        else:
            await load_world(sim, json.loads(world))
        control = Control(sim)
        try:
            address = await control.start(control_port)
            announcement = {"url": sim.url, "control": address, "ca": str(ca)}
            sys.stdout.write(json.dumps(announcement) + "\n")
            sys.stdout.flush()
            await _until_told_to_stop()
        finally:
            await control.stop()


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    arguments = _arguments()
    world = arguments.world.read_text() if arguments.world else None
    with TemporaryDirectory(prefix="plex-simulator-") as directory:
        asyncio.run(
            _run(arguments.port, arguments.control_port, world, Path(directory))
        )


main()
