"""Statuses to show: a small one with every kind of trouble, and large ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from flowerpower.jobs.monitoring.status import Heal, QueueStatus, ScheduleStatus, Status, Totals, WorkerStatus
from flowerpower.jobs.records import RunRecord
from flowerpower.planning.sync import Wanted
from flowerpower.state.models import Head, Hold

NOW = int(datetime(2026, 11, 23, 17, 20, tzinfo=UTC).timestamp())
COMMIT = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"


def outcome(ago: int, status: str = "succeeded", seconds: float = 1.25, reason: str = "", count: int = 1) -> RunRecord:
    """Return the end of a run that many seconds ago."""
    tick = NOW - ago - 2
    return RunRecord("x", tick, tick, status, count, reason, f"acme--prod--x--{tick}", 1, seconds, NOW - ago, COMMIT)


GOOD = tuple(outcome(60 + 3600 * n, seconds=1 + (n * 7 % 5)) for n in range(20))
FAILS = (outcome(7000, "failed", 0.5, "ValueError: no orders for region EU"), *GOOD[2:])
PLAIN = ScheduleStatus(
    name="orders_hourly",
    pipeline="orders",
    queue="default",
    timezone="Europe/Berlin",
    trigger="every 1h",
    paused=False,
    hold=None,
    next_tick=NOW + 600,
    late=0,
    active=0,
    last=GOOD[0],
    commit=COMMIT,
    owner="data-platform",
    revision=3,
    place="schedules/orders_hourly.yaml:1:1",
    sync="synced",
    recent=GOOD,
    succeeded_at=GOOD[0].at,
)
MISSED = (outcome(4000, "missed", 0, "the scheduler was away", 3), *GOOD[3:])
HOLD = Hold("ana", "vendor outage until the new feed is there", NOW - 90_000, NOW + 90_000)
SCHEDULES = (
    PLAIN,
    replace(
        PLAIN, name="nightly_sales", trigger="cron 0 2 * * *", last=FAILS[0], recent=FAILS, succeeded_at=NOW - 9000
    ),
    replace(PLAIN, name="stock_levels", queue="heavy", late=300, next_tick=NOW - 300, sync="out_of_sync"),
    replace(PLAIN, name="fx_rates", last=MISSED[0], recent=MISSED, drifted=True, sync="out_of_sync"),
    replace(PLAIN, name="vendor_feed", hold=HOLD, next_tick=None, owner="maría@example.org"),
    replace(PLAIN, name="customers", active=1, timezone="America/New_York"),
    replace(PLAIN, name="fresh", last=None, recent=(), succeeded_at=None, sync="orphaned"),
    replace(PLAIN, name="old_report", paused=True, next_tick=None),
)
BUSY = WorkerStatus(
    name="web-1.4711.a1b2c3",
    state="busy",
    queues=("default",),
    host="web-1",
    pid=4711,
    started=NOW - 86_400,
    heartbeat=NOW - 4,
    run="acme--prod--customers--1795453200",
    succeeded=1204,
    failed=3,
    seconds=8123.5,
    rq="3.0.0",
)
IDLE = replace(
    BUSY, name="web-2.915.d4e5f6", state="idle", queues=("default", "reports"), host="web-2", pid=915, run=""
)
DEPTHS = {"queued": 3, "started": 1, "scheduled": 6, "failed": 2, "finished": 41, "deferred": 0}
QUEUES = (
    QueueStatus("default", "acme--prod--default", 2, DEPTHS),
    QueueStatus("heavy", "acme--prod--heavy", 0, DEPTHS | {"started": 0}),
)
STATUS = Status(
    "acme.prod",
    NOW,
    Head(generation=42, commit=COMMIT, repository="github.com/acme/pipelines", who="ana", when=NOW - 86_400),
    SCHEDULES,
    workers={"default": 2, "heavy": 0},
    scheduler="web-1.4700.9f8e7d",
    pipelines=4,
    unmanaged=4,
    heals=(Heal("redelivered", NOW - 120, "fx_rates", NOW - 300, "acme--prod--fx_rates--5"),),
    wanted=Wanted(commit=COMMIT, unknown=""),
    missing=("new_feed",),
    lease_seconds=4.2,
    listening=(BUSY, IDLE),
    queues=QUEUES,
    totals=Totals({"succeeded": 1292, "failed": 3, "missed": 3}, {1.0: 1000, 5.0: 290, float("inf"): 5}, 1999.5),
)
WELL = replace(
    STATUS,
    schedules=tuple(replace(PLAIN, name=name) for name in ("customers", "fx_rates", "orders_hourly")),
    workers={"default": 2},
    missing=(),
    queues=QUEUES[:1],
    heals=(),
)


def many(number: int) -> Status:
    """Return a status of so many schedules, of every kind."""
    schedules = tuple(
        replace(one, name=f"{one.name}_{n:05}")
        for n in range(number)
        for one in [SCHEDULES[n % len(SCHEDULES)] if n % 40 < len(SCHEDULES) else PLAIN]
    )
    return replace(STATUS, schedules=schedules)
