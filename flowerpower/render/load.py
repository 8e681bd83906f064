"""The load of queues in words: a line where a reader should know, a table for who wants all of it, JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flowerpower.durations import duration_text
from flowerpower.planning.load import Load, QueueLoad
from flowerpower.planning.plan import Plan
from flowerpower.render.style import Style
from flowerpower.render.words import code_span, count, iso, local, moment, safe, typed, unbroken, wrap

BARS = "▁▂▃▄▅▆▇█"
_SHOWN = 5
_ROWS = 50
_CROWD = 10  # starts in a minute that are worth a word where nothing tells how long they take
_NOTICEABLE = 60  # seconds of waiting


def load_lines(plan: Plan, width: int, style: Style) -> list[str]:
    """Return a line or two for each queue whose load becomes another in a way that matters, nothing for the others."""
    worth = [load for load in plan.loads if _matters(load)]
    lines = []
    for load in worth[:_SHOWN]:
        head, warns = f"queue {safe(load.queue)}:", _is_overloaded(load)
        found = wrap(f"  {head} {'; '.join(load_words(load, plan.read_at))}", width, "    ")
        if warns:
            found = [style(line, "warning") for line in found]
        else:
            found[0] = found[0].replace(head, style(head, "strong"), 1)
        lines += found
    if len(worth) > _SHOWN:
        command = style(typed("flowerpower plan --json", plan.env), "hint")
        lines.append(f"  {count(len(worth) - _SHOWN, 'more queue')} with another load: {command}")
    return lines


def load_words(load: QueueLoad, now: int) -> Iterator[str]:
    """Return what to say of the load of one queue after the plan, and what it was before."""
    before, after = load.before, load.after
    workers, overloaded = count(load.workers, "worker"), _exceeds(load, after)
    if overloaded:
        yield f"more work than {workers} can do: {_share(load, after)} of the time{_was(_share(load, before))}"
    elif _exceeds(load, before):
        keep = "keeps" if load.workers == 1 else "keep"
        yield f"{workers} {keep} up again: {_share(load, after)} of the time{_was(_share(load, before))}"
    if after.peak_at is None:
        yield f"nothing starts any more (was {count(before.starts, 'start')} in {count(load.days, 'day')})"
        return
    if not overloaded or after.peak > load.workers:
        at = f"{moment(after.peak_at, load.timezone, now)} {safe(load.timezone)}"
        yield f"peak {count(after.peak, 'start')} at {at}{_was(_number(before), _number(after))}"
    if after.drain is not None:
        verb = "drains" if load.workers == 1 else "drain"
        old = None if before.drain is None else about(before.drain)
        yield f"{workers} {verb} it in about {about(after.drain)}{_was(old, about(after.drain))}"
    yield from _reservations(load)


def _reservations(load: QueueLoad) -> Iterator[str]:
    after = load.after
    if after.basis == "counts":
        yield "how long runs take is not known yet"
    elif not load.workers:
        yield "no worker is alive"
    elif after.basis == "estimated":
        yield f"{after.measured:,} of {after.schedules:,} run times are measured, the rest guessed"
    if after.uncounted:
        yield f"{after.uncounted:,} of {after.schedules:,} schedules not counted, there are too many"


def _matters(load: QueueLoad) -> bool:
    """Tell whether a reader should know: more work than there are workers, or a crowd that becomes another."""
    before, after = load.before, load.after
    if _is_overloaded(load) or _exceeds(load, before) != _exceeds(load, after):
        return True
    if before.drain is not None and after.drain is not None:
        shorter, longer = sorted((before.drain, after.drain))
        return longer >= _NOTICEABLE and longer - shorter >= max(30, 0.1 * longer)
    if after.drain is not None:
        return after.drain >= _NOTICEABLE and after.peak > load.workers
    return max(before.peak, after.peak) >= max(_CROWD, load.workers + 1) and before.peak != after.peak


def _is_overloaded(load: QueueLoad) -> bool:
    """Tell whether the plan gives a queue more work than its workers can do, or more of it."""
    share, was = load.share(load.after), load.share(load.before)
    return share is not None and share > 1 and (was is None or share > was)


def _exceeds(load: QueueLoad, side: Load) -> bool:
    share = load.share(side)
    return share is not None and share > 1


def _was(old: str | None, new: str | None = None) -> str:
    return f" (was {old})" if old is not None and old != new else ""


def _number(load: Load) -> str | None:
    return f"{load.peak:,}" if load.starts else None


def _share(load: QueueLoad, side: Load) -> str | None:
    share = load.share(side)
    return None if share is None else _percent(share)


def _percent(share: float) -> str:
    return f"{share * 100:,.0f} %" if share >= 0.01 or not share else "under 1 %"


def about(seconds: float) -> str:
    """Return a duration as exact as an estimate deserves: its two largest units."""
    whole = max(1, round(seconds))
    for unit in (86_400, 3_600, 60):
        if whole >= 10 * unit:
            return duration_text(round(whole / unit) * unit)
        if whole >= unit:
            part = {86_400: 3_600, 3_600: 60, 60: 1}[unit]
            return duration_text(round(whole / part) * part)
    return f"{whole}s"


def load_alarms(plan: Plan) -> list[tuple[str, str]]:
    """Return the name and a sentence for each queue that gets more work than its workers can do."""
    crowded = [load for load in plan.loads if _is_overloaded(load)]
    return [(f"queue {load.queue}", next(load_words(load, plan.read_at))) for load in crowded[:_SHOWN]]


def load_details(plan: Plan) -> Iterator[str]:
    """Return the loads as a folded table in Markdown, nothing when none changes."""
    if not plan.loads:
        return
    shown = plan.loads[:_ROWS]
    table = [
        "| Queue | Starts | Peak | Drained in | Busy | By hour, now and then |",
        "|---|---|---|---|---|---|",
        *(_table_row(load, plan.read_at) for load in shown),
    ]
    more = [f"And {count(len(plan.loads) - _ROWS, 'more queue')}."] if len(plan.loads) > _ROWS else []
    body = "\n".join(table)
    notes = " ".join((*more, *_notes(plan)))
    yield f"<details><summary>Queue load, {plan.loads[0].days} days</summary>\n\n{body}\n\n{notes}\n\n</details>"


def _table_row(load: QueueLoad, now: int) -> str:
    """Return one row for a queue: what differs stands as before and after, the bars one above the other."""
    before, after = load.before, load.after
    most = max((number for side in (before, after) for _, number in side.hours), default=0)
    at = "" if after.peak_at is None else f"<br>{unbroken(moment(after.peak_at, load.timezone, now))}"
    cells = (
        f"{code_span(load.queue)}<br>{unbroken(_workers(load))}",
        _both(f"{before.starts:,}", f"{after.starts:,}"),
        _both(f"{before.peak:,}", f"{after.peak:,}") + at,
        _both(_drained(load, before), _drained(load, after)),
        _both(_share(load, before) or "—", _share(load, after) or "—"),
        "<br>".join(f"`{_by_hour_of_day(load.timezone, side, most)}`" for side in (before, after)),
    )
    return f"| {' | '.join(cells)} |"


def _both(old: str, new: str) -> str:
    return unbroken(new if old == new else f"{old} → **{new}**")


def _drained(load: QueueLoad, side: Load) -> str:
    return "never" if _exceeds(load, side) else "—" if side.drain is None else about(side.drain)


def _workers(load: QueueLoad) -> str:
    return count(load.workers, "worker") if load.workers else "no worker"


def _notes(plan: Plan) -> Iterator[str]:
    """Return what the numbers of the table rest on."""
    yield f"Times and hours, from 0 to 23, are those of {safe(plan.loads[0].timezone)}; a bar is the busiest day's."
    if any(load.after.basis == "counts" for load in plan.loads):
        yield "No tick has been measured yet, so only starts are counted."
    elif any(load.after.basis == "estimated" for load in plan.loads):
        yield "Run times of schedules that have not been measured are those of their pipeline, or of all runs."
    if any(load.after.uncounted for load in plan.loads):
        yield "There are too many schedules to count them all in time: the numbers are too low."


def _by_hour_of_day(timezone: str, side: Load, highest: float) -> str:
    """Return 24 bars: for each hour of the local day the most starts it has on any day."""
    most = [0.0] * 24
    for instant, number in side.hours:
        hour = local(instant, timezone).hour
        most[hour] = max(most[hour], number)
    return "".join(bar(number, highest) for number in most)


def bar(number: float, most: float) -> str:
    """Return one bar, higher for more; a dot for nothing."""
    if number <= 0 or most <= 0:
        return "·"
    return BARS[min(len(BARS) - 1, int(len(BARS) * number / most))]


def queue_load_dicts(loads: Sequence[QueueLoad]) -> list[dict[str, Any]]:
    """Return the loads of a plan for programs; times are ISO 8601 in UTC, durations seconds."""
    return [
        {
            "queue": load.queue,
            "workers": load.workers,
            "days": load.days,
            "before": load_dict(load, load.before),
            "after": load_dict(load, load.after),
        }
        for load in loads
    ]


def load_dict(load: QueueLoad, side: Load) -> Mapping[str, Any]:
    """Return one side of a queue's load for programs."""
    share = load.share(side)
    return {
        "schedules": side.schedules,
        "starts": side.starts,
        "peak": None if side.peak_at is None else {"starts": side.peak, "at": iso(side.peak_at)},
        "run_times": side.basis,
        "measured_schedules": side.measured,
        "work_seconds": side.work,
        "drain_seconds": side.drain,
        "worker_time_share": None if share is None else round(share, 4),
        "uncounted_schedules": side.uncounted,
    }
