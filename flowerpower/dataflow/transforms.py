"""What Hamilton's decorators make of nodes: each a function from drafts to drafts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from flowerpower.dataflow.conditions import UndecidedError
from flowerpower.dataflow.modules import Bound, Decorator, Extract, Group, Source, Unread

_VALIDATORS = frozenset(
    {
        "range",
        "values_in",
        "max_fraction_nans",
        "allow_nans",
        "data_type",
        "max_standard_dev",
        "mean_in_range",
        "allow_none",
        "contains",
        "does_not_contain",
        "schema",
    }
)
_OWN_NAME = "__<the function's own name>"


class Draft(NamedTuple):
    """A node on its way: its name, and what it needs; True for required, None where only the adapter knows."""

    name: str
    needs: Mapping[str, bool | None]


def expand_node(decorator: Decorator, node: Draft, parameters: Sequence[str]) -> list[Draft]:
    """Return the nodes of the `parameterize` family."""
    if decorator.name == "parameterize_extract_columns":
        return list(_parameterized_extracts(decorator, node))
    found = []
    for name, mapping in _parameterizations(decorator):
        if unknown := [parameter for parameter in mapping if parameter not in parameters]:
            raise UndecidedError(f"`@{decorator.text}` names '{unknown[0]}', which is no parameter of the function")
        found.append(_reassigned(decorator, node, node.name if name == _OWN_NAME else name, mapping))
    return found


def inject_load(decorator: Decorator, nodes: Sequence[Draft], function: str) -> list[Draft]:
    """Return the nodes when one parameter is filled by `@load_from`."""
    keywords = dict(decorator.keywords)
    wanted = keywords.pop("inject_", None)
    names = {node.name for node in nodes}
    open_parameters = list(dict.fromkeys(need for node in nodes for need in node.needs if need not in names))
    if wanted is None and len(open_parameters) == 1:
        wanted = open_parameters[0]
    if not isinstance(wanted, str) or wanted not in open_parameters:
        raise UndecidedError(f"`@{decorator.text}` does not say which parameter it fills")
    loader, selected = f"{function}.load_data.{wanted}", f"{function}.select_data.{wanted}"
    found = [
        Draft(node.name, {selected if need == wanted else need: how for need, how in node.needs.items()})
        for node in nodes
    ]
    return [*found, Draft(loader, _adapter_needs(decorator, keywords)), Draft(selected, {loader: True})]


def _adapter_needs(decorator: Decorator, keywords: Mapping[str, object]) -> dict[str, bool | None]:
    if decorator.arguments or any(isinstance(value, Unread | Group | Extract) for value in keywords.values()):
        raise UndecidedError(f"the arguments of `@{decorator.text}` are not written out")
    return {value.node: None for value in keywords.values() if isinstance(value, Source)}


def _parameterizations(decorator: Decorator) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the name and the arguments of each node; a plain value is `Bound`."""
    if decorator.arguments and decorator.name != "parameterize_values":
        raise UndecidedError(f"the arguments of `@{decorator.text}`")
    if decorator.name == "inject":
        _refuse_spread(decorator)
        yield _OWN_NAME, dict(decorator.keywords)
    elif decorator.name == "parameterize_values":
        yield from _by_values(decorator)
    else:
        for name, value in decorator.keywords:
            mapping = value[0] if isinstance(value, tuple) and len(value) == 2 else value
            if name == "**" or not isinstance(mapping, dict):
                raise UndecidedError(f"the nodes of `@{decorator.text}` are not written out")
            yield name, _as_sources(decorator, mapping) if decorator.name == "parameterize_sources" else mapping


def _as_sources(decorator: Decorator, mapping: Mapping[str, object]) -> dict[str, object]:
    if not mapping or not all(isinstance(value, str | Source) for value in mapping.values()):
        raise UndecidedError(f"the nodes of `@{decorator.text}` are not written out")
    return {name: Source(value) if isinstance(value, str) else value for name, value in mapping.items()}


def _by_values(decorator: Decorator) -> Iterator[tuple[str, Mapping[str, object]]]:
    given = dict(zip(("parameter", "assigned_output"), decorator.arguments, strict=False)) | dict(decorator.keywords)
    match given:
        case {"parameter": str(parameter), "assigned_output": dict(outputs), **rest} if not rest:
            for key in outputs:
                if not (isinstance(key, tuple) and len(key) == 2 and isinstance(key[0], str)):
                    raise UndecidedError(f"the outputs of `@{decorator.text}`")
                yield key[0], {parameter: Bound()}
        case _:
            raise UndecidedError(f"the outputs of `@{decorator.text}` are not written out")


def _reassigned(decorator: Decorator, node: Draft, name: str, mapping: Mapping[str, object]) -> Draft:
    needs: dict[str, bool | None] = {}
    for need, how in node.needs.items():
        match mapping.get(need):
            case None if need not in mapping:
                needs[need] = how
            case Source(node=source):
                needs[source] = how
            case Group(members=members):
                needs |= dict.fromkeys(_sources(decorator, members), how)
            case Bound():
                pass
            case _:
                raise UndecidedError(f"the argument '{need}' of `@{decorator.text}` is not written out")
    return Draft(name, needs)


def _sources(decorator: Decorator, members: Sequence[object]) -> Iterator[str]:
    for member in members:
        if isinstance(member, Source):
            yield member.node
        elif not isinstance(member, Bound):
            raise UndecidedError(f"a group of `@{decorator.text}` is not written out")


