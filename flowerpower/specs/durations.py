"""Durations as specs write them."""

from __future__ import annotations

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def duration_text(seconds: int) -> str:
    """Return whole seconds as a spec writes them, `1d12h`; none or fewer as `0s`, `-5s`."""
    parts, left = [], seconds
    for unit, size in _UNITS if seconds > 0 else ():
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or f"{seconds}s"
