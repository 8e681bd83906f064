"""What Prometheus is told: the fleet as Redis knows it at the moment of a scrape, and the process that is asked.

Counters come from Redis, where they never fall, so it does not matter which process is scraped, nor how often. One look
at Redis serves all scrapes of a second. A Redis that is away is told by `flowerpower_up 0`: what was true before would
be taken for what is true now.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from flowerpower.errors import FlowerPowerError, MissingExtraError
from flowerpower.jobs.monitoring.status import Status
from flowerpower.jobs.monitoring.status_reader import StatusReader
from flowerpower.render.alarms import state_of, unattended
from flowerpower.render.metrics import schedule_metrics
from flowerpower.told_in_python import called
from flowerpower.version import __version__

FRESH = 1.0  # seconds that a look at Redis is good for
_SHARE = 3  # one that takes long is good for so many times that long
_STATES = ("damaged", "failed", "late", "missed", "cancelled", "held", "skipped", "ok", "new", "paused")
_UNREADABLE = "a key in Redis that all schedules share is damaged: `flowerpower status` names it"
_ENDS = ("succeeded", "failed", "skipped", "missed", "cancelled")

BOUNDS = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0)  # seconds, as shared.lua counts

logger = logging.getLogger("flowerpower.metrics")


def require_client() -> None:
    """Raise `MissingExtraError` unless the client library of Prometheus is installed."""
    try:
        import prometheus_client  # noqa: F401
    except ImportError:
        raise MissingExtraError(called("--metrics", "metrics"), "metrics") from None


class Exposition:
    """The text of a scrape, made anew when the last one is no longer fresh."""

    def __init__(
        self, reader: StatusReader, *, role: str, pid: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        from prometheus_client import CollectorRegistry, ProcessCollector

        self._reader = reader
        self._role = role
        self._clock = clock
        self._lock = threading.Lock()
        self._text, self._good_until = b"", -math.inf
        self._said = ""
        self._status: Status | None = None
        self._took = 0.0
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(pid=lambda: pid, registry=self._registry)

    def text(self) -> bytes:
        """Return what is told now."""
        from prometheus_client import generate_latest

        with self._lock:
            began = self._clock()
            if began >= self._good_until:
                self._look()
                readable = self._status is not None and self._status.readable
                of_schedules = schedule_metrics(self._status) if self._status and readable else ""
                self._text = generate_latest(self._registry) + of_schedules.encode()
                now = self._clock()
                self._good_until = now + max(FRESH, _SHARE * (now - began))
            return self._text

    def _look(self) -> None:
        began = self._clock()
        try:
            self._status = self._reader.read(successes=True)
            said = "" if self._status.readable else _UNREADABLE
        except FlowerPowerError as error:
            self._status, said = None, str(error)
        self._took = self._clock() - began
        if said != self._said:
            logger.warning("%s", said or "Redis can be read again")
        self._said = said

    def collect(self) -> Iterator[Any]:
        """Yield what there is besides the schedules' own; called by the client library."""
        status = self._status
        up = status is not None and status.readable
        yield _gauge("flowerpower_up", "Whether the live state could be read from Redis.", int(up))
        yield _gauge("flowerpower_collect_seconds", "How long reading it took.", self._took)
        yield _labelled("flowerpower_build_info", "The version, and which process is asked.", ("version", "role"), {
            (__version__, self._role): 1,
        })  # fmt: skip
        if status is not None:
            yield _gauge("flowerpower_damaged_records", "Records in Redis that cannot be read.", len(status.damaged))
        if status is not None and up:
            yield from _fleet(status)
            yield from _runs(status)
            yield from _of_rq(status)


