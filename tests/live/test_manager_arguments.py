"""Arguments of the job queue's API that cannot be meant: each is named, whatever is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from flowerpower import JobQueueManager, RQManager
from flowerpower.errors import UsageError

WRONG: list[tuple[Callable[[RQManager], object], str]] = [
    (lambda jobs: jobs.start_worker(queues="default", burst=True), "`queues` is a list of texts"),
    (lambda jobs: jobs.start_worker(allowed="tasks.clean", burst=True), "`allowed` is a list of texts"),
    (lambda jobs: jobs.start_worker(bust=True), "a worker has no argument `bust`"),  # type: ignore[call-arg]
    (lambda jobs: jobs.start_worker(processes="2"), "`processes` is a whole number"),  # type: ignore[arg-type]
    (lambda jobs: jobs.start_worker(grace="90s"), "`grace` is a number of seconds"),  # type: ignore[arg-type]
    (lambda jobs: jobs.start_worker(metrics=9726), "`metrics` is a text"),  # type: ignore[arg-type]
    (lambda jobs: jobs.runs(limit="3"), "`limit` is a whole number"),  # type: ignore[arg-type]
    (lambda jobs: jobs.backfill("often"), "`plan` is of the class BackfillPlan"),  # type: ignore[arg-type]
    (lambda jobs: jobs.plan_backfill("often", "2d", most="9"), "`most` is a whole number"),  # type: ignore[arg-type]
    (lambda jobs: jobs.backfill(jobs.plan_backfill("often", "2d"), 0), "`max_concurrent` is at least 1, not 0"),
    (lambda jobs: jobs.enqueue("report").wait("3"), "`timeout` is a number of seconds"),  # type: ignore[arg-type]
    (lambda jobs: jobs.enqueue_in("report", {"number": 3}), "is no delay"),  # type: ignore[arg-type]
    (lambda jobs: jobs.runs(statuses="failed"), "`statuses` is a list of texts"),
    (lambda jobs: jobs.runs(since=datetime(2026, 1, 1)), "`since` has no time zone"),
    (lambda jobs: jobs.runs(since=date(2026, 1, 1)), "`since` is no moment"),  # type: ignore[arg-type]
    (lambda jobs: jobs.enqueue_at("report", date(2026, 1, 1)), "`when` is no moment"),  # type: ignore[arg-type]
    (lambda jobs: jobs.enqueue_at("report", datetime(2026, 1, 1)), "`when` has no time zone"),
    (lambda jobs: jobs.enqueue_at("report", datetime.max.replace(tzinfo=UTC)), "`when` is later than clocks can tell"),
    (lambda jobs: jobs.enqueue_in("report", None), "None is no delay"),  # type: ignore[arg-type]
    (lambda jobs: jobs.rerun("often", date(2026, 1, 1)), "`tick` is no moment"),  # type: ignore[arg-type]
    (lambda jobs: jobs.plan_backfill("often", datetime(2026, 1, 1)), "`start` has no time zone"),
    (lambda jobs: jobs.plan_backfill("often", "2d", datetime(2026, 1, 1)), "`end` has no time zone"),
    (lambda jobs: jobs.plan_backfill("often", "soon"), "`start` 'soon' names no moment"),
    (lambda jobs: jobs.plan_backfill("often", "2d", "soon"), "`end` 'soon' names no moment"),
    (lambda jobs: jobs.rerun("often", "soon"), "`tick` 'soon' names no moment"),
    (lambda jobs: jobs.start_worker(metrics="soon", burst=True), "`metrics` wants [HOST:]PORT, not 'soon'"),
    (lambda jobs: jobs.pause("often", reason="x", until=date(2026, 1, 1)), "`until` is no mo"),  # type: ignore[arg-type]
    (lambda jobs: jobs.pause("often", reason=None), "`reason` is a text"),  # type: ignore[arg-type]
    (lambda jobs: jobs.pause(["often"], reason="x"), "each name is a text"),  # type: ignore[arg-type]
    (lambda jobs: jobs.resume(["often"]), "each name is a text"),  # type: ignore[arg-type]
    (lambda jobs: jobs.forget(["often"]), "each name is a text"),  # type: ignore[arg-type]
    (lambda jobs: jobs.cancel(jobs.enqueue("report")), "a run id is a text"),  # type: ignore[arg-type]
    (lambda jobs: jobs.run(jobs.enqueue("report")), "a run id is a text"),  # type: ignore[arg-type]
    (lambda jobs: jobs.runs(5), "`name` is a text"),  # type: ignore[arg-type]
    (lambda jobs: jobs.rerun(5, "2026-01-01"), "`name` is a text"),  # type: ignore[arg-type]
    (lambda jobs: jobs.plan_backfill(5, "2d"), "`name` is a text"),  # type: ignore[arg-type]
    (lambda jobs: jobs.rerun("often", 10**12), "`tick` is no moment that clocks can tell: 1000000000000"),
    (lambda jobs: jobs.runs(since=10**30), "`since` is no moment that clocks can tell"),
    (lambda jobs: jobs.pause("often", reason="x", until=10**12), "`until` is no moment that clocks can tell"),
    (lambda jobs: jobs.pause("often", reason="x", who=5), "`who` is a text"),  # type: ignore[arg-type]
    (lambda jobs: jobs.resume("often", who=5), "`who` is a text"),  # type: ignore[arg-type]
    (lambda jobs: jobs.forget("often", who=5), "`who` is a text"),  # type: ignore[arg-type]
    (lambda jobs: jobs.cancel("x", reason=5), "`reason` is a text"),  # type: ignore[arg-type]
    (lambda jobs: jobs.log("x", attempt="1"), "`attempt` is a whole number"),  # type: ignore[arg-type]
    (lambda jobs: jobs.status(recent="3"), "`recent` is a whole number"),  # type: ignore[arg-type]
    (lambda jobs: jobs.status(None), "`wanted` is of the class Wanted"),  # type: ignore[arg-type]
    (lambda jobs: jobs.enqueue("report").wait(float("nan")), "`timeout` is a number of seconds, not nan"),
    (lambda jobs: JobQueueManager.create(["rq"]), "`backend` is a text"),  # type: ignore[arg-type]
    (lambda jobs: jobs.log(None), "a run id is a text"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("call", "said"), WRONG, ids=[said for _, said in WRONG])
def test_a_wrong_argument_is_named(manager: RQManager, call: Callable[[RQManager], object], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        call(manager)


def test_a_limit_may_be_as_large_as_one_likes(manager: RQManager) -> None:
    assert manager.runs(limit=10**30).runs == ()
