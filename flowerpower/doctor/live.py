"""Read how a namespace does: its records, its status, its workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowerpower.doctor.findings import Fact, Unknown
from flowerpower.doctor.records import Records, read_records
from flowerpower.doctor.server import ask
from flowerpower.jobs.monitoring.status import Status
from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.state.misplaced import find_misplaced
from flowerpower.state.signing import Signer
from flowerpower.state.store import Store


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers of one queue that RQ knows of, and how many of them still give a sign of life."""

    known: int
    alive: int


@dataclass(frozen=True, slots=True)
class LiveFacts:
    """How a namespace does; `tzdata` is the version of the zone rules of this machine."""

    records: Fact[Records]
    status: Fact[Status]
    workers: Fact[Mapping[str, Workers]]
    tzdata: str


def read_live(store: Store, tzdata: str, signer: Signer | None = None) -> LiveFacts:
    """Return how the namespace of a store does, and with a *signer* what its keys have not signed; writes nothing."""
    records = ask("reading the records", lambda: read_records(store, signer))
    status: Fact[Status]
    if isinstance(records, Unknown):
        status = records
    else:
        status = ask("reading the live state", lambda: read_status(store))
        if isinstance(status, Unknown) and records.damaged:
            status = Unknown("what is damaged is in the way, see above")
    queues: Fact[Mapping[str, Workers]]
    if isinstance(status, Unknown):
        queues = status
    else:
        names = {schedule.queue for schedule in status.schedules} | {queue.name for queue in status.queues}
        queues = ask("looking for workers", lambda: {name: _workers(store, name) for name in sorted(names)})
    return LiveFacts(records, status, queues, tzdata)


def _workers(store: Store, queue: str) -> Workers:
    """Count the workers of a queue; the key of one that died without a word expires within two minutes."""
    connection, keys = store.connection, store.keys
    key = keys.workers(keys.queue(queue))
    if find_misplaced(connection, keys, {key: "set"}):
        return Workers(0, 0)
    members: Any = connection.smembers(key)
    alive: Any = connection.exists(*members) if members else 0
    return Workers(len(members), alive)
