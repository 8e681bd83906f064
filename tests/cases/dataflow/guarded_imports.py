"""What never runs, or only imports, leaves no doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

try:
    import orjson as json
except ImportError:
    import json


def orders(path: str) -> list:
    return json.loads(path)


def total(orders: list) -> int:
    rest: Sequence[int] = orders
    return len(rest)


if __name__ == "__main__":
    total = total([])
    globals()["made"] = total
