"""What other tools schedule, made by those tools themselves; of rq-scheduler also as it was recorded once."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from redis import Redis
from rq import Queue
from rq.cron import CronScheduler

RECORDED = Path(__file__).parents[1] / "cases" / "adopt" / "rq-scheduler.json"
DAY = timedelta(days=1)
TASKS = """
def send_mail(to, subject=""):
    return f"{subject} to {to}"


def nightly(*args, **kwargs):
    return [args, kwargs]
"""


def function(name: str, module: str = "acme_tasks") -> Callable[..., None]:
    """Return a function of that name, as RQ's cron wants one: it only looks at what it is called."""

    def stand_in() -> None: ...

    stand_in.__name__, stand_in.__module__ = name, module
    return stand_in


def run_cron(connection: Redis, *jobs: dict[str, Any], name: str = "host:1:abc", config: str = "acme_cron.py") -> None:
    """Register what RQ's own cron runs, as `rq cron` does when it starts."""
    scheduler = CronScheduler(connection, name=name)
    scheduler.config_file = config
    for job in jobs:
        scheduler.register(**{"queue_name": "default", **job})
    scheduler.register_birth()


def enqueue(
    connection: Redis, count: int = 1, queue: str = "default", called: str = "acme_tasks.send_mail"
) -> list[str]:
    """Enqueue jobs a day ahead with RQ itself, and return their ids."""
    rq = Queue(queue, connection=connection)
    return [rq.enqueue_in(DAY, called, number, subject="hello").id for number in range(count)]


def replay_rq_scheduler(connection: Redis) -> None:
    """Put one of everything that rq-scheduler can write into Redis, byte for byte."""
    replay(connection, RECORDED.name)


def replay(connection: Redis, recorded: str) -> None:
    """Put what rq-scheduler wrote into Redis, byte for byte, as it stands in a file of the cases."""
    for key, value in json.loads((RECORDED.parent / recorded).read_text(encoding="utf-8")).items():
        if isinstance(value, list):
            connection.zadd(key, {base64.b64decode(member): score for member, score in value})
        else:
            connection.hset(key, mapping={name: base64.b64decode(raw) for name, raw in value.items()})
