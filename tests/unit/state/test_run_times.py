"""What run events tell of run times, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest
from support.states import KEYS, desired, schedule

from flowerpower.state.run_times import RunTime, durations, summarise


def event(name: str = "a", seconds: str = "1.500", **more: bytes) -> dict[bytes, bytes]:
    found = {
        b"event": b"succeeded",
        b"schedule": name.encode(),
        b"duration": seconds.encode(),
        b"job": KEYS.run_id(name, 1_795_500_000).encode(),
    }
    return found | {key.encode(): value for key, value in more.items()}


def test_succeeded_runs_are_measured_by_schedule() -> None:
    assert durations(KEYS, [event(), event("b", "3"), event(seconds="2")]) == {"a": [1.5, 2.0], "b": [3.0]}


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        None,
        {b"event": b"succeeded"},
        event(event=b"attempt_failed"),
        event(event=b"started"),
        event(duration=b"fast"),
        event(duration=b"nan"),
        event(duration=b"inf"),
        event(duration=b"-1"),
        event(duration=b"\xff\xfe"),
        event(job=b"\xff"),
        event(job=b"other--prod--a--1"),
        event(job=KEYS.run_id("a", "m01k5x").encode()),
        event(schedule=b"b"),
    ],
)
def test_runs_by_hand_and_damaged_entries_are_left_out(damaged: Any) -> None:
    assert durations(KEYS, [damaged, event()]) == {"a": [1.5]}


def test_medians_and_percentiles_are_those_of_the_schedule_its_pipeline_and_all() -> None:
    state = desired([schedule("a"), schedule("b"), schedule("c", pipeline="other")]).state

    times = summarise({"a": [float(n) for n in range(1, 101)], "c": [7.0, 8.0], "deleted": [1e6]}, state)

    assert times.own("a", "report") == RunTime(100, 50.5, 95.0)
    assert times.own("a", "other") is None
    assert times.best("b", "report") == times.own("a", "report")
    assert times.best("c", "other") == RunTime(2, 7.5, 8.0)
    assert times.best("new", "unheard") == times.overall
    assert times.overall is not None
    assert times.overall.runs == 102
    assert summarise({}, state).best("a", "report") is None
