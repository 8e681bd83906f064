"""rq-scheduler: create jobs; enqueue due ones and store when each comes next. Usage: ACTION REDIS_URL WORLD.

It knows UTC and the machine's own zone only, so each expression is given without its zone: less work than flowerpower
does. Runs in the peers' environment.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redis import Redis
from rq_scheduler import Scheduler  # type: ignore[import-not-found]

from benchmarks.samples import Sample, print_samples, watch

_LONG_AGO = 1.0


def create(url: str, world: Path) -> dict[str, Sample]:
    """Create every job, job by job, which is all it can."""
    connection: Any = Redis.from_url(url)
    jobs: list[Any] = json.loads((world / "jobs.json").read_text())
    scheduler = Scheduler(connection=connection)
    with watch() as creating:
        _create(scheduler, jobs)
    hashes = connection.exists(*(f"rq:job:{job['id']}" for job in jobs))
    return {"create": creating.sample(min(hashes, connection.zcard(Scheduler.scheduled_jobs_key)))}


def dispatch(url: str, world: Path) -> dict[str, Sample]:
    """Enqueue everything with `enqueue_jobs`."""
    connection: Any = Redis.from_url(url)
    jobs: list[Any] = json.loads((world / "jobs.json").read_text())
    scheduler = Scheduler(connection=connection)
    _create(scheduler, jobs)
    members = connection.zrange(Scheduler.scheduled_jobs_key, 0, -1)
    connection.zadd(Scheduler.scheduled_jobs_key, dict.fromkeys(members, _LONG_AGO))
    with watch() as enqueueing:
        scheduler.enqueue_jobs()
    assert connection.zcount(Scheduler.scheduled_jobs_key, _LONG_AGO + 1, "+inf") == len(jobs), "next times are missing"
    queued = sum(connection.llen(f"rq:queue:{name}") for name in {job["queue"] for job in jobs})
    return {"dispatch": enqueueing.sample(queued)}


def _create(scheduler: Any, jobs: Iterable[Any]) -> None:
    """Create each job with `cron`, or with `schedule` where it comes at an interval."""
    for job in jobs:
        options = {
            "args": job["args"],
            "queue_name": job["queue"],
            "id": job["id"],
            "timeout": job["timeout"],
            "result_ttl": job["result_ttl"],
            "description": job["description"],
            "meta": job["meta"],
        }
        if job["cron"]:
            scheduler.cron(job["cron"], job["function"], **options)
        else:
            due = datetime.fromtimestamp(job["due"], UTC)
            scheduler.schedule(due, job["function"], interval=job["every"], **options)


ACTIONS: dict[str, Callable[[str, Path], dict[str, Sample]]] = {
    action.__name__: action for action in (create, dispatch)
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of crontab, on the zone of the times it returns
    print_samples(ACTIONS[sys.argv[1]](sys.argv[2], Path(sys.argv[3])))
