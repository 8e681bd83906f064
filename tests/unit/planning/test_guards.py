"""Each guard refuses one kind of accident, quotes its numbers, and names its way past."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.errors import UsageError
from flowerpower.planning.diff import make_plan
from flowerpower.planning.guards import Allowed, Facts, check_plan, limit_of
from flowerpower.planning.plan import Check, Plan
from flowerpower.state.models import Consumers, Desired, Head, Reading, Record, State

NOTHING = Allowed()
IN_GIT = Facts(in_git=True, dirty=False, descends=True)


def live(names: list[str], **head: str) -> Reading:
    """Return a namespace in which these schedules are live."""
    state = State({name: schedule(name)[0] for name in names})
    records = {f"schedule.{name}": Record(revision=1, seal="s", protected=name.startswith("keep")) for name in names}
    return Reading(now=1_800_000_000, head=Head(generation=1, **head), state=state, records=records, cursors={})


def checks(
    wanted: Desired, reading: Reading, facts: Facts = IN_GIT, allowed: Allowed | None = None
) -> dict[str, Check]:
    plan = make_plan(KEYS, wanted, reading, SOURCE)
    return {check.name: check for check in check_plan(plan, reading, facts, allowed or NOTHING)}


def names(count: int) -> list[str]:
    return [f"s{number}" for number in range(count)]


@pytest.mark.parametrize(
    ("owned", "deleted", "refused"),
    [
        *[(1, 1, False), (2, 1, False), (2, 2, True), (9, 2, False), (9, 3, True)],
        *[(10, 2, False), (10, 3, True), (1000, 250, False), (1000, 251, True)],
    ],
)
def test_more_deletes_than_a_quarter_are_refused_but_one_always_goes(owned: int, deleted: int, refused: bool) -> None:
    kept = [schedule(name) for name in names(owned)[deleted:]] or [schedule("new")]

    found = checks(desired(kept), live(names(owned)))

    assert ("deletes" in found) == refused
    if refused:
        assert f"{deleted} of {owned} schedules" in found["deletes"].message
        assert f"--allow-deletes {deleted}" in found["deletes"].hint


def test_an_empty_project_is_fine_while_nothing_is_owned() -> None:
    assert checks(desired(), live([])) == {}


@pytest.mark.parametrize("owned", [1, 2, 9, 10, 1000])
def test_deleting_everything_is_refused_whatever_the_size(owned: int) -> None:
    found = checks(desired(), live(names(owned)))

    assert found["empty"].verdict == "refuse"
    assert str(owned) in found["empty"].message
    assert checks(desired(), live(names(owned)), allowed=Allowed(empty=True)) == {}


def test_deletes_go_past_by_number_by_share_and_by_the_projects_own_limit() -> None:
    wanted, reading = desired([schedule("s9")]), live(names(10))

    assert "deletes" not in checks(wanted, reading, allowed=Allowed(deletes="9"))
    assert "deletes" not in checks(wanted, reading, allowed=Allowed(deletes="90%"))
    assert "deletes" in checks(wanted, reading, allowed=Allowed(deletes="8"))
    assert "deletes" not in checks(wanted, reading, facts=replace(IN_GIT, max_deletes="100%"))


@pytest.mark.parametrize("text", ["", "a few", "-1", "1.5", "%", "10 %%"])
def test_a_limit_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="neither a number nor a percentage"):
        limit_of(text, 10)


def test_what_is_protected_on_the_live_object_is_not_deleted() -> None:
    found = checks(desired([schedule("other")]), live(["keep_me"]))

    assert found["protected"].verdict == "refuse"
    assert "keep_me" in found["protected"].message


def test_another_repository_is_refused_unless_it_takes_over() -> None:
    wanted, reading = desired([schedule("a")]), live(["a"], repository="git.example/other")

    assert "git.example/other" in checks(wanted, reading)["foreign"].message
    assert "foreign" not in checks(wanted, reading, allowed=Allowed(takeover=True))
    assert "foreign" not in checks(wanted, live(["a"], repository=""))


@pytest.mark.parametrize(("descends", "word"), [(False, "does not descend"), (None, "cannot be told")])
def test_a_commit_that_does_not_follow_the_last_one_is_refused(descends: bool | None, word: str) -> None:
    wanted, reading = desired([schedule("a")]), live(["a"], commit="1a2b3c+dirty")
    facts = replace(IN_GIT, descends=descends)

    assert word in checks(wanted, reading, facts)["older"].message
    assert "older" not in checks(wanted, reading, facts, Allowed(older_commit=True))
    assert "older" not in checks(wanted, reading, Facts(in_git=False))


@pytest.mark.parametrize(
    ("commit", "undone", "word"),
    [
        ("c0ffee", True, "c0ffee was rolled back"),
        ("beef", True, "c0ffee comes before beef, which was rolled back"),
        ("beef", None, "cannot be told whether c0ffee comes before beef"),
    ],
)
def test_a_commit_that_was_rolled_back_is_refused(commit: str, undone: bool | None, word: str) -> None:
    wanted, reading = desired([schedule("a")]), live(["a"])
    reading = replace(reading, head=replace(reading.head, rolled_back=(commit,)))
    facts = replace(IN_GIT, undone=undone)

    assert word in checks(wanted, reading, facts)["older"].message
    assert "older" not in checks(wanted, reading, facts, Allowed(older_commit=True))
    assert "older" not in checks(wanted, reading, replace(facts, undone=False))


def test_uncommitted_changes_are_refused_in_a_named_environment_only() -> None:
    reading, wanted, dirty = live(["a"]), desired([schedule("a")]), replace(IN_GIT, dirty=True)
    plan = make_plan(KEYS, wanted, reading, SOURCE)

    assert "dirty" in checks(wanted, reading, dirty)
    assert "dirty" not in checks(wanted, reading, dirty, Allowed(dirty=True))
    assert "dirty" not in {check.name for check in check_plan(replace(plan, env="default"), reading, dirty, NOTHING)}


def test_a_queue_that_nobody_listens_on_is_a_warning_that_counts() -> None:
    wanted = desired([schedule("a"), schedule("b"), schedule("c", queue="heavy"), schedule("d", paused=True)])
    reading = replace(live([]), consumers=Consumers({KEYS.queue("heavy"): 1}))

    found = checks(wanted, reading)

    assert found["consumer"].verdict == "warn"
    assert "'default', used by 2 changed schedules" in found["consumer"].message


def test_a_plan_with_a_refusing_guard_is_not_applicable() -> None:
    reading = live(names(3))
    plan: Plan = make_plan(KEYS, desired(), reading, SOURCE)

    assert plan.applicable
    assert not replace(plan, checks=check_plan(plan, reading, IN_GIT, NOTHING)).applicable
