"""A scheduler that fires schedules with jitter: each tick once, in order, in its time."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.states import KEYS, schedule

from flowerpower.jobs.scheduling.firing import Compiled, compile_schedule, fire_message
from flowerpower.schedule import TriggerError, parse_trigger
from flowerpower.schedule.jitter import delay
from flowerpower.state.models import Cursor

SPRING = int(datetime(2026, 3, 28, 20, tzinfo=UTC).timestamp())
AUTUMN = int(datetime(2026, 10, 24, 20, tzinfo=UTC).timestamp())
CRONS = ("*/5 * * * *", "30 1,2 * * *", "0,59 1-3 * * *", "*/30 2 * * *", "0 * * * *", "0 2 * * *", "10,40 * * * * *")


def fired(compiled: Compiled, begin: int, lateness: list[int]) -> list[tuple[int, int]]:
    """Return each tick with the moment at which a scheduler, that late each time, pushes its run."""
    first = compiled.trigger.next_tick(begin)
    assert first is not None
    cursor = Cursor(tick=begin, revision=1, pending=KEYS.run_id(compiled.name, first))
    now, due, found = begin, first + delay(compiled.name, first, compiled.jitter), list[tuple[int, int]]()
    for late in lateness:
        now = max(now, due) + late
        message = fire_message(KEYS, compiled, cursor, now)
        rest = json.loads(message.rest or "{}")
        assert "missed" not in rest
        found += [(int(tick), now) for tick, *_ in rest.get("runs", [[message.run]] if message.run else [])]
        due = int(message.next_due)
        cursor = Cursor(int(message.decided), 1, KEYS.run_id(compiled.name, int(message.next)))
    return found


@settings(max_examples=150, deadline=None)
@given(
    cron=st.sampled_from(CRONS),
    jitter=st.integers(0, 3600),
    begin=st.builds(int.__add__, st.sampled_from([SPRING, AUTUMN]), st.integers(0, 8 * 3600)),
    name=st.from_regex(r"[a-z]{1,8}", fullmatch=True),
    lateness=st.lists(st.integers(0, 2), min_size=1, max_size=20),
)
@example(cron="30 1,2 * * *", jitter=3600, begin=SPRING, name="n", lateness=[0] * 5)
def test_each_tick_starts_once_in_order_and_within_its_jitter(
    cron: str, jitter: int, begin: int, name: str, lateness: list[int]
) -> None:
    try:
        parse_trigger(cron=cron, jitter=jitter)
    except TriggerError:
        return  # refused at validate
    record, _ = schedule(name, cron=cron, timezone="Europe/Berlin", jitter=jitter, catchup="all")
    compiled = compile_schedule(KEYS, record, revision=1)

    starts = fired(compiled, begin, lateness)

    ticks, tick = list[int](), begin
    for _ in starts:
        tick = compiled.trigger.next_tick(tick) or 0
        ticks.append(tick)
    assert [tick for tick, _ in starts] == ticks
    latest = 0
    for tick, start in starts:
        latest = max(latest, tick + delay(name, tick, jitter))
        assert latest <= start, "never before its delay is over, nor before the tick that was held back longer"
        assert start <= tick + jitter + sum(lateness)


@pytest.mark.parametrize("catchup", ["latest", "all", "none"])
def test_a_jitter_from_tick_to_tick_loses_none_whatever_the_catch_up(catchup: str) -> None:
    record, _ = schedule("nightly", cron="*/5 * * * *", jitter=300, catchup=catchup)
    compiled = compile_schedule(KEYS, record, revision=1)

    starts = fired(compiled, SPRING, [0] * 300)

    assert [tick for tick, _ in starts] == [SPRING + 300 * number for number in range(1, 301)]
    assert all(0 <= start - tick < 300 for tick, start in starts)
