"""Workers that tests play by hand: they take runs from the queue, claim them, and say how they ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from rq.executions import Execution
from rq.job import Job

from flowerpower.jobs.ledger import Claim, Claimant, Ledger, RunRef, run_ref
from flowerpower.state.store import Store


@dataclass
class Player:
    """One worker that runs nothing; `running` is what it has claimed."""

    store: Store
    queue: str  # RQ's name
    running: list[str] = field(default_factory=list)
    count: int = 0

    def claim(self, run_id: str) -> Claim:
        """Ask to run a run as RQ would have it: started, by this worker."""
        self.count += 1
        self.store.connection.hset(
            self.store.keys.job(run_id), mapping={"status": "started", "worker_name": "player", "origin": self.queue}
        )
        claim = Ledger(self.store).claim(
            reference(self.store, run_id), Claimant("player", self._execution()), digest="d"
        )
        if not claim.refused:
            self.running.append(run_id)
        return claim

    def take(self) -> str:
        """Take the next run from the queue and claim it; an empty text when there is none to run."""
        while raw := self.store.connection.lpop(self.store.keys.queue_list(self.queue)):
            if not self.claim(raw.decode()).refused:
                return str(raw.decode())
        return ""

    def end(self, status: str = "succeeded", *, final: bool = True) -> str:
        """End the run that was claimed first; one that is not final waits for its retry, in the queue."""
        run_id, store = self.running.pop(0), self.store
        execution = str(store.read().active[run_id].execution)
        Ledger(store).finish(
            reference(store, run_id), execution=execution, status=status, reason="", final=final, duration=1.0
        )
        cancelled = run_id not in store.read().active
        store.connection.hset(store.keys.job(run_id), "status", "finished" if final or cancelled else "queued")
        if not final and not cancelled:
            store.connection.rpush(store.keys.queue_list(self.queue), run_id)
        return run_id

    def _execution(self) -> str:
        return f"execution-{self.count}"


def reference(store: Store, run_id: str) -> RunRef:
    """Return the pieces of a run id."""
    found = run_ref(store, run_id, 0)
    assert found is not None
    return found


def begin(store: Store, run: str, worker: str = "worker") -> Execution:
    """Let a worker of RQ's begin a run for the first time, with an execution that nobody renews."""
    job = Job.fetch(run, connection=store.connection, serializer="json")
    with store.connection.pipeline() as pipe:
        execution = Execution.create(job, 70, pipe, worker)
        pipe.execute()
    store.connection.hset(store.keys.job(run), "status", "started")
    assert Ledger(store).claim(reference(store, run), Claimant(worker, execution.id), digest="d").attempt == 1
    return execution
