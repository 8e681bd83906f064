"""A value in another shape than its key takes: the hint says how it is written, and that is right to the letter."""

from __future__ import annotations

import re

import pytest

from flowerpower.errors import Problem
from flowerpower.specs.checks import check_sources
from flowerpower.specs.files.reading import Sources

PROJECT, PIPELINE, SCHEDULE = "flowerpower.yaml", "pipelines/sales.yaml", "schedules/nightly.yaml"
STARTS = {
    PROJECT: "name: acme\n",
    PIPELINE: "modules: [flow]\noutputs: [total]\n",
    SCHEDULE: "pipeline: sales\ncron: '@daily'\n",
}
FLOW = "def total(orders: list = (), region: str = 'EU', day: str = 'x') -> list:\n    return orders\n"
WRITTEN = re.compile(r"[Ww]rite `?([^`]*)`?")


def problems_of(file: str, more: str) -> list[Problem]:
    starts = {**STARTS, PROJECT: "name: acme\nenvironments: {prod: {}}\n"} if file != PROJECT else STARTS
    texts = {**starts, file: starts[file] + more}
    sources = Sources({path: text.encode() for path, text in texts.items()}, (), {"flows/flow.py": FLOW.encode()})
    return list(check_sources(sources, env="default", variables={}, now=1_790_000_000).problems)


@pytest.mark.parametrize(
    ("file", "wrong", "right"),
    [
        (PIPELINE, "load:\n  - {name: orders, format: csv, path: x.csv}", "{orders: {format: csv, path: x.csv}}"),
        (PIPELINE, "load:\n  - node: orders\n    format: json\n    path: a", "{orders: {format: json, path: a}}"),
        (PROJECT, "queues:\n  - name: heavy\n    workers: 2\n  - default", "{default: {}, heavy: {workers: 2}}"),
        (PROJECT, "environments:\n  - name: prod\n    schedules: paused", "{prod: {schedules: paused}}"),
        (SCHEDULE, "environments:\n  - name: prod\n    paused: true", "{prod: {paused: true}}"),
        (SCHEDULE, "inputs:\n  - name: region\n    value: EU\n  - {name: day, value: y}", "{region: EU, day: y}"),
        (SCHEDULE, "inputs: 'region: EU'", "{region: EU}"),
        (SCHEDULE, "labels: [gold, sales]", '{gold: "yes", sales: "yes"}'),
        (SCHEDULE, "retry:\n  - max: 3\n  - intervals: [5s]", "{max: 3, intervals: [5s]}"),
        (SCHEDULE, "on_failure:\n  slack: https://a.example/x", "[https://a.example/x]"),
        (
            SCHEDULE,
            "on_failure: {a: [https://a.example/x], b: https://b.example}",
            "[https://a.example/x, https://b.example]",
        ),
        (PROJECT, "modules:\n  path: flows", "[flows]"),
        (SCHEDULE, "environments:\n  - prod: {paused: true}", "{prod: {paused: true}}"),
        (PROJECT, "queues:\n  - default: {workers: 2}", "{default: {workers: 2}}"),
        (PIPELINE, "adapters: {progress: {}}", "[progress]"),
    ],
)
def test_what_the_hint_says_of_another_shape_is_right(file: str, wrong: str, right: str) -> None:
    (problem,) = problems_of(file, f"{wrong}\n")

    written = WRITTEN.search(problem.hint)
    assert written is not None
    assert written[1] == right, problem
    assert problems_of(file, f"{wrong.partition(':')[0]}: {right}\n") == []


@pytest.mark.parametrize(
    ("file", "wrong", "hint"),
    [
        (SCHEDULE, "inputs: [region, day]", "write {region: ..., day: ...}, with a value for each"),
        (
            PIPELINE,
            "load:\n  - {name: orders, format: csv, path: x.csv, options: {sep: ';'}}",
            "write each under its name, as `orders: {...}`",
        ),
        (PROJECT, "queues:\n  - name: heavy\n    workers:", "write each under its name, as `heavy: {...}`"),
        (PIPELINE, "load: [orders]", "write each under its name, as `orders: {format: csv, path: ...}`"),
        (PROJECT, "queues: [a, a]", "write `key: value` lines without a `-`"),
        (PROJECT, "policies:\n  enforce: [a b]", "write `key: value` lines without a `-`"),
    ],
)
def test_where_more_is_to_be_written_than_a_hint_may_hold_it_says_how(file: str, wrong: str, hint: str) -> None:
    assert problems_of(file, f"{wrong}\n")[0].hint == hint


@pytest.mark.parametrize(
    ("file", "wrong", "hint", "right"),
    [
        (PIPELINE, "cache: .cache", "write `cache: {path: .cache}`", "cache: {path: .cache}"),
        (SCHEDULE, "retry: {max: many}", "write a whole number, for example `max: 3`", "retry: {max: 3}"),
        (SCHEDULE, "owner: [a, b]", 'write "a, b"', 'owner: "a, b"'),
        (SCHEDULE, "queue: [a, b]", "write one text: there is one `queue`", "queue: a"),
        (SCHEDULE, "queue: 1", "write a name with a letter first, as `queue: n1`", "queue: n1"),
        (SCHEDULE, "retry:\n  some words", "write `key: value` lines below it", "retry: {max: 1}"),
        (
            PIPELINE,
            "load: {orders: {format: pq, path: a}}",
            "did you mean 'parquet'?",
            "load: {orders: {format: parquet, path: a}}",
        ),
        (
            PIPELINE,
            "load: {orders: {format: xlsx, path: a}}",
            "did you mean 'excel'?",
            "load: {orders: {format: excel, path: a}}",
        ),
        (
            PROJECT,
            "notify: ['https://a.example/x']",
            "write `notify: {on_failure: [https://a.example/x]}`",
            "notify: {on_failure: [https://a.example/x]}",
        ),
        (PROJECT, "guards: {max_deletes: 10 %}", "write 10%", "guards: {max_deletes: 10%}"),
        (PROJECT, "policies: {rules: {require: [owner]}}", "did you mean 'enforce'?", "policies: {enforce: {}}"),
        (PROJECT, "policies: {warning: {}}", "did you mean 'warn'?", "policies: {warn: {}}"),
        (
            SCHEDULE,
            "environments: {'prod, default': {}}",
            "write a patch for each: `prod:` and `default:`",
            "environments: {prod: {}, default: {}}",
        ),
        (SCHEDULE, "environments: {production: {}}", "did you mean 'prod'?", "environments: {prod: {}}"),
    ],
)
def test_a_value_that_is_nearly_right_gets_a_hint_that_works(file: str, wrong: str, hint: str, right: str) -> None:
    (problem,) = problems_of(file, f"{wrong}\n")

    assert problem.hint == hint
    assert problems_of(file, f"{right}\n") == []


def test_a_module_with_the_folder_before_it_is_found() -> None:
    texts = {path: text.encode() for path, text in STARTS.items()}
    texts[PIPELINE] = b"modules: [flows.flow]\noutputs: [total]\n"

    sources = Sources(texts, (), {"flows/flow.py": FLOW.encode()})
    (problem,) = check_sources(sources, env="default", variables={}, now=1_790_000_000).problems

    assert problem.hint == "did you mean 'flow'?"
