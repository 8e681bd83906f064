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


class RetrySpec(Spec):
    """How often a failed run is tried again, and after how long."""

    max: Annotated[int, Field(ge=1, le=100)] = Field(
        title="most retries", description="How many more times a failed run is tried.", examples=[3]
    )
    intervals: Many[Duration] = Field(
        default=(),
        title="waits",
        description="Wait before the first, second, ... retry; the last one repeats. Without it: at once.",
        examples=[["10s", "1m", "5m"]],
    )


class ExecutorSpec(Spec):
    """What runs the nodes of a pipeline."""

    type: ExecutorType = Field(
        default="local",
        title="executor",
        description="`local`, `threads` or `processes`.",
        examples=["local", "threads"],
    )
    max_workers: Annotated[Annotated[int, Field(ge=1, le=1024)] | None, Written] = Field(
        default=None,
        title="workers",
        description="How many threads or processes. Without it: as many as Hamilton thinks right.",
        examples=[4],
    )
    address: Annotated[Text | None, Written] = Field(
        default=None,
        title="cluster address",
        description="Address of the Dask or Ray cluster.",
        examples=["tcp://dask.example:8786"],
    )


class CacheSpec(Spec):
    """Where Hamilton keeps results of nodes, and which nodes it treats otherwise."""

    path: Text = Field(title="folder", description="Folder of the cache.", examples=[".hamilton_cache"])
    recompute: Many[Text] = Field(
        default=(), title="recompute", description="Nodes computed every time.", examples=[["report"]]
    )
    ignore: Many[Text] = Field(
        default=(), title="ignore", description="Nodes left out of cache keys.", examples=[["client"]]
    )
    disable: Many[Text] = Field(default=(), title="disable", description="Nodes never cached.", examples=[["secrets"]])


class LoadSpec(Spec):
    """One node that is filled from outside by an I/O adapter."""

    format: Text = Field(
        title="format", description="Name of the I/O format: csv, json, parquet, sql, ...", examples=["csv", "parquet"]
    )
    path: Annotated[Text | None, Written] = Field(
        default=None,
        title="path",
        description="File or URL to read. May hold `${tick:%Y-%m-%d}`, `${run.id}` and `${secret:NAME}`.",
        examples=["data/orders.csv", "s3://bucket/orders-${tick:%Y-%m-%d}.parquet"],
    )
    options: JsonObject = Field(
        default_factory=dict,
        title="options",
        description="Passed on to the reader of that format.",
        examples=[{"sep": ";"}],
    )
    storage_options: JsonObject = Field(
        default_factory=dict,
        title="storage options",
        description="Passed on to the filesystem (fsspec). Write credentials as `${secret:NAME}`.",
        examples=[{"key": "${secret:S3_KEY}", "secret": "${secret:S3_SECRET}"}],
    )


class SaveSpec(Spec):
    """Outputs that are written by an I/O adapter when a run ends well."""

    outputs: Annotated[Many[Text], Field(min_length=1)] = Field(
        title="outputs", description="Names of the nodes to save.", examples=[["report"]]
    )
    format: Text = Field(
        title="format", description="Name of the I/O format: csv, json, parquet, sql, ...", examples=["parquet"]
    )
    path: Annotated[Text | None, Written] = Field(
        default=None,
        title="path",
        description="File or URL to write. May hold `${tick:%Y-%m-%d}`, `${run.id}` and `${secret:NAME}`.",
        examples=["out/report-${tick:%Y-%m-%d}.parquet"],
    )
    options: JsonObject = Field(
        default_factory=dict,
        title="options",
        description="Passed on to the writer of that format.",
        examples=[{"compression": "zstd"}],
    )
    storage_options: JsonObject = Field(
        default_factory=dict,
        title="storage options",
        description="Passed on to the filesystem (fsspec). Write credentials as `${secret:NAME}`.",
        examples=[{"key": "${secret:S3_KEY}", "secret": "${secret:S3_SECRET}"}],
    )


def kind_of_cache(value: object) -> str:
    """Return which form of `cache:` a value has."""
    return "<mapping>" if isinstance(value, (dict, CacheSpec)) else "<switch>"


Cache = Annotated[
    Annotated[bool, Tag("<switch>")] | Annotated[CacheSpec, Tag("<mapping>")], Discriminator(kind_of_cache)
]
