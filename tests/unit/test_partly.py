"""What is taken from the live state and from a few specs is what all of the specs ask for, or nothing at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corpus import write_project
from flowerpower.in_parts import desired_of
from flowerpower.partly import wanted_partly
from flowerpower.specs.checks import check_sources
from flowerpower.specs.files.sources import Sources, read
from flowerpower.specs.verdict import Question
from flowerpower.state.models import Desired, State
from flowerpower.state.outline import outline_of

QUESTION = Question("default", {}, 1_800_000_000)
ODD = {
    "flow style": b"{name: odd, pipeline: pipeline_00001, every: 1h}\n",
    "a quoted key": b'"name": odd\npipeline: pipeline_00001\nevery: 1h\n',
    "a comment that looks like a name": b"pipeline: pipeline_00001\ndescription: |\n  x\n#\nevery: 1h\n",
    "several in one file": b"name: odd\npipeline: pipeline_00002\nevery: 1h\n---\n"
    b"name: odder\npipeline: pipeline_00003\nevery: 2h\n",
}


def whole(sources: Sources) -> Desired:
    loaded = check_sources(sources, env="default", variables={}, now=QUESTION.now)
    assert loaded.project, loaded.problems
    return desired_of(loaded.project, sources)


def partly(sources: Sources, wanted: Desired, same: set[str], live_pipelines: set[str]) -> Desired | None:
    pipelines = {name: one for name, one in wanted.state.pipelines.items() if name in live_pipelines}
    live = State({name: wanted.state.schedules[name] for name in same}, pipelines)
    return wanted_partly(sources, QUESTION, outline_of(wanted, "tree"), live, same)


def assert_same(found: Desired, wanted: Desired, same: set[str]) -> None:
    loaded = [one for name, one in wanted.state.schedules.items() if name not in same]
    assert found.state == wanted.state
    assert found.rules == wanted.rules
    assert {one.run: found.run_specs[one.run] for one in loaded} == {
        one.run: wanted.run_specs[one.run] for one in loaded
    }
    addresses = [f"schedule.{one.name}" for one in loaded]
    assert [found.places[address] for address in addresses] == [wanted.places[address] for address in addresses]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return read(write_project(tmp_path_factory.mktemp("partly") / "project", schedules=24, pipelines=5))


@given(data=st.data())
def test_a_part_and_what_is_live_are_the_whole(project: Sources, data: st.DataObject) -> None:
    wanted = whole(project)
    some = st.sets(st.sampled_from(sorted(wanted.state.schedules)), min_size=12)
    same, pipelines = data.draw(some), data.draw(st.sets(st.sampled_from(sorted(wanted.state.pipelines))))

    found = partly(project, wanted, same, pipelines)

    assert found
    assert_same(found, wanted, same)


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_a_spec_that_is_not_found_at_a_glance_is_never_taken_for_another(project: Sources, text: bytes) -> None:
    sources = project._replace(texts={**project.texts, "schedules/file.yaml": text})
    wanted = whole(sources)
    odd = wanted.state.schedules.keys() - whole(project).state.schedules.keys()
    same = set(wanted.state.schedules) - odd

    found = partly(sources, wanted, same, set(wanted.state.pipelines))

    if found:
        assert_same(found, wanted, same)
    assert bool(found) == (b"name: odd\n" in text or b"#\n" in text)


def test_where_most_of_it_differs_all_of_it_is_loaded(project: Sources) -> None:
    assert partly(project, whole(project), set(), set()) is None
