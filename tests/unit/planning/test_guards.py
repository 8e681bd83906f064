"""Each guard refuses one kind of accident, quotes its numbers, and names its way past."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.states import KEYS, SOURCE, desired, pipeline, schedule

from flowerpower.errors import Place, Problem, UsageError
from flowerpower.planning.diff import make_plan
from flowerpower.planning.guards import LONG_COMMIT, Allowed, Facts, check_plan, limit_of
from flowerpower.planning.plan import Check, Plan
from flowerpower.state.models import Consumers, Desired, Head, Reading, Record, Rules, Run, State

NOTHING = Allowed()
IN_GIT = Facts(in_git=True, dirty=False, descends=True)
FLEETS = [0, 1, 2, 9, 10, 1000]


def live(names: list[str], **head: Any) -> Reading:
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
    assert f"{owned:,} schedule" in found["empty"].message
    assert checks(desired(), live(names(owned)), allowed=Allowed(empty=True)) == {}


def test_deleting_everything_is_refused_also_where_the_project_file_asks_for_it() -> None:
    found = checks(desired(), live(names(3)), Facts(wants_none=True))

    assert found["empty"].message == (
        "the project file says `schedules: deleted`; 3 schedules are live: all would be deleted"
    )
    assert checks(desired(), live(names(3)), Facts(wants_none=True), Allowed(empty=True)) == {}


@pytest.mark.parametrize("size", [size for size in FLEETS if size])
def test_a_wrong_folder_is_refused_also_where_only_pipelines_are_live(size: int) -> None:
    pipelines = {name: pipeline(name) for name in names(size)}
    reading = replace(live([]), state=State({}, pipelines))

    assert checks(desired(), reading)["empty"].message == (
        f"the specs hold no schedule and no pipeline; {size:,} pipeline{'s are' if size > 1 else ' is'} live: "
        "all would be deleted"
    )
    assert "empty" not in checks(desired([], [pipeline("s0")]), reading)
    assert "empty" not in checks(desired(), reading, allowed=Allowed(empty=True))


def loosened(owned: int, applied: str, wanted: str | None, deleted: int) -> dict[str, Check]:
    """Return what is said of deletes when `guards:` were applied as JSON, and the specs say something else by now."""
    kept = [schedule(name) for name in names(owned)[deleted:]] or [schedule("new")]
    reading = live(names(owned), rules=Rules(guards=applied))
    return checks(desired(kept), reading, replace(IN_GIT, max_deletes=wanted))


@pytest.mark.parametrize(
    ("owned", "applied", "wanted", "deleted", "refused"),
    [
        (1, "{}", "100%", 1, False),
        (2, "{}", "100%", 2, True),
        (9, "{}", "100%", 3, True),
        (10, '{"max_deletes":"50%"}', "100%", 5, False),
        (10, '{"max_deletes":"50%"}', "100%", 6, True),
        (10, '{"max_deletes":5}', None, 3, True),
        (10, '{"max_deletes":"100%"}', "10%", 2, True),
        (1000, '{"max_deletes":0}', "100%", 1, True),
        (1000, "", "100%", 1000, False),  # applied by a version that did not record it
    ],
)
def test_the_stricter_of_the_applied_and_the_wanted_limit_counts(
    owned: int, applied: str, wanted: str | None, deleted: int, refused: bool
) -> None:
    assert ("deletes" in loosened(owned, applied, wanted, deleted)) == refused


def test_a_loosened_limit_says_which_was_applied_and_when_the_other_counts() -> None:
    message = loosened(10, '{"max_deletes":1}', "100%", 2)["deletes"].message

    assert message == (
        "2 of 10 schedules would be deleted; 1 may be (1 was applied last; 100% counts from the next apply on)"
    )


@pytest.mark.parametrize("damaged", ["no JSON", "[]", "1", '{"max_deletes": "a few"}', '{"max_deletes": null}'])
def test_a_limit_that_cannot_be_read_refuses_every_delete_and_only_those(damaged: str) -> None:
    assert "cannot be read" in loosened(10, damaged, None, 1)["deletes"].message
    assert "deletes" not in loosened(10, damaged, None, 0)


@pytest.mark.parametrize("size", FLEETS)
def test_what_this_checkout_leaves_out_is_not_deleted(size: int) -> None:
    absent = tuple(f"schedules/{name}.yaml" for name in names(size))

    found = checks(desired([schedule("a")]), live(["a"]), replace(IN_GIT, absent=absent))

    assert ("incomplete" in found) == bool(size)
    if size:
        assert f"{size:,} spec file" in found["incomplete"].message
        assert "sparse-checkout" in found["incomplete"].hint


def flying(size: int, policy: str, execution: str) -> tuple[Desired, Reading]:
    """Return a fleet that changes while each of its schedules has one run in flight."""
    wanted = desired([schedule(name, on_inflight=policy, timeout=99) for name in names(size)] or [schedule("a")])
    runs = {name: Run(name, name, 0, 1, 0, execution) for name in names(size)}
    return wanted, replace(live(names(size)), active=runs)


@pytest.mark.parametrize("size", FLEETS)
def test_running_runs_are_stopped_with_a_word_only(size: int) -> None:
    wanted, reading = flying(size, "cancel", "an execution")

    found = checks(wanted, reading)

    assert ("in flight" in found) == bool(size)
    if size:
        assert f"{size:,} running run" in found["in flight"].message
        assert "s0" in found["in flight"].message
        assert "--allow-cancel" in found["in flight"].hint
    assert "in flight" not in checks(wanted, reading, allowed=Allowed(cancel=True))


@pytest.mark.parametrize(("policy", "execution"), [("cancel", ""), ("keep", "an execution")])
def test_queued_runs_and_those_that_are_kept_need_no_word(policy: str, execution: str) -> None:
    assert "in flight" not in checks(*flying(10, policy, execution))


@pytest.mark.parametrize("size", FLEETS)
def test_house_rules_of_the_last_apply_refuse_and_are_named(size: int) -> None:
    broken = tuple(
        Problem(
            "FP311",
            Place(f"schedules/{name}.yaml", 2, 8),
            f"schedule.{name}: it fires 30s apart, less than 1m",
            "the rule is `policies.enforce.min_interval`",
        )
        for name in names(size)
    )

    found = checks(desired([schedule("a")]), live(["a"]), replace(IN_GIT, violations=broken))

    assert ("policy" in found) == bool(size)
    if size:
        assert found["policy"].message.startswith(f"{size:,} place")
        assert (
            "schedules/s0.yaml:2 schedule.s0: it fires 30s apart, less than 1m (policies.enforce.min_interval)"
            in found["policy"].message
        )


def test_house_rules_that_cannot_be_read_refuse() -> None:
    found = checks(desired([schedule("a")]), live(["a"]), replace(IN_GIT, violations=None))

    assert "cannot be read" in found["policy"].message
    assert "HDEL" in found["policy"].hint


@pytest.mark.parametrize(
    ("changes", "refused"), [*((size, False) for size in FLEETS), (LONG_COMMIT, False), (LONG_COMMIT + 1, True)]
)
def test_a_commit_that_blocks_redis_for_long_is_told_and_refused(changes: int, refused: bool) -> None:
    plan = make_plan(KEYS, desired([schedule("a")]), live([]), SOURCE)
    plan = replace(plan, changes=plan.changes * changes)

    found = {check.name: check for check in check_plan(plan, live([]), IN_GIT, NOTHING)}

    assert ("long commit" in found) == refused
    if refused:
        assert f"{changes:,} changes" in found["long commit"].message
        assert "answers nobody for up to 2 s; without a word 20,000 may be" in found["long commit"].message
        assert "--allow-long-commit" in found["long commit"].hint
    assert "long commit" not in {check.name for check in check_plan(plan, live([]), IN_GIT, Allowed(long_commit=True))}


def test_a_commit_of_many_seconds_is_said_to_disturb_others() -> None:
    plan = make_plan(KEYS, desired([schedule("a")]), live([]), SOURCE)
    plan = replace(plan, changes=plan.changes * 100_000)

    (check,) = (found for found in check_plan(plan, live([]), IN_GIT, NOTHING) if found.name == "long commit")

    assert "up to 10 s (with BUSY errors after 5 s, which end many workers)" in check.message


@pytest.mark.parametrize("size", FLEETS)
def test_where_a_commit_comes_from_is_asked_whatever_the_size(size: int) -> None:
    reading = live(names(size), repository="git.example/other", commit="1a2b3c")
    wanted = desired([schedule(name) for name in [*names(size), "new"]])

    found = checks(wanted, reading, replace(IN_GIT, dirty=True, descends=False))

    assert {"foreign", "older", "dirty"} <= found.keys()
    for way_out in ("`name:`", "`schedules: deleted`", "--allow-takeover"):
        assert way_out in found["foreign"].hint
    assert not {"foreign", "older", "dirty"} & checks(wanted, live(names(size))).keys()


@pytest.mark.parametrize("size", [size for size in FLEETS if size])
def test_protected_ones_are_counted(size: int) -> None:
    found = checks(desired([schedule("other")]), live([f"keep{number}" for number in range(size)]))

    assert f"{size:,} protected schedule" in found["protected"].message


def test_what_git_cannot_tell_refuses_outside_the_default_environment() -> None:
    reading, wanted, unknown = live(["a"]), desired([schedule("a")]), replace(IN_GIT, dirty=None)
    plan = make_plan(KEYS, wanted, reading, SOURCE)

    assert "cannot be told" in checks(wanted, reading, unknown)["dirty"].message
    assert "git status" in checks(wanted, reading, unknown)["dirty"].hint
    assert "dirty" not in checks(wanted, reading, unknown, Allowed(dirty=True))
    assert "dirty" not in {check.name for check in check_plan(replace(plan, env="default"), reading, unknown, NOTHING)}
    assert "dirty" not in checks(wanted, reading, Facts(in_git=False))


def test_deletes_go_past_by_number_by_share_and_by_the_projects_own_limit() -> None:
    wanted, reading = desired([schedule("s9")]), live(names(10))

    assert "deletes" not in checks(wanted, reading, allowed=Allowed(deletes="9"))
    assert "deletes" not in checks(wanted, reading, allowed=Allowed(deletes="90%"))
    assert "deletes" in checks(wanted, reading, allowed=Allowed(deletes="8"))
    assert "deletes" not in checks(wanted, reading, facts=replace(IN_GIT, max_deletes="100%"))


@pytest.mark.parametrize("text", ["", "a few", "-1", "1.5", "%", "10 %%", "٣", "9" * 5000])
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


@pytest.mark.parametrize(
    ("wanted", "is_left"),
    [
        (desired([schedule("a")]), True),
        (desired([schedule("b")]), True),  # it is deleted
        (desired([schedule("a"), schedule("b", queue="heavy")]), False),
        (desired([schedule("a", queue="heavy", timeout=9)]), False),
        (desired([schedule("a", on_inflight="cancel")]), False),
    ],
)
def test_a_queue_that_is_left_with_runs_in_it_needs_a_worker(wanted: Desired, is_left: bool) -> None:
    before = State({"a": schedule("a", queue="heavy")[0]})
    alive = Consumers({KEYS.queue(queue): 1 for queue in ("default", "heavy")})
    reading = replace(live(["a"]), state=before, active={"x": Run("x", "a", 0, 1, 0)}, consumers=alive)

    found = checks(wanted, reading).get("consumer")

    assert (found is not None) == is_left
    if found:
        assert found.message == "no schedule uses queue 'heavy' any more, and 1 queued run stays there"
        assert found.hint == "keep a worker there until it is done: flowerpower worker --env test --queue heavy"


def test_a_plan_with_a_refusing_guard_is_not_applicable() -> None:
    reading = live(names(3))
    plan: Plan = make_plan(KEYS, desired(), reading, SOURCE)

    assert plan.applicable
    assert not replace(plan, checks=check_plan(plan, reading, IN_GIT, NOTHING)).applicable


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"pushed": True}, ""),
        ({"pushed": None}, ""),
        ({"pushed": False}, "no branch of a remote is known here to hold it"),
        ({"pushed": True, "dirty": True}, "runs of the uncommitted changes here will fail"),
        ({"in_git": False, "dirty": None}, "runs of files outside git will fail"),
    ],
)
def test_a_commit_that_workers_cannot_fetch_is_warned_of(facts: dict[str, Any], told: str) -> None:
    wanted, reading = desired([schedule("a")]), live([])

    of_git = checks(wanted, reading, replace(IN_GIT, fetched=True, **facts), Allowed(dirty=True))
    of_local = checks(wanted, reading, replace(IN_GIT, **facts), Allowed(dirty=True))

    assert "code" not in of_local
    assert ("code" in of_git) == bool(told)
    if told:
        assert told in of_git["code"].message
        assert (of_git["code"].verdict, "push" in of_git["code"].hint) == ("warn", True)
