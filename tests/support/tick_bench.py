"""One namespace in a real Redis, looked at and handled as tests of whole histories need it, beside models of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from redis import Redis

from flowerpower.jobs.ledger import RunRef, run_ref
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.state.codec import canonical, decode_cursor, digest
from flowerpower.state.models import Schedule
from flowerpower.state.store import Store
from support.states import KEYS, schedule
from support.tick_model import Model, Rules

NAMES = ("often", "often-2")
QUEUES = (KEYS.queue("default"), KEYS.queue("heavy"))
NOW = "test:now"


class Frozen:
    """What is kept in a Redis whose clock stands still until a test moves it."""

    store: Store

    @property
    def redis(self) -> Redis:
        """Return the connection to Redis."""
        return self.store.connection

    @property
    def now(self) -> int:
        """Return the time of the frozen clock."""
        found: Any = self.redis.get(NOW)
        return int(found)


@dataclass
class Bench(Frozen):
    """Redis, two schedulers, and for each schedule a model of what should be there.

    Once a stock scheduler has had its hands on a schedule its model is inexact: it no longer says what becomes of each
    tick. What must hold for every history holds then, too.
    """

    store: Store
    schedulers: list[Scheduler] = field(default_factory=list)
    models: dict[str, Model] = field(default_factory=lambda: {name: Model() for name in NAMES})
    inexact: set[str] = field(default_factory=set)
    together: set[str] = field(default_factory=set)  # runs of these may be active at once

    def _end_in_model(self, run: str, status: str) -> None:
        if self._name_of(run) not in self.inexact:
            self.models[self._name_of(run)].end(self._in_model(run), status)

    def _bury(self, name: str) -> None:
        """The reconciler has ended runs whose worker died or whose job vanished."""
        model = self.models[name]
        if name in self.inexact:
            model.cursor = self._cursor(name)
            return
        there = {self._in_model(run) for run in self._active() if self._name_of(run) == name}
        for run in [run for run, state in model.active.items() if state == "dead" and run not in there]:
            model.end(run, "failed")

    def _follow(self, name: str, rules: Rules | None, before: int) -> None:
        """Keep account of the specs in force where the model no longer knows what becomes of each tick."""
        model = self.models[name]
        old, model.rules = model.rules, rules
        if rules is None:
            model.hold = None
        if old is not None and (rules is None or rules.every != old.every):
            every, since, _ = model.reigns.pop()
            model.reigns.append((every, since, max(self.now, before)))
        if rules is not None and (old is None or rules.every != old.every):
            model.reigns.append((rules.every, max(self.now, before if old else 0), -1))

    def _mark(self, name: str, rules: Rules | None) -> None:
        if rules is not None and rules.overlap == "allow":
            self.together.add(name)

    def _mark_together(self) -> None:
        for name, model in self.models.items():
            self._mark(name, model.rules)

    def _has_pending(self, name: str, model: Model) -> bool:
        """Tell whether a scheduler can see that the schedule is due; what was lost, the reconciler finds."""
        if model.asleep:
            return True
        pending = self._pending(name)
        scores: Iterable[Any] = [self.redis.zscore(KEYS.scheduled(queue), pending or "") for queue in QUEUES]
        return any(score is not None for score in scores)

    def _active(self) -> list[str]:
        found: Any = self.redis.hkeys(KEYS.active)
        return sorted(run.decode() for run in found)

    def _pending(self, name: str) -> str | None:
        raw: Any = self.redis.hget(KEYS.cursors, name)
        return decode_cursor(name, raw).pending if raw else None

    def _cursor(self, name: str) -> int:
        raw: Any = self.redis.hget(KEYS.cursors, name)
        return decode_cursor(name, raw).tick if raw else 0

    def _status(self, run: str) -> Any:
        return self.redis.hget(KEYS.job(run), "status")

    def _push(self, run: str, queue: str) -> None:
        self.redis.hset(KEYS.job(run), "status", "queued")
        self.redis.rpush(KEYS.queue_list(queue), run)

    def _queue_of(self, run: str) -> str:
        raw: Any = self.redis.hget(KEYS.active, run)
        return str(json.loads(raw)["queue"] if raw else QUEUES[0])

    def _try_again(self, run: str, how: str) -> None:
        queue = self._queue_of(run)
        if how == "retry":
            self._push(run, queue)
            return
        self.redis.hset(KEYS.job(run), "status", "scheduled")
        self.redis.zadd(KEYS.scheduled(queue), {run: self.now + 60})

    @staticmethod
    def _name_of(run: str) -> str:
        return run.split("--")[2]

    @staticmethod
    def _in_model(run: str) -> int | str:
        last = run.rpartition("--")[2]
        return int(last) if last.isdigit() else run

    def _reference(self, run: str) -> RunRef:
        found = run_ref(self.store, run, self.now)
        assert found is not None
        return found


def wanted(name: str, rules: Rules) -> tuple[Schedule, str]:
    """Return a schedule and a run spec of it that can also be run by hand."""
    wanted, _ = schedule(name, **rules.fields)
    pieces = {"namespace": KEYS.namespace, "schedule": name, "pipeline": "report", "trigger": {}, "spec": {}}
    spec = canonical(pieces | {"fields": rules.fields})
    return replace(wanted, run=digest(spec)), spec
