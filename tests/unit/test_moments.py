from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flowerpower.moments import read_moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-24", datetime(2026, 1, 24)),
        ("2024-12-24T02:24", datetime(2024, 12, 24, 2, 24)),
        ("2026-W24-1 00:24", datetime(2026, 6, 8, 0, 24)),
        ("20260124T232424Z", datetime(2026, 1, 24, 23, 24, 24, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read(text: str, moment: datetime) -> None:
    assert read_moment(text) == moment


@pytest.mark.parametrize(
    "text", ["2026-01-01T24:00", "2026-01-01 24:00:00", "20260101T2400", "2026-01-01T24:00:00+01:00", "2026-W01-1T24"]
)
def test_no_version_of_python_reads_the_hour_after_the_last_one(text: str) -> None:
    with pytest.raises(ValueError, match="hour"):
        read_moment(text)
