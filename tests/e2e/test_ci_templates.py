"""The CI of a new project: each script runs, in a real repository, against a real Redis and a host on localhost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from support.ci_jobs import GitHubJobs, GitLabJobs, Machine, granted
from support.command_line import CommandLine
from support.fake_github import TOKEN, FakeGitHub, fake_github
from support.fake_gitlab import fake_gitlab

from flowerpower.scaffold import Answers, init

HEAD, MERGE = "a" * 40, "b" * 40
ANSWERS = [Answers("acme", "github"), Answers("acme", "gitlab", folder="jobs/data")]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """New projects by their CI; that of GitLab lies in a folder of its repository and moved its file to the root."""
    root = tmp_path_factory.mktemp("made")
    folders = {answers.ci: root / answers.ci for answers in ANSWERS}
    for answers in ANSWERS:
        repository = CommandLine(folders[answers.ci])
        init(repository.folder / answers.folder, answers)
        repository.git("init", "--quiet", "--initial-branch=main")
        if answers.folder != ".":
            (repository.folder / answers.folder / ".gitlab-ci.yml").rename(repository.folder / ".gitlab-ci.yml")
        repository.commit()
    return folders


@pytest.mark.parametrize(
    ("schema", "ci", "file"),
    [
        ("github-workflows", "github", ".github/workflows/flowerpower.yml"),
        ("gitlab-ci", "gitlab", ".gitlab-ci.yml"),
        ("compose-spec", "github", "compose.yaml"),
    ],
)
def test_the_files_fit_the_published_schemas(made: dict[str, Path], schema: str, ci: str, file: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(made[ci] / file)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_a_merge_request_shows_a_plan_and_a_click_after_the_merge_applies_it(
    made: dict[str, Path], tmp_path: Path, redis_url: str
) -> None:
    jobs = GitLabJobs(Machine(tmp_path / "runner"), made["gitlab"])

    checked = jobs.run("check")
    told = jobs.run("plan", PLAN_REDIS_URL=redis_url, CI_MERGE_REQUEST_IID="7")
    shown = jobs.kept["plan.md"].decode()
    planned = jobs.run("plan", REDIS_URL=redis_url)
    applied = jobs.run("apply", REDIS_URL=redis_url)
    stale = jobs.run("apply", REDIS_URL=redis_url)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert json.loads(jobs.kept["codequality.json"]) == []
    assert b"<testsuite" in jobs.kept["junit.xml"]
    assert told.returncode == planned.returncode == 0, told.stderr
    assert "2 to add" in shown
    assert applied.returncode == 0, applied.stderr
    assert "Apply complete: 2 added, 0 changed, 0 destroyed." in applied.stdout
    assert stale.returncode == 4, stale.stderr


def test_a_mistake_in_a_merge_request_is_a_finding_with_its_place_in_the_repository(
    made: dict[str, Path], tmp_path: Path
) -> None:
    repository = CommandLine(tmp_path / "wrong")
    subprocess.run(["git", "clone", "--quiet", str(made["gitlab"]), str(repository.folder)], check=True)
    repository.write("jobs/data/schedules/more.yaml", "pipeline: gone\nevery: 1h\n")
    repository.commit()
    jobs = GitLabJobs(Machine(tmp_path / "runner"), repository.folder)

    assert jobs.run("check").returncode == 1

    [found] = json.loads(jobs.kept["codequality.json"])
    assert found["location"] == {"path": "jobs/data/schedules/more.yaml", "lines": {"begin": 1}}


def test_a_note_does_not_go_on_showing_the_plan_of_an_earlier_commit(
    made: dict[str, Path], tmp_path: Path, redis_url: str
) -> None:
    repository = CommandLine(tmp_path / "wrong")
    subprocess.run(["git", "clone", "--quiet", str(made["gitlab"]), str(repository.folder)], check=True)
    with fake_gitlab() as gitlab:
        gitlab.add_request(5, HEAD)
        jobs = GitLabJobs(Machine(tmp_path / "runner", gitlab.environment()), repository.folder)
        assert jobs.run("plan", PLAN_REDIS_URL=redis_url).returncode == 0
        planned = gitlab.notes[0]["body"]
        repository.write("jobs/data/schedules/more.yaml", "pipeline: gone\nevery: 1h\n")
        repository.commit()
        assert jobs.run("check").returncode == 1

        assert "2 to add" in planned
        assert ["## No plan (acme.default)" in note["body"] for note in gitlab.notes] == [True]


def test_where_no_redis_is_known_nothing_is_planned_or_applied(made: dict[str, Path], tmp_path: Path) -> None:
    jobs = GitLabJobs(Machine(tmp_path / "runner"), made["gitlab"])

    planned, applied = jobs.run("plan"), jobs.run("apply")

    assert (planned.returncode, planned.stdout) == (0, "No plan, because the variable REDIS_URL is not set here.\n")
    assert (applied.returncode, applied.stdout) == (1, "Nothing applied, because there is no plan.\n")


@pytest.fixture
def github(tmp_path: Path) -> Iterator[FakeGitHub]:
    with fake_github() as host:
        (tmp_path / "event.json").write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": HEAD}}}))
        host.add_pull(7, HEAD)
        yield host


@pytest.fixture
def workflow(made: dict[str, Path], tmp_path: Path, github: FakeGitHub) -> GitHubJobs:
    job = {"RUNNER_TEMP": str(tmp_path), "GITHUB_SHA": MERGE}
    machine = Machine(tmp_path / "runner", {**github.environment(str(tmp_path / "event.json")), **job})
    (machine.home / "bin/pytest").write_bytes((machine.home / "bin/pip").read_bytes())  # the other workflow runs it
    values = {"github.token": TOKEN, "github.event.pull_request.head.sha": HEAD, "runner.temp": str(tmp_path)}
    return GitHubJobs(machine, made["github"], Path(".github/workflows/flowerpower.yml"), values)


def test_only_the_job_that_comments_may_write(made: dict[str, Path]) -> None:
    file = made["github"] / ".github/workflows/flowerpower.yml"

    assert granted(yaml.safe_load(file.read_text())) == {
        **{"check": set(), "plan": {"pull-requests"}},
        **{"no-plan": {"pull-requests"}, "apply": set()},
    }


def test_a_pull_request_shows_a_plan_and_the_merge_applies_it(
    workflow: GitHubJobs, github: FakeGitHub, redis_url: str
) -> None:
    steps = dict(workflow.run("plan", PLAN_REDIS_URL=redis_url, REDIS_URL="redis://nobody-should-ask.invalid"))
    kept = steps["keep the plan"]
    github.add_artifact(kept["name"], {"plan.json": Path(kept["path"]).read_bytes()})
    github.pulls.clear()
    github.add_pull(7, HEAD, merged=MERGE)
    applied = dict(workflow.run("apply", REDIS_URL=redis_url))["apply"]

    assert steps["plan"].returncode == steps["comment"].returncode == 0, steps["comment"].stderr
    assert "2 to add" in github.comments[0]["body"]
    assert kept["name"] == f"flowerpower-plan-acme-default-{HEAD}"
    assert applied.returncode == 0, applied.stderr
    assert "#7 was shown the plan" in applied.stderr
    assert "Apply complete: 2 added, 0 changed, 0 destroyed." in applied.stdout


def test_a_comment_does_not_go_on_showing_the_plan_of_an_earlier_commit(
    workflow: GitHubJobs, github: FakeGitHub, redis_url: str, tmp_path: Path
) -> None:
    assert dict(workflow.run("plan", REDIS_URL=redis_url))["comment"].returncode == 0
    broken = tmp_path / "broken"
    subprocess.run(["git", "clone", "--quiet", str(workflow.folder), str(broken)], check=True)
    (broken / "schedules/more.yaml").write_text("pipeline: gone\nevery: 1h\n")

    told = dict(replace(workflow, folder=broken).run("no-plan"))["comment"]

    assert told.returncode == 0, told.stderr
    assert ["## No plan (acme.default)" in comment["body"] for comment in github.comments] == [True]


def test_the_very_first_commit_is_applied_as_it_is(workflow: GitHubJobs, github: FakeGitHub, redis_url: str) -> None:
    github.pulls.clear()

    applied = dict(workflow.run("apply", REDIS_URL=redis_url))["apply"]

    assert applied.returncode == 0, applied.stderr
    assert "Apply complete: 2 added" in applied.stdout


def test_without_secrets_the_workflow_checks_and_says_what_it_left_out(workflow: GitHubJobs) -> None:
    checked = [done for _, done in workflow.run("check") if isinstance(done, subprocess.CompletedProcess)]
    planned, applied = dict(workflow.run("plan")), dict(workflow.run("apply"))

    assert len(checked) == 4
    assert [done.stderr for done in checked if done.returncode] == []
    assert {"plan", "comment", "keep the plan"} & planned.keys() == set()
    assert "::notice title=flowerpower::no plan" in planned["no plan"].stdout
    assert "::warning title=flowerpower::nothing applied" in applied["nothing applied"].stdout
