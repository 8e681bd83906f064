"""What clocks on the wall show, read and walked without the code under test (but for the ticks it is asked for).

The changes of a zone come from the bytes of its file in the tz database. The fires of a cron come from looking at the
clock at every minute (or second) of real time and applying the rule as it is written down: a wildcard cron fires
whenever the clock shows a match; a fixed one fires the first time it does, and where a gap ends that swallowed a match.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo, reset_tzpath

from flowerpower.schedule.trigger import Trigger
from flowerpower.schedule.zones import load_zone, use_packaged_zones, zone_names

HOUR = 3600
DAY = 86_400
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Change:
    """A moment at which a zone goes from one offset (seconds east of UTC) to another."""

    zone: str
    at: int
    before: int
    after: int

    @property
    def shift(self) -> int:
        return self.after - self.before

    @property
    def first(self) -> int:
        """The begin of a stretch around it that is long enough for all it may do."""
        return self.at - abs(self.shift) - self.step * 180

    @property
    def end(self) -> int:
        return self.at + abs(self.shift) + self.step * 180

    @property
    def step(self) -> int:
        """How often one must look to see every minute of the clock begin."""
        return 60 if self.at % 60 == self.before % 60 == self.after % 60 == 0 else 1

    def __str__(self) -> str:
        return f"{self.zone} {datetime.fromtimestamp(self.at, ZoneInfo(self.zone))} after {self.before}"


@dataclass(frozen=True)
class Daily:
    """A cron expression and what it means: the minutes of the day, and the days, at which it matches."""

    text: str
    minutes: frozenset[int]
    fixed: bool
    runs_on: Callable[[date], bool] | None = field(default=None, compare=False)

    def matches(self, wall: int) -> bool:
        """Tell whether it matches a local time, counted in seconds from 1970-01-01 as if no zone existed."""
        day, second = divmod(wall, DAY)
        if second % 60 or second // 60 not in self.minutes:
            return False
        return self.runs_on is None or self.runs_on(EPOCH + timedelta(days=day))


def daily(minutes: str, hours: str, days: str = "* * *", runs_on: Callable[[date], bool] | None = None) -> Daily:
    """Return the expression of fields that hold stars, numbers, ranges and steps."""
    fixed = not minutes.startswith("*") and not hours.startswith("*")
    pairs = frozenset(hour * 60 + minute for hour in _numbers(hours, 24) for minute in _numbers(minutes, 60))
    return Daily(f"{minutes} {hours} {days}", pairs, fixed, runs_on)


def _numbers(text: str, size: int) -> set[int]:
    found: set[int] = set()
    for term in text.split(","):
        numbers, _, step = term.partition("/")
        first, _, last = numbers.replace("*", f"0-{size - 1}").partition("-")
        found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return found


EXPRESSIONS = (
    daily("30", "2"),
    daily("*/15", "*"),
    daily("0", "0"),
    daily("0", "*"),
    daily("0,30", "1-3"),
    daily("*/30", "0-3"),
    daily("15", "0-5,22,23"),
    daily("0", "*/2"),
    daily("59", "23"),
    daily("*", "2"),
    daily("0-59", "0-23"),
    daily("7", "*/3"),
    daily("5,35", "0-23"),
    daily("*", "*"),
    daily("0", "2", "* * 0", lambda day: day.isoweekday() == 7),
    daily("*/20", "*", "L * *", lambda day: (day + timedelta(days=1)).day == 1),
    daily("10", "0,1", "1 * *", lambda day: day.day == 1),
    daily("30", "*", "* * 1-5", lambda day: day.isoweekday() < 6),
)


@cache
def zone_bytes(zone: str) -> bytes:
    return resources.files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()


def written_changes(zone: str) -> list[Change]:
    """Return the changes that stand in the file of a zone; those after the last follow a rule at its end."""
    data = zone_bytes(zone)
    isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt = struct.unpack(">6l", data[20:44])
    second = 44 + timecnt * 5 + typecnt * 6 + charcnt + leapcnt * 8 + isstdcnt + isutcnt  # the part with 64 bits
    timecnt, typecnt = struct.unpack(">2l", data[second + 32 : second + 40])
    begin = second + 44
    times = struct.unpack(f">{timecnt}q", data[begin : begin + timecnt * 8])
    kinds = data[begin + timecnt * 8 : begin + timecnt * 9]
    types = begin + timecnt * 9
    offsets = [struct.unpack(">l", data[types + 6 * kind : types + 6 * kind + 4])[0] for kind in range(typecnt)]
    found, offset = [], offsets[0]
    for at, kind in zip(times, kinds, strict=True):
        if offsets[kind] != offset:
            found.append(Change(zone, at, offset, offsets[kind]))
        offset = offsets[kind]
    return found


def seen_changes(zone: str, year: int) -> list[Change]:
    """Return the changes of a year, found by looking at the clock every 12 hours and then closer."""
    info, found = ZoneInfo(zone), []
    begin = (date(year, 1, 1) - EPOCH).days * DAY

    def offset(instant: int) -> int:
        return int(datetime.fromtimestamp(instant, info).utcoffset() / timedelta(seconds=1))  # type: ignore[operator]

    for noon in range(begin, begin + 366 * DAY, DAY // 2):
        low, high = noon, noon + DAY // 2
        known = offset(low)
        if offset(high) == known:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == known else (low, middle)
        found.append(Change(zone, high, known, offset(high)))
    return found


def walls(change: Change) -> list[tuple[int, int]]:
    """Return each instant around a change with what the clock shows: before it the one offset, from it on the other."""
    before, after = change.before, change.after
    first = change.first // change.step * change.step
    return [
        (instant, instant + (before if instant < change.at else after))
        for instant in range(first, change.end, change.step)
    ]


def fires(cron: Daily, shown: list[tuple[int, int]]) -> list[int]:
    """Return when a cron fires, by the rule at the top, given what the clock shows one look after the other."""
    step, found, seen, previous = shown[1][0] - shown[0][0], [], set[int](), shown[0][1] - 1
    for instant, wall in shown:
        gap = range(previous + step, wall, step) if cron.fixed and wall > previous + step else ()
        again = cron.fixed and wall in seen
        if (cron.matches(wall) and not again) or any(map(cron.matches, gap)):
            found.append(instant)
        if cron.fixed:
            seen.add(wall)
        previous = wall
    return found


def forwards(trigger: Trigger, begin: int, end: int) -> list[int]:
    """Return the ticks from one instant to before another, from the first to the last."""
    ticks, tick = list[int](), trigger.next_tick(begin - 1)
    while tick is not None and tick < end:
        ticks.append(tick)
        tick = trigger.next_tick(tick)
    return ticks


def backwards(trigger: Trigger, begin: int, end: int) -> list[int]:
    """Return the same, found from the last to the first."""
    ticks, tick = list[int](), trigger.previous_tick(end)
    while tick is not None and tick >= begin:
        ticks.append(tick)
        tick = trigger.previous_tick(tick)
    return ticks[::-1]


def packaged_zones() -> Iterator[None]:
    """Read the tz database that flowerpower runs with, not whatever this machine has; for a fixture."""
    use_packaged_zones()
    yield
    reset_tzpath()
    ZoneInfo.clear_cache(only_keys=zone_names() - {"UTC"})
    load_zone.cache_clear()


def distinct_zones(names: frozenset[str]) -> Iterator[str]:
    """Yield each zone once, whatever other names it has, if it ever changed its clocks or has a rule for it."""
    done = set[bytes]()
    for name in sorted(names):
        rule = zone_bytes(name).splitlines()[-1]  # such as EST5EDT,M3.2.0,M11.1.0
        if (data := zone_bytes(name)) not in done and (written_changes(name) or b"," in rule):
            done.add(data)
            yield name


def tell(counted: object) -> None:
    """Say how much was compared, for who runs it with `pytest -s`."""
    sys.stderr.write(f"{counted}\n")
