"""Look at the live state of one namespace.

Three round trips up to five thousand schedules; beyond that batches follow on each other, two on their way at a time.
It is fit for a Redis user that may only read: plain pipelined commands, no MULTI, no Lua, no RQ object.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from flowerpower.errors import DamagedError
from flowerpower.state.codec import (
    count_waiting,
    decode_cursor,
    decode_hold,
    decode_run,
    decode_schedule,
)
from flowerpower.state.damage import Damages
from flowerpower.state.front import RECORDS, Front, read_front, start_of
from flowerpower.state.glance import Glances, live_schedule
from flowerpower.state.job_codec import JOB_FIELDS, UNREADABLE, decode_occurrence
from flowerpower.state.keys import Keys
from flowerpower.state.listeners import scheduler_of
from flowerpower.state.live import LiveFields, LiveRecords, live_pipeline
from flowerpower.state.misplaced import is_misplaced
from flowerpower.state.models import Consumers, Occurrence, Pipeline, Reading, Schedule, State
from flowerpower.state.pipelined import batches, pack, pack_for_keys, replies, sound
from flowerpower.state.waiting import Place, Waiting, read_waiting

if TYPE_CHECKING:
    from redis import Redis

_BATCH = 5000  # objects
_RUNS = (b"queued", b"started")


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found, whether nothing moved meanwhile, and the queues (RQ's names) that the records name."""

    reading: Reading
    settled: bool
    queues: frozenset[str]


@dataclass(slots=True)
class _Objects:
    """The third round trip: every record, every job, and whether anything moved since the first."""

    namespace: str
    waiting: Waiting
    damages: Damages
    run_specs: Collection[bytes]
    glances: Glances
    schedules: dict[str, Schedule] = field(default_factory=dict)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    odd: dict[str, bytes] = field(default_factory=dict)  # by address, records that are not as we write them today
    altered: set[str] = field(default_factory=set)  # addresses
    odd_queues: set[str] = field(default_factory=set)  # that odd records name
    without_run_spec: set[str] = field(default_factory=set)  # schedules
    moved: set[str] = field(default_factory=set)  # schedules whose cursor did
    moving: set[str] = field(default_factory=set)  # schedules whose job is on its way to a worker
    generation: bytes | None = None

    def add_pipeline(self, name: str, raw: bytes) -> None:
        """Take in a record; raise `FormatError` if it is of a newer format."""
        try:
            pipeline = live_pipeline(name, raw)
        except DamagedError as error:
            self.damages.add(f"pipeline.{name}", error)
            pipeline = Pipeline(name, {}, code="", digest="")
        self.pipelines[name] = pipeline
        self._note(f"pipeline.{name}", pipeline, raw)

    def add_schedule(self, name: str, raw: bytes, run_id: str | None, values: Sequence[bytes | None]) -> None:
        """Take in a record and the job that its cursor names, if any; raise `FormatError` if of a newer format."""
        place = self.waiting.places.pop(run_id, None) if run_id else None  # it is needed no more
        if place is None and run_id and values[-1] in _RUNS:
            self.moving.add(name)
        glance = self.glances.at(name, raw)
        if glance is None:
            self._add_odd(name, raw, run_id, values, place)
            return
        run = glance[2]
        if start_of(run) not in self.run_specs:
            self.without_run_spec.add(name)
        if place is None or run_id is None:
            self.schedules[name] = live_schedule(name, raw, glance)
            return
        shape = self.glances.shape_of(name, run, values)
        if shape and shape[1][0] == place[0] and run_id not in self.waiting.twice:
            self.schedules[name] = live_schedule(name, raw, glance, shape, run_id, place[1])
        else:
            one = live_schedule(name, raw, glance)
            self.schedules[name] = replace(one, occurrence=self._job(run_id, place, values, one))

    def _add_odd(
        self, name: str, raw: bytes, run_id: str | None, values: Sequence[bytes | None], place: Place | None
    ) -> None:
        """Take in a record that is not as we would write it today."""
        address = f"schedule.{name}"
        try:
            one = decode_schedule(name, raw)[0]
            self.odd_queues.add(str(one.fields.get("queue")))
            if start_of(one.run.encode()) not in self.run_specs:
                self.without_run_spec.add(name)
        except DamagedError as error:
            self.damages.add(address, error)
            one = Schedule(name, {}, timing="", basis="", run="", digest="")
        job = self._job(run_id, place, values, one) if run_id and place else None
        self.schedules[name] = replace(one, occurrence=job)
        self._note(address, one, raw)

    def _note(self, address: str, found: Schedule | Pipeline, raw: bytes) -> None:
        if not isinstance(found.fields, LiveFields):
            self.odd[address] = raw
        if not found.digest:
            self.altered.add(address)

    def _job(self, run_id: str, place: Place, values: Sequence[bytes | None], one: Schedule) -> Occurrence:
        """Return the job that a cursor names and that waits, whatever it is."""
        job = decode_occurrence(run_id, place[1], values, (self.namespace, one.name, one.run))
        if job is None or job.queue != place[0] or values[-1] != b"scheduled" or run_id in self.waiting.twice:
            return _broken(run_id, *place)
        return job


