"""The bytes of a module to a `Module`, without running it; what cannot be known is a doubt, never a guess."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache

from flowerpower.dataflow.doubts import doubts_of
from flowerpower.dataflow.imports import imports_of
from flowerpower.dataflow.literals import Scope, read_decorator
from flowerpower.dataflow.modules import (
    Doubt,
    Function,
    Import,
    Module,
    Names,
    Parameter,
    Spot,
    SyntaxMistake,
    Taken,
)
from flowerpower.dataflow.names import scope_of
from flowerpower.dataflow.region import Definition, Region, region_of
from flowerpower.dataflow.tree import Tree


@lru_cache(maxsize=16_384)
def read_module(source: bytes) -> Module:
    """Return what a module says; one that Python cannot read has a `mistake` and nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in a user's file is not ours to report
        try:
            tree = Tree(source)
            region = region_of(tree.module)
            imports = imports_of(tree, region.imports)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return Module(mistake=_mistake(error))
        try:
            compile(tree.module, "<module>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return Module(mistake=_mistake(error), imports=imports)
    try:
        scope = scope_of(region, tree)
        functions = tuple(_function(node, scope) for node in _public(region))
        doubts = doubts_of(region, tree, scope)
    except RecursionError:
        return Module(doubts=(Doubt("the module is nested too deeply", Spot()),), imports=imports)
    return Module(functions, doubts, None, imports, tuple(_taken(region)), Names(scope.imported, scope.bound))


def _mistake(error: Exception) -> SyntaxMistake:
    if isinstance(error, SyntaxError):
        return SyntaxMistake(error.msg, Spot(error.lineno or 1, max(error.offset or 1, 1)))
    text = "too deeply nested" if isinstance(error, RecursionError | MemoryError) else str(error)
    return SyntaxMistake(text, Spot())


def _public(region: Region) -> Iterator[Definition]:
    """Yield the functions that Hamilton would find, sorted as it does; of two with one name the last counts."""
    for name, bindings in sorted(region.bindings.items()):
        last = bindings[-1].node
        if isinstance(last, Definition) and not name.startswith("_") and not any(found.block for found in bindings):
            yield last


def _function(node: Definition, scope: Scope) -> Function:
    decorators = tuple(read_decorator(decorator, scope) for decorator in reversed(node.decorator_list))
    returns = _annotation(node.returns)
    return Function(node.name, Spot(node.lineno, node.col_offset + 1), _parameters(node.args), returns, decorators)


def _parameters(arguments: ast.arguments) -> tuple[Parameter, ...]:
    """Return the parameters in the order of the signature, `*args` and `**kwargs` under their names too."""
    positional = [*arguments.posonlyargs, *arguments.args]
    without = len(positional) - len(arguments.defaults)
    found = [_parameter(argument, index >= without) for index, argument in enumerate(positional)]
    if arguments.vararg:
        found.append(_parameter(arguments.vararg, False))
    defaults: Sequence[ast.expr | None] = arguments.kw_defaults
    found += [
        _parameter(argument, default is not None)
        for argument, default in zip(arguments.kwonlyargs, defaults, strict=True)
    ]
    if arguments.kwarg:
        found.append(_parameter(arguments.kwarg, False))
    return tuple(found)


def _parameter(argument: ast.arg, has_default: bool) -> Parameter:
    return Parameter(
        argument.arg, _annotation(argument.annotation), has_default, Spot(argument.lineno, argument.col_offset + 1)
    )


def _annotation(node: ast.expr | None) -> str | None:
    match node:
        case None:
            return None
        case ast.Name(id=name):
            return name
        case ast.Constant(value=str(text)):
            return text
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            return f"{name}.{attribute}"
    return ast.unparse(node)


def _taken(region: Region) -> Iterator[Taken]:
    sure = {id(found.node) for bindings in region.bindings.values() for found in bindings if not found.block}
    for node in region.imports:
        spot = Spot(node.lineno, node.col_offset + 1)
        if isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            yield Taken(Import(node.level, node.module or "", names), spot, id(node) in sure)
        else:
            yield from (Taken(Import(0, alias.name, ()), spot) for alias in node.names)
