"""What the names of a module mean where it is certain: imports, and constants that nothing changes."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from flowerpower.dataflow.literals import Scope, is_large, read
from flowerpower.dataflow.modules import Unread
from flowerpower.dataflow.region import Binding, Region, root_name
from flowerpower.dataflow.tree import Tree

_CHANGES = frozenset(
    ["append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "update", "setdefault", "popitem"]
)
_HARMLESS = frozenset({"len", "sorted", "set", "frozenset", "tuple", "list", "dict", "print", "sum", "min", "max"})


def scope_of(region: Region, tree: Tree) -> Scope:
    """Return the names of a module whose meaning is certain."""
    unsure = set(tree.set_by_functions)
    if any(alias.name == "*" for node in region.imports for alias in node.names):
        unsure |= region.bindings.keys()  # it may have hidden any of them
    certain = {name: bindings for name, bindings in region.bindings.items() if name not in unsure}
    imported = {name: found for name, bindings in certain.items() if (found := _imported(bindings))}
    constants: dict[str, object] = {}
    scope = Scope(imported, constants, frozenset(region.bindings))  # it sees each constant from there on
    changed: set[str] | None = None
    for name, bindings in certain.items():
        if (expression := _constant(bindings)) is not None:
            value = read(expression, scope)
            if isinstance(value, Unread) or is_large(value):
                continue
            if not _cannot_change(value):
                changed = _changed(region, tree.nodes) if changed is None else changed
            if _cannot_change(value) or name not in (changed or ()):
                constants[name] = value
    return scope


def _cannot_change(value: object) -> bool:
    if isinstance(value, tuple):
        return all(_cannot_change(part) for part in value)
    return isinstance(value, str | int | float | bool | None)


def _imported(bindings: Sequence[Binding]) -> str:
    """Return the full name behind a name that is imported, and nothing else."""
    names = {binding.dotted for binding in bindings}
    first = next(iter(names))
    relative = first.startswith(".")
    return first if len(names) == 1 and not relative else ""


def _constant(bindings: Sequence[Binding]) -> ast.expr | None:
    """Return the expression of a name that gets one value, at the top of the module."""
    if len(bindings) != 1 or bindings[0].block:
        return None
    node = bindings[0].node
    return node.value if isinstance(node, ast.Assign) else None


def _changed(region: Region, nodes: Sequence[ast.AST]) -> set[str]:
    """Return the names whose list or dict something may change."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case ast.Attribute(value=inner, attr=attribute) if attribute in _CHANGES:
                found.add(root_name(inner))
            case ast.Subscript(value=inner, ctx=ast.Store() | ast.Del()):
                found.add(root_name(inner))
            case ast.AugAssign(target=target):
                found.add(root_name(target))
    for node in region.nodes:
        match node:
            case ast.Call(func=function, args=arguments) if root_name(function) not in _HARMLESS:
                found |= {argument.id for argument in arguments if isinstance(argument, ast.Name)}
            case ast.Assign(value=ast.Name(id=name)):
                found.add(name)
    return found
