"""Mistakes in specs as people, programs and GitHub see them."""

from __future__ import annotations

import pytest

from flowerpower.errors import Place, Problem, Severity
from flowerpower.render.problems import problem_counts, problems_text
from flowerpower.render.problems_github import problems_github, problems_summary
from flowerpower.render.problems_json import problems_dict

TEXTS = {"schedules/nightly.yaml": b"name: nightly\npipeline: ordres\ncron: '0 2 * * *'\n"}
UNKNOWN = Problem(
    "FP301", Place("schedules/nightly.yaml", 2, 11), "there is no pipeline 'ordres'", "did you mean 'orders'?"
)
VAGUE = Problem("FP314", Place("schedules/a.yaml", 1, 1), "no owner", severity="warning")


def test_without_the_texts_a_problem_is_one_line_and_its_hint() -> None:
    assert problems_text([VAGUE, UNKNOWN]) == (
        "schedules/nightly.yaml:2:11: error FP301: there is no pipeline 'ordres'\n"
        "  hint: did you mean 'orders'?\n"
        "schedules/a.yaml:1:1: warning FP314: no owner"
    )


def test_with_the_texts_a_mark_stands_under_the_place() -> None:
    assert problems_text([UNKNOWN], TEXTS) == (
        "schedules/nightly.yaml:2:11: error FP301: there is no pipeline 'ordres'\n"
        "  1 | name: nightly\n"
        "  2 | pipeline: ordres\n"
        "    |           ^^^^^^\n"
        "  hint: did you mean 'orders'?"
    )


def test_a_place_beyond_the_file_has_no_frame() -> None:
    problem = Problem("FP018", Place("schedules/nightly.yaml", 99, 1), "nothing here")

    assert problems_text([problem], TEXTS) == "schedules/nightly.yaml:99:1: error FP018: nothing here"


def test_an_escape_code_in_a_message_does_not_reach_the_terminal() -> None:
    assert "\x1b" not in problems_text([Problem("FP101", Place("a.yaml"), "unknown key '\x1b[2J'")])


def test_counts_name_every_kind_and_the_files() -> None:
    assert problem_counts([UNKNOWN, UNKNOWN, VAGUE]) == "2 errors, 1 warning in 2 files"


def test_json_has_terraforms_names() -> None:
    document = problems_dict([VAGUE, UNKNOWN], TEXTS)

    assert (document["valid"], document["error_count"], document["warning_count"]) == (False, 1, 1)
    assert document["diagnostics"][0] == {
        "severity": "error",
        "code": "FP301",
        "summary": "there is no pipeline 'ordres'",
        "detail": "did you mean 'orders'?",
        "docs": "https://flowerpower-gitops.github.io/docs/codes#fp301",
        "range": {
            "filename": "schedules/nightly.yaml",
            "start": {"line": 2, "column": 11},
            "end": {"line": 2, "column": 17},
        },
        "snippet": {"code": "pipeline: ordres", "start_line": 2},
    }


@pytest.mark.parametrize(("severity", "command"), [("error", "error"), ("warning", "warning"), ("note", "notice")])
def test_github_gets_ten_of_a_kind_and_the_number_of_the_rest(severity: Severity, command: str) -> None:
    problems = [Problem("FP101", Place("a.yaml", line), "unknown key", severity=severity) for line in range(1, 48)]

    lines = problems_github(problems, all_in="the summary").splitlines()

    assert [line.startswith(f"::{command} ") for line in lines] == [True] * 10 + [False]
    assert lines[-1] == f"... and 37 more {severity}s: see the summary"


def test_a_summary_that_github_would_drop_is_cut_and_says_so() -> None:
    problems = [Problem("FP101", Place("größe.yaml", line), "unknown key") for line in range(1, 1_001)]

    whole, cut = problems_summary(problems), problems_summary(problems, limit=10_000)

    assert whole.count("\n| error ") == 1_000
    assert 9_000 < len(cut.encode()) <= 10_000
    assert cut.splitlines()[-1] == f"... and {1_000 - cut.count('| error ')} more problems: see the text format."
