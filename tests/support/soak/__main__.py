"""Soak: `python -m support.soak --minutes 60`; exits 1 when something grows, 2 when it was too short to tell."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import redis

from support.soak.verdict import ENOUGH, WARM_UP, Series, growth, table
from support.soak.world import ALL, KEYS, OUTCOMES_KEPT, SPEED, World, measure

CAPS = {  # what a stream is trimmed to is trimmed in whole nodes of 100 entries
    "outcomes of one schedule, at most": OUTCOMES_KEPT,
    "run events": 10_200,
    "heals": 400,
    "applies in the history": 400,
    "inverses": 201,
}


def main() -> int:
    """Run one soak and say what came of it."""
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--schedules", type=int, default=10_000)
    given = parser.parse_args()
    world = World(Path(f"/tmp/soak-{os.getpid()}"), given.schedules, given.minutes * 60)
    world.start()
    try:
        problems, unclear = _watch(world, given.minutes * 60)
    finally:
        world.stop()
    for sentence in problems:
        print(f"BROKEN: {sentence}")
    if problems:
        print(f"logs in {world.folder}")
        return 1
    shutil.rmtree(world.folder)
    if unclear:
        minutes = ENOUGH / (1 - WARM_UP) / 60
        print(f"too short to tell whether these grow: {', '.join(unclear)}; garbage is collected, and warm processes")
        print(f"are replaced, in steps of up to a minute: MINUTES={minutes:.0f} or more tells")
        return 2
    print("nothing grows")
    return 0


def _watch(world: World, seconds: float) -> tuple[list[str], list[str]]:
    """Measure until time is over; return what is wrong, and of what it cannot be told."""
    begun, times, sizes = time.monotonic(), list[float](), defaultdict[str, list[float]](list)
    counts: dict[str, int] = {}
    most: dict[str, int] = {}
    with redis.Redis.from_url(world.server.url) as client:
        while (at := time.monotonic() - begun) < seconds:
            if dead := world.dead():
                return [f"{name} has ended" for name in dead], []
            measured, counts = measure(world, client)
            times.append(at)
            for name, size in measured.items():
                sizes[name].append(size)
            most = {name: max(count, most.get(name, 0)) for name, count in counts.items()}
            if len(times) % 12 == 1:
                memory = ", ".join(f"{name} {size / (1 << 20):.0f}" for name, size in measured.items())
                print(f"{at:5.0f} s  {memory} MB; {counts}", flush=True)
            time.sleep(max(1.0, min(5.0, seconds / 100)))
        runs = int(client.xinfo_stream(KEYS.runs).get("entries-added", 0))
    growths = [replace(growth(Series(name, times, sizes[name]), seconds), fills=name == ALL) for name in sizes]
    shown = {name: f"{counts[name]}, at most {most[name]}" for name in counts}
    print(f"\n{world.schedules} schedules, {seconds:.0f} s at {SPEED} times the speed, {runs} run events;")
    print(f"growth is looked at after a warm-up of {seconds * WARM_UP:.0f} s\n")
    print(table(growths, shown))
    # Outcomes and applies below their caps are there to be kept, and more of them take more.
    grows = [one for one in growths if not one.is_flat and not one.fills]
    wrong = [f"{one.name} grows" for one in grows if one.is_clear]
    wrong += [f"{most[name]} {name}, more than {cap}" for name, cap in CAPS.items() if most[name] > cap]
    return wrong, [one.name for one in grows if not one.is_clear]


if __name__ == "__main__":
    sys.exit(main())
