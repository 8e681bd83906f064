"""One damaged record at a time: what reads shows all the rest and names it, and apply mends what git knows."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from redis import Redis
from support.players import Player
from support.redis_state import SHIFTED_CLOCK, shift_clock, start_at_half_past
from support.states import KEYS, SOURCE, desired, pipeline, schedule

from flowerpower.apply import apply_plan
from flowerpower.doctor.findings import Finding
from flowerpower.doctor.live import read_live
from flowerpower.doctor.live_checks import live_findings
from flowerpower.errors import StalePlanError
from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.planning.guards import Allowed, Facts, check_plan
from flowerpower.render.alarms import alarms_of
from flowerpower.render.plan_text import plan_text
from flowerpower.render.status import status_text
from flowerpower.render.status_json import status_dict
from flowerpower.state.codec import decode_run
from flowerpower.state.history import read_history
from flowerpower.state.models import Desired
from flowerpower.state.store import Store

HOUR = 3600
WANTED = desired(
    [schedule("bad", every=HOUR), schedule("good", every=HOUR), schedule("rests", every=HOUR, paused=True)],
    [pipeline("report")],
)


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    start_at_half_past(redis_connection)
    store = Store(redis_connection, KEYS, SHIFTED_CLOCK)
    apply_plan(make_plan(KEYS, WANTED, store.read(), SOURCE), store, "apply")
    return store


@dataclass(frozen=True)
class Case:
    """A damage: the key, the field, what becomes of it, and how the plan and the status name it."""

    key: str
    field: str
    text: str
    address: str
    row: str
    damaged: tuple[str, ...] = ()  # schedules


CASES = {
    "record": Case(KEYS.schedules, "bad", "{x", "schedule.bad", "! record: damaged in Redis", ("bad",)),
    "record of no object": Case(KEYS.schedules, "bad", "[]", "schedule.bad", "! record: damaged in Redis", ("bad",)),
    "pipeline": Case(KEYS.pipelines, "report", "", "pipeline.report", "! record: damaged in Redis"),
    "cursor": Case(KEYS.cursors, "bad", "1 2", "cursor.bad", "! cursor: damaged in Redis", ("bad",)),
    "cursor of one that is paused": Case(
        KEYS.cursors, "rests", "x y z", "cursor.rests", "! cursor: damaged in Redis", ("rests",)
    ),
}


def planned(store: Store, wanted: Desired = WANTED) -> str:
    return plan_text(make_plan(KEYS, wanted, store.read(), SOURCE))


@pytest.mark.parametrize("name", CASES)
def test_what_reads_names_a_damaged_record_and_shows_the_rest_and_apply_mends_it(store: Store, name: str) -> None:
    case = CASES[name]
    store.connection.hset(case.key, case.field, case.text)

    status = read_status(store)
    finding = next(one for one in live_findings(read_live(store, "")) if one.name == "records")

    assert [*status.damaged] == [case.address]
    assert [one.name for one in status.schedules] == ["bad", "good", "rests"]
    assert tuple(one.name for one in status.schedules if one.damaged) == case.damaged
    assert [one.next_tick is not None for one in status.schedules if one.name == "good"] == [True]
    (alarm,) = [alarm for alarm in alarms_of(status) if alarm.code == "damaged"]
    assert case.field in alarm.message
    assert f"{case.key} {case.field}" in alarm.message
    assert f"Damaged: {alarm.message}" in status_text(status)
    assert [one["address"] for one in status_dict(status)["damaged"]] == [case.address]
    assert (finding.verdict, case.key in finding.message) == ("fail", True)
    assert case.row in planned(store)

    apply_plan(make_plan(KEYS, WANTED, store.read(), SOURCE), store, "mends")

    assert read_status(store).damaged == {}
    assert not make_plan(KEYS, WANTED, store.read(), SOURCE).changes
    Scheduler(store, "one").step()
    assert not make_plan(KEYS, WANTED, store.read(), SOURCE).changes


ANOTHER = "the cursor of schedule 'bad' in Redis is of revision 7, its record of revision 1: it never fires"


def queued(store: Store) -> list[str]:
    found = store.connection.lrange(KEYS.queue_list(KEYS.queue("default")), 0, -1)
    return [run.decode().rpartition("--")[2] for run in found if b"--bad--" in run]


def part(store: Store) -> int:
    """Let the cursor of a schedule be of another revision than its record; return the tick that waits."""
    tick, _, pending = str(store.connection.hget(KEYS.cursors, "bad").decode()).split(" ")
    store.connection.hset(KEYS.cursors, "bad", f"{tick} 7 {pending}")
    return int(pending.rpartition("--")[2])


def test_a_cursor_of_another_revision_than_its_record_is_told_and_mended_without_a_tick_lost_or_run_twice(
    store: Store,
) -> None:
    waits = part(store)

    found = finding(store, "records")
    plan = make_plan(KEYS, WANTED, store.read(), SOURCE)

    assert (found.verdict, ANOTHER in found.message) == ("fail", True)
    assert [*read_status(store).damaged] == ["cursor.bad"]
    assert "! cursor: damaged in Redis -> goes on with the tick that waits" in plan_text(plan)
    apply_plan(plan, store, "mends")
    assert read_status(store).damaged == {}
    assert not make_plan(KEYS, WANTED, store.read(), SOURCE).changes
    shift_clock(store.connection, HOUR)
    scheduler = Scheduler(store, "one")
    for _ in range(3):
        scheduler.step()
    assert queued(store) == [str(waits)]


def test_a_scheduler_says_why_it_cannot_fire_and_fires_once_it_is_mended(store: Store) -> None:
    scheduler = Scheduler(store, "one")
    scheduler.step()
    waits = part(store)
    shift_clock(store.connection, HOUR)

    for _ in range(2):  # what an apply has just written in between would look like that once
        scheduler.step()

    told = "schedule bad cannot be fired: its cursor is of revision 7, its record of revision 1; apply repairs it"
    assert (scheduler.troubles.all(), queued(store)) == ([told], [])
    apply_plan(make_plan(KEYS, WANTED, store.read(), SOURCE), store, "mends")
    scheduler.step()
    assert (scheduler.troubles.all(), queued(store)) == ([], [str(waits)])


def test_an_apply_between_two_looks_of_a_scheduler_is_no_damage(store: Store) -> None:
    scheduler = Scheduler(store, "one")
    scheduler.step()
    shift_clock(store.connection, HOUR)
    cursors = scheduler.fleet.cursors(["bad"])
    wanted = desired([schedule("bad", every=HOUR, timeout=7), schedule("good", every=HOUR)], [pipeline("report")])
    apply_plan(make_plan(KEYS, wanted, store.read(), SOURCE), store, "between")

    assert scheduler.fleet.fire(cursors, store.time()) == 0
    scheduler.step()

    assert (scheduler.troubles.all(), len(queued(store))) == ([], 1)


def finding(store: Store, name: str) -> Finding:
    return next(one for one in live_findings(read_live(store, "")) if one.name == name)


@pytest.mark.parametrize("what", ["damaged", "missing"])
def test_doctor_names_the_run_spec_that_is_not_there_and_who_needs_it_and_its_way_out_leads_out(
    store: Store, what: str
) -> None:
    run, key = store.read().state.schedules["bad"].run, KEYS.specs
    if what == "damaged":
        store.connection.hset(key, run, str(store.connection.hget(key, run)) + " ")
    else:
        store.connection.hdel(key, run)

    found = finding(store, "run specs")

    assert found.verdict == "fail"
    assert found.message == f"the run spec of bad is {what}: their runs are refused ({key} {run})"
    if what == "damaged":
        assert f"redis-cli HDEL {key} {run}" in found.hint
        store.connection.hdel(key, run)
    assert "`flowerpower apply`" in found.hint
    apply_plan(make_plan(KEYS, WANTED, store.read(), SOURCE), store, "mends")
    assert finding(store, "run specs").verdict == "ok"


def test_doctor_tells_of_a_damaged_run_spec_that_no_schedule_names(store: Store) -> None:
    store.connection.hset(KEYS.specs, "c0ffee", "{}")

    found = finding(store, "run specs")

    assert (found.verdict, "c0ffee" in found.message) == ("fail", True)


def test_a_damaged_record_is_only_deleted_by_who_knows_that_it_was_not_protected(store: Store) -> None:
    store.connection.hset(KEYS.schedules, "bad", "{x")
    reading = store.read()

    plan = make_plan(KEYS, desired([schedule("good", every=HOUR)]), reading, SOURCE)

    (check,) = check_plan(plan, reading, Facts(), Allowed(deletes="100%"))
    assert (check.name, check.verdict, "--allow-damaged" in check.hint) == ("damaged", "refuse", True)
    assert check_plan(plan, reading, Facts(), Allowed(deletes="100%", damaged=True)) == ()
    apply_plan(plan, store, "goes")
    assert not [key for key in store.connection.scan_iter() if b"--bad--" in key]
    assert [*store.read().cursors] == ["good"]
    assert read_status(store).damaged == {}


@pytest.mark.parametrize("damage", ["data", "timeout", "origin", "the key"])
def test_of_a_job_that_cannot_be_read_the_plan_says_that_and_makes_nothing_up(store: Store, damage: str) -> None:
    job = KEYS.job(str(store.read().cursors["bad"].pending))
    if damage == "the key":
        store.connection.delete(job)
        store.connection.set(job, "?")
    else:
        store.connection.hdel(job, damage)

    told = planned(store)

    assert "! pending run: damaged in Redis -> " in told
    assert " 0s" not in told
    if damage == "the key":
        with pytest.raises(StalePlanError, match=job) as caught:
            apply_plan(make_plan(KEYS, WANTED, store.read(), SOURCE), store, "is refused")
        assert f"redis-cli RENAME {job} {job}.bad" in caught.value.hint
        store.connection.rename(job, f"{job}.bad")
    apply_plan(make_plan(KEYS, WANTED, store.read(), SOURCE), store, "mends")
    assert not make_plan(KEYS, WANTED, store.read(), SOURCE).changes


@pytest.mark.parametrize("moment", [253_402_300_799, 10**17])  # the first is of the year 10000 in many zones
@pytest.mark.parametrize("field", ["first", "last", "at"])
def test_an_outcome_at_no_moment_hides_nothing_of_the_status(store: Store, field: str, moment: int) -> None:
    sound = {"first": 1_800_000_000, "last": 1_800_000_000, "count": 1, "status": "failed", "at": 1_800_000_001}
    for score, outcome in ((2, {**sound, field: moment}), (1, sound)):
        store.connection.zadd(KEYS.outcomes("bad"), {json.dumps(outcome): score})
    store.connection.xadd(KEYS.heals, {"event": "lost", "schedule": "bad", "tick": moment})

    status = read_status(store, recent=5)

    assert [one.at for one in status.schedules[0].recent] == [1_800_000_001]
    assert "failed" in status_text(status)
    assert len(status_dict(status)["schedules"]) == 3


def test_a_damaged_head_hides_neither_status_nor_history(store: Store) -> None:
    store.connection.hset(KEYS.head, "generation", "x")

    status = read_status(store)

    assert [*status.damaged] == ["head"]
    assert [one.name for one in status.schedules if one.next_tick] == ["bad", "good"]
    assert "what was applied last cannot be read" in status_text(status)
    history = read_history(store)
    assert history.damage
    assert [past.apply_id for past in history.applies] == ["apply"]


def test_where_the_head_alone_was_removed_an_apply_that_changes_nothing_brings_it_back(store: Store) -> None:
    scheduler = Scheduler(store, "one")
    scheduler.step()
    store.connection.delete(KEYS.head)
    scheduler.step()
    plan = make_plan(KEYS, WANTED, store.read(), SOURCE)

    apply_plan(plan, store, "again")

    assert not plan.changes
    assert (store.head().generation, store.head().commit) == (1, SOURCE.commit)
    shift_clock(store.connection, HOUR)
    scheduler.step()
    assert len(store.read().active) == 2


@pytest.mark.parametrize("key", [KEYS.schedules, KEYS.pipelines])
def test_a_name_that_is_no_text_is_told_and_hides_nothing(store: Store, key: str) -> None:
    store.connection.hset(key, b"\xff", "x")  # type: ignore[arg-type]

    status = read_status(store)

    assert [one.where for one in status.damaged.values()] == [f"{key} \\xff"]
    assert [one.name for one in status.schedules] == ["bad", "good", "rests"]


def test_of_thousands_of_damaged_records_the_first_are_told_and_the_others_counted(store: Store) -> None:
    store.connection.hset(KEYS.schedules, mapping={f"gone-{number:03}": "x" for number in range(25)})

    told = [alarm for alarm in alarms_of(read_status(store)) if alarm.code == "damaged"]

    assert len(told) == 11
    assert told[0].names == ("gone-000",)
    assert (told[-1].message, len(told[-1].names)) == ("and 15 more records are damaged", 15)


def test_an_active_run_whose_entry_cannot_be_read_does_not_stand_in_its_schedules_way_for_ever(store: Store) -> None:
    scheduler, player = Scheduler(store, "one"), Player(store, KEYS.queue("default"))
    shift_clock(store.connection, HOUR)
    scheduler.step()
    run_id = player.take()
    store.connection.hset(KEYS.active, run_id, "{x")
    store.connection.hset(KEYS.active, "no run of ours", "{x")
    store.connection.hset(KEYS.job(run_id), "status", "stopped")
    name = run_id.split("--")[2]

    for _ in range(8):
        shift_clock(store.connection, 20)
        scheduler.step()

    assert store.connection.hexists(KEYS.active, "no run of ours") is False
    assert store.connection.hexists(KEYS.active, run_id) is False
    (outcome,) = read_status(store, recent=5).schedules[["bad", "good"].index(name)].recent
    assert (outcome.status, outcome.run) == ("cancelled", run_id)
    shift_clock(store.connection, HOUR)
    scheduler.step()
    assert [run for run in store.read().active if f"--{name}--" in run] != []


def test_an_active_run_whose_entry_was_made_anew_ends_like_any_other(store: Store) -> None:
    scheduler, player = Scheduler(store, "one"), Player(store, KEYS.queue("default"))
    shift_clock(store.connection, HOUR)
    scheduler.step()
    run_id = player.take()
    entry = decode_run(run_id, store.connection.hget(KEYS.active, run_id) or b"")
    store.connection.hset(KEYS.active, run_id, "{x")

    shift_clock(store.connection, 20)
    scheduler.step()

    mended = store.read().active[run_id]
    assert entry
    assert (mended.name, mended.tick, mended.alone, bool(mended.execution)) == (entry.name, entry.tick, False, True)
    store.connection.hset(KEYS.job(run_id), "status", "queued")
    store.connection.hset(KEYS.active, run_id, "{x")
    shift_clock(store.connection, 20)
    scheduler.step()
    assert store.read().active[run_id].execution == ""
