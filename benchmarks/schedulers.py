"""Schedulers as processes of their own, watched from outside: ours and, beside it, those of RQ and rq-scheduler."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis

from benchmarks.children import run_side
from benchmarks.peers import CHECKOUT

_OURS = (
    "import sys; from benchmarks.worlds import KEYS; from flowerpower.jobs.workers.beside import run_scheduler;"
    "run_scheduler(sys.argv[1], KEYS)"
)
_RQ = (
    "import sys; from redis import Redis; from rq.scheduler import RQScheduler;"
    "from rq.serializers import JSONSerializer;"
    "queues = ['bench--default--' + name for name in ('default', 'heavy', 'express')];"
    "one = RQScheduler(queues, Redis.from_url(sys.argv[1]), serializer=JSONSerializer);"
    "one.acquire_locks(); one.work()"
)
_RQ_SCHEDULER = (
    "import sys; from redis import Redis; from rq_scheduler import Scheduler;"
    "Scheduler(connection=Redis.from_url(sys.argv[1]), interval=1).run()"
)
_CALM = 0.1  # of a core: a scheduler that needs less has read what it reads at its start


@dataclass(frozen=True, slots=True)
class Watched:
    """A process that can be looked at."""

    pid: int

    @property
    def cpu(self) -> float:
        """Return the CPU seconds it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory(self) -> float:
        """Return its resident memory in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in status if line.startswith("VmRSS:")).split()[1]) / 1024

    def wait_until_calm(self, seconds: float = 600.0) -> None:
        """Wait until it does hardly anything."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            before = self.cpu
            time.sleep(4)
            if self.cpu - before < 4 * _CALM:
                return


@contextmanager
def running(python: Path, code: str, url: str) -> Iterator[Watched]:
    """Run a scheduler for the length of a block."""
    with subprocess.Popen([str(python), "-c", code, url], cwd=CHECKOUT, stderr=subprocess.DEVNULL) as process:
        try:
            yield Watched(process.pid)
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


def server_of(connection: Redis) -> Watched:
    """Return the process of a Redis server on this machine."""
    about: Any = connection.info("server")
    return Watched(int(about["process_id"]))


@dataclass(frozen=True, slots=True)
class Kind:
    """A scheduler: how its work is put into Redis, and how it is run."""

    name: str
    side: str
    action: str
    code: str
    is_ours: bool = False

    def prepare(self, peers: Path, url: str, world: Path) -> None:
        """Fill Redis with the schedules of a world, and nothing else."""
        with Redis.from_url(url) as connection:
            connection.flushall()
        run_side(self.python(peers), self.side, self.action, url, str(world))

    def python(self, peers: Path) -> Path:
        """Return the interpreter that has what it needs."""
        return Path(sys.executable) if self.is_ours else peers


OURS = Kind("flowerpower", "flowerpower_side", "prepare", _OURS, is_ours=True)
RQ = Kind("RQScheduler", "rq_side", "prepare", _RQ)
RQ_SCHEDULER = Kind("rq-scheduler", "rq_scheduler_side", "create", _RQ_SCHEDULER)


def table_text(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns line up."""
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    rows = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in (head, *lines)
    ]
    return "\n".join([rows[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *rows[1:]])
