"""Whole reports compared with files, and every format read by what it is made for, or by its published schema."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
import xmlschema
from junitparser import Failure, JUnitXml
from support.case_problems import CASES, NAMES, RENDERED, Case, case_of
from support.github_runner import read_line

from flowerpower.render.problems import SEVERITIES, sort_problems

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
PUBLISHED = Path(__file__).resolve().parents[3] / "schemas"


def document(name: str, format: str) -> Any:
    return json.loads(RENDERED[format](case_of(name)))


def schema(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("format", RENDERED)
@pytest.mark.parametrize("case", NAMES)
def test_a_report_looks_as_in_its_file(case: str, format: str) -> None:
    rendered = RENDERED[format](case_of(case))

    expected = CASES / case / format
    assert rendered == expected.read_text(encoding="utf-8") if expected.exists() else not case_of(case).problems


@pytest.mark.parametrize("case", NAMES)
@pytest.mark.parametrize(
    "format", ["piped.txt", "terminal-80.txt", "terminal-40.txt", "junit.xml", "github-summary.md"]
)
def test_nothing_in_a_report_can_move_the_cursor(case: str, format: str) -> None:
    rendered = RENDERED[format](case_of(case))

    assert [line for line in rendered.splitlines() if not line.isprintable()] == []


@pytest.mark.parametrize("case", NAMES)
def test_json_is_what_its_published_schema_says(case: str) -> None:
    published = schema(PUBLISHED, "validate-output.schema.json")

    jsonschema.Draft7Validator.check_schema(published)
    jsonschema.Draft7Validator(published).validate(document(case, "problems.json"))


@pytest.mark.parametrize("case", NAMES)
def test_sarif_is_what_the_schema_of_oasis_says(case: str) -> None:
    jsonschema.Draft202012Validator(schema(SCHEMAS, "sarif-2.1.0.json")).validate(document(case, "problems.sarif"))


@pytest.mark.parametrize("case", NAMES)
def test_every_result_of_sarif_names_its_rule_and_its_file(case: str) -> None:
    (run,) = document(case, "problems.sarif")["runs"]
    rules = run["tool"]["driver"]["rules"]

    found = [
        (rules[result["ruleIndex"]]["id"], unquote(location["physicalLocation"]["artifactLocation"]["uri"]))
        for result in run["results"]
        for location in result["locations"]
    ]

    assert found == [(problem.code, problem.place.file) for problem in sort_problems(case_of(case).problems)]


@pytest.mark.parametrize("case", NAMES)
def test_gitlab_gets_entries_that_it_accepts_each_with_a_fingerprint_of_its_own(case: str) -> None:
    entries = document(case, "gitlab.json")

    for entry in entries:  # GitLab stops at the first entry that its schema refuses
        jsonschema.Draft7Validator(schema(SCHEMAS, "gitlab-codequality.json")).validate(entry)
        assert entry["severity"] in ("info", "minor", "major", "critical", "blocker")
    assert max(Counter(entry["fingerprint"] for entry in entries).values(), default=1) == 1
    assert len(entries) == len(case_of(case).problems)


@pytest.mark.parametrize("case", NAMES)
def test_junit_is_what_the_schema_of_jenkins_says(case: str) -> None:
    xmlschema.XMLSchema(str(SCHEMAS / "junit-10.xsd")).validate(RENDERED["junit.xml"](case_of(case)))


@pytest.mark.parametrize("name", NAMES)
def test_junit_has_a_case_for_each_file_and_fails_those_with_errors(name: str) -> None:
    case = case_of(name)

    suites = JUnitXml.fromstring(RENDERED["junit.xml"](case).encode())

    cases = [each for suite in suites for each in suite]
    failed = [each.name for each in cases if any(isinstance(result, Failure) for result in each.result)]
    wrong = {problem.place.file for problem in case.problems if problem.severity == "error"}
    assert len(cases) == len(set(case.texts) | {problem.place.file for problem in case.problems}) == suites.tests
    assert len(failed) == len(wrong) == suites.failures


@pytest.mark.parametrize("name", NAMES)
def test_the_runner_of_github_reads_every_annotation_back(name: str) -> None:
    lines = RENDERED["github.txt"](case_of(name)).splitlines()

    issues = [issue for line in lines if (issue := read_line(line))]

    assert [found(issue) for issue in issues] == told(case_of(name))
    assert len(issues) + sum(line.startswith("... and ") for line in lines) == len([line for line in lines if line])


def found(issue: Any) -> tuple[str, ...]:
    return (issue.properties["file"], issue.properties["line"], issue.properties["col"], issue.properties["title"][:5])


def told(case: Case) -> list[tuple[str, ...]]:
    """Return what GitHub should be told: at most ten of each severity."""
    ordered = sort_problems(case.problems)
    kept = [[each for each in ordered if each.severity == severity][:10] for severity in SEVERITIES]
    return [
        (each.place.file, str(each.place.line), str(each.place.column), each.code) for some in kept for each in some
    ]
