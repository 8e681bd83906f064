"""The law of schemas: a schema and flowerpower judge a file alike, except where `schema_gaps` and `schema_extras` say.

A file is a spec of a project that is good apart from it. The schema judges the file's text as parsed; flowerpower
accepts the file when the project loads without a problem in that file, in every environment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.spec_strategies import ENVIRONMENTS, ODD, VARIABLES, broken, changed_at, every_key, good, places_in

from flowerpower.errors import Problem
from flowerpower.specs.files.sources import read
from flowerpower.specs.loader import kind_of_file, load
from flowerpower.specs.schema.gaps import Extra, Gap, schema_extras, schema_gaps
from flowerpower.specs.schema.schema import KINDS, json_schema
from flowerpower.specs.text.yaml import parse

ROOT = Path(__file__).parents[2]
PROJECTS = sorted(path / "input" for path in (ROOT / "tests" / "cases" / "specs").iterdir())
FILES = {"project": "flowerpower.yaml", "pipeline": "pipelines/sales.yaml", "schedule": "schedules/nightly.yaml"}
GOOD = {
    "project": {"name": "acme", "environments": {name: {} for name in ENVIRONMENTS}},
    "pipeline": {"modules": ["sales"], "outputs": ["report"]},
    "schedule": {"pipeline": "sales", "cron": "0 2 * * *"},
}
DEFAULTS = (
    {},
    {"pipeline": {"modules": ["sales"], "outputs": ["report"], "owner": "me", "retry": {"max": 3}}},
    {"schedule": {"pipeline": "sales", "every": "15m", "timeout": "1h", "retry": {"max": 2, "intervals": ["1m"]}}},
)


def matches_pattern(_validator: Any, pattern: str, value: object, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    """Check `pattern` as ECMA-262 means it: there `$` is the end, while Python's also stands before a line break."""
    if isinstance(value, str) and not re.search(pattern.replace("$)", r"\Z)").replace("$|", r"\Z|"), value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


Validator = jsonschema.validators.extend(jsonschema.Draft7Validator, {"pattern": matches_pattern})
VALIDATORS = {kind: Validator(json_schema(kind)) for kind in KINDS}


def texts_of(kind: str, document: Any, defaults: Mapping[str, Any]) -> dict[str, bytes]:
    documents = {**GOOD, "project": {**GOOD["project"], "defaults": defaults}, kind: document}
    return {FILES[each]: json.dumps(value).encode() for each, value in documents.items()}


def errors_of(texts: Mapping[str, bytes], file: str, environments: tuple[str, ...] = ENVIRONMENTS) -> set[Problem]:
    loads = [load(texts, env=env, variables=VARIABLES) for env in environments]
    return {
        problem
        for loaded in loads
        for problem in loaded.problems
        if problem.place.file == file and problem.severity == "error"
    }


def environments_of(texts: Mapping[str, bytes]) -> tuple[str, ...]:
    documents = parse("flowerpower.yaml", texts.get("flowerpower.yaml", b"")).documents
    found = documents[0].data.get("environments", {}) if documents and isinstance(documents[0].data, dict) else {}
    return tuple(dict.fromkeys(["default", *found]))


def disagreements(kind: str, document: Any, problems: set[Problem]) -> Iterator[str]:
    refused = list(VALIDATORS[kind].iter_errors(document))
    if not refused:
        for problem in problems:
            if not any(gap.explains(problem, VARIABLES) for gap in schema_gaps):
                yield f"the schema accepts it: {problem}"
    elif not problems:
        for error in refused:
            path = list(error.absolute_path)
            if not any(extra.explains(document, path, error.instance) for extra in schema_extras):
                yield f"the schema refuses it: {path} {error.message}"


def cases(specs: Any) -> st.SearchStrategy[tuple[str, Any, Any]]:
    kinds = st.sampled_from(sorted(KINDS))
    return kinds.flatmap(lambda kind: st.tuples(st.just(kind), specs(kind), st.sampled_from(DEFAULTS)))


@given(case=cases(good))
@settings(max_examples=120, deadline=None)
def test_a_schema_accepts_every_good_spec(case: tuple[str, Any, Any]) -> None:
    kind, document, _ = case

    VALIDATORS[kind].validate(document)


@given(case=cases(broken))
@settings(max_examples=150, deadline=None)
@example(case=("schedule", {**GOOD["schedule"], "every": "1h"}, {}))
@example(case=("schedule", {**GOOD["schedule"], "environments": {"default": {"every": "1h", "at": "2027-01-01"}}}, {}))
@example(case=("schedule", {"owner": "me"}, DEFAULTS[2]))
@example(case=("pipeline", {"retry": {"intervals": []}}, DEFAULTS[1]))
@example(case=("project", {}, {}))
@example(case=("project", {"name": "acme", "environments": {"Big Test": {}}}, {}))
@example(case=("schedule", {**GOOD["schedule"], "owner": "x\n", "queue": "a\n"}, {}))
def test_a_schema_and_flowerpower_disagree_about_a_file_only_where_it_is_written_down(case: Any) -> None:
    kind, document, defaults = case

    problems = errors_of(texts_of(kind, document, defaults), FILES[kind])

    assert list(disagreements(kind, document, problems)) == []


def one_change_each(kind: str) -> Iterator[dict[str, Any]]:
    """Yield a part of a spec for every key at every depth: with odd values, without it, beside a stranger, renamed."""
    for part in every_key(kind):
        for path in filter(None, places_in(part, ())):
            yield from (changed_at(part, path, "replace", value) for value in ODD)
            yield changed_at(part, path, "remove", None)
            yield changed_at(part, path, "add", 1)
            yield changed_at(part, path, "rename", None)


@pytest.mark.parametrize("in_patch", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_they_agree_about_every_key_with_every_odd_value(kind: str, in_patch: bool) -> None:
    found = []
    for part in one_change_each(kind):
        kept = {key: value for key, value in GOOD[kind].items() if key != "cron" or not part.keys() & {"every", "at"}}
        document = {**GOOD[kind], "environments": {"default": part}} if in_patch else {**kept, **part}

        problems = errors_of(texts_of(kind, document, {}), FILES[kind], ("default",))

        found += [f"{part}: {each}"[:300] for each in disagreements(kind, document, problems)]

    assert found == []


@pytest.mark.parametrize("project", [*PROJECTS, ROOT / "project_template"], ids=lambda path: path.parent.name)
def test_they_agree_about_every_project_that_is_a_case(project: Path) -> None:
    texts = dict(read(project).texts)
    if project.name == "project_template":
        text = (project / "flowerpower.yaml.jinja").read_bytes()
        texts["flowerpower.yaml"] = text.replace(b"[[ name ]]", b"acme").replace(b"[[ timezone ]]", b"UTC")

    for file, text in texts.items():
        parsed = parse(file, text)
        kind = kind_of_file(file)
        if parsed.problems or len(parsed.documents) != 1 or not isinstance(parsed.documents[0].data, dict) or not kind:
            continue
        problems = errors_of(texts, file, environments_of(texts))
        found = disagreements(kind, parsed.documents[0].data, problems)
        assert [each for each in found if "FP901" not in each] == [], file  # comments are no part of the data


@pytest.mark.parametrize("gap", schema_gaps, ids=lambda gap: gap.rule)
def test_a_gap_is_a_file_that_only_the_schema_accepts(gap: Gap) -> None:
    document = {**gap.example, **({"environments": GOOD["project"]["environments"]} if gap.kind == "project" else {})}
    texts = texts_of(gap.kind, document, {})
    file = FILES[gap.kind]
    if "name" not in gap.example:
        file = file.replace("sales", "Big Sales")
        texts[file] = texts.pop(FILES[gap.kind])

    problems = [problem for problem in errors_of(texts, file) if gap.explains(problem, VARIABLES)]

    VALIDATORS[gap.kind].validate(gap.example)
    assert problems


@pytest.mark.parametrize("extra", schema_extras, ids=lambda extra: extra.rule)
def test_an_extra_is_a_file_that_only_the_schema_refuses(extra: Extra) -> None:
    document = dict(extra.example)
    if extra.kind == "project":
        document["environments"] = GOOD["project"]["environments"]
    texts = texts_of(extra.kind, document, {extra.kind: extra.defaults})
    texts[FILES["schedule"]] = json.dumps({**GOOD["schedule"], "start": "2026-01-01"}).encode()

    errors = list(VALIDATORS[extra.kind].iter_errors(document))

    assert errors_of(texts, FILES[extra.kind]) == set()
    assert errors
    assert all(extra.explains(document, list(error.absolute_path), error.instance) for error in errors)
