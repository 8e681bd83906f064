"""What a side measures of itself, and prints: it loads little, since that weighs on sides that start anew."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple


class Sample(NamedTuple):
    """One measured run: wall and CPU seconds (of the side's own processes), and how much was really done.

    `memory` is the most that the process ever had, in MB; 0: not measured.
    """

    seconds: float
    count: int  # type: ignore[assignment]  # a tuple has a method of that name, which nobody calls
    cpu: float = 0.0
    memory: float = 0.0


class Watch:
    """Measures one block: wall and CPU seconds of this process."""

    def __init__(self) -> None:
        self.seconds = self.cpu = 0.0

    def sample(self, count: int) -> Sample:
        """Return what was measured, with how much was done."""
        return Sample(self.seconds, count, self.cpu)


@contextmanager
def watch() -> Iterator[Watch]:
    """Measure the block."""
    measured = Watch()
    wall, cpu = time.perf_counter(), time.process_time()
    yield measured
    measured.seconds, measured.cpu = time.perf_counter() - wall, time.process_time() - cpu


def print_samples(samples: Mapping[str, Sample]) -> None:
    """Print samples as `run_side` reads them."""
    print(json.dumps({phase: sample._asdict() for phase, sample in samples.items()}))
