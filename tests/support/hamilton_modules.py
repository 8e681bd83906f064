"""Hamilton modules of every kind that is understood without running them, as Hypothesis strategies of texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

NODES = [f"n{number}" for number in range(8)]
INPUTS = ["i0", "i1", "i2", "shared"]
KEYS = ["engine", "mode"]
VALUES = ["a", "b", 1, True, None, ""]
SOURCES = [*NODES, *INPUTS, "c0", "c1", "f0"]

Named = Callable[[str], str]
names = st.sampled_from(SOURCES)
values = st.sampled_from(VALUES)


@dataclass(frozen=True)
class Style:
    """How a module gets at Hamilton's decorators."""

    header: str
    prefix: str = ""
    suffix: str = ""

    def name(self, decorator: str) -> str:
        head, dot, rest = decorator.partition(".")
        return f"{self.prefix}{head}{self.suffix}{dot}{rest}"


_IMPORTED = re.findall(
    r"\w+",
    """config tag tag_outputs extract_columns extract_fields unpack_fields parameterize parameterize_sources
    parameterize_values parameterize_extract_columns ParameterizedExtract source value group inject does load_from
    save_to dataloader datasaver check_output cache schema hamilton_exclude""",
)
STYLES = [
    Style(f"from hamilton.function_modifiers import {', '.join(_IMPORTED)}"),
    Style(f"from hamilton.function_modifiers import {', '.join(f'{name} as {name}_' for name in _IMPORTED)}", "", "_"),
    Style("import hamilton.function_modifiers as fm", "fm."),
    Style("from hamilton import function_modifiers", "function_modifiers."),
    Style("import hamilton.function_modifiers", "hamilton.function_modifiers."),
]


@st.composite
def parameters(draw: st.DrawFn) -> str:
    """Parameters as a person would write them: those without a default first."""
    found = draw(st.lists(names, unique=True, max_size=3))
    required = draw(st.integers(0, len(found)))
    written = [f"{name}: Any" for name in found[:required]] + [f"{name}: Any = None" for name in found[required:]]
    if draw(st.integers(0, 9)) == 0:
        written.append("**rest: Any")
    return ", ".join(written)


@st.composite
def conditions(draw: st.DrawFn, style: Style) -> str:
    form = draw(st.sampled_from(["when", "when_not", "when_in", "when_not_in"]))
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True, min_size=1, max_size=2))
    several = form.endswith("_in")
    pairs = [f"{key}={draw(st.lists(values, max_size=3)) if several else draw(values)!r}" for key in keys]
    return f"@{style.name(f'config.{form}')}({', '.join(pairs)})"


@st.composite
def functions(draw: st.DrawFn, style: Style, name: str) -> str:
    """One function that Hamilton accepts, under any of its decorators that are understood."""
    d = style.name
    kind = draw(st.sampled_from(sorted(KINDS)))
    lines = KINDS[kind](draw, d, name, draw(parameters()))
    extra = []
    if draw(st.integers(0, 3)) == 0:
        extra.append(draw(st.sampled_from([f"@{d('tag')}(owner='me')", f"@{d('cache')}(behavior='recompute')"])))
    if kind in ("plain", "columns", "fields", "inject") and draw(st.integers(0, 2)) == 0:
        extra.append(draw(conditions(style)))
        if draw(st.booleans()):
            lines = [line.replace(f"def {name}(", f"def {name}__some(") for line in lines]
    return "\n".join([*draw(st.permutations(extra)), *lines])


