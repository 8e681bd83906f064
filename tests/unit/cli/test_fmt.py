"""`fmt` as people and editors call it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import FILES, CommandLine

UNTIDY = 'pipeline:   report  # the only one\ncron:  "0 2 * * *"\n'


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """The command line in a project that is in the canonical layout, without Redis or git."""
    line = CommandLine(tmp_path / "acme")
    for path, text in FILES.items():
        line.write(path, text)
    return line


def identities(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob("*.yaml")}


def test_a_tidy_project_is_not_touched(line: CommandLine) -> None:
    before = identities(line.folder)

    answer = line("fmt")

    assert (answer.code, answer.out, answer.err) == (0, "", "4 files unchanged.\n")
    assert identities(line.folder) == before


def test_what_was_formatted_is_named_and_then_rests(line: CommandLine) -> None:
    line.write("schedules/nightly.yaml", UNTIDY)

    answer = line("fmt")

    assert (answer.code, answer.out) == (0, "formatted schedules/nightly.yaml\n")
    assert answer.err == "1 file formatted, 3 unchanged.\n"
    assert line("fmt", "--check").code == 0


def test_check_writes_nothing_and_fails(line: CommandLine) -> None:
    line.write("schedules/nightly.yaml", UNTIDY)

    answer = line("fmt", "--check")

    assert (answer.code, answer.out) == (1, "would format schedules/nightly.yaml\n")
    assert answer.err == "1 file would be formatted, 3 unchanged.\n"
    assert (line.folder / "schedules/nightly.yaml").read_text() == UNTIDY


def test_a_diff_can_be_applied(line: CommandLine) -> None:
    line.write("schedules/nightly.yaml", UNTIDY.rstrip("\n"))
    line.write("schedules/ü ber.yaml", UNTIDY)
    line.git("init", "--quiet")

    answer = line("fmt", "--diff")
    (line.folder / "fmt.diff").write_text(answer.out, encoding="utf-8")
    line.git("apply", "fmt.diff")

    assert answer.code == 1
    assert line("fmt", "--check").code == 0


def test_a_file_with_a_mistake_is_left_and_the_others_are_formatted(line: CommandLine) -> None:
    line.write("schedules/nightly.yaml", UNTIDY)
    line.write("schedules/hourly.yaml", "pipeline:  report\nevery: [1h\n")

    answer = line("fmt")

    assert answer.code == 1
    assert answer.out == (
        "formatted schedules/nightly.yaml\n"
        "schedules/hourly.yaml:2:8: error FP010: the `[` is not closed\n"
        "  hint: write `[1h]`\n"
    )
    assert answer.err == "1 file formatted, 2 unchanged, 1 not formatted.\n"
    assert (line.folder / "schedules/hourly.yaml").read_text() == "pipeline:  report\nevery: [1h\n"


def test_json_is_one_document(line: CommandLine) -> None:
    line.write("schedules/nightly.yaml", UNTIDY)
    line.write("schedules/hourly.yaml", "pipeline:  report\nevery: [1h\n")

    document = line("fmt", "--check", "--json").document

    assert document["changed"] == [{"file": "schedules/nightly.yaml"}]
    assert (document["written"], document["unchanged"]) == (False, 2)
    assert [found["code"] for found in document["diagnostics"]] == ["FP010"]


def test_named_files_are_formatted_from_wherever_one_stands(line: CommandLine) -> None:
    line.write("schedules/nightly.yaml", UNTIDY)
    line.write("schedules/hourly.yaml", UNTIDY)
    outside = CommandLine(line.folder.parent)

    answer = outside("fmt", "acme/schedules/nightly.yaml")

    assert (answer.code, answer.out) == (0, "formatted acme/schedules/nightly.yaml\n")
    assert outside("fmt", "--all", "--check").out == "would format acme/schedules/hourly.yaml\n"


def test_a_file_that_is_no_spec_is_refused_with_the_reason(line: CommandLine) -> None:
    answer = line("fmt", "flows/flow.py")

    assert answer.code == 1
    assert "flows/flow.py is no spec file: those are flowerpower.yaml and the .yaml files below" in answer.err
    assert line("fmt", "flows/flow.py", "--skip-others").code == 0


@pytest.mark.parametrize(
    ("text", "flags", "out", "code"),
    [
        (b"a:   1 # \xc3\xbc", (), b"a: 1 # \xc3\xbc\n", 0),
        (b"a:   1\r\n", (), b"a: 1\r\n", 0),
        (b"a:   1\n", ("--check",), b"", 1),
        (b"a: 1\n", ("--check",), b"", 0),
        (b"a: [1\n", (), b"", 1),
        (b"a:  1\n", ("--diff",), b"--- a/x.yaml\n+++ b/x.yaml\n@@ -1 +1 @@\n-a:  1\n+a: 1\n", 1),
    ],
)
def test_an_editor_sends_a_text_and_gets_it_back(
    tmp_path: Path, text: bytes, flags: tuple[str, ...], out: bytes, code: int
) -> None:
    command = [sys.executable, "-m", "flowerpower", "fmt", "-", "--stdin-filename", "x.yaml", *flags]
    done = subprocess.run(command, cwd=tmp_path, input=text, capture_output=True, check=False)

    assert (done.stdout, done.returncode) == (out, code)
    assert (b"x.yaml:1:4: error FP010" in done.stderr) == (text == b"a: [1\n")


def test_validate_finds_every_project_of_a_repository(line: CommandLine) -> None:
    root = CommandLine(line.folder.parent)
    root.write("more/other/flowerpower.yaml", "name: other\n")
    root.write("more/other/schedules/lost.yaml", "pipeline: gone\nevery: 1h\n")
    root.git("init", "--quiet")

    answer = root("validate", "--all")

    assert answer.code == 1
    assert "more/other/schedules/lost.yaml:1:11: error FP301" in answer.out
    assert root("validate", "--all", "acme").code == 0
    assert "no flowerpower.yaml in" in root("validate", "--all", "acme/flows").err


def test_where_there_is_no_project_those_below_are_named(line: CommandLine) -> None:
    root = CommandLine(line.folder.parent)
    root.git("init", "--quiet")

    answer = root("fmt")

    assert answer.code == 1
    assert "hint: 1 project below: name one with --project (acme); validate and fmt take --all" in answer.err


@pytest.mark.parametrize(("variables", "watched"), [({}, True), ({"PRE_COMMIT": "1"}, False)])
def test_progress_is_shown_on_a_terminal_but_not_to_a_hook(
    line: CommandLine, variables: dict[str, str], watched: bool
) -> None:
    for number in range(100):
        line.write(f"schedules/s{number}.yaml", "pipeline: report\nevery: 1h\n")
    screen, terminal = os.openpty()
    command = [sys.executable, "-m", "flowerpower", "fmt"]
    kept = {name: value for name, value in os.environ.items() if name != "PRE_COMMIT"}

    subprocess.run(command, cwd=line.folder, env=kept | {"TERM": "xterm"} | variables, stderr=terminal, check=True)
    os.close(terminal)

    with os.fdopen(screen, "rb") as shown:
        assert (b"Formatting: 100 files" in shown.read1()) == watched
