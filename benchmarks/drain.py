"""How fast workers empty a queue: measured from outside, when they are warm, by what is done."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.samples import Sample

_PATIENCE = 300.0


def drain(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    done: Callable[[], int],
    warm_up: int,
    total: int,
) -> Sample:
    """Start workers on a queue of *total* jobs, and return what all but *warm_up* took, to their scale."""
    log = folder / "worker.log"
    with log.open("w") as said:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            _wait(process, log, done, warm_up)
            begun, start, cpu = done(), time.perf_counter(), cpu_of(process.pid)
            _wait(process, log, done, total)
            seconds, used = time.perf_counter() - start, cpu_of(process.pid) - cpu
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
    scale = (total - warm_up) / (total - begun)
    return Sample(seconds * scale, done() - warm_up, used * scale)


def cpu_of(process: int) -> float:
    """Return the CPU seconds of a process, of what it has reaped, and of its living descendants."""
    ticks = 0
    for one in _family(process):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _family(process: int) -> Iterator[int]:
    yield process
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _wait(process: subprocess.Popen[bytes], log: Path, done: Callable[[], int], count: int) -> None:
    end = time.monotonic() + _PATIENCE
    while done() < count:
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the workers did {done()} of {count} jobs:\n{log.read_text()[-3000:]}")
        time.sleep(0.005)
