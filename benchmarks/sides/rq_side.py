"""RQ: create, fetch, delete and dispatch the jobs of one world. Usage: ACTION REDIS_URL WORLD.

Runs in the peers' environment, with JSON as the serializer, as flowerpower's jobs have it.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redis import Redis
from redis.client import Pipeline
from rq import Queue, Retry
from rq.cron import CronScheduler
from rq.job import Job
from rq.registry import ScheduledJobRegistry
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer

from benchmarks.samples import Sample, print_samples, watch

_CHUNK = 1000


def one_by_one(url: str, world: Path) -> dict[str, Sample]:
    """Create with `enqueue_at`, then delete with `Job.delete`, job by job."""
    return _apply(url, world, pipelined=False)


def pipelined(url: str, world: Path) -> dict[str, Sample]:
    """Create with `enqueue_at`, then delete with `Job.delete`, each in one pipeline."""
    return _apply(url, world, pipelined=True)


def fetch_many(url: str, world: Path) -> dict[str, Sample]:
    """Fetch the jobs that wait and look at what a comparison needs of each."""
    connection = Redis.from_url(url)
    ids = _waiting(connection, world)
    with watch() as fetching:
        found = [
            (job.func_name, job.args, job.timeout, job.origin, job.result_ttl)
            for start in range(0, len(ids), _CHUNK)
            for job in Job.fetch_many(ids[start : start + _CHUNK], connection=connection, serializer=JSONSerializer)
            if job
        ]
    return {"read": fetching.sample(len(found))}


def scheduler(url: str, world: Path) -> dict[str, Sample]:
    """Move due one-shot jobs with `RQScheduler.enqueue_scheduled_jobs`, called back to back; nothing recurs."""
    connection = Redis.from_url(url)
    jobs = _jobs(world)
    with connection.pipeline(transaction=False) as pipe:
        _create(connection, jobs, pipe, due=1.0)
        pipe.execute()
    names = sorted({job["queue"] for job in jobs})
    mover: Any = RQScheduler(names, connection, serializer=JSONSerializer, logging_level=logging.WARNING)
    mover.acquire_locks()
    with watch() as moving:
        while _count(connection, names):
            mover.enqueue_scheduled_jobs()
    return {"dispatch": moving.sample(_queued(connection, names))}


def prepare(url: str, world: Path) -> dict[str, Sample]:
    """Create the jobs and leave them there; not measured."""
    connection = Redis.from_url(url)
    jobs = _jobs(world)
    with connection.pipeline(transaction=False) as pipe:
        _create(connection, jobs, pipe)
        pipe.execute()
    return {"prepare": Sample(0.0, _count(connection, {job["queue"] for job in jobs}))}


def cron_scheduler(url: str, world: Path) -> dict[str, Sample]:
    """Enqueue due cron jobs with RQ's `CronScheduler`, and save its state as its own loop does."""
    connection = Redis.from_url(url)
    jobs = _jobs(world)
    cron = CronScheduler(connection, logging_level=logging.WARNING)
    logging.getLogger("rq.cron").setLevel(logging.WARNING)
    for job in jobs:  # CronScheduler wants a function it can import; nothing runs it
        options = {"job_timeout": job["timeout"], "result_ttl": job["result_ttl"], "failure_ttl": job["failure_ttl"]}
        name = job["args"][1]
        made = cron.register(
            print_samples,
            job["queue"],
            args=tuple(job["args"]),
            cron=job["cron"],
            meta=job["meta"],
            name=name,
            **options,
        )
        made.next_enqueue_time = datetime(2026, 1, 1, tzinfo=UTC)
    with watch() as enqueueing:
        cron.enqueue_jobs()
        cron.save()
    return {"dispatch": enqueueing.sample(_queued(connection, sorted({job["queue"] for job in jobs})))}


def _apply(url: str, world: Path, *, pipelined: bool) -> dict[str, Sample]:
    connection = Redis.from_url(url)
    jobs = _jobs(world)
    names = sorted({job["queue"] for job in jobs})
    with watch() as creating:
        if pipelined:
            with connection.pipeline() as pipe:
                _create(connection, jobs, pipe)
                pipe.execute()
        else:
            _create(connection, jobs, None)
    created = _count(connection, names)
    ids = [job["id"] for job in jobs]
    fetched = [job for job in Job.fetch_many(ids, connection=connection, serializer=JSONSerializer) if job]
    with watch() as deleting:
        if pipelined:
            with connection.pipeline() as pipe:
                for job in fetched:
                    job.delete(pipeline=pipe)
                pipe.execute()
        else:
            for job in fetched:
                job.delete()
    left = connection.exists(*(f"rq:job:{job_id}" for job_id in ids))
    deleted = created - max(int(left), _count(connection, names))
    return {"create": creating.sample(created), "delete": deleting.sample(deleted)}


def _create(connection: Redis, jobs: Iterable[Any], pipe: Pipeline | None, due: float | None = None) -> None:
    queues = {
        name: Queue(name, connection=connection, serializer=JSONSerializer) for name in {j["queue"] for j in jobs}
    }
    for job in jobs:
        queues[job["queue"]].enqueue_at(
            datetime.fromtimestamp(due or job["due"], UTC),
            job["function"],
            args=job["args"],
            kwargs={},
            job_id=job["id"],
            job_timeout=job["timeout"],
            result_ttl=job["result_ttl"],
            failure_ttl=job["failure_ttl"],
            retry=Retry(job["retries"], job["intervals"]) if job["retries"] else None,
            description=job["description"],
            meta=job["meta"],
            pipeline=pipe,
        )


def _jobs(world: Path) -> list[Any]:
    jobs: list[Any] = json.loads((world / "jobs.json").read_text())
    return jobs


def _waiting(connection: Redis, world: Path) -> list[str]:
    """Return the ids that wait: those that flowerpower made, which RQ reads as its own."""
    names = {job["queue"] for job in _jobs(world)}
    registries: list[Any] = [ScheduledJobRegistry(name, connection=connection) for name in names]  # type: ignore[no-untyped-call]
    return [job_id for registry in registries for job_id in registry.get_job_ids()]


def _count(connection: Redis, names: Iterable[str]) -> int:
    return sum(int(connection.zcard(f"rq:scheduled:{name}")) for name in names)


def _queued(connection: Redis, names: Iterable[str]) -> int:
    return sum(int(connection.llen(f"rq:queue:{name}")) for name in names)


ACTIONS: dict[str, Callable[[str, Path], dict[str, Sample]]] = {
    action.__name__: action for action in (one_by_one, pipelined, fetch_many, scheduler, prepare, cron_scheduler)
}

if __name__ == "__main__":
    print_samples(ACTIONS[sys.argv[1]](sys.argv[2], Path(sys.argv[3])))
