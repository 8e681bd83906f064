"""Fuzz: `python -m support.fuzz --minutes 5 --what specs`; exits 1 when something was found."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import redis

from flowerpower.embedded import embedded_server
from flowerpower.settings import read_settings
from support.fuzz.case import KINDS, load
from support.fuzz.records import sweep
from support.fuzz.search import Search, Sweep, for_a_while, whole_sweep
from support.fuzz.trial import findings
from support.fuzz.world import World, build


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--what", choices=KINDS, action="append", help="without it, all")
    parser.add_argument("--sweep", type=_share, metavar="K/N", help="the whole sweep of Redis' keys, or a share of it")
    parser.add_argument("--replay", type=Path, help="try the case in this file once more")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="fuzz-") as folder,
        embedded_server(Path(folder), binary=read_settings().redis_server, durable=False) as url,
        redis.Redis.from_url(url) as connection,
    ):
        world = build(Path(folder) / "world", url, connection)
        if given.replay:
            return _replay(given.replay, world)
        search = Search(world, given.findings)
        if given.sweep:
            swept = Sweep(sweep(world.keys, given.seed)).share(*given.sweep)
            print(f"seed {given.seed}, a sweep of {len(swept.cases)} cases", flush=True)
            found = whole_sweep(search, swept, given.seed, _tell)
        else:
            print(f"seed {given.seed}, {given.minutes} minutes", flush=True)
            kinds, end = given.what or KINDS, time.monotonic() + given.minutes * 60
            found, swept = for_a_while(search, kinds, given.seed, end, _tell)
        if search.tried["redis"]:
            print(f"{swept}{'' if swept.done == len(swept.cases) else '; SWEEP=1/1 tries all of them'}")
        for kind, cases in search.tried.items():
            print(f"{kind}: {cases} cases, {search.commands[kind]} commands, {search.took[kind]:.0f} s")
        print(f"{found} bugs")
        return 1 if found else 0


def _share(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise argparse.ArgumentTypeError(f"{text!r} is no share: 1/1 is the whole, 2/3 the second third")
    return int(number), int(of)


def _tell(text: str) -> None:
    print(text, flush=True)


def _replay(file: Path, world: World) -> int:
    found = findings(load(file.read_text(encoding="utf-8")), world)
    for finding in found:
        print(f"{finding.signature}: {' '.join(finding.command)[:300]}\n{finding.told}")
    if not found:
        print("nothing is wrong with it")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
