"""A hold follows its schedule to another name, and so do the ticks under it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.holds import HELD, HOUR, outcomes, pause, resume
from support.redis_state import shift_clock
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.planning.diff import make_plan
from flowerpower.state.store import Store


def apply(store: Store, wanted: Any) -> None:
    apply_plan(make_plan(KEYS, wanted, store.read(), SOURCE), store, "apply")


@pytest.mark.parametrize(("timing", "counts"), [({"every": HOUR}, [4]), ({"cron": "15,45 * * * *"}, [2, 4])])
def test_the_ticks_under_a_hold_are_told_under_the_new_name(store: Store, timing: Any, counts: list[int]) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    pause(store, "often")
    shift_clock(store.connection, 2 * HOUR)
    renamed = desired([schedule("frequent", **timing)])
    apply(store, replace(renamed, previous_names={"frequent": ("often",)}))
    shift_clock(store.connection, 2 * HOUR)

    resume(store, "frequent")

    assert [(count, reason) for _, _, count, _, reason in outcomes(store, "frequent")] == [(n, HELD) for n in counts]
    assert store.read().state.schedules["frequent"].occurrence is not None
