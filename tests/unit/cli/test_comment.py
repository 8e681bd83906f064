"""A pull request is told its plan in one comment, and a merge finds the plan that was approved there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path

import pytest
from support.command_line import FILES, CommandLine, command_line
from support.fake_github import BOT, FORK, TOKEN, FakeGitHub, fake_github
from support.in_process import Here

from flowerpower.hosting.web import Web

HEAD, MERGE = "a" * 40, "b" * 40
LATER = 'pipeline: report\ncron: "0 4 * * *"\n'


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with fake_github() as host:
        host.add_pull(7, HEAD)
        yield host


@pytest.fixture
def line(tmp_path: Path, redis_url: str, github: FakeGitHub) -> CommandLine:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": HEAD}}}))
    made = command_line(tmp_path / "project", redis_url)
    made = CommandLine(made.folder, {**made.environment, **github.environment(str(event))})
    assert made("plan", "--env", "prod", "--out", "plan.json").code == 0
    return made


def merged(line: CommandLine, github: FakeGitHub) -> None:
    """Merge the pull request, whose job has kept its plan."""
    github.pulls.clear()
    github.add_pull(7, HEAD, merged=MERGE)
    plan = (line.folder / "plan.json").read_bytes()
    github.add_artifact(f"flowerpower-plan-prod-{HEAD}", {"plan.json": plan, "plan.md": b"#"})


def fetch(line: CommandLine, *more: str, **environment: str) -> tuple[int, str]:
    answer = line("approved", "--env", "prod", "--out", "approved.json", *more, **{"GITHUB_SHA": MERGE, **environment})
    assert TOKEN not in answer.out + answer.err
    return answer.code, answer.err


def test_the_comment_is_written_once_and_then_again(line: CommandLine, github: FakeGitHub) -> None:
    github.page = 2
    for body in ("first!", "<!-- flowerpower {broken -->", "me too"):
        github.add_comment(body, "ana")

    first = line("comment", "plan.json")
    again = line("comment", "plan.json")
    line.write("schedules/nightly.yaml", LATER)
    assert line("plan", "--env", "prod", "--out", "plan.json").code == 0
    changed = line("comment", "plan.json", "--json")

    assert (first.code, first.err) == (0, "#7: a new comment tells the plan https://x/c4\n")
    assert again.err == "#7: the comment says so already https://x/c4\n"
    assert changed.document == {"action": "update", "pull_request": 7, "url": "https://x/c4"}
    assert len(github.comments) == 4
    assert github.comments[3]["body"].startswith('<!-- flowerpower {"namespace": "acme.prod"')
    assert "0 4 * * *" in github.comments[3]["body"]


def test_each_namespace_has_a_comment_of_its_own(line: CommandLine, github: FakeGitHub) -> None:
    line("comment", "plan.json")
    assert line("plan", "--out", "other.json").code == 0
    line("comment", "other.json")

    assert ["acme.default" in comment["body"].partition("\n")[0] for comment in github.comments] == [False, True]


def test_a_comment_that_somebody_else_wrote_is_left_alone(line: CommandLine, github: FakeGitHub) -> None:
    forged = '<!-- flowerpower {"namespace": "acme.prod"} -->\nNo changes.'
    github.add_comment(forged, "mallory")

    line("comment", "plan.json")

    assert [comment["user"]["login"] for comment in github.comments] == ["mallory", BOT]
    assert github.comments[0]["body"] == forged


def test_a_plan_without_changes_starts_no_comment_and_ends_one(line: CommandLine, github: FakeGitHub) -> None:
    assert line("apply", "--env", "prod", "--auto-approve").code == 0
    assert line("plan", "--env", "prod", "--out", "rest.json").code == 0
    silent = line("comment", "rest.json")
    assert "no comment says otherwise" in silent.err
    assert not github.comments

    line("comment", "plan.json")
    line("comment", "rest.json")
    assert "No changes" in github.comments[0]["body"]


def test_a_newer_commit_is_not_written_over(line: CommandLine, github: FakeGitHub) -> None:
    github.pulls[0]["head"]["sha"] = "c" * 40

    answer = line("comment", "plan.json")

    assert "#7 is at cccccccccccc by now, and this plan is for aaaaaaaaaaaa: nothing is written" in answer.err
    assert not github.comments


def test_the_comment_of_an_earlier_plan_says_so_when_the_newest_commit_has_none(
    line: CommandLine, github: FakeGitHub
) -> None:
    line("comment", "plan.json")
    line.write("schedules/nightly.yaml", "pipeline: <b>gone\ncron: never\n")

    told = line("comment", "--no-plan", "--env", "prod")
    again = line("comment", "--no-plan", "--env", "prod")
    body = github.comments[0]["body"]
    line.write("schedules/nightly.yaml", FILES["schedules/nightly.yaml"])
    failed = line("comment", "--no-plan", "--env", "prod", "--json")
    of_job = github.comments[0]["body"]
    line("comment", "plan.json")

    assert (told.code, told.err) == (0, "#7: the comment was written again https://x/c1\n")
    assert again.err == "#7: the comment says so already https://x/c1\n"
    assert body.startswith('<!-- flowerpower {"namespace": "acme.prod", "env": "prod", "plan_hash": ""')
    assert "## No plan (acme.prod)" in body
    assert "The newest commit, `aaaaaaa`, has no plan: its specs are not valid." in body
    assert "schedules/nightly.yaml:2:7" in body
    assert "<b>" not in body
    assert failed.document["action"] == "update"
    assert "has no plan: one of its jobs failed before it was planned." in of_job
    assert "to add" in github.comments[0]["body"]
    assert len(github.comments) == 1


def test_without_a_plan_no_comment_is_started_and_none_of_another_namespace_is_touched(
    line: CommandLine, github: FakeGitHub
) -> None:
    silent = line("comment", "--no-plan", "--env", "prod")
    line("comment", "plan.json")
    of_prod = github.comments[0]["body"]
    other = line("comment", "--no-plan")
    line.write("flowerpower.yaml", "name: [\n")
    unreadable = line("comment", "--no-plan", "--env", "prod")

    assert (silent.code, silent.err) == (0, "#7: nothing to tell, and no comment says otherwise\n")
    assert (other.code, "no comment says otherwise" in other.err) == (0, True)
    assert "to add" in of_prod
    assert (unreadable.code, "## No plan (acme.prod)" in github.comments[0]["body"]) == (0, True)
    assert len(github.comments) == 1


@pytest.mark.parametrize("arguments", [[], ["plan.json", "--no-plan"]])
def test_a_comment_has_a_plan_or_says_that_there_is_none(line: CommandLine, arguments: list[str]) -> None:
    answer = line("comment", *arguments)

    assert (answer.code, "which plan?" in answer.err, "--no-plan" in answer.err) == (1, True, True)


def test_a_fork_that_was_deleted_leaves_its_pull_request(line: CommandLine, github: FakeGitHub, tmp_path: Path) -> None:
    github.pulls.clear()
    github.add_pull(8, "d" * 40, owner="unknown")
    github.add_pull(9, HEAD, owner="unknown")
    run = {"head_sha": HEAD, "head_branch": "later", "head_repository": None}
    (tmp_path / "event.json").write_text(json.dumps({"workflow_run": run}))

    assert line("comment", "plan.json", "--json").document["pull_request"] == 9


def test_the_run_of_another_workflow_tells_the_pull_request_of_a_fork(
    line: CommandLine, github: FakeGitHub, tmp_path: Path
) -> None:
    github.pulls.clear()
    github.add_pull(8, "d" * 40, owner="eve", branch="fix/später")
    github.add_pull(9, HEAD, owner="eve", branch="fix/später")
    run = {"head_sha": HEAD, "head_branch": "fix/später", "head_repository": {"owner": {"login": "eve"}}}
    (tmp_path / "event.json").write_text(json.dumps({"workflow_run": run}))

    assert line("comment", "plan.json", "--json").document["pull_request"] == 9

    (tmp_path / "event.json").write_text(json.dumps({"workflow_run": {**run, "head_sha": "e" * 40}}))
    overtaken = line("comment", "plan.json")
    assert (overtaken.code, "by now, and this plan is for eeeeeeeeeeee: nothing is written" in overtaken.err) == (
        0,
        True,
    )

    for gone in (run, {**run, "head_repository": None}):
        github.pulls.clear()
        (tmp_path / "event.json").write_text(json.dumps({"workflow_run": gone, "pull_request": None}))
        answer = line("comment", "plan.json")
        assert (answer.code, "no open pull request" in answer.err) == (1, True)


@pytest.mark.parametrize(
    ("method", "answers", "told"),
    [
        ("POST", [403], "answered 403 to POST /api/repos/acme/pipelines/issues/7/comments: Resource not accessible"),
        ("GET", [404], "pull-requests: write"),
        ("POST", [502], "answered 502"),
    ],
)
def test_a_host_that_says_no_is_told_with_what_to_do(
    line: CommandLine, github: FakeGitHub, method: str, answers: list[int], told: str
) -> None:
    github.refuse[method] = answers

    answer = line("comment", "plan.json")

    assert answer.code == 1
    assert told in answer.err
    assert TOKEN not in answer.err
    assert not github.comments


def test_what_is_not_there_is_looked_for_before_the_token(line: CommandLine) -> None:
    answer = line("comment", "plan.json", "--pull-request", "99")

    assert answer.code == 1
    assert "answered 404" in answer.err
    for looked_at in ("--pull-request", "acme/pipelines is its repository", "pull-requests: write"):
        assert looked_at in answer.err


def test_outside_a_job_or_without_a_token_the_command_says_what_is_missing(line: CommandLine) -> None:
    assert "this is no job on GitHub" in line("comment", "plan.json", GITHUB_REPOSITORY="").err
    assert "GITHUB_TOKEN: ${{ github.token }}" in line("comment", "plan.json", GITHUB_TOKEN="").err


def test_a_host_that_cannot_be_reached_is_said_after_some_tries(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(Web, "__init__", partialmethod(Web.__init__, sleep=slept.append))
    for name, value in {**line.environment, "GITHUB_API_URL": "http://127.0.0.1:1"}.items():
        monkeypatch.setenv(name, value)

    refused = Here(line.folder, line.environment["FLOWERPOWER_REDIS"])("comment", "plan.json")

    assert (refused.code, slept) == (1, [2.0, 4.0, 8.0])
    assert "http://127.0.0.1:1 could not be reached" in refused.err


def test_a_merge_applies_what_was_approved_and_nothing_else(line: CommandLine, github: FakeGitHub) -> None:
    merged(line, github)
    code, err = fetch(line)
    assert code == 0, err
    assert not github.leaked, "the store of artifacts is told no token"

    assert line("apply", "--env", "prod", "--approved", "approved.json").code == 0

    line.write("schedules/nightly.yaml", LATER)
    line.commit("not what was seen")
    late = line("apply", "--env", "prod", "--approved", "approved.json")
    assert late.code == 4
    assert "1 of 1 changes are not in the approved plan" in late.err


def test_what_the_run_of_a_fork_kept_or_what_has_expired_is_no_approval(line: CommandLine, github: FakeGitHub) -> None:
    merged(line, github)
    (good,) = github.artifacts
    github.artifacts = []
    github.add_artifact(good["name"], {"plan.json": b"{}"}, repository=FORK)
    github.add_artifact(good["name"], {"plan.json": b"{}"}, expired=True)

    code, err = fetch(line)

    assert code == 1
    names = f"flowerpower-plan-acme.prod-{HEAD} or flowerpower-plan-prod-{HEAD}"
    assert f"#7 left no plan: there is no artifact {names}, or none any more" in err
    assert not (line.folder / "approved.json").exists()


def test_the_plan_of_another_project_is_no_approval_of_this_one(line: CommandLine, github: FakeGitHub) -> None:
    merged(line, github)
    assert fetch(line)[0] == 0
    (line.folder / "flowerpower.yaml").write_text(FILES["flowerpower.yaml"].replace("acme", "sales"))
    line.commit()

    mixed_up = line("apply", "--env", "prod", "--approved", "approved.json")
    assert (mixed_up.code, "the approved plan is for acme.prod, this is sales.prod" in mixed_up.err) == (1, True)
    assert "as flowerpower-plan-sales.prod-COMMIT" in mixed_up.err

    assert line("plan", "--env", "prod", "--out", "plan.json").code == 0
    github.add_artifact(
        f"flowerpower-plan-sales.prod-{HEAD}", {"plan.json": (line.folder / "plan.json").read_bytes()}, created="0"
    )
    assert fetch(line)[0] == 0
    assert (line.folder / "approved.json").read_bytes() == (line.folder / "plan.json").read_bytes()


def test_outside_of_a_project_the_environment_names_the_plan(
    line: CommandLine, github: FakeGitHub, tmp_path: Path
) -> None:
    merged(line, github)

    assert fetch(CommandLine(tmp_path, line.environment)) == fetch(line)


def test_the_newest_plan_of_the_last_commit_counts(line: CommandLine, github: FakeGitHub) -> None:
    merged(line, github)
    github.add_artifact(f"flowerpower-plan-prod-{HEAD}", {"plan.json": b"{}"}, created="0")
    assert fetch(line)[0] == 0

    github.add_artifact(f"flowerpower-plan-prod-{HEAD}", {"plan.json": b"{}"}, created="2")
    code, err = fetch(line)
    assert (code, "no plan file" in err) == (1, True)


def test_a_commit_without_a_pull_request_was_approved_by_nobody(line: CommandLine, github: FakeGitHub) -> None:
    code, err = fetch(line)
    assert (code, "nobody has approved a plan for it" in err) == (1, True)

    code, err = fetch(line, "--if-any")
    assert (code, "approved.json is not written" in err) == (0, True)
    assert not (line.folder / "approved.json").exists()


def test_an_artifact_that_holds_no_plan_is_refused(line: CommandLine, github: FakeGitHub) -> None:
    merged(line, github)
    for files in ({}, {"a.json": b"", "b.json": b""}):
        github.add_artifact(github.artifacts[0]["name"], files, created="3")
        code, err = fetch(line)
        assert (code, "plan files instead of one" in err) == (1, True)
    github.files[len(github.artifacts)] = b"no archive"
    assert "is no archive" in fetch(line)[1]
