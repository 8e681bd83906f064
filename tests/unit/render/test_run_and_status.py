"""A finished run and the status table as text and JSON."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from flowerpower.jobs.monitoring.status import Heal, QueueStatus, ScheduleStatus, Status
from flowerpower.jobs.records import RunRecord
from flowerpower.render.alarms import worst_first
from flowerpower.render.runs import run_text
from flowerpower.render.status import status_text
from flowerpower.render.status_html import status_html
from flowerpower.render.status_json import status_dict
from flowerpower.render.style import plain
from flowerpower.render.times import times_lines
from flowerpower.state.models import Head, Hold

NOW = int(datetime(2026, 11, 23, 17, 20, tzinfo=UTC).timestamp())
GOOD = RunRecord("s", NOW - 60, NOW - 60, "succeeded", run="r", attempt=1, seconds=1.25, at=NOW - 58)
FAILED = RunRecord("s", NOW - 7200, NOW - 7200, "failed", 1, "ValueError: no orders\x1b[2J", "r", 3, 0.5, NOW - 7000)
PLAIN = ScheduleStatus(
    name="fine",
    pipeline="report",
    queue="default",
    timezone="Europe/Berlin",
    trigger="every 1h",
    paused=False,
    hold=None,
    next_tick=NOW + 600,
    late=0,
    active=0,
    last=GOOD,
    commit="c0ffee",
)
SCHEDULES = (
    replace(PLAIN, name="asleep", paused=True, next_tick=None),
    PLAIN,
    replace(PLAIN, name="fresh", last=None, active=1),
    replace(PLAIN, name="stuck", queue="heavy", late=300, next_tick=NOW - 300),
    replace(PLAIN, name="held", hold=Hold("ana", "vendor outage", NOW - 100), next_tick=None),
    replace(PLAIN, name="broken", last=FAILED),
)
STATUS = Status(
    "acme.prod",
    NOW,
    Head(generation=4, commit="1a2b3c4d5e6f", who="ana", when=NOW - 86_400),
    SCHEDULES,
    workers={"default": 2, "heavy": 0},
    scheduler="host-1",
    pipelines=1,
    unmanaged=4,
)


def test_what_needs_somebody_comes_first() -> None:
    names = [schedule.name for schedule in worst_first(SCHEDULES)]

    assert names == ["broken", "stuck", "held", "fine", "fresh", "asleep"]


def test_ticks_that_wait_are_counted() -> None:
    busy = replace(STATUS, schedules=(replace(PLAIN, active=1, waiting=2),))

    assert "1 active run; 2 ticks waiting" in status_text(busy)
    assert status_dict(busy)["schedules"][0]["waiting"] == 2


def test_a_run_that_no_worker_has_begun_is_not_told_as_running() -> None:
    waits = replace(PLAIN, last=None, active=2, queued=2)

    def row(**changed: Any) -> str:
        text = status_text(replace(STATUS, schedules=(replace(waits, **changed),)), width=200)
        return " ".join(text.splitlines()[3].split())

    assert row().endswith("queued 2 runs queued")
    assert row(queued=1).endswith("running 1 active run; 1 run queued")
    assert row(queue="heavy").endswith("queued 2 runs queued, no worker on queue heavy")
    html = status_html(replace(STATUS, schedules=(replace(waits, queue="heavy"),)))
    assert '<div class="more">2 runs queued, no worker on queue heavy</div>' in html
    assert status_dict(replace(STATUS, schedules=(waits,)))["schedules"][0]["queued"] == 2


def test_how_long_runs_are_active_is_told_and_what_they_let_be_skipped() -> None:
    skipped = RunRecord("s", NOW - 30, NOW - 30, "skipped", reason="overlap", at=NOW - 30)
    busy = replace(PLAIN, active=1, active_since=NOW - 750, last=skipped, before_skipped=GOOD, skipped=1)

    def row(**changed: Any) -> str:
        text = status_text(replace(STATUS, schedules=(replace(busy, **changed),)), width=200)
        return " ".join(text.splitlines()[3].split())

    told = "ok fine Mon 23 Nov 18:30 (17:30) succeeded 58s ago in 1.2 s"
    assert row() == f"{told} 1 active run for 12m; last tick skipped (overlap)"
    assert row(skipped=1234, active=2).endswith("2 active runs, the oldest for 12m; last 1,234 ticks skipped (overlap)")
    assert row(active=2, queued=1).endswith("1 active run for 12m; 1 run queued; last tick skipped (overlap)")
    assert row(active=0, active_since=0) == f"{told} last tick skipped (overlap)"
    assert row(queued=1) == f"skipped {told.removeprefix('ok ')} 1 run queued for 12m; last tick skipped (overlap)"
    assert row(active=0, active_since=0, before_skipped=None).startswith("skipped fine")
    assert row(active=0, active_since=0, before_skipped=None).endswith("skipped 30s ago last tick skipped (overlap)")
    held_up = replace(skipped, reason="after: orders failed")
    assert row(active=0, last=held_up, before_skipped=None, skipped=0).startswith("skipped fine")
    assert row(active=0, last=held_up, before_skipped=None, skipped=0).endswith("skipped 30s ago after: orders failed")
    assert row(before_skipped=FAILED).endswith("12m; last tick skipped (overlap); ValueError: no orders\\x1b[2J")


def test_the_status_table_says_what_is_wrong_and_why() -> None:
    assert status_text(STATUS) == (
        "acme.prod: 1a2b3c4 (apply 4) applied 1d ago by ana\n"
        "\n"
        "          schedule  next (UTC)                last                        why\n"
        "  failed  broken    Mon 23 Nov 18:30 (17:30)  failed 1h ago in 500 ms     ValueError: no orders\\x1b[2J\n"
        "  late    stuck     Mon 23 Nov 18:15 (17:15)  succeeded 58s ago in 1.2 s  due 5m ago and not fired\n"
        '  held    held      —                         succeeded 58s ago in 1.2 s  held by ana "vendor outage"\n'
        "  ok      fine      Mon 23 Nov 18:30 (17:30)  succeeded 58s ago in 1.2 s\n"
        "  new     fresh     Mon 23 Nov 18:30 (17:30)  running                     1 active run\n"
        "  paused  asleep    —                         succeeded 58s ago in 1.2 s\n"
        "\n"
        "Workers: default 2\n"
        "No worker listens on: heavy\n"
        "Scheduler: host-1\n"
        "4 scheduled jobs in this Redis not managed by flowerpower."
    )


def test_a_queue_that_no_schedule_uses_any_more_is_named_while_runs_are_in_it() -> None:
    full = QueueStatus("former", "acme--prod--former", 0, {"queued": 1})
    empty, attended = replace(full, name="empty", jobs={"queued": 0}), replace(full, name="attended", workers=1)
    status = replace(STATUS, schedules=(PLAIN,), workers={"default": 2, "attended": 1}, queues=(full, empty, attended))

    assert "No worker listens on: former\n" in status_text(status)


def test_a_last_run_of_other_code_than_was_applied_is_told_in_the_table_and_on_the_page() -> None:
    other = replace(STATUS, schedules=(replace(PLAIN, last=replace(GOOD, other_code="3" * 40)),))

    assert "ran other code than was applied: 3333333" in status_text(other)
    assert "ran other code than was applied: 3333333" in status_html(other)


def test_what_is_wrong_stands_above_and_what_was_mended_below() -> None:
    heals = (
        Heal("redelivered", NOW - 120, "fine", NOW - 300, "acme--prod--fine--5"),
        Heal("closed", NOW - 4000, "fine", NOW - 5000, "acme--prod--fine--4", "RQ ended it as failed"),
        Heal("redelivered", NOW - 5000, "fine", NOW - 6000, "acme--prod--fine--3"),
    )
    sick = replace(STATUS, schedules=(), troubles=("the target looks reset\x1b[2J",), heals=heals)

    lines = status_text(sick).splitlines()

    assert lines[1] == "Trouble: the target looks reset\\x1b[2J"
    assert lines[-2] == (
        "Healed in the last day: 2 lost runs delivered again, 1 run ended whose worker was gone; "
        "newest: acme--prod--fine--5, 2m ago"
    )
    assert status_dict(sick)["troubles"] == ["the target looks reset\x1b[2J"]
    assert status_dict(sick)["heals"][1] == {
        "event": "closed",
        "at": "2026-11-23T16:13:20Z",
        "schedule": "fine",
        "tick": "2026-11-23T15:56:40Z",
        "run": "acme--prod--fine--4",
        "reason": "RQ ended it as failed",
    }


def test_a_namespace_without_anything_but_a_worker_may_have_been_reset() -> None:
    assert "or Redis was reset" in status_text(Status("acme.prod", NOW, Head(), (), workers={"default": 1}))


@pytest.mark.parametrize("width", [40, 60])
def test_a_narrow_terminal_shows_all_of_each_row_in_more_lines(width: int) -> None:
    table, wide = (status_text(STATUS, width=columns).split("\n\n")[1] for columns in (width, 120))

    assert all(len(line) <= width for line in table.splitlines())
    assert table.split() == wide.split()


def test_an_empty_namespace_says_so() -> None:
    text = status_text(Status("acme.prod", NOW, Head(), ()))

    assert text.startswith("acme.prod: nothing applied yet\n")


def test_the_status_document_has_times_in_utc() -> None:
    document = status_dict(STATUS)

    broken = document["schedules"][0]
    assert (broken["name"], broken["state"], broken["next"]) == ("broken", "failed", "2026-11-23T17:30:00Z")
    assert broken["last"]["reason"].startswith("ValueError")
    assert document["live"]["applied_at"] == "2026-11-22T17:20:00Z"


@pytest.mark.parametrize(
    ("names", "cached", "line"),
    [
        ([], 0, ""),
        (["orders"], 1, "from the cache: 1 of 9 nodes (orders)"),
        (["orders", "rates"], 2, "from the cache: 2 of 9 nodes (orders and rates)"),
        (["square", "square", "total"], 3, "from the cache: 3 of 9 nodes (square 2 times and total)"),
        (
            ["exchange_rates", "customers", "orders"],
            7,
            "from the cache: 7 of 9 nodes (exchange_rates, customers and 5 others)",
        ),
        (["a" * 40], 1, "from the cache: 1 of 9 nodes"),
    ],
)
def test_a_run_says_which_nodes_came_from_the_cache(names: list[str], cached: int, line: str) -> None:
    nodes = [{"node": "slow", "seconds": 2.0}, *({"node": name, "seconds": 0.1, "cached": True} for name in names)]

    *_, last = times_lines({"nodes": nodes, "node_count": 9, "cached_count": cached, "seconds": 3.0}, plain)

    assert last.strip() == (line or "and 8 quicker nodes")
    assert len(last) <= 80


def test_a_run_shows_outputs_files_and_the_slowest_nodes() -> None:
    run = {
        "pipeline": "report",
        "tick": "2026-11-23T17:20:00+00:00",
        "seconds": 2.0,
        "phases": {"import": 0.5, "build": 0.0001, "execute": 1.5},
        "outputs": {"total": {"value": 42}, "frame": {"type": "pandas.DataFrame", "shape": [2000, 3]}},
        "saves": [{"path": "out/a.csv", "format": "csv", "rows": 2000, "bytes": 12345}],
        "nodes": [{"node": "frame", "seconds": 1.0}, {"node": "total", "seconds": 0.05}],
        "node_count": 4,
    }

    assert run_text(run) == (
        "  total  42\n"
        "  frame  pandas.DataFrame shape 2,000 x 3\n"
        "\n"
        "  saved out/a.csv  csv, 2,000 rows, 12,345 bytes\n"
        "\n"
        "  frame        1.0 s  ##########\n"
        "  (import)    500 ms  #####\n"
        "  total        50 ms\n"
        "  and 2 quicker nodes\n"
        "\n"
        "Run complete: report at 2026-11-23T17:20:00+00:00 in 2.0 s."
    )
