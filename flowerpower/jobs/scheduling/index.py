"""Keep the index of active runs and the active runs one: half of it blocks a schedule, or lets a run start twice."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from flowerpower.state.codec import decode_run
from flowerpower.state.connection import redis_errors
from flowerpower.state.keys import SEPARATOR, tick_of
from flowerpower.state.store import Store

AT_ONCE = 200  # what is mended in one script

logger = logging.getLogger("flowerpower.scheduler")


class IndexKeeper:
    """Compares the two of one namespace; what differs twice in a row is mended."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stray: set[str] = set()  # members of the index for which no run is active
        self._missing: set[tuple[str, str]] = set()  # member and id of active runs that are not in the index

    def step(self, active: Mapping[bytes, bytes], now: int) -> None:
        """Look whether they agree; as long as they are as many, nothing is read."""
        with redis_errors("looking at the index of active runs"):
            members = int(self._store.connection.zcard(self._store.keys.active_index))
        if members == sum(b'"alone":true' not in raw for raw in active.values()):
            self._stray, self._missing = set(), set()
            return
        stray, missing = self._compare(active)
        self._mend(sorted(stray & self._stray)[:AT_ONCE], sorted(missing & self._missing)[:AT_ONCE], now)
        self._stray, self._missing = stray, missing

    def _compare(self, active: Mapping[bytes, bytes]) -> tuple[set[str], set[tuple[str, str]]]:
        with redis_errors("reading the index of active runs"):
            raw: Any = self._store.connection.zrange(self._store.keys.active_index, 0, -1)
        members = {member.decode(errors="surrogateescape") for member in raw}
        if odd := [member for member in members if not member.isprintable()]:  # no name of ours can be such
            members -= {*odd}
            with redis_errors("mending the index of active runs"):
                self._store.connection.zrem(
                    self._store.keys.active_index, *(member.encode(errors="surrogateescape") for member in odd)
                )
        ids = (key.decode(errors="replace") for key in active)
        runs = (decode_run(run_id, text) for run_id, text in zip(ids, active.values(), strict=True))
        known = {f"{run.name}{SEPARATOR}{_last(run.id)}": run.id for run in runs if run and not run.alone}
        return members - known.keys(), {(member, run_id) for member, run_id in known.items() if member not in members}

    def _mend(self, stray: list[str], missing: list[tuple[str, str]], now: int) -> None:
        if not stray and not missing:
            return
        order = {
            "stray": [self._stray_one(member, now) for member in stray],
            "missing": [
                {"id": run_id, "schedule": member.rpartition(SEPARATOR)[0], "run": _last(run_id)}
                for member, run_id in missing
            ],
        }
        with redis_errors("mending the index of active runs"):
            mended = int(self._store.scripts.call("mend_index", [json.dumps(order)]))
        if mended:
            logger.warning("%d active runs and what their schedules know of them did not agree: mended", mended)

    def _stray_one(self, member: str, now: int) -> dict[str, Any]:
        schedule, _, run = member.rpartition(SEPARATOR)
        tick = tick_of(run)
        run_id = self._store.keys.run_id(schedule, run)
        return {"member": member, "id": run_id, "schedule": schedule, "run": run, "tick": now if tick is None else tick}


def _last(run_id: str) -> str:
    return run_id.rpartition(SEPARATOR)[2]
