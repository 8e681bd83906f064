"""A backfill before it runs, while it runs, and when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flowerpower.render.records import EMPHASIS, clean_reason, record_dict
from flowerpower.render.style import Style, plain
from flowerpower.render.words import count, iso, moment_with_utc, rough_duration, safe, short, typed

if TYPE_CHECKING:
    from flowerpower.jobs.by_hand.backfill import BackfillPlan, Progress
    from flowerpower.jobs.by_hand.past import PastTick
    from flowerpower.jobs.records import RunRecord

_FIRST, _LAST = 20, 10
_MOST_ENDS = 20
_KNOWN = {
    "unknown": "nothing is recorded of it",
    "waiting": "waits for another run of its schedule",
    "undecided": "left to the schedule, which has not decided it yet",
}


def plan_text(plan: BackfillPlan, limit: int, *, whole: bool = False, width: int = 120, style: Style = plain) -> str:
    """Return what a backfill would run and what not, for people."""
    name, zone = plan.applied.schedule.name, plan.applied.timezone
    run = {tick.tick for tick in plan.to_run}
    lines = [_line(tick, plan, width, style, runs=tick.tick in run) for tick in plan.ticks]
    if not whole and len(lines) > _FIRST + _LAST + 1:
        left_out = f"  ... {len(lines) - _FIRST - _LAST:,} more; -v shows all"
        lines = [*lines[:_FIRST], style(left_out, "faint"), *lines[-_LAST:]]
    head = style(
        f"{safe(name)}: {count(len(plan.ticks), 'tick')} from {_at(plan, plan.ticks[0].tick)} "
        f"to {_at(plan, plan.ticks[-1].tick)}, {safe(zone)}",
        "faint",
    )
    return "\n".join([head, "", *lines, "", *_end(plan, limit, style)])


def _line(tick: PastTick, plan: BackfillPlan, width: int, style: Style, *, runs: bool) -> str:
    sign = style("run ", "create") if runs else style("wait" if tick in plan.busy else "skip", "faint")
    when = _at(plan, tick.tick)
    return f"  {sign}  {when}  {_known(tick, plan.now, width - len(when) - 10, style)}"


def _known(tick: PastTick, now: int, room: int, style: Style) -> str:
    if tick.status in _KNOWN:
        return style(_KNOWN[tick.status], "faint")
    record = tick.record
    ago = f" {rough_duration(max(0, now - record.at))} ago" if record is not None and record.at else ""
    why = f": {clean_reason(record.reason)}" if record is not None and record.reason else ""
    rest, room = f"{ago}{why}", max(room - len(tick.status), 10)
    rest = rest if len(rest) <= room else f"{rest[: room - 1]}…"
    return f"{style(tick.status, EMPHASIS.get(tick.status, 'faint'))}{rest}"


def _end(plan: BackfillPlan, limit: int, style: Style) -> Iterator[str]:
    to_run, busy = len(plan.to_run), len(plan.busy)
    if to_run and not plan.workers:
        queue = safe(str(plan.applied.schedule.fields.get("queue")))
        yield style(
            f"Warning: no live worker listens on the queue {queue}; nothing will run before one does.", "warning"
        )
    if to_run and plan.applied.takes_turns:
        yield style("Its own ticks go on firing. While one of them runs, the backfill starts no other run.", "faint")
    skipped = len(plan.ticks) - to_run - busy
    active = f", {busy:,} active already" if busy else ""
    applied = short(plan.applied.commit) or "the applied record"
    counts = f"{to_run:,} to run{active}, {skipped:,} skipped; {limit:,} at a time"
    yield f"Backfill: {counts}, as applied from {safe(applied)}."


def _at(plan: BackfillPlan, tick: int) -> str:
    return moment_with_utc(tick, plan.applied.timezone, plan.now)


def progress_words(progress: Progress) -> str:
    """Return how far a backfill is, in few words, for the end of a progress bar."""
    parts = [f"{len(progress.active)} active" if progress.active else ""]
    parts.append(f"{progress.failed} failed" if progress.failed else "")
    parts.append(safe(progress.note))
    return ", ".join(part for part in parts if part)


def ended_line(record: RunRecord, plan: BackfillPlan, *, style: Style = plain) -> str:
    """Return one line for a run that did not succeed."""
    status = style(record.status, EMPHASIS.get(record.status, "faint"))
    return f"  {status}  {_at(plan, record.last)}  {clean_reason(record.reason)}".rstrip()


def done_text(progress: Progress, plan: BackfillPlan, *, style: Style = plain) -> str:
    """Return how a backfill ended, what did not succeed first."""
    name = safe(plan.applied.schedule.name)
    bad = [record for _, record in sorted(progress.ended.items()) if record.status != "succeeded"]
    lines = [ended_line(record, plan, style=style) for record in bad[:_MOST_ENDS]]
    if len(bad) > _MOST_ENDS:
        lines.append(style(f"  ... and {len(bad) - _MOST_ENDS:,} more", "faint"))
    ended = f"{progress.count('succeeded'):,} succeeded, {progress.failed:,} did not"
    left = f", {progress.left:,} not started" if progress.left else ""
    word = "complete" if not bad and not progress.left else "ended"
    lines.append(style(f"Backfill {word}: {ended}{left}.", "good" if not bad else "error"))
    if bad:
        look = typed(f"flowerpower runs --job {name}--{bad[0].last}", plan.namespace)
        lines.append(f"Why one of them failed: {look}")
    return "\n".join(lines)


def stopped_text(progress: Progress, plan: BackfillPlan) -> str:
    """Return what Ctrl-C leaves behind, and what one can do about it."""
    name = safe(plan.applied.schedule.name)
    lines = [f"Stopped: {len(progress.ended):,} of {progress.total:,} done, {progress.left:,} not handed out."]
    if progress.active:
        runs = " ".join(f"{name}--{tick}" for tick in progress.active[:5])
        goes = "goes" if len(progress.active) == 1 else "go"
        stop = typed(f"flowerpower cancel {runs}", plan.namespace)
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
