"""Numbers and moments from Redis: whatever lies there, no command fails of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowerpower.jobs.figures import moment, number, whole
from flowerpower.state.keys import LAST_MOMENT


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("12", 12),
        ("2.0", 2),
        (3.9, 3),
        ("9007199254740993", 9007199254740993),
        *((value, 0) for value in ("", "-1", "\u00b2", "1e999", "9" * 5000, None, {}, [1], 10**400, float("nan"))),
    ],
)
def test_what_is_no_count_is_0(value: object, count: int) -> None:
    assert whole(value) == count


@pytest.mark.parametrize("text", ["2026-11-23T17:00:00.250000Z", "2026-11-23T17:00:00", "2026-11-23T18:00:00+01:00"])
def test_moments_are_read_as_rq_writes_them(text: str) -> None:
    assert moment(text) == moment(1795453200.75) == moment("1795453200") == 1795453200


_VALUES = st.one_of(st.none(), st.floats(), st.integers(), st.text(), st.datetimes().map(str), st.floats().map(str))


@given(_VALUES)
def test_whatever_lies_there_is_within_bounds(value: object) -> None:
    assert whole(value) >= 0
    assert abs(number(value)) < float("inf")
    assert 0 <= moment(value) <= LAST_MOMENT