def look(client: Redis, keys: Keys, queues: frozenset[str] = frozenset()) -> Look:
    """Look once; of *queues* too, which RQ's own list of queues may lack."""
    front = read_front(client, keys)
    ours = queues | {queue for queue in front.rq_queues if keys.owns_queue(queue)}
    waiting = read_waiting(client, keys, front, ours)
    found = _read_objects(client, keys, front, waiting)
    named = frozenset(map(keys.queue, found.odd_queues.union(filter(None, found.glances.queues.values()))))
    reading = _assemble(front, waiting, found, scheduler_of(front.lease, waiting.stock, named))
    settled = not found.moved and found.generation == front.head.get(b"generation") and named <= ours
    return Look(reading, settled, named)


def _read_objects(client: Redis, keys: Keys, front: Front, waiting: Waiting) -> _Objects:
    """Read every record and job, and look again at what may have moved."""
    found = _Objects(keys.namespace, waiting, front.damages, front.run_specs, Glances(keys.namespace))
    with closing(replies(client, _commands(keys, front))) as answers:
        for some in batches(zip(front.schedules, front.pending, strict=True), RECORDS):
            _read_schedules(found, some, answers)
        for name, raw in _values(front.pipelines, answers):
            if raw is not None:
                found.add_pipeline(name, raw)
        found.generation = front.damages.of_key(keys.head, "hash", next(answers), None, matters=False)
        for mark, names in zip(front.marks, batches(front.with_cursor, RECORDS), strict=True):
            texts = sound(next(answers))
            if hash(tuple(texts)) != mark:
                found.moved |= {name for name, raw in zip(names, texts, strict=True) if _moved(front, name, raw)}
    return found


def _read_schedules(found: _Objects, some: Sequence[tuple[str, str | None]], answers: Iterator[Any]) -> None:
    """Take in a reply that holds records, and those behind it that hold their jobs."""
    for (name, run_id), raw in zip(some, sound(next(answers)), strict=True):
        values = job_values(next(answers)) if run_id else ()
        if raw is not None:
            found.add_schedule(name, raw, run_id, values)


def _commands(keys: Keys, front: Front) -> Iterator[Sequence[bytes]]:
    """Yield what reads all objects, in batches; behind some records the jobs that wait for them."""
    for many in batches(zip(front.schedules, front.pending, strict=True), _BATCH):
        batch: list[bytes] = []
        for some in batches(many, RECORDS):
            jobs = (keys.job(run_id) for _, run_id in some if run_id)
            records = pack("HMGET", keys.schedules, *(name for name, _ in some))
            batch += [records, *pack_for_keys("HMGET", jobs, JOB_FIELDS)]
        yield batch
    pipelines = (pack("HMGET", keys.pipelines, *some) for some in batches(front.pipelines, RECORDS))
    yield from batches(pipelines, _BATCH // RECORDS)
    again = (pack("HMGET", keys.cursors, *some) for some in batches(front.with_cursor, RECORDS))
    yield [pack("HGET", keys.head, "generation"), *again]


def _values(names: Sequence[str], answers: Iterator[Any]) -> Iterator[tuple[str, bytes | None]]:
    """Yield what each of these fields of a hash holds."""
    for some in batches(names, RECORDS):
        yield from zip(some, sound(next(answers)), strict=True)


def job_values(reply: Any) -> Sequence[bytes | None]:
    """Return the fields of a job; a key of another type under its name is a job that cannot be read."""
    return (None,) * len(JOB_FIELDS) if is_misplaced(reply) else reply


def _moved(front: Front, name: str, raw: bytes | None) -> bool:
    try:
        return raw is None or decode_cursor(name, raw) != front.cursors.get(name)
    except DamagedError:
        return name in front.cursors


def _broken(run_id: str, queue: str, due: int) -> Occurrence:
    """Return what stands for a job that waits in the registry but cannot be what we wrote."""
    return Occurrence(run_id, queue, due, function=UNREADABLE, args=(), timeout=0, result_ttl=0, failure_ttl=0)


def _assemble(front: Front, waiting: Waiting, found: _Objects, scheduler: str) -> Reading:
    schedules = found.schedules
    state = State(schedules, found.pipelines)
    runs = [decode_run(key.decode(errors="replace"), raw) for key, raw in front.active.items()]
    damages = front.damages
    records = LiveRecords(state, found.odd, found.altered, damages.found.keys())
    if found.generation == front.head.get(b"generation"):
        damages.revisions(front.cursors, records, state)
    return Reading(
        now=front.now,
        head=damages.head(front.head),
        state=state,
        records=records,
        cursors=front.cursors,
        holds={key.decode(errors="replace"): decode_hold(raw) for key, raw in front.holds.items()},
        active={run.id: run for run in runs if run},
        waiting={key.decode(errors="replace"): count_waiting(raw) for key, raw in front.buffers.items()},
        forgotten=front.forgotten & schedules.keys(),
        without_run_spec=frozenset(found.without_run_spec),
        firing=frozenset(found.moved | found.moving) & schedules.keys(),
        unmanaged=waiting.unmanaged,
        consumers=Consumers(waiting.workers, scheduler, front.troubles),
        damaged=damages.found,
        unread=damages.unread,
    )
