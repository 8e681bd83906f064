"""Read and write the live state of one namespace.

Reading costs a fixed small number of round trips, whatever the number of schedules, and works for a Redis user that
may only read: plain pipelined commands, no MULTI, no Lua, no RQ object.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from flowerpower.errors import FormatError
from flowerpower.state.codec import (
    JOB_FIELDS,
    count_waiting,
    decode_cursor,
    decode_head,
    decode_hold,
    decode_occurrence,
    decode_pipeline,
    decode_run,
    decode_schedule,
)
from flowerpower.state.connection import SCRIPT_TIMEOUT, redis_errors, without_retries
from flowerpower.state.keys import Keys
from flowerpower.state.models import (
    Consumers,
    Cursor,
    Head,
    Occurrence,
    Reading,
    Record,
    Run,
    Schedule,
    State,
)
from flowerpower.state.scripts import Scripts

if TYPE_CHECKING:
    from redis import Redis

_ATTEMPTS = 3
_STAGE_SECONDS = 3600
_PATIENCE = 0.25  # seconds more for each staged chunk: several times what the script needs


@dataclass(frozen=True, slots=True)
class Committed:
    """The commit script wrote everything."""

    generation: int
    when: int
    deaf: tuple[str, ...] = ()  # runs that should stop but whose worker did not hear it


@dataclass(frozen=True, slots=True)
class Conflict:
    """The commit script wrote nothing: what it found is not what the plan was made for."""

    kind: str  # generation, revision, type, cursor, hold, stage, running
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """One object as it lies in Redis: its raw record, its pending job id, and that job's `JOB_FIELDS`."""

    record: bytes | None
    pending: str | None
    job: Sequence[bytes | None]


@dataclass(frozen=True, slots=True)
class _Records:
    """The first round trip: everything of ours but the jobs."""

    now: int
    head: Head
    state: State
    records: Mapping[str, Record]
    cursors: Mapping[str, Cursor]
    holds: Mapping[str, Any]
    active: Mapping[str, Run]
    waiting: Mapping[str, int]
    forgotten: frozenset[str]
    rq_queues: frozenset[str]
    scheduler: str


@dataclass(frozen=True, slots=True)
class _Jobs:
    """The second round trip: the real RQ jobs, and the cursors again."""

    occurrences: Mapping[str, Occurrence | None]  # by schedule; None: no such job waits
    moving: frozenset[str]  # schedules whose job has left the registry for its queue
    cursors: Mapping[str, Cursor]
    generation: int
    unmanaged: Mapping[str, int]
    workers: Mapping[str, int]


