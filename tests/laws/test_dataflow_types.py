"""Law: where all types are known without importing anything, it is known which graphs Hamilton refuses for them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from support.dataflow import real_graph, static_graph

HEADER = """
import datetime as dt
import pathlib
from datetime import date
from typing import Any, Dict, List, Optional

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow
from hamilton.function_modifiers import check_output, config, tag


class Mine(int): ...
"""
PLAIN = [
    *["int", "float", "str", "bool", "bytes", "list", "dict", "set", "date", "dt.datetime", "pathlib.Path"],
    *["pd.DataFrame", "pd.Series", "pl.DataFrame", "pl.LazyFrame", "pl.Series", "np.ndarray"],
    *["pyarrow.Table", "pyarrow.RecordBatch", "pyarrow.RecordBatchReader", "duckdb.DuckDBPyRelation"],
]
ANY = [
    *PLAIN,
    *["Any", "None", "Mine", "Mine | None", "int | None", "int | str", "Optional[date]", "pd.DataFrame | pl.DataFrame"],
    *["list[int]", "List[str]", "Dict[str, int]", "tuple[int, ...]"],
]
DECORATORS = ["", "", "@tag(owner='me')\n", "@config.when_not(mode='x')\n"]


@st.composite
def modules(draw: st.DrawFn, kinds: list[str]) -> str:
    """A module of functions, each of which may need those before it, and some inputs."""
    kind, functions = st.sampled_from(kinds), [HEADER]
    for number in range(draw(st.integers(1, 4))):
        known = [f"n{earlier}" for earlier in range(number)]
        needs = draw(st.lists(st.sampled_from([*known, "i0", "i1"]), unique=True, max_size=2))
        parameters = ", ".join(f"{need}: {draw(kind)}" for need in needs)
        functions.append(f"{draw(st.sampled_from(DECORATORS))}def n{number}({parameters}) -> {draw(kind)}: ...\n")
    return "\n\n".join(functions)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.one_of(modules(PLAIN[:4]), modules(PLAIN)))
def test_of_plain_types_it_is_known_whether_they_fit(text: str) -> None:
    assert refused_before(text) == refused(text)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=modules(ANY))
def test_of_other_types_only_what_is_certain_is_said(text: str) -> None:
    if refused_before(text):
        assert refused(text)


def refused_before(text: str) -> bool:
    graph = static_graph({"m0.py": text}, ["m0"], {})
    assert graph.decided
    assert {fault.kind for fault in graph.faults} <= {"unfit"}
    return bool(graph.faults)


def refused(text: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        built = isinstance(real_graph(Path(folder), {"m0.py": text}, ["m0"], {}), dict)
    event("built" if built else "refused")
    return not built
