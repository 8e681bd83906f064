"""Modules as people write them for plain Hamilton, with what they need to run: they must run here, unchanged."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

MODULES: dict[str, tuple[str, dict[str, Any]]] = {
    "frames": (
        """
        import pandas as pd
        from hamilton.function_modifiers import extract_columns

        @extract_columns("region", "amount")
        def orders(rows: int) -> pd.DataFrame:
            return pd.DataFrame({"region": ["EU", "US"] * rows, "amount": range(2 * rows)})

        def doubled(amount: pd.Series) -> pd.Series:
            return amount * 2

        def report(region: pd.Series, doubled: pd.Series) -> pd.DataFrame:
            return pd.DataFrame({"region": region, "x": doubled}).groupby("region", as_index=False).sum()
        """,
        {"outputs": ["report", "doubled"], "inputs": {"rows": 50}},
    ),
    "decorated": (
        """
        from hamilton.function_modifiers import does, extract_fields, parameterize, source, tag, value

        def _sum(**numbers: int) -> int:
            return sum(numbers.values())

        @parameterize(two={"n": value(2)}, three={"n": value(3)}, base_twice={"n": source("base")})
        def times(n: int, base: int) -> int:
            return n * base

        @does(_sum)
        def total(two: int, three: int, base_twice: int) -> int: ...

        @extract_fields({"low": int, "high": int})
        def bounds(total: int, margin: int = 1) -> dict:
            return {"low": total - margin, "high": total + margin}

        @tag(owner="me")
        def text(low: int, high: int) -> str:
            return f"{low}..{high}"
        """,
        {"outputs": ["text", "total"], "inputs": {"base": 7}},
    ),
    "variants": (
        """
        from hamilton.function_modifiers import config

        @config.when(mode="fast")
        def work__fast(n: int) -> int:
            return n

        @config.when_not(mode="fast")
        def work__slow(n: int, factor: int) -> int:
            return n * factor

        def out(work: int, mode: str) -> str:
            return f"{mode}:{work}"
        """,
        {"outputs": ["out"], "inputs": {"n": 3, "factor": 4}, "config": {"mode": "slow"}},
    ),
    "blocks": (
        """
        from hamilton.htypes import Collect, Parallelizable

        def item(n: int) -> Parallelizable[int]:
            yield from range(n)

        def square(item: int, offset: int) -> int:
            return item * item + offset

        def squares(square: Collect[int]) -> list:
            return sorted(square)
        """,
        {"outputs": ["squares"], "inputs": {"n": 6, "offset": 1}},
    ),
    "lazy": (
        """
        import polars as pl

        def lazy(n: int) -> pl.LazyFrame:
            return pl.LazyFrame({"a": range(n)})

        def even(lazy: pl.LazyFrame) -> pl.DataFrame:
            return lazy.filter(pl.col("a") % 2 == 0).collect()

        def count(even: pl.DataFrame) -> int:
            return len(even)
        """,
        {"outputs": ["count"], "inputs": {"n": 11}, "overrides": {}},
    ),
    "pipes": (
        """
        import pandas as pd
        from hamilton.function_modifiers import apply_to, mutate, pipe_input, pipe_output, source, step, value

        def _add(x: int, by: int) -> int:
            return x + by

        def _double(x: int) -> int:
            return 2 * x

        @pipe_input(step(_add, by=source("offset")).named("added"), step(_double), on_input="base")
        @pipe_output(step(_add, by=value(100)))
        def out(base: int, other: int) -> int:
            return base * other

        def base(n: int) -> int:
            return n

        @mutate(apply_to(out, by=value(1000)))
        def _more(x: int, by: int) -> int:
            return x + by
        """,
        {"outputs": ["out"], "inputs": {"n": 2, "offset": 3, "other": 5}},
    ),
    "composed": (
        """
        from hamilton.function_modifiers import (
            check_output, group, hamilton_exclude, inject, parameterize_sources, resolve_from_config, subdag,
            ResolveAt, extract_fields, source, tag_outputs, unpack_fields, value,
        )

        @hamilton_exclude
        def helper(x: int) -> int:
            return x + 1

        def inner(seed: int) -> int:
            return helper(seed)

        def outer(inner: int) -> int:
            return inner * 10

        @subdag(inner, outer, inputs={"seed": value(4)}, config={})
        def small(outer: int) -> int:
            return outer

        @subdag(inner, outer, inputs={"seed": source("n")}, config={})
        def large(outer: int) -> int:
            return outer

        @inject(parts=group(source("small"), source("large")))
        def both(parts: list[int]) -> int:
            return sum(parts)

        @check_output(range=(0, 1000), importance="fail")
        def checked(both: int) -> int:
            return both

        @unpack_fields("low", "high")
        def bounds(checked: int) -> tuple[int, int]:
            return checked - 1, checked + 1

        @parameterize_sources(first=dict(x="low"), second=dict(x="high"))
        def named(x: int) -> str:
            return f"<{x}>"

        def text(first: str, second: str) -> str:
            return first + second
        """,
        {"outputs": ["text", "both"], "inputs": {"n": 7}},
    ),
    "files": (
        """
        import json
        from hamilton.function_modifiers import dataloader, datasaver, load_from, save_to, source

        @dataloader()
        def raw(path: str) -> tuple[dict, dict]:
            with open(path) as handle:
                return json.load(handle), {"path": path}

        @load_from.json(path=source("path"))
        def size(data: dict) -> int:
            return len(data)

        @save_to.json(path=source("to"), output_name_="saved")
        def report(raw: dict, size: int) -> dict:
            return {"raw": raw, "size": size}

        @datasaver()
        def kept(report: dict, to: str) -> dict:
            with open(to + ".kept", "w") as handle:
                json.dump(report, handle)
            return {"size": len(report)}
        """,
        {"outputs": ["report", "kept"], "inputs": {"path": "PATH/in.json", "to": "PATH/out.json"}},
    ),
    "columns": (
        """
        import pandas as pd
        import polars as pl
        from hamilton.function_modifiers import extract_columns
        from hamilton.plugins.h_pandas import with_columns

        def doubled(amount: pd.Series) -> pd.Series:
            return amount * 2

        def frame(n: int) -> pd.DataFrame:
            return pd.DataFrame({"amount": range(n)})

        @with_columns(doubled, columns_to_pass=["amount"], select=["doubled"])
        def wide(frame: pd.DataFrame) -> pd.DataFrame:
            return frame

        @extract_columns("a", "b")
        def other(n: int) -> pl.DataFrame:
            return pl.DataFrame({"a": range(n), "b": range(n)})

        def total(wide: pd.DataFrame, a: pl.Series, b: pl.Series) -> int:
            return int(wide["doubled"].sum() + (a * b).sum())
        """,
        {"outputs": ["total", "wide"], "inputs": {"n": 9}},
    ),
    "typed": (
        """
        from dataclasses import dataclass
        from typing import Annotated, Literal, Optional, TypedDict, Union
        import numpy as np
        import numpy.typing as npt

        @dataclass
        class Point:
            x: int
            y: int

        class Row(TypedDict):
            a: int

        def point(x: int, y: int) -> Point:
            return Point(x, y)

        def rows(n: int) -> list[Row]:
            return [{"a": i} for i in range(n)]

        def array(n: int) -> np.ndarray:
            return np.arange(n)

        def out(
            point: Point, rows: list[Row], array: np.ndarray, mode: Literal["a", "b"], maybe: Optional[int] = None,
            either: Union[int, str] = "x", scale: Annotated[float, "unit"] = 1.5,
        ) -> str:
            return f"{point.x}{rows}{array.sum()}{mode}{maybe}{either}{scale}"
        """,
        {"outputs": ["out"], "inputs": {"x": 1, "y": 2, "n": 3, "mode": "a"}},
    ),
}


def write_modules(root: Path) -> None:
    """Write the modules into a project, and the file that one of them reads."""
    (root / "flows").mkdir(exist_ok=True)
    for name, (text, _) in MODULES.items():
        (root / f"flows/yardstick_{name}.py").write_text(dedent(text))
    (root / "in.json").write_text('{"a": 1, "b": 2}')


def fields_of(root: Path, name: str) -> dict[str, Any]:
    """Return the fields of a spec that runs the module."""
    fields = dict(MODULES[name][1])
    inputs = fields["inputs"].items()
    fields["inputs"] = {
        key: value.replace("PATH", str(root)) if isinstance(value, str) else value for key, value in inputs
    }
    return fields
