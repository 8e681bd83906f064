"""Functions of jobs by their dotted path: whether there is one, as far as it can be told without importing anything."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path

from flowerpower.errors import UsageError
from flowerpower.nearest import nearest


def doubt_of(name: str) -> str:
    """Return why a worker will hardly find a function, nothing if it may; raise `UsageError` for what is no path."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        raise UsageError(f"{name!r} is no path of a function", hint="for example shop.stock.count")
    if len(parts) == 1:
        if hasattr(builtins, name):
            return ""
        raise UsageError(f"{name!r} names a function without its module", hint=f"for example shop.stock.{name}")
    try:
        module, left = _found(parts)
    except (ImportError, ValueError, AttributeError):  # a finder of others that does not know what to make of it
        return ""
    if module is None:
        return f"there is no module {parts[0]!r} here"
    return _doubt_of_attribute(module, left)


def _found(parts: list[str]) -> tuple[ModuleSpec | None, list[str]]:
    """Return the innermost module of a path, and the parts that are left; the function's own name always is."""
    module, left = find_spec(parts[0]), parts[1:]
    while module is not None and len(left) > 1 and module.submodule_search_locations is not None:
        inner = PathFinder.find_spec(f"{module.name}.{left[0]}", list(module.submodule_search_locations))
        if inner is None:
            break
        module, left = inner, left[1:]
    return module, left


def _doubt_of_attribute(module: ModuleSpec, left: list[str]) -> str:
    if module.origin is None or not module.has_location or not module.origin.endswith(".py"):
        return ""
    try:
        names = set(_names(ast.parse(Path(module.origin).read_bytes())))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    if left[0] in names or not names.isdisjoint(("*", "__getattr__")):
        return ""
    near = nearest(left[0], sorted(names))
    return f"the module {module.name!r} has no {left[0]!r}{f' (did you mean {near!r}?)' if near else ''}"


def _names(tree: ast.AST) -> Iterator[str]:
    """Yield every name that a module may bind, wherever in it."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                yield from ((alias.asname or alias.name).partition(".")[0] for alias in aliases)