def _parameterized_extracts(decorator: Decorator, node: Draft) -> Iterator[Draft]:
    for name, _ in decorator.keywords:
        if name != "reassign_columns":
            raise UndecidedError(f"the arguments of `@{decorator.text}` are not written out")
    for position, extract in enumerate(decorator.arguments):
        if not isinstance(extract, Extract) or not isinstance(extract.mapping, dict):
            raise UndecidedError(f"the arguments of `@{decorator.text}` are not written out")
        name = f"{node.name}__{position}"
        yield _reassigned(decorator, node, name, extract.mapping)
        columns = extract.columns if isinstance(extract.columns, tuple | list) else ()
        yield from (Draft(column, {name: True}) for column in _names(decorator, columns))


def _names(decorator: Decorator, values: Sequence[object]) -> list[str]:
    """Return the names among the arguments, which may be pairs of name and documentation."""
    names = [value[0] if isinstance(value, tuple) and len(value) == 2 else value for value in values]
    if not names or not all(isinstance(name, str) for name in names):
        raise UndecidedError(f"the names in `@{decorator.text}` are not written out")
    return [name for name in names if isinstance(name, str)]


def _extract_columns(decorator: Decorator, nodes: Sequence[Draft]) -> list[Draft]:
    _allow_only(decorator, "fill_with")
    return _extracted(decorator, nodes, _names(decorator, decorator.arguments))


def _extract_fields(decorator: Decorator, nodes: Sequence[Draft]) -> list[Draft]:
    _allow_only(decorator, "fill_with", "fields")
    match (*decorator.arguments, *(value for name, value in decorator.keywords if name == "fields")):
        case dict() as fields, *_:
            values: Sequence[object] = list(fields)
        case list() as fields, *others:
            values = [*fields, *others]
        case given:
            values = given
    if not all(isinstance(value, str) for value in values):
        raise UndecidedError(f"the names in `@{decorator.text}` are not written out")
    return _extracted(decorator, nodes, _names(decorator, values))


def _unpack_fields(decorator: Decorator, nodes: Sequence[Draft]) -> list[Draft]:
    _allow_only(decorator)
    if not all(isinstance(value, str) for value in decorator.arguments):
        raise UndecidedError(f"the names in `@{decorator.text}` are not written out")
    return _extracted(decorator, nodes, _names(decorator, decorator.arguments))


def _extracted(decorator: Decorator, nodes: Sequence[Draft], names: Sequence[str]) -> list[Draft]:
    (target,) = _targets(decorator, nodes, None, single=True)
    rest = [node for node in nodes if node is not target]
    return [*rest, target, *(Draft(name, {target.name: True}) for name in names)]


def _check_output(decorator: Decorator, nodes: Sequence[Draft]) -> list[Draft]:
    keywords = dict(decorator.keywords)
    target = keywords.pop("target_", None)
    keywords.pop("importance", None)
    if len(decorator.arguments) > 1 or not keywords.keys() <= _VALIDATORS:
        raise UndecidedError(f"the checks of `@{decorator.text}` are not Hamilton's own")
    checks = ["pandera_schema_validator" if name == "schema" else f"{name}_validator" for name in keywords]
    targets = _targets(decorator, nodes, target)
    found = [node for node in nodes if node not in targets]
    for node in targets:
        raw = f"{node.name}_raw"
        results = [f"{node.name}_{check}" for check in checks]
        found += [Draft(result, {raw: True}) for result in results]
        found += [Draft(node.name, {raw: True, **dict.fromkeys(results, True)}), Draft(raw, node.needs)]
    return found


def _save_to(decorator: Decorator, nodes: Sequence[Draft]) -> list[Draft]:
    keywords = dict(decorator.keywords)
    target, artifact = keywords.pop("target_", None), keywords.pop("output_name_", None)
    if not all(value is None or isinstance(value, str) for value in (target, artifact)):
        raise UndecidedError(f"the names in `@{decorator.text}` are not written out")
    (saved,) = _targets(decorator, nodes, target, single=True)
    rest = [node for node in nodes if node is not saved]
    needs = {**_adapter_needs(decorator, keywords), saved.name: True}
    return [*rest, Draft(str(artifact or f"save.{saved.name}"), needs), saved]


def _targets(decorator: Decorator, nodes: Sequence[Draft], target: object, *, single: bool = False) -> Sequence[Draft]:
    """Return the nodes that a decorator works on: without a target, those that no other node of them needs."""
    needed = {need for node in nodes for need in node.needs}
    least = 0
    match target:
        case None:
            found = [node for node in nodes if node.name not in needed]
        case str():
            found, least = [node for node in nodes if node.name == target], 1
        case list() | tuple() | set() if all(isinstance(name, str) for name in target):
            found, least = [node for node in nodes if node.name in target], len(target)
        case _ if target is ...:
            found = list(nodes)
        case _:
            found, least = [], 1
    if len(found) < least or (single and len(found) != 1):
        raise UndecidedError(f"`@{decorator.text}` does not fit the nodes below it")
    return found


def _allow_only(decorator: Decorator, *names: str) -> None:
    if any(name not in names for name, _ in decorator.keywords) or not (decorator.arguments or decorator.keywords):
        raise UndecidedError(f"the arguments of `@{decorator.text}` are not written out")


def _refuse_spread(decorator: Decorator) -> None:
    if any(name == "**" for name, _ in decorator.keywords):
        raise UndecidedError(f"the arguments of `@{decorator.text}` are not written out")


TRANSFORMS: Mapping[str, Callable[[Decorator, Sequence[Draft]], list[Draft]]] = {
    "extract_columns": _extract_columns,
    "extract_fields": _extract_fields,
    "unpack_fields": _unpack_fields,
    "check_output": _check_output,
    "save_to": _save_to,
}
