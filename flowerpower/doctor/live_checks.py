"""What the facts of a namespace mean: what was lost, damaged or left behind, what is held, what does not run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence, Set
from functools import partial

from flowerpower.doctor.findings import Fact, Finding, Unknown, not_known
from flowerpower.doctor.live import LiveFacts
from flowerpower.doctor.records import Records
from flowerpower.jobs.monitoring.status import ScheduleStatus, Status
from flowerpower.render.alarms import LATE, state_of
from flowerpower.render.records import short_run
from flowerpower.render.words import count, listed, rough_duration, short
from flowerpower.state.keys import Keys
from flowerpower.state.models import STOCK_SCHEDULER, UNTIL_APPLY, Damage, Neighbour, refusal

OLD_HOLD = 14 * 86_400
_TOLD = 10  # damages, one by one
_AREA = "live"
_finding = partial(Finding, _AREA)
_LOST = ("redelivered", "closed", "lost")  # heals of runs whose worker was gone
_BY_ITSELF = "it goes away by itself once that is mended"


def live_findings(facts: LiveFacts) -> list[Finding]:
    """Return what each check says of a namespace."""
    records = facts.records
    if isinstance(records, Unknown):
        return [not_known(_AREA, "records", records)]
    found = [_head(records), *_records(records, _only_seen_by_status(facts)), _run_specs(records), _holds(records)]
    found += [*_ahead(records), *_zones(records, facts.tzdata)]
    if isinstance(facts.status, Unknown):
        return [*found, not_known(_AREA, "schedules", facts.status)]
    status = facts.status
    found += [_troubles(status), _heals(status), _runs(status), _late(status), _scheduler(status)]
    return [*found, *_workers(facts)]


def _head(records: Records) -> Finding:
    head = records.head
    if isinstance(head, Unknown):
        return _finding("head", "fail", head.why)
    if head.generation:
        ago = rough_duration(max(0, records.now - head.when))
        who = f" by {head.who}" if head.who else ""
        return _finding("head", "ok", f"apply {head.generation} ({short(head.commit) or 'unknown'}), {ago} ago{who}")
    if records.remains:
        message = (
            "there are schedules or runs, but not what the last apply left: the target looks reset or half restored"
        )
        hint = (
            "nothing fires until the next apply; look at `flowerpower plan`, then apply: schedules start from then on"
        )
        return _finding("head", "fail", message, hint)
    return _finding("head", "ok", "nothing applied yet", "flowerpower apply")


def _only_seen_by_status(facts: LiveFacts) -> list[Damage]:
    """Return what is damaged and the look at the records passes by: whole keys of one schedule or queue, cursors."""
    if isinstance(facts.status, Unknown) or isinstance(facts.records, Unknown):
        return []
    known = {_key_of(damage) for damage in facts.records.damaged}
    passed_by = [one for one in sorted(facts.status.damaged.items()) if one[1] not in facts.records.damaged]
    keys = (damage for address, damage in passed_by if address.startswith("key."))
    cursors = (damage for address, damage in passed_by if address.startswith("cursor."))
    return [*(damage for damage in keys if _key_of(damage) not in known), *cursors]


def _key_of(damage: Damage) -> str:
    """Return the words that name a key; the status does not always know of what type it is."""
    return damage.message.partition(" is ")[0]


def _records(records: Records, others: Sequence[Damage]) -> list[Finding]:
    damaged = [*records.damaged, *others]
    if damaged:
        found = [_finding("records", "fail", one.told, one.hint) for one in damaged[:_TOLD]]
        more = len(damaged) - _TOLD
        return found if more <= 0 else [*found, _finding("records", "fail", f"and {more:,} more are damaged")]
    if records.altered:
        message = f"changed by another hand: {listed(records.altered)}"
        return [_finding("records", "warn", message, "`flowerpower plan` shows what differs, apply puts it back")]
    there = f"{count(records.schedules, 'schedule')}, {count(records.pipelines, 'pipeline')}"
    return [_finding("records", "ok", there)]


def _run_specs(records: Records) -> Finding:
    if not records.run_specs and records.unsigned:
        message = f"not signed with a key that is set here; workers that have it do not run: {listed(records.unsigned)}"
        return _finding("run specs", "fail", message, "flowerpower apply --resign")
    if not records.run_specs:
        return _finding("run specs", "ok", "each schedule has its own, and it is what its digest says")
    first, more = records.run_specs[0], len(records.run_specs) - 1
    return _finding("run specs", "fail", f"{first.told}{f' (and {more:,} more)' if more else ''}", first.hint)


def _holds(records: Records) -> Finding:
    now = records.now
    over = [name for name, hold in sorted(records.holds.items()) if hold.until is not None and hold.until < now - LATE]
    old = [name for name, hold in sorted(records.holds.items()) if now - (hold.began or hold.since) > OLD_HOLD]
    if over:
        message = f"holds are over and not lifted: {listed(over)}"
        return _finding("holds", "warn", message, "a scheduler lifts them; or flowerpower resume NAME")
    if old:
        message = f"held for more than {OLD_HOLD // 86_400} days: {listed(old)}"
        hint = "flowerpower resume NAME; or write `paused: true` into the spec, where everybody sees it"
        return _finding("holds", "warn", message, hint)
    return _finding("holds", "ok", f"{count(len(records.holds), 'hold')}" if records.holds else "none")


def _ahead(records: Records) -> list[Finding]:
    """Tell of schedules that fire nothing for a while, since the clock was ahead for a moment and they went with it."""
    ahead = {name: tick - records.now for name, tick in records.ahead.items() if tick - records.now > LATE}
    if not ahead:
        return []
    names = listed([f"{name} ({rough_duration(ahead[name])})" for name in sorted(ahead)])
    message = f"the clock of Redis has been set back, and nothing fires before it is where it was: {names}"
    hint = "what is due until then: flowerpower backfill NAME --from MOMENT --to now"
    return [_finding("cursors", "warn", message, hint)]


def _zones(records: Records, tzdata: str) -> list[Finding]:
    head = records.head
    if isinstance(head, Unknown) or not head.generation:
        return []
    if head.tzdata in ("", tzdata):
        return [_finding("tzdata", "ok", f"zone rules {tzdata}, as at the last apply")]
    message = f"zone rules {tzdata} here, {head.tzdata} at the last apply: they may disagree about a tick"
    return [_finding("tzdata", "warn", message, "install the same version of tzdata everywhere")]


def _late(status: Status) -> Finding:
    late = sorted((one for one in status.schedules if one.late > LATE), key=lambda one: -one.late)
    if not late:
        return _finding("late", "ok", "nothing is due and not fired")
    names = listed([f"{one.name} ({rough_duration(one.late)})" for one in late])
    if status.scheduler and status.scheduler != STOCK_SCHEDULER:
        hint = f"look at the log of the scheduler {status.scheduler}"
    else:
        hint = "start a worker or a scheduler: what is missed is caught up as each schedule's `catchup` says"
    return _finding("late", "fail", f"due and not fired: {names}", hint)


def _troubles(status: Status) -> Finding:
    """What the scheduler itself finds wrong; `status` lists all of it."""
    if not status.troubles:
        return _finding("troubles", "ok", "the scheduler reports none")
    first, more = status.troubles[0], len(status.troubles) - 1
    if UNTIL_APPLY in first:
        hint = "look at `flowerpower plan`, then apply: schedules start from then on, and holds are to be made anew"
    else:
        hint = "flowerpower status lists them; they go away by themselves once mended" if more else _BY_ITSELF
    return _finding("troubles", "fail", f"{first}{f' (and {more} more)' if more else ''}", hint)


def _heals(status: Status) -> Finding:
    if not status.heals:
        return _finding("heals", "ok", "nothing had to be mended in the last day")
    lost = sum(heal.event in _LOST for heal in status.heals)
    message = f"{count(len(status.heals), 'thing')} mended in the last day"
    if not lost:
        return _finding("heals", "ok", message)
    newest = next(heal for heal in status.heals if heal.event in _LOST)
    ago = rough_duration(max(0, status.now - newest.at))
    message += f"; {count(lost, 'run')} lost a worker, the last one {ago} ago: {short_run(newest.run)}"
    hint = "workers die without a word: look for memory that runs out, and restarts that do not wait (--grace)"
    return _finding("heals", "warn", message, hint)


def _runs(status: Status) -> Finding:
    ran = [schedule for schedule in status.schedules if schedule.ended is not None]
    failed = sorted(schedule.name for schedule in ran if state_of(schedule) == "failed")
    if not failed:
        return _finding("runs", "ok", "no schedule's last run failed" if ran else "none has ended yet")
    verb = "schedule whose last run" if len(failed) == 1 else "schedules whose last runs"
    message = f"{len(failed):,} {verb} failed: {listed(failed)}"
    hint = "`flowerpower status` says why, `flowerpower runs --status failed` names the runs"
    return _finding("runs", "warn", message, hint)


def _fires(schedule: ScheduleStatus) -> bool:
    return schedule.next_tick is not None


def _scheduler(status: Status) -> Finding:
    if status.scheduler == STOCK_SCHEDULER:
        message = "only RQ's own is alive: what is lost is not made good, and holds with an end are not lifted"
        return _finding("scheduler", "warn", message, "start one beside it: flowerpower scheduler")
    if status.scheduler:
        return _finding("scheduler", "ok", f"{status.scheduler} works first")
    if why := refusal(status.troubles):
        message = f"whether one is alive cannot be told: it cannot write that while {why}"
        return _finding("scheduler", "unknown", message)
    if any(map(_fires, status.schedules)):
        return _finding("scheduler", "warn", "none is alive: nothing fires", "start one: flowerpower worker")
    return _finding("scheduler", "ok", "none is alive, and nothing waits to fire")


def _flags(idle: Set[str], used: Set[str]) -> str:
    """Return the flags of a worker for these queues; without any it works on all that schedules use."""
    return "" if idle == used else "".join(f" --queue {queue}" for queue in sorted(idle))


def _workers(facts: LiveFacts) -> list[Finding]:
    status, workers = facts.status, facts.workers
    if isinstance(status, Unknown) or isinstance(workers, Unknown):
        return [not_known(_AREA, "workers", workers)] if isinstance(workers, Unknown) else []
    used = {schedule.queue for schedule in status.schedules if _fires(schedule)}
    left = {queue.name for queue in status.queues if queue.jobs.get("queued")}
    idle = sorted(queue for queue in used | left if not workers[queue].alive)
    if idle:
        dead = sum(workers[queue].known for queue in idle)
        more = f" ({count(dead, 'worker')} died without a word)" if dead else ""
        message = f"nobody works on {'queue' if len(idle) == 1 else 'queues'} {listed(idle)}{more}"
        return [_finding("workers", "warn", message, f"start one: flowerpower worker{_flags({*idle}, used)}")]
    alive = ", ".join(f"{queue} {found.alive}" for queue, found in sorted(workers.items()) if found.alive)
    return [_finding("workers", "ok", alive or "none, and none is needed")]


def environment_findings(
    neighbours: Fact[tuple[Neighbour, ...]], keys: Keys, declared: Collection[str]
) -> Iterable[Finding]:
    """Yield a warning where environments are live that are not *declared*: they fire on, and no command names them."""
    if isinstance(neighbours, Unknown):
        return
    left = [one for one in neighbours if one.project == keys.project and one.env not in declared]
    if left:
        told = [
            f"{one.env} ({count(len(one.schedules), 'schedule')}{', firing' if one.scheduler else ''})" for one in left
        ]
        message = f"live in this Redis, and not in the project file: {listed(told)}"
        hint = "name it there again with `schedules: deleted`, apply, and take it out then"
        yield _finding("environments", "warn", message, hint)
