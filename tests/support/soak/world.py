"""The world of a soak: a real Redis, schedulers, workers, somebody who applies, and a clock that runs fast."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from flowerpower.apply import apply_plan
from flowerpower.errors import FlowerPowerError
from flowerpower.jobs.running import keeping
from flowerpower.jobs.workers.beside import run_scheduler
from flowerpower.jobs.workers.preload import GraphRecipe
from flowerpower.jobs.workers.processes import WorkerOptions, run_worker
from flowerpower.planning.diff import make_plan
from flowerpower.state import scripts
from flowerpower.state.connection import connect
from flowerpower.state.keys import Keys
from flowerpower.state.models import Desired
from flowerpower.state.store import Store
from support.projects import wanted, write_project
from support.redis_state import OFFSET_KEY, SHIFTED_CLOCK
from support.states import SOURCE
from support.torture.world import Server

KEYS = Keys("acme", "default")
SPEED = 60  # seconds that pass in one
FAST = 100  # schedules that reach the cap of their outcomes
OUTCOMES_KEPT = 50  # of one schedule, instead of 1,000, and so many runs of which something is kept: to reach both
APPLIES = 600  # so many moments of a soak at which both states are applied: the history is full when it is warm
ALL, REST = "Redis, all data", "Redis, without what is below its cap"  # outcomes, indexes of kept runs, applies
PIPELINE = """
name: report
modules: [flow]
outputs: [day]
inputs: {number: 21, moment: "${tick:%Y-%m-%d}"}
timeout: 60
result_ttl: 30
failure_ttl: 60
"""
FLOW = """
def doubled(number: int) -> int:
    print("doubling")
    return number * 2


def day(moment: str, doubled: int) -> str:
    if hash(moment + str(id(moment))) % 50 == 0:
        raise ValueError("as it happens")
    return f"{moment}: {doubled}"
