"""Law: a pipeline gives what plain Hamilton gives, whatever runs it; and a summary is always small JSON."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowerpower.pipelines.results import LARGEST_SUMMARY
from flowerpower.pipelines.run import RunContext, RunResult, run_pipeline
from flowerpower.specs.models import PipelineSpec

TICK = datetime(2026, 1, 1, tzinfo=UTC)

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
}


@pytest.fixture
def flows(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "flows").mkdir()
    for name, (text, _) in MODULES.items():
        (tmp_path / f"flows/yardstick_{name}.py").write_text(dedent(text))
    yield tmp_path
    for name in MODULES:
        sys.modules.pop(f"yardstick_{name}", None)


def plain_hamilton(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    import importlib

    from hamilton import driver

    _, fields = MODULES[name]
    monkeypatch.syspath_prepend(str(root / "flows"))
    module = importlib.import_module(f"yardstick_{name}")
    builder = driver.Builder().with_modules(module).with_config(fields.get("config", {}))
    if name == "blocks":
        builder = builder.enable_dynamic_execution(allow_experimental_mode=True)
    inputs = {key: value for key, value in fields["inputs"].items() if key not in fields.get("config", {})}
    found: dict[str, Any] = builder.build().execute(fields["outputs"], inputs=inputs)
    return found


@pytest.mark.parametrize("executor", ["local", "threads", "processes"])
@pytest.mark.parametrize("name", MODULES)
def test_a_run_gives_what_plain_hamilton_gives(
    flows: Path, name: str, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = plain_hamilton(flows, name, monkeypatch)
    spec = PipelineSpec.model_validate(
        {"name": "p", "modules": [f"yardstick_{name}"], "executor": {"type": executor}, **MODULES[name][1]}
    )
    context = RunContext(TICK, TICK, "r", "", "p")

    values = run_pipeline(spec, context, root=flows, folders=["flows"]).values

    assert list(values) == list(expected)
    for node, value in expected.items():
        if isinstance(value, pd.DataFrame | pd.Series):
            assert value.equals(values[node])
        else:
            assert value == values[node]


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals()
    | st.datetimes()
    | st.timedeltas()
    | st.complex_numbers()
    | st.text(alphabet=st.characters(categories=["Cs", "Lu"])),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.integers() | st.text() | st.none() | st.tuples(st.integers()), inner)
        | st.tuples(inner, inner)
        | st.frozensets(st.integers() | st.text())
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values=st.dictionaries(st.text(max_size=300), anything, max_size=8), times=st.integers(1, 20_000))
def test_a_summary_is_strict_json_and_small(values: dict[str, Any], times: int) -> None:
    values = {**values, "repeated": [list(values.values())] * times}
    result = RunResult("p", "r", "s", TICK, "c", 1, 0.1, values)

    text = json.dumps(result.to_dict(), allow_nan=False)

    assert len(text.encode()) <= LARGEST_SUMMARY
    assert json.loads(text) == result.to_dict()
