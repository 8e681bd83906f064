"""The real command line in a process of its own, in a real project under git."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.fork_server import run_command

FILES = {
    "flowerpower.yaml": "name: acme\nmodules: [flows]\ntimezone: Europe/Berlin\nenvironments: {prod: {}}\n",
    "pipelines/report.yaml": "modules: [flow]\noutputs: [doubled]\ninputs: {number: 21}\n",
    "schedules/nightly.yaml": 'pipeline: report\ncron: "0 2 * * *"\n',
    "schedules/hourly.yaml": "pipeline: report\nevery: 1h\n",
    "flows/flow.py": "def doubled(number: int) -> int:\n    return number * 2\n",
}


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line of stdout."""
        return self.out.rstrip("\n").rpartition("\n")[2]

    @property
    def document(self) -> Any:
        """Stdout, which must be one JSON document and nothing else."""
        return json.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """The command line in a folder, with a Redis and an environment of its own."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, **more: str) -> Answer:
        """Run `flowerpower ARGUMENTS`; keywords are environment variables. It must print no traceback."""
        answer = self.process(*arguments, **more)
        assert "Traceback" not in answer.err, answer.err
        return answer

    def process(self, *arguments: str, **more: str) -> Answer:
        """Do the same for what may print tracebacks: a worker logs those of its runs."""
        environment = {**self.quiet_environment(), **more}
        # What Python itself heeds while it starts is only seen by a Python that starts; a worker starts others.
        starts = "worker" in arguments or any(name.startswith("PYTHON") and name != "PYTHONSAFEPATH" for name in more)
        return Answer(*(_start if starts else run_command)(arguments, self.folder, environment, 100))

    def quiet_environment(self) -> dict[str, str]:
        """Return the environment of its commands, without what would change what they print."""
        return {**quiet_environment(), **self.environment}

    def write(self, path: str, text: str) -> None:
        """Write a file of the project."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def commit(self, message: str = "change") -> str:
        """Commit everything, and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--message={message}")
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        """Run git in the project and return what it prints."""
        command = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()


def _start(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float
) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "flowerpower", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def quiet_environment() -> dict[str, str]:
    """Return the environment of the tests without what would change how a command behaves."""
    dropped = ("FLOWERPOWER_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "GIT_", "GITHUB_")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)}


def command_line(folder: Path, redis_url: str, files: Mapping[str, str] = FILES) -> CommandLine:
    """Write a project under git into a folder and return the command line in it."""
    line = CommandLine(folder, {"FLOWERPOWER_REDIS": redis_url})
    for path, text in files.items():
        line.write(path, text)
    line.git("init", "--quiet", "--initial-branch=main")
    line.commit("start")
    return line


def look(line: CommandLine, *arguments: str, **more: str) -> Answer:
    """Plan as a careful CI job does; what Python finds in the working folder is no module."""
    return line("plan", "--untrusted", *arguments, **{"PYTHONSAFEPATH": "1", **more})
