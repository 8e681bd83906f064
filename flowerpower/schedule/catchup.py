"""Which of the ticks that are due will run, and what becomes of the others.

`decide` is the heart of every fire: it is asked with the cursor (the newest tick decided so far) and the clock, and
answers for each tick since then. Long outages stay cheap: what is missed is a range, never a list.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowerpower.schedule.trigger import Trigger

ON_TIME = 60  # seconds that a tick may be late and still counts as on time with `catchup: none`
OUTSIDE = "outside the catch-up window"
NEWER = "a newer tick was due"
LATE = "too late, and the schedule does not catch up"


@dataclass(frozen=True, slots=True)
class Range:
    """`count` ticks of one schedule from `first` to `last`, both included, that share a fate."""

    first: int
    last: int
    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with the ticks after the old cursor.

    `run` holds the ticks to run, oldest first; `missed` the others up to the new `cursor`, oldest first. Ticks after
    the new cursor are not decided yet. `next_tick` is when to ask again: in the past if due ticks are left over.
    """

    run: tuple[int, ...]
    missed: tuple[Range, ...]
    cursor: int
    next_tick: int | None


def decide(trigger: Trigger, *, cursor: int, now: int, catchup: str, window: int, limit: int = 100) -> Decision:
    """Return the fate of every tick t with cursor < t <= now; all times are seconds since the Unix epoch.

    A tick more than `window` seconds old is missed. Of the others, `latest` runs the newest; `none` runs the newest
    if it is at most 60 s late; `all` runs each, oldest first, at most `limit` now, and leaves the rest for the next
    call. The cursor moves to the newest decided tick and never back. Raises ValueError for another `catchup`.
    """
    if catchup not in {"latest", "all", "none"}:
        raise ValueError(f"catchup is latest, all or none, not {catchup!r}")
    first = trigger.next_tick(cursor)
    if first is None or first > now:
        return Decision((), (), cursor, first)
    edge = max(cursor, now - window - 1)
    old = range_between(trigger, cursor, edge, OUTSIDE)
    if catchup == "all":
        return _each(trigger, edge, now, old, max(limit, 1))
    newest = _last(trigger, first, now)
    following = trigger.next_tick(now)
    if now - newest <= (min(window, ON_TIME) if catchup == "none" else window):
        return Decision((newest,), (*old, *range_between(trigger, edge, newest - 1, NEWER)), newest, following)
    return Decision((), (*old, *range_between(trigger, edge, newest, LATE)), newest, following)


def _each(trigger: Trigger, edge: int, now: int, old: tuple[Range, ...], limit: int) -> Decision:
    """Run the due ticks after the edge, oldest first, as many as the limit allows."""
    run: list[int] = []
    tick = trigger.next_tick(edge)
    while tick is not None and tick <= now and len(run) < limit:
        run.append(tick)
        tick = trigger.next_tick(tick)
    return Decision(tuple(run), old, run[-1] if run else old[-1].last, tick)


def _last(trigger: Trigger, first: int, until: int) -> int:
    """Return the last tick up to a moment, given that `first` is a tick before it."""
    last = trigger.previous_tick(until + 1)
    return first if last is None else last


def range_between(trigger: Trigger, after: int, until: int, reason: str) -> tuple[Range, ...]:
    """Return the ticks t with after < t <= until as one range, or nothing; quick however many they are."""
    first = trigger.next_tick(after)
    if first is None or first > until:
        return ()
    last = _last(trigger, first, until)
    return (Range(first, last, trigger.count_ticks(first, last), reason),)
