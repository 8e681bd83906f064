"""The status as a JSON document: all that a page or a program needs, times in ISO 8601 and UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowerpower.render.alarms import alarms_of, health_of, state_of, worst_first
from flowerpower.render.holds import hold_dict
from flowerpower.render.words import iso, local

if TYPE_CHECKING:
    from flowerpower.jobs.monitoring.status import Heal, QueueStatus, ScheduleStatus, Status, WorkerStatus
    from flowerpower.jobs.records import RunRecord

FORMAT_VERSION = "1.4"


def status_dict(status: Status) -> dict[str, Any]:
    """Return the document; `status --json` prints it, and its schema is `flowerpower schema status`."""
    return {
        "format_version": FORMAT_VERSION,
        "namespace": status.namespace,
        "read_at": iso(status.now),
        "live": {
            "generation": status.head.generation,
            "commit": status.head.commit,
            "who": status.head.who,
            "applied_at": _iso(status.head.when),
            "repository": status.head.repository,
        },
        "sync": _sync(status),
        "alarms": [
            {"severity": alarm.severity, "code": alarm.code, "message": alarm.message, "names": list(alarm.names)}
            for alarm in alarms_of(status)
        ],
        "schedules": [_schedule(schedule) for schedule in worst_first(status.schedules)],
        "pipelines": status.pipelines,
        "workers": dict(sorted(status.workers.items())),
        "worker_processes": [_worker(worker) for worker in status.listening],
        "queues": [_queue(queue) for queue in status.queues],
        "scheduler": status.scheduler or None,
        "scheduler_lease_seconds": status.lease_seconds,
        "totals": {"ends": dict(sorted(status.totals.ends.items())), "seconds": status.totals.seconds},
        "unmanaged": status.unmanaged,
        "troubles": list(status.troubles),
        "damaged": [
            {"address": address, "message": one.message, "where": one.where, "hint": one.hint}
            for address, one in sorted(status.damaged.items())
        ],
        "heals": [_heal(heal) for heal in status.heals],
    }


def _sync(status: Status) -> dict[str, Any]:
    wanted = status.wanted
    apart = bool(status.missing) or any(one.sync in ("out_of_sync", "orphaned") for one in status.schedules)
    known = "out_of_sync" if apart else "synced"
    return {
        "status": "unknown" if wanted.unknown else known,
        "commit": wanted.commit or None,
        "unknown": wanted.unknown or None,
        "missing": list(status.missing),
    }


def _schedule(schedule: ScheduleStatus) -> dict[str, Any]:
    hold, due = schedule.hold, schedule.next_tick
    return {
        "name": schedule.name,
        "state": state_of(schedule),
        "health": health_of(schedule),
        "sync": schedule.sync,
        "damaged": schedule.damaged,
        "drifted": schedule.drifted,
        "pipeline": schedule.pipeline,
        "queue": schedule.queue,
        "owner": schedule.owner or None,
        "timezone": schedule.timezone,
        "trigger": schedule.trigger,
        "paused": schedule.paused,
        "held": hold_dict(hold) if hold else None,
        "next": None if due is None else iso(due),
        "next_local": None if due is None else local(due, schedule.timezone).isoformat(),
        "late": schedule.late,
        "active": schedule.active,
        "queued": schedule.queued,
        "active_since": _iso(schedule.active_since),
        "waits": schedule.waits or None,
        "waiting": schedule.waiting,
        "last": _outcome(schedule.last) if schedule.last else None,
        "ended": _outcome(schedule.ended) if schedule.ended else None,
        "skipped": schedule.skipped,
        "last_success_at": _iso(schedule.succeeded_at),
        "recent": [_outcome(outcome) for outcome in schedule.recent],
        "commit": schedule.commit,
        "revision": schedule.revision,
        "place": schedule.place or None,
    }


def _outcome(last: RunRecord) -> dict[str, Any]:
    return {
        "first": iso(last.first),
        "last": iso(last.last),
        "count": last.count,
        "status": last.status,
        "reason": last.reason,
        "run": last.run,
        "attempt": last.attempt,
        "seconds": last.seconds,
        "at": _iso(last.at),
        "commit": last.commit,
        "other_code": last.other_code,
    }


def _worker(worker: WorkerStatus) -> dict[str, Any]:
    return {
        "name": worker.name,
        "state": worker.state,
        "queues": list(worker.queues),
        "host": worker.host,
        "pid": worker.pid,
        "started_at": _iso(worker.started),
        "heartbeat_at": _iso(worker.heartbeat),
        "run": worker.run or None,
        "succeeded": worker.succeeded,
        "failed": worker.failed,
        "working_seconds": worker.seconds,
        "rq": worker.rq,
    }


def _queue(queue: QueueStatus) -> dict[str, Any]:
    return {"name": queue.name, "rq_name": queue.rq_name, "workers": queue.workers, "jobs": dict(queue.jobs)}


def _heal(heal: Heal) -> dict[str, Any]:
    return {
        "event": heal.event,
        "at": iso(heal.at),
        "schedule": heal.schedule or None,
        "tick": None if heal.tick is None else iso(heal.tick),
        "run": heal.run or None,
        "reason": heal.reason,
    }


def _iso(moment: int | None) -> str | None:
    return iso(moment) if moment else None
