"""What a syntax tree asks to import, in any form and at any depth."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from flowerpower.dataflow.modules import Import, Imports
from flowerpower.dataflow.tree import Tree

_IMPORT_CALLS = frozenset({"import_module", "__import__"})
_UNDECIDABLE_ATTRIBUTES = frozenset(
    {"reload", "find_spec", "spec_from_file_location", "exec_module", "load_module", "__path__"}
)
_UNDECIDABLE_NAMES = _UNDECIDABLE_ATTRIBUTES | {"exec", "eval"}  # `frame.eval(...)` is a method of data, so only bare
_UNDECIDABLE_SYS = frozenset({"path", "modules", "meta_path", "path_hooks"})
_STATEMENTS = (ast.Import, ast.ImportFrom)
_SUSPECTS = (ast.Attribute, ast.Name, ast.alias, ast.Call)
_UNDECIDABLE_MODULES = frozenset({"importlib.util", "importlib.machinery", "runpy", "pkgutil", "imp", "zipimport"})


def imports_of(tree: Tree, statements: Sequence[ast.AST]) -> Imports:
    """Return what a file imports; *statements* are those that run with it, which are often all."""
    nodes = statements if tree.imports_only_by(len(statements)) else tree.nodes
    static = [found for node in nodes if isinstance(node, _STATEMENTS) for found in _static_imports(node)]
    literal, rest = _literal_calls([node for node in nodes if isinstance(node, ast.Call)])
    decided = not any(_asks_for_undecidable(found) for found in static)
    decided = decided and not any(_is_undecidable(node, rest) for node in nodes if isinstance(node, _SUSPECTS))
    return Imports(tuple(dict.fromkeys([*static, *literal])), decided)


def _static_imports(node: ast.AST) -> Iterator[Import]:
    match node:
        case ast.Import(names=names):
            yield from (Import(0, alias.name) for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            yield Import(level, module or "", tuple(alias.name for alias in names))


def _literal_calls(calls: Sequence[ast.Call]) -> tuple[list[Import], frozenset[int]]:
    """Return the imports by call whose module is written out, and the ids of the nodes that made them."""
    found: list[Import] = []
    decided: set[int] = set()
    for node in calls:
        match node:
            case ast.Call(
                func=ast.Name() | ast.Attribute() as function, args=[ast.Constant(value=str(name))], keywords=[]
            ) if _last_name(function) in _IMPORT_CALLS and not name.startswith("."):
                found.append(Import(0, name))
                decided.add(id(function))
    return found, frozenset(decided)


def _asks_for_undecidable(found: Import) -> bool:
    if found.level:
        return False
    asked = {found.module, *(f"{found.module}.{name}" for name in found.names)}
    return any(name in _UNDECIDABLE_MODULES for name in asked) or bool(
        found.module == "sys" and _UNDECIDABLE_SYS.intersection(found.names)
    )


def _is_undecidable(node: ast.AST, decided: frozenset[int]) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="sys"), attr=name) if name in _UNDECIDABLE_SYS:
            return True
        case ast.Name(id=name):
            return name in _UNDECIDABLE_NAMES or (name in _IMPORT_CALLS and id(node) not in decided)
        case ast.Attribute(attr=name):
            return name in _UNDECIDABLE_ATTRIBUTES or (name in _IMPORT_CALLS and id(node) not in decided)
        case ast.alias(name=name, asname=str(given)):
            return name in _IMPORT_CALLS and given != name
        case ast.Call(func=ast.Name(id="getattr"), args=[ast.Name(id="importlib"), *_]):
            return True
    return False


def _last_name(function: ast.Name | ast.Attribute) -> str:
    return function.id if isinstance(function, ast.Name) else function.attr
