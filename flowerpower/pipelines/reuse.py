"""Graphs that are built once: in a process of many runs, one after the other, whose code never changes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

from flowerpower.errors import PipelineError
from flowerpower.pipelines.driver import Parts, build, hook
from flowerpower.pipelines.modules import import_modules, importable
from flowerpower.pipelines.watch import NodeWatch
from flowerpower.specs.typed import expect

_MOST = 50  # of graphs that are kept
_kept: dict[tuple[Any, ...], tuple[Any, Any]] | None = None  # driver and hook, the one used last at the end


def build_first(recipes: Iterable[tuple[Sequence[str], Mapping[str, Any]]], root: Path, folders: Sequence[str]) -> None:
    """Build the graphs of modules and configs before forks, which find them; what fails is left to the run to tell."""
    keep_drivers()
    with importable(root, folders):
        for modules, config in islice(recipes, _MOST):
            with suppress(PipelineError):
                parts = Parts(import_modules(modules, root, folders), config, [hook(NodeWatch())])
                with built(parts) as driver:
                    for node in driver.graph.nodes.values():
                        if node.user_defined:
                            expect(node.type)


def keep_drivers() -> None:
    """Let this process use drivers again; another run at the same time must be in another process."""
    global _kept  # noqa: PLW0603 - runs are called by RQ, which hands them nothing
    _kept = {} if _kept is None else _kept


@contextmanager
def built(parts: Parts) -> Iterator[Any]:
    """Yield the driver of the graph; after a run that failed it is not used again.

    Raises PipelineError when there is no graph.
    """
    kept, key = _kept, _key(parts)
    if kept is None or key is None:
        yield build(parts)
        return
    (hook,) = parts.adapters
    driver, known = kept.pop(key, (None, hook))
    known.watch = hook.watch
    driver = driver or build(parts)
    yield driver
    kept[key] = (driver, known)
    if len(kept) > _MOST:
        del kept[next(iter(kept))]


def _key(parts: Parts) -> tuple[Any, ...] | None:
    """Return what a graph depends on; nothing if it has adapters that are made for each run, or odd values."""
    if len(parts.adapters) != 1:
        return None
    try:
        return (*parts.modules, json.dumps(parts.config, sort_keys=True))
    except (TypeError, ValueError):
        return None
