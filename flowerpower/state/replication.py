"""Whether Redis takes no write for its place among others: a replica never does, a master may want replicas first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowerpower.state.memory import EFFECT
from flowerpower.state.models import NO_REPLICAS, REPLICA


def replication_words(reply: Any, *, is_led: bool) -> tuple[str, ...]:
    """Return what a reply to INFO replication says if Redis refuses writes; nothing if it does not, or nobody knows.

    A replica where the mark of a scheduler arrives (*is_led*) is one to read from, and nothing is wrong with that.
    """
    info = reply if isinstance(reply, Mapping) else {}
    if info.get("role") == "slave" and not is_led:
        master = f"{info.get('master_host', '?')}:{info.get('master_port', '?')}"
        return (f"{REPLICA} of {master}, so {EFFECT} through it; connect to its master, or through Sentinel",)
    if info.get("role") == "master" and info.get("min_slaves_good_slaves") == 0:
        way_out = "start its replicas (INFO replication shows who is connected), or lower the setting"
        return (f"{NO_REPLICAS}, which its min-replicas-to-write wants, so {EFFECT}; {way_out}",)
    return ()
