"""What is wrong in several environments is one list: each mistake once, and of some alone with their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from flowerpower.errors import Place, Problem
from flowerpower.specs.environments import declared, looked_at, told_once, touched, verdict_everywhere
from flowerpower.specs.files.everywhere import check_project
from flowerpower.specs.files.reading import Sources
from flowerpower.specs.text.yaml import parse_once
from flowerpower.specs.verdict import Question, Verdict

NOW = 1_800_000_000
EVERY = Question("default", {}, NOW, every=True)
HERE = Place("schedules/a.yaml", 3, 7)
LATE = Problem("FP302", HERE, "the queue 'heavi' is not declared", "did you mean 'heavy'?")
FLOW = {"flows/flow.py": b"def report(region: str) -> str:\n    return region\n"}
SALES = "modules: [flow]\noutputs: [report]\ninputs: {region: EU}\n"


def everywhere(files: Mapping[str, str], question: Question = EVERY) -> Verdict:
    sources = Sources({path: text.encode() for path, text in sorted(files.items())}, (), FLOW)
    return check_project(sources, question, {}, None)[0]


def said(problems: Sequence[Problem]) -> list[str]:
    return [f"{problem.place} {problem.severity} {problem.code} {problem.said}" for problem in problems]


def test_what_is_wrong_in_default_names_no_environment() -> None:
    assert told_once([("default", [LATE]), ("staging", [LATE]), ("prod", [])]) == (LATE,)


def test_what_is_wrong_in_others_alone_says_in_which() -> None:
    found = told_once([("default", []), ("staging", [LATE]), ("prod", [LATE])])

    assert found == (LATE._replace(environments=("staging", "prod")),)
    assert found[0].said == "the queue 'heavi' is not declared (in environments 'staging' and 'prod')"


def test_of_many_environments_the_first_are_named() -> None:
    found = told_once([("default", []), *((f"e{number}", [LATE]) for number in range(20))])

    assert found[0].said.endswith("(in environments 'e0', 'e1', 'e2' and 17 more)")
    assert len(found[0].environments) == 20


def test_a_warning_that_is_an_error_elsewhere_is_told_as_both() -> None:
    warning = LATE._replace(severity="warning")

    assert told_once([("default", [warning]), ("prod", [LATE])]) == (
        LATE._replace(environments=("prod",)),
        warning,
    )


def test_a_message_that_names_its_environment_does_not_name_it_again() -> None:
    def gone(env: str) -> Problem:
        return Problem("FP301", HERE, f"the pipeline 'a' is left out of the environment '{env}'")

    alone = told_once([("default", []), ("prod", [gone("prod")])])
    both = told_once([("default", []), ("prod", [gone("prod")]), ("dev", [gone("dev")])])

    assert [problem.said for problem in alone] == ["the pipeline 'a' is left out of the environment 'prod'"]
    assert [problem.said for problem in both] == [f"{alone[0].said} (the same in environment 'dev')"]


@pytest.mark.parametrize(
    "words",
    [
        "the input 'region' is not given{}",
        "only running the code tells the dataflow of the pipeline {}: a star import",
    ],
)
def test_a_dataflow_is_the_same_mistake_however_many_run_it(words: str) -> None:
    some = ("'a' and 3 more", "'a'") if words.endswith("import") else (", as the schedule 'a' runs it", "")
    first, second = (Problem("FP328", HERE, words.format(each)) for each in some)

    assert told_once([("default", [first]), ("prod", [second])]) == (first,)


def test_no_more_is_told_of_a_file_than_one_environment_alone_may_have() -> None:
    many = [LATE._replace(place=Place("schedules/a.yaml", line)) for line in range(1, 151)]
    more = [LATE._replace(place=Place("schedules/a.yaml", line)) for line in range(201, 351)]
    other = LATE._replace(place=Place("schedules/b.yaml"))

    found = told_once([("default", []), ("prod", many), ("dev", [*more, other])])

    codes = [problem.code for problem in found if problem.place.file == "schedules/a.yaml"]
    assert (codes.count("FP302"), codes.count("FP020")) == (200, 1)
    assert (
        said(found)[-1] == "schedules/b.yaml:1:1 error FP302 the queue 'heavi' is not declared (in environment 'dev')"
    )
    assert [problem.severity for problem in found if problem.code == "FP020"] == ["error"]


def test_default_comes_first_and_each_environment_once() -> None:
    def names(text: str) -> tuple[str, ...]:
        return declared({"flowerpower.yaml": text.encode()})

    assert names("name: a\nenvironments: {prod: {}, default: {}, dev: {}}\n") == ("default", "prod", "dev")
    assert names("name: a\n") == names("name: a\nenvironments: [prod]\n") == names("name: [\n") == ("default",)
    assert names('name: a\n"\\x65nvironments": {prod: {}}\n') == ("default", "prod")
    assert declared({}) == ("default",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("environments: {prod: {queue: x}}", ["prod"]),
        ("environments: {prod: null}", ["prod"]),
        ("environments: {prod: {}}", []),
        ("environments: {default: {queue: x}}", ["default"]),
        ("# environments: prod", []),
        ("environments: prod", []),
        ("environments: {prod: [1]}", ["prod"]),
        ("environments: {dev: {queue: x}}\n---\nenvironments: {prod: {queue: x}}", ["dev", "prod"]),
    ],
)
def test_a_file_is_touched_by_the_environments_it_has_a_patch_for(text: str, expected: list[str]) -> None:
    texts = {"flowerpower.yaml": b"environments: {prod: {}, dev: {}}", "schedules/a.yaml": text.encode()}

    assert sorted(touched(texts)) == expected


@pytest.mark.parametrize(("number", "most"), [(1, 1), (1000, 1000), (2000, 500), (99_999, 10)])
def test_of_thousands_of_environments_not_all_are_looked_at(number: int, most: int) -> None:
    names = ("default", *map(str, range(number - 1)))

    assert looked_at(names) == names[:most]
    assert verdict_everywhere([("default", Verdict("acme.default", 0, 0, ()))], number).left_out == number - 1


def test_a_file_is_parsed_once_whatever_the_number_of_environments() -> None:
    once = parse_once()

    assert once("a.yaml", b"a: 1") is once("a.yaml", b"a: 1")


PROJECT = "name: acme\nqueues: {default: {}}\nenvironments: {staging: {}, prod: {}}\n"
CHOICE = "the text 'al' is not one of latest, all, none"
MINUTE = "the minute field `61` is wrong: 61 is outside 0-59"
ANOTHER = "'old' is the name of another schedule"
NIGHTLY = "pipeline: sales\nevery: 1h\n"
CASES: Mapping[str, tuple[Mapping[str, str], list[str]]] = {
    "a nested key of a patch": (
        {"pipelines/sales.yaml": SALES + "environments: {prod: {retry: {max: 1, intervls: 3}}}\n"},
        [
            "pipelines/sales.yaml:4:39 error FP101 unknown key 'intervls' (in environment 'prod')",
            "pipelines/sales.yaml:4:49 error FP103 expected a list, found the number 3 (in environment 'prod')",
        ],
    ),
    "cron, zone and queue of patches": (
        {
            "schedules/nightly.yaml": NIGHTLY
            + "environments:\n  prod: {cron: 61 * * * *}\n  staging: {timezone: Mars/X, queue: heavy}\n"
        },
        [
            f"schedules/nightly.yaml:4:16 error FP303 {MINUTE} (in environment 'prod')",
            "schedules/nightly.yaml:5:23 error FP303 there is no time zone 'Mars/X' (in environment 'staging')",
            "schedules/nightly.yaml:5:38 error FP302 the queue 'heavy' is not declared (in environment 'staging')",
        ],
    ),
    "a pipeline that is left out, and whose schedules are not": (
        {"pipelines/sales.yaml": SALES + "environments: {prod: null}\n"},
        [
            f"schedules/{name}.yaml:1:11 error FP301 the pipeline 'sales' is left out of the environment 'prod'"
            for name in ("better", "good", "nightly")
        ],
    ),
    "an input that a patch takes away": (
        {"pipelines/sales.yaml": SALES + "environments: {prod: {inputs: null}}\n"},
        ["pipelines/sales.yaml:4:31 error FP322 missing input: region (str, needed by report) (in environment 'prod')"],
    ),
    "a variable of default that is not set, mended in prod": (
        {"schedules/nightly.yaml": NIGHTLY + "queue: ${var:Q}\nenvironments: {prod: {queue: default}}\n"},
        ["schedules/nightly.yaml:3:8 error FP202 the variable Q is not set"],
    ),
    "a variable of prod that is not set here": (
        {"schedules/nightly.yaml": NIGHTLY + "environments: {prod: {queue: '${var:Q}'}}\n"},
        ["schedules/nightly.yaml:3:30 note FP202 the variable Q is not set (in environment 'prod')"],
    ),
    "a comment that silences what is wrong in prod alone": (
        {
            "flowerpower.yaml": PROJECT.replace("prod: {}", "prod: {policies: {warn: {max_timeout: 1h}}}"),
            "pipelines/sales.yaml": SALES + "timeout: 2h # flowerpower: ignore FP313 it is large\n",
        },
        [],
    ),
    "defaults, a zone and policies of the project's own patch": (
        {
            "flowerpower.yaml": "name: acme\ndefaults: {pipeline: {timeout: 10m}}\nenvironments:\n"
            "  staging: {defaults: {schedule: {catchup: al}}}\n"
            "  prod: {timezone: Mars/X, policies: {enforce: {max_timeout: 5m}}}\n"
        },
        [
            "flowerpower.yaml:2:32 error FP313 a timeout of 10m is longer than 5m (in environment 'prod')",
            f"flowerpower.yaml:4:44 error FP104 {CHOICE} (in environment 'staging')",
            "flowerpower.yaml:5:20 error FP303 there is no time zone 'Mars/X' (in environment 'prod')",
        ],
    ),
    "a project patch that is broken hides nothing of the others": (
        {
            "flowerpower.yaml": "name: acme\nenvironments: {staging: {guards: 3}, prod: {queues: [a]}, dev: {}}\n",
            "schedules/nightly.yaml": NIGHTLY + "environments: {staging: {every: soon}, dev: {every: 0s}}\n",
        },
        [
            "flowerpower.yaml:2:34 error FP103 expected a mapping, found the number 3 (in environment 'staging')",
            "flowerpower.yaml:2:53 error FP103 expected a mapping, found a list (in environment 'prod')",
            "schedules/nightly.yaml:3:33 error FP106 the text 'soon' is not a duration (in environment 'staging')",
            "schedules/nightly.yaml:3:53 error FP106 it must be at least 1 second (in environment 'dev')",
        ],
    ),
    "an earlier name of what is left out elsewhere": (
        {
            "schedules/old.yaml": NIGHTLY + "environments: {default: null}\n",
            "schedules/nightly.yaml": NIGHTLY + "previous_names: [old]\n",
        },
        [
            f"schedules/nightly.yaml:3:18 error FP308 {ANOTHER} (in environments 'staging' and 'prod')",
        ],
    ),
    "a mistake of the base": (
        {"schedules/nightly.yaml": "pipeline: slaes\nevery: 1h\nenvironments: {prod: {timeout: 1h}}\n"},
        ["schedules/nightly.yaml:1:11 error FP301 there is no pipeline 'slaes'"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_check_finds_the_mistakes_of_every_environment(case: str) -> None:
    files, expected = CASES[case]
    whole = {
        "flowerpower.yaml": PROJECT,
        "pipelines/sales.yaml": SALES,
        "schedules/nightly.yaml": NIGHTLY,
        "schedules/good.yaml": NIGHTLY,
        "schedules/better.yaml": NIGHTLY,
        **files,
    }

    assert said(everywhere(whole).problems) == expected


def test_twenty_environments_are_checked_and_named_in_the_order_of_the_project() -> None:
    names = [f"e{number}" for number in range(20)]
    project = f"name: acme\nenvironments: {{{', '.join(f'{name}: {{}}' for name in names)}}}\n"
    nightly = NIGHTLY + f"environments: {{{', '.join(f'{name}: {{every: soon}}' for name in names[5:])}}}\n"

    verdict = everywhere({"flowerpower.yaml": project, "pipelines/sales.yaml": SALES, "schedules/a.yaml": nightly})

    assert verdict.environments == ("default", *names)
    assert [problem.environments for problem in verdict.problems] == [(name,) for name in names[5:]]
