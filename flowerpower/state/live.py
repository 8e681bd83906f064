"""Live records and pipelines, kept small: of ten thousand that are as they should be, few fields are ever looked at.

An intact record, whose checksum is right, is what `codec` wrote, byte for byte. So the few values that every plan
compares are taken from where they stand (those of schedules in `glance`); the rest is parsed when it is asked for. A
checksum is no signature: who computes it for a text of his own has made a damaged record, which then shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set

from flowerpower.errors import FormatError
from flowerpower.state.codec import decode_pipeline, decode_record, decode_schedule, is_intact, seal
from flowerpower.state.models import Json, Pipeline, Record, Schedule, State

_PIPELINE = re.compile(rb'\{"sum":"[0-9a-f]{64}","code":"([0-9a-f]{64})","digest":"([0-9a-f]{64})","format":1,"name":"')


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
            try:
                self._parsed = dict(decode_record("object", "?", self._raw)["spec"])
            except (FormatError, KeyError, TypeError, ValueError):
                self._parsed = {}
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
            return _damaged(self._odd[address])
        if kind == "schedule":
            return _record(decode_schedule, name, self._raw(address, self._state.schedules[name].fields))
        if kind == "pipeline":
            return _record(decode_pipeline, name, self._raw(address, self._state.pipelines[name].fields))
        raise KeyError(address)

    def _raw(self, address: str, fields: Mapping[str, Json]) -> bytes:
        return fields.raw if isinstance(fields, LiveFields) else self._odd[address]

    def __iter__(self) -> Iterator[str]:
        yield from (f"schedule.{name}" for name in self._state.schedules)
        yield from (f"pipeline.{name}" for name in self._state.pipelines)

    def __len__(self) -> int:
        return len(self._state.schedules) + len(self._state.pipelines)


def _record(decode: Callable[[str, bytes], tuple[Schedule | Pipeline, Record]], name: str, raw: bytes) -> Record:
    try:
        return decode(name, raw)[1]
    except FormatError:
        return _damaged(raw)


def _damaged(raw: bytes) -> Record:
    return Record(0, seal(raw), intact=False, damaged=True)


def live_pipeline(name: str, raw: bytes) -> Pipeline:
    """Return a live pipeline from its record; raise `DamagedError` for one that is unreadable."""
    front = _PIPELINE.match(raw) if is_intact(raw) else None
    if not front:
        return decode_pipeline(name, raw)[0]
    code, digest = front.groups()
    return Pipeline(name, LiveFields(raw), code.decode(), digest.decode())


def altered_addresses(records: Mapping[str, Record]) -> list[str]:
    """Return the addresses of the records that somebody else has written, without decoding the others."""
    if isinstance(records, LiveRecords):
        return sorted(records.altered)
    return [address for address, record in records.items() if not record.intact]