def plain(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    word = draw(st.sampled_from(["def", "async def"]))
    return [f"{word} {name}({given}) -> Any:", "    return None"]


def columns(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    wanted = draw(st.sampled_from(["'c0', 'c1'", "*COLUMNS", "*LISTED", "('c0', 'first'), 'c1'", "f'{PREFIX}0'"]))
    return [f"@{d('extract_columns')}({wanted})", f"def {name}({given}) -> pd.DataFrame:", "    return None"]


def fields(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    wanted = draw(st.sampled_from(["{'f0': int, 'f1': str}", "{**FIELDS}", "fields={'f0': int}"]))
    return [f"@{d('extract_fields')}({wanted})", f"def {name}({given}) -> dict:", "    return {}"]


def listed_fields(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    wanted = draw(st.sampled_from(["['f0', 'f1']", "'f0', 'f2'", "['f0'], 'f3'"]))
    return [f"@{d('extract_fields')}({wanted})", f"def {name}({given}) -> dict[str, Any]:", "    return {}"]


def unpacked(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    return [f"@{d('unpack_fields')}('u0', 'u1')", f"def {name}({given}) -> tuple[int, str]:", "    return 1, ''"]


def parameterized(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    arguments = draw(
        st.sampled_from(
            [
                f"{{'x': {d('source')}('{draw(names)}'), 'y': {d('value')}(3)}}",
                f"({{'x': {d('source')}('{draw(names)}')}}, 'a documentation')",
                f"dict(y={d('source')}('{draw(names)}'))",
                "{}",
            ]
        )
    )
    return [
        f"@{d('parameterize')}({name}_p={arguments}, **{{'{name}_q': {{'x': {d('value')}([1])}}}})",
        f"def {name}(x: Any, y: Any = 1, i0: Any = 2) -> Any:",
        "    return None",
    ]


def by_sources(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    mapping = f"{name}_s=dict(x='{draw(names)}'), {name}_t={{'x': '{draw(names)}', 'y': 'i2'}}"
    return [f"@{d('parameterize_sources')}({mapping})", f"def {name}(x: Any, y: Any) -> Any:", "    return None"]


def by_values(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    outputs = f"{{('{name}_v', 'one'): 1, ('{name}_w', 'two'): 2}}"
    form = draw(st.sampled_from([f"'x', {outputs}", f"parameter='x', assigned_output={outputs}"]))
    return [f"@{d('parameterize_values')}({form})", f"def {name}(x: Any, {draw(names)}_: Any) -> Any:", "    pass"]


def extracts(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    one = f"{d('ParameterizedExtract')}(('{name}_a', '{name}_b'), {{'x': {d('source')}('{draw(names)}')}})"
    two = f"{d('ParameterizedExtract')}(('{name}_c',), input_mapping={{'x': {d('value')}(1)}})"
    return [
        f"@{d('parameterize_extract_columns')}({one}, {two})",
        f"def {name}(x: Any, i1: Any) -> pd.DataFrame:",
        "    return None",
    ]


def inject(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    members = f"{d('source')}('{draw(names)}'), {d('value')}(1), {d('source')}('{draw(names)}')"
    return [
        f"@{d('inject')}(x={d('group')}({members}))",
        f"def {name}(x: list[Any], i2: Any) -> Any:",
        "    return None",
    ]


def named_group(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    members = f"one={d('source')}('{draw(names)}'), two={d('value')}(1)"
    return [
        f"@{d('inject')}(x={d('group')}({members}))",
        f"def {name}(x: dict[str, Any], i2: Any = 3) -> Any:",
        "    return None",
    ]


def does(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    return [f"@{d('does')}(_any)", f"def {name}(i0: Any, i1: Any = 2) -> Any:", "    pass"]


def dataloader(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    return [f"@{d('dataloader')}()", f"def {name}({given}) -> tuple[dict, dict]:", "    return {}, {}"]


def datasaver(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    return [f"@{d('datasaver')}()", f"def {name}({given}) -> dict:", "    return {}"]


def load(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    path = draw(st.sampled_from([f"{d('source')}('a_path')", f"{d('value')}('a.json')", "'a.json'"]))
    return [
        f"@{d('load_from.json')}(path={path}, inject_='x')",
        f"@{d('load_from.csv')}(path='b.csv', sep={d('source')}('separator'), inject_='y')",
        f"def {name}(x: dict, y: pd.DataFrame, shared: Any = 1) -> Any:",
        "    return {}",
    ]


def save(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    more = draw(st.sampled_from([f", output_name_='{name}_saved'", "", f", target_='{name}'"]))
    path = draw(st.sampled_from([f"{d('source')}('a_path')", "'a.json'"]))
    return [f"@{d('save_to.json')}(path={path}{more})", f"def {name}({given}) -> dict:", "    return {}"]


def checked(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    several = ["range=(0, 1)", "values_in=[1.0]", "range=(0, 1), allow_none=False", "data_type=float"]
    checks = draw(st.sampled_from(several))
    return [f"@{d('check_output')}({checks}, importance='fail')", f"def {name}({given}) -> float:", "    return 1.0"]


def checked_column(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    target = draw(st.sampled_from(["", f", target_='{name}_col'", f", target_=['{name}_col', '{name}_two']"]))
    return [
        f"@{d('check_output')}(max_fraction_nans=0.5{target})",
        f"@{d('extract_columns')}('{name}_col', '{name}_two')",
        f"def {name}({given}) -> pd.DataFrame:",
        "    return None",
    ]


def hidden(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    decorator = draw(st.sampled_from([d("hamilton_exclude"), "functools.cache", "functools.lru_cache(maxsize=9)"]))
    return [f"@{decorator}", f"def {name}(anything, at_all):", "    return None"]


def private(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    return [f"def _{name}(anything):", "    return lambda: None"]


def twice(draw: st.DrawFn, d: Named, name: str, given: str) -> list[str]:
    return [f"def {name}(i0: Any) -> Any:", "    return 1", f"def {name}({given}) -> Any:", "    return 2"]


KINDS = {
    found.__name__: found
    for found in (
        plain, columns, fields, listed_fields, unpacked, parameterized, by_sources, by_values, extracts, inject,
        named_group, does, dataloader, datasaver, load, save, checked, checked_column, hidden, private, twice,
    )
}  # fmt: skip
AROUND = """
import functools
import logging
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from nowhere import n0, Frame

try:
    import orjson as json
except ImportError:
    import json

COLUMNS = ("c0", "c1")
LISTED = ["c0", "c1"]
FIELDS = {"f0": int, "f1": str}
PREFIX = "c"
_log = logging.getLogger(__name__)
_order = sorted([3, 1], key=lambda number: -number)


class Report:
    size: int = 0

    def n7(self):
        return lambda: self


def _any(**some: Any) -> Any:
    return some
"""


@st.composite
def projects(draw: st.DrawFn) -> tuple[dict[str, str], list[str], dict[str, object]]:
    modules = [f"m{number}" for number in range(draw(st.integers(1, 3)))]
    unused = draw(st.permutations(NODES))
    files = {}
    for module in modules:
        style = draw(st.sampled_from(STYLES))
        taken, unused = unused[:3], unused[2 if draw(st.integers(0, 9)) == 0 else 3 :]
        texts = [draw(functions(style, name)) for name in taken]
        files[f"{module}.py"] = "\n\n".join([style.header, AROUND, *texts]) + "\n"
    config = draw(st.dictionaries(st.sampled_from([*KEYS, "i0", "n1", "c0"]), values, max_size=3))
    return files, modules, config
