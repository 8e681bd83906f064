"""`validate` as people and machines call it: which projects, which paths, which format."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support.command_line import FILES, CommandLine

from flowerpower.cli.main import run

FORMATS = ("text", "json", "github", "gitlab", "sarif", "junit")
GOOD = "pipeline: report\nevery: 1h\n"
BAD = "pipeline: reprot\nevery: 1h\n"


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


Validate = Callable[..., Said]


@pytest.fixture
def validate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Validate:
    """`validate` in this process, called in a repository with the projects `data/acme` and `data/shop`."""
    git(tmp_path, "init", "--quiet")
    for name in ("acme", "shop"):
        for path, text in FILES.items():
            write(tmp_path / "data" / name / path, text.replace("acme", name))
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_STEP_SUMMARY", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str) -> Said:
        code = run(["validate", *arguments])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def test_files_of_two_projects_check_both_once(validate: Validate) -> None:
    said = validate("data/acme/schedules/nightly.yaml", "data/acme/flowerpower.yaml", "data/shop/flows/flow.py")

    assert (said.code, said.out.splitlines()) == (
        0,
        [
            "acme is valid in 2 environments: 1 pipeline, 2 schedules.",
            "shop is valid in 2 environments: 1 pipeline, 2 schedules.",
        ],
    )


def test_a_folder_above_projects_checks_all_of_them(validate: Validate) -> None:
    write(Path("data/.hidden/flowerpower.yaml"), "name: hidden\n")
    write(Path("data/acme/services/flowerpower.yaml"), "name: inside\n")

    said = validate(".")

    assert [line.partition(" ")[0] for line in said.out.splitlines()] == [
        "acme",
        "inside.default",
        "shop",
    ]


def test_a_warning_is_said_and_the_project_is_valid_all_the_same(validate: Validate) -> None:
    write(Path("data/acme/schedules/old.yaml"), "pipeline: report\nat: 2020-01-01T06:00:00\n")

    said = validate("data/acme")

    assert (said.code, said.err) == (0, "1 warning in 1 file.\n")
    assert said.out == (
        "data/acme/schedules/old.yaml:2:5: warning FP304: the schedule never fires again: "
        "its last tick was 2020-01-01 06:00 in Europe/Berlin\n"
        "  hint: Remove the schedule or move its window.\n"
        "acme is valid in 2 environments: 1 pipeline, 3 schedules.\n"
    )


def test_above_projects_the_way_to_check_them_all_is_told(validate: Validate) -> None:
    said = validate()

    assert (said.code, said.out) == (1, "")
    assert "hint: 2 projects below: name one with --project (data/acme, data/shop)" in said.err


def test_a_folder_inside_a_project_checks_that_project(validate: Validate) -> None:
    assert validate("data/acme/schedules").out.startswith("acme is valid in 2 environments")


@pytest.mark.parametrize("staged", [False, True])
def test_a_deleted_file_is_no_mistake_but_what_names_it_is(validate: Validate, staged: bool) -> None:
    git(Path(), "add", "--all")
    git(Path(), "commit", "--quiet", "--message", "start")
    git(Path(), "rm", "--quiet", "-r", *([] if staged else ["--cached"]), "data/acme/pipelines")
    Path("data/acme/pipelines/report.yaml").unlink(missing_ok=True)

    said = validate("data/acme/pipelines/report.yaml")

    assert said.code == 1
    assert "there is no pipeline 'report'" in said.out


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("-", "not from standard input; name the file"),
        ("empty", "no flowerpower.yaml in "),
        ("README.md", "no flowerpower.yaml in "),
    ],
)
def test_an_argument_that_names_no_project_is_an_error(validate: Validate, argument: str, words: str) -> None:
    write(Path("README.md"), "# Data\n")
    Path("empty").mkdir()
    said = validate(argument)

    assert (said.code, said.out) == (1, "")
    assert words in said.err


@pytest.mark.parametrize("format", ["github", "gitlab", "sarif", "junit"])
def test_a_report_for_a_forge_has_paths_from_the_root_of_the_repository(
    validate: Validate, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    write(Path("data/acme/schedules/a.yaml"), BAD)
    monkeypatch.chdir("data/acme/schedules")

    said = validate("--format", format)

    assert said.code == 1
    assert "data/acme/schedules/a.yaml" in said.out
    assert said.err == "1 error in 1 file; 2 environments checked.\n"


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        (".", "data/acme/schedules/a.yaml"),
        ("data/acme", "schedules/a.yaml"),
        ("data/acme/flows", "../schedules/a.yaml"),
    ],
)
@pytest.mark.parametrize("format", ["text", "json"])
def test_for_people_a_path_starts_where_they_are(
    validate: Validate, monkeypatch: pytest.MonkeyPatch, folder: str, path: str, format: str
) -> None:
    write(Path("data/acme/schedules/a.yaml"), BAD)
    file = Path("data/acme/schedules/a.yaml").resolve()
    monkeypatch.chdir(folder)

    said = validate(str(file), "--format", format)

    found = json.loads(said.out)["diagnostics"][0]["range"]["filename"] if format == "json" else said.out.split(":")[0]
    assert found == path


def test_a_project_outside_the_working_folder_has_absolute_paths(
    validate: Validate, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(Path("data/acme/schedules/a.yaml"), BAD)
    folder = Path("data/acme").resolve()
    monkeypatch.chdir("data/shop")

    assert validate(str(folder)).out.startswith(f"{folder}/schedules/a.yaml:1:11: error FP301")


def test_a_report_is_complete_also_without_a_problem(validate: Validate) -> None:
    gitlab, sarif, junit = (validate(".", "--format", name) for name in ("gitlab", "sarif", "junit"))

    assert json.loads(gitlab.out) == []
    assert json.loads(sarif.out)["runs"][0]["results"] == []
    root = ElementTree.fromstring(junit.out)
    assert {suite.get("name"): suite.get("tests") for suite in root} == {"acme": "4", "shop": "4"}
    assert (root.get("tests"), root.get("failures")) == ("8", "0")


def test_json_is_the_same_by_either_flag_and_for_a_failure_too(validate: Validate) -> None:
    flag, format, failed = validate(".", "--json"), validate(".", "--format", "json"), validate("--format", "json")

    assert flag.out == format.out
    assert json.loads(failed.out)["errored"] is True


@pytest.mark.parametrize("format", FORMATS)
def test_a_report_can_go_to_a_file_while_the_log_stays_readable(validate: Validate, format: str) -> None:
    write(Path("data/acme/schedules/größe.yaml"), BAD)
    printed = validate("data/acme", "--format", format)

    said = validate("data/acme", "--format", format, "--out", "report")

    assert Path("report").read_text(encoding="utf-8") == printed.out
    assert said.out.startswith("data/acme/schedules/größe.yaml:1:1: error FP105: ")
    assert (said.code, said.err) == (1, printed.err)


def test_a_report_that_cannot_be_written_is_an_error(validate: Validate) -> None:
    said = validate("data/acme", "--format", "sarif", "--out", "nowhere/report.sarif")

    assert (said.code, said.out) == (1, "")
    assert said.err == "Error: nowhere/report.sarif: No such file or directory\n"


def test_github_gets_annotations_and_the_summary_of_the_job_has_all(
    validate: Validate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    write(Path("data/acme/schedules/a.yaml"), GOOD + "".join(f"key{n}: 1\n" for n in range(12)))

    said = validate("data/acme", "--format", "github")

    assert said.out.splitlines()[-1] == "... and 2 more errors: see the summary of this job"
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").count("| error ") == 12


def test_a_summary_of_a_job_that_is_full_or_no_file_hides_no_problem(
    validate: Validate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(Path("data/acme/schedules/a.yaml"), f"{GOOD}key: 1\n")
    write(tmp_path / "full.md", "x" * 999_999)
    for file, told in {"full.md": "is full", "none/summary.md": "could not be written"}.items():
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / file))

        said = validate("data/acme", "--format", "github")

        assert said.out.startswith("::error ")
        assert f"Note: the summary of this job {told}" in said.err

    assert (tmp_path / "full.md").stat().st_size == 999_999


def test_only_the_github_format_writes_the_summary_of_a_job(
    validate: Validate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))

    validate("data/acme")
    validate("data/acme", "--format", "github")

    assert not (tmp_path / "summary.md").exists()


def test_odd_names_of_files_and_folders_are_told_in_every_format(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    for path, text in {**FILES, "schedules/a:b\nc %.yaml": BAD}.items():
        write(Path(os.fsdecode(folder)) / path, text)
    here = CommandLine(tmp_path)

    said = {name: here("validate", ".", "--format", name) for name in FORMATS}

    assert {answer.code for answer in said.values()} == {1}
    assert said["text"].out.startswith("caf\\udce9/schedules/a:b\\nc %.yaml:1:1: error FP105")
    assert "file=caf\\udce9/schedules/a%3Ab%0Ac %25.yaml" in said["github"].out
    assert '"uri": "caf%E9/schedules/a%3Ab%0Ac%20%25.yaml"' in said["sarif"].out
    assert json.loads(said["gitlab"].out)[0]["location"]["path"] == "caf\udce9/schedules/a:b\nc %.yaml"
    assert ElementTree.fromstring(said["junit"].out).find(".//failure") is not None


def test_a_reader_that_stops_reading_is_no_error(tmp_path: Path) -> None:
    for path, text in FILES.items():
        write(tmp_path / path, text)
    for number in range(500):
        write(tmp_path / f"schedules/s{number}.yaml", f"{BAD}{'x' * 200}: 1\n")

    command = f'"{sys.executable}" -m flowerpower validate -q | head -n 1'
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.stdout.startswith("schedules/s0.yaml:")
    assert done.stderr == ""


def on_a_terminal(folder: Path, *arguments: str, stream: str = "stdout", **environment: str) -> str:
    """Return what `validate` writes to a terminal of 60 columns, to which one of its streams goes."""
    screen, terminal = os.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "flowerpower", "validate", *arguments],
        cwd=folder,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "60", **environment},
        **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: terminal},
    )
    os.close(terminal)
    seen = b""
    with suppress(OSError):  # a terminal that nobody writes to any more
        while more := os.read(screen, 65_536):
            seen += more
    os.close(screen)
    assert done.wait(timeout=60) == 1
    return seen.decode().replace("\r\n", "\n")


def test_a_terminal_shows_the_lines_in_colours(tmp_path: Path) -> None:
    for path, text in {**FILES, "schedules/nightly.yaml": BAD}.items():
        write(tmp_path / path, text)

    coloured, plain = on_a_terminal(tmp_path), on_a_terminal(tmp_path, NO_COLOR="1")

    assert plain == (
        "schedules/nightly.yaml:1:11\n"
        "  error FP301: there is no pipeline 'reprot'\n"
        "  1 | pipeline: reprot\n"
        "    |           ^^^^^^\n"
        "  hint: did you mean 'report'?\n"
    )
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain != coloured


def test_a_terminal_is_not_flooded_unless_one_asks_for_it(tmp_path: Path) -> None:
    for path, text in {**FILES, "schedules/nightly.yaml": GOOD + "".join(f"key{n}: 1\n" for n in range(99))}.items():
        write(tmp_path / path, text)

    some, everything = on_a_terminal(tmp_path, "--no-color"), on_a_terminal(tmp_path, "--no-color", "--verbose")

    assert some.count("^\n") == 50
    assert some.endswith("\n... and 49 more problems: --verbose shows them all.\n")
    assert everything.count("^\n") == 99


def test_whoever_watches_is_told_what_takes_long(tmp_path: Path) -> None:
    for path, text in {**FILES, "schedules/bad.yaml": BAD}.items():
        write(tmp_path / path, text)
    for number in range(1_000):
        (tmp_path / f"schedules/s{number}.yaml").write_text(GOOD)

    watched, quiet = on_a_terminal(tmp_path, stream="stderr"), on_a_terminal(tmp_path, "-q", stream="stderr")

    folder = tmp_path.name
    assert f"Checking {folder}: 1,005 files ..."[:59] in watched
    assert watched.endswith("\x1b[2K1 error in 1 file; 2 environments checked.\n")
    assert quiet == ""
