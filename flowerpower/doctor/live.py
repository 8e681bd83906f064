"""Read how a namespace does: its records one by one, so that a damaged one is named and hides nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flowerpower.doctor.findings import Fact, Unknown
from flowerpower.doctor.server import ask
from flowerpower.errors import FormatError
from flowerpower.jobs.monitoring.status import Status, read_status
from flowerpower.state.codec import decode_cursor, decode_head, decode_hold, decode_pipeline, decode_schedule
from flowerpower.state.connection import redis_errors
from flowerpower.state.models import Damage, Head, Hold, Record
from flowerpower.state.store import Store

T = TypeVar("T")
_OUT_OF_THE_WAY = "look at it with redis-cli, move it out of the way with RENAME, and apply again"


@dataclass(frozen=True, slots=True)
class Records:
    """What lies in a namespace, decoded one by one."""

    now: int
    head: Fact[Head]
    schedules: int = 0
    pipelines: int = 0
    damaged: tuple[Damage, ...] = ()
    altered: tuple[str, ...] = ()  # addresses of records that somebody else has written
    holds: Mapping[str, Hold] = field(default_factory=dict)
    remains: bool = False  # runs, applies or schedules that only an apply can have made


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers of one queue that RQ knows of, and how many of them still give a sign of life."""

    known: int
    alive: int


@dataclass(frozen=True, slots=True)
class LiveFacts:
    """How a namespace does; `tzdata` is the version of the zone rules of this machine."""

    records: Fact[Records]
    status: Fact[Status]
    workers: Fact[Mapping[str, Workers]]
    tzdata: str


def read_live(store: Store, tzdata: str) -> LiveFacts:
    """Return how the namespace of a store does; writes nothing."""
    records = ask("reading the records", lambda: _records(store))
    status: Fact[Status]
    if isinstance(records, Unknown):
        status = records
    else:
        status = ask("reading the live state", lambda: read_status(store))
        if isinstance(status, Unknown) and records.damaged:
            status = Unknown("what is damaged is in the way, see above")
    queues: Fact[Mapping[str, Workers]]
    if isinstance(status, Unknown):
        queues = status
    else:
        names = sorted({schedule.queue for schedule in status.schedules})
        queues = ask("looking for workers", lambda: {name: _workers(store, name) for name in names})
    return LiveFacts(records, status, queues, tzdata)


def _records(store: Store) -> Records:
    keys = store.keys
    with redis_errors("reading the records"):
        pipe = store.connection.pipeline(transaction=False)
        pipe.time()
        for name in (keys.head, keys.schedules, keys.pipelines, keys.cursors, keys.holds):
            pipe.hgetall(name)
        pipe.exists(keys.runs, keys.history, keys.schedules, keys.pipelines)
        for name in keys.types():
            pipe.type(name)
        replies: list[Any] = pipe.execute(raise_on_error=False)
    (seconds, _), *hashes, remains = (_sound(reply) for reply in replies[:7])
    head, schedules, pipelines, cursors, holds = hashes
    damaged = [
        Damage(f"the key {name} is a {kind.decode()} and should be a {wanted}", "", _OUT_OF_THE_WAY)
        for (name, wanted), kind in zip(keys.types().items(), map(_sound, replies[7:]), strict=True)
        if kind and kind.decode() not in ("none", wanted)
    ]
    altered = [
        *_altered(("schedule", keys.schedules), schedules, decode_schedule, damaged),
        *_altered(("pipeline", keys.pipelines), pipelines, decode_pipeline, damaged),
    ]
    _each(("cursor", keys.cursors), cursors, decode_cursor, damaged)
    return Records(
        now=int(seconds),
        head=_head(head),
        schedules=len(schedules),
        pipelines=len(pipelines),
        damaged=tuple(damaged),
        altered=tuple(altered),
        holds={name.decode(errors="replace"): decode_hold(raw) for name, raw in holds.items()},
        remains=bool(remains),
    )


def _sound(reply: Any) -> Any:
    """Return a reply, nothing for a key of another type; raise any other failure."""
    if not isinstance(reply, Exception):
        return reply
    if not str(reply).startswith("WRONGTYPE"):
        raise reply
    return {}


def _each(
    kind: tuple[str, str], raw: Mapping[bytes, bytes], decode: Callable[[str, bytes], T], damaged: list[Damage]
) -> dict[str, T]:
    """Return what can be decoded, by name; what cannot be is told in *damaged*."""
    found: dict[str, T] = {}
    for one, text in raw.items():
        name = one.decode(errors="backslashreplace")
        where = f"{kind[1]} {name}"
        try:
            one.decode()
            found[name] = decode(name, text)
        except FormatError as error:
            damaged.append(Damage(str(error), where, error.hint))
        except UnicodeDecodeError:
            damaged.append(
                Damage(f"a {kind[0]} is kept under {name!r}, which is no name", where, "remove it with HDEL")
            )
    return found


def _altered(
    kind: tuple[str, str],
    raw: Mapping[bytes, bytes],
    decode: Callable[[str, bytes], tuple[object, Record]],
    damaged: list[Damage],
) -> list[str]:
    decoded = _each(kind, raw, decode, damaged)
    return sorted(f"{kind[0]}.{name}" for name, (_, record) in decoded.items() if not record.intact)


def _head(raw: Mapping[bytes, bytes]) -> Fact[Head]:
    try:
        return decode_head(raw)
    except FormatError as error:
        return Unknown(f"{error}; {error.hint}")


def _workers(store: Store, queue: str) -> Workers:
    """Count the workers of a queue; the key of one that died without a word expires after some minutes."""
    connection, keys = store.connection, store.keys
    members: Any = connection.smembers(keys.workers(keys.queue(queue)))
    alive: Any = connection.exists(*members) if members else 0
    return Workers(len(members), alive)
