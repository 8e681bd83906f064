"""Time zones as spans of constant offset: what the clock on the wall shows, and when it is changed.

Instants are whole seconds since the Unix epoch, walls are local seconds counted the same way, so that
inside one span a wall is an instant plus a number.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib import import_module
from pkgutil import get_data
from typing import NamedTuple
from zoneinfo import ZoneInfo, reset_tzpath

from flowerpower.moments import read_moment
from flowerpower.schedule.errors import TriggerError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - walls are counted without a zone
SECOND = timedelta(seconds=1)
DAY = 86_400
FIRST = (datetime(4, 1, 1, tzinfo=UTC) - EPOCH) // SECOND
LAST = (datetime(9990, 1, 1, tzinfo=UTC) - EPOCH) // SECOND
UNVERSIONED = "system"  # zone rules of which nobody can tell the version
_CHUNK = 1 << 25
# No two changes of one zone are closer than 6.9 days in any release so far (a law in the tests watches over it).
_STEP = 2 * DAY
_UTC_ALIASES = ("UTC", "UCT", "GMT", "GMT0", "GMT+0", "GMT-0", "Greenwich", "Universal", "Zulu")
_UTC_NAMES = frozenset(_UTC_ALIASES) | {f"Etc/{name}" for name in _UTC_ALIASES}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII)


class Span(NamedTuple):
    """A stretch of time, `start` included and `end` not, through which a zone keeps one offset (seconds east of UTC).

    `previous` is the offset just before `start`; a span may also end where nothing changes.
    """

    start: int
    end: int
    offset: int
    previous: int


class Zone:
    """A time zone by name, read from the tz database and remembered span by span."""

    def __init__(self, name: str, info: ZoneInfo) -> None:
        self.name = name
        self.info = info
        self.is_utc = name in _UTC_NAMES
        self._chunks: dict[int, tuple[list[int], list[Span]]] = {}

    def offset(self, instant: int) -> int:
        """Return the seconds east of UTC at that instant."""
        local = (EPOCH + timedelta(seconds=instant)).astimezone(self.info)
        offset = local.utcoffset()
        return 0 if offset is None else offset // SECOND

    def span_at(self, instant: int) -> Span:
        """Return the span that holds the instant, which must lie between FIRST and LAST."""
        number = instant // _CHUNK
        chunk = self._chunks.get(number)
        if chunk is None:
            chunk = self._chunks[number] = self._read(number * _CHUNK)
        starts, spans = chunk
        return spans[0] if len(spans) == 1 else spans[bisect_right(starts, instant) - 1]

    def local(self, instant: int) -> datetime:
        """Return the instant as an aware datetime in this zone."""
        return (EPOCH + timedelta(seconds=instant)).astimezone(self.info)

    def first_instant(self, wall: int) -> int:
        """Return when the clock first shows this wall, or the first instant after the gap that swallowed it."""
        instant = min(max(wall - DAY, FIRST), LAST)
        while True:
            span = self.span_at(instant)
            if span.start + span.previous <= wall < span.start + span.offset:
                return span.start
            if wall - span.offset < span.end:
                return min(max(wall - span.offset, FIRST), LAST)
            instant = span.end
            if instant > LAST:
                return LAST

    def _read(self, begin: int) -> tuple[list[int], list[Span]]:
        """Return the spans of one chunk of time, in order, with their starts for searching.

        The first may start up to two days before the chunk: who asks what the clock showed just before must see a
        change that lies there.
        """
        start, last = begin - _STEP, begin + _CHUNK - 1
        instant, spans = start, []
        previous, offset = self.offset(start - 1), self.offset(start)
        while instant < last:
            following = min(instant + _STEP, last)
            new = self.offset(following)
            if new != offset:
                change = self._change_between(instant, following, offset)
                spans.append(Span(start, change, offset, previous))
                start, previous, offset = change, offset, new
            instant = following
        spans.append(Span(start, begin + _CHUNK, offset, previous))
        spans = [span for span in spans if span.end > begin]
        return [span.start for span in spans], spans

    def _change_between(self, low: int, high: int, offset: int) -> int:
        """Return the first instant after `low` with another offset; `high` has one."""
        while high - low > 1:
            middle = (low + high) // 2
            if self.offset(middle) == offset:
                low = middle
            else:
                high = middle
        return high


@lru_cache(maxsize=1024)
def load_zone(name: str) -> Zone:
    """Return the zone of that IANA name, or raise TriggerError with the nearest names."""
    # The list decides, not the files: some systems ignore case, and some hold more, such as `right/` with leap seconds.
    if name not in zone_names():
        from flowerpower.schedule.misnamed_zones import nearest_zones

        raise TriggerError(f"there is no time zone {name[:60]!r}", hint=nearest_zones(name, zone_names()))
    return Zone(name, ZoneInfo(name))


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Return the names of all time zones, the same on every machine."""
    names = get_data("tzdata", "zones") or b""
    return frozenset(names.decode("ascii").split()) - {"Factory", "localtime"}


def use_packaged_zones() -> str:
    """Read zones from the tzdata package alone from now on, in the whole process, and return its IANA version.

    For a program to call once when it starts: without it Python prefers the files of the system, whose version nobody
    can tell, and two machines may disagree about a tick.
    """
    package = import_module("tzdata")
    folder = f"{package.__path__[0]}/zoneinfo"
    # The files of the package by their paths, where they have some: Python's own way to them loads a dozen modules.
    reset_tzpath(to=(folder,) if folder.startswith("/") else ())
    ZoneInfo.clear_cache(only_keys=zone_names() - {"UTC"})  # pandas knows UTC by its identity
    load_zone.cache_clear()
    return str(package.IANA_VERSION)


def tzdata_version() -> str:
    """Return the version of the zone rules that this process goes by."""
    from importlib.metadata import PackageNotFoundError, version  # which takes long to load

    try:
        return version("tzdata")
    except PackageNotFoundError:
        return UNVERSIONED


def parse_moment(text: str | date, zone: Zone, field: str) -> int:
    """Return the instant of a date or time, ISO 8601 or Python's; `field` is the name to blame in a TriggerError.

    Without an offset it is read in the zone: in a gap it is the first instant after, and the first of two passes
    when it occurs twice. A date alone is the start of that day in the zone. Years from 9990 on count as 9990.
    """
    hint = "write for instance 2026-03-01, 2026-03-01T06:30 or 2026-03-01T06:30:00+01:00, in whole seconds"
    text = _iso(text) if isinstance(text, date) else str(text)
    if not _MOMENT.fullmatch(text):
        raise TriggerError(f"`{field}: {text[:80]}` is not a date or a time", hint=hint)
    try:
        moment = read_moment(text)
    except ValueError as error:
        raise TriggerError(f"`{field}: {text}` is not a date or a time: {error}", hint=hint) from None
    wall = (moment.replace(tzinfo=None) - NAIVE_EPOCH) // SECOND
    if not FIRST + DAY < wall < LAST - DAY:
        return min(max(wall, FIRST), LAST)
    if moment.tzinfo is not None:
        return (moment - EPOCH) // SECOND
    return zone.first_instant(wall)


def _iso(moment: date) -> str:
    """Return it as a text; an offset may be one that ISO 8601 cannot write, so it becomes UTC."""
    aware = isinstance(moment, datetime) and moment.utcoffset() is not None
    return (moment.astimezone(UTC) if aware and isinstance(moment, datetime) else moment).isoformat()
