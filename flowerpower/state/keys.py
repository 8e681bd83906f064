"""The name of every Redis key, queue and run id; the only place where they are put together.

`ns` is `<project>.<env>`. Our keys start with `flowerpower:<ns>:`; the rest are RQ's own, named as RQ names them.
Names cannot contain `--`, which therefore parts the pieces of queue names and run ids.
"""

from __future__ import annotations

from dataclasses import dataclass

SEPARATOR = "--"


@dataclass(frozen=True, slots=True)
class Keys:
    """Key names of one namespace in one Redis; `rq` is RQ's key prefix (RQ_KEY_PREFIX)."""

    project: str
    env: str
    rq: str = "rq"

    @property
    def namespace(self) -> str:
        """Return `<project>.<env>`."""
        return f"{self.project}.{self.env}"

    @property
    def prefix(self) -> str:
        """Return what every key of ours in this namespace starts with."""
        return f"flowerpower:{self.namespace}:"

    @property
    def head(self) -> str:
        """Return the hash that says which apply is in force."""
        return f"{self.prefix}head"

    @property
    def schedules(self) -> str:
        """Return the hash of schedule records."""
        return f"{self.prefix}schedules"

    @property
    def pipelines(self) -> str:
        """Return the hash of pipeline records."""
        return f"{self.prefix}pipelines"

    def records(self, kind: str) -> str:
        """Return the hash of the records of a kind, `schedule` or `pipeline`."""
        return self.schedules if kind == "schedule" else self.pipelines

    @property
    def cursors(self) -> str:
        """Return the hash of cursors: last decided tick, revision, pending job id."""
        return f"{self.prefix}cursors"

    @property
    def active(self) -> str:
        """Return the hash of active runs."""
        return f"{self.prefix}active"

    @property
    def active_index(self) -> str:
        """Return the sorted set of `<schedule>--<run key>`, all scores 0, to find a schedule's active runs."""
        return f"{self.prefix}active_index"

    @property
    def holds(self) -> str:
        """Return the hash of holds."""
        return f"{self.prefix}holds"

    @property
    def buffers(self) -> str:
        """Return the hash of ticks that wait until no run of their schedule is active."""
        return f"{self.prefix}buffers"

    @property
    def forgotten(self) -> str:
        """Return the hash of schedules that git no longer manages."""
        return f"{self.prefix}forgotten"

    @property
    def specs(self) -> str:
        """Return the hash of run specs by digest."""
        return f"{self.prefix}specs"

    @property
    def runs(self) -> str:
        """Return the stream of run events."""
        return f"{self.prefix}runs"

    @property
    def history(self) -> str:
        """Return the stream of applies."""
        return f"{self.prefix}history"

    @property
    def inverses(self) -> str:
        """Return the hash of what undoes each apply, by the id of its entry in the history."""
        return f"{self.prefix}inverses"

    def inverse(self, entry: str) -> str:
        """Return the hash of what one apply changed, as it was, by the id of its entry in the history."""
        return f"{self.prefix}inverse:{entry}"

    @property
    def lease(self) -> str:
        """Return the lease of the scheduler that works first."""
        return f"{self.prefix}scheduler"

    def outcomes(self, schedule: str) -> str:
        """Return the sorted set of one schedule's outcomes."""
        return f"{self.prefix}outcomes:{schedule}"

    def stage(self, apply_id: str) -> str:
        """Return the expiring hash in which one apply stages its changes."""
        return f"{self.prefix}stage:{apply_id}"

    def queue(self, name: str) -> str:
        """Return RQ's name of a queue of this namespace."""
        return SEPARATOR.join((self.project, self.env, name))

    def run_id(self, name: str, run: str | int) -> str:
        """Return the id of a run: `run` is the tick, or `m<ulid>` for a manual run."""
        return SEPARATOR.join((self.project, self.env, name, str(run)))

    def parse_run_id(self, run_id: str) -> tuple[str, str] | None:
        """Return (name, run) of a run id of this namespace, None for any other id."""
        parts = run_id.split(SEPARATOR)
        if len(parts) != 4 or (parts[0], parts[1]) != (self.project, self.env):
            return None
        return parts[2], parts[3]

    def owns_queue(self, queue: str) -> bool:
        """Tell whether an RQ queue name belongs to this namespace."""
        parts = queue.split(SEPARATOR)
        return len(parts) == 3 and (parts[0], parts[1]) == (self.project, self.env)

    @property
    def queues(self) -> str:
        """Return RQ's set of queue keys."""
        return f"{self.rq}:queues"

    def queue_list(self, queue: str) -> str:
        """Return RQ's list of one queue; `queue` is RQ's name."""
        return f"{self.rq}:queue:{queue}"

    def scheduled(self, queue: str) -> str:
        """Return RQ's ScheduledJobRegistry of one queue."""
        return f"{self.rq}:scheduled:{queue}"

    def workers(self, queue: str) -> str:
        """Return RQ's set of workers that listen on one queue."""
        return f"{self.rq}:workers:{queue}"

    def job(self, run_id: str) -> str:
        """Return RQ's hash of one job."""
        return f"{self.rq}:job:{run_id}"

    def execution(self, run_id: str, execution: str) -> str:
        """Return RQ's hash of one execution of a job, which lives as long as its worker renews it."""
        return f"{self.rq}:execution:{run_id}:{execution}"


def tick_of(run: str) -> int | None:
    """Return the tick (epoch seconds) that the last piece of a run id names, None for manual runs."""
    return int(run) if run.isascii() and run.isdigit() else None
