"""The whole way with the installed wheel, in an empty virtual environment and a git repository: what a user has."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


@pytest.fixture(scope="module")
def command(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `flowerpower` command of a new environment that holds the wheel and what it requires, nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=checkout, capture_output=True, check=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "env/bin/python"), "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", "--no-compile"]  # Python compiles what is imported, a tenth of it all
    subprocess.run([*install, f"flowerpower-gitops[embedded,parquet] @ file://{wheel}"], check=True)
    return folder / "env/bin/flowerpower"


def run(command: Path, folder: Path, *arguments: str, expected: int = 0) -> str:
    """Run a command as a user would, without the checkout in reach, and return its standard output."""
    done = subprocess.run(
        [str(command), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_from_an_empty_folder_to_ticks_that_fired_and_a_plan_without_changes(command: Path, tmp_path: Path) -> None:
    project = tmp_path / "acme"
    assert "flowerpower 0." in run(command, tmp_path, "--version")
    run(command, tmp_path, "init", "acme")
    run(command, project, "validate")
    schedule = next((project / "schedules").iterdir())
    text = schedule.read_text(encoding="utf-8")
    schedule.write_text(text.replace('cron: "0 * * * *"', "every: 1s"), encoding="utf-8")

    assert "Plan: 2 to add, 0 to change, 0 to destroy." in run(command, project, "plan")
    run(command, project, "plan", "--detailed-exitcode", expected=2)
    assert "Apply complete: 2 added" in run(command, project, "apply", "--auto-approve")
    assert "No changes." in run(command, project, "plan", "--detailed-exitcode")
    work_until_succeeded(command, project)

    assert {file.suffix for file in (project / "out").iterdir()} == {".parquet", ".txt"}
    schedule.unlink()
    run(command, project, "apply", "--auto-approve", expected=3)
    assert "0 added, 0 changed, 1 destroyed" in run(command, project, "apply", "--auto-approve", "--allow-empty")


def work_until_succeeded(command: Path, project: Path) -> None:
    """Run a worker, with its scheduler, until a tick has succeeded."""
    with (project.parent / "worker.log").open("w") as log:
        worker = subprocess.Popen([str(command), "worker"], cwd=project, stdout=log, stderr=log, env=ENVIRONMENT)
        try:
            end = time.monotonic() + 120
            while not has_succeeded(command, project):
                assert worker.poll() is None, (project.parent / "worker.log").read_text()
                assert time.monotonic() < end, (project.parent / "worker.log").read_text()
                time.sleep(0.5)
        finally:
            worker.terminate()
            assert worker.wait(timeout=30) == 0


def has_succeeded(command: Path, project: Path) -> bool:
    return bool(json.loads(run(command, project, "runs", "--status", "succeeded", "--json"))["runs"])


def test_only_the_real_clock_ships(command: Path) -> None:
    (clock,) = command.parent.parent.rglob("flowerpower/state/clock.lua")

    assert "TIME" in clock.read_text(encoding="utf-8")
    assert "offset" not in clock.read_text(encoding="utf-8")
