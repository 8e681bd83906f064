"""The action for GitHub and the workflows in the documentation: valid, and each script does what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.ci_jobs import granted
from support.command_line import FILES, CommandLine, command_line
from support.fake_github import TOKEN, FakeGitHub, fake_github
from support.github_runner import read_line

CHECKOUT = Path(__file__).resolve().parents[2]
ACTION: dict[str, Any] = yaml.safe_load((CHECKOUT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step.get("id") or step["name"]: step for step in ACTION["runs"]["steps"]}
EXAMPLES = sorted((CHECKOUT / "docs/github").glob("*.yml"))
HEAD, MERGE = "a" * 40, "b" * 40


@dataclass
class Runner:
    """Runs the steps of the action as a runner does: expressions filled in, `bash -eo pipefail`, files for outputs."""

    line: CommandLine
    home: Path
    values: dict[str, str] = field(default_factory=dict)

    def __call__(self, step: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run one step with some inputs."""
        given = {name: str(value.get("default", "")) for name, value in ACTION["inputs"].items()} | inputs
        known = {f"inputs.{name}": value for name, value in given.items()} | self.values
        settings = {name: _filled(str(value), known) for name, value in STEPS[step]["env"].items()}
        script = self.home / "script.sh"
        script.write_text(STEPS[step]["run"], encoding="utf-8")
        assert "${{" not in STEPS[step]["run"], "what others write must not become part of a script"
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.line.folder.parent,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), **self.line.environment, **settings},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )


def _filled(text: str, known: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        for part in match[1].split("||"):
            left, equals, right = (piece.strip() for piece in part.partition("=="))
            found = known.get(left, "")
            if equals:
                return str(found == right.strip("'")).lower()
            if found:
                return _filled(found, known)
        return ""

    return re.sub(r"\$\{\{ (.*?) \}\}", value, text)


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with fake_github() as host:
        yield host


@pytest.fixture
def runner(tmp_path: Path, redis_url: str, github: FakeGitHub) -> Runner:
    """A runner after the step that installs; what that step would install is this checkout."""
    home = tmp_path / "runner"
    (home / "flowerpower/bin").mkdir(parents=True)
    program = home / "flowerpower/bin/flowerpower"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={CHECKOUT} exec {sys.executable} -P -m flowerpower "$@"\n', encoding="utf-8"
    )
    program.chmod(0o755)
    (home / "event.json").write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": HEAD}}}))
    github.add_pull(7, HEAD)
    line = command_line(tmp_path / "checkout", redis_url)
    job = {
        **github.environment(str(home / "event.json")),
        "CI": "true",
        "RUNNER_TEMP": str(home),
        "GITHUB_OUTPUT": str(home / "outputs"),
        "GITHUB_STEP_SUMMARY": str(home / "summary"),
        "GITHUB_SHA": MERGE,
    }
    values = {
        "steps.install.outputs.folder": str(home / "flowerpower"),
        "github.token": TOKEN,
        "github.event.pull_request.head.sha": HEAD,
    }
    return Runner(CommandLine(line.folder, {**line.environment, **job}), home, values)


@pytest.fixture
def inputs(redis_url: str) -> dict[str, str]:
    return {"project": "checkout", "env": "prod", "redis": redis_url}


def keep(runner: Runner, github: FakeGitHub) -> None:
    """Do what the step does that keeps the plan."""
    step = STEPS["keep the plan"]
    assert step["with"]["path"] == "${{ steps.install.outputs.folder }}/plan.json"
    outputs = {f"steps.plan.outputs.{name}": value for name, value in told(runner).items()}
    name = _filled(step["with"]["name"], {"inputs.env": "prod", "inputs.head": HEAD, **outputs})
    github.artifacts = [each for each in github.artifacts if each["name"] != name]  # it is written over
    github.add_artifact(name, {"plan.json": (runner.home / "flowerpower/plan.json").read_bytes()})


def told(runner: Runner) -> dict[str, str]:
    """Return the outputs of the steps so far."""
    return dict(line.split("=", 1) for line in (runner.home / "outputs").read_text().splitlines())


@pytest.mark.parametrize(
    ("schema", "files"), [("github-actions", [CHECKOUT / "action.yml"]), ("github-workflows", EXAMPLES)]
)
def test_they_fit_the_published_schemas(schema: str, files: list[Path]) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_the_workflows_give_the_action_what_it_takes(file: Path) -> None:
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"] if "/flowerpower@" in step["uses"]]
    assert steps
    for step in steps:
        assert step["with"].keys() <= ACTION["inputs"].keys()
        assert step["with"]["command"] in ("plan", "apply")


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_only_the_job_that_comments_may_write(file: Path) -> None:
    may = granted(yaml.safe_load(file.read_text(encoding="utf-8")))

    assert may.pop("plan") == {"pull-requests"}
    assert not any(may.values())


