"""Look at the live state of one namespace.

Three round trips up to five thousand schedules; beyond that batches follow on each other, two on their way at a time.
It is fit for a Redis user that may only read: plain pipelined commands, no MULTI, no Lua, no RQ object.
"""

from __future__ import annotations

from binascii import unhexlify
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flowerpower.errors import DamagedError
from flowerpower.state.codec import (
    count_waiting,
    decode_cursor,
    decode_hold,
    decode_run,
    decode_schedule,
    decode_troubles,
)
from flowerpower.state.damage import Damages
from flowerpower.state.glance import Glances, live_schedule
from flowerpower.state.job_codec import JOB_FIELDS, UNREADABLE, decode_occurrence
from flowerpower.state.keys import Keys
from flowerpower.state.listeners import count_alive, moved_by_stock, scheduler_of
from flowerpower.state.live import LiveFields, LiveRecords, live_pipeline
from flowerpower.state.memory import disk_words, full_words
from flowerpower.state.misplaced import is_misplaced
from flowerpower.state.models import Consumers, Cursor, Occurrence, Pipeline, Reading, Schedule, State
from flowerpower.state.pipelined import batches, pack, pack_for_keys, replies, sound
from flowerpower.state.replication import replication_words

if TYPE_CHECKING:
    from redis import Redis

_RECORDS = 100  # in one reply
_BATCH = 5000  # objects
_LATEST = 253_402_214_400  # the last day of the year 9999
_RUNS = (b"queued", b"started")

