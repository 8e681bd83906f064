"""Whether Redis has memory left: without any it refuses every write, also that a scheduler is alive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowerpower.state.models import FULL

_MIB = 2**20


def full_words(reply: Any) -> tuple[str, ...]:
    """Return what a reply to INFO memory says if Redis is full; nothing if it is not, or this user may not ask."""
    info = reply if isinstance(reply, Mapping) else {}
    limit = _number(info, "maxmemory")
    used = _number(info, "used_memory") - _number(info, "mem_not_counted_for_evict")
    if not limit or used < limit or info.get("maxmemory_policy") != "noeviction":
        return ()
    sizes = f"{used / _MIB:,.0f} of {limit / _MIB:,.0f} MiB, noeviction"
    effect = "it refuses every write: nothing fires, and no run can be recorded"
    way_out = "raise maxmemory (redis-cli CONFIG SET maxmemory ...), or remove what nobody needs"
    return (f"{FULL} ({sizes}), so {effect}; {way_out}",)


def _number(info: Mapping[str, Any], name: str) -> float:
    value = info.get(name, 0)
    return float(value) if isinstance(value, int | float) else 0.0
