"""Read and write the live state of one namespace; `reading.py` looks at all of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowerpower.errors import FormatError, StoreError
from flowerpower.state.codec import decode_cursor, decode_head
from flowerpower.state.connection import SCRIPT_TIMEOUT, redis_errors, without_retries
from flowerpower.state.job_codec import JOB_FIELDS
from flowerpower.state.keys import Keys
from flowerpower.state.models import Cursor, Head, Reading
from flowerpower.state.pipelined import batches, fields_of, pack, pack_for_keys, replies, sound
from flowerpower.state.reading import job_values, look
from flowerpower.state.scripts import Scripts

if TYPE_CHECKING:
    from redis import Redis

_ATTEMPTS = 3
_STAGE_SECONDS = 3600
_AT_ONCE = 5000  # jobs
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

    kind: str  # generation, revision, type, cursor, hold, stage, moved, running
    details: tuple[str, ...] = ()


class Store:
    """One namespace of one Redis."""

    def __init__(self, connection: Redis, keys: Keys, clock: str | None = None) -> None:
        self.connection = connection
        self.keys = keys
        self.scripts: Scripts = Scripts(connection, keys, clock)

    def read(self, *, partly: bool = False) -> Reading:
        """Return what is live now.

        What moves while it is read is read again; after three tries it is named in `firing`, never taken for drift.
        Raises `StoreError` when Redis fails or, unless *partly*, a key that matters is of another type, `FormatError`
        when a record is of a newer format.
        """
        with redis_errors("reading the live state"):
            found = look(self.connection, self.keys)
            for _ in range(_ATTEMPTS - 1):
                if found.settled:
                    break
                found = look(self.connection, self.keys, found.queues)
        reading = found.reading
        if reading.unread and not partly:
            damage, others = reading.damaged[reading.unread[0]], len(reading.unread) - 1
            raise StoreError(f"{damage.told}{f' (and {others} more such keys)' if others else ''}", hint=damage.hint)
        return reading

    def open_stage(self, apply_id: str, inverse: bytes) -> None:
        """Make the private key, which expires, that the changes of one apply are staged under, also once more."""
        with redis_errors("staging the changes"):
            pipe = self.connection.pipeline(transaction=False)
            pipe.delete(self.keys.stage(apply_id))
            pipe.hset(self.keys.stage(apply_id), "inverse", inverse)
            pipe.expire(self.keys.stage(apply_id), _STAGE_SECONDS)
            pipe.execute()

    def stage(self, apply_id: str, parts: Iterable[Mapping[str, bytes]]) -> Iterator[int]:
        """Add to the stage of one apply, part by part, and yield the number of parts that are there.

        Nobody looks at it before the commit.
        """
        key = self.keys.stage(apply_id)
        with redis_errors("staging the changes"):
            sent = ([pack("HSET", key, *_words(part))] for part in parts)
            for number, reply in enumerate(replies(self.connection, sent), start=1):
                sound(reply)
                yield number

    def read_records(self, kind: str, names: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yield the raw record of each of these schedules or pipelines, None for one that is not there."""
        with redis_errors("verifying the apply"):
            yield from fields_of(self.connection, self.keys.records(kind), names)

    def read_pending(self, run_ids: Mapping[str, str]) -> Iterator[tuple[str, Sequence[bytes | None]]]:
        """Yield the `JOB_FIELDS` of the jobs of schedules whose cursors still name these as pending."""
        with redis_errors("verifying the apply"):
            cursors = fields_of(self.connection, self.keys.cursors, list(run_ids))
            still = [name for name, raw in cursors if raw and raw.endswith(f" {run_ids[name]}".encode())]
            keys = (self.keys.job(run_ids[name]) for name in still)
            commands = batches(pack_for_keys("HMGET", keys, JOB_FIELDS), _AT_ONCE)
            yield from zip(still, map(job_values, replies(self.connection, commands)), strict=True)

    def cursors(self, names: Sequence[str]) -> dict[str, Cursor]:
        """Return the cursors of the named schedules, of those whose cursor can be read."""
        if not names:
            return {}
        with redis_errors("reading cursors"):
            found = dict(fields_of(self.connection, self.keys.cursors, names))
        cursors: dict[str, Cursor] = {}
        for name, raw in found.items():
            with suppress(FormatError):
                if raw is not None:
                    cursors[name] = decode_cursor(name, raw)
        return cursors

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
            return decode_head(raw, self.keys.head)


def _words(fields: Mapping[str, bytes]) -> Iterator[str | bytes]:
    for name, value in fields.items():
        yield from (name, value)
