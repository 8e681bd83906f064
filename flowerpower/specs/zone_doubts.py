"""Zones that exist and are hardly what their author meant."""

from __future__ import annotations

from collections.abc import Mapping

_MOST = 12  # hours that there are names for in both directions


def _by_offset(sign: str, other: str) -> dict[str, tuple[str, str]]:
    """Return the zones whose names have the sign of POSIX: hours west of Greenwich count as more."""
    return {
        f"Etc/GMT{sign}{hours}": (
            f"'Etc/GMT{sign}{hours}' is UTC{other}{hours}: its sign is the other way round",
            f"for UTC{sign}{hours} write Etc/GMT{other}{hours}; better name a city, as America/New_York",
        )
        for hours in range(1, _MOST + 1)
    }


DOUBTS: Mapping[str, tuple[str, str]] = {
    "EST": ("'EST' has no summer time: it is UTC-5 all year", "write America/New_York for the time of New York"),
    "MST": (
        "'MST' has no summer time: it is UTC-7 all year",
        "write America/Denver for the time of Denver, America/Phoenix for that of Arizona",
    ),
    **_by_offset("+", "-"),
    **_by_offset("-", "+"),  # of two more there is no other sign
}
"""What is doubtful of a zone, and what to write instead, by its name."""
