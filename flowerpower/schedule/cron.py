"""Cron on the wall clock: which local times match, with no time zone in sight.

CronSim says what each field means and which days match. The walk from one match to the next is ours, on
plain numbers, because it runs once for every fire of every schedule. A *wall* is a local time counted in
seconds from 1970-01-01 00:00 as if no zone existed.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, datetime
from functools import lru_cache

from cronsim.cronsim import CronSim

from flowerpower.schedule.errors import TriggerError
from flowerpower.schedule.fields import split_cron

SECONDS_OF_DAY = 86_400
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
LAST_YEAR = 9990
# The rarest possible date is a 29 February on a given weekday: 40 years apart at most (2096 is followed by 2104).
MOST_MONTHS = 12 * 50
MONTH_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ANY_DATE = datetime(2024, 1, 1)  # noqa: DTZ001 - CronSim wants a naive start


class DayRule:
    """Which days of a month match the two day fields; months of equal shape share the answer."""

    def __init__(self, day_of_month: str, day_of_week: str) -> None:
        self.sim = CronSim(f"0 0 0 {day_of_month} * {day_of_week}", _ANY_DATE)
        self._shapes: dict[tuple[int, int], tuple[int, ...]] = {}
        self._months: dict[int, tuple[int, ...]] = {}
        self.text = self._canonical()
        self.every_day = self.text == "*"

    def days(self, year: int, month: int) -> tuple[int, ...]:
        """Return the matching days of that month, ascending."""
        number = year * 12 + month
        found = self._months.get(number)
        if found is None:
            leap = month == 2 and not (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
            found = self.days_of_shape(date(year, month, 1).weekday(), MONTH_LENGTHS[month - 1] - leap)
            self._months[number] = found
        return found

    def days_of_shape(self, first_weekday: int, length: int) -> tuple[int, ...]:
        """Return the matching days of a month that starts on that weekday (0 is Monday) and has that many days."""
        shape = (first_weekday, length)
        if shape not in self._shapes:
            dates = _month_of_shape(*shape)
            self._shapes[shape] = tuple(day.day for day in dates if self.sim.match_day(day))
        return self._shapes[shape]

    def possible(self, months: frozenset[int]) -> bool:
        """Tell whether any month of these can ever hold a matching day: each shape occurs within 400 years."""
        lengths = {MONTH_LENGTHS[month - 1] for month in months} | ({28} if 2 in months else set())
        return any(self.days_of_shape(weekday, length) for weekday in range(7) for length in lengths)

    def _canonical(self) -> str:
        """Return a text that two rules share only if they match the same days."""
        weekdays = {(item % 7 if isinstance(item, int) else (item[0] % 7, item[1])) for item in self.sim.weekdays}
        any_weekday = set(range(7)) <= weekdays
        any_day = set(range(1, 32)) <= self.sim.days
        if (any_day and any_weekday) or (not self.sim.day_and and (any_day or any_weekday)):
            return "*"
        days = "*" if any_day else ",".join(_day_word(day) for day in sorted(self.sim.days))
        names = "*" if any_weekday else ",".join(sorted(map(_weekday_word, weekdays)))
        return f"{days}{'&' if self.sim.day_and else '|'}{names}"


def _day_word(day: int) -> str:
    return {CronSim.LAST: "L", CronSim.LAST_WEEKDAY: "LW"}.get(day, str(day))


def _weekday_word(item: int | tuple[int, int]) -> str:
    if isinstance(item, int):
        return str(item)
    return f"{item[0]}L" if item[1] == CronSim.LAST else f"{item[0]}#{item[1]}"


@lru_cache(maxsize=64)
def _month_of_shape(first_weekday: int, length: int) -> tuple[date, ...]:
    """Return the dates of some month with that first weekday and that length."""
    for year in range(2000, 2400):
        for month in range(1, 13):
            if date(year, month, 1).weekday() != first_weekday:
                continue
            following = date(year + month // 12, month % 12 + 1, 1)
            if (following - date(year, month, 1)).days == length:
                return tuple(date(year, month, day) for day in range(1, length + 1))
    raise AssertionError("every shape of month occurs in 400 years")


@lru_cache(maxsize=4096)
def _day_rule(day_of_month: str, day_of_week: str) -> DayRule:
    return DayRule(day_of_month, day_of_week)


@lru_cache(maxsize=512)
def _minutes_of_hour(field: str) -> tuple[int, ...]:
    return tuple(sorted(CronSim(f"0 {field} 0 * * *", _ANY_DATE).minutes))


@lru_cache(maxsize=512)
def _hours(field: str) -> tuple[int, ...]:
    return tuple(sorted(CronSim(f"0 0 {field} * * *", _ANY_DATE).hours))


@lru_cache(maxsize=4096)
def _minutes_of_day(minutes: tuple[int, ...], hours: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(hour * 60 + minute for hour in hours for minute in minutes)


@lru_cache(maxsize=512)
def _seconds_and_months(seconds: str, months: str) -> tuple[tuple[int, ...], frozenset[int]]:
    sim = CronSim(f"{seconds} 0 0 * {months} *", _ANY_DATE)
    return tuple(sorted(sim.seconds)), frozenset(sim.months)


class Cron:
    """A parsed cron expression: it finds the next and the previous matching wall.

    `fixed` is Debian's word for "neither minute nor hour starts with a star"; it matters only where clocks change.
    `text` is canonical: two expressions share it only if they match the same walls.
    """

    __slots__ = ("_every_day", "_first", "_last", "_minutes", "_months", "_rule", "_seconds", "fixed", "text")

    def __init__(self, fields: tuple[str, ...]) -> None:
        second, minute, hour, day, month, weekday = fields
        self._seconds, self._months = _seconds_and_months(second, month)
        minutes, hours = _minutes_of_hour(minute), _hours(hour)
        self._minutes = _minutes_of_day(minutes, hours)
        self._rule = _day_rule(day, weekday)
        self._every_day = self._rule.every_day and len(self._months) == 12
        self._first = self._minutes[0] * 60 + self._seconds[0]
        self._last = self._minutes[-1] * 60 + self._seconds[-1]
        self.fixed = not minute.startswith("*") and not hour.startswith("*")
        times = (_ranges(self._seconds), _ranges(minutes), _ranges(hours))
        self.text = " ".join((*times, self._rule.text, _ranges(tuple(sorted(self._months)))))

    def possible(self) -> bool:
        """Tell whether any date matches at all."""
        return self._every_day or self._rule.possible(self._months)

    @property
    def minutes(self) -> tuple[int, ...]:
        """Return the minutes of a matching day in which it matches, ascending."""
        return self._minutes

    @property
    def every_hour(self) -> bool:
        """Tell whether it matches in each hour of a matching day."""
        return len({minute // 60 for minute in self._minutes}) == 24

    @property
    def seconds(self) -> tuple[int, ...]:
        """Return the seconds of such a minute at which it matches, ascending."""
        return self._seconds

    def next_wall(self, wall: int) -> int | None:
        """Return the first matching wall after this one, or None if 50 years hold none."""
        day, second = divmod(wall + 1, SECONDS_OF_DAY)
        if second <= self._last and (self._every_day or self.runs_on(day)):
            return day * SECONDS_OF_DAY + self._time_from(second)
        found = day + 1 if self._every_day else self._day_after(day)
        return None if found is None else found * SECONDS_OF_DAY + self._first

    def previous_wall(self, wall: int) -> int | None:
        """Return the last matching wall before this one, or None if 50 years hold none."""
        day, second = divmod(wall - 1, SECONDS_OF_DAY)
        if second >= self._first and (self._every_day or self.runs_on(day)):
            return day * SECONDS_OF_DAY + self._time_until(second)
        found = day - 1 if self._every_day else self._day_before(day)
        return None if found is None else found * SECONDS_OF_DAY + self._last

    def count(self, first: int, last: int) -> int:
        """Return how many walls match between two, both included."""
        if last < first:
            return 0
        first_day, skipped = divmod(first, SECONDS_OF_DAY)
        last_day, shown = divmod(last + 1, SECONDS_OF_DAY)
        total = self._count_days(first_day, last_day) * len(self._minutes) * len(self._seconds)
        if self.runs_on(first_day):
            total -= self._times_before(skipped)
        return total + self._times_before(shown) if self.runs_on(last_day) else total

    def _times_before(self, second: int) -> int:
        """Return how many times of a matching day come before that second of it."""
        minute, rest = divmod(second, 60)
        index = bisect_left(self._minutes, minute)
        inside = index < len(self._minutes) and self._minutes[index] == minute
        return index * len(self._seconds) + (bisect_left(self._seconds, rest) if inside else 0)

    def _count_days(self, first: int, end: int) -> int:
        """Return how many days match from one day to before another."""
        if self._every_day:
            return end - first
        start, stop = date.fromordinal(first + EPOCH_ORDINAL), date.fromordinal(end + EPOCH_ORDINAL)
        months = range(start.year * 12 + start.month - 1, stop.year * 12 + stop.month)
        whole = sum(len(self._days(number)) for number in months)
        before = bisect_left(self._days(months[0]), start.day)
        after = len(self._days(months[-1])) - bisect_left(self._days(months[-1]), stop.day)
        return whole - before - after

    def _days(self, month: int) -> tuple[int, ...]:
        """Return the matching days of a month counted from year 0."""
        year, index = divmod(month, 12)
        return self._rule.days(year, index + 1) if index + 1 in self._months else ()

    def runs_on(self, day: int) -> bool:
        """Tell whether a day, counted from 1970-01-01, matches."""
        when = date.fromordinal(day + EPOCH_ORDINAL)
        return when.month in self._months and when.day in self._rule.days(when.year, when.month)

    def _time_from(self, second: int) -> int:
        """Return the first matching second of the day at or after this one; there must be one."""
        minute, rest = divmod(second, 60)
        index = bisect_left(self._minutes, minute)
        if self._minutes[index] == minute:
            place = bisect_left(self._seconds, rest)
            if place < len(self._seconds):
                return minute * 60 + self._seconds[place]
            index += 1
        return self._minutes[index] * 60 + self._seconds[0]

    def _time_until(self, second: int) -> int:
        """Return the last matching second of the day at or before this one; there must be one."""
        minute, rest = divmod(second, 60)
        index = bisect_left(self._minutes, minute + 1) - 1
        if self._minutes[index] == minute:
            place = bisect_left(self._seconds, rest + 1)
            if place:
                return minute * 60 + self._seconds[place - 1]
            index -= 1
        return self._minutes[index] * 60 + self._seconds[-1]

    def _day_after(self, day: int) -> int | None:
        start = date.fromordinal(day + 1 + EPOCH_ORDINAL)
        year, month, lowest = start.year, start.month, start.day
        for _ in range(MOST_MONTHS):
            if month in self._months:
                for candidate in self._rule.days(year, month):
                    if candidate >= lowest:
                        return date(year, month, candidate).toordinal() - EPOCH_ORDINAL
            year, month, lowest = year + month // 12, month % 12 + 1, 1
            if year > LAST_YEAR:
                break
        return None

    def _day_before(self, day: int) -> int | None:
        start = date.fromordinal(day - 1 + EPOCH_ORDINAL)
        year, month, highest = start.year, start.month, start.day
        for _ in range(MOST_MONTHS):
            if month in self._months:
                for candidate in reversed(self._rule.days(year, month)):
                    if candidate <= highest:
                        return date(year, month, candidate).toordinal() - EPOCH_ORDINAL
            year, month, highest = (year, month - 1, 31) if month > 1 else (year - 1, 12, 31)
            if year < 2:
                break
        return None


@lru_cache(maxsize=512)
def _ranges(numbers: tuple[int, ...]) -> str:
    """Return sorted numbers as the shortest list of ranges: 0,1,2,5 is `0-2,5`."""
    words: list[str] = []
    first = previous = numbers[0]
    for number in [*numbers[1:], 10**6]:
        if number != previous + 1:
            words.append(str(first) if first == previous else f"{first}-{previous}")
            first = number
        previous = number
    return ",".join(words)


@lru_cache(maxsize=8192)
def parse_cron(text: str) -> Cron:
    """Return a cron expression of five fields, six with seconds first, or an @word; raise TriggerError if wrong."""
    cron = Cron(split_cron(text))
    if not cron.possible():
        raise TriggerError(
            f"the cron expression `{text}` never fires: no month it names has such a day",
            hint="change the day-of-month or the month field; `L` is the last day of any month",
        )
    return cron
