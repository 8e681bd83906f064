"""The three specs as models: project, pipeline, schedule.

They are the one source of what a spec may hold: checks, JSON Schemas and the reference come from here.
Every duration is whole seconds; `start`, `end` and `at` stay ISO 8601 texts. An optional field that is
`None` was not written; null itself is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from flowerpower.specs.fields import (
    Catchup,
    Duration,
    Environments,
    JsonObject,
    Many,
    Moment,
    Name,
    OnInflight,
    Overlap,
    PositiveDuration,
    Spec,
    SpecWithEnvironments,
    Text,
    Written,
)
from flowerpower.specs.parts import Cache, ExecutorSpec, LoadSpec, RetrySpec, SaveSpec
from flowerpower.specs.project_spec import ProjectSpec
from flowerpower.specs.values import Timed, has_one_trigger

__all__ = ["MODELS", "PipelineSpec", "ProjectSpec", "ScheduleSpec"]

Labels = dict[Text, Annotated[str, Field(max_length=1000)]]


class PipelineSpec(SpecWithEnvironments):
    """One pipeline: which Hamilton modules, which outputs, with what."""

    name: Name = Field(
        title="pipeline name",
        description="What schedules and commands call it, unique among the project's pipelines. Default: the name of "
        "the file without its ending.",
        examples=["daily_sales"],
    )
    description: str = Field(
        default="",
        description="What the pipeline is for, in a sentence.",
        examples=["Revenue per region for one day."],
    )
    owner: Annotated[Text | None, Written] = Field(
        default=None,
        description="Who looks after the pipeline: a team or a person.",
        examples=["team-sales"],
    )
    labels: Labels = Field(
        default_factory=dict,
        description="Free texts to sort and find by, by key; at most 1000 characters each.",
        examples=[{"tier": "gold"}],
    )
    modules: Annotated[Many[Text], Field(min_length=1)] = Field(
        description="Hamilton modules, found in the project's module folders; each node is defined in one of them. "
        "Needed, here or in the defaults.",
        examples=[["sales", "common"]],
    )
    outputs: Annotated[Many[Text], Field(min_length=1)] = Field(
        description="Nodes to compute (Hamilton's final variables); small results are kept with the run. Needed, here "
        "or in the defaults.",
        examples=[["report", "total"]],
    )
    inputs: JsonObject = Field(
        default_factory=dict,
        description="Values of the inputs that no node computes, by name. May hold `${tick}`, `${tick:%Y-%m-%d}`, "
        "`${run.id}` and `${secret:NAME}`, which are filled in when the run starts.",
        examples=[{"region": "EU", "day": "${tick:%Y-%m-%d}"}],
    )
    config: JsonObject = Field(
        default_factory=dict,
        description="Hamilton's config, which decides what the graph looks like (`@config.when` and friends). May "
        "hold `${secret:NAME}`.",
        examples=[{"engine": "pandas"}],
    )
    overrides: JsonObject = Field(
        default_factory=dict,
        description="Nodes that get these values instead of being computed. May hold the same placeholders as "
        "`inputs`.",
        examples=[{"exchange_rate": 1.08}],
    )
    executor: ExecutorSpec = Field(
        default=ExecutorSpec(),
        description="What runs the nodes. Default: one after the other, in the run's own process.",
        examples=[{"type": "threads", "max_workers": 4}],
    )
    cache: Cache = Field(
        default=False,
        description="Hamilton's cache of node results: off, on, or on with settings. What was computed by other code, "
        "of whatever it imports, by other libraries or from other values is never used.",
        examples=[{"path": ".hamilton_cache"}],
    )
    load: dict[Text, LoadSpec] = Field(
        default_factory=dict,
        description="Nodes whose values are read from files, by the name of the node.",
        examples=[{"orders": {"format": "csv", "path": "data/orders.csv"}}],
    )
    save: Many[SaveSpec] = Field(
        default=(),
        description="Nodes whose values are written to files when a run ends well. Files appear whole or not at all.",
        examples=[[{"outputs": ["report"], "format": "parquet", "path": "out/report.parquet"}]],
    )
    adapters: Many[Text] = Field(
        default=(),
        description="Hamilton's lifecycle adapters by name: `progress` (in the worker's log), `opentelemetry`, "
        "`openlineage`, `mlflow`, `tracker` (the Hamilton UI), one of a plug-in, or `module:name` of the "
        "project's own.",
        examples=[["opentelemetry"]],
    )
    timeout: PositiveDuration = Field(
        default=3600,
        description="A run that takes longer is stopped and counts as failed; `retry` may try it again.",
        examples=["30m"],
    )
    retry: Annotated[RetrySpec | None, Written] = Field(
        default=None,
        description="How often a failed run is tried again, and after how long. Without it: never.",
        examples=[{"max": 3, "intervals": ["10s", "1m", "5m"]}],
    )
    result_ttl: Duration = Field(
        default=86400,
        title="keep results",
        description="How long Redis keeps a good run's job and result.",
        examples=["1d"],
    )
    failure_ttl: Duration = Field(
        default=2592000,
        title="keep failures",
        description="How long Redis keeps a failed run's job and error.",
        examples=["30d"],
    )
    environments: Environments = Field(
        default_factory=dict,
        description="What differs in an environment of the project, by its name: a JSON Merge Patch laid over this "
        "file when that environment is chosen with `--env`. `null` leaves the pipeline out there.",
        examples=[{"prod": {"timeout": "2h"}}],
    )


class ScheduleSpec(SpecWithEnvironments, Timed):
    """One schedule: when a pipeline runs, and what happens when things go wrong."""

    name: Name = Field(
        title="schedule name",
        description="What plans and commands call it, unique among the project's schedules. Default: the name of the "
        "file without its ending. Another name is another schedule.",
        examples=["nightly_sales"],
    )
    description: str = Field(
        default="",
        description="What the schedule is for, in a sentence.",
        examples=["Before the shops open."],
    )
    pipeline: Name = Field(
        description="The pipeline to run, by its name. Needed, here or in the defaults.",
        examples=["daily_sales"],
    )
    cron: Annotated[Text | None, Written] = Field(
        default=None,
        description="Times of the clock in `timezone`: five fields (minute, hour, day of month, month, weekday), six "
        "with seconds first, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. If both day fields are "
        "restricted, either may match. Exactly one of `cron`, `every` and `at`.",
        examples=["0 2 * * *"],
    )
    every: Annotated[PositiveDuration | None, Written] = Field(
        default=None,
        description="A fixed interval of at least 1s, counted from `start` (without it: from 1970-01-01 UTC), so that "
        "it never drifts and no apply moves it. Exactly one of `cron`, `every` and `at`.",
        examples=["15m"],
    )
    at: Annotated[Moment | None, Written] = Field(
        default=None,
        description="One moment, ISO 8601; without an offset in `timezone`. A moment that is past when it is first "
        "applied does not fire. Exactly one of `cron`, `every` and `at`.",
        examples=["2027-01-01T06:00:00"],
    )
    timezone: Text = Field(
        default="UTC",
        title="time zone",
        description="IANA time zone of `cron`, `at`, `start`, `end` and of `${tick}`. Default: that of the project.",
        examples=["Europe/Berlin"],
    )
    start: Annotated[Moment | None, Written] = Field(
        default=None,
        description="Nothing fires before this date or time, ISO 8601; a date is the start of that day in `timezone`. "
        "Without it: no limit.",
        examples=["2026-01-01"],
    )
    end: Annotated[Moment | None, Written] = Field(
        default=None,
        description="Nothing fires after this date or time, ISO 8601; a date is the start of that day, so name the "
        "day after the last one. Without it: no limit.",
        examples=["2027-01-01"],
    )
    queue: Name = Field(
        default="default",
        description="The queue its runs wait in; workers choose queues with `--queue`. If the project lists "
        "`queues`, one of those.",
        examples=["default"],
    )
    inputs: JsonObject = Field(
        default_factory=dict,
        description="Laid over the pipeline's `inputs`, key by key; the same placeholders may stand here.",
        examples=[{"region": "EU"}],
    )
    config: JsonObject = Field(
        default_factory=dict,
        description="Laid over the pipeline's `config`, key by key.",
        examples=[{"engine": "polars"}],
    )
    overrides: JsonObject = Field(
        default_factory=dict,
        description="Laid over the pipeline's `overrides`, key by key.",
        examples=[{"exchange_rate": 1.08}],
    )
    overlap: Annotated[Overlap | None, Written] = Field(
        default=None,
        description="What a tick does while a run of this schedule is still active, waiting retries included. "
        "Default: `skip`, and `buffer_all` with `catchup: all`.",
        examples=["skip"],
    )
    catchup: Catchup = Field(
        default="latest",
        title="catch-up",
        description="What becomes of ticks that were missed because no scheduler ran.",
        examples=["latest"],
    )
    catchup_window: Duration = Field(
        default=86400,
        title="catch-up window",
        description="Missed ticks that are older than this are not caught up; they are recorded as missed.",
        examples=["1d"],
    )
    start_deadline: Annotated[PositiveDuration | None, Written] = Field(
        default=None,
        description="A run that waited longer than this for a worker is dropped and recorded as missed. Without it: "
        "runs wait for ever.",
        examples=["30m"],
    )
    jitter: Duration = Field(
        default=0,
        description="Starts are delayed by up to this long, by an amount that is always the same for a tick, so that "
        "schedules of the same time spread out.",
        examples=["30s"],
    )
    paused: bool = Field(
        default=False,
        description="`true`: applied, and shown in plans, but does not fire.",
        examples=[True],
    )
    timeout: Annotated[PositiveDuration | None, Written] = Field(
        default=None,
        description="A run that takes longer is stopped and counts as failed. Default: that of the pipeline.",
        examples=["1h"],
    )
    retry: Annotated[RetrySpec | None, Written] = Field(
        default=None,
        description="How often a failed run is tried again, and after how long. Default: that of the pipeline; "
        "`{max: 0}` is never.",
        examples=[{"max": 3, "intervals": ["10s"]}],
    )
    result_ttl: Annotated[Duration | None, Written] = Field(
        default=None,
        title="keep results",
        description="How long Redis keeps a good run's job and result. Default: that of the pipeline.",
        examples=["1d"],
    )
    failure_ttl: Annotated[Duration | None, Written] = Field(
        default=None,
        title="keep failures",
        description="How long Redis keeps a failed run's job and error. Default: that of the pipeline.",
        examples=["30d"],
    )
    on_failure: Many[Text] = Field(
        default=(),
        description="URLs that are told when the schedule starts to fail, and when it is well again. Default: those of "
        "the project's `notify`.",
        examples=[["https://hooks.example/failed"]],
    )
    on_success: Many[Text] = Field(
        default=(),
        description="URLs that are told of every success. Default: those of the project's `notify`.",
        examples=[["https://hooks.example/ok"]],
    )
    on_inflight: OnInflight = Field(
        default="keep",
        title="in flight",
        description="What happens to runs that are queued or running when an apply changes or deletes the schedule. A "
        "change goes by the new value, a deletion by the live one; what only repairs drift cancels nothing.",
        examples=["keep"],
    )
    after: Many[Name] = Field(
        default=(),
        description="A tick waits until these schedules have done what was due no later, and runs only if the newest "
        "tick of each succeeded; else it is recorded as skipped.",
        examples=[["hourly_import"]],
    )
    buffer_limit: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=100,
        description="How many ticks wait at most with `overlap: buffer_all`, from 1 to 10000; the oldest fall out and "
        "are recorded.",
        examples=[100],
    )
    protected: bool = Field(
        default=False,
        description="`true`: a plan that deletes the schedule is refused, also when its file is gone. Set it to "
        "`false` in one apply to delete in the next.",
        examples=[True],
    )
    previous_names: Many[Name] = Field(
        default=(),
        description="Names the schedule had: it then goes on where the one of that name stopped, with its next fire, "
        "history and holds, instead of being deleted and created.",
        examples=[["nightly"]],
    )
    owner: Annotated[Text | None, Written] = Field(
        default=None,
        description="Who looks after the schedule: a team or a person.",
        examples=["team-sales"],
    )
    labels: Labels = Field(
        default_factory=dict,
        description="Free texts to sort and find by, by key; at most 1000 characters each.",
        examples=[{"tier": "gold"}],
    )
    environments: Environments = Field(
        default_factory=dict,
        description="What differs in an environment of the project, by its name: a JSON Merge Patch laid over this "
        "file when that environment is chosen with `--env`. `null` leaves the schedule out there.",
        examples=[{"staging": {"paused": True}}],
    )

    _has_one_trigger = model_validator(mode="after")(has_one_trigger)


MODELS: Mapping[str, type[Spec]] = {"project": ProjectSpec, "pipeline": PipelineSpec, "schedule": ScheduleSpec}
"""The model of each kind of spec."""
