"""A project at a URL: what it plans, applies and shows is what its folder would, on a real Redis and a real S3."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support.command_line import FILES, Answer, CommandLine
from support.in_process import Here
from support.object_store import Bucket
from support.redis_state import dump_keys
from support.stores import Files, Site, in_archive, in_bucket, in_memory, on_the_web, write_files

from flowerpower import FlowerPowerProject
from flowerpower.errors import ProjectNotFoundError, RefusedError, UsageError

CONTENTS = {path: text.encode() for path, text in FILES.items()}
EDITED = {**CONTENTS, "schedules/hourly.yaml": b"pipeline: report\nevery: 2h\n"}
Put = Callable[[Files], Site]


@contextmanager
def put_at(where: str, folder: Path, bucket: Bucket) -> Iterator[Put]:
    """Yield what puts files there, over those that were there before."""
    with on_the_web(folder) as address:

        def served(files: Files) -> Site:
            write_files(folder / "web", files)
            return Site(f"{address}/web")

        yield {
            "memory": in_memory,
            "archive": lambda files: in_archive(folder / "acme.zip", files),
            "bucket": lambda files: in_bucket(bucket, files),
            "web": served,
        }[where]


def load(site: Site, redis: str, **more: Any) -> FlowerPowerProject:
    return FlowerPowerProject.load(site.url, redis=redis, storage_options=site.options, **more)


@pytest.mark.parametrize("where", ["memory", "archive", "bucket", "web"])
def test_a_project_at_a_url_plans_and_applies_what_its_folder_does(
    where: str, redis_url: str, redis_connection: Redis, bucket: Bucket, tmp_path: Path
) -> None:
    folder = write_files(tmp_path / "acme", CONTENTS)
    with put_at(where, tmp_path, bucket) as put:
        site = put(CONTENTS)
        with load(site, redis_url) as there, FlowerPowerProject.load(folder, redis=redis_url) as here:
            assert there.validate() == here.validate() == []
            assert there.source == here.source
            assert there.source.commit == f"tree:{here.sources.digest}"
            planned = there.plan()
            assert planned.hash == here.plan().hash
            assert without_times(planned.to_dict()) == without_times(here.plan().to_dict())
            there.apply(planned)
            assert not here.plan()
            assert not there.plan()
        site = put(EDITED)
        with load(site, redis_url) as there:
            planned = there.plan()
            assert [change.address for change in planned.plan.changes] == ["schedule.hourly"]
            there.apply(planned)
        write_files(folder, EDITED)
        with FlowerPowerProject.load(folder, redis=redis_url) as here:
            assert not here.plan()
            assert here.history().applies[0].commit == f"tree:{here.sources.digest}"


def without_times(document: Any) -> Any:
    return re.sub(r'"(timestamp|read_at|now)": "[^"]*"', "", json.dumps(document, sort_keys=True))


def test_nothing_in_redis_names_the_place(redis_url: str, redis_connection: Redis, tmp_path: Path) -> None:
    with load(in_archive(tmp_path / "hunter2.zip", CONTENTS), redis_url) as project:
        project.apply(project.plan())
        project.jobs.enqueue("report")
        project.jobs.pause("nightly", reason="x")

    assert b"hunter2" not in str(dump_keys(redis_connection)).encode()


def test_a_project_that_is_not_there_is_told_when_it_is_read(redis_url: str) -> None:
    project = FlowerPowerProject.load("memory://nobody/acme", env="prod", redis=redis_url)

    assert repr(project) == "FlowerPowerProject('memory://nobody/acme', env='prod')"
    with pytest.raises(ProjectNotFoundError, match="memory://nobody/acme"):
        project.validate()


def test_a_mistake_has_its_place_in_the_project(redis_url: str) -> None:
    site = in_memory({**CONTENTS, "schedules/nightly.yaml": b"pipeline: nobody\nevery: 1h\n"})

    assert [str(problem.place) for problem in load(site, redis_url).validate()] == ["schedules/nightly.yaml:1:11"]


def test_what_needs_a_folder_is_refused_and_says_so(redis_url: str, redis_connection: Redis) -> None:
    site = in_memory(CONTENTS)
    with load(site, redis_url) as project:
        assert repr(project.pipelines) == f"<PipelineManager of {site.url}: report>"
        needs: list[Callable[[], object]] = [
            lambda: project.folder,
            lambda: project.pipelines.run("report"),
            lambda: project.pipelines.visualize("report"),
            lambda: project.validate(imports=True),
            lambda: project.plan_against("HEAD"),
            lambda: project.jobs.start_worker(burst=True),
            lambda: load(site, redis_url, ref="HEAD"),
            lambda: load(site, "embedded").redis_url,
            lambda: FlowerPowerProject.load(Path(site.url)),
        ]
        for need in needs:
            with pytest.raises(UsageError) as caught:
                need()
            assert site.url in str(caught.value) or "slash" in str(caught.value)
            assert caught.value.hint


def test_options_of_another_kind_are_refused() -> None:
    with pytest.raises(UsageError, match="storage_options"):
        FlowerPowerProject.load("memory://x", storage_options=3)  # type: ignore[arg-type]


def test_an_untrusted_project_makes_nobody_fetch_another_url(
    redis_url: str, redis_connection: Redis, tmp_path: Path
) -> None:
    (tmp_path / "web/secret").mkdir(parents=True)
    (tmp_path / "web/secret/stolen.py").write_text("def stolen() -> int:\n    return 1\n")
    with on_the_web(tmp_path) as address:
        modules = [
            "../secret",
            "..%2Fsecret",
            "%2e%2e/secret",
            f"{address}/web/secret",
            "flows::file:///etc",
            "//secret",
        ]
        project = {"name": "acme", "modules": ["flows", *modules], "redis": "redis://127.0.0.1:1"}
        files = {**CONTENTS, "flowerpower.yaml": json.dumps(project).encode()}
        for site in (in_memory(files), Site(f"{address}/web/acme")):
            write_files(tmp_path / "web/acme", files)
            found = load(site, redis_url).sources
            assert list(found.modules) == ["flows/flow.py"]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return in_archive(tmp_path / "a project.zip", CONTENTS)


@pytest.fixture
def told(redis_url: str, redis_connection: Redis, tmp_path: Path, site: Site) -> Callable[..., Answer]:
    """The command line somewhere else, with the project at its URL."""
    (tmp_path / "elsewhere").mkdir()
    here = Here(tmp_path / "elsewhere", redis_url)
    return lambda *words: here(*words, "--project", site.url)


def test_every_command_that_only_reads_specs_takes_a_url(told: Callable[..., Answer], tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    for call, code, said in [
        ("validate", 0, "acme is valid"),
        ("render", 0, "name: nightly"),
        (f"plan --detailed-exitcode --out {saved}", 2, "3 to add"),
        (f"show {saved}", 0, "3 to add"),
        (f"apply {saved}", 0, "3 added"),
        ("plan --detailed-exitcode", 0, "No changes."),
        ("drift", 0, "No drift."),
        ("status", 0, "nightly"),
        ("next", 0, "nightly"),
        ("forecast", 0, "acme.default"),
        ("history", 0, "+3"),
        ("runs", 0, "No such run"),
        ("dag report", 0, "flowchart"),
        ("pause nightly --reason x", 0, "nightly"),
        ("resume nightly", 0, "nightly"),
        ("trigger report", 0, "Enqueued"),
        ("export", 0, "pipeline: report"),
        ("doctor", 1, "2 schedules, 1 pipeline"),  # a Redis of tests keeps nothing on disk
    ]:
        answer = told(*call.split())
        assert (answer.code, call) == (code, call), answer
        assert said in answer.out, call


@pytest.mark.parametrize(
    "call",
    [
        *("init", "new pipeline x", "new schedule x --pipeline report --every 1h", "fmt", "fmt --check", "adopt"),
        *("run report", "validate --import", "dag report --import"),
        *("plan --ref main", "plan --against main", "validate --ref main"),
    ],
)
def test_a_command_that_needs_a_folder_says_what_to_do(
    call: str, told: Callable[..., Answer], site: Site, tmp_path: Path
) -> None:
    before = (tmp_path / "a project.zip").read_bytes()

    answer = told(*call.split())

    assert answer.code == 1
    assert site.url in answer.err
    assert "hint: " in answer.err
    assert (tmp_path / "a project.zip").read_bytes() == before
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("call", ["dev", "worker --burst"])
def test_a_process_that_runs_modules_says_that_it_needs_a_folder(
    call: str, redis_url: str, site: Site, tmp_path: Path
) -> None:
    answer = CommandLine(tmp_path, {"FLOWERPOWER_REDIS": redis_url})(*call.split(), "--project", site.url)

    assert answer.code == 1
    assert site.url in answer.err
    assert "hint: " in answer.err


def test_what_is_proposed_names_the_url_where_that_works(told: Callable[..., Answer], site: Site) -> None:
    said = told("plan").out + told("trigger", "nobody").err

    assert f"flowerpower apply --project '{site.url}'" in said
    assert "flowerpower worker" in said
    assert not re.search("flowerpower worker [^\n]*--project", said)


def test_a_secret_of_the_url_is_nowhere_shown(redis_url: str, tmp_path: Path) -> None:
    line = CommandLine(tmp_path, {"FLOWERPOWER_REDIS": redis_url})
    for url in (
        "zip://acme::http://ana:hunter2@127.0.0.1:1/acme.zip?token=hunter2",
        "http://ana:hunter2@127.0.0.1:1/acme",
        "https://127.0.0.1:1/acme?sig=hunter2",
        "s3://key:hunter2@bucket/acme",
    ):
        for words in (["plan"], ["status", "--json"], ["plan", "--debug"], ["init"], ["validate", "--format", "junit"]):
            answer = line.process(*words, "--project", url)
            assert answer.code == 1
            assert "hunter2" not in answer.out + answer.err, words


def test_a_variable_names_the_url_and_the_environment_has_the_credentials(
    redis_url: str, redis_connection: Redis, bucket: Bucket, tmp_path: Path
) -> None:
    site = in_bucket(bucket, CONTENTS)
    credentials = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "hunter2", "AWS_ENDPOINT_URL": bucket.endpoint}
    line = CommandLine(tmp_path, {"FLOWERPOWER_REDIS": redis_url, "FLOWERPOWER_PROJECT": site.url, **credentials})

    answer = line("apply", "--auto-approve")

    assert (answer.code, answer.last) == (0, "Apply complete: 3 added, 0 changed, 0 destroyed.")
    assert "--project" not in answer.out
    assert line("plan", AWS_ENDPOINT_URL="http://127.0.0.1:1").code == 1


def test_a_revision_in_the_url_of_a_command_is_asked_for_apart(redis_url: str, tmp_path: Path) -> None:
    answer = Here(tmp_path, redis_url)("plan", "--project", "git+file:///srv/acme@main")

    assert answer.code == 1
    assert "--project /srv/acme --ref main" in answer.err


def test_a_url_of_a_folder_is_the_folder(redis_url: str, redis_connection: Redis, tmp_path: Path) -> None:
    write_files(tmp_path / "acme", CONTENTS)

    assert Here(tmp_path, redis_url)("new", "pipeline", "more", "--project", f"file://{tmp_path}/acme").code == 0
    assert (tmp_path / "acme/pipelines/more.yaml").exists()


def test_the_takeover_of_another_repository_is_refused_as_from_a_folder(
    redis_url: str, redis_connection: Redis, tmp_path: Path
) -> None:
    site = in_memory(CONTENTS)
    with load(site, redis_url) as project:
        project.apply(project.plan())
        redis_connection.hset(project.keys.head, "repository", "git.example/other")
    folder = write_files(tmp_path / "acme", EDITED)
    with load(in_memory(EDITED), redis_url) as there, FlowerPowerProject.load(folder, redis=redis_url) as here:
        assert there.plan().plan.checks == here.plan().plan.checks
        untrusted = FlowerPowerProject.find(there.settings._replace(untrusted=True))
        with pytest.raises(RefusedError, match="another repository"):
            untrusted.plan()