def _fleet(status: Status) -> Iterator[Any]:
    head = status.head
    yield _labelled("flowerpower_applied_info", "The commit in force.", ("namespace", "commit"), {
        (status.namespace, head.commit): 1,
    })  # fmt: skip
    yield _gauge("flowerpower_applied_timestamp_seconds", "When it was applied.", head.when)
    yield _gauge("flowerpower_applied_generation", "How many applies have changed something.", head.generation)
    yield _gauge("flowerpower_scheduler_up", "Whether a scheduler is alive.", int(bool(status.scheduler)))
    yield _gauge("flowerpower_troubles", "How many things the scheduler finds wrong.", len(status.troubles))
    yield _gauge("flowerpower_heals", "What was mended in the last day.", len(status.heals))
    yield _gauge("flowerpower_pipelines", "Live pipelines.", status.pipelines)
    states = Counter(state_of(schedule) for schedule in status.schedules)
    yield _labelled("flowerpower_schedules", "Live schedules by how they are.", ("state",), {
        (state,): states[state] for state in _STATES  # type: ignore[index]
    })  # fmt: skip
    active = sum(schedule.active for schedule in status.schedules)
    yield _gauge("flowerpower_active_runs", "Runs of schedules between their tick and their end.", active)
    waiting = sum(schedule.waiting for schedule in status.schedules)
    yield _gauge("flowerpower_waiting_ticks", "Ticks that wait for the run before them.", waiting)
    idle = unattended(status)
    used = {schedule.queue for schedule in status.schedules} | {queue.name for queue in status.queues}
    yield _labelled("flowerpower_queue_unattended", "Whether schedules use it and no worker listens.", ("queue",), {
        (queue,): int(queue in idle) for queue in sorted(used)
    })  # fmt: skip


def _runs(status: Status) -> Iterator[Any]:
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    totals = status.totals
    ends = CounterMetricFamily("flowerpower_runs", "Ticks by what became of them.", labels=["status"])
    for name in (*_ENDS, *sorted(totals.ends.keys() - {*_ENDS})):
        ends.add_metric([name], totals.ends.get(name, 0))
    yield ends
    below, buckets = 0, []
    for bound in sorted({*totals.took, *BOUNDS, math.inf}):
        below += totals.took.get(bound, 0)
        buckets.append(("+Inf" if bound == math.inf else str(bound), below))
    took = HistogramMetricFamily("flowerpower_run_duration_seconds", "How long runs took that succeeded or failed.")
    took.add_metric([], buckets=buckets, sum_value=totals.seconds)
    yield took


def _of_rq(status: Status) -> Iterator[Any]:
    """Yield what the exporter of RQ tells, by its names, so that dashboards made for it show our queues."""
    from prometheus_client.core import CounterMetricFamily

    yield _labelled("rq_jobs", "RQ jobs by status.", ("queue", "status"), {
        (queue.rq_name, kind): number for queue in status.queues for kind, number in queue.jobs.items()
    })  # fmt: skip
    prefix = next((queue.rq_name.removesuffix(queue.name) for queue in status.queues), "")
    listens = {worker.name: ",".join(f"{prefix}{name}" for name in worker.queues) for worker in status.listening}
    yield _labelled("rq_workers", "RQ workers.", ("name", "state", "queues"), {
        (worker.name, worker.state, listens[worker.name]): 1 for worker in status.listening
    })  # fmt: skip
    for name, help_text, attribute in (
        ("rq_workers_success", "Jobs that succeeded since the worker started.", "succeeded"),
        ("rq_workers_failed", "Jobs that failed since the worker started.", "failed"),
        ("rq_workers_working_time", "Seconds the worker has worked.", "seconds"),
    ):
        family = CounterMetricFamily(name, help_text, labels=["name", "queues"])
        for worker in status.listening:
            family.add_metric([worker.name, listens[worker.name]], getattr(worker, attribute))
        yield family


def _gauge(name: str, help_text: str, value: float) -> Any:
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(name, help_text, value=value)


def _labelled(name: str, help_text: str, labels: tuple[str, ...], values: dict[tuple[str, ...], int]) -> Any:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(name, help_text, labels=labels)
    for found, value in values.items():
        family.add_metric(list(found), value)
    return family
