"""Pause, resume and look: what the tests of holds do over and over, on the shifted clock."""

from __future__ import annotations

import json
from typing import Any

from flowerpower.apply import apply_plan
from flowerpower.jobs.by_hand.holds import Paused, Resumed, pause_schedules, resume_schedules
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.state.store import Store
from support.redis_state import dump_keys, shift_clock
from support.states import KEYS, SOURCE, desired, schedule

HOUR = 3600
QUEUE = KEYS.queue("default")
HELD = "held by ana: vendor outage"


def apply(store: Store, *schedules: Any) -> None:
    apply_plan(make_plan(store.keys, desired(schedules), store.read(), SOURCE), store, "apply")


def pause(store: Store, *names: str, until: str | int | None = None, **more: Any) -> Paused:
    return pause_schedules(
        store, names, **{"who": "ana", "why": "vendor outage", "replace": False, **more}, until=until
    )


def resume(store: Store, *names: str) -> Resumed:
    return resume_schedules(store, names, "bob")


def step(store: Store) -> int:
    """Do one pass of a new scheduler, which looks at everything."""
    store.connection.delete(KEYS.lease)
    return Scheduler(store, "one").step()


def taken(store: Store, scheduler: Scheduler, **more: Any) -> str:
    """Let a tick of `often` be due, and a worker take its run from the queue."""
    apply(store, schedule("often", every=HOUR, **more))
    shift_clock(store.connection, HOUR)
    scheduler.step()
    (run,) = queued(store)
    store.connection.delete(KEYS.queue_list(QUEUE))
    return run


def queued(store: Store) -> list[str]:
    return [run.decode() for run in store.connection.lrange(KEYS.queue_list(QUEUE), 0, -1)]


def outcomes(store: Store, name: str = "often") -> list[tuple[int, int, int, str, str]]:
    found = [json.loads(raw) for raw in store.connection.zrange(KEYS.outcomes(name), 0, -1)]
    return [(one["first"], one["last"], one["count"], one["status"], one["reason"]) for one in found]


def events(store: Store, kind: str) -> list[dict[str, str]]:
    entries = [{k.decode(): v.decode() for k, v in fields.items()} for _, fields in store.connection.xrange(KEYS.runs)]
    return [entry for entry in entries if entry["event"] == kind]


def everything(store: Store) -> dict[bytes, Any]:
    return dump_keys(store.connection, without=("test:",))
