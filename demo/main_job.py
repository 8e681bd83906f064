"""The main job, shown: specs in git, a plan, an apply, ticks that fire, a change and what it means in time.

Every step is a command that a user would type, in a git repository of its own with a Redis of its own; the first step
that fails ends the demo. It takes about a minute and leaves behind only the folder that it names at the end.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from flowerpower.embedded import embedded_server

FLOWERPOWER = [sys.executable, "-m", "flowerpower"]
IDENTITY = ["-c", "user.name=Demo", "-c", "user.email=demo@example.org"]
HOURLY = 'cron: "0 * * * *"'
EVERY_FIVE_SECONDS = "every: 5s"
OF_THE_USER = ("FLOWERPOWER_", "REDIS_URL")  # settings that would lead the demo elsewhere, to a real Redis even
AFTER_THE_EDIT = 'cron: "30 6 * * mon-fri"\ntimezone: Europe/Berlin'
TICKS_WANTED = 2
LONGEST_WAIT = 60.0  # seconds


class StepFailedError(Exception):
    """A step of the demo did not end as it should."""


def main() -> int:
    """Run the demo and return 0, or 1 and say which step failed."""
    folder = Path(tempfile.mkdtemp(prefix="flowerpower-demo-")) / "licences"
    began = time.monotonic()
    try:
        title = "A project: a Hamilton pipeline and a schedule, as YAML in git."
        show(title, ["init", folder.name], folder.parent, only=r"/(flows|pipelines|schedules)/|flowerpower\.yaml")
        with embedded_server(folder):  # each command would start it by itself: this keeps it up between them
            show_main_job(folder)
    except StepFailedError as error:
        say(f"The demo failed: {error}. What it made is in {folder.parent}")
        return 1
    say(f"# Done in {time.monotonic() - began:.0f} s. The project is in {folder}: look around, then delete it.")
    return 0


def show_main_job(folder: Path) -> None:
    """Plan, apply and run the schedule, look at what came of it, and change it."""
    edit(folder, HOURLY, EVERY_FIVE_SECONDS, "Run every five seconds: a demo cannot wait an hour")
    show("Are the specs right? Every mistake is found in one run.", ["validate"], folder)
    show("What would change in Redis, and what does that mean in time?", ["plan"], folder)
    show("Make it so, in one atomic step.", ["apply", "--auto-approve"], folder, only="Apply complete")
    with worker_beside(folder) as worker:
        wait_for_ticks(folder, worker)
        show("What is live, and how did it go?", ["status"], folder)
        show_report(folder)
        show_change(folder)


def show_change(folder: Path) -> None:
    """Change the schedule, and see what that means, that it is applied, and that nothing is left to do."""
    edit(folder, EVERY_FIVE_SECONDS, AFTER_THE_EDIT, "Run once on workdays, at half past six in Berlin")
    show("A pull request would show this: the fires before and after.", ["plan"], folder)
    show("Merged: apply it.", ["apply", "--auto-approve"], folder, only="Apply complete")
    last = show("Is there anything left to do?", ["plan", "--detailed-exitcode"], folder)
    if "No changes." not in last:
        raise StepFailedError("the last plan should say `No changes.`")


@contextmanager
def worker_beside(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker with its scheduler, and let it drain at the end."""
    say("# A worker, with the scheduler beside it: ticks fire, Hamilton runs.\n$ flowerpower worker &")
    with (folder.parent / "worker.log").open("w") as log:
        worker = subprocess.Popen([*FLOWERPOWER, "worker"], cwd=folder, env=environment(), stdout=log, stderr=log)
        try:
            yield worker
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(timeout=30)


def wait_for_ticks(folder: Path, worker: subprocess.Popen[bytes]) -> None:
    """Print each tick that ends, until there were enough."""
    end, seen = time.monotonic() + LONGEST_WAIT, set[str]()
    while len(seen) < TICKS_WANTED:
        if worker.poll() is not None or time.monotonic() > end:
            raise StepFailedError(f"no {TICKS_WANTED} ticks succeeded; see {folder.parent / 'worker.log'}")
        for tick in json.loads(run(["runs", "--status", "succeeded", "--json"], folder))["runs"]:
            if tick["run"] not in seen:
                seen.add(tick["run"])
                print(f"  tick {tick['tick']} of {tick['name']}: {tick['status']}", flush=True)
        time.sleep(0.5)


def show_report(folder: Path) -> None:
    """Print the newest text that the pipeline saved, and what lies beside it."""
    files = sorted((folder / "out").iterdir())
    newest = max((file for file in files if file.suffix == ".txt"), key=lambda file: file.stat().st_mtime)
    say(f"# What the pipeline wrote: {', '.join(file.name for file in files)}\n$ cat {newest.relative_to(folder)}")
    print(newest.read_text(encoding="utf-8"))


def edit(folder: Path, old: str, new: str, message: str) -> None:
    """Change the schedule and commit it."""
    file = next((folder / "schedules").iterdir())
    text = file.read_text(encoding="utf-8")
    if old not in text:
        raise StepFailedError(f"{file.name} has no line {old!r}")
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    say(f"# Somebody edits schedules/{file.name} and commits: {message}.")
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    subprocess.run(["git", *IDENTITY, "commit", "-qm", message], cwd=folder, check=True)
    print("\n".join([f"  -{line}" for line in old.splitlines()] + [f"  +{line}" for line in new.splitlines()]))


def show(title: str, arguments: Sequence[str], folder: Path, *, only: str = "") -> str:
    """Print a title and the command, run it, and print what it said, or the lines of it that match *only*."""
    say(f"# {title}\n$ flowerpower {shlex.join(arguments)}")
    output = run(arguments, folder)
    print("\n".join(line for line in output.rstrip().splitlines() if re.search(only, line)), flush=True)
    return output


def run(arguments: Sequence[str], folder: Path) -> str:
    """Run a flowerpower command and return its standard output; what it says besides is passed on if it fails."""
    command = [*FLOWERPOWER, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr)
        raise StepFailedError(f"`flowerpower {shlex.join(arguments)}` ended with exit code {done.returncode}")
    return done.stdout


def environment() -> dict[str, str]:
    """Return the environment of the commands, without what the user has set for a project of their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OF_THE_USER)}


def say(text: str) -> None:
    """Print *text* set apart from what the commands print."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
