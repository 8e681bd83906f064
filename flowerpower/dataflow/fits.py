"""Types of parameters against those of the nodes that fill them: Hamilton builds no graph where they do not fit.

Only classes are compared of which it is certain whether one is a kind of the other; everything else is taken to fit.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from types import EllipsisType

from flowerpower.dataflow.kinds import full_name
from flowerpower.dataflow.modules import Names

Classes = frozenset[str]
_LONGEST = 200
_PARENTS = {"bool": "int", "datetime.datetime": "datetime.date"}
_COLLECTIONS: Mapping[str, str] = {
    **{name: name for name in ("list", "dict", "tuple", "set")},
    **{f"typing.{name.title()}": name for name in ("list", "dict", "tuple", "set")},
}
_KNOWN = frozenset(
    [
        *("int", "float", "str", "bool", "bytes", "datetime.date", "datetime.datetime", "pathlib.Path"),
        *("pandas.DataFrame", "pandas.Series", "polars.DataFrame", "polars.LazyFrame", "polars.Series"),
        *("pyarrow.Table", "pyarrow.RecordBatch", "pyarrow.RecordBatchReader", "numpy.ndarray"),
        "duckdb.DuckDBPyRelation",
    ]
)


def classes_of(annotation: str, names: Names) -> Classes:
    """Return the classes one of which a value of that type is; none if that is not certain."""
    if len(annotation) > _LONGEST:
        return frozenset()
    try:
        return _read(ast.parse(annotation, mode="eval").body, names)
    except SyntaxError:
        return frozenset()


def items_of(annotation: str, names: Names) -> Classes:
    """Return the classes one of which everything in a collection of that type is, the values in a mapping; none if
    that is not certain.
    """
    if len(annotation) > _LONGEST:
        return frozenset()
    try:
        return _items(ast.parse(annotation, mode="eval").body, names)
    except SyntaxError:
        return frozenset()


def fits(given: Classes, wanted: Classes) -> bool:
    """Tell whether a node of one type may fill a parameter of another; true if that is not certain."""
    if len(given) != 1 or not wanted:
        return True
    (name,) = given
    return bool(wanted & {name, _PARENTS.get(name, name)})


def _read(node: ast.expr, names: Names) -> Classes:
    match node:
        case ast.Constant(value=None):
            return frozenset({"None"})
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _either(_read(left, names), _read(right, names))
        case ast.Subscript(value=outer, slice=inner) if full_name(outer, names) == "typing.Optional":
            return _either(_read(inner, names), frozenset({"None"}))
        case ast.Subscript(value=outer):
            name = _COLLECTIONS.get(full_name(outer, names), "")
        case _:
            full = full_name(node, names)
            name = _COLLECTIONS.get(full, full if full in _KNOWN else "")
    return frozenset({name} if name else ())


def _items(node: ast.expr, names: Names) -> Classes:
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            return _items(left, names)
        case ast.Subscript(value=outer, slice=inner) if full_name(outer, names) == "typing.Optional":
            return _items(inner, names)
        case ast.Subscript(value=outer, slice=inner):
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return _items_of_parts(_COLLECTIONS.get(full_name(outer, names), ""), parts, names)
    return frozenset()


def _items_of_parts(collection: str, parts: Sequence[ast.expr], names: Names) -> Classes:
    match collection, parts:
        case ("list" | "set", [item]) | ("dict", [_, item]):
            return _read(item, names)
        case "tuple", [item, ast.Constant(value=EllipsisType())]:
            return _read(item, names)
    return frozenset()


def _either(one: Classes, other: Classes) -> Classes:
    return one | other if one and other else frozenset()
