"""Ticks of the past that are to run: what the applied record says of a schedule, and what became of its ticks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from flowerpower.errors import FlowerPowerError
from flowerpower.jobs.by_hand.applied import Applied
from flowerpower.jobs.by_hand.inputs import Look, at_once, look_not, run_spec_text
from flowerpower.jobs.by_hand.ranges import Ranges
from flowerpower.jobs.records import RunRecord, active_runs, decode_outcome, outcome_pages
from flowerpower.state.codec import digest
from flowerpower.state.connection import redis_errors
from flowerpower.state.desired import describe_run, run_template
from flowerpower.state.misplaced import WAY_OUT
from flowerpower.state.scripts import one_line
from flowerpower.state.store import Store

Word = Literal["pushed", "succeeded", "active", "waiting", "undecided", "full", "yields", "called off"]
Sign = Callable[[str, str, int], str]
UNKNOWN = "unknown"  # nothing is recorded of a tick


@dataclass(frozen=True, slots=True)
class PastTick:
    """One tick and what is known of it: a status of a run, `waiting`, `undecided`, or `unknown`."""

    tick: int
    status: str
    record: RunRecord | None = None


@dataclass(frozen=True, slots=True)
class HandOut:
    """How past ticks are run: on whose behalf, with which inputs over the applied ones, how many at once (0: all).

    `yields`: none while a run of the schedule itself is active. `again`: those that have succeeded too. `sign` gives
    the signature of a run by its id, its run spec's digest and its tick, where workers want one. `look` refuses inputs.
    """

    reason: str
    inputs: Mapping[str, Any]
    limit: int = 0
    yields: bool = False
    again: bool = False
    sign: Sign | None = None
    look: Look = look_not


def order_of(store: Store, applied: Applied, how: HandOut) -> dict[str, Any]:
    """Return what the script needs to push runs of past ticks, but for the ticks."""
    text = run_spec_text(at_once(applied.run_spec), how.inputs)
    how.look(text, how.inputs)
    schedule = replace(applied.schedule, run=digest(text))
    return {
        "name": schedule.name,
        "revision": applied.revision,
        "limit": how.limit,
        "yields": how.yields,
        "again": how.again,
        "reason": one_line(how.reason),
        "run_spec": text,
        **run_template(store.keys, schedule),
    }


def hand_out(
    store: Store, applied: Applied, order: Mapping[str, Any], ticks: Sequence[int], sign: Sign | None = None
) -> list[Word]:
    """Push the runs of ticks, as many as there is room for, and return one word for each that was looked at.

    An empty list: an apply has changed or deleted the schedule meanwhile.
    """
    items = []
    for tick in ticks:
        description, meta = describe_run(applied.schedule, tick)
        run_id = store.keys.run_id(applied.schedule.name, tick)
        signature = sign(run_id, order["digest"], tick) if sign is not None else ""
        items.append([tick, run_id, description, meta["tick"], signature])
    with redis_errors("handing out runs"):
        raw: Any = store.scripts.call("hand_out", [json.dumps({**order, "ticks": items})])
    words: list[Any] = json.loads(raw)
    if words[0] == "damaged":
        raise FlowerPowerError(f"the key {words[1]} holds something that is not ours", hint=WAY_OUT)
    return [] if words[0] == "changed" else words


def look_at(store: Store, applied: Applied, ticks: Sequence[int]) -> list[PastTick]:
    """Return what is known of each of these ticks, which are sorted."""
    if not ticks:
        return []
    name = applied.schedule.name
    active = {record.last: record for record in active_runs(store, name) if record.is_of_tick}
    waiting = _waiting(store, name)
    alone, ranges = _outcomes(store, name, ticks[0])
    among = Ranges(store, applied)
    decided = applied.cursor.tick if applied.cursor and applied.cursor.pending else None
    found = []
    for tick in ticks:
        if tick in active:
            found.append(PastTick(tick, active[tick].status, active[tick]))
        elif tick in waiting:
            found.append(PastTick(tick, "waiting"))
        elif decided is not None and tick > decided:
            found.append(PastTick(tick, "undecided"))
        else:
            record = alone.get(tick) or next((one for one in ranges if among.has(tick, one) is not False), None)
            found.append(PastTick(tick, record.status if record else UNKNOWN, record))
    return found


def _waiting(store: Store, name: str) -> set[int]:
    with redis_errors("reading waiting ticks"):
        raw: Any = store.connection.hget(store.keys.buffers, name)
    try:
        return {int(item[0]) for item in json.loads(raw)["ticks"]} if raw else set()
    except (ValueError, KeyError, TypeError, IndexError):
        return set()


def _outcomes(store: Store, name: str, first: int) -> tuple[dict[int, RunRecord], list[RunRecord]]:
    """Return the outcomes since a tick: of single ticks by tick, and of ranges."""
    alone: dict[int, RunRecord] = {}
    ranges: list[RunRecord] = []
    for key in (store.keys.outcomes(name), store.keys.older(name)):
        for raw in outcome_pages(store, key, first):
            record = decode_outcome(name, raw)
            if record is None:
                continue
            if record.count > 1 or record.first != record.last:
                ranges.append(record)
            elif not record.run or record.is_of_tick:
                alone.setdefault(record.last, record)
    return alone, ranges
