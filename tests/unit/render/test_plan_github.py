"""A plan as annotations, read back by the rules of GitHub's runner."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
from support.case_plans import plan_of_case
from support.github_runner import Issue, read_line

from flowerpower.planning.plan import Check, Plan
from flowerpower.render.github import annotation, step_outputs
from flowerpower.render.plan_github import plan_github
from flowerpower.render.words import safe

CASES = Path(__file__).resolve().parents[2] / "cases" / "render"


def issues(plan: Plan) -> list[Issue]:
    return [issue for line in plan_github(plan, folder="acme/").splitlines() if (issue := read_line(line))]


def test_what_somebody_must_see_stands_beside_its_lines_errors_first() -> None:
    found = [
        (issue.kind, issue.properties["title"], issue.properties.get("file"), issue.properties.get("line"))
        for issue in issues(plan_of_case(CASES / "everything"))
    ]

    assert found == [
        ("error", "apply would be refused: protected", None, None),
        ("error", "apply would be refused: dirty", None, None),
        ("warning", "1 schedule deleted", None, None),
        ("warning", "consumer", None, None),
        ("warning", "a fire is lost or doubled", "acme/schedules/nightly_sales.yaml", "1"),
        ("warning", "changed in Redis behind git's back", "acme/schedules/weekly_report.yaml", "1"),
    ]


def test_the_words_are_those_of_the_plan_and_the_last_line_counts() -> None:
    plan = plan_of_case(CASES / "everything")

    messages = [issue.message for issue in issues(plan)]

    assert "1 schedule will be deleted: schedule.legacy_export" in messages
    skipped = "tonight's 02:00 will be skipped: its new time, today's 18:00, has passed"
    assert f"schedule.nightly_sales: {skipped}" in messages
    assert (
        "schedule.weekly_report was changed in Redis; apply puts back "
        "job.queue: acme--prod--slow -> acme--prod--default, job.timeout: 5m -> 1h" in messages
    )
    assert plan_github(plan).splitlines()[-1] == "Plan: 1 to add, 3 to change, 1 to destroy. 4 unmanaged, 1 held."


def test_what_github_would_drop_is_counted() -> None:
    checks = tuple(Check(f"check_{number}", "warn", "odd") for number in range(13))
    plan = replace(plan_of_case(CASES / "small"), checks=checks)

    shown = plan_github(plan, all_in="the summary").splitlines()

    assert sum(line.startswith("::warning ") for line in shown) == 10
    assert "... and 3 more warnings: see the summary" in shown


@example("%0A", "%25 100 %")
@given(st.text(), st.text())
def test_no_text_leaves_its_annotation(title: str, message: str) -> None:
    line = annotation("error", {"title": title}, message)

    issue = read_line(line)
    assert not {"\n", "\r"} & set(line)
    assert issue is not None
    assert issue.message == safe(message)
    assert issue.properties.get("title", "").strip() == title.strip()


def read_outputs(text: str) -> dict[str, str]:
    """Return what GitHub reads of an output file."""
    found, lines = {}, iter(text.split("\n"))
    for line in lines:
        name, fence, end = line.partition("<<")
        if fence and "=" not in name:
            block = []
            for inner in lines:
                if inner == end:
                    break
                block.append(inner)
            found[name] = "\n".join(block)
        elif line:
            name, _, value = line.partition("=")
            found[name] = value
    return found


@given(st.dictionaries(st.sampled_from(["add", "summary", "refused"]), st.text()))
def test_every_output_is_read_back_as_it_is(values: dict[str, str]) -> None:
    assert read_outputs(step_outputs(values)) == values
