"""flowerpower: empty a queue of runs with its own worker. Usage: HOW REDIS_URL PROJECT AMOUNT."""

from __future__ import annotations

import sys
from pathlib import Path

from redis import Redis

from benchmarks.drain import drain
from benchmarks.samples import print_samples
from flowerpower import FlowerPowerProject

_WARM_UP = 20
_HOW = {
    "isolated": [],
    "isolated_two": ["--processes", "2"],
    "warm": ["--warm"],
    "warm_two": ["--warm", "--processes", "2"],
}


def main(how: str, url: str, folder: str, amount: str) -> None:
    """Apply the project, enqueue its pipeline, and let workers do it."""
    total = int(amount) + _WARM_UP
    with FlowerPowerProject.load(folder, redis=url) as project:
        project.apply(project.plan())
        for _ in range(total):
            project.jobs.enqueue("ten")
        queue, runs = project.keys.queue("default"), project.keys.runs
    connection = Redis.from_url(url)
    command = [sys.executable, "-m", "flowerpower", "worker", "--no-scheduler", "--quiet", *_HOW[how]]

    def done() -> int:
        found: int = connection.zcard(f"rq:finished:{queue}")
        return found

    sample = drain(command, Path(folder), {"FLOWERPOWER_REDIS": url}, done, _WARM_UP, total)
    events = [fields[b"event"] for _, fields in connection.xrange(runs)]
    assert events.count(b"succeeded") >= total, "every run is recorded"
    print_samples({"run": sample})


if __name__ == "__main__":
    main(*sys.argv[1:])
