"""Which types of parameters are certain."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

import pytest

from flowerpower.dataflow.kinds import kind_of
from flowerpower.dataflow.parse import read_module

HEADER = """
import datetime
import datetime as dt
import typing as t
import pandas as pd
from datetime import date, date as day
from pathlib import Path
from typing import Any, Dict, List, Literal, Optional, Union
from elsewhere import float
class str: ...
def bool(x: int) -> int:
    return x
"""


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        ("int", int),
        ("date", date),
        ("day", date),
        ("dt.date", date),
        ("datetime.datetime", datetime),
        ("list", list),
        ("list[int]", list[int]),
        ("List[int]", list[int]),
        ("dict[int, Any]", dict[int, Any]),
        ("int | None", int | None),
        ("Optional[int]", int | None),
        ("t.Optional[int]", int | None),
        ("Literal['a', 2]", Literal["a", 2]),
        ("int | list[date]", int | list[date]),
    ],
)
def test_types_of_python_are_known_under_any_name(annotation: str, kind: Any) -> None:
    assert kind_of(annotation, read_module(HEADER.encode()).names) == kind


@pytest.mark.parametrize(
    "annotation",
    [
        *["", "None", "Any", "t.Any", "Optional", "Literal", "Literal[x]", "datetime", "Path", "float", "str", "bool"],
        *[
            "list[str]",
            "Frame",
            "pd.Series",
            "int | Frame",
            "dict[str]",
            "int[str]",
            "(int)[0]",
            "tuple[int, ...]",
            "list[int, str]",
            "date.today",
            "f()",
        ],
        *["tuple[int, ...]", "list[int, str]", "x if y else z", "not python", "int" + " | int" * 100],
    ],
)
def test_nothing_is_guessed(annotation: str) -> None:
    assert kind_of(annotation, read_module(HEADER.encode()).names) is None
