"""One function to the nodes that Hamilton makes of it, in the stages in which Hamilton works.

Resolve (config), generate, inject, expand, transform; tags change no node. Decorators of one stage run from the
function upwards. What a decorator would refuse is undecided here: the real graph tells it in Hamilton's words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from flowerpower.dataflow.conditions import (
    Condition,
    Config,
    UndecidedError,
    holds,
    is_condition,
    read_condition,
    target_name,
)
from flowerpower.dataflow.modules import Decorator, Function
from flowerpower.dataflow.transforms import TRANSFORMS, Draft, expand_node, inject_load

_GENERATORS = frozenset({"does", "dataloader", "datasaver"})
_EXPANDERS = frozenset(
    {"parameterize", "parameterize_sources", "parameterize_values", "parameterize_extract_columns", "inject"}
)
_METADATA = frozenset({"tag", "tag_outputs", "schema.output", "cache"})
_KEEPING = _METADATA | {"extract_columns", "extract_fields", "unpack_fields", "check_output"}
_HIDE = "hamilton_exclude"
_CACHES = frozenset({"functools.cache", "functools.lru_cache"})
_LEFT_OUT = _CACHES | {_HIDE}
_PLAIN = _GENERATORS | _EXPANDERS | _METADATA | _LEFT_OUT
UNDERSTOOD = frozenset({*_GENERATORS, *_EXPANDERS, *_METADATA, *TRANSFORMS, "load_from", "config.when", _HIDE})
"""The decorators whose nodes are known, by their names below `hamilton.function_modifiers`."""


class Expansion(NamedTuple):
    """The nodes of a function under a config, and the parameters whose type is missing ('return' for the result)."""

    nodes: tuple[Draft, ...] = ()
    untyped: tuple[str, ...] = ()


def expand(function: Function, config: Config) -> Expansion:
    """Return what becomes of a function under a config; raises UndecidedError."""
    _refuse_foreign(function)
    name = resolved_name(function, config)
    if name is None:
        return Expansion()
    _refuse_unknown(function)
    nodes = _generate(function, name)
    for decorator in function.decorators:
        if decorator.name.startswith("load_from."):
            nodes = inject_load(decorator, nodes, name)
    nodes = _expand(function, nodes)
    for decorator in function.decorators:
        if transform := _transform(decorator):
            nodes = transform(decorator, nodes)
    _refuse_twins(function, nodes)
    return Expansion(tuple(nodes), _untyped(function))


def conditions_of(function: Function) -> tuple[Condition, ...]:
    """Return the conditions under which a function counts; raises UndecidedError."""
    return tuple(read_condition(decorator) for decorator in function.decorators if is_condition(decorator))


def resolved_name(function: Function, config: Config) -> str | None:
    """Return the name of a function's node under a config, or None when the config leaves it out."""
    if any(decorator.name in _LEFT_OUT for decorator in function.decorators):
        return None
    conditions = conditions_of(function)
    undecided: UndecidedError | None = None
    for condition in conditions:
        try:
            if not holds(condition, config):
                return None
        except UndecidedError as error:
            undecided = error
    if undecided:
        raise undecided
    return target_name(function, conditions) if conditions else function.name


def keeps_types(function: Function) -> bool:
    """Tell whether the node of a function has its type, and wants its parameters by their names and types."""
    return all(decorator.name in _KEEPING or is_condition(decorator) for decorator in function.decorators)


def _refuse_foreign(function: Function) -> None:
    for decorator in function.decorators:
        if not decorator.name:
            raise UndecidedError(f"`@{decorator.text}` is not one of Hamilton's decorators")


def _refuse_unknown(function: Function) -> None:
    for decorator in function.decorators:
        if not _is_known(decorator):
            raise UndecidedError(f"`@{decorator.text}` makes nodes that only running the code can tell")
        if decorator.called == (decorator.name == _HIDE) and decorator.name not in _CACHES:
            raise UndecidedError(f"`@{decorator.text}` is called in a way that Hamilton does not know")


def _is_known(decorator: Decorator) -> bool:
    name = decorator.name
    return (
        name in _PLAIN or is_condition(decorator) or _transform(decorator) is not None or name.startswith("load_from.")
    )


def _transform(decorator: Decorator) -> Callable[[Decorator, Sequence[Draft]], list[Draft]] | None:
    return TRANSFORMS.get("save_to" if decorator.name.startswith("save_to.") else decorator.name)


def _generate(function: Function, name: str) -> list[Draft]:
    needs: Mapping[str, bool | None] = {parameter.name: not parameter.has_default for parameter in function.parameters}
    generators = [decorator for decorator in function.decorators if decorator.name in _GENERATORS]
    if len(generators) > 1:
        raise UndecidedError(f"`@{generators[1].text}` beside `@{generators[0].text}`")
    if generators and generators[0].name == "dataloader":
        return [Draft(f"{name}.loader", needs), Draft(name, {f"{name}.loader": True})]
    return [Draft(name, needs)]


def _expand(function: Function, nodes: list[Draft]) -> list[Draft]:
    expanders = [decorator for decorator in function.decorators if decorator.name in _EXPANDERS]
    if not expanders:
        return nodes
    if len(expanders) > 1 or len(nodes) != 1:
        raise UndecidedError(f"`@{expanders[-1].text}` on more than one node")
    return expand_node(expanders[0], nodes[0], [parameter.name for parameter in function.parameters])


def _untyped(function: Function) -> tuple[str, ...]:
    found = [parameter.name for parameter in function.parameters if parameter.annotation is None]
    return (*found, "return") if function.returns is None else tuple(found)


def _refuse_twins(function: Function, nodes: Sequence[Draft]) -> None:
    seen: set[str] = set()
    for node in nodes:
        if node.name in seen:
            raise UndecidedError(f"'{function.name}' would make the node '{node.name}' twice")
        seen.add(node.name)
