"""The name of every Redis key, queue and run id; the only place where they are put together.

`ns` is `<project>.<env>`. Our keys start with `flowerpower:<ns>:`; the rest are RQ's own, named as RQ names them.
Names cannot contain `--`, which therefore parts the pieces of queue names and run ids.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowerpower import arguments

SEPARATOR = "--"
LAST_MOMENT = 253_370_764_800  # the first day of the year 9999: every calendar has a date for it
RUN_ID = "pass the id of a run, as `run.id` is one"
_DIGITS = len(str(LAST_MOMENT))


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
    def awaited(self) -> str:
        """Return the sorted set of `<schedule>--<run that waits for it>`, the run without project and environment."""
        return f"{self.prefix}awaited"

    @property
    def renamed(self) -> str:
        """Return the expiring hash of the names that schedules had and have now."""
        return f"{self.prefix}renamed"

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
    def signatures(self) -> str:
        """Return the hash of the signatures of run specs, by their digests."""
        return f"{self.prefix}signatures"

    @property
    def runs(self) -> str:
        """Return the stream of run events."""
        return f"{self.prefix}runs"

    @property
    def heals(self) -> str:
        """Return the stream of what was mended: the events of `runs` that tell of it, once more."""
        return f"{self.prefix}heals"

    @property
    def troubles(self) -> str:
        """Return what the scheduler that works first finds wrong; it expires with that scheduler."""
        return f"{self.prefix}troubles"

    @property
    def totals(self) -> str:
        """Return the hash that counts how runs ended and how long they took."""
        return f"{self.prefix}totals"

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

    @property
    def messenger(self) -> str:
        """Return the lease of the messenger that works."""
        return f"{self.prefix}messenger"

    @property
    def messages(self) -> str:
        """Return the hash of how far the messenger has read, and how schedules fare that somebody wants to hear of."""
        return f"{self.prefix}messages"

    @property
    def outbox(self) -> str:
        """Return the hash of messages that wait to be sent, by their id."""
        return f"{self.prefix}outbox"

    def types(self) -> dict[str, str]:
        """Return the type of each key of ours that has one name, and of RQ's set of queues."""
        hashes = (self.head, self.schedules, self.pipelines, self.cursors, self.active, self.holds, self.buffers)
        more = (self.forgotten, self.specs, self.signatures, self.inverses, self.messages, self.outbox, self.totals)
        return {
            **dict.fromkeys((*hashes, *more, self.renamed), "hash"),
            **dict.fromkeys((self.runs, self.heals, self.history), "stream"),
            **dict.fromkeys((self.lease, self.messenger, self.troubles), "string"),
            **dict.fromkeys((self.active_index, self.awaited), "zset"),
            self.queues: "set",
        }

    def outcomes(self, schedule: str) -> str:
        """Return the sorted set of one schedule's outcomes."""
        return f"{self.prefix}outcomes:{schedule}"

    def older(self, schedule: str) -> str:
        """Return the sorted set of outcomes of ticks that are older than those `outcomes` has room for."""
        return f"{self.prefix}older:{schedule}"

    def former(self, schedule: str) -> tuple[str, str]:
        """Return where `outcomes` and `older` of a deleted schedule lie while another one has its name."""
        return f"{self.prefix}former:outcomes:{schedule}", f"{self.prefix}former:older:{schedule}"

    def types_of(self, schedule: str) -> dict[str, str]:
        """Return the type of each key of ours that one schedule has for itself."""
        of_outcomes = (self.outcomes(schedule), self.older(schedule), self.kept_of(schedule), *self.former(schedule))
        backfills = {self.handed(schedule): "set", self.called_off(schedule): "string"}
        return {**dict.fromkeys(of_outcomes, "zset"), **backfills}

    def kept(self, run_id: str) -> str:
        """Return the expiring hash of what a run tells of itself: its log, how far it is, how its attempts failed."""
        return f"{self.prefix}kept:{run_id}"

    def kept_of(self, name: str) -> str:
        """Return the sorted set of the runs of one name that something is kept of, by the time it was written."""
        return f"{self.prefix}kept_of:{name}"

    def handed(self, schedule: str) -> str:
        """Return the expiring set of runs that a backfill handed out and that may still be active."""
        return f"{self.prefix}handed:{schedule}"

    def called_off(self, schedule: str) -> str:
        """Return the expiring mark of the last time that all runs of a schedule were cancelled."""
        return f"{self.prefix}called_off:{schedule}"

    def stage(self, apply_id: str) -> str:
        """Return the expiring hash in which one apply stages its changes."""
        return f"{self.prefix}stage:{apply_id}"

    def queue(self, name: str) -> str:
        """Return RQ's name of a queue of this namespace."""
        return SEPARATOR.join((self.project, self.env, name))

    def run_id(self, name: str, run: str | int) -> str:
        """Return the id of a run: `run` is the tick, or `m<ulid>` for a manual run."""
        return SEPARATOR.join((self.project, self.env, name, str(run)))

    def full_run_id(self, text: str) -> str:
        """Return the id of a run as people may write it: whole, or without project and environment."""
        arguments.text(text, "a run id", RUN_ID)
        return text if text.count(SEPARATOR) != 1 else SEPARATOR.join((self.project, self.env, text))

    def short_run_id(self, run_id: str) -> str:
        """Return a run id without project and environment, as people are shown it."""
        return run_id.removeprefix(self.queue(""))

    def parse_run_id(self, run_id: str) -> tuple[str, str] | None:
        """Return (name, run) of a run id of this namespace, None for any other id."""
        parts = run_id.split(SEPARATOR)
        if len(parts) != 4 or (parts[0], parts[1]) != (self.project, self.env):
            return None
        return parts[2], parts[3]

    def tick_in(self, run_id: str | None) -> int | None:
        """Return the tick (epoch seconds) that a run id of this namespace names, None where it names none."""
        parts = self.parse_run_id(run_id) if run_id else None
        return tick_of(parts[1]) if parts else None

    def occurrence_of(self, name: str, run_id: str | None) -> int | None:
        """Return the tick of an occurrence of a schedule, None for another's: a damaged cursor may name anything."""
        parts = self.parse_run_id(run_id) if run_id else None
        return tick_of(parts[1]) if parts and parts[0] == name else None

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

    def registry(self, kind: str, queue: str) -> str:
        """Return one of RQ's registries of one queue: `wip` (started), `finished`, `failed`, `deferred`, `canceled`."""
        return f"{self.rq}:{kind}:{queue}"

    def scheduler_lock(self, queue: str) -> str:
        """Return the lock of RQ's own scheduler for one queue."""
        return f"{self.rq}:scheduler-lock:{queue}"

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
    """Return the tick (epoch seconds) that the last piece of a run id names, None for manual runs and beyond time."""
    tick = int(run) if len(run) <= _DIGITS and run.isascii() and run.isdigit() else None
    return None if tick is None or tick > LAST_MOMENT else tick
