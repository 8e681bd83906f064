"""Lateness: a hundredth of all schedules is due each second; how long after its tick each run is in its queue."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from redis import Redis

from benchmarks.context import Context, Table
from benchmarks.schedulers import OURS, running, table_text
from benchmarks.worlds import KEYS, make_world

SECONDS = int(os.environ.get("BENCH_SECONDS", "120"))
_EVERY = 100
_AT_ONCE = 4000  # ids and times
_QUEUES = [KEYS.queue(name) for name in ("default", "heavy", "express")]
_HEAD = ("side", "schedules", "due each second", "seconds", "ticks", "p50 s", "p99 s", "latest s", "not fired")
_NOTE = (
    "From the tick to `enqueued_at` of its job, both by the clock of Redis; the scheduler looks once a second, so half "
    "a second is what there is to wait on average. Runs end at once: every half second all queued ones are taken out "
    "with their records. BENCH_SECONDS=3600 measures an hour."
)
# Ends runs as a fleet of workers that is quick enough would, in one step, and answers their ids and times.
_TAKE = """
local taken = {}
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, 1999)) do
  taken[#taken + 1] = id
  taken[#taken + 1] = redis.call('HGET', 'rq:job:' .. id, 'enqueued_at') or ''
  redis.call('DEL', 'rq:job:' .. id)
  redis.call('HDEL', KEYS[2], id)
  redis.call('ZREM', KEYS[3], string.match(id, '^.-%-%-.-%-%-(.*)$'))
end
redis.call('LTRIM', KEYS[1], #taken / 2, -1)
return taken
"""


def run(context: Context) -> Iterator[Table]:
    """Yield one table."""
    size = 1_000 if context.quick else 100_000
    seconds = 20 if context.quick else SECONDS
    world = make_world(context.folder, size, _in_turn)
    with context.stage(emptied=True) as stage:
        context.say(OURS.name)
        OURS.prepare(context.peers.python, stage.url, world.folder)
        with running(OURS.python(context.peers.python), OURS.code, stage.url):
            lines = [_measure(stage.url, size, seconds)]
    yield Table(f"lateness with {size:,} schedules", (), _NOTE, text=table_text(_HEAD, lines))


def _in_turn(number: int) -> list[str]:
    second = datetime.fromtimestamp(1_700_000_000 + number % _EVERY).astimezone().isoformat()
    return [f"every: {_EVERY}s", f'start: "{second}"']


def _measure(url: str, size: int, seconds: int) -> tuple[str, ...]:
    late: dict[str, float] = {}
    with Redis.from_url(url) as connection:
        _wait_until_punctual(connection)
        since = int(time.time()) + 2
        phases = Counter(int(run.rpartition(b"--")[2]) % _EVERY for run in _waiting(connection))
        while time.time() < since + seconds + 5:
            for run_id, moment in _take(connection):
                tick = int(run_id.rpartition("--")[2])
                if since <= tick < since + seconds:
                    late[run_id] = moment - tick
            time.sleep(0.5)
    waits, expected = sorted(late.values()), sum(phases[tick % _EVERY] for tick in range(since, since + seconds))
    picked = [waits[int(len(waits) * part)] for part in (0.5, 0.99)] + waits[-1:]
    counts = (f"{size:,}", f"{size // _EVERY:,}", str(seconds), f"{len(waits):,}")
    return (OURS.name, *counts, *(f"{wait:.2f}" for wait in picked), str(expected - len(waits)))


def _wait_until_punctual(connection: Redis) -> None:
    """Wait until the scheduler has read everything and has caught up."""
    calm, end = 0, time.monotonic() + 600
    while calm < 5 and time.monotonic() < end:
        late = any(connection.zcount(KEYS.scheduled(queue), "-inf", time.time() - 2) for queue in _QUEUES)
        calm = 0 if late else calm + 1
        list(_take(connection))
        time.sleep(1)


def _waiting(connection: Redis) -> list[bytes]:
    found: list[Any] = [connection.zrange(KEYS.scheduled(queue), 0, -1) for queue in _QUEUES]
    return [run for some in found for run in some]


def _take(connection: Redis) -> Iterator[tuple[str, float]]:
    for queue in _QUEUES:
        found: Any = [b""] * _AT_ONCE
        while len(found) >= _AT_ONCE:
            found = connection.eval(_TAKE, 3, KEYS.queue_list(queue), KEYS.active, KEYS.active_index)
            for run_id, moment in zip(found[::2], found[1::2], strict=True):
                yield run_id.decode(), datetime.fromisoformat(moment.decode()).timestamp()
