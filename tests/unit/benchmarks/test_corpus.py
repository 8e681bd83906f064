from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.dataflow import differences, needs_of, real_graph, static_graph

from benchmarks.corpus import write_project
from benchmarks.triggers import DUE, due_cron, due_trigger
from benchmarks.worlds import make_world, read_desired
from flowerpower.schedule.trigger import parse_trigger
from flowerpower.specs.dataflow_rules import check_dataflow
from flowerpower.specs.files.sources import read
from flowerpower.specs.loader import load
from flowerpower.specs.rules import check_future, check_modules


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("corpus"), schedules=300, pipelines=30)


def test_the_corpus_is_the_same_every_time(project: Path, tmp_path: Path) -> None:
    assert files_of(write_project(tmp_path, schedules=300, pipelines=30)) == files_of(project)


def test_every_spec_of_the_corpus_is_valid(project: Path) -> None:
    sources = read(project)
    loaded = load(sources.texts, env="default", variables={})

    assert loaded.problems == ()
    assert loaded.project is not None
    assert (len(loaded.project.schedules), len(loaded.project.pipelines)) == (300, 30)
    assert check_modules(loaded.project, sources.modules) == []
    assert check_future(loaded.project, DUE) == []
    assert check_dataflow(loaded.project, sources.modules) == []


def test_hamilton_builds_the_modules_of_the_corpus_as_they_are_read(project: Path, tmp_path: Path) -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in (project / "flows").glob("*.py")}
    modules = [name.removesuffix(".py") for name in files]
    graph = static_graph(files, modules, {})

    real = real_graph(tmp_path, files, modules, {})

    assert graph.decided
    assert not isinstance(real, Exception)
    assert differences(needs_of(graph), real) == {}


def test_every_spec_of_the_corpus_has_20_to_60_lines(project: Path) -> None:
    lengths = [text.count(b"\n") for name, text in files_of(project).items() if "/" in name and name.endswith(".yaml")]

    assert len(lengths) == 330
    assert 20 <= min(lengths) < max(lengths) <= 60


def test_no_two_specs_of_the_corpus_are_alike(project: Path) -> None:
    specs = [text for name, text in files_of(project).items() if name.endswith(".yaml")]

    assert len(set(specs)) == len(specs)


@pytest.mark.parametrize("number", range(0, 700, 7))
def test_a_due_trigger_has_one_tick_at_the_moment_and_none_just_before(number: int) -> None:
    cron, zone = (line.split(": ")[1].strip('"') for line in due_trigger(number))

    trigger = parse_trigger(cron=cron, timezone=zone)

    assert trigger.next_tick(DUE - 31) == DUE
    assert trigger.next_tick(DUE) is not None


def test_due_triggers_are_many_different_ones() -> None:
    assert len({due_cron(number) for number in range(1000)}) > 300


def test_a_world_gives_peers_a_job_for_each_wanted_schedule(tmp_path: Path) -> None:
    world = make_world(tmp_path, 20)
    jobs = json.loads((world.folder / "jobs.json").read_text())
    desired = read_desired(world.folder)

    assert all(bool(job["cron"]) != bool(job["every"]) for job in jobs)
    assert {job["args"][1] for job in jobs} == set(desired.state.schedules)
    assert len(desired.state.pipelines) == 2
