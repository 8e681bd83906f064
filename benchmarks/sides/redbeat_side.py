"""Celery's redbeat: send what is due in one tick and store when each comes next. Usage: dispatch REDIS_URL WORLD.

Its zone is that of the whole app, so each expression is given without its zone: less work than flowerpower does. Runs
in the peers' environment.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from celery import Celery  # type: ignore[import-not-found]
from celery.schedules import crontab  # type: ignore[import-not-found]
from redbeat import RedBeatScheduler, RedBeatSchedulerEntry  # type: ignore[import-not-found]
from redbeat.schedulers import acquire_distributed_beat_lock  # type: ignore[import-not-found]
from redis import Redis

from benchmarks.samples import Sample, print_samples, watch

_LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)  # every expression has fired since


def dispatch(url: str, world: Path) -> dict[str, Sample]:
    """Send everything with one `tick`, the lock held as `celery beat` holds it."""
    connection: Any = Redis.from_url(url)
    jobs: list[Any] = json.loads((world / "jobs.json").read_text())
    app = Celery("bench", broker=url.replace("unix://", "redis+socket://"))
    app.conf.update(redbeat_redis_url=url, timezone="UTC", result_expires=None)  # else it adds an entry to clean up
    scheduler = RedBeatScheduler(app)
    acquire_distributed_beat_lock(SimpleNamespace(scheduler=scheduler))
    for job in jobs:
        _entry(app, job).save()
    start = time.time()
    with watch() as ticking:
        scheduler.tick()
    key = app.redbeat_conf.schedule_key
    assert connection.zcount(key, f"({start}", "+inf") == len(jobs), "next times are missing"
    return {"dispatch": ticking.sample(sum(connection.llen(name) for name in {job["queue"] for job in jobs}))}


def _entry(app: Any, job: Any) -> Any:
    entry = RedBeatSchedulerEntry(
        job["id"],
        job["function"],
        crontab.from_string(job["cron"]),
        args=job["args"],
        options={"queue": job["queue"], "time_limit": job["timeout"], "headers": job["meta"]},
        app=app,
    )
    entry.last_run_at = _LONG_AGO
    return entry


if __name__ == "__main__":
    print_samples(dispatch(sys.argv[2], Path(sys.argv[3])))
