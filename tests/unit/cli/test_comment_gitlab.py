"""A merge request is told its plan in one note, and a merge finds the plan that was approved there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from support.command_line import CommandLine, command_line
from support.fake_gitlab import ANA, BOT, FORK, JOB_TOKEN, TOKEN, FakeGitLab, fake_gitlab

HEAD, MERGE = "a" * 40, "b" * 40
LATER = 'pipeline: report\ncron: "0 4 * * *"\n'
FILE = f"flowerpower-plan-prod-{HEAD}"
PAGE = "https://gitlab.example/acme/pipelines/-/merge_requests/5#note_"


@pytest.fixture
def gitlab() -> Iterator[FakeGitLab]:
    with fake_gitlab() as host:
        host.add_request(5, HEAD)
        yield host


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, redis_server: str) -> Path:
    """A project before its first apply, with its plan."""
    made = command_line(tmp_path_factory.mktemp("gitlab") / "project", redis_server)
    with redis.Redis.from_url(redis_server) as connection:
        connection.flushall()
    assert made("plan", "--env", "prod", "--out", "plan.json").code == 0
    return made.folder


@pytest.fixture
def line(tmp_path: Path, redis_url: str, gitlab: FakeGitLab, planned: Path) -> CommandLine:
    folder = tmp_path / "project"
    shutil.copytree(planned, folder)
    return CommandLine(folder, {"FLOWERPOWER_REDIS": redis_url, **gitlab.environment()})


def merge(line: CommandLine, gitlab: FakeGitLab, **more: str) -> None:
    """Merge the merge request, whose job has kept its plan."""
    gitlab.requests.clear()
    gitlab.add_request(5, HEAD, merged=MERGE, **more)
    gitlab.keep(FILE, (line.folder / "plan.json").read_bytes())


def fetch(line: CommandLine, *more: str, **environment: str) -> tuple[int, str]:
    variables = {"GITLAB_TOKEN": "", "CI_COMMIT_SHA": MERGE, "CI_MERGE_REQUEST_IID": "", **environment}
    answer = line("approved", "--env", "prod", "--out", "approved.json", *more, **variables)
    assert TOKEN not in answer.out + answer.err
    assert JOB_TOKEN not in answer.out + answer.err
    return answer.code, answer.err


def test_the_note_is_written_once_and_then_again(line: CommandLine, gitlab: FakeGitLab) -> None:
    gitlab.page = 2
    gitlab.add_note("added 1 commit", system=True)
    for body in ("first!", "<!-- flowerpower {broken -->", "me too"):
        gitlab.add_note(body, ANA)

    first = line("comment", "plan.json")
    again = line("comment", "plan.json")
    line.write("schedules/nightly.yaml", LATER)
    assert line("plan", "--env", "prod", "--out", "plan.json").code == 0
    changed = line("comment", "plan.json", "--json")

    assert (first.code, first.err) == (0, f"!5: a new comment tells the plan {PAGE}904\n")
    assert again.err == f"!5: the comment says so already {PAGE}904\n"
    assert changed.document == {"action": "update", "pull_request": 5, "url": f"{PAGE}904"}
    assert len(gitlab.notes) == 5
    assert gitlab.notes[4]["body"].startswith('<!-- flowerpower {"namespace": "acme.prod"')
    assert "0 4 * * *" in gitlab.notes[4]["body"]


def test_a_note_that_somebody_else_wrote_is_left_alone(line: CommandLine, gitlab: FakeGitLab) -> None:
    forged = '<!-- flowerpower {"namespace": "acme.prod"} -->\nNo changes.'
    gitlab.add_note(forged, ANA)
    gitlab.add_note(forged, BOT, system=True)

    line("comment", "plan.json")

    assert [note["author"]["id"] for note in gitlab.notes] == [ANA, BOT, BOT]
    assert [note["body"] for note in gitlab.notes[:2]] == [forged, forged]


def test_a_merge_request_that_went_on_is_told_nothing(line: CommandLine, gitlab: FakeGitLab) -> None:
    gitlab.requests[0]["sha"] = "c" * 40
    assert "!5 is at cccccccccccc by now" in line("comment", "plan.json").err
    assert not gitlab.notes

    merged_result = {"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "c" * 40, "CI_COMMIT_SHA": "d" * 40}
    assert "a new comment tells the plan" in line("comment", "plan.json", **merged_result).err


def test_the_pipeline_of_a_branch_tells_its_open_merge_request(line: CommandLine, gitlab: FakeGitLab) -> None:
    opened = "ana/pipelines!3,acme/pipelines!5"
    answer = line("comment", "plan.json", CI_MERGE_REQUEST_IID="", CI_OPEN_MERGE_REQUESTS=opened)
    assert answer.err.startswith("!5: a new comment")

    for none in ("", "ana/pipelines!3"):
        answer = line("comment", "plan.json", CI_MERGE_REQUEST_IID="", CI_OPEN_MERGE_REQUESTS=none)
        assert (answer.code, "merge_request_event" in answer.err) == (1, True)


@pytest.mark.parametrize(
    ("method", "answers", "told"),
    [
        ("POST", [403], "answered 403 to POST /api/v4/projects/42/merge_requests/5/notes: 403 Forbidden"),
        ("GET", [404], "with the role Reporter and the scope api"),
        ("POST", [502], "answered 502"),
        ("POST", [301], "its API has moved to http://localhost"),
    ],
)
def test_a_host_that_says_no_is_told_with_what_to_do(
    line: CommandLine, gitlab: FakeGitLab, method: str, answers: list[int], told: str
) -> None:
    gitlab.refuse[method] = answers

    answer = line("comment", "plan.json")

    assert answer.code == 1
    assert told in answer.err
    assert TOKEN not in answer.err
    assert not gitlab.notes


def test_what_is_not_there_is_looked_for_before_the_token(line: CommandLine) -> None:
    of_nobody = line("comment", "plan.json", "--pull-request", "99")
    elsewhere = line("comment", "plan.json", CI_MERGE_REQUEST_PROJECT_ID="4242")

    for answer, project in ((of_nobody, "42"), (elsewhere, "4242")):
        assert (answer.code, "answered 404" in answer.err) == (1, True)
        for looked_at in ("--pull-request", f"{project} is its project", "CI_PROJECT_ID", "scope api"):
            assert looked_at in answer.err


def test_a_busy_host_is_asked_again(line: CommandLine, gitlab: FakeGitLab) -> None:
    gitlab.refuse = {"GET": [429], "POST": [429, 429]}

    assert line("comment", "plan.json").code == 0
    assert len(gitlab.notes) == 1


def test_a_token_that_will_not_do_is_told_with_what_it_lacks(line: CommandLine, gitlab: FakeGitLab) -> None:
    gitlab.scope = "read_api"
    lacking = line("comment", "plan.json")
    of_the_job = line("comment", "plan.json", GITLAB_TOKEN="")
    of_another = line("comment", "plan.json", GITLAB_TOKEN="glpat-x")

    assert "the token lacks the scope api" in lacking.err
    assert "that of a job may only read" in of_the_job.err
    assert "401 Unauthorized" in of_another.err
    for answer in (lacking, of_the_job, of_another):
        assert (answer.code, "project access token" in answer.err) == (1, True)


def test_outside_a_job_the_command_says_what_is_missing(line: CommandLine) -> None:
    assert "CI_API_V4_URL and CI_PROJECT_ID are not set" in line("comment", "plan.json", CI_API_V4_URL="").err


def test_a_merge_applies_what_was_approved_with_the_token_of_the_job(line: CommandLine, gitlab: FakeGitLab) -> None:
    merge(line, gitlab)
    code, err = fetch(line)
    assert code == 0, err
    assert err.startswith("!5 was shown the plan ")
    assert not gitlab.leaked, "the store of artifacts is told no token"

    assert line("apply", "--env", "prod", "--approved", "approved.json").code == 0

    line.write("schedules/nightly.yaml", LATER)
    line.commit("not what was seen")
    late = line("apply", "--env", "prod", "--approved", "approved.json")
    assert late.code == 4


def test_a_squashed_commit_and_one_that_came_along_find_their_merge_request(
    line: CommandLine, gitlab: FakeGitLab
) -> None:
    merge(line, gitlab, merge_commit_sha="", squash_commit_sha=MERGE)
    gitlab.add_request(9, "e" * 40, merged="f" * 40, also=MERGE, merged_at="2026-11-22T10:00:00.000Z")

    code, err = fetch(line)
    assert (code, err.startswith("!5 was shown")) == (0, True)


def test_the_plan_of_a_merged_result_counts(line: CommandLine, gitlab: FakeGitLab) -> None:
    merge(line, gitlab)
    gitlab.keep(FILE, gitlab.files.popitem()[1], kind="merge", job="plan: [prod]")

    assert fetch(line)[0] == 1
    assert fetch(line, "--job", "plan: [prod]")[0] == 0


def test_what_a_fork_kept_or_what_was_planned_for_another_commit_is_no_approval(
    line: CommandLine, gitlab: FakeGitLab
) -> None:
    merge(line, gitlab)
    gitlab.requests[0]["source_project_id"] = FORK
    code, err = fetch(line)
    assert (code, "came from a fork" in err) == (1, True)

    gitlab.requests[0] |= {"source_project_id": 42, "sha": "9" * 40}
    code, err = fetch(line)
    assert (code, f"or flowerpower-plan-prod-{'9' * 40}, or none any more" in err) == (1, True)
    assert not (line.folder / "approved.json").exists()


def test_a_commit_without_a_merge_request_was_approved_by_nobody(line: CommandLine, gitlab: FakeGitLab) -> None:
    code, err = fetch(line)
    assert (code, "nobody has approved a plan for it" in err) == (1, True)
    assert fetch(line, "--if-any")[0] == 0
