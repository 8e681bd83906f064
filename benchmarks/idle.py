"""Idle: many schedules, none of them due; what a scheduler costs that only waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from redis import Redis

from benchmarks.context import Context, Table
from benchmarks.schedulers import OURS, RQ, RQ_SCHEDULER, Kind, running, server_of, table_text
from benchmarks.worlds import make_world

_SECONDS = 60
_HEAD = (
    "side",
    "schedules",
    "scheduler, CPU-s per minute",
    "Redis, CPU-s per minute",
    "scheduler, MB",
    "after a minute, MB",
)
_NOTE = (
    "After each has read what it reads at its start. Redis alone needs some 0.09 CPU-s per minute. flowerpower looks "
    "at a fortieth of all schedules every 15 s, whether what they wait for is there; the peers look at nothing that is "
    "not due. RQScheduler's jobs do not recur."
)


def run(context: Context) -> Iterator[Table]:
    """Yield one table: all schedulers with as many schedules as are promised to work."""
    size = 1_000 if context.quick else 100_000
    world = make_world(context.folder, size, _next_year)
    with context.stage(emptied=True) as stage:
        lines = [_line(context, kind, stage.url, world.folder, size) for kind in (OURS, RQ, RQ_SCHEDULER)]
    yield Table(f"a minute with {size:,} schedules, none due", (), _NOTE, text=table_text(_HEAD, lines))


def _next_year(number: int) -> list[str]:
    return [f'cron: "{number % 60} {number // 60 % 24} 1 1 *"']


def _line(context: Context, kind: Kind, url: str, world: Path, size: int) -> tuple[str, ...]:
    context.say(kind.name)
    kind.prepare(context.peers.python, url, world)
    with Redis.from_url(url) as connection, running(kind.python(context.peers.python), kind.code, url) as scheduler:
        server = server_of(connection)
        scheduler.wait_until_calm()
        before, memory = (scheduler.cpu, server.cpu), scheduler.memory
        time.sleep(_SECONDS)
        used = (scheduler.cpu - before[0], server.cpu - before[1])
        return kind.name, f"{size:,}", f"{used[0]:.2f}", f"{used[1]:.2f}", f"{memory:.0f}", f"{scheduler.memory:.0f}"
