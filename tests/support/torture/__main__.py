"""Run a torture: `python -m support.torture --seed 1 --minutes 5`; exits 1 when a law is broken."""

from __future__ import annotations

import argparse
import shutil
import sys
import time

from support.torture.breaks import BREAKS, break_code
from support.torture.chaos import Torture, described, folder_of
from support.torture.checker import violations


def main() -> int:
    """Run one torture and say what came of it."""
    parser = argparse.ArgumentParser(prog="make torture")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--break", dest="broken", choices=sorted(BREAKS), help="break the code, to see it noticed")
    given = parser.parse_args()
    print(
        f"seed {given.seed}, {given.minutes} minutes" + (f", broken: {given.broken}" if given.broken else ""),
        flush=True,
    )
    if given.broken:
        break_code(given.broken)
    folder = folder_of(given.seed)
    torture = Torture(folder, given.seed, given.minutes * 60)
    if torture.begins_behind:
        print("for half of the time the clock is behind the one that plans are made by", flush=True)
    evidence = torture.run()
    print(described(evidence, torture.deeds), flush=True)
    found = violations(evidence)
    for sentence in found[:20]:
        print(f"BROKEN: {sentence}")
    if found:
        print(f"{len(found)} laws broken; again with: make torture SEED={given.seed}; logs in {folder}")
        return 1
    shutil.rmtree(folder)
    print("every law holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
