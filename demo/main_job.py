"""The main job, shown: make a project, plan it, apply it, run it, change it, and see what the change means in time.

Every step is a command that a user would type; the first one that fails ends the demo. The project lands in
`demo-project/`, on a private Redis of its own.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from flowerpower.embedded import embedded_server

FOLDER = Path("demo-project")
SCHEDULE = FOLDER / "schedules" / "licences_hourly.yaml"

FIRST_ROUND = [
    ("Are the specs right?", ["validate"]),
    ("Run the pipeline here and now, without Redis.", ["run", "licences"]),
    ("What would an apply change?", ["plan"]),
    ("Make it so.", ["apply", "--auto-approve"]),
    ("When does it fire?", ["next", "licences_hourly"]),
    ("Ask for a run now ...", ["trigger", "licences_hourly"]),
    ("... and let a worker do what is due.", ["worker", "--burst"]),
    ("What ran?", ["runs"]),
]
SECOND_ROUND = [
    ("What does that change mean in time?", ["plan"]),
    ("Make it so.", ["apply", "--auto-approve"]),
    ("Is there anything left to do?", ["plan", "--detailed-exitcode"]),
    ("What is live?", ["status"]),
]


def main() -> int:
    """Run the demo and return the exit code of the step that failed, else 0."""
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    failed = show("Make a project.", ["init", str(FOLDER)], Path())
    if failed:
        return failed
    with embedded_server(FOLDER):  # keeps the server up between the commands; each would start it by itself
        return show_all(FIRST_ROUND) or edit() or show_all(SECOND_ROUND) or end()


def show_all(steps: Sequence[tuple[str, list[str]]]) -> int:
    """Run *steps* until one fails, and return its exit code, else 0."""
    return next((failed for title, arguments in steps if (failed := show(title, arguments, FOLDER))), 0)


def show(title: str, arguments: list[str], folder: Path) -> int:
    """Print *title* and the command, run it in *folder*, and return its exit code."""
    say(f"# {title}\n$ flowerpower {shlex.join(arguments)}")
    return subprocess.run([sys.executable, "-m", "flowerpower", *arguments], cwd=folder, check=False).returncode


def edit() -> int:
    """Change the schedule from once an hour to four times."""
    say(f"# Somebody edits {SCHEDULE}: every quarter of an hour.")
    SCHEDULE.write_text(SCHEDULE.read_text().replace('cron: "0 * * * *"', 'cron: "*/15 * * * *"'))
    return 0


def end() -> int:
    """Say where to look."""
    results = sorted(str(path) for path in (FOLDER / "out").iterdir())
    say(f"# Done. The project is in {FOLDER}/, its results are:\n" + "\n".join(results))
    return 0


def say(text: str) -> None:
    """Print *text* set apart from what the commands print."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
