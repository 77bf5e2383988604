"""Runs the benchmark of the integration; see --help."""

from argparse import ArgumentParser
from dataclasses import astuple
import json
import os
from pathlib import Path
import shutil
import sys

from tests.benchmarks.process import Process

from .contest import Arena, Effort
from .report import as_json, table
from .scenarios import FIFTY_ENTRIES, HUNDRED, ONE, TEN
from .targets import targets

_FULL = Effort(
    scenarios=(ONE, TEN, HUNDRED, FIFTY_ENTRIES),
    memory=(TEN, HUNDRED),
    starts=7,
    refreshes=10,
    calls=3,
)
_QUICK = Effort(scenarios=(TEN,), memory=(ONE, TEN), starts=1, refreshes=2, calls=3)


def _cores() -> tuple[str, str] | None:
    """Return a core for the Plex and one for the contenders, None if that can't be."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2 or not shutil.which("taskset"):
        return None
    return str(available[0]), str(available[-1])


def main() -> None:
    """Measure the integration inside Home Assistant, print, and judge."""
    parser = ArgumentParser(
        prog="scripts/bench --integration", description=main.__doc__
    )
    parser.add_argument("--quick", action="store_true", help="only see that it works")
    parser.add_argument(
        "--check", action="store_true", help="fail if a target is missed"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures")
    arguments = parser.parse_args()

    effort = _QUICK if arguments.quick else _FULL
    cores = _cores()
    plex, worker = (
        (
            *(("taskset", "--cpu-list", cores[number]) if cores else ()),
            sys.executable,
            "-m",
            f"{__package__}.{module}",
        )
        for number, module in enumerate(("plex", "worker"))
    )
    scenarios = effort.all_scenarios
    with Process((*plex, json.dumps([astuple(one) for one in scenarios]))) as process:
        arena = Arena(process, worker, scenarios)
        outcomes = {one: arena.compete(one, effort) for one in effort.scenarios}
        memory = arena.memory(*effort.memory)

    judged = [*targets(outcomes, memory)]
    sys.stdout.writelines(f"{line}\n" for line in (*table(outcomes, memory), *judged))
    if arguments.json:
        arguments.json.write_text(
            json.dumps(as_json(outcomes, memory), indent=2) + "\n"
        )
    if arguments.check and not all(target.met for target in judged):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