class Store:
    """One namespace of one Redis."""

    def __init__(self, connection: Redis, keys: Keys, clock: str | None = None) -> None:
        self.connection = connection
        self.keys = keys
        self.scripts = Scripts(connection, keys, clock)

    def read(self) -> Reading:
        """Return what is live now.

        What moves while it is read is read again; after three tries it is named in `firing`, never taken for drift.
        Raises `StoreError` when Redis fails, `FormatError` when a record is damaged or of a newer format.
        """
        with redis_errors("reading the live state"):
            for attempt in range(1, _ATTEMPTS + 1):
                records = self._read_records()
                jobs = self._read_jobs(records)
                moved = {name for name, cursor in records.cursors.items() if jobs.cursors.get(name) != cursor}
                settled = not moved and jobs.generation == records.head.generation
                if settled or attempt == _ATTEMPTS:
                    return _assemble(records, jobs, frozenset(moved) | jobs.moving)
        raise AssertionError("unreachable")

    def open_stage(self, apply_id: str, inverse: bytes) -> None:
        """Make the private key, which expires, that the changes of one apply are staged under."""
        with redis_errors("staging the changes"):
            pipe = self.connection.pipeline(transaction=False)
            pipe.hset(self.keys.stage(apply_id), "inverse", inverse)
            pipe.expire(self.keys.stage(apply_id), _STAGE_SECONDS)
            pipe.execute()

    def stage(self, apply_id: str, fields: Mapping[str, str]) -> None:
        """Add to the stage of one apply; nobody looks at it before the commit."""
        with redis_errors("staging the changes"):
            values: dict[Any, Any] = dict(fields)
            self.connection.hset(self.keys.stage(apply_id), mapping=values)

    def read_written(self, objects: Sequence[tuple[str, str]]) -> list[Written]:
        """Return what lies in Redis now for some objects, each given as kind and name."""
        keys = self.keys
        with redis_errors("verifying the apply"):
            pipe = self.connection.pipeline(transaction=False)
            for kind, name in objects:
                pipe.hget(keys.schedules if kind == "schedule" else keys.pipelines, name)
            pipe.hmget(keys.cursors, [name for _, name in objects])
            *records, texts = pipe.execute()
            pending = [
                decode_cursor(name, text).pending if text and kind == "schedule" else None
                for (kind, name), text in zip(objects, texts, strict=True)
            ]
            for run_id in pending:
                pipe.hmget(keys.job(run_id or ""), *JOB_FIELDS)
            jobs = [_job_values(reply) for reply in pipe.execute(raise_on_error=False)]
        return [Written(*found) for found in zip(records, pending, jobs, strict=True)]

    def ticks(self, names: Sequence[str]) -> dict[str, int]:
        """Return the last decided tick of those of the named schedules whose cursor can be read."""
        if not names:
            return {}
        with redis_errors("reading cursors"):
            found: Any = self.connection.hmget(self.keys.cursors, list(names))
        ticks: dict[str, int] = {}
        for name, raw in zip(names, found, strict=True):
            with suppress(FormatError):
                if raw is not None:
                    ticks[name] = decode_cursor(name, raw).tick
        return ticks

    def commit(self, order: Mapping[str, Any]) -> Committed | Conflict:
        """Write everything staged in one atomic step, or nothing; a large one is waited for as long as it may take."""
        patience = SCRIPT_TIMEOUT + order["chunks"] * _PATIENCE
        patient = without_retries(self.connection, timeout=patience)
        with redis_errors("committing the changes"), closing(patient.connection_pool):
            answer = [part.decode() for part in self.scripts.over(patient).call("commit", [json.dumps(order)])]
        if answer[0] == "applied":
            return Committed(int(answer[1]), int(answer[2]), deaf=tuple(json.loads(answer[3])))
        return Conflict(kind=answer[1], details=tuple(json.loads(answer[2])))

    def time(self) -> int:
        """Return the time (epoch seconds) by the clock that the scripts decide with."""
        with redis_errors("reading the clock"):
            return self.scripts.time()

    def head(self) -> Head:
        """Return the head alone."""
        with redis_errors("reading the head"):
            raw: Any = self.connection.hgetall(self.keys.head)
            return decode_head(raw)

    def _read_records(self) -> _Records:
        keys = self.keys
        pipe = self.connection.pipeline(transaction=False)
        pipe.time()
        for name in (keys.head, keys.schedules, keys.pipelines, keys.cursors, keys.holds, keys.active, keys.buffers):
            pipe.hgetall(name)
        pipe.hkeys(keys.forgotten)
        pipe.smembers(keys.queues)
        pipe.get(keys.lease)
        replies: list[Any] = pipe.execute()
        time, head, schedules, pipelines, cursors, holds, active, buffers, forgotten, rq_queues, lease = replies
        found_schedules = {key.decode(): decode_schedule(key.decode(), raw) for key, raw in schedules.items()}
        found_pipelines = {key.decode(): decode_pipeline(key.decode(), raw) for key, raw in pipelines.items()}
        runs = [decode_run(key.decode(), raw) for key, raw in active.items()]
        prefix = keys.queue_list("")
        return _Records(
            now=int(time[0]),
            head=decode_head(head),
            state=State(
                {name: schedule for name, (schedule, _) in found_schedules.items()},
                {name: pipeline for name, (pipeline, _) in found_pipelines.items()},
            ),
            records={f"schedule.{name}": record for name, (_, record) in found_schedules.items()}
            | {f"pipeline.{name}": record for name, (_, record) in found_pipelines.items()},
            cursors=_decode_cursors(cursors),
            holds={key.decode(): decode_hold(raw) for key, raw in holds.items()},
            active={run.id: run for run in runs if run},
            waiting={key.decode(errors="replace"): count_waiting(raw) for key, raw in buffers.items()},
            forgotten=frozenset(name.decode(errors="replace") for name in forgotten),
            rq_queues=frozenset(key.decode().removeprefix(prefix) for key in rq_queues),
            scheduler=(lease or b"").decode(errors="replace"),
        )

    def _read_jobs(self, records: _Records) -> _Jobs:
        keys = self.keys
        pending = {name: cursor.pending for name, cursor in records.cursors.items() if cursor.pending}
        wanted = {keys.queue(str(schedule.fields.get("queue"))) for schedule in records.state.schedules.values()}
        ours = sorted(wanted | {queue for queue in records.rq_queues if keys.owns_queue(queue)})
        others = sorted(queue for queue in records.rq_queues if queue not in ours and "--" not in queue)
        pipe = self.connection.pipeline(transaction=False)
        for queue in ours:
            pipe.zrange(keys.scheduled(queue), 0, -1, withscores=True)
        for queue in others:
            pipe.zcard(keys.scheduled(queue))
        for queue in ours:
            pipe.scard(keys.workers(queue))
        for run_id in pending.values():
            pipe.hmget(keys.job(run_id), *JOB_FIELDS)
        pipe.hget(keys.head, "generation")
        pipe.hgetall(keys.cursors)
        answers = pipe.execute(raise_on_error=False)
        jobs = len(answers) - 2 - len(pending)
        values = dict(zip(pending, map(_job_values, answers[jobs:-2]), strict=True))
        replies = iter(_sound([*answers[:jobs], *answers[-2:]]))
        waiting = _waiting({queue: next(replies) for queue in ours})
        unmanaged = Counter({queue: next(replies) for queue in others})
        workers = {queue: next(replies) for queue in ours}
        generation, cursors = int(next(replies) or 0), _decode_cursors(next(replies))
        occurrences, moving = _occurrences(pending, values, waiting)
        managed = {*pending.values(), *records.active}
        unmanaged.update(queue for queue, member in waiting if member not in managed)
        return _Jobs(occurrences, moving, cursors, generation, +unmanaged, workers)


