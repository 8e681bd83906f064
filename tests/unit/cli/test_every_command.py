"""What every command keeps, whoever wrote it: the commands are asked for, so that a new one is walked too."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import shutil
import signal
import tempfile
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from support.command_line import Answer, CommandLine, command_line
from support.fork_server import Running, start_command
from support.proxy import BlackHole, running
from support.walk import ENDLESS, call, commands, groups

from flowerpower.cli.commands import ROOT_FLAGS
from flowerpower.cli.main import run
from flowerpower.embedded import embedded_server

COMMANDS = tuple(commands())
ENDING = tuple(name for name in COMMANDS if name not in ENDLESS)
CODES = {0, 1, 2, 3, 4, 6}
SECONDS = 60  # that a command may take on a machine that does much else
NO_REDIS = {
    *("init", "new pipeline", "new schedule", "validate", "fmt", "render", "show", "schema", "completion"),
    *("comment", "approved", "run", "dag"),
}
NO_DOCUMENT = {"worker"}  # it prints nothing: what it does is told by `status` and `runs`


@dataclass(frozen=True)
class Place:
    """A project of its own that is applied, with a saved plan, before a Redis of its own."""

    line: CommandLine
    url: str

    def start(
        self, words: Sequence[str], streams: Sequence[int | None], *, folder: Path | None = None, **more: str
    ) -> Running:
        """Start a command in the project, or in a folder that is deleted before it looks."""
        environment = {**self.line.quiet_environment(), **more}
        for name in [name for name, value in environment.items() if not value]:
            del environment[name]
        return start_command(words, folder or self.line.folder, environment, streams, deleted=folder is not None)

    def run(self, words: Sequence[str], *, out: int | None = None, **more: Any) -> Answer:
        """Run a command to its end, its stdin closed; *out* is where its stdout goes instead."""
        with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as said:
            streams = (None, printed.fileno() if out is None else out, said.fileno())
            code = self.start(words, streams, **more).wait(SECONDS)
            printed.seek(0)
            said.seek(0)
            answer = Answer(code, printed.read().decode(), said.read().decode())
        assert "Traceback" not in answer.err, answer.err
        assert "inside flowerpower" not in answer.err, answer.err
        return answer


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, dict[bytes, bytes]]]:
    """One project, and what lies in Redis once it is applied."""
    folder = tmp_path_factory.mktemp("walk")
    (folder / "redis").mkdir()
    with embedded_server(folder / "redis", durable=False) as url, redis.Redis.from_url(url) as connection:
        line = command_line(folder / "project", url)
        assert line("plan", "--out", "plan.json").code == 0
        assert line("apply", "--auto-approve").code == 0
        yield Place(line, url), {key: connection.dump(key) for key in connection.scan_iter()}  # type: ignore[misc]


@pytest.fixture
def place(original: tuple[Place, dict[bytes, bytes]], tmp_path: Path) -> Place:
    """A copy of the project, with Redis as it was when it was applied."""
    made, dumped = original
    folder = tmp_path / "project"
    shutil.copytree(made.line.folder, folder)
    with redis.Redis.from_url(made.url) as connection, connection.pipeline() as pipe:
        pipe.flushall()
        for key, value in dumped.items():
            pipe.restore(key, 0, value)
        pipe.execute()
    return Place(CommandLine(folder, made.line.environment), made.url)


@pytest.mark.parametrize("name", ["", *groups(), *COMMANDS])
def test_help_ends_with_an_example_and_fits_a_terminal(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run([*name.split(), "--help"])

    shown = capsys.readouterr().out
    assert code == 0
    assert max(map(len, shown.splitlines())) <= 100
    assert "Example: " in shown.rstrip().rpartition("\n\n")[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_arguments_in_capitals_and_no_type_of_python(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    run([*name.split(), "--help"])

    shown = capsys.readouterr().out
    usage = shown.partition("\n\n")[0].removeprefix(f"Usage: flowerpower {name} [OPTIONS]")
    assert re.fullmatch(r"( \[?[A-Z][A-Z-]*(\.\.\.)?\]?)*", usage), usage
    assert not re.findall(r"<(?:str|int|float|path|list)\b[^|>]*>", shown)


def examples(text: str) -> list[list[str]]:
    """Return the command lines of flowerpower in an example that a shell would read."""
    parts = re.split(r"&&|[|>;)]", " ".join(text.partition("Example: ")[2].split()))
    lines = [part[part.index("flowerpower") :] for part in parts if "flowerpower" in part]
    return [shlex.split(line)[1:] for line in lines]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_of_a_command_is_a_call_of_it_that_it_understands(name: str) -> None:
    calls = examples(commands()[name].epilog)

    assert calls[0][: len(name.split())] == name.split()
    for words in calls:
        understand(words)


def understand(words: Sequence[str]) -> None:
    """Read a call without making it; raise what Typer raises for a wrong one."""
    if words[0] in ROOT_FLAGS:
        return
    size = 2 if " ".join(words[:2]) in COMMANDS else 1
    with suppress(SystemExit):  # help, and a version that is told
        commands()[" ".join(words[:size])].make_context("flowerpower", list(words[size:]))


def test_each_call_in_the_documentation_is_understood(checkout: Path) -> None:
    pages = [checkout / "README.md", *checkout.joinpath("docs").rglob("*.md")]
    lines = [
        line for page in pages for line in re.findall(r"^\$ .*flowerpower .*$", page.read_text("utf-8"), re.MULTILINE)
    ]
    calls = [words for line in lines for words in examples(f"Example: {line.partition(' #')[0]}")]

    assert len(calls) > 50
    for words in calls:
        understand(words)


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_flag_is_exit_1_with_a_hint_and_a_document(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run([*call(name), "--there-is-no-such-flag", "--json"])

    said = capsys.readouterr()
    assert code == 1
    assert said.err.startswith(f"Error: flowerpower {name} has no flag --there-is-no-such-flag\nhint: ")
    assert json.loads(said.out)["error"]["exit_code"] == 1


@pytest.mark.parametrize("name", ENDING)
def test_with_json_stdout_is_one_document_whatever_happens(name: str, place: Place) -> None:
    words = [*call(name), "--json"]
    answers = [place.run(words)]
    if name not in NO_REDIS:
        answers.append(place.run(words, FLOWERPOWER_REDIS="redis://127.0.0.1:1"))
    place.line.write("schedules/broken.yaml", "pipeline: [\n")
    answers.append(place.run(words))

    for answer in answers:
        assert answer.code in CODES
        if name in NO_DOCUMENT and answer.code == 0:
            assert answer.out == ""
        else:
            assert isinstance(answer.document, dict)
            assert answer.document.get("errored", False) is (answer.err.startswith("Error") or "\nError" in answer.err)


@pytest.mark.parametrize("name", ENDING)
def test_what_cannot_be_printed_is_told_in_a_line_or_not_at_all(name: str, place: Place) -> None:
    """On a full disk, without a home or a name; and quietly, after the reader has gone."""
    with Path("/dev/full").open("wb") as full:
        lost = place.run(call(name), out=full.fileno(), HOME="", LC_ALL="C", TERM="", USER="", LOGNAME="")
    place.line.git("clean", "--force", "--quiet", "-d", "--exclude=plan.json")
    with reader_gone() as pipe:
        unread = place.run([*call(name), "--quiet"], out=pipe)

    if unread.code == 141:
        assert (lost.code, lost.err.splitlines()[-1:]) == (1, ["Error: could not write: No space left on device"])
    else:
        assert lost.code == unread.code
        assert lost.code in CODES
    assert unread.err == "" if unread.code in (0, 141) else unread.err.startswith("Error: ")
    assert "Exception ignored" not in lost.err + unread.err


@contextmanager
def reader_gone() -> Iterator[int]:
    """Yield the end of a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("name", ENDING)
