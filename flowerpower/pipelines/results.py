"""What a run leaves behind: its values for a program, a bounded JSON summary for everyone else."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from flowerpower.errors import PipelineError
from flowerpower.pipelines.context import RunContext
from flowerpower.pipelines.placeholders import fill
from flowerpower.pipelines.storage import LoadRecord, SaveRecord
from flowerpower.pipelines.watch import NodeTime

LARGEST_SUMMARY = 64 * 1024
_LARGEST_OUTPUT = 16 * 1024
_OUTPUTS_SHARE = 40 * 1024
_MOST_NODES = 100
_MOST_SAVES = 50
_DEEPEST = 20
_LONGEST_NAME = 200
_LARGEST_WHOLE = 2**1023


class NotPlainError(Exception):
    """A value has no JSON form that would say the same."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """One finished run. `values` are the outputs themselves; they are in the summary only when small and plain.

    `seconds` is wall time, `phases` splits it: import, build, load, execute, save. It may be pickled if its values may.
    """

    pipeline: str
    run_id: str
    schedule: str
    tick: datetime
    commit: str
    attempt: int
    seconds: float
    values: Mapping[str, Any] = field(repr=False)
    nodes: tuple[NodeTime, ...] = ()
    saves: tuple[SaveRecord, ...] = ()
    phases: Mapping[str, float] = field(default_factory=dict)
    mask: Callable[[str], str] = field(default=str, repr=False, compare=False)
    loads: tuple[LoadRecord, ...] = ()
    summary: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)  # after a pickle

    def __reduce__(self) -> tuple[Any, ...]:
        """Let a pickle hold the summary instead of what masks it, which knows the secrets of the run."""
        kept = replace(self, mask=str, summary=self.to_dict())
        return type(self), tuple(getattr(kept, one.name) for one in fields(kept))

    def to_dict(self) -> dict[str, Any]:
        """Return the run as JSON values of at most 64 KiB: secrets masked, large or foreign outputs summarised."""
        if self.summary is not None:
            return deepcopy(dict(self.summary))
        slowest = sorted(self.nodes, key=lambda time: -time.seconds)[:_MOST_NODES]
        summary = {
            "pipeline": self.pipeline,
            "run_id": self.run_id,
            "schedule": self.schedule,
            "tick": self.tick.isoformat(),
            "commit": self.commit,
            "attempt": self.attempt,
            "seconds": round(self.seconds, 6),
            "phases": {name: round(seconds, 6) for name, seconds in self.phases.items()},
            "outputs": _outputs(self.values, self.mask),
            "loads": [_masked(record.to_dict(), self.mask) for record in self.loads[:_MOST_SAVES]],
            "saves": [_masked(record.to_dict(), self.mask) for record in self.saves[:_MOST_SAVES]],
            "nodes": [_node(time) for time in slowest],
            "node_count": len(self.nodes),
            "cached_count": sum(time.cached for time in self.nodes),
        }
        for part in ("nodes", "loads", "saves", "outputs"):
            if _size(summary) > LARGEST_SUMMARY:
                summary[part] = {"left_out": "too large"}
        return summary


def _node(time: NodeTime) -> dict[str, Any]:
    shown = {"node": _cut(time.node), "seconds": round(time.seconds, 6)}
    return {**shown, "cached": True} if time.cached else shown


def shown_values(
    written: Mapping[str, Any], context: RunContext, mask: Callable[[str], str], most: int
) -> dict[str, Any]:
    """Return inputs as a run gets them, for people: placeholders filled in, secrets masked, *most* letters in all."""
    shown: dict[str, Any] = {}
    for name, value in written.items():
        try:
            form = _value(fill(value, context, "inputs"), mask)
        except PipelineError:
            continue
        form = _masked(summarise(value), mask) if form is _NOT_SHOWN else form
        most -= _size(form) + len(name)
        if most < 0:
            return shown | {"...": f"{len(written) - len(shown)} left out"}
        shown[_cut(name)] = form
    return shown


def summarise(value: Any) -> dict[str, Any]:
    """Return type, shape and size of a value, as far as it tells them."""
    kind = type(value)
    found: dict[str, Any] = {"type": _cut(f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}")}
    if kind.__module__ == "builtins":
        found["type"] = kind.__name__
    for name, measure in _MEASURES.items():
        try:
            measured = measure(value)
        except Exception:  # noqa: BLE001  a foreign object may do anything when it is looked at
            measured = None
        if measured is not None:
            found[name] = measured
    return found


@dataclass(slots=True)
class _Budget:
    """How much may still be looked at: every item takes at least one character of the summary."""

    left: int = _LARGEST_OUTPUT

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise NotPlainError


def plain(value: Any) -> Any:
    """Return *value* as JSON values that say the same; raises NotPlainError when there are none, or too many.

    NaN and the infinities become texts, dates ISO 8601 texts, sets sorted lists, numpy scalars Python's.
    """
    return _plain(value, 0, _Budget())


def _plain(value: Any, depth: int, budget: _Budget) -> Any:
    budget.spend(1)
    if depth > _DEEPEST:
        raise NotPlainError
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return _plain_mapping(value, depth, budget)
    if isinstance(value, (set, frozenset)):
        items = [_plain(item, depth + 1, budget) for item in value]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1, budget) for item in value]
    if isinstance(value, str):
        budget.spend(len(value))
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    for kind, convert in _SCALARS:
        if isinstance(value, kind):
            return convert(value)
    kind = type(value)
    if kind.__module__ == "numpy" and getattr(value, "shape", None) == () and hasattr(value, "item"):
        inner = value.item()
        if type(inner) is not kind:
            return _plain_scalar(inner)
    raise NotPlainError


def _plain_whole(value: int) -> int:
    if abs(value) > _LARGEST_WHOLE:
        raise NotPlainError  # json.dumps refuses the longest of them
    return int(value)


_SCALARS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (Enum, lambda value: plain(value.value)),
    (str, lambda value: str(value).encode("utf-8", "backslashreplace").decode()),
    (int, _plain_whole),
    (float, lambda value: float(value) if math.isfinite(value) else str(float(value))),
    ((datetime, date, time), lambda value: value.isoformat()),
    (timedelta, lambda value: value.total_seconds()),
    ((Decimal, UUID, PurePath), str),
)


def _plain_mapping(value: Mapping[Any, Any], depth: int, budget: _Budget) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, inner in value.items():
        name = _plain(key, depth + 1, budget)
        name = name if isinstance(name, str) else json.dumps(name)
        if name in found:
            raise NotPlainError  # 1 and "1" are two keys here and one in JSON
        found[name] = _plain(inner, depth + 1, budget)
    return found


def _outputs(values: Mapping[str, Any], mask: Callable[[str], str]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    left = _OUTPUTS_SHARE
    for name, value in values.items():
        form = {"value": _value(value, mask)}
        if form["value"] is _NOT_SHOWN or (size := _size(form)) > min(left, _LARGEST_OUTPUT):
            form = _masked(summarise(value), mask)
            size = _size(form)
        left -= size
        shown[_cut(name)] = form
    return shown


_NOT_SHOWN = object()


def _value(value: Any, mask: Callable[[str], str]) -> Any:
    try:
        return _masked(plain(value), mask)
    except Exception:  # noqa: BLE001  it is not plain, or a foreign mapping or number that may do anything when it is read
        return _NOT_SHOWN


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask(key): _masked(inner, mask) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, mask) for inner in value]
    if isinstance(value, (int, float)) and mask(str(value)) != str(value):
        return mask(str(value))  # a secret may have become a number on its way through a node
    return value


def _shape(value: Any) -> list[int] | None:
    shape = getattr(value, "shape", None)
    return [int(size) for size in shape][:10] if isinstance(shape, tuple) and shape else None


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, (str, bytes, bytearray, Sequence, Mapping, set, frozenset)) else None


def _bytes(value: Any) -> int | None:
    if isinstance(value, (bytes, bytearray)):
        return len(value)
    if isinstance(value, str):
        return len(value.encode("utf-8", "backslashreplace"))
    kind = type(value)
    if kind.__module__.startswith("pandas"):
        usage = value.memory_usage()
        return int(usage.sum() if hasattr(usage, "sum") else usage)
    if kind.__module__.startswith("polars"):
        return int(value.estimated_size())
    size = getattr(value, "nbytes", None)
    return int(size) if isinstance(size, int) else None


_MEASURES: Mapping[str, Callable[[Any], Any]] = {"shape": _shape, "length": _length, "bytes": _bytes}


def _size(value: Any) -> int:
    return len(json.dumps(value, allow_nan=False))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."
