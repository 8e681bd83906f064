"""Whether Redis has room, in memory and on disk: without any it refuses every write, also that a scheduler is alive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowerpower.state.models import FULL, NO_DISK

_MIB = 2**20
EFFECT = "it refuses every write: nothing fires, and no run can be recorded"


def full_words(reply: Any) -> tuple[str, ...]:
    """Return what a reply to INFO memory says if Redis is full; nothing if it is not, or this user may not ask."""
    info = reply if isinstance(reply, Mapping) else {}
    limit = _number(info, "maxmemory")
    used = _number(info, "used_memory") - _number(info, "mem_not_counted_for_evict")
    if not limit or used < limit or info.get("maxmemory_policy") != "noeviction":
        return ()
    sizes = f"{used / _MIB:,.0f} of {limit / _MIB:,.0f} MiB, noeviction"
    way_out = "raise maxmemory (redis-cli CONFIG SET maxmemory ...), or remove what nobody needs"
    return (f"{FULL} ({sizes}), so {EFFECT}; {way_out}",)


def disk_words(reply: Any) -> tuple[str, ...]:
    """Return what a reply to INFO persistence says if the disk takes nothing; nothing if it does, or nobody knows."""
    info = reply if isinstance(reply, Mapping) else {}
    way_out = "look at its log and its disk: is that full?"
    if info.get("aof_enabled") == 1 and info.get("aof_last_write_status", "ok") != "ok":
        return (f"{NO_DISK} (aof_last_write_status), so {EFFECT}; {way_out}",)
    if info.get("rdb_last_bgsave_status", "ok") != "ok":
        unless = "unless stop-writes-on-bgsave-error is off"
        return (f"{NO_DISK} (rdb_last_bgsave_status), so, {unless}, {EFFECT}; {way_out}",)
    return ()


def _number(info: Mapping[str, Any], name: str) -> float:
    value = info.get(name, 0)
    return float(value) if isinstance(value, int | float) else 0.0
