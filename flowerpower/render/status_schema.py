"""The JSON Schema (draft-07) of what `status --json` prints: what a page or a program may rely on.

`schemas/status.schema.json` is made from here and committed.
"""

from __future__ import annotations

from typing import get_args

from flowerpower.render.alarms import Health, Severity, State
from flowerpower.render.holds import hold_dict
from flowerpower.render.schema_parts import (
    Schema,
    any_number,
    choice,
    flag,
    list_of,
    mapping_of,
    nullable,
    number,
    object_of,
    text,
    tick,
)
from flowerpower.specs.schema.schema import schema_id
from flowerpower.state.models import Hold

_SYNC = ("synced", "out_of_sync", "orphaned", "unmanaged", "unknown")
_CODES = ("trouble", "damaged", "no_scheduler", "no_worker", "failed", "late", "missed")
_APART = ("drifted", "out_of_sync", "orphaned", "missing")


def status_schema() -> Schema:
    """Return the schema as a JSON value."""
    shown = {**_about(), **_company()}
    failed = {
        "errored": flag("True when there is no status, and `error` says why."),
        "error": {"type": "object", "description": "What went wrong: message, hint, details, exit_code."},
        "stale_since": tick("With --watch: since when nothing newer could be read."),
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": schema_id("status"),
        "title": "flowerpower status --json",
        **object_of(
            "What `flowerpower status --json` prints, with --watch once in a line: what is live and how it goes, or "
            "why that cannot be told. Fields may be added within a major format version; readers ignore those they do "
            "not know.",
            {**shown, **failed},
            required=["format_version"],
        ),
        "anyOf": [{"required": [*shown]}, {"required": ["errored", "error"]}],
        "definitions": {"outcome": object_of("The end of one tick, or of a range of ticks.", _outcome())},
    }


def _about() -> Schema:
    live = {
        "generation": number("How many applies have changed something; 0 when nothing was applied yet."),
        "commit": text("The commit applied last, empty when it is not known."),
        "who": text("Who applied it."),
        "applied_at": tick("When.", nullable=True),
        "repository": text("Host and path of the repository, empty when it is not known."),
    }
    sync = {
        "status": choice(
            "Whether all that is live is what the specs here ask for.", ("synced", "out_of_sync", "unknown")
        ),
        "commit": text("The commit of the specs here, null when nobody looked.", True),
        "unknown": text("Why it is not known, else null.", True),
        "missing": list_of("Schedules of the specs that are not live.", text("A name.")),
    }
    alarm = {
        "severity": choice("How bad it is.", get_args(Severity)),
        "code": choice("What it is; more codes may come.", (*_CODES, *_APART)),
        "message": text("The same in words."),
        "names": list_of("The schedules or queues that it is about.", text("A name.")),
    }
    return {
        "format_version": text("Version of this format, major.minor.", pattern=r"^1\.[0-9]+$"),
        "namespace": text("Project and environment, as in the keys of Redis."),
        "read_at": tick("When Redis was read, by its own clock."),
        "live": object_of("The apply in force.", live),
        "sync": object_of("What is live beside the specs of the project here.", sync),
        "alarms": list_of("What somebody should look at, errors first.", object_of("One of them.", alarm)),
        "schedules": list_of("Every live schedule, worst first.", object_of("One of them.", _schedule())),
        "pipelines": number("How many pipelines are live."),
    }


