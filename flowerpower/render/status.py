"""What is live, worst first: the first lines show whether something is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flowerpower.render.holds import hold_dict, hold_words
from flowerpower.render.records import clean_reason
from flowerpower.render.style import Emphasis, Style, plain
from flowerpower.render.table import end_of, fitted, remarked
from flowerpower.render.words import count, iso, moment_with_utc, rough_duration, safe, short, stopwatch

if TYPE_CHECKING:
    from flowerpower.jobs.status import Heal, Outcome, ScheduleStatus, Status

LATE = 30  # seconds a due run may wait for the scheduler before that is worth a word
_MENDED = {  # what the scheduler mends, and how it is told
    "redelivered": ("lost run", "delivered again"),
    "closed": ("run", "ended whose worker was gone"),
    "healed": ("lost occurrence", "made again"),
    "removed": ("stray job", "removed"),
}
_RANK = {"failed": 0, "late": 1, "missed": 2, "cancelled": 3, "held": 4, "skipped": 5, "ok": 6, "new": 7, "paused": 8}
_EMPHASIS: Mapping[str, Emphasis] = {
    "failed": "error",
    "late": "error",
    "missed": "warning",
    "cancelled": "warning",
    "held": "warning",
    "skipped": "warning",
    "ok": "good",
    "new": "faint",
    "paused": "faint",
}


def state_of(schedule: ScheduleStatus) -> str:
    """Return one word for a schedule: failed, late, missed, cancelled, held, skipped, ok, new or paused."""
    if schedule.hold is not None:
        return "held"
    if schedule.paused:
        return "paused"
    if schedule.last is not None and schedule.last.status == "failed":
        return "failed"
    if schedule.late > LATE:
        return "late"
    if schedule.last is None:
        return "new"
    return "ok" if schedule.last.status == "succeeded" else schedule.last.status


def worst_first(schedules: Sequence[ScheduleStatus]) -> list[ScheduleStatus]:
    """Return the schedules with those that need somebody at the top."""
    return sorted(schedules, key=lambda schedule: (_RANK.get(state_of(schedule), 5), schedule.name))


def status_text(status: Status, *, width: int = 120, style: Style = plain) -> str:
    """Return the table for people."""
    lines = [style(_origin(status), "faint")]
    lines += [style(f"Trouble: {safe(text)}", "error") for text in status.troubles]
    if status.schedules:
        lines += ["", *_table(status, width, style)]
    lines += ["", *_processes(status, style)]
    return "\n".join(lines)


def _origin(status: Status) -> str:
    head = status.head
    if not head.generation:
        working = any(status.workers.values()) or status.scheduler
        doubt = " (or Redis was reset: a worker or scheduler is running)" if working else ""
        return f"{status.namespace}: nothing applied yet{doubt}"
    ago = rough_duration(max(0, status.now - head.when))
    who = f" by {safe(head.who)}" if head.who else ""
    return f"{status.namespace}: {short(head.commit) or 'unknown'} (apply {head.generation}) applied {ago} ago{who}"


def _table(status: Status, width: int, style: Style) -> list[str]:
    cells = [_cells(schedule, status.now) for schedule in worst_first(status.schedules)]
    *header, why = ("", "schedule", "next (UTC)", "last", "why")
    laid = fitted([header, *(row[:-1] for row in cells)], width - 2, name=1)
    end = end_of(laid)
    lines = [style(f"  {line}".rstrip(), "faint") for line in _flat(remarked(laid[0], why, width - 2, end))]
    for row, rowed in zip(cells, laid[1:], strict=True):
        first, *rest = _flat(remarked(rowed, row[-1], width - 2, end))
        lines.append(f"  {style(row[0], _EMPHASIS.get(row[0], 'faint'))}{first[len(row[0]) :]}")
        lines += [f"  {line}" for line in rest]
    return lines


def _flat(parts: tuple[list[str], list[str]]) -> list[str]:
    return [*parts[0], *parts[1]]


def _cells(schedule: ScheduleStatus, now: int) -> tuple[str, ...]:
    due = schedule.next_tick
    next_tick = "—" if due is None else moment_with_utc(due, schedule.timezone, now, unit="")
    return (state_of(schedule), safe(schedule.name), next_tick, _last(schedule, now), _why(schedule, now))


def _last(schedule: ScheduleStatus, now: int) -> str:
    last = schedule.last
    if last is None:
        return "running" if schedule.active else "never ran"
    took = f" in {stopwatch(last.duration)}" if last.duration else ""
    return f"{last.status} {rough_duration(max(0, now - (last.at or last.last)))} ago{took}"


def _why(schedule: ScheduleStatus, now: int) -> str:
    if schedule.hold is not None:
        return f"held {hold_words(schedule.hold, schedule.timezone, now)}"
    words = []
    if schedule.active:
        words.append(count(schedule.active, "active run"))
    if schedule.waiting:
        words.append(f"{count(schedule.waiting, 'tick')} waiting")
    if schedule.late > LATE:
        words.append(f"due {rough_duration(schedule.late)} ago and not fired")
    if schedule.last is not None and schedule.last.reason:
        several = f" ({count(schedule.last.count, 'tick')})" if schedule.last.count > 1 else ""
        words.append(f"{clean_reason(schedule.last.reason)}{several}")
    return "; ".join(words)


def _processes(status: Status, style: Style) -> list[str]:
    workers = ", ".join(f"{safe(queue)} {number}" for queue, number in sorted(status.workers.items()) if number)
    idle = sorted({schedule.queue for schedule in status.schedules if not status.workers.get(schedule.queue)})
    lines = [f"Workers: {workers or style('none', 'warning')}"]
    if idle:
        lines.append(style(f"No worker listens on: {safe(', '.join(idle))}", "warning"))
    lines.append(f"Scheduler: {safe(status.scheduler) or style('none alive, nothing fires', 'warning')}")
    if status.heals:
        lines.append(style(_healed(status), "warning"))
    if status.unmanaged:
        lines.append(f"{count(status.unmanaged, 'scheduled job')} in this Redis not managed by flowerpower.")
    return lines


def _healed(status: Status) -> str:
    """Return what was mended in the last day, in one sentence, with the newest."""
    numbers = Counter(heal.event for heal in status.heals)
    parts = [f"{count(numbers[event], noun)} {verb}" for event, (noun, verb) in _MENDED.items() if numbers[event]]
    newest = status.heals[0]
    about = newest.run or newest.schedule
    reason = f", {newest.reason}" if newest.reason else ""
    ago = rough_duration(max(0, status.now - newest.at))
    return f"Healed in the last day: {', '.join(parts)}; newest: {safe(about + reason)}, {ago} ago"


def status_dict(status: Status) -> dict[str, Any]:
    """Return the status as a JSON document; times are ISO 8601 in UTC."""
    return {
        "format_version": "1.0",
        "namespace": status.namespace,
        "read_at": iso(status.now),
        "live": {
            "generation": status.head.generation,
            "commit": status.head.commit,
            "who": status.head.who,
            "applied_at": iso(status.head.when) if status.head.when else None,
        },
        "schedules": [_schedule_dict(schedule) for schedule in worst_first(status.schedules)],
        "pipelines": status.pipelines,
        "workers": dict(sorted(status.workers.items())),
        "scheduler": status.scheduler or None,
        "unmanaged": status.unmanaged,
        "troubles": list(status.troubles),
        "heals": [_heal_dict(heal) for heal in status.heals],
    }


def _heal_dict(heal: Heal) -> dict[str, Any]:
    return {
        "event": heal.event,
        "at": iso(heal.at),
        "schedule": heal.schedule or None,
        "tick": None if heal.tick is None else iso(heal.tick),
        "run": heal.run or None,
        "reason": heal.reason,
    }


def _schedule_dict(schedule: ScheduleStatus) -> dict[str, Any]:
    hold = schedule.hold
    return {
        "name": schedule.name,
        "state": state_of(schedule),
        "pipeline": schedule.pipeline,
        "queue": schedule.queue,
        "timezone": schedule.timezone,
        "trigger": schedule.trigger,
        "paused": schedule.paused,
        "held": hold_dict(hold) if hold else None,
        "next": None if schedule.next_tick is None else iso(schedule.next_tick),
        "late": schedule.late,
        "active": schedule.active,
        "waiting": schedule.waiting,
        "last": _outcome_dict(schedule.last) if schedule.last else None,
        "commit": schedule.commit,
    }


def _outcome_dict(last: Outcome) -> dict[str, Any]:
    return {
        "first": iso(last.first),
        "last": iso(last.last),
        "count": last.count,
        "status": last.status,
        "reason": last.reason,
        "run": last.run,
        "attempt": last.attempt,
        "seconds": last.duration,
        "at": iso(last.at) if last.at else None,
    }
