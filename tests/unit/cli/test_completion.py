"""What a shell offers after TAB."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.shells import TAB, environment_with_flowerpower, shell

from flowerpower.cli.commands import COMMANDS
from flowerpower.cli.completing import answer, complete, split

FILES = {
    "flowerpower.yaml": (
        "name: acme\nenvironments: {prod: {}, staging: {}, 'odd one': {}}\nqueues: {heavy: {}, 'a b': {}}\n"
    ),
    "schedules/nightly.yaml": "pipeline: report\n",
    "schedules/eu/hourly.yml": "pipeline: report\n",
    "schedules/many.yaml": "name: nine-to-five\npipeline: report\n---\npipeline: report\nname: 'never'\n",
    "schedules/We; rm -rf $(x).yaml": "pipeline: report\n",
    "pipelines/report.yaml": "outputs: [x]\n",
    "some folder/flowerpower.yaml": "name: other\n",
    "some folder/schedules/elsewhere.yaml": "pipeline: report\n",
    "plan of today.json": "{}",
    "flows/flow.py": "raise SystemExit('nobody may run this')\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "acme"
    for path, text in FILES.items():
        file = made / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    monkeypatch.chdir(made)
    return made


def offered(*typed: str) -> list[str]:
    return [text for text, _ in complete(typed, helped=False).values]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("pla", ["plan"]),
        ("re", ["render", "resume", "rerun"]),
        ("help sta", ["status"]),
        ("-", ["--version", "--help"]),
        ("new ", ["pipeline", "schedule"]),
        ("new schedule x --pipeline ", ["report"]),
        ("status n", ["never", "nightly", "nine-to-five"]),
        ("status --json nightly hour", ["hourly"]),
        ("run ", ["report"]),
        ("history n", ["never", "nightly", "nine-to-five"]),
        ("worker --queue ", ["default", "heavy"]),
        ("trigger ", ["hourly", "never", "nightly", "nine-to-five", "report"]),
        ("plan --env ", ["default", "prod", "staging"]),
        ("plan --env=p", ["prod"]),
        ("plan --format m", ["markdown"]),
        ("plan --color=", ["always", "auto", "never"]),
        ("plan --target pipeline.", ["pipeline.report"]),
        ("plan --target schedule.never --target schedule.h", ["schedule.hourly"]),
        ("status --project ../acme/some\\ folder ", ["elsewhere"]),
        ("next --timezone Europe/Berl", ["Europe/Berlin"]),
        ("plan --redis e", ["embedded"]),
        ("runs --status f", ["failed"]),
        ("schema plan", ["plan", "plan-file"]),
        ("completion ", ["bash", "fish", "zsh"]),
        ("plan --allow-d", ["--allow-deletes", "--allow-dirty", "--allow-damaged"]),
        ("plan --detailed-exitcode --det", []),
        ("plan -- --det", []),
        ("trigger report x", []),
        ("run report --set x", []),
        ("nothing here", []),
        ("cancel ", []),
    ],
)
def test_what_may_stand_at_the_cursor_is_offered(line: str, names: list[str]) -> None:
    assert offered(*split(line)) == names


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("line", "kind", "endings"),
    [
        ("show ", "files", ("json",)),
        ("apply plan", "files", ("json",)),
        ("validate ", "files", ("yaml", "yml")),
        ("plan --out ", "files", ()),
        ("init ", "folders", ()),
        ("plan --project=", "folders", ()),
    ],
)
def test_files_are_left_to_the_shell(line: str, kind: str, endings: tuple[str, ...]) -> None:
    offer = complete(split(line))

    assert (offer.kind, tuple(offer.endings)) == (kind, endings)


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "new"])
def test_each_flag_of_each_command_is_offered_with_a_word_about_it(command: str) -> None:
    offer = complete([command, "--"])

    assert {"--help", "--json", "--color", "--quiet"} <= {flag for flag, _ in offer.values}
    assert all(about for _, about in offer.values)


def test_a_name_is_that_of_its_file_where_there_are_very_many(folder: Path) -> None:
    for number in range(1_001):
        (folder / f"schedules/many_{number}.yaml").touch()

    assert "nine-to-five" not in offered("status", "n")
    assert len(offered("status", "many_")) == 1_001


@pytest.mark.parametrize(
    "broken",
    ["", "{", "- a", "environments: x", "environments: {<<: *nothing}", "\0", "name: \udcff"],
)
@pytest.mark.parametrize("line", ["plan --env ", "status ", "status --project /nowhere ", "plan --ref "])
def test_a_shell_in_the_middle_of_a_line_hears_no_complaint(
    broken: str, line: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "flowerpower.yaml").write_bytes(broken.encode(errors="surrogateescape"))
    shutil.rmtree(folder / "schedules")

    answer(["zsh", *split(line)])

    said = capfd.readouterr()
    assert said.err == ""
    assert said.out in ("", "values\n", "values\ndefault\n") or line == "plan --ref "


@pytest.mark.parametrize("asked", [[], ["bash"], ["bash", "x"], ["bash", "", ""], ["nosh", "x"], ["zsh"]])
def test_no_question_of_a_shell_ends_in_a_traceback(asked: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    answer(asked)

    assert capfd.readouterr().err == ""


def test_completing_loads_nothing_heavy(folder: Path) -> None:
    program = (
        "import sys\nfrom flowerpower.cli.completing import answer\nanswer(['zsh', 'status', 'n'])\n"
        "answer(['zsh', 'plan', '--'])\nprint(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=folder)

    heavy = {"hamilton", "pandas", "rq", "redis", "fsspec", "git", "pydantic", "ruamel", "rich", "jsonschema"}
    assert "nightly" in done.stdout
    assert set(done.stdout.splitlines()[-1].split()) & heavy == set()


# What is typed, and the line that stands there then.
TYPED = {
    "flowerpower pla": "flowerpower plan ",
    "flowerpower plan --env=pr": "flowerpower plan --env=prod ",
    "flowerpower status nig": "flowerpower status nightly ",
    "flowerpower status --project 'some folder' els": "flowerpower status --project 'some folder' elsewhere ",
    "flowerpower show pl": "flowerpower show plan\\ of\\ today.json ",
    "flowerpower init some": "flowerpower init some\\ folder/",
    "flowerpower plan --env nothing": "flowerpower plan --env nothing",
}


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_a_shell_completes_what_somebody_types(name: str, folder: Path, tmp_path: Path) -> None:
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    with shell(name, folder, environment_with_flowerpower(tmp_path)) as typing:
        typing.run(f"source <(flowerpower completion {name})")
        found = {keys: typing.type(f"{keys}{TAB}") for keys in TYPED}

    assert found == TYPED
    assert "Traceback" not in typing.shown


def test_fish_completes_what_somebody_types(folder: Path, tmp_path: Path) -> None:
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    wanted = {
        "flowerpower pla": "plan\tShow what apply would change.",
        "flowerpower plan --env=": "--env=default\n--env=prod\n--env=staging",
        "flowerpower status ni": "nightly\nnine-to-five",
        "flowerpower init some": "some folder/\tDirectory",
        "flowerpower plan --out=plan": "--out=plan of today.json",
        "flowerpower plan --env x": "",
    }
    asked = "".join(f"echo '== {line}'; complete -C '{line}';" for line in wanted)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"flowerpower completion fish | source; {asked}"],
        cwd=folder,
        env=environment_with_flowerpower(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )

    parts = done.stdout.removeprefix("== ").rstrip("\n").split("\n== ")
    assert {line: rest for line, _, rest in (part.partition("\n") for part in parts)} == wanted
    assert done.stderr == ""


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_printed_as_it_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from flowerpower.cli.main import run

    assert run(["completion", name]) == 0
    assert f"flowerpower completion {name}" in capsys.readouterr().out
