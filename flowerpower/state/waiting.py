"""The second round trip of a look at the live state: what waits in the registries of RQ, and who listens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flowerpower.state.front import Front
from flowerpower.state.keys import Keys
from flowerpower.state.listeners import count_alive, moved_by_stock
from flowerpower.state.misplaced import is_misplaced
from flowerpower.state.pipelined import pack, replies, sound

if TYPE_CHECKING:
    from redis import Redis

_LATEST = 253_402_214_400  # the last day of the year 9999

Place = tuple[str, int]  # the queue in whose registry a job waits, and when it is due


@dataclass(frozen=True, slots=True)
class Waiting:
    """The second round trip: what waits in the registries, and who listens."""

    places: dict[str, Place]  # by the id of a job of ours
    twice: frozenset[str]  # ids of jobs that wait in two registries
    unmanaged: Mapping[str, int]
    workers: Mapping[str, int]
    stock: frozenset[str]  # queues that a scheduler of RQ's own looks after


def read_waiting(client: Redis, keys: Keys, front: Front, queues: frozenset[str]) -> Waiting:
    """Ask what waits in the registries of these queues of ours, and who listens to them."""
    ours = sorted(queues)
    others = sorted(queue for queue in front.rq_queues if queue not in queues and "--" not in queue)
    commands = [
        *(pack("ZRANGE", keys.scheduled(queue), "0", "-1", "WITHSCORES") for queue in ours),
        *(pack("ZCARD", keys.scheduled(queue)) for queue in others),
        *(pack("SMEMBERS", keys.workers(queue)) for queue in ours),
        *([pack("MGET", *map(keys.scheduler_lock, ours))] if ours else []),
    ]
    found = iter(list(replies(client, [commands])))
    of_key = front.damages.of_key
    managed = {run_id: run_id for cursor in front.cursors.values() if (run_id := cursor.pending)}
    managed |= {run_id: run_id for key in front.active if (run_id := key.decode(errors="replace")) not in managed}
    places: dict[str, Place] = {}
    twice: set[str] = set()
    unmanaged: Counter[str] = Counter()
    seconds = lru_cache(maxsize=10_000)(_seconds)  # many are due at one moment
    for queue in ours:
        for member, score in _scored(of_key(keys.scheduled(queue), "zset", next(found), ())):
            run_id = managed.get(member.decode(errors="replace"))
            if run_id is None:
                unmanaged[queue] += 1
            elif places.setdefault(run_id, place := (queue, seconds(score))) is not place:
                twice.add(run_id)
    unmanaged.update({queue: _number(next(found)) for queue in others})
    workers = {queue: of_key(keys.workers(queue), "set", next(found), (), matters=False) for queue in ours}
    stock = moved_by_stock(ours, sound(next(found)) if ours else ())
    return Waiting(places, frozenset(twice), +unmanaged, count_alive(client, workers), stock)


def _number(reply: Any) -> int:
    """Return how many jobs of others wait in a queue; a key of theirs that is of another type is their business."""
    return 0 if is_misplaced(reply) else reply


def _scored(reply: Sequence[Any]) -> Iterable[tuple[bytes, bytes | float]]:
    """Return members and scores: pairs in newer versions of the protocol, one after the other in older ones."""
    if reply and isinstance(reply[0], list):
        return map(tuple, reply)
    return zip(reply[::2], reply[1::2], strict=True)


def _seconds(score: bytes | float) -> int:
    """Return a score as whole seconds of the years 1970 to 9999; somebody may have set any, infinite ones too."""
    found: float
    try:
        found = int(score)
    except (ValueError, OverflowError):
        found = float(score)
    return int(min(max(found, 0), _LATEST))
