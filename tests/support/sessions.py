"""The consoles of a page, played in a real shell as they are written, and what they show compared with what comes."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE
from typing import Any

_BLOCKS = re.compile(r"```(?P<language>console|yaml|text)\n(?P<text>.*?)```", re.DOTALL)
_DAYS = r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b"
_MONTHS = r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b"
_CHANGES = (  # what is another each time, and what stands for it
    (r"\s+", " "),
    (r"\b[0-9a-f]{7,64}\b", "<id>"),
    (rf"{_DAYS} +\d+ {_MONTHS}(?: 20\d\d)?|{_DAYS}", ""),
    (r"\( *\d\d:\d\d(?::\d\d)?(?: UTC)?\)", ""),
    (r"\d\d:\d\d(?::\d\d)?", "<time>"),
    (r"\b\d+ ?(?:s|m|h) ago|just now", "<ago>"),
    (r"\b\d+(?:\.\d+)? (?:ms|s)\b", "<took>"),
    (r"\s+", " "),
)


@dataclass
class Shell:
    """A folder to work in, a user, and the processes that run beside."""

    folder: Path
    home: Path
    skipped: tuple[str, ...] = ("pip install", "make ")
    said: dict[str, list[str]] = field(default_factory=dict)
    _last: str = ""
    _beside: list[subprocess.Popen[Any]] = field(default_factory=list)

    def play(self, page: str) -> None:
        """Run each command of a page, write each file, compare what is shown; fail on the first that fails."""
        for block in _BLOCKS.finditer(page):
            if block["language"] == "yaml":
                self._write(block["text"])
            elif block["language"] == "text":
                _compare(self._last, block["text"], self.said[self._last][-1])
            else:
                self._console(block)

    def compare(self, page: str) -> int:
        """Compare what another page shows with what the same commands said here; return how many it shows."""
        shown = [step for block in _BLOCKS.finditer(page) if block["language"] == "console" for step in _steps(block)]
        for command, text in shown:
            if not command.startswith(self.skipped):
                assert command in self.said, command
                _compare(command, text, "".join(self.said[command]))
        return len(shown)

    def shows(self, command: str, text: str) -> None:
        """Compare a text with what a command said here; fail for a line that it did not say."""
        _compare(command, text, "".join(self.said[command]))

    def close(self) -> None:
        """End what runs beside."""
        for process in self._beside:
            process.send_signal(signal.SIGTERM)
        for process in self._beside:
            process.wait(timeout=40)

    def _write(self, text: str) -> None:
        if found := re.match(r"# (\S+\.yaml)\n", text):
            file = self.folder / found[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    def _console(self, block: re.Match[str]) -> None:
        for command, shown in _steps(block):
            if command.startswith(self.skipped):
                continue
            if re.match(r"flowerpower (?:worker|scheduler)\b", command):
                self._beside.append(self._start(command))
                self.said[command] = [""]
                continue
            said = self._run(command)
            self._last = command
            self.said.setdefault(command, []).append(said)
            _compare(command, shown, said)

    def _run(self, command: str) -> str:
        where = self.home / "where"
        script = f"{command}\ncode=$?; pwd > {where}; exit $code"
        ours, terminal = pty.openpty()  # who has none is not asked
        with os.fdopen(ours, "r+b", buffering=0) as screen, os.fdopen(terminal, "r+b", buffering=0) as there:
            screen.write(b"y\n")
            environment = {**self._environment(), "NO_COLOR": "1"}
            where_and_how: dict[str, Any] = {"cwd": self.folder, "env": environment, "stdin": there, "stderr": there}
            done = subprocess.run(["bash", "-c", script], **where_and_how, stdout=PIPE, timeout=100, check=False)
            there.write(b"\n")
            said = done.stdout.decode() + screen.read(65536).decode().replace("\r\n", "\n")
        assert done.returncode == 0, f"$ {command}\n{said}"
        assert "Traceback" not in said, said
        self.folder = Path(where.read_text(encoding="utf-8").strip())
        return said

    def _start(self, command: str) -> subprocess.Popen[Any]:
        with (self.home / "beside.log").open("a") as log:
            return subprocess.Popen(
                ["bash", "-c", f"exec {command}"], cwd=self.folder, env=self._environment(), stdout=log, stderr=log
            )

    def _environment(self) -> dict[str, str]:
        path = self.home / "bin"
        if not path.exists():
            path.mkdir(parents=True)
            (path / "flowerpower").write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m flowerpower "$@"\n')
            (path / "flowerpower").chmod(0o755)
            (self.home / ".gitconfig").write_text("[user]\nname = ana\nemail = ana@example.org\n")
        dropped = ("FLOWERPOWER_", "GIT_", "GITHUB_", "XDG_", "REDIS_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        sources = str(Path(__file__).resolve().parents[2])
        cache = os.environ.get("FLOWERPOWER_CACHE_DIR", str(self.home / "cache"))
        kept |= {"HOME": str(self.home), "USER": "ana", "PYTHONPATH": sources, "FLOWERPOWER_CACHE_DIR": cache}
        kept["FLOWERPOWER_INIT_DEFAULTS"] = "1"  # nobody is there who answers
        return {**kept, "PATH": f"{path}:{os.environ['PATH']}"}


def _steps(block: re.Match[str]) -> Iterator[tuple[str, str]]:
    for step in re.split(r"^\$ ", block["text"], flags=re.MULTILINE)[1:]:
        command, _, shown = step.partition("\n")
        yield command.partition("  #")[0].strip(), shown


def _compare(command: str, shown: str, said: str) -> None:
    missing = [line for line in shown.splitlines() if line.strip() and _alike(line) not in _alike(said)]
    assert missing == [], f"$ {command}\n{said}\nnot said: {missing}"


def _alike(text: str) -> str:
    for what, stands in _CHANGES:
        text = re.sub(what, stands, text)
    return text.strip()
