"""Forget run specs that no record, no waiting or active run and no failed job names any more."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from flowerpower.state.connection import redis_errors
from flowerpower.state.job_codec import JOB_FIELDS, decode_occurrence
from flowerpower.state.pipelined import fields_of
from flowerpower.state.store import Store

_AT_ONCE = 500


def collect_specs(store: Store, queues: Sequence[str], generation: int) -> int:
    """Remove the unused run specs of a namespace and return how many there were; an apply in between wins."""
    keys = store.keys
    with redis_errors("looking for unused run specs"):
        pipe = store.connection.pipeline(transaction=False)
        pipe.hkeys(keys.specs)
        pipe.hkeys(keys.schedules)
        for queue in queues:
            pipe.zrange(keys.scheduled(queue), 0, -1)
            pipe.zrange(f"{keys.rq}:failed:{queue}", 0, -1)
        stored, names, *listed = pipe.execute()
        records = fields_of(store.connection, keys.schedules, names)
        unused = {digest.decode() for digest in stored} - {_run_of(record) for _, record in records}
        if not unused:
            return 0
        ids = [member.decode(errors="replace") for members in listed for member in members]
        unused -= _named_by_jobs(store, ids)
        return _forget(store, sorted(unused), generation)


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
