"""What ran, what runs, and what did not run and why: the records of runs, newest first, read in pages."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import islice
from typing import Any

from flowerpower.errors import UsageError
from flowerpower.jobs import figures
from flowerpower.jobs.applied_names import applied_like
from flowerpower.jobs.events import newest_events
from flowerpower.state.codec import count_waiting, decode_hold, decode_run, loads
from flowerpower.state.connection import redis_errors
from flowerpower.state.keys import LAST_MOMENT, SEPARATOR, Keys
from flowerpower.state.misplaced import find_misplaced, is_misplaced
from flowerpower.state.models import Damage, Hold, Run
from flowerpower.state.store import Store

ENDED = ("succeeded", "failed", "skipped", "missed", "cancelled")
WORKER_GONE = "its worker was gone before it was done: it was killed, or its machine died"
ACTIVE = ("running", "queued", "scheduled", "retrying")
STATUSES = (*ACTIVE, *ENDED)
_PAGE = 500
_MOST_SCHEDULES = 100


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run, or a range of ticks that did not run (`count` > 1). Times are epoch seconds, 0 where unknown.

    `status` is running, queued, scheduled (it waits for its time, or for other schedules), retrying, succeeded, failed,
    skipped, missed or cancelled. `at` is when that became so, `first` and `last` are ticks.
    """

    name: str
    first: int
    last: int
    status: str
    count: int = 1
    reason: str = ""
    run: str = ""
    attempt: int = 0
    seconds: float = 0.0
    at: int = 0
    commit: str = ""
    timezone: str = "UTC"
    other_code: str = ""  # a commit or digest: what ran, where that is not what was applied

    @property
    def is_of_tick(self) -> bool:
        """Tell whether it is the run of a tick, also under a name that its schedule had before: no run by hand."""
        return self.run.rpartition(SEPARATOR)[2] == str(self.last)

    @property
    def says_nothing(self) -> bool:
        """Tell whether it is a skipped tick that says not how its schedule fares: a run or a person was in its way."""
        return self.status == "skipped" and not self.reason.startswith("after:")


@dataclass(frozen=True, slots=True)
class Standing:
    """What is true of one name now: whether it is applied, held or paused, and how many ticks wait for a run."""

    is_live: bool = False
    timezone: str = "UTC"
    hold: Hold | None = None
    paused: bool = False
    waiting: int = 0
    is_pipeline: bool = False  # and no schedule: the runs of its schedules are shown with those by hand


@dataclass(frozen=True, slots=True)
class RunList:
    """The runs that were asked for: of `active` ones the first, then the newest that ended.

    `more` says that others were left out.
    """

    namespace: str
    now: int
    runs: tuple[RunRecord, ...]
    more: bool = False
    active: int = 0
    unreadable: int = 0
    name: str = ""
    standing: Standing | None = None
    damaged: tuple[Damage, ...] = ()  # whole keys that cannot be read: what they hold is not among the runs


@dataclass(frozen=True, slots=True)
class Wish:
    """Which runs are wanted: those of one name or of all, since a moment (epoch seconds), of some statuses."""

    name: str = ""
    since: int = 0
    statuses: Collection[str] = ()
    limit: int = 20

    def wants(self, record: RunRecord) -> bool:
        """Tell whether a record is among them."""
        return not self.statuses or record.status in self.statuses


@dataclass(slots=True)
class _Count:
    unreadable: int = 0


def read_runs(store: Store, wish: Wish) -> RunList:
    """Return the runs that are wanted; raise `UsageError` for a name that nothing is known of."""
    if unknown := sorted(set(wish.statuses) - set(STATUSES)):
        from flowerpower.specs.messages import did_you_mean

        hint = did_you_mean(unknown[0], STATUSES) or f"there are: {', '.join(STATUSES)}"
        raise UsageError(f"there is no status {unknown[0]!r}", hint=hint)
    now = plain_time(store)
    standing = _standing(store, wish.name) if wish.name else None
    count = _Count()
    names = [wish.name, *(_schedules_of(store, wish.name) if standing and standing.is_pipeline else ())]
    damaged = find_misplaced(store.connection, store.keys, types_of_runs(store.keys, names if wish.name else ()))
    listed = () if store.keys.active in damaged else names
    active = [record for name in listed for record in active_runs(store, name) if wish.wants(record)]
    found = _ended(store, names, wish, damaged, count)
    shown = [*active[: wish.limit], *found[: wish.limit]]
    if standing is not None and not standing.is_live and not shown and not count.unreadable and not damaged:
        _refuse_unknown(store, wish)
    zones = _zones(store, {record.name for record in shown})
    shown = [replace(record, timezone=zones.get(record.name, "UTC")) for record in shown]
    return RunList(
        store.keys.namespace,
        now,
        tuple(shown),
        more=len(active) + len(found) > len(shown),
        active=len(active),
        unreadable=count.unreadable,
        name=wish.name,
        standing=standing,
        damaged=tuple(damaged.values()),
    )