Place = tuple[str, int]  # the queue in whose registry a job waits, and when it is due


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found, whether nothing moved meanwhile, and the queues (RQ's names) that the records name."""

    reading: Reading
    settled: bool
    queues: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Front:
    """The first round trip: the names of everything, and what is small."""

    now: int
    head: Mapping[bytes, bytes]
    schedules: Sequence[str]
    pending: Sequence[str | None]  # the id of the job that waits for each of the schedules
    pipelines: Sequence[str]
    cursors: Mapping[str, Cursor]
    with_cursor: Collection[str]  # schedules, those whose cursor is damaged among them
    marks: Sequence[int]  # of the texts of the cursors, a batch each: enough to see that none has moved
    holds: Mapping[bytes, bytes]
    active: Mapping[bytes, bytes]
    buffers: Mapping[bytes, bytes]
    forgotten: frozenset[str]
    run_specs: Collection[bytes]  # those that there are, each as `start_of` its digest
    rq_queues: frozenset[str]
    lease: bytes
    troubles: tuple[str, ...]
    damages: Damages


@dataclass(frozen=True, slots=True)
class _Waiting:
    """The second round trip: what waits in the registries, and who listens."""

    places: dict[str, Place]  # by the id of a job of ours
    twice: frozenset[str]  # ids of jobs that wait in two registries
    unmanaged: Mapping[str, int]
    workers: Mapping[str, int]
    stock: frozenset[str]  # queues that a scheduler of RQ's own looks after


@dataclass(slots=True)
class _Objects:
    """The third round trip: every record, every job, and whether anything moved since the first."""

    namespace: str
    waiting: _Waiting
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
    front = _read_front(client, keys)
    ours = queues | {queue for queue in front.rq_queues if keys.owns_queue(queue)}
    waiting = _read_waiting(client, keys, front, ours)
    found = _read_objects(client, keys, front, waiting)
    named = frozenset(map(keys.queue, found.odd_queues.union(filter(None, found.glances.queues.values()))))
    reading = _assemble(front, waiting, found, scheduler_of(front.lease, waiting.stock, named))
    settled = not found.moved and found.generation == front.head.get(b"generation") and named <= ours
    return Look(reading, settled, named)


def start_of(digest: bytes) -> bytes:
    """Return the first 128 bits of a digest: enough to tell them apart, and a third of the memory."""
    try:
        return unhexlify(digest[:32])
    except ValueError:
        return digest


def _ask_front(client: Redis, keys: Keys) -> tuple[int, list[Any], Damages]:
    """Return the time, what the keys below hold, in their order, and what of it cannot be read."""
    damages, wanted = Damages(keys), keys.types()
    pipe = client.pipeline(transaction=False)
    pipe.time()
    for key in wanted:
        pipe.type(key)
    asked: list[tuple[str, Any]] = []  # and what stands for a key of another type
    for key in (keys.head, keys.cursors, keys.holds, keys.active, keys.buffers):
        pipe.hgetall(key)
        asked.append((key, {}))
    for key in (keys.schedules, keys.pipelines, keys.forgotten, keys.specs):
        pipe.hkeys(key)
        asked.append((key, ()))
    pipe.smembers(keys.queues)
    pipe.get(keys.lease)
    pipe.get(keys.troubles)
    pipe.info("memory")
    pipe.info("persistence")
    pipe.info("replication")
    asked += [(keys.queues, ()), (keys.lease, None), (keys.troubles, None)]
    time, *replied = pipe.execute(raise_on_error=False)
    kinds, held, (memory, disk, others) = replied[: len(wanted)], replied[len(wanted) : -3], replied[-3:]
    damages.types(wanted, kinds)
    found = [
        damages.of_key(key, wanted[key], reply, nothing, matters=key not in (keys.head, keys.lease, keys.troubles))
        for (key, nothing), reply in zip(asked, held, strict=True)
    ]
    refused = (*full_words(memory), *disk_words(disk), *replication_words(others, is_led=bool(found[-2])))
    troubles = (*refused, *decode_troubles(found[-1]))
    return int(sound(time)[0]), [*found[:-1], troubles], damages


def _read_front(client: Redis, keys: Keys) -> _Front:
    now, held, damages = _ask_front(client, keys)
    head, cursors, holds, active, buffers, schedules, pipelines, forgotten, specs, rq_queues, lease, troubles = held
    prefix = keys.queue_list("")
    found, with_cursor = damages.cursors(cursors)
    same = {name: name for name in found}  # held once, though several of what is read hold it
    names = [same.get(name, name) for name in damages.names("schedule", schedules)]
    return _Front(
        now=now,
        head=head,
        schedules=names,
        pending=[found[name].pending if name in found else None for name in names],
        pipelines=damages.names("pipeline", pipelines),
        cursors=found,
        with_cursor=with_cursor,
        marks=[hash(tuple(some)) for some in batches(cursors.values(), _RECORDS)],
        holds=holds,
        active=active,
        buffers=buffers,
        forgotten=frozenset(name.decode(errors="replace") for name in forgotten),
        run_specs=frozenset(map(start_of, specs)),
        rq_queues=frozenset(key.decode(errors="replace").removeprefix(prefix) for key in rq_queues),
        lease=lease or b"",
        troubles=troubles,
        damages=damages,
    )


def _read_waiting(client: Redis, keys: Keys, front: _Front, queues: frozenset[str]) -> _Waiting:
    ours = sorted(queues)
    others = sorted(queue for queue in front.rq_queues if queue not in queues and "--" not in queue)
    commands = [
        *(pack("ZRANGE", keys.scheduled(queue), "0", "-1", "WITHSCORES") for queue in ours),
        *(pack("ZCARD", keys.scheduled(queue)) for queue in others),
        *(pack("SMEMBERS", keys.workers(queue)) for queue in ours),
        *([pack("MGET", *map(keys.scheduler_lock, ours))] if ours else []),
    ]
    found = iter(list(replies(client, [commands])))
    of_key = front.damages.of_key
    managed = {run_id: run_id for cursor in front.cursors.values() if (run_id := cursor.pending)}
    managed |= {run_id: run_id for key in front.active if (run_id := key.decode(errors="replace")) not in managed}
    places: dict[str, Place] = {}
    twice: set[str] = set()
    unmanaged: Counter[str] = Counter()
    seconds = lru_cache(maxsize=10_000)(_seconds)  # many are due at one moment
    for queue in ours:
        for member, score in _scored(of_key(keys.scheduled(queue), "zset", next(found), ())):
            run_id = managed.get(member.decode(errors="replace"))
            if run_id is None:
                unmanaged[queue] += 1
            elif places.setdefault(run_id, place := (queue, seconds(score))) is not place:
                twice.add(run_id)
    unmanaged.update({queue: _number(next(found)) for queue in others})
    workers = {queue: of_key(keys.workers(queue), "set", next(found), (), matters=False) for queue in ours}
    stock = moved_by_stock(ours, sound(next(found)) if ours else ())
    return _Waiting(places, frozenset(twice), +unmanaged, count_alive(client, workers), stock)


def _number(reply: Any) -> int:
    """Return how many jobs of others wait in a queue; a key of theirs that is of another type is their business."""
    return 0 if is_misplaced(reply) else reply


def _scored(reply: Sequence[Any]) -> Iterable[tuple[bytes, bytes | float]]:
    """Return members and scores: pairs in newer versions of the protocol, one after the other in older ones."""
    if reply and isinstance(reply[0], list):
        return map(tuple, reply)
    return zip(reply[::2], reply[1::2], strict=True)


def _seconds(score: bytes | float) -> int:
    """Return a score as whole seconds of the years 1970 to 9999; somebody may have set any, infinite ones too."""
    found: float
    try:
        found = int(score)
    except (ValueError, OverflowError):
        found = float(score)
    return int(min(max(found, 0), _LATEST))


def _read_objects(client: Redis, keys: Keys, front: _Front, waiting: _Waiting) -> _Objects:
    """Read every record and job, and look again at what may have moved."""
    found = _Objects(keys.namespace, waiting, front.damages, front.run_specs, Glances(keys.namespace))
    with closing(replies(client, _commands(keys, front))) as answers:
        for some in batches(zip(front.schedules, front.pending, strict=True), _RECORDS):
            _read_schedules(found, some, answers)
        for name, raw in _values(front.pipelines, answers):
            if raw is not None:
                found.add_pipeline(name, raw)
        found.generation = front.damages.of_key(keys.head, "hash", next(answers), None, matters=False)
        for mark, names in zip(front.marks, batches(front.with_cursor, _RECORDS), strict=True):
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


def _commands(keys: Keys, front: _Front) -> Iterator[Sequence[bytes]]:
    """Yield what reads all objects, in batches; behind some records the jobs that wait for them."""
    for many in batches(zip(front.schedules, front.pending, strict=True), _BATCH):
        batch: list[bytes] = []
        for some in batches(many, _RECORDS):
            jobs = (keys.job(run_id) for _, run_id in some if run_id)
            records = pack("HMGET", keys.schedules, *(name for name, _ in some))
            batch += [records, *pack_for_keys("HMGET", jobs, JOB_FIELDS)]
        yield batch
    pipelines = (pack("HMGET", keys.pipelines, *some) for some in batches(front.pipelines, _RECORDS))
    yield from batches(pipelines, _BATCH // _RECORDS)
    again = (pack("HMGET", keys.cursors, *some) for some in batches(front.with_cursor, _RECORDS))
    yield [pack("HGET", keys.head, "generation"), *again]


def _values(names: Sequence[str], answers: Iterator[Any]) -> Iterator[tuple[str, bytes | None]]:
    """Yield what each of these fields of a hash holds."""
    for some in batches(names, _RECORDS):
        yield from zip(some, sound(next(answers)), strict=True)


def job_values(reply: Any) -> Sequence[bytes | None]:
    """Return the fields of a job; a key of another type under its name is a job that cannot be read."""
    return (None,) * len(JOB_FIELDS) if is_misplaced(reply) else reply


def _moved(front: _Front, name: str, raw: bytes | None) -> bool:
    try:
        return raw is None or decode_cursor(name, raw) != front.cursors.get(name)
    except DamagedError:
        return name in front.cursors


def _broken(run_id: str, queue: str, due: int) -> Occurrence:
    """Return what stands for a job that waits in the registry but cannot be what we wrote."""
    return Occurrence(run_id, queue, due, function=UNREADABLE, args=(), timeout=0, result_ttl=0, failure_ttl=0)


def _assemble(front: _Front, waiting: _Waiting, found: _Objects, scheduler: str) -> Reading:
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
