"""The floor: the same keys by plain pipelined commands, with no check, no history and no object. Same usage.

Nobody would run this; it says what the client and the server cost at least.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis import Redis

from benchmarks.samples import Sample, print_samples, watch

_CHUNK = 1000
_CREATED = "2026-11-22T01:00:00.000000Z"


def apply(url: str, world: Path) -> dict[str, Sample]:
    """Write the hash and the registry entry of every job, then delete both."""
    connection = Redis.from_url(url)
    jobs: list[Any] = json.loads((world / "jobs.json").read_text())
    pipe = connection.pipeline(transaction=False)
    with watch() as creating:
        for number, job in enumerate(jobs, start=1):
            pipe.hset(f"rq:job:{job['id']}", mapping=_hash(job))
            pipe.zadd(f"rq:scheduled:{job['queue']}", {job["id"]: job["due"]})
            if number % _CHUNK == 0:
                pipe.execute()
        pipe.execute()
    created = _count(connection, jobs)
    with watch() as deleting:
        for start in range(0, len(jobs), _CHUNK):
            _delete(pipe, jobs[start : start + _CHUNK])
        pipe.execute()
    return {"create": creating.sample(created), "delete": deleting.sample(created - _count(connection, jobs))}


def read_live(url: str, world: Path) -> dict[str, Sample]:
    """Read three fields of every job that waits."""
    connection = Redis.from_url(url)
    jobs: list[Any] = json.loads((world / "jobs.json").read_text())
    ids: list[Any] = []
    for queue in {job["queue"] for job in jobs}:
        found: Any = connection.zrange(f"rq:scheduled:{queue}", 0, -1)
        ids += [member.decode() for member in found]
    values: list[Any] = []
    with watch() as reading:
        pipe = connection.pipeline(transaction=False)
        for start in range(0, len(ids), _CHUNK):
            for job_id in ids[start : start + _CHUNK]:
                pipe.hmget(f"rq:job:{job_id}", "data", "origin", "timeout")
            values += pipe.execute()
    return {"read": reading.sample(sum(all(value) for value in values))}


def _hash(job: Any) -> dict[Any, Any]:
    return {
        "data": json.dumps([job["function"], None, job["args"], {}]),
        "origin": job["queue"],
        "timeout": str(job["timeout"]),
        "result_ttl": str(job["result_ttl"]),
        "failure_ttl": str(job["failure_ttl"]),
        "retries_left": str(job["retries"]),
        "retry_intervals": json.dumps(job["intervals"]),
        "description": job["description"],
        "meta": json.dumps(job["meta"]),
        "created_at": _CREATED,
        "status": "scheduled",
        "started_at": "",
        "ended_at": "",
        "worker_name": "",
    }


def _delete(pipe: Any, jobs: list[Any]) -> None:
    waiting = defaultdict(list)
    for job in jobs:
        waiting[job["queue"]].append(job["id"])
    pipe.unlink(*(f"rq:job:{job['id']}" for job in jobs))
    for queue, ids in waiting.items():
        pipe.zrem(f"rq:scheduled:{queue}", *ids)


def _count(connection: Any, jobs: list[Any]) -> int:
    hashes = connection.exists(*(f"rq:job:{job['id']}" for job in jobs))
    waiting = sum(connection.zcard(f"rq:scheduled:{queue}") for queue in {job["queue"] for job in jobs})
    return int(max(hashes, waiting))


ACTIONS: dict[str, Callable[[str, Path], dict[str, Sample]]] = {
    action.__name__: action for action in (apply, read_live)
}

if __name__ == "__main__":
    print_samples(ACTIONS[sys.argv[1]](sys.argv[2], Path(sys.argv[3])))
