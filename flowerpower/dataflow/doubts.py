"""Why the functions of a module are only known by running it.

Hamilton takes every function that it finds in the imported module and that says it was defined there. So what matters
is whether a function may get there, be replaced, or be changed in any way but by a plain `def` with decorators.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence, Set

from flowerpower.dataflow.literals import Scope
from flowerpower.dataflow.modules import Doubt, Spot
from flowerpower.dataflow.region import (
    Binding,
    Decorated,
    Definition,
    Region,
    calls_own,
    decorators_of,
    is_local,
    root_name,
)
from flowerpower.dataflow.tree import Tree, all_nodes

_REACHES_IN = frozenset({"exec", "eval", "globals", "vars", "locals", "setattr", "delattr", "__builtins__"})
_REACHES_IN_BY = frozenset({"__dict__", "_getframe", "__setattr__", "__module__", "__globals__", "__code__"})
_HAMILTON = "hamilton.function_modifiers."
_BUILT_IN = frozenset({"sorted", "min", "max", "map", "filter", "sum", "any", "all", "list", "tuple", "dict", "set"})
_GETTERS = frozenset({"getattr", "getattr_static", "attrgetter"})
_NO_FUNCTIONS = frozenset({"collections.defaultdict", "dataclasses.field"})
_SURELY_DATA = (
    ast.Constant
    | ast.JoinedStr
    | ast.BinOp
    | ast.UnaryOp
    | ast.Compare
    | ast.Dict
    | ast.List
    | ast.Set
    | ast.ListComp
    | ast.SetComp
    | ast.DictComp
    | ast.GeneratorExp
)


def doubts_of(region: Region, tree: Tree, scope: Scope) -> tuple[Doubt, ...]:
    """Return the reasons to doubt, in the order of the file."""
    public, decorators = _public(region), list(decorators_of(region))
    makers = _makers(region, public, decorators)
    found = [
        *_bound_otherwise(region, tree),
        *_stars(region),
        *_reaching_in(region, tree if calls_own(region) else None, scope, public),
        *_used(region, public),
        *_made(region, scope, makers),
        *_odd_decorators(decorators, scope, makers, public),
    ]
    return tuple(sorted(set(found), key=lambda doubt: (doubt.spot.line, doubt.spot.column, doubt.why)))


def _bound_otherwise(region: Region, tree: Tree) -> Iterator[Doubt]:
    """Functions under a condition, and names that are a function and something else too."""
    for name, bindings in region.bindings.items():
        if name in ("__dir__", "__name__"):
            yield Doubt(f"the module says itself what is in it (`{name}`)", _spot(bindings[0].node))
        functions = [binding for binding in bindings if binding.is_function]
        if not functions or name.startswith("_"):
            continue
        for binding in functions:
            if binding.block:
                yield Doubt(f"'{name}' is defined under {binding.block}", _spot(binding.node))
        others = [binding for binding in bindings if not binding.is_function]
        if others or name in tree.set_by_functions:
            yield Doubt(f"'{name}' is a function and something else too", _spot((others or functions)[0].node))


def _stars(region: Region) -> Iterator[Doubt]:
    for node in region.imports:
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            yield Doubt(f"`from {'.' * node.level}{node.module or ''} import *` may bring anything", _spot(node))


def _reaching_in(region: Region, tree: Tree | None, scope: Scope, public: Collection[str]) -> Iterator[Doubt]:
    """Code that runs with the import, with a *tree* all of it, and may change the module from within."""
    for node in tree.nodes if tree else region.nodes:
        match node:
            case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()) if name in public:
                yield Doubt(f"'{name}' is changed while the module is imported", _spot(node))
            case ast.Attribute(attr="__name__" | "__qualname__", ctx=ast.Store()):
                yield Doubt("a function may get another name while the module is imported", _spot(node))
            case ast.Name(id=name) if name in _REACHES_IN and name not in region.bindings:
                yield Doubt(f"`{name}` may change the module while it is imported", _spot(node))
            case ast.Attribute(attr=name) if name in _REACHES_IN_BY:
                yield Doubt(f"`{name}` may change the module while it is imported", _spot(node))
            case ast.Global(names=names):
                yield Doubt(f"'{names[0]}' is set by a function that may run with the import", _spot(node))
            case ast.Attribute(attr="modules") if scope.dotted(node) == "sys.modules":
                yield Doubt("`sys.modules` may change the module while it is imported", _spot(node))


def _used(region: Region, public: Collection[str]) -> Iterator[Doubt]:
    """Public functions that are called, changed or handed on while the module is imported."""
    for node in region.nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in public:
            yield Doubt(f"'{node.id}' is used while the module is imported", _spot(node))


def _made(region: Region, scope: Scope, makers: Collection[str]) -> Iterator[Doubt]:
    """Names that may be functions although no `def` says so."""
    methods = _methods(region)
    for value, unpacked in _values(region):
        if unpacked:
            found = any(isinstance(part, ast.Lambda) for part in ast.walk(value))
            found = found or _may_return_function(value, makers, scope)
        else:
            found = not _is_class(value, region) and _may_be_function(value, makers, scope)
        if found or (methods and _takes_method(value, methods)):
            yield Doubt("the value may be a function", _spot(value))


def _values(region: Region) -> Iterator[tuple[ast.expr, bool]]:
    """Yield what names are bound to, and whether it is a part of the value that a name gets."""
    for node in region.nodes:
        match node:
            case ast.Assign(value=value, targets=targets):
                yield value, any(isinstance(target, ast.Tuple | ast.List) for target in targets)
            case ast.AnnAssign(value=ast.expr() as value) | ast.NamedExpr(value=value):
                yield value, False
            case ast.For(iter=value) | ast.Match(subject=value):
                yield value, True
            case ast.withitem(context_expr=value, optional_vars=ast.expr()):
                yield value, True


def _is_class(value: ast.expr, region: Region) -> bool:
    bindings = region.bindings.get(value.id, ()) if isinstance(value, ast.Name) else ()
    return bool(bindings) and all(isinstance(binding.node, ast.ClassDef) for binding in bindings)


def _may_be_function(value: ast.expr, makers: Collection[str], scope: Scope) -> bool:
    """Return whether an expression may give a function of this module."""
    parts: list[ast.expr] = []
    match value:
        case ast.Lambda():
            return True
        case ast.Tuple(elts=parts) | ast.BoolOp(values=parts):
            pass
        case ast.IfExp(body=body, orelse=orelse):
            parts = [body, orelse]
        case _:
            return not isinstance(value, _SURELY_DATA) and _may_return_function(value, makers, scope)
    return any(_may_be_function(part, makers, scope) for part in parts)


def _may_return_function(value: ast.expr, makers: Collection[str], scope: Scope) -> bool:
    inner = list(ast.walk(value))
    if isinstance(value, ast.Call):
        gives_data = root_name(value.func) in _BUILT_IN or scope.dotted(value.func) in _NO_FUNCTIONS
        if not gives_data and any(isinstance(part, ast.Lambda) for part in inner):
            return True
    return any(isinstance(part, ast.Name) and part.id in makers for part in inner)


def _methods(region: Region) -> frozenset[str]:
    """Return the names of methods that are functions where a name gets one of them: all but properties and such."""
    classes = (node for node in region.nodes if isinstance(node, ast.ClassDef))
    found = (part for node in classes for part in node.body if isinstance(part, Definition))
    return frozenset(part.name for part in found if all(_is_static(decorator) for decorator in part.decorator_list))


def _is_static(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Name) and decorator.id == "staticmethod"


def _takes_method(value: ast.expr, methods: Collection[str]) -> bool:
    """Return whether an expression takes a method out of its class, instead of calling it."""
    called = {id(node.func) for node in ast.walk(value) if isinstance(node, ast.Call)}
    for node in ast.walk(value):
        match node:
            case ast.Attribute(attr=name) if name in methods and id(node) not in called:
                return True
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _GETTERS:
                return True
    return False


def _odd_decorators(
    decorators: Sequence[Decorated], scope: Scope, makers: Collection[str], public: Collection[str]
) -> Iterator[Doubt]:
    """Decorators that may change other functions, or return a public function in the place of a private one."""
    for name, decorator in decorators:
        dotted = scope.dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if dotted.startswith(_HAMILTON) and not dotted.endswith(".mutate"):
            continue
        if dotted.startswith(_HAMILTON):
            yield Doubt("`@mutate` changes other functions", _spot(decorator))
        elif name.startswith("_") and root_name(decorator) in makers:
            yield Doubt(f"the decorator of '{name}' may return another function", _spot(decorator))
        elif used := [part.id for part in ast.walk(decorator) if isinstance(part, ast.Name) and part.id in public]:
            yield Doubt(f"'{used[0]}' is used while the module is imported", _spot(decorator))


def _makers(region: Region, public: Set[str], decorators: Sequence[Decorated]) -> set[str]:
    """Return the names used by the import that may give a function of the module: makers, and what they filled."""
    used = [node.id for node in region.nodes if isinstance(node, ast.Name)]
    used += [root_name(decorator) for _, decorator in decorators]
    mentioned: dict[str, set[str]] = {}
    found: set[str] = set()
    methods = _methods(region)
    while used:
        name = used.pop()
        if name in mentioned or name not in region.bindings:
            continue
        nodes = [node for binding in region.bindings[name] for node in all_nodes(binding.node) if _has_body(binding)]
        mentioned[name] = {node.id for node in nodes if isinstance(node, ast.Name)}
        used += mentioned[name]
        if mentioned[name] & public or any(_holds_function(binding, methods) for binding in region.bindings[name]):
            found.add(name)
    grown = True
    while grown:
        more = {name for name, names in mentioned.items() if name not in found and names & found}
        found, grown = found | more, bool(more)
    return found


def _has_body(binding: Binding) -> bool:
    return isinstance(binding.node, Definition | ast.ClassDef | ast.Assign | ast.NamedExpr)


def _holds_function(binding: Binding, methods: Collection[str]) -> bool:
    """Return whether a function is defined inside a function of a definition, or lies in a collection."""
    if isinstance(binding.node, ast.Assign | ast.NamedExpr):
        return any(isinstance(part, ast.Lambda) or _takes_method(part, methods) for part in _parts(binding.node.value))
    if not is_local(binding):
        return False
    roots = [part for part in all_nodes(binding.node) if isinstance(part, Definition)]
    inner = (part for root in roots for statement in root.body for part in all_nodes(statement))
    return any(isinstance(part, Definition | ast.Lambda) for part in inner)


def _parts(value: ast.expr) -> Iterator[ast.expr]:
    """Yield what a collection that is written out holds, at any depth; nothing for any other expression."""
    inner: list[ast.expr] = []
    match value:
        case ast.Dict(values=inner) | ast.List(elts=inner) | ast.Tuple(elts=inner) | ast.Set(elts=inner):
            pass
        case ast.Call(func=ast.Name(id="dict"), keywords=keywords):
            inner = [keyword.value for keyword in keywords]
    for part in inner:
        yield part
        yield from _parts(part)


def _public(region: Region) -> set[str]:
    return {
        name
        for name, bindings in region.bindings.items()
        if not name.startswith("_") and any(found.is_function for found in bindings)
    }


def _spot(node: ast.AST) -> Spot:
    return Spot(getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1)
