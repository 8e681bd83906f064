"""Stock workers: empty a queue of the same pipeline. Usage: HOW REDIS_URL PROJECT AMOUNT."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

from redis import Redis

from benchmarks.drain import drain
from benchmarks.samples import Sample, print_samples, watch

_WARM_UP = 4


def main(how: str, url: str, folder: str, amount: str) -> None:
    """Enqueue the job and let workers do it."""
    os.chdir(folder)
    sys.path.insert(0, folder)
    number = int(amount)
    if how == "plain":
        print_samples({"run": _plain(number)})
        return
    connection = Redis.from_url(url)
    sample = _celery(connection, url, number) if how == "celery" else _rq(connection, url, number, how)
    print_samples({"run": sample})


def _plain(number: int) -> Sample:
    run = import_module("peer_job").run
    run(1)
    with watch() as running:
        for _ in range(number):
            run(1)
    return running.sample(number)


def _rq(connection: Redis, url: str, number: int, how: str) -> Sample:
    from rq import Queue

    queue = Queue("bench", connection=connection, serializer="json")
    for _ in range(number + _WARM_UP):
        queue.enqueue("peer_job.run", 1, result_ttl=3600)
    Path("preload.py").write_text("import sys\nsys.path.insert(0, 'flows')\nimport ten, hamilton.driver, peer_job\n")
    more = {"rq": [], "rq_preloaded": ["-c", "preload"], "rq_simple": ["-w", "rq.SimpleWorker"]}[how]
    command = [str(Path(sys.executable).parent / "rq"), "worker", "-q", "-S", "json", "-u", url, *more, "bench"]

    def done() -> int:
        found: int = connection.zcard("rq:finished:bench")
        return found

    return drain(command, Path.cwd(), {}, done, _WARM_UP, number + _WARM_UP)


def _celery(connection: Redis, url: str, number: int) -> Sample:
    broker = url.replace("unix://", "redis+socket://") if url.startswith("unix") else url
    os.environ["BENCH_REDIS"] = broker
    task = import_module("peer_celery").run
    for _ in range(number + _WARM_UP):
        task.delay(1)
    command = [str(Path(sys.executable).parent / "celery"), "-A", "peer_celery", "worker", "-c", "2", "-l", "ERROR"]

    def done() -> int:
        return sum(1 for _ in connection.scan_iter("celery-task-meta-*", count=10_000))

    return drain(command, Path.cwd(), {"BENCH_REDIS": broker}, done, _WARM_UP, number + _WARM_UP)


if __name__ == "__main__":
    main(*sys.argv[1:])
