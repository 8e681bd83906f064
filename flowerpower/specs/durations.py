"""Durations as specs write them."""

from __future__ import annotations

from flowerpower.durations import duration_text

__all__ = ["duration_text"]
