"""A short torture; `make torture` runs longer ones, and can break the code to see that the checker notices."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path


def test_no_tick_is_lost_or_fired_twice_while_everything_is_killed_and_stopped(checkout: Path) -> None:
    seed = os.environ.get("FLOWERPOWER_TEST_SEED", "3")  # whose clock is behind at first, then ahead
    done = subprocess.run(
        [sys.executable, "-m", "support.torture", "--seed", seed, "--minutes", "0.08"],
        env={**os.environ, "PYTHONPATH": f"{checkout}{os.pathsep}{checkout / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    ticks = re.search(r"(\d+) ticks have an outcome", done.stdout)
    assert ticks, done.stdout
    assert int(ticks[1]) > 500, done.stdout  # or it was no torture
