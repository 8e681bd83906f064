"""What a project asks for is the same whether it is worked out whole or in parts, in one process or in two."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command_line import CommandLine
from support.odd_files import build_case

from benchmarks.corpus import write_project
from flowerpower.in_parts import InParts, desired_of, part_of, put_together
from flowerpower.specs.checks import check_sources, verdict_of
from flowerpower.specs.files.side_by_side import shared_out
from flowerpower.specs.files.sources import Sources, read
from flowerpower.specs.verdict import Question
from flowerpower.state.outline import Outline, outline_of

CASES = Path(__file__).parents[1] / "cases" / "specs"
RENAMED = {"previous-names"}  # where names are compared with those of other schedules
NOW = 1_800_000_000
QUESTION = Question("default", {}, NOW)
MANY = 2100


def in_parts(sources: Sources, count: int) -> InParts | None:
    parts = [part for share in shared_out(sources, count) if (part := part_of(share, QUESTION))]
    return put_together(parts, sources) if len(parts) == count else None


def told(outline: Outline) -> list[object]:
    return sorted((one.name, one.digest, one.run, json.dumps(outline.jobs[one.job])) for one in outline.schedules())


@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize("case", sorted({path.name for path in CASES.iterdir()} - RENAMED))
def test_parts_ask_for_what_the_whole_asks_for(case: str, count: int, tmp_path: Path) -> None:
    sources = read(build_case(CASES / case, tmp_path))
    apart = in_parts(sources, count)
    if apart is None:
        return  # then all of it is worked out at once
    assert_same(apart, sources)


@pytest.mark.parametrize("count", [2, 5])
def test_parts_of_what_people_write_ask_for_what_the_whole_asks_for(count: int, checkout: Path, tmp_path: Path) -> None:
    write_project(tmp_path / "project", schedules=60, pipelines=9)
    folders = [tmp_path / "project", *(file.parent for file in (checkout / "examples").rglob("flowerpower.yaml"))]

    for folder in folders:
        sources = read(folder)
        apart = in_parts(sources, count)
        assert apart, folder
        assert_same(apart, sources)


def assert_same(found: InParts, sources: Sources) -> None:
    loaded = check_sources(sources, env="default", variables={}, now=NOW)
    assert loaded.project
    whole = desired_of(loaded.project, sources)
    desired, outline = found.desired, outline_of(whole, sources.digest)
    assert found.verdict == verdict_of(loaded, NOW)
    assert (dict(desired.state.schedules), desired.state.pipelines) == (whole.state.schedules, whole.state.pipelines)
    assert dict(desired.run_specs) == whole.run_specs
    assert (dict(desired.places), desired.rules) == (whole.places, whole.rules)
    assert (told(found.outline), found.outline.pipelines) == (told(outline), outline.pipelines)
    assert (found.outline.tree, found.outline.rules) == (outline.tree, outline.rules)


@pytest.fixture
def large(tmp_path: Path, redis_url: str) -> CommandLine:
    files = {
        "flowerpower.yaml": "name: acme\n",
        "flows/sales.py": "def report(day: str = '') -> int:\n    return 1\n",
        **{f"pipelines/p{number}.yaml": "modules: [sales]\noutputs: [report]\n" for number in range(9)},
        **{f"schedules/s{number}.yaml": f"pipeline: p{number % 9}\nevery: 1h\n" for number in range(MANY)},
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return CommandLine(tmp_path, {"FLOWERPOWER_REDIS": redis_url, "FLOWERPOWER_CACHE_DIR": str(tmp_path / ".cache")})


def change(folder: Path) -> None:
    schedules = folder / "schedules"
    (schedules / "s7.yaml").write_text("pipeline: p7\ncron: '0 3 * * *'\ninputs: {day: monday}\n")
    (schedules / "s8.yaml").unlink()
    (schedules / "new.yaml").write_text("pipeline: p1\nevery: 2h\n")
    (folder / "pipelines/p3.yaml").write_text("modules: [sales]\noutputs: [report]\ntimeout: 5m\n")


def test_a_large_project_is_planned_as_a_small_one_is(large: CommandLine) -> None:
    assert large("apply", "--auto-approve").code == 0
    unchanged = large("plan", "--detailed-exitcode")
    change(large.folder)
    (large.folder / ".cache").rename(large.folder / ".cache-before")

    apart = large("plan", "--json")
    again = large("plan", "--json")  # now it is known what the specs ask for, and few of them are loaded
    (large.folder / "flowerpower.yaml").write_text("name: acme\n# previous_names: then all is looked at as one\n")
    whole = large("plan", "--json")

    assert (unchanged.code, apart.code, again.code, whole.code) == (0, 0, 0, 0)
    # The files differ by a comment, and the moment by a second.
    seen = [{**answer.document, "source": {}, "live": {}, "timestamp": ""} for answer in (apart, again, whole)]
    assert seen[0] == seen[1] == seen[2]
    assert {change["address"] for change in seen[0]["resource_changes"]} > {
        "schedule.s7",
        "schedule.s8",
        "schedule.new",
    }
    assert large("apply", "--auto-approve").code == 0
    assert large("plan", "--detailed-exitcode").code == 0
