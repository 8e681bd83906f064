"""Forget run specs that no record, no waiting or active run and no failed job names any more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from flowerpower.state.connection import redis_errors
from flowerpower.state.job_codec import JOB_FIELDS, decode_occurrence
from flowerpower.state.pipelined import fields_of
from flowerpower.state.store import Store

MANY = 1000  # that have come since it was collected last: each run by hand with inputs of its own brings one
_AT_ONCE = 500
_DIGEST = re.compile(rb'"digest":"([0-9a-f]+)"')  # in the entry of an active run


class SpecCollector:
    """Collects after an apply, and once many run specs have come without one: then what is seen unused twice.

    A run that fails is for a moment neither active nor among the failed jobs.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._left = 0  # when all that is unused had been removed
        self._unused: frozenset[str] = frozenset()  # as it was seen last

    def step(self, queues: Sequence[str], generation: int, *, whole: bool) -> None:
        """Look whether there is something to collect, and at all of it where the *whole* is looked at."""
        if whole:
            collect_specs(self._store, queues, generation)
            self._rest()
        elif self._unused or self._count() >= self._left + MANY:
            unused = unused_specs(self._store, queues)
            _forget(self._store, sorted(unused & self._unused), generation)
            self._unused = unused - self._unused
            if not self._unused:
                self._rest()

    def _rest(self) -> None:
        self._left, self._unused = self._count(), frozenset()

    def _count(self) -> int:
        with redis_errors("counting run specs"):
            return int(self._store.connection.hlen(self._store.keys.specs))


def collect_specs(store: Store, queues: Sequence[str], generation: int) -> int:
    """Remove the unused run specs of a namespace and return how many there were; an apply in between wins."""
    return _forget(store, sorted(unused_specs(store, queues)), generation)


def unused_specs(store: Store, queues: Sequence[str]) -> frozenset[str]:
    """Return the digests of the run specs that no record, no active run and no waiting or failed job names."""
    keys = store.keys
    with redis_errors("looking for unused run specs"):
        pipe = store.connection.pipeline(transaction=False)
        pipe.hkeys(keys.specs)
        pipe.hkeys(keys.schedules)
        pipe.hvals(keys.active)
        for queue in queues:
            pipe.zrange(keys.scheduled(queue), 0, -1)
            pipe.zrange(f"{keys.rq}:failed:{queue}", 0, -1)
        stored, names, active, *listed = pipe.execute()
        records = fields_of(store.connection, keys.schedules, names)
        unused = {digest.decode(errors="replace") for digest in stored} - {_run_of(record) for _, record in records}
        unused -= {found.decode() for entry in active for found in _DIGEST.findall(entry)}
        if not unused:
            return frozenset()
        ids = [member.decode(errors="replace") for members in listed for member in members]
        return frozenset(unused - _named_by_jobs(store, ids))


def _run_of(record: bytes | None) -> str:
    try:
        return str(json.loads(record or b"{}").get("run"))
    except (ValueError, AttributeError, RecursionError):
        return ""


def _named_by_jobs(store: Store, ids: Sequence[str]) -> set[str]:
    named: set[str] = set()
    for start in range(0, len(ids), _AT_ONCE):
        chunk = ids[start : start + _AT_ONCE]
        pipe = store.connection.pipeline(transaction=False)
        for run_id in chunk:
            pipe.hmget(store.keys.job(run_id), *JOB_FIELDS)
        jobs = [decode_occurrence(run_id, 0, values) for run_id, values in zip(chunk, pipe.execute(), strict=True)]
        named |= {str(job.args[-1]) for job in jobs if job and job.args}
    return named


def _forget(store: Store, digests: Iterable[str], generation: int) -> int:
    listed = list(digests)
    answers: list[Any] = [
        store.scripts.call("collect", [generation, *listed[start : start + _AT_ONCE]])
        for start in range(0, len(listed), _AT_ONCE)
    ]
    return sum(int(answer) for answer in answers)
