"""Inputs by hand: what a worker would get as something else is refused, and said by name."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from flowerpower.errors import UsageError
from flowerpower.jobs.by_hand.inputs import run_spec_text

SPEC = {"spec": {"inputs": {"number": 1, "kept": 2}}}
NESTED: list[Any] = []
NESTED.append(NESTED)


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"day": date(2026, 1, 1)}, "'day' is of the type date"),
        ({"number": np.int64(3)}, "'number' is of the type int64"),
        ({"table": {"rows": [1, pd.DataFrame()]}}, "'table'['rows'][1] is of the type DataFrame"),
        ({"rate": float("nan")}, "'rate' is nan"),
        ({"weights": {1: 0.5}}, "'weights' has the key 1, and keys are texts"),
        ({"weights": [{None: 0.5, "a": 1}]}, "'weights'[0] has the key None, and keys are texts"),
        ({"text": "\ud800"}, "'text' is no text that UTF-8 can hold"),
        ({"\ud800": 1}, "a key of `inputs` is no text that UTF-8 can hold"),
        ({"text": {"\ud800": 1}}, "a key of 'text' is no text that UTF-8 can hold"),
        ({"nested": NESTED}, "a value holds itself, or too many others within each other"),
        ({"number": 10**5000}, "Exceeds the limit"),
    ],
)
def test_what_json_does_not_hold_is_named(inputs: Any, why: str) -> None:
    with pytest.raises(UsageError) as raised:
        run_spec_text(SPEC, inputs)

    assert str(raised.value).startswith(f"the inputs cannot be written as JSON: {why}")
    assert "isoformat()" in raised.value.hint


@pytest.mark.parametrize("inputs", [["number"], "number", 3, {1: 1}])
def test_inputs_without_names_are_refused(inputs: Any) -> None:
    with pytest.raises(UsageError, match="`inputs`"):
        run_spec_text(SPEC, inputs)


def test_what_json_holds_is_laid_over_the_applied_inputs() -> None:
    inputs = {"number": None, "table": {"a": [True, 1.5, "x"]}, "pair": (1, 2), "rate": np.float64(0.5)}

    text = run_spec_text(SPEC, inputs)

    assert json.loads(text)["spec"]["inputs"] == {"kept": 2, **inputs, "pair": [1, 2]}
    assert json.loads(run_spec_text(SPEC, {})) == SPEC
