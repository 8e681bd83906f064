"""From specs to the state that Redis should have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flowerpower.schedule.jitter import delay
from flowerpower.schedule.trigger import Trigger, parse_trigger
from flowerpower.state.codec import canonical, digest, pipeline_digest, schedule_digest
from flowerpower.state.job_codec import JOB_FUNCTION, JobSettings, call_start, job_fields, job_template
from flowerpower.state.keys import Keys
from flowerpower.state.models import Desired, Json, Occurrence, Pipeline, Rules, Schedule, State

if TYPE_CHECKING:
    from flowerpower.specs.loader import Project
    from flowerpower.specs.models import PipelineSpec, ScheduleSpec
    from flowerpower.specs.project_spec import ProjectSpec

RUN_FORMAT = 1  # of run specs
LONGEST_BUFFER = 10_000  # ticks that wait at most, whatever a spec asks for
_TRIGGER_FIELDS = ("cron", "every", "at", "timezone", "start", "end")
_NOT_STATE = {"name", "environments", "previous_names"}
_INHERITED = ("timeout", "retry", "result_ttl", "failure_ttl")
_MERGED = ("inputs", "config", "overrides")
_OF_PROJECT = {"folders", "timezone"}  # what a pipeline's record holds besides its spec


def desired_state(project: Project, code: Mapping[str, str]) -> Desired:
    """Return the state that *project* asks for; `code` is the digest of each pipeline's modules, by pipeline name.

    Occurrences are left open: which tick comes next depends on what the live schedule has decided already
    (`planning.settle`).
    """
    if project.spec.schedules == "deleted":
        return Desired(State(), {}, {}, rules=_rules(project.spec))
    written = {name: _dump(spec) for name, spec in project.pipelines.items()}
    pipelines = {name: _pipeline(project, name, fields, code[name]) for name, fields in written.items()}
    schedules: dict[str, Schedule] = {}
    run_specs: dict[str, str] = {}
    for name, spec in project.schedules.items():
        pipeline = pipelines[spec.pipeline]
        fields = _schedule_fields(project, spec, written[spec.pipeline])
        run_text = run_spec(project.namespace, name, fields, pipeline)
        run = digest(run_text)
        run_specs[run] = run_text
        timing = trigger_of(fields).key
        basis = pipeline.digest
        schedules[name] = Schedule(name, fields, timing, basis, run, schedule_digest(name, fields, timing, basis))
    return Desired(
        state=State(schedules, pipelines),
        run_specs=run_specs,
        places={address: str(place) for address, place in project.places.items()},
        previous_names={name: spec.previous_names for name, spec in project.schedules.items() if spec.previous_names},
        rules=_rules(project.spec),
    )


def _rules(spec: ProjectSpec) -> Rules:
    from flowerpower.specs.policies import as_record

    guards = canonical(spec.guards.model_dump(mode="json", exclude_none=True))
    return Rules(guards=guards, policies=as_record(spec.policies.enforce))


def trigger_of(fields: Mapping[str, Json]) -> Trigger:
    """Return the trigger of a resolved schedule; raise `TriggerError` if its record holds none."""
    values: dict[str, Any] = {key: fields[key] for key in _TRIGGER_FIELDS if key in fields}
    return parse_trigger(**values)


def occurrence_at(keys: Keys, schedule: Schedule, tick: int) -> Occurrence:
    """Return the RQ job that should wait for *tick* (epoch seconds)."""
    queue, timeout, result_ttl, failure_ttl, retries, waits = settings_of(keys, schedule.fields)
    return Occurrence(
        id=keys.run_id(schedule.name, tick),
        queue=queue,
        due=tick + delay(schedule.name, tick, int(str(schedule.fields.get("jitter", 0)))),
        function=JOB_FUNCTION,
        args=(keys.namespace, schedule.name, schedule.run),
        timeout=timeout,
        result_ttl=result_ttl,
        failure_ttl=failure_ttl,
        retries=retries,
        retry_intervals=waits,
    )


def settings_of(keys: Keys, fields: Mapping[str, Any]) -> JobSettings:
    """Return what the jobs of a resolved schedule are like, whatever its name and the tick."""
    retry: Mapping[str, Any] = fields.get("retry") or {}
    retries = int(retry.get("max", 0))
    return (
        keys.queue(str(fields["queue"])),
        int(fields["timeout"]),
        int(fields["result_ttl"]),
        int(fields["failure_ttl"]),
        retries,
        _waits(retry.get("intervals") or [0], retries),
    )


def run_template(keys: Keys, schedule: Schedule) -> dict[str, Json]:
    """Return what the jobs of all ticks of a schedule have in common, as the scripts write them."""
    occurrence = occurrence_at(keys, schedule, 0)
    return {
        "queue": occurrence.queue,
        "digest": schedule.run,
        "job": [part for field in job_fields(occurrence).items() for part in field],
        "meta": run_meta(schedule),
    }


def run_shape(keys: Keys, schedule: Schedule) -> dict[str, Json]:
    """Return what the jobs of a schedule have in common with those of many others; its name and digest end the call."""
    occurrence = occurrence_at(keys, schedule, 0)
    return {
        "queue": occurrence.queue,
        "call": call_start(keys.namespace),
        "job": [part for field in job_template(occurrence).items() for part in field],
    }


def run_meta(schedule: Schedule) -> str:
    """Return the meta of its jobs as JSON, the tick and the end left out."""
    fields = schedule.fields
    texts = map(encode_basestring_ascii, (schedule.name, str(fields["pipeline"]), str(fields.get("owner", ""))))
    return '{{"schedule": {}, "pipeline": {}, "owner": {}'.format(*texts)


def room_to_wait(fields: Mapping[str, Any]) -> int:
    """Return how many ticks of a schedule may wait until no run of it is active; 0: none waits."""
    if fields["overlap"] == "buffer_all":
        return int(fields.get("buffer_limit", 100))
    return 1 if fields["overlap"] in {"buffer_one", "cancel_other"} else 0


def _waits(intervals: Sequence[int], retries: int) -> tuple[int, ...]:
    """Return one wait for each retry: the last one repeats, where RQ would repeat the first."""
    return tuple(int(intervals[min(index, len(intervals) - 1)]) for index in range(retries))


def with_occurrence(keys: Keys, schedule: Schedule, tick: int | None) -> Schedule:
    """Return the schedule with its pending occurrence at *tick*, or with none."""
    occurrence = None if tick is None else occurrence_at(keys, schedule, tick)
    return replace(schedule, occurrence=occurrence)


def describe_run(schedule: Schedule, tick: int) -> tuple[str, dict[str, str]]:
    """Return the description and the meta of the RQ job for a tick, for people who look at it in RQ's own tools."""
    local, described = describe_tick(tick, str(schedule.fields.get("timezone", "UTC")))
    meta = {
        "schedule": schedule.name,
        "pipeline": str(schedule.fields["pipeline"]),
        "owner": str(schedule.fields.get("owner", "")),
        "tick": local,
    }
    return f"{schedule.name} @ {described}", meta


