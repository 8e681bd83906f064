"""The wanted state of a large project as bytes: a plan looks at the few schedules that are not live as they should be.

As objects they take several times the memory. The bytes go from one process to another; they are never kept.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from flowerpower.state.desired import run_spec
from flowerpower.state.models import Desired, Json, Pipeline, Rules, Schedule, State

_SCHEDULE = "schedule."


class PackedPart(NamedTuple):
    """The wanted state of a part of a project, as values that `marshal` writes."""

    namespace: str
    schedules: dict[str, bytes]
    pipelines: list[tuple[str, dict[str, Json], str, str]]
    places: dict[str, str]  # of all but schedules
    rules: tuple[str, str]


def packed_part(desired: Desired, namespace: str) -> PackedPart:
    """Return the wanted state of a part of a project, in which no schedule had another name."""
    state, places = desired.state, desired.places
    return PackedPart(
        namespace,
        {name: _pack(one, places.get(_SCHEDULE + name, "")) for name, one in state.schedules.items()},
        [(one.name, dict(one.fields), one.code, one.digest) for one in state.pipelines.values()],
        {address: place for address, place in places.items() if not address.startswith(_SCHEDULE)},
        (desired.rules.guards, desired.rules.policies),
    )


def unpacked(parts: Iterable[PackedPart]) -> Desired:
    """Return the wanted state of a project from its parts; its schedules are unpacked when they are asked for."""
    parts = list(parts)
    pipelines = {values[0]: Pipeline(*values) for part in parts for values in part.pipelines}
    bytes_of = {name: raw for part in parts for name, raw in part.schedules.items()}
    schedules = PackedSchedules(bytes_of, pipelines)
    return Desired(
        state=State(schedules, pipelines),
        run_specs=_RunSpecs(schedules, parts[0].namespace),
        places=_Places(schedules, {address: place for part in parts for address, place in part.places.items()}),
        rules=Rules(*parts[0].rules),
    )


def _pack(schedule: Schedule, place: str) -> bytes:
    digests = bytes.fromhex(schedule.run + schedule.digest)
    return marshal.dumps((dict(schedule.fields), schedule.timing, digests, place))


class PackedSchedules(Mapping[str, Schedule]):
    """Schedules by name, each made of its bytes whenever it is asked for."""

    def __init__(self, packed: Mapping[str, bytes], pipelines: Mapping[str, Pipeline]) -> None:
        self._packed = packed
        self.pipelines = pipelines
        self._runs: dict[str, str] = {}  # names of those that were asked for, by the digest of the run spec

    def __getitem__(self, name: str) -> Schedule:
        fields, timing, digests, _ = self._values(name)
        run, digest = digests[:32].hex(), digests[32:].hex()
        self._runs[run] = name
        return Schedule(name, fields, timing, self.pipelines[str(fields["pipeline"])].digest, run, digest)

    def __contains__(self, name: object) -> bool:
        return name in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)

    def place(self, name: str) -> str:
        """Return where a schedule is written."""
        return self._values(name)[-1]

    def _values(self, name: str) -> tuple[dict[str, Json], str, bytes, str]:
        values: tuple[dict[str, Json], str, bytes, str] = marshal.loads(self._packed[name])  # noqa: S302 - our own
        return values

    def of_run(self, run: str) -> Schedule:
        """Return the schedule with a run spec of this digest; who knows one has asked for the schedule before."""
        if run not in self._runs:
            for _ in self.values():
                pass
        return self[self._runs[run]]


class _RunSpecs(Mapping[str, str]):
    """Run specs by digest, each put together when it is asked for."""

    def __init__(self, schedules: PackedSchedules, namespace: str) -> None:
        self._schedules = schedules
        self._namespace = namespace

    def __getitem__(self, run: str) -> str:
        one = self._schedules.of_run(run)
        return run_spec(self._namespace, one.name, one.fields, self._schedules.pipelines[str(one.fields["pipeline"])])

    def __iter__(self) -> Iterator[str]:
        return (one.run for one in self._schedules.values())

    def __len__(self) -> int:
        return len(self._schedules)


class _Places(Mapping[str, str]):
    """Where everything is written, by address."""

    def __init__(self, schedules: PackedSchedules, others: Mapping[str, str]) -> None:
        self._schedules = schedules
        self._others = others

    def __getitem__(self, address: str) -> str:
        if address.startswith(_SCHEDULE):
            return self._schedules.place(address.removeprefix(_SCHEDULE))
        return self._others[address]

    def __iter__(self) -> Iterator[str]:
        return chain(self._others, (_SCHEDULE + name for name in self._schedules))

    def __len__(self) -> int:
        return len(self._others) + len(self._schedules)
