"""What is remembered between two commands: never an answer to another question."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from flowerpower import version
from flowerpower.errors import SpecError
from flowerpower.planned import PlannedChanges
from flowerpower.project import FlowerPowerProject

FILES = {
    "flowerpower.yaml": "name: acme\nmodules: [flows]\nenvironments: {prod: {}}\n",
    "pipelines/report.yaml": "modules: [flow]\noutputs: [doubled]\ninputs: {number: '${var:NUMBER:-1}'}\n",
    "schedules/nightly.yaml": "pipeline: report\ncron: '0 2 * * *'\n",
    "schedules/hourly.yaml": "pipeline: report\nevery: 1h\n",
    "flows/flow.py": "def doubled(number: int) -> int:\n    return number * 2\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "acme"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    before = time.time() - 3600
    for name in FILES:
        os.utime(folder / name, (before, before))
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLOWERPOWER_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


Open = Callable[..., FlowerPowerProject]


@pytest.fixture
def load(folder: Path, redis_url: str, redis_connection: Redis) -> Iterator[Open]:
    projects: list[FlowerPowerProject] = []

    def load(**options: object) -> FlowerPowerProject:
        projects.append(FlowerPowerProject.load(folder, redis=redis_url, **options))  # type: ignore[arg-type]
        return projects[-1]

    yield load
    for project in projects:
        project.close()


def settle(load: Open) -> None:
    project = load()
    project.apply(project.plan())
    time.sleep(0.01)


def changes(planned: PlannedChanges) -> list[str]:
    return [change.address for change in planned.plan.changes]


def test_the_second_plan_of_the_same_files_loads_no_spec(load: Open) -> None:
    settle(load)

    project = load()
    planned = project.plan()

    assert changes(planned) == []
    assert project.problems == ()
    assert not {"desired", "_resolved"} & vars(project.written).keys(), "the specs were loaded"


def test_the_plan_is_the_one_that_would_be_made_without_memory(load: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(load)
    remembered = load().plan()

    monkeypatch.setenv("FLOWERPOWER_CACHE_DIR", "/dev/null/none")
    anew = load().plan()

    assert remembered.to_text() == anew.to_text()
    assert remembered.hash == anew.hash
    assert remembered.plan.source == anew.plan.source
    assert remembered.plan.checks == anew.plan.checks


EDITS: dict[str, tuple[str, str, str]] = {
    "an input": ("pipelines/report.yaml", "NUMBER:-1", "NUMBER:-2"),
    "the code": ("flows/flow.py", "* 2", "* 3"),
    "a trigger": ("schedules/nightly.yaml", "0 2", "0 3"),
    "the project": ("flowerpower.yaml", "environments", "timezone: Asia/Tokyo\nenvironments"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_seen(load: Open, folder: Path, edit: str) -> None:
    settle(load)
    name, old, new = EDITS[edit]
    file = folder / name
    before = file.stat()
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    project = load()

    assert project.outline is None
    assert changes(project.plan()) != []


def test_a_new_file_and_one_that_is_gone_are_seen(load: Open, folder: Path) -> None:
    settle(load)
    (folder / "schedules/new.yaml").write_text("pipeline: report\nevery: 2h\n")
    assert changes(load().plan()) == ["schedule.new"]

    (folder / "schedules/new.yaml").unlink()
    (folder / "schedules/hourly.yaml").unlink()
    assert changes(load().plan()) == ["schedule.hourly"]


def test_another_variable_is_another_question(load: Open) -> None:
    settle(load)

    project = load(variables={"NUMBER": "7"})

    assert project.outline is None
    assert "pipeline.report" in changes(project.plan())
    assert changes(load().plan()) == []


def test_another_environment_is_another_question(load: Open) -> None:
    settle(load)

    assert load(env="prod").outline is None
    assert len(changes(load(env="prod").plan())) == 3


def test_another_flowerpower_asks_again(load: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(load)
    assert load().outline is not None

    monkeypatch.setattr(version, "__version__", "99.0")

    assert load().outline is None


def test_invalid_specs_leave_no_outline(load: Open, folder: Path) -> None:
    (folder / "schedules/nightly.yaml").write_text("pipeline: nobody\ncron: '0 2 * * *'\n")
    for _ in range(2):
        assert load().verdict.problems
        with pytest.raises(SpecError):
            load().plan()
        assert load().outline is None


def test_a_hand_in_redis_is_seen_and_only_that_schedule_is_loaded(load: Open, redis_connection: Redis) -> None:
    settle(load)
    redis_connection.hdel("flowerpower:acme.default:schedules", "hourly")

    project = load()

    assert changes(project.plan()) == ["schedule.hourly"]
    assert vars(project.written).keys().isdisjoint({"desired", "loaded"})


def test_files_written_at_this_very_moment_are_read_but_not_loaded(load: Open, folder: Path) -> None:
    settle(load)
    for name, text in FILES.items():
        (folder / name).write_text(text)  # as a fresh checkout does

    project = load()

    assert project.recalled is None
    assert changes(project.plan()) == []
    assert "desired" not in vars(project.written)


def test_a_checkout_of_known_files_is_read_once(load: Open, folder: Path) -> None:
    settle(load)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    time.sleep(2.1)  # files written just now are not trusted, and the times of inodes cannot be set back

    first, second = load(), load()
    assert (first.recalled, changes(first.plan())) == (None, [])
    assert (changes(second.plan()), "sources" in vars(second.written)) == ([], False)


def test_what_is_kept_is_for_its_owner_alone(load: Open, cache: Path) -> None:
    settle(load)

    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in cache.iterdir()} == {0o600}


def test_a_cache_that_is_damaged_or_forged_changes_no_plan(load: Open, cache: Path) -> None:
    settle(load)
    for file in cache.iterdir():
        whole = file.read_bytes()
        for text in (b"", b"[]", b"{}", b'{"version":1}\n', b"null", whole.partition(b"\n")[2][:-9]):
            for content in (text, hashlib.sha256(text).hexdigest().encode() + b"\n" + text):
                file.write_bytes(content)
                assert changes(load().plan()) == []
        file.write_bytes(whole)
