"""Live schedules and records, kept small: of ten thousand that are as they should be, few fields are ever looked at.

An intact record, whose checksum is right, is what `codec.encode_schedule` wrote, byte for byte. So the few values that
every plan compares are taken from where they stand; the rest is parsed when somebody asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from sys import intern
from typing import NamedTuple

from flowerpower.state.codec import decode_pipeline, decode_record, decode_schedule, is_intact, seal
from flowerpower.state.models import Json, Occurrence, Pipeline, Record, Schedule, State

_FRONT = re.compile(rb'\{"sum":"[0-9a-f]{64}","basis":"([0-9a-f]{64})","digest":"([0-9a-f]{64})","format":1,"name":"')
_RUN = re.compile(rb'"\},"revision":\d+,"run":"([0-9a-f]{64})","spec":\{')  # no text before it holds a quote unescaped
_PIPELINE = re.compile(rb'\{"sum":"[0-9a-f]{64}","code":"([0-9a-f]{64})","digest":"([0-9a-f]{64})","format":1,"name":"')
_BACK = re.compile(rb',"timing":"([^"\\]+)"\}')
_QUEUE = re.compile(rb',"queue":"([^"\\]+)",')


class LiveFields(Mapping[str, Json]):
    """The fields of an intact record, parsed when the first one is asked for."""

    __slots__ = ("_parsed", "_raw")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._parsed: Mapping[str, Json] | None = None

    @property
    def raw(self) -> bytes:
        """The record."""
        return self._raw

    def __getitem__(self, name: str) -> Json:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return repr(self._all())

    def _all(self) -> Mapping[str, Json]:
        if self._parsed is None:
            self._parsed = dict(decode_record("object", "?", self._raw)["spec"])
        return self._parsed


class LiveRecords(Mapping[str, Record]):
    """What surrounds each live object, by address, decoded when it is asked for."""

    def __init__(
        self, state: State, odd: Mapping[str, bytes], altered: Set[str], damaged: Set[str] = frozenset()
    ) -> None:
        self._state = state
        self._odd = odd  # by address, the records that their objects do not hold
        self.altered = altered  # addresses
        self._damaged = damaged  # addresses

    def __getitem__(self, address: str) -> Record:
        kind, _, name = address.partition(".")
        if address in self._damaged:
            return Record(0, seal(self._odd[address]), intact=False, damaged=True)
        if kind == "schedule":
            return decode_schedule(name, self._raw(address, self._state.schedules[name].fields))[1]
        if kind == "pipeline":
            return decode_pipeline(name, self._raw(address, self._state.pipelines[name].fields))[1]
        raise KeyError(address)

    def _raw(self, address: str, fields: Mapping[str, Json]) -> bytes:
        return fields.raw if isinstance(fields, LiveFields) else self._odd[address]

    def __iter__(self) -> Iterator[str]:
        yield from (f"schedule.{name}" for name in self._state.schedules)
        yield from (f"pipeline.{name}" for name in self._state.pipelines)

    def __len__(self) -> int:
        return len(self._state.schedules) + len(self._state.pipelines)


class Draft(NamedTuple):
    """A live schedule whose pending job is not known yet, and its queue's name."""

    fields: Mapping[str, Json]
    timing: str
    basis: str
    run: str
    digest: str
    queue: str

    def with_job(self, name: str, run: str, occurrence: Occurrence | None) -> Schedule:
        """Return the schedule with what waits for it; *run* is its own, or one like it that is held already."""
        fields, timing, basis, _, digest, _ = self
        return Schedule(name, fields, timing, basis, run, digest, occurrence)


UNKNOWN = Draft({}, timing="", basis="", run="", digest="", queue="")  # of a damaged record


def draft_schedule(name: str, raw: bytes) -> Draft:
    """Return a live schedule from its record; raise `DamagedError` for one that is unreadable."""
    return (_glance(raw) if is_intact(raw) else None) or _read_through(name, raw)


def live_pipeline(name: str, raw: bytes) -> Pipeline:
    """Return a live pipeline from its record; raise `DamagedError` for one that is unreadable."""
    front = _PIPELINE.match(raw) if is_intact(raw) else None
    if not front:
        return decode_pipeline(name, raw)[0]
    code, digest = front.groups()
    return Pipeline(name, LiveFields(raw), code.decode(), digest.decode())


def _glance(raw: bytes) -> Draft | None:
    """Return what can be told of an intact record without parsing it; None where it is not as we write it today.

    Behind the last `timing` and `queue` stands nothing that people may fill as they like.
    """
    front, run = _FRONT.match(raw), _RUN.search(raw, 240)
    back = _BACK.fullmatch(raw, raw.rfind(b',"timing":'))
    queue = _QUEUE.match(raw, raw.rfind(b',"queue":'))
    if not (front and run and back and queue):
        return None
    basis, digest = front.groups()
    timing, pipeline = intern(back[1].decode()), intern(basis.decode())  # many have the same
    return Draft(LiveFields(raw), timing, pipeline, run[1].decode(), digest.decode(), intern(queue[1].decode()))


def _read_through(name: str, raw: bytes) -> Draft:
    schedule, _ = decode_schedule(name, raw)
    queue = str(schedule.fields.get("queue"))
    return Draft(schedule.fields, schedule.timing, schedule.basis, schedule.run, schedule.digest, queue)


def altered_addresses(records: Mapping[str, Record]) -> list[str]:
    """Return the addresses of the records that somebody else has written, without decoding the others."""
    if isinstance(records, LiveRecords):
        return sorted(records.altered)
    return [address for address, record in records.items() if not record.intact]