def test_what_is_told_is_what_is_applied(runner: Runner, github: FakeGitHub, inputs: dict[str, str]) -> None:
    for step in ("plan", "comment"):
        done = runner(step, **inputs)
        assert done.returncode == 0, done.stderr
    keep(runner, github)
    github.pulls.clear()
    github.add_pull(7, HEAD, merged=MERGE)
    applied = runner("apply", **inputs)

    assert "3 to add" in github.comments[0]["body"]
    outputs = told(runner)
    asked = {re.findall(r"outputs\.(\w+)", output["value"])[0] for output in ACTION["outputs"].values()}
    assert asked - {"folder"} <= outputs.keys()
    assert outputs["add"] == "3"
    assert applied.returncode == 0, applied.stderr
    assert "Apply complete: 3 added, 0 changed, 0 destroyed." in applied.stdout
    assert TOKEN not in applied.stdout + applied.stderr


def test_two_projects_of_a_repository_are_told_and_applied_apart(
    runner: Runner, github: FakeGitHub, inputs: dict[str, str]
) -> None:
    for path, text in FILES.items():
        runner.line.write(f"jobs/sales/{path}", text.replace("name: acme", "name: sales"))
    runner.line.commit()
    projects = [inputs, inputs | {"project": "checkout/jobs/sales"}]

    for each in projects:
        assert [runner(step, **each).returncode for step in ("plan", "comment")] == [0, 0]
        keep(runner, github)
    github.pulls.clear()
    github.add_pull(7, HEAD, merged=MERGE)

    assert [each["name"] for each in github.artifacts] == [
        f"flowerpower-plan-acme.prod-{HEAD}",
        f"flowerpower-plan-sales.prod-{HEAD}",
    ]
    for each in projects:
        applied = runner("apply", **each)
        assert applied.returncode == 0, applied.stderr
        assert "Apply complete: 3 added" in applied.stdout


def test_what_was_not_told_is_not_applied(runner: Runner, github: FakeGitHub, inputs: dict[str, str]) -> None:
    assert runner("plan", **inputs).returncode == 0
    keep(runner, github)
    github.pulls.clear()
    github.add_pull(7, HEAD, merged=MERGE)
    runner.line.write("schedules/more.yaml", "pipeline: report\nevery: 5m\n")
    runner.line.commit("slipped in")

    refused = runner("apply", **inputs)

    assert refused.returncode == 4
    assert "1 of 4 changes are not in the approved plan" in refused.stderr
    assert "run its job again, then this one" in refused.stderr


def test_what_a_guard_refuses_is_applied_when_both_uses_say_that_it_is_meant(
    runner: Runner, github: FakeGitHub, inputs: dict[str, str]
) -> None:
    assert runner("apply", **inputs, **{"direct-push": "apply"}).returncode == 0
    for name in ("nightly", "hourly"):
        (runner.line.folder / f"schedules/{name}.yaml").unlink()
    runner.line.commit("all of them")
    meant = inputs | {"arguments": "--allow-empty --allow-deletes 100%"}

    assert "--allow-empty" in runner("plan", **inputs).stdout
    assert runner("plan", **meant).returncode == 0
    keep(runner, github)
    github.pulls.clear()
    github.add_pull(7, HEAD, merged=MERGE)
    forgot, applied = runner("apply", **inputs), runner("apply", **meant)

    assert (forgot.returncode, "other guard overrides" in forgot.stderr) == (4, True)
    assert applied.returncode == 0, applied.stderr


def test_a_merge_whose_apply_was_cancelled_is_applied_before_the_next(
    runner: Runner, github: FakeGitHub, inputs: dict[str, str]
) -> None:
    assert runner("apply", **inputs, **{"direct-push": "apply"}).returncode == 0
    git, merges, start = runner.line.git, {"four": "c" * 40, "five": "d" * 40}, "main"
    github.pulls.clear()
    for number, (name, commit) in enumerate(merges.items(), 8):  # each is planned before any is merged
        git("checkout", "--quiet", "-b", name, "main")
        runner.line.write(f"schedules/{name}.yaml", "pipeline: report\nevery: 5m\n")
        runner.line.commit(name)
        assert runner("plan", **inputs).returncode == 0
        github.add_artifact(
            f"flowerpower-plan-acme.prod-{commit}", {"plan.json": (runner.home / "flowerpower/plan.json").read_bytes()}
        )
        github.add_pull(number, commit, merged=commit)
    for name in merges:
        git("checkout", "--quiet", "-B", f"after-{name}", start)
        git("merge", "--quiet", "--no-ff", "--no-edit", name)
        start = f"after-{name}"

    def apply(name: str) -> int:
        git("checkout", "--quiet", f"after-{name}")
        environment = {**runner.line.environment, "GITHUB_SHA": merges[name]}
        return replace(runner, line=CommandLine(runner.line.folder, environment))("apply", **inputs).returncode

    assert [apply(name) for name in ("five", "four", "five")] == [4, 0, 0]


