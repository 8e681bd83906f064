"""rq-scheduler: enqueue due cron jobs and store when each comes next. Usage: dispatch REDIS_URL WORLD.

It knows UTC and the machine's own zone only, so each expression is given without its zone: less work than flowerpower
does. Runs in the peers' environment.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

from redis import Redis
from rq_scheduler import Scheduler  # type: ignore[import-not-found]

from benchmarks.children import print_samples
from benchmarks.measure import Sample, watch

_LONG_AGO = 1.0


def dispatch(url: str, world: Path) -> dict[str, Sample]:
    """Enqueue everything with `enqueue_jobs`."""
    warnings.simplefilter("ignore")  # of crontab, on the zone of the times it returns
    connection: Any = Redis.from_url(url)
    jobs: list[Any] = json.loads((world / "jobs.json").read_text())
    scheduler = Scheduler(connection=connection)
    for job in jobs:
        scheduler.cron(
            job["cron"],
            job["function"],
            args=job["args"],
            queue_name=job["queue"],
            id=job["id"],
            timeout=job["timeout"],
            result_ttl=job["result_ttl"],
            description=job["description"],
            meta=job["meta"],
        )
    members = connection.zrange(Scheduler.scheduled_jobs_key, 0, -1)
    connection.zadd(Scheduler.scheduled_jobs_key, dict.fromkeys(members, _LONG_AGO))
    with watch() as enqueueing:
        scheduler.enqueue_jobs()
    assert connection.zcount(Scheduler.scheduled_jobs_key, _LONG_AGO + 1, "+inf") == len(jobs), "next times are missing"
    queued = sum(connection.llen(f"rq:queue:{name}") for name in {job["queue"] for job in jobs})
    return {"dispatch": enqueueing.sample(queued)}


if __name__ == "__main__":
    print_samples(dispatch(sys.argv[2], Path(sys.argv[3])))
