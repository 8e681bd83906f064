"""What grows is seen, what only jumps is not."""

from __future__ import annotations

from random import Random

import pytest
from support.soak.verdict import Growth, Series, growth, table

MB = 1 << 20
TIMES = list(range(0, 3600, 5))


def looked_at(sizes: list[float]) -> Growth:
    return growth(Series("worker", TIMES, sizes), 3600)


def test_noise_and_a_short_peak_are_flat() -> None:
    dice = Random(1)
    sizes = [(100 + dice.random() * 3 + (200 if 500 < number < 520 else 0)) * MB for number in range(len(TIMES))]

    assert looked_at(sizes).is_flat


def test_what_grows_before_it_is_warm_is_flat() -> None:
    assert looked_at([min(at, 1_000) * MB / 10 for at in TIMES]).is_flat


@pytest.mark.parametrize("level", [20, 300])
def test_a_leak_under_noise_grows(level: int) -> None:
    dice = Random(1)
    leak = 25 if level == 300 else 8  # MB in an hour

    found = looked_at([(level + at / 3600 * leak + dice.random() * 4) * MB for at in TIMES])

    assert not found.is_flat
    assert found.slope * 3600 / MB == pytest.approx(leak, rel=0.2)


def test_the_table_says_what_grows() -> None:
    filling = Growth("all data", 60 * MB, 1 * MB, 9 * MB, fills=True)
    shown = table([Growth("worker", 100 * MB, 1 * MB, 9 * MB), filling, Growth("clock", MB, 0, 0)], {"keys": "7"})

    assert "| worker | 100.00 MB | 3600.00 MB | 9.00 MB | **grows** |" in shown
    assert "| all data | 60.00 MB | 3600.00 MB | 9.00 MB | fills up to its caps |" in shown
    assert "| clock | 1.00 MB | 0.00 MB | 0.00 MB | flat |" in shown
    assert shown.endswith("- keys: 7")


def steps(seconds: int, *, period: float, phase: float, leak: float = 0.0) -> Growth:
    """Look at a process that takes up to 40 MB more until its garbage goes, once in a period."""
    times = list(range(0, seconds, 2))
    dice = Random(int(phase * 100))
    sizes = [(150 + 40 * ((at / period + phase) % 1) + at * leak + dice.random()) * MB for at in times]
    return growth(Series("warm worker", times, sizes), seconds)


PHASES = [number / 10 for number in range(10)]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("period", [20, 35, 50, 60])
def test_garbage_that_goes_in_steps_is_no_growth(period: float, phase: float) -> None:
    assert steps(300, period=period, phase=phase).is_flat


@pytest.mark.parametrize("phase", PHASES[::3])
def test_nor_is_it_in_an_hour(phase: float) -> None:
    assert steps(3600, period=60, phase=phase).is_flat


@pytest.mark.parametrize("phase", PHASES)
def test_of_a_short_soak_nothing_is_said_to_grow(phase: float) -> None:
    found = steps(120, period=60, phase=phase)

    assert found.word in ("flat", "too short to tell")
    assert steps(120, period=60, phase=phase, leak=1.0).word == "too short to tell"


@pytest.mark.parametrize("phase", PHASES)
def test_a_leak_under_steps_grows(phase: float) -> None:
    assert steps(300, period=35, phase=phase, leak=0.2).word == "**grows**"


def test_a_small_leak_under_steps_grows_in_an_hour() -> None:
    assert steps(3600, period=60, phase=0.5, leak=0.02).word == "**grows**"