def types_of_runs(keys: Keys, names: Iterable[str]) -> dict[str, str]:
    """Return the keys that tell of runs, and their types; those of some names, or of all."""
    found = {keys.active: "hash", keys.schedules: "hash", keys.pipelines: "hash"}
    of_names = {key: "zset" for name in names for key in (keys.outcomes(name), keys.older(name))}
    if not of_names:
        return {**found, keys.runs: "stream"}
    return {**found, keys.holds: "hash", keys.buffers: "hash", **of_names}


def _ended(store: Store, names: Sequence[str], wish: Wish, damaged: Collection[str], count: _Count) -> list[RunRecord]:
    """Return the runs that ended, one more than is wanted if there are more."""
    if wish.name:
        ended = _of_names(store, names, wish.since, damaged, count)
    else:
        ended = iter(()) if store.keys.runs in damaged else _of_all(store, wish, count)
    return list(islice(filter(wish.wants, ended), wish.limit + 1))


def plain_time(store: Store) -> int:
    """Return the time (epoch seconds) of the server without a script, which a user that only reads may not run."""
    with redis_errors("reading the clock"):
        seconds, _ = store.connection.time()
    return int(seconds)


def active_runs(store: Store, name: str = "") -> list[RunRecord]:
    """Return the active runs of one name, or of all: those that run first, then the others, newest first."""
    with redis_errors("reading active runs"):
        raw: Any = store.connection.hgetall(store.keys.active)
        runs = [run for key, value in raw.items() if (run := decode_run(key.decode(errors="replace"), value))]
        runs = [run for run in runs if not name or run.name == name]
        entries = {key.decode(errors="replace"): value for key, value in raw.items()}
        pipe = store.connection.pipeline(transaction=False)
        for run in runs:
            pipe.hget(store.keys.job(run.id), "status")
        replies = pipe.execute(raise_on_error=False) if runs else []
    statuses = [None if is_misplaced(reply) else reply for reply in replies]
    records = [_active(run, status, entries[run.id]) for run, status in zip(runs, statuses, strict=True)]
    return sorted(records, key=lambda record: (ACTIVE.index(record.status), -record.last, record.run))


def active_run(store: Store, run_id: str) -> RunRecord | None:
    """Return a run if it is active."""
    with redis_errors("reading the run"):
        pipe = store.connection.pipeline(transaction=False)
        pipe.hget(store.keys.active, run_id)
        pipe.hget(store.keys.job(run_id), "status")
        entry, status = pipe.execute()
    run = decode_run(run_id, entry) if entry else None
    return _active(run, status, entry) if run else None


def _active(run: Run, status: bytes | None, entry: bytes) -> RunRecord:
    data: Any = loads(entry)
    started = data.get("started") if isinstance(data.get("started"), int | float) else 0
    if run.is_with_worker:
        word, at = "running", int(started)
    elif run.attempt and started:  # one that is run again has attempts of before
        word, at = "retrying", int(started)
    else:
        word, at = ("scheduled" if data.get("waits") or status == b"scheduled" else "queued"), run.since
    reason = str(data.get("cancel") or "")
    waits = str(data.get("waits") or "")
    return RunRecord(
        run.name,
        run.tick,
        run.tick,
        word,
        reason=f"told to stop: {reason}" if reason else WORKER_GONE if run.gone else waits,
        run=run.id,
        attempt=run.attempt,
        at=at,
        commit=str(data.get("commit") or ""),
        other_code=str(data.get("other_code") or ""),
    )


