"""Who works on the queues that a plan uses, and on those that it leaves with runs in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from flowerpower.planning.plan import Check, Plan
from flowerpower.state.models import Pipeline, Schedule


def check_consumers(plan: Plan) -> Iterator[Check]:
    """Warn of queues nobody listens on: a schedule nobody runs is a silent backlog, and so is a queue nobody uses."""
    yield from _starved(plan)
    for queue, number in sorted(_left(plan).items()):
        stay, done = ("run stays", "it is") if number == 1 else ("runs stay", "they are")
        told = f"no schedule uses queue {queue!r} any more, and {number:,} queued {stay} there"
        yield Check(
            "consumer", "warn", told, f"keep a worker there until {done} done: flowerpower worker --queue {queue}"
        )


def _starved(plan: Plan) -> Iterator[Check]:
    used: Counter[str] = Counter()
    for change in plan.changes:
        if isinstance(change.after, Schedule) and change.after.occurrence:
            used[change.after.occurrence.queue] += 1
    for queue, number in sorted(used.items()):
        if not plan.consumers.workers.get(queue):
            by = f"used by {number:,} changed schedule{'s' if number > 1 else ''}"
            told = f"no live worker listens on queue {queue.rpartition('--')[2]!r}, {by}"
            yield Check("consumer", "warn", told, "start one: flowerpower worker")


def _left(plan: Plan) -> Counter[str]:
    """Return how many runs stay in queues that nothing uses after the plan."""
    found: Counter[str] = Counter()
    for change in plan.changes:
        queue = _queue_of(change.before)
        if change.in_flight.queued and not change.cancels and queue != _queue_of(change.after):
            found[queue] += change.in_flight.queued
    for queue in {_queue_of(schedule) for schedule in plan.after.schedules.values()} if found else ():
        del found[queue]
    return found


def _queue_of(record: Schedule | Pipeline | None) -> str:
    return str(record.fields.get("queue", "default")) if isinstance(record, Schedule) else ""
