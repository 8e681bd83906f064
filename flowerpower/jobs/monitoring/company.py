"""Who and what is around the schedules: workers, queues, the scheduler's lease, what was mended, totals."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flowerpower.jobs import figures
from flowerpower.jobs.monitoring.status import HEALS_OF, Heal, QueueStatus, Status, Totals, WorkerStatus
from flowerpower.state.connection import redis_errors
from flowerpower.state.keys import Keys, tick_of
from flowerpower.state.misplaced import address_of, is_misplaced, misplaced, says_misplaced
from flowerpower.state.store import Store

_WORKER = ("state", "queues", "hostname", "pid", "birth", "last_heartbeat", "current_job")
_WORKED = ("successful_job_count", "failed_job_count", "total_working_time", "version", "death")
_LOOKED_AT = 1_000  # runs in a queue that nobody listens on
REGISTRIES = {"started": "wip", "finished": "finished", "failed": "failed", "deferred": "deferred"}


def with_company(store: Store, status: Status, queues: Sequence[str]) -> Status:
    """Return the status of a namespace with what is around its schedules; *queues* as RQ names them."""
    keys, connection = store.keys, store.connection
    with redis_errors("reading queues and workers"):
        pipe = connection.pipeline(transaction=False)
        pipe.xrevrange(keys.heals, "+", (status.now - HEALS_OF) * 1000)
        pipe.pttl(keys.lease)
        pipe.hgetall(keys.totals)
        for queue in queues:
            pipe.smembers(keys.workers(queue))
            pipe.llen(keys.queue_list(queue))
            pipe.zcard(keys.scheduled(queue))
            for kind in REGISTRIES.values():
                pipe.zcard(keys.registry(kind, queue))
        heals, lease, totals, *rest = pipe.execute(raise_on_error=False)
        width = 3 + len(REGISTRIES)
        found = [rest[start : start + width] for start in range(0, len(rest), width)]
        members = sorted({key for one in found for key in _sound(one[0])})
        workers = _workers(store, members)
    odd = _odd_keys(keys, queues, found)
    all_queues = tuple(_queue(name, found, workers) for name, found in zip(queues, found, strict=True))
    stuck = _stuck(store, [queue for queue in all_queues if queue.jobs["queued"] and not queue.workers])
    return replace(
        status,
        schedules=tuple(
            replace(one, stuck_in=stuck[one.name]) if one.queued and one.name in stuck else one
            for one in status.schedules
        ),
        damaged={**{address_of(keys, key): misplaced(keys, key, kind) for key, kind in odd}, **status.damaged},
        heals=tuple(_heal(entry, fields) for entry, fields in _sound(heals)),
        lease_seconds=lease / 1000 if isinstance(lease, int) and lease > 0 else None,
        totals=_totals(totals if isinstance(totals, dict) else {}),
        listening=tuple(workers.values()),
        queues=all_queues,
    )


def _stuck(store: Store, unattended: Iterable[QueueStatus]) -> Mapping[str, str]:
    """Return the schedules of the runs that are first in these queues, each with its queue.

    A run stays in the queue that its schedule had when it was enqueued.
    """
    found: dict[str, str] = {}
    with redis_errors("reading queues"):
        for queue in unattended:
            ids: Any = store.connection.lrange(store.keys.queue_list(queue.rq_name), 0, _LOOKED_AT - 1)
            for parts in (store.keys.parse_run_id(run_id.decode(errors="replace")) for run_id in ids):
                if parts:
                    found.setdefault(parts[0], queue.name)
    return found


def live_workers(store: Store, queue: str) -> int:
    """Return how many workers live that listen on a queue, which is named as RQ names it."""
    with redis_errors("reading workers"):
        names: Any = store.connection.smembers(store.keys.workers(queue))
        return int(store.connection.exists(*names)) if names else 0


def _odd_keys(keys: Keys, queues: Sequence[str], found: Sequence[Sequence[Any]]) -> Iterator[tuple[str, str]]:
    """Yield the keys of RQ's queues that are of another type, and what they should be."""
    for queue, replies in zip(queues, found, strict=True):
        asked = [(keys.workers(queue), "set"), (keys.queue_list(queue), "list"), (keys.scheduled(queue), "zset")]
        asked += [(keys.registry(kind, queue), "zset") for kind in REGISTRIES.values()]
        yield from (one for one, reply in zip(asked, replies, strict=True) if says_misplaced(reply))


def _workers(store: Store, members: Sequence[bytes]) -> dict[bytes, WorkerStatus]:
    """Return the workers that live by their keys: RQ's sets of them keep those that died without a word."""
    if not members:
        return {}
    pipe = store.connection.pipeline(transaction=False)
    for key in members:
        pipe.hmget(key, *_WORKER, *_WORKED)
    replied = pipe.execute(raise_on_error=False)
    prefix = store.keys.queue("")
    found = {key: _worker(key, values, prefix) for key, values in zip(members, replied, strict=True)}
    return {key: worker for key, worker in found.items() if worker}


def _sound(reply: Any) -> Iterable[Any]:
    """Return a reply, nothing for a key of another type; raise any other failure."""
    return () if is_misplaced(reply) or not isinstance(reply, list | set) else reply


def _heal(entry: bytes, fields: Mapping[bytes, bytes]) -> Heal:
    text = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in fields.items()}
    return Heal(
        event=text.get("event", ""),
        at=int(entry.split(b"-")[0]) // 1000,
        schedule=text.get("schedule", ""),
        tick=tick_of(text.get("tick", "")),
        run=text.get("job", ""),
        reason=text.get("reason", ""),
    )


def _queue(name: str, found: Sequence[Any], alive: Collection[bytes]) -> QueueStatus:
    members, queued, scheduled, *others = found
    kinds = ("queued", "scheduled", *REGISTRIES)
    numbers = (queued, scheduled, *others)
    jobs = {kind: number if isinstance(number, int) else 0 for kind, number in zip(kinds, numbers, strict=True)}
    workers = sum(key in alive for key in _sound(members))
    return QueueStatus(name.rpartition("--")[2], name, workers, jobs)


def _worker(key: bytes, reply: Any, prefix: str) -> WorkerStatus | None:
    """Return a worker of whom RQ knows that it lives; None for what is left of one."""
    if isinstance(reply, Exception) or reply[1] is None or reply[-1] is not None:
        return None
    texts = [(value or b"").decode(errors="replace") for value in reply]
    state, queues, host, pid, birth, heartbeat, job, good, bad, seconds, version, _ = texts
    return WorkerStatus(
        name=key.decode(errors="replace").rpartition(":worker:")[2],
        state=state or "unknown",
        queues=tuple(queue.removeprefix(prefix) for queue in queues.split(",") if queue),
        host=host,
        pid=figures.whole(pid),
        started=figures.moment(birth),
        heartbeat=figures.moment(heartbeat),
        run=job,
        succeeded=figures.whole(good),
        failed=figures.whole(bad),
        seconds=figures.number(seconds),
        rq=version,
    )


def _totals(fields: Mapping[bytes, bytes]) -> Totals:
    ends: dict[str, int] = {}
    took: dict[float, int] = {}
    seconds = 0.0
    for raw, value in fields.items():
        name, number = raw.decode(errors="replace"), figures.whole(value.decode(errors="replace"))
        kind, _, bound = name.partition(":")
        if kind == "took":
            took[figures.number(bound) if bound != "more" else float("inf")] = number
        elif name == "took_ms":
            seconds = number / 1000
        else:
            ends[name] = number
    return Totals(ends, took, seconds)
