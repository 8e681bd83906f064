"""Law: what is said of the values of a run, without importing anything, is what the run says of them."""

from __future__ import annotations

import tempfile
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from support.dataflow import static_graph, wrong_types_of

from flowerpower.dataflow.check import Wanted
from flowerpower.pipelines.values import coerce
from flowerpower.specs.dataflow_rules import Run
from flowerpower.specs.dataflow_values import fits_plainly, wrong_values

HEADER = """
import datetime as dt
from datetime import date
from typing import Any, Literal, Optional

from hamilton.function_modifiers import check_output, tag
"""
KINDS: dict[str, Any] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "list": list,
    "dict": dict,
    "set": set,
    "date": date,
    "dt.datetime": datetime,
    "list[int]": list[int],
    "list[float | str]": list[float | str],
    "dict[str, int]": dict[str, int],
    "dict[str, list[Any]]": dict[str, list[Any]],
    "tuple": tuple,
    "set[str]": set[str],
    "int | None": int | None,
    "Optional[date]": date | None,
    "Literal['a', 'b', 3]": Literal["a", "b", 3],
}
FUNCTIONS = [
    "def {}({}) -> int: ...",
    "@tag(owner='me')\ndef {}({}) -> int: ...",
    "@check_output(range=(0, 1))\ndef {}({}) -> float: ...",
]
texts = st.text(st.characters(codec="utf-8"), max_size=8)
odd = st.sampled_from(["3", "1.5", " 7 ", "yes", "a", "2026-11-27 02:00:00", "2026-13-01", "0000-01-01", 3, 10**400])
moments = (st.dates() | st.datetimes()).map(lambda moment: moment.isoformat())
plain = st.none() | st.booleans() | st.integers() | st.floats() | texts | moments | odd
values = plain | st.lists(plain, max_size=3) | st.dictionaries(texts, plain, max_size=2)
known = values.filter(lambda value: "${" not in str(value))


@given(value=values, kind=st.sampled_from(list(KINDS.values())))
def test_what_fits_plainly_fits(value: object, kind: Any) -> None:
    if fits_plainly(value, kind):
        event("fits")
        coerce(value, kind)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_values_that_a_run_refuses_are_known_before(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4))
    inputs = {f"i{number}": data.draw(known) for number in range(len(kinds))}
    written = zip(inputs, kinds, strict=True)
    functions = [data.draw(st.sampled_from(FUNCTIONS)).format(f"n{name}", f"{name}: {kind}") for name, kind in written]
    text, outputs = "\n\n\n".join([HEADER, *functions]), [f"n{name}" for name in inputs]
    config = {name: inputs.pop(name) for name in data.draw(st.sets(st.sampled_from(sorted(inputs)), max_size=1))}
    graph = static_graph({"m0.py": text}, ["m0"], config)
    assert graph.kinds.keys() == graph.inputs.keys()

    wanted = Wanted({("outputs", name): name for name in outputs}, config, inputs.keys())
    found = wrong_values(graph, wanted, Run("", {}, inputs, config, {}).given)
    with tempfile.TemporaryDirectory() as folder:
        said = wrong_types_of(Path(folder), text, config, outputs, inputs)

    event("refused" if said else "starts")
    assert {finding.what for finding in found} == set(said)


OUTER = ["list", "dict", "set", "tuple", "Optional", "Literal", "Any", "int", "date", "dt.datetime", "'list'", "x.y"]
INNER = ["int", "str", "None", "...", "1", "-1", "'a'", "()", "[]", "x", "dt.date", "Any", "Optional", "Literal"]
annotations = st.recursive(
    st.sampled_from(INNER),
    lambda part: (
        st.tuples(st.sampled_from(OUTER), st.lists(part, min_size=1, max_size=3)).map(
            lambda form: f"{form[0]}[{', '.join(form[1])}]"
        )
        | st.tuples(part, part).map(" | ".join)
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(annotation=annotations, value=values)
def test_any_annotation_is_read_or_left_alone(annotation: str, value: object) -> None:
    graph = static_graph({"m0.py": f"{HEADER}\ndef n0(i0: {annotation}) -> int: ...\n"}, ["m0"], {})
    config = Run("", {}, {}, {"i0": value}, {}).given

    for given_values in (Run("", {}, {"i0": value}, {}, {}).given, config):
        for finding in wrong_values(graph, Wanted({("outputs", 0): "n0"}, {"i0": value}), given_values):
            assert finding.what.startswith(("input 'i0': ", "config 'i0': "))
