"""A backfill before it runs, while it runs, and when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flowerpower.render.records import EMPHASIS, clean_reason, record_dict
from flowerpower.render.style import Style, plain
from flowerpower.render.words import count, cut, iso, moment_with_utc, rough_duration, safe, short, typed, wrap

if TYPE_CHECKING:
    from flowerpower.jobs.by_hand.backfill import BackfillPlan, Progress
    from flowerpower.jobs.by_hand.past import PastTick
    from flowerpower.jobs.records import RunRecord

_FIRST, _LAST = 20, 10
_MOST_ENDS = 20
_BEFORE_MOMENT = " " * 8
_LEAST_ROOM = 26  # columns for what is known of a tick, beside it
_KNOWN = {
    "unknown": "nothing is recorded of it",
    "waiting": "waits for another run of its schedule",
    "undecided": "left to the schedule, which has not decided it yet",
}


def plan_text(plan: BackfillPlan, limit: int, *, whole: bool = False, width: int = 120, style: Style = plain) -> str:
    """Return what a backfill would run and what not, for people."""
    name, zone = plan.applied.schedule.name, plan.applied.timezone
    ticks, most = plan.ticks, _FIRST + _LAST + 1
    shown = ticks if whole or len(ticks) <= most else (*ticks[:_FIRST], *ticks[-_LAST:])
    lines = _lines(shown, plan, width, style)
    if len(shown) < len(ticks):
        lines.insert(_FIRST, style(f"  ... {len(ticks) - len(shown):,} more; -v shows all", "faint"))
    words = f"{count(len(ticks), 'tick')} from {_at(plan, ticks[0].tick)} to {_at(plan, ticks[-1].tick)}, {safe(zone)}"
    head = [style(line, "faint") for line in wrap(f"{safe(name)}: {words}", width, "  ")]
    return "\n".join([*head, "", *lines, "", *_end(plan, limit, width, style)])


def _lines(ticks: Sequence[PastTick], plan: BackfillPlan, width: int, style: Style) -> list[str]:
    """Return what becomes of each tick, in columns; where there is no room for what is known of it, that is below."""
    run, busy = ({tick.tick for tick in some} for some in (plan.to_run, plan.busy))
    moments = [_at(plan, tick.tick) for tick in ticks]
    size = max(map(len, moments), default=0)
    room = width - size - len(_BEFORE_MOMENT) - 2
    lines = []
    for tick, moment in zip(ticks, moments, strict=True):
        word = "run" if tick.tick in run else "wait" if tick.tick in busy else "skip"
        start = f"  {style(word.ljust(4), 'create' if word == 'run' else 'faint')}  {moment}"
        beside = "  ".rjust(size - len(moment) + 2) if room >= _LEAST_ROOM else f"\n{_BEFORE_MOMENT}"
        fitting = room if room >= _LEAST_ROOM else width - len(_BEFORE_MOMENT)
        lines.append(f"{start}{beside}{_known(tick, plan.now, fitting, style)}")
    return lines


def _known(tick: PastTick, now: int, room: int, style: Style) -> str:
    if tick.status in _KNOWN:
        return style(_KNOWN[tick.status], "faint")
    record = tick.record
    ago = f" {rough_duration(max(0, now - record.at))} ago" if record is not None and record.at else ""
    why = f": {clean_reason(record.reason)}" if record is not None and record.reason else ""
    rest = cut(f"{ago}{why}", max(room - len(tick.status), 10))
    return f"{style(tick.status, EMPHASIS.get(tick.status, 'faint'))}{rest}"


def _end(plan: BackfillPlan, limit: int, width: int, style: Style) -> Iterator[str]:
    to_run, busy = len(plan.to_run), len(plan.busy)
    if to_run and not plan.workers:
        queue = safe(str(plan.applied.schedule.fields.get("queue")))
        words = f"Warning: no live worker listens on the queue {queue}; nothing will run before one does."
        yield from (style(line, "warning") for line in wrap(words, width, "  "))
    if to_run and plan.applied.takes_turns:
        words = "Its own ticks go on firing. While one of them runs, the backfill starts no other run."
        yield from (style(line, "faint") for line in wrap(words, width, "  "))
    skipped = len(plan.ticks) - to_run - busy
    active = f", {busy:,} active already" if busy else ""
    applied = short(plan.applied.commit) or "the applied record"
    counts = f"{to_run:,} to run{active}, {skipped:,} skipped; {limit:,} at a time"
    yield from wrap(f"Backfill: {counts}, as applied from {safe(applied)}.", width, "  ")


def _at(plan: BackfillPlan, tick: int) -> str:
    return moment_with_utc(tick, plan.applied.timezone, plan.now)


def progress_words(progress: Progress) -> str:
    """Return how far a backfill is, in few words, for the end of a progress bar."""
    parts = [f"{len(progress.active)} active" if progress.active else ""]
    parts.append(f"{progress.failed} failed" if progress.failed else "")
    parts.append(safe(progress.note))
    return ", ".join(part for part in parts if part)


def ended_lines(ended: Sequence[tuple[RunRecord, BackfillPlan]], *, style: Style = plain) -> list[str]:
    """Return one line for each run that did not succeed, in columns."""
    moments = [_at(plan, record.last) for record, plan in ended]
    words, size = (max(map(len, some), default=0) for some in ([record.status for record, _ in ended], moments))
    return [
        f"  {style(record.status.ljust(words), EMPHASIS.get(record.status, 'faint'))}  {moment.ljust(size)}  "
        f"{clean_reason(record.reason)}".rstrip()
        for (record, _), moment in zip(ended, moments, strict=True)
    ]


def done_text(progress: Progress, plan: BackfillPlan, *, style: Style = plain) -> str:
    """Return how a backfill ended, what did not succeed first."""
    name = safe(plan.applied.schedule.name)
    bad = [record for _, record in sorted(progress.ended.items()) if record.status != "succeeded"]
    lines = ended_lines([(record, plan) for record in bad[:_MOST_ENDS]], style=style)
    if len(bad) > _MOST_ENDS:
        lines.append(style(f"  ... and {len(bad) - _MOST_ENDS:,} more", "faint"))
    ended = f"{progress.count('succeeded'):,} succeeded, {progress.failed:,} did not"
    left = f", {progress.left:,} not started" if progress.left else ""
    word = "complete" if not bad and not progress.left else "ended"
    lines.append(style(f"Backfill {word}: {ended}{left}.", "good" if not bad else "error"))
    if progress.left and progress.note:
        lines.append(f"Why: {progress.note}.")
    if bad:
        look = style(typed(f"flowerpower runs --job {name}--{bad[0].last}", plan.namespace), "hint")
        lines.append(f"Why one of them failed: {look}")
    return "\n".join(lines)


def stopped_text(progress: Progress, plan: BackfillPlan) -> str:
    """Return what Ctrl-C leaves behind, and what one can do about it."""
    name = safe(plan.applied.schedule.name)
    lines = [f"Stopped: {len(progress.ended):,} of {progress.total:,} done, {progress.left:,} not handed out."]
    if progress.active:
        one = len(progress.active) == 1
        goes = "goes" if one else "go"
        stop = typed(f"flowerpower cancel {name}{f'--{progress.active[0]}' if one else ' --all'}", plan.namespace)
        lines.append(f"{count(len(progress.active), 'run')} {goes} on. To stop: {stop}")
    lines.append("The same command again goes on from here.")
    return "\n".join(lines)


def backfill_dict(plan: BackfillPlan, progress: Progress | None, namespace: str) -> dict[str, Any]:
    """Return a backfill as a JSON document: each tick with what was known of it and what became of it."""
    run = {tick.tick for tick in plan.to_run}
    ended: Mapping[int, RunRecord] = progress.ended if progress is not None else {}
    return {
        "format_version": "1.0",
        "namespace": namespace,
        "schedule": plan.applied.schedule.name,
        "from": iso(plan.first),
        "to": iso(plan.last),
        "commit": plan.applied.commit,
        "to_run": len(run),
        "succeeded": progress.count("succeeded") if progress else 0,
        "failed": progress.failed if progress else 0,
        "ticks": [
            {
                "tick": iso(tick.tick),
                "action": "run" if tick.tick in run else "wait" if tick in plan.busy else "skip",
                "before": tick.status,
                "ended": record_dict(ended[tick.tick]) if tick.tick in ended else None,
            }
            for tick in plan.ticks
        ],
    }
