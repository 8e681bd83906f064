"""What all commands keep: pure JSON, exit codes, no traceback, help with an example; and the small commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest
from support.command_line import CommandLine

from flowerpower.cli.main import run


def test_the_help_of_a_command_tells_its_own_flags_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "--help"]) == 0
    own, of_every_command = capsys.readouterr().out.split("\nOptions:\n")[1].split("\nOptions of every command:\n")
    assert [flag for flag in ("--ci", "--redis", "--help") if flag in own] == ["--ci"]
    assert [flag for flag in ("--ci", "--redis", "--help") if flag in of_every_command] == ["--redis", "--help"]

    assert run(["doctor", "--help"]) == 0
    assert "Options of every command" not in capsys.readouterr().out, "it has no others"


@pytest.mark.parametrize(
    "arguments",
    [["plan", "--bogus"], ["bogus"], ["plan", "--format", "xml"], ["run"], ["plan", "--var", "x"], ["apply", "file"]],
)
def test_a_wrong_call_is_exit_1_with_a_hint(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = run(arguments)

    said = capsys.readouterr()
    assert (code, said.out) == (1, "")
    assert said.err.startswith("Error: ")
    assert "hint: " in said.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["schema", "schedule"],
        ["run", "nope"],
        ["plan", "--ref", "nowhere"],
        ["plan", "--redis", "redis://:hunter2@127.0.0.1:1/0"],
        ["plan", "--env", "prdo"],
        ["plan", "--allow-deletes", "many"],
        ["schema", "--out", "/proc/nowhere"],
    ],
)
def test_with_json_stdout_is_one_document(flowerpower: CommandLine, arguments: list[str]) -> None:
    answer = flowerpower(*arguments, "--json")

    assert isinstance(answer.document, dict)
    assert answer.document.get("errored", False) is (answer.code != 0)
    assert "hunter2" not in answer.out + answer.err


def test_a_redis_that_is_not_there_is_one_error_without_its_password(flowerpower: CommandLine) -> None:
    answer = flowerpower("plan", "--redis", "redis://ada:hunter2@127.0.0.1:1/0")

    assert answer.code == 1
    assert answer.err.startswith("Error: Redis failed")
    assert "hunter2" not in answer.err


def test_outside_a_project_the_hint_is_init(flowerpower: CommandLine, tmp_path: Path) -> None:
    answer = CommandLine(tmp_path)("plan")

    assert answer.code == 1
    assert "flowerpower init" in answer.err


def test_a_mistyped_folder_is_not_the_project_around_it(flowerpower: CommandLine) -> None:
    answer = flowerpower("plan", "--project", "acmee")

    assert answer.code == 1
    assert "there is no folder acmee" in answer.err


def test_a_project_is_found_from_a_folder_below_it(flowerpower: CommandLine) -> None:
    answer = CommandLine(flowerpower.folder / "schedules", flowerpower.environment)("validate")

    assert (answer.code, answer.last) == (0, "acme is valid in 2 environments: 1 pipeline, 2 schedules.")


def test_every_problem_is_told_at_once_and_where(flowerpower: CommandLine) -> None:
    flowerpower.write("schedules/a.yaml", "pipeline: reprot\nevery: 1h\n")
    flowerpower.write("schedules/b.yaml", "pipeline: report\nevery: soon\n")

    text, github = flowerpower("validate"), flowerpower("validate", "--format", "github")

    assert (text.code, github.code) == (1, 1)
    assert "schedules/a.yaml:1:11: error FP301" in text.out
    assert "schedules/b.yaml:2:8: error FP106" in text.out
    assert [line[:29] for line in github.out.splitlines()] == [
        "::error file=schedules/a.yaml",
        "::error file=schedules/b.yaml",
    ]


def test_places_start_from_the_working_folder(flowerpower: CommandLine) -> None:
    flowerpower.write("schedules/a.yaml", "pipeline: reprot\nevery: 1h\n")
    above = CommandLine(flowerpower.folder.parent)

    answer = above("validate", "acme/schedules/a.yaml")

    assert answer.out.startswith("acme/schedules/a.yaml:1:11: error FP301")


def test_render_shows_the_environment_as_valid_yaml(flowerpower: CommandLine) -> None:
    flowerpower.write(
        "schedules/hourly.yaml", "pipeline: report\nevery: 1h\nenvironments: {prod: {every: '${var:PACE}'}}\n"
    )

    answer = flowerpower("render", "hourly", "--env", "prod", "--var", "PACE=2h")

    assert answer.code == 0, answer.err
    assert "every: 2h" in answer.out
    assert "environments" not in answer.out


def test_render_tells_where_a_value_and_a_variable_came_from(flowerpower: CommandLine) -> None:
    flowerpower.write("schedules/hourly.yaml", "pipeline: report\nevery: '${var:PACE}'\nowner: '${var:WHO:-me}'\n")

    by_flag = flowerpower("render", "schedule.hourly", "--origin", "--var", "PACE=2h")
    by_environment = flowerpower("render", "hourly", "--origin", "--json", FLOWERPOWER_VAR_PACE="2h")

    assert "# schedules/hourly.yaml:2, PACE from --var PACE\n" in by_flag.out
    assert "# schedules/hourly.yaml:3, WHO from its default\n" in by_flag.out
    assert "# flowerpower.yaml:3 (project timezone)\n" in by_flag.out
    origins = by_environment.document["origins"]["schedule"]["hourly"]
    assert origins["every"]["variables"] == {"PACE": "FLOWERPOWER_VAR_PACE"}
    assert origins.keys() == by_environment.document["schedule"]["hourly"].keys()


def test_render_takes_names_of_one_kind_and_names_the_nearest_to_a_wrong_one(flowerpower: CommandLine) -> None:
    flowerpower.write("schedules/report.yaml", "pipeline: report\nevery: 1h\n")

    both = flowerpower("render", "report", "--json").document
    one = flowerpower("render", "schedule.report", "--json").document
    wrong = flowerpower("render", "reprot", "schedule.nope")

    assert (list(both["pipeline"]), list(both["schedule"])) == (["report"], ["report"])
    assert (list(one["pipeline"]), list(one["schedule"])) == ([], ["report"])
    assert wrong.code == 1
    assert "named 'reprot', 'schedule.nope' in environment 'default'" in wrong.err
    assert "did you mean 'report'?" in wrong.err


def test_what_an_environment_leaves_out_is_told_with_its_line(flowerpower: CommandLine) -> None:
    flowerpower.write("schedules/report.yaml", "pipeline: report\nevery: 1h\nenvironments: {prod: null}\n")
    flowerpower.write(
        "pipelines/both.yaml",
        "name: extra\nmodules: [flow]\noutputs: [doubled]\nenvironments:\n  prod: ~\n"
        "---\nname: more\nmodules: [flow]\noutputs: [doubled]\ninputs: {number: 1}\n",
    )

    schedule = flowerpower("render", "schedule.report", "--env", "prod")
    pipeline = flowerpower("render", "extra", "--env", "prod", "--origin")
    run = flowerpower("run", "extra", "--env", "prod")

    assert schedule.code == pipeline.code == run.code == 1
    assert "environment 'prod' leaves out the schedule report in schedules/report.yaml:3:16" in schedule.err
    assert "environment 'prod' leaves out the pipeline extra in pipelines/both.yaml:5:3" in pipeline.err
    assert "environment 'prod' leaves out the pipeline extra in pipelines/both.yaml:5:3" in run.err
    assert "hint: --env names an environment that has it" in run.err


def test_a_run_tells_what_it_made_and_where_the_time_went(flowerpower: CommandLine) -> None:
    answer = flowerpower("run", "report", "--set", "number=4")

    assert answer.code == 0, answer.err
    assert "doubled  8" in answer.out
    assert answer.last.startswith("Run complete: report at ")


def test_a_run_needs_no_redis(flowerpower: CommandLine) -> None:
    answer = flowerpower("run", "report", "--json", "--redis", "redis://127.0.0.1:1")

    assert answer.document["outputs"] == {"doubled": {"value": 42}}


def test_status_shows_what_is_live(applied: CommandLine) -> None:
    text, document = applied("status"), applied("status", "--json").document

    assert "new  nightly" in text.out
    assert "No worker listens on: default" in text.out
    assert [schedule["name"] for schedule in document["schedules"]] == ["hourly", "nightly"]
    assert applied("status", "nope").code == 1


def test_a_burst_worker_ends_when_there_is_nothing_to_do_and_is_as_quiet_as_asked(applied: CommandLine) -> None:
    told, silent = applied("worker", "--burst"), applied("worker", "--burst", "--quiet")

    assert (told.code, silent.code) == (0, 0)
    assert "Listening on" in told.err
    assert silent.err == ""


def test_a_scheduler_stops_when_asked(applied: CommandLine) -> None:
    command = [sys.executable, "-m", "flowerpower", "scheduler"]
    environment = {**os.environ, **applied.environment}
    process = subprocess.Popen(command, cwd=applied.folder, env=environment, stderr=subprocess.PIPE)
    while "scheduler" not in json.dumps(applied("status", "--json").document["scheduler"] or ""):
        assert process.poll() is None
        time.sleep(0.1)
        if applied("status", "--json").document["scheduler"]:
            break
    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=20) == 0
    if process.stderr:
        process.stderr.close()


def test_colours_come_when_asked_for(applied: CommandLine) -> None:
    assert "\x1b[" not in applied("plan").out
    assert "\x1b[" in applied("plan", FORCE_COLOR="1").out
    assert "\x1b[" not in applied("plan", "--no-color", FORCE_COLOR="1").out
    assert "\x1b[" not in applied("plan", FORCE_COLOR="1", NO_COLOR="1").out
    assert "\x1b[" in applied("plan", "--color", "always", NO_COLOR="1").out
    assert "\x1b[" not in applied("plan", "--color", "never", FORCE_COLOR="1").out


def test_a_closed_pipe_is_no_reason_to_complain(flowerpower: CommandLine) -> None:
    shell = f"{sys.executable} -m flowerpower schema | head -c 1"
    done = subprocess.run(["bash", "-c", shell], cwd=flowerpower.folder, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("{", "")


def test_the_help_of_a_command_loads_only_what_typer_itself_wants() -> None:
    wanted = {"pydantic", "hashlib"}
    if tuple(map(int, version("pydantic").split(".")[:2])) < (2, 13):
        wanted.add("asyncio")  # pydantic's own
    assert loaded_by("plan", "--help") & HEAVY <= wanted


def test_an_interrupt_is_exit_130_without_a_traceback(flowerpower: CommandLine) -> None:
    flowerpower.write(
        "flows/flow.py",
        "import time\n\n\ndef doubled(number: int) -> int:\n    print('now', flush=True)\n"
        "    while True:  # Python misses a signal that comes as one long sleep begins\n        time.sleep(0.05)\n",
    )
    command = [sys.executable, "-m", "flowerpower", "run", "report"]
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # what a shell starts in the background ignores it, and so we
    try:
        process = subprocess.Popen(
            command, cwd=flowerpower.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "Traceback" not in err


def test_init_makes_a_project_that_validates(tmp_path: Path) -> None:
    made = CommandLine(tmp_path)("init", "shop", "--no-git")

    assert made.code == 0, made.err
    assert CommandLine(tmp_path / "shop")("validate").last == "shop.default is valid: 1 pipeline, 1 schedule."
    assert CommandLine(tmp_path)("init", "shop").code == 1


def test_the_version_is_told() -> None:
    for flag in ("--version", "-V"):
        done = subprocess.run([sys.executable, "-m", "flowerpower", flag], capture_output=True, text=True, check=True)
        assert done.stdout.startswith("flowerpower ")


HEAVY = {
    *("hamilton", "pandas", "rq", "redis", "fsspec", "git", "pydantic", "ruamel", "yaml", "rich", "jsonschema"),
    *("numpy", "polars", "pyarrow", "hashlib", "asyncio"),
}


def loaded_by(*arguments: str) -> set[str]:
    """Return the top-level modules that a command has loaded when it ends."""
    program = (
        f"import sys, atexit, json; sys.argv[1:] = {list(arguments)!r}\n"
        "from flowerpower.__main__ import main\n"
        "loaded = lambda: sorted({name.partition('.')[0] for name in sys.modules})\n"
        "atexit.register(lambda: print(json.dumps(loaded()), file=sys.stderr))\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr))


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_help_and_version_load_nothing_heavy(argument: str) -> None:
    assert loaded_by(argument) & HEAVY == set()


def test_windows_is_told_where_it_runs() -> None:
    program = (
        "import sys; sys.platform, sys.argv[1:] = 'win32', ['validate']\n"
        "sys.modules['fcntl'] = None\n"  # as on Windows
        "from flowerpower.__main__ import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: flowerpower runs on Linux and macOS\n  hint: on Windows, run it inside WSL\n"


def test_what_is_triggered_is_run_by_a_worker(applied: CommandLine) -> None:
    triggered = applied("trigger", "nightly", "--set", "number=4", "--json")
    assert applied("trigger", "nope").code == 1
    assert applied("worker", "--burst", "--no-scheduler").code == 0

    assert "--nightly--m" in triggered.document["run"]
    schedules = applied("status", "nightly", "--json").document["schedules"]
    assert [schedule["last"]["status"] for schedule in schedules] == ["succeeded"]


def test_so_many_runs_are_shown_of_the_active_ones_and_of_those_that_ended(applied: CommandLine) -> None:
    for _ in range(2):
        applied("trigger", "nightly")
    assert applied("worker", "--burst", "--no-scheduler").code == 0
    for _ in range(2):
        applied("trigger", "nightly")

    shown = applied("runs", "-n", "1", "--json").document["runs"]

    assert [run["status"] for run in shown] == ["queued", "succeeded"]
    assert "Show so many active runs, and so many that ended" in " ".join(applied("runs", "--help").out.split())
