"""Writes rq-scheduler.json: what rq-scheduler itself leaves in an empty Redis, byte for byte.

    pip install rq-scheduler==0.14.0 rq==3.0.0
    TZ=Europe/Berlin python record.py redis://localhost:6379/0

With a script behind the URL it writes migrated.json: what that script, which is given the URL, has scheduled.
    TZ=Europe/Berlin python record.py redis://localhost:6379/0 ../../../examples/migrate/rq-scheduler/before/register.py
"""

import base64
import datetime
import json
import pathlib
import runpy
import sys
import warnings

from redis import Redis
from rq_scheduler import Scheduler

warnings.simplefilter("ignore")  # of crontab, about local time


def schedule(connection: Redis) -> None:
    """Ask rq-scheduler for one of everything that it can do."""
    scheduler = Scheduler(queue_name="emails", connection=connection)
    scheduler.cron("0 2 * * *", "acme.tasks.nightly", args=[1, "two"], kwargs={"deep": {"a": (1, None)}}, id="nightly",
                   queue_name="default", timeout=600)
    scheduler.cron("0 4 * * *", "acme.tasks.local", use_local_timezone=True, repeat=3, id="local")
    scheduler.cron("0 0 13 * 5", "acme.tasks.friday", id="friday-13th")
    scheduler.schedule(datetime.datetime(2099, 1, 1, 6, 30), "acme.tasks.every", args=["x"], interval=900, id="every")
    scheduler.schedule(datetime.datetime(2099, 1, 1, 6), "acme.tasks.every", interval=3600, repeat=4, id="four-times",
                       result_ttl=60, meta={"team": "sales"})
    scheduler.enqueue_at(datetime.datetime(2099, 1, 1, 7), "acme.tasks.once", datetime.date(2027, 1, 1), b"bytes",
                         plain=True, job_id="once", job_ttl=30)
    scheduler.enqueue_at(datetime.datetime(2001, 1, 1), "acme.tasks.overdue", job_id="overdue")


def recorded(connection: Redis) -> dict[str, object]:
    """Return every key with its bytes in base 64."""
    found: dict[str, object] = {}
    for key in sorted(connection.scan_iter()):
        if connection.type(key) == b"zset":
            found[key.decode()] = [[text(member), score] for member, score in connection.zrange(key, 0, -1, withscores=True)]
        else:
            found[key.decode()] = {name.decode(): text(value) for name, value in connection.hgetall(key).items()}
    return found


def text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


if __name__ == "__main__":
    url, *script = sys.argv[1:]
    with Redis.from_url(url) as redis:
        redis.flushdb()
        if script:
            sys.argv = [script[0], url]
            runpy.run_path(script[0])
        else:
            schedule(redis)
        target = pathlib.Path(__file__).with_name("migrated.json" if script else "rq-scheduler.json")
        target.write_text(json.dumps(recorded(redis), indent=1) + "\n")
