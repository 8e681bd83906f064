"""What is live, worst first: the first lines show whether something is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from flowerpower.render.alarms import (
    LATE,
    damage_lines,
    no_scheduler_words,
    queued_word,
    run_words,
    state_of,
    unattended,
    worst_first,
)
from flowerpower.render.records import why_words
from flowerpower.render.style import Emphasis, Style, plain
from flowerpower.render.table import UNCUT, end_of, fitted, remarked
from flowerpower.render.words import (
    count,
    cut,
    hold_words,
    listed,
    moment_with_utc,
    rough_duration,
    safe,
    short,
    stopwatch,
)

if TYPE_CHECKING:
    from flowerpower.jobs.monitoring.status import ScheduleStatus, Status

_MENDED = {  # what the scheduler mends, and how it is told
    "redelivered": ("lost run", "delivered again"),
    "closed": ("run", "ended whose worker was gone"),
    "lost": ("attempt", "to be tried again whose worker was gone"),
    "healed": ("lost occurrence", "made again"),
    "removed": ("stray job", "removed"),
}
_APART = {
    "drifted": "altered in Redis",
    "out_of_sync": "not as the specs here want it",
    "orphaned": "not in the specs here",
}
_EMPHASIS: Mapping[str, Emphasis] = {
    "damaged": "error",
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


def status_text(status: Status, *, width: int = 120, style: Style = plain) -> str:
    """Return the table for people."""
    return "\n".join(_lines(status, width, style, len(status.schedules), folded=True))


def status_screen(status: Status, *, width: int, height: int, style: Style = plain) -> list[str]:
    """Return the lines for a screen: where there is no room for all schedules, the best of them are only counted."""
    around = len(_lines(status, width, style, 0))
    room = max(height - around - 1, 1)
    fits = len(status.schedules) <= room
    lines = _lines(status, width, style, len(status.schedules) if fits else max(room - 1, 1))
    return lines[:height]


def _lines(status: Status, width: int, style: Style, most: int, *, folded: bool = False) -> list[str]:
    lines = [style(cut(_origin(status), width), "faint")]
    lines += [style(style(f"Trouble: {safe(text)}", "hint"), "error") for text in status.troubles]
    lines += [style(style(f"Damaged: {text}", "hint"), "error") for text in damage_lines(status)]
    if status.schedules:
        lines += ["", *_table(status, width, style, most, folded=folded)]
    return [*lines, "", *_processes(status, style)]


def _origin(status: Status) -> str:
    head = status.head
    if "head" in status.damaged:
        return f"{status.namespace}: what was applied last cannot be read"
    if not head.generation:
        working = any(status.workers.values()) or status.scheduler
        doubt = " (or Redis was reset: a worker or scheduler is running)" if working else ""
        return f"{status.namespace}: nothing applied yet{doubt}"
    ago = rough_duration(max(0, status.now - head.when))
    who = f" by {safe(head.who)}" if head.who else ""
    return f"{status.namespace}: {short(head.commit) or 'unknown'} (apply {head.generation}) applied {ago} ago{who}"


def _table(status: Status, width: int, style: Style, most: int, *, folded: bool) -> list[str]:
    """Return the rows; what does not fit goes on below, or is cut where each row must be a line."""
    ordered = worst_first(status.schedules)
    cells = [_cells(schedule, status.now, status.workers) for schedule in ordered[:most]]
    header = ("", "schedule", "next (UTC)", "last", "why")
    *columns, remarks = zip(header, *cells, strict=True)
    room = width - 2 if folded else UNCUT
    laid = fitted([*zip(*columns, strict=True)], room, name=1)
    end = end_of(laid)
    told = [*map(_flat, (remarked(rowed, why, room, end) for rowed, why in zip(laid, remarks, strict=True)))]
    if not folded:
        told = [[cut(line, width - 2) for line in lines] for lines in told]
    lines = [style(f"  {line}".rstrip(), "faint") for line in told[0]]
    for row, (first, *rest) in zip(cells, told[1:], strict=True):
        lines.append(f"  {style(row[0], _EMPHASIS.get(row[0], 'faint'))}{first[len(row[0]) :]}")
        lines += [f"  {line}" for line in rest]
    if rest_of := ordered[most:]:
        states = Counter(map(state_of, rest_of))
        counted = ", ".join(f"{number:,} {state}" for state, number in states.items())
        lines.append(style(cut(f"  and {len(rest_of):,} more: {counted}", width), "faint"))
    return lines


def _flat(parts: tuple[list[str], list[str]]) -> list[str]:
    return [*parts[0], *parts[1]]


def _cells(schedule: ScheduleStatus, now: int, workers: Mapping[str, int]) -> tuple[str, ...]:
    due = schedule.next_tick
    next_tick = "—" if due is None else moment_with_utc(due, schedule.timezone, now, unit="")
    return (state_of(schedule), safe(schedule.name), next_tick, _last(schedule, now), _why(schedule, now, workers))


def _last(schedule: ScheduleStatus, now: int) -> str:
    last = schedule.ended or (None if schedule.active else schedule.last)
    if last is None:
        queued = queued_word(schedule) if schedule.queued else "never ran"
        return "running" if schedule.active > schedule.queued else queued
    took = f" in {stopwatch(last.seconds)}" if last.seconds else ""
    return f"{last.status} {rough_duration(max(0, now - (last.at or last.last)))} ago{took}"


def _why(schedule: ScheduleStatus, now: int, workers: Mapping[str, int]) -> str:
    if schedule.hold:
        words = [f"held {hold_words(schedule.hold, schedule.timezone, now)}"]
    else:
        words = [*run_words(schedule, workers, now), *_troubles(schedule)]
    if schedule.damaged:
        words.append("damaged in Redis")
    elif schedule.sync != "unmanaged" and (apart := _APART.get("drifted" if schedule.drifted else schedule.sync)):
        words.append(apart)
    return "; ".join(words)


def _troubles(schedule: ScheduleStatus) -> list[str]:
    words = []
    if schedule.waiting:
        words.append(f"{count(schedule.waiting, 'tick')} waiting")
    if schedule.late > LATE:
        words.append(f"due {rough_duration(schedule.late)} ago and not fired")
    ended = schedule.ended
    if ended is not None and (why := why_words(ended)):
        several = f" ({count(ended.count, 'tick')})" if ended.count > 1 else ""
        words.append(f"{why}{several}")
    return words


def _processes(status: Status, style: Style) -> list[str]:
    workers = ", ".join(f"{safe(queue)} {number}" for queue, number in sorted(status.workers.items()) if number)
    idle = unattended(status)
    lines = [f"Workers: {workers or style('none', 'warning')}"]
    if idle:
        lines.append(style(f"No worker listens on: {safe(', '.join(idle))}", "warning"))
    lines.append(f"Scheduler: {safe(status.scheduler) or style(no_scheduler_words(status), 'warning')}")
    if status.missing:
        lines.append(style(f"In the specs here and not applied: {safe(listed(status.missing))}", "warning"))
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
