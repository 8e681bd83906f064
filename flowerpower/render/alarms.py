"""What somebody should look at, out of all that a status holds: the worst first, each with a code that stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from flowerpower.proposed import in_env
from flowerpower.render.records import clean_reason
from flowerpower.render.words import count, listed, rough_duration, safe
from flowerpower.state.models import refusal

if TYPE_CHECKING:
    from flowerpower.jobs.monitoring.status import ScheduleStatus, Status

LATE = 30  # seconds a due run may wait for the scheduler before that is worth a word
# Worst first.
State = Literal["damaged", "failed", "late", "missed", "cancelled", "held", "skipped", "ok", "new", "paused"]
Health = Literal["degraded", "late", "unknown", "suspended", "progressing", "healthy"]
Severity = Literal["error", "warning"]
_RANK = {state: rank for rank, state in enumerate(get_args(State))}
MOST_DAMAGED = 10  # told one by one


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong, with the schedules or queues that it is about."""

    severity: Severity
    code: str
    message: str
    names: tuple[str, ...] = ()


def state_of(schedule: ScheduleStatus) -> State:
    """Return one word for a schedule: damaged, failed, late, missed, cancelled, held, skipped, ok, new or paused."""
    if schedule.damaged:
        return "damaged"
    if schedule.hold is not None:
        return "held"
    return "paused" if schedule.paused else _went(schedule)


def _went(schedule: ScheduleStatus) -> State:
    """Return how its newest tick went that was not skipped: a run that outlasts the next ticks is no trouble."""
    ended, running = schedule.ended, schedule.active > schedule.queued
    if ended is not None and ended.status == "failed":
        return "failed"
    if schedule.late > LATE:
        return "late"
    if schedule.skipped and not running and (ended is None or schedule.queued):
        return "skipped"  # nothing has run, or nobody begins to run what stands in the way
    if ended is None:
        return "new"
    return "ok" if ended.status == "succeeded" else ended.status  # type: ignore[return-value]


def health_of(schedule: ScheduleStatus) -> Health:
    """Return the health of a schedule in the words of other GitOps tools."""
    state = state_of(schedule)
    if state in ("held", "paused"):
        return "suspended"
    if state == "late":
        return "late"
    if schedule.active:
        return "progressing"
    if state in ("damaged", "failed", "missed", "cancelled"):
        return "degraded"
    return "unknown" if state == "new" else "healthy"


def worst_first(schedules: Sequence[ScheduleStatus]) -> list[ScheduleStatus]:
    """Return the schedules with those that need somebody at the top."""
    return sorted(schedules, key=lambda schedule: (_RANK.get(state_of(schedule), 5), schedule.name))


def unattended(status: Status) -> tuple[str, ...]:
    """Return the queues of live schedules, and those with jobs in them, on which no worker listens, sorted."""
    used = {one.queue for one in status.schedules if one.queue}
    used |= {queue.name for queue in status.queues if queue.jobs.get("queued")}
    return tuple(sorted(queue for queue in used if not status.workers.get(queue)))


def no_scheduler_words(status: Status) -> str:
    """Return what is known of a scheduler that is not seen."""
    if why := refusal(status.troubles):
        return f"not known, since it cannot write that it is alive while {why}"
    return "none alive, nothing fires"


def run_words(schedule: ScheduleStatus, workers: Mapping[str, int], now: int) -> list[str]:
    """Return how many runs are under way and since when, how many are queued or wait for another schedule, and how many
    of the newest ticks were skipped; *workers* tells how many listen on each queue.
    """
    running, words = schedule.active - schedule.queued, []
    since = f" for {rough_duration(max(0, now - schedule.active_since))}" if schedule.active_since else ""
    since = since and (f", the oldest{since}" if max(running, schedule.queued) > 1 else since)
    if running:
        words.append(f"{count(running, 'active run')}{since}")
    if schedule.queued:
        unattended = schedule.stuck_in or ("" if workers.get(schedule.queue) else schedule.queue)
        nobody = f", no worker on queue {safe(unattended)}" if unattended else ""
        more = f" ({clean_reason(schedule.waits)})" if schedule.waits else nobody
        words.append(f"{count(schedule.queued, 'run')} {queued_word(schedule)}{'' if running else since}{more}")
    if schedule.skipped and schedule.last is not None:
        why = f" ({clean_reason(schedule.last.reason)})" if schedule.last.reason else ""
        several = f"{schedule.skipped:,} ticks" if schedule.skipped > 1 else "tick"
        words.append(f"last {several} skipped{why}")
    return words


def queued_word(schedule: ScheduleStatus) -> str:
    """Return one word for what runs do that are with no worker."""
    if schedule.waits:
        return "waiting"
    return "retrying" if schedule.retrying == schedule.queued else "queued"


def damage_lines(status: Status) -> tuple[str, ...]:
    """Return a sentence for each thing in Redis that cannot be read, what to do with it; of many, the first ones."""
    found = [f"{one.told}: {in_env(one.hint, status.namespace)}" for _, one in sorted(status.damaged.items())]
    more = len(found) - MOST_DAMAGED
    return tuple(map(safe, found if more <= 0 else [*found[:MOST_DAMAGED], f"and {more:,} more records are damaged"]))


def alarms_of(status: Status) -> tuple[Alarm, ...]:
    """Return what is wrong: errors first."""
    return tuple(sorted(_alarms(status), key=lambda alarm: alarm.severity != "error"))


def _alarms(status: Status) -> Iterator[Alarm]:
    for text in status.troubles:
        yield Alarm("error", "trouble", safe(text))
    names = tuple(address.partition(".")[2] or address for address in sorted(status.damaged))
    for number, text in enumerate(damage_lines(status)):
        yield Alarm("error", "damaged", text, names[number : number + 1] if number < MOST_DAMAGED else names[number:])
    if status.schedules and not status.scheduler:
        why = refusal(status.troubles)
        told = f"whether a scheduler is alive cannot be told: {why}" if why else "no scheduler is alive: nothing fires"
        yield Alarm("error", "no_scheduler", told)
    if queues := unattended(status):
        yield Alarm("error", "no_worker", f"no worker listens on {safe(listed(queues))}", queues)
    by_state: dict[str, list[str]] = {}
    for schedule in status.schedules:
        by_state.setdefault(state_of(schedule), []).append(schedule.name)
    yield from _about(by_state.get("failed", ()), "error", "failed", "failed at the last run")
    yield from _about(by_state.get("late", ()), "error", "late", "due and not fired")
    yield from _about(by_state.get("missed", ()), "warning", "missed", "missed the last tick")
    drifted = [one.name for one in status.schedules if one.drifted and not one.damaged and one.sync != "unmanaged"]
    yield from _about(drifted, "warning", "drifted", "altered in Redis behind git's back")
    apart = [one.name for one in status.schedules if one.sync == "out_of_sync" and not one.drifted]
    yield from _about(apart, "warning", "out_of_sync", "not as the specs here want it")
    yield from _about(
        [one.name for one in status.schedules if one.sync == "orphaned"], "warning", "orphaned", "not in the specs here"
    )
    yield from _about(status.missing, "warning", "missing", "in the specs here and not applied")


def _about(names: Sequence[str], severity: Severity, code: str, what: str) -> Iterator[Alarm]:
    if names:
        ordered = tuple(sorted(names))
        text = f"{count(len(names), 'schedule')} {what}: {safe(listed(ordered, 3))}"
        yield Alarm(severity, code, text, ordered)
