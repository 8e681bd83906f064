"""What a change of a schedule means in time, in words and as a small table."""

from __future__ import annotations

from dataclasses import dataclass

from flowerpower.planning.plan import Change, Fires
from flowerpower.render.words import is_utc, listed, moment_with_utc, safe, spoken
from flowerpower.specs.durations import duration_text
from flowerpower.state.models import Schedule

SHOWN = 3


@dataclass(frozen=True, slots=True)
class FireTable:
    """The next fires of both sides as texts, one cell for each fire; a side that is None is not shown."""

    zone: str
    before: tuple[str, ...] | None
    after: tuple[str, ...] | None
    same: bool
    silence: str = ""  # why the new side does not fire


def fire_table(change: Change, now: int, held: bool = False) -> FireTable | None:
    """Return the table for a change, None for a change without fires."""
    fires = change.fires
    if fires is None or not (fires.before or fires.after or change.after):
        return None
    before = None if change.before is None else _cells(fires, fires.before, now)
    after = None if change.after is None else _cells(fires, fires.after, now)
    silence = "" if fires.after else _silence(change, held)
    same = fires.before == fires.after and change.action == "update"
    return FireTable(zone_label(fires.timezone), before, after, same, silence)


def zone_label(timezone: str) -> str:
    """Return `Europe/Berlin (UTC)`, to stand above moments that are shown in both."""
    return "UTC" if is_utc(timezone) else f"{safe(timezone)} (UTC)"


def cut_over_words(fires: Fires, now: int) -> tuple[str, ...]:
    """Return what goes wrong, or moves, at the cut-over; a new rhythm alone is no accident and is not in here."""
    if fires.verdict == "skipped" and fires.lost:
        return (f"{spoken(fires.lost[0], fires.timezone, now)} will be skipped",)
    if fires.verdict == "twice" and fires.gained:
        return (f"{spoken(fires.gained[0], fires.timezone, now)} will run a second time",)
    if fires.verdict == "moved" and fires.moved_by:
        direction = "later" if fires.moved_by > 0 else "earlier"
        return (f"runs come {duration_text(abs(fires.moved_by))} {direction}; none is skipped",)
    return ()


def mark_words(fires: Fires, now: int) -> tuple[str, ...]:
    """Return a line for every change of the clocks that shown fires lie near."""
    shown = {*fires.before[:SHOWN], *fires.after[:SHOWN]}
    near: dict[str, list[str]] = {}
    for tick, mark in sorted(fires.marks.items()):
        if tick in shown:
            near.setdefault(mark, []).append(moment_with_utc(tick, fires.timezone, now))
    return tuple(f"{safe(mark)} around {listed(moments, 2)}" for mark, moments in near.items())


def next_fire(fires: Fires | None, ticks: tuple[int, ...], now: int) -> str:
    """Return the first of some fires in its zone and UTC, a dash when there is none."""
    return moment_with_utc(ticks[0], fires.timezone, now) if fires and ticks else "—"


def _cells(fires: Fires, ticks: tuple[int, ...], now: int) -> tuple[str, ...]:
    return tuple(moment_with_utc(tick, fires.timezone, now) for tick in ticks)


def _silence(change: Change, held: bool) -> str:
    if not isinstance(change.after, Schedule):
        return "never again"
    if held:
        return "nothing: it is held"
    if change.after.fields.get("paused"):
        return "nothing: it is paused"
    if change.after.fields.get("at"):
        return "nothing: its moment has passed"
    return "nothing: no tick is left"
