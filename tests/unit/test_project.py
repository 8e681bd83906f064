"""The facade: one object from folder to running job, on real Redis and real git."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import pwd
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from support.command_line import CommandLine, command_line

from flowerpower import FlowerPowerProject, JobQueueManager
from flowerpower.errors import FlowerPowerError, ProjectNotFoundError, SpecError, UsageError
from flowerpower.pipelines.results import RunResult
from flowerpower.planned import PlannedChanges


@pytest.fixture
def line(tmp_path: Path, redis_url: str) -> CommandLine:
    """A project under git."""
    folder = tmp_path / "acme"
    folder.mkdir()
    return command_line(folder, redis_url)


def test_loading_reads_nothing_yet(line: CommandLine, redis_connection: Redis) -> None:
    line.write("schedules/nightly.yaml", "pipeline: [\n")

    project = FlowerPowerProject.load(line.folder, env="prod", redis="redis://127.0.0.1:1")

    assert [problem.code for problem in project.validate()] == ["FP010"]
    with pytest.raises(SpecError):
        project.plan()


@pytest.mark.parametrize("command", [["worker", "--burst"], ["status"], ["plan"], ["validate"]])
def test_a_project_file_that_cannot_be_read_is_not_said_to_be_missing(line: CommandLine, command: list[str]) -> None:
    line.write("flowerpower.yaml", "name: acme\n" + "#" * 2_000_000)
    line.write("schedules/nightly.yaml", "pipeline: [\n")

    answer = line(*command)

    said = answer.out + answer.err
    assert answer.code == 1
    assert "flowerpower.yaml:1:1: error FP002" in said
    assert "there is no flowerpower.yaml" not in said


def test_what_a_prompt_shows_says_what_it_is_and_holds_no_password(line: CommandLine, redis_url: str) -> None:
    project = FlowerPowerProject.load(line.folder, ref="HEAD")
    assert repr(project) == f"FlowerPowerProject('{line.folder}', env='default', ref='HEAD')"
    assert repr(project.pipelines) == f"<PipelineManager of {line.folder}: report>"
    store = FlowerPowerProject.load(line.folder, redis=redis_url).store
    settings = FlowerPowerProject.load(line.folder, redis="redis://ana:hunter2@redis.example").settings
    assert "hunter2" not in repr(settings)
    assert f"project={line.folder!r}" in repr(settings)
    jobs = JobQueueManager.create("rq", store=store, url="redis://ana:hunter2@redis.example:6379/1")
    assert repr(jobs) == "<RQManager of acme.default at redis://***@redis.example:6379/1>"

    with FlowerPowerProject.load(line.folder, redis=redis_url) as here:
        assert repr(here.plan()) == "<PlannedChanges of acme.default: Plan: 3 to add, 0 to change, 0 to destroy.>"


def test_the_history_of_one_schedule_is_that_of_the_command_line(line: CommandLine, redis_url: str) -> None:
    with FlowerPowerProject.load(line.folder, redis=redis_url) as project:
        project.apply(project.plan())
    line.write("schedules/hourly.yaml", "pipeline: report\nevery: 2h\n")
    with FlowerPowerProject.load(line.folder, redis=redis_url) as project:
        project.apply(project.plan())
        newest, oldest = project.history_of("hourly")
        assert len(project.history_of("schedule.nightly")) == 1
        assert project.history_of("nobody") == ()

    (update,), (create,) = newest.changes, oldest.changes
    assert (update.change.action, create.change.action) == ("update", "create")
    assert [(field.name, field.new) for field in update.change.fields] == [("every", 7200)]
    told = line("history", "hourly", "--json")
    assert [one["apply_id"] for one in told.document["applies"]] == [newest.past.apply_id, oldest.past.apply_id]


def test_who_acts_where_no_variable_says_is_the_account_and_not_the_author_of_a_commit(line: CommandLine) -> None:
    nobody = dict.fromkeys(("USER", "LOGNAME", "GITHUB_ACTOR", "GITLAB_USER_LOGIN"), "")
    line("apply", "--auto-approve", **nobody)
    line("pause", "nightly", "--reason", "a look", **nobody)

    status = line("status", "--json").document
    [held] = [one["held"] for one in status["schedules"] if one["name"] == "nightly"]
    assert held["who"] == pwd.getpwuid(os.getuid()).pw_name != line.git("log", "-1", "--format=%an")


def test_plan_apply_plan_from_python(line: CommandLine, redis_url: str) -> None:
    with FlowerPowerProject.load(line.folder, redis=redis_url) as project:
        planned = project.plan()
        assert planned
        applied = project.apply(planned)
        again = project.plan()

    assert (applied.added, applied.changed, applied.destroyed) == (3, 0, 0)
    assert not again
    assert again.to_text().endswith("No changes.")
    assert again.to_dict()["summary"] == {"add": 0, "change": 0, "import": 0, "remove": 0, "operation": "plan"}
    assert "No changes." in again.to_markdown()


def test_plans_and_overrides_of_another_kind_are_named(line: CommandLine, redis_url: str) -> None:
    with FlowerPowerProject.load(line.folder, redis=redis_url) as project:
        with pytest.raises(
            UsageError, match="`planned` is of the class PlannedChanges, and not of the type str"
        ) as raised:
            project.apply("now")  # type: ignore[arg-type]
        assert raised.value.advice == "pass what `project.plan()` returns"
        with pytest.raises(UsageError, match="`allowed` is of the class Allowed, and not of the type dict"):
            project.plan({"deletes": "3"})  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="`count` is a whole number, and not of the type str"):
            project.history("3")  # type: ignore[arg-type]
        calls: list[tuple[Callable[[], object], str]] = [
            (lambda: project.check_saved(None), "`planned` is of the class PlannedChanges"),  # type: ignore[arg-type]
            (lambda: project.plan_against(5), "`revision` is a text"),  # type: ignore[arg-type]
            (lambda: project.past_apply(None), "`apply_id` is a text"),  # type: ignore[arg-type]
            (lambda: project.rollback_plan(1.5), "`apply_id` is a text"),  # type: ignore[arg-type]
            (lambda: project.history_of(None), "`name` is a text"),  # type: ignore[arg-type]
            (lambda: project.pipelines.run("report", executor=5), "`executor` is a text"),  # type: ignore[arg-type]
            (lambda: project.pipelines.visualize("report", most="3"), "`most` is a whole"),  # type: ignore[arg-type]
        ]
        for call, said in calls:
            with pytest.raises(UsageError, match=said):
                call()


def test_an_apply_is_named_by_its_number(line: CommandLine, redis_url: str) -> None:
    with FlowerPowerProject.load(line.folder, redis=redis_url) as project:
        applied = project.apply(project.plan())

        assert project.past_apply(1).past.apply_id == project.past_apply("#1").past.apply_id == applied.apply_id
        assert project.rollback_plan(1).to_dict() == project.rollback_plan(applied.apply_id).to_dict()


def test_a_plan_goes_through_a_pickle(line: CommandLine, redis_url: str) -> None:
    def plan() -> PlannedChanges:
        with FlowerPowerProject.load(line.folder, redis=redis_url) as project:
            return project.plan()

    with FlowerPowerProject.load(line.folder, redis=redis_url) as project:
        project.apply(project.plan())
    unchanged = plan()
    line.write("schedules/extra.yaml", "pipeline: report\nevery: 1d\n")

    for planned in (unchanged, plan()):
        for again in (pickle.loads(pickle.dumps(planned)), copy.deepcopy(planned)):
            assert again == planned
            assert again.to_text() == planned.to_text()


def test_the_hash_of_a_plan_survives_another_commit_and_an_hour(line: CommandLine, redis_url: str) -> None:
    with FlowerPowerProject.load(line.folder, redis=redis_url) as project:
        before = project.plan().hash
    line.commit("nothing")
    with FlowerPowerProject.load(line.folder, redis=redis_url) as project:
        assert project.plan().hash == before
    line.write("schedules/hourly.yaml", "pipeline: report\nevery: 2h\n")
    with FlowerPowerProject.load(line.folder, redis=redis_url) as project:
        assert project.plan().hash != before


def test_the_commit_is_that_of_git_or_the_digest_of_the_tree(line: CommandLine, tmp_path: Path) -> None:
    commit = line.git("rev-parse", "HEAD")
    line.git("checkout-index", "--all", f"--prefix={tmp_path}/plain/")

    assert FlowerPowerProject.load(line.folder).source.commit == commit
    line.write("flows/note.py", "")
    assert FlowerPowerProject.load(line.folder).source.commit == f"{commit}+dirty"
    assert FlowerPowerProject.load(line.folder, ref="HEAD").source.commit == commit
    assert FlowerPowerProject.load(tmp_path / "plain").source.commit.startswith("tree:")


def test_a_url_names_a_revision(line: CommandLine) -> None:
    line.write("schedules/extra.yaml", "pipeline: report\nevery: 1d\n")

    assert "extra" in FlowerPowerProject.load(line.folder).spec.schedules
    assert "extra" not in FlowerPowerProject.load(f"git+file://{line.folder}@main").spec.schedules
    with pytest.raises(UsageError, match="cannot be read from git\\+ssh://") as refused:
        FlowerPowerProject.load("git+ssh://git@host.example/acme@main")
    assert "clone" in refused.value.hint


def test_pipelines_of_a_revision_are_not_run_with_the_modules_of_the_folder(line: CommandLine) -> None:
    line.commit("first")
    manager = FlowerPowerProject.load(f"git+file://{line.folder}@HEAD").pipelines

    assert manager.get(manager.names()[0]).modules == ("flow",)
    for use in (manager.run, manager.build, manager.visualize):
        with pytest.raises(UsageError, match="modules of another revision cannot be imported") as raised:
            use("report")
        assert raised.value.hint == "check it out, or load the folder"


def test_outside_a_project_there_is_nothing_to_load(tmp_path: Path) -> None:
    with pytest.raises(ProjectNotFoundError):
        FlowerPowerProject.load(tmp_path)


def test_what_is_no_folder_is_said_to_be_what_it_is(line: CommandLine) -> None:
    with pytest.raises(ProjectNotFoundError, match="is a file, and no folder") as missing:
        FlowerPowerProject.load(line.folder / "flowerpower.yaml")
    assert "folder" in missing.value.hint
    with pytest.raises(ProjectNotFoundError, match="cannot be looked at: File name too long"):
        FlowerPowerProject.load("x" * 300)
    for url in (f"file:/{line.folder}", f"git+file:/{line.folder}@HEAD"):
        with pytest.raises(UsageError, match="names a host") as raised:
            FlowerPowerProject.load(url.replace("://", "://ana:hunter2@"))
        assert raised.value.hint == "for a folder of this machine write three slashes: file:///folder"
        assert "hunter2" not in str(raised.value)
    assert FlowerPowerProject.load(f"file://localhost{line.folder}").folder == line.folder


def test_a_wrong_argument_is_named(line: CommandLine, redis_connection: Redis, redis_url: str) -> None:
    for wrong in ({"env": 3}, {"redis": redis_connection}, {"ref": 3}, {"variables": ["a=b"]}):
        with pytest.raises(UsageError, match=f"`{next(iter(wrong))}`"):
            FlowerPowerProject.load(line.folder, **wrong)  # type: ignore[arg-type]
    with (
        FlowerPowerProject.load(line.folder, redis=redis_url) as project,
        pytest.raises(UsageError, match="`count` is at least 1, not 0"),
    ):
        project.history(0)


def test_pipelines_run_here_and_now(line: CommandLine) -> None:
    project = FlowerPowerProject.load(line.folder)

    assert project.pipelines.run("report", inputs={"number": 5}).values["doubled"] == 10


@pytest.mark.parametrize("place", ["http://user:pass@[", "s3://user:pass@bucket/acme", "file://user:pass@["])
def test_a_place_that_no_project_can_be_loaded_from_is_refused_without_its_password(place: str) -> None:
    with pytest.raises(FlowerPowerError) as raised:
        FlowerPowerProject.load(place).validate()

    assert "pass" not in str(raised.value) + raised.value.hint


def test_what_is_enqueued_is_run_by_a_worker(line: CommandLine, redis_url: str) -> None:
    with FlowerPowerProject.load(line.folder, redis=redis_url) as project:
        project.apply(project.plan())
        job = project.jobs.enqueue("report", inputs={"number": 4})
        assert line("worker", "--burst", "--no-scheduler").code == 0

        assert job.wait(timeout=10)["outputs"]["doubled"]["value"] == 8
        assert {schedule.name for schedule in project.jobs.schedules()} == {"hourly", "nightly"}


def test_an_embedded_redis_ends_with_its_last_project(line: CommandLine, tmp_path: Path) -> None:
    with FlowerPowerProject.load(line.folder, redis="embedded") as project:
        project.apply(project.plan())
        url = project.redis_url
        with Redis.from_url(url) as connection:
            assert connection.ping()
    with Redis.from_url(url) as connection, pytest.raises(RedisConnectionError):
        connection.ping()

    with FlowerPowerProject.load(line.folder, redis="embedded") as project:
        assert not project.plan(), "what was applied outlives the server"


def test_an_embedded_redis_ends_soon_after_its_project_was_dropped(line: CommandLine) -> None:
    gc.disable()  # a notebook makes few objects: what needs a collection may wait for an hour
    try:
        project = FlowerPowerProject.load(line.folder, redis="embedded")
        project.apply(project.plan())
        assert project.validate() == []
        assert project.jobs.enqueue("report").status() == "queued"
        assert project.jobs.schedules()
        url, dropped = project.redis_url, weakref.ref(project)
        del project
        assert dropped() is None
    finally:
        gc.enable()

    end = time.monotonic() + 15
    while _answers(url) and time.monotonic() < end:
        time.sleep(0.1)
    assert not _answers(url)


def _answers(url: str) -> bool:
    with Redis.from_url(url) as connection:
        try:
            return bool(connection.ping())
        except RedisConnectionError:
            return False


def test_one_manager_of_jobs_is_enough_while_somebody_holds_it(line: CommandLine, redis_url: str) -> None:
    with FlowerPowerProject.load(line.folder, redis=redis_url) as project:
        jobs = project.jobs
        assert project.jobs is jobs
        project.close()
        assert project.jobs is not jobs


def test_a_project_that_was_closed_connects_anew_when_it_is_used_again(line: CommandLine) -> None:
    with FlowerPowerProject.load(line.folder, redis="embedded") as project:
        project.apply(project.plan())
    assert "store" not in vars(project)

    with project:
        url = project.redis_url
        assert project.jobs.status().head.generation == 1
    assert "redis_url" not in vars(project)
    end = time.monotonic() + 15
    while _answers(url) and time.monotonic() < end:
        time.sleep(0.1)
    assert not _answers(url)


def test_a_run_keeps_the_embedded_redis_of_its_project(line: CommandLine) -> None:
    with FlowerPowerProject.load(line.folder, redis="embedded") as project:
        project.apply(project.plan())

    run = FlowerPowerProject.load(line.folder, redis="embedded").jobs.enqueue("report")
    gc.collect()

    for _ in range(10):  # a server that nobody needs is gone soon, not at once
        assert run.status() == "queued"
        time.sleep(0.1)


def test_the_variables_of_redis_are_filled_in_when_it_is_needed(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    line.write("flowerpower.yaml", "name: acme\nredis: ${env:SOME_REDIS}\n")
    monkeypatch.delenv("SOME_REDIS", raising=False)

    project = FlowerPowerProject.load(line.folder)
    assert project.validate() == []
    with pytest.raises(SpecError, match="SOME_REDIS is not set") as raised:
        project.plan()
    assert raised.value.advice == "set SOME_REDIS in the environment of this command"  # validate finds nothing

    monkeypatch.setenv("SOME_REDIS", redis_url)
    with FlowerPowerProject.load(line.folder) as project:
        assert project.plan()


def test_what_holds_a_connection_says_what_to_hand_over_instead(line: CommandLine, redis_url: str) -> None:
    with FlowerPowerProject.load(line.folder, redis=redis_url) as project:
        project.apply(project.plan())
        run = project.jobs.enqueue("report")

        for held in (project, project.pipelines.run, project.jobs, run):
            with pytest.raises(TypeError, match=r"hand over the project's folder.*FlowerPowerProject\.load"):
                pickle.dumps(held)


def test_a_pool_of_processes_hands_back_what_its_runs_made(line: CommandLine) -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        results = list(pool.map(_ran, [str(line.folder)] * 2, [3, 4]))

    assert [result.values["doubled"] for result in results] == [6, 8]
    assert [result.to_dict()["outputs"]["doubled"]["value"] for result in results] == [6, 8]


def _ran(folder: str, number: int) -> RunResult:
    with FlowerPowerProject.load(folder) as project:
        return project.pipelines.run("report", inputs={"number": number})