@lru_cache(maxsize=10_000)
def describe_tick(tick: int, timezone: str) -> tuple[str, str]:
    """Return a tick in local time, and in words for people."""
    local = datetime.fromtimestamp(tick, ZoneInfo(timezone)).isoformat()
    return local, f"{local[:10]} {local[11 : 19 if tick % 60 else 16]} {timezone}"


def _pipeline(project: Project, name: str, written: Mapping[str, Json], code: str) -> Pipeline:
    folders: list[Json] = list(project.spec.modules)
    fields = {**written, "folders": folders, "timezone": project.spec.timezone}
    return Pipeline(name, fields, code, pipeline_digest(name, fields, code))


def _schedule_fields(project: Project, spec: ScheduleSpec, pipeline: Mapping[str, Json]) -> dict[str, Json]:
    fields = _dump(spec)
    fields |= {key: pipeline[key] for key in _INHERITED if key not in fields and key in pipeline}
    fields.setdefault("timezone", project.spec.timezone)
    fields["overlap"] = spec.effective_overlap
    if project.spec.schedules == "paused":
        fields["paused"] = True
    return fields | _notifications(project, spec)


def _notifications(project: Project, spec: ScheduleSpec) -> dict[str, Json]:
    """Return who is told what of a schedule: itself says so, or the project does for all."""
    notify = project.spec.notify
    if notify is None:
        return {}
    found: dict[str, Json] = {
        name: list(getattr(notify, name))
        for name in ("on_failure", "on_success")
        if name not in spec.model_fields_set and getattr(notify, name)
    }
    if notify.remind and (spec.on_failure or "on_failure" in found):
        found["remind"] = notify.remind
    return found


def run_spec(namespace: str, name: str, fields: Mapping[str, Json], pipeline: Pipeline) -> str:
    """Return the run spec of a schedule with these fields, as the canonical JSON that its digest is of."""
    spec = {key: value for key, value in pipeline.fields.items() if key not in _OF_PROJECT}
    for key in _MERGED:
        base: Any = spec.get(key) or {}
        over: Any = fields.get(key) or {}
        spec[key] = {**base, **over}
    wanted: dict[str, Json] = {
        "format": RUN_FORMAT,
        "namespace": namespace,
        "schedule": name,
        "pipeline": str(fields["pipeline"]),
        "trigger": {key: fields[key] for key in _TRIGGER_FIELDS if key in fields},
        "folders": pipeline.fields["folders"],
        "spec": spec,
        "code": pipeline.code,
        "start_deadline": fields.get("start_deadline"),
    }
    return canonical({**wanted, "after": fields["after"]} if fields.get("after") else wanted)


def _dump(spec: PipelineSpec | ScheduleSpec) -> dict[str, Json]:
    return spec.model_dump(mode="json", exclude=_NOT_STATE, exclude_none=True)
