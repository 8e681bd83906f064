"""Live schedules, told from records that are as they were written: only what every plan compares is looked at.

Ten thousand are looked at in each plan, so nothing is parsed, and what many have in common is held once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

from flowerpower.state.codec import is_intact
from flowerpower.state.job_codec import JOB_FUNCTION, JobSettings, call_start, decode_settings
from flowerpower.state.live import LiveFields
from flowerpower.state.models import Cursor, Json, Occurrence, Schedule

# Where the parts of a record stand, as `codec.encode_schedule` writes it: no text in it holds a quote unescaped.
_BASIS, _DIGEST, _BEHIND = slice(83, 147), slice(159, 223), 223
_RUN, _QUEUE, _TIMING = b',"run":"', b',"queue":"', b',"timing":"'
_TEXT, _LAST = re.compile(rb'([^"\\]+)'), re.compile(rb'([^"\\]+)"\}')

JobShape: TypeAlias = tuple[str, JobSettings]  # the namespace, and what jobs of many schedules have in common
Glance: TypeAlias = tuple[str, str, bytes]  # timing, basis, and the digest of the run spec


class Waiting(NamedTuple):
    """The job that waits for a live schedule: it is as we write them."""

    id: str
    due: int
    settings: JobSettings


class LiveSchedule(Schedule):
    """A live schedule whose record is as we wrote it: it holds that and little else, since there may be very many.

    It has no slots of its own; in those of `Schedule` that its properties hide lies what it is told from. A copy that
    is made of it, as by `dataclasses.replace`, is a plain `Schedule`.
    """

    __slots__ = ()

    def __new__(cls, *values: Any, **named: Any) -> Schedule:  # type: ignore[misc]
        """Return a plain schedule of these values."""
        return Schedule(*values, **named)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and _values_of(self) == _values_of(other)

    __hash__ = None  # type: ignore[assignment]  # no schedule has one: its fields are a mapping

    def __reduce__(self) -> tuple[type[Schedule], tuple[Any, ...]]:
        """Let a pickle or a deep copy be a plain one."""
        return Schedule, _values_of(self)

    @property
    def record(self) -> bytes:
        """Its record."""
        held: LiveFields | bytes = _RECORD.__get__(self)
        return held if isinstance(held, bytes) else held.raw

    @property
    def fields(self) -> Mapping[str, Json]:
        """The fields of its spec, parsed when the first one is asked for."""
        held: LiveFields | bytes = _RECORD.__get__(self)
        if isinstance(held, bytes):
            held = LiveFields(held)
            _RECORD.__set__(self, held)
        return held

    @property
    def run(self) -> str:
        """The digest of its run spec."""
        record = self.record
        start = record.find(_RUN, _BEHIND) + len(_RUN)
        return record[start : start + 64].decode(errors="replace")

    @property
    def digest(self) -> str:
        """Its identity."""
        return self.record[_DIGEST].decode(errors="replace")

    @property
    def waiting(self) -> Waiting | None:
        """The job that waits, None if there is none."""
        shape: JobShape | None = _SHAPE.__get__(self)
        return Waiting(_ID.__get__(self), _DUE.__get__(self), shape[1]) if shape else None

    @property
    def occurrence(self) -> Occurrence | None:
        """Its pending run, None if there is none."""
        shape: JobShape | None = _SHAPE.__get__(self)
        if shape is None:
            return None
        namespace, (queue, timeout, result_ttl, failure_ttl, retries, waits) = shape
        call = JOB_FUNCTION, (namespace, self.name, self.run)
        due = _DUE.__get__(self)
        return Occurrence(_ID.__get__(self), queue, due, *call, timeout, result_ttl, failure_ttl, retries, waits)


def of_another_revision(schedules: Iterable[Schedule], cursors: Mapping[str, Cursor]) -> Iterator[str]:
    """Yield the names of schedules whose records are not as we write them with the revision of their cursor."""
    ends: dict[int, bytes] = {}  # of what is before the run
    for one in schedules:
        cursor = cursors.get(one.name)
        if cursor is None:
            continue
        end = ends.get(cursor.revision) or ends.setdefault(cursor.revision, b'"revision":%d' % cursor.revision)
        held = _RECORD.__get__(one)
        record = held if isinstance(held, bytes) else held.raw if isinstance(held, LiveFields) else b""
        if not record.endswith(end, 0, record.find(_RUN, _BEHIND)):
            yield one.name


def passing_fields(schedule: Schedule) -> Mapping[str, Json]:
    """Return the fields of a schedule for one look: of thousands of live ones, nothing that was parsed is kept."""
    held = _RECORD.__get__(schedule) if isinstance(schedule, LiveSchedule) else schedule.fields
    return LiveFields(held) if isinstance(held, bytes) else held


_RECORD, _ID, _SHAPE, _DUE = (vars(Schedule)[slot] for slot in ("fields", "run", "digest", "occurrence"))
_set_name, _set_timing, _set_basis = (vars(Schedule)[slot].__set__ for slot in ("name", "timing", "basis"))
_set_record, _set_id, _set_shape, _set_due = (slot.__set__ for slot in (_RECORD, _ID, _SHAPE, _DUE))
_values_of = attrgetter("name", "fields", "timing", "basis", "run", "digest", "occurrence")


class Glances:
    """Looks at the records and jobs of a namespace; what many of them have in common is known after the first."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._call = call_start(namespace).encode()
        self._bases: dict[bytes, str] = {}
        self._timings: dict[bytes, str] = {}
        self._shapes: dict[tuple[bytes | None, ...], JobShape] = {}
        self.queues: dict[bytes, str] = {}

    def at(self, name: str, raw: bytes) -> Glance | None:
        """Return what every plan looks at; None of a record that is not, to the byte, what we would write today."""
        run, back = raw.find(_RUN, _BEHIND) + len(_RUN), raw.rfind(_TIMING)
        queue = raw.rfind(_QUEUE, 0, back) + len(_QUEUE)
        timings, bases, queues = self._timings, self._bases, self.queues
        last, base, named = raw[back + len(_TIMING) :], raw[_BASIS], raw[queue : raw.find(b'"', queue)]
        timing = timings.get(last) or _learn(timings, last, _LAST)
        basis = bases.get(base) or _learn(bases, base, _TEXT)
        is_ours = (
            timing
            and basis
            and raw[74:83] == b'"basis":"'
            and raw[147:159] == b'","digest":"'
            and raw.startswith(b'","format":1,"name":"%b",' % name.encode(errors="surrogatepass"), _BEHIND)
            and raw.startswith(b'","spec":{', run + 64)
            and is_intact(raw)
            and (queues.get(named) or _learn(queues, named, _TEXT))  # last: queues of others are not looked at
        )
        return (timing, basis, raw[run : run + 64]) if is_ours else None

    def shape_of(self, name: str, run: bytes, values: Sequence[bytes | None]) -> JobShape | None:
        """Return what a job has in common with others; None of one that is not, to the byte, what we would write.

        The name is that of a record that was looked at, in which it stands without an escape.
        """
        if values[-1] != b"scheduled" or values[0] != b'%b%b", "%b"], {}]' % (self._call, name.encode(), run):
            return None
        settings = tuple(values[1:-1])
        return self._shapes.get(settings) or self._learn_shape(settings)

    def _learn_shape(self, settings: tuple[bytes | None, ...]) -> JobShape | None:
        try:
            shape = self._namespace, decode_settings(*settings)
        except ValueError:
            return None
        return self._shapes.setdefault(settings, shape)


def _learn(values: dict[bytes, str], raw: bytes, wanted: re.Pattern[bytes]) -> str:
    """Return a text, to be known to all who have the same; an empty one if it is not as wanted."""
    match = wanted.fullmatch(raw)
    if not match:
        return ""
    return values.setdefault(raw, match[1].decode(errors="replace"))


def live_schedule(
    name: str, record: bytes, glance: Glance, shape: JobShape | None = None, run_id: str = "", due: int = 0
) -> LiveSchedule:
    """Return the schedule of a record, and of the job that waits for it: one of this shape, if any."""
    one: LiveSchedule = object.__new__(LiveSchedule)
    _set_name(one, name)
    _set_timing(one, glance[0])
    _set_basis(one, glance[1])
    _set_record(one, record)
    _set_shape(one, shape)
    _set_id(one, run_id)
    _set_due(one, due)
    return one
