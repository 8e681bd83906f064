"""What is kept of a run: plain JSON, bounded, whatever came out of its nodes."""

import copy
import json
import pickle
from collections import OrderedDict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pytest

from flowerpower.pipelines.context import Secrets
from flowerpower.pipelines.results import LARGEST_SUMMARY, RunResult
from flowerpower.pipelines.storage import SaveRecord
from flowerpower.pipelines.watch import NodeTime


class Colour(Enum):
    RED = "red"


class Hostile:
    """Every look at it fails."""

    def __len__(self) -> int:
        raise RuntimeError

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError


class HostileDict(dict):  # type: ignore[type-arg]
    def items(self) -> Any:
        raise RuntimeError


def result_of(**values: Any) -> RunResult:
    return RunResult("p", "r", "s", datetime(2026, 1, 1, tzinfo=UTC), "c", 1, 0.5, values)


def test_a_result_is_pickled_without_what_masks_its_secrets() -> None:
    secrets = Secrets(lambda name: "hunter2-hunter2")
    assert secrets("TOKEN") == "hunter2-hunter2"
    result = replace(result_of(said="by hunter2-hunter2", frame=pd.DataFrame({"a": [1]})), mask=secrets.mask)
    for_others = replace(result, values={"frame": 1})

    again = pickle.loads(pickle.dumps(result))
    copied = copy.deepcopy(for_others)

    assert again.to_dict() == result.to_dict()
    assert again.to_dict()["outputs"]["said"] == {"value": "by ***"}
    assert again.values["frame"].equals(result.values["frame"])
    assert copied == for_others
    assert b"hunter2" not in pickle.dumps(for_others)
    again.to_dict()["outputs"].clear()
    assert again.to_dict() == result.to_dict()


def shown(value: Any) -> Any:
    summary = result_of(x=value).to_dict()
    text = json.dumps(summary, allow_nan=False)
    assert len(text) <= LARGEST_SUMMARY
    text.encode()
    return json.loads(text)["outputs"]["x"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (12, 12),
        (1.5, 1.5),
        ("ü", "ü"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (Decimal("1.10"), "1.10"),
        (datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02T03:00:00+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(minutes=1), 60.0),
        (Path("a/b"), "a/b"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "red"),
        ({3, 1, 2}, [1, 2, 3]),
        ((1, "a"), [1, "a"]),
        ({"a": {1: [None]}}, {"a": {"1": [None]}}),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (np.int64(7), 7),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), "nan"),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (pd.Timestamp("2026-01-01"), "2026-01-01T00:00:00"),
        ("\ud800", "\\ud800"),
        (2**1000, 2**1000),
    ],
)
def test_a_small_plain_value_is_kept(value: Any, expected: Any) -> None:
    assert shown(value) == {"value": expected}


RECURSIVE: list[Any] = []
RECURSIVE.append(RECURSIVE)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (pd.DataFrame({"a": [1, 2], "b": [3, 4]}), {"type": "pandas.DataFrame", "shape": [2, 2]}),
        (pl.DataFrame({"a": [1, 2, 3]}), {"type": "polars.DataFrame", "shape": [3, 1], "bytes": 24}),
        (pd.Series([1, 2]), {"type": "pandas.Series", "shape": [2]}),
        (pl.LazyFrame({"a": [1]}), {"type": "polars.LazyFrame"}),
        (np.zeros((2, 3)), {"type": "numpy.ndarray", "shape": [2, 3], "bytes": 48}),
        (b"abc", {"type": "bytes", "length": 3, "bytes": 3}),
        ("x" * 100_000, {"type": "str", "length": 100_000, "bytes": 100_000}),
        (list(range(50_000)), {"type": "list", "length": 50_000}),
        ({"a": object()}, {"type": "dict", "length": 1}),
        ({1: "a", "1": "b"}, {"type": "dict", "length": 2}),
        (RECURSIVE, {"type": "list", "length": 1}),
        (10**5000, {"type": "int"}),
        (Hostile(), {"type": "test_results.Hostile"}),
        (HostileDict(a=1), {"type": "test_results.HostileDict", "length": 1}),
        (lambda: None, {"type": "function"}),
        (1j, {"type": "complex"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_is_described(value: Any, expected: dict[str, Any]) -> None:
    described = shown(value)

    described["type"] = described["type"].rpartition("tests.")[2] if "tests" in described["type"] else described["type"]
    expected_type = expected["type"].rpartition(".")[2]
    assert described["type"].rpartition(".")[2] == expected_type
    assert {**described, "type": ""}.items() >= {**expected, "type": ""}.items()
    assert "value" not in described


def test_many_and_large_things_stay_within_the_bound() -> None:
    result = replace(
        result_of(**{f"output_{i}": "x" * 5_000 for i in range(2_000)}),
        nodes=tuple(NodeTime(f"node_{i}_{'n' * 500}", 0.1, True) for i in range(5_000)),
        saves=tuple(SaveRecord(("o",) * 50, "csv", "p" * 4_000, 1, 1, 1) for _ in range(500)),
    )

    summary = result.to_dict()

    assert len(json.dumps(summary, allow_nan=False)) <= LARGEST_SUMMARY
    assert summary["node_count"] == 5_000


def test_the_first_outputs_are_kept_whole_and_later_ones_described() -> None:
    outputs = result_of(**{f"o{i}": "x" * 15_000 for i in range(5)}).to_dict()["outputs"]

    assert ["value" in form for form in outputs.values()] == [True, True, False, False, False]


def test_the_slowest_nodes_are_kept() -> None:
    nodes = tuple(NodeTime(f"n{i}", i / 1000, True) for i in range(300))

    kept = replace(result_of(), nodes=nodes).to_dict()["nodes"]

    assert len(kept) == 100
    assert kept[0] == {"node": "n299", "seconds": 0.299}


def test_a_huge_nested_value_is_not_walked_to_its_end() -> None:
    seen = 0

    class Row(dict):  # type: ignore[type-arg]
        def items(self) -> Any:
            nonlocal seen
            seen += 1
            return super().items()

    rows = [Row(a=1) for _ in range(100_000)]

    assert shown([rows] * 100) == {"type": "list", "length": 100}
    assert seen < 20_000
