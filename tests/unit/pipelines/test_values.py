"""From what a spec says to what a node expects."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar

import pandas as pd
import polars as pl
import pytest
from pydantic import BaseModel, field_validator

from flowerpower.pipelines.values import coerce

MOMENT = datetime(2026, 11, 22, 2, tzinfo=UTC)
FRAME = pd.DataFrame({"a": [1]})
T = TypeVar("T")


class Strict(BaseModel):
    most: int

    @field_validator("most")
    @classmethod
    def fails(cls, value: int) -> int:
        return {0: 1}[value]


class Region(Enum):
    EU = "EU"


class Settings(BaseModel):
    depth: int
    name: str = "x"


class Closed(BaseModel, extra="forbid"):
    x: int


@dataclass
class Point:
    x: float


class Old(TypedDict):
    a: int


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (1, float, 1.0),
        ("5", int, 5),
        ("1.5", float, 1.5),
        (2.0, int, 2),
        ("a/b", Path, Path("a/b")),
        ("2026-11-22", date, date(2026, 11, 22)),
        ("2026-11-22T02:00:00Z", datetime, MOMENT),
        (MOMENT, datetime, MOMENT),
        (MOMENT, date, date(2026, 11, 22)),
        (MOMENT, str, "2026-11-22T02:00:00+00:00"),
        (MOMENT, pd.Timestamp, pd.Timestamp(MOMENT)),
        (None, int | None, None),
        ("EU", Region, Region.EU),
        ("a", Literal["a", "b"], "a"),
        ({"depth": "3"}, Settings, Settings(depth=3)),
        ({"x": 1}, Point, Point(1.0)),
        ([1, 2], list[float], [1.0, 2.0]),
        ({"a": "1"}, dict[str, int], {"a": 1}),
        ({"a": 1}, Old, {"a": 1}),
        ([1], Iterable[int], [1]),
        ("x", Any, "x"),
        ("x", T, "x"),
        (True, bool, True),
    ],
)
def test_a_value_becomes_what_its_node_wants(value: Any, kind: Any, expected: Any) -> None:
    found = coerce(value, kind)

    assert found == expected
    assert type(found) is type(expected)


def test_an_object_of_the_right_class_is_handed_on_as_it_is() -> None:
    assert coerce(FRAME, pd.DataFrame) is FRAME
    lazy = pl.LazyFrame({"a": [1]})
    assert coerce(lazy, pl.LazyFrame) is lazy


@pytest.mark.parametrize(
    ("value", "kind", "part"),
    [
        (True, int, "true and false are no numbers"),
        (False, float, "true and false are no numbers"),
        (None, int, "null is not an int"),
        ({"most": 3}, Strict, "{most: 3} is not a Strict: KeyError: 3"),
        (None, str, "null is not a str"),
        (1.5, int, "1.5 is not an int"),
        ("x", int, "'x' is not an int"),
        (20261122, date, "write it as an ISO 8601 text"),
        ("20261122", datetime, "as in 2026-11-22"),
        ("1795312800", datetime, "write it as ISO 8601"),
        ("2026-13-01", date, "'2026-13-01' is not a date"),
        (5, str, "5 is not a str"),
        ("2026-13-01", date, "(there is no month 13)"),
        (["x"], list[int], "['x'] is not a list[int] (`[0]` is 'x', not a whole number)"),
        ({"a": [1, None]}, dict[str, list[int]], "{a: [1, null]} is not a dict[str, list[int]] (`a[1]` is null, not"),
        ({"a\nb": None}, dict[str, int], "{'a\\nb': null} is not a dict[str, int] (`'a\\nb'` is null, not a whole"),
        ({"depth": "deep"}, Settings, "(`depth` is 'deep', not a whole number)"),
        ({"x": 1, "z": True}, Closed, "{x: 1, z: true} is not a Closed (nothing is called `z`)"),
        ({}, Point, "(the key `x` is missing)"),
        ([1], int | str, "[1] is not an int | str"),
        ("US", Region, "is not a Region"),
        ([{"a": 1}], pd.DataFrame, "is not a DataFrame"),
        (FRAME, pl.DataFrame, "is not a DataFrame"),
    ],
)
def test_a_value_that_would_be_a_guess_is_refused(value: Any, kind: Any, part: str) -> None:
    with pytest.raises(ValueError, match="is not a") as caught:
        coerce(value, kind)

    assert part in str(caught.value)


def test_a_list_that_holds_itself_is_told_all_the_same() -> None:
    endless: list[Any] = []
    endless.append(endless)

    with pytest.raises(ValueError, match=r"\[\[\.\.\.\]\] is not an int"):
        coerce(endless, int)


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(ValueError, match="is not an int") as caught:
        coerce("x" * 10_000, int)

    assert len(str(caught.value)) < 250
