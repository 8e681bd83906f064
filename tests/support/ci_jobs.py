"""Run the jobs of a CI file as a runner does: its variables filled in, its scripts line by line in a real checkout.

`pip` does nothing here but look that the file exists which it should install; `pytest` runs a few of the tests that
the job asks for; `flowerpower` is the code under test.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from support.fork_server import run_command

_PIP = '#!/bin/sh\nfor last in "$@"; do :; done\nexec test -e "$last"\n'
_PYTEST = (
    "#!/bin/sh\nexport PYTEST_DISABLE_PLUGIN_AUTOLOAD=1\n"
    'exec {python} -P -m pytest -q -p no:cacheprovider -k most_demanding "$@"\n'
)

_FLOWERPOWER = """\
#!{python} -SE
import json, os, socket, sys
channel = socket.socket(socket.AF_UNIX)
channel.connect({address!r})
channel.sendall(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode())
channel.shutdown(socket.SHUT_WR)
status, out, err = json.loads(channel.makefile("rb").read())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(status)
"""


@cache
def _commands() -> str:
    """Take command lines at an address as long as the tests run, and return it; a command costs no start of Python."""
    folder = tempfile.mkdtemp(prefix="flowerpower-test-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address = f"{folder}/commands"
    server = socketserver.ThreadingUnixStreamServer(address, _Command)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return address


class _Command(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        arguments, folder, environment = json.loads(self.rfile.read())
        self.wfile.write(json.dumps(run_command(arguments, Path(folder), environment, 100)).encode())


@dataclass
class Machine:
    """Where jobs run: a folder of their own for programs and temporary files, and what their environment holds."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.home / "bin").mkdir(parents=True)
        programs = {"pip": _PIP, "pytest": _PYTEST, "flowerpower": _FLOWERPOWER}
        for name, text in programs.items():
            filled_in = text.format(python=sys.executable, address=_commands())
            (self.home / "bin" / name).write_text(filled_in, encoding="utf-8")
            (self.home / "bin" / name).chmod(0o755)

    def run(self, script: str, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a script in a checkout."""
        file = self.home / "script.sh"
        file.write_text(script, encoding="utf-8")
        path = f"{self.home / 'bin'}{os.pathsep}{os.environ['PATH']}"
        kept = {name: os.environ[name] for name in ("FLOWERPOWER_CACHE_DIR", "LANG") if name in os.environ}
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(file)],
            cwd=folder,
            env={**kept, "HOME": str(self.home), **self.environment, **environment, "PATH": path},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )


@dataclass
class GitLabJobs:
    """The jobs of a .gitlab-ci.yml; what one keeps is there for the next, in a fresh checkout."""

    machine: Machine
    repository: Path
    kept: dict[str, bytes] = field(default_factory=dict)

    def run(self, job: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a job on a clone of the repository."""
        clone = self.machine.home / f"clone-{job}"
        shutil.rmtree(clone, ignore_errors=True)
        subprocess.run(["git", "clone", "--quiet", str(self.repository), str(clone)], check=True)
        for name, content in self.kept.items():
            (clone / name).write_bytes(content)
        file = yaml.safe_load((clone / ".gitlab-ci.yml").read_text(encoding="utf-8"))
        given = {"CI_PROJECT_DIR": str(clone), "CI_COMMIT_BRANCH": "", **variables}
        known = {**{name: _expanded(str(value), given) for name, value in file["variables"].items()}, **given}
        lines = [*file["default"]["before_script"], *file[job]["script"]]
        done = self.machine.run("\n".join(lines), clone, known)
        status = {**known, "CI_JOB_STATUS": "failed" if done.returncode else "success"}
        after = self.machine.run("\n".join(file["default"]["after_script"]), clone, status)
        assert not after.returncode, after.stderr
        for name in _artifacts(file[job]):
            if (clone / name).is_file():
                self.kept[name] = (clone / name).read_bytes()
        return done


def _expanded(text: str, known: Mapping[str, str]) -> str:
    return re.sub(r"\$(\w+)", lambda found: known[found[1]], text)


def _artifacts(job: Mapping[str, Any]) -> list[str]:
    artifacts = job.get("artifacts", {})
    return [*artifacts.get("paths", []), *artifacts.get("reports", {}).values()]


@dataclass
class GitHubJobs:
    """The jobs of a workflow of GitHub Actions, in one checkout; the expressions in `values` are filled in."""

    machine: Machine
    folder: Path
    workflow: Path
    values: Mapping[str, str]

    def run(self, job: str, **secrets: str) -> Iterator[tuple[str, Any]]:
        """Run the steps of a job until one fails: yield the name of each with what it printed, or what it uses."""
        file = yaml.safe_load((self.folder / self.workflow).read_text(encoding="utf-8"))
        known = {**self.values, **{f"secrets.{name}": value for name, value in secrets.items()}}
        of_job = {**file.get("env", {}), **file["jobs"][job].get("env", {})}
        environment = {name: filled(str(value), known) for name, value in of_job.items()}
        for step in file["jobs"][job]["steps"]:
            name = step.get("name") or step.get("uses") or step["run"]
            if "if" in step and not _holds(step["if"], environment):
                continue
            if "uses" in step:
                yield name, {key: filled(str(value), known) for key, value in step.get("with", {}).items()}
                continue
            own = {key: filled(str(value), known) for key, value in step.get("env", {}).items()}
            assert "${{" not in step["run"], "what others write must not become part of a script"
            done = self.machine.run(step["run"], self.folder, {**environment, **own})
            yield name, done
            if done.returncode:
                return


def granted(workflow: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return by job what it may write; the token that a checkout leaves in the folder counts as `git`."""
    return {
        name: {what for what, may in (job.get("permissions") or workflow["permissions"]).items() if may == "write"}
        | {
            "git"
            for step in job["steps"]
            if "actions/checkout@" in step.get("uses", "")
            and step.get("with", {}).get("persist-credentials") is not False
        }
        for name, job in workflow["jobs"].items()
    }


def filled(text: str, known: Mapping[str, str]) -> str:
    """Return a text with its expressions filled in: names, and the first of several that is not empty."""

    def value(found: re.Match[str]) -> str:
        return next((known[name] for name in map(str.strip, found[1].split("||")) if known.get(name)), "")

    return re.sub(r"\$\{\{ (.*?) \}\}", value, text)


def _holds(condition: str, environment: Mapping[str, str]) -> bool:
    name, operator = re.fullmatch(r"env\.(\w+) (==|!=) ''", condition).groups()  # type: ignore[union-attr]
    return bool(environment.get(name)) == (operator == "!=")
