"""Law: a pipeline gives what plain Hamilton gives, whatever runs it; and a summary is always small JSON."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.yardstick import MODULES, fields_of, write_modules

from flowerpower.pipelines.results import LARGEST_SUMMARY
from flowerpower.pipelines.run import RunContext, RunResult, run_pipeline
from flowerpower.specs.models import PipelineSpec

TICK = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def flows(tmp_path: Path) -> Iterator[Path]:
    write_modules(tmp_path)
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
    given = fields_of(root, name)["inputs"]
    inputs = {key: value for key, value in given.items() if key not in fields.get("config", {})}
    found: dict[str, Any] = builder.build().execute(fields["outputs"], inputs=inputs)
    return found


@pytest.mark.parametrize(
    ("name", "executor"),
    [*((name, executor) for name in MODULES for executor in ("local", "threads")), ("blocks", "processes")],
)
def test_a_run_gives_what_plain_hamilton_gives(
    flows: Path, name: str, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = plain_hamilton(flows, name, monkeypatch)
    spec = PipelineSpec.model_validate(
        {"name": "p", "modules": [f"yardstick_{name}"], "executor": {"type": executor}, **fields_of(flows, name)}
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
