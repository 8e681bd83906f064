from __future__ import annotations

import re
from typing import Any

import pytest

from flowerpower.errors import SpecError
from flowerpower.specs.loader import Project, load, resolve_redis
from flowerpower.specs.places import Places

PIPELINE = "modules: [sales]\noutputs: [report]\n"


def load_texts(files: dict[str, str], env: str = "default", **variables: str) -> Project:
    given = {"flowerpower.yaml": "name: acme\n", "pipelines/sales.yaml": PIPELINE, **files}
    loaded = load({path: text.encode() for path, text in given.items()}, env=env, variables=variables)
    assert loaded.problems == ()
    assert loaded.project is not None
    return loaded.project


def test_the_namespace_is_project_and_environment() -> None:
    assert load_texts({}).namespace == "acme.default"


def test_a_schedule_without_zone_has_the_project_s() -> None:
    project = load_texts(
        {
            "flowerpower.yaml": "name: acme\ntimezone: Europe/Berlin\n",
            "schedules/a.yaml": "pipeline: sales\nevery: 1h\n",
        }
    )

    assert project.schedules["a"].timezone == "Europe/Berlin"


LAYERS = {
    "flowerpower.yaml": "name: acme\ndefaults:\n  schedule: {cron: '@daily', timeout: 1h, inputs: {a: 1, b: 1, c: 1}}\n"
    "environments:\n  prod: {defaults: {schedule: {timeout: 2h, inputs: {c: 2}}}}\n",
    "schedules/a.yaml": "pipeline: sales\nevery: 1h\ninputs: {b: 3, n: null}\n"
    "environments: {prod: {at: 2027-01-01, timeout: null, inputs: {b: null}}}\n",
}


def test_a_spec_lies_over_the_defaults() -> None:
    spec = load_texts(LAYERS).schedules["a"]

    assert (spec.every, spec.cron, spec.timeout) == (3600, None, 3600)
    assert spec.inputs == {"a": 1, "b": 3, "c": 1, "n": None}


def test_project_patch_then_defaults_then_spec_then_its_patch() -> None:
    spec = load_texts(LAYERS, env="prod").schedules["a"]

    assert (spec.at, spec.every, spec.cron, spec.timeout) == ("2027-01-01", None, None, None)
    assert spec.inputs == {"a": 1, "c": 2, "n": None}


def test_null_leaves_a_spec_out_of_an_environment() -> None:
    files = {
        "flowerpower.yaml": "name: acme\nenvironments: {staging: }\n",
        "schedules/a.yaml": "pipeline: sales\nevery: 1h\nenvironments: {staging: null}\n",
    }

    assert set(load_texts(files).schedules) == {"a"}
    assert load_texts(files, env="staging").schedules == {}


def test_variables_are_filled_in_and_cannot_bring_placeholders_in() -> None:
    text = "inputs: {a: '${var:A}', b: '${var:B:-b}', c: '${tick}$${x}', d: '$${tick}'}\nowner: '${var:A}$${x}'\n"
    spec = load_texts({"pipelines/sales.yaml": PIPELINE + text}, A="${secret:KEY}").pipelines["sales"]

    assert spec.inputs == {"a": "$${secret:KEY}", "b": "b", "c": "${tick}$${x}", "d": "$${tick}"}
    assert spec.owner == "${secret:KEY}${x}"


def test_an_empty_variable_takes_the_default_and_a_set_one_does_not() -> None:
    text = "inputs: {a: '${var:A:-x}', b: '${var:B:-x}', c: '${var:A}'}\n"
    spec = load_texts({"pipelines/sales.yaml": PIPELINE + text}, A="", B="y").pipelines["sales"]

    assert spec.inputs == {"a": "x", "b": "y", "c": ""}


def test_redis_keeps_its_placeholder_until_the_connection() -> None:
    project = load_texts({"flowerpower.yaml": "name: acme\nredis: '${env:URL:-embedded}'\n"})

    assert project.spec.redis == "${env:URL:-embedded}"
    assert resolve_redis("${env:URL:-embedded}", {}) == "embedded"
    assert resolve_redis("redis://:${env:PW}@h/$${x}", {"PW": "p${y}"}) == "redis://:p${y}@h/${x}"


def test_a_missing_environment_variable_is_named_and_no_value_shown() -> None:
    with pytest.raises(SpecError, match="PW is not set") as caught:
        resolve_redis("redis://${env:HOST}:${env:PW}", {"HOST": "hunter2"})

    assert "hunter2" not in str(caught.value)


def test_places_find_the_layer_that_wrote_a_value() -> None:
    project = load_texts(LAYERS, env="prod")
    places = project.places
    assert isinstance(places, Places)

    assert set(places) == {"project", "pipeline.sales", "schedule.a"}
    assert str(places["schedule.a"]) == "schedules/a.yaml:1:1"
    assert str(places.at("schedule.a", "at")) == "schedules/a.yaml:4:27"
    assert str(places.at("schedule.a", "pipeline")) == "schedules/a.yaml:1:11"
    assert str(places.at("schedule.a", "inputs", "a")) == "flowerpower.yaml:3:55"
    assert str(places.at("schedule.a", "inputs", "c")) == "flowerpower.yaml:5:57"


