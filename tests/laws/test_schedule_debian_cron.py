"""Our ticks and what Debian's cron did, whose rule ours is: each disagreement falls under a named rule, or fails.

What it did is recorded in `tests/cases/triggers/debian-cron.txt`. `FLOWERPOWER_TEST_DEBIAN_CRON=PROGRAM` asks it about
every change of every zone from 1970 to 2037 instead; `tests/support/debian_cron/build.sh` makes the program.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest
from support.clocks import (
    DAY,
    HOUR,
    Change,
    Daily,
    distinct_zones,
    forwards,
    packaged_zones,
    seen_changes,
    tell,
    written_changes,
)
from support.debian_cron import KNOWN, ask, is_known, recorded

from flowerpower.schedule.trigger import parse_trigger
from flowerpower.schedule.zones import zone_names

PROGRAM = os.environ.get("FLOWERPOWER_TEST_DEBIAN_CRON")


@pytest.fixture(autouse=True, scope="module")
def same_zones_for_all() -> Iterator[None]:
    yield from packaged_zones()


def started_for_each(cron: Daily, change: Change, at: int, times: int) -> bool:
    """A gap that swallowed several matches, or one and ends with another: it starts the job for each; here is one."""
    swallowed = range(change.at + change.before, change.at + change.after + 60, 60)
    return cron.fixed and at == change.at and change.shift > 0 and times == sum(map(cron.matches, swallowed))


def took_it_for_a_new_clock(cron: Daily, change: Change, at: int, ours: bool) -> bool:
    """From three hours on it takes a change for a clock that was set: fixed times are neither made up nor held back."""
    made_up = ours and at == change.at
    again = not ours and change.at <= at < change.at - change.shift
    return cron.fixed and abs(change.shift) >= 3 * HOUR and (made_up or again)


def answers() -> Iterator[tuple[Change, Daily, list[int]]]:
    if not PROGRAM:
        return recorded()
    changes: list[Change] = []
    for zone in distinct_zones(zone_names()):
        known = set(written_changes(zone)).union(*(seen_changes(zone, year) for year in range(2007, 2038)))
        changes += sorted(filter(is_known, known), key=lambda change: change.at)
    return ask(PROGRAM, changes, KNOWN)


def our_ticks(cron: Daily, change: Change) -> list[int]:
    trigger = parse_trigger(cron=cron.text, timezone=change.zone)
    return forwards(trigger, change.first, change.end)


@pytest.mark.timeout(3600 if PROGRAM else 120)
def test_every_disagreement_with_debian_cron_falls_under_a_rule() -> None:
    counted: Counter[str] = Counter()
    unexplained: list[tuple[str, str, str, int]] = []
    for change, cron, started in answers():
        ours, theirs = set(our_ticks(cron, change)), Counter(at for at in started if at < change.end)
        counted["agreed"] += len(ours & theirs.keys())
        for at, times in theirs.items():
            if times > 1 and started_for_each(cron, change, at, times):
                counted["started for each"] += 1
            elif times > 1:
                unexplained.append((str(change), cron.text, "started", times))
        for at in ours ^ theirs.keys():
            if took_it_for_a_new_clock(cron, change, at, at in ours):
                counted["took it for a new clock"] += 1
            else:
                unexplained.append((str(change), cron.text, "only ours" if at in ours else "only theirs", at))

    assert unexplained == []
    assert counted["agreed"] > 7_000
    assert counted.keys() == {"agreed", "started for each", "took it for a new clock"}
    tell(dict(counted))


def test_the_recorded_answers_cover_what_is_odd() -> None:
    changes = {change for change, _, _ in recorded()}

    assert {abs(change.shift) for change in changes} >= {900, 1800, HOUR, 2 * HOUR, DAY}
    assert all(change in {*seen_changes(change.zone, 1970 + change.at // 31_556_952)} for change in changes)
