"""What fires next as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flowerpower.durations import duration_text
from flowerpower.planning.upcoming import Outlook, Silent, Upcoming
from flowerpower.render.load import about
from flowerpower.render.style import Style, plain
from flowerpower.render.table import UNCUT, end_of, fitted, remarked
from flowerpower.render.words import count, iso, local, moment, moment_with_utc, safe
from flowerpower.state.models import Hold


def outlook_text(
    outlook: Outlook,
    now: int,
    *,
    most: int | None = None,
    timezone: str = "UTC",
    width: int = UNCUT,
    style: Style = plain,
) -> str:
    """Return the table for people who read it *now*, at most so many rows; holds are told in *timezone*."""
    shown = outlook.fires[:most]
    lines = list(_table(shown, now, outlook.after, width, style))
    rest = len(outlook.fires) - len(shown)
    if rest:
        lines.append(f"and {count(rest, 'more fire')}; --verbose shows all, names choose")
    silent = [f"  {_silent_line(one, now, timezone, style)}" for one in outlook.silent[:most]]
    if silent:
        lines += ["", "Not firing:", *silent] if lines else ["Not firing:", *silent]
    left = len(outlook.silent) - len(silent)
    return "\n".join(lines + [f"  and {left:,} more"] * bool(left)) or "Nothing fires."


def _table(fires: Sequence[Upcoming], now: int, after: int, width: int, style: Style) -> Iterator[str]:
    header = ("schedule", "next (UTC)", "zone", "in" if after == now else "after", "")
    rows = [header, *(_cells(fire, now, after) for fire in fires)] if fires else []
    rows = rows if any(fire.schedule for fire in fires) else [row[1:] for row in rows]
    table = fitted([row[:-1] for row in rows], width)
    end = end_of(table)
    for index, (row, laid) in enumerate(zip(rows, table, strict=True)):
        lines, below = remarked(laid, row[-1], width, end)
        if not index:
            yield from (style(line, "faint") for line in lines)
            continue
        yield from lines[:-1]
        yield f"{laid[-1]}{style(lines[-1].removeprefix(laid[-1]), 'warning')}"
        yield from (style(line, "warning") for line in below)


def _cells(fire: Upcoming, now: int, after: int) -> tuple[str, ...]:
    wait = fire.tick - after
    return (
        safe(fire.schedule),
        moment_with_utc(fire.tick, fire.timezone, now, unit=""),
        safe(fire.timezone),
        about(wait) if wait > 0 else f"{about(-wait)} ago" if wait else "0s",
        "; ".join(_remarks(fire)),
    )


def _remarks(fire: Upcoming) -> Iterator[str]:
    if fire.overdue:
        yield "due, and not fired yet"
    if fire.starts > fire.tick:
        yield f"starts {duration_text(fire.starts - fire.tick)} later (jitter)"
    if fire.mark:
        yield fire.mark


def _silent_line(one: Silent, now: int, timezone: str, style: Style) -> str:
    words = {"held": "held", "paused": "paused in its spec", "over": "no tick is left"}.get(one.why, "unreadable")
    if one.hold:
        who = f" by {safe(one.hold.who)}" if one.hold.who else ""
        why = f' "{safe(one.hold.why)}"' if one.hold.why else ""
        until = f" until {moment(one.hold.until, timezone, now)}" if one.hold.until else ""
        words = f"held{who}{why}{until}"
    return f"{safe(one.schedule)}  {style(words, 'warning')}"


def outlook_dict(outlook: Outlook, source: str) -> dict[str, Any]:
    """Return the outlook for programs; `source` says what was looked at: live, specs or trigger."""
    return {
        "format_version": "1.0",
        "source": source,
        "after": iso(outlook.after),
        "fires": [
            {
                "schedule": fire.schedule or None,
                "tick": iso(fire.tick),
                "local": local(fire.tick, fire.timezone).isoformat(),
                "timezone": fire.timezone,
                "starts": iso(fire.starts),
                "overdue": fire.overdue,
                "clock_change": fire.mark or None,
            }
            for fire in outlook.fires
        ],
        "silent": [
            {"schedule": one.schedule, "why": one.why, "held": _hold_dict(one.hold) if one.hold else None}
            for one in outlook.silent
        ],
    }


def _hold_dict(hold: Hold) -> dict[str, Any]:
    return {"who": hold.who, "why": hold.why, "until": iso(hold.until) if hold.until else None}
