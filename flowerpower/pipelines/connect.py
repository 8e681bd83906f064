"""Connects to the cluster that a spec names, with the library of its kind, if that is installed."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from flowerpower.errors import MissingExtraError, PipelineError
from flowerpower.pipelines.clusters import Cluster
from flowerpower.pipelines.failures import describe
from flowerpower.pipelines.watch import NodeWatch
from flowerpower.specs.parts import ExecutorSpec


def connect(spec: ExecutorSpec, modules: Sequence[ModuleType], watch: NodeWatch) -> Cluster:
    """Return the cluster of *spec*; *modules* are the project's own. Raises PipelineError when it is out of reach."""
    try:
        if spec.type == "dask":
            from flowerpower.pipelines.cluster_dask import connect_dask as connect_it
        else:
            from flowerpower.pipelines.cluster_ray import connect_ray as connect_it
    except ImportError:
        raise MissingExtraError(f"executor {spec.type}", spec.type) from None
    try:
        return connect_it(spec, modules, watch)
    except Exception as error:  # libraries raise many kinds of error here
        where = f"at {spec.address}" if spec.address else "on this machine"
        raise PipelineError(
            f"the {spec.type} cluster {where} cannot be used: {describe(error)}", hint="check its address and version"
        ) from error
