"""What the processes of a torture do; each is forked from the one that torments them, and may die at any moment."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import redis
from rq.job import Job
from rq.queue import Queue

from flowerpower.apply import apply_plan
from flowerpower.errors import FlowerPowerError
from flowerpower.jobs import run as running
from flowerpower.jobs.by_hand.holds import pause_schedules, resume_schedules
from flowerpower.jobs.scheduling import reconcile
from flowerpower.jobs.scheduling import scheduler as scheduling
from flowerpower.jobs.workers.beside import run_scheduler
from flowerpower.jobs.workers.worker import FlowerPowerWorker, make_worker
from flowerpower.planning.diff import make_plan
from flowerpower.state import scripts
from flowerpower.state.connection import connect, connect_for_rq
from flowerpower.state.store import Store
from support.redis_state import SHIFTED_CLOCK
from support.torture.evidence import OFFSET_KEY, recording_clock
from support.torture.wants import HOLDABLE, KEYS, OTHER, source, wanted

ALIVE_FOR = 3  # seconds that an execution lives without a heartbeat; RQ's minute would take too long here
QUEUES = ("default", "heavy")


def be(role: str, url: str, seed: int) -> None:
    """Play a role until killed."""
    clock = recording_clock(KEYS)
    scripts.clock_text = lambda: clock
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    roles = {"scheduler": schedule, "worker": work, "apply": apply_on_and_on, "clock": advance, "other": be_another}
    roles[role](url, Random(seed))


def schedule(url: str, dice: Random) -> None:
    """Be a scheduler as `flowerpower scheduler` is, but quicker."""
    scheduling.LEASE_SECONDS = 1
    reconcile.SPARED_FOR = 0.5
    run_scheduler(url, KEYS, interval=0.03 + dice.random() * 0.05)


def advance(url: str, dice: Random) -> None:
    """Let time run: fast, and now and then in a leap."""
    connection = redis.Redis.from_url(url)
    while True:
        with suppress(redis.RedisError):
            connection.incrby(OFFSET_KEY, 600 if dice.random() < 0.002 else 8)
            let_executions_expire(connection)
        time.sleep(0.03)


def let_executions_expire(connection: redis.Redis) -> None:
    """Let the minute pass for which RQ takes a dead worker for alive: its registries follow no clock of ours."""
    for queue in map(KEYS.queue, QUEUES):
        for member in connection.zrange(f"rq:wip:{queue}", 0, -1):
            if not connection.exists(b"rq:execution:" + member):
                connection.zadd(f"rq:wip:{queue}", {member: 1}, xx=True)


class TorturedWorker(FlowerPowerWorker):
    """A worker that runs in its own process, and sometimes kills itself where RQ loses a run."""

    dice: Random

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """Return how long an execution lives without a sign."""
        return ALIVE_FOR

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job here and now."""
        self._perhaps_die()
        execution = self.prepare_execution(job)
        self._perhaps_die()
        self.perform_job(job, queue, execution)
        self._perhaps_die()

    def _perhaps_die(self) -> None:
        if self.dice.random() < 0.004:
            os.kill(os.getpid(), signal.SIGKILL)


def work(url: str, dice: Random) -> None:
    """Be a worker on two queues, whose runs end at once, well or badly."""

    def run_quickly(work: Any) -> dict[str, Any]:
        if dice.random() < 0.1:
            raise ValueError("as it happens")
        return {}

    running.use_project(running.Home(Path.cwd()))
    running._run_pipeline = run_quickly  # what runs is not what is tormented here
    while True:
        with suppress(redis.RedisError, OSError):
            worker = make_worker(connect_for_rq(url), KEYS, QUEUES)
            worker.__class__ = TorturedWorker
            worker.dice = dice
            worker.work(logging_level="ERROR")
        time.sleep(0.1)


def apply_on_and_on(url: str, dice: Random) -> None:
    """Apply one namespace after the other, and hold and resume in between."""
    store = Store(connect(url), KEYS)
    while True:
        time.sleep(dice.random() * 0.3)
        with suppress(FlowerPowerError, redis.RedisError):
            change(store, dice)


def be_another(url: str, dice: Random) -> None:
    """Be another project in the same Redis: apply, fire and apply again, all in one process."""
    store = Store(connect(url), OTHER, SHIFTED_CLOCK)
    scheduler = scheduling.Scheduler(store, f"other-{os.getpid()}")
    while True:
        time.sleep(dice.random() * 0.2)
        with suppress(FlowerPowerError, redis.RedisError):
            number = dice.randrange(1 << 30)
            plan = make_plan(OTHER, wanted(number, OTHER), store.read(), source(number))
            apply_plan(plan, store, f"other-{number}")
        with suppress(FlowerPowerError, redis.RedisError):
            scheduler.step()


def change(store: Store, dice: Random) -> None:
    """Do one thing that people do."""
    what = dice.random()
    if what < 0.2:
        pause_schedules(store, [dice.choice(HOLDABLE)], who="ana", why="because", replace=True, until=None)
    elif what < 0.45:
        resume_schedules(store, list(HOLDABLE), "bob")
    else:
        number = dice.randrange(1 << 30)
        apply_plan(make_plan(KEYS, wanted(number), store.read(), source(number)), store, f"apply-{number}")
