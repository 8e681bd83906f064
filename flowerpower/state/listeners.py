"""Who is there to run things: workers of each queue, and a scheduler, ours or RQ's own."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence, Set
from typing import TYPE_CHECKING

from flowerpower.state.models import STOCK_SCHEDULER
from flowerpower.state.pipelined import pack, replies, sound

if TYPE_CHECKING:
    from redis import Redis

_OURS = re.compile(rb".*\.\d+\.[0-9a-f]{6}", re.DOTALL)  # host, process and a random part: it has ended, or will soon


def count_alive(client: Redis, workers: Mapping[str, Collection[bytes]]) -> Mapping[str, int]:
    """Return how many of the workers of each queue live: their keys expire, while RQ's sets keep who died, and who
    came back with a backup.
    """
    queues = [queue for queue, names in workers.items() if names]
    found = replies(client, [[pack("EXISTS", *workers[queue]) for queue in queues]] if queues else ())
    return {**dict.fromkeys(workers, 0), **dict(zip(queues, map(sound, found), strict=True))}


def moved_by_stock(queues: Sequence[str], locks: Sequence[bytes | None]) -> frozenset[str]:
    """Return the queues (RQ's names) to which a scheduler of RQ's own moves what is due, as its *locks* tell."""
    return frozenset(queue for queue, lock in zip(queues, locks, strict=True) if lock and not _OURS.fullmatch(lock))


def scheduler_of(lease: bytes, stock: Set[str], used: Set[str]) -> str:
    """Return the scheduler by which schedules of the *used* queues go on: ours, `STOCK_SCHEDULER`, or none."""
    return lease.decode(errors="replace") or (STOCK_SCHEDULER if stock and used <= stock else "")
