"""Specs and code together: what is told of a whole project, and that each mistake is told once."""

from __future__ import annotations

import pytest

from flowerpower.errors import Problem
from flowerpower.specs.checks import check_sources
from flowerpower.specs.files.reading import Sources

PROJECT = {
    "flowerpower.yaml": "name: acme\n",
    "pipelines/sales.yaml": "modules: [flow]\noutputs: [total]\n",
}
DAY = {"pipelines/sales.yaml": "modules: [flow]\noutputs: [total]\ninputs: {day: x}\n"}
FLOW = "def total(day: str, region: str = 'EU') -> int:\n    return 1\n"


def problems_of(texts: dict[str, str], flow: str = FLOW) -> list[Problem]:
    everything = {**PROJECT, **texts}
    specs = {file: text.encode() for file, text in everything.items()}
    sources = Sources(specs, (), {"flows/flow.py": flow.encode()})
    return list(check_sources(sources, env="default", variables={}, now=1_790_000_000).problems)


def told(texts: dict[str, str], flow: str = FLOW) -> list[tuple[str, str]]:
    return [(problem.code, str(problem.place)) for problem in problems_of(texts, flow)]


def test_a_null_that_is_written_is_told_also_above_a_broken_line() -> None:
    start = "modules: [flow]\noutputs: [total]\ninputs:\n"

    written = told({"pipelines/sales.yaml": f"{start}  day: null\nowner 'x'\n"})
    open_ = told({"pipelines/sales.yaml": f"{start}  day:\n    'x\nowner: me\n"})

    assert written == [("FP335", "pipelines/sales.yaml:4:8"), ("FP010", "pipelines/sales.yaml:5:1")]
    assert open_ == [("FP010", "pipelines/sales.yaml:5:5")]


@pytest.mark.parametrize(
    ("start", "first", "second", "expected"),
    [
        ("", "cron: '99 * * * *'", "cron: '0 2 * * *'", [("FP303", "2:7"), ("FP011", "3:1")]),
        ("every: 1h\n", "timeout: banana", "timeout: 5m", [("FP106", "3:10"), ("FP011", "4:1")]),
        ("every: 1h\n", "timeout: banana", "timeout: apple", [("FP106", "3:10"), ("FP011", "4:1"), ("FP106", "4:10")]),
        ("every: 1h\n", "retry: {max: many,", " max: 3}", [("FP103", "3:14"), ("FP011", "4:2")]),
        ("every: 1h\nretry:\n", "  max: many", "  max: 3", [("FP103", "4:8"), ("FP011", "5:3")]),
        ("every: 1h\n", "after:\n- b", "after: []", [("FP310", "4:3"), ("FP011", "5:1")]),
        ("every: 1h\n", "inputs:\n  # a\n\n  regin: EU", "inputs: {region: EU}", [("FP321", "6:3"), ("FP011", "7:1")]),
        ("every: 1h\n", "owner:", "owner: me", [("FP112", "3:7"), ("FP011", "4:1")]),
    ],
)
def test_the_first_value_of_a_key_that_is_there_twice_is_checked_like_the_second(
    start: str, first: str, second: str, expected: list[tuple[str, str]]
) -> None:
    schedule = f"pipeline: sales\n{start}{first}\n{second}\n"

    found = told({**DAY, "schedules/a.yaml": schedule})

    assert found == [(code, f"schedules/a.yaml:{place}") for code, place in expected]


def test_the_same_mistake_with_both_values_of_a_key_is_told_once() -> None:
    found = told({"schedules/a.yaml": "pipeline: sales\nevery: 1h\nscedule: a\nscedule: b\n", **DAY})

    assert found == [("FP011", "schedules/a.yaml:4:1"), ("FP101", "schedules/a.yaml:4:1")]


def test_what_is_beside_a_key_that_is_there_twice_is_told_once() -> None:
    found = told({"schedules/a.yaml": "pipeline: sales\nevery: 1x\nqueue: a\nqueue: b\nowner 'x'\nretry: 5\n", **DAY})

    places = [place.removeprefix("schedules/a.yaml:") for _, place in found]
    assert places == ["2:8", "4:1", "5:1", "6:8"]


