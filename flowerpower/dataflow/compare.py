"""What a change of code does to a graph: nodes that come, go, or are made by other code.

Comments, layout, docstrings and the place of a function do not count. Code that a node only calls does: helpers of its
own module, followed by name. Libraries and other modules are the business of the code digest.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from flowerpower.dataflow.graph import Graph, Node
from flowerpower.dataflow.modules import Files, Import
from flowerpower.dataflow.region import Definition, Region, region_of
from flowerpower.dataflow.tree import Tree, all_nodes


@dataclass(frozen=True, slots=True)
class Difference:
    """The nodes that differ between two graphs, by name, sorted."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Version:
    """A graph, with the files that it was read from."""

    graph: Graph
    files: Files


def compare(before: Version, after: Version) -> Difference:
    """Return the nodes that *after* has, lacks, or makes otherwise than *before*."""
    old, new = before.graph.nodes, after.graph.nodes
    return Difference(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(
            sorted(name for name in old.keys() & new.keys() if _made(before, old[name]) != _made(after, new[name]))
        ),
    )


@dataclass(frozen=True, slots=True)
class Code:
    """A function's code: 64 hexadecimal digits that change with what it does, and what it imports, helpers included."""

    digest: str
    imports: tuple[Import, ...]


@lru_cache(maxsize=4096)
def code_of_functions(source: bytes) -> Mapping[str, Code]:
    """Return the code of each function of a module; of a file that Python cannot read there is none."""
    try:
        region = region_of(Tree(source).module)
        nodes = {name: [_bare(binding.node) for binding in found] for name, found in region.bindings.items()}
        return {
            name: Code(_digest(reached, nodes), tuple(_imports(reached, nodes)))
            for name in nodes
            if _is_function(region, name)
            for reached in [_reached(name, nodes)]
        }
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}


@lru_cache(maxsize=4096)
def loose_code(source: bytes) -> str:
    """Return what a module does when it is imported beside binding names: `CONFIG["x"] = 1` is of no function."""
    try:
        body = Tree(source).module.body
        return "\n".join(ast.dump(statement) for statement in body if not _only_binds(statement))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


def _only_binds(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom() | ast.ClassDef() | ast.AnnAssign():
            return True
        case ast.Assign(targets=targets):
            return all(isinstance(target, ast.Name) for target in targets)
    return isinstance(statement, Definition)


def _made(version: Version, node: Node) -> object:
    """Return what decides how a node is made: its needs, and the code of its function."""
    code = code_of_functions(version.files.get(node.place.file, b""))
    function = code.get(node.function)
    return dict(node.needs), function.digest if function else ""


def _is_function(region: Region, name: str) -> bool:
    return any(binding.is_function for binding in region.bindings[name])


def _digest(reached: Collection[str], nodes: Mapping[str, list[ast.AST]]) -> str:
    """Return the digest of the code behind some names."""
    digest = hashlib.sha256()
    for current in sorted(reached):
        for node in nodes[current]:
            digest.update(f"{current}={ast.dump(node)}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _reached(name: str, nodes: Mapping[str, list[ast.AST]]) -> dict[str, None]:
    """Return a name of the module and all its names that the code behind it mentions, however far."""
    seen: dict[str, None] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in nodes and current not in seen:
            seen[current] = None
            waiting += [mentioned for node in nodes[current] for mentioned in _mentioned(node)]
    return seen


def _imports(reached: Collection[str], nodes: Mapping[str, list[ast.AST]]) -> Iterator[Import]:
    """Yield what the code behind some names imports; a module with `import *` is in doubt as a whole."""
    for current in reached:
        for node in nodes[current]:
            whole = not isinstance(node, ast.Import | ast.ImportFrom)
            for part in all_nodes(node):
                match part:
                    case ast.Import(names=aliases):
                        yield from (Import(0, alias.name) for alias in aliases if whole or _binds(alias) == current)
                    case ast.ImportFrom(names=aliases, module=module, level=level):
                        names = tuple(alias.name for alias in aliases if whole or _binds(alias) == current)
                        yield Import(level, module or "", names)


def _binds(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _mentioned(node: ast.AST) -> set[str]:
    """Return the names of the module that some code uses; a parameter or variable of its own hides one."""
    parts = all_nodes(node)
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    if not isinstance(node, Definition):
        return names
    own = {part.arg for part in parts if isinstance(part, ast.arg)}
    return names - own - {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def _bare(node: ast.AST) -> ast.AST:
    """Return a definition without the docstrings in it, which change nothing."""
    for part in all_nodes(node):
        if isinstance(part, Definition | ast.ClassDef) and ast.get_docstring(part, clean=False) is not None:
            part.body = part.body[1:] or [ast.Pass()]
    return node
