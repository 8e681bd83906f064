"""The three specs as models: project, pipeline, schedule.

They are the one source of what a spec may hold: checks, JSON Schemas and the reference come from here.
Every duration is whole seconds; `start`, `end` and `at` stay ISO 8601 texts. An optional field that is
`None` was not written; null itself is refused.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

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
    SpecWithEnvironments,
    Text,
    Written,
)
from flowerpower.specs.parts import Cache, ExecutorSpec, LoadSpec, RetrySpec, SaveSpec
from flowerpower.specs.project_spec import ProjectSpec

__all__ = ["TRIGGERS", "PipelineSpec", "ProjectSpec", "ScheduleSpec"]

TRIGGERS = ("cron", "every", "at")

Labels = dict[Text, Annotated[str, Field(max_length=1000)]]


class PipelineSpec(SpecWithEnvironments):
    """One pipeline: which Hamilton modules, which outputs, with what."""

    name: Name = Field(
        title="pipeline name",
        description="Unique among the project's pipelines. Without it: the file's stem.",
        examples=["daily_sales"],
    )
    description: str = Field(
        default="",
        title="description",
        description="What the pipeline is for, in a sentence.",
        examples=["Revenue per region for one day."],
    )
    owner: Annotated[Text | None, Written] = Field(
        default=None, title="owner", description="Who looks after the pipeline.", examples=["team-sales"]
    )
    labels: Labels = Field(
        default_factory=dict, title="labels", description="Free texts to sort and find by.", examples=[{"tier": "gold"}]
    )
    modules: Annotated[Many[Text], Field(min_length=1)] = Field(
        title="modules",
        description="Hamilton modules; each node is defined in one of them.",
        examples=[["sales", "common"]],
    )
    outputs: Annotated[Many[Text], Field(min_length=1)] = Field(
        title="outputs", description="Nodes to compute (Hamilton's final variables).", examples=[["report", "total"]]
    )
    inputs: JsonObject = Field(
        default_factory=dict,
        title="inputs",
        description="Values of external inputs. May hold `${tick}`, `${run.id}` and `${secret:NAME}`.",
        examples=[{"region": "EU", "day": "${tick:%Y-%m-%d}"}],
    )
    config: JsonObject = Field(
        default_factory=dict,
        title="config",
        description="Hamilton's config, for `@config.when` and friends. May hold `${secret:NAME}`.",
        examples=[{"engine": "pandas"}],
    )
    overrides: JsonObject = Field(
        default_factory=dict,
        title="overrides",
        description="Nodes that get these values instead of being computed.",
        examples=[{"exchange_rate": 1.08}],
    )
    executor: ExecutorSpec = Field(
        default=ExecutorSpec(),
        title="executor",
        description="What runs the nodes.",
        examples=[{"type": "threads", "max_workers": 4}],
    )
    cache: Cache = Field(
        default=False,
        title="cache",
        description="Hamilton's cache of node results: off, on, or on with settings. (Not supported yet.)",
        examples=[{"path": ".hamilton_cache"}],
    )
    load: dict[Text, LoadSpec] = Field(
        default_factory=dict,
        title="load",
        description="Nodes filled by I/O adapters.",
        examples=[{"orders": {"format": "csv", "path": "data/orders.csv"}}],
    )
    save: Many[SaveSpec] = Field(
        default=(),
        title="save",
        description="Outputs written by I/O adapters.",
        examples=[[{"outputs": ["report"], "format": "parquet", "path": "out/report.parquet"}]],
    )
    adapters: Many[Text] = Field(
        default=(),
        title="adapters",
        description="Hamilton lifecycle adapters by name. (Not supported yet.)",
        examples=[["progress"]],
    )
    timeout: PositiveDuration = Field(
        default=3600, title="timeout", description="A run that takes longer is stopped.", examples=["30m"]
    )
    retry: Annotated[RetrySpec | None, Written] = Field(
        default=None,
        title="retry",
        description="Retries of failed runs. Without it: none.",
        examples=[{"max": 3, "intervals": ["10s", "1m", "5m"]}],
    )
    result_ttl: Duration = Field(
        default=86400, title="keep results", description="How long results of good runs are kept.", examples=["1d"]
    )
    failure_ttl: Duration = Field(
        default=2592000, title="keep failures", description="How long failed runs are kept.", examples=["30d"]
    )
    environments: Environments = Field(
        default_factory=dict,
        title="environments",
        description="What differs in an environment, as a JSON Merge Patch; null leaves the pipeline out there.",
        examples=[{"prod": {"timeout": "2h"}, "staging": None}],
    )


class ScheduleSpec(SpecWithEnvironments):
    """One schedule: when a pipeline runs, and what happens when things go wrong."""

    name: Name = Field(
        title="schedule name",
        description="Unique among the project's schedules. Without it: the file's stem.",
        examples=["nightly_sales"],
    )
    description: str = Field(
        default="", title="description", description="What the schedule is for.", examples=["Before the shops open."]
    )
    pipeline: Name = Field(title="pipeline", description="Name of the pipeline to run.", examples=["daily_sales"])
    cron: Annotated[Text | None, Written] = Field(
        default=None,
        title="cron",
        description="Five fields (minute, hour, day, month, weekday), six with seconds first, or `@daily` and "
        "friends. Exactly one of cron, every, at.",
        examples=["0 2 * * *"],
    )
    every: Annotated[PositiveDuration | None, Written] = Field(
        default=None,
        title="every",
        description="Fixed interval, counted from `start` (without it: 1970-01-01 UTC), so it never drifts. "
        "Exactly one of cron, every, at.",
        examples=["15m"],
    )
    at: Annotated[Moment | None, Written] = Field(
        default=None,
        title="at",
        description="One moment. Exactly one of cron, every, at.",
        examples=["2027-01-01T06:00:00"],
    )
    timezone: Text = Field(
        default="UTC",
        title="time zone",
        description="IANA time zone. Without it: the project's.",
        examples=["Europe/Berlin"],
    )
    start: Annotated[Moment | None, Written] = Field(
        default=None, title="start", description="Nothing fires before.", examples=["2026-01-01"]
    )
    end: Annotated[Moment | None, Written] = Field(
        default=None,
        title="end",
        description="Nothing fires after; a date is its start.",
        examples=["2027-01-01"],
    )
    queue: Name = Field(default="default", title="queue", description="Queue the runs wait in.", examples=["default"])
    inputs: JsonObject = Field(
        default_factory=dict,
        title="inputs",
        description="Merged over the pipeline's inputs.",
        examples=[{"region": "EU"}],
    )
    config: JsonObject = Field(
        default_factory=dict,
        title="config",
        description="Merged over the pipeline's config.",
        examples=[{"engine": "polars"}],
    )
    overrides: JsonObject = Field(
        default_factory=dict,
        title="overrides",
        description="Merged over the pipeline's overrides.",
        examples=[{"exchange_rate": 1.08}],
    )
    overlap: Annotated[Overlap | None, Written] = Field(
        default=None,
        title="overlap",
        description="What a tick does while a run is still active. Without it: skip, and buffer_all with "
        "`catchup: all`.",
        examples=["skip"],
    )
    catchup: Catchup = Field(
        default="latest", title="catch-up", description="What missed ticks do after an outage.", examples=["latest"]
    )
    catchup_window: Duration = Field(
        default=86400, title="catch-up window", description="Older missed ticks are let go.", examples=["1d"]
    )
    start_deadline: Annotated[PositiveDuration | None, Written] = Field(
        default=None,
        title="start deadline",
        description="A run that waited longer in its queue is dropped and recorded. Without it: never.",
        examples=["30m"],
    )
    jitter: Duration = Field(
        default=0, title="jitter", description="Spreads starts over this long, steadily per tick.", examples=["30s"]
    )
    paused: bool = Field(
        default=False, title="paused", description="True: deployed, and does not fire.", examples=[True]
    )
    timeout: Annotated[PositiveDuration | None, Written] = Field(
        default=None,
        title="timeout",
        description="A run that takes longer is stopped. Without it: the pipeline's.",
        examples=["1h"],
    )
    retry: Annotated[RetrySpec | None, Written] = Field(
        default=None,
        title="retry",
        description="Retries of failed runs. Without it: the pipeline's.",
        examples=[{"max": 3, "intervals": ["10s"]}],
    )
    result_ttl: Annotated[Duration | None, Written] = Field(
        default=None,
        title="keep results",
        description="How long results of good runs are kept. Without it: the pipeline's.",
        examples=["1d"],
    )
    failure_ttl: Annotated[Duration | None, Written] = Field(
        default=None,
        title="keep failures",
        description="How long failed runs are kept. Without it: the pipeline's.",
        examples=["30d"],
    )
    on_failure: Many[Text] = Field(
        default=(),
        title="on failure",
        description="URLs told when the schedule starts to fail. (Not supported yet.)",
        examples=[["https://hooks.example/failed"]],
    )
    on_success: Many[Text] = Field(
        default=(),
        title="on success",
        description="URLs told of every success. (Not supported yet.)",
        examples=[["https://hooks.example/ok"]],
    )
    on_inflight: OnInflight = Field(
        default="keep",
        title="in flight",
        description="What a change or a delete does to runs already queued.",
        examples=["keep"],
    )
    after: Many[Name] = Field(
        default=(),
        title="after",
        description="Run only when the newest run of these schedules succeeded. (Not supported yet.)",
        examples=[["hourly_import"]],
    )
    buffer_limit: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=100,
        title="buffer limit",
        description="Most ticks that wait; what falls out is recorded.",
        examples=[100],
    )
    protected: bool = Field(
        default=False,
        title="protected",
        description="True: a plan that deletes it is refused, even after the spec is gone.",
        examples=[True],
    )
    previous_names: Many[Name] = Field(
        default=(),
        title="previous names",
        description="Names it had; a rename keeps last fire, history and holds. (Not supported yet.)",
        examples=[["nightly"]],
    )
    owner: Annotated[Text | None, Written] = Field(
        default=None, title="owner", description="Who looks after the schedule.", examples=["team-sales"]
    )
    labels: Labels = Field(
        default_factory=dict, title="labels", description="Free texts to sort and find by.", examples=[{"tier": "gold"}]
    )
    environments: Environments = Field(
        default_factory=dict,
        title="environments",
        description="What differs in an environment, as a JSON Merge Patch; null leaves the schedule out there.",
        examples=[{"staging": {"paused": True}}],
    )

    @property
    def effective_overlap(self) -> str:
        """What a tick does while a run is active, the default worked out."""
        return self.overlap or ("buffer_all" if self.catchup == "all" else "skip")

    @property
    def trigger(self) -> dict[str, Any]:
        """The arguments `parse_trigger` takes for this schedule."""
        return {
            "cron": self.cron,
            "every": self.every,
            "at": self.at,
            "timezone": self.timezone,
            "start": self.start,
            "end": self.end,
        }

    @model_validator(mode="after")
    def _has_one_trigger(self) -> ScheduleSpec:
        written = [name for name in TRIGGERS if getattr(self, name) is not None]
        if len(written) != 1:
            raise PydanticCustomError("trigger", "{written}", {"written": " and ".join(written)})
        return self
