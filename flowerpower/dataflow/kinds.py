"""The types of parameters, as far as their annotations mean the same in every module: Python's own."""

from __future__ import annotations

import ast
import datetime
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from flowerpower.dataflow.modules import Names

_LONGEST = 200
_KINDS: Mapping[str, Any] = {
    **{kind.__name__: kind for kind in (int, float, str, bool, list, dict, tuple, set)},
    "datetime.date": datetime.date,
    "datetime.datetime": datetime.datetime,
    "typing.Any": Any,
    "typing.Dict": dict,
    "typing.List": list,
    "typing.Literal": typing.Literal,
    "typing.Optional": typing.Optional,
    "typing.Union": typing.Union,
}
_FORMS = (typing.Literal, typing.Optional, typing.Union)  # which are no types by themselves
_PARTS: Mapping[Any, int] = {list: 1, set: 1, dict: 2, typing.Optional: 1}


class _UnknownError(Exception):
    """An annotation names something else."""


def kind_of(annotation: str, names: Names) -> Any:
    """Return the type that an annotation means in a module with such *names*, None for one that is not certain.

    None too for `Any`, which every value is.
    """
    if len(annotation) > _LONGEST:
        return None
    try:
        kind = _read(ast.parse(annotation, mode="eval").body, names)
    except (_UnknownError, SyntaxError, ValueError, TypeError):
        return None
    return None if kind in (Any, type(None)) else kind


def full_name(node: ast.expr, names: Names) -> str:
    """Return `datetime.date` for what a module calls `date` or `dt.date`, `int` for Python's own; or nothing."""
    match node:
        case ast.Name(id=name) if name in names.imported:
            return names.imported[name]
        case ast.Name(id=name) if name not in names.bound:
            return name
        case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in names.imported:
            return f"{names.imported[name]}.{attribute}"
    return ""


def _read(node: ast.expr, names: Names) -> Any:
    match node:
        case ast.Constant(value=None):
            return type(None)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _read(left, names) | _read(right, names)
        case ast.Subscript(value=outer, slice=inner):
            kind = _named(outer, names)
            return kind[_literals(inner) if kind is typing.Literal else _parts(kind, inner, names)]
    kind = _named(node, names)
    if kind in _FORMS:
        raise _UnknownError
    return kind


def _named(node: ast.expr, names: Names) -> Any:
    kind = _KINDS.get(full_name(node, names))
    if kind is None:
        raise _UnknownError
    return kind


def _literals(node: ast.expr) -> tuple[object, ...]:
    parts: Sequence[ast.expr] = node.elts if isinstance(node, ast.Tuple) else [node]
    values = tuple(part.value for part in parts if isinstance(part, ast.Constant))
    if len(values) < len(parts) or not values:
        raise _UnknownError
    return values


def _parts(kind: Any, node: ast.expr, names: Names) -> Any:
    """Return what stands in the brackets of a type, as many parts as it has."""
    parts: Sequence[ast.expr] = node.elts if isinstance(node, ast.Tuple) else [node]
    if kind is tuple or not parts or len(parts) != _PARTS.get(kind, len(parts)):
        raise _UnknownError
    found = tuple(_read(part, names) for part in parts)
    return found if len(found) > 1 else found[0]
