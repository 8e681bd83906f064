"""What `rerun --status` would run again, and how that ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from flowerpower.planning.window import is_tick
from flowerpower.render.backfill import ended_lines
from flowerpower.render.records import clean_reason, record_dict
from flowerpower.render.style import Style, plain
from flowerpower.render.words import count, iso, moment_with_utc, safe

if TYPE_CHECKING:
    from flowerpower.jobs.by_hand.backfill import BackfillPlan, Progress
    from flowerpower.jobs.records import RunRecord


def again_text(
    plans: Sequence[BackfillPlan], left: Sequence[RunRecord], statuses: Sequence[str], *, style: Style = plain
) -> str:
    """Return a block for each schedule: how many of its ticks, from when to when, and why the newest ended so."""
    if not plans and not left:
        return f"Nothing that {' or '.join(statuses)} is known of that time."
    heads = [(safe(plan.applied.schedule.name), _ticks(plan)) for plan in plans]
    name, ticks = (max((len(head[at]) for head in heads), default=0) for at in (0, 1))
    lines = [line for plan in plans for line in _block(plan, (name, ticks), style)]
    lines += [style(f"  left out: {words}", "faint") for words in _left_out(left, plans)]
    total = sum(len(plan.to_run) for plan in plans)
    words = f"Rerun: {count(total, 'tick')} of {count(len(plans), 'schedule')}"
    return "\n".join([*lines, "", f"{words}; of each schedule one at a time, as it is applied now."])


def _left_out(left: Sequence[RunRecord], plans: Sequence[BackfillPlan]) -> Iterator[str]:
    for name in sorted({record.name for record in left}):
        records = [record for record in left if record.name == name]
        ranges = sum(record.count > 1 for record in records)
        if runs := len(records) - ranges:
            yield f"{count(runs, 'run')} of {safe(name)}: by hand, or not live any more"
        if ranges:
            yield (
                f"{count(ranges, 'range')} of ticks of {safe(name)}: its times have changed, and those of then are not "
                "kept; or it is not live any more"
            )


def _ticks(plan: BackfillPlan) -> str:
    runs = len(plan.to_run)
    busy = f" ({len(plan.ticks) - runs} active already)" if runs < len(plan.ticks) else ""
    return f"{count(runs, 'tick')}{busy}"


def _block(plan: BackfillPlan, sizes: tuple[int, int], style: Style) -> list[str]:
    name, zone = safe(plan.applied.schedule.name).ljust(sizes[0]), plan.applied.timezone
    first, last = (moment_with_utc(tick, zone, plan.now) for tick in (plan.first, plan.last))
    runs = len(plan.to_run)
    when = first if plan.first == plan.last else f"{first} to {last}"
    lines = [f"  {style(name, 'strong')}  {_ticks(plan).ljust(sizes[1])}  {when}, {safe(zone)}"]
    earlier = sum(not is_tick(plan.applied.trigger, tick.tick) for tick in plan.to_run)
    if earlier:
        lines.append(f"      {_of_them(earlier, runs)} of an earlier trigger")
    record = plan.ticks[-1].record
    lines += [f"      {clean_reason(record.reason)}"] if record is not None and record.reason else []
    if not plan.workers:
        lines.append(style("      no live worker listens on its queue: nothing runs before one does", "warning"))
    return lines


def _of_them(number: int, runs: int) -> str:
    if number == runs:
        return "it is a tick" if runs == 1 else "all of them are ticks"
    return f"{number:,} of them {'is a tick' if number == 1 else 'are ticks'}"


def done_text(plans: Sequence[BackfillPlan], ended: Sequence[Progress], *, style: Style = plain) -> str:
    """Return how it ended, with a line for each run that did not succeed."""
    pairs = [(record, plan) for plan, one in zip(plans, ended, strict=True) for record in one.ended.values()]
    bad = [(record, plan) for record, plan in pairs if record.status != "succeeded"]
    names = [safe(plan.applied.schedule.name) for _, plan in bad]
    size = max(map(len, names), default=0)
    lines = [f"  {name:{size}}{line}" for name, line in zip(names, ended_lines(bad, style=style), strict=True)]
    good, failed = sum(one.count("succeeded") for one in ended), sum(one.failed for one in ended)
    words = style(f"Rerun complete: {good:,} succeeded, {failed:,} did not.", "strong")
    return "\n".join([*lines, words])


def again_document(
    namespace: str, plans: Sequence[BackfillPlan], left: Sequence[RunRecord], ended: Sequence[Progress] | None
) -> dict[str, Any]:
    """Return the same as a JSON document; `ended` is empty when nothing was run."""
    return {
        "format_version": "1.0",
        "namespace": namespace,
        "schedules": [
            {"name": plan.applied.schedule.name, "ticks": [iso(tick.tick) for tick in plan.to_run]} for plan in plans
        ],
        "left_out": [record_dict(record) for record in left],
        "ended": [record_dict(record) for one in ended or () for record in one.ended.values()],
    }