def _schedule() -> Schema:
    hold = list(hold_dict(Hold("", "", 0)))
    return {
        "name": text("Its name."),
        "state": choice("How it is, in one word.", get_args(State)),
        "health": choice("The same in the words of other GitOps tools.", get_args(Health)),
        "sync": choice("What is live beside the specs: orphaned is live and in no spec.", _SYNC),
        "damaged": flag("Whether its record or its cursor in Redis cannot be read: see `damaged` below."),
        "drifted": flag("Whether its record or its waiting job was altered in Redis."),
        "pipeline": text("The pipeline it runs."),
        "queue": text("The queue, as in the specs."),
        "owner": text("Its owner, null when none is named.", True),
        "timezone": text("Its time zone."),
        "trigger": text("cron, every or at, with its value."),
        "paused": flag("Whether its spec pauses it."),
        "held": nullable({"type": "object", "description": "Who holds it, and why; else null.", "required": hold}),
        "next": tick("The next run, null when none is planned.", nullable=True),
        "next_local": text("The same in its time zone, ISO 8601 with the offset.", True),
        "late": number("Seconds since the next run was due, 0 when it is not."),
        "active": number("Active runs."),
        "queued": number("Those of them that no worker has begun."),
        "active_since": tick("Since when the oldest of them is active, null without one.", nullable=True),
        "waits": text("For which other schedule one of the queued runs waits, as its spec says; else null.", True),
        "waiting": number("Ticks that wait for the active run."),
        "last": nullable({"$ref": "#/definitions/outcome"}),
        "ended": nullable({"$ref": "#/definitions/outcome"}),
        "skipped": number(
            "How many of the newest ticks were skipped; `ended` tells of the newest that was not, and has ended."
        ),
        "last_success_at": tick("When it last succeeded, null when that is not known.", nullable=True),
        "recent": list_of(
            "The last outcomes, newest first: 20, fewer where there are thousands of schedules.",
            {"$ref": "#/definitions/outcome"},
        ),
        "commit": text("The commit that it was applied from last."),
        "revision": number("How often it was applied with a change."),
        "place": text("file:line:column of its spec, null when it is not known.", True),
    }


def _outcome() -> Schema:
    return {
        "first": tick("The first tick."),
        "last": tick("The last tick, the same where it is one."),
        "count": number("How many ticks."),
        "status": text("succeeded, failed, skipped, missed or cancelled."),
        "reason": text("Why, empty for a success."),
        "run": text("The id of the run, empty where none was started."),
        "attempt": number("Which attempt it was."),
        "seconds": any_number("How long it took."),
        "at": tick("When it ended.", nullable=True),
        "commit": text("The commit that was applied when it was queued."),
        "other_code": text("What it ran, by commit or digest, where that is not what was applied; empty otherwise."),
    }


def _company() -> Schema:
    queue = {
        "name": text("The queue, as in the specs."),
        "rq_name": text("The queue, as RQ names it."),
        "workers": number("Workers that listen."),
        "jobs": mapping_of(
            "RQ's jobs by status: queued, started, scheduled, deferred, failed, finished.", number("Jobs.")
        ),
    }
    damage = {
        "address": text("`head`, or the kind and the name: schedule.nightly, pipeline.x, cursor.nightly."),
        "message": text("What is wrong."),
        "where": text("The key, and the field in it."),
        "hint": text("What to do."),
    }
    heal = {
        "event": text("healed, redelivered, removed, closed or lost."),
        "at": tick("When."),
        "schedule": text("The schedule.", True),
        "tick": tick("The tick.", nullable=True),
        "run": text("The run.", True),
        "reason": text("Why."),
    }
    ends = mapping_of("Ticks by what became of them.", number("Ticks."))
    totals = {"ends": ends, "seconds": any_number("How long all runs took together.")}
    return {
        "workers": mapping_of("Workers by queue, as the specs name it.", number("Workers that listen.")),
        "worker_processes": list_of("Every worker that lives.", object_of("One of them.", _worker())),
        "queues": list_of("Every queue of the namespace.", object_of("One of them.", queue)),
        "scheduler": text("The scheduler that works first, null when none is alive.", True),
        "scheduler_lease_seconds": any_number("Until its lease ends, unless it renews it; null when none is alive."),
        "totals": object_of("Counts since counting began; they never fall.", totals),
        "unmanaged": number("Scheduled jobs in this Redis that flowerpower does not manage."),
        "troubles": list_of("What the scheduler finds wrong.", text("In words.")),
        "damaged": list_of("What in Redis cannot be read; the rest can.", object_of("One record.", damage)),
        "heals": list_of("What was mended in the last day, newest first.", object_of("One of them.", heal)),
    }


def _worker() -> Schema:
    return {
        "name": text("Its name in RQ."),
        "state": text("RQ's word: idle, busy, started, suspended."),
        "queues": list_of("The queues it listens on, as the specs name them.", text("A queue.")),
        "host": text("The machine."),
        "pid": number("Its process."),
        "started_at": tick("Since when.", nullable=True),
        "heartbeat_at": tick("Its last sign of life.", nullable=True),
        "run": text("The run it is at, null when it is idle.", True),
        "succeeded": number("Jobs that succeeded since it started."),
        "failed": number("Jobs that failed since."),
        "working_seconds": any_number("How long it has worked since."),
        "rq": text("The version of RQ."),
    }
