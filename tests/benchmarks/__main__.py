"""Benchmark the client against others, and report which targets it meets."""

from argparse import ArgumentParser
from dataclasses import asdict
import json
from pathlib import Path
import sys

from . import line_up
from .contest import Effort, compete
from .figures import FLOOR, OURS
from .process import Process
from .report import as_json, notes, table
from .targets import targets

_FULL = Effort(starts=5, rounds=40, calls=50, seconds_at_once=0.15)
_QUICK = Effort(starts=1, rounds=2, calls=20, seconds_at_once=0.1)


def main() -> None:
    """Run the benchmark and print the results."""
    parser = ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it works")
    parser.add_argument(
        "--check", action="store_true", help="fail if a target is missed"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=line_up.NAMES,
        default=line_up.NAMES,
        metavar="NAME",
        help=f"those beside the floor and the client: {', '.join(line_up.NAMES[2:])}",
    )
    arguments = parser.parse_args()

    cores = line_up.cores()
    server_core, core = cores or (None, None)
    contenders = [
        contender
        for contender in line_up.contenders(core)
        if contender.name in (FLOOR, OURS, *arguments.only)
    ]
    with Process(line_up.server(server_core)) as server:
        figures = compete(
            contenders, server.hear(), _QUICK if arguments.quick else _FULL
        )
    judged = [*targets(figures)]
    lines = (*table(figures), "", *notes(figures, cores), "", *map(str, judged))
    sys.stdout.write("\n".join(lines) + "\n")
    if arguments.json:
        kept = {
            "figures": as_json(figures),
            "targets": [asdict(target) | {"met": target.met} for target in judged],
        }
        arguments.json.write_text(json.dumps(kept, indent=2) + "\n")
    if arguments.check and not all(target.met for target in judged):
        sys.exit(1)


if __name__ == "__main__":
    main()
