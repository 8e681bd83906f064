"""What holds for the report of any problem in any file."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.github_runner import read_line

from flowerpower.errors import Place, Problem
from flowerpower.render.fingerprint import fingerprints
from flowerpower.render.problems import problems_text
from flowerpower.render.problems_github import problems_github
from flowerpower.render.problems_gitlab import problems_gitlab
from flowerpower.render.problems_junit import Suite, problems_junit

TEXTS = st.text(st.characters(), max_size=30)  # lone surrogates too
LINES = st.text(st.sampled_from("ab: '\"{}#\t\x07日\u0301é…"), max_size=200)
PROBLEMS = st.builds(
    Problem,
    code=st.sampled_from(["FP101", "FP301"]),
    place=st.builds(Place, st.text(st.characters(), min_size=1, max_size=20), st.integers(1, 5), st.integers(1, 250)),
    what=TEXTS,
    hint=TEXTS,
    severity=st.sampled_from(["error", "warning", "note"]),
)


BEHIND_THE_END = Problem("FP101", Place("a.yaml", 1, 30), "", "", "error")


@example(problem=BEHIND_THE_END, lines=[":" * 17 + "\t\t日日"], width=30)
@given(problem=PROBLEMS, lines=st.lists(LINES, max_size=5), width=st.integers(30, 120))
@settings(max_examples=300)
def test_an_excerpt_fits_and_marks_the_character_at_the_column(problem: Problem, lines: list[str], width: int) -> None:
    place = problem.place._replace(file="a.yaml")
    texts = {"a.yaml": "\n".join(lines).encode()}

    text = problems_text([problem._replace(place=place, what="x", hint="")], texts, width=width)

    assert all(line.isprintable() for line in text.split("\n"))
    if place.line <= len(lines):
        *_, line, mark = text.split("\n")
        assert mark.strip(" |^") == ""
        assert len(mark) <= width + 1
        if line.isascii() and place.column <= len(lines[place.line - 1]):
            expected = lines[place.line - 1][place.column - 1]
            assert line.ljust(width)[mark.index("^")] == {"\t": " ", "\x07": "\\"}.get(expected, expected)


@given(problem=PROBLEMS)
def test_the_runner_of_github_reads_the_file_that_was_meant(problem: Problem) -> None:
    issue = read_line(problems_github([problem]))

    assert issue is not None
    assert issue.properties["file"] == problem.place.file
    assert "\n" not in issue.message


@given(problems=st.lists(PROBLEMS, max_size=8))
def test_junit_is_xml_whatever_stands_in_a_message(problems: list[Problem]) -> None:
    report = problems_junit([Suite("acme", (), problems)])

    root = ElementTree.fromstring(report)

    assert len(list(root.iter("testcase"))) == len({problem.place.file for problem in problems})
    assert report.isascii()


@given(problems=st.lists(PROBLEMS, max_size=8), moved=st.integers(1, 1000))
def test_fingerprints_are_unique_and_stay_while_lines_move(problems: list[Problem], moved: int) -> None:
    later = [problem._replace(place=problem.place._replace(line=problem.place.line + moved)) for problem in problems]

    before, after = list(fingerprints(problems)), list(fingerprints(later))

    assert before == after
    assert len(set(before)) == len(before)
    assert sorted(entry["fingerprint"] for entry in problems_gitlab(problems)) == sorted(before)
