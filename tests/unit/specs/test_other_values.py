"""Keys and files of other tools, by what stands there: told once, with a hint that is right to the letter."""

from __future__ import annotations

import re

import pytest

from flowerpower.errors import Problem
from flowerpower.specs.loader import load

PROJECT, PIPELINE, SCHEDULE = "flowerpower.yaml", "pipelines/sales.yaml", "schedules/nightly.yaml"
TEXTS = {
    PROJECT: "name: acme\n",
    PIPELINE: "modules: [flow]\noutputs: [total]\n",
    SCHEDULE: "pipeline: sales\nevery: 1h\n",
}
WRITE = re.compile(r"[Ww]rite `([^`]*)`")


def problems_of(file: str, text: str) -> list[Problem]:
    texts = {path: content.encode() for path, content in {**TEXTS, file: text}.items()}
    return list(load(texts, env="default", variables={}).problems)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("retries: 3\nretry_delay: 5m", "retry: {max: 3, intervals: [5m]}"),
        ("maxRetries: 2\nretryDelay: [10, 60]", "retry: {max: 2, intervals: [10s, 60s]}"),
        ("retry_delay: 5 minutes", "retry: {max: 3, intervals: [5m]}"),
        ("backoffLimit: 3", "retry: {max: 3}"),
        ("retry: {max: 3, delay: 10s}", "retry: {max: 3, intervals: [10s]}"),
    ],
)
def test_what_the_hint_says_of_the_retries_of_another_tool_is_right(wrong: str, right: str) -> None:
    (problem,) = problems_of(SCHEDULE, f"{TEXTS[SCHEDULE]}{wrong}\n")

    written = WRITE.search(problem.hint)
    assert written is not None
    assert written[1] in right
    assert problems_of(SCHEDULE, f"{TEXTS[SCHEDULE]}{right}\n") == []


@pytest.mark.parametrize(
    ("file", "text", "hint"),
    [
        (SCHEDULE, f"{TEXTS[SCHEDULE]}env: {{region: EU}}\n", "did you mean 'inputs'?"),
        (SCHEDULE, f"{TEXTS[SCHEDULE]}env: {{prod: {{paused: true}}}}\n", "did you mean 'environments'?"),
        (PIPELINE, "modules: [flow]\ntargets: [total]\n", "did you mean 'outputs'?"),
        (PROJECT, "name: acme\ntargets: {dev: {}}\n", "did you mean 'environments'?"),
        (PROJECT, "project: acme\n", "did you mean 'name'?"),
        (PROJECT, "name: acme\nversion: 2\n", "remove it: specs have no version"),
        (PROJECT, "name: acme\nnotify: {slack: [https://a.example]}\n", "did you mean 'on_failure'?"),
        (PROJECT, "name: acme\ndefaults: {schedules: {queue: a}}\n", "did you mean 'schedule'?"),
        (SCHEDULE, f"{TEXTS[SCHEDULE]}activeDeadlineSeconds: 60\n", "did you mean 'timeout'?"),
        (SCHEDULE, f"{TEXTS[SCHEDULE]}priority: 5\n", "remove it: what is urgent gets a `queue:` of its own"),
        (
            PIPELINE,
            f"{TEXTS[PIPELINE]}executor: {{type: dask, scheduler: 'tcp://a:8786'}}\n",
            "did you mean 'address'?",
        ),
        (PIPELINE, f"{TEXTS[PIPELINE]}executor: {{name: threads}}\n", "did you mean 'type'?"),
        (
            PIPELINE,
            f"{TEXTS[PIPELINE]}load: {{orders: {{format: csv, path: a.csv, header: true}}}}\n",
            "'header' belongs under `options:`, if the format takes it",
        ),
        (
            PIPELINE,
            f"{TEXTS[PIPELINE]}on_failure: ['https://a.example']\n",
            "'on_failure' belongs in a schedule, or under `notify:` in flowerpower.yaml",
        ),
        (
            PIPELINE,
            f"{TEXTS[PIPELINE]}dag: nightly\n",
            "it is called 'pipeline' here, and belongs in a schedule",
        ),
        (SCHEDULE, f"{TEXTS[SCHEDULE]}labels.team: x\n", "'team' belongs under `labels:`"),
        (
            PIPELINE,
            f"{TEXTS[PIPELINE]}save: [{{total: out.json}}]\n",
            "write {outputs: [total], format: json, path: out.json}",
        ),
        (PIPELINE, f"{TEXTS[PIPELINE]}steps: [{{name: a, run: b}}]\n", "Correct or remove the key."),
        (
            PIPELINE,
            "version: 2\nmodels:\n  - name: sales\n    columns: []\n",
            "move it out of `pipelines/`: all files there are specs",
        ),
        (
            PIPELINE,
            "sales:\n  modules: [flow]\n  outputs: [total]\n",
            "remove this line, or write `name: sales` in its place, and indent `modules` and `outputs` less",
        ),
        (
            PROJECT,
            "acme:\n  name: acme\n  modules: [flows]\n",
            "remove this line, and indent `name` and `modules` less",
        ),
    ],
)
def test_a_key_of_another_tool_is_told_once_by_what_it_holds(file: str, text: str, hint: str) -> None:
    (problem,) = problems_of(file, text)

    assert (problem.code, problem.hint) == ("FP101", hint)


def test_several_specs_under_their_names_are_parted_as_documents() -> None:
    nested = "nightly:\n  pipeline: sales\n  every: 1d\nhourly:\n  pipeline: sales\n  every: 1h\n"

    found = problems_of(SCHEDULE, nested)

    said = "write `name: {}` in its place, indent what is below it less, and part the specs by a line `---`"
    assert [problem.hint for problem in found] == [said.format("nightly"), said.format("hourly")]
    parted = "name: nightly\npipeline: sales\nevery: 1d\n---\nname: hourly\npipeline: sales\nevery: 1h\n"
    assert problems_of(SCHEDULE, parted) == []


def test_variables_of_the_project_file_are_told_where_they_are_given() -> None:
    (problem,) = problems_of(PROJECT, "name: acme\nvars: {REGION: EU}\n")

    said = "a variable is given with --var NAME=VALUE or FLOWERPOWER_VAR_NAME, and asked for by ${var:NAME}"
    assert problem.hint == f"remove it: {said}"


def test_a_list_that_may_not_be_empty_is_not_to_be_removed() -> None:
    (problem,) = problems_of(PIPELINE, "modules: [flow]\noutputs: []\n")

    assert problem.hint == "name at least one"
