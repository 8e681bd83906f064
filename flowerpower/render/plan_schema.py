"""The JSON Schema (draft-07) of what `plan --json` and `show --json` print.

`schemas/plan.schema.json` is made from here and committed; tests hold every plan they know against it.
"""

from __future__ import annotations

from flowerpower.render.schema_parts import Schema as _Schema
from flowerpower.render.schema_parts import any_number as _any_number
from flowerpower.render.schema_parts import choice as _choice
from flowerpower.render.schema_parts import flag as _flag
from flowerpower.render.schema_parts import list_of as _list
from flowerpower.render.schema_parts import mapping_of as _mapping
from flowerpower.render.schema_parts import nullable as _nullable
from flowerpower.render.schema_parts import number as _number
from flowerpower.render.schema_parts import object_of as _object
from flowerpower.render.schema_parts import text as _text
from flowerpower.render.schema_parts import tick as _tick
from flowerpower.specs.schema.schema import schema_id

_ADDRESS = r"^(schedule|pipeline)\."


def plan_schema() -> _Schema:
    """Return the schema as a JSON value."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": schema_id("plan"),
        "title": "flowerpower plan --json",
        **_object(
            "What `flowerpower plan --json` and `show --json` print: what apply would change and what that means in "
            "time, or why there is no plan. Fields may be added within a major format version; readers ignore those "
            "they do not know.",
            {**_about(), **_changes(), **_beside(), **_failed()},
            required=["format_version"],
        ),
        "anyOf": [{"required": [*_about(), *_changes(), *_beside()]}, {"required": ["errored", "error"]}],
        "definitions": {
            "fields": _mapping("Each field by its name.", _field()),
            "hold": _object("Who holds a schedule, and why.", _hold()),
            "load": _object("What the schedules ask of a queue.", _load()),
        },
    }


def _about() -> _Schema:
    version = "Version of this format, major.minor. A reader refuses a major version that it does not know."
    live: _Schema = {
        "generation": _number("How many applies have changed something; 0 when nothing was applied yet."),
        "commit": _text("The commit applied last, empty when it is not known."),
        "apply_id": _text("The id of the last apply, empty when there was none."),
        "read_at": _tick("When Redis was read, by its own clock."),
        "against": _text(
            "The git revision that was compared instead of Redis, null for a comparison with Redis.", True
        ),
        "rolled_back": _list("Commits that stay refused since a rollback, newest first.", _text("A commit.")),
    }
    return {
        "format_version": _text(version, pattern=r"^1\.[0-9]+$"),
        "flowerpower_version": _text("The flowerpower that made this document."),
        "timestamp": _tick("When the plan was made, by the clock of Redis."),
        "applyable": _flag("Whether apply would do this: something changes, and no guard refuses it."),
        "complete": _flag("False for a part of a plan: --target or --exclude has left changes out."),
        "errored": _flag("True when there is no plan, and `error` says why."),
        "target": _object(
            "What the plan is for.",
            {
                "namespace": _text("Project and environment, as in the keys of Redis."),
                "project": _text("The project's name."),
                "env": _text("The environment."),
            },
        ),
        "source": _object(
            "Where the wanted state comes from.",
            {
                "repo": _text("The repository, without user and password; empty outside git."),
                "commit": _text("The commit, `tree:` and a digest outside git, with `+dirty` for uncommitted changes."),
                "dirty": _flag("Whether there are uncommitted changes."),
            },
        ),
        "live": _object("The state it was compared with.", live, optional=["rolled_back"]),
    }


def _changes() -> _Schema:
    change = {
        **_named(),
        "previous_address": _text("The address until now of something renamed, else null.", True, _ADDRESS),
        "source_range": _nullable(_object("Where the spec stands, null for what is deleted.", _range())),
        "change": _object("What differs.", {**_actions(), **_sides(), "fields": {"$ref": "#/definitions/fields"}}),
        "action_reason": _text("Why something is deleted or taken back, or `rollback`; else null.", True),
        "live_revision": _number("How often the live record was written; null when there is none.", True),
        "schedule_effect": _nullable(
            _object("What it means in time, null for a pipeline.", _effect(), optional=["passed"])
        ),
        "inflight": _object(
            "Runs that are under way while it changes.",
            {
                "queued": _number("Runs that wait for a worker."),
                "running": _number("Runs that a worker has begun."),
                "waiting": _number("Ticks that wait for the run before them (`overlap: buffer_one`, for example)."),
                "policy": _text("`keep`: they go on as they were made; `cancel`: removed, or told to stop."),
            },
        ),
        "protected": _flag("Whether the live object is protected from being deleted."),
        "held": _nullable({"$ref": "#/definitions/hold"}),
    }
    drift = {
        **_named(),
        "change": _object("What drifted.", {**_actions(), "fields": {"$ref": "#/definitions/fields"}}),
    }
    return {
        "resource_changes": _list("Every change.", _object("One change.", change)),
        "resource_drift": _list(
            "What was changed in Redis behind git's back; each is among the changes too.",
            _object("What drifted of one object.", drift),
        ),
        "dataflow": _list("How the graphs of changed pipelines differ.", _object("One pipeline.", _dataflow())),
    }


def _beside() -> _Schema:
    check = {
        "name": _text("The guard or warning."),
        "status": _choice("Whether it refuses the apply, warns, or has nothing to say.", ["pass", "warn", "fail"]),
        "message": _text("What it found."),
        "hint": _text("The ways out, empty when there is none."),
    }
    unmanaged = {"queue": _text("The queue in RQ."), "jobs": _number("How many jobs.")}
    held = {"address": _text("The schedule's address.", pattern=_ADDRESS), **_hold()}
    return {
        "unmanaged": _list("Scheduled jobs that are not ours, left alone.", _object("One queue.", unmanaged)),
        "held": _list("Schedules under a hold, which apply never lifts.", _object("One schedule.", held)),
        "firing": _list("Schedules that fired while Redis was read.", _text("An address.", pattern=_ADDRESS)),
        "checks": _list("What guards and warnings say.", _object("One check.", check)),
        "queue_load": _list("Queues whose load changes.", _object("One queue.", _queue_load())),
        "summary": _object(
            "How many changes of each kind.",
            {
                "add": _number("Created."),
                "change": _number("Updated."),
                "import": _number("Managed again: they had been forgotten."),
                "remove": _number("Deleted."),
                "operation": _choice("Always `plan`.", ["plan"]),
            },
        ),
        "plan_hash": _text(
            "The identity of the plan, for `apply --approved`: not of clock and commit. Empty for a part of a plan.",
            pattern="^(sha256:.+)?$",
        ),
    }


def _failed() -> _Schema:
    error = {
        "message": _text("What went wrong."),
        "hint": _text("What to do."),
        "details": _text("More lines, often none."),
        "exit_code": _number("The exit code of the command."),
    }
    undone = {
        "of": _text("The apply that is undone, with every later one."),
        "undoes": _list("All applies that are undone, newest first.", _text("The id of an apply.")),
        "refuses": _list("Commits that stay refused once this is applied.", _text("A commit.")),
    }
    rename = {
        "previous_address": _text("The schedule that would be deleted.", pattern=_ADDRESS),
        "address": _text("The one that would be created.", pattern=_ADDRESS),
        "differs": _list("What is not the same, by its name in the spec.", _text("A field.")),
    }
    return {
        "likely_renames": _list(
            "Schedules that look renamed: one goes and another comes that does the same work. `previous_names` in its "
            "spec would keep last fire, history and holds. Absent when there is none.",
            _object("One schedule.", rename),
        ),
        "rollback": _object("What a rollback undoes; absent for any other plan.", undone),
        "error": _object("Why there is no plan; absent when there is one.", error),
        "valid": _flag("False when the specs are invalid; absent otherwise."),
        "error_count": _number("How many mistakes the specs have; absent when they are valid."),
        "warning_count": _number("How many warnings; absent when the specs are valid."),
        "diagnostics": _list(
            "The mistakes, as in validate-output.schema.json; absent when the specs are valid.",
            {"type": "object", "description": "One mistake."},
        ),
    }


def _named() -> _Schema:
    return {
        "address": _text("Kind and name, as `schedule.nightly`.", pattern=_ADDRESS),
        "type": _choice("What it is.", ["schedule", "pipeline"]),
        "name": _text("The name without the kind."),
    }


def _actions() -> _Schema:
    action = _choice("An action.", ["create", "update", "delete"])
    return {"actions": _list("What is done: one action.", action)}


def _sides() -> _Schema:
    spec = "the fields of its spec with defaults, durations in seconds"
    return {
        "before": {"type": ["object", "null"], "description": f"What is live: {spec}. Null for what is new."},
        "after": {"type": ["object", "null"], "description": f"What is wanted: {spec}. Null for what is deleted."},
    }


def _field() -> _Schema:
    reason = "Who changed it: git, Redis behind git's back (drift), both; or its code, or its pipeline."
    return _object(
        "What differs of one field. `job.*` are those of the pending job.",
        {
            "old": {"description": "What the last apply wrote, null when that is not known."},
            "new": {"description": "What apply writes."},
            "remote": {"description": "What is in Redis now."},
            "reason": _choice(reason, ["git", "code", "pipeline", "drift", "both"]),
        },
    )


def _range() -> _Schema:
    start = {"line": _number("From 1."), "column": _number("From 1.")}
    return {"filename": _text("The path in the project."), "start": _object("Where it begins.", start)}


def _effect() -> _Schema:
    tick = _tick("A fire.")
    return {
        "timezone": _text("The zone of the schedule."),
        "next_before": _list("The next fires as it is.", tick),
        "next_after": _list("The next fires once applied.", tick),
        "lost": _list("Fires that are lost at the cut-over.", tick),
        "extra": _list("Fires that replace none at the cut-over; with `twice` the first is the run too many.", tick),
        "at_cutover": _choice("What happens to the next fire.", ["none", "skipped", "twice", "moved"]),
        "passed": _tick(
            "With `skipped` and `twice`: the fire that counts as the same run and has passed, with `skipped` of the "
            "new trigger, with `twice` of the old."
        ),
        "clock_changes": _mapping(
            "Fires near a change of the clocks, by moment: the next ones, and those of 12 months whose time it meets.",
            _text("What the clocks do."),
        ),
    }


def _hold() -> _Schema:
    return {
        "who": _text("Who paused it."),
        "why": _text("The reason given."),
        "since": _tick("Since when."),
        "until": _tick("When it ends by itself; null when somebody must end it.", True),
    }


def _dataflow() -> _Schema:
    node = _text("A name.")
    nodes = {name: _list(f"Nodes that are {name}.", node) for name in ("added", "changed", "removed")}
    return {
        "address": _text("The pipeline's address.", pattern=_ADDRESS),
        "unknown": _text("Why nothing is known of the graph, else null.", True),
        "undecided": _text("Why only a part of it is known, else null.", True),
        "nodes": _object("The nodes that differ themselves.", nodes),
        "unsure": _list("Changed functions of which only running the code tells the nodes.", node),
        "touched": _list("Nodes that are as before and call code that changed.", node),
        "values": _list("Inputs, overrides, config values and loads that are given otherwise.", node),
        "downstream": _list("Nodes that need any of those.", node),
        "outputs": _list("Outputs and saved nodes among all those.", node),
        "files": _list("Changed code that holds none of the nodes that differ.", _text("A path.")),
        "schedules": _list("Schedules that run the pipeline.", node),
    }


def _queue_load() -> _Schema:
    return {
        "queue": _text("The queue, as in the specs."),
        "workers": _number("Live workers that listen on it."),
        "days": _number("How many days are counted."),
        "before": {"$ref": "#/definitions/load"},
        "after": {"$ref": "#/definitions/load"},
    }


def _load() -> _Schema:
    peak = {"starts": _number("Starts in that minute."), "at": _tick("The minute.")}
    return {
        "schedules": _number("Schedules that were counted."),
        "starts": _number("Starts in those days."),
        "peak": _nullable(_object("The busiest minute, null when nothing starts.", peak)),
        "run_times": _text("What the times below rest on: measured, estimated, or counts when none is known."),
        "measured_schedules": _number("Schedules whose run time was measured."),
        "work_seconds": _any_number("How long all runs take together, null when not known."),
        "drain_seconds": _any_number("How long the peak takes the workers, null when not known."),
        "worker_time_share": _any_number("Work as a share of the workers' time, null when not known."),
        "uncounted_schedules": _number("Schedules that were left out, as there are too many."),
    }
