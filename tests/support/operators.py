"""What operators, workers, a scheduler and time do to one namespace in a real Redis, one step after the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flowerpower.apply import apply_plan
from flowerpower.errors import FlowerPowerError, StalePlanError
from flowerpower.jobs.by_hand.backfill import Backfill, Progress, plan_backfill
from flowerpower.jobs.by_hand.forget import forget_schedules
from flowerpower.jobs.by_hand.holds import pause_schedules, resume_schedules
from flowerpower.jobs.by_hand.manual import manual_order
from flowerpower.jobs.by_hand.past import HandOut
from flowerpower.jobs.by_hand.rerun import rerun_tick
from flowerpower.jobs.by_hand.stopping import stop_all, stop_run
from flowerpower.jobs.ledger import Claim, Claimant, Ledger, RunRef, Terms, run_ref
from flowerpower.jobs.run import _fire_if_pending
from flowerpower.jobs.running.admission import read_papers
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.planning.guards import Allowed, Facts
from flowerpower.planning.managed import managed
from flowerpower.planning.plan import Plan
from flowerpower.planning.rollback import RollbackContext, plan_rollback
from flowerpower.state.codec import decode_cursor
from flowerpower.state.history import read_steps
from flowerpower.state.models import Source
from support.operator_bench import OperatorBench
from support.redis_state import dump_keys
from support.states import KEYS, desired, pipeline
from support.tick_bench import NOW, QUEUES, wanted
from support.tick_model import Rules
from support.tick_world import START

WINDOW = 5000  # seconds that a backfill looks back


@dataclass
class Operators(OperatorBench):
    """All that may happen."""

    # Operators.

    def plan(self, wishes: Mapping[str, Rules], renames: Mapping[str, str]) -> Plan:
        """Plan these schedules; *renames* says which former name each may have had."""
        specs = desired([wanted(name, rules) for name, rules in wishes.items()], [pipeline("report")])
        specs = replace(specs, previous_names={new: (old,) for new, old in renames.items()})
        self.count += 1
        return make_plan(KEYS, specs, managed(self._read(), specs), Source(f"c{self.count}", "acme", "ana"))

    def apply(self, plan: Plan, wishes: Callable[[], Plan] | None = None) -> None:
        """Apply a plan, which may be stale by now; after that the same wishes change nothing more."""
        before, apply_id, holds = self._looks(), f"{self.count:032x}", self._read().holds
        without = (KEYS.stage(""), KEYS.lease, KEYS.troubles, "rq:scheduler-lock:")  # which expire
        untouched = dump_keys(self.redis, without=without)
        try:
            apply_plan(replace(plan, may_stop=True), self.store, apply_id)
        except StalePlanError:
            assert dump_keys(self.redis, without=without) == untouched, "a refused apply wrote something"
            return
        if plan.changes:
            self.applies.append(apply_id)
            self.before[apply_id] = before
            gone = {change.name for change in plan.changes if change.action == "delete"}
            self.holds_lost[apply_id] = {name: hold for name, hold in holds.items() if name in gone and not hold.until}
        self.commit = plan.source.commit
        self._follow({change.name: change.previous.partition(".")[2] for change in plan.changes if change.previous})
        assert not wishes or not wishes().changes, wishes().changes

    def rollback(self, back: int) -> None:
        """Undo the newest applies, so many."""
        if not self.applies:
            return
        apply_id = self.applies[-min(back, len(self.applies))]
        context = RollbackContext(Source("", "acme", "bob"), Facts(), Allowed(empty=True, deletes="100%", cancel=True))
        self.count += 1
        was_live, held = {*self.live}, self.holds_lost.get(apply_id, {})
        self.apply(plan_rollback(KEYS, read_steps(self.store, apply_id), self._read(), context))
        back = {name for name in held.keys() & self._looks().keys() - was_live if name not in self.forgotten_once}
        assert back <= self._read().holds.keys(), "a hold did not come back"
        known = {name: look for name, look in self.before[apply_id].items() if name not in self.forgotten_once}
        assert {name: look for name, look in self._looks().items() if name not in self.forgotten_once} == known

    def pause(self, name: str, seconds: int | None) -> None:
        """Hold a schedule."""
        until = None if seconds is None else self.now + seconds
        pause_schedules(self.store, [name], who="ana", why="x", until=until, replace=True)

    def resume(self, name: str) -> None:
        """Lift a hold."""
        resume_schedules(self.store, [name], "bob")

    def forget(self, name: str) -> None:
        """Take a schedule out of the hands of git."""
        forget_schedules(self.store, [name], "ana")
        self.forgotten_once |= self.lines[name].names

    def trigger(self, name: str) -> None:
        """Run a schedule now."""
        self.count += 1
        entropy = self.count.to_bytes(10, "big")
        Ledger(self.store).enqueue(manual_order(self.store, name, {}, due=0, entropy=entropy, millis=self.now))

    def cancel(self, which: int) -> None:
        """Cancel one of the active runs."""
        if active := self.active():
            stop_run(self.store, active[which % len(active)], "by hand")

    def cancel_all(self, name: str) -> None:
        """Cancel all runs of a name: nothing of it waits any more, and no backfill of it goes on."""
        stop_all(self.store, name, "by hand")
        told = [run for run in self.active() if self.entry(run).get("name") == name]
        assert all(self.entry(run).get("cancel") for run in told), told
        for one, steps in self.backfills:
            if one == name:
                for _ in range(3):
                    self._next(steps)
        assert told == [run for run in self.active() if self.entry(run).get("name") == name], "it goes on"

    def backfill(self, name: str, limit: int, *, again: bool) -> None:
        """Begin a backfill of the last hour and a half."""
        if self.store.read().damaged:
            return
        try:
            plan = plan_backfill(self.store, name, max(self.now - WINDOW, START - WINDOW), self.now, again=again)
        except FlowerPowerError:  # no tick
            return
        line = self.lines[name]
        line.asked |= {tick.tick for tick in plan.ticks}
        line.again |= {tick.tick for tick in plan.ticks} if again else set()
        steps = Backfill(self.store, plan, limit, pause=lambda _: None).steps()
        self._next(steps)  # only now it has begun
        self.backfills.append((name, steps))

    def step(self, which: int) -> None:
        """Let a backfill do its next step."""
        if self.backfills:
            self._next(self.backfills[which % len(self.backfills)][1])

    def rerun(self, name: str, which: int, *, again: bool) -> None:
        """Run a past tick once more."""
        line = self.lines[name]
        past = sorted(line.called_for(self.cursor(name)))[-5:]
        if not past:
            return
        tick = past[which % len(past)]
        try:
            rerun_tick(self.store, name, tick, HandOut("rerun", {}, again=again))
        except FlowerPowerError:
            return
        line.asked.add(tick)
        line.again |= {tick} if again else set()

    # Time, schedulers and workers.

    def wait(self, seconds: int) -> None:
        """Let time pass, or step back."""
        self.is_blurred |= seconds < 0
        self.redis.incrby(NOW, seconds)

    def fire(self) -> None:
        """Let the scheduler look twice."""
        self.redis.delete(KEYS.lease)
        for _ in range(2):
            self.scheduler.step()

    def restart(self) -> None:
        """Let another scheduler take over."""
        self.count += 1
        self.scheduler = Scheduler(self.store, f"new {self.count}")

    def lose(self, name: str) -> None:
        """Let a stranger delete what a schedule waits for."""
        raw: Any = self.redis.hget(KEYS.cursors, name)
        pending = decode_cursor(name, raw).pending or ""
        if any(self.redis.zrem(KEYS.scheduled(queue), pending) for queue in QUEUES):
            self.redis.delete(KEYS.job(pending))

    def stock(self) -> None:
        """Let a stock scheduler move what is due to its queue, as RQ does."""
        self.is_blurred = True
        for queue in QUEUES:
            found: Any = self.redis.zrangebyscore(KEYS.scheduled(queue), "-inf", self.now)
            for run in found:
                self.redis.zrem(KEYS.scheduled(queue), run)
                self.redis.hset(KEYS.job(run.decode()), "status", "queued")
                self.redis.rpush(KEYS.queue_list(queue), run)

    def take(self, which: int) -> None:
        """Let a worker take a run."""
        raw: Any = self.redis.lpop(KEYS.queue_list(QUEUES[which]))
        if raw is None:
            return
        run = raw.decode()
        self._note_lines()
        self.count += 1
        execution = f"execution-{self.count}"
        mapping = {"status": "started", "worker_name": "player", "origin": QUEUES[which]}
        self.redis.hset(KEYS.job(run), mapping=mapping)
        asked = self._reference(run)
        _fire_if_pending(self.store, Ledger(self.store), asked, read_papers(self.store, asked, ""))
        self._note_lines()  # one that a stock scheduler moved is active only now
        claim = self._claim(run, execution)
        if claim.refused:
            self.redis.delete(KEYS.job(run))
            return
        if claim.waits:
            self.redis.hset(KEYS.job(run), "status", "scheduled")
            self.redis.zadd(KEYS.scheduled(QUEUES[which]), {run: self.now + claim.seconds})
            return
        self._note_lines()  # one that lost its entry when its schedule was deleted, and came back, has it again
        self.redis.hset(KEYS.execution(run, execution), "id", execution)
        self.running.append((run, execution))

    def end(self, how: str) -> None:
        """End the run that was claimed first: as its status says, or because its worker died."""
        if not self.running:
            return
        run, execution = self.running.pop(0)
        self.redis.delete(KEYS.execution(run, execution))
        if how == "died":
            self.redis.hset(KEYS.job(run), "status", "failed")
            return
        line = self.line_of[run]
        final, status = how != "retry", "failed" if how == "retry" else how
        Ledger(self.store).finish(
            self._reference(run), execution=execution, status=status, reason="", final=final, duration=1.0
        )
        if self.redis.hexists(KEYS.active, run):
            assert not final
            queue = str(self.redis.hget(KEYS.job(run), "origin").decode())
            self.redis.hset(KEYS.job(run), "status", "queued")
            self.redis.rpush(KEYS.queue_list(queue), run)
            return
        self.redis.delete(KEYS.job(run))
        if how == "succeeded" and run.rpartition("--")[2].isdigit():
            self._win(run, line)

    def settle(self) -> None:
        """Let all that goes on come to its end."""
        self.backfills.clear()
        for name in self.live:
            self.resume(name)
        for _ in range(60):
            self.wait(100)
            self.fire()
            for which in (0, 1):
                while self.redis.llen(KEYS.queue_list(QUEUES[which])):
                    self.take(which)
                    self.end("succeeded")
            while self.running:
                self.end("succeeded")
            if not self.active() and self.waiting() == self.waiting(paused=True):
                break
        self.look()
        assert (self.active(), self.waiting()) == ([], self.waiting(paused=True))

    def leave(self) -> None:
        """Delete everything: what is left of it expires, or is bounded."""
        self.apply(self.plan({name: Rules() for name in {"last", *self._read().forgotten}}, {}))
        self.apply(self.plan({}, {}))
        self.fire()
        self.fire()
        assert self.redis.hkeys(KEYS.specs) == []
        kept = {KEYS.head, KEYS.runs, KEYS.heals, KEYS.history, KEYS.inverses, KEYS.totals, KEYS.lease, KEYS.pipelines}
        for raw in self.redis.scan_iter(f"{KEYS.prefix}*"):
            key = raw.decode()
            if key not in kept and not key.startswith(KEYS.inverse("")):
                assert self.redis.ttl(key) > 0, f"{key} is left for ever"

    # Pieces.

    def _claim(self, run: str, execution: str) -> Claim:
        raw: Any = self.redis.hget(KEYS.specs, str(self.entry(run).get("digest")))
        fields = json.loads(raw)["fields"] if raw else {}
        terms = Terms(after=tuple(fields.get("after", ())))
        return Ledger(self.store).claim(self._reference(run), Claimant("player", execution), digest="d", terms=terms)

    def _next(self, steps: Iterator[Progress]) -> None:
        try:
            next(steps, None)
        except FlowerPowerError:  # an apply took its schedule away
            return

    def _reference(self, run: str) -> RunRef:
        found = run_ref(self.store, run, self.now)
        assert found is not None
        return found