def test_what_the_first_of_two_values_lacks_may_stand_in_the_second() -> None:
    flow = "def total(day: str, region: str) -> int:\n    return 1\n"
    twice = "inputs: {day: x}\ninputs: {region: EU}\nretry: {intervals: [1m]}\nretry: {max: 1}\n"

    found = told({"pipelines/sales.yaml": f"modules: [flow]\noutputs: [total]\n{twice}"}, flow)

    assert found == [("FP011", "pipelines/sales.yaml:4:1"), ("FP011", "pipelines/sales.yaml:6:1")]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{outputs: [totl], format: 7, path: x}", ["FP320", "FP103"]),
        ("{outputs: [totl], format: , path: x}", ["FP320", "FP112"]),
        ("{outputs: [totl], path: x}", ["FP102", "FP320"]),
        ("{outputs: [totl, 7], format: json, path: x}", ["FP320", "FP103"]),
        ("{outputs: 7, format: json, path: x}", ["FP103"]),
        ("{format: 7, path: x}", ["FP102", "FP103"]),
        ("{outputs: [total], format: 7, path: ../x}", ["FP103"]),
    ],
)
def test_the_names_in_an_entry_are_checked_whatever_else_is_wrong_with_it(entry: str, expected: list[str]) -> None:
    pipeline = f"modules: [flow]\noutputs: [total]\ninputs: {{day: x}}\nsave:\n  - {entry}\n"

    assert [code for code, _ in told({"pipelines/sales.yaml": pipeline})] == expected


NEEDS_ORDERS = "def total(orders: list, day: str, region: str = 'EU') -> int:\n    return 1\n"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("inputs: {dy: x, orders: []}", [("FP321", "3:10", "did you mean 'day'?")]),
        ("inputs: {day: x, orders: [], dya: y}", [("FP321", "3:30", "did you mean 'day'? It is given already")]),
        ("inputs: {day: x}\noverrides: {ordrs: []}", [("FP320", "4:13", "did you mean 'orders'?")]),
        ("inputs: {day: x}\nload: {ordrs: {format: json, path: x}}", [("FP320", "4:8", "did you mean 'orders'?")]),
    ],
)
def test_a_name_that_is_misspelt_is_not_missing_too(given: str, expected: list[tuple[str, str, str]]) -> None:
    pipeline = {"pipelines/sales.yaml": f"modules: [flow]\noutputs: [total]\n{given}\n"}

    found = problems_of(pipeline, NEEDS_ORDERS)

    places = [str(problem.place).partition(":")[2] for problem in found]
    assert [(one.code, place, one.hint) for one, place in zip(found, places, strict=True)] == expected


def test_an_input_that_nothing_there_resembles_is_missing() -> None:
    pipeline = {"pipelines/sales.yaml": "modules: [flow]\noutputs: [total]\ninputs: {dy: x}\n"}

    assert [code for code, _ in told(pipeline, NEEDS_ORDERS)] == ["FP322", "FP321"]


@pytest.mark.parametrize(
    ("modules", "place", "what"),
    [
        ("", "1:1", "no module lies in flows"),
        ("modules: [src]\n", "2:11", "no module lies in src"),
        ("modules: []\n", "2:10", "`modules:` names no folder to look in"),
    ],
)
def test_that_no_folder_of_the_project_holds_modules_is_told_once(modules: str, place: str, what: str) -> None:
    pipelines = {f"pipelines/p{number}.yaml": "modules: [flow]\noutputs: [total]\n" for number in range(3)}
    texts = {"flowerpower.yaml": f"name: acme\n{modules}", **pipelines}
    sources = Sources({file: text.encode() for file, text in texts.items()}, (), {})

    (found,) = check_sources(sources, env="default", variables={}, now=1_790_000_000).problems

    hint = "list under `modules:` the folder that holds flow.py"
    assert str(found) == f"flowerpower.yaml:{place}: FP305 {what} ({hint})"


def test_a_module_that_is_not_beside_others_is_told_of_its_pipeline() -> None:
    assert told({"pipelines/sales.yaml": "modules: [flow, gone]\noutputs: [total]\n"})[0] == (
        "FP305",
        "pipelines/sales.yaml:1:17",
    )


def test_an_entry_without_a_format_and_with_one_text_for_a_list_is_told_of_both() -> None:
    entry = "  - {outputs: totl, to: parquet, path: out}\n"

    found = told({"pipelines/sales.yaml": f"modules: [flow]\noutputs: [total]\ninputs: {{day: x}}\nsave:\n{entry}"})

    assert [code for code, _ in found] == ["FP102", "FP103", "FP320", "FP101"]
