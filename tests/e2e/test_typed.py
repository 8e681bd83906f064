"""What a type checker says of a program that uses the Python API."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import flowerpower

_RIGHT = """
from flowerpower import *
from flowerpower.errors import PipelineError
from flowerpower.schedule import parse_trigger

def work(folder: str) -> int:
    with FlowerPowerProject.load(folder, env="prod") as project:
        project.apply(project.plan())
        jobs: RQManager = project.jobs
        pipelines: PipelineManager = project.pipelines
        found: list[Problem] = project.validate()
        try:
            jobs.enqueue("report", {"number": 3}).wait(timeout=3)
        except PipelineError as error:
            print(error.hint)
        print(pipelines.run("report").values, parse_trigger(every="1h"), JobQueueManager)
        return project.apply(project.plan()).added + len(found)
"""
_WRONG = """
from flowerpower import FlowerPowerProject
from flowerpower import RQManger

jobs = FlowerPowerProject.load(".").jobs
jobs.start_worker(brust=True)
jobs.enqueue("report", inputs=["a"])
print(jobs.run("report").no_such_field)
"""


def test_every_public_name_is_there_and_is_what_it_says() -> None:
    found = {name: getattr(flowerpower, name) for name in flowerpower.__all__}

    assert [name for name, value in found.items() if getattr(value, "__name__", name) != name] == []
    assert dir(flowerpower) == sorted(flowerpower.__all__)


def test_a_type_checker_knows_every_public_name_and_no_other(tmp_path: Path, checkout: Path) -> None:
    (tmp_path / "right.py").write_text(_RIGHT, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(_WRONG, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "right.py", "wrong.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    mistakes = re.findall(r"^(\S+):(\d+): error: .*\[(.*)\]$", done.stdout, re.MULTILINE)
    assert mistakes == [
        ("wrong.py", "3", "attr-defined"),
        ("wrong.py", "6", "call-arg"),
        ("wrong.py", "7", "arg-type"),
        ("wrong.py", "8", "attr-defined"),
    ], done.stdout + done.stderr
