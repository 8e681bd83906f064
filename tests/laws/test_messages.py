"""Laws of when a schedule's outcomes are told."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flowerpower.messaging.health import BAD, GOOD, WELL, Outcome, judge

STATUSES = st.sampled_from([*sorted(BAD), *sorted(GOOD), "skipped", "cancelled"])


@given(st.lists(st.tuples(STATUSES, st.integers(0, 500))), st.sampled_from([0, 1, 100, 1000]))
def test_failures_are_told_once_until_it_is_well_and_reminders_keep_their_distance(
    history: list[tuple[str, int]], remind: int
) -> None:
    health, now, told = WELL, 1, []
    for status, later in history:
        now += later
        health, kind = judge(health, Outcome("s", status, now, now), remind)
        if kind:
            told.append((kind, now))

    kinds = [kind for kind, _ in told if kind != "failing"]
    assert kinds == ["failed", "recovered"] * (len(kinds) // 2) + ["failed"] * (len(kinds) % 2)
    for (before, then), (kind, at) in pairwise(told):
        assert kind != "failing" or (before in ("failed", "failing") and at - then >= remind > 0)
    newest = next((status for status, _ in reversed(history) if status in BAD | GOOD), "succeeded")
    assert bool(health.since) is (newest in BAD)


@given(st.lists(STATUSES))
def test_every_failure_since_it_was_well_is_counted(statuses: list[str]) -> None:
    health = WELL
    for at, status in enumerate(statuses, start=1):
        health, _ = judge(health, Outcome("s", status, at, at))

    good = max((index for index, status in enumerate(statuses) if status in GOOD), default=-1)
    assert health.count == sum(status in BAD for status in statuses[good + 1 :])
