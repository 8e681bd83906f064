"""`status --watch` on a real terminal and in a pipe, through a Redis that goes away and comes back."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.command_line import CommandLine, command_line
from support.mortal_server import mortal_server

WATCH = ("status", "--watch", "--interval", "1s")


class Terminal:
    """A process on a terminal of its own, and what it has drawn."""

    def __init__(self, line: CommandLine, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        self.resize(80, 24)
        environment = {**os.environ, **line.environment, "TERM": "xterm"}
        for fixed in ("COLUMNS", "LINES"):  # which readline sets for whoever imports it
            environment.pop(fixed, None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flowerpower", *arguments],
            cwd=line.folder,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.drawn = ""

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    @property
    def frame(self) -> str:
        """The last frame that is drawn whole."""
        return self.drawn.rpartition("\x1b[J")[0].rpartition("\x1b[H")[2]

    def wait_for(self, words: str, *, absent: bool = False) -> None:
        end = time.monotonic() + 30
        while (words in self.frame) == absent or not self.frame:
            assert time.monotonic() < end, self.drawn
            self._read()

    def _read(self) -> None:
        if select.select([self._master], [], [], 0.2)[0]:
            try:
                self.drawn += os.read(self._master, 1 << 16).decode()
            except OSError:
                time.sleep(0.05)

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=20)
        while select.select([self._master], [], [], 0)[0]:
            before = len(self.drawn)
            self._read()
            if len(self.drawn) == before:
                break
        os.close(self._master)
        return code


@contextmanager
def on_terminal(line: CommandLine, *arguments: str) -> Iterator[Terminal]:
    terminal = Terminal(line, *arguments)
    try:
        yield terminal
    finally:
        terminal.process.kill()
        terminal.process.wait()


def test_a_watch_draws_in_place_and_outlives_a_redis_that_goes_away(tmp_path: Path) -> None:
    home, project = tmp_path / "r", tmp_path / "p"
    project.mkdir()
    with mortal_server(home) as url:
        line = command_line(project, url)
        assert line("apply", "--auto-approve").code == 0
        watching = on_terminal(line, *WATCH)
        terminal = watching.__enter__()
        terminal.wait_for("hourly")
        terminal.resize(40, 8)
        terminal.wait_for("…")
        assert len(terminal.frame.splitlines()) <= 8
        line.write("schedules/hourly.yaml", "pipeline: report\nevery: 2h\n")
        terminal.resize(120, 24)
        terminal.wait_for("not as the specs here want it")
    try:
        terminal.wait_for("Redis cannot be read since")
        assert "hourly" in terminal.frame
        with mortal_server(home):
            terminal.wait_for("cannot be read", absent=True)
            assert "hourly" in terminal.frame
            assert terminal.end() == 0
        assert terminal.drawn.count("\x1b[?1049h") == terminal.drawn.count("\x1b[?1049l") == 1
        assert terminal.drawn.rstrip().endswith("\x1b[?25h\x1b[?1049l")
        assert "Traceback" not in terminal.drawn
    finally:
        watching.__exit__(None, None, None)


@pytest.fixture
def applied(tmp_path: Path, redis_url: str) -> CommandLine:
    folder = tmp_path / "acme"
    folder.mkdir()
    line = command_line(folder, redis_url)
    assert line("apply", "--auto-approve").code == 0
    return line


def test_a_watch_of_a_schedule_that_is_deleted_says_so_and_blames_no_redis(applied: CommandLine) -> None:
    with on_terminal(applied, *WATCH, "hourly") as terminal:
        terminal.wait_for("hourly")
        (applied.folder / "schedules/hourly.yaml").unlink()
        assert applied("apply", "--auto-approve").code == 0

        terminal.wait_for("Nothing newer is shown since")

        assert "no schedule 'hourly'" in terminal.frame
        assert "Redis cannot be read" not in terminal.frame
        assert terminal.end() == 0


def test_in_a_pipe_each_look_is_a_document_on_a_line_and_a_page_is_written_whole(applied: CommandLine) -> None:
    page = applied.folder / "status.html"
    command = [sys.executable, "-m", "flowerpower"]
    how = {"cwd": applied.folder, "env": {**os.environ, **applied.environment}, "text": True}
    with (
        subprocess.Popen([*command, *WATCH, "--json"], stdout=subprocess.PIPE, **how) as lines,  # type: ignore[call-overload]
        subprocess.Popen([*command, *WATCH, "--format", "html", "--out", str(page)], **how) as pages,  # type: ignore[call-overload]
    ):
        documents = [json.loads(lines.stdout.readline()) for _ in range(2)]
        end = time.monotonic() + 30
        while not page.exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        for process in (lines, pages):
            process.send_signal(signal.SIGTERM)
        assert (lines.wait(20), pages.wait(20)) == (0, 0)

    assert {document["namespace"] for document in documents} == {"acme.default"}
    assert {schedule["sync"] for schedule in documents[-1]["schedules"]} == {"synced"}
    assert '<meta http-equiv="refresh" content="1">' in page.read_text(encoding="utf-8")


def test_formats_and_files_are_as_those_of_other_commands(applied: CommandLine) -> None:
    assert applied("status", "--format", "html").out.startswith("<!doctype html>")
    written = applied("status", "--format", "json", "--out", "s.json")
    assert (written.code, written.out, written.err) == (0, "", "Written to s.json\n")
    assert json.loads((applied.folder / "s.json").read_text(encoding="utf-8"))["sync"]["status"] == "synced"
    applied.write("schedules/hourly.yaml", "pipeline: report\nevery: 3h\n")
    assert applied("status", "--json").document["sync"]["status"] == "out_of_sync"
    assert applied("status", "--ref", "HEAD", "--json").document["sync"]["status"] == "synced"
    assert applied("status", "--live", "--json").document["sync"]["status"] == "unknown"
    for wrong in (
        ("--json", "--format", "html"),
        ("--watch", "--format", "html"),
        ("--watch", "--interval", "soon"),
        ("--out", "nowhere/at/all.txt"),
        ("hourlyy",),
    ):
        assert applied("status", *wrong).code == 1


def test_specs_that_are_not_valid_do_not_hide_what_is_live(applied: CommandLine) -> None:
    applied.write("schedules/hourly.yaml", "pipeline: report\nevery: sometimes\n")

    document = applied("status", "--json").document

    assert document["sync"]["unknown"] == "the specs here are not valid: see flowerpower validate"
    assert {schedule["sync"] for schedule in document["schedules"]} == {"unknown"}
