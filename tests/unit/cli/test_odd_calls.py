"""Calls that people make by mistake, and streams and pipelines that behave badly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import CommandLine

from flowerpower.cli.main import run


def test_validate_refuses_a_file_that_does_not_exist(flowerpower: CommandLine) -> None:
    answer = flowerpower("validate", "schedules/nightyl.yaml")
    other = flowerpower("validate", "nowhere/xyzzy.yaml")

    assert (answer.code, answer.out) == (1, "")
    assert "there is no file schedules/nightyl.yaml\nhint: did you mean schedules/nightly.yaml?" in answer.err
    assert "hint: name files or folders of the project, or none to check all" in other.err


def test_flags_before_the_command_are_put_behind_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--env", "my prod", "plan", "-q"]) == 1

    assert capsys.readouterr().err == (
        "Error: --env stands before the command\nhint: flags come after it: flowerpower plan --env 'my prod' -q\n"
    )


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        ("schema pipelin", "pipeline"),
        ("schema plan_file", "plan-file"),
        ("schema Schedules", "schedule"),
        ("validate --format jsno", "json"),
        ("plan --format markdwon", "markdown"),
        ("plan --color nevre", "never"),
        ("completion bsh", "bash"),
    ],
)
def test_a_mistyped_choice_is_told_with_the_one_that_was_meant(
    call: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(call.split()) == 1

    assert (
        f"hint: did you mean '{meant}'? see flowerpower {call.split(maxsplit=1)[0]} --help" in capsys.readouterr().err
    )


def test_a_choice_that_is_like_none_gets_no_guess(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--format", "xyzzy"]) == 1

    assert "hint: see flowerpower plan --help" in capsys.readouterr().err


def test_a_flag_whose_variable_is_not_set_is_not_taken_for_no_flag(flowerpower: CommandLine) -> None:
    for call in ("apply --approved", "apply --auto-approve --env", "plan --against", "plan --out", "plan --target"):
        answer = flowerpower(*call.split(), "")
        assert (answer.code, answer.out) == (1, "")
        assert f"'{call.split()[-1]}': it is empty" in answer.err

    assert "nothing applied yet" in flowerpower("status").out


def test_a_name_whose_variable_is_not_set_does_not_mean_all_there_are(flowerpower: CommandLine) -> None:
    for call in ("cancel", "rerun --status failed --auto-approve", "runs", "status", "pause --reason x", "trigger"):
        answer = flowerpower(*call.split(), "")
        assert (answer.code, answer.out, "it is empty" in answer.err) == (1, "", True), call


def test_what_is_no_text_is_refused_with_its_name_and_a_file_may_have_any(flowerpower: CommandLine) -> None:
    for call in ("trigger", "runs", "cancel x --reason", "trigger report --set", "worker --queue", "status --redis"):
        answer = flowerpower(*call.split(), "a\udcff")
        assert (answer.code, answer.out) == (1, ""), call
        assert "'a\\udcff' is no text in UTF-8" in answer.err

    assert "there is no file a\\udcff" in flowerpower("validate", "a\udcff").err


def test_an_account_may_have_any_name(flowerpower: CommandLine) -> None:
    answer = flowerpower("apply", "--auto-approve", USER="Zo\udceb")

    assert answer.code == 0
    assert "Zo\\udceb" in flowerpower("history").out


def test_who_names_nothing_is_told_what_could_be_named(flowerpower: CommandLine) -> None:
    for call, there in {
        "run": "there is report",
        "trigger": "there are hourly, nightly, report",
        "pause --reason x": "there are hourly, nightly",
    }.items():
        answer = flowerpower(*call.split())
        assert (answer.code, f"hint: {there}; see flowerpower {call.split()[0]} --help" in answer.err) == (1, True)

    flowerpower.write("flowerpower.yaml", "name: [\n")
    assert "hint: see flowerpower rollback --help" in flowerpower("rollback").err


def test_status_says_that_it_could_not_compare_with_specs_that_are_wrong(flowerpower: CommandLine) -> None:
    flowerpower.write("schedules/nightly.yaml", "pipeline: nothing\ncron: '@daily'\n")

    told, live = flowerpower("status", "--env", "prod"), flowerpower("status", "--live")

    assert told.code == 0
    see = "see flowerpower validate --env prod"
    assert told.err.splitlines()[-1] == f"Not compared with git: the specs here are not valid: {see}"
    assert "Not compared" not in live.err


def test_an_override_that_means_nothing_is_refused_also_where_it_is_not_needed(flowerpower: CommandLine) -> None:
    answer = flowerpower("plan", "--allow-deletes", "many")

    assert (answer.code, answer.out) == (1, "")
    assert "'many' is neither a number nor a percentage" in answer.err


def test_what_a_pipeline_prints_stays_out_of_its_document(flowerpower: CommandLine) -> None:
    flowerpower.write(
        "flows/flow.py",
        "import os\n\nprint('while imported')\n\n\ndef doubled(number: int) -> int:\n"
        "    print('printed')\n    os.system('echo by a child')\n    return number * 2\n",
    )

    answer = flowerpower("run", "report", "--json")

    assert answer.document["outputs"] == {"doubled": {"value": 42}}
    assert {"while imported", "printed", "by a child"} <= set(answer.err.splitlines())


def test_a_node_may_take_stdout_away(flowerpower: CommandLine) -> None:
    flowerpower.write(
        "flows/flow.py",
        "import sys\n\n\ndef doubled(number: int) -> int:\n    sys.stdout = None\n    return number * 2\n",
    )

    answer = flowerpower("run", "report")

    assert answer.code == 0
    assert "doubled  42" in answer.out


def test_an_error_with_half_a_character_is_still_a_document(flowerpower: CommandLine) -> None:
    flowerpower.write("flows/flow.py", "def doubled(number: int) -> int:\n    raise ValueError('\\ud800')\n")

    answer = flowerpower("run", "report", "--json")

    assert answer.code == 1
    assert "\ud800" in answer.document["error"]["message"]


def test_a_stream_without_the_letters_gets_them_escaped(flowerpower: CommandLine) -> None:
    flowerpower.write("flows/flow.py", "def doubled(number: int) -> str:\n    return 'Größe'\n")

    answer = flowerpower("run", "report", PYTHONIOENCODING="ascii")
    document = flowerpower("run", "report", "--json", PYTHONIOENCODING="ascii").document

    assert "Gr\\xf6\\xdfe" in answer.out
    assert document["outputs"] == {"doubled": {"value": "Größe"}}


def test_two_mistakes_in_a_run_are_two_lines(flowerpower: CommandLine) -> None:
    answer = flowerpower("run", "report", "--outputs", "dubbled,trippled")

    assert len(answer.err.splitlines()) == 2
    assert "\\n" not in answer.err


def test_an_input_too_deep_for_json_is_a_text(flowerpower: CommandLine) -> None:
    answer = flowerpower("run", "report", "--set", f"number={'[' * 5_000}")

    assert answer.code == 1
    assert "inside flowerpower" not in answer.err


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_stream_is_like_an_empty_one(flowerpower: CommandLine, closed: str) -> None:
    command = f'"{sys.executable}" -m flowerpower validate {closed}'

    done = subprocess.run(["sh", "-c", command], cwd=flowerpower.folder, capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


def test_who_interrupts_while_a_command_is_loaded_sees_no_traceback(flowerpower: CommandLine) -> None:
    flowerpower.write("early/typer.py", "raise KeyboardInterrupt\n")
    environment = flowerpower.quiet_environment()
    environment["PYTHONPATH"] = f"{flowerpower.folder / 'early'}:{environment.get('PYTHONPATH', '')}"
    command = [sys.executable, "-m", "flowerpower", "plan"]

    done = subprocess.run(command, cwd=flowerpower.folder, env=environment, capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (130, b"\nInterrupted.\n")


def test_a_wrong_choice_is_told_without_the_words_of_a_library(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["schema", "nope"])

    assert code == 1
    assert "Value error" not in capsys.readouterr().err


@pytest.mark.parametrize(("folder", "shown"), [("a b", "\n  cd 'a b'\n"), ("-x", "\n  cd ./-x\n")])
def test_init_names_the_folder_as_a_shell_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: str, shown: str
) -> None:
    monkeypatch.chdir(tmp_path)

    run(["init", "--no-git", "--", folder])

    assert shown in capsys.readouterr().err


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        ("apply --yes", "--auto-approve"),
        ("apply -y", "--auto-approve"),
        ("plan --output x", "--out"),
        ("plan --jsn", "--json"),
        ("plan --colour never", "--color"),
        ("plan --detailed", "--detailed-exitcode"),
        ("pause nightly --why outage", "--reason"),
        ("pause nightly -m outage", "--reason"),
        ("run report -p number=3", "mean --set?"),
        ("trigger report --input number=3", "mean --set?"),
        ("plan -p elsewhere", "mean --project?"),
        ("worker --concurrency 4", "mean --processes?"),
        ("runs --failed", "mean --status failed?"),
        ("clear nightly", "flowerpower rerun"),
        ("serve", "flowerpower worker"),
        ("statsu", "flowerpower status"),
        ("list", "flowerpower status"),
        ("destroy", "flowerpower forget"),
        ("new schedul", "flowerpower new schedule"),
        ("version", "flowerpower --version"),
        ("--json plan", "flags come after it: flowerpower plan --json"),
    ],
)
def test_a_mistyped_word_or_one_of_another_tool_is_answered_with_ours(
    capsys: pytest.CaptureFixture[str], call: str, meant: str
) -> None:
    assert run(call.split()) == 1

    hint = capsys.readouterr().err.splitlines()[-1]
    assert hint.startswith(("hint: did you mean ", "hint: flags come after"))
    assert meant in hint


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (["show", "/tmp"], "/tmp is a folder, not a plan file"),
        (["show", "missing.json"], "missing.json: No such file or directory"),
    ],
)
def test_what_is_no_plan_file_is_told_with_the_way_to_make_one(
    flowerpower: CommandLine, call: list[str], told: str
) -> None:
    answer = flowerpower(*call)

    assert (answer.code, answer.out) == (1, "")
    assert answer.err.endswith(f"Error: {told}\nhint: make a plan file with: flowerpower plan --out FILE\n")


@pytest.mark.parametrize("call", [["apply", ""], ["show", ""], ["validate", ""], ["status", "nightly", ""]])
def test_an_argument_that_says_nothing_is_no_folder_and_no_name(flowerpower: CommandLine, call: list[str]) -> None:
    answer = flowerpower(*call)

    assert (answer.code, answer.out) == (1, "")
    assert "it is empty; is the variable that it comes from not set?\nhint: see flowerpower " in answer.err


@pytest.mark.parametrize("call", ["status --yes", "plan --failed", "nothing-like-it", "plan --nothing-like-it"])
def test_what_resembles_nothing_here_is_answered_with_no_guess(capsys: pytest.CaptureFixture[str], call: str) -> None:
    assert run(call.split()) == 1
    assert "did you mean" not in capsys.readouterr().err


def test_a_wrong_call_is_told_in_colours_where_the_call_asks_for_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def err(*arguments: str) -> str:
        assert run(arguments) == 1
        return capsys.readouterr().err

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in err("plan", "--bogus")
    assert "\x1b[" not in err("plan", "--bogus", "--color", "never")
    assert "\x1b[" not in err("plan", "--no-color", "--bogus")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" in err("plan", "--color=always", "--bogus")


def test_completion_is_found_where_other_tools_have_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--install-completion"]) == 1
    assert "flowerpower completion bash, zsh or fish" in capsys.readouterr().err


def test_help_of_a_command_is_also_there_as_people_know_it_from_git(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "plan"]) == run(["plan", "--help"]) == 0

    one, other = capsys.readouterr().out.split("Usage: ")[1:]
    assert one == other


def test_a_wrong_call_is_a_document_too_where_a_variable_asks_for_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWERPOWER_JSON", "1")

    assert run(["plan", "--jsn"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["hint"].startswith("did you mean --json?")