def test_a_direct_push_is_refused_or_applied_as_asked(runner: Runner, inputs: dict[str, str]) -> None:
    refused = runner("apply", **inputs)
    applied = runner("apply", **inputs, **{"direct-push": "apply"})

    assert (refused.returncode, "came without a pull request" in refused.stderr) == (1, True)
    assert applied.returncode == 0, applied.stderr
    assert "Apply complete: 3 added" in applied.stdout


def test_a_mistake_stands_beside_its_line(runner: Runner, inputs: dict[str, str]) -> None:
    for path, text in (FILES | {"schedules/more.yaml": "pipeline: gone\nevery: 1h\n"}).items():
        runner.line.write(f"jobs/{path}", text)
    runner.line.commit()

    done = runner("plan", **inputs | {"project": "checkout/jobs"})

    assert done.returncode == 1
    issue = read_line(done.stdout.splitlines()[0])
    assert issue is not None
    assert (issue.kind, issue.properties["file"], issue.properties["line"]) == (
        "error",
        "jobs/schedules/more.yaml",
        "1",
    )
    assert "gone" in issue.message
    assert "jobs/schedules/more.yaml:1" in (runner.home / "summary").read_text()


def test_a_comment_does_not_go_on_showing_the_plan_of_an_earlier_commit(
    runner: Runner, github: FakeGitHub, inputs: dict[str, str]
) -> None:
    for step in ("plan", "comment"):
        assert runner(step, **inputs).returncode == 0
    runner.line.write("schedules/nightly.yaml", "pipeline: gone\nevery: 1h\n")
    runner.line.commit()

    failed, told = runner("plan", **inputs), runner("no_plan", **inputs)

    assert STEPS["no_plan"]["if"] == "failure() && steps.plan.outcome == 'failure' && inputs.comment == 'true'"
    assert (failed.returncode, told.returncode) == (1, 0), told.stderr
    assert len(github.comments) == 1
    assert "## No plan (acme.prod)" in github.comments[0]["body"]
    assert "schedules/nightly.yaml:1" in github.comments[0]["body"]


def test_a_secret_that_the_job_may_not_have_stops_it(runner: Runner, inputs: dict[str, str]) -> None:
    without = inputs | {"redis": ""}

    planned = runner("plan", **without)
    applied = runner("apply", **without, **{"direct-push": "apply"})

    for done in (planned, applied):
        assert (done.returncode, done.stdout) == (1, "")
        assert "FLOWERPOWER_REDIS is empty" in done.stderr
    assert not (runner.home / "flowerpower/plan.json").exists()

    runner.line.write(
        "flowerpower.yaml", f"name: acme\nmodules: [flows]\nredis: {inputs['redis']}\nenvironments: {{prod: {{}}}}\n"
    )
    runner.line.commit()
    assert runner("plan", **without).returncode == 0, "a Redis that the project names is another matter"


def test_an_untrusted_checkout_is_planned_and_nothing_of_it_runs(
    runner: Runner, github: FakeGitHub, inputs: dict[str, str]
) -> None:
    runner.line.write("typer.py", "raise SystemExit('taken from the checkout')\n")
    runner.line.write("flows/flow.py", "raise SystemExit('imported')\ndef doubled(number: int) -> int:\n    return 1\n")
    runner.line.commit("bait")

    for step in ("plan", "comment"):
        done = runner(step, **inputs, untrusted="true")
        assert done.returncode == 0, done.stderr

    assert "3 to add" in github.comments[0]["body"]


def test_installing_leaves_the_checkout_alone(runner: Runner, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / "dist")]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    [wheel] = (tmp_path / "dist").glob("*.whl")
    bare = {"PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "RUNNER_TEMP": str(tmp_path / "new")}
    (tmp_path / "new").mkdir()
    runner.line = CommandLine(runner.line.folder, {**runner.line.environment, **bare})

    for bait in ("venv.py", "ensurepip.py", "pip.py", "types.py"):
        (runner.line.folder.parent / bait).write_text("raise SystemExit('taken from the checkout')\n")

    done = runner("install", version=str(wheel))

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("flowerpower ")
    assert f"folder={tmp_path / 'new/flowerpower'}\n" in (runner.home / "outputs").read_text()
    assert not runner.line.git("status", "--porcelain")
