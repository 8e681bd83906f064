"""What is said of files without running anything is what a run says: each type, each format, to be saved and loaded."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from support.dataflow import static_graph

from flowerpower.errors import PipelineError
from flowerpower.pipelines.run import Access, RunContext, RunResult, run_pipeline
from flowerpower.specs.dataflow_transfers import wrong_transfers
from flowerpower.specs.models import PipelineSpec
from flowerpower.specs.values import FORMATS

HEADER = """
import datetime
import pathlib
from typing import Any, Dict, List, Optional

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
"""
ROWS = "[{'a': 1}, {'a': 2}]"
VALUES: dict[str, str] = {
    "bool": "True",
    "int": "1",
    "int | None": "1",
    "float": "1.5",
    "str": "'a'",
    "str | None": "'a'",
    "int | str": "'a'",
    "bytes": "b'a'",
    "list": ROWS,
    "list[int]": "[1]",
    "list[int] | None": "[1]",
    "list[int | None]": "[1, None]",
    "List[float]": "[1.5]",
    "list[str]": "['a']",
    "Optional[List[str]]": "['a']",
    "list[bytes]": "[b'a']",
    "list[datetime.date]": "[datetime.date(2026, 11, 27)]",
    "list[pathlib.Path]": "[pathlib.Path('a')]",
    "list[list[int]]": "[[1]]",
    "list[dict]": ROWS,
    "list[dict[str, Any]]": ROWS,
    "list[pd.DataFrame]": f"[pd.DataFrame({ROWS})]",
    "list[Any]": ROWS,
    "tuple": f"tuple({ROWS})",
    "tuple[int, ...]": "(1, 2)",
    "tuple[str, ...]": "('a', 'b')",
    "dict": "{'a': 1}",
    "dict[str, int]": "{'a': 1}",
    "Dict[str, bytes]": "{'a': b'a'}",
    "dict[str, pl.DataFrame]": f"{{'a': pl.DataFrame({ROWS})}}",
    "dict[str, pa.Table]": f"{{'a': pa.Table.from_pylist({ROWS})}}",
    "set": "{1}",
    "set[bytes]": "{b'a'}",
    "datetime.date": "datetime.date(2026, 11, 27)",
    "datetime.datetime": "datetime.datetime(2026, 11, 27)",
    "pathlib.Path": "pathlib.Path('a')",
    "pd.DataFrame": f"pd.DataFrame({ROWS})",
    "pd.DataFrame | None": f"pd.DataFrame({ROWS})",
    "pd.Series": "pd.Series([1], name='a')",
    "pl.DataFrame": f"pl.DataFrame({ROWS})",
    "pl.LazyFrame": f"pl.LazyFrame({ROWS})",
    "pl.Series": "pl.Series('a', [1])",
    "pa.Table": f"pa.Table.from_pylist({ROWS})",
    "pa.RecordBatch": f"pa.RecordBatch.from_pylist({ROWS})",
    "pa.RecordBatchReader": f"pa.Table.from_pylist({ROWS}).to_reader()",
    "duckdb.DuckDBPyRelation": "duckdb.from_arrow(pa.Table.from_pylist([{'a': 1}, {'a': 2}]))",
    "np.ndarray": "np.array([1])",
    "object": ROWS,
}
NUMBERS = count()
OTHERS = {"list": "['a']", "list[Any]": "['a']", "tuple": "('a',)", "object": "'a'"}
"""Another value of a type of which a format may hold some values and no others."""
LIKE = {"Dict[str, bytes]": "{'a': 1}"}
"""What is loaded as a type of which nothing can be saved."""


def transfer(form: str, way: str) -> dict[str, Any]:
    path = "sqlite:///x.db" if form == "sql" else f"x.{form}"
    options = {"table": "t", **({"if_exists": "replace"} if way == "save" else {})} if form in ("sql", "duckdb") else {}
    return {"format": form, "path": path, "options": options}


def run(root: Path, text: str, **fields: Any) -> RunResult:
    module = f"m{next(NUMBERS)}"  # each its own: byte code of a file of the same second and size would be taken
    (root / "flows").mkdir(exist_ok=True)
    (root / f"flows/{module}.py").write_text(text)
    spec = PipelineSpec.model_validate({"name": "p", "modules": [module], "outputs": ["made"], **fields})
    tick = datetime(2026, 11, 27, tzinfo=UTC)
    context = RunContext(tick, tick, "r", "s", "p", "c", 1, lambda name: name)
    return run_pipeline(spec, context, root=root, folders=["flows"], access=Access(pickle=True))


def verdict(text: str, **fields: Any) -> list[str]:
    spec = PipelineSpec.model_validate({"name": "p", "modules": ["m0"], "outputs": ["made"], **fields})
    graph = static_graph({"m0.py": text}, ["m0"], {})
    return [finding.what for finding in wrong_transfers(graph, spec.load, spec.save)]


@pytest.mark.parametrize("form", FORMATS)
def test_what_a_format_cannot_hold_is_known_by_its_type(form: str, tmp_path: Path) -> None:
    said, found = {}, {}

    for kind, value in VALUES.items():
        text = text_of(kind, value)
        was_saved = saved(tmp_path, form, value, kind)
        found[kind, "save"] = was_saved or saved(tmp_path, form, OTHERS.get(kind), kind)
        said[kind, "save"] = not verdict(text, save=[{"outputs": ["made"], **transfer(form, "save")}])
        assert was_saved or any(saved(tmp_path, form, other) for other in (value, LIKE.get(kind), ROWS, "'a'"))
        found[kind, "load"] = form == "pickle" or filled(tmp_path, form, kind)
        said[kind, "load"] = is_said_to_fill(form, kind)

    assert said == found


def is_said_to_fill(form: str, kind: str) -> bool:
    load = {"needed": transfer(form, "load")}
    said = not verdict(f"{HEADER}\ndef made(needed: {kind}) -> object: ...\n", load=load)
    computed = f"{HEADER}\ndef needed() -> {kind}: ...\ndef made(needed: {kind}) -> object: ...\n"
    assert said == (not verdict(computed, load=load)), kind
    return said


def filled(root: Path, form: str, kind: str) -> bool:
    """Tell whether a run fills a node of a type with something of that type."""
    text = f"{HEADER}\ndef made(needed: {kind}) -> object:\n    return needed\n"
    try:
        value = run(root, text, load={"needed": transfer(form, "load")}).values["made"]
    except PipelineError:
        return False
    return kind == "object" or type(value) is type(example(VALUES[kind]))


def text_of(kind: str, value: str) -> str:
    return f"{HEADER}\ndef made() -> {kind}:\n    return {value}\n"


def saved(root: Path, form: str, value: str | None, kind: str = "Any") -> bool:
    """Tell whether a run can save a value, made as a type, to where it is loaded from."""
    if value is None:
        return False
    try:
        run(root, text_of(kind, value), save=[{"outputs": ["made"], **transfer(form, "save")}])
    except PipelineError:
        return False
    return True


def example(value: str) -> Any:
    names: dict[str, Any] = {}
    exec(f"{HEADER}\nvalue = {value}", names)
    return names["value"]
