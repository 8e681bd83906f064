"""The load of queues before and after a plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.planning import forecast
from flowerpower.planning.diff import make_plan
from flowerpower.planning.digest import plan_hash
from flowerpower.planning.forecast import Frame, forecast_live
from flowerpower.planning.guards import Allowed
from flowerpower.planning.load import QueueLoad
from flowerpower.planning.outlook import with_forecast
from flowerpower.planning.plan import Plan
from flowerpower.planning.settle import settle
from flowerpower.state.models import Consumers, Cursor, Head, Hold, Reading, Record, Schedule, State
from flowerpower.state.run_times import RunTimes, summarise

NOW = int(datetime(2026, 11, 23, 17, 20, 30, tzinfo=UTC).timestamp())
NIGHT = int(datetime(2026, 11, 24, 2, tzinfo=UTC).timestamp())
DAY = 86_400

Pair = tuple[Schedule, str]


def live(*schedules: Pair, workers: int = 2, held: tuple[str, ...] = ()) -> Reading:
    """Return a reading in which each schedule waits for its next tick."""
    hold = Hold("ana", "", 0)
    holds = dict.fromkeys(held, hold)
    empty = Reading(NOW, Head(generation=1), State(), {}, {}, holds)
    state = settle(KEYS, State({each.name: each for each, _ in schedules}, {}), empty)
    return replace(
        empty,
        state=state,
        records={f"schedule.{name}": Record(1, "seal") for name in state.schedules},
        cursors={
            name: Cursor(0, 1, each.occurrence.id if each.occurrence else None)
            for name, each in state.schedules.items()
        },
        consumers=Consumers({KEYS.queue("default"): workers, KEYS.queue("heavy"): 1}),
    )


def planned(reading: Reading, *wanted: Pair, **runs: list[float]) -> Plan:
    plan = make_plan(KEYS, desired(wanted), reading, SOURCE)
    return with_forecast(plan, reading, lambda: summarise(runs, reading.state), "UTC")


def loads(reading: Reading, *wanted: Pair, **runs: list[float]) -> dict[str, QueueLoad]:
    return {load.queue: load for load in planned(reading, *wanted, **runs).loads}


def test_the_peak_is_the_busiest_minute_and_the_first_of_equals() -> None:
    old = [schedule("a"), schedule("b", cron="0 3 * * *")]

    load = loads(live(*old), schedule("a"), schedule("b"))["default"]

    assert (load.before.peak, load.before.peak_at, load.before.starts) == (1, NIGHT, 14)
    assert (load.after.peak, load.after.peak_at, load.after.starts) == (2, NIGHT, 14)


@pytest.mark.parametrize("same", [{}, {"timeout": 90}, {"cron": "@daily", "timeout": 90}])
def test_a_plan_without_a_change_of_load_reads_nothing(same: dict[str, Any]) -> None:
    reading = live(schedule("a", cron="0 0 * * *"))
    plan = make_plan(KEYS, desired([schedule("a", **{"cron": "0 0 * * *", **same})]), reading, SOURCE)

    def read() -> RunTimes:
        raise AssertionError("nothing needs it")

    assert with_forecast(plan, reading, read, "UTC") is plan


def test_only_queues_whose_load_changes_are_in_a_plan() -> None:
    old = [schedule("a"), schedule("b", queue="heavy"), schedule("yearly", queue="rare", cron="0 0 1 1 *")]
    new = [schedule("a", cron="0 4 * * *"), old[1], schedule("yearly", queue="rare", cron="0 0 2 1 *")]

    assert list(loads(live(*old), *new)) == ["default"]


def test_a_schedule_that_moves_changes_both_queues() -> None:
    found = loads(live(schedule("a")), schedule("a", queue="heavy"))

    assert [(load.before.starts, load.after.starts) for load in found.values()] == [(7, 0), (0, 7)]


@pytest.mark.parametrize("quiet", [{"paused": True}, {"cron": "nonsense"}, {"every": -1}, {"jitter": "x"}])
def test_what_does_not_fire_is_no_load(quiet: dict[str, Any]) -> None:
    reading = live(schedule("a"), schedule("b"))
    fields = {**schedule("b")[0].fields, **quiet}
    tampered = replace(reading.state.schedules["b"], fields=fields)
    reading = replace(reading, state=State({**reading.state.schedules, "b": tampered}, {}))

    load = forecast_live(reading, KEYS, Frame.after(NOW, "UTC", RunTimes()))[0]

    assert (load.after.schedules, load.after.starts) == (1, 7)


def test_held_schedules_are_no_load() -> None:
    reading = live(schedule("a"), schedule("b"), held=("b",))

    assert forecast_live(reading, KEYS, Frame.after(NOW, "UTC", RunTimes()))[0].after.starts == 7


def test_workers_drain_a_peak_run_by_run() -> None:
    many = [schedule(f"s{number}") for number in range(25)]
    runs = {f"s{number}": [600.0, 600.0, 601.0] for number in range(25)}

    load = loads(live(*many[:1]), *many, **runs)["default"].after

    assert load.drain == 13 * 600  # 25 runs of 10 minutes by 2 workers
    assert load.work == 25 * 7 * 600


def test_one_long_run_is_not_shared_by_workers() -> None:
    old, new = schedule("a"), schedule("a", cron="0 4 * * *")

    assert loads(live(old), new, a=[3600.0])["default"].after.drain == 3600


def test_a_peak_waits_for_what_came_before_it() -> None:
    crowd = [schedule(f"s{number}", cron="10 2 * * *") for number in range(4)]
    early = [schedule("e1"), schedule("e2")]
    runs = {name: [1200.0] for name in ("e1", "e2")} | {f"s{number}": [60.0] for number in range(4)}

    apart = [schedule(f"s{number}", cron=f"0 {number + 3} * * *") for number in range(4)]

    load = loads(live(*apart, *early), *crowd, *early, **runs)["default"].after

    assert load.peak == 4
    assert load.drain == 600 + 2 * 60  # the workers are busy for 10 minutes more


def test_more_work_than_the_workers_can_do_is_never_drained() -> None:
    load = loads(live(schedule("a", every=120)), schedule("a", every=60, overlap="allow"), a=[150.0])["default"]

    assert load.share(load.after) == pytest.approx(1.25)
    assert load.after.drain is None


def test_ticks_that_are_skipped_are_no_work() -> None:
    load = loads(live(schedule("a", every=120)), schedule("a", every=60), a=[150.0])["default"]

    assert load.share(load.after) == pytest.approx(150 / 180 / 2, rel=0.01)  # every third tick runs


def test_without_a_measured_run_only_starts_are_counted() -> None:
    load = loads(live(schedule("a")), schedule("a", cron="0 4 * * *"))["default"]

    assert (load.after.basis, load.after.work, load.after.drain, load.share(load.after)) == ("counts", None, None, None)


def test_a_schedule_that_never_ran_takes_as_long_as_its_pipeline_or_as_all() -> None:
    old = [schedule("a"), schedule("b", pipeline="other")]
    new = [*old, schedule("c", cron="0 5 * * *"), schedule("d", cron="0 7 * * *", pipeline="unheard")]

    load = loads(live(*old), *new, a=[100.0], b=[300.0])["default"].after

    assert load.work == 7 * (100 + 300 + 100 + 200)  # c by its pipeline, d by all
    assert (load.basis, load.measured, load.schedules) == ("estimated", 2, 4)


def test_what_was_measured_of_another_pipeline_does_not_count() -> None:
    old = [schedule("a"), schedule("b", pipeline="other")]

    load = loads(live(*old), schedule("a", pipeline="other"), old[1], a=[100.0], b=[300.0])["default"]

    assert (load.before.work, load.after.work) == (7 * 400, 7 * 600)


def test_jitter_spreads_a_crowd() -> None:
    crowd = [schedule(f"s{number}") for number in range(60)]
    spread = [schedule(f"s{number}", jitter=600) for number in range(60)]

    load = loads(live(*crowd), *spread)["default"]

    assert (load.before.peak, load.after.peak) == (60, 6)
    assert load.after.starts == 60 * 7


def test_hours_are_those_of_the_local_clock() -> None:
    reading = live(schedule("a", cron="15 2,23 * * *", timezone="Asia/Kolkata"))

    load = forecast_live(reading, KEYS, Frame.after(NOW, "Asia/Kolkata", RunTimes(), days=1))[0].after

    midnight = int(datetime(2026, 11, 23, 18, 30, tzinfo=UTC).timestamp())
    assert load.hours == ((midnight - 3600, 1), (midnight + 2 * 3600, 1))


def test_what_takes_too_long_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "MOST_EFFORT", 100_000)
    many = [schedule(f"s{number}", every=61 + number, start="2026-01-01") for number in range(9)]

    load = loads(live(schedule("a")), schedule("a", cron="0 4 * * *"), *many)["default"].after

    assert 0 < load.uncounted < 9


def test_many_queues_with_little_to_do_are_all_counted() -> None:
    many = [schedule(f"s{number}", queue=f"q{number}", every=3600, jitter=number % 200) for number in range(1000)]

    found = forecast_live(live(*many), KEYS, Frame.after(NOW, "UTC", RunTimes()))

    assert len(found) == 1000
    assert all(load.after.uncounted == 0 and load.after.schedules == 1 for load in found)


def test_a_load_is_the_same_after_a_way_through_json() -> None:
    from pydantic import TypeAdapter

    adapter = TypeAdapter(tuple[QueueLoad, ...])
    plan = planned(live(schedule("a")), schedule("a", queue="heavy", jitter=90), a=[3.0])

    back = adapter.validate_json(adapter.dump_json(plan.loads))

    assert repr(back) == repr(plan.loads)


def test_the_load_is_no_part_of_the_hash() -> None:
    plan = planned(live(schedule("a")), schedule("a", cron="0 4 * * *"))

    assert plan.loads
    assert plan_hash(plan, Allowed()) == plan_hash(replace(plan, loads=()), Allowed())


def overlaps(reading: Reading, *wanted: Pair, **runs: list[float]) -> list[str]:
    return [check.message for check in planned(reading, *wanted, **runs).checks if check.name == "overlap"]


def test_a_schedule_that_fires_before_its_last_run_has_ended_is_flagged() -> None:
    reading = live(schedule("a"), schedule("b"))

    (found,) = overlaps(reading, schedule("a", cron="0,10 * * * *"), schedule("b"), a=[500.0, 700.0], b=[9e9])

    assert found.startswith("schedule.a fires again after 10m, but its runs take up to 11m40s (95 of 100): ")
    assert found.endswith("the ticks that come meanwhile are skipped (overlap: skip)")


def test_a_new_schedule_is_judged_by_its_pipeline() -> None:
    (found,) = overlaps(live(schedule("a")), schedule("a"), schedule("b", every=60, overlap="allow"), a=[90.0])

    assert "runs of pipeline report take up to 1m30s" in found
    assert "several runs of it will be active at once" in found


def test_many_overlaps_are_told_in_a_few_lines() -> None:
    new = [schedule(f"s{number}", every=60) for number in range(20)]

    found = overlaps(live(schedule("a")), schedule("a"), *new, a=[90.0])

    assert len(found) == 6
    assert found[-1].startswith("15 more changed schedules")


def test_seven_days_later_is_as_far_as_it_goes() -> None:
    moment = datetime.fromtimestamp(NOW + 7 * DAY + 120, UTC).isoformat()
    found = loads(live(schedule("a")), schedule("a"), schedule("later", at=moment))

    assert found == {}
