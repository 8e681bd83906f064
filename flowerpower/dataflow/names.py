"""What the names of a module mean where it is certain: imports, and constants that nothing changes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flowerpower.dataflow.literals import Budget, Scope, is_large, read
from flowerpower.dataflow.modules import Unread
from flowerpower.dataflow.region import Binding, Definition, Region, calls_own, decorators_of, root_name
from flowerpower.dataflow.tree import Tree

_CHANGES = frozenset(
    ["append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "update", "setdefault", "popitem"]
)
_READS = frozenset(["copy", "index", "count", "keys", "values", "items", "get"])
_HARMLESS = frozenset({"len", "sorted", "set", "frozenset", "tuple", "list", "dict", "print", "sum", "min", "max"})


def scope_of(region: Region, tree: Tree) -> Scope:
    """Return the names of a module whose meaning is certain."""
    unsure = set(tree.set_by_functions)
    if any(alias.name == "*" for node in region.imports for alias in node.names):
        unsure |= region.bindings.keys()  # it may have hidden any of them
    certain = {name: bindings for name, bindings in region.bindings.items() if name not in unsure}
    imported = {name: found for name, bindings in certain.items() if (found := _imported(bindings))}
    constants: dict[str, object] = {}
    scope = Scope(imported, constants, frozenset(region.bindings), Budget())  # it sees each constant from there on
    uses: _Uses | None = None
    for name, bindings in certain.items():
        if (expression := _constant(bindings)) is not None:
            value = read(expression, scope)
            if isinstance(value, Unread) or is_large(value):
                continue
            fixed = _cannot_change(value)
            uses = uses or (None if fixed else _uses(region, tree))
            if fixed or (uses and uses.spare(name, value)):
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


class _Uses(NamedTuple):
    """What a module does with its names: those whose value something may change, those whose parts something takes."""

    changed: frozenset[str]
    entered: frozenset[str]

    def spare(self, name: str, value: object) -> bool:
        """Tell whether the value of a name stays as it is written."""
        return name not in self.changed and (name not in self.entered or _is_flat(value))


def _uses(region: Region, tree: Tree) -> _Uses:
    """Return what is done with names, whatever other names their values get on the way."""
    changed: set[str] = set()
    for node in tree.nodes:
        match node:
            case ast.Attribute(value=inner, attr=attribute) if attribute in _CHANGES:
                changed |= _ends(inner)
            case ast.Subscript(value=inner, ctx=ast.Store() | ast.Del()) | ast.AugAssign(target=inner):
                changed |= _ends(inner)
    runs_own = calls_own(region)
    nodes = tree.nodes if runs_own else region.nodes
    entered = {id(node): node.id for node in _entered(nodes) if isinstance(node, ast.Name)}
    spared = entered.keys() | {id(node) for node in _only_read(nodes)}
    spared |= {id(node) for node in _of_definitions(region, defaults=not runs_own)}
    loaded = [node for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    changed |= {node.id for node in loaded if id(node) not in spared}
    return _Uses(frozenset(changed), frozenset(entered.values()))


def _ends(node: ast.expr) -> set[str]:
    """Return the names by which `a.b[0].c` may mean a name of the module: the first, and those behind a dot."""
    found = {root_name(node)}
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        node = node.func if isinstance(node, ast.Call) else node.value
    return found


def _entered(nodes: Sequence[ast.AST]) -> Iterator[ast.expr]:
    """Yield the collections of which parts are taken, and nothing else is done with them."""
    for node in nodes:
        match node:
            case ast.Starred(value=value) | ast.keyword(arg=None, value=value) | ast.Subscript(value=value):
                yield value
            case ast.comprehension(iter=value) | ast.For(iter=value):
                yield value
            case ast.Attribute(value=value, attr=name) if name in _READS:
                yield value
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in _HARMLESS:
                yield from arguments
            case ast.BinOp(left=left, right=right):
                yield from (left, right)


def _only_read(nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Yield the expressions that are looked at and go nowhere, and those that a call begins with."""
    for node in nodes:
        match node:
            case ast.Compare(left=left, comparators=others):
                yield from (left, *others)
            case ast.If(test=value) | ast.While(test=value) | ast.Assert(test=value) | ast.IfExp(test=value):
                yield value
            case ast.Call(func=ast.Attribute(value=ast.Constant()), args=arguments):  # ", ".join(NAMES)
                yield from arguments
            case ast.FormattedValue(value=value) | ast.Call(func=value) | ast.UnaryOp(operand=value):
                yield value
            case ast.Expr(value=value):
                yield value


def _of_definitions(region: Region, *, defaults: bool) -> Iterator[ast.AST]:
    """Yield what stands in decorators of functions and, if no function runs with the import, in their *defaults*."""
    for _, decorator in decorators_of(region):
        yield from ast.walk(decorator)
    functions = (found.node for bindings in region.bindings.values() for found in bindings)
    for function in functions:
        if defaults and isinstance(function, Definition):
            yield from (*function.args.defaults, *filter(None, function.args.kw_defaults))


def _is_flat(value: object) -> bool:
    """Tell whether a collection holds nothing that can change by itself."""
    parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    return isinstance(parts, list | tuple | set | frozenset) and all(_cannot_change(part) for part in parts)
