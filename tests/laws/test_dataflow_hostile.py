"""Law: whatever stands in a module, reading it and its graph ends with a value and never with an exception.

And however odd the arguments of decorators are, what is decided is what Hamilton does.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from support.dataflow import differences, needs_of, real_graph

from flowerpower.dataflow.check import Wanted, check_run
from flowerpower.dataflow.conditions import Config
from flowerpower.dataflow.graph import Graph, build_graph, condition_keys
from flowerpower.dataflow.modules import Module, ModuleFile
from flowerpower.dataflow.parse import read_module

EXAMPLES = [file.read_bytes() for file in sorted((Path(__file__).parents[1] / "cases" / "dataflow").glob("*.py"))]
PIECES = st.sampled_from(
    re.findall(
        r"\S+",
        """( ) [ ] { } , : = * ** @ 0 '' None ... lambda: def x() -> int: class A: if True: for x in y: source value
        group config.when extract_columns parameterize **{} *[] f'{x}' -1 1.5 b'' {1: 2} {x}""",
    )
)
wanted = Wanted({("outputs", 0): "orders"}, {}, ("path", "amount"), ("total",), ("report",))


def read_and_check(source: bytes) -> Graph:
    module = ModuleFile("m", "flows/m.py", read_module(source))
    assert isinstance(module.module, Module)
    keys = condition_keys([module])
    graph = build_graph([module], Config(dict.fromkeys(keys, "pandas"), frozenset(keys[:1])))
    check_run(graph, wanted)
    return graph


@settings(max_examples=400, deadline=None)
@given(source=st.binary(max_size=200))
@example(source=b"\xef\xbb\xbf\xef\xbb\xbf")
@example(source=b"# -*- coding: rot13 -*-\nqrs s(): cnff\n")
@example(source=b"# coding: utf-16\n")
@example(source=b"\\")
def test_any_bytes_end_with_a_value(source: bytes) -> None:
    read_and_check(source)


@settings(max_examples=600, deadline=None)
@given(source=st.sampled_from(EXAMPLES), data=st.data())
def test_an_example_that_is_torn_and_mended_anyhow_ends_with_a_value(source: bytes, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(source)))
        end = data.draw(st.integers(start, min(len(source), start + 30)))
        source = source[:start] + data.draw(PIECES).encode() + source[end:]

    read_and_check(source)


CALLS = ["source", "value", "group", "ParameterizedExtract"]
ATOMS = st.sampled_from(
    ["1", "-1", "'a'", "'x'", "'y'", "None", "...", "x", "COLUMNS", "x.y", "x()", "lambda: 1", "*x", "f'{x}'"]
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        st.lists(inner, max_size=3).map(lambda parts: f"{{{', '.join(parts)}}}"),
        st.lists(st.tuples(inner, inner), max_size=2).map(
            lambda pairs: f"{{{', '.join(f'{key}: {value}' for key, value in pairs)}}}"
        ),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}, {pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"{pair[0]} + {pair[1]}"),
        st.tuples(st.sampled_from([*CALLS, "dict"]), inner, inner).map(
            lambda parts: f"{parts[0]}({parts[1]}, a={parts[2]})"
        ),
        inner.map(lambda part: f"source({part})"),
    ),
    max_leaves=6,
)
DECORATORS = re.findall(
    r"\S+",
    """config.when config.when_in config tag tag_outputs schema.output cache extract_columns extract_fields
    unpack_fields parameterize parameterize_sources parameterize_values parameterize_extract_columns inject does
    dataloader load_from.json save_to.json check_output hamilton_exclude pipe_input subdag mutate nothing""",
)
Arguments = tuple[str, list[str], list[tuple[str, str]]]
keywords = st.tuples(st.sampled_from(["x", "y", "name", "path", "target_", "fields", "inject_", "**"]), EXPRESSIONS)
decorations = st.tuples(st.sampled_from(DECORATORS), st.lists(EXPRESSIONS, max_size=2), st.lists(keywords, max_size=2))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    decorated=st.lists(decorations, min_size=1, max_size=2),
    constant=EXPRESSIONS,
    returns=st.sampled_from(["int", "dict", "dict[str, int]", "tuple[int, str]", "pd.DataFrame", "tuple[int, dict]"]),
)
def test_whatever_decorators_are_given_a_decided_graph_is_the_real_one(
    decorated: list[Arguments], constant: str, returns: str
) -> None:
    lines = ["import pandas as pd", "import hamilton.function_modifiers as fm"]
    lines += [f"from hamilton.function_modifiers import {', '.join(CALLS)}", f"COLUMNS = {constant}"]
    for name, positional, named in decorated:
        given = [*positional, *(f"**{value}" if key == "**" else f"{key}={value}" for key, value in named)]
        lines.append(f"@fm.{name}({', '.join(given)})")
    lines.append(f"def orders__a(x: dict, y: list[int] = None) -> {returns}:\n    pass\n")
    text = "\n".join(lines)

    graph = read_and_check(text.encode())

    if graph.decided:
        config = graph.config.values
        with tempfile.TemporaryDirectory() as folder:
            real = real_graph(Path(folder), {"m.py": text}, ["m"], config)
        event("refused" if isinstance(real, Exception) else "a graph")
        assert isinstance(real, Exception) or (not graph.faults and differences(needs_of(graph), real) == {})