def decode_outcome(name: str, raw: bytes) -> RunRecord | None:
    """Return the record of an outcome, None when it cannot be read."""
    try:
        data = loads(raw)
        if data["status"] not in ENDED:
            return None
        return RunRecord(
            name,
            first=_moment(data["first"]),
            last=_moment(data["last"]),
            count=int(data["count"]),
            status=str(data["status"]),
            reason=str(data.get("reason") or ""),
            run=str(data.get("run") or ""),
            attempt=int(data.get("attempt") or 0),
            seconds=figures.number(data.get("duration")),
            at=_moment(data.get("at") or 0),
            commit=str(data.get("commit") or ""),
            other_code=str(data.get("other_code") or ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _of_names(
    store: Store, names: Sequence[str], since: int, damaged: Collection[str], count: _Count
) -> Iterator[RunRecord]:
    """Yield the outcomes of some names, the newest tick first; those of old ticks that ran late lie apart."""
    keys = store.keys
    both = ((name, [key for key in (keys.outcomes(name), keys.older(name)) if key not in damaged]) for name in names)
    of_each = (_of_name(store, name, sound, since, count) for name, sound in both)
    return merge(*of_each, key=lambda record: -record.last)


def _of_name(store: Store, name: str, keys: Sequence[str], since: int, count: _Count) -> Iterator[RunRecord]:
    """Yield the outcomes of one name, the newest tick of each key first."""
    seen: set[tuple[int, str]] = set()
    for key in keys:
        for raw in outcome_pages(store, key, since):
            record = decode_outcome(name, raw)
            if record is None:
                count.unreadable += 1
            elif (mark := (record.last, record.run)) not in seen:
                seen.add(mark)
                yield record


def outcome_pages(store: Store, key: str, since: int) -> Iterator[bytes]:
    """Yield the raw outcomes whose last tick is not before a moment, the newest tick first."""
    start = 0
    while True:
        with redis_errors("reading outcomes"):
            page: Any = store.connection.zrevrangebyscore(key, "+inf", since, start=start, num=_PAGE)
        yield from page
        start += _PAGE
        if len(page) < _PAGE:
            return


def _of_all(store: Store, wish: Wish, count: _Count) -> Iterator[RunRecord]:
    """Yield the ends of the runs of all names, the newest first; of a tick that was run again the newest end alone."""
    seen: set[str] = set()
    for event in newest_events(store, since=wish.since):
        if event.fields.get("event") in ENDED:
            record = _of_event(event.moment, event.fields)
            if record is None:
                count.unreadable += 1
                continue
            mark = record.run or (store.keys.run_id(record.name, record.last) if record.count == 1 else "")
            if mark not in seen:
                seen.update({mark} - {""})
                yield record


def _of_event(moment: int, event: Mapping[str, str]) -> RunRecord | None:
    try:
        last, count = _moment(event.get("tick") or 0), int(float(event.get("count") or 1))
        return RunRecord(
            event.get("schedule", ""),
            first=0 if count > 1 else last,
            last=last,
            count=count,
            status=event["event"],
            reason=event.get("reason", ""),
            run=event.get("job", ""),
            attempt=int(float(event.get("attempt") or 0)),
            seconds=figures.number(event.get("duration")),
            at=moment,
            commit=event.get("commit", ""),
            other_code=event.get("other_code", ""),
        )
    except (ValueError, OverflowError):
        return None


def _moment(value: Any) -> int:
    moment = int(float(value))
    if not 0 <= moment <= LAST_MOMENT:
        raise ValueError(f"{value} is not a moment")
    return moment


def _standing(store: Store, name: str) -> Standing:
    keys = store.keys
    with redis_errors("reading the applied records"):
        pipe = store.connection.pipeline(transaction=False)
        for key in (keys.schedules, keys.pipelines, keys.holds, keys.buffers):
            pipe.hget(key, name)
        replies = pipe.execute(raise_on_error=False)
    known = not any(map(is_misplaced, replies[:2]))
    schedule, pipeline, hold, buffer = (None if is_misplaced(reply) else reply for reply in replies)
    return Standing(
        is_live=schedule is not None or pipeline is not None or not known,
        is_pipeline=schedule is None and pipeline is not None and known,
        timezone=_zone(schedule) or _zone(pipeline) or "UTC",
        hold=decode_hold(hold) if hold else None,
        paused=_field(schedule, "paused") is True,
        waiting=count_waiting(buffer) if buffer else 0,
    )


def _schedules_of(store: Store, pipeline: str) -> list[str]:
    """Return the applied schedules that run a pipeline, at most so many as can be looked into at once."""
    with redis_errors("reading schedules"):
        records: Any = store.connection.hgetall(store.keys.schedules)
    quoted = json.dumps(pipeline).encode()
    found = [name for name, raw in records.items() if quoted in raw and _field(raw, "pipeline") == pipeline]
    return sorted(name.decode(errors="replace") for name in found)[:_MOST_SCHEDULES]


def zone_of(store: Store, name: str) -> str:
    """Return the time zone of the schedule or pipeline of that name; UTC when it is gone."""
    return _zones(store, {name}).get(name, "UTC")


def _zones(store: Store, names: Collection[str]) -> dict[str, str]:
    wanted = sorted(names)
    if not wanted:
        return {}
    with redis_errors("reading time zones"):
        pipe = store.connection.pipeline(transaction=False)
        pipe.hmget(store.keys.schedules, wanted)
        pipe.hmget(store.keys.pipelines, wanted)
        replies = pipe.execute(raise_on_error=False)
        schedules, pipelines = ([None] * len(wanted) if is_misplaced(reply) else reply for reply in replies)
    return {
        name: _zone(schedule) or _zone(pipeline) or "UTC"
        for name, schedule, pipeline in zip(wanted, schedules, pipelines, strict=True)
    }


def _zone(record: bytes | None) -> str:
    found = _field(record, "timezone")
    return found if isinstance(found, str) else ""


def _field(record: bytes | None, name: str) -> Any:
    if record is None:
        return None
    try:
        spec = json.loads(record)["spec"]
        return spec.get(name)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _refuse_unknown(store: Store, wish: Wish) -> None:
    """Raise `UsageError` for a name that is not applied and of which nothing at all is kept."""
    keys = store.keys
    with redis_errors("looking for outcomes"):
        if store.connection.exists(keys.outcomes(wish.name), keys.older(wish.name)):
            return
    hint = applied_like(store, wish.name) or "`flowerpower status` shows what is live"
    raise UsageError(f"no run of {wish.name!r} is known, and nothing of that name is applied", hint=hint)
