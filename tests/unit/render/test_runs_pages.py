"""The list of runs, one run in full, and a backfill, as they look on a narrow and on a wide screen."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowerpower.jobs.by_hand.applied import Applied
from flowerpower.jobs.by_hand.backfill import BackfillPlan, Progress
from flowerpower.jobs.by_hand.past import PastTick
from flowerpower.jobs.details import Attempt, RunDetails
from flowerpower.jobs.records import RunList, RunRecord, Standing
from flowerpower.render.again import again_text
from flowerpower.render.backfill import done_text, plan_text, stopped_text
from flowerpower.render.details import details_dict, details_text
from flowerpower.render.progress import progress_line
from flowerpower.render.records import runs_text, why_words
from flowerpower.schedule import parse_trigger
from flowerpower.state.models import Hold, Schedule

NOW = int(datetime(2026, 11, 23, 17, 20, tzinfo=UTC).timestamp())
TICK = NOW - 1200
WHY = "UserCodeError: node 'price' failed at flows/sales.py:19: ZeroDivisionError: division by zero\x1b[2J"
FAILED = RunRecord(
    "nightly",
    TICK,
    TICK,
    "failed",
    1,
    WHY,
    f"acme--prod--nightly--{TICK}",
    2,
    0.281,
    NOW - 1100,
    "1a2b3c4d5e",
    "Europe/Berlin",
)
RUNNING = RunRecord(
    "nightly", NOW, NOW, "running", run=f"acme--prod--nightly--{NOW}", attempt=1, at=NOW - 34, timezone="Europe/Berlin"
)
MISSED = RunRecord(
    "nightly", TICK - 9000, TICK - 1800, "missed", 5, "a newer tick was due", at=NOW - 3000, timezone="Europe/Berlin"
)
LIST = RunList("acme.prod", NOW, (RUNNING, FAILED, MISSED), more=True, active=1, unreadable=1)


def test_the_list_on_a_wide_screen() -> None:
    assert runs_text(LIST, width=120) == (
        "acme.prod: what runs now, then what ended, newest first\n"
        "\n"
        "           run                  tick (Europe/Berlin; UTC)            took    when\n"
        "  running  nightly--1795454400  Mon 23 Nov 18:20 (17:20)                     for 34s\n"
        "  failed   nightly--1795453200  Mon 23 Nov 18:00 (17:00)             281 ms  18m ago, attempt 2\n"
        "             node 'price' failed at flows/sales.py:19: ZeroDivisionError: division by zero\\x1b[2J\n"
        "  missed   nightly  5 ticks     Mon 23 Nov 15:30 – Mon 23 Nov 17:30          50m ago  a newer tick was due\n"
        "\n"
        "3 runs shown (1 active); there are more: --limit, --since. "
        "One of them in full: flowerpower runs --job RUN --env prod\n"
        "1 record could not be read: damaged in Redis."
    )


@pytest.mark.parametrize(
    ("here", "applied", "words"),
    [
        ("2" * 40, "1" * 40, "2222222"),
        (f"{'2' * 40}+dirty", "1" * 40, "2222222+dirty"),
        ("1" * 40, "1" * 40, "1111111 with uncommitted changes"),
        (f"{'1' * 40}+dirty", "1" * 40, "1111111 with uncommitted changes"),
        ("1" * 40, f"{'1' * 40}+dirty", "1111111 without the uncommitted changes that were applied"),
    ],
)
def test_a_run_of_other_code_than_was_applied_says_so_in_the_list_and_in_full(
    here: str, applied: str, words: str
) -> None:
    other = replace(FAILED, status="succeeded", reason="", other_code=here, commit=applied)

    assert f"\n             ran other code than was applied: {words}\n" in runs_text(replace(LIST, runs=(other,)))
    full = details_text(replace(DETAILS, record=other))
    assert f"\n  code     not what was applied: {words}\n  worker   worker-2\n" in full


def test_a_run_that_was_refused_for_its_code_says_it_once() -> None:
    refused = replace(FAILED, reason="OtherCodeError: this worker has other code", other_code="2" * 40)

    assert why_words(refused) == "this worker has other code"
    assert why_words(replace(refused, reason="UserCodeError: no")) == "no; ran other code than was applied: 2222222"


def test_the_list_of_one_name_on_a_narrow_screen() -> None:
    standing = Standing(True, "Europe/Berlin", Hold("ana", "vendor outage", NOW - 60), waiting=2)
    text = runs_text(replace(LIST, name="nightly", standing=standing, runs=(FAILED,), more=False), width=80)

    assert text == (
        "acme.prod nightly: what runs now, then its ticks, newest first\n"
        'Held by ana "vendor outage": nothing fires.\n'
        "2 ticks waiting until it goes on.\n"
        "\n"
        "          run                  tick (Europe/Berlin)  took    when\n"
        "  failed  nightly--1795453200  Mon 23 Nov 18:00      281 ms  18m ago, attempt 2\n"
        "             node 'price' failed at flows/sales.py:19: ZeroDivisionError:\n"
        "             division by zero\\x1b[2J\n"
        "\n"
        "1 run shown (0 of 1 active). One of them in full:\n"
        "  flowerpower runs --job RUN --env prod\n"
        "1 record could not be read: damaged in Redis."
    )
    assert max(map(len, text.splitlines())) <= 80


KEPT = {
    "error": {
        "message": "node 'price' failed at flows/sales.py:19: ZeroDivisionError: division by zero",
        "details": "ZeroDivisionError: division by zero\n  flows/sales.py:19, in price\n      return 100 / 0",
        "hint": "",
    },
    "inputs": {"token": "***", "divisor": 0},
    "nodes": [
        {"node": "price", "seconds": 0.0004, "succeeded": False},
        {"node": "load", "seconds": 0.2, "succeeded": True},
    ],
    "node_count": 2,
    "seconds": 0.281,
}
DETAILS = RunDetails(
    FAILED,
    NOW,
    attempts=(
        Attempt(1, "failed", TICK + 1, 0.268, "worker-1", WHY, {"error": {"message": "first"}}),
        Attempt(2, "failed", TICK + 13, 0.281, "worker-2", WHY, KEPT, has_log=True),
    ),
    notes=((TICK + 5, "redelivered"),),
    pipeline="daily_sales",
    queue="default",
)


def test_an_error_of_ours_is_said_once() -> None:
    words = "this worker has other code (111111111111) than was applied (222222222222)"
    error = {"message": words, "details": f"OtherCodeError: {words}", "hint": "deploy the applied commit"}
    attempt = Attempt(1, "failed", TICK + 1, 0.268, "worker-1", f"OtherCodeError: {words}", {"error": error})

    text = details_text(replace(DETAILS, attempts=(attempt,)))

    assert f"\nError: {words}\nhint: deploy the applied commit\n" in text
    assert text.count(words) == 1


def test_a_tick_that_nobody_knows_any_more_is_no_moment_of_1970() -> None:
    record = RunRecord("nightly", 0, 0, "succeeded", run=f"acme--prod--nightly--m{'0' * 26}")
    lost = replace(DETAILS, record=record, by_hand=True, attempts=())

    assert "  tick     not known any more  by hand\n" in details_text(lost)
    document = details_dict(lost, "acme.prod")
    assert [document[key] for key in ("tick", "first", "last")] == [None, None, None]


def test_ticks_wait_for_a_run_only_where_nothing_else_keeps_them() -> None:
    def lines(standing: Standing) -> list[str]:
        return runs_text(replace(LIST, name="nightly", standing=standing, runs=())).splitlines()

    assert "1 tick waiting for the run that is active." in lines(Standing(True, waiting=1))
    assert "1 tick waiting until it goes on." in lines(Standing(True, paused=True, waiting=1))


def test_a_failed_run_has_the_authors_lines_before_everything_else() -> None:
    assert details_text(DETAILS, width=80) == (
        "nightly--1795453200  failed in 281 ms (attempt 2) 18m ago\n"
        "  tick     Mon 23 Nov 18:00 (17:00 UTC)  Europe/Berlin\n"
        "  pipeline daily_sales\n"
        "  queue    default\n"
        "  commit   1a2b3c4\n"
        "  worker   worker-2\n"
        "\n"
        "Error: node 'price' failed at flows/sales.py:19: ZeroDivisionError: division by zero\n"
        "    flows/sales.py:19, in price\n"
        "        return 100 / 0\n"
        "\n"
        "Attempts\n"
        "    1  failed       268 ms  18:00:01  node 'price' failed at flows/sales.py:19: Z…\n"
        "    2  failed       281 ms  18:00:13  node 'price' failed at flows/sales.py:19: Z…\n"
        "\n"
        "Inputs\n"
        '  token = "***"\n'
        "  divisor = 0\n"
        "\n"
        "Where the time went\n"
        "  price    0.4 ms   failed\n"
        "  load     200 ms  ##############\n"
        "\n"
        "What else happened\n"
        "  Mon 23 Nov 18:00:05  redelivered\n"
        "\n"
        "What it said: flowerpower runs --job nightly--1795453200 --log --env prod\n"
        "To run it again: flowerpower rerun nightly--1795453200 --env prod"
    )


@pytest.mark.parametrize(
    ("record", "more", "line"),
    [
        (
            RUNNING,
            {"live": {"done": 3, "expected": 12, "nodes": [{"node": "x\x1b"}]}},
            "Running 34s [######..................] 3/12 nodes, now x\\x1b",
        ),
        (RUNNING, {"live": {"done": "?", "nodes": 5}}, "Running 34s"),
        (replace(RUNNING, status="queued"), {"workers": 0}, "Queued 34s on default, no live worker"),
        (
            replace(RUNNING, status="retrying"),
            {"attempts": (Attempt(1, kept={"error": {"message": "no secret\x1b\nhere"}}),)},
            "Attempt 1 failed, waiting for the next one: no secret\\x1b",
        ),
        (replace(RUNNING, status="retrying"), {"attempts": ()}, "Attempt 1 failed, waiting for the next one"),
        (replace(RUNNING, status="scheduled", at=NOW + 60), {}, "Waiting for its time, in 1m"),
    ],
)
def test_where_a_run_is_fits_on_a_line(record: RunRecord, more: dict[str, object], line: str) -> None:
    assert progress_line(replace(DETAILS, record=record, **more)) == line  # type: ignore[arg-type]


def test_a_run_that_is_tried_again_says_how_often_it_may_be() -> None:
    run = replace(DETAILS, record=replace(RUNNING, status="retrying"), retries_left=1)

    assert details_text(run).splitlines()[0] == "nightly--1795454400  retrying after 1 of 3 attempts for 34s"


def test_a_run_that_waits_for_its_retry_says_when_that_is_and_what_killed_the_last_attempt() -> None:
    killed = Attempt(1, "failed", NOW - 34, 12.0, "worker-1", "its process was killed by signal 9 (SIGKILL)")
    run = replace(DETAILS, record=replace(RUNNING, status="retrying"), attempts=(killed,), next_at=NOW + 600)

    told = details_text(run)

    assert "  next     attempt 2 in 10m, Mon 23 Nov 18:30 (17:30 UTC)\n" in told
    assert "  why      its process was killed by signal 9 (SIGKILL)\n" in told
    assert details_dict(run, "acme.prod")["next_attempt_at"] == "2026-11-23T17:30:00Z"
    assert "next     attempt 2 as soon as a worker takes it" in details_text(replace(run, next_at=0))
    assert progress_line(run).endswith("waiting for the next one: its process was killed by signal 9 (SIGKILL)")


WORDS = [
    "error",
    "message",
    "details",
    "hint",
    "inputs",
    "nodes",
    "node",
    "seconds",
    "succeeded",
    "since",
    "node_count",
]
WORDS += [
    "phases",
    "outputs",
    "saves",
    "value",
    "type",
    "shape",
    "path",
    "rows",
    "bytes",
    "format",
    "done",
    "expected",
    "\x1b",
]
SCHEDULE = Schedule("nightly", {"timezone": "Europe/Berlin", "overlap": "skip", "queue": "default"}, "", "", "", "")
APPLIED = Applied(SCHEDULE, 3, "1a2b3c4d5e", parse_trigger(every=3600), {"namespace": "acme.prod"}, None)
PLAN = BackfillPlan(
    APPLIED,
    TICK - 7200,
    TICK,
    (
        PastTick(TICK - 7200, "unknown"),
        PastTick(TICK - 3600, "succeeded", replace(FAILED, status="succeeded", reason="")),
        PastTick(TICK, "failed", FAILED),
    ),
    NOW,
    workers=0,
)


def test_a_backfill_says_what_it_would_do_and_what_it_did() -> None:
    assert plan_text(PLAN, 2, width=80) == (
        "nightly: 3 ticks from Mon 23 Nov 16:00 (15:00 UTC) to Mon 23 Nov 18:00 (17:00\n"
        "  UTC), Europe/Berlin\n"
        "\n"
        "  run   Mon 23 Nov 16:00 (15:00 UTC)  nothing is recorded of it\n"
        "  skip  Mon 23 Nov 17:00 (16:00 UTC)  succeeded 18m ago\n"
        "  run   Mon 23 Nov 18:00 (17:00 UTC)  failed 18m ago: node 'price' failed at fl…\n"
        "\n"
        "Warning: no live worker listens on the queue default; nothing will run before\n"
        "  one does.\n"
        "Its own ticks go on firing. While one of them runs, the backfill starts no other\n"
        "  run.\n"
        "Backfill: 2 to run, 1 skipped; 2 at a time, as applied from 1a2b3c4."
    )
    progress = Progress(2, {TICK: FAILED}, (TICK - 7200,), 0)
    assert done_text(progress, PLAN).splitlines()[1:] == [
        "Backfill ended: 0 succeeded, 1 did not.",
        "Why one of them failed: flowerpower runs --job nightly--1795453200 --env prod",
    ]
    assert stopped_text(progress, PLAN) == (
        "Stopped: 1 of 2 done, 0 not handed out.\n"
        "1 run goes on. To stop: flowerpower cancel nightly--1795446000 --env prod\n"
        "The same command again goes on from here."
    )


def ticks_of(text: str) -> list[str]:
    return text.split("\n\n")[1].splitlines()


def test_what_is_known_of_ticks_stands_in_one_column_whatever_their_zone_makes_of_them() -> None:
    berlin = int(datetime(2026, 11, 22, 23, 30, tzinfo=UTC).timestamp())
    ticks = (PastTick(berlin, "unknown"), PastTick(berlin + 1800, "unknown"), PastTick(berlin + 5401, "failed", FAILED))

    lines = ticks_of(plan_text(replace(PLAN, ticks=ticks), 1, width=100))

    assert lines == [
        "  run   Mon 23 Nov 00:30 (Sun 23:30 UTC)    nothing is recorded of it",
        "  run   Mon 23 Nov 01:00 (00:00 UTC)        nothing is recorded of it",
        "  run   Mon 23 Nov 02:00:01 (01:00:01 UTC)  failed 18m ago: node 'price' failed at flows/sales.py:1…",
    ]


def test_what_runs_again_of_each_schedule_stands_in_columns() -> None:
    other = replace(APPLIED, schedule=replace(SCHEDULE, name="often"))
    plans = (PLAN, replace(PLAN, applied=other, ticks=PLAN.ticks[:1], last=PLAN.first, workers=1))

    lines = again_text(plans, (), ["failed"]).splitlines()

    assert [line.partition(" to ")[0] for line in lines if "Berlin" in line] == [
        "  nightly  2 ticks (1 active already)  Mon 23 Nov 16:00 (15:00 UTC)",
        "  often    1 tick                      Mon 23 Nov 16:00 (15:00 UTC), Europe/Berlin",
    ]


def test_runs_that_did_not_succeed_stand_in_columns() -> None:
    dropped = replace(FAILED, status="cancelled", last=TICK - 3 * 86_400 - 1, reason="by ana")
    progress = Progress(2, {dropped.last: dropped, TICK: replace(FAILED, reason="by zoë")}, (), 0)

    assert done_text(progress, PLAN).splitlines()[:2] == [
        "  cancelled  Fri 20 Nov 17:59:59 (16:59:59 UTC)  by ana",
        "  failed     Mon 23 Nov 18:00 (17:00 UTC)        by zoë",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_backfill_keeps_within_the_screen(width: int) -> None:
    text = plan_text(replace(PLAN, workers=1), 2, width=width)

    assert max(map(len, text.splitlines())) <= width


_LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text("aé\x1b\n\u202e[", max_size=5))
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)
)
_RECORDS = st.dictionaries(st.sampled_from(WORDS), _JSON, max_size=6)


@settings(max_examples=80, deadline=None)
@given(summary=_RECORDS, live=_RECORDS, kept=_RECORDS, status=st.sampled_from(["succeeded", "failed", "running"]))
def test_whatever_a_record_holds_the_page_shows_it_and_moves_no_cursor(
    summary: dict[str, object], live: dict[str, object], kept: dict[str, object], status: str
) -> None:
    attempts = (replace(DETAILS.attempts[0], kept=kept), replace(DETAILS.attempts[1], kept=kept))
    record = replace(FAILED, status=status)
    run = replace(DETAILS, record=record, summary=summary, live=live, last_seen=kept, attempts=attempts)

    text = details_text(run, width=80) + progress_line(run)

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert json.dumps(details_dict(run, "acme.prod"))


@pytest.mark.parametrize("since", [1e18, -1e15, float("inf"), float("nan"), 10**30])
def test_a_node_that_began_at_no_moment_is_passed_over(since: float) -> None:
    nodes = {"nodes": [{"node": "torn", "since": since}, {"node": "whole", "since": TICK}]}

    last = details_text(replace(DETAILS, last_seen=nodes))
    running = details_text(replace(DETAILS, record=replace(FAILED, status="running"), live=nodes))

    assert [("torn" in text, "whole" in text) for text in (last, running)] == [(False, True)] * 2
