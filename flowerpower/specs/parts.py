"""The nested parts of pipelines and schedules, each a small model of its own."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from flowerpower.specs.fields import (
    Duration,
    ExecutorType,
    JsonObject,
    Many,
    Spec,
    Text,
    Written,
)
from flowerpower.specs.values import FORMATS, kind_of_cache


class RetrySpec(Spec):
    """How often a failed run is tried again, and after how long."""

    max: Annotated[int, Field(ge=0, le=100)] = Field(
        title="most retries",
        description="How many more times a failed run is tried, from 0 to 100; 0 switches off what defaults or the "
        "pipeline say. Required.",
        examples=[3],
    )
    intervals: Many[Duration] = Field(
        default=(),
        title="waits",
        description="How long to wait before the first, the second, ... retry; the last one repeats. Without it: no "
        "wait.",
        examples=[["10s", "1m", "5m"]],
    )


class ExecutorSpec(Spec):
    """What runs the nodes of a pipeline."""

    type: ExecutorType = Field(
        default="local",
        title="executor",
        description="How the nodes of the graph are run.",
        examples=["threads"],
    )
    max_workers: Annotated[Annotated[int, Field(ge=1, le=1024)] | None, Written] = Field(
        default=None,
        title="most workers",
        description="How many threads or processes at most, from 1 to 1024. Not for `local`, nor for a cluster with an "
        "`address`. Without it: as many as suit the machine.",
        examples=[4],
    )
    address: Annotated[Text | None, Written] = Field(
        default=None,
        title="cluster address",
        description="Address of the Dask or Ray cluster. Without it: a cluster on this machine, for as long as the run "
        "takes.",
        examples=["tcp://dask.example:8786"],
    )
    plugin: Annotated[Text | None, Written] = Field(
        default=None,
        title="plug-in",
        description="Name of an executor of one of the project's plug-ins, in place of a `type`.",
        examples=["batch"],
    )
    options: Annotated[JsonObject | None, Written] = Field(
        default=None,
        title="options",
        description="Passed on to the executor of the plug-in, which says what it understands.",
        examples=[{"queue": "spot"}],
    )


class CacheSpec(Spec):
    """Where Hamilton keeps results of nodes, and which nodes it treats otherwise."""

    path: Text = Field(title="folder", description="Folder of the cache. Required.", examples=[".flowerpower/cache"])
    recompute: Many[Text] = Field(default=(), description="Nodes that are computed every time.", examples=[["report"]])
    ignore: Many[Text] = Field(
        default=(),
        description="Nodes whose values do not count in cache keys, as clients and connections.",
        examples=[["client"]],
    )
    disable: Many[Text] = Field(
        default=(), description="Nodes that are never written to the cache.", examples=[["secrets"]]
    )


class LoadSpec(Spec):
    """One node that is filled from outside by an I/O adapter."""

    format: Text = Field(
        description="What is there: `csv`, `json`, `ndjson`, `parquet`, `feather`, `excel`, `text`, `yaml`, `pickle` "
        "(only if the project allows it), `sql`, `duckdb`, or a format of one of the project's plug-ins. Required.",
        examples=list(FORMATS),
    )
    path: Annotated[Text | None, Written] = Field(
        default=None,
        description="File to read, relative to the project, or a URL that fsspec knows; `*` finds several, which are "
        "put together. For `sql` the URL of the database, as SQLAlchemy writes it. May hold `${tick:%Y-%m-%d}`, "
        "`${run.id}` and `${secret:NAME}`. What lies outside of the project must be allowed by it.",
        examples=["data/orders.csv", "s3://bucket/orders-${tick:%Y-%m-%d}.parquet"],
    )
    options: JsonObject = Field(
        default_factory=dict,
        description="Passed on to the reader of that format, for csv the arguments of `read_csv` of pandas or polars, "
        "or the options of pyarrow. "
        "Databases want `query` (with `params`) or `table`.",
        examples=[{"sep": ";"}],
    )
    storage_options: JsonObject = Field(
        default_factory=dict,
        description="Passed on to the filesystem, as fsspec names them. Write credentials as `${secret:NAME}`; a "
        "secret is read on the worker and never stored.",
        examples=[{"key": "${secret:S3_KEY}", "secret": "${secret:S3_SECRET}"}],
    )


class SaveSpec(Spec):
    """Outputs that are written by an I/O adapter when a run ends well."""

    outputs: Annotated[Many[Text], Field(min_length=1)] = Field(
        description="Nodes to save; they are computed also when `outputs` does not name them. Several in one file: "
        "json and yaml only. Required.",
        examples=[["report"]],
    )
    format: Text = Field(
        description="What to write: `csv`, `json`, `ndjson`, `parquet`, `feather`, `excel`, `text`, `yaml`, `pickle`, "
        "`sql`, `duckdb`, or a format of one of the project's plug-ins. Required.",
        examples=["parquet", *(name for name in FORMATS if name != "parquet")],
    )
    path: Annotated[Text | None, Written] = Field(
        default=None,
        description="File to write, relative to the project, or a URL that fsspec knows. For `sql` the URL of the "
        "database, as SQLAlchemy writes it. May hold `${tick:%Y-%m-%d}`, `${run.id}` and `${secret:NAME}`; a tick in "
        "it keeps runs from overwriting each other. What lies outside of the project must be allowed by it.",
        examples=["out/report-${tick:%Y-%m-%d}.parquet"],
    )
    options: JsonObject = Field(
        default_factory=dict,
        description="Passed on to the writer of that format, for parquet the arguments of `to_parquet` (pandas) or "
        "`write_parquet` (polars). Databases want `table` and `if_exists`: `append`, `replace` or `fail`; with "
        "`append`, `replace_where` names columns and values whose rows are deleted first.",
        examples=[{"compression": "zstd"}],
    )
    storage_options: JsonObject = Field(
        default_factory=dict,
        description="Passed on to the filesystem, as fsspec names them. Write credentials as `${secret:NAME}`; a "
        "secret is read on the worker and never stored.",
        examples=[{"key": "${secret:S3_KEY}", "secret": "${secret:S3_SECRET}"}],
    )


Cache = Annotated[
    Annotated[bool, Tag("<switch>")] | Annotated[CacheSpec, Tag("<mapping>")], Discriminator(kind_of_cache)
]