def _sound(replies: Sequence[Any]) -> Sequence[Any]:
    """Return the replies; raise the first that is an error."""
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


def _job_values(reply: Any) -> Sequence[bytes | None]:
    """Return the fields of a job; a key of another type under its name is a job that cannot be read."""
    if isinstance(reply, Exception) and str(reply).startswith("WRONGTYPE"):
        return (None,) * len(JOB_FIELDS)
    found: Sequence[bytes | None] = _sound([reply])[0]
    return found


def _decode_cursors(raw: Mapping[bytes, bytes]) -> dict[str, Cursor]:
    return {key.decode(): decode_cursor(key.decode(), value) for key, value in raw.items()}


def _waiting(registries: Mapping[str, list[tuple[bytes, float]]]) -> dict[tuple[str, str], int]:
    """Return when each scheduled job is due, by queue and job id."""
    return {
        (queue, member.decode(errors="replace")): int(score)
        for queue, members in registries.items()
        for member, score in members
    }


def _occurrences(
    pending: Mapping[str, str],
    values: Mapping[str, Sequence[bytes | None]],
    waiting: Mapping[tuple[str, str], int],
) -> tuple[dict[str, Occurrence | None], frozenset[str]]:
    """Return the real pending job of each schedule, and the schedules whose job is on its way to a worker."""
    registry: dict[str, list[tuple[str, int]]] = {}
    for (queue, member), due in waiting.items():
        registry.setdefault(member, []).append((queue, due))
    found: dict[str, Occurrence | None] = {}
    moving: set[str] = set()
    for name, run_id in pending.items():
        places = registry.get(run_id, [])
        if not places:
            found[name] = None
            if values[name][-1] in (b"queued", b"started"):
                moving.add(name)
            continue
        queue, due = places[0]
        occurrence = decode_occurrence(run_id, due, values[name]) if len(places) == 1 else None
        intact = occurrence is not None and occurrence.queue == queue and values[name][-1] == b"scheduled"
        found[name] = occurrence if intact else _broken(run_id, queue, due)
    return found, frozenset(moving)


def _broken(run_id: str, queue: str, due: int) -> Occurrence:
    """Return what stands for a job that waits in the registry but cannot be what we wrote."""
    return Occurrence(run_id, queue, due, function="(unreadable)", args=(), timeout=0, result_ttl=0, failure_ttl=0)


def _assemble(records: _Records, jobs: _Jobs, firing: frozenset[str]) -> Reading:
    schedules: dict[str, Schedule] = {
        name: replace(schedule, occurrence=jobs.occurrences.get(name))
        for name, schedule in records.state.schedules.items()
    }
    return Reading(
        now=records.now,
        head=records.head,
        state=State(schedules, records.state.pipelines),
        records=records.records,
        cursors=records.cursors,
        holds=records.holds,
        active=records.active,
        waiting=records.waiting,
        forgotten=records.forgotten & schedules.keys(),
        firing=firing & schedules.keys(),
        unmanaged=jobs.unmanaged,
        consumers=Consumers(jobs.workers, records.scheduler),
    )
