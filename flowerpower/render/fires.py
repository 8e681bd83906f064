"""What a change of a schedule means in time, in words and as a small table."""

from __future__ import annotations

from dataclasses import dataclass

from flowerpower.durations import duration_text
from flowerpower.planning.plan import Change, Fires
from flowerpower.render.words import clock, day, is_utc, listed, local, moment_with_utc, moments_in_row, safe, spoken
from flowerpower.schedule.transitions import Touch
from flowerpower.state.models import Schedule

SHOWN = 3
_AROUND = 2 * 86_400  # seconds between a change of the clocks and the fires that a plan calls near it


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
    before = None if change.before is None else moments_in_row(fires.before[:SHOWN], fires.timezone, now)
    after = None if change.after is None else moments_in_row(fires.after[:SHOWN], fires.timezone, now)
    silence = "" if fires.after else silence_of(change, held)
    return FireTable(zone_label(fires.timezone), before, after, is_same(change), silence)


def is_same(change: Change) -> bool:
    """Tell whether a changed schedule goes on firing as it did."""
    fires = change.fires
    return fires is not None and fires.before == fires.after and change.action == "update"


def zone_label(timezone: str) -> str:
    """Return the name of a zone; all names of UTC are one."""
    return "UTC" if is_utc(timezone) else safe(timezone)


def accident_words(fires: Fires, now: int) -> str:
    """Return what goes wrong at the cut-over, an empty text where nothing does."""
    if fires.verdict == "skipped" and fires.lost:
        return f"{spoken(fires.lost[0], fires.timezone, now)} will be skipped"
    if fires.verdict == "twice" and fires.gained:
        other = "" if fires.passed is None else f" as well as {spoken(fires.passed, fires.timezone, now)}"
        return f"{spoken(fires.gained[0], fires.timezone, now)} will run{other or ' a second time'}"
    return ""


def accident_reason(fires: Fires, now: int) -> str:
    """Return what goes wrong at the cut-over and why: a fire of one trigger had passed before the other took over."""
    words = accident_words(fires, now)
    if not words or fires.passed is None:
        return words
    if fires.verdict == "skipped":
        return f"{words}: its new time, {spoken(fires.passed, fires.timezone, now)}, has passed"
    return f"{words}, which was due before this change"


def move_words(fires: Fires) -> str:
    """Return by how much the runs move, where all shown ones move alike and none is skipped or doubled."""
    shifts = {new - old for old, new in zip(fires.before, fires.after, strict=False)}
    if fires.verdict != "moved" or len(fires.before) != len(fires.after) or shifts != {fires.moved_by}:
        return ""  # another rhythm: no single number tells how the runs move
    return f"{duration_text(abs(fires.moved_by))} {'later' if fires.moved_by > 0 else 'earlier'}"


def mark_words(change: Change, now: int) -> tuple[str, ...]:
    """Return a line for every change of the clocks that shown fires lie near, where fires are others than before.

    What `clock_words` tells more of is left out.
    """
    fires = change.fires
    if fires is None or is_same(change):
        return ()
    met = [touch.change.at for touch in fires.touches]
    shown = {*fires.before[:SHOWN], *fires.after[:SHOWN]}
    near: dict[str, list[str]] = {}
    for tick, mark in sorted(fires.marks.items()):
        if tick in shown and not any(abs(tick - at) < _AROUND for at in met):
            near.setdefault(mark, []).append(moment_with_utc(tick, fires.timezone, now))
    return tuple(f"{safe(mark)} around {listed(moments, 2)}" for mark, moments in near.items())


def clock_words(change: Change, now: int) -> tuple[str, ...]:
    """Return a line for the first change of the clocks each way that meets a fire in the next 12 months, likewise."""
    fires = change.fires
    if fires is None or is_same(change):
        return ()
    first = {touch.change.is_gap: touch for touch in reversed(fires.touches)}
    told = sorted(first.values(), key=lambda touch: touch.change.at)
    return tuple(touch_words(touch, fires.timezone, now) for touch in told)


def touch_words(touch: Touch, timezone: str, now: int) -> str:
    """Return what a change of the clocks makes of the fires whose local time it leaves out or repeats."""
    at = touch.change.at
    way = "forward" if touch.change.is_gap else "back"
    if touch.effect == "delayed":
        return f"clocks go {way} over its time: it fires at {moment_with_utc(at, timezone, now)}"
    first, end = sorted((at + touch.change.before, at + touch.change.after))
    if touch.effect == "once":
        fire = next((tick for tick in touch.fires if tick >= at - (end - first)), at)
        return f"clocks go {way} over its time: it fires the first time, {moment_with_utc(fire, timezone, now)}"
    fires = "does not fire" if touch.effect == "left out" else "fires both times"
    span = f"from {clock(local(first, 'UTC'))} to {clock(local(end, 'UTC'))} on {day(at, timezone, now)}"
    return f"clocks go {way} over its times: it {fires} {span}"


def silence_of(change: Change, held: bool) -> str:
    """Return why a schedule does not fire after the change."""
    if not isinstance(change.after, Schedule):
        return "never again"
    if held:
        return "nothing: it is held"
    if change.after.fields.get("paused"):
        return "nothing: it is paused"
    if change.after.fields.get("at"):
        return "nothing: its moment has passed"
    return "nothing: no tick is left"