"""


def lower_the_caps() -> None:
    """Let the caps be so low that a soak reaches them; for this process and all that it forks."""
    true_text = scripts._text

    def text(name: str) -> str:
        return true_text(name).replace("local OUTCOMES_KEPT = 1000", f"local OUTCOMES_KEPT = {OUTCOMES_KEPT}")

    assert text("shared") != true_text("shared")
    scripts._text = text  # type: ignore[assignment]
    keeping.RUNS_KEPT = OUTCOMES_KEPT


@dataclass
class World:
    """Processes by name."""

    folder: Path
    schedules: int
    seconds: float
    server: Server = field(init=False)
    processes: dict[str, int] = field(default_factory=dict)

    def start(self) -> None:
        """Start Redis, apply, and let everybody work."""
        lower_the_caps()
        self.folder.mkdir()
        self.server = Server(self.folder)
        self.server.start()
        states = tuple(self._wanted(number) for number in range(2))
        with redis.Redis.from_url(self.server.url) as client:
            client.config_set("appendfsync", "everysec")
            client.set(OFFSET_KEY, 0)
        apply_states(self.server.url, states[:1])
        url = self.server.url
        for number in (1, 2):
            self._fork(f"scheduler {number}", lambda: run_scheduler(url, KEYS, SHIFTED_CLOCK, 0.25))
        self._fork("worker", lambda: run_worker(url, KEYS, self._options(warm=False)))
        self._fork("warm worker", lambda: run_worker(url, KEYS, self._options(warm=True)))
        self._fork("applies", lambda: apply_on_and_on(url, states, self.seconds / APPLIES))
        self._fork("clock", lambda: advance(url))

    def _options(self, *, warm: bool) -> WorkerOptions:
        return WorkerOptions(
            root=self.folder / "project",
            queues=("default",),
            recipes=[GraphRecipe(["flow"], {})],
            with_scheduler=False,
            warm=warm,
            clock=SHIFTED_CLOCK,
        )

    def _wanted(self, number: int) -> Desired:
        """Return the namespace: a few schedules fire often, the others once a day or so; every 200th changes."""
        folder = write_project(self.folder / "project", flow=FLOW, pipeline=PIPELINE, schedule="every: 7m")
        (folder / "schedules/all.yaml").write_text("---\n".join(documents(self.schedules - 1, number)))
        return wanted(folder)

    def _fork(self, name: str, work: Callable[[], object]) -> None:
        pid = os.fork()
        if pid == 0:
            try:
                with (self.folder / f"{name}.log").open("ab", buffering=0) as log:
                    os.dup2(log.fileno(), 1)
                    os.dup2(log.fileno(), 2)
                work()
            finally:
                os._exit(1)
        self.processes[name] = pid

    def dead(self) -> list[str]:
        """Return who has ended; nobody should."""
        return [name for name, pid in self.processes.items() if os.waitpid(pid, os.WNOHANG)[0]]

    def stop(self) -> None:
        """Stop everybody."""
        for pid in self.processes.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        time.sleep(2)
        for pid in self.processes.values():
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        self.server.kill()


def documents(count: int, number: int) -> Iterator[str]:
    """Yield the specs of so many schedules, as documents of one file."""
    for at in range(count):
        trigger = f"every: {240 + at % 60}s" if at < FAST else _slow(at)
        owner = "owner: ana\n" if number and at % 200 == 0 else ""
        yield f"name: s{at}\npipeline: report\n{trigger}\n{owner}"


def _slow(at: int) -> str:
    zone = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")[at % 4]
    return (
        f"cron: '{at % 60} {at // 60 % 24} * * *'\ntimezone: {zone}",
        f"every: {20 + at % 9}h",
        f"cron: '{at % 60} {at // 60 % 24} * * 1-5'\ntimezone: {zone}\ncatchup: all",
        f"every: {1_000 + at % 700}m\noverlap: buffer_one",
    )[at % 4]


def apply_states(url: str, states: tuple[Desired, ...]) -> None:
    """Apply one state after the other."""
    store = Store(connect(url), KEYS, SHIFTED_CLOCK)
    for state in states:
        with suppress(FlowerPowerError):  # a tick fired in between: the next one is applied
            apply_plan(make_plan(KEYS, state, store.read(), SOURCE), store, f"apply-{time.monotonic_ns()}")
    store.connection.close()


def apply_on_and_on(url: str, states: tuple[Desired, ...], pause: float) -> None:
    """Apply both states in turn, again and again."""
    while True:
        time.sleep(pause)
        with suppress(redis.RedisError):
            apply_states(url, states[::-1])


def advance(url: str) -> None:
    """Let time run fast."""
    connection = redis.Redis.from_url(url)
    begun, shifted = time.monotonic(), 0
    while True:
        time.sleep(0.1)
        due = int((time.monotonic() - begun) * (SPEED - 1))
        connection.incrby(OFFSET_KEY, due - shifted)
        shifted = due


def measure(world: World, client: redis.Redis) -> tuple[dict[str, float], dict[str, int]]:
    """Return how many bytes each process and Redis hold, and how many there are of what is capped."""
    sizes = {name: _resident(pid) for name, pid in world.processes.items()}
    info: Any = client.info("memory")
    sizes[ALL] = float(info["used_memory"])
    names = [f"s{at}" for at in range(world.schedules - 1)]
    kept = _sizes(client, [key for name in names for key in (KEYS.outcomes(name), KEYS.kept_of(name))])
    applies = [KEYS.inverse(entry.decode()) for entry, _ in client.xrange(KEYS.history)]
    kept += _sizes(client, [KEYS.history, KEYS.inverses, *applies])
    sizes[REST] = sizes[ALL] - kept
    with client.pipeline(transaction=False) as pipe:
        for at in range(FAST):
            pipe.zcard(KEYS.outcomes(f"s{at}"))
        most = max(pipe.execute())
    return sizes, _counts(client, most)


def _sizes(client: redis.Redis, keys: list[str]) -> int:
    with client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.memory_usage(key, samples=0)
        return sum(size or 0 for size in pipe.execute())


def _counts(client: redis.Redis, most: int) -> dict[str, int]:
    return {
        "keys": int(client.dbsize()),
        "outcomes of one schedule, at most": most,
        "run events": int(client.xlen(KEYS.runs)),
        "heals": int(client.xlen(KEYS.heals)),
        "applies in the history": int(client.xlen(KEYS.history)),
        "inverses": int(client.hlen(KEYS.inverses)),
        "active runs": int(client.hlen(KEYS.active)),
        "waiting runs": int(client.llen(KEYS.queue_list(KEYS.queue("default")))),
        "run specs": int(client.hlen(KEYS.specs)),
    }


def _resident(pid: int) -> float:
    """Return what a process holds, and the children that it has at the moment."""
    with suppress(OSError):  # a child that has just ended
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return float(pages * os.sysconf("SC_PAGE_SIZE")) + sum(_resident(int(child)) for child in children)
    return 0.0
