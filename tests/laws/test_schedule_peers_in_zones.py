"""Where clocks are changed, beside other cron libraries: each disagreement falls under a named rule, or fails.

Every zone is there that changes its clocks. A rule says of one fire, which only we have or only the peer has, why that
is so. No fire may be without a rule, no rule without a fire. `FLOWERPOWER_TEST_ALL_CHANGES=1` takes the changes of
1970 to 2050 with more expressions (some minutes).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger
from croniter import croniter
from cronsim import CronSim
from support.clocks import (
    DAY,
    EXPRESSIONS,
    HOUR,
    Change,
    Daily,
    distinct_zones,
    forwards,
    packaged_zones,
    seen_changes,
    tell,
)

from flowerpower.schedule.trigger import parse_trigger
from flowerpower.schedule.zones import zone_names

ALL = bool(os.environ.get("FLOWERPOWER_TEST_ALL_CHANGES"))
YEARS = range(1970, 2051) if ALL else (2026,)
Walk = Callable[[str, Change], list[int]]


@pytest.fixture(autouse=True, scope="module")
def same_zones_for_all() -> Iterator[None]:
    yield from packaged_zones()


@dataclass(frozen=True)
class Difference:
    """A fire at `at` that only one of the two has."""

    cron: Daily
    change: Change
    at: int
    ours: bool

    def swallowed(self) -> range:
        """The local times that the change leaves out."""
        return range(self.change.at + self.change.before, self.change.at + self.change.after, 60)

    def is_swallowed(self) -> bool:
        return any(map(self.cron.matches, self.swallowed()))


def second_pass(found: Difference) -> bool:
    """A fixed time that comes twice: it fires in both passes, here in the first."""
    change, again = found.change, found.change.at <= found.at < found.change.at - found.change.shift
    return not found.ours and found.cron.fixed and again and found.cron.matches(found.at + change.after)


def end_of_gap_for_stars(found: Difference) -> bool:
    """A star fires at the end of a gap that swallowed a match; here it follows the clock, which showed none."""
    return not (found.ours or found.cron.fixed) and found.at == found.change.at and found.is_swallowed()


def imaginary(found: Difference) -> bool:
    """A time that does not exist fires when it would have come without the change; here where the gap ends."""
    return (
        not found.ours
        and found.change.shift > 0
        and found.at + found.change.before in found.swallowed()
        and (found.cron.matches(found.at + found.change.before))
    )


def lost_off_the_hour(found: Difference) -> bool:
    """A star in the second pass of an odd change (off the hour, longer, over midnight) is lost; here it fires."""
    change = found.change
    second = change.at <= found.at < change.at - change.shift
    odd = not is_on_the_hour(change) or change.shift < -HOUR or is_over_midnight(change)
    return found.ours and not found.cron.fixed and second and odd


def lost_after_midnight(found: Difference) -> bool:
    """After a gap in the last three hours of a day the first hours of the next one are lost; here they fire."""
    change = found.change
    late = (change.at + change.before) % DAY >= DAY - 3 * HOUR
    return found.ours and change.shift > 0 and late and change.at <= found.at < change.at + 3 * HOUR


def lost_after_odd_gap(found: Difference) -> bool:
    """After a gap that is off the hour or longer than one, as much time as it took is lost; here it fires."""
    change = found.change
    odd = not is_on_the_hour(change) or change.shift > HOUR
    return found.ours and change.shift > 0 and odd and change.at <= found.at < change.at + change.shift


def as_if_not_set_back(found: Difference) -> bool:
    """A star fires at what the clock would show had it not been set back; here at what it shows."""
    change = found.change
    second = change.at <= found.at < change.at - change.shift
    return not (found.ours or found.cron.fixed) and second and found.cron.matches(found.at + change.before)


def is_over_midnight(change: Change) -> bool:
    return (change.at + change.before) // DAY != (change.at + change.after) // DAY


def is_on_the_hour(change: Change) -> bool:
    return (change.at + change.before) % HOUR == change.shift % HOUR == 0


def not_made_up(found: Difference) -> bool:
    """A fixed time that does not exist is left out, or `imaginary`; here it fires where the gap ends."""
    return found.ours and found.cron.fixed and found.at == found.change.at and found.is_swallowed()


def walk_croniter(cron: str, change: Change) -> list[int]:
    start = datetime.fromtimestamp(change.first - 1, ZoneInfo(change.zone))
    ticks = croniter(cron, start, implement_cron_bug=True).all_next(float)
    return [int(tick) for tick in takewhile(lambda tick: tick < change.end, ticks)]


def walk_apscheduler(cron: str, change: Change) -> list[int]:
    minute, hour, day, month, weekday = cron.split()
    names = {"0": "sun", "1-5": "mon-fri"}  # it counts weekdays from Monday
    trigger = CronTrigger(
        minute=minute,
        hour=hour,
        day=day.replace("L", "last"),
        month=month,
        day_of_week=names.get(weekday, weekday),
        timezone=ZoneInfo(change.zone),
    )
    found: set[int] = set()  # it may name an instant twice
    now = datetime.fromtimestamp(change.first, UTC).astimezone(ZoneInfo(change.zone))
    tick = trigger.get_next_fire_time(None, now)
    while tick is not None and tick.timestamp() < change.end:
        found.add(int(tick.timestamp()))
        tick = trigger.get_next_fire_time(tick, tick)
    return sorted(found)


def walk_cronsim(cron: str, change: Change) -> list[int]:
    start = datetime.fromtimestamp(change.first - 1, ZoneInfo(change.zone))
    ticks = (tick.timestamp() for tick in CronSim(cron, start))
    return [int(tick) for tick in takewhile(lambda tick: tick < change.end, ticks)]


Rule = Callable[[Difference], bool]
PEERS: dict[str, tuple[Walk, tuple[Rule, ...]]] = {
    "croniter": (walk_croniter, (second_pass, end_of_gap_for_stars, not_made_up, lost_off_the_hour)),
    "APScheduler": (
        walk_apscheduler,
        (second_pass, imaginary, not_made_up, lost_off_the_hour, lost_after_midnight)
        + ((lost_after_odd_gap, as_if_not_set_back) if ALL else ()),  # which no change of these days shows
    ),
    "CronSim": (walk_cronsim, ()),  # it knows our rule
}


def our_fires(cron: Daily, change: Change) -> list[int]:
    trigger = parse_trigger(cron=cron.text, timezone=change.zone)
    return forwards(trigger, change.first, change.end)


def cases() -> Iterator[tuple[Change, Daily]]:
    """Yield the changes of every zone, each with some expressions in turn; the rare ones with all."""
    turns = cycle(EXPRESSIONS)
    for zone in distinct_zones(zone_names()):
        for year in YEARS:
            for change in seen_changes(zone, year):
                some = islice(turns, 3) if is_on_the_hour(change) else EXPRESSIONS
                yield from ((change, cron) for cron in some if change.step == 60)


def is_asked(peer: str, change: Change) -> bool:
    """CronSim drifts where the change is not on the hour, and sometimes never answers: see the test of the peers."""
    return peer != "CronSim" or is_on_the_hour(change)


@pytest.mark.timeout(3600 if ALL else 120)
def test_every_disagreement_with_a_peer_falls_under_a_rule() -> None:
    counted: Counter[tuple[str, str]] = Counter()
    unexplained: list[tuple[str, Difference]] = []
    for change, cron in cases():
        ours = set(our_fires(cron, change))
        for peer, (walk, rules) in PEERS.items():
            theirs = set(walk(cron.text, change)) if is_asked(peer, change) else ours
            counted[peer, "agreed"] += len(ours & theirs)
            for at in ours ^ theirs:
                difference = Difference(cron, change, at, at in ours)
                why = next((rule.__name__ for rule in rules if rule(difference)), None)
                if why is None:
                    unexplained.append((peer, difference))
                else:
                    counted[peer, why] += 1

    assert unexplained == []
    assert set(counted) == {(peer, "agreed") for peer in PEERS} | {
        (peer, rule.__name__) for peer, (_, rules) in PEERS.items() for rule in rules
    }
    tell(dict(counted))