def test_a_working_folder_that_is_gone_is_told(name: str, place: Place, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()

    answer = place.run(call(name), folder=gone)

    assert not gone.exists()
    assert answer.code in CODES
    assert "the system" not in answer.err


@pytest.mark.parametrize("name", ENDING)
def test_a_very_narrow_terminal_stops_no_command(name: str, place: Place) -> None:
    with terminal(columns=30) as (out, shown):
        answer = place.run(call(name), out=out, TERM="xterm")

    assert answer.code in CODES
    assert "Traceback" not in "".join(shown)


@contextmanager
def terminal(columns: int) -> Iterator[tuple[int, list[str]]]:
    """Yield a terminal to write to, and what it was told, once the block has ended."""
    reader, writer = pty.openpty()
    termios.tcsetwinsize(writer, (24, columns))
    shown: list[str] = []

    def read() -> None:
        with suppress(OSError):  # what Linux says at the end
            while told := os.read(reader, 65_536):
                shown.append(told.decode(errors="replace"))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield writer, shown
    finally:
        os.close(writer)
        thread.join(SECONDS)
        os.close(reader)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in NO_REDIS])
def test_ctrl_c_ends_a_command_that_waits_for_redis(name: str, place: Place, tmp_path: Path) -> None:
    hole = BlackHole(place.url.removeprefix("unix://"), tmp_path / "hole")
    hole.dark = True
    with running(hole), tempfile.TemporaryFile() as said, Path(os.devnull).open("wb") as nowhere:
        started = place.start(
            call(name), (None, nowhere.fileno(), said.fileno()), FLOWERPOWER_REDIS=hole.url, TMPDIR=str(tmp_path)
        )
        waits = wait_until_it_waits(started, hole, said.fileno() if name in ENDLESS else 0)
        for _ in range(2 if name in ENDLESS else 1):
            if waits:
                started.signal(signal.SIGINT)
                time.sleep(0.1)
        code = started.wait(SECONDS)
        said.seek(0)
        err = said.read().decode()

    assert code in (({0, 130, -signal.SIGINT} if name in ENDLESS else {130}) if waits else CODES), err
    assert "Traceback" not in err


def wait_until_it_waits(started: Running, hole: BlackHole, said: int) -> bool:
    """Return whether a command works, once it asks Redis or has said something, or has ended."""
    while not hole.connected:
        if started.ended():
            return False
        if said and os.fstat(said).st_size:
            return True
        time.sleep(0.01)
    return True
