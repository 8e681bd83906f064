"""Run one side in a process of its own, so that no side profits from, or pays for, another one's memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import CHECKOUT
from benchmarks.samples import Sample


def run_side(python: Path, module: str, *arguments: str) -> dict[str, Sample]:
    """Run `benchmarks.sides.<module>` and return the samples it prints, by phase."""
    command = [str(python), "-m", f"benchmarks.sides.{module}", *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE, env=_environment())
    return {phase: Sample(**values) for phase, values in json.loads(done.stdout).items()}


def run_command(commands: Sequence[Sequence[str]], cwd: Path) -> tuple[Sample, list[str]]:
    """Run whole commands one after the other; return what all took, without a count, and what they printed.

    Raises CalledProcessError when one fails.
    """
    before, start, printed = _cpu_of_children(), time.perf_counter(), []
    for command in commands:
        # Into files: Node tools that end with process.exit lose what a pipe has not taken yet.
        with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as errors:
            done = subprocess.run(command, cwd=cwd, check=False, stdout=said, stderr=errors, env=_environment())
            said.seek(0)
            errors.seek(0)
            if done.returncode:
                sys.stderr.write(errors.read())  # else kept quiet: some write a line for each file there
                done.check_returncode()
            printed.append(said.read())
    return Sample(time.perf_counter() - start, 0, _cpu_of_children() - before), printed


def _environment() -> dict[str, str]:
    """Return our environment without settings that change what flowerpower does, or keep Python from compiling once."""
    left_out = ("FLOWERPOWER_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
