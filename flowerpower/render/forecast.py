"""The load of the queues that are live: a table, and for each queue its hours day by day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from flowerpower.planning.load import QueueLoad
from flowerpower.render.load import about, bar, load_dict
from flowerpower.render.style import Style, plain
from flowerpower.render.table import UNCUT, fitted
from flowerpower.render.words import count, iso, local, moment, safe

_HEATED = 5  # queues whose hours are shown unless one is named
_HEADER = ("queue", "schedules", "starts", "peak", "drained in", "worker time", "workers")


def forecast_text(
    loads: Sequence[QueueLoad], namespace: str, now: int, silent: int, *, width: int = UNCUT, style: Style = plain
) -> str:
    """Return the forecast for people; *silent* is how many schedules are held or paused."""
    if not loads:
        return f"{namespace}: no schedule is live."
    first = loads[0]
    lines = [f"{namespace}: starts in the next {count(first.days, 'day')}, times in {safe(first.timezone)}", ""]
    lines += _table(loads, now, width, style)
    lines += [f"  {style(words, 'faint')}" for words in _reservations(loads, silent)]
    busy = sorted((load for load in loads if load.after.hours), key=lambda load: -load.after.starts)
    for load in busy[:_HEATED]:
        lines += ["", *_heat(load, now, style)]
    if len(busy) > _HEATED:
        lines += ["", f"and {count(len(busy) - _HEATED, 'quieter queue')}; --queue NAME shows the hours of one"]
    return "\n".join(lines)


def _table(loads: Sequence[QueueLoad], now: int, width: int, style: Style) -> Iterator[str]:
    rows = [_HEADER, *(_cells(load, now) for load in loads)]
    for row, lines in zip(rows, fitted(rows, width - 2, right=(1, 2)), strict=True):
        for line in lines:
            shown = f"  {line}"
            yield style(shown, "faint") if row is _HEADER else style(shown, "warning") if "never" in row else shown


def _cells(load: QueueLoad, now: int) -> tuple[str, ...]:
    side, share = load.after, load.share(load.after)
    peak = "—" if side.peak_at is None else f"{side.peak:,} at {moment(side.peak_at, load.timezone, now)}"
    drained = (
        "never" if share is not None and share > 1 else "—" if side.drain is None else f"about {about(side.drain)}"
    )
    part = "—" if share is None else f"{share * 100:,.0f} %" if share >= 0.01 else "under 1 %"
    return (
        safe(load.queue),
        f"{side.schedules:,}",
        f"{side.starts:,}",
        peak,
        drained,
        part,
        str(load.workers or "none"),
    )


def _reservations(loads: Sequence[QueueLoad], silent: int) -> Iterator[str]:
    """Return what the numbers rest on, and what they leave out."""
    measured = sum(load.after.measured for load in loads)
    schedules = sum(load.after.schedules for load in loads)
    if any(load.after.basis == "counts" for load in loads):
        yield "No tick has been measured yet, so only starts are counted."
    elif measured < schedules:
        yield f"{measured:,} of {count(schedules, 'run time')} measured, the rest guessed from other runs."
    if silent:
        yield f"{count(silent, 'schedule')} held or paused, not counted."
    left_out = sum(load.after.uncounted for load in loads)
    if left_out:
        yield f"{count(left_out, 'schedule')} not counted, there are too many: the numbers are too low."


def _heat(load: QueueLoad, now: int, style: Style) -> Iterator[str]:
    """Return a line for each day, a bar for each hour."""
    days: dict[date, list[float]] = {}
    start = local(now, load.timezone)
    for offset in range(load.days + 1):
        days[start.date() + timedelta(days=offset)] = [0.0] * 24
    for instant, number in load.after.hours:
        when = local(instant, load.timezone)
        days.setdefault(when.date(), [0.0] * 24)[when.hour] += number
    most = max(max(hours) for hours in days.values())
    yield f"{style(safe(load.queue), 'strong')}, starts by hour; {bar(1, 1)} is {most:,.0f}"
    yield style("              0      6      12     18          all", "faint")
    for day, hours in days.items():
        bars = "".join(bar(number, most) for number in hours)
        parts = " ".join(bars[at : at + 6] for at in range(0, 24, 6))
        yield f"  {day:%a} {day.day:2} {day:%b}  {parts}  {sum(hours):8,.0f}"


def forecast_dict(loads: Sequence[QueueLoad], namespace: str, now: int, silent: int) -> dict[str, Any]:
    """Return the forecast for programs; times are ISO 8601 in UTC, durations seconds."""
    return {
        "format_version": "1.0",
        "namespace": namespace,
        "read_at": iso(now),
        "days": loads[0].days if loads else None,
        "timezone": loads[0].timezone if loads else None,
        "silent_schedules": silent,
        "queues": [
            {
                "queue": load.queue,
                "workers": load.workers,
                **load_dict(load, load.after),
                "hours": [{"from": iso(instant), "starts": number} for instant, number in load.after.hours],
            }
            for load in loads
        ],
    }