def test_a_broken_pipeline_is_not_also_an_unknown_one() -> None:
    texts = {
        "flowerpower.yaml": b"name: acme\n",
        "pipelines/sales.yaml": b"modules: [\n",
        "schedules/a.yaml": b"pipeline: sales\nevery: 1h\n",
    }

    problems = load(texts, env="default", variables={}).problems

    assert [problem.code for problem in problems] == ["FP010"]


@pytest.mark.parametrize("broken", ["owner: @me\n" * 25, "<<<<<<< ours\n", f"a: {'[' * 70}\n"])
def test_a_pipeline_behind_the_place_where_a_file_is_given_up_is_not_unknown(broken: str) -> None:
    texts = {
        "flowerpower.yaml": b"name: acme\n",
        "pipelines/all.yaml": f"name: sales\n{PIPELINE}---\n{broken}---\nname: stock\n{PIPELINE}".encode(),
        "schedules/a.yaml": b"pipeline: stock\nevery: 1h\n",
    }

    problems = load(texts, env="default", variables={}).problems

    assert {problem.place.file for problem in problems} == {"pipelines/all.yaml"}
    assert [problem.code for problem in problems][-1] in ("FP007", "FP015", "FP020")


RICH = {
    "flowerpower.yaml": (
        "name: acme\ntimezone: Europe/Berlin\nmodules: [src]\nqueues: {default: {}, heavy: {}}\n"
        "environments: {prod: {}}\ndefaults: {pipeline: {timeout: 1h}, schedule: {cron: '@daily'}}\n"
    ),
    "pipelines/sales.yaml": "name: revenue\nmodules: [sales]\noutputs: [report]\nretry: {max: 2}\n",
    "schedules/a.yaml": "pipeline: revenue\nqueue: heavy\nenvironments: {prod: {paused: true}}\n",
    "schedules/b.yaml": "name: one\npipeline: revenue\n---\nname: two\npipeline: revenue\nlabels: {a: b}\n",
}
LINES = [(file, number) for file, text in RICH.items() for number in range(text.count("\n"))]


@pytest.mark.parametrize(
    "broken", ["{key}: @{value}", '{key}: "{value}', "{key}:{value}", "{key} {value}", "{key}: [{value}"]
)
def test_a_line_that_is_no_yaml_is_one_mistake_and_nothing_follows_from_it(broken: str) -> None:
    for file, number in LINES:
        lines = RICH[file].splitlines()
        key, colon, value = lines[number].partition(": ")
        if not colon:
            continue
        lines[number] = broken.format(key=key, value=value)
        texts = {**RICH, file: "\n".join(lines) + "\n"}

        problems = load({path: text.encode() for path, text in texts.items()}, env="default", variables={}).problems

        places = [(problem.place.file, problem.place.line) for problem in problems]
        assert places == [(file, number + 1)], (lines[number], problems)
        odd_key = re.search(r"\{.*: .*\}", lines[number])  # `retry {max: 2}` has a key that is only unknown
        assert problems[0].code == "FP010" or (odd_key and problems[0].code == "FP101")


def test_the_rest_of_a_file_and_of_the_project_is_checked_beside_a_line_that_is_no_yaml() -> None:
    texts = {
        **RICH,
        "schedules/a.yaml": "pipeline: 'revenue\nqueue: hevy\nlabels: {a: [1}\npaused: 3\n",
        "schedules/c.yaml": "pipeline: revenu\n",
    }

    problems = load({path: text.encode() for path, text in texts.items()}, env="default", variables={}).problems

    assert [(problem.code, str(problem.place)) for problem in problems] == [
        ("FP010", "schedules/a.yaml:1:11"),
        ("FP302", "schedules/a.yaml:2:8"),
        ("FP010", "schedules/a.yaml:3:13"),
        ("FP103", "schedules/a.yaml:4:9"),
        ("FP301", "schedules/c.yaml:1:11"),
    ]


@pytest.mark.parametrize("path", ["README.md", "pipelines/x.json", "other/x.yaml", "sub/flowerpower.yaml", "schedules"])
def test_other_files_are_none_of_our_business(path: str) -> None:
    assert load_texts({path: "{ not yaml"}).schedules == {}


def test_a_warning_does_not_stop_a_project(tmp_path: Any) -> None:
    texts = {"flowerpower.yaml": b"\xef\xbb\xbfname: acme\n"}

    loaded = load(texts, env="default", variables={})

    assert [problem.severity for problem in loaded.problems] == ["warning"]
    assert loaded.project is not None


class Watched(bytes):
    """The text of a file that counts how often all of it was searched."""

    searched = 0

    def __contains__(self, part: object) -> bool:
        Watched.searched += 1
        return super().__contains__(part)  # type: ignore[operator]


def test_a_file_of_many_documents_is_not_searched_anew_for_each_of_them() -> None:
    many = "---\n".join(f"name: s-{number}\npipeline: report\nevery: 1h\n" for number in range(50))
    texts = {
        "flowerpower.yaml": b"name: acme\nmodules: [flows]\n",
        "pipelines/report.yaml": b"modules: [flow]\noutputs: [x]\n",
        "schedules/many.yaml": Watched(many.encode()),
    }

    found = load(texts, env="default", variables={})

    assert found.project
    assert len(found.project.schedules) == 50
    assert 0 < Watched.searched < 10
