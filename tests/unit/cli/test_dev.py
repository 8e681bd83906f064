"""`flowerpower dev`: what holds there and nowhere else."""

from __future__ import annotations

from dataclasses import asdict

from flowerpower.cli.dev import allowed


def test_no_guard_stops_dev_which_has_no_flags_to_get_past_one() -> None:
    """Only the checks of plug-ins have a say, since they judge the project and not what is live."""
    assert [name for name, value in asdict(allowed()).items() if not value] == ["checks"]
